"""A program that keeps the login in the session by hand moves over: each step of the how-to, and those side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from flask import Flask, redirect, request, session
from scene import KEY, REDIRECT, Users

from flask_sessionauth import LoginManager, current_user, login_required, login_user, logout_user

BEFORE, ADDED, BOTH_WAYS, TAKEN_OVER, MOVED, KEYLESS, DONE = STEPS = range(7)


def old_login_required(view: Callable[[], str]) -> Callable[[], Any]:
    @wraps(view)
    def guarded() -> Any:
        return view() if session.get("logged_in") else redirect("/login")

    return guarded


def program(step: int) -> Flask:
    """The program as it is after a step of the how-to."""
    app, users = Flask("program"), Users()
    app.secret_key = KEY
    if step >= ADDED:
        manager: LoginManager[Any] = LoginManager(app)
        manager.login_view = "log_in"
        manager.user_loader(users.load)

    if TAKEN_OVER <= step < DONE:

        @app.before_request
        def take_over() -> None:
            user = users.get(session.get("user_id", "")) if session.get("logged_in") else None
            if user is not None and not current_user.is_authenticated:
                login_user(user, fresh=False)
            if step >= KEYLESS:
                session.pop("logged_in", None)
                session.pop("user_id", None)

    @app.route("/login", methods=["GET", "POST"])
    def log_in() -> str:
        if request.method == "POST":
            user = users[request.form["id"]]
            if step >= BOTH_WAYS:
                login_user(user)
            if step < KEYLESS:
                session["logged_in"] = True
                session["user_id"] = user.id
        return "in"

    @app.post("/logout")
    def log_out() -> str:
        if step >= BOTH_WAYS:
            logout_user()
        session.clear()
        return "out"

    def old_page() -> str:
        return users[session["user_id"]].name

    def new_page() -> str:
        return str(current_user.name)

    # Page by page: one has moved already when the sessions are taken over, the other is the last.
    app.add_url_rule(
        "/early", "early", login_required(new_page) if step >= TAKEN_OVER else old_login_required(old_page)
    )
    app.add_url_rule("/late", "late", login_required(new_page) if step >= MOVED else old_login_required(old_page))
    return app


class Browser:
    """Keeps its session from one step to another."""

    def __init__(self) -> None:
        self._cookie: str | None = None

    def at(self, step: int) -> Any:
        self.client = program(step).test_client()
        if self._cookie is not None:
            self.client.set_cookie("session", self._cookie)
        return self

    def ask(self, method: str, path: str, **data: str) -> Any:
        response = self.client.open(path, method=method, data=data)
        cookie = self.client.get_cookie("session")
        self._cookie = None if cookie is None else cookie.value
        return response

    def log_in(self, user_id: str) -> None:
        assert self.ask("POST", "/login", id=user_id).status_code == 200

    def sees(self) -> set[str]:
        answers = [self.ask("GET", path) for path in ("/early", "/late")]
        return {"refused" if answer.status_code == REDIRECT else answer.text for answer in answers}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_works(step: int) -> None:
    """After each step, login, pages and logout do what they did, and another user takes the place of the one before."""
    browser = Browser().at(step)
    assert browser.sees() == {"refused"}
    browser.log_in("1")
    assert browser.sees() == {"ada"}
    browser.log_in("2")
    assert browser.sees() == {"bob"}
    browser.ask("POST", "/logout")
    assert browser.sees() == {"refused"}


@pytest.mark.parametrize("step", [ADDED, BOTH_WAYS, TAKEN_OVER, MOVED, KEYLESS])
def test_who_was_logged_in_stays_so(step: int) -> None:
    """A session from before passes all pages after any step, up to the last one."""
    browser = Browser().at(BEFORE)
    browser.log_in("1")
    assert browser.at(step).sees() == {"ada"}


@pytest.mark.parametrize("step", [BEFORE, ADDED, BOTH_WAYS, TAKEN_OVER, MOVED])
def test_steps_side_by_side(step: int) -> None:
    """While servers of two neighbouring steps run, a browser may come to either, with logins and logouts of either."""
    for first, second in ((step, step + 1), (step + 1, step)):
        browser = Browser().at(first)
        browser.log_in("1")
        assert browser.at(second).sees() == {"ada"}
        assert browser.at(first).sees() == {"ada"}
        browser.at(second).ask("POST", "/logout")
        assert browser.at(first).sees() == {"refused"}


def test_after_the_last_step() -> None:
    """Who came by since the sessions were taken over stays logged in; who has not logs in once more."""
    came, stayed_away = Browser().at(BEFORE), Browser().at(BEFORE)
    came.log_in("1")
    stayed_away.log_in("2")
    assert came.at(KEYLESS).sees() == {"ada"}
    assert came.at(DONE).sees() == {"ada"}
    assert stayed_away.at(DONE).sees() == {"refused"}


def test_old_keys_go() -> None:
    """What the program kept in the session by hand is out of it with the first request after the pages have moved."""
    browser = Browser().at(BEFORE)
    browser.log_in("1")
    browser.at(KEYLESS).sees()
    with browser.client.session_transaction() as stored:
        assert {"logged_in", "user_id"}.isdisjoint(stored)
        assert stored["_fresh"] is False


def test_inactive_user_is_not_taken_over() -> None:
    """The old guard let them pass; the new one does not."""
    browser = Browser().at(BEFORE)
    browser.log_in("3")
    assert browser.sees() == {"cyd"}
    assert browser.at(MOVED).sees() == {"refused"}
