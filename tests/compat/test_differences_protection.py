"""What is different from Flask-Login about session protection: each row of the page, on both libraries."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from compat.twins import Maker, content_of, error_of, row, user_of
from flask import Flask
from scene import Users, remember_cookie
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_sessionauth import ConfigurationError

HOME = {"REMOTE_ADDR": "192.0.2.1"}
AWAY = {"REMOTE_ADDR": "198.51.100.7"}
BOUND_TO_ADDRESS = {"SESSION_PROTECTION_BIND": ("user_agent", "ip")}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}) Gecko/20100101 Firefox/{0}"


def is_fresh(client: Any, **request: Any) -> Any:
    return client.get("/who", **request).json["fresh"]


@row("It does not look at the address", theirs=False, ours=True, switch=BOUND_TO_ADDRESS)
def test_another_address(make: Maker, expected: bool, users: Users) -> None:
    """Whether a login is still fresh at another address."""
    client = make(users).test_client()
    client.get("/in/1", environ_base=HOME)
    assert is_fresh(client, environ_base=HOME)
    assert is_fresh(client, environ_base=AWAY) is expected


@row("Versions in the user agent", theirs=False, ours=True)
def test_another_version(make: Maker, expected: bool, users: Users) -> None:
    """Whether a login is still fresh when the browser has been updated."""
    client = make(users).test_client()
    client.get("/in/1", headers={"User-Agent": FIREFOX.format("131.0")})
    assert is_fresh(client, headers={"User-Agent": FIREFOX.format("132.0")}) is expected


def behind_a_proxy(app: Flask) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)


@row("`X-Forwarded-For` is never read", theirs=True, ours=False, switch=behind_a_proxy)
def test_header_that_anybody_can_send(make: Maker, expected: bool, users: Users) -> None:
    """Whether a stolen session is fresh for a thief who says in a header that the address is its owner's."""
    client = make(users, **BOUND_TO_ADDRESS).test_client()
    client.get("/in/1", environ_base=HOME)
    claim = {"X-Forwarded-For": HOME["REMOTE_ADDR"]}
    assert is_fresh(client, environ_base=AWAY, headers=claim) is expected


@row("A visitor's session is left alone", theirs={"cart": "apples", "_fresh": False}, ours={"cart": "apples"})
def test_session_of_a_visitor(make: Maker, expected: Any, users: Users) -> None:
    """What is in the session of a visitor who has filled a cart."""
    client = make(users).test_client()
    client.get("/cart?fill")
    assert user_of(client) is None
    assert content_of(client) == expected


def times_it_acted(make: Maker, app: Flask, client: Any, **headers: str) -> int:
    """How often protection says that it has acted, in three requests."""
    acted = []

    def hear(sender: Flask) -> None:
        acted.append(sender)

    with make.library.session_protected.connected_to(hear, app):
        for _ in range(3):
            assert user_of(client, headers=headers) == "1"
    return len(acted)


@row("A visitor's session is left alone", theirs=3, ours=1)
def test_once_per_change(make: Maker, expected: int, users: Users) -> None:
    """How often protection acts when the browser has changed once."""
    app = make(users)
    client = app.test_client()
    client.get("/in/1")
    assert times_it_acted(make, app, client, **{"User-Agent": "another"}) == expected


def restored(app: Flask) -> Any:
    """A browser whose login the remember cookie has just restored."""
    client = app.test_client()
    client.get("/in/1?remember")
    client.delete_cookie("session")
    assert user_of(client) == "1"
    return client


@row("A visitor's session is left alone", theirs=(False, 3), ours=(True, 0))
def test_restored_login(make: Maker, expected: Any, users: Users) -> None:
    """Whether a restored login has an `_id`, and how often protection acts on it."""
    app = make(users)
    client = restored(app)
    has_id = "_id" in content_of(client)
    assert (has_id, times_it_acted(make, app, client)) == expected


@row("A visitor's session is left alone", theirs=(None, False), ours=("1", True))
def test_restored_login_under_strong(make: Maker, expected: Any, users: Users) -> None:
    """Whether a restored login, and the remember cookie, are there at the next request under "strong"."""
    client = restored(make(users, SESSION_PROTECTION="strong"))
    assert (user_of(client), bool(remember_cookie(client))) == expected


@row("A mode that is none of", theirs=(None, True), ours=(ConfigurationError, None))
def test_misspelt_mode(make: Maker, expected: Any, users: Users) -> None:
    """The error for a mode in capitals, and, where there is none, whether a login is fresh in another browser."""
    start = partial(make, users, SESSION_PROTECTION="Strong")
    error, fresh = error_of(start), None
    if error is None:
        client = start().test_client()
        client.get("/in/1")
        fresh = is_fresh(client, headers={"User-Agent": "another"})
    assert (error, fresh) == expected


@row("A mode that is none of", theirs=None, ours=ConfigurationError)
def test_misspelt_attribute(make: Maker, expected: Any) -> None:
    """The same of the manager's attribute."""
    manager = make.library.LoginManager()
    manager.session_protection = "Strong"
    assert error_of(partial(manager.init_app, Flask("twin"))) is expected


@pytest.mark.parametrize("mode", ["basic", "strong", None, False])
@row("A mode that is none of", theirs=None, ours=None)
def test_modes(make: Maker, expected: Any, users: Users, mode: Any) -> None:
    """The modes are accepted, and so is False for none."""
    assert error_of(partial(make, users, SESSION_PROTECTION=mode)) is expected
