"""Who is it? The session, the remember cookie, the request loader: the first that knows a user wins."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from inspect import iscoroutine
from typing import Any

from flask import Flask, Request

from . import fingerprint, tokens
from .errors import BadTokenError, SetupError, TokenError
from .identity import Arrival, Forget, Identity, Remember
from .outgoing import remember_cookie, token_audience
from .settings import Settings, csrf_key, signing_keys
from .signals import session_protected, tell, user_accessed
from .state import drop_csrf_token


def identify(arrival: Arrival) -> Identity | None:
    """The user of a request, or ``None`` for a visitor.

    A login in the session that is no longer one is taken out of it, and a remember cookie that is not valid is
    set to be deleted.

    :raises SetupError: if the manager has no loader.
    """
    realm = arrival.realm
    load, load_from_request = realm.user_callback, realm.request_callback
    if load is None and load_from_request is None:
        raise SetupError("the LoginManager has neither a user_loader nor a request_loader")
    tell(user_accessed, arrival.app)
    identity = None
    if load is not None:
        identity = _from_session(arrival, load) or _from_remember_cookie(arrival, load)
    if identity is None and load_from_request is not None and not arrival.visit.is_identified:
        identity = _from_request(arrival, load_from_request)
    return identity


def _from_session(arrival: Arrival, load: Callable[[str], Any]) -> Identity | None:
    state, session, visit = arrival.state, arrival.session, arrival.visit
    user_id = state.user_id(session)
    if user_id is None:
        return None
    mode = arrival.settings.protection_mode(arrival.realm.session_protection)
    if mode is not None:
        _protect(arrival, mode, user_id)
        # It may be over now, or a receiver of the signal may have ended it.
        if state.user_id(session) != user_id:
            return None
    user = call(arrival.app, load, user_id)
    if visit.is_identified:
        return None  # the loader itself has logged in or out
    if user is None:
        # Nobody has this id any more. If the remember cookie is of the same user, it goes the same way.
        _drop(arrival, user_id)
        return None
    if arrival.settings.remember_cookie_refresh_each_request:
        _refresh(arrival, user_id)
    return Identity(user, "session")


def _drop(arrival: Arrival, user_id: str) -> None:
    arrival.state.erase(arrival.session)
    # What the user left in the session is not for the next one.
    arrival.visit.dropped_user_id = user_id


def _protect(arrival: Arrival, mode: str, user_id: str) -> None:
    """Act, once, on a session that is in another browser than it was."""
    state, session, request = arrival.state, arrival.session, arrival.request
    expected = fingerprint_of(request, arrival.settings)
    found = state.identifier(session)
    if found == expected:
        return
    if fingerprint.is_flask_logins(found, request.environ.get("HTTP_USER_AGENT"), request.remote_addr):
        state.bind(session, expected)
        return
    if mode == "strong" and not getattr(session, "permanent", False):
        _drop(arrival, user_id)
        arrival.visit.cookie = Forget()
    else:
        state.bind(session, expected)
        state.make_stale(session)
    tell(session_protected, arrival.app)


def fingerprint_of(request: Request, settings: Settings) -> str:
    """The likeness of the browser that sent a request."""
    bound_to = settings.session_protection_bind
    # Not looked at unless it counts: it would only fill the cache.
    remote_addr = request.remote_addr if "ip" in bound_to else None
    user_agent = request.environ.get("HTTP_USER_AGENT", "")[: fingerprint.MAX_USER_AGENT]
    return fingerprint.describe(user_agent, bound_to, remote_addr)


def begin(arrival: Arrival, user_id: str, fresh_since: float | None) -> None:
    """Start a login in the session: the one place, on every path to one.

    Whoever knew the session before (its id on the server, its CSRF token) does not know it after.
    """
    session, key = arrival.session, csrf_key(arrival.app.config)
    arrival.state.write(session, user_id, fingerprint_of(arrival.request, arrival.settings), fresh_since)
    drop_csrf_token(session, key)
    arrival.drop_from_g(key)
    regenerate(arrival)


def regenerate(arrival: Arrival) -> None:
    """Give a session that is kept on the server another id, where its interface can."""
    change_id = getattr(arrival.app.session_interface, "regenerate", None)
    if change_id is not None:
        change_id(arrival.session)


def _from_remember_cookie(arrival: Arrival, load: Callable[[str], Any]) -> Identity | None:
    visit = arrival.visit
    cookie = remember_cookie(arrival)
    if cookie is None or visit.cookie is not None or visit.is_identified or not signing_keys(arrival.app.config):
        return None
    token = read_cookie(arrival, cookie)
    user = None if token is None else call(arrival.app, load, token.user_id)
    if visit.is_identified:
        return None  # the loader itself has logged in or out
    if token is None or user is None or not getattr(user, "is_active", True):
        visit.cookie = Forget()
        return None
    # Without a response to carry it, a new session would be lost, and the old one with it.
    if not visit.is_late:
        begin(arrival, token.user_id, fresh_since=None)
    if not token.is_current or arrival.settings.remember_cookie_refresh_each_request:
        visit.cookie = _reissued(token, arrival.settings)
    return Identity(user, "remember")


def read_cookie(arrival: Arrival, cookie: str) -> tokens.RememberToken | None:
    """What a valid remember cookie says, in our format or, if allowed, in Flask-Login's; else ``None``."""
    settings, realm = arrival.settings, arrival.realm.name
    keys = signing_keys(arrival.app.config)
    try:
        return tokens.read(keys, token_audience(settings, realm), cookie, time.time())
    except BadTokenError:
        # Flask-Login knew one realm: no other has cookies of its making.
        if realm is None and settings.remember_cookie_accept_legacy:
            return _read_legacy(keys, cookie)
    except TokenError:
        pass
    return None


def _read_legacy(keys: tuple[tokens.Key, ...], cookie: str) -> tokens.RememberToken | None:
    try:
        user_id = tokens.read_legacy(keys, cookie)
    except TokenError:
        return None
    return tokens.RememberToken(user_id, None, None, is_current=False) if user_id else None


def _refresh(arrival: Arrival, user_id: str) -> None:
    """Start the remember cookie's time anew, if it is there, valid, and the session's own user's."""
    cookie = remember_cookie(arrival)
    token = None if cookie is None else read_cookie(arrival, cookie)
    if token is not None and token.user_id == user_id:
        arrival.visit.cookie = _reissued(token, arrival.settings)


def _reissued(token: tokens.RememberToken, settings: Settings) -> Remember:
    now = int(time.time())
    if token.issued_at is None or token.expires_at is None:
        return Remember(token.user_id, now, now + int(settings.remember_cookie_duration.total_seconds()))
    if settings.remember_cookie_refresh_each_request:
        return Remember(token.user_id, now, now + token.expires_at - token.issued_at)
    return Remember(token.user_id, token.issued_at, token.expires_at)


def _from_request(arrival: Arrival, load: Callable[[Request], Any]) -> Identity | None:
    arrival.visit.asked_request_loader = True
    user = call(arrival.app, load, arrival.request)
    return None if user is None else Identity(user, "request")


def call(app: Flask, function: Callable[..., Any], *args: Any) -> Any:
    """Call a loader or handler of the program's, which may be a coroutine function."""
    result = function(*args)
    return _awaited(app, result) if iscoroutine(result) else result


def _awaited(app: Flask, coroutine: Coroutine[Any, Any, Any]) -> Any:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    async def main() -> Any:
        return await coroutine

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return app.async_to_sync(main)()
    # Asked for inside an async view: its loop waits for us and cannot run the loader, so another one does.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(copy_context().run, asyncio.run, main()).result()
