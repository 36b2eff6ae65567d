"""The guarantees of the design, G1 to G8 and G13 to G15, through the client."""

from __future__ import annotations

import json
import logging
import time
from contextlib import nullcontext, suppress
from itertools import product
from threading import Barrier, Thread
from typing import Any
from urllib.parse import quote

import pytest
from flask import (
    Flask,
    after_this_request,
    copy_current_request_context,
    g,
    has_request_context,
    render_template_string,
    request,
    session,
    stream_template_string,
)
from flask.sessions import SecureCookieSessionInterface
from hypothesis import HealthCheck, given, settings, strategies as st
from scene import KEY, REDIRECT, Clock, ServerSessions, User, remember_cookie, set_cookies

import flask_sessionauth
from flask_sessionauth import (
    ConfigurationError,
    LoginManager,
    RegistryDownError,
    WrongUserError,
    confirm_login,
    credentials_changed,
    current_user,
    get_user,
    login_fresh,
    login_required,
    login_user,
    logout_user,
    remember_recovered,
    remember_rotated,
    remember_stolen,
    session_protected,
    user_logged_out,
)
from flask_sessionauth.registry import MemoryRegistry

fixtures_are_fine = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class TestG1:
    """Who does not ask pays nothing."""

    @pytest.mark.parametrize("page", ["/public", "/template/silent"])
    def test_page_that_does_not_ask_is_untouched(self, client: Any, users: Any, page: str) -> None:
        """A page that never asks carries no header of ours and runs no loader, with all cookies there."""
        client.login(users["1"], remember=True)
        users.loads = 0
        response = client.get(page)
        assert response.status_code == 200
        assert not {"Vary", "Set-Cookie", "Cache-Control"} & set(response.headers.keys())
        assert users.loads == 0

    def test_no_hook_runs_on_each_request(self, app: Flask) -> None:
        """Initialising registers no function that runs before or after each request."""
        assert not app.before_request_funcs
        assert not app.after_request_funcs
        assert not app.teardown_request_funcs

    def test_junk_cookies_on_such_a_page_are_left_alone(self, client: Any) -> None:
        """A page that never asks deletes nothing either."""
        client.set_cookie("remember_token", "junk")
        assert "Set-Cookie" not in client.get("/public").headers


class TestG2:
    """The user is remembered for one request."""

    def test_pushed_app_context_carries_no_user_over(self, app: Flask, users: Any) -> None:
        """Two clients under one app context, and so one ``g``, are two people."""
        with app.app_context():
            ada, nobody = app.test_client(user=users["1"]), app.test_client()
            assert ada.get("/who").json["user"] == "1"
            assert nobody.get("/who").json["user"] is None
            assert ada.get("/who").json["user"] == "1"

    def test_reused_environ_carries_no_user_over(self, app: Flask, users: Any) -> None:
        """A WSGI environ used again with other cookies is another request."""
        client = app.test_client(user=users["1"])
        cookie = client.get_cookie("session").value
        environ = app.test_request_context("/who", headers={"Cookie": f"session={cookie}"}).request.environ
        with app.request_context(environ):
            assert current_user.get_id() == "1"
        del environ["HTTP_COOKIE"]
        with app.request_context(environ):
            assert current_user.is_anonymous

    def test_user_is_loaded_once_a_request(self, client: Any, users: Any) -> None:
        """However often a request asks, the loader runs once."""
        client.login(users["1"])
        users.loads = 0
        client.get("/who")
        assert users.loads == 1

    @pytest.mark.parametrize("guard", [login_required, lambda view: view])
    def test_context_of_another_app(self, make_app: Any, users: Any, guard: Any) -> None:
        """Where another app's context is pushed within a request, its loader is not asked whom this session knows."""
        app, other = make_app(), make_app(SECRET_KEY="another key, long enough for a test")
        other.login_manager.user_loader(lambda user_id: User(user_id, "somebody else"))

        def ask_there() -> set[str | None]:
            # From Flask 3.2 on, there is no request in it.
            with other.app_context():
                template = render_template_string("{{ current_user.name }}")
                people = (current_user, other.login_manager.current_user, other.login_manager.get_user())
                return {template or None, *(getattr(user, "name", None) for user in people)}

        def ask_here() -> set[str]:
            return {current_user.name, get_user().name, render_template_string("{{ current_user.name }}")}

        @app.before_request
        def first() -> None:
            if request.path == "/both":
                assert ask_there() == {None}

        @app.get("/both")
        @guard
        def both() -> str:
            for _ in range(2):
                assert ask_here() == {"ada"}
                assert ask_there() <= {"ada", None}
            return "both"

        @app.get("/again")
        def again() -> str:
            with other.app_context():
                if has_request_context():
                    logout_user()
            login_user(users["1"], remember=True)
            return "in"

        client = app.test_client()
        client.login(users["1"], remember=True)
        response = client.get("/both")
        assert (response.text, response.headers["Cache-Control"]) == ("both", "private")
        client.get("/again")
        client.delete_cookie("session")
        assert client.get("/who").json["user"] == "1"

    def test_request_that_reads_json_otherwise(self, app: Flask, users: Any) -> None:
        """A program may let its requests read JSON by another module: they are its own all the same."""

        @app.before_request
        def read_otherwise() -> None:
            request.json_module = json

        assert app.test_client(user=users["1"]).get("/private").text == "private ada"

    @pytest.mark.parametrize("cookie", ["session", "remember_token"])
    def test_another_apps_cookies_in_its_context(self, make_app: Any, users: Any, cookie: str) -> None:
        """A cookie of another app lets nobody in here because that app's context was pushed."""
        app, other = make_app(), make_app(SECRET_KEY="another key, long enough for a test")

        @app.before_request
        def first() -> None:
            with other.app_context():
                assert not getattr(current_user, "name", None)
                assert not getattr(other.login_manager.current_user, "name", None)

        there, here = other.test_client(), app.test_client()
        there.login(users["1"], remember=True)
        here.set_cookie(cookie, there.get_cookie(cookie).value)
        assert here.get("/private").status_code == REDIRECT
        assert here.get("/who").json["user"] is None

    def test_copied_request_is_not_the_request(self, app: Flask, users: Any) -> None:
        """The user is not on ``g``: what is put there is not believed."""
        with app.test_request_context("/who"):
            g._login_user = users["1"]
            assert current_user.is_anonymous


