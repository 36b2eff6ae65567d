"""A user's logins on several devices: listed, limited, ended, restored, and taken over from before the registry."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from flask import Flask, copy_current_request_context, session
from scene import KEY, REDIRECT, Clock, ServerSessions, User, Users, remember_cookie, set_cookies

from flask_sessionauth import (
    ConfigurationError,
    LoginManager,
    RegistryDownError,
    SetupError,
    UserIdError,
    active_sessions,
    credentials_changed,
    current_user,
    end_session,
    end_sessions,
    login_remembered,
    login_required,
    login_user,
    logout_user,
    new_device,
    remember_rotated,
    remember_stolen,
    session_ended,
    session_refused,
    session_started,
)
from flask_sessionauth.registry import MemoryRegistry

PHONE = {"User-Agent": "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"}
DESKTOP = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def manager(registry: MemoryRegistry) -> LoginManager[Any]:
    return LoginManager(registry=registry)


@pytest.fixture
def app(make_app: Any, manager: LoginManager[Any]) -> Flask:
    app: Flask = make_app(manager)

    @app.get("/devices")
    def devices() -> list[list[Any]]:
        return [[row.id, row.current] for row in active_sessions()]

    @app.post("/end/<id>")
    def end(id: str) -> dict[str, Any]:
        return {"ended": end_session(id), "user": current_user.get_id()}

    @app.post("/end-others")
    def end_others() -> dict[str, int]:
        return {"ended": end_sessions()}

    @app.post("/end-all")
    def end_all() -> dict[str, Any]:
        return {"ended": end_sessions(keep_current=False), "user": current_user.get_id()}

    @app.get("/remembered")
    def remembered() -> dict[str, bool]:
        return {"remembered": login_remembered()}

    return app


def log_in(app: Flask, user_id: str = "1", headers: dict[str, str] | None = None, **form: str) -> Any:
    browser = app.test_client()
    browser.post("/login", data={"id": user_id, **form}, headers=headers)
    return browser


def who(browser: Any, **options: Any) -> str | None:
    return browser.get("/who", **options).json["user"]  # type: ignore[no-any-return]


def own_id(browser: Any) -> str:
    """The id of the row of a browser's login."""
    return next(id for id, current in browser.get("/devices").json if current)


class TestList:
    def test_newest_first(self, app: Flask, clock: Clock) -> None:
        """Each browser is a row; the newest is the first, and one's own is marked."""
        browsers = []
        for _ in range(3):
            clock.advance(60)
            browsers.append(log_in(app))
        rows = browsers[1].get("/devices").json
        assert [current for _, current in rows] == [False, True, False]
        assert [id for id, _ in rows] == [own_id(browser) for browser in reversed(browsers)]

    def test_logins_of_one_moment_have_an_order(self, app: Flask, clock: Clock) -> None:
        """Also those that begin in the same millisecond."""
        browsers = [log_in(app) for _ in range(4)]
        rows = browsers[0].get("/devices").json
        assert [id for id, _ in rows] == [own_id(browser) for browser in reversed(browsers)]

    def test_what_a_row_says(self, app: Flask, manager: LoginManager[Any], users: Users, clock: Clock) -> None:
        """When, from where, with what, for how long; and none of it shows a secret."""
        log_in(app, remember="1", headers=PHONE, duration="3600")
        with app.app_context():
            (row,) = manager.active_sessions(users["1"])
        assert (row.owner, row.user_id, row.remembered) == ("1", "1", True)
        assert (row.remote_addr, row.user_agent) == ("127.0.0.1", PHONE["User-Agent"])
        assert row.created_at.timestamp() == row.last_seen_at.timestamp() == clock.now
        assert row.authenticated_at == row.created_at
        assert (row.expires_at - row.created_at).total_seconds() == 3600
        assert repr(row.seed) not in repr(row)

    def test_of_nobody(self, app: Flask) -> None:
        """A visitor has no devices, and ends none."""
        visitor = app.test_client()
        other = own_id(log_in(app))
        assert visitor.get("/devices").json == []
        assert visitor.post(f"/end/{other}").json["ended"] is False
        assert visitor.post("/end-others").json == {"ended": 0}

    def test_user_agent_of_any_bytes(self, app: Flask, manager: LoginManager[Any], users: Users) -> None:
        """What browsers say of themselves is kept as what can be shown, and not all of it."""
        log_in(app, headers={"User-Agent": "a\x00b\x1b[31m\xff" + 2000 * "x"})
        with app.app_context():
            (row,) = manager.active_sessions(users["1"])
        assert row.user_agent.startswith("ab[31m")
        assert row.user_agent.isprintable()
        assert len(row.user_agent) <= 512

    def test_idle_and_expired_are_not_listed(self, make_app: Any, registry: MemoryRegistry, clock: Clock) -> None:
        """A login that is over is not in the list, but for one that a remember cookie can restore."""
        manager: LoginManager[Any] = LoginManager(registry=registry)
        app = make_app(manager, LOGIN_IDLE_TIMEOUT=600)
        log_in(app)
        log_in(app, remember="1", duration="3600")
        counts = []
        for seconds in (0, 601, 3600):
            clock.advance(seconds)
            with app.app_context():
                counts.append(len(manager.active_sessions(manager.user_callback("1"))))  # type: ignore[misc]
        assert counts == [2, 1, 0]

    def test_last_seen(self, app: Flask, registry: MemoryRegistry, clock: Clock, monkeypatch: Any) -> None:
        """The time of the last use is written once in a touch interval, and a request without it reads once."""
        browser = log_in(app)
        who(browser)
        calls: list[str] = []
        for name in ("get", "replace", "add", "of_owner", "end_all"):
            real = getattr(registry, name)
            monkeypatch.setattr(registry, name, lambda *a, n=name, r=real: (calls.append(n), r(*a))[1])
        clock.advance(59)
        assert browser.get("/private").status_code == 200
        assert calls == ["get"]
        clock.advance(1)
        who(browser)
        assert calls == ["get", "get", "replace"]
        who(browser)
        assert calls == ["get", "get", "replace", "get"]


