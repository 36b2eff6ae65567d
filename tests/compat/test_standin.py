"""The stand-in as a package of modules: its names, how it is installed, and how it is taken away."""

from __future__ import annotations

import importlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import flask_login as real
import flask_login.config
import flask_login.login_manager
import flask_login.mixins
import flask_login.signals
import flask_login.test_client
import flask_login.utils
import pytest
from blinker import NamedSignal
from scene import Users
from werkzeug.local import LocalProxy

import flask_sessionauth
from flask_sessionauth import SetupError
from flask_sessionauth.compat import install_as_flask_login, uninstall

from .conftest import program_on

MODULES = {
    "": real,
    ".config": real.config,
    ".login_manager": real.login_manager,
    ".mixins": real.mixins,
    ".signals": real.signals,
    ".test_client": real.test_client,
    ".utils": real.utils,
    ".__about__": real.__about__,
}
# The modules' own.
BUILT_IN = {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__file__", "__cached__", "__builtins__"}
# Read from a header that anybody can send, which we never do.
LEFT_OUT = {"_get_remote_addr", "_signals"}


def own_names(module: ModuleType) -> list[str]:
    """What a module of Flask-Login defines; of the package itself, what it passes on."""
    if module is real:
        return [*real.__all__]
    return [
        name
        for name, thing in vars(module).items()
        if name not in LEFT_OUT | BUILT_IN
        and not (name.startswith("__") and module is not real.__about__)
        and getattr(thing, "__module__", module.__name__) == module.__name__
        and not isinstance(thing, ModuleType)
        and not (hasattr(thing, "_get_current_object") and name != "current_user")
        and not (module is real.login_manager and not inspect.isclass(thing))
    ]


NAMES = [(module, name) for module, found in MODULES.items() for name in own_names(found)]
# What programs and tests read and patch there.
NAMES += [(".login_manager", "datetime"), (".utils", "current_user")]
NAMES += [(".login_manager", name) for name in ("redirect", "flash", "abort", "request", "session", "make_login_url")]
NAMES += [(".utils", name) for name in ("request", "session", "g", "url_for", "current_app", "LocalProxy")]
NAMES += [(".signals", name) for name, thing in vars(real.signals).items() if isinstance(thing, NamedSignal)]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_names(standin: ModuleType, module: str, name: str) -> None:
    """Whatever a module of Flask-Login has, the stand-in's has, under the same name and of the same kind."""
    ours, theirs = getattr(importlib.import_module(f"flask_login{module}"), name), getattr(MODULES[module], name)
    if not isinstance(theirs, LocalProxy) and inspect.isfunction(theirs):
        parameters = list(inspect.signature(theirs).parameters.values())
        mine = list(inspect.signature(ours).parameters.values())
        assert [(p.name, p.default) for p in mine[: len(parameters)]] == [(p.name, p.default) for p in parameters]
    elif isinstance(theirs, type):
        assert isinstance(ours, type)


def test_methods_of_the_manager(standin: ModuleType) -> None:
    """Whatever Flask-Login's manager has, public or not, the stand-in's has, with the same arguments."""
    theirs, ours = real.LoginManager(), standin.LoginManager()
    assert set(dir(theirs)) - set(dir(ours)) == set()
    for name, method in inspect.getmembers(real.LoginManager, inspect.isfunction):
        parameters = list(inspect.signature(method).parameters)
        assert list(inspect.signature(getattr(standin.LoginManager, name)).parameters)[: len(parameters)] == parameters


@pytest.mark.parametrize("name", ["UserMixin", "AnonymousUserMixin"])
def test_classes_are_ours(standin: ModuleType, name: str) -> None:
    """A user of the one package is a user of the other: the classes are the same."""
    assert getattr(standin, name) is getattr(flask_sessionauth, name)
    assert getattr(sys.modules["flask_login.mixins"], name) is getattr(flask_sessionauth, name)


def test_signals_and_methods_are_ours(standin: ModuleType) -> None:
    """A receiver of a signal of the one package hears the other; the exempt methods are one set."""
    assert standin.user_logged_in is flask_sessionauth.user_logged_in
    config = importlib.import_module("flask_login.config")
    assert config.EXEMPT_METHODS is flask_sessionauth.EXEMPT_METHODS


def test_session_keys(standin: ModuleType) -> None:
    """The keys that a program purges are Flask-Login's, and ours."""
    config = importlib.import_module("flask_login.config")
    assert real.config.SESSION_KEYS | {"_registry"} == config.SESSION_KEYS


def test_star(standin: ModuleType) -> None:
    """``import *`` brings all of Flask-Login's names."""
    found: dict[str, Any] = {}
    exec("from flask_login import *", found)  # noqa: S102
    assert set(real.__all__) <= set(found)
    assert found["current_user"] is standin.current_user


SUBMODULES = [module for module in MODULES if module]
ANY_ORDER = """
import itertools, sys
from flask_sessionauth.compat import install_as_flask_login, uninstall
for first, second in itertools.permutations({names!r}, 2):
    install_as_flask_login()
    for name in [name for name in sys.modules if name.partition(".")[0] == "flask_login"]:
        del sys.modules[name]
    for name in (first, second):
        __import__("flask_login" + name)
        assert sys.modules["flask_login" + name].__name__ == "flask_login" + name
    uninstall()
"""


def test_any_order() -> None:
    """The modules can be imported in any order."""
    subprocess.run([sys.executable, "-c", ANY_ORDER.format(names=SUBMODULES)], check=True)


def test_reload(standin: ModuleType) -> None:
    """Each module can be reloaded, and is found where it was."""
    for name in ["flask_login", *(f"flask_login{module}" for module in SUBMODULES)]:
        module = sys.modules[name]
        where = module.__file__
        assert importlib.reload(module) is module
        assert module.__file__ == where
    assert sys.modules["flask_login"].__version__ == real.__version__


def test_manager_after_reload(standin: ModuleType, users: Users) -> None:
    """A manager that was made before a reload goes on as it was."""
    app = program_on(standin, users)
    for name in ("utils", "login_manager"):
        importlib.reload(sys.modules[f"flask_login.{name}"])
    client = app.test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"
    app.login_manager._header_callback = users.get  # type: ignore[attr-defined]
    assert app.test_client().get("/private", headers={"Authorization": "2"}).text == "bob"


def test_pickle(standin: ModuleType) -> None:
    """Classes are pickled by the names they have."""
    for name in ("LoginManager", "UserMixin", "AnonymousUserMixin", "FlaskLoginClient"):
        thing = getattr(standin, name)
        assert pickle.loads(pickle.dumps(thing)) is thing  # noqa: S301
    assert standin.LoginManager.__module__ == "flask_login.login_manager"
    nobody = pickle.loads(pickle.dumps(standin.AnonymousUserMixin()))  # noqa: S301
    assert isinstance(nobody, flask_sessionauth.AnonymousUserMixin)


def test_twice(standin: ModuleType) -> None:
    """To install it twice does no harm."""
    install_as_flask_login()
    assert sys.modules["flask_login"] is standin


def test_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Flask-Login itself was imported before, the stand-in is refused, who has it is named, nothing changes."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("flask_login")}
    meta_path = [*sys.meta_path]
    # A module that holds something of it.
    holder = ModuleType("a_holder")
    holder.LoginManager = real.LoginManager  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_holder", holder)
    with pytest.raises(SetupError, match=r"^flask_login has been imported before: .*by a_holder") as caught:
        install_as_flask_login()
    assert "call install_as_flask_login() before" in str(caught.value)
    assert {name: module for name, module in sys.modules.items() if name.startswith("flask_login")} == before
    assert sys.meta_path == meta_path


def test_too_late_for_a_part(without_real: None) -> None:
    """A submodule of Flask-Login alone is too late, too."""
    sys.modules["flask_login.utils"] = real.utils
    with pytest.raises(SetupError, match=r"flask_login\.utils has been imported before"):
        install_as_flask_login()


def test_holders_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """To say who has imported Flask-Login asks no proxy of anybody's."""
    holder = ModuleType("a_holder")
    holder.broken = LocalProxy(lambda: {}["nothing"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_holder", holder)
    with pytest.raises(SetupError):
        install_as_flask_login()


IN_A_ZIP = """
import sys
sys.path.insert(0, {archive!r})
from flask_sessionauth.compat import install_as_flask_login
install_as_flask_login()
import flask_login.utils
assert flask_login.__file__.startswith({archive!r}), flask_login.__file__
"""


def test_zipped(tmp_path: Path) -> None:
    """It works from a zipped package, too."""
    package = Path(flask_sessionauth.__file__).parent
    archive = tmp_path / "package.zip"
    with ZipFile(archive, "w") as content:
        for file in package.rglob("*.py"):
            content.write(file, Path(package.name, file.relative_to(package)))
    subprocess.run([sys.executable, "-c", IN_A_ZIP.format(archive=str(archive))], check=True, cwd=tmp_path)


def test_failing_import(without_real: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stand-in cannot be imported, nothing is left of it."""
    monkeypatch.setitem(sys.modules, "flask_login.config", None)
    meta_path = [*sys.meta_path]
    with pytest.raises(ImportError):
        install_as_flask_login()
    assert sys.meta_path == meta_path


def test_blocked(without_real: None) -> None:
    """Where an import is blocked, as tests do it, the stand-in takes the place."""
    sys.modules["flask_login"] = None  # type: ignore[assignment]
    install_as_flask_login()
    assert sys.modules["flask_login"].LoginManager is not real.LoginManager


def test_uninstall(standin: ModuleType) -> None:
    """Without it, the next import finds Flask-Login; who has imported the stand-in keeps it."""
    uninstall()
    assert "flask_login" not in sys.modules
    found = importlib.import_module("flask_login")
    assert found is not standin
    assert "standin" not in str(found.__file__)
    assert standin.login_user is not found.login_user
    with pytest.warns(DeprecationWarning, match="user_loaded_from_header"):
        assert standin.user_loaded_from_header is not found.signals._user_loaded_from_header
    uninstall()
    assert sys.modules["flask_login"] is found


@pytest.mark.parametrize(
    ("module", "name"), [("flask_login", "user_loaded_from_header"), ("flask_login.signals", "user_loaded_from_header")]
)
def test_deprecated_signal(standin: ModuleType, module: str, name: str) -> None:
    """The deprecated signal is there for those who ask for it."""
    with pytest.warns(DeprecationWarning, match="use user_loaded_from_request"):
        signal = getattr(sys.modules[module], name)
    assert signal.name == "loaded-from-header"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sys.modules[module].nothing


def test_core_does_not_know() -> None:
    """The package itself imports nothing of this."""
    code = "import sys, flask_sessionauth; sys.exit(any('compat' in n for n in sys.modules if n.startswith('flask_s')))"
    subprocess.run([sys.executable, "-c", code], check=True)
