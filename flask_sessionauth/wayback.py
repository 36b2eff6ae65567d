"""To the login page and back: which page logs in, and where the visitor goes after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from flask import Flask, Request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from . import redirects
from .settings import Settings
from .state import LoginState, Session

_FIELD = "next"


class LoginPages(Protocol):
    """What finding the way needs of a manager."""

    login_view: str | None
    blueprint_login_views: dict[str | None, str | None]
    logout_view: str | None


def login_view_for(pages: LoginPages, request: Request) -> str | None:
    """The login page for a request: its blueprint's, or a blueprint's around it, or the common one."""
    views = pages.blueprint_login_views
    for name in request.blueprints:
        # A nested blueprint is known by its own name, too: that is what set_login_view has.
        view = views.get(name) or views.get(name.rpartition(".")[2])
        if view:
            return view
    return views.get(None) or pages.login_view


def _login_pages(pages: LoginPages) -> Iterable[str]:
    return filter(None, (pages.login_view, *pages.blueprint_login_views.values()))


def is_login_page(pages: LoginPages, request: Request) -> bool:
    """Whether a request is for one of the login pages themselves."""
    path, rule = request.script_root + request.path, request.url_rule
    has_arguments = rule is None or bool(rule.arguments)
    return is_login_page_at(pages, request.endpoint, request.blueprint, path, has_arguments)


def is_login_page_at(
    pages: LoginPages, endpoint: str | None, blueprint: str | None, path: str, has_arguments: bool
) -> bool:
    """Whether the page with this endpoint, innermost blueprint and path is one of the login pages.

    :param path: the whole path, with that of the app's root.
    :param has_arguments: whether the page's rule has arguments.
    """
    # A rule with a part for any path is another page with the slash than without it.
    paths = [path] if has_arguments else _either_way(path)
    return any(redirects.same_page(view, endpoint, blueprint, p) for view in _login_pages(pages) for p in paths)


def _either_way(path: str) -> list[str]:
    """A path without a slash at its end and with one: Flask leads from one to the other."""
    bare = path.rstrip("/")
    return [bare, f"{bare}/"]


def expand(login_view: str) -> str:
    """The URL of a view given as an endpoint, a path or a URL."""
    return login_view if login_view.startswith(("https://", "http://", "/")) else url_for(login_view)


def next_param(login_view: str, back: str) -> str:
    """The way back, without the host where the login page has the same one."""
    return redirects.make_next_param(expand(login_view), back)


def login_url(settings: Settings, login_view: str, next_url: str | None = None, next_field: str = _FIELD) -> str:
    """The URL of a login page, with the way back in its query. ``FORCE_HOST_FOR_REDIRECTS`` is its host."""
    base = expand(login_view)
    parts = urlsplit(base)
    if next_url is not None:
        query = parse_qs(parts.query, keep_blank_values=True)
        query[next_field] = [redirects.make_next_param(base, next_url)]
        parts = parts._replace(query=urlencode(query, doseq=True))
    return urlunsplit(parts._replace(netloc=settings.force_host_for_redirects or parts.netloc))


def safe(settings: Settings, request: Request, target: str | None) -> str | None:
    """A target as it may be redirected to, or ``None``."""
    return redirects.sanitize(target, hosts=settings.login_next_hosts, secure=request.is_secure)


def take_next(
    pages: LoginPages, settings: Settings, state: LoginState, app: Flask, request: Request, session: Session
) -> str | None:
    """Where the visitor wanted to go, if that is safe and not the login or logout page.

    The form's ``next`` wins over the query's, that over the session's, which is used up.
    """
    stored = state.take_next(session) if settings.use_session_for_next else None
    target = safe(settings, request, request.form.get(_FIELD) or request.args.get(_FIELD) or stored)
    return None if target is None or _ends_where_it_began(pages, app, request, target) else target


def _ends_where_it_began(pages: LoginPages, app: Flask, request: Request, target: str) -> bool:
    parts = urlsplit(target)
    if parts.netloc not in ("", request.host):
        return False
    path = unquote(parts.path)
    endpoint = _endpoint_at(app, request, path)
    if endpoint is not None and pages.logout_view is None and endpoint.rpartition(".")[2] == "logout":
        return True
    blueprint = endpoint.rpartition(".")[0] if endpoint else None
    views = [*_login_pages(pages), *filter(None, (pages.logout_view,))]
    return any(redirects.same_page(view, endpoint, blueprint, p) for view in views for p in _either_way(path))


def _endpoint_at(app: Flask, request: Request, path: str, redirected: bool = False) -> str | None:
    """The endpoint of a path of this app, whatever its methods, or ``None``."""
    adapter = app.create_url_adapter(request)
    if adapter is None or not path.startswith(request.script_root):
        return None
    for method in ("GET", "POST"):
        try:
            endpoint, _ = adapter.match(path.removeprefix(request.script_root) or "/", method=method)
        except RequestRedirect as redirect:
            # A slash more or less leads to the same page.
            there = unquote(urlsplit(redirect.new_url).path)
            return None if redirected else _endpoint_at(app, request, there, redirected=True)
        except MethodNotAllowed:
            continue
        except HTTPException:
            return None
        return str(endpoint)
    return None
