"""What is different from Flask-Login about settings and errors: each row of the page, on both libraries."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import pytest
from compat.twins import Maker, error_of, row
from flask import Flask
from scene import User, Users, remember_cookie

import flask_sessionauth
from flask_sessionauth import ConfigurationError, SessionAuthError, SetupError, errors
from flask_sessionauth.registry import MemoryRegistry
from flask_sessionauth.testing import FlaskLoginClient


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("REMEMBER_COOKIE_SECUR", True),
        ("COOKIE_REMEMBER_NAME", "me"),
        ("SESSION_PROTECTON", "strong"),
        ("REMEMBER_COOKIE_HTTPONLY", "no"),
        ("USE_SESSION_FOR_NEXT", "off"),
    ],
)
@row("A misspelt setting", theirs=None, ours=ConfigurationError)
def test_wrong_settings(make: Maker, expected: Any, users: Users, key: str, value: Any) -> None:
    """The error for a setting that is misspelt, or of a wrong type, at init_app."""
    assert error_of(partial(make, users, **{key: value})) is expected


@row("A misspelt setting", theirs=(None, Exception), ours=(ConfigurationError, None))
def test_when_a_wrong_setting_is_an_error(make: Maker, expected: Any, users: Users) -> None:
    """The error at init_app, and, where there is none, at the first login that the setting matters to."""
    start = partial(make, users, REMEMBER_COOKIE_DURATION="a year")
    at_start, at_login = error_of(start), None
    if at_start is None:
        at_login = error_of(partial(start().test_client().get, "/in/1?remember"))
    assert (at_start, at_login) == expected


@row("A misspelt setting", theirs=(None, Exception), ours=(ConfigurationError, ConfigurationError))
def test_wrong_duration(make: Maker, expected: Any, users: Users) -> None:
    """The error for a duration that is none, where it does not matter, and where it does."""
    with make(users).test_request_context():
        log_in = partial(make.library.login_user, users["1"], duration="a year")
        assert (error_of(log_in), error_of(partial(log_in, remember=True))) == expected


@row("Errors are `SetupError`", theirs=Exception, ours=SetupError)
def test_error_for_a_missing_loader(make: Maker, expected: Any) -> None:
    """The error where the manager has no loader."""
    app = Flask("twin")
    app.secret_key = "key"
    make.library.LoginManager(app)
    with app.test_request_context():
        assert error_of(lambda: make.library.current_user.is_active) is expected


@row("Errors are `SetupError`", ours=SessionAuthError)
def test_errors_have_one_root(make: Maker, expected: Any) -> None:
    """Each error of ours is a SessionAuthError."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    assert all(issubclass(kind, (expected, Warning)) for kind in kinds)


@row("`COOKIE_SECURE` is `None`", theirs=(False, None), ours=(None, "Lax"))
def test_constants(make: Maker, expected: Any) -> None:
    """The constants, of which Flask-Login has one in a module of its own only."""
    config = make.library if make.is_ours else importlib.import_module("flask_login.config")
    constants = (config.COOKIE_SECURE, config.COOKIE_SAMESITE)
    assert constants == expected


@row("`encode_cookie` makes no", theirs=True, ours=False)
def test_encode_cookie(make: Maker, expected: bool, users: Users) -> None:
    """Whether what it makes is a remember cookie as a login makes it; either is decoded."""
    app, library = make(users), make.library
    client = app.test_client()
    client.get("/in/1?remember")
    cookie = remember_cookie(client)
    with app.app_context():
        assert (library.encode_cookie("1") == cookie) is expected
        for either in (cookie, library.encode_cookie("1")):
            assert library.decode_cookie(either) == "1"


@row("`encode_cookie` makes no", ours=None)
def test_decode_cookie_of_a_registry(make: Maker, expected: Any, users: Users) -> None:
    """What is decoded of the remember cookie of a registry."""
    app = make(users)
    app.login_manager.registry = MemoryRegistry()
    client = app.test_client()
    client.get("/in/1?remember")
    with app.app_context():
        assert flask_sessionauth.decode_cookie(remember_cookie(client)) is expected


@row("`FlaskLoginClient` logs in", theirs=(401, 0), ours=(200, 1))
def test_test_client(make: Maker, expected: Any, users: Users) -> None:
    """Whether its fresh login passes as one, and how often user_logged_in was sent."""
    app, heard = make(users), []

    def hear(sender: Flask, user: User) -> None:
        heard.append(user)

    app.test_client_class = FlaskLoginClient if make.is_ours else make.library.FlaskLoginClient
    with make.library.user_logged_in.connected_to(hear, app):
        client = app.test_client(user=users["1"], fresh_login=True)
    assert (client.get("/fresh").status_code, len(heard)) == expected
