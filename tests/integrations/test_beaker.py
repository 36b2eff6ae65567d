"""Beaker's middleware as the session interface, as CKAN has it: a session that is not Flask's own at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from beaker.middleware import SessionMiddleware
from flask import Flask, Request, session
from flask.sessions import SessionInterface
from scene import remember_cookie

from flask_sessionauth import logout_user, user_logged_out


class BeakerSessions(SessionInterface):
    """The session is what the middleware has put into the environ."""

    def open_session(self, app: Flask, request: Request) -> Any:
        return request.environ["beaker.session"]

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        session.save()


class MovingSessions(BeakerSessions):
    """... which gets another id at each login."""

    def regenerate(self, session: Any) -> None:
        session.regenerate_id()


@pytest.fixture(params=[BeakerSessions, MovingSessions])
def app(request: pytest.FixtureRequest, make_app: Any, tmp_path: Path) -> Flask:
    app: Flask = make_app()
    app.session_interface = request.param()
    options = {"session.type": "file", "session.data_dir": str(tmp_path), "session.key": "beaker"}
    app.wsgi_app = SessionMiddleware(app.wsgi_app, options)  # type: ignore[method-assign]
    app.add_url_rule("/cart", "show_cart", lambda: {"cart": session.get("cart")})
    return app


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def sign_in(client: Any, user_id: str = "1", **form: str) -> None:
    assert client.post("/login", data={"id": user_id, **form}).text == "in"


def who(client: Any) -> Any:
    return client.get("/who").json["user"]


def copy_of(client: Any) -> Any:
    """Another browser with the same session."""
    other = client.application.test_client()
    other.set_cookie("beaker", client.get_cookie("beaker").value)
    return other


def test_session_lacks_what_flasks_has(app: Flask, client: Any) -> None:
    """Beaker's session knows none of the attributes that Flask's have: else these tests would prove nothing."""
    lacking = []

    @app.get("/attributes")
    def attributes() -> str:
        lacking.extend(name for name in ("modified", "new", "sid", "permanent") if not hasattr(session, name))
        return ""

    client.get("/attributes")
    assert "modified" in lacking
    assert "permanent" in lacking


def test_login_keeps_the_content(client: Any) -> None:
    """The login is there at the next request, and so is the visitor's cart."""
    client.get("/cart/apples")
    sign_in(client)
    assert client.get("/who").json == {"user": "1", "source": "session", "fresh": True}
    assert client.get("/cart").json == {"cart": "apples"}


def test_id_changes_where_the_interface_can(app: Flask, client: Any) -> None:
    """With a regenerate method, a session that was planted before the login is not the user's."""
    client.get("/cart/apples")
    planted = copy_of(client)
    sign_in(client)
    can = isinstance(app.session_interface, MovingSessions)
    assert who(planted) == (None if can else "1")


@pytest.mark.parametrize("clear", ["clear", "delete"])
@pytest.mark.parametrize("order", ["receiver", "before", "after"])
def test_logout_really_ends(app: Flask, client: Any, clear: str, order: str) -> None:
    """A receiver, or the view, that empties the session does not keep the login or the remember cookie alive."""

    def empty(*_: object, **__: object) -> None:
        getattr(session, clear)()

    @app.post("/leave")
    def leave() -> str:
        if order == "before":
            empty()
        logout_user()
        if order == "after":
            empty()
        return "bye"

    sign_in(client, remember="yes")
    copy = copy_of(client)
    if order == "receiver":
        with user_logged_out.connected_to(empty, app):
            client.post("/leave")
    else:
        client.post("/leave")
    assert remember_cookie(client) is None
    assert who(client) is None
    assert who(copy) is None


def test_logout_by_invalidate(app: Flask, client: Any) -> None:
    """Beaker's `invalidate` starts another session and leaves the old one in its store: what the how-to warns of."""

    @app.post("/leave")
    def leave() -> str:
        logout_user()
        session.invalidate()  # type: ignore[attr-defined]
        return "bye"

    sign_in(client)
    copy = copy_of(client)
    client.post("/leave")
    assert who(client) is None
    assert who(copy) == "1"


def test_receiver_is_told_who_it_was(app: Flask, client: Any) -> None:
    """Also when it clears the session at once."""
    told = []

    def on_logout(_: object, user: Any) -> None:
        session.clear()
        told.append(user.name)

    sign_in(client)
    with user_logged_out.connected_to(on_logout, app):
        client.post("/logout")
    assert told == ["ada"]


def test_another_user(client: Any) -> None:
    """Nothing of the one before is left in the session, and what Beaker keeps in it for itself is."""
    sign_in(client)
    client.get("/cart/apples")
    sign_in(client, "2")
    assert who(client) == "2"
    assert client.get("/cart").json == {"cart": None}


@pytest.mark.parametrize("mode", ["basic", "strong"])
def test_protection(app: Flask, client: Any, mode: str) -> None:
    """A session in another browser is stale, or over: a session with no `permanent` counts as not permanent."""
    app.login_manager.session_protection = mode  # type: ignore[attr-defined]
    sign_in(client)
    seen = client.get("/who", headers={"User-Agent": "another"}).json
    assert seen == {"basic": {"user": "1", "source": "session", "fresh": False}}.get(
        mode, {"user": None, "source": None, "fresh": False}
    )


def test_restored(client: Any) -> None:
    """The remember cookie restores a login into a new session, once."""
    sign_in(client, remember="yes")
    client.delete_cookie("beaker")
    assert client.get("/who").json["source"] == "remember"
    assert client.get("/who").json["source"] == "session"


def test_headers(client: Any) -> None:
    """A page that asked for the user varies; one that did not has nothing of ours."""
    sign_in(client)
    assert client.get("/who").headers["Vary"] == "Cookie"
    assert "Vary" not in client.get("/public").headers
