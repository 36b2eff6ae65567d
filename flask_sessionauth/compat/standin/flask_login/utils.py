"""What Flask-Login has in ``flask_login.utils``. Tests patch names in here, so they are looked up at each call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from flask import Blueprint, Flask, Request, current_app, g, has_request_context, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.local import LocalProxy

import flask_sessionauth
from flask_sessionauth.beginnings import fingerprint_of
from flask_sessionauth.compat import mirror
from flask_sessionauth.compat.proxy import user_proxy
from flask_sessionauth.context import current_request
from flask_sessionauth.current import default_manager
from flask_sessionauth.desk import SLOT
from flask_sessionauth.gates import guard
from flask_sessionauth.manager import may_disable_logins
from flask_sessionauth.protection import Protection, Verdict
from flask_sessionauth.state import LoginState
from flask_sessionauth.wayback import expand

from .config import COOKIE_NAME, EXEMPT_METHODS
from .signals import user_logged_in, user_logged_out, user_login_confirmed

# Some of it only because Flask-Login's module has it by its own imports: programs import it from here, tests patch it.
__all__ = [
    "COOKIE_NAME",
    "EXEMPT_METHODS",
    "LocalProxy",
    "confirm_login",
    "current_app",
    "current_user",
    "decode_cookie",
    "encode_cookie",
    "expand_login_view",
    "fresh_login_required",
    "g",
    "has_request_context",
    "login_fresh",
    "login_remembered",
    "login_required",
    "login_url",
    "login_user",
    "logout_user",
    "make_next_param",
    "request",
    "session",
    "set_login_view",
    "url_for",
    "user_logged_in",
    "user_logged_out",
    "user_login_confirmed",
]

V = TypeVar("V", bound=Callable[..., Any])


def _get_user() -> Any:
    """The user, or the object that stands for nobody; ``None`` outside a request."""
    return default_manager()._current() if has_request_context() else None


_OUR_GET_USER = _get_user


def _known_user() -> Any:
    if _get_user is not _OUR_GET_USER:
        raise LookupError
    return mirror.known(current_request(), SLOT)


#: A proxy of what ``_get_user`` returns; that name is looked up each time.
current_user: Any = user_proxy(_known_user, lambda: _get_user())

_OUR_CURRENT_USER = current_user

encode_cookie = flask_sessionauth.encode_cookie
make_next_param = flask_sessionauth.make_next_param
expand_login_view = expand


def decode_cookie(cookie: str, key: str | bytes | None = None) -> str | None:
    """See `flask_sessionauth.decode_cookie`. In an app without a manager, only what `encode_cookie` makes is read."""
    if key is None and not hasattr(current_app, "login_manager"):
        key = current_app.config["SECRET_KEY"]
    return flask_sessionauth.decode_cookie(cookie, key)


def login_user(
    user: Any, remember: bool = False, duration: timedelta | None = None, force: bool = False, fresh: bool = True
) -> bool:
    """See `flask_sessionauth.login_user`."""
    return flask_sessionauth.login_user(user, remember, duration, force, fresh)


def logout_user() -> bool:
    """See `flask_sessionauth.logout_user`."""
    return flask_sessionauth.logout_user()


def confirm_login() -> None:
    """See `flask_sessionauth.confirm_login`."""
    flask_sessionauth.confirm_login()


def login_fresh() -> bool:
    """See `flask_sessionauth.login_fresh`."""
    return flask_sessionauth.login_fresh()


def login_remembered() -> bool:
    """See `flask_sessionauth.login_remembered`."""
    return flask_sessionauth.login_remembered()


def login_url(login_view: str, next_url: str | None = None, next_field: str = "next") -> str:
    """See `flask_sessionauth.login_url`. A URL or a path without a way back needs no app."""
    if next_url is None and login_view.startswith(("https://", "http://", "/")):
        return login_view
    return flask_sessionauth.login_url(login_view, next_url, next_field)


def set_login_view(login_view: str, blueprint: Blueprint | None = None) -> None:
    """See `flask_sessionauth.set_login_view`."""
    flask_sessionauth.set_login_view(login_view, blueprint)


class _Gate:
    """The app's manager, for a guard, unless a test has put another user in its place."""

    def judge(self, need: Protection, app: Flask, here: Request, /, is_guard: bool) -> Verdict:
        if current_user is _OUR_CURRENT_USER and _get_user is _OUR_GET_USER:
            return default_manager().judge(need, app, here, is_guard)
        if here.method in EXEMPT_METHODS or _is_disabled():
            return Verdict.ALLOWED
        if current_user is None or not current_user.is_authenticated:
            return Verdict.ANONYMOUS
        # The user who was put there has no login of its own: what the session says of one is the test's, too.
        if need.fresh and not (login_fresh() or LoginState().is_fresh(session)):
            return Verdict.STALE
        return Verdict.ALLOWED

    def leave(self, here: Request, /) -> None:
        # Where the user is a test's, the app need not have a manager.
        if hasattr(current_app, "login_manager"):
            default_manager().leave(here)

    def unauthorized(self) -> ResponseReturnValue:
        return default_manager().unauthorized()

    def needs_refresh(self) -> ResponseReturnValue:
        return default_manager().needs_refresh()


_GATE = _Gate()


def login_required(func: V) -> V:
    """See `flask_sessionauth.login_required`."""
    return guard(func, Protection(), _GATE)


def fresh_login_required(func: V) -> V:
    """See `flask_sessionauth.fresh_login_required`."""
    return guard(func, Protection(fresh=True), _GATE)


def _is_disabled() -> bool:
    """Whether guards let everybody pass, which they do under TESTING only."""
    return bool(current_app.config.get("LOGIN_DISABLED")) and may_disable_logins(current_app)


def _user_context_processor() -> dict[str, Any]:
    """What templates get."""
    return {"current_user": _get_user()}


def _create_identifier() -> str:
    """What ``_id`` says in a session that is in the right browser: in this one, what it does say, if that is right."""
    arrival = default_manager()._arrive()
    likeness, mark = fingerprint_of(arrival.request, arrival.settings), arrival.state.mark(arrival.session)
    return str(mark) if mark.likeness == likeness else likeness


def _secret_key(key: str | bytes | None = None) -> bytes:
    """A key, or the app's, as bytes."""
    key = current_app.config["SECRET_KEY"] if key is None else key
    return key.encode("latin1") if isinstance(key, str) else key


def _cookie_digest(payload: str, key: str | bytes | None = None) -> str:
    """The part of `encode_cookie` behind the bar."""
    return encode_cookie(payload, key).rpartition("|")[2]
