"""Flask-Security, or Flask-Security-Too, whichever is installed: they are one library under two names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from downstream.browsing import REMEMBER, csrf_token, is_to, reopen, send_form
from flask import Flask, request
from flask_login import current_user, login_required
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    auth_token_required,
    hash_password,
    roles_required,
)
from flask_security.models import fsqla_v2 as fsqla
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

ADA = "ada@example.org"

db = SQLAlchemy()
fsqla.FsModels.set_db_info(db)


class Role(db.Model, fsqla.FsRoleMixin):
    pass


class User(db.Model, fsqla.FsUserMixin):
    pass


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("club")
    app.config.update(
        SECRET_KEY="a-key-of-the-tests-that-is-long-enough",
        SQLALCHEMY_DATABASE_URI="sqlite://",
        SECURITY_PASSWORD_SALT="42",
        # Its default, argon2, takes its time on purpose.
        SECURITY_PASSWORD_HASH="pbkdf2_sha256",
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={"pbkdf2_sha256__default_rounds": 1000},
        SECURITY_CHANGEABLE=True,
        SECURITY_TRACKABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_CSRF_COOKIE_NAME="XSRF-TOKEN",
        WTF_CSRF_CHECK_DEFAULT=False,
    )
    CSRFProtect(app)
    db.init_app(app)
    app.security = Security(app, SQLAlchemyUserDatastore(db, User, Role))  # type: ignore[attr-defined]
    add_pages(app)
    with app.app_context():
        db.create_all()
        store = app.security.datastore  # type: ignore[attr-defined]
        reader = store.create_role(name="reader")
        store.create_user(email=ADA, password=hash_password("password"), roles=[reader])
        store.create_user(email="bob@example.org", password=hash_password("password"))
        store.commit()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def add_pages(app: Flask) -> None:
    @app.get("/who")
    def who() -> dict[str, Any]:
        return {"user": getattr(current_user, "email", None), "logins": getattr(current_user, "login_count", None)}

    @app.get("/plain")
    @login_required
    def plain() -> str:
        return "plain"

    @app.get("/session")
    @auth_required("session")
    def by_session() -> str:
        return "session"

    @app.get("/either")
    @auth_required("token", "session")
    def either() -> str:
        return "either"

    @app.get("/token")
    @auth_token_required
    def by_token() -> str:
        return current_user.email

    @app.get("/recent")
    @auth_required("session", within=5, grace=0)
    def recent() -> str:
        return "recent"

    @app.get("/reader")
    @auth_required("session")
    @roles_required("reader")
    def reader() -> str:
        return "reader"

    @app.post("/post")
    @auth_required("session")
    def post() -> str:
        return request.form["text"]


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def log_in(client: Any, email: str = ADA, **fields: str) -> Any:
    return send_form(client, "/login", **{"email": email, "password": "password", **fields})


def user(client: Any) -> str | None:
    return client.get("/who").json["user"]


@pytest.mark.parametrize("path", ["/plain", "/session", "/either"])
def test_form(client: Any, path: str) -> None:
    """Its guards, and Flask-Login's, send a visitor to its login page, and are open after its form was filled in."""
    refused = client.get(path)
    assert is_to(refused, "/login")
    assert is_to(send_form(client, refused.location, email=ADA, password="password"), path)
    assert client.get(path).text == path[1:]
    assert client.get("/who").json == {"user": ADA, "logins": 1}


def test_wrong_password(client: Any) -> None:
    """A wrong password logs nobody in."""
    log_in(client, password="guesses")
    assert user(client) is None


def test_form_without_csrf_token(client: Any) -> None:
    """Its form is not accepted without the token in it."""
    client.post("/login", data={"email": ADA, "password": "password"})
    assert user(client) is None


def test_csrf_cookie(client: Any) -> None:
    """The cookie with the token for scripts, which it renews at the login, is accepted after it."""
    log_in(client)
    token = client.get_cookie("XSRF-TOKEN").decoded_value
    assert client.post("/post", data={"text": "hi"}).status_code == 400
    assert client.post("/post", data={"text": "hi"}, headers={"X-XSRF-Token": token}).text == "hi"