class TestEnd:
    def test_one(self, app: Flask, ends: list[tuple[str, str]]) -> None:
        """A device that is ended is logged out; one's own goes on."""
        mine, other = log_in(app), log_in(app)
        assert mine.post(f"/end/{own_id(other)}").json == {"ended": True, "user": "1"}
        assert (who(mine), who(other)) == ("1", None)
        assert ends == [("1", "revoked")]

    def test_somebody_elses(self, app: Flask) -> None:
        """The id of somebody else's device ends nothing."""
        mine, theirs = log_in(app), log_in(app, "2")
        assert mine.post(f"/end/{own_id(theirs)}").json["ended"] is False
        assert who(theirs) == "2"

    @pytest.mark.parametrize("id", ["x", "a" * 25, "\N{SNOWMAN}", "%00", "." * 3000])
    def test_junk(self, app: Flask, id: str) -> None:
        """What is no id ends nothing."""
        assert log_in(app).post(f"/end/{id}").json["ended"] is False

    def test_ones_own(self, app: Flask) -> None:
        """To end the device one is using is to log out."""
        browser = log_in(app, remember="1")
        assert browser.post(f"/end/{own_id(browser)}").json == {"ended": True, "user": None}
        assert remember_cookie(browser) is None
        assert who(browser) is None

    def test_all_others(self, app: Flask) -> None:
        """All of the user's are ended but one's own, and nobody else's."""
        mine, other, theirs = log_in(app), log_in(app), log_in(app, "2")
        assert mine.post("/end-others").json == {"ended": 1}
        assert [who(browser) for browser in (mine, other, theirs)] == ["1", None, "2"]

    def test_all(self, app: Flask) -> None:
        """Or all of them."""
        mine, other = log_in(app), log_in(app)
        assert mine.post("/end-all").json == {"ended": 2, "user": None}
        assert [who(browser) for browser in (mine, other)] == [None, None]

    def test_without_a_request(self, app: Flask, manager: LoginManager[Any], users: Users) -> None:
        """A job ends a user's devices in an app context."""
        browser = log_in(app)
        with app.app_context():
            (row,) = manager.active_sessions(users["1"])
            assert manager.end_session(row.id, user=users["2"]) is False
            assert manager.end_session(row.id, user=users["1"]) is True
            assert manager.end_sessions(users["1"]) == 0
        assert who(browser) is None

    def test_what_the_session_held_goes(self, app: Flask) -> None:
        """A device that was ended from elsewhere keeps nothing of its user."""
        mine, other = log_in(app), log_in(app)
        other.get("/cart/pear")
        mine.post("/end-others")
        assert who(other) is None
        with other.session_transaction() as content:
            assert dict(content) == {}

    @pytest.mark.parametrize("asks", [True, False])
    @pytest.mark.parametrize("then", ["logout", "login"])
    def test_cleared_session(self, app: Flask, registry: MemoryRegistry, asks: bool, then: str) -> None:
        """A logout, or another login, ends the row also where the program has cleared the session before it."""

        @app.post("/clear")
        def clear() -> str:
            if asks:
                assert current_user.is_authenticated
            session.clear()
            logout_user() if then == "logout" else login_user(app.login_manager.user_callback("1"))  # type: ignore[attr-defined]
            return ""

        browser = log_in(app)
        copy = app.test_client()
        copy.set_cookie("session", browser.get_cookie("session").value)
        browser.post("/clear")
        assert who(copy) is None
        live = [row for row in registry.of_owner("1") if row.ended_at is None]
        assert len(live) == (0 if then == "logout" else 1)

    def test_guard_leaves_a_stale_mark_alone(self, app: Flask) -> None:
        """Who is sent to the login page with a replaced mark gets no session cookie, not even with a message."""
        browser = log_in(app)
        late = app.test_client()
        late.set_cookie("session", browser.get_cookie("session").value)
        for _ in range(2):
            browser.post("/reauth")
            who(browser)
        answer = late.get("/private")
        assert answer.status_code == REDIRECT
        assert set_cookies(answer, "session") == []

    @pytest.mark.parametrize("id", [None, 5, b"x"])
    def test_no_text(self, app: Flask, manager: LoginManager[Any], users: Users, id: Any) -> None:
        """What is no text, from a JSON body, say, ends nothing."""
        with app.app_context():
            assert manager.end_session(id, user=users["1"]) is False

    def test_late_answer_after_a_logout(self, app: Flask) -> None:
        """A mark of a login that this browser has ended is left alone: to take it out might overwrite a newer one."""
        browser = log_in(app)
        late = app.test_client()
        late.set_cookie("session", browser.get_cookie("session").value)
        browser.post("/logout")
        assert set_cookies(late.get("/who"), "session") == []

    def test_without_a_registry(self, make_app: Any, users: Users) -> None:
        """The manager says what is missing."""
        app = make_app()
        with app.app_context(), pytest.raises(SetupError, match=r"LoginManager\(registry=\.\.\.\)"):
            end_sessions(users["1"])

    def test_no_registry_at_all(self) -> None:
        """What is no store is refused."""
        with pytest.raises(ConfigurationError, match="registry is of type dict; allowed: a MemoryRegistry"):
            LoginManager(registry={})  # type: ignore[arg-type]


class TestLimit:
    @pytest.fixture
    def limited(self, make_app: Any, registry: MemoryRegistry) -> Any:
        def make(policy: str = "end_oldest", **config: Any) -> Flask:
            manager: LoginManager[Any] = LoginManager(registry=registry)
            return make_app(  # type: ignore[no-any-return]
                manager, LOGIN_MAX_SESSIONS=2, LOGIN_MAX_SESSIONS_POLICY=policy, **config
            )

        return make

    def test_oldest_ends(self, limited: Any, clock: Clock, ends: list[tuple[str, str]]) -> None:
        """The device that was not used for the longest time makes room."""
        app = limited()
        first, second = log_in(app), log_in(app)
        clock.advance(61)
        assert who(first) == "1"
        third = log_in(app)
        assert [who(browser) for browser in (first, second, third)] == ["1", None, "1"]
        assert ends == [("1", "max_sessions")]

    def test_oldest_of_one_moment(self, limited: Any, clock: Clock) -> None:
        """Of those that were used in the same moment, the first one."""
        app = limited()
        browsers = [log_in(app) for _ in range(4)]
        assert [who(browser) for browser in browsers] == [None, None, "1", "1"]

    def test_refused(self, limited: Any) -> None:
        """Or the login fails, with the reason, and leaves the visitor as they were."""
        reasons: list[str] = []

        def hear(sender: Any, user: Any, user_id: str, reason: str) -> None:
            reasons.append(reason)

        app = limited("refuse")
        browsers = [log_in(app), log_in(app)]
        third = app.test_client()
        third.get("/cart/pear")
        with session_refused.connected_to(hear):
            assert third.post("/login", data={"id": "1"}).status_code == 403
        assert reasons == ["max_sessions"]
        assert [who(browser) for browser in (*browsers, third)] == ["1", "1", None]
        with third.session_transaction() as content:
            assert dict(content) == {"cart": "pear"}

    @pytest.mark.parametrize("policy", ["end_oldest", "refuse"])
    def test_same_device_again(self, limited: Any, policy: str) -> None:
        """Who logs in again in the same browser takes no other's place."""
        app = limited(policy)
        first, second = log_in(app), log_in(app, remember="1")
        for _ in range(3):
            assert second.post("/login", data={"id": "1"}).status_code == 200
        assert [who(browser) for browser in (first, second)] == ["1", "1"]

    @pytest.mark.parametrize("policy", ["end_oldest", "refuse"])
    def test_two_at_once(self, limited: Any, registry: MemoryRegistry, monkeypatch: Any, policy: str) -> None:
        """Who counts while another is let in counts once more after that: there are never more than are allowed."""
        app = limited(policy)
        log_in(app)
        add = registry.add

        def be_late(row: Any) -> bool:
            monkeypatch.setattr(registry, "add", add)
            log_in(app)
            return add(row)

        monkeypatch.setattr(registry, "add", be_late)
        log_in(app)
        assert len([row for row in registry.of_owner("1") if row.ended_at is None]) == 2

    def test_no_limit(self, limited: Any) -> None:
        """None is none."""
        app = limited()
        app.config["LOGIN_MAX_SESSIONS"] = None
        browsers = [log_in(app) for _ in range(4)]
        assert [who(browser) for browser in browsers] == ["1"] * 4