class TestG3:
    """A response says what it depends on."""

    @pytest.mark.parametrize("page", ["/who", "/private", "/template", "/away", "/login", "/missing"])
    def test_answer_that_depends_on_the_user_varies(self, make_app: Any, users: Any, page: str) -> None:
        """Pages, templates, redirects, refusals, logins and error pages that asked vary on Cookie and are private."""
        app = make_app()

        @app.errorhandler(404)
        def missing(error: Any) -> Any:
            return f"not here, {current_user.is_authenticated}", 404

        client = app.test_client()
        response = client.post(page, data={"id": "1"}) if page == "/login" else client.get(page)
        negotiated = {"accept", "x-requested-with", "hx-request"} if page == "/private" else set()
        assert response.vary.as_set() == {"cookie", *negotiated}
        assert response.headers["Cache-Control"] == "private"

    def test_request_loader_adds_authorization(self, make_app: Any) -> None:
        """Once a request loader was asked, the answer varies on Authorization, too."""
        manager: LoginManager[User] = LoginManager()
        manager.request_loader(lambda request: None)
        response = make_app(manager).test_client().get("/who")
        assert response.vary.as_set() == {"cookie", "authorization"}

    @pytest.mark.parametrize("place", ["after_this_request", "after_request"])
    @pytest.mark.parametrize("asked", ["view", "hook"])
    def test_response_that_is_replaced(self, make_app: Any, place: str, asked: str) -> None:
        """Wherever the user was asked for, and whatever was put in the place of the response, it varies."""
        manager: LoginManager[User] = LoginManager()
        manager.request_loader(lambda request: None)
        app = make_app(manager)

        def replace(response: Any) -> Any:
            if asked == "hook":
                assert current_user.is_anonymous
            return app.make_response(response.get_data())

        @app.get("/page")
        def page() -> str:
            if asked == "view":
                assert current_user.is_anonymous
            if place == "after_this_request":
                after_this_request(replace)
            return ""

        if place == "after_request":
            app.after_request(replace)
        response = app.test_client().get("/page")
        assert response.vary.as_set() == {"cookie", "authorization"}
        assert response.headers["Cache-Control"] == "private"

    def test_session_interface_that_counts_accesses(self, make_app: Any) -> None:
        """A session interface of the program's own is told the truth about accesses."""
        seen = []

        class Counting(SecureCookieSessionInterface):
            def save_session(self, app: Flask, session: Any, response: Any) -> None:
                seen.append(session.accessed)

        app = make_app()
        app.session_interface = Counting()
        app.test_client().get("/who")
        assert seen == [True]

    def test_what_the_view_said_stays(self, app: Flask) -> None:
        """A Vary or Cache-Control of the view is kept, and completed."""

        @app.get("/own")
        def own() -> Any:
            return str(current_user), {"Vary": "Accept", "Cache-Control": "no-store"}

        response = app.test_client().get("/own")
        assert response.vary.as_set() == {"accept", "cookie"}
        assert response.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(("value", "expected"), [(None, None), ("private, no-store", "private, no-store")])
    def test_cache_control_is_a_setting(self, make_app: Any, value: Any, expected: Any) -> None:
        """LOGIN_CACHE_CONTROL is what a response that asked gets; None is nothing."""
        response = make_app(LOGIN_CACHE_CONTROL=value).test_client().get("/who")
        assert response.headers.get("Cache-Control") == expected

    @pytest.mark.parametrize("kind", ["accessed", "header"])
    def test_hook_that_takes_one_of_two_away(self, app: Flask, kind: str) -> None:
        """A hook that tells Flask its session was not looked into, or that sets Vary anew, leaves Cookie in it."""

        @app.after_request
        def take_away(response: Any) -> Any:
            if kind == "accessed":
                session.accessed = False
            else:
                response.headers["Vary"] = "Accept"
            return response

        assert "cookie" in app.test_client().get("/who").vary.as_set()

    def test_session_interface_that_does_not_vary(self, make_app: Any) -> None:
        """The header does not depend on Flask's own session."""

        class Silent(SecureCookieSessionInterface):
            def save_session(self, *args: Any) -> None:
                pass

        app = make_app()
        app.session_interface = Silent()
        assert app.test_client().get("/who").vary.as_set() == {"cookie"}

    def test_error_in_another_function(self, make_app: Any, users: Any) -> None:
        """An error page varies as well, if what failed is a function that came after the view."""
        app = make_app(PROPAGATE_EXCEPTIONS=False)
        app.logger.disabled = True
        app.register_error_handler(500, lambda error: (f"sorry {current_user.name}", 500))

        @app.get("/page")
        def page() -> str:
            assert current_user.is_authenticated

            @after_this_request
            def fail(response: Any) -> Any:
                raise OSError

            return ""

        response = app.test_client(user=users["1"]).get("/page")
        assert response.text == "sorry ada"
        assert response.headers["Vary"] == "Cookie"
        assert response.headers["Cache-Control"] == "private"

    def test_name_with_cookie_in_it(self, app: Flask, users: Any) -> None:
        """A view's own `Vary` on another header's name is no `Vary` on the cookie."""
        app.session_interface = ServerSessions()

        @app.get("/page")
        def page() -> Any:
            return current_user.get_id(), {"Vary": "X-Cookie-Consent"}

        response = app.test_client(user=users["1"]).get("/page")
        assert response.vary.as_set() == {"x-cookie-consent", "cookie"}

    def test_flask_goes_through_functions_as_they_come(self, app: Flask) -> None:
        """What our last look at a response rests on: a function that another one adds runs, and runs last."""
        ran = []

        def note(name: str) -> Any:
            def run(response: Any) -> Any:
                ran.append(name)
                if name == "first":
                    after_this_request(note("added"))
                return response

            return run

        @app.get("/page")
        def page() -> str:
            after_this_request(note("first"))
            after_this_request(note("second"))
            return ""

        app.test_client().get("/page")
        assert ran == ["first", "second", "added"]


def copy_in_thread(function: Any) -> Any:
    """The function, run in another thread with a copy of the request's context."""

    def run() -> None:
        thread = Thread(target=copy_current_request_context(function))
        thread.start()
        thread.join()

    return run


ANY_TEXT = st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
HEADERS = (
    *("User-Agent", "Accept", "X-Requested-With", "HX-Request", "HX-Current-URL", "HX-Boosted", "Authorization"),
    *("X-Forwarded-For", "Referer", "Sec-Purpose", "Origin"),
)
PAGES = ("/who", "/private", "/recent", "/template")


class TestG4:
    """No input makes a 500."""

    @fixtures_are_fine
    @given(value=ANY_TEXT, page=st.sampled_from(PAGES))
    def test_any_cookie(self, app: Flask, value: str, page: str) -> None:
        """Any remember or session cookie is accepted or ignored."""
        header = f"remember_token={value}; session={value}"
        assert app.test_client(use_cookies=False).get(page, headers={"Cookie": header}).status_code < 500

    @pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 4096, 4097, 100_000])
    @pytest.mark.parametrize("fill", ["a", "|", ".", "1", "\xff", '"', "\\"])
    def test_cookies_of_any_length(self, app: Flask, fill: str, length: int) -> None:
        """Long ones too, and with what looks like a digest at the end."""
        for value in (fill * length, f"1|{fill * length}", f"1|1.1.1.n..{fill * length}"):
            response = app.test_client(use_cookies=False).get("/who", headers={"Cookie": f"remember_token={value}"})
            assert response.status_code == 200
            assert response.json["user"] is None

    @fixtures_are_fine
    @given(
        headers=st.dictionaries(st.sampled_from(HEADERS), ANY_TEXT),
        page=st.sampled_from(PAGES),
    )
    def test_any_header(self, client: Any, users: Any, headers: dict[str, str], page: str) -> None:
        """Any header is accepted or ignored, logged in or not."""
        assert client.get(page, headers=headers).status_code < 500
        client.login(users["1"])
        assert client.get(page, headers=headers).status_code < 500
        client.logout()

    @fixtures_are_fine
    @given(content=st.dictionaries(st.sampled_from(["_user_id", "_fresh", "_id", "next", "_remember"]), JSON))
    def test_any_session_content(self, app: Flask, content: dict[str, Any]) -> None:
        """Whatever is in the session, each page answers."""
        client = app.test_client()
        with client.session_transaction() as stored:
            stored.update(content)
        for page in (*PAGES, "/reauth", "/logout"):
            assert client.get(page).status_code < 500

    @pytest.mark.parametrize("blank", ["", None, [], {}, False, True, 1.5, ["1"]])
    def test_blank_or_strange_id_is_nobody(self, client: Any, users: Any, blank: Any) -> None:
        """A blank id, or what is no id, is never looked up."""
        with client.session_transaction() as stored:
            stored["_user_id"] = blank
        assert client.get("/who").json["user"] is None
        assert users.loads == 0

    @fixtures_are_fine
    @given(target=st.text(), place=st.sampled_from(["query", "form"]))
    def test_any_next(self, make_app: Any, target: str, place: str) -> None:
        """Any ``next``, of any characters, is answered."""
        from flask_sessionauth import redirect_next

        app = make_app()
        app.add_url_rule("/back", "back", lambda: redirect_next("/home"), methods=["GET", "POST"])
        client = app.test_client()
        encoded = target.encode("utf-8", "surrogatepass")
        if place == "query":
            response = client.get("/back", query_string="next=" + quote(encoded))
        else:
            response = client.post(
                "/back", data="next=" + quote(encoded), content_type="application/x-www-form-urlencoded"
            )
        assert response.status_code == REDIRECT


