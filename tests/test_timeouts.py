"""Idle and absolute timeouts, freshness by age, and assurance levels, through the client."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, flash, get_flashed_messages, session
from scene import Clock, ServerSessions, Users, remember_cookie, set_cookies

from flask_sessionauth import LoginManager, current_user, login_user, session_ended, session_protected

MINUTE, HOUR, DAY = 60, 3600, 86400
MakeApp = Callable[..., Flask]


def who(client: Any) -> Any:
    return client.get("/who").json["user"]


class TestIdle:
    """LOGIN_IDLE_TIMEOUT."""

    def test_both_sides(self, make_app: MakeApp, users: Users, clock: Clock, ends: list[Any]) -> None:
        """A session goes on a second before the limit, and is over at the limit, for good and with one signal."""
        early = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        late = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        clock.advance(HOUR - 1)
        assert who(early) == "1"
        clock.advance(1)
        assert who(late) is None
        assert who(late) is None
        assert ends == [("1", "idle_timeout")]

    def test_use_extends_it(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A session in use does not end, however long it is used."""
        client = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        for _ in range(50):
            clock.advance(HOUR - MINUTE - 1)
            assert who(client) == "1"

    def test_pages_that_do_not_ask_are_no_use(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """They neither extend the session nor touch its cookie."""
        client = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        for _ in range(2):
            clock.advance(HOUR / 2)
            assert "Set-Cookie" not in client.get("/public").headers
        assert who(client) is None

    def test_cookie_is_written_once_per_interval(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """One request in each touch interval rewrites the session's cookie, and no more."""
        client = make_app(LOGIN_IDLE_TIMEOUT=HOUR, LOGIN_TOUCH_INTERVAL=60).test_client(user=users["1"])
        written = []
        for _ in range(180):
            clock.advance(1)
            written += [clock.now] * len(set_cookies(client.get("/private"), "session"))
        assert len(written) == 3
        assert [b - a for a, b in itertools.pairwise(written)] == [60, 60]

    def test_remember_cookie_brings_it_back_stale(
        self, make_app: MakeApp, users: Users, clock: Clock, ends: list[Any]
    ) -> None:
        """A remembered user past the limit is restored, keeps the session's content, and is not fresh."""
        client = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client()
        client.login(users["1"], remember=True)
        client.get("/cart/apples")
        clock.advance(HOUR)
        assert client.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": False}
        assert client.get("/fresh").status_code != 200
        with client.session_transaction() as stored:
            assert stored["cart"] == "apples"
        assert ends == [("1", "idle_timeout")]

    def test_nothing_is_left_for_the_next_visitor(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """What the program kept in the session of a login that timed out is gone, and not the next user's."""
        client = make_app(LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        client.get("/cart/apples")
        clock.advance(HOUR)
        assert who(client) is None
        with client.session_transaction() as stored:
            assert dict(stored) == {}

    def test_another_remembered_user_gets_nothing(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Nor is it the remembered user's, if that is somebody else."""
        app = make_app(LOGIN_IDLE_TIMEOUT=HOUR)
        other = app.test_client()
        other.login(users["2"], remember=True)
        client = app.test_client(user=users["1"])
        client.get("/cart/apples")
        client.set_cookie("remember_token", other.get_cookie("remember_token").value)
        clock.advance(HOUR)
        assert who(client) == "2"
        with client.session_transaction() as stored:
            assert "cart" not in stored

    def test_another_realm_goes_on(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """The end of one realm's login is not the end of another's."""
        app = make_app(LOGIN_IDLE_TIMEOUT=HOUR)
        admin: LoginManager[Any] = LoginManager(app, name="admin")
        admin.user_loader(users.load)
        app.add_url_rule("/admin", view_func=admin.login_required(lambda: admin.current_user.name), endpoint="admin")
        client = app.test_client()
        client.login(users["1"])
        clock.advance(HOUR / 2)
        client.login(users["2"], realm="admin")
        clock.advance(HOUR / 2)
        assert who(client) is None
        assert client.get("/admin").text == "bob"

    def test_message_of_a_receiver(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """What a receiver of `session_ended` leaves in the session is there for the next page."""
        app = make_app(LOGIN_IDLE_TIMEOUT=HOUR)
        app.add_url_rule("/messages", "messages", get_flashed_messages)
        client: Any = app.test_client(user=users["1"])
        client.get("/cart/apples")
        clock.advance(HOUR)

        def hear(sender: Flask, user_id: str, reason: str, session_id: None) -> None:
            flash(reason)

        with session_ended.connected_to(hear, app):
            assert who(client) is None
        assert client.get("/messages").json == ["idle_timeout"]

    def test_message_about_protection(self, make_app: MakeApp, users: Users) -> None:
        """The same holds for a receiver of `session_protected`, where the protection ends the login."""
        app = make_app(SESSION_PROTECTION="strong")
        app.add_url_rule("/messages", "messages", get_flashed_messages)
        client: Any = app.test_client(user=users["1"])

        def hear(sender: Flask) -> None:
            flash("protected")

        with session_protected.connected_to(hear, app):
            assert client.get("/who", headers={"User-Agent": "another"}).json["user"] is None
        assert client.get("/messages").json == ["protected"]

    def test_written_before_the_next_login(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """What the request itself writes between the end of one user's login and the next user's, stays."""
        app = make_app(LOGIN_IDLE_TIMEOUT=HOUR)

        @app.get("/sso")
        def sso() -> str:
            assert current_user.is_anonymous
            session["sso"] = "ticket"
            login_user(users["2"])
            return ""

        client: Any = app.test_client(user=users["1"])
        client.get("/cart/apples")
        clock.advance(HOUR)
        client.get("/sso")
        with client.session_transaction() as stored:
            assert stored["sso"] == "ticket"
            assert "cart" not in stored


class TestAbsolute:
    """LOGIN_ABSOLUTE_TIMEOUT."""

    def test_both_sides(self, make_app: MakeApp, users: Users, clock: Clock, ends: list[Any]) -> None:
        """However active, a session is over at the limit, and not a second before."""
        client = make_app(LOGIN_ABSOLUTE_TIMEOUT=DAY, LOGIN_IDLE_TIMEOUT=HOUR).test_client(user=users["1"])
        for _ in range(47):
            clock.advance(HOUR / 2)
            assert who(client) == "1"
        clock.advance(HOUR / 2 - 1)
        assert who(client) == "1"
        clock.advance(1)
        assert who(client) is None
        assert ends == [("1", "absolute_timeout")]

    def test_nothing_moves_it_but_a_login(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Neither use nor a confirmed login moves the end; a new login starts anew."""
        client = make_app(LOGIN_ABSOLUTE_TIMEOUT=DAY).test_client(user=users["1"])
        clock.advance(DAY - 1)
        client.post("/reauth")
        assert client.get("/who").json["fresh"]
        clock.advance(1)
        assert who(client) is None
        client.login(users["1"])
        clock.advance(DAY / 2)
        client.login(users["1"])
        clock.advance(DAY - 1)
        assert who(client) == "1"

    def test_no_request_writes_the_cookie(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Without an idle timeout there is nothing to write at a use."""
        client = make_app(LOGIN_ABSOLUTE_TIMEOUT=DAY).test_client(user=users["1"])
        clock.advance(HOUR)
        assert set_cookies(client.get("/private"), "session") == []

    def test_restored_session_ends_with_its_token(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A session from a remember cookie is over when the cookie is, and not a day later."""
        client = make_app(LOGIN_ABSOLUTE_TIMEOUT=DAY).test_client()
        client.login(users["1"], remember=True, duration=36 * HOUR)
        clock.advance(30 * HOUR)
        assert client.get("/who").json["source"] == "remember"
        clock.advance(6 * HOUR - 1)
        assert client.get("/who").json["source"] == "session"
        clock.advance(1)
        assert who(client) is None

    def test_restored_session_is_in_use(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Its time may have started before the restore; its last use is the restore."""
        app = make_app(LOGIN_ABSOLUTE_TIMEOUT=2 * HOUR, LOGIN_IDLE_TIMEOUT=HOUR / 2, REMEMBER_COOKIE_DURATION=3 * HOUR)
        client = app.test_client()
        client.login(users["1"], remember=True)
        clock.advance(2 * HOUR)
        assert client.get("/who").json["source"] == "remember"
        clock.advance(HOUR / 2 - 1)
        assert client.get("/who").json["source"] == "session"

    def test_longest_timeout(self, make_app: MakeApp, users: Users) -> None:
        """A century ends no restored session."""
        client: Any = make_app(LOGIN_ABSOLUTE_TIMEOUT=36525 * DAY).test_client()
        client.login(users["1"], remember=True)
        client.delete_cookie("session")
        assert [client.get("/who").json["source"] for _ in range(2)] == ["remember", "session"]


class TestFailClosed:
    """A session that lacks what a setting needs."""

    @pytest.mark.parametrize("key", ["LOGIN_IDLE_TIMEOUT", "LOGIN_ABSOLUTE_TIMEOUT"])
    def test_bare_session(self, make_app: MakeApp, key: str, ends: list[Any]) -> None:
        """A session that says no more than who it is, is a login until a timeout is on."""
        app = make_app()
        client = app.test_client()
        with client.session_transaction() as stored:
            stored.update({"_user_id": "1", "_fresh": True})
        assert who(client) == "1"
        app.config[key] = HOUR
        assert who(client) is None
        assert ends == [("1", "unmarked")]

    def test_session_from_before_the_idle_timeout(self, make_app: MakeApp, users: Users, ends: list[Any]) -> None:
        """Nobody knows when it was used last: it is over."""
        app = make_app()
        client = app.test_client(user=users["1"])
        app.config["LOGIN_IDLE_TIMEOUT"] = HOUR
        assert who(client) is None
        assert ends == [("1", "unmarked")]

    def test_session_from_before_the_absolute_timeout(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Each session knows when it began: it goes on until its time is over."""
        app = make_app()
        client = app.test_client(user=users["1"])
        clock.advance(HOUR - 1)
        app.config["LOGIN_ABSOLUTE_TIMEOUT"] = HOUR
        assert who(client) == "1"
        clock.advance(1)
        assert who(client) is None

    def test_confirmed_session_of_flask_logins(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A session that does not know when it began counts from the time its user confirmed it."""
        app = make_app()
        client = app.test_client()
        with client.session_transaction() as stored:
            stored.update({"_user_id": "1", "_fresh": True})
        client.post("/reauth")
        assert client.get("/recent").status_code == 200
        app.config["LOGIN_ABSOLUTE_TIMEOUT"] = HOUR
        clock.advance(HOUR - 1)
        assert who(client) == "1"
        clock.advance(1)
        assert who(client) is None

    @pytest.mark.parametrize(
        "mark",
        [
            *["", "likeness", "likeness....", "likeness.x.0.x", "likeness.-1.0.-1", "likeness.1e9.0.1", None, 5],
            *[{}, [], "likeness.1.2.3.4.5.6", "a" * 5000, "likeness.99999999999.0.99999999999"],
        ],
    )
    @pytest.mark.parametrize("key", ["LOGIN_IDLE_TIMEOUT", "LOGIN_ABSOLUTE_TIMEOUT"])
    def test_junk(self, make_app: MakeApp, key: str, mark: object) -> None:
        """Whatever the mark is, it is no error and no login."""
        client = make_app(**{key: HOUR}).test_client()
        with client.session_transaction() as stored:
            stored.update({"_user_id": "1", "_fresh": True, "_id": mark})
        assert who(client) is None

    def test_clock_that_jumps_back(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A login from the future is none; a minute is no future."""
        app = make_app(LOGIN_IDLE_TIMEOUT=HOUR, LOGIN_ABSOLUTE_TIMEOUT=DAY)
        # Flask's own session cookie is not valid before it was made.
        app.session_interface = ServerSessions()
        client = app.test_client(user=users["1"])
        clock.advance(-60)
        assert who(client) == "1"
        clock.advance(-1)
        assert who(client) is None


class TestFreshness:
    """LOGIN_FRESH_LIFETIME."""

    def test_both_sides(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A login is fresh until a second before the limit, does not slide, and goes on stale."""
        client = make_app(LOGIN_FRESH_LIFETIME=HOUR).test_client(user=users["1"])
        for _ in range(2):
            clock.advance(HOUR / 2 - 1)
            assert client.get("/fresh").status_code == 200
        clock.advance(1)
        assert client.get("/who").json["fresh"] is True
        clock.advance(1)
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": False}
        assert client.get("/fresh").status_code != 200
        assert client.get("/private").status_code == 200

    def test_confirmed(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """`confirm_login` starts the age anew."""
        client = make_app(LOGIN_FRESH_LIFETIME=HOUR).test_client(user=users["1"])
        clock.advance(HOUR)
        client.post("/reauth")
        clock.advance(HOUR - 1)
        assert client.get("/fresh").status_code == 200
        clock.advance(1)
        assert client.get("/fresh").status_code != 200

    def test_unknown_age(self, make_app: MakeApp, users: Users) -> None:
        """A fresh session without a date is a login, and not fresh."""
        client = make_app(LOGIN_FRESH_LIFETIME=HOUR).test_client()
        with client.session_transaction() as stored:
            stored.update({"_user_id": "1", "_fresh": True})
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": False}

    def test_guard_with_an_age(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Of a guard's age and the setting, the shorter one counts."""
        app = make_app(LOGIN_FRESH_LIFETIME=HOUR)
        client = app.test_client(user=users["1"])
        clock.advance(601)
        assert client.get("/fresh").status_code == 200
        assert client.get("/recent").status_code != 200
        app.config["LOGIN_FRESH_LIFETIME"] = 300
        client.post("/reauth")
        clock.advance(300)
        assert client.get("/recent").status_code != 200


class TestAssurance:
    """LOGIN_ASSURANCE."""

    @pytest.mark.parametrize(("level", "idle", "absolute"), [("aal2", HOUR, DAY), ("aal3", 15 * MINUTE, 12 * HOUR)])
    def test_limits(self, make_app: MakeApp, users: Users, clock: Clock, level: str, idle: int, absolute: int) -> None:
        """The level's limits hold, on both sides."""
        app = make_app(LOGIN_ASSURANCE=level)
        used, unused = app.test_client(user=users["1"]), app.test_client(user=users["1"])
        clock.advance(idle)
        assert who(unused) is None
        used = app.test_client(user=users["1"])
        for _ in range(absolute // (idle // 2) - 1):
            clock.advance(idle / 2)
            assert who(used) == "1"
        clock.advance(idle / 2)
        assert who(used) is None

    def test_nobody_is_remembered_at_the_highest(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """No remember cookie is set, and none from before is taken."""
        app = make_app()
        client = app.test_client()
        client.login(users["1"], remember=True)
        app.config["LOGIN_ASSURANCE"] = "aal3"
        client.delete_cookie("session")
        assert who(client) is None
        assert remember_cookie(client) is None
        client.login(users["1"], remember=True)
        assert remember_cookie(client) is None

    def test_remembered_no_longer_than_the_level_allows(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """Whatever was asked for at the login, and whatever was allowed then; the session ends with it."""
        app = make_app()
        old, new = app.test_client(), app.test_client()
        old.login(users["1"], remember=True)
        app.config["LOGIN_ASSURANCE"] = "aal2"
        new.login(users["1"], remember=True, duration=30 * DAY)
        clock.advance(DAY - 1)
        for client in (old, new):
            assert client.get("/who").json["source"] == "remember"
        clock.advance(1)
        for client in (old, new):
            assert who(client) is None

    def test_cookie_without_a_date(self, make_app: MakeApp, app: Flask) -> None:
        """Flask-Login's cookie proves no age, so no level takes it."""
        from flask_sessionauth import encode_cookie

        with app.app_context():
            theirs = encode_cookie("1")
        for level, user in ((None, "1"), ("aal1", None)):
            client = make_app(LOGIN_ASSURANCE=level).test_client()
            client.set_cookie("remember_token", theirs)
            assert who(client) == user

    def test_stricter_timeout_beside_a_level(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A restored session lasts as long as any other, but no longer than the level allows."""
        client: Any = make_app(LOGIN_ASSURANCE="aal2", LOGIN_ABSOLUTE_TIMEOUT=HOUR).test_client()
        client.login(users["1"], remember=True)
        clock.advance(DAY - HOUR - 60)
        for source in ("remember", "session"):
            assert client.get("/who").json["source"] == source
        clock.advance(HOUR - 1)
        assert client.get("/who").json["source"] == "session"
        clock.advance(1)
        assert client.get("/who").json["source"] == "remember"
        clock.advance(59)
        assert client.get("/who").json["source"] == "session"
        clock.advance(1)
        assert who(client) is None
