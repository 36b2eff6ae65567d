"""The short way to a session's user comes to the same as the long one, and is taken by ordinary requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, got_request_exception, session
from hypothesis import given, settings, strategies as st
from scene import KEY, Clock, ServerSessions, User, Users, add_routes, remember_cookie, set_cookies

from flask_sessionauth import (
    LoginManager,
    SetupError,
    current_user,
    desk,
    incoming,
    login_user,
    logout_user,
    session_ended,
    session_protected,
    user_accessed,
    user_loaded_from_cookie,
)

START = 1_777_000_000
MINUTE, HOUR, DAY = 60, 3600, 86400
CHROME, FIREFOX = "Mozilla/5.0 (X11) Chrome/130.0", "Mozilla/5.0 (X11) Firefox/143.0"
SIGNALS = (session_ended, session_protected, user_accessed, user_loaded_from_cookie)


@dataclass(frozen=True)
class Case:
    """A login, what has happened to it since, and the request that asks for its user."""

    config: dict[str, Any]
    protection: str | None = "basic"
    stamp: str | None = None
    by_callable: bool = False
    remember: bool = False
    fresh: bool = True
    # When a request asks before, if any does, and when the one that counts does: seconds after the login.
    before: int | None = None
    seconds: int = 0
    user_agent: str = CHROME
    stamp_now: str | None = None
    key_now: str = KEY
    exists: bool = True
    # What the loader does beside loading.
    loader: str | None = None
    is_async: bool = False
    changes: tuple[tuple[str, Any], ...] = ()
    # What the mark says beside the browser's likeness.
    tail: str | None = None
    config_now: tuple[tuple[str, Any], ...] = ()
    accessed: bool = False


LIMITS = st.none() | st.sampled_from([2 * MINUTE, HOUR, DAY])
STAMPS = st.none() | st.sampled_from(["", "a", "b"])
CHANGES = st.lists(
    st.tuples(st.just("_user_id"), st.sampled_from(["2", "9", "", 1, True, None, UUID(int=7), ["1"], "1"]))
    | st.tuples(st.just("_fresh"), st.sampled_from([True, False, "yes", None]))
    | st.tuples(
        st.just("_id"),
        st.sampled_from(["", "x", None, 5, "a" * 128, "a" * 300, "....", ".".join("abcdef"), f"x.{START}.0.0.m\u00e4c"])
        | st.text(st.sampled_from("ab.019-\u0663"), max_size=12),
    ),
    max_size=2,
).map(tuple)
TAILS = st.sampled_from(
    ["", ".", f".{START}", f".{START}.0.0", f".{START}.0.0.x", f".{START}..5.m\u00e4c", "..0.0", ".-5"]
)
LOADERS = st.sampled_from(["goes on with another", "takes the id", "clears", "logs in", "logs out", "is slow"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    config = {
        "LOGIN_IDLE_TIMEOUT": draw(LIMITS),
        "LOGIN_ABSOLUTE_TIMEOUT": draw(LIMITS),
        "LOGIN_TOUCH_INTERVAL": draw(st.sampled_from([0, MINUTE])),
        "SESSION_PROTECTION_BIND": draw(st.sampled_from([("user_agent",), ("ip",), ("user_agent", "ip")])),
        "REMEMBER_COOKIE_REFRESH_EACH_REQUEST": draw(st.sampled_from([False, False, True])),
        "LOGIN_AUDIENCE": draw(st.sampled_from([None, "shop"])),
    }
    stamp = draw(STAMPS)
    return Case(
        config,
        protection=draw(st.sampled_from(["basic", "strong", None])),
        stamp=stamp,
        by_callable=draw(st.booleans()),
        remember=draw(st.booleans()),
        fresh=draw(st.booleans()),
        before=draw(st.sampled_from([None, None, MINUTE, HOUR])),
        seconds=draw(st.sampled_from([0, 1, MINUTE - 1, MINUTE, 2 * MINUTE, HOUR - 1, HOUR, DAY, -1, -MINUTE, -HOUR])),
        user_agent=draw(st.sampled_from([CHROME, CHROME, FIREFOX])),
        stamp_now=draw(st.just(stamp) | STAMPS),
        key_now=draw(st.sampled_from([KEY, KEY, "another key that is long enough for a test"])),
        exists=draw(st.sampled_from([True, True, True, False])),
        loader=draw(st.none() | LOADERS),
        is_async=draw(st.booleans()),
        changes=draw(st.just(()) | CHANGES),
        tail=draw(st.none() | TAILS),
        accessed=draw(st.booleans()),
    )


def outcome(case: Case, is_short: bool) -> dict[str, Any]:
    """All that anybody notices of the request."""
    users, clock = Users(), Clock()
    clock.now = START
    app = Flask("scene")
    app.config.update(SECRET_KEY=KEY, TESTING=True, **case.config)
    manager: LoginManager[Any] = LoginManager(app)
    user: Any = users["1"]

    def load(user_id: str) -> User | None:
        found = users.load(user_id)
        if case.loader == "goes on with another":
            session["_user_id"] = "2"
        elif case.loader == "takes the id":
            session.pop("_user_id", None)
        elif case.loader == "clears":
            session.clear()
        elif case.loader == "logs in" and user_id == "1":
            login_user(User("2", "bob"))
        elif case.loader == "logs out":
            logout_user()
        elif case.loader == "is slow":
            clock.advance(DAY)
        return found

    async def load_later(user_id: str) -> User | None:
        return load(user_id)

    manager.user_loader(load_later if case.is_async else load)
    if case.by_callable:
        manager.security_stamp = lambda user: getattr(user, "its_stamp", None)
    name = "its_stamp" if case.by_callable else "security_stamp"
    add_routes(app, users)
    app.test_client_class = None
    client = app.test_client()
    news: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: clock.now)
        setattr(user, name, case.stamp)

        @app.post("/begin")
        def begin() -> str:
            session["cart"] = "apples"
            login_user(user, remember=case.remember, fresh=case.fresh)
            return "in"

        client.post("/begin", headers={"User-Agent": CHROME})
        with client.session_transaction() as stored:
            for key, value in case.changes:
                stored[key] = value
            if case.tail is not None and isinstance(stored["_id"], str):
                stored["_id"] = stored["_id"].partition(".")[0] + case.tail
        if case.before is not None:
            clock.now = START + case.before
            client.get("/who", headers={"User-Agent": CHROME})
        clock.now = START + case.seconds
        app.config.update(case.config_now)
        manager.session_protection = case.protection
        setattr(user, name, case.stamp_now)
        app.config.update(SECRET_KEY=case.key_now, SECRET_KEY_FALLBACKS=[KEY])
        if not case.exists:
            users.clear()
        users.loads = 0
        if not is_short:
            patch.setattr(desk, "glance", lambda arrival: None)

        def hear(sender: object, **what: Any) -> None:
            news.append(what)

        heard = SIGNALS if case.accessed else [signal for signal in SIGNALS if signal is not user_accessed]
        for signal in heard:
            signal.connect(hear)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        errors: list[Any] = []
        got_request_exception.connect(lambda _, exception: errors.append(repr(exception)), app, weak=False)
        response = client.get("/who", headers={"User-Agent": case.user_agent})
        for signal in heard:
            signal.disconnect(hear)
        with client.session_transaction() as stored:
            content = dict(stored)
    cookie = remember_cookie(client)
    return {
        "status": response.status_code,
        "who": response.get_json(silent=True),
        "errors": errors,
        "session": content,
        "writes": len(set_cookies(response, "session")),
        "remembered": None if cookie is None else cookie.partition("|")[0],
        "sets": len(set_cookies(response, "remember_token")),
        "headers": [(name, value) for name, value in response.headers if name != "Set-Cookie"],
        "loads": users.loads,
        "news": news,
    }


@given(case=cases())
@settings(deadline=None, max_examples=300)
def test_both_ways_come_to_the_same(case: Case) -> None:
    """Whatever has happened to a login: the same user, session, cookies, headers, signals, questions to the loader."""
    assert outcome(case, is_short=True) == outcome(case, is_short=False)


LIMITED = {"LOGIN_IDLE_TIMEOUT": 2 * HOUR, "LOGIN_ABSOLUTE_TIMEOUT": DAY, "LOGIN_TOUCH_INTERVAL": MINUTE}


@pytest.mark.parametrize(
    "case",
    [
        Case({}),
        *(
            Case({}, changes=(("_user_id", user_id),))
            for user_id in ("", "2", "9", 1, 0, True, None, UUID(int=7), ["1"])
        ),
        *(Case({}, changes=(("_id", mark),)) for mark in ("", None, 5, b"x", "a" * 300, "a" * 128)),
        *(Case({}, tail=tail) for tail in ("", ".x", f".{START}.0.0.x", f".{START}.0.0.m\u00e4c")),
        *(Case({}, stamp="a", stamp_now="a", tail=tail) for tail in ("", f".{START}.0..x", f".{START}.0..m\u00e4c")),
        *(Case(LIMITED, tail=tail) for tail in ("", f".{START}", f".{START}.0", "..0.0", ".-5.0.0", f".{START}.0.0")),
        *(Case({}, fresh=False, config_now=((key, value),)) for key, value in LIMITED.items()),
        *(
            Case(LIMITED, seconds=seconds)
            for seconds in (0, MINUTE - 1, MINUTE, 2 * HOUR - 1, 2 * HOUR, DAY, -1, -HOUR)
        ),
        *(
            Case(LIMITED, before=HOUR, seconds=seconds)
            for seconds in (HOUR, HOUR - MINUTE, HOUR - 2 * MINUTE, 2 * HOUR)
        ),
        *(Case({"LOGIN_ABSOLUTE_TIMEOUT": HOUR}, seconds=seconds) for seconds in (0, HOUR - 1, HOUR, -1, -HOUR)),
        *(Case({}, user_agent=FIREFOX, protection=mode) for mode in ("basic", "strong", None)),
        *(Case({}, stamp=old, stamp_now=new) for old in (None, "a") for new in (None, "", "a", "b")),
        *(
            Case({}, stamp="a", stamp_now="a", key_now="another key of the tests, that is long enough", by_callable=c)
            for c in (True, False)
        ),
        *(Case({}, exists=False, remember=remember) for remember in (True, False)),
        *(
            Case(LIMITED, exists=exists, loader=loader, stamp="a", stamp_now=stamp)
            for loader in ("goes on with another", "takes the id", "clears", "logs in", "logs out", "is slow")
            for exists in (True, False)
            for stamp in ("a", "b")
        ),
        *(Case({}, protection=odd) for odd in ("Basic", ["basic"], 0, False)),  # type: ignore[arg-type]
        *(Case({"SESSION_PROTECTION": "basic"}, protection=odd) for odd in ("Basic", ["x"], 0)),  # type: ignore[arg-type]
        Case({"REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True}, remember=True),
        Case({}, accessed=True),
        Case({}, is_async=True),
    ],
)
def test_each_thing_that_is_out_of_the_ordinary(case: Case) -> None:
    """One at a time, so that none is left to chance."""
    assert outcome(case, is_short=True) == outcome(case, is_short=False)


def no_long_way(*_: object) -> None:
    raise AssertionError("a closer look at an ordinary session")


@pytest.fixture
def long_way_barred(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(incoming, "identify", no_long_way)


@pytest.mark.parametrize(
    ("config", "stamp"),
    [
        ({}, None),
        ({"LOGIN_IDLE_TIMEOUT": HOUR, "LOGIN_ABSOLUTE_TIMEOUT": DAY, "LOGIN_FRESH_LIFETIME": HOUR}, "a"),
        ({"LOGIN_AUDIENCE": "shop"}, "a"),
        ({"SESSION_PROTECTION_BIND": ("user_agent", "ip"), "SESSION_PROTECTION": "strong"}, None),
    ],
)
def test_an_ordinary_request_takes_the_short_way(
    make_app: Any, users: Users, clock: Clock, long_way_barred: Any, config: dict[str, Any], stamp: str | None
) -> None:
    """With timeouts and stamps, too: a guard and a read, with one question to the loader."""
    users["1"].security_stamp = stamp  # type: ignore[attr-defined]
    client = make_app(**config).test_client(user=users["1"])
    client.get("/who")
    long_way_barred()
    clock.advance(1)
    users.loads = 0
    assert client.get("/private").text == "private ada"
    assert client.get("/who").json == {"user": "1", "source": "session", "fresh": True}
    assert users.loads == 2


def test_another_realm_takes_the_short_way(make_app: Any, users: Users, long_way_barred: Any) -> None:
    """With its own keys in the session, and its own MAC of the stamp."""
    users["1"].security_stamp = "a"  # type: ignore[attr-defined]
    app = make_app()
    admin: LoginManager[Any] = LoginManager(app, name="admin")
    admin.user_loader(users.load)
    app.add_url_rule("/admin/login", view_func=lambda: str(admin.login_user(users["1"])), endpoint="admin_login")
    app.add_url_rule("/admin", view_func=admin.login_required(lambda: admin.current_user.name), endpoint="admin")
    client = app.test_client()
    client.get("/admin/login")
    long_way_barred()
    assert client.get("/admin").text == "ada"


def test_a_stamp_needs_a_key(make_app: Any, users: Users) -> None:
    """Where sessions need none, an app that has lost its key says so."""
    app = make_app()
    app.session_interface = ServerSessions()
    users["1"].security_stamp = "a"  # type: ignore[attr-defined]
    client = app.test_client()
    client.post("/login", data={"id": "1"})
    app.config["SECRET_KEY"] = None
    with pytest.raises(SetupError, match="SECRET_KEY"):
        client.get("/private")


def test_a_stamp_is_asked_once(app: Flask, users: Users) -> None:
    """Also where a closer look is needed, as after a change of the key."""
    asked = []
    app.login_manager.security_stamp = lambda user: asked.append(user) or "a"  # type: ignore[attr-defined, func-returns-value]
    # Flask 3.0 cannot read a session of its own under an older key.
    app.session_interface = ServerSessions()
    client = app.test_client()
    client.post("/login", data={"id": "1"})
    app.config.update(SECRET_KEY="another key of the tests, that is long enough", SECRET_KEY_FALLBACKS=[KEY])
    asked.clear()
    assert client.get("/who").json["user"] == "1"
    assert asked == [users["1"]]


@pytest.mark.parametrize("action", ["in", "out"])
def test_a_loader_that_logs_in_or_out(app: Flask, users: Users, action: str) -> None:
    """What the loader did counts, and not what it returned."""
    client = app.test_client(user=users["1"])  # type: ignore[call-arg]

    def load(user_id: str) -> User | None:
        if user_id == "1" and action == "in":
            login_user(users["2"])
        elif user_id == "1":
            logout_user()
        return users.load(user_id)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined]
    expected = ("2", "login") if action == "in" else (None, None)
    answer = client.get("/who").json
    assert (answer["user"], answer["source"]) == expected
    assert client.get("/who").json["user"] == expected[0]


def test_a_loader_that_asks_who_it_is(app: Flask, users: Users) -> None:
    """It sees nobody, and is asked once."""
    client = app.test_client(user=users["1"])  # type: ignore[call-arg]
    seen = []

    def load(user_id: str) -> User | None:
        seen.append(current_user.is_authenticated)
        return users.load(user_id)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined]
    assert client.get("/private").text == "private ada"
    assert seen == [False]
