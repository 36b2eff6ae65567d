"""What is different from Flask-Login about the session: each row of the page, on both libraries."""

from __future__ import annotations

from functools import partial
from typing import Any

import flask_login
import pytest
from compat.twins import Maker, content_of, copy_of, error_of, row, user_of
from flask import Flask, Request, session
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf
from scene import ServerSessions, User, Users, remember_cookie

from flask_sessionauth import UserIdError, WrongUserError


def cart_of(client: Any) -> Any:
    return client.get("/cart").json["cart"]


def close(client: Any) -> None:
    """Close the browser: cookies without an end are gone."""
    client.delete_cookie("session")


@row("Logging in over another user", theirs=("apples", "1"), ours=(None, None))
def test_login_over_another_user(make: Maker, expected: Any, users: Users) -> None:
    """What bob finds in ada's cart, and who is there when the browser that bob has closed is opened again."""
    client = make(users).test_client()
    client.get("/in/1?remember")
    client.get("/cart?fill")
    client.get("/in/2")
    assert user_of(client) == "2"
    cart = cart_of(client)
    close(client)
    assert (cart, user_of(client)) == expected


@row("Logging in over another user", theirs="apples", ours="apples")
def test_what_is_written_back_is_kept(make: Maker, expected: Any, users: Users) -> None:
    """What is read before `login_user` and written back after it is there."""
    app = make(users)

    @app.get("/over")
    def over() -> str:
        cart = session["cart"]
        make.library.login_user(users["2"])
        session["cart"] = cart
        return ""

    client = app.test_client()
    client.get("/in/1")
    client.get("/cart?fill")
    client.get("/over")
    assert cart_of(client) == expected


@row("A login drops Flask-WTF's CSRF token", theirs=(200, 200), ours=(400, 200))
def test_form_from_before_the_login(make: Maker, expected: Any, users: Users) -> None:
    """The answer to a form in another tab that was loaded before the login, and when it has been loaded again."""
    app = make(users)
    CSRFProtect(app)
    app.add_url_rule("/form", "form", generate_csrf)
    app.add_url_rule("/send", "send", lambda: "sent", methods=["POST"])
    client = app.test_client()
    old = client.get("/form").text
    client.get("/in/1")
    tokens = (old, client.get("/form").text)
    assert tuple(client.post("/send", data={"csrf_token": token}).status_code for token in tokens) == expected


@row("A login drops Flask-WTF's CSRF token", theirs="1", ours=None)
def test_planted_session_id(make: Maker, expected: Any, users: Users) -> None:
    """Who somebody is who planted the id of a server-side session before its user logged in."""
    app = make(users)
    app.session_interface = ServerSessions()
    victim, thief = app.test_client(), app.test_client()
    for client in (victim, thief):
        client.set_cookie("session", "planted")
    victim.get("/in/1")
    assert user_of(victim) == "1"
    assert user_of(thief) == expected


@row("An id that no longer loads", theirs=(True, True, "1"), ours=(False, False, None))
def test_user_who_is_gone(make: Maker, expected: Any, users: Users) -> None:
    """Whether the loader is asked again, the remember cookie stays, and a new user with the same id is logged in."""
    client = make(users).test_client()
    client.get("/in/1?remember")
    del users["1"]
    assert user_of(client) is None
    loads = users.loads
    assert user_of(client) is None
    is_asked = users.loads > loads
    users["1"] = User("1", "eve")
    assert (is_asked, bool(remember_cookie(client)), user_of(client)) == expected


@pytest.mark.parametrize("ended_by", ["gone", "strong"])
@row("A login that is over because", theirs="apples", ours=None)
def test_what_an_ended_login_leaves(make: Maker, expected: Any, users: Users, ended_by: str) -> None:
    """The cart, after the user was deleted, or the session was brought along by another browser."""
    client = make(users, SESSION_PROTECTION="strong").test_client()
    client.get("/in/1")
    client.get("/cart?fill")
    if ended_by == "gone":
        del users["1"]
    assert user_of(client, headers={"User-Agent": "another"} if ended_by == "strong" else {}) is None
    assert cart_of(client) == expected


@row("A login that is over because", theirs="apples", ours="apples")
def test_what_a_logout_leaves(make: Maker, expected: Any, users: Users) -> None:
    """The cart, after a logout."""
    client = make(users).test_client()
    client.get("/in/1")
    client.get("/cart?fill")
    client.get("/out")
    assert cart_of(client) == expected


class Odd(User):
    """A user whose id is whatever it is."""

    def get_id(self) -> Any:
        return self.id


@row("`_user_id` is always", theirs=7, ours="7")
def test_id_that_is_a_number(make: Maker, expected: Any, users: Users) -> None:
    """What a login writes into the session, and the loader gets, for an id that is no text."""
    app, asked = make(users), []
    app.login_manager.user_loader(asked.append)
    users["7"] = Odd(7, "seven")
    client = app.test_client()
    client.get("/in/7")
    assert content_of(client)["_user_id"] == expected
    user_of(client)
    assert asked == [expected]


