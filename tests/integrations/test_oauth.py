"""Authlib: a login in two legs, with a provider between them, that keeps what the visitor wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, abort, redirect, request, session, url_for
from provider import Provider, running_provider
from scene import ServerSessions, Users, remember_cookie

from flask_sessionauth import login_user, next_url


@pytest.fixture(scope="module")
def served() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    served.user, served.agrees = "1", True
    return served


@pytest.fixture
def app(make_app: Any, users: Users, provider: Provider) -> Flask:
    app: Flask = make_app()
    oauth = OAuth(app)
    client = oauth.register("provider", client_kwargs={"code_challenge_method": "S256"}, **provider.endpoints())

    @app.post("/login/provider")
    def go_there() -> Any:
        session["wanted"] = {"remember": "remember" in request.form, "next": next_url(default="/public")}
        return client.authorize_redirect(url_for("come_back", _external=True))

    @app.get("/login/provider/done")
    def come_back() -> Any:
        wanted = session.pop("wanted", {})
        try:
            client.authorize_access_token()
        except OAuthError as error:
            abort(400, str(error.error))
        user = users[client.get("me").json()["sub"]]
        if not login_user(user, remember=wanted.get("remember", False)):
            abort(403)
        return redirect(wanted.get("next", "/public"))

    return app


@pytest.fixture
def browser(app: Flask) -> Any:
    return app.test_client()


def leave(browser: Any, provider: Provider, **form: str) -> str:
    """The first leg, and the visit to the provider: the address to which that sends the browser back."""
    there = browser.post("/login/provider", data=form).location
    assert there.startswith(f"{provider.url}/authorize?")
    return str(provider.test_client().get(there).location)


def who(browser: Any) -> Any:
    return browser.get("/who").json


def test_remember_and_next_come_back(browser: Any, provider: Provider) -> None:
    """What the visitor ticked, and where they wanted to go, are known at the end, and no longer in the session."""
    back = leave(browser, provider, remember="yes", next="/template")
    assert browser.get(back).location == "/template"
    assert who(browser) == {"user": "1", "source": "session", "fresh": True}
    assert remember_cookie(browser) is not None
    with browser.session_transaction() as stored:
        assert set(stored) == {"_user_id", "_fresh", "_id"}
    browser.delete_cookie("session")
    assert who(browser) == {"user": "1", "source": "remember", "fresh": False}


def test_not_ticked(browser: Any, provider: Provider) -> None:
    """Who did not want to be remembered is not; an unsafe way back is not followed."""
    back = leave(browser, provider, next="//example.com")
    assert browser.get(back).location == "/public"
    assert who(browser)["user"] == "1"
    assert remember_cookie(browser) is None


def test_visitor_keeps_the_cart(browser: Any, provider: Provider) -> None:
    """The session goes through both legs, and through the login."""
    browser.get("/cart/apples")
    browser.get(leave(browser, provider))
    with browser.session_transaction() as stored:
        assert stored["cart"] == "apples"


@pytest.mark.parametrize("change", ["another state", "no state", "another browser", "twice"])
def test_state(browser: Any, provider: Provider, change: str) -> None:
    """An answer that this browser did not ask for, or that it has had before, logs nobody in."""
    back = leave(browser, provider, remember="yes")
    visitor = browser
    if change == "another state":
        back = back.replace("state=", "state=x")
    elif change == "no state":
        back = back.replace("state=", "was=")
    elif change == "another browser":
        visitor = browser.application.test_client()
    else:
        browser.get(back)
        browser.post("/logout")
    assert visitor.get(back).status_code == 400
    assert who(visitor)["user"] is None
    assert remember_cookie(visitor) is None


def test_refused(browser: Any, provider: Provider) -> None:
    """Who does not agree at the provider is not logged in, and what they wanted is not kept for the next attempt."""
    provider.agrees = False
    assert browser.get(leave(browser, provider, remember="yes")).status_code == 400
    assert who(browser)["user"] is None
    provider.agrees = True
    browser.get(leave(browser, provider))
    assert who(browser)["user"] == "1"
    assert remember_cookie(browser) is None


def test_inactive_user(browser: Any, provider: Provider) -> None:
    """Whoever the provider says it is, a user who is not active is refused."""
    provider.user = "3"
    assert browser.get(leave(browser, provider, remember="yes")).status_code == 403
    assert who(browser)["user"] is None
    assert remember_cookie(browser) is None


def test_over_another_user(browser: Any, provider: Provider) -> None:
    """B's wish to be remembered survives the legs; A's session does not survive B's login."""
    browser.get(leave(browser, provider, remember="yes"))
    browser.get("/cart/apples")
    provider.user = "2"
    back = leave(browser, provider, remember="yes", next="/template")
    assert who(browser)["user"] == "1"
    assert browser.get(back).location == "/template"
    assert who(browser)["user"] == "2"
    with browser.session_transaction() as stored:
        assert "cart" not in stored
    browser.delete_cookie("session")
    assert who(browser)["user"] == "2"


def test_session_on_the_server(app: Flask, browser: Any, provider: Provider) -> None:
    """The id that the browser had on its way, and that others may have seen, is not the one after the login."""
    app.session_interface = ServerSessions()
    back = leave(browser, provider, remember="yes")
    before = browser.get_cookie("session").value
    browser.get(back)
    assert who(browser)["user"] == "1"
    other = app.test_client()
    other.set_cookie("session", before)
    assert who(other)["user"] is None


def test_protected_app(app: Flask, browser: Any, provider: Provider) -> None:
    """Where a login is needed everywhere, both legs have to be exempt: they are login pages, too."""
    manager = app.login_manager  # type: ignore[attr-defined]
    manager.protect(app)
    for endpoint in ("go_there", "come_back"):
        manager.login_exempt(app.view_functions[endpoint])
    browser.get(leave(browser, provider))
    assert browser.get("/public").text == "public"
