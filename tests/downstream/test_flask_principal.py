"""Flask-Principal: what the user may do follows the login, as its documentation has it with Flask-Login."""

from __future__ import annotations

from typing import Any

import pytest
from downstream.browsing import REMEMBER, grow_stale, is_to, reopen, send_form
from flask import Flask, current_app, redirect, render_template_string, request, session, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    fresh_login_required,
    login_required,
    login_user,
    logout_user,
)
from flask_principal import (
    AnonymousIdentity,
    Identity,
    Permission,
    Principal,
    RoleNeed,
    UserNeed,
    identity_changed,
    identity_loaded,
)
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField

FORM = "<form method=post>{{ form.csrf_token }}{{ form.user_id }}</form>"

editors = Permission(RoleNeed("editor"))


class User(UserMixin):
    def __init__(self, user_id: str, *roles: str) -> None:
        self.id = user_id
        self.roles = roles


class LoginForm(FlaskForm):
    user_id = StringField()
    remember = BooleanField()


def provide(sender: Flask, identity: Identity) -> None:
    """What the needs of an identity are: those of the user who is logged in."""
    identity.user = current_user
    if hasattr(current_user, "id"):
        identity.provides.add(UserNeed(current_user.id))
    for role in getattr(current_user, "roles", ()):
        identity.provides.add(RoleNeed(role))


def make(principal: Principal) -> Flask:
    users = {"1": User("1", "editor"), "2": User("2")}
    app = Flask("blog")
    app.config.update(SECRET_KEY="a-key-of-the-tests-that-is-long-enough")
    manager = LoginManager(app)
    manager.login_view = manager.refresh_view = "login"
    manager.user_loader(users.get)
    principal.init_app(app)
    identity_loaded.connect(provide, app)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        form = LoginForm()
        if form.validate_on_submit():
            user = users[form.user_id.data]
            login_user(user, remember=form.remember.data)
            identity_changed.send(current_app._get_current_object(), identity=Identity(user.id))
            return redirect(request.args.get("next") or url_for("who"))
        return render_template_string(FORM, form=form)

    @app.get("/logout")
    @login_required
    def logout() -> str:
        logout_user()
        for key in ("identity.name", "identity.auth_type"):
            session.pop(key, None)
        identity_changed.send(current_app._get_current_object(), identity=AnonymousIdentity())
        return "out" if not editors.can() else "still an editor"

    @app.get("/who")
    def who() -> dict[str, Any]:
        return {"user": current_user.get_id(), "may_edit": editors.can()}

    @app.get("/edit")
    @login_required
    @editors.require(403)
    def edit() -> str:
        return "edit"

    @app.get("/publish")
    @fresh_login_required
    @editors.require(403)
    def publish() -> str:
        return "publish"

    return app


@pytest.fixture(params=["in the session", "by the user"])
def app(request: pytest.FixtureRequest) -> Flask:
    """With the identity kept in the session, its default, and with one made of ``current_user`` in each request."""
    if request.param == "in the session":
        return make(Principal())
    principal = Principal(use_sessions=False)
    app = make(principal)

    @principal.identity_loader
    def load() -> Identity | None:
        return Identity(current_user.get_id()) if current_user.is_authenticated else None

    return app


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def log_in(client: Any, user_id: str = "1", **fields: str) -> Any:
    return send_form(client, "/login", user_id=user_id, **fields)


def test_login(client: Any) -> None:
    """The identity of the request after the login has the needs of the user."""
    assert client.get("/who").json == {"user": None, "may_edit": False}
    assert is_to(client.get("/edit"), "/login")
    assert is_to(log_in(client), "/who")
    assert client.get("/who").json == {"user": "1", "may_edit": True}
    assert client.get("/edit").text == "edit"


def test_permissions(client: Any) -> None:
    """A user without the need is refused."""
    log_in(client, "2")
    assert client.get("/who").json == {"user": "2", "may_edit": False}
    assert client.get("/edit").status_code == 403


def test_logout(client: Any) -> None:
    """With the login ends the identity, in the very request that logs out and in those after it."""
    log_in(client, remember="y")
    assert client.get("/logout").text == "out"
    assert client.get_cookie(REMEMBER) is None
    assert client.get("/who").json == {"user": None, "may_edit": False}
    assert is_to(client.get("/edit"), "/login")


@pytest.mark.parametrize(("first", "second"), [("1", "2"), ("2", "1")])
def test_another_user(client: Any, first: str, second: str) -> None:
    """Who logs in over another user may do what they may, and not what the other one might."""
    log_in(client, first)
    log_in(client, second)
    assert client.get("/who").json == {"user": second, "may_edit": second == "1"}


def test_remember(client: Any, app: Flask, request: pytest.FixtureRequest) -> None:
    """The remember cookie restores the login, and with it an identity that is made of ``current_user``."""
    log_in(client, remember="y")
    reopen(client)
    in_session = "in the session" in request.node.callspec.id
    # An identity that was kept in the session has gone with it.
    assert client.get("/who").json == {"user": "1", "may_edit": not in_session}
    assert is_to(client.get("/publish"), "/login")


def test_freshness(client: Any) -> None:
    """A stale login is to be made fresh where that is asked for, and keeps its identity elsewhere."""
    log_in(client)
    assert client.get("/publish").text == "publish"
    grow_stale(client)
    assert is_to(client.get("/publish"), "/login")
    assert client.get("/edit").text == "edit"
    log_in(client)
    assert client.get("/publish").text == "publish"
