"""What is different from Flask-Login about the remember cookie: each row of the page, on both libraries."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from compat.twins import Maker, copy_of, error_of, row, user_of
from flask import Flask, Request
from scene import KEY, Clock, Users, remember_cookie, set_cookies

from flask_sessionauth import ConfigurationError

COOKIE = "remember_token"
YEAR = 366 * 24 * 3600


def remembered(app: Flask, user_id: str = "1") -> Any:
    """A browser whose user has logged in to be remembered."""
    client = app.test_client()
    client.get(f"/in/{user_id}?remember")
    assert remember_cookie(client)
    return client


@row("The format: dated", theirs=True, ours=False)
def test_cookie_is_the_same_each_time(make: Maker, expected: bool, users: Users) -> None:
    """Two logins of a user get the same cookie, or different ones."""
    app = make(users)
    first, second = remember_cookie(remembered(app)), remember_cookie(remembered(app))
    assert (first == second) is expected


@row("The format: dated", theirs=("1", "1"), ours=("1", None))
def test_copied_cookie_after_its_end(make: Maker, expected: Any, users: Users, clock: Clock) -> None:
    """A copy logs its owner in for ever, or only as long as the browser would have kept it."""
    app = make(users)
    browser = remembered(app)
    outcome = []
    for wait in (YEAR - 2 * 24 * 3600, 2 * YEAR):
        clock.advance(wait)
        outcome.append(user_of(copy_of(browser, COOKIE, app)))
    assert tuple(outcome) == expected


@row(
    "Flask-Login's cookie is replaced",
    theirs=("1", True, "1"),
    ours=("1", False, "1"),
    switch={"REMEMBER_COOKIE_ACCEPT_LEGACY": False},
    switched=(None, False, None),
)
def test_cookie_of_flask_logins_making(make: Maker, expected: Any, users: Users) -> None:
    """It logs in, and stays or is replaced, and a copy of it still logs in; switched off, neither logs in."""
    app = make(users)
    with app.app_context():
        legacy = make.library.encode_cookie("1")
    browser, thief = app.test_client(), app.test_client()
    for client in (browser, thief):
        client.set_cookie(COOKIE, legacy)
    assert (user_of(browser), remember_cookie(browser) == legacy, user_of(thief)) == expected


@row(
    "`REMEMBER_COOKIE_SECURE` that is not set",
    theirs=(False, False),
    ours=(False, True),
    switch={"REMEMBER_COOKIE_SECURE": False},
)
def test_secure(make: Maker, expected: Any, users: Users) -> None:
    """Whether the cookie is Secure on an HTTP request, and on an HTTPS one."""
    client = make(users).test_client()
    answers = [client.get("/in/1?remember", base_url=f"{scheme}://localhost") for scheme in ("http", "https")]
    assert tuple("; Secure" in set_cookies(answer, COOKIE)[0] for answer in answers) == expected


@row(
    "`REMEMBER_COOKIE_SAMESITE`",
    theirs=None,
    ours="Lax",
    switch={"REMEMBER_COOKIE_SAMESITE": None},
)
def test_same_site(make: Maker, expected: str | None, users: Users) -> None:
    """The cookie's SameSite."""
    cookie = set_cookies(make(users).test_client().get("/in/1?remember"), COOKIE)[0]
    assert cookie.partition("; SameSite=")[2] == (expected or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"REMEMBER_COOKIE_NAME": "__Host-me", "REMEMBER_COOKIE_SECURE": False},
        {"REMEMBER_COOKIE_NAME": "__Host-me", "REMEMBER_COOKIE_PATH": "/app"},
        {"REMEMBER_COOKIE_NAME": "__Host-me", "REMEMBER_COOKIE_DOMAIN": "example.com"},
        {"REMEMBER_COOKIE_NAME": "__Secure-me", "REMEMBER_COOKIE_SECURE": False},
    ],
    ids=lambda wrong: "-".join(map(str, wrong.values())),
)
@row("A name that begins with", theirs=None, ours=ConfigurationError, switch={"REMEMBER_COOKIE_NAME": "me"})
def test_name_with_a_meaning(make: Maker, expected: Any, users: Users, wrong: dict[str, Any]) -> None:
    """A cookie that its name keeps browsers from accepting is sent all the same, or refused at init_app."""
    assert error_of(partial(make, users, **wrong)) is expected


@pytest.mark.parametrize("name", ["__Host-me", "__Secure-me"])
@row("The cookie is deleted with the attributes", theirs=(True, False), ours=(True, True))
def test_attributes_of_a_deletion(make: Maker, expected: Any, users: Users, name: str) -> None:
    """Whether the cookie is Secure where it is set, and where it is deleted."""
    config = {"REMEMBER_COOKIE_NAME": name, "REMEMBER_COOKIE_SECURE": True}
    client = make(users, **config).test_client()
    answers = [client.get(path, base_url="https://localhost") for path in ("/in/1?remember", "/out")]
    assert tuple("; Secure" in set_cookies(answer, name)[0] for answer in answers) == expected


