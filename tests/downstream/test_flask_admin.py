"""Flask-Admin: who is logged in may open its views, as its example of an own login has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from downstream.browsing import REMEMBER, csrf_token, grow_stale, is_to, reopen, send_form
from flask import Flask, redirect, render_template_string, request, url_for
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_babel import Babel
from flask_login import LoginManager, UserMixin, current_user, login_fresh, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField, ValidationError

FORM = "<form method=post>{{ form.csrf_token }}{{ form.name }}{{ form.password }}{{ form.errors }}</form>"

db = SQLAlchemy()


class User(db.Model, UserMixin):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), unique=True)
    is_admin = db.Column(db.Boolean)


class LoginForm(FlaskForm):
    name = StringField()
    password = PasswordField()
    remember = BooleanField()

    def validate_password(self, field: PasswordField) -> None:
        if field.data != "secret":
            raise ValidationError("wrong")

    def user(self) -> User:
        return db.session.execute(db.select(User).filter_by(name=self.name.data)).scalar_one()


class Home(AdminIndexView):
    @expose("/")
    def index(self) -> Any:
        return super().index() if current_user.is_authenticated else redirect(url_for(".login"))

    @expose("/login", methods=["GET", "POST"])
    def login(self) -> Any:
        form = LoginForm()
        if form.validate_on_submit():
            login_user(form.user(), remember=form.remember.data)
        if current_user.is_authenticated and login_fresh():
            return redirect(request.args.get("next") or url_for(".index"))
        return render_template_string(FORM, form=form)

    @expose("/logout")
    def logout(self) -> Any:
        logout_user()
        return redirect(url_for(".index"))


class Guarded:
    def is_accessible(self) -> bool:
        return bool(current_user.is_authenticated)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        return redirect(url_for("admin.login", next=request.path))


class Users(Guarded, ModelView):
    form_base_class = SecureForm
    column_list = ("name",)

    def is_accessible(self) -> bool:
        # A visitor has no such attribute.
        return bool(current_user.is_authenticated and current_user.is_admin)


class Reports(Guarded, BaseView):
    @expose("/")
    def index(self) -> str:
        return f"reports for {current_user.name}"


class Secrets(Guarded, BaseView):
    def is_accessible(self) -> bool:
        return bool(current_user.is_authenticated and login_fresh())

    @expose("/")
    def index(self) -> str:
        return "secret"


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("office")
    app.config.update(SECRET_KEY="a-key-of-the-tests-that-is-long-enough", SQLALCHEMY_DATABASE_URI="sqlite://")
    # Its forms want it where it is installed.
    Babel(app)
    db.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: db.session.get(User, int(user_id)))
    admin = Admin(app, index_view=Home())
    admin.add_view(Users(User, db))
    admin.add_view(Reports("Reports", endpoint="reports"))
    admin.add_view(Secrets("Secrets", endpoint="secrets"))
    with app.app_context():
        db.create_all()
        db.session.add_all([User(name="ada", is_admin=True), User(name="bob", is_admin=False)])
        db.session.commit()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def log_in(client: Any, name: str = "ada", **fields: str) -> Any:
    return send_form(client, "/admin/login", **{"name": name, "password": "secret", **fields})


@pytest.mark.parametrize("path", ["/admin/user/", "/admin/user/new/", "/admin/reports/", "/admin/secrets/"])
def test_form(client: Any, path: str) -> None:
    """A visitor is sent to the login page by each view, and the view is open after the form was filled in."""
    refused = client.get(path)
    assert is_to(refused, "/admin/login")
    assert is_to(send_form(client, refused.location, name="ada", password="secret"), path)
    assert client.get(path).status_code == 200


def test_index(client: Any) -> None:
    """The menu has what the user may open, and nothing else."""
    assert is_to(client.get("/admin/"), "/admin/login")
    log_in(client, "bob")
    menu = client.get("/admin/").text
    assert "/admin/reports/" in menu
    assert "/admin/user/" not in menu
    assert is_to(client.get("/admin/user/"), "/admin/login")


@pytest.mark.parametrize("fields", [{"password": "guess"}, {"csrf_token": "guess"}])
def test_refused(client: Any, fields: dict[str, str]) -> None:
    """A wrong password logs nobody in, and neither does a form without its token."""
    assert log_in(client, **fields).status_code == 200
    assert is_to(client.get("/admin/reports/"), "/admin/login")


def test_work(client: Any) -> None:
    """Its forms with a token in the session are accepted while the login goes on."""
    log_in(client)
    assert is_to(send_form(client, "/admin/user/new/", name="cyd"), "/admin/user/")
    assert "cyd" in client.get("/admin/user/").text
    client.post("/admin/user/new/", data={"name": "dan", "csrf_token": "guess"})
    assert "dan" not in client.get("/admin/user/").text


def test_remember(client: Any) -> None:
    """The remember cookie opens the views again, but those for a fresh login."""
    log_in(client, remember="y")
    assert client.get("/admin/secrets/").text == "secret"
    reopen(client)
    assert client.get("/admin/reports/").text == "reports for ada"
    assert is_to(client.get("/admin/secrets/"), "/admin/login")
    log_in(client)
    assert client.get("/admin/secrets/").text == "secret"


def test_freshness(client: Any) -> None:
    """The menu of a stale login leaves out what needs a fresh one."""
    log_in(client)
    assert "/admin/secrets/" in client.get("/admin/").text
    grow_stale(client)
    assert "/admin/secrets/" not in client.get("/admin/").text


def test_logout(client: Any) -> None:
    """After the logout no view is open, and nobody is remembered."""
    log_in(client, remember="y")
    client.get("/admin/logout")
    assert client.get_cookie(REMEMBER) is None
    assert is_to(client.get("/admin/reports/"), "/admin/login")
    reopen(client)
    assert is_to(client.get("/admin/user/"), "/admin/login")


def test_user_is_deleted(app: Flask, client: Any) -> None:
    """Who is deleted in the admin is out at the next request."""
    other = app.test_client()
    log_in(client)
    log_in(other, "bob", remember="y")
    token = csrf_token(client.get("/admin/user/"))
    client.post("/admin/user/delete/", data={"id": "2", "csrf_token": token})
    assert is_to(other.get("/admin/reports/"), "/admin/login")
