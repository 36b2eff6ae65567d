"""To the login page and back, through the client."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask

from flask_sessionauth import is_safe_url, login_url, make_next_param, next_url, redirect_next, set_login_view


@pytest.fixture
def client(app: Flask) -> Any:
    app.add_url_rule("/back", "back", lambda: next_url("/home"), methods=["GET", "POST"])
    return app.test_client()


class TestNextUrl:
    """`next_url` and `redirect_next`."""

    def test_form_wins_over_query_over_session(self, make_app: Any) -> None:
        """The first that is there counts; the session's is used once, whichever wins."""
        app = make_app(USE_SESSION_FOR_NEXT=True)
        app.add_url_rule("/back", "back", lambda: next_url("/home"), methods=["GET", "POST"])
        client = app.test_client()

        def store() -> None:
            with client.session_transaction() as stored:
                stored["next"] = "/session"

        store()
        assert client.post("/back?next=/query", data={"next": "/form"}).text == "/form"
        assert client.post("/back").text == "/home"
        store()
        assert client.post("/back?next=/query", data={"next": ""}).text == "/query"
        store()
        assert client.post("/back").text == "/session"
        assert client.post("/back").text == "/home"

    def test_session_is_read_only_where_it_is_used(self, client: Any) -> None:
        """Without USE_SESSION_FOR_NEXT a ``next`` in the session is the program's own."""
        with client.session_transaction() as stored:
            stored["next"] = "/session"
        assert client.get("/back").text == "/home"
        with client.session_transaction() as stored:
            assert stored["next"] == "/session"

    @pytest.mark.parametrize(
        "target", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
    )
    def test_unsafe_target(self, client: Any, target: str) -> None:
        """Leads to the default, and a safe one in the query does not help an unsafe one in the form."""
        assert client.get("/back", query_string={"next": target}).text == "/home"
        assert client.post("/back?next=/query", data={"next": target}).text == "/home"

    def test_referer_is_never_used(self, client: Any) -> None:
        """Not even a safe one."""
        assert client.get("/back", headers={"Referer": "http://localhost/before"}).text == "/home"

    @pytest.mark.parametrize(
        "target", ["/login", "/login?next=/login", "/logout", "/logout#top", "/log%6fut", "/lo%67in"]
    )
    def test_login_and_logout_pages(self, client: Any, target: str) -> None:
        """A login leads neither back to the login page nor out again."""
        assert client.get("/back", query_string={"next": target}).text == "/home"

    def test_logout_page_by_way_of_a_slash(self, client: Any) -> None:
        """A path that Flask completes to the logout page's is the logout page."""
        client.application.add_url_rule("/bye/", "shop.logout", lambda: "")
        assert client.get("/back?next=/bye").text == "/home"

    def test_logout_view_by_name(self, make_app: Any) -> None:
        """``logout_view`` says which page it is where it is not called logout, also one for POST only."""
        app = make_app()
        app.add_url_rule("/back", "back", lambda: next_url("/home"))
        app.add_url_rule("/bye", "bye", lambda: "", methods=["POST"])
        client = app.test_client()
        assert client.get("/back?next=/bye").text == "/bye"
        app.login_manager.logout_view = "bye"
        assert client.get("/back?next=/bye").text == "/home"
        assert client.get("/back?next=/logout").text == "/logout"

    def test_blueprints_login_and_logout(self, app: Flask) -> None:
        """The pages of blueprints count, too."""
        auth = Blueprint("auth", __name__, url_prefix="/auth")
        auth.add_url_rule("/in", "login", lambda: "")
        auth.add_url_rule("/out", "logout", lambda: "")
        app.register_blueprint(auth)
        app.add_url_rule("/back", "back", lambda: next_url("/home"))
        app.login_manager.blueprint_login_views["auth"] = "auth.login"
        client = app.test_client()
        assert client.get("/back?next=/auth/in").text == "/home"
        assert client.get("/back?next=/auth/out").text == "/home"

    def test_under_a_prefix(self, client: Any) -> None:
        """A mounted app knows its own pages by their whole path."""
        mounted = {"base_url": "http://localhost/shop"}
        assert client.get("/back?next=/shop/public", **mounted).text == "/shop/public"
        assert client.get("/back?next=/shop/login", **mounted).text == "/home"
        assert client.get("/back?next=/login", **mounted).text == "/login"

    def test_redirect(self, app: Flask) -> None:
        """`redirect_next` redirects there, as it is spelled after parsing."""
        app.add_url_rule("/go", "go", lambda: redirect_next("/home"))
        client = app.test_client()
        assert client.get("/go").location == "/home"
        assert client.get("/go", query_string={"next": "/a b?c=d e#f"}).location == "/a%20b?c=d%20e#f"

    def test_further_hosts(self, make_app: Any) -> None:
        """LOGIN_NEXT_HOSTS opens other hosts, and no downgrade from HTTPS; is_safe_url agrees."""
        app = make_app(LOGIN_NEXT_HOSTS=["app.example", "localhost:8000"])
        app.add_url_rule("/back", "back", lambda: next_url("/home"))
        app.add_url_rule("/safe", "safe", lambda: str(is_safe_url(__import__("flask").request.args["next"])))
        client = app.test_client()
        for target, base, expected in (
            ("https://app.example/a", "http://localhost", True),
            ("http://app.example/a", "http://localhost", True),
            ("http://app.example/a", "https://localhost", False),
            ("http://localhost:8000/", "http://localhost", True),
            ("https://evil.example/", "http://localhost", False),
            ("https://app.example@evil.example/", "http://localhost", False),
        ):
            answer = client.get("/back", query_string={"next": target}, base_url=base).text
            assert answer == (target if expected else "/home")
            assert client.get("/safe", query_string={"next": target}, base_url=base).text == str(expected)

    def test_is_safe_url_takes_none(self, app: Flask) -> None:
        """As ``request.args.get`` gives it."""
        with app.test_request_context():
            assert is_safe_url(None) is False


