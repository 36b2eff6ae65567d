"""Flask-Session: the id of a session on the server changes at login."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cachelib import FileSystemCache
from flask_session import Session
from scene import Users


@pytest.fixture
def client(make_app: Any, tmp_path: Path) -> Any:
    app = make_app(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path)))
    Session(app)
    return app.test_client()


def test_planted_id_is_not_the_id_after_login(client: Any, users: Users) -> None:
    """Neither of a session with content nor of an empty one, on login and on a restored login."""
    client.set_cookie("session", "planted")
    client.login(users["1"], remember=True)
    first = client.get_cookie("session").value
    assert first != "planted"
    client.set_cookie("session", "planted-again")
    assert client.get("/who").json == {"user": "1", "source": "remember", "fresh": False}
    assert client.get_cookie("session").value not in ("planted-again", first)


def test_content_stays_and_the_old_id_is_dead(client: Any, users: Users) -> None:
    """The cart moves to the new id; the old one is nobody's, and has no cart."""
    client.get("/cart/apples")
    before = client.get_cookie("session").value
    client.login(users["1"])
    with client.session_transaction() as stored:
        assert stored["cart"] == "apples"
    other = client.application.test_client()
    other.set_cookie("session", before)
    assert other.get("/who").json["user"] is None
    with other.session_transaction() as stored:
        assert "cart" not in stored


def test_logout(client: Any, users: Users) -> None:
    """A copy of the session cookie is worth nothing after the logout."""
    client.login(users["1"])
    copy = client.get_cookie("session").value
    client.logout()
    other = client.application.test_client()
    other.set_cookie("session", copy)
    assert other.get("/who").json["user"] is None
