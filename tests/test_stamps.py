"""Security stamps and `credentials_changed`: what ends when a user's credentials change, and what goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, after_this_request, request
from scene import KEY, Clock, ServerSessions, User, Users, remember_cookie, set_cookies

from flask_sessionauth import (
    LoginManager,
    SecurityStampError,
    SetupError,
    confirm_login,
    credentials_changed,
    current_user,
    encode_cookie,
    login_remembered,
    login_required,
    login_user,
)
from flask_sessionauth.registry import MemoryRegistry

MakeApp = Callable[..., Flask]
OLD_KEY = "the key of last year, long enough"


class Stamped(User):
    """A user whose password hash is the stamp."""

    def __init__(self, user_id: str, name: str) -> None:
        super().__init__(user_id, name)
        self.security_stamp: Any = f"scrypt:{name}:first"


@pytest.fixture
def users() -> Users:
    users = Users()
    users.update({"1": Stamped("1", "ada"), "2": Stamped("2", "bob")})
    return users


@pytest.fixture
def app(make_app: MakeApp, users: Users) -> Flask:
    app = make_app()

    @app.post("/password")
    @login_required
    def password() -> str:
        current_user.security_stamp += "+"
        credentials_changed()
        return "changed"

    @app.get("/remembered")
    def remembered() -> str:
        return str(login_remembered())

    return app


def who(client: Any) -> Any:
    return client.get("/who").json["user"]


def device(app: Flask, user: User, *, remember: bool = True) -> Any:
    client = app.test_client()
    client.login(user, remember=remember)
    return client


def without_session(client: Any) -> Any:
    client.delete_cookie("session")
    return client


class TestChangedStamp:
    """The stamp is another than at the login."""

    def test_session_and_cookie_end(self, app: Flask, users: Users, ends: list[Any]) -> None:
        """Sessions and remember cookies of the user end, with one signal, and leave nothing in the browser."""
        session, cookie = device(app, users["1"], remember=False), without_session(device(app, users["1"]))
        other = device(app, users["2"])
        session.get("/cart/apples")
        users["1"].security_stamp = "scrypt:ada:second"
        for client in (session, cookie):
            assert who(client) is None
            assert who(client) is None
            assert remember_cookie(client) is None
            with client.session_transaction() as stored:
                assert dict(stored) == {}
        assert ends == [("1", "credentials_changed")]
        assert who(other) == "2"

    def test_stamp_that_comes_back(self, app: Flask, users: Users) -> None:
        """A session that was ended stays ended, also if the stamp is the old one again."""
        client = device(app, users["1"])
        users["1"].security_stamp += "+"
        assert who(client) is None
        users["1"].security_stamp = users["1"].security_stamp[:-1]
        assert who(client) is None

    @pytest.mark.parametrize(("before", "after"), [(None, "a"), ("", "a"), ("a", None), ("a", ""), ("a", "b")])
    def test_every_change_counts(self, app: Flask, users: Users, before: Any, after: Any) -> None:
        """A first password, and one that is removed, are changes as well."""
        users["1"].security_stamp = before
        session, cookie = device(app, users["1"]), without_session(device(app, users["1"]))
        assert who(session) == who(cookie) == "1"
        without_session(cookie)
        users["1"].security_stamp = after
        assert who(without_session(cookie)) is None
        assert who(session) is None

    def test_none_is_blank(self, app: Flask, users: Users) -> None:
        """A user without a stamp, by whatever name, is the same user without a stamp."""
        users["1"].security_stamp = None
        client = device(app, users["1"])
        users["1"].security_stamp = ""
        assert who(client) == "1"

    def test_session_from_before_stamps(self, make_app: MakeApp, users: Users, ends: list[Any]) -> None:
        """A session, a cookie, and Flask-Login's cookie that lack the stamp are no logins once users have one."""
        app = make_app()
        plain = Users()
        app.login_manager.user_loader(plain.load)
        session, cookie, theirs = device(app, plain["1"]), without_session(device(app, plain["1"])), app.test_client()
        with app.app_context():
            theirs.set_cookie("remember_token", encode_cookie("1"))
        app.login_manager.user_loader(users.load)
        assert [who(client) for client in (session, cookie, theirs)] == [None] * 3
        assert ends == [("1", "unmarked")]

    def test_stamps_are_switched_off(self, make_app: MakeApp, users: Users) -> None:
        """A login under a stamp is none for a user who has no such thing any more."""
        app = make_app()
        session, cookie = device(app, users["1"], remember=False), without_session(device(app, users["1"]))
        app.login_manager.user_loader(Users().load)
        assert [who(client) for client in (session, cookie)] == [None] * 2

    def test_stamp_of_somebody_else(self, app: Flask, users: Users) -> None:
        """The mark of one user's session is worth nothing in another's, not even with the same stamp."""
        users["2"].security_stamp = users["1"].security_stamp
        client = device(app, users["1"], remember=False)
        with client.session_transaction() as stored:
            stored["_user_id"] = "2"
        assert who(client) is None

    @pytest.mark.parametrize("junk", ["", "x", "x" * 16, "\ud800", "a.b", "x" * 5000])
    def test_junk(self, app: Flask, users: Users, junk: str) -> None:
        """A mark of any form is no error, and no login."""
        client = device(app, users["1"], remember=False)
        with client.session_transaction() as stored:
            stored["_id"] = f"likeness....{junk}"
        assert who(client) is None

    def test_loader_that_fails_meanwhile(self, make_app: MakeApp, users: Users) -> None:
        """What the session held is gone, too, if the user of the remember cookie cannot be loaded just then."""
        app = make_app(PROPAGATE_EXCEPTIONS=False)
        app.logger.disabled = True
        client = device(app, users["1"])
        client.get("/cart/apples")
        users["1"].security_stamp += "+"
        loads: list[str] = []

        def load(user_id: str) -> User | None:
            loads.append(user_id)
            if len(loads) == 2:
                raise OSError
            return users.load(user_id)

        app.login_manager.user_loader(load)
        assert client.get("/who").status_code == 500
        assert who(client) is None
        with client.session_transaction() as stored:
            assert dict(stored) == {}