def test_end_by_time_is_told_once(app: Flask, clock: Clock) -> None:
    """Whatever has copies of its cookies: with the id of the row, and the reason."""
    heard: list[Any] = []

    def hear(sender: Any, **news: Any) -> None:
        heard.append(news)

    browser = log_in(app, remember="1", duration="3600")
    id = own_id(browser)
    copies = [browser, app.test_client()]
    copies[1].set_cookie("session", browser.get_cookie("session").value)
    clock.advance(3600)
    with session_ended.connected_to(hear):
        assert [who(copy) for copy in copies] == [None, None]
        browser.post("/logout")
    assert heard == [{"user_id": "1", "reason": "absolute_timeout", "session_id": id}]


class TestLogin:
    def test_signals(self, app: Flask) -> None:
        """A login is told once as started, and as a new device unless one like it is known."""
        news: list[str] = []

        def started(sender: Any, user: Any, session: Any) -> None:
            assert current_user == user
            news.append("started")

        def device(sender: Any, user: Any, session: Any) -> None:
            news.append(f"new {session.user_agent[13:20]}")

        with session_started.connected_to(started), new_device.connected_to(device):
            log_in(app, headers=PHONE)
            log_in(app, headers=PHONE)
            log_in(app, headers=DESKTOP).post("/logout")
            log_in(app, headers=DESKTOP)
        assert news == ["started", "new Android", "started", "started", "new X11; Li", "started"]

    def test_login_again_keeps_being_remembered(self, app: Flask, registry: MemoryRegistry, clock: Clock) -> None:
        """The user who is remembered already stays so, as long as was promised, and under another row."""
        browser = log_in(app, remember="1", duration="3600")
        before, id = remember_cookie(browser), own_id(browser)
        clock.advance(1800)
        browser.post("/login", data={"id": "1"})
        assert remember_cookie(browser) not in (None, before)
        assert own_id(browser) != id
        browser.delete_cookie("session")
        assert who(browser) == "1"
        clock.advance(1801)
        assert who(browser) is None

    @pytest.mark.parametrize("remember", [{}, {"remember": "1"}])
    def test_another_user(self, app: Flask, ends: list[tuple[str, str]], remember: dict[str, str]) -> None:
        """Who logs in over another leaves nothing of the other: content, cookie, row."""
        browser = log_in(app, remember="1")
        old = app.test_client()
        old.set_cookie("remember_token", remember_cookie(browser) or "")
        browser.get("/cart/pear")
        browser.post("/login", data={"id": "2", **remember})
        assert ends == [("1", "replaced")]
        assert who(old) is None
        with browser.session_transaction() as content:
            assert "cart" not in content
        browser.delete_cookie("session")
        assert who(browser) == ("2" if remember else None)

    def test_marks_are_needed(self, app: Flask) -> None:
        """A session that somebody wrote, or that is from before the registry, is no login."""
        client = app.test_client()
        with client.session_transaction() as content:
            content.update({"_user_id": "1", "_fresh": True})
        assert who(client) is None

    def test_another_id_beside_the_mark(self, app: Flask) -> None:
        """The row says who it is: an id in the session that is another's makes it no login."""
        browser = log_in(app)
        with browser.session_transaction() as content:
            content["_user_id"] = "2"
        assert who(browser) is None

    @pytest.mark.parametrize("part", range(3))
    def test_every_part_of_a_mark_counts(self, app: Flask, part: int) -> None:
        """A mark with another id, epoch or MAC is none, also with those of another login of the user's."""
        browser, other = log_in(app), log_in(app)
        with other.session_transaction() as content:
            parts_of_other = content["_registry"].split(".")
        with browser.session_transaction() as content:
            parts = content["_registry"].split(".")
            parts[part] = "2" if part == 1 else parts_of_other[part]
            content["_registry"] = ".".join(parts)
        assert who(browser) is None

    @pytest.mark.parametrize("junk", [None, 7, "", "...", "a.b.c", [], "x" * 5000, "\0", "aaa.1.\udc80"])
    def test_junk_marks(self, app: Flask, junk: Any) -> None:
        """Whatever stands in its place is no login, and no error."""
        app.session_interface = ServerSessions()
        browser = log_in(app)
        (content,) = app.session_interface.store.values()
        content["_registry"] = junk
        assert who(browser) is None

    def test_owner_that_stays(self, app: Flask, manager: LoginManager[Any], users: Users) -> None:
        """Devices are grouped by `session_owner`, however often the user's id changes."""
        manager.session_owner = lambda user: f"account-{user.name}"
        first = log_in(app)
        users["1b"] = users["1"]
        users["1"].id = "1b"
        second = log_in(app, "1b")
        assert len(second.get("/devices").json) == 2
        assert second.post("/end-others").json == {"ended": 1}
        assert (who(first), who(second)) == (None, "1b")

    @pytest.mark.parametrize("owner", ["", None, "x" * 256, "a\0b", "\udc80", object(), b"1", 1.5])
    def test_owner_that_cannot_be(self, app: Flask, manager: LoginManager[Any], users: Users, owner: Any) -> None:
        """A blank, overlong or unstorable owner is refused, and nobody is logged in."""
        manager.session_owner = lambda user: owner
        with app.test_request_context(), pytest.raises(UserIdError, match="owner"):
            login_user(users["1"])