@pytest.mark.parametrize("cookie_of", ["junk", "gone", "inactive"])
@row("A cookie that is not valid", theirs=(False, True), ours=(True, False))
def test_worthless_cookie(make: Maker, expected: Any, users: Users, cookie_of: str) -> None:
    """An API client that has one is let in by its key or not, and the cookie is still there afterwards or not."""
    app = make(users)

    @app.login_manager.request_loader
    def by_key(request: Request) -> Any:
        return users["2"] if request.headers.get("X-Key") == "bob's" else None

    client = app.test_client()
    with app.app_context():
        user_id = {"gone": "9", "inactive": "3"}.get(cookie_of)
        client.set_cookie(COOKIE, make.library.encode_cookie(user_id) if user_id else "junk")
    response = client.get("/private", headers={"X-Key": "bob's"})
    assert (response.text == "private", bool(remember_cookie(client))) == expected


@row(
    "Keys in `SECRET_KEY_FALLBACKS`",
    theirs=(None, None),
    ours=("1", "1"),
    switch={"SECRET_KEY_FALLBACKS": []},
)
def test_after_a_new_key(make: Maker, expected: Any, users: Users) -> None:
    """Who is remembered when the app has a new key, with the old one as a fallback; and then without that one."""
    browser = remembered(make(users))
    changing = copy_of(browser, COOKIE, make(users, SECRET_KEY="new", SECRET_KEY_FALLBACKS=[KEY]))
    during = user_of(changing)
    changed = copy_of(changing, COOKIE, make(users, SECRET_KEY="new")) if during else browser
    assert (during, user_of(changed) if during else None) == expected


REFRESH = {"REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True}


@row("`REMEMBER_COOKIE_REFRESH_EACH_REQUEST`", theirs=True, ours=False)
def test_refresh_for_one_who_did_not_ask(make: Maker, expected: bool, users: Users) -> None:
    """A user who did not ask to be remembered gets a cookie, or none."""
    client = make(users, **REFRESH).test_client()
    client.get("/in/1")
    user_of(client)
    assert bool(remember_cookie(client)) is expected


@row("`REMEMBER_COOKIE_REFRESH_EACH_REQUEST`", theirs=(True, True, True), ours=(False, True, False))
def test_refreshed_cookies(make: Maker, expected: Any, users: Users) -> None:
    """Whether a cookie is set by a page that does not ask for the user, by one that does, and where it is no good."""
    client = remembered(make(users, **REFRESH))
    answers = [client.get("/plain"), client.get("/who")]
    client.set_cookie(COOKIE, "junk")
    answers.append(client.get("/who"))
    assert tuple(bool(set_cookies(answer, COOKIE)) for answer in answers) == expected


@pytest.mark.parametrize("lifetime", [3600, timedelta(hours=1)])
@row("`REMEMBER_COOKIE_DURATION` and `duration`", theirs=None, ours=None)
def test_lifetimes_that_both_take(make: Maker, expected: Any, users: Users, lifetime: Any) -> None:
    """REMEMBER_COOKIE_DURATION may be whole seconds or a timedelta."""
    client = make(users, REMEMBER_COOKIE_DURATION=lifetime).test_client()
    assert error_of(lambda: client.get("/in/1?remember")) is expected


@row("`REMEMBER_COOKIE_DURATION` and `duration`", theirs=(Exception, Exception), ours=(None, None))
def test_lifetimes_in_seconds(make: Maker, expected: Any, users: Users) -> None:
    """Whether `duration` may be seconds, and REMEMBER_COOKIE_DURATION parts of one."""
    assert (_error_for_duration(make, users, 3600), _error_for_setting(make, users, 0.5)) == expected


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(days=37000)])
@row(
    "`REMEMBER_COOKIE_DURATION` and `duration`",
    theirs=(None, None),
    ours=(ConfigurationError, ConfigurationError),
)
def test_lifetimes_that_are_mistakes(make: Maker, expected: Any, users: Users, lifetime: timedelta) -> None:
    """A cookie that is over at once, or after more than 100 years, is made or refused."""
    assert (_error_for_duration(make, users, lifetime), _error_for_setting(make, users, lifetime)) == expected


def _error_for_duration(make: Maker, users: Users, lifetime: Any) -> Any:
    with make(users).test_request_context():
        return error_of(lambda: make.library.login_user(users["1"], remember=True, duration=lifetime))


def _error_for_setting(make: Maker, users: Users, lifetime: Any) -> Any:
    return error_of(lambda: make(users, REMEMBER_COOKIE_DURATION=lifetime).test_client().get("/in/1?remember"))


@row("`login_remembered()`", theirs=(True, True), ours=(True, False))
def test_remembered_by_somebody_elses_cookie(make: Maker, expected: Any, users: Users) -> None:
    """What it says of a user who has a cookie of their own, and of one who has another user's."""
    app = make(users)
    browser = remembered(app)
    own = browser.get("/who").json["remembered"]
    browser.set_cookie(COOKIE, remember_cookie(remembered(app, "2")))
    assert (own, browser.get("/who").json["remembered"]) == expected