class TestG5:
    """The remember cookie."""

    def test_it_expires_on_the_server(self, client: Any, users: Any, clock: Any) -> None:
        """A copy of the cookie that ignores its Expires stops working when its time is over, to the second."""
        client.login(users["1"], remember=True, duration=100)
        token = remember_cookie(client)
        for age, expected in ((99, "1"), (100, None)):
            other = client.application.test_client()
            other.set_cookie("remember_token", token)
            clock.advance(age if age == 99 else 1)
            assert other.get("/who").json["user"] == expected

    def test_each_login_gets_a_different_one(self, client: Any, users: Any, clock: Any) -> None:
        """Two logins in the same second have different cookies."""
        client.login(users["1"], remember=True)
        first = remember_cookie(client)
        client.login(users["1"], remember=True)
        assert remember_cookie(client) != first

    def test_key_rotation(self, make_app: Any, users: Any) -> None:
        """Introduced: the old key's cookie restores and is re-issued; dropped: only the re-issued one does."""
        old = make_app(SECRET_KEY="the-older-key-of-the-tests")
        client = old.test_client(user=users["1"])
        client.login(users["1"], remember=True)
        old_cookie = remember_cookie(client)

        both = make_app(SECRET_KEY="the-newer-key", SECRET_KEY_FALLBACKS=["the-older-key-of-the-tests"]).test_client()
        both.set_cookie("remember_token", old_cookie)
        assert both.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        new_cookie = remember_cookie(both)
        assert new_cookie != old_cookie

        new_app = make_app(SECRET_KEY="the-newer-key")
        for cookie, expected in ((new_cookie, "1"), (old_cookie, None)):
            client = new_app.test_client()
            client.set_cookie("remember_token", cookie)
            assert client.get("/who").json["user"] == expected

    def test_reissue_does_not_prolong(self, make_app: Any, users: Any, clock: Any) -> None:
        """A cookie re-issued under a newer key ends when it would have ended."""
        client = make_app(SECRET_KEY="older").test_client()
        client.login(users["1"], remember=True, duration=1000)
        both = make_app(SECRET_KEY="newer", SECRET_KEY_FALLBACKS=["older"]).test_client()
        both.set_cookie("remember_token", remember_cookie(client))
        clock.advance(900)
        assert both.get("/who").json["user"] == "1"
        reissued = remember_cookie(both)
        clock.advance(100)
        late = both.application.test_client()
        late.set_cookie("remember_token", reissued)
        assert late.get("/who").json["user"] is None

    def test_session_is_signed_with_the_newest_key(self, make_app: Any, users: Any) -> None:
        """With fallbacks set, a new remember cookie verifies under the newest key alone."""
        client = make_app(SECRET_KEY="newer", SECRET_KEY_FALLBACKS=["older"]).test_client()
        client.login(users["1"], remember=True)
        only_new = make_app(SECRET_KEY="newer").test_client()
        only_new.set_cookie("remember_token", remember_cookie(client))
        assert only_new.get("/who").json["user"] == "1"


