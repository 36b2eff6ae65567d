"""What Flask-Login has and ours has not: each row of the page, on both libraries."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

import pytest
from compat.twins import Maker, error_of, row, user_of
from flask import Flask, g, session
from scene import Users


@pytest.mark.filterwarnings("ignore:.*deprecated and will be removed:DeprecationWarning")
@row("`header_loader`", theirs=[True, True, True], ours=[False, False, False])
def test_deprecated_names(make: Maker, expected: list[bool]) -> None:
    """Whether the names that Flask-Login has deprecated are there."""
    owners = [(make.library.LoginManager, "header_loader"), (make.library.LoginManager, "setup_app")]
    assert [hasattr(*name) for name in [*owners, (make.library, "user_loaded_from_header")]] == expected


@pytest.mark.filterwarnings("ignore:.*deprecated and will be removed:DeprecationWarning")
@row("`header_loader`", theirs="2", ours=None)
def test_header_loader(make: Maker, expected: Any, users: Users) -> None:
    """Who is recognised by the header that AUTH_HEADER_NAME names."""
    app = make(users, AUTH_HEADER_NAME="X-Key")
    if not make.is_ours:
        app.login_manager.header_loader(users.get)
    assert user_of(app.test_client(), headers={"X-Key": "2"}) == expected


@row("`g._login_user`", theirs="2", ours="1")
def test_user_written_to_g(make: Maker, expected: str, users: Users) -> None:
    """Who ada is for a view that has written bob to `g`."""
    app = make(users)

    @app.get("/as-bob")
    def as_bob() -> str:
        g._login_user = users["2"]
        return str(make.library.current_user.get_id())

    client = app.test_client()
    client.get("/in/1")
    assert client.get("/as-bob").text == expected


def keeps_g() -> bool:
    """Whether requests under a pushed app context share its `g`, as they do before Flask 3.2."""
    app = Flask("g")
    app.add_url_rule("/", "index", lambda: str("mark" in g))
    with app.app_context():
        g.mark = 1
        return app.test_client().get("/").text == "True"


@row("`g._login_user`", theirs="1" if keeps_g() else None, ours=None)
def test_pushed_app_context(make: Maker, expected: Any, users: Users) -> None:
    """Who a visitor is after ada, where a test suite, or a command, has pushed an app context for both."""
    app = make(users)
    ada, visitor = app.test_client(), app.test_client()
    with app.app_context():
        ada.get("/in/1")
        assert user_of(visitor) == expected


@row('`session["_remember"]`', theirs=True, ours=False)
def test_remember_by_the_session(make: Maker, expected: bool, users: Users) -> None:
    """Whether a view that writes these keys gives its user a remember cookie for the hour that it says."""
    app = make(users)

    @app.get("/by-hand")
    def by_hand() -> str:
        make.library.login_user(users["1"])
        session.update(_remember="set", _remember_seconds=3600)
        return ""

    client = app.test_client()
    client.get("/by-hand")
    cookie, soon = client.get_cookie("remember_token"), datetime.now(UTC) + timedelta(days=1)
    assert (cookie is not None and cookie.expires < soon) is expected


@pytest.mark.parametrize("module", ["utils", "config", "mixins", "login_manager", "test_client", "__about__"])
@row("the modules `flask_login.utils`", theirs=None, ours=ModuleNotFoundError)
def test_modules(make: Maker, expected: Any, module: str) -> None:
    """Whether a module of Flask-Login's can be imported."""
    assert error_of(partial(importlib.import_module, f"{make.library.__name__}.{module}")) is expected


PRIVATE = [
    "_load_user",
    "_login_disabled",
    "_request_callback",
    "_session_identifier_generator",
    "_update_remember_cookie",
    "_update_request_context_with_user",
    "_user_callback",
]


@row("the modules `flask_login.utils`", theirs=PRIVATE, ours=[])
def test_names_with_an_underscore(make: Maker, expected: list[str], users: Users) -> None:
    """Which of the manager's private names, that programs are known to use, are there."""
    manager = make(users).login_manager
    there = {*dir(manager)}
    assert [name for name in PRIVATE if name in there] == expected


@row("`flask_login.__version__`", theirs="Flask-Login", ours=None)
def test_version(make: Maker, expected: str | None) -> None:
    """The version as an attribute; of ours, only that of the installed package."""
    assert getattr(make.library, "__version__", None) == (expected and version(expected))
    assert version("flask-sessionauth")


@row("the `after_request` function", theirs=1, ours=0)
def test_functions_after_each_request(make: Maker, expected: int, users: Users) -> None:
    """How many functions the app calls after each request."""
    assert len(make(users).after_request_funcs.get(None, [])) == expected
