"""The answer to somebody who may not pass: a redirect for a browser, a 401 for a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flask import Flask, Request, abort, flash, redirect
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from . import wayback
from .identity import Arrival

SAFE_METHODS = frozenset({"GET", "HEAD"})

Client = Literal["browser", "json", "htmx"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Where to log in (an endpoint, a path or a URL), and what to tell the user."""

    view: str | None
    message: str | None
    category: str

    def text(self, localize: Callable[[str], str] | None) -> str | None:
        """The message in the user's language, or ``None`` if there is none."""
        return localize(self.message) if self.message and localize is not None else self.message


def answer(what: Refusal, arrival: Arrival, localize: Callable[[str], str] | None) -> ResponseReturnValue:
    """Send a browser, or htmx, to the page to log in at; tell a program.

    :raises werkzeug.exceptions.Unauthorized: if there is no such page.
    """
    request, settings = arrival.request, arrival.settings
    asking = client_of(request) if settings.login_negotiate else "browser"
    if asking == "json":
        return problem(arrival.app, what.text(localize))
    if not what.view:
        abort(401)
    if what.message and not arrival.visit.has_stale_mark:
        flash(what.text(localize) or what.message, category=what.category)
    back = way_back(request, asking)
    if settings.use_session_for_next and not arrival.visit.has_stale_mark:
        arrival.state.put_next(arrival.session, back and wayback.next_param(what.view, back))
        back = None
    url = wayback.login_url(settings, what.view, back)
    if asking == "htmx":
        return htmx_redirect(arrival.app, url)
    return _negotiated(redirect(url)) if settings.login_negotiate else redirect(url)


def client_of(request: Request) -> Client:
    """Who is asking: htmx, a client that prefers JSON, or a browser (also one that accepts anything)."""
    if request.headers.get("HX-Request") == "true":
        return "htmx"
    if request.headers.get("X-Requested-With", "").lower() == "xmlhttprequest":
        return "json"
    if "json" not in request.environ.get("HTTP_ACCEPT", "").lower():
        return "browser"
    json, html, anything = _preferences(request)
    return "json" if json > html and json >= anything else "browser"


def _preferences(request: Request) -> tuple[float, float, float]:
    """How much the client wants JSON, HTML and anything at all, each from 0 to 1."""
    wanted = {"json": 0.0, "html": 0.0, "*/*": 0.0}
    for media_type, quality in request.accept_mimetypes:
        name = media_type.partition(";")[0].strip().lower()
        kind = "json" if name == "application/json" or name.endswith("+json") else name.removeprefix("text/")
        if kind in wanted:
            wanted[kind] = max(wanted[kind], quality)
    return wanted["json"], wanted["html"], wanted["*/*"]


def way_back(request: Request, asking: Client) -> str | None:
    """The page to come back to after the login: none for a request that must not be repeated by a link.

    htmx asks for a part of a page; the page is what its header names.
    """
    if request.method not in SAFE_METHODS:
        return None
    if asking == "htmx" and request.headers.get("HX-Boosted") != "true":
        page = request.headers.get("HX-Current-URL", "")
        return page if page.startswith(request.host_url) else None
    return request.url


def problem(app: Flask, detail: str | None) -> Response:
    """A 401 with a problem document (RFC 9457)."""
    body: dict[str, str | int] = {"type": "about:blank", "title": "Unauthorized", "status": 401}
    if detail:
        body["detail"] = str(detail)
    return _negotiated(app.response_class(json.dumps(body), status=401, mimetype="application/problem+json"))


def htmx_redirect(app: Flask, url: str) -> Response:
    """A 401 that makes htmx load the login page as a page."""
    return _negotiated(app.response_class(status=401, headers={"HX-Redirect": url}))


def _negotiated(response: Response) -> Response:
    # A new response, which varies on nothing yet.
    response.headers.add("Vary", "Accept, X-Requested-With, HX-Request")
    return response