class TestG6:
    """Logout ends the login."""

    def logged_in(self, app: Flask, users: Any) -> Any:
        client = app.test_client()
        client.login(users["1"], remember=True)
        return client

    def assert_is_out(self, client: Any) -> None:
        assert remember_cookie(client) is None
        assert client.get("/who").json["user"] is None

    @pytest.mark.parametrize("order", ["before", "after", "receiver", "both"])
    def test_session_clear(self, app: Flask, users: Any, order: str) -> None:
        """The session may be cleared before, after, or by a receiver of the signal."""

        @app.get("/out")
        def out() -> str:
            if order in ("before", "both"):
                session.clear()
            logout_user()
            if order in ("after", "both"):
                session.clear()
            return ""

        def clear(sender: Any, user: Any) -> None:
            session.clear()

        client = self.logged_in(app, users)
        if order == "receiver":
            with user_logged_out.connected_to(clear, app):
                client.get("/out")
        else:
            client.get("/out")
        self.assert_is_out(client)

    def test_exception_in_the_view(self, make_app: Any, users: Any) -> None:
        """A view that logs out and then fails has logged out."""
        app = make_app(PROPAGATE_EXCEPTIONS=False)

        @app.get("/out")
        def out() -> str:
            logout_user()
            raise RuntimeError("the database is away")

        client = self.logged_in(app, users)
        app.logger.setLevel(logging.CRITICAL)
        assert client.get("/out").status_code == 500
        self.assert_is_out(client)

    def test_error_handler_answers_5xx(self, app: Flask, users: Any) -> None:
        """An error handler that answers 503 for the failed view, too."""

        @app.errorhandler(RuntimeError)
        def failed(error: Any) -> Any:
            return "later", 503

        @app.get("/out")
        def out() -> str:
            logout_user()
            raise RuntimeError

        client = self.logged_in(app, users)
        assert client.get("/out").status_code == 503
        self.assert_is_out(client)

    @pytest.mark.parametrize("asked", [False, True])
    def test_logout_in_an_after_request_function(self, app: Flask, users: Any, asked: bool) -> None:
        """Where functions of `after_this_request` come too late, the cookie is deleted all the same."""

        @app.get("/plain")
        def plain() -> str:
            return str(current_user) if asked else ""

        @app.after_request
        def kick(response: Any) -> Any:
            if request.path == "/plain":
                logout_user()
            return response

        client = self.logged_in(app, users)
        client.get("/plain")
        self.assert_is_out(client)

    @pytest.mark.parametrize("where", ["view", "decorator"])
    def test_logout_with_a_replacement_from_around_the_guard(self, app: Flask, users: Any, where: str) -> None:
        """A decorator around the guard may log out, too, and see to another response after the view has run."""

        @login_required
        def guarded() -> str:
            if where == "view":
                logout_user()
            return ""

        @app.get("/around")
        def around() -> Any:
            response = guarded()
            after_this_request(lambda _: app.response_class("another"))
            if where == "decorator":
                logout_user()
            return response

        client = self.logged_in(app, users)
        assert client.get("/around").text == "another"
        self.assert_is_out(client)

    def test_logout_with_a_replacement_after_it_from_around_the_guard(self, app: Flask, users: Any) -> None:
        """Also where the function that answers something else comes after the logout."""

        @app.get("/around")
        def around() -> Any:
            response = login_required(lambda: "")()
            logout_user()
            after_this_request(lambda _: app.response_class("another"))
            return response

        client = self.logged_in(app, users)
        assert client.get("/around").text == "another"
        self.assert_is_out(client)

    def test_logout_in_a_later_function_of_this_request(self, app: Flask, users: Any) -> None:
        """Also in a function of `after_this_request` that comes after ours."""

        @app.get("/late")
        def late() -> str:
            assert current_user.is_authenticated

            @after_this_request
            def kick(response: Any) -> Any:
                logout_user()
                return response

            return ""

        client = self.logged_in(app, users)
        client.get("/late")
        self.assert_is_out(client)

    @pytest.mark.parametrize(
        ("place", "sent"),
        # No loader runs in a request that logs in.
        [("loader", True), *product(("view", "after_this_request", "after_request", "thread"), (True, False))],
    )
    @pytest.mark.parametrize("replaced", [None, "after_this_request", "after_request"])
    def test_logout_anywhere(self, app: Flask, users: Any, place: str, sent: bool, replaced: str | None) -> None:
        """Wherever the request logs out, whether the cookie was sent or set by it, whatever becomes of the response."""

        def replace(response: Any) -> Any:
            return app.make_response(response.get_data())

        def kick(response: Any) -> Any:
            logout_user()
            return response

        def load(user_id: str) -> Any:
            if place == "loader" and request.path == "/out":
                logout_user()
            return users.get(user_id)

        @copy_in_thread
        def ask() -> None:
            assert current_user is not None

        @app.get("/out")
        def out() -> str:
            if not sent:
                login_user(users["1"], remember=True)
            if place == "thread":
                ask()
            if place in ("view", "thread"):
                logout_user()
            if place == "after_this_request":
                after_this_request(kick)
            if replaced == "after_this_request":
                after_this_request(replace)
            if place == "loader":
                # Nobody else asks: the loader has to.
                return str(current_user.is_authenticated)
            return ""

        @app.after_request
        def late(response: Any) -> Any:
            if request.path == "/out" and place == "after_request":
                logout_user()
            return replace(response) if replaced == "after_request" and request.path == "/out" else response

        app.login_manager.user_loader(load)
        client = self.logged_in(app, users) if sent else app.test_client()
        client.get("/out")
        self.assert_is_out(client)

    def test_loader_that_logs_out_a_remembered_user(self, app: Flask, users: Any) -> None:
        """A loader that refuses by logging out ends the restored login before it begins."""
        client = self.logged_in(app, users)
        client.delete_cookie("session")

        def load(user_id: str) -> Any:
            logout_user()
            return users.get(user_id)

        app.login_manager.user_loader(load)
        assert client.get("/who").json["user"] is None
        app.login_manager.user_loader(users.load)
        self.assert_is_out(client)

    @pytest.mark.parametrize("act", [logout_user, lambda: session.clear()])
    def test_receiver_of_session_protected(self, make_app: Any, users: Any, act: Any) -> None:
        """A receiver that ends the login has ended it, in this request, too."""
        app = make_app(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True)
        client = app.test_client(user=users["1"])

        def receive(sender: Any) -> None:
            act()

        with session_protected.connected_to(receive, app):
            assert client.get("/who", headers={"User-Agent": "another"}).json["user"] is None
        assert client.get("/who").json["user"] is None

    @pytest.mark.parametrize(("listener", "status"), [(False, 200), (True, 500)])
    def test_logout_when_the_user_cannot_be_loaded(
        self, make_app: Any, users: Any, listener: bool, status: int
    ) -> None:
        """A loader that fails does not keep anybody logged in, whether somebody wants to know who it was or not."""
        app = make_app(PROPAGATE_EXCEPTIONS=False)
        app.logger.setLevel(logging.CRITICAL)
        client = self.logged_in(app, users)

        def fail(user_id: str) -> None:
            raise OSError("no database")

        app.login_manager.user_loader(fail)
        with user_logged_out.connected_to(lambda sender, user: None, app) if listener else nullcontext():
            assert client.get("/logout").status_code == status
        app.login_manager.user_loader(users.load)
        self.assert_is_out(client)

    def test_login_and_logout_in_one_request(self, app: Flask, users: Any) -> None:
        """The last word counts: nobody is logged in, nobody is remembered."""

        @app.get("/in-out")
        def in_out() -> str:
            login_user(users["1"], remember=True)
            logout_user()
            return str(current_user.is_authenticated)

        client = app.test_client()
        response = client.get("/in-out")
        assert response.text == "False"
        self.assert_is_out(client)

    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"REMEMBER_COOKIE_DOMAIN": "example.test", "REMEMBER_COOKIE_PATH": "/who"},
            {"REMEMBER_COOKIE_SECURE": True, "REMEMBER_COOKIE_HTTPONLY": False, "REMEMBER_COOKIE_SAMESITE": "Strict"},
            {"REMEMBER_COOKIE_NAME": "__Host-remember"},
        ],
    )
    def test_deleted_with_the_attributes_it_was_set_with(self, make_app: Any, users: Any, config: Any) -> None:
        """Set and deleted cookie differ in value and time only."""
        app = make_app(**config)
        client = app.test_client()
        name = config.get("REMEMBER_COOKIE_NAME", "remember_token")
        base = "https://example.test"
        was_set = set_cookies(client.post("/login", base_url=base, data={"id": "1", "remember": "1"}), name)
        deleted = set_cookies(client.get("/logout", base_url=base), name)
        assert len(was_set) == len(deleted) == 1

        def attributes(header: str) -> set[str]:
            parts = {part.strip() for part in header.split(";")[1:]}
            return {part for part in parts if not part.startswith(("Expires", "Max-Age"))}

        assert attributes(was_set[0]) == attributes(deleted[0])
        assert "Max-Age=0" in deleted[0]

    def test_logout_behind_all_others(self, app: Flask, users: Any) -> None:
        """A logout by a function that another function of the request adds is one, too."""

        @app.get("/late-logout")
        def late_logout() -> str:
            assert current_user.is_authenticated

            @after_this_request
            def first(response: Any) -> Any:
                @after_this_request
                def second(response: Any) -> Any:
                    logout_user()
                    return response

                return response

            return ""

        client: Any = app.test_client()
        client.login(users["1"], remember=True)
        client.get("/late-logout")
        assert remember_cookie(client) is None
        assert client.get("/who").json["user"] is None