class TestStamp:
    """What a stamp may be, and where it goes."""

    def test_only_a_mac_leaves(self, app: Flask, users: Users, caplog: pytest.LogCaptureFixture) -> None:
        """Neither the session, nor the cookie, nor a log shows the stamp."""
        caplog.set_level(logging.DEBUG)
        client = device(app, users["1"])
        client.post("/password")
        with client.session_transaction() as stored:
            assert "scrypt" not in str(dict(stored))
            assert len(stored["_id"].split(".")[4]) == 16
        assert "scrypt" not in str(remember_cookie(client))
        assert "scrypt" not in caplog.text

    @pytest.mark.parametrize("stamp", [5, b"hash", ["hash"], True], ids=repr)
    def test_wrong_type(self, app: Flask, users: Users, stamp: object) -> None:
        """A stamp that is no text is an error by the name of its class, without its value, and changes nothing."""
        client = device(app, users["1"])
        users["1"].security_stamp = stamp
        for step in (lambda: who(client), lambda: who(without_session(client)), lambda: client.login(users["1"])):
            with pytest.raises(SecurityStampError, match=r"Stamped is of type \w+; allowed: a str") as refusal:
                step()
            assert "hash" not in str(refusal.value)
        assert remember_cookie(client) is not None

    def test_property_that_fails(self, make_app: MakeApp, users: Users) -> None:
        """An AttributeError inside the stamp's property is no switch that is off."""

        class Broken(User):
            @property
            def security_stamp(self) -> str:
                return self.password_hsah  # type: ignore[attr-defined, no-any-return]

        app = make_app()
        users["1"] = Broken("1", "ada")
        with pytest.raises(AttributeError, match="hsah"):
            app.test_client().login(users["1"])

    def test_callable_on_the_manager(self, make_app: MakeApp) -> None:
        """It takes the place of the attribute."""
        versions = {"1": "a"}
        app = make_app()
        plain = Users()
        app.login_manager.user_loader(plain.load)
        app.login_manager.security_stamp = lambda user: versions[user.id]
        client = device(app, plain["1"])
        assert who(client) == "1"
        versions["1"] = "b"
        assert who(client) is None

    def test_no_key(self, app: Flask, users: Users) -> None:
        """A stamp cannot be kept without a key, and says so."""
        app.session_interface = ServerSessions()
        app.config["SECRET_KEY"] = None
        with pytest.raises(SetupError, match="security stamp needs a SECRET_KEY"):
            app.test_client().login(users["1"])

    def test_no_cookie_is_written_at_a_use(self, app: Flask, users: Users) -> None:
        """A stamp that is right costs no new cookie."""
        assert set_cookies(device(app, users["1"]).get("/private"), "session") == []


