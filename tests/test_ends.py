"""The signal `session_ended`: once for each end, with its reason, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from flask import Flask
from scene import Clock, Users

from flask_sessionauth import session_refused
from flask_sessionauth.limits import EndReason

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def log_out(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    client.post("/logout")


def log_in_as_bob(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    client.post("/login", data={"id": "2"})


def wait_an_hour(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    app.config["LOGIN_ABSOLUTE_TIMEOUT"] = None
    clock.advance(3600)


def wait_a_day(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    app.config["LOGIN_IDLE_TIMEOUT"] = None
    clock.advance(86400)


def lose_the_mark(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    with client.session_transaction() as stored:
        stored["_id"] = stored["_id"].partition(".")[0]


def change_the_password(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    app.login_manager.security_stamp = lambda user: "another"  # type: ignore[attr-defined]


def change_the_browser(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    app.config["SESSION_PROTECTION"] = "strong"
    client.environ_base["HTTP_USER_AGENT"] = FIREFOX


def delete_the_user(app: Flask, client: Any, users: Users, clock: Clock) -> None:
    del users["1"]


WAYS: dict[str, Callable[..., None]] = {
    "logout": log_out,
    "replaced": log_in_as_bob,
    "idle_timeout": wait_an_hour,
    "absolute_timeout": wait_a_day,
    "unmarked": lose_the_mark,
    "credentials_changed": change_the_password,
    "session_protection": change_the_browser,
    "unknown_user": delete_the_user,
}


def test_every_reason_has_its_way_here() -> None:
    """There is a case for each reason that the package knows, but for those that need a registry."""
    assert set(WAYS) == set(get_args(EndReason)) - {"revoked", "max_sessions", "theft"}


@pytest.mark.parametrize("reason", WAYS)
def test_each_end_is_told_once(
    make_app: Any, users: Users, clock: Clock, ends: list[tuple[str, str]], reason: str
) -> None:
    """A login says that it ended, and why, once, however many requests come after."""
    app = make_app(LOGIN_IDLE_TIMEOUT=3600, LOGIN_ABSOLUTE_TIMEOUT=86400)
    app.login_manager.security_stamp = lambda user: "first"
    client = app.test_client(user=users["1"])
    assert client.get("/private").status_code == 200
    assert ends == []
    WAYS[reason](app, client, users, clock)
    for _ in range(3):
        client.get("/who")
    assert ends == [("1", reason)]
    assert client.get("/who").json["user"] == ("2" if reason == "replaced" else None)


def test_what_is_no_end(make_app: Any, users: Users, clock: Clock, ends: list[tuple[str, str]]) -> None:
    """A login of the same user, a confirmed one, a restored one, and a logout of nobody end nothing."""
    client = make_app().test_client()
    client.post("/logout")
    client.post("/login", data={"id": "1", "remember": "1"})
    client.post("/login", data={"id": "1"})
    client.post("/reauth")
    client.delete_cookie("session")
    assert client.get("/who").json["source"] == "remember"
    assert ends == []


def test_logout_with_a_remember_cookie_alone(app: Flask, users: Users, ends: list[tuple[str, str]]) -> None:
    """A logout that finds no session ends the login of the remember cookie; a junk cookie is nobody's."""
    client: Any = app.test_client()
    client.login(users["1"], remember=True)
    client.delete_cookie("session")
    client.post("/logout")
    client.set_cookie("remember_token", "junk")
    client.post("/logout")
    assert ends == [("1", "logout")]


def test_login_over_a_remember_cookie(app: Flask, users: Users, ends: list[tuple[str, str]]) -> None:
    """Whoever logs in over a remember cookie alone ends its user's login; a login of the same user does not."""
    for user_id, expected in (("2", [("1", "replaced")]), ("1", [])):
        client: Any = app.test_client()
        client.login(users["1"], remember=True)
        client.delete_cookie("session")
        ends.clear()
        client.post("/login", data={"id": user_id})
        assert ends == expected


def test_refused_login(app: Flask, users: Users) -> None:
    """A login of an inactive user is told, with the user, the id and the reason; a forced one is no refusal."""
    heard: list[dict[str, Any]] = []

    def hear(sender: Flask, **news: Any) -> None:
        heard.append(news)

    with session_refused.connected_to(hear, app):
        client = app.test_client()
        assert client.post("/login", data={"id": "3"}).text == "refused"
        client.post("/login", data={"id": "3", "force": "1"})
        client.post("/login", data={"id": "1"})
    assert heard == [{"user": users["3"], "user_id": "3", "reason": "inactive"}]