class TestG7:
    """The last login wins."""

    def test_another_user_leaves_nothing(self, client: Any, users: Any) -> None:
        """Logging in as B over A: A's session content, remember cookie and freshness are gone."""
        client.login(users["1"], remember=True)
        client.get("/cart/apples")
        client.login(users["2"], fresh=False)
        with client.session_transaction() as stored:
            assert stored["_user_id"] == "2"
            assert stored["_fresh"] is False
            assert "." not in stored["_id"]
            assert "cart" not in stored
        assert remember_cookie(client) is None

    def test_another_user_who_is_remembered(self, client: Any, users: Any) -> None:
        """The remember cookie is B's, then."""
        client.login(users["1"], remember=True)
        client.login(users["2"], remember=True)
        client.delete_cookie("session")
        assert client.get("/who").json["user"] == "2"

    def test_another_user_over_a_remembered_one(self, client: Any, users: Any) -> None:
        """A is known by the remember cookie alone: it goes, and so does what the session had."""
        client.login(users["1"], remember=True)
        client.delete_cookie("session")
        client.get("/cart/apples")
        client.login(users["2"])
        assert remember_cookie(client) is None
        with client.session_transaction() as stored:
            assert "cart" not in stored

    @pytest.mark.parametrize("ended_by", ["deletion", "protection"])
    def test_what_a_dead_login_left_is_not_for_the_next_user(self, make_app: Any, users: Any, ended_by: str) -> None:
        """Also where the login view asks first who is there, and finds that nobody is."""
        app = make_app(SESSION_PROTECTION="strong")

        @app.get("/next-user")
        def next_user() -> str:
            assert current_user.is_anonymous
            login_user(users["2"])
            return ""

        client = app.test_client(user=users["1"])
        client.get("/cart/apples")
        if ended_by == "deletion":
            del users["1"]
        client.get("/next-user", headers={"User-Agent": "another"} if ended_by == "protection" else {})
        with client.session_transaction() as stored:
            assert "cart" not in stored

    def test_login_that_is_taken_back(self, app: Flask, users: Any) -> None:
        """B's login cleared away in the same request does not bring A back."""

        @app.get("/half-way")
        def half_way() -> str:
            login_user(users["2"], remember=True)
            session.clear()
            return ""

        client = app.test_client()
        client.login(users["1"], remember=True)
        client.get("/half-way")
        assert client.get("/who").json["user"] is None

    def test_remember_cookie_of_another_path(self, make_app: Any, users: Any) -> None:
        """A's remember cookie goes although this page did not get to see it."""
        client = make_app(REMEMBER_COOKIE_PATH="/who").test_client()
        client.login(users["1"], remember=True)
        client.delete_cookie("session")
        client.post("/login", data={"id": "2"})
        client.delete_cookie("session")
        assert client.get("/who").json["user"] is None

    def test_late_login(self, app: Flask, users: Any) -> None:
        """A login in a function that runs after the view is remembered, and leaves nothing of the one before."""

        @app.after_request
        def late(response: Any) -> Any:
            if request.path == "/public":
                login_user(users["2"], remember=True)
            return response

        client = app.test_client()
        client.login(users["1"], remember=True)
        client.get("/public")
        client.delete_cookie("session")
        assert client.get("/who").json["user"] == "2"

    def test_restored_in_a_stream(self, app: Flask, users: Any) -> None:
        """A user first asked for while the response is sent is known, and the session on the server stays."""
        app.session_interface = sessions = ServerSessions()

        @app.get("/stream")
        def stream() -> Any:
            return stream_template_string("{{ current_user.get_id() }}")

        client = app.test_client()
        client.login(users["1"], remember=True)
        client.set_cookie("session", "other")
        client.get("/cart/apples")
        assert client.get("/stream").text == "1"
        assert sessions.store["other"]["cart"] == "apples"

    def test_visitor_keeps_the_cart(self, client: Any, users: Any) -> None:
        """From anonymous, and as the same user, the program's content stays."""
        client.get("/cart/apples")
        client.login(users["1"])
        client.login(users["1"])
        with client.session_transaction() as stored:
            assert stored["cart"] == "apples"

    def test_same_user_keeps_being_remembered(self, client: Any, users: Any) -> None:
        """Logging in again, without the tick, does not take the user's own remember cookie."""
        client.login(users["1"], remember=True)
        before = remember_cookie(client)
        client.login(users["1"])
        assert remember_cookie(client) == before

    def test_id_of_a_server_side_session_changes(self, client: Any, users: Any) -> None:
        """A session id that somebody planted before the login is not the id after it, on every path to a login."""
        client.application.session_interface = sessions = ServerSessions()
        client.set_cookie("session", "planted")
        client.login(users["1"], remember=True)
        assert client.get_cookie("session").value == "sid-1"
        assert "planted" not in sessions.store
        client.set_cookie("session", "planted again")
        assert client.get("/who").json["source"] == "remember"
        assert client.get_cookie("session").value == "sid-2"
        client.post("/reauth")
        assert client.get_cookie("session").value == "sid-3"

    @pytest.mark.parametrize("where", ["class", "object"])
    def test_id_of_an_extended_session_changes(self, app: Flask, users: Any, where: str) -> None:
        """Flask's own interface is asked, too, if somebody has taught it."""
        renewed = []

        class Extended(SecureCookieSessionInterface):
            def regenerate(self, session: Any) -> None:
                renewed.append(session["cart"])

        if where == "class":
            app.session_interface = Extended()
        else:
            # All apps share the one they begin with.
            app.session_interface = SecureCookieSessionInterface()
            app.session_interface.regenerate = lambda session: renewed.append(session["cart"])
        client = app.test_client()
        client.get("/cart/apples")
        client.login(users["1"])
        assert renewed == ["apples"]

    def test_csrf_token_is_dropped(self, client: Any, users: Any) -> None:
        """Flask-WTF's token from before the login is worth nothing after it."""
        with client.session_transaction() as stored:
            stored["csrf_token"] = "known to somebody"
        client.login(users["1"])
        with client.session_transaction() as stored:
            assert "csrf_token" not in stored

    def test_csrf_token_of_another_name(self, make_app: Any, users: Any) -> None:
        """Wherever Flask-WTF was told to keep it."""
        client = make_app(WTF_CSRF_FIELD_NAME="_token").test_client()
        with client.session_transaction() as stored:
            stored["_token"] = "known to somebody"
        client.login(users["1"])
        with client.session_transaction() as stored:
            assert "_token" not in stored

    @pytest.mark.parametrize("is_flasks_own", [True, False])
    def test_csrf_token_of_the_request_is_dropped(self, app: Any, users: Any, is_flasks_own: bool) -> None:
        """What Flask-WTF has made of it in this request, on ``g``, goes too, wherever the program's ``g`` keeps it."""
        import flask_wtf  # noqa: F401

        class Elsewhere:
            def __init__(self) -> None:
                object.__setattr__(self, "kept", {})

            def __setattr__(self, name: str, value: Any) -> None:
                self.kept[name] = value

            def __contains__(self, name: str) -> bool:
                return name in self.kept

            def get(self, name: str, default: Any = None) -> Any:
                return self.kept.get(name, default)

            def pop(self, name: str, default: Any = None) -> Any:
                return self.kept.pop(name, default)

        if not is_flasks_own:
            app.app_ctx_globals_class = Elsewhere
        with app.test_request_context():
            g.csrf_token = "known to somebody"
            g.other = "kept"
            login_user(users["1"])
            assert "csrf_token" not in g
            assert "other" in g

    def test_inactive_user_changes_nothing(self, client: Any, users: Any) -> None:
        """A refused login leaves the one before it as it was."""
        client.login(users["1"], remember=True)
        before = client.get_cookie("session").value, remember_cookie(client)
        assert client.post("/login", data={"id": "3", "remember": "1"}).status_code == 403
        assert (client.get_cookie("session").value, remember_cookie(client)) == before

    def test_user_whose_id_changes_with_each_login(self, make_app: Any, users: Any) -> None:
        """The current user logged in again under a new id is the same user."""

        class Restless(User):
            count = 0

            def get_id(self) -> str:
                self.count += 1
                return f"{self.id}-{self.count}"

        restless = Restless("1", "ada")
        manager: LoginManager[User] = LoginManager()
        manager.user_loader(lambda user_id: restless)
        app = make_app(manager)

        @app.get("/again")
        def again() -> str:
            login_user(current_user)
            return ""

        client = app.test_client(user=restless)
        client.get("/cart/apples")
        client.get("/again")
        with client.session_transaction() as stored:
            assert stored["cart"] == "apples"