class TestKeys:
    """Key rotation."""

    def test_rotation(self, make_app: MakeApp, users: Users, clock: Clock) -> None:
        """A mark under a fallback key is a login, is upgraded once, and then works without that key."""
        app = make_app(SECRET_KEY=OLD_KEY)
        # Flask's own session knows fallback keys since 3.1.
        app.session_interface = ServerSessions()
        session, cookie = device(app, users["1"], remember=False), without_session(device(app, users["1"]))
        app.config.update(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=[OLD_KEY])
        marks = []
        for _ in range(3):
            with session.session_transaction() as stored:
                marks.append(stored["_id"])
            assert who(session) == "1"
        assert marks[0] != marks[1] == marks[2]
        assert who(cookie) == "1"
        app.config["SECRET_KEY_FALLBACKS"] = []
        assert [who(client) for client in (session, without_session(cookie))] == ["1", "1"]

    @pytest.mark.parametrize("has_registry", [False, True])
    def test_key_made_in_the_request(self, make_app: MakeApp, users: Users, has_registry: bool) -> None:
        """A page that makes the app's key, and logs its visitor in, does so under that key."""
        app = make_app(LoginManager(registry=MemoryRegistry() if has_registry else None))

        @app.get("/set-up")
        def set_up() -> str:
            assert not current_user.is_authenticated
            app.config["SECRET_KEY"] = "a key that a page has made for its app"
            login_user(users["1"], remember=True)
            return ""

        client = app.test_client()
        client.get("/set-up")
        assert [who(client), who(without_session(client))] == ["1", "1"]

    @pytest.mark.parametrize(("logs_in", "is_late"), [(False, False), (True, False), (True, True)])
    def test_key_made_in_a_login(self, make_app: MakeApp, users: Users, logs_in: bool, is_late: bool) -> None:
        """The same where a login goes on under a new password, or begins anew, behind a guard."""
        app = make_app()

        def change(response: Any) -> Any:
            app.config["SECRET_KEY"] = "a key that a page has made for its app"
            users["1"].security_stamp += "+"
            if logs_in:
                login_user(users["1"], remember=True)
            else:
                credentials_changed()
            return response

        @app.get("/rotate")
        @login_required
        def rotate() -> Any:
            if is_late:
                after_this_request(change)
                return ""
            return change("")

        client = device(app, users["1"])
        client.get("/rotate")
        assert who(client) == "1"
        assert who(without_session(client)) == ("1" if logs_in else None)

    def test_dropped_key(self, make_app: MakeApp, users: Users) -> None:
        """A mark under a key that is gone is no login, in a session that no key protects either."""
        app = make_app(SECRET_KEY=OLD_KEY)
        app.session_interface = ServerSessions()
        client = device(app, users["1"], remember=False)
        app.config["SECRET_KEY"] = KEY
        assert who(client) is None

    def test_change_under_a_fallback_key(self, make_app: MakeApp, users: Users) -> None:
        """A changed stamp ends a login under a fallback key as well."""
        app = make_app(SECRET_KEY=OLD_KEY)
        app.session_interface = ServerSessions()
        client = device(app, users["1"])
        app.config.update(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=[OLD_KEY])
        users["1"].security_stamp += "+"
        assert who(client) is None
        assert remember_cookie(client) is None


