"""Who is recognised, by what, and what happens to a login that is none any more."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask, copy_current_request_context, current_app
from scene import REDIRECT, User, Users, remember_cookie, set_cookies

from flask_sessionauth import (
    AnonymousUserMixin,
    LoginManager,
    SetupError,
    UserLookupError,
    current_user,
    login_remembered,
    login_source,
    session_protected,
    user_accessed,
    user_loaded_from_cookie,
    user_loaded_from_request,
)

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def without_session(client: Any) -> Any:
    client.delete_cookie("session")
    return client


class TestSource:
    """`login_source`."""

    def test_all_of_them(self, app: Flask, users: Users) -> None:
        """Login, session, remember cookie, request loader, nobody."""
        app.login_manager.request_loader(lambda request: users.get(request.headers.get("X-Id", "")))

        @app.get("/login-now")
        def login_now() -> str:
            current_app.login_manager.login_user(users["1"], remember=True)
            return str(login_source())

        client = app.test_client()
        assert client.get("/who").json == {"user": None, "source": None, "fresh": False}
        assert client.get("/who", headers={"X-Id": "2"}).json == {"user": "2", "source": "request", "fresh": False}
        assert client.get("/login-now").text == "login"
        assert client.get("/who", headers={"X-Id": "2"}).json == {"user": "1", "source": "session", "fresh": True}
        assert without_session(client).get("/who").json["source"] == "remember"

    def test_request_loader_leaves_no_trace(self, app: Flask, users: Users) -> None:
        """What a request loader recognised is over with the request: no session, no cookie."""
        app.login_manager.request_loader(lambda request: users["2"])
        response = app.test_client().get("/who")
        assert "Set-Cookie" not in response.headers


class TestDeadIds:
    """A user who is gone."""

    def test_session_of_a_deleted_user(self, client: Any, users: Users) -> None:
        """The id is dropped at once, and so are the remember cookie and all that the session held."""
        client.get("/cart/apples")
        client.login(users["2"], remember=True)
        del users["2"]
        assert client.get("/who").json["user"] is None
        assert remember_cookie(client) is None
        with client.session_transaction() as stored:
            assert dict(stored) == {}
        users.loads = 0
        client.get("/who")
        assert users.loads == 0

    def test_remember_cookie_of_a_deleted_user(self, client: Any, users: Users) -> None:
        """It is deleted at once."""
        client.login(users["2"], remember=True)
        del users["2"]
        without_session(client).get("/who")
        assert remember_cookie(client) is None

    def test_id_that_comes_back_is_somebody_else(self, client: Any, users: Users) -> None:
        """A new user who gets the old id does not inherit the login that was dropped."""
        gone = users.pop("1")
        client.login(gone, remember=True)
        client.get("/who")
        users["1"] = User("1", "newcomer")
        assert client.get("/who").json["user"] is None

    @pytest.mark.parametrize("junk", ["junk", "1|junk", "", "1|1.1.1.n..m"])
    def test_junk_cookie(self, client: Any, junk: str) -> None:
        """A remember cookie that is none is deleted, and the visitor is nobody."""
        client.set_cookie("remember_token", junk)
        response = client.get("/who")
        assert response.json["user"] is None
        assert "Max-Age=0" in set_cookies(response, "remember_token")[0]

    def test_junk_does_not_block_the_request_loader(self, app: Flask, users: Users) -> None:
        """With a junk cookie and a dead session the request loader is asked all the same."""
        app.login_manager.request_loader(lambda request: users["2"])
        client = app.test_client()
        client.set_cookie("remember_token", "junk")
        with client.session_transaction() as stored:
            stored["_user_id"] = "99"
        assert client.get("/who").json["user"] == "2"


class TestInactiveUsers:
    """A user who is disabled."""

    def test_disabled_after_login(self, client: Any, users: Users) -> None:
        """Neither session nor remember cookie of a disabled user opens a guarded page."""
        client.login(users["1"], remember=True)
        users["1"].active = False
        assert client.get("/private").status_code == REDIRECT
        assert without_session(client).get("/private").status_code == REDIRECT
        assert remember_cookie(client) is None

    def test_user_without_the_attribute(self, make_app: Any) -> None:
        """A user class that knows no activity is not kept out by its remember cookie."""

        class Plain:
            is_authenticated = True

            def get_id(self) -> str:
                return "1"

        manager: LoginManager[Plain] = LoginManager()
        manager.user_loader(lambda user_id: Plain())
        client = make_app(manager).test_client()
        client.login(Plain(), remember=True, force=True)
        assert without_session(client).get("/who").json["source"] == "remember"


class TestLoaders:
    """What a loader may do."""

    def test_current_user_in_a_loader(self, app: Flask, users: Users) -> None:
        """It is anonymous there, and no recursion; the request then has the user."""
        seen = []

        def load(user_id: str) -> User | None:
            seen.append(current_user.is_authenticated)
            return users.get(user_id)

        app.login_manager.user_loader(load)
        client = app.test_client(user=users["1"])
        assert client.get("/private").text == "private ada"
        assert seen == [False]

    def test_current_user_in_the_loaders_of_two_threads(self, app: Flask, users: Users) -> None:
        """The same in several threads of one request: each loader is asked once."""
        seen: list[bool] = []
        second_is_in, first_has_asked = Event(), Event()

        def load(user_id: str) -> User | None:
            app.login_manager.user_loader(load_in_second)
            thread = Thread(target=copy_current_request_context(current_user._get_current_object))
            thread.start()
            assert second_is_in.wait(5)
            seen.append(current_user.is_authenticated)
            first_has_asked.set()
            thread.join()
            return users.get(user_id)

        def load_in_second(user_id: str) -> User | None:
            app.login_manager.user_loader(users.load)
            second_is_in.set()
            assert first_has_asked.wait(5)
            seen.append(current_user.is_authenticated)
            return users.get(user_id)

        app.login_manager.user_loader(load)
        assert app.test_client(user=users["1"]).get("/private").text == "private ada"
        assert seen == [False, False]
        assert users.loads == 0

    def test_loaders_of_two_threads_that_fail(self, app: Flask, users: Users) -> None:
        """Neither leaves a trace that keeps the request from asking once more."""
        second_is_in, first_has_failed = Event(), Event()
        threads = []

        def fail(user_id: str) -> None:
            app.login_manager.user_loader(fail_later)
            threads.append(Thread(target=copy_current_request_context(ask)))
            threads[0].start()
            assert second_is_in.wait(5)
            raise OSError

        def fail_later(user_id: str) -> None:
            second_is_in.set()
            assert first_has_failed.wait(5)
            raise OSError

        def ask() -> None:
            with pytest.raises(OSError):  # noqa: PT011
                current_user.is_authenticated  # noqa: B018

        @app.get("/ask")
        def page() -> str:
            ask()
            first_has_failed.set()
            threads[0].join()
            app.login_manager.user_loader(users.load)
            return str(current_user.get_id())

        client = app.test_client(user=users["1"])
        app.login_manager.user_loader(fail)
        assert client.get("/ask").text == "1"

    def test_stamp_that_logs_out(self, app: Flask, users: Users) -> None:
        """A login that is ended while its user's stamp is asked for is over."""
        client = app.test_client(user=users["1"])

        def leave(user: User) -> None:
            app.login_manager.logout_user()

        app.login_manager.security_stamp = leave
        assert client.get("/private").status_code == REDIRECT
        app.login_manager.security_stamp = None
        assert client.get("/who").json["user"] is None

    def test_loader_that_fails_once(self, app: Flask, users: Users) -> None:
        """An exception is passed on, nothing is forgotten, and the next request tries again."""
        client = app.test_client()
        client.login(users["1"], remember=True)

        def fail(user_id: str) -> None:
            raise OSError("no database")

        app.login_manager.user_loader(fail)
        for _ in range(2):
            with pytest.raises(OSError, match="no database"):
                client.get("/who")
            client.delete_cookie("session")
        app.login_manager.user_loader(users.load)
        assert client.get("/who").json["source"] == "remember"

    def test_loader_with_a_fault(self, app: Flask, users: Users) -> None:
        """An AttributeError in a loader is not taken for `current_user`'s own, and the loader not asked again."""
        asked = []

        def load(user_id: str) -> User:
            asked.append(user_id)
            return users.by_number(user_id)  # type: ignore[attr-defined, no-any-return]

        app.add_url_rule("/name", view_func=lambda: current_user.name, endpoint="name")
        client = app.test_client(user=users["1"])
        app.login_manager.user_loader(load)
        with pytest.raises(UserLookupError, match="by_number") as failure:
            client.get("/name")
        assert isinstance(failure.value.__cause__, AttributeError)
        assert asked == ["1"]

    def test_no_loader_at_all(self, make_app: Any) -> None:
        """A manager without any loader says so when it is asked, and not before."""
        app = make_app()
        app.login_manager.user_callback = None
        client = app.test_client()
        assert client.get("/public").status_code == 200
        with pytest.raises(SetupError, match="neither a user_loader nor a request_loader"):
            client.get("/who")

    def test_request_loader_alone(self, make_app: Any, users: Users) -> None:
        """A program with a request loader only leaves sessions and cookies alone."""
        app = make_app()
        manager = app.login_manager
        manager.user_callback = None
        manager.request_loader(lambda request: users.get(request.headers.get("X-Id", "")))
        client = app.test_client()
        client.set_cookie("remember_token", "junk")
        response = client.get("/who", headers={"X-Id": "1"})
        assert response.json["user"] == "1"
        assert "Set-Cookie" not in response.headers

    def test_loaders_are_readable(self, app: Flask, users: Users) -> None:
        """As ``user_callback`` and ``request_callback``."""
        manager = app.login_manager
        assert manager.user_callback == users.load
        assert manager.request_callback is None

    def test_no_manager(self) -> None:
        """An app without ``init_app`` gets a clear error."""
        app = Flask("scene")
        with app.test_request_context(), pytest.raises(SetupError, match="init_app"):
            current_user.name  # noqa: B018 - asking is the point


