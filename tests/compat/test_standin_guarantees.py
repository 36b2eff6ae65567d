"""What the stand-in promises beyond Flask-Login: that it is as safe as the package it stands on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask, copy_current_request_context, g, has_request_context, render_template_string, request, session
from scene import Clock, Users
from werkzeug.local import LocalProxy

import flask_sessionauth
from flask_sessionauth import LoginDisabledWarning, RegistryDownError, SetupError, protection
from flask_sessionauth.registry import MemoryRegistry
from flask_sessionauth.settings import COOKIE_NAME
from flask_sessionauth.testing import login

from .conftest import name_of, program_on

with (app := Flask("contexts")).test_request_context(), app.app_context():
    needs_inner_context = pytest.mark.skipif(
        not has_request_context(), reason="from Flask 3.2 on, an app context within a request has no request"
    )


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
    def put_and_look() -> str:
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


def test_G2_leftover_of_a_nested_request(program: Flask, library: ModuleType, users: Users) -> None:
    """Whom a nested request's program puts on ``g`` is nobody to the request around it, whose own user stays."""

    @program.route("/inner")
    def inner() -> str:
        g._login_user = users["2"]
        return "inner"

    @program.route("/outer/<own>")
    def outer(own: str) -> str:
        if own != "0":
            g._login_user = users[own]
            assert library.current_user.id == own
        program.test_client().get("/inner")
        with program.test_request_context():
            assert not library.current_user.is_authenticated
        return name_of(library.current_user._get_current_object())

    client = program.test_client()
    assert client.get("/outer/0").text == "nobody"
    client.get("/login/1")
    assert client.get("/outer/0").text == "ada"
    assert client.get("/outer/3").text == "cyd"
    assert client.get("/private").text == "ada"


def test_G2_context_within_a_request(program: Flask, library: ModuleType) -> None:
    """Whom a request has found is nobody to another one that is pushed by hand within it."""

    @program.route("/outer")
    def outer() -> str:
        first = name_of(library.current_user._get_current_object())
        with program.test_request_context():
            inner = name_of(library.current_user._get_current_object())
        return f"{first} {inner} {library.current_user.name}"

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/outer").text == "ada nobody ada"


def test_nobody_on_g(program: Flask, library: ModuleType) -> None:
    """A program that puts nobody on ``g`` has nobody logged in for this request."""

    @program.before_request
    def put() -> None:
        if request.args:
            g._login_user = library.AnonymousUserMixin()

    @program.route("/source")
    def source() -> str:
        library.current_user.get_id()
        return f"{flask_sessionauth.login_source()} {library.login_fresh()}"

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/source?nobody").text == "None False"
    assert client.get("/private?nobody").status_code == 401
    assert client.get("/source").text == "session True"


def test_proxy_on_g(program: Flask, library: ModuleType, users: Users) -> None:
    """A proxy that a program puts on ``g`` stands for its user."""
    with program.test_request_context():
        g._login_user = LocalProxy(lambda: users["2"])
        assert flask_sessionauth.get_user() is users["2"]
        assert g._login_user is users["2"]


def test_nobody_while_the_loader_fails(program: Flask, library: ModuleType, users: Users) -> None:
    """A user who is to be looked for anew is not there while that fails."""
    with program.test_request_context():
        session["_user_id"] = "1"
        assert library.current_user.name == "ada"
        del g._login_user
        program.login_manager._user_callback = {}.__getitem__  # type: ignore[attr-defined]
        for who in (library.current_user, flask_sessionauth.current_user):
            with pytest.raises(KeyError):
                _ = who.name


def test_G2_users_before_and_after_a_request(program: Flask, users: Users) -> None:
    """Whom a program puts on ``g`` beside its requests stays there, and is nobody to them."""
    with program.app_context():
        g._login_user = users["2"]
        assert program.test_client().get("/who").text == "nobody"
        assert program.test_client().get("/login/1").text == "ada"
        assert g._login_user is users["2"]


