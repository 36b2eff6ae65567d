"""What the stand-in promises beyond Flask-Login: that it is as safe as the package it stands on."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from flask import Flask, g, session
from scene import Users

import flask_sessionauth
from flask_sessionauth import RegistryDownError, protection
from flask_sessionauth.registry import MemoryRegistry
from flask_sessionauth.settings import COOKIE_NAME
from flask_sessionauth.testing import login

from .conftest import name_of, program_on


@pytest.fixture
def library(standin: ModuleType) -> ModuleType:
    """Only the stand-in."""
    return standin


def test_G1_page_that_does_not_ask(program: Flask) -> None:
    """A page that asks for nobody says nothing of cookies, also in a logged-in browser."""
    client = program.test_client()
    client.get("/login/1")
    response = client.get("/public")
    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers


def test_G2_leftover_of_a_request(program: Flask) -> None:
    """Whom one request leaves on a ``g`` that others share is nobody to them."""
    with program.app_context():
        one, other = program.test_client(), program.test_client()
        assert one.get("/login/1").text == "ada"
        assert one.get("/private").text == "ada"
        assert other.get("/who").text == "nobody"
        assert other.get("/private").status_code == 401
        assert one.get("/private").text == "ada"


def test_G2_leftover_of_a_program(program: Flask, users: Users) -> None:
    """Nor is whom the program has put there in an earlier request, looked at or not."""

    @program.route("/put")
    def put() -> str:
        g._login_user = users["2"]
        return "put"

    @program.route("/put-and-look")
    def put_and_look(library: Any = None) -> str:
        g._login_user = users["2"]
        return name_of(flask_sessionauth.get_user())

    with program.app_context():
        client = program.test_client()
        client.get("/put")
        assert client.get("/who").text == "nobody"
        assert client.get("/put-and-look").text == "bob"
        assert client.get("/private").status_code == 401


def test_G2_leftover_of_a_context(program: Flask, library: ModuleType) -> None:
    """Nor, in a context that is pushed by hand, whom the one before it has found."""
    with program.app_context():
        with program.test_request_context():
            session["_user_id"] = "1"
            assert library.current_user.name == "ada"
        with program.test_request_context():
            assert not library.current_user.is_authenticated


def test_G2_request_within_a_request(program: Flask, library: ModuleType) -> None:
    """A request that a view makes to its own app, as another visitor, leaves the view's own user alone."""

    @program.route("/outer")
    @library.login_required
    def outer() -> str:
        other = program.test_client()
        inner = other.get("/login/2").text
        return f"{inner} {name_of(library.current_user._get_current_object())}"

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/outer").text == "bob ada"


def test_G4_session_of_any_content(program: Flask) -> None:
    """Whatever stands in the session under the keys for the remember cookie, there is an answer."""
    for operation in ("set", "clear", "", "other", 1, None, [], {"a": 1}):
        for duration in ("x", -1, 0, 1e400, None, [], True, 60):
            client = program.test_client()
            with client.session_transaction() as content:
                content.update(_user_id="1", _remember=operation, _remember_seconds=duration)
            assert client.get("/private").text == "ada"
            with client.session_transaction() as content:
                assert "_remember" not in content


def test_G5_remember_by_session(program: Flask, library: ModuleType, users: Users) -> None:
    """A cookie that the program asks for in the session is dated, and as long as it says."""

    @program.route("/by-hand")
    def by_hand() -> str:
        library.login_user(users["1"])
        session["_remember"], session["_remember_seconds"] = "set", 60.0
        return "in"

    response = program.test_client().get("/by-hand")
    cookie = next(value for name, value in response.headers if name == "Set-Cookie" and value.startswith(COOKIE_NAME))
    issued, expires = cookie.partition("|")[2].split(".")[1:3]
    assert int(expires) - int(issued) == 60


def test_nobody_is_remembered_unknown(program: Flask, library: ModuleType) -> None:
    """Nobody is remembered on the word of a session whose user does not exist."""
    client = program.test_client()
    with client.session_transaction() as content:
        content.update(_user_id="99", _remember="set")
    assert client.get("/private").status_code == 401
    assert client.get_cookie(COOKIE_NAME) is None


def test_G8_user_on_g_is_not_fresh(program: Flask, library: ModuleType, users: Users) -> None:
    """Whom the program puts on ``g`` is not fresh by somebody else's login."""

    @program.route("/change-to-bob")
    def change() -> str:
        g._login_user = users["2"]
        return str(library.login_fresh())

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/fresh").text == "fresh"
    assert client.get("/change-to-bob").text == "False"