class TestCredentials:
    def test_id_that_changes(self, app: Flask, users: Users) -> None:
        """A user whose id changes with the password stays logged in here, and nowhere else: no copy of a cookie is."""

        @app.post("/password")
        def password() -> str:
            assert current_user.is_authenticated
            users["9"] = users.pop("1")
            users["9"].id = "9"
            credentials_changed()
            return ""

        browser, other = log_in(app, remember="1"), log_in(app)
        tab = app.test_client()
        tab.set_cookie("session", browser.get_cookie("session").value)
        browser.post("/password")
        assert [who(one) for one in (browser, tab, other)] == ["9", None, None]
        browser.delete_cookie("session")
        assert who(browser) == "9"

    def test_without_a_key(self, app: Flask, manager: LoginManager[Any], users: Users, ends: list[Any]) -> None:
        """An app that has lost its key still ends a user's logins."""
        manager.security_stamp = lambda user: "first"
        log_in(app)
        app.config["SECRET_KEY"] = None
        with app.app_context():
            manager.credentials_changed(users["1"])
        assert ends == [("1", "credentials_changed")]

    def test_stamp_that_changes_by_itself(
        self, app: Flask, manager: LoginManager[Any], ends: list[tuple[str, str]]
    ) -> None:
        """A changed stamp ends the row at the next visit, by session or by cookie."""
        stamps = ["first"]
        manager.security_stamp = lambda user: stamps[0]
        by_session, by_cookie = log_in(app), log_in(app, remember="1")
        by_cookie.delete_cookie("session")
        assert (who(by_session), who(by_cookie)) == ("1", "1")
        by_cookie.delete_cookie("session")
        stamps[0] = "second"
        assert (who(by_session), who(by_cookie)) == (None, None)
        assert ends == [("1", "credentials_changed")] * 2

    def test_confirmed_in_another_tab(self, app: Flask, clock: Clock) -> None:
        """A session from before another tab gave the password gets the new mark, and no freshness: it may be a copy."""
        browser = log_in(app, stale="1")
        tab = app.test_client()
        tab.set_cookie("session", browser.get_cookie("session").value)
        browser.post("/reauth")
        answer = tab.get("/who")
        assert answer.json == {"user": "1", "source": "session", "fresh": False}
        assert set_cookies(answer, "session")
        assert browser.get("/fresh").status_code == 200

    def test_restored_beside_an_idle_tab(
        self, make_app: Any, registry: MemoryRegistry, clock: Clock, ends: list[tuple[str, str]]
    ) -> None:
        """A session that was idle for too long does not come back because another tab has restored the login."""
        app = make_app(LoginManager(registry=registry), LOGIN_IDLE_TIMEOUT=600)
        browser = log_in(app, remember="1")
        tab = app.test_client()
        tab.set_cookie("session", browser.get_cookie("session").value)
        copy = app.test_client()
        copy.set_cookie("session", browser.get_cookie("session").value)
        tab.set_cookie("remember_token", remember_cookie(browser) or "")
        clock.advance(601)
        assert who(copy) is None
        assert browser.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert tab.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert remember_cookie(tab) == remember_cookie(browser)
        assert who(copy) is None
        assert ends == [("1", "idle_timeout")]

    def test_beside_a_request_in_flight(
        self, app: Flask, manager: LoginManager[Any], users: Users, monkeypatch: Any, ends: list[Any]
    ) -> None:
        """A request that has read the row before the change, and the stamp after it, does not end the login."""
        stamps = ["first"]
        manager.security_stamp = lambda user: stamps[0]

        @app.post("/password")
        def password() -> str:
            assert current_user.is_authenticated
            stamps[0] = "second"
            credentials_changed()
            return ""

        for cookies in (("session",), ("remember_token",), ("session", "remember_token")):
            browser = log_in(app, remember="1")
            tab = app.test_client()
            for name in cookies:
                tab.set_cookie(name, browser.get_cookie(name).value)
            load = users.load

            def be_slow(user_id: str, browser: Any = browser, load: Any = load) -> Any:
                manager.user_callback = load
                browser.post("/password")
                return load(user_id)

            manager.user_callback = be_slow
            assert tab.get("/who").status_code == 200
            assert who(browser) == "1"
            stamps[0] = "first"
            ends.clear()

    def test_another_object_with_another_id(self, app: Flask, manager: LoginManager[Any], users: Users) -> None:
        """Whose login it is says the owner, not the object."""
        manager.session_owner = lambda user: user.name

        @app.post("/password")
        def password() -> str:
            assert current_user.is_authenticated
            users["9"] = User("9", users.pop("1").name)
            credentials_changed(users["9"])
            return ""

        browser = log_in(app)
        browser.post("/password")
        assert who(browser) == "9"