@needs_inner_context
def test_G6_logout_beside_another_context(program: Flask, library: ModuleType) -> None:
    """After a logout nobody is there, in whatever app context somebody has looked before."""

    def look() -> str:
        return name_of(library.current_user._get_current_object())

    @program.route("/leave")
    def leave() -> str:
        first = look()
        with program.app_context():
            second = look()
            library.logout_user()
            third = look()
        return f"{first} {second} {third} {look()} {name_of(flask_sessionauth.get_user())}"

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/leave").text == "ada ada nobody nobody nobody"


def test_G6_logout_beside_a_copied_context(program: Flask, library: ModuleType) -> None:
    """Nor in a thread with a copy of the context that has seen who was there."""

    @program.route("/leave-with-a-thread")
    @library.login_required
    def leave_with_a_thread() -> str:
        outside = ThreadPoolExecutor(1)
        asked, left = Event(), Event()

        @copy_current_request_context
        def look() -> list[str]:
            first = name_of(library.current_user._get_current_object())
            asked.set()
            assert left.wait(10)
            return [first, name_of(library.current_user._get_current_object())]

        with outside:
            looks = outside.submit(look)
            assert asked.wait(10)
            library.logout_user()
            left.set()
            return " ".join([*looks.result(), name_of(flask_sessionauth.get_user())])

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/leave-with-a-thread").text == "ada nobody nobody"


@needs_inner_context
def test_copy_sees_whom_the_program_has_put(program: Flask, library: ModuleType, users: Users) -> None:
    """Whom the program puts on ``g`` is the user in a copy of the context, too, once somebody has looked."""
    program.config["SESSION_PROTECTION"] = None
    with program.test_request_context():
        session["_user_id"] = "1"
        g._login_user = users["2"]
        assert library.current_user.name == "bob"
        with program.app_context():
            assert library.current_user.name == "bob"
            assert g._login_user is users["2"]
        assert library.current_user.name == "bob"


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

    client = program.test_client()
    response = client.get("/by-hand")
    with client.session_transaction() as content:
        assert "_remember_seconds" not in content
    cookie = next(value for name, value in response.headers if name == "Set-Cookie" and value.startswith(COOKIE_NAME))
    issued, expires = cookie.partition("|")[2].split(".")[1:3]
    assert int(expires) - int(issued) == 60


def test_remember_by_session_after_new_credentials(program: Flask, library: ModuleType, users: Users) -> None:
    """A cookie that the program asks for after a change of the password is one of the new password."""
    users["1"].security_stamp = "first"  # type: ignore[attr-defined]

    @program.route("/password")
    def password() -> str:
        assert library.current_user.is_authenticated
        users["1"].security_stamp = "second"  # type: ignore[attr-defined]
        program.login_manager.credentials_changed()  # type: ignore[attr-defined]
        session["_remember"] = "set"
        return "changed"

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/password").text == "changed"
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"


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


@pytest.mark.parametrize(
    "config", [{"LOGIN_IDLE_TIMEOUT": 60}, {"LOGIN_ABSOLUTE_TIMEOUT": 60}, {"SESSION_PROTECTION": "strong"}, {}]
)
def test_G8_dead_session_is_not_fresh(
    make_program: Callable[..., Flask], library: ModuleType, users: Users, clock: Clock, config: dict[str, Any]
) -> None:
    """To put the session's user on ``g`` does not bring a login back that is over, nor a cookie of it."""
    app = make_program(**config)
    stamps = {"1": "old"}
    if not config:
        app.login_manager.security_stamp = lambda user: stamps[user.id]  # type: ignore[attr-defined]

    @app.route("/put")
    def put() -> str:
        g._login_user = users["1"]
        session["_remember"] = "set"
        return f"{name_of(library.current_user._get_current_object())} {library.login_fresh()}"

    client = app.test_client()
    client.get("/login/1", headers={"User-Agent": "one"})
    assert client.get("/put", headers={"User-Agent": "one"}).text == "ada True"
    assert client.get_cookie(COOKIE_NAME) is not None
    client.delete_cookie(COOKIE_NAME)
    clock.advance(61)
    stamps["1"] = "new"
    assert client.get("/put", headers={"User-Agent": "another"}).text == "ada False"
    assert client.get_cookie(COOKIE_NAME) is None
    assert client.get("/private").status_code == 401


