"""Finding a project's files, and writing one of them whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

_SKIPPED = frozenset({"__pycache__", "build", "node_modules", "site-packages"})
# Files that only an environment has at its root: venv's and virtualenv's, conda's.
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
_SOURCE = frozenset({".py", ".pyi"})
_REQUIREMENTS = re.compile(
    r"pyproject\.toml|setup\.cfg|tox\.ini|Pipfile|environment\.ya?ml|.*(requirements|constraints).*\.(txt|in)"
)


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """The files to look at, each once: those named, and in folders the sources and requirements.

    A folder's hidden folders, virtual environments, ``build`` and ``node_modules`` are left out, and so are links: what
    they lead to is found where it is, or is of another project. A path that is not there is given back like a file.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(here, name)))
        for name in sorted(files):
            file = Path(here, name)
            if (file.suffix in _SOURCE or is_requirements(file)) and not file.is_symlink():
                yield file


def _is_skipped(folder: Path) -> bool:
    return (
        folder.name.startswith(".") or folder.name in _SKIPPED or any((folder / name).exists() for name in _ENVIRONMENT)
    )


def is_requirements(file: Path) -> bool:
    """Whether a file says what a project needs, and is no Python."""
    folder = file.parent.name
    by_folder = file.suffix in {".txt", ".in"} and folder in {"requirements", "constraints"}
    return by_folder or _REQUIREMENTS.fullmatch(file.name) is not None


def difference(path: Path, old: str, new: str) -> str:
    """A unified diff of a file's text, with its own line endings."""
    return "".join(_with_ends(unified_diff(_lines(old), _lines(new), f"a/{path.as_posix()}", f"b/{path.as_posix()}")))


def _lines(text: str) -> list[str]:
    # `str.splitlines` would also end a line at a form feed, which is common in older sources.
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _with_ends(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def replace(path: Path, content: bytes) -> None:
    """Write a file anew: whoever reads it meanwhile, or after a crash, sees all of the old or all of the new content.

    Its permissions stay.

    :raises OSError: if it cannot be written; it is then as it was.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
