"""Putting the stand-in where Python looks for ``flask_login``, and taking it away again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from ..errors import SetupError

NAME = "flask_login"

#: A folder with a package of that name and nothing else, so that it can also be an entry of ``PYTHONPATH``.
FOLDER = Path(__file__).parent / "standin"


class _Finder(MetaPathFinder):
    """Finds the package; its modules are then found in it, as in any other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != NAME:
            return None
        package = FOLDER / NAME
        return spec_from_file_location(NAME, package / "__init__.py", submodule_search_locations=[str(package)])


_finder = _Finder()


def install_as_flask_login() -> None:
    """Let every ``import flask_login`` from now on get this package's stand-in.

    Call it first, before anything imports ``flask_login``: at the top of the program's entry point. To call it twice
    does no harm.

    :raises SetupError: if Flask-Login itself has been imported; then nothing has changed.
    """
    for name, module in _modules():
        if not _is_ours(module):
            holders = ", ".join(_holders()) or "nobody knows whom"
            raise SetupError(
                f"{name} has been imported before ({holders} has it);"
                " call install_as_flask_login() before anything imports flask_login"
            )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if sys.modules.get(NAME, _finder) is None:
        # So does a program block an import. This is who was to take the place.
        del sys.modules[NAME]
    import_module(NAME)


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
    return [
        (name, module)
        for name, module in sys.modules.items()
        if (name == NAME or name.startswith(f"{NAME}.")) and module is not None
    ]


def _is_ours(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and FOLDER in Path(file).parents


def _holders() -> Iterable[str]:
    """The packages that have imported something of it."""
    found = set()
    for name, module in list(sys.modules.items()):
        owner = name.partition(".")[0]
        if owner == NAME or not isinstance(module, ModuleType):
            continue
        if any(_home(thing).partition(".")[0] == NAME for thing in vars(module).copy().values()):
            found.add(owner)
    return sorted(found)


def _home(thing: object) -> str:
    """The module where a class or function was made, or a module itself."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    home = thing.__module__ if isinstance(thing, type) or (callable(thing) and hasattr(type(thing), "__code__")) else ""
    return home if isinstance(home, str) else ""