class TestG8:
    """A remembered login is never fresh, and freshness does not slide."""

    def test_restored_login_is_stale(self, client: Any, users: Any) -> None:
        """A login from the remember cookie is not fresh, now or later."""
        client.login(users["1"], remember=True)
        client.delete_cookie("session")
        assert client.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": False}
        assert client.get("/fresh").location.startswith("/reauth?next=")

    def test_confirm_renews(self, client: Any, users: Any) -> None:
        """Giving credentials again makes it fresh."""
        client.login(users["1"], fresh=False)
        client.post("/reauth")
        assert client.get("/fresh").text == "fresh"

    def test_age_of_freshness(self, client: Any, users: Any, clock: Any) -> None:
        """Up to max_age a login passes, however often it is used meanwhile; then it does not, until confirmed."""
        client.login(users["1"])
        for _ in range(3):
            clock.advance(200)
            assert client.get("/recent").text == "recent"
        clock.advance(1)
        assert client.get("/recent").location.startswith("/reauth")
        client.post("/reauth")
        clock.advance(600)
        assert client.get("/recent").text == "recent"

    @pytest.mark.parametrize(
        "date",
        ["", ".", ".soon.0", ".-5.0", ".1e400.0", ".nan.0", f".{'9' * 12}.0", f".{'9' * 200}.0", ".\u0661.0", ".5.x"],
    )
    def test_freshness_without_a_proper_date(self, client: Any, users: Any, date: str) -> None:
        """A fresh login of unknown or impossible age does not pass a guard that asks for the age."""
        client.login(users["1"])
        with client.session_transaction() as stored:
            stored["_id"] = stored["_id"].partition(".")[0] + date
        assert client.get("/fresh").text == "fresh"
        assert client.get("/recent").location.startswith("/reauth")

    @pytest.mark.parametrize(("ahead", "passes"), [(5, True), (60, True), (61, False)])
    def test_clock_that_jumps_back(self, client: Any, users: Any, clock: Any, ahead: int, passes: bool) -> None:
        """A few seconds between two servers' clocks do no harm; a date in the future is no date."""
        # Flask's own signed session does not survive a clock that jumps back; one on a server does.
        client.application.session_interface = ServerSessions()
        client.login(users["1"])
        clock.advance(-ahead)
        assert (client.get("/recent").status_code == 200) is passes

    def test_confirming_somebody_else(self, app: Flask, users: Any) -> None:
        """Credentials of another user freshen nothing."""

        @app.get("/confirm/<user_id>")
        def confirm(user_id: str) -> str:
            try:
                confirm_login(users[user_id])
            except WrongUserError:
                return "wrong"
            return "confirmed"

        client = app.test_client(user=users["1"], fresh_login=False)
        assert client.get("/confirm/2").text == "wrong"
        assert client.get("/who").json["fresh"] is False
        assert client.get("/confirm/1").text == "confirmed"
        assert client.get("/who").json["fresh"] is True

    def test_confirming_nobody(self, app: Flask, users: Any) -> None:
        """A visitor cannot be confirmed, nor somebody a request loader recognised."""
        client = app.test_client()
        client.post("/reauth")
        with client.session_transaction() as stored:
            assert "_fresh" not in stored

    def test_request_loaders_user_is_not_fresh(self, make_app: Any, users: Any) -> None:
        """A request loader's identity does not borrow the freshness of a dead session."""
        manager: LoginManager[User] = LoginManager()
        manager.request_loader(lambda request: users["2"])
        client = make_app(manager).test_client()
        with client.session_transaction() as stored:
            stored["_fresh"] = True
        assert client.get("/who").json == {"user": "2", "source": "request", "fresh": False}
        client.post("/reauth")
        assert client.get("/fresh").status_code == REDIRECT

    def test_login_restored_in_a_stream(self, app: Flask, users: Any) -> None:
        """It is not fresh, whatever a login that a program took out by hand has left in the session."""
        app.after_request(lambda response: response)

        @app.get("/by-hand")
        def by_hand() -> str:
            session.pop("_user_id")
            return ""

        @app.get("/stream")
        def stream() -> Any:
            return stream_template_string("{{ current_user.name }} {{ fresh() }}", fresh=login_fresh)

        client: Any = app.test_client()
        client.login(users["1"], remember=True)
        client.get("/by-hand")
        assert client.get("/stream").text == "ada False"


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def kept_app(make_app: Any, registry: MemoryRegistry) -> Flask:
    """The app with a registry."""
    return make_app(LoginManager(registry=registry))  # type: ignore[no-any-return]


def jar_of(client: Any) -> dict[str, str]:
    """The cookies a browser has."""
    found = {name: client.get_cookie(name) for name in ("session", "remember_token")}
    return {name: cookie.value for name, cookie in found.items() if cookie is not None}


def browser_with(app: Flask, jar: dict[str, str]) -> Any:
    """A browser that somebody gave these cookies."""
    browser = app.test_client()
    for name, value in jar.items():
        browser.set_cookie(name, value)
    return browser


def who(browser: Any) -> str | None:
    answer = browser.get("/who")
    assert answer.status_code == 200
    return answer.json["user"]  # type: ignore[no-any-return]


def remembered(app: Flask, user_id: str = "1", **form: str) -> Any:
    """A browser whose user has logged in and is remembered."""
    browser = app.test_client()
    browser.post("/login", data={"id": user_id, "remember": "1", **form})
    return browser


class TestG9:
    """After an end, no copy of any cookie of the login works again."""

    @staticmethod
    def copies(browser: Any) -> list[dict[str, str]]:
        jar = jar_of(browser)
        return [jar, {"session": jar["session"]}, {"remember_token": jar["remember_token"]}]

    @pytest.mark.parametrize(
        "way", ["logout", "end_session", "end_sessions", "credentials", "stamp", "expiry", "everybody"]
    )
    def test_no_copy_of_a_cookie_works(self, kept_app: Flask, users: Any, clock: Clock, way: str) -> None:
        """Neither the session nor the remember cookie, alone or together, from before or after a restore."""
        manager = kept_app.login_manager
        stamps = {"1": "first"}
        manager.security_stamp = lambda user: stamps.get(user.get_id())
        browser, other = remembered(kept_app), remembered(kept_app)
        copies = self.copies(browser)
        browser.delete_cookie("session")
        assert who(browser) == "1"
        copies += self.copies(browser)
        with kept_app.app_context():
            row = next(row for row in manager.active_sessions(users["1"]) if row.id in copies[0]["remember_token"])
            if way == "logout":
                browser.post("/logout")
            elif way == "end_session":
                assert manager.end_session(row.id, user=users["1"])
            elif way == "end_sessions":
                assert manager.end_sessions(users["1"]) == 2
            elif way == "credentials":
                manager.credentials_changed(users["1"])
            elif way == "stamp":
                stamps["1"] = "second"
            elif way == "expiry":
                clock.advance(366 * 86400)
            else:
                assert manager.end_everybodys_sessions() == 2
        for jar in copies:
            assert who(browser_with(kept_app, jar)) is None
        assert who(other) == ("1" if way in ("logout", "end_session") else None)

    def test_no_copy_works_after_a_password_change(self, kept_app: Flask) -> None:
        """Neither of this device's cookies from before it, at once: there is no grace for a thief."""

        @kept_app.post("/password")
        def password() -> str:
            credentials_changed()
            return ""

        browser = remembered(kept_app)
        copies = self.copies(browser)
        browser.post("/password")
        assert [who(browser_with(kept_app, jar)) for jar in copies] == [None] * 3
        assert who(browser) == "1"

    def test_password_change_keeps_this_device(self, kept_app: Flask, users: Any) -> None:
        """The login that the change was made in goes on, remembered, under new cookies."""

        @kept_app.post("/password")
        def password() -> str:
            credentials_changed()
            return ""

        browser, other = remembered(kept_app), remembered(kept_app)
        before = jar_of(browser)
        browser.post("/password")
        after = jar_of(browser)
        assert all(before[name] != after[name] for name in before)
        assert (who(browser), who(other)) == ("1", None)
        browser.delete_cookie("session")
        assert who(browser) == "1"

    @pytest.mark.parametrize("logout_first", [True, False])
    def test_logout_against_rotation(self, kept_app: Flask, registry: MemoryRegistry, logout_first: bool) -> None:
        """A logout in one tab and a restore in another: nobody is in, whichever comes first."""
        browser = remembered(kept_app)
        jar = jar_of(browser)
        without_session = browser_with(kept_app, {"remember_token": jar["remember_token"]})
        first, second = (browser, without_session) if logout_first else (without_session, browser)
        for one in (first, second):
            one.post("/logout") if one is browser else one.get("/who")
        for cookies in (jar_of(browser), jar_of(without_session), jar):
            assert who(browser_with(kept_app, cookies)) is None

    def test_request_in_flight(self, kept_app: Flask, monkeypatch: Any) -> None:
        """A slow request that ends after the logout brings nothing back, and writes no login into the session."""
        started: dict[str, str] = {}
        ended = []

        @kept_app.get("/slow")
        def slow() -> str:
            assert current_user.is_authenticated
            session["cart"] = "pear"
            # The other tab, meanwhile.
            ended.append(browser_with(kept_app, dict(started)).post("/logout").status_code)
            now = time.monotonic()
            monkeypatch.setattr("time.monotonic", lambda: now + 2)
            return ""

        started.update(jar_of(remembered(kept_app)))
        slow_tab = browser_with(kept_app, started)
        slow_tab.get("/slow")
        assert ended == [200]
        content = kept_app.session_interface.get_signing_serializer(kept_app).loads(jar_of(slow_tab)["session"])
        assert content["cart"] == "pear"
        assert "_user_id" not in content
        assert who(slow_tab) is None

    def test_write_in_flight(self, kept_app: Flask, registry: MemoryRegistry, clock: Clock, monkeypatch: Any) -> None:
        """A request that has read the row before the logout, and writes it after, changes nothing."""
        browser = remembered(kept_app)
        jar, replace = jar_of(browser), registry.replace
        clock.advance(3600)

        def log_out_first(old: Any, new: Any) -> bool:
            monkeypatch.setattr(registry, "replace", replace)
            browser_with(kept_app, jar).post("/logout")
            return replace(old, new)

        monkeypatch.setattr(registry, "replace", log_out_first)
        assert who(browser_with(kept_app, jar)) is None
        assert who(browser_with(kept_app, jar)) is None