class TestRestore:
    def test_twice_is_one_row(self, app: Flask, registry: MemoryRegistry) -> None:
        """A browser that is closed every day stays one device, never fresh."""
        browser = log_in(app, remember="1")
        for _ in range(3):
            browser.delete_cookie("session")
            assert browser.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert len(registry.of_owner("1")) == 1
        assert browser.get("/remembered").json == {"remembered": True}

    def test_guard_in_a_thread(self, app: Flask) -> None:
        """A guarded function that a guarded view runs in a thread leaves the response to the view's own guard."""

        @login_required
        def resolve() -> str:
            return str(current_user.get_id())

        @app.get("/resolve")
        @login_required
        def page() -> list[str]:
            found: list[str] = []
            thread = Thread(target=copy_current_request_context(lambda: found.append(resolve())))
            thread.start()
            thread.join()
            return found

        browser = log_in(app, remember="1")
        before = remember_cookie(browser)
        browser.delete_cookie("session")
        response = browser.get("/resolve")
        assert response.json == ["1"]
        assert response.headers["Cache-Control"] == "private"
        assert remember_cookie(browser) != before

    def test_error_in_the_view(self, app: Flask) -> None:
        """The new cookies go out also with a 500."""

        @app.get("/broken")
        def broken() -> str:
            raise RuntimeError(str(current_user))

        app.config["PROPAGATE_EXCEPTIONS"] = False
        browser = log_in(app, remember="1")
        browser.delete_cookie("session")
        answer = browser.get("/broken")
        assert answer.status_code == 500
        assert set_cookies(answer, "remember_token")
        assert set_cookies(answer, "session")

    @pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "Prefetch"])
    def test_prefetch(self, app: Flask, registry: MemoryRegistry, purpose: str) -> None:
        """A page that is fetched ahead restores no login, and changes neither a row nor a cookie."""
        browser = log_in(app, remember="1")
        assert browser.get("/who", headers={"Sec-Purpose": purpose}).json["source"] == "session"
        browser.delete_cookie("session")
        (before,) = registry.of_owner("1")
        answer = browser.get("/who", headers={"Sec-Purpose": purpose})
        assert answer.json["user"] is None
        assert "Set-Cookie" not in answer.headers
        assert registry.of_owner("1") == [before]
        assert who(browser) == "1"

    def test_level_that_was_tightened(self, app: Flask, clock: Clock) -> None:
        """A level of assurance holds for logins that began before it: nobody is remembered for longer than it says."""
        browsers = [log_in(app, remember="1") for _ in range(2)]
        for browser in browsers:
            browser.delete_cookie("session")
        app.config["LOGIN_ASSURANCE"] = "aal2"
        clock.advance(86399)
        assert who(browsers[0]) == "1"
        clock.advance(2)
        assert who(browsers[1]) is None
        assert remember_cookie(browsers[1]) is None
        app.config["LOGIN_ASSURANCE"] = "aal3"
        assert who(log_in(app)) == "1"

    @pytest.mark.parametrize("change", ["gone", "inactive"])
    def test_user_who_is_no_more(self, app: Flask, users: Users, change: str) -> None:
        """The cookie of a user who is gone, or inactive, is deleted, and there is no alarm."""
        alarms: list[Any] = []
        browser = log_in(app, remember="1")
        browser.delete_cookie("session")
        if change == "gone":
            del users["1"]
        else:
            users["1"].active = False
        with remember_stolen.connected_to(lambda *a, **k: alarms.append(k)):
            assert who(browser) is None
        assert remember_cookie(browser) is None
        assert alarms == []

    def test_cookies_of_a_newer_store(self, app: Flask, registry: MemoryRegistry, caplog: Any) -> None:
        """A cookie that is newer than its row is refused, without an alarm, and a warning says why that may be."""
        browser = log_in(app, remember="1")
        (backup,) = registry.of_owner("1")
        browser.delete_cookie("session")
        assert who(browser) == "1"
        browser.delete_cookie("session")
        (now,) = registry.of_owner("1")
        registry.replace(now, backup)
        assert who(browser) is None
        assert "restored from a backup" in caplog.text
        assert [row.ended_at for row in registry.of_owner("1")] == [None]

    def test_key_rotation(self, app: Flask) -> None:
        """Under an older key both cookies work, and are issued anew under the newest; then the older may go."""
        app.session_interface = ServerSessions()
        browser = log_in(app, remember="1")
        token = remember_cookie(browser)
        app.config.update(SECRET_KEY="a-newer-key-of-the-tests", SECRET_KEY_FALLBACKS=[KEY])
        assert browser.get("/who").json["source"] == "session"
        app.config["SECRET_KEY_FALLBACKS"] = []
        assert browser.get("/who").json["source"] == "session"
        assert remember_cookie(browser) != token
        browser.delete_cookie("session")
        assert browser.get("/who").json["source"] == "remember"

    def test_key_rotation_with_stamps(self, app: Flask, manager: LoginManager[Any]) -> None:
        """The stamp stands in the row alone, also where it was made under an older key."""
        app.session_interface = ServerSessions()
        manager.security_stamp = lambda user: "first"
        browser = log_in(app)
        marks = []
        for keys in ({}, {"SECRET_KEY": "a-newer-key-of-the-tests", "SECRET_KEY_FALLBACKS": [KEY]}):
            app.config.update(keys)
            assert who(browser) == "1"
            with browser.session_transaction() as content:
                marks.append(content["_id"])
        assert marks[0] == marks[1]

    def test_key_that_was_never_ours(self, app: Flask) -> None:
        """Without the older key, neither works."""
        app.session_interface = ServerSessions()
        browser = log_in(app, remember="1")
        app.config.update(SECRET_KEY="a-newer-key-of-the-tests")
        assert who(browser) is None
        assert remember_cookie(browser) is None

    def test_cookie_of_another_app(self, app: Flask) -> None:
        """With another LOGIN_AUDIENCE, the same row and key make other cookies."""
        browser = log_in(app, remember="1")
        app.config["LOGIN_AUDIENCE"] = "another"
        assert who(browser) is None

    def test_every_byte_counts(self, app: Flask) -> None:
        """A remember cookie with any one character changed is refused."""
        token = remember_cookie(log_in(app, remember="1")) or ""
        for place, letter in enumerate(token):
            other = "A" if letter != "A" else "B"
            visitor = app.test_client()
            visitor.set_cookie("remember_token", token[:place] + other + token[place + 1 :])
            assert who(visitor) is None, place

    def test_marks_and_tokens_are_not_each_other(self, app: Flask) -> None:
        """The MAC of a session's mark makes no remember cookie."""
        browser = log_in(app, remember="1")
        with browser.session_transaction() as content:
            mark = content["_registry"]
        visitor = app.test_client()
        visitor.set_cookie("remember_token", f"2.{mark}")
        assert who(visitor) is None


