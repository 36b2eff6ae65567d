"""The stand-in for ``flask_login``, in the place of the real one for as long as a test runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import flask_login
import pytest
from flask import Flask, g
from scene import KEY, User, Users

from flask_sessionauth.compat import install_as_flask_login, uninstall


def is_part(name: str) -> bool:
    return name.partition(".")[0] == "flask_login"


@pytest.fixture
def without_real() -> Iterator[None]:
    """No ``flask_login`` has been imported."""
    real = {name: module for name, module in sys.modules.items() if is_part(name)}
    for name in real:
        del sys.modules[name]
    yield
    uninstall()
    for name in [name for name in sys.modules if is_part(name)]:
        del sys.modules[name]
    sys.modules.update(real)


@pytest.fixture
def standin(without_real: None) -> ModuleType:
    """What a program gets that imports ``flask_login``."""
    install_as_flask_login()
    return sys.modules["flask_login"]


@pytest.fixture(params=["real", "standin"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """What a program gets that imports ``flask_login``: Flask-Login itself, or the stand-in."""
    if request.param == "standin":
        standin: ModuleType = request.getfixturevalue("standin")
        return standin
    return flask_login


@pytest.fixture
def make_program(library: ModuleType, users: Users) -> Callable[..., Flask]:
    """Makes a program written for Flask-Login."""
    return partial(program_on, library, users)


@pytest.fixture
def program(make_program: Callable[..., Flask]) -> Flask:
    return make_program()


def program_on(login: ModuleType, users: Users, manager: Any = None, **config: Any) -> Flask:
    app = Flask("program")
    app.config.update({"SECRET_KEY": KEY, "TESTING": True, **config})
    manager = login.LoginManager() if manager is None else manager
    manager.init_app(app)
    manager.user_loader(users.load)
    add_views(app, login, users)
    return app


def name_of(user: Any) -> str:
    return user.name if isinstance(user, User) else "nobody"


def add_views(app: Flask, login: ModuleType, users: Users) -> None:
    @app.route("/login/<user_id>")
    def log_in(user_id: str) -> str:
        login.login_user(users[user_id])
        return name_of(g._login_user)

    @app.route("/remember/<user_id>")
    def remember(user_id: str) -> str:
        login.login_user(users[user_id], remember=True)
        return name_of(g._login_user)

    @app.route("/logout")
    def log_out() -> str:
        login.logout_user()
        return name_of(g._login_user)

    @app.route("/who")
    def who() -> str:
        return name_of(login.current_user._get_current_object())

    @app.route("/private")
    @login.login_required
    def private() -> str:
        return name_of(login.current_user._get_current_object())

    @app.route("/fresh")
    @login.fresh_login_required
    def fresh() -> str:
        return "fresh"

    @app.route("/public")
    def public() -> str:
        return "public"