class TestG10:
    """Parallel requests with one remember cookie."""

    @pytest.mark.parametrize("count", [2, 20])
    def test_all_succeed(self, kept_app: Flask, registry: MemoryRegistry, users: Any, count: int) -> None:
        """All are let in, with one rotation, one row, one identical new cookie."""
        rotations: list[Any] = []

        def hear(sender: Any, session: Any, **_: Any) -> None:
            rotations.append(session.generation)

        jar = {"remember_token": jar_of(remembered(kept_app))["remember_token"]}
        barrier, answers = Barrier(count), []

        def visit() -> None:
            browser = browser_with(kept_app, jar)
            barrier.wait()
            user = browser.get("/who").json["user"]
            answers.append((user, jar_of(browser)["remember_token"]))

        threads = [Thread(target=visit) for _ in range(count)]
        with remember_rotated.connected_to(hear):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert rotations == [2]
        assert len(answers) == count
        assert len(set(answers)) == 1
        assert answers[0][0] == "1"
        assert len(registry.of_owner("1")) == 1

    def test_loser_of_each_race(self, kept_app: Flask, registry: MemoryRegistry, monkeypatch: Any) -> None:
        """Who reads before another rotates, and writes after, gets what the other got."""
        browser = remembered(kept_app)
        jar, replace = {"remember_token": jar_of(browser)["remember_token"]}, registry.replace
        winner, loser = browser_with(kept_app, jar), browser_with(kept_app, jar)

        def be_late(old: Any, new: Any) -> bool:
            monkeypatch.setattr(registry, "replace", replace)
            assert who(winner) == "1"
            return replace(old, new)

        monkeypatch.setattr(registry, "replace", be_late)
        assert who(loser) == "1"
        assert jar_of(loser)["remember_token"] == jar_of(winner)["remember_token"]
        assert [row.generation for row in registry.of_owner("1")] == [2]


class TestG11:
    """A stolen remember cookie."""

    @pytest.mark.parametrize("first", ["thief", "victim"])
    def test_theft_ends_the_login(self, kept_app: Flask, clock: Clock, ends: Any, first: str) -> None:
        """It ends for thief and victim, with one alarm, whoever used the cookie first."""
        alarms: list[str] = []

        def hear(sender: Any, user_id: str, session: Any) -> None:
            alarms.append(user_id)

        browser = remembered(kept_app)
        jar = {"remember_token": jar_of(browser)["remember_token"]}
        parties = {"thief": browser_with(kept_app, jar), "victim": browser_with(kept_app, jar)}
        one, two = parties[first], parties["victim" if first == "thief" else "thief"]
        with remember_stolen.connected_to(hear):
            assert who(one) == "1"
            assert who(one) == "1"
            clock.advance(61)
            assert who(two) is None
            assert remember_cookie(two) is None
            for party in (one, two, one):
                assert who(party) is None
        assert alarms == ["1"]
        assert ends == [("1", "theft")]

    def test_alarm_is_told_if_the_request_fails(self, kept_app: Flask, clock: Clock) -> None:
        """Also if the request loader, which is asked next, fails."""
        alarms: list[Any] = []

        def hear(sender: Any, **news: Any) -> None:
            alarms.append(news)

        browser = remembered(kept_app)
        jar = {"remember_token": jar_of(browser)["remember_token"]}
        browser.delete_cookie("session")
        assert [who(browser), who(browser)] == ["1", "1"]
        clock.advance(61)

        @kept_app.login_manager.request_loader
        def fail(request: Any) -> None:
            raise RuntimeError("no")

        with remember_stolen.connected_to(hear), pytest.raises(RuntimeError, match="no"):
            browser_with(kept_app, jar).get("/who")
        assert len(alarms) == 1

    def test_lost_response_is_no_theft(self, kept_app: Flask, clock: Clock) -> None:
        """A browser that never got the new cookie is let in with the old one, and that is told."""
        recovered: list[int] = []

        def hear(sender: Any, user: Any, session: Any) -> None:
            recovered.append(session.generation)

        jar = {"remember_token": jar_of(remembered(kept_app))["remember_token"]}
        browser_with(kept_app, jar).get("/who")
        clock.advance(61)
        browser = browser_with(kept_app, jar)
        with remember_recovered.connected_to(hear):
            assert who(browser) == "1"
        assert recovered == [3]
        assert who(browser) == "1"


