"""What is different from Flask-Login about guards and answers: each row of the page, on both libraries."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from compat.twins import Maker, row
from flask import Blueprint, Flask, make_response, redirect, render_template_string, request, session
from scene import REDIRECT, Users

from flask_sessionauth import login_url
from flask_sessionauth.errors import LoginDisabledWarning

JSON = {"Accept": "application/json"}
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("headers", [JSON, SCRIPT, HTMX], ids=["JSON", "script", "htmx"])
@row(
    "Clients that prefer JSON",
    theirs=(REDIRECT, "/login?next=%2Fprivate"),
    ours=(401, None),
    switch={"LOGIN_NEGOTIATE": False},
)
def test_clients_that_are_no_browsers(make: Maker, expected: Any, users: Users, headers: dict[str, str]) -> None:
    """The answer to a script that is not logged in."""
    response = make(users).test_client().get("/private", headers=headers)
    assert (response.status_code, response.location) == expected


def with_a_handler(app: Flask) -> None:
    app.login_manager.unauthorized_handler(lambda: redirect(login_url("login", request.url)))


@row(
    "`next` is sent for",
    theirs=("/login?next=%2Fprivate", "/login?next=%2Fprivate", "/login?next=%2Fprivate"),
    ours=("/login?next=%2Fprivate", "/login?next=%2Fprivate", "/login"),
    switch=with_a_handler,
)
def test_way_back(make: Maker, expected: Any, users: Users) -> None:
    """Where a visitor is sent who has asked for the page by GET, HEAD and POST."""
    client = make(users).test_client()
    assert tuple(client.open("/private", method=method).location for method in ("GET", "HEAD", "POST")) == expected


def with_an_entry(app: Flask) -> None:
    app.login_manager.blueprint_login_views["office.reports"] = "/login"


@row("Blueprints in a blueprint", theirs="/login", ours="/office/login", switch=with_an_entry)
def test_login_page_of_an_inner_blueprint(make: Maker, expected: str, users: Users) -> None:
    """The login page of a blueprint in one that has a login page."""
    app = make(users)
    office, reports = Blueprint("office", __name__), Blueprint("reports", __name__)
    reports.add_url_rule("/reports", "index", make.library.login_required(lambda: ""))
    office.register_blueprint(reports)
    app.register_blueprint(office)
    app.login_manager.blueprint_login_views["office"] = "/office/login"
    assert app.test_client().get("/reports").location == f"{expected}?next=%2Freports"


@row(
    "`set_login_view` for a blueprint",
    theirs=("/office/login?next=%2Foffice", None, "/login?next=%2Fprivate"),
    ours=("/office/login?next=%2Foffice", "/login?next=%2Fshop", "/login?next=%2Fprivate"),
)
def test_login_page_of_other_blueprints(make: Maker, expected: Any, users: Users) -> None:
    """The login pages of a blueprint that was given one, of another blueprint, and of the app."""
    app = make(users)
    for name in ("office", "shop"):
        blueprint = Blueprint(name, __name__)
        blueprint.add_url_rule(f"/{name}", "index", make.library.login_required(lambda: ""))
        app.register_blueprint(blueprint)
    with app.app_context():
        make.library.set_login_view("/office/login", app.blueprints["office"])
    client = app.test_client()
    answers = [client.get(path) for path in ("/office", "/shop", "/private")]
    assert tuple(answer.location for answer in answers) == expected


@row(
    "`FORCE_HOST_FOR_REDIRECTS`",
    theirs=("/login", "/login"),
    ours=("//good.example/login", "//good.example/login"),
)
def test_forced_host_without_a_way_back(make: Maker, expected: Any, users: Users) -> None:
    """Where a visitor is sent whose way back is in the session, and what `login_url` says without one."""
    app = make(users, FORCE_HOST_FOR_REDIRECTS="good.example", USE_SESSION_FOR_NEXT=True)
    location = app.test_client().get("/private").location
    with app.test_request_context():
        assert (location, make.library.login_url("login")) == expected


@row("`LOGIN_DISABLED` works only", theirs=(200, False), ours=(REDIRECT, True))
def test_logins_disabled_in_production(make: Maker, expected: Any, users: Users) -> None:
    """The answer to a visitor, and whether there is a warning, where the setting got into a configuration file."""
    app = make(users, LOGIN_DISABLED=True, TESTING=False)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        status = app.test_client().get("/private").status_code
    assert (status, any(warning.category is LoginDisabledWarning for warning in heard)) == expected


@row("`LOGIN_DISABLED` works only", theirs=200, ours=200)
def test_logins_disabled_in_tests(make: Maker, expected: int, users: Users) -> None:
    """Under TESTING everybody passes, without a warning."""
    assert make(users, LOGIN_DISABLED=True).test_client().get("/private").status_code == expected


@row("A handler that returns `None`", theirs=500, ours=401)
def test_handler_without_an_answer(make: Maker, expected: int, users: Users) -> None:
    """The answer where the handler has none."""
    app = make(users, TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.login_manager.unauthorized_handler(lambda: None)
    assert app.test_client().get("/private").status_code == expected


def headers_of(response: Any) -> tuple[str | None, str | None]:
    return response.headers.get("Vary"), response.headers.get("Cache-Control")


def vary_of_any_page() -> str | None:
    """Vary of a page that asks whether something is in the session, as Flask-Login does after each: since 3.1.3."""
    app = Flask("vary")
    app.secret_key = "key"
    app.add_url_rule("/", "index", lambda: str("key" in session))
    return app.test_client().get("/").headers.get("Vary")


@row(
    "Responses that depend on the user",
    theirs=((vary_of_any_page(), None), ("Cookie", None)),
    ours=((None, None), ("Cookie", "private")),
    switch={"LOGIN_CACHE_CONTROL": None},
    switched=((None, None), ("Cookie", None)),
)
def test_headers_for_caches(make: Maker, expected: Any, users: Users) -> None:
    """Vary and Cache-Control of a page that does not ask for the user, and of one that does."""
    client = make(users).test_client()
    client.get("/in/1")
    assert tuple(headers_of(client.get(path)) for path in ("/plain", "/who")) == expected


@row("Responses that depend on the user", theirs="no-store", ours="no-store")
def test_view_says_what_caches_do(make: Maker, expected: str, users: Users) -> None:
    """The Cache-Control of a view stays."""
    app = make(users)

    @app.get("/secret")
    def secret() -> Any:
        response = make_response(str(make.library.current_user.is_authenticated))
        response.headers["Cache-Control"] = "no-store"
        return response

    assert headers_of(app.test_client().get("/secret")) == ("Cookie", expected)


@row("A template loads the user", theirs=(1, 1), ours=(0, 1))
def test_templates(make: Maker, expected: Any, users: Users) -> None:
    """How often the loader is asked by a page whose template does not ask for the user, and by one whose does."""
    app = make(users)
    for name, source in {"silent": "hello", "asking": "hello {{ current_user.name }}"}.items():
        app.add_url_rule(f"/{name}", name, lambda source=source: render_template_string(source))
    client = app.test_client()
    client.get("/in/1")
    loads = []
    for path in ("/silent", "/asking"):
        before = users.loads
        client.get(path)
        loads.append(users.loads - before)
    assert tuple(loads) == expected