class TestLoginUrl:
    """`login_url` and its parts."""

    @pytest.mark.parametrize(
        ("view", "target", "expected"),
        [
            ("login", None, "/login"),
            ("login", "http://localhost/a?b=c", "/login?next=%2Fa%3Fb%3Dc"),
            ("/sign-in?lang=en", "/a", "/sign-in?lang=en&next=%2Fa"),
            (
                "https://auth.example/in",
                "http://localhost/a",
                "https://auth.example/in?next=http%3A%2F%2Flocalhost%2Fa",
            ),
        ],
    )
    def test_login_url(self, app: Flask, view: str, target: str | None, expected: str) -> None:
        """An endpoint, a path or a URL, with the way back added to its query."""
        with app.test_request_context():
            assert login_url(view, target) == expected

    def test_next_field(self, app: Flask) -> None:
        """The name of the field can be chosen."""
        with app.test_request_context():
            assert login_url("login", "/a", "to") == "/login?to=%2Fa"

    def test_forced_host_without_next(self, make_app: Any) -> None:
        """The forced host is that of the redirect after a POST, too, which carries no ``next``."""
        client = make_app(FORCE_HOST_FOR_REDIRECTS="good.example").test_client()
        assert client.post("/private").location == "//good.example/login"

    def test_make_next_param(self) -> None:
        """The host goes where it is the same."""
        assert make_next_param("/login", "http://localhost/a?b") == "/a?b"
        assert make_next_param("https://localhost/login", "http://localhost/a") == "http://localhost/a"

    def test_set_login_view(self, app: Flask) -> None:
        """For the app and for a blueprint; the app's stays that of all others."""
        shop = Blueprint("shop", __name__)
        with app.app_context():
            set_login_view("/in")
            set_login_view("/shop/in", blueprint=shop)
            set_login_view("/other")
        client = app.test_client()
        assert client.get("/private").location == "/other?next=%2Fprivate"
        assert app.login_manager.blueprint_login_views == {"shop": "/shop/in"}