class TestG12:
    """A store that is down."""

    @pytest.fixture
    def down(self, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Takes the store down; what it returns brings it back."""

        def take_down() -> Any:
            patch = pytest.MonkeyPatch()

            def fail(*_: Any, **__: Any) -> Any:
                raise RegistryDownError

            for name in ("add", "get", "replace", "of_owner", "end_all", "ping"):
                patch.setattr(registry, name, fail)
            return patch.undo

        return take_down

    @pytest.mark.parametrize("page", ["/who", "/private", "/fresh", "/template", "/logout", "/reauth"])
    @pytest.mark.parametrize("with_session", [True, False])
    def test_fails_closed(self, kept_app: Flask, down: Any, page: str, with_session: bool) -> None:
        """The answer is 503 with Retry-After, and no cookie is changed; when it is back, all is as it was."""
        browser = remembered(kept_app)
        if not with_session:
            browser.delete_cookie("session")
        jar, bring_back = jar_of(browser), down()
        answer = browser.post(page) if page == "/reauth" else browser.get(page)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Set-Cookie" not in answer.headers
        bring_back()
        assert jar_of(browser) == jar
        assert who(browser) == "1"

    def test_login(self, kept_app: Flask, down: Any) -> None:
        """Nobody logs in, and nothing is left of the attempt."""
        browser, bring_back = kept_app.test_client(), down()
        answer = browser.post("/login", data={"id": "1", "remember": "1"})
        assert answer.status_code == 503
        assert "Set-Cookie" not in answer.headers
        bring_back()
        assert who(browser) is None

    def test_page_that_does_not_ask(self, kept_app: Flask, down: Any) -> None:
        """A view that does not ask for the user goes on working."""
        browser = remembered(kept_app)
        down()
        assert browser.get("/public").text == "public"
        assert browser.get("/template/silent").text == "hello all"

    def test_error_page_asks(self, kept_app: Flask, down: Any, registry: MemoryRegistry) -> None:
        """An error page that shows the user shows nobody, and does not wait for the store once more."""

        @kept_app.errorhandler(503)
        def sorry(error: Any) -> Any:
            return f"sorry, {current_user.is_authenticated}", 503

        browser = remembered(kept_app)
        down()
        answer = browser.get("/private")
        assert (answer.status_code, answer.text) == (503, "sorry, False")

    @pytest.mark.parametrize("page", ["/logout", "/login", "/reauth"])
    def test_error_page_of_an_attempt(self, kept_app: Flask, down: Any, page: str) -> None:
        """The same holds where a login, a logout or a confirmation was tried."""

        @kept_app.errorhandler(503)
        def sorry(error: Any) -> Any:
            return f"sorry, {current_user.is_authenticated}", 503

        browser = remembered(kept_app)
        down()
        answer = browser.post(page, data={"id": "1"})
        assert (answer.status_code, answer.text) == (503, "sorry, False")

    @pytest.mark.parametrize("act", ["end_sessions", "credentials_changed", "confirm_login", "require_user"])
    def test_error_that_is_caught_before_an_act(self, kept_app: Flask, registry: Any, act: str) -> None:
        """What should end or confirm logins does not silently do nothing, also if the store is back by then."""

        @kept_app.before_request
        def look() -> None:
            with pytest.MonkeyPatch.context() as patch, suppress(Exception):
                patch.setattr(registry, "get", lambda id: (_ for _ in ()).throw(RegistryDownError()))
                if request.path == "/act":
                    str(current_user.is_authenticated)

        @kept_app.post("/act")
        def acting() -> str:
            getattr(flask_sessionauth, act)()
            return "done"

        browser = remembered(kept_app)
        assert browser.post("/act").status_code == 503

    @pytest.mark.parametrize("mode", ["idle", "strong"])
    def test_gone_while_a_session_ends(
        self, kept_app: Flask, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch, clock: Clock, mode: str
    ) -> None:
        """If the end of a session cannot be written, its content and the remember cookie stay."""
        kept_app.config.update(LOGIN_IDLE_TIMEOUT=600)
        if mode == "strong":
            kept_app.login_manager.session_protection = "strong"
        browser = remembered(kept_app)
        browser.get("/cart/pear")
        jar = jar_of(browser)
        clock.advance(700 if mode == "idle" else 1)

        def fail(old: Any, new: Any) -> bool:
            raise RegistryDownError

        with monkeypatch.context() as patch:
            patch.setattr(registry, "replace", fail)
            answer = browser.get("/who", headers={"User-Agent": "another one"} if mode == "strong" else {})
        assert answer.status_code == 503
        assert "Set-Cookie" not in answer.headers
        assert jar_of(browser) == jar

    def test_gone_in_the_middle_of_a_login(
        self, kept_app: Flask, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A login that fails half way takes nobody's place."""
        of_owner, calls = registry.of_owner, []

        def fail_later(owner: str) -> Any:
            calls.append(owner)
            if len(calls) > 1:
                raise RegistryDownError
            return of_owner(owner)

        with monkeypatch.context() as patch:
            patch.setattr(registry, "of_owner", fail_later)
            assert kept_app.test_client().post("/login", data={"id": "1"}).status_code == 503
        assert [row for row in registry.of_owner("1") if row.ended_at is None] == []

    def test_error_that_is_caught(self, kept_app: Flask, down: Any) -> None:
        """A view that catches the error does not get past a guard with it."""

        @kept_app.before_request
        def look() -> None:
            with suppress(Exception):
                str(current_user.is_authenticated)

        browser = remembered(kept_app)
        down()
        assert browser.get("/private").status_code == 503

    def test_gone_in_the_middle_of_a_rotation(
        self, kept_app: Flask, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        """Whether the rotation was written or not, the browser's cookie works when the store is back."""
        for is_written in (False, True):
            browser = remembered(kept_app)
            browser.delete_cookie("session")
            replace = registry.replace

            def fail(old: Any, new: Any, is_written: bool = is_written, replace: Any = replace) -> bool:
                if is_written:
                    replace(old, new)
                raise RegistryDownError

            with monkeypatch.context() as patch:
                patch.setattr(registry, "replace", fail)
                assert browser.get("/private").status_code == 503
            clock.advance(3600)
            assert who(browser) == "1"


class TestG13:
    """A wrong setting is refused by name."""

    @pytest.mark.parametrize(
        ("key", "value", "allowed"),
        [
            ("SESSION_PROTECTION", "storng", '"basic", "strong" or None'),
            ("REMEMBER_COOKIE_HTTPONLY", "false", "True or False"),
            ("REMEMBER_COOKIE_DURATION", "1 day", "timedelta"),
            ("SECRET_KEY_FALLBACKS", "abc", "a list of keys"),
            ("REMEMBER_COOKIE_SAMESTIE", "Lax", "REMEMBER_COOKIE_SAMESITE"),
        ],
    )
    def test_refused_at_init_app(self, make_app: Any, key: str, value: Any, allowed: str) -> None:
        """The message has the key and what is allowed."""
        with pytest.raises(ConfigurationError) as error:
            make_app(**{key: value})
        assert key in str(error.value)
        assert allowed in str(error.value)

    def test_attribute_of_the_manager(self, make_app: Any, client: Any, users: Any) -> None:
        """A misspelt protection mode is refused at the start, and when it is set later."""
        manager: LoginManager[User] = LoginManager()
        manager.session_protection = "storng"
        with pytest.raises(ConfigurationError, match="storng"):
            make_app(manager)
        client.login(users["1"])
        client.application.login_manager.session_protection = "Basic"
        with pytest.raises(ConfigurationError, match="Basic"):
            client.get("/who")

    def test_checked_again_when_changed(self, client: Any, users: Any) -> None:
        """A setting that becomes wrong while the app runs is refused then."""
        assert client.get("/who").status_code == 200
        client.application.config["REMEMBER_COOKIE_SECURE"] = "off"
        with pytest.raises(ConfigurationError, match="REMEMBER_COOKIE_SECURE"):
            client.get("/who")


class TestG14:
    """Nothing tells a secret."""

    def test_no_secret_in_what_is_logged_and_raised(self, make_app: Any, users: Any, caplog: Any) -> None:
        """Through login, junk, failure and logout, no record and no repr has the cookie or the key."""
        caplog.set_level(logging.DEBUG)
        app = make_app(PROPAGATE_EXCEPTIONS=False)
        seen: list[str] = []

        @app.get("/boom")
        def boom() -> str:
            seen.extend(repr(value) for value in vars(request._get_current_object()).values())
            raise RuntimeError(current_user)

        client = app.test_client()
        client.login(users["1"], remember=True)
        token = remember_cookie(client)
        assert token is not None
        client.delete_cookie("session")
        client.get("/boom")
        client.set_cookie("remember_token", token[:-1])
        client.delete_cookie("session")
        client.get("/who")
        nonce, mac = token.split(".")[3], token.split(".")[-1]
        text = caplog.text + repr(app.login_manager) + repr(app.extensions["sessionauth"])
        text += "".join(part for part in seen if "sessionauth" in part)
        for secret in (token, nonce, mac, KEY):
            assert secret not in text


class TestG15:
    """Identity is what was signed, for this purpose."""

    def test_token_is_worth_nothing_elsewhere(self, make_app: Any, users: Any) -> None:
        """Under another cookie name, in another app by LOGIN_AUDIENCE, or another realm, with the same key."""
        client = make_app().test_client()
        client.login(users["1"], remember=True)
        token = remember_cookie(client)
        for config in ({"REMEMBER_COOKIE_NAME": "other"}, {"LOGIN_AUDIENCE": "other"}):
            other = make_app(**config).test_client()
            other.set_cookie(config.get("REMEMBER_COOKIE_NAME", "remember_token"), token)
            assert other.get("/who").json["user"] is None

    def test_id_cannot_be_exchanged(self, client: Any, users: Any) -> None:
        """Another id before the same signature is nobody."""
        client.login(users["1"], remember=True)
        token = remember_cookie(client)
        assert token is not None
        other = client.application.test_client()
        other.set_cookie("remember_token", "2" + token[1:])
        assert other.get("/who").json["user"] is None

    def test_session_cookie_is_no_remember_cookie(self, client: Any, users: Any) -> None:
        """And the other way round."""
        client.login(users["1"], remember=True)
        session_cookie, token = client.get_cookie("session").value, remember_cookie(client)
        other = client.application.test_client()
        other.set_cookie("remember_token", session_cookie)
        other.set_cookie("session", token)
        assert other.get("/who").json["user"] is None