@pytest.mark.parametrize("user_id", [None, ""])
@row("`_user_id` is always", theirs=(None, None), ours=(UserIdError, None))
def test_id_that_is_none(make: Maker, expected: Any, users: Users, user_id: Any) -> None:
    """The error for a login that could not be loaded again, and who is there at the next request."""
    users["7"] = Odd(user_id, "nobody")
    client = make(users).test_client()
    error = error_of(partial(client.get, "/in/7"))
    assert (error, user_of(client)) == expected


@row("`_user_id` is always", theirs="0", ours=None)
def test_blank_id_may_be_somebody_elses(make: Maker, expected: Any, users: Users) -> None:
    """Who is there after such a login, where the loader finds somebody for a blank id."""
    app = make(users)
    somebody = User("0", "somebody")
    app.login_manager.user_loader(lambda user_id: somebody)
    users["7"] = Odd("", "nobody")
    client = app.test_client()
    error_of(partial(client.get, "/in/7"))
    assert user_of(client) == expected


@row("`logout_user()` deletes", theirs=("1", True), ours=(None, False))
def test_clear_after_the_logout(make: Maker, expected: Any, users: Users) -> None:
    """Who is there after a logout that empties the session last, and whether the cookie is."""
    app = make(users)

    @app.get("/leave")
    def leave() -> str:
        make.library.logout_user()
        session.clear()
        return ""

    client = app.test_client()
    client.get("/in/1?remember")
    client.get("/leave")
    assert (user_of(client), bool(remember_cookie(client))) == expected


def confirming(make: Maker, users: Users, *whose: User) -> Flask:
    app = make(users)

    @app.get("/confirm")
    def confirm() -> str:
        make.library.confirm_login(*whose)
        return ""

    return app


@row("`confirm_login()` without a login", theirs={"_fresh", "_id"}, ours=set())
def test_confirming_nobody(make: Maker, expected: Any, users: Users) -> None:
    """What it writes into a visitor's session."""
    client = confirming(make, users).test_client()
    client.get("/confirm")
    assert content_of(client).keys() == expected


@row("`confirm_login()` without a login", theirs=(None, True), ours=(WrongUserError, False))
def test_confirming_another_user(make: Maker, expected: Any, users: Users) -> None:
    """The error, and whether ada's login is fresh, after a page has confirmed it by what bob has typed."""
    client = confirming(make, users, *[users["2"]] if make.is_ours else []).test_client()
    client.get("/in/1?stale")
    error = error_of(partial(client.get, "/confirm"))
    assert (error, client.get("/who").json["fresh"]) == expected


@row("A user by the request loader", theirs=(True, 200), ours=(False, 401))
def test_mark_of_another_users(make: Maker, expected: Any, users: Users) -> None:
    """Whether a user by the request loader is fresh in a session that was another's, and may see a page for such."""
    app = make(users)

    @app.login_manager.request_loader
    def by_key(request: Request) -> Any:
        return users["2"] if "X-Key" in request.headers else None

    client = app.test_client()
    client.get("/in/1")
    del users["1"]
    bob = {"X-Key": "bob's"}
    who = client.get("/who", headers=bob).json
    assert who["user"] == "2"
    client.get("/in/2")
    app.login_manager.user_loader(lambda user_id: None)
    assert (who["fresh"], client.get("/fresh", headers=bob).status_code) == expected


class Stamped(User):
    """A user with an attribute that changes with the password."""

    security_stamp = "old"


def without_stamps(app: Flask) -> None:
    app.login_manager.security_stamp = lambda user: None


@row("An attribute `security_stamp`", theirs=("1", "1"), ours=(None, None), switch=without_stamps)
def test_changed_stamp(make: Maker, expected: Any, users: Users) -> None:
    """Who is there after the password has changed: by the session, and by the remember cookie."""
    ada = users["1"] = Stamped("1", "ada")
    app = make(users)
    client = app.test_client()
    client.get("/in/1?remember")
    assert user_of(client) == "1"
    browsers = [copy_of(client, name, app) for name in ("session", "remember_token")]
    ada.security_stamp = "new"
    assert tuple(map(user_of, browsers)) == expected


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@row("An attribute `security_stamp`", theirs=("1", "1"), ours=(None, None), switch=without_stamps)
def test_logins_from_before_the_move(make: Maker, expected: Any, users: Users) -> None:
    """Who is there of a user with a stamp who logged in at Flask-Login: by the session, and by the remember cookie."""
    users["1"] = Stamped("1", "ada")
    client = Maker(flask_login)(users).test_client()
    client.get("/in/1?remember")
    app = make(users)
    assert tuple(user_of(copy_of(client, name, app)) for name in ("session", "remember_token")) == expected