class TestExchange:
    """Remember cookies from before the registry."""

    @pytest.fixture
    def old_app(self, make_app: Any) -> Flask:
        return make_app()  # type: ignore[no-any-return]

    @pytest.fixture(params=["ours", "Flask-Login's"])
    def old(self, request: Any, old_app: Flask, clock: Clock) -> str:
        """A remember cookie that was issued without a registry."""
        if request.param == "ours":
            cookie = remember_cookie(log_in(old_app, remember="1"))
        else:
            from flask_login import encode_cookie

            with old_app.app_context():
                cookie = encode_cookie("1")
        clock.advance(3600)
        assert cookie is not None
        return cookie

    @staticmethod
    def browser(app: Flask, cookie: str) -> Any:
        browser = app.test_client()
        browser.set_cookie("remember_token", cookie)
        return browser

    def test_remembered_users_stay(self, app: Flask, registry: MemoryRegistry, old: str) -> None:
        """The cookie is exchanged for a row, and for a cookie of the new kind."""
        browser = self.browser(app, old)
        assert browser.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert (remember_cookie(browser) or "").startswith("2.")
        (row,) = registry.of_owner("1")
        assert (row.remembered, row.authenticated_at) == (True, None)
        browser.delete_cookie("session")
        assert who(browser) == "1"

    def test_parallel_requests_are_one_row(self, app: Flask, registry: MemoryRegistry, old: str) -> None:
        """Who comes second gets what the first got."""
        browsers = [self.browser(app, old) for _ in range(3)]
        assert [who(browser) for browser in browsers] == ["1"] * 3
        assert len({remember_cookie(browser) for browser in browsers}) == 1
        assert len(registry.of_owner("1")) == 1

    def test_race_for_the_row(self, app: Flask, registry: MemoryRegistry, old: str, monkeypatch: Any) -> None:
        """Also if both found no row."""
        add, first = registry.add, self.browser(app, old)

        def be_late(row: Any) -> bool:
            monkeypatch.setattr(registry, "add", add)
            assert who(first) == "1"
            return add(row)

        monkeypatch.setattr(registry, "add", be_late)
        second = self.browser(app, old)
        assert who(second) == "1"
        assert remember_cookie(first) == remember_cookie(second)

    def test_copy_after_the_exchange(
        self, app: Flask, old_app: Flask, clock: Clock, ends: list[tuple[str, str]]
    ) -> None:
        """A copy that is used after the new cookie was seen is a theft."""
        old = remember_cookie(log_in(old_app, remember="1")) or ""
        browser = self.browser(app, old)
        assert [who(browser), who(browser)] == ["1", "1"]
        clock.advance(61)
        assert who(self.browser(app, old)) is None
        assert ends == [("1", "theft")]

    @pytest.mark.parametrize("agents", [(PHONE, DESKTOP), (PHONE, PHONE)])
    def test_flask_logins_on_two_devices(
        self, app: Flask, old_app: Flask, registry: MemoryRegistry, clock: Clock, ends: list[Any], agents: Any
    ) -> None:
        """Flask-Login's cookie is the same text on all devices of a user: each gets a row, and nobody an alarm."""
        from flask_login import encode_cookie

        with old_app.app_context():
            old = encode_cookie("1")
        devices = [self.browser(app, old) for _ in agents]
        for device, agent in zip(devices, agents, strict=True):
            assert [who(device, headers=agent) for _ in range(2)] == ["1", "1"]
            clock.advance(61)
        assert [who(device, headers=agent) for device, agent in zip(devices, agents, strict=True)] == ["1", "1"]
        assert len(registry.of_owner("1")) == 2
        assert ends == []

    @pytest.mark.parametrize("way", ["logout", "login"])
    def test_end_before_the_exchange(self, app: Flask, registry: MemoryRegistry, old: str, way: str) -> None:
        """A logout, or another login, of a browser whose cookie was not exchanged yet ends that, too."""
        browser = self.browser(app, old)
        browser.post("/logout") if way == "logout" else browser.post("/login", data={"id": "2"})
        assert who(self.browser(app, old)) is None
        assert [row for row in registry.of_owner("1") if row.ended_at is None] == []

    def test_limit_holds_for_exchanges(self, app: Flask, registry: MemoryRegistry, old: str) -> None:
        """One cookie, brought by many browsers, makes no more logins than are allowed."""
        app.config["LOGIN_MAX_SESSIONS"] = 2
        for number in range(5):
            who(self.browser(app, old), headers={"User-Agent": f"browser {'x' * number}"})
        assert len([row for row in registry.of_owner("1") if row.ended_at is None]) <= 2

    def test_id_that_cannot_be_kept(self, make_app: Any, users: Users) -> None:
        """A user whose id is too long for the registry is not restored, and that is no error."""
        users["1"].id = "x" * 300
        users["x" * 300] = users["1"]
        browser = self.browser(
            make_app(LoginManager(registry=MemoryRegistry())),
            remember_cookie(log_in(make_app(), remember="1")) or "",
        )
        assert who(browser) is None

    @pytest.mark.parametrize(("stamp", "user"), [("first", "1"), ("second", None)])
    def test_stamp(self, app: Flask, old_app: Flask, manager: Any, stamp: str, user: str | None) -> None:
        """One from before the password changed is not exchanged; the row of another goes on under the user's stamp."""
        stamps = ["first"]
        manager.security_stamp = old_app.login_manager.security_stamp = lambda user: stamps[0]
        cookie = remember_cookie(log_in(old_app, remember="1"))
        stamps[0] = stamp
        browser = self.browser(app, cookie or "")
        assert [who(browser), who(browser)] == [user] * 2
        assert (remember_cookie(browser) is None) is (user is None)

    def test_switched_off(self, app: Flask, registry: MemoryRegistry, old: str) -> None:
        """With REMEMBER_COOKIE_ACCEPT_LEGACY = False no older cookie is exchanged: who has the key can make one."""
        app.config["REMEMBER_COOKIE_ACCEPT_LEGACY"] = False
        browser = self.browser(app, old)
        assert who(browser) is None
        assert remember_cookie(browser) is None
        assert registry.of_owner("1") == []

    def test_copy_after_a_logout(self, app: Flask, clock: Clock, old: str) -> None:
        """No copy of it works after its login has ended, however much later."""
        browser = self.browser(app, old)
        assert who(browser) == "1"
        browser.post("/logout")
        for days in (0, 1, 30, 300):
            clock.advance(days * 86400)
            with app.app_context():
                list(app.login_manager.registry.purge(datetime_of(clock)))
            assert who(self.browser(app, old)) is None

    def test_after_all_logins_were_ended(self, app: Flask, manager: Any, users: Users, clock: Clock, old: str) -> None:
        """Once all logins of a user were ended, a cookie from before does not come back."""
        with app.app_context():
            manager.end_sessions(users["1"])
        clock.advance(3600)
        browser = self.browser(app, old)
        assert who(browser) is None
        assert remember_cookie(browser) is None

    def test_after_everybodys_were_ended(self, app: Flask, manager: Any, old: str) -> None:
        """The same for everybody's."""
        with app.app_context():
            manager.end_everybodys_sessions()
        assert who(self.browser(app, old)) is None

    def test_issued_after_that(self, app: Flask, old_app: Flask, manager: Any, users: Users, clock: Clock) -> None:
        """One that was issued after that (by a server that runs the old release, say) is exchanged."""
        with app.app_context():
            manager.end_sessions(users["1"])
        clock.advance(10)
        cookie = remember_cookie(log_in(old_app, remember="1"))
        assert who(self.browser(app, cookie or "")) == "1"

    def test_ended_while_it_was_exchanged(
        self, app: Flask, manager: Any, users: Users, registry: MemoryRegistry, old: str, monkeypatch: Any
    ) -> None:
        """Also if that happens in the middle."""
        add = registry.add

        def be_late(row: Any) -> bool:
            monkeypatch.setattr(registry, "add", add)
            manager.end_sessions(users["1"])
            return add(row)

        monkeypatch.setattr(registry, "add", be_late)
        assert who(self.browser(app, old)) is None
        assert [row for row in registry.of_owner("1") if row.ended_at is None] == []


def datetime_of(clock: Clock) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(clock.now, UTC)


