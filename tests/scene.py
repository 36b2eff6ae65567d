"""The people and pages of the tests, and what a test reads off a response."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Flask, Request, redirect, render_template_string, request, session
from flask.sessions import SessionInterface, SessionMixin

from flask_sessionauth import (
    UserMixin,
    confirm_login,
    current_user,
    fresh_login_required,
    login_fresh,
    login_required,
    login_source,
    login_user,
    logout_user,
)

#: Flask 3.2 redirects with 303, Flask before it with 302.
REDIRECT = Flask("scene").redirect("/").status_code
KEY = "a-key-of-the-tests-that-is-long-enough"


class User(UserMixin):
    def __init__(self, user_id: str, name: str, active: bool = True) -> None:
        self.id = user_id
        self.name = name
        self.active = active

    @property
    def is_active(self) -> bool:
        return self.active


class Users(dict[str, User]):
    """The users by id, and how often the loader was asked."""

    def __init__(self) -> None:
        super().__init__((u.id, u) for u in (User("1", "ada"), User("2", "bob"), User("3", "cyd", active=False)))
        self.loads = 0

    def load(self, user_id: str) -> User | None:
        assert isinstance(user_id, str)
        self.loads += 1
        return self.get(user_id)


class Clock:
    """What ``time.time()`` says in a test."""

    def __init__(self) -> None:
        self.now = float(int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()))

    def advance(self, seconds: float) -> None:
        self.now += seconds


def add_routes(app: Flask, users: Users) -> None:
    @app.get("/public")
    def public() -> str:
        return "public"

    @app.get("/cart/<item>")
    def cart(item: str) -> str:
        session["cart"] = item
        return item

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method == "GET":
            return "log in"
        wanted = request.form
        duration = float(wanted["duration"]) if "duration" in wanted else None
        done = login_user(users[wanted["id"]], "remember" in wanted, duration, "force" in wanted, "stale" not in wanted)
        return "in" if done else ("refused", 403)

    @app.route("/logout", methods=["GET", "POST"])
    def logout() -> str:
        logout_user()
        return "out"

    @app.route("/reauth", methods=["GET", "POST"])
    def reauth() -> str:
        if request.method == "POST":
            confirm_login()
        return "again"

    @app.get("/who")
    def who() -> dict[str, Any]:
        return {
            "user": current_user.get_id() if current_user else None,
            "source": login_source(),
            "fresh": login_fresh(),
        }

    @app.route("/private", methods=["GET", "HEAD", "POST", "OPTIONS", "PURGE"], provide_automatic_options=False)
    @login_required
    def private() -> str:
        return f"private {current_user.name}"

    @app.get("/fresh")
    @fresh_login_required
    def fresh() -> str:
        return "fresh"

    @app.get("/recent")
    @fresh_login_required(max_age=600)
    def recent() -> str:
        return "recent"

    @app.get("/template")
    def template() -> str:
        return render_template_string("{% if current_user.is_authenticated %}hello {{ current_user.name }}{% endif %}")

    @app.get("/template/silent")
    def silent_template() -> str:
        return render_template_string("hello all")

    @app.get("/away")
    def away() -> Any:
        return redirect(f"/public?{current_user.is_authenticated}")


def set_cookies(response: Any, name: str) -> list[str]:
    """The ``Set-Cookie`` headers of a response for one cookie."""
    return [value for value in response.headers.getlist("Set-Cookie") if value.startswith(f"{name}=")]


def remember_cookie(client: Any, name: str = "remember_token") -> str | None:
    cookie = client.get_cookie(name)
    return None if cookie is None else cookie.decoded_value


class ServerSession(dict[str, Any], SessionMixin):
    def __init__(self, sid: str, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.sid = sid


class ServerSessions(SessionInterface):
    """Sessions in a dictionary; the cookie holds an id, which a browser may bring along."""

    def __init__(self) -> None:
        self.store: dict[str, dict[str, Any]] = {}
        self.count = 0

    def open_session(self, app: Flask, request: Request) -> ServerSession:
        sid = request.cookies.get("session", "new")
        return ServerSession(sid, self.store.get(sid, {}))

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        self.store[session.sid] = dict(session)
        response.set_cookie("session", session.sid)

    def regenerate(self, session: Any) -> None:
        self.count += 1
        self.store.pop(session.sid, None)
        session.sid = f"sid-{self.count}"
