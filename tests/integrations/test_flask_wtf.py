"""Flask-WTF: its CSRF token before, at and after a login."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from scene import Users
from wtforms import StringField

from flask_sessionauth import login_user

PAGE = "{{ form.csrf_token }}"


class Form(FlaskForm):
    user_id = StringField()


@pytest.fixture
def client(app: Flask, users: Users) -> Any:
    CSRFProtect(app)

    @app.route("/form", methods=["GET", "POST"])
    def form() -> str:
        form = Form()
        return "valid" if form.validate_on_submit() else render_template_string(PAGE, form=form)

    @app.post("/log-in")
    def log_in() -> str:
        form = Form()
        assert form.validate_on_submit()
        login_user(users[str(form.user_id.data)])
        # No redirect: the page after the login has a form, too.
        return render_template_string(PAGE, form=Form(formdata=None))

    return app.test_client()


def token_in(page: str) -> str:
    match = re.search(r'value="([^"]+)"', page)
    assert match
    return match[1]


def test_forms_work_before_and_after(client: Any) -> None:
    """A visitor's form, the login form, the form on the page after it, and the next one, are all valid."""
    before = token_in(client.get("/form").text)
    assert client.post("/form", data={"csrf_token": before}).text == "valid"
    after = token_in(client.post("/log-in", data={"csrf_token": before, "user_id": "1"}).text)
    assert client.post("/form", data={"csrf_token": after}).text == "valid"
    assert client.post("/form", data={"csrf_token": token_in(client.get("/form").text)}).text == "valid"


def test_token_from_before_the_login_is_worthless(client: Any) -> None:
    """Who knew the visitor's token cannot use it on the user."""
    before = token_in(client.get("/form").text)
    client.post("/log-in", data={"csrf_token": before, "user_id": "1"})
    assert client.post("/form", data={"csrf_token": before}).status_code == 400


def test_token_from_before_a_restored_login_is_worthless(client: Any, users: Users) -> None:
    """Nor where the remember cookie made the visitor a user."""
    client.login(users["1"], remember=True)
    client.delete_cookie("session")
    before = token_in(client.get("/form").text)
    assert client.get("/who").json["source"] == "remember"
    assert client.post("/form", data={"csrf_token": before}).status_code == 400
    assert client.post("/form", data={"csrf_token": token_in(client.get("/form").text)}).text == "valid"


def test_header(client: Any) -> None:
    """A script that sends the token in a header has to read it anew after the login, too."""
    before = token_in(client.get("/form").text)
    after = token_in(client.post("/log-in", data={"csrf_token": before, "user_id": "1"}).text)
    assert client.post("/logout", headers={"X-CSRFToken": before}).status_code == 400
    assert client.post("/logout", headers={"X-CSRFToken": after}).text == "out"
    assert client.get("/who").json["user"] is None


def test_forms_work_after_the_logout(client: Any) -> None:
    """The user's form that was open stays valid for the visitor, who has no more rights than before."""
    before = token_in(client.get("/form").text)
    after = token_in(client.post("/log-in", data={"csrf_token": before, "user_id": "1"}).text)
    client.post("/logout", data={"csrf_token": after})
    assert client.post("/form", data={"csrf_token": after}).text == "valid"
    assert client.post("/form", data={"csrf_token": token_in(client.get("/form").text)}).text == "valid"