class TestCredentialsChanged:
    """`credentials_changed()`."""

    def test_this_one_goes_on(self, app: Flask, users: Users) -> None:
        """This browser stays logged in, fresh and remembered, with its session; all others are out."""
        here, phone, tablet = (device(app, users["1"]) for _ in range(3))
        without_session(tablet)
        here.get("/cart/apples")
        before = remember_cookie(here)
        assert here.post("/password").text == "changed"
        assert here.get("/who").json == {"user": "1", "source": "session", "fresh": True}
        with here.session_transaction() as stored:
            assert stored["cart"] == "apples"
        assert here.get("/remembered").text == "True"
        assert remember_cookie(here) not in (None, before)
        assert here.get("/who").json["user"] == "1"
        assert without_session(here).get("/who").json["source"] == "remember"
        assert [who(client) for client in (phone, tablet)] == [None, None]

    def test_remember_cookie_keeps_its_end(self, app: Flask, users: Users, clock: Clock) -> None:
        """The new remember cookie is over when the old one was."""
        client = app.test_client()
        client.login(users["1"], remember=True, duration=1000)
        clock.advance(600)
        client.post("/password")
        clock.advance(399)
        assert who(without_session(client)) == "1"
        clock.advance(1)
        assert who(without_session(client)) is None

    def test_old_copies_are_dead(self, app: Flask, users: Users) -> None:
        """Copies of this browser's own cookies from before the change work no more."""
        here, thief = device(app, users["1"]), app.test_client()
        for name in ("session", "remember_token"):
            thief.set_cookie(name, here.get_cookie(name).value)
        here.post("/password")
        assert who(thief) is None
        assert remember_cookie(thief) is None

    def test_not_remembered_before(self, app: Flask, users: Users) -> None:
        """A browser that was not remembered is not remembered after it."""
        client = device(app, users["1"], remember=False)
        client.post("/password")
        assert remember_cookie(client) is None

    @pytest.mark.parametrize("refresh", [False, True])
    def test_dead_cookie_stays_dead(self, app: Flask, users: Users, refresh: bool) -> None:
        """A remember cookie from before an earlier change is neither taken for this login's nor brought to life."""
        client = device(app, users["1"])
        dead = client.get_cookie("remember_token").value
        users["1"].security_stamp += "+"
        client.login(users["1"])
        client.set_cookie("remember_token", dead)
        app.config["REMEMBER_COOKIE_REFRESH_EACH_REQUEST"] = refresh
        assert client.get("/remembered").text == "False"
        client.post("/password")
        assert remember_cookie(client) in (None, dead)
        assert who(without_session(client)) is None

    def test_stale_stays_stale(self, app: Flask, users: Users) -> None:
        """It is no login: a restored one does not become fresh by it."""
        client = without_session(device(app, users["1"]))
        client.post("/password")
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": False}
        assert who(without_session(client)) == "1"

    def test_session_id_is_renewed(self, app: Flask, users: Users) -> None:
        """A server-side session gets another id."""
        app.session_interface = ServerSessions()
        client = device(app, users["1"])
        before = client.get_cookie("session").value
        client.post("/password")
        assert client.get_cookie("session").value != before
        assert who(client) == "1"

    def test_after_key_rotation(self, app: Flask, users: Users) -> None:
        """A remember cookie under a fallback key is recognised as this browser's, and goes on."""
        app.session_interface = ServerSessions()
        app.config["SECRET_KEY"] = OLD_KEY
        client = device(app, users["1"])
        app.config.update(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=[OLD_KEY])
        client.post("/password")
        app.config["SECRET_KEY_FALLBACKS"] = []
        assert who(without_session(client)) == "1"

    def test_id_that_changes_too(self, make_app: MakeApp, users: Users) -> None:
        """A user whose id changes with the credentials stays logged in under the new one; no stamp is needed for it."""
        app = make_app()
        ada = User("old", "ada")
        app.login_manager.user_loader(lambda user_id: ada if user_id == ada.id else None)

        @app.post("/password")
        @login_required
        def password() -> str:
            ada.id = "new"
            credentials_changed(current_user)
            return "changed"

        here, phone = device(app, ada), device(app, ada)
        assert here.post("/password").text == "changed"
        assert who(here) == "new"
        assert who(without_session(here)) == "new"
        assert who(phone) is None

    def test_nothing_that_could_end_them(self, make_app: MakeApp, users: Users) -> None:
        """A user without a stamp is an error: the program would believe that the others have ended."""
        app = make_app()
        users["1"].security_stamp = None

        @app.post("/password")
        def password() -> None:
            credentials_changed()

        with pytest.raises(SetupError, match="ends no login of a Stamped; give it a security_stamp"):
            device(app, users["1"]).post("/password")

    def test_somebody_elses(self, app: Flask, users: Users) -> None:
        """For another user nothing happens here: the administrator's login stays as it is, the other's have ended."""
        admin, victim = device(app, users["2"]), device(app, users["1"])

        @app.post("/reset")
        @login_required
        def reset() -> str:
            users["1"].security_stamp += "+"
            credentials_changed(users["1"])
            return "reset"

        assert set_cookies(admin.post("/reset"), "session") == []
        assert who(admin) == "2"
        assert who(victim) is None

    def test_nobody(self, app: Flask) -> None:
        """Without a login and without a user there is nothing to do."""
        app.add_url_rule("/anyone", view_func=lambda: str(credentials_changed()), endpoint="anyone")
        assert app.test_client().get("/anyone").text == "None"

    @pytest.mark.parametrize("login_first", [True, False])
    def test_with_a_login_in_the_same_request(self, app: Flask, users: Users, login_first: bool) -> None:
        """A password reset that logs in, in either order, leaves a login that works and remembers."""

        @app.post("/reset")
        def reset() -> str:
            ada = users["1"]
            ada.security_stamp += "+"
            if login_first:
                login_user(ada, remember=True)
            credentials_changed(ada)
            if not login_first:
                login_user(ada, remember=True)
            return "in"

        phone, client = device(app, users["1"]), app.test_client()
        client.post("/reset")
        assert who(client) == "1"
        assert who(without_session(client)) == "1"
        assert who(phone) is None

    def test_of_a_request_loader(self, make_app: MakeApp, users: Users) -> None:
        """A user by an API token has no session to go on."""
        app = make_app()
        app.login_manager.request_loader(lambda request: users["1"])

        @app.post("/password")
        def password() -> str:
            current_user.security_stamp += "+"
            credentials_changed()
            return "changed"

        response = app.test_client().post("/password")
        assert response.text == "changed"
        assert "Set-Cookie" not in response.headers

    def test_realm(self, app: Flask, users: Users) -> None:
        """It is a method of each realm's manager, and of that realm's login only."""
        admin: LoginManager[Any] = LoginManager(app, name="admin")
        admin.user_loader(users.load)

        @app.post("/admin/password")
        @admin.login_required
        def admin_password() -> str:
            admin.current_user.security_stamp += "+"
            admin.credentials_changed()
            return "changed"

        app.add_url_rule("/admin", view_func=admin.login_required(lambda: admin.current_user.name), endpoint="admin")
        client = device(app, users["2"])
        client.login(users["1"], realm="admin")
        client.post("/admin/password")
        assert client.get("/admin").text == "ada"
        assert who(client) == "2"