@pytest.mark.parametrize("setting", ["LOGIN_IDLE_TIMEOUT", "LOGIN_ABSOLUTE_TIMEOUT"])
def test_G13_own_way_to_the_user_has_no_limits(
    make_program: Callable[..., Flask], library: ModuleType, users: Users, setting: str
) -> None:
    """A manager that finds the user in its own way does not leave a limit without effect in silence."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user(self) -> None:
            self._update_request_context_with_user(users["1"])

    with pytest.raises(SetupError, match=f"Manager overrides _load_user\\(\\), which leaves {setting} without effect"):
        make_program(Manager(), **{setting: 60}).test_client().get("/private")
    with pytest.raises(SetupError, match="leaves a registry without effect"):
        make_program(Manager(registry=MemoryRegistry())).test_client().get("/private")
    assert make_program(Manager()).test_client().get("/private").text == "ada"


def test_disabled_logins_are_for_tests(program: Flask, library: ModuleType) -> None:
    """``LOGIN_DISABLED`` opens nothing outside of tests, also where a user was put in the place of another."""
    program.config.update(LOGIN_DISABLED=True, TESTING=False)
    with (
        patch("flask_login.utils._get_user", return_value=library.AnonymousUserMixin()),
        pytest.warns(LoginDisabledWarning),
    ):
        assert program.test_client().get("/private").status_code == 401


def test_nobody_may_be_None(program: Flask, library: ModuleType) -> None:
    """A user that a test has put there may be ``None``, and does not pass."""
    with patch("flask_login.utils._get_user", return_value=None), patch("flask_login.utils.current_user", None):
        assert program.test_client().get("/private").status_code == 401
    program.login_manager.anonymous_user = lambda: None  # type: ignore[attr-defined]
    assert program.test_client().get("/private").status_code == 401
    assert program.test_client().get("/who").text == "nobody"


def test_patched_user_with_own_login(program: Flask, library: ModuleType, users: Users) -> None:
    """A test that puts a user in the place of a fresh one passes where a fresh login is needed."""
    client = program.test_client()
    client.get("/login/1")
    with patch("flask_login.utils._get_user", return_value=users["2"]):
        assert client.get("/fresh").text == "fresh"


def test_user_by_request_is_not_remembered(program: Flask, library: ModuleType, users: Users) -> None:
    """Whom the request loader knows gets no remember cookie of whoever is in the session, whatever stands there."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.request_loader(lambda request: users["2"])

    @program.route("/by-request")
    def by_request() -> str:
        name = name_of(library.current_user._get_current_object())
        session["_user_id"], session["_remember"] = "1", "set"
        return name

    client = program.test_client()
    assert client.get("/by-request").text == "bob"
    assert client.get_cookie(COOKIE_NAME) is None


def test_G6_cookie_of_a_logout(program: Flask, library: ModuleType) -> None:
    """The remember cookie that a logout has given up logs nobody in for the rest of the request, nor after it."""

    @program.route("/leave")
    def leave() -> str:
        library.logout_user()
        manager: Any = program.login_manager  # type: ignore[attr-defined]
        return name_of(manager._load_user_from_remember_cookie(request.cookies[COOKIE_NAME]))

    client = program.test_client()
    client.get("/remember/1")
    assert client.get("/leave").text == "nobody"
    assert client.get_cookie(COOKIE_NAME) is None
    assert client.get("/private").status_code == 401


