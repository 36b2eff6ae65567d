"""Putting the stand-in where Python looks for ``flask_login``, and taking it away again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FunctionType, ModuleType

from ..errors import SetupError

NAME = "flask_login"

#: A folder with no other package than that one, so that it can also be an entry of ``PYTHONPATH``.
FOLDER = Path(__file__).resolve().parent / "standin"


class _Finder(MetaPathFinder):
    """Finds the package; its modules are then found in it, as in any other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(NAME, [str(FOLDER)]) if fullname == NAME else None


_finder = _Finder()


def install_as_flask_login() -> None:
    """Let every ``import flask_login`` from now on get this package's stand-in.

    Call it first, before anything imports ``flask_login``: at the top of the program's entry point. To call it twice
    does no harm.

    :raises SetupError: if Flask-Login itself has been imported; then nothing has changed.
    """
    for name, module in _modules():
        if not _is_ours(module):
            holders = ", ".join(_holders()) or "by nobody we know of"
            raise SetupError(
                f"{name} has been imported before: {holders};"
                " call install_as_flask_login() before anything imports flask_login"
            )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if sys.modules.get(NAME, _finder) is None:
        # So does a program block an import. This is who was to take the place.
        del sys.modules[NAME]
    try:
        import_module(NAME)
    except BaseException:
        sys.meta_path.remove(_finder)
        raise


def uninstall() -> None:
    """Take the stand-in away, for tests: the next ``import flask_login`` finds Flask-Login, if it is there.

    Who has imported it before keeps it.
    """
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name, module in _modules():
        if _is_ours(module):
            del sys.modules[name]


def _modules() -> list[tuple[str, ModuleType]]:
    # An entry may be None: that blocks the import, and is no module.
    return sorted(
        (name, module)
        for name, module in sys.modules.items()
        if (name == NAME or name.startswith(f"{NAME}.")) and module is not None
    )


def _is_ours(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and FOLDER in Path(file).resolve().parents


def _holders() -> Iterable[str]:
    """The packages that have imported something of it."""
    found = set()
    for name, module in list(sys.modules.items()):
        owner = name.partition(".")[0]
        if owner == NAME or not isinstance(module, ModuleType):
            continue
        if any(_home(thing).partition(".")[0] == NAME for thing in vars(module).copy().values()):
            found.add(f"by {owner}")
    return sorted(found)


def _home(thing: object) -> str:
    """The module where a class or function was made, or a module's own name; of what is neither, nothing."""
    # By type: isinstance() would ask other people's proxies.
    kind = type(thing)
    name = "__name__" if issubclass(kind, ModuleType) else "__module__"
    home = getattr(thing, name, None) if issubclass(kind, (ModuleType, type, FunctionType)) else None
    return home if isinstance(home, str) else ""