def test_confirm_login_keeps_the_stamp(app: Flask, users: Users) -> None:
    """A confirmed login is still one, under the same stamp."""
    app.add_url_rule("/sure", view_func=lambda: str(confirm_login(users["1"])), endpoint="sure")
    client = device(app, users["1"], remember=False)
    client.get("/sure")
    assert client.get("/who").json == {"user": "1", "source": "session", "fresh": True}


class TestClearSiteData:
    """LOGIN_CLEAR_SITE_DATA."""

    def test_logout(self, make_app: MakeApp, users: Users) -> None:
        """A logout says what the browser shall clear, in quotes; no other response does."""
        client = make_app(LOGIN_CLEAR_SITE_DATA=("cache", "storage")).test_client(user=users["1"])
        assert "Clear-Site-Data" not in client.get("/private").headers
        assert client.post("/logout").headers["Clear-Site-Data"] == '"cache", "storage"'
        assert "Clear-Site-Data" not in client.get("/who").headers

    def test_default(self, make_app: MakeApp, users: Users) -> None:
        """Nothing is said unless it is set."""
        assert "Clear-Site-Data" not in make_app().test_client(user=users["1"]).post("/logout").headers

    def test_logout_and_login(self, make_app: MakeApp, users: Users) -> None:
        """Whoever logs in again in the same request keeps what the browser has."""
        app = make_app(LOGIN_CLEAR_SITE_DATA="*")

        @app.post("/switch")
        def switch() -> str:
            app.login_manager.logout_user()
            login_user(users["2"])
            return "in"

        response = app.test_client(user=users["1"]).post("/switch")
        assert "Clear-Site-Data" not in response.headers

    def test_logout_of_a_view_that_fails(self, make_app: MakeApp, users: Users) -> None:
        """A page that fails after the logout says it as well."""
        app = make_app(LOGIN_CLEAR_SITE_DATA="*", PROPAGATE_EXCEPTIONS=False)

        @app.post("/fail")
        def fail() -> None:
            app.login_manager.logout_user()
            raise OSError

        response = app.test_client(user=users["1"]).post("/fail")
        assert response.status_code == 500
        assert response.headers["Clear-Site-Data"] == '"*"'

    @pytest.mark.parametrize("is_asked_before", [False, True])
    @pytest.mark.parametrize("when", ["after the view", "at each request"])
    def test_late_logout(self, make_app: MakeApp, users: Users, when: str, is_asked_before: bool) -> None:
        """A logout in a function that runs after the view says it, whatever the response has been looked at for."""
        app = make_app(LOGIN_CLEAR_SITE_DATA="*")

        def leave(response: Any) -> Any:
            if request.path == "/late":
                app.login_manager.logout_user()
            return response

        if when == "at each request":
            app.after_request(leave)
        else:
            # Such an app is looked at differently.
            app.after_request(lambda response: response)

        @app.get("/late")
        def late() -> str:
            if is_asked_before:
                assert current_user.is_authenticated
            if when == "after the view":
                after_this_request(leave)
            return ""

        client = app.test_client(user=users["1"])
        assert client.get("/late").headers["Clear-Site-Data"] == '"*"'
        assert client.get("/who").json["user"] is None