def test_protection_that_is_waived(make_program: Callable[..., Flask], library: ModuleType) -> None:
    """A manager that asks whether protection would end a login, and says no, keeps it."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _session_protection_failed(self) -> bool:
            assert super()._session_protection_failed() is (request.headers["User-Agent"] == "another")
            return False

    client = make_program(Manager(), SESSION_PROTECTION="strong").test_client()
    client.get("/login/1", headers={"User-Agent": "one"})
    assert client.get("/private", headers={"User-Agent": "one"}).text == "ada"
    assert client.get("/private", headers={"User-Agent": "another"}).text == "ada"


def test_assurance_that_remembers_nobody(make_program: Callable[..., Flask], library: ModuleType, users: Users) -> None:
    """Under a level that remembers nobody, no program remembers anybody by the session."""
    app = make_program(LOGIN_ASSURANCE="aal3")

    @app.route("/by-hand")
    def by_hand() -> str:
        library.login_user(users["1"])
        session["_remember"] = "set"
        return "in"

    client = app.test_client()
    client.get("/by-hand")
    assert client.get_cookie(COOKIE_NAME) is None


def test_cookie_over_another_login(program: Flask, library: ModuleType, users: Users) -> None:
    """A remember cookie that a program uses leaves nothing of another user; that user's own changes nothing."""
    browser = program.test_client()
    browser.get("/remember/1")
    cookie = browser.get_cookie(COOKIE_NAME)
    assert cookie is not None
    manager: Any = program.login_manager  # type: ignore[attr-defined]

    for looks_first in (True, False):
        with program.test_request_context():
            session["_user_id"], session["cart"] = "2", "bob's"
            if looks_first:
                assert library.current_user.name == "bob"
            assert name_of(manager._load_user_from_remember_cookie(cookie.value)) == "ada"
            assert g._login_user is users["1"]
            assert library.current_user.name == "ada"
            assert "cart" not in session
            assert not library.login_fresh()
        with program.test_request_context():
            library.login_user(users["1"])
            session["cart"] = "ada's"
            assert manager._load_user_from_remember_cookie(cookie.value) is users["1"]
            assert session["cart"] == "ada's"
            assert library.login_fresh()
    with program.test_request_context():
        library.login_user(users["1"])
        assert manager._load_user_from_remember_cookie("1|forged") is None
        assert library.current_user.name == "ada"


@pytest.mark.parametrize("is_unknown", [True, False])
def test_cookie_that_logs_nobody_in(program: Flask, library: ModuleType, users: Users, is_unknown: bool) -> None:
    """A remember cookie of a user who is gone, or not active, changes nothing of another user's login."""
    kept: list[str] = []

    @program.route("/back-to-ada")
    def back() -> str:
        return name_of(program.login_manager._load_user_from_remember_cookie(kept[0]))  # type: ignore[attr-defined]

    browser = program.test_client()
    browser.get("/remember/1")
    cookie = browser.get_cookie(COOKIE_NAME)
    assert cookie is not None
    kept.append(cookie.value)
    if is_unknown:
        del users["1"]
    else:
        users["1"].active = False

    client = program.test_client()
    client.get("/remember/2")
    with client.session_transaction() as content:
        content["cart"] = "bob's"
    assert client.get("/back-to-ada").text == "nobody"
    assert client.get("/private").text == "bob"
    with client.session_transaction() as content:
        assert content["cart"] == "bob's"
    client.delete_cookie("session")
    assert client.get("/private").text == "bob"


def test_cookie_of_another_stamp(program: Flask, library: ModuleType, users: Users) -> None:
    """A remember cookie from before the user's credentials changed is nobody's, also for the user who is logged in."""
    stamps = {"1": "old"}
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.security_stamp = lambda user: stamps[user.id]
    browser = program.test_client()
    browser.get("/remember/1")
    cookie = browser.get_cookie(COOKIE_NAME)
    assert cookie is not None
    stamps["1"] = "new"
    with program.test_request_context():
        assert manager._load_user_from_remember_cookie(cookie.value) is None
        library.login_user(users["1"])
        assert manager._load_user_from_remember_cookie(cookie.value) is None