class TestRealms:
    def test_owners_are_apart(self, make_app: Any, registry: MemoryRegistry, users: Users) -> None:
        """The same id in two realms is two people: neither lists or ends the other's devices."""
        main: LoginManager[Any] = LoginManager(registry=registry)
        app = make_app(main)
        staff: LoginManager[Any] = LoginManager(app, name="staff", registry=registry)
        staff.user_loader(users.load)

        @app.post("/staff/login")
        def staff_login() -> str:
            staff.login_user(users["1"], remember=True)
            return ""

        @app.get("/staff/who")
        def staff_who() -> str:
            return str(staff.current_user.get_id())

        browser = log_in(app, remember="1")
        browser.post("/staff/login")
        with app.app_context():
            (mine,), (theirs,) = main.active_sessions(users["1"]), staff.active_sessions(users["1"])
            assert mine.id != theirs.id
            assert main.end_session(theirs.id, user=users["1"]) is False
            assert main.end_sessions(users["1"]) == 1
        assert (who(browser), browser.get("/staff/who").text) == (None, "1")

    def test_owner_that_looks_like_a_realms(self, registry: MemoryRegistry, make_app: Any, users: Users) -> None:
        """An id of the default realm that looks like one of another realm's is not taken for it."""
        from flask_sessionauth.rows import stored_owner

        assert len({stored_owner(None, "staff:1"), stored_owner("staff", "1"), stored_owner(None, ":staff:1")}) == 3