class TestSessionProtection:
    """A session that turns up in another browser."""

    def login(self, app: Flask, users: Users) -> Any:
        client: Any = app.test_client()
        client.environ_base["HTTP_USER_AGENT"] = CHROME.format(140)
        client.login(users["1"], remember=True)
        return client

    def test_update_of_the_browser(self, make_app: Any, users: Users) -> None:
        """Is no theft, in the strong mode either."""
        client = self.login(make_app(SESSION_PROTECTION="strong"), users)
        response = client.get("/who", headers={"User-Agent": CHROME.format(141)})
        assert response.json == {"user": "1", "source": "session", "fresh": True}
        assert "Set-Cookie" not in response.headers

    def test_basic(self, app: Flask, users: Users) -> None:
        """The login goes on, not fresh; once, with one signal."""
        client = self.login(app, users)
        with heard(session_protected, app) as news:
            for _ in range(3):
                assert client.get("/who", headers={"User-Agent": FIREFOX}).json["fresh"] is False
        assert len(news) == 1
        assert client.get("/who", headers={"User-Agent": FIREFOX}).json["user"] == "1"

    def test_strong(self, make_app: Any, users: Users) -> None:
        """The login is over, the remember cookie too, and neither comes back; the session is emptied."""
        app = make_app(SESSION_PROTECTION="strong")
        client = self.login(app, users)
        client.get("/cart/apples")
        with heard(session_protected, app) as news:
            assert client.get("/who", headers={"User-Agent": FIREFOX}).json["user"] is None
            assert client.get("/who").json["user"] is None
        assert len(news) == 1
        assert remember_cookie(client) is None
        with client.session_transaction() as stored:
            assert dict(stored) == {}

    def test_strong_with_a_permanent_session(self, make_app: Any, users: Users) -> None:
        """A permanent session is only marked stale, as Flask-Login does."""
        client = self.login(make_app(SESSION_PROTECTION="strong"), users)
        with client.session_transaction() as stored:
            stored.permanent = True
        assert client.get("/who", headers={"User-Agent": FIREFOX}).json == {
            "user": "1",
            "source": "session",
            "fresh": False,
        }

    def test_strong_without_an_identifier(self, make_app: Any) -> None:
        """A session that lacks it is not a login in the strong mode."""
        client = make_app(SESSION_PROTECTION="strong").test_client()
        with client.session_transaction() as stored:
            stored["_user_id"] = "1"
        assert client.get("/who").json["user"] is None

    def test_off(self, make_app: Any, users: Users) -> None:
        """None leaves sessions alone."""
        client = self.login(make_app(SESSION_PROTECTION=None), users)
        assert client.get("/who", headers={"User-Agent": FIREFOX}).json["fresh"] is True

    @pytest.mark.parametrize(("bind", "fresh"), [(("user_agent",), True), (("user_agent", "ip"), False)])
    def test_address(self, make_app: Any, users: Users, bind: tuple[str, ...], fresh: bool) -> None:
        """Another address matters only where SESSION_PROTECTION_BIND says so; X-Forwarded-For never does."""
        client = self.login(make_app(SESSION_PROTECTION_BIND=bind), users)
        forwarded = {"X-Forwarded-For": "192.0.2.7"}
        assert client.get("/who", headers=forwarded).json["fresh"] is True
        assert client.get("/who", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).json["fresh"] is fresh

    def test_visitor_is_left_alone(self, make_app: Any) -> None:
        """A session without a login is never touched."""
        app = make_app(SESSION_PROTECTION="strong")
        client = app.test_client()
        client.get("/cart/apples")
        with heard(session_protected, app) as news:
            assert "Set-Cookie" not in client.get("/who", headers={"User-Agent": FIREFOX}).headers
        assert news == []

    def test_restored_login_gets_its_identifier(self, make_app: Any, users: Users) -> None:
        """A login from the remember cookie is bound to the browser it came from."""
        client = without_session(self.login(make_app(SESSION_PROTECTION="strong"), users))
        assert client.get("/who").json["source"] == "remember"
        assert client.get("/who").json["source"] == "session"
        assert client.get("/who", headers={"User-Agent": FIREFOX}).json["user"] is None