def test_remember(client: Any) -> None:
    """Its "remember me" outlives the browser, but not the freshness of the login."""
    log_in(client, remember="y")
    reopen(client)
    assert user(client) == ADA
    assert client.get("/session").text == "session"
    assert is_to(client.get("/recent"), "/verify")


def test_not_remembered(client: Any) -> None:
    """Without it, the login ends with the browser."""
    log_in(client)
    assert client.get_cookie(REMEMBER) is None
    reopen(client)
    assert user(client) is None


def test_logout(client: Any) -> None:
    """Its logout ends the login, and the remember cookie with it."""
    log_in(client, remember="y")
    assert client.post("/logout").status_code < 400
    assert client.get_cookie(REMEMBER) is None
    assert user(client) is None
    reopen(client)
    assert is_to(client.get("/session"), "/login")


def test_freshness(client: Any) -> None:
    """A page with ``within`` is open after the login, not when that is long ago, and again after ``/verify``."""
    log_in(client)
    assert client.get("/recent").text == "recent"
    with client.session_transaction() as session:
        session["fs_paa"] -= 3600
    assert is_to(client.get("/recent"), "/verify")
    send_form(client, "/verify", password="password")
    assert client.get("/recent").text == "recent"


def test_roles(client: Any) -> None:
    """The roles of Flask-Principal's identity are those of the user, from the login to the logout."""
    log_in(client)
    assert client.get("/reader").text == "reader"
    client.post("/logout")
    log_in(client, "bob@example.org")
    assert client.get("/reader").status_code == 403


def test_roles_of_who_was_remembered(client: Any) -> None:
    """The roles are there in the request that the remember cookie logs in."""
    log_in(client, remember="y")
    reopen(client)
    assert client.get("/reader").text == "reader"


def test_auth_token(client: Any, app: Flask) -> None:
    """Its token in the header is the user for one request, without a session."""
    csrf = {"X-CSRF-Token": csrf_token(client.get("/login"))}
    credentials = {"email": ADA, "password": "password"}
    answer = client.post("/login?include_auth_token", json=credentials, headers=csrf).json
    token = {"Authentication-Token": answer["response"]["user"]["authentication_token"]}
    script = app.test_client()
    assert script.get("/token", headers=token).text == ADA
    assert script.get("/either", headers=token).text == "either"
    assert script.get("/who", headers=token).json["user"] == ADA
    assert script.get_cookie(REMEMBER) is None
    for headers in ({}, {"Authentication-Token": "no"}):
        assert script.get("/token", headers={"Accept": "application/json", **headers}).status_code == 401


def change_password(client: Any) -> Any:
    new = {"new_password": "longer-one", "new_password_confirm": "longer-one"}
    return send_form(client, "/change", password="password", **new)


def test_changed_password(client: Any, app: Flask) -> None:
    """A new password, which changes ``fs_uniquifier``, ends the user's logins elsewhere, remember cookies too."""
    elsewhere, at_bobs = app.test_client(), app.test_client()
    log_in(elsewhere, remember="y")
    log_in(at_bobs, "bob@example.org")
    log_in(client, remember="y")
    assert change_password(client).status_code < 400
    assert user(client) == ADA
    assert user(elsewhere) is None
    reopen(elsewhere)
    assert user(elsewhere) is None
    assert user(at_bobs) == "bob@example.org"
    log_in(elsewhere, password="longer-one")
    assert user(elsewhere) == ADA


def test_deactivated(client: Any, app: Flask) -> None:
    """Its loader no longer loads a user who was deactivated, and that is the end of the login."""
    log_in(client, remember="y")
    with app.app_context():
        store = app.security.datastore  # type: ignore[attr-defined]
        store.deactivate_user(store.find_user(email=ADA))
        store.commit()
    assert user(client) is None
    assert is_to(client.get("/session"), "/login")