class TestCache:
    def test_answers_are_trusted_for_a_while(self, make_app: Any, registry: MemoryRegistry, monkeypatch: Any) -> None:
        """With LOGIN_REGISTRY_CACHE a process asks once, and learns of an end elsewhere when it is over."""
        app = make_app(LoginManager(registry=registry), LOGIN_REGISTRY_CACHE=5)
        now = [1000.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        browser = log_in(app)
        assert [who(browser), who(browser)] == ["1", "1"]
        gets, get = [], registry.get
        monkeypatch.setattr(registry, "get", lambda id: (gets.append(id), get(id))[1])
        assert who(browser) == "1"
        assert gets == []
        # Another process.
        registry.end_all("1", None, next(iter(registry.of_owner("1"))).created_at, "revoked")
        assert who(browser) == "1"
        now[0] += 5.1
        assert who(browser) is None

    def test_only_good_answers_are_trusted(self, make_app: Any, registry: MemoryRegistry) -> None:
        """A mark that another process has renewed is looked up, and not taken for a stale one."""
        apps = [make_app(LoginManager(registry=registry), LOGIN_REGISTRY_CACHE=3600) for _ in range(2)]
        browser = log_in(apps[0])
        jar = {"session": browser.get_cookie("session").value}
        elsewhere = apps[1].test_client()
        elsewhere.set_cookie("session", jar["session"])
        assert who(elsewhere) == "1"
        browser.post("/reauth")
        elsewhere.set_cookie("session", browser.get_cookie("session").value)
        assert elsewhere.get("/who").json == {"user": "1", "source": "session", "fresh": True}

    def test_own_ends_are_known_at_once(self, make_app: Any, registry: MemoryRegistry) -> None:
        """What this process has ended, it does not trust."""
        app = make_app(LoginManager(registry=registry), LOGIN_REGISTRY_CACHE=3600)
        browser = log_in(app)
        assert [who(browser), who(browser)] == ["1", "1"]
        copy = app.test_client()
        copy.set_cookie("session", browser.get_cookie("session").value)
        browser.post("/logout")
        assert who(copy) is None


class TestSlowRequests:
    @pytest.mark.parametrize("has_functions", [False, True])
    @pytest.mark.parametrize("guard", [login_required, lambda view: view])
    def test_newer_mark(self, app: Flask, guard: Any, has_functions: bool, monkeypatch: Any, clock: Clock) -> None:
        """A slow request that writes the session writes the mark of now, not of when it began."""
        jar: dict[str, Any] = {}
        if has_functions:
            app.after_request(lambda response: response)

        @app.get("/slow")
        @guard
        def slow() -> str:
            assert current_user.is_authenticated
            session["cart"] = "pear"
            jar["other"].post("/reauth")
            now = time_of_monotonic()
            monkeypatch.setattr("time.monotonic", lambda: now + 2)
            return ""

        browser = log_in(app)
        jar["other"] = app.test_client()
        jar["other"].set_cookie("session", browser.get_cookie("session").value)
        browser.get("/slow")
        with browser.session_transaction() as content, jar["other"].session_transaction() as other:
            assert content["_registry"] == other["_registry"]
            assert content["cart"] == "pear"

    @pytest.mark.parametrize("has_stamps", [False, True])
    @pytest.mark.parametrize("copied", ["session", "remember_token"])
    def test_credentials_change_meanwhile(
        self, app: Flask, manager: LoginManager[Any], clock: Clock, monkeypatch: Any, copied: str, has_stamps: bool
    ) -> None:
        """Whoever holds a slow page open with a copy gets nothing of what the new password has brought."""
        stamps, jar = ["first"], dict[str, Any]()
        if has_stamps:
            manager.security_stamp = lambda user: stamps[0]

        @app.post("/password")
        def password() -> str:
            assert current_user.is_authenticated
            stamps[0] = "second"
            credentials_changed()
            return ""

        @app.get("/slow")
        def slow() -> str:
            assert current_user.is_authenticated
            session["cart"] = "pear"
            jar["browser"].post("/password")
            now = time_of_monotonic()
            monkeypatch.setattr("time.monotonic", lambda: now + 2)
            return ""

        browser = jar["browser"] = log_in(app, remember="1")
        thief = app.test_client()
        thief.set_cookie(copied, browser.get_cookie(copied).value)
        thief.get("/slow")
        assert who(thief) is None
        thief.delete_cookie("session")
        clock.advance(3600)
        assert who(thief) is None
        assert who(browser) == "1"

    def test_credentials_change_while_the_user_is_loaded(
        self, app: Flask, manager: LoginManager[Any], users: Users, clock: Clock
    ) -> None:
        """Nor does who reads the row before the new password, and writes it after that."""

        @app.post("/password")
        def password() -> str:
            assert current_user.is_authenticated
            credentials_changed()
            return ""

        browser = log_in(app)
        thief = app.test_client()
        thief.set_cookie("session", browser.get_cookie("session").value)
        clock.advance(61)

        def be_slow(user_id: str) -> Any:
            manager.user_callback = users.load
            browser.post("/password")
            return users.load(user_id)

        manager.user_callback = be_slow
        refused = thief.get("/private")
        assert refused.status_code == REDIRECT
        assert not set_cookies(refused, "session")
        assert who(thief) is None
        assert who(browser) == "1"


class TestUnseenAnswers:
    def test_strong_protection(self, make_app: Any, registry: MemoryRegistry, ends: list[Any]) -> None:
        """A session in another browser is nobody's there, also where no answer can say so."""
        app = make_app(LoginManager(registry=registry), SESSION_PROTECTION="strong")
        browser = log_in(app, headers=DESKTOP, remember="1")
        thief = app.test_client()
        thief.set_cookie("session", browser.get_cookie("session").value)
        headers = {**PHONE, "Sec-Purpose": "prefetch"}
        for _ in range(2):
            assert who(thief, headers=headers) is None
            assert thief.get("/private", headers=headers).status_code == REDIRECT
        assert ends == []
        assert who(browser, headers=DESKTOP) == "1"
        assert who(thief, headers=PHONE) is None
        assert ends == [("1", "session_protection")]

    @pytest.mark.parametrize("reason", ["idle_timeout", "absolute_timeout", "unknown_user"])
    def test_ends_are_told(
        self, make_app: Any, registry: MemoryRegistry, users: Users, clock: Clock, ends: list[Any], reason: str
    ) -> None:
        """A page that is fetched ahead ends nothing, so that the next one tells of it."""
        limits = {"idle_timeout": "LOGIN_IDLE_TIMEOUT", "absolute_timeout": "LOGIN_ABSOLUTE_TIMEOUT"}
        app = make_app(LoginManager(registry=registry), **({limits[reason]: 600} if reason in limits else {}))
        browser = log_in(app)
        if reason in limits:
            clock.advance(601)
        else:
            del users["1"]
        assert who(browser, headers={"Sec-Purpose": "prefetch"}) is None
        assert ends == []
        for _ in range(2):
            assert who(browser) is None
        assert ends == [("1", reason)]


class TestNews:
    def test_alarm_after_a_receiver_that_fails(self, app: Flask, clock: Clock) -> None:
        """A theft is told of, also if who hears of the end fails."""
        app.testing = False
        alarms: list[str] = []

        def hear(sender: Any, user_id: str, session: Any) -> None:
            alarms.append(user_id)

        def fail(sender: Any, **news: Any) -> None:
            raise ValueError

        browser, thief = log_in(app, remember="1"), app.test_client()
        thief.set_cookie("remember_token", browser.get_cookie("remember_token").value)
        for _ in range(2):
            browser.delete_cookie("session")
            who(browser)
        clock.advance(61)
        with remember_stolen.connected_to(hear), session_ended.connected_to(fail):
            assert thief.get("/who").status_code == 500
        assert alarms == ["1"]

    def test_store_goes_down_in_a_login(
        self, make_app: Any, registry: MemoryRegistry, clock: Clock, ends: list[Any], monkeypatch: Any
    ) -> None:
        """Which logins have ended before that is told."""
        app = make_app(LoginManager(registry=registry), LOGIN_MAX_SESSIONS=1)
        log_in(app)
        clock.advance(1)
        browser = log_in(app, "2")
        replace, done = registry.replace, list[bool]()

        def fail_then(old: Any, new: Any) -> bool:
            if done:
                raise RegistryDownError
            done.append(replace(old, new))
            return done[0]

        monkeypatch.setattr(registry, "replace", fail_then)
        assert browser.post("/login", data={"id": "1"}).status_code == 503
        assert ends == [("1", "max_sessions")]

    def test_store_goes_down_after_an_end(
        self, make_app: Any, registry: MemoryRegistry, clock: Clock, ends: list[Any], monkeypatch: Any
    ) -> None:
        """The same holds where a session ended, and the remember cookie could not be asked for."""
        app = make_app(LoginManager(registry=registry), LOGIN_IDLE_TIMEOUT=600)
        browser, other = log_in(app), log_in(app, "2", remember="1")
        browser.set_cookie("remember_token", other.get_cookie("remember_token").value)
        clock.advance(601)
        get, (row,) = registry.get, registry.of_owner("2")

        def fail(id: str) -> Any:
            if id == row.id:
                raise RegistryDownError
            return get(id)

        monkeypatch.setattr(registry, "get", fail)
        assert browser.get("/who").status_code == 503
        monkeypatch.undo()
        assert ends == [("1", "idle_timeout")]
        who(browser)
        assert ends == [("1", "idle_timeout")]

    def test_ends_of_one_moment(
        self, app: Flask, manager: LoginManager[Any], users: Users, clock: Clock, ends: list[Any]
    ) -> None:
        """Each end is told once, however little time there is between them."""
        for _ in range(3):
            log_in(app)
            with app.app_context():
                manager.end_sessions(users["1"])
        assert len(ends) == 3


def test_session_cleared_after_a_restore(app: Flask, clock: Clock) -> None:
    """A page that clears the session makes no thief of the browser: the next remember cookie goes out all the same."""
    alarms: list[Any] = []

    def hear(sender: Any, **news: Any) -> None:
        alarms.append(news)

    @app.get("/home")
    def home() -> str:
        here = str(current_user.get_id())
        session.clear()
        return here

    browser = log_in(app, remember="1")
    with remember_stolen.connected_to(hear):
        for _ in range(15):
            browser.delete_cookie("session")
            clock.advance(3600)
            answer = browser.get("/home")
            assert answer.text == "1"
            assert set_cookies(answer, "remember_token")
    assert alarms == []


def test_restored_after_a_stale_mark(make_app: Any, registry: MemoryRegistry, clock: Clock) -> None:
    """A session with an old mark that is restored is one like any other: the way back is kept in it."""
    app = make_app(LoginManager(registry=registry), USE_SESSION_FOR_NEXT=True)
    browser = log_in(app, remember="1")
    old = browser.get_cookie("session").value
    browser.delete_cookie("session")
    who(browser)
    who(browser)
    clock.advance(100)
    browser.set_cookie("session", old)
    assert browser.get("/fresh").location == "/reauth"
    with browser.session_transaction() as content:
        assert content["next"] == "/fresh"


def time_of_monotonic() -> float:
    import time

    return time.monotonic()


def test_rotation_is_told_with_the_user(app: Flask) -> None:
    """A receiver of `remember_rotated` sees who it is."""
    seen: list[Any] = []

    def hear(sender: Any, user: Any, session: Any) -> None:
        seen.append((current_user.get_id(), user.get_id(), session.generation))

    browser = log_in(app, remember="1")
    browser.delete_cookie("session")
    with remember_rotated.connected_to(hear):
        who(browser)
    assert seen == [("1", "1", 2)]