class TestRememberCookie:
    """The remember cookie, from set to used."""

    def test_attributes(self, make_app: Any, users: Users) -> None:
        """HttpOnly, SameSite=Lax, and Secure where it was set on HTTPS."""
        client = make_app().test_client()
        form = {"id": "1", "remember": "1"}
        plain = set_cookies(client.post("/login", data=form), "remember_token")[0]
        secure = set_cookies(client.post("/login", data=form, base_url="https://localhost"), "remember_token")[0]
        for header in (plain, secure):
            assert "HttpOnly" in header
            assert "SameSite=Lax" in header
            assert "Path=/" in header
            assert "Domain" not in header
        assert "Secure" not in plain
        assert "Secure" in secure

    def test_user_id_stands_before_the_bar(self, client: Any, users: Users) -> None:
        """Programs read it there."""
        client.login(users["1"], remember=True)
        assert str(remember_cookie(client)).split("|")[0] == "1"

    @pytest.mark.parametrize("user_id", ["a|b", "a.b", "\u00e4 \u20ac", 'quo"te', "semi;colon,", "1" * 500])
    def test_ids_of_all_kinds(self, client: Any, users: Users, user_id: str) -> None:
        """An id may hold any characters."""
        users[user_id] = User(user_id, "strange")
        client.login(users[user_id], remember=True)
        assert without_session(client).get("/who").json["user"] == user_id

    @pytest.mark.parametrize("age", [50, 99])
    def test_refreshed_on_each_request_that_asks(self, make_app: Any, users: Users, clock: Any, age: int) -> None:
        """REMEMBER_COOKIE_REFRESH_EACH_REQUEST starts its time anew, in its own length, where a page asks."""
        client = make_app(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True).test_client()
        client.login(users["1"], remember=True, duration=100)
        clock.advance(age)
        assert "Set-Cookie" not in client.get("/public").headers
        assert client.get("/who").json["source"] == "session"
        clock.advance(age)
        assert without_session(client).get("/who").json["source"] == "remember"

    def test_only_a_valid_cookie_is_refreshed(self, make_app: Any, users: Users, clock: Any) -> None:
        """None is made where there was none, where it was another user's, or where it was over."""
        app = make_app(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True)
        client = app.test_client(user=users["1"])
        assert not set_cookies(client.get("/who"), "remember_token")
        other = app.test_client()
        other.login(users["2"], remember=True, duration=100)
        client.set_cookie("remember_token", remember_cookie(other))
        assert not set_cookies(client.get("/who"), "remember_token")
        assert client.get("/who").json["user"] == "1"

    def test_not_set_when_the_session_was_cleared(self, app: Flask, users: Users) -> None:
        """A login that the view takes back by clearing the session is not remembered."""
        from flask import session

        from flask_sessionauth import login_user

        @app.get("/change-of-mind")
        def change_of_mind() -> str:
            login_user(users["1"], remember=True)
            session.clear()
            return ""

        client = app.test_client()
        client.get("/change-of-mind")
        assert remember_cookie(client) is None

    @pytest.mark.parametrize("duration", [0, -1, "1 day", True, float("inf"), float("nan"), 10**12])
    def test_wrong_duration(self, client: Any, users: Users, duration: Any) -> None:
        """Is refused with its value, and changes nothing."""
        client.get("/cart/apples")
        with pytest.raises(ValueError, match=r"duration is .*; allowed: a timedelta or a number of seconds"):
            client.login(users["1"], remember=True, duration=duration)
        assert client.get("/who").json["user"] is None

    def test_login_remembered(self, app: Flask, users: Users) -> None:
        """True with a valid cookie of the user's own, and in the request that sets it."""

        @app.get("/remembered")
        def remembered() -> str:
            return str(login_remembered())

        client: Any = app.test_client()
        assert client.get("/remembered").text == "False"
        client.login(users["1"])
        assert client.get("/remembered").text == "False"
        client.login(users["1"], remember=True)
        assert client.get("/remembered").text == "True"
        other: Any = app.test_client()
        other.login(users["2"])
        other.set_cookie("remember_token", remember_cookie(client))
        assert other.get("/remembered").text == "False"
        assert without_session(client).get("/remembered").text == "True"

    def test_no_secret_key(self, make_app: Any) -> None:
        """Without a key nothing is believed, nothing deleted, and the page works."""
        app = make_app(SECRET_KEY=None)
        client = app.test_client()
        client.set_cookie("remember_token", "1|" + "0" * 128)
        response = client.get("/who")
        assert response.json["user"] is None
        assert "Set-Cookie" not in response.headers

    def test_restored_login_in_a_page_that_fails(self, make_app: Any, users: Users) -> None:
        """The session of a restored login goes out with a 500, too."""
        app = make_app(PROPAGATE_EXCEPTIONS=False)
        app.logger.disabled = True

        @app.get("/boom")
        def boom() -> str:
            raise RuntimeError(current_user.name)

        client = app.test_client()
        client.login(users["1"], remember=True)
        assert without_session(client).get("/boom").status_code == 500
        assert client.get("/who").json["source"] == "session"
        app.logger.disabled = False