def test_cookie_of_another_user_is_not_believed(
    make_program: Callable[..., Flask], library: ModuleType, users: Users
) -> None:
    """A manager that writes another user's id into the session than the cookie's lets nobody in by it."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            session["_user_id"] = "1"
            return users["1"]

    client = make_program(Manager()).test_client()
    client.get("/remember/2")
    client.delete_cookie("session")
    assert client.get("/private").status_code == 401
    assert client.get("/private").status_code == 401


def test_asked_once(program: Flask, library: ModuleType) -> None:
    """Who looks is told of once, and the loader asked once, however many look."""
    told: list[Any] = []

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            return self.user_callback("1")

    client = program.test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    program.login_manager.__class__ = Manager  # type: ignore[attr-defined]

    def hear(app: Flask) -> None:
        told.append(app)

    with library.user_accessed.connected_to(hear, program):
        assert client.get("/private").text == "ada"
    assert told == [program]


def test_flask_logins_own_session(program: Flask, library: ModuleType) -> None:
    """A session of Flask-Login's is in the right browser, where a subclass asks."""
    answers: list[bool] = []

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _session_protection_failed(self) -> bool:
            answers.append(super()._session_protection_failed())
            return answers[-1]

    program.config["SESSION_PROTECTION"] = "strong"
    program.login_manager.__class__ = Manager  # type: ignore[attr-defined]
    client = program.test_client()
    theirs = hashlib.sha512(b"b'127.0.0.1'|b'one'").hexdigest()
    with client.session_transaction() as content:
        content.update(_user_id="1", _fresh=True, _id=theirs)
    assert client.get("/fresh", headers={"User-Agent": "one"}).text == "fresh"
    assert client.get("/fresh", headers={"User-Agent": "another"}).status_code == 401
    assert answers == [False, True]


def test_reload_user(program: Flask, library: ModuleType, users: Users) -> None:
    """The deprecated method loads the user anew, or takes the one it is given."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with program.test_request_context():
        session["_user_id"] = "1"
        with pytest.warns(DeprecationWarning, match="reload_user"):
            manager.reload_user()
        assert library.current_user.name == "ada"
        session["_user_id"] = "2"
        with pytest.warns(DeprecationWarning, match="reload_user"):
            manager.reload_user()
        assert library.current_user.name == "bob"
        with pytest.warns(DeprecationWarning, match="reload_user"):
            manager.reload_user(users["1"])
        assert library.current_user.name == "ada"


def test_template_asks_for_nobody(program: Flask, library: ModuleType, users: Users) -> None:
    """A template that shows no user loads none; one that does, after the view has looked, gets the user itself."""
    seen: list[Any] = []
    program.add_url_rule("/silent", view_func=lambda: render_template_string("silent"), endpoint="silent")

    @program.route("/shown")
    def shown() -> str:
        flask_sessionauth.get_user()
        return render_template_string("{{ see(current_user) }}", see=seen.append)

    @program.route("/silent-after-all")
    def silent_after_all() -> str:
        library.utils._create_identifier()
        return render_template_string("silent")

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/silent").text == client.get("/silent-after-all").text == "silent"
    assert users.loads == 0
    client.get("/shown")
    assert seen[0] is users["1"]


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


def test_row_of_another_user(kept: Flask, library: ModuleType, users: Users) -> None:
    """Whom the program puts on ``g``, and into a session with somebody else's row, has no login there."""

    @kept.route("/change")
    def change() -> str:
        library.current_user.get_id()
        session["_user_id"] = "2"
        g._login_user = users["2"]
        return f"{library.current_user.name} {library.login_fresh()} {flask_sessionauth.login_source()}"

    client = kept.test_client()
    client.get("/login/1")
    assert client.get("/change").text == "bob False request"