def test_stamp_of_a_remembered_user(make_program: Callable[..., Flask], library: ModuleType, users: Users) -> None:
    """A manager that loads remembered users in its own way does not let one in whose credentials have changed."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            return users["1"]

    stamps = {"1": "old"}
    manager = Manager()
    manager.security_stamp = lambda user: stamps[user.id]
    client = make_program(manager).test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"
    client.delete_cookie("session")
    stamps["1"] = "new"
    assert client.get("/private").status_code == 401


# Together with the package itself


def test_dependency_on_the_standin(library: ModuleType, users: Users) -> None:
    """A program on flask_sessionauth whose dependency imports ``flask_login``: both see the same user."""
    manager: flask_sessionauth.LoginManager[Any] = flask_sessionauth.LoginManager()
    app = program_on(library, users, manager)

    @app.route("/native")
    @flask_sessionauth.login_required
    def native() -> str:
        return f"{flask_sessionauth.current_user.name} {library.current_user.name}"

    client = app.test_client()
    for path in ("/native", "/private"):
        assert client.get(path).status_code == 401
    login(client, users["1"])
    assert client.get("/native").text == "ada ada"
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").text == "fresh"


def test_program_on_both(program: Flask, library: ModuleType, users: Users) -> None:
    """A program whose manager is the stand-in's, and some of whose views are on flask_sessionauth."""

    @program.route("/native/login")
    def native_login() -> str:
        flask_sessionauth.login_user(users["1"])
        return f"{library.current_user.name} {g._login_user.name}"

    @program.route("/native")
    @flask_sessionauth.login_required
    def native() -> str:
        return f"{flask_sessionauth.current_user.name} {library.current_user.name}"

    @program.route("/native/logout")
    @library.login_required
    def native_logout() -> str:
        flask_sessionauth.logout_user()
        return name_of(library.current_user._get_current_object()) + name_of(g._login_user)

    client = program.test_client()
    assert client.get("/native").status_code == 401
    assert client.get("/native/login").text == "ada ada"
    assert client.get("/native").text == "ada ada"
    assert client.get("/native/logout").text == "nobodynobody"
    assert client.get("/native").status_code == 401


def test_native_guard_sees_the_user_on_g(program: Flask, users: Users) -> None:
    """Whom a program puts on ``g`` passes our guards, too."""

    @program.before_request
    def put() -> None:
        g._login_user = users["2"]

    @program.route("/native")
    @flask_sessionauth.login_required
    def native() -> str:
        return str(flask_sessionauth.current_user.name)

    assert program.test_client().get("/native").text == "bob"


def test_guards_are_listed(program: Flask) -> None:
    """What the stand-in guards is known to the list of routes."""
    assert protection.guards_of(program.view_functions["private"]) == (protection.Protection(),)
    assert protection.guards_of(program.view_functions["fresh"]) == (protection.Protection(fresh=True),)


# With a registry


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def kept(library: ModuleType, make_program: Callable[..., Flask], registry: MemoryRegistry) -> Flask:
    return make_program(library.LoginManager(registry=registry))


def test_devices(kept: Flask, users: Users) -> None:
    """A program written for Flask-Login has a list of devices with one argument more."""
    one, other = kept.test_client(), kept.test_client()
    one.get("/remember/1")
    other.get("/login/1")
    with kept.app_context():
        assert len(flask_sessionauth.active_sessions(users["1"])) == 2
        assert flask_sessionauth.end_sessions(users["1"]) == 2
    assert one.get("/private").status_code == 401
    assert other.get("/private").status_code == 401


def test_remember_by_session_with_registry(kept: Flask, library: ModuleType, users: Users) -> None:
    """What a program writes about the remember cookie does not remember a login that is not to be remembered."""

    @kept.route("/by-hand/<when>")
    def by_hand(when: str) -> str:
        library.login_user(users["1"], remember=when == "yes")
        session["_remember"] = "set"
        return "in"

    client = kept.test_client()
    client.get("/by-hand/no")
    assert client.get_cookie(COOKIE_NAME) is None
    client.get("/by-hand/yes")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"


def test_written_session_with_registry(kept: Flask, users: Users) -> None:
    """Where logins are in a registry, a session that the program has written itself is none, and never fresh."""

    @kept.route("/by-hand")
    def by_hand() -> str:
        session["_user_id"], session["_fresh"] = "1", True
        g._login_user = users["1"]
        return str(flask_sessionauth.login_fresh())

    client = kept.test_client()
    assert client.get("/by-hand").text == "False"
    assert client.get("/private").status_code == 401


def test_load_by_cookie_with_registry(kept: Flask, library: ModuleType) -> None:
    """A registry's cookie restores a login only for the browser that sends it as its cookie."""
    browser = kept.test_client()
    browser.get("/remember/1")
    cookie = browser.get_cookie(COOKIE_NAME)
    assert cookie is not None
    manager: Any = kept.login_manager  # type: ignore[attr-defined]
    with kept.test_request_context():
        assert manager._load_user_from_remember_cookie(cookie.value) is None
    with kept.test_request_context(headers={"Cookie": f"{COOKIE_NAME}={cookie.value}"}):
        assert name_of(manager._load_user_from_remember_cookie(cookie.value)) == "ada"


def test_G12_store_that_is_down(kept: Flask, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down lets nobody in, and logs nobody out."""
    client = kept.test_client()
    client.get("/login/1")

    def fail(id: str) -> Any:
        raise RegistryDownError

    with monkeypatch.context() as down:
        down.setattr(registry, "get", fail)
        assert client.get("/private").status_code == 503
        assert client.get("/who").status_code == 503
    assert client.get("/private").text == "ada"