class TestSignals:
    """News of who came."""

    def test_loaded_from(self, app: Flask, users: Users) -> None:
        """The cookie and the request loader are told apart, each once a request."""
        app.login_manager.request_loader(lambda request: users.get(request.headers.get("X-Id", "")))
        client: Any = app.test_client()
        client.login(users["1"], remember=True)
        with (
            heard(user_loaded_from_cookie, app) as by_cookie,
            heard(user_loaded_from_request, app) as by_request,
            heard(user_accessed, app) as accessed,
        ):
            without_session(client).get("/who")
            app.test_client().get("/who", headers={"X-Id": "2"})
        assert by_cookie == [{"user": users["1"]}]
        assert by_request == [{"user": users["2"]}]
        assert len(accessed) == 2


class heard:
    """What a signal of an app says while this is open."""

    def __init__(self, signal: Any, app: Flask) -> None:
        self.news: list[dict[str, Any]] = []
        self.context = signal.connected_to(self.hear, app)

    def hear(self, sender: Any, **keywords: Any) -> None:
        self.news.append(keywords)

    def __enter__(self) -> list[dict[str, Any]]:
        self.context.__enter__()
        return self.news

    def __exit__(self, *exc: Any) -> None:
        self.context.__exit__(*exc)


def test_a_visitor_who_cannot_be_made(app: Flask) -> None:
    """A factory of the anonymous user that fails leaves the request as it was: the error page may ask again."""
    made = []

    def make() -> object:
        made.append(1)
        if len(made) == 1:
            raise ConnectionError
        return AnonymousUserMixin()

    app.login_manager.anonymous_user = make  # type: ignore[attr-defined]
    app.register_error_handler(ConnectionError, lambda _: (f"down, {current_user.is_anonymous}", 503))
    response = app.test_client().get("/private")
    assert (response.status_code, response.text) == (503, "down, True")