def test_user_on_g_with_store_down(
    kept: Flask, library: ModuleType, users: Users, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the session's user is put on ``g`` while the store is down, that is a 503, not a login."""

    @kept.before_request
    def put() -> None:
        g._login_user = users["1"]

    @kept.errorhandler(503)
    def sorry(error: Any) -> tuple[str, int]:
        return f"sorry, {name_of(library.current_user._get_current_object())}", 503

    client = kept.test_client()
    client.get("/login/1")
    asked = []

    def fail(id: str) -> Any:
        asked.append(id)
        raise RegistryDownError

    with monkeypatch.context() as down:
        down.setattr(registry, "get", fail)
        response = client.get("/private")
        assert (response.status_code, len(asked)) == (503, 1)
    assert client.get("/fresh").text == "fresh"
    with kept.app_context():
        flask_sessionauth.end_sessions(users["1"])
    assert client.get("/fresh").status_code == 401


def test_load_by_cookie_with_registry(kept: Flask, library: ModuleType, users: Users) -> None:
    """A registry's cookie restores a login only for the browser that sends it as its cookie."""
    browser = kept.test_client()
    browser.get("/remember/1")
    cookie = browser.get_cookie(COOKIE_NAME)
    assert cookie is not None
    manager: Any = kept.login_manager  # type: ignore[attr-defined]
    with kept.test_request_context():
        assert manager._load_user_from_remember_cookie(cookie.value) is None
    other = kept.test_client()
    other.get("/remember/2")
    others = other.get_cookie(COOKIE_NAME)
    assert others is not None
    with kept.test_request_context(headers={"Cookie": f"{COOKIE_NAME}={cookie.value}"}):
        assert manager._load_user_from_remember_cookie(others.value) is None
    with kept.test_request_context(headers={"Cookie": f"{COOKIE_NAME}={others.value}"}):
        library.login_user(users["1"])
        assert manager._load_user_from_remember_cookie(others.value) is None
        assert library.current_user.name == "ada"
    with kept.test_request_context(headers={"Cookie": f"{COOKIE_NAME}={cookie.value}"}):
        assert name_of(manager._load_user_from_remember_cookie(cookie.value)) == "ada"


def test_cookie_beside_another_login_with_registry(kept: Flask, library: ModuleType) -> None:
    """A registry's cookie takes no login's place: whoever is logged in stays."""

    @kept.route("/use-the-cookie")
    @library.login_required
    def use() -> str:
        manager: Any = kept.login_manager  # type: ignore[attr-defined]
        found = manager._load_user_from_remember_cookie(request.cookies[COOKIE_NAME])
        return f"{name_of(found)} {library.current_user.name}"

    other, client = kept.test_client(), kept.test_client()
    other.get("/remember/2")
    cookie = other.get_cookie(COOKIE_NAME)
    assert cookie is not None
    client.get("/login/1")
    client.set_cookie(COOKIE_NAME, cookie.value)
    assert client.get("/use-the-cookie").text == "nobody ada"
    assert client.get("/private").text == "ada"


def test_own_way_with_the_cookie_with_registry(
    library: ModuleType, make_program: Callable[..., Flask], registry: MemoryRegistry
) -> None:
    """A registry's cookie holds no id that a manager could load by, so it is not asked."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            raise AssertionError

    client = make_program(Manager(registry=registry)).test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"


def test_session_cleared_with_registry(kept: Flask, library: ModuleType) -> None:
    """A program that clears the session, and has the user looked for anew, has logged the user out."""

    @kept.route("/leave")
    def leave() -> str:
        library.current_user.get_id()
        session.clear()
        del g._login_user
        library.current_user.get_id()
        return f"{library.login_remembered()} {flask_sessionauth.login_source()}"

    client = kept.test_client()
    client.get("/login/1")
    assert client.get("/leave").text == "False None"
    assert client.get("/private").status_code == 401


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
