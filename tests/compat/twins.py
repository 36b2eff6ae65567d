"""The same app on Flask-Login and on ours, and the tie between a test and its row on the page of differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flask_login
import pytest
from flask import Flask, request, session
from scene import KEY, Users

import flask_sessionauth

#: What the page calls a switch: settings, or something that is done to the app.
Switch = Mapping[str, Any] | Callable[[Flask], object]

_UNSAID: Any = object()


def row(
    beginning: str, *, theirs: Any = _UNSAID, ours: Any, switch: Switch | None = None, switched: Any = _UNSAID
) -> Any:
    """Tie a test to the row of the page that begins so, and run it for each library.

    The test gets ``make``, which makes the app on one of them, and ``expected``, what is to come out of it.

    :param theirs: what comes out on Flask-Login; left out where it has nothing of the kind.
    :param ours: what comes out on ours.
    :param switch: the row's switch, thrown in a third run, on ours.
    :param switched: what comes out then; left out, where it is ``theirs``.
    """
    runs = [pytest.param(Maker(flask_sessionauth), ours, id="ours")]
    if theirs is not _UNSAID:
        # Flask-Login calls a function that is deprecated since Python 3.12.
        utcnow = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
        runs.insert(0, pytest.param(Maker(flask_login), theirs, id="theirs", marks=utcnow))
    if switch is not None:
        outcome = theirs if switched is _UNSAID else switched
        runs.append(pytest.param(Maker(flask_sessionauth, switch), outcome, id="switched"))
    return pytest.mark.parametrize(("make", "expected"), runs)


@dataclass(frozen=True)
class Maker:
    """Makes the app on a library. Whatever settings a test asks for, the switch has the last word."""

    library: Any
    switch: Switch | None = None

    @property
    def is_ours(self) -> bool:
        return self.library is flask_sessionauth

    def __call__(self, users: Users, **config: Any) -> Flask:
        app = Flask("twin")
        app.config.update(SECRET_KEY=KEY, TESTING=True)
        app.config.update(config)
        if isinstance(self.switch, Mapping):
            app.config.update(self.switch)
        manager = self.library.LoginManager()
        manager.login_view = "login"
        manager.user_loader(users.load)
        manager.init_app(app)
        _add_pages(app, self.library, users)
        if callable(self.switch):
            self.switch(app)
        return app


def _add_pages(app: Flask, library: Any, users: Users) -> None:
    @app.get("/login")
    def login() -> str:
        return "log in"

    @app.get("/in/<user_id>")
    def log_in(user_id: str) -> str:
        library.login_user(users[user_id], remember="remember" in request.args, fresh="stale" not in request.args)
        return "in"

    @app.get("/out")
    def log_out() -> str:
        library.logout_user()
        return "out"

    @app.get("/who")
    def who() -> Any:
        return {
            "user": library.current_user.get_id(),
            "fresh": library.login_fresh(),
            "remembered": library.login_remembered(),
        }

    @app.get("/cart")
    def cart() -> Any:
        return {"cart": session.setdefault("cart", "apples") if "fill" in request.args else session.get("cart")}

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    @app.route("/private", methods=["GET", "POST"])
    @library.login_required
    def private() -> str:
        return "private"

    @app.get("/fresh")
    @library.fresh_login_required
    def fresh() -> str:
        return "fresh"


def user_of(client: Any, **request: Any) -> Any:
    """The id of the user that the app takes the browser for."""
    return client.get("/who", **request).json["user"]


def copy_of(client: Any, name: str, app: Flask) -> Any:
    """Another browser, which has got nothing but one of the cookies, at an app."""
    thief = app.test_client()
    thief.set_cookie(name, client.get_cookie(name).decoded_value)
    return thief


def content_of(client: Any) -> dict[str, Any]:
    """What is in the browser's session."""
    with client.session_transaction() as stored:
        return dict(stored)


def error_of(function: Callable[[], object]) -> type[Exception] | None:
    """What kind of error a call is answered with, if any."""
    try:
        function()
    except Exception as error:
        return type(error)
    return None
