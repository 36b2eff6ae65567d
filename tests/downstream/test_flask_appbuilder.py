"""Flask-AppBuilder: accounts in its database, its forms, its permissions and its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from downstream.browsing import grow_stale, is_to, send_form
from flask import Flask, g
from flask_appbuilder import AppBuilder, BaseView, Model, ModelRestApi, ModelView, expose, has_access
from flask_appbuilder.models.sqla.base import SQLA
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_login import current_user, fresh_login_required
from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column


class Note(Model):
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str] = mapped_column(String(50))

    __tablename__ = "note"


class Notes(ModelView):
    datamodel = SQLAInterface(Note)
    list_columns = ["text"]


class NotesApi(ModelRestApi):
    resource_name = "notes"
    datamodel = SQLAInterface(Note)
    allow_browser_login = True


class Reports(BaseView):
    route_base = "/reports"

    @expose("/year")
    @has_access
    def year(self) -> str:
        return f"{g.user.username} {current_user.username}"

    @expose("/secret")
    @has_access
    @fresh_login_required
    def secret(self) -> str:
        return "secret"


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("notebook")
    app.config.update(
        SECRET_KEY="a-key-of-the-tests-that-is-long-enough",
        SQLALCHEMY_DATABASE_URI="sqlite://",
        FAB_PASSWORD_HASH_METHOD="pbkdf2:sha256:1000",
        RATELIMIT_ENABLED=False,
    )
    db = SQLA(app)
    with app.app_context():
        builder = AppBuilder(app, db.session)
        # It has no page of its own for that.
        builder.sm.lm.refresh_view = "AuthDBView.login"
        builder.add_view(Notes, "Notes")
        builder.add_view_no_menu(Reports)
        builder.add_api(NotesApi)
        sm = builder.sm
        for name, role in (("ada", "Admin"), ("bob", "Public")):
            sm.add_user(name, name, "Smith", f"{name}@example.org", sm.find_role(role), "secret")
        db.session.add(Note(text="buy milk"))
        db.session.commit()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def log_in(client: Any, name: str = "ada", **fields: str) -> Any:
    return send_form(client, "/login/", **{"username": name, "password": "secret", **fields})


@pytest.mark.parametrize("path", ["/reports/year", "/notes/list/"])
def test_form(client: Any, path: str) -> None:
    """Its views send a visitor to its login page, and are open after its form was filled in."""
    refused = client.get(path)
    assert is_to(refused, "/login/")
    response = send_form(client, refused.location, username="ada", password="secret")
    assert is_to(response, path)
    assert client.get(path).status_code == 200


def test_both_names_of_the_user(client: Any) -> None:
    """``g.user``, which it sets to the proxy before each request, is the user in the view."""
    log_in(client)
    assert client.get("/reports/year").text == "ada ada"
    assert "buy milk" in client.get("/notes/list/").text


def test_wrong_password(client: Any) -> None:
    """A wrong password logs nobody in."""
    assert is_to(log_in(client, password="guess"), "/login/")
    assert is_to(client.get("/reports/year"), "/login/")


def test_form_without_csrf_token(client: Any) -> None:
    """Its form is not accepted without the token in it."""
    client.post("/login/", data={"username": "ada", "password": "secret"})
    assert is_to(client.get("/reports/year"), "/login/")


def test_logged_in_already(client: Any) -> None:
    """Its login page sends who is logged in on, and the menu names them."""
    log_in(client)
    assert is_to(client.get("/login/"), "/")
    assert "ada Smith" in client.get("/", follow_redirects=True).text
    assert "ada" in client.get("/users/userinfo/").text


def test_permissions(client: Any) -> None:
    """A user without the permission is refused, and not sent to log in again."""
    log_in(client, "bob")
    assert client.get("/reports/year").status_code == 403


def test_logout(client: Any) -> None:
    """Its logout ends the login."""
    log_in(client)
    assert is_to(client.get("/logout/"), "/")
    assert is_to(client.get("/reports/year"), "/login/")


def test_deactivated(app: Flask, client: Any) -> None:
    """Its loader no longer loads a user who was deactivated, and that is the end of the login."""
    log_in(client)
    assert client.get("/reports/year").status_code == 200
    with app.app_context():
        sm = app.appbuilder.sm  # type: ignore[attr-defined]
        user = sm.find_user("ada")
        user.active = False
        sm.update_user(user)
    assert is_to(client.get("/reports/year"), "/login/")


def test_freshness(client: Any) -> None:
    """``fresh_login_required`` under its guard asks for the password once more."""
    log_in(client)
    assert client.get("/reports/secret").text == "secret"
    grow_stale(client)
    assert client.get("/reports/year").status_code == 200
    assert is_to(client.get("/reports/secret"), "/login/")


def test_own_password(client: Any) -> None:
    """Its form for one's own password works, and the old password does not."""
    log_in(client)
    client.get("/logout/")
    log_in(client)
    changed = send_form(client, "/resetmypassword/form", password="better", conf_password="better")
    assert is_to(changed, "/")
    assert client.get("/reports/year").text == "ada ada"
    client.get("/logout/")
    log_in(client)
    assert is_to(client.get("/reports/year"), "/login/")
    log_in(client, password="better")
    assert client.get("/reports/year").text == "ada ada"


def test_api_with_a_token(client: Any) -> None:
    """Its API knows users by the tokens it gives out, for one request each."""
    assert client.get("/api/v1/notes/").status_code == 401
    credentials = {"username": "ada", "password": "secret", "provider": "db"}
    token = client.post("/api/v1/security/login", json=credentials).json["access_token"]
    answer = client.get("/api/v1/notes/", headers={"Authorization": f"Bearer {token}"})
    assert [note["text"] for note in answer.json["result"]] == ["buy milk"]
    assert client.get("/api/v1/notes/").status_code == 401


def test_api_with_a_session(client: Any) -> None:
    """Its API lets in who logged in by the form, where it is told to."""
    log_in(client)
    assert client.get("/api/v1/notes/").status_code == 200
    client.get("/logout/")
    assert client.get("/api/v1/notes/").status_code == 401
