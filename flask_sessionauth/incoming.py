"""Who is it? The session, the remember cookie, the request loader: the first that knows a user wins."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from inspect import iscoroutine
from typing import Any

from flask import Flask, Request

from . import fingerprint, limits, tokens
from .errors import BadTokenError, SetupError, TokenError
from .identity import Arrival, Forget, Identity, Remember
from .limits import EndReason
from .outgoing import remember_cookie, token_audience
from .realms import states_beside
from .settings import Settings, csrf_key, signing_keys
from .signals import session_ended, session_protected, tell, user_accessed
from .stamps import key_of, mac_of, stamp_of
from .state import Mark, drop_csrf_token


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
    tell(user_accessed, arrival.app, arrival.realm.name)
    identity = None
    if load is not None:
        identity = _from_session(arrival, load) or _from_remember_cookie(arrival, load)
        if identity is None and arrival.visit.leaves_nothing and not arrival.visit.is_identified:
            # Nor is what the user left in the session for the visitor who comes next.
            arrival.state.empty(arrival.session, states_beside(arrival))
    if identity is None and load_from_request is not None and not arrival.visit.is_identified:
        identity = _from_request(arrival, load_from_request)
    return identity


def _from_session(arrival: Arrival, load: Callable[[str], Any]) -> Identity | None:
    state, session, visit, settings = arrival.state, arrival.session, arrival.visit, arrival.settings
    user_id = state.user_id(session)
    if user_id is None:
        return None
    mark = state.mark(session)
    idle, absolute = settings.login_idle_timeout, settings.login_absolute_timeout
    if idle is not None or absolute is not None:
        reason = limits.why_over(mark, idle, absolute, time.time())
        if reason is not None:
            _end(arrival, user_id, reason)
            return None
    mode = settings.protection_mode(arrival.realm.session_protection)
    if mode is not None:
        _protect(arrival, mode, user_id, mark)
        # It may be over now, or a receiver of the signal may have ended it.
        if state.user_id(session) != user_id:
            return None
    user = call(arrival.app, load, user_id)
    if visit.is_identified:
        return None  # the loader itself has logged in or out
    if user is None:
        # Nobody has this id any more. If the remember cookie is of the same user, it goes the same way.
        _end(arrival, user_id, "unknown_user")
        return None
    if not _is_stamped(arrival, user, user_id, mark.stamp):
        return None
    if idle is not None and limits.is_due(mark, settings.login_touch_interval, now := time.time()):
        state.touch(session, now)
    if settings.remember_cookie_refresh_each_request:
        _refresh(arrival, user_id)
    return Identity(user, "session", user_id)


# What a program left in the session of a login that ended so may be read by whoever has the browser now.
_LEAVES_NOTHING: frozenset[EndReason] = frozenset(
    ("idle_timeout", "absolute_timeout", "unmarked", "credentials_changed")
)


def _end(arrival: Arrival, user_id: str, reason: EndReason) -> None:
    """Take the login out of the session. The remember cookie, if there is a valid one, may begin another."""
    visit = arrival.visit
    arrival.state.erase(arrival.session)
    visit.dropped_user_id = user_id
    visit.leaves_nothing = reason in _LEAVES_NOTHING
    tell(session_ended, arrival.app, arrival.realm.name, user_id=user_id, reason=reason)


def _is_stamped(arrival: Arrival, user: Any, user_id: str, found: str) -> bool:
    """Whether the login in the session was made under the user's security stamp. If not, it is over."""
    visit = arrival.visit
    visit.stamp = stamp_of(arrival.realm, user)
    key = key_of(arrival, user_id, visit.stamp, found)
    if key is None:
        _end(arrival, user_id, "credentials_changed" if found else "unmarked")
        return False
    if key > 0:
        arrival.state.restamp(arrival.session, user_id, mac_of(arrival, user_id, visit.stamp))
    return True


def _protect(arrival: Arrival, mode: str, user_id: str, mark: Mark) -> None:
    """Act, once, on a session that is in another browser than it was."""
    state, session, request = arrival.state, arrival.session, arrival.request
    expected = fingerprint_of(request, arrival.settings)
    if mark.likeness == expected:
        return
    if fingerprint.is_flask_logins(mark.likeness, request.environ.get("HTTP_USER_AGENT"), request.remote_addr):
        state.bind(session, expected)
        return
    if mode == "strong" and not getattr(session, "permanent", False):
        arrival.visit.cookie = Forget()
        _end(arrival, user_id, "session_protection")
    else:
        state.bind(session, expected)
        state.make_stale(session)
    tell(session_protected, arrival.app, arrival.realm.name)


def fingerprint_of(request: Request, settings: Settings) -> str:
    """The likeness of the browser that sent a request."""
    bound_to = settings.session_protection_bind
    # Not looked at unless it counts: it would only fill the cache.
    remote_addr = request.remote_addr if "ip" in bound_to else None
    user_agent = request.environ.get("HTTP_USER_AGENT", "")[: fingerprint.MAX_USER_AGENT]
    return fingerprint.describe(user_agent, bound_to, remote_addr)


def begin(arrival: Arrival, user_id: str, started: float, is_fresh: bool) -> None:
    """Start a login in the session: the one place, on every path to one.

    Whoever knew the session before (its id on the server, its CSRF token) does not know it after.
    """
    session, settings, key = arrival.session, arrival.settings, csrf_key(arrival.app.config)
    likeness, stamp = fingerprint_of(arrival.request, settings), mac_of(arrival, user_id, arrival.visit.stamp)
    mark = Mark(likeness, str(int(started)), "0" if is_fresh else "", stamp=stamp)
    if settings.login_idle_timeout is not None:
        mark = mark._replace(seen=mark.moment(time.time()))
    arrival.state.write(session, user_id, mark)
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
    stamp = stamp_of(arrival.realm, user)
    if key_of(arrival, token.user_id, stamp, token.stamp) is None:
        visit.cookie = Forget()
        return None
    visit.stamp = stamp
    # Without a response to carry it, a new session would be lost, and the old one with it.
    if not visit.is_late:
        _begin_restored(arrival, token)
    if not token.is_current or arrival.settings.remember_cookie_refresh_each_request:
        visit.cookie = reissued(arrival, token)
    return Identity(user, "remember", token.user_id)


def _begin_restored(arrival: Arrival, token: tokens.RememberToken) -> None:
    settings, visit = arrival.settings, arrival.visit
    if visit.dropped_user_id not in (None, token.user_id):
        arrival.state.empty(arrival.session, states_beside(arrival))
    end = limits.end_of(token, settings.remember_limit)
    started = limits.start_of_restored(end, settings.login_absolute_timeout, time.time())
    begin(arrival, token.user_id, started, is_fresh=False)


def read_cookie(arrival: Arrival, cookie: str) -> tokens.RememberToken | None:
    """What a valid remember cookie says, in our format or, if allowed, in Flask-Login's; else ``None``.

    Whether the user's security stamp is still the same, the user must be loaded to know.
    """
    settings, realm, now = arrival.settings, arrival.realm.name, time.time()
    keys, limit = signing_keys(arrival.app.config), settings.remember_limit
    try:
        token = tokens.read(keys, token_audience(settings, realm), cookie, now)
    except BadTokenError:
        # Flask-Login knew one realm: no other has cookies of its making. They have no date that could be limited.
        if realm is None and limit is None and settings.remember_cookie_accept_legacy:
            return _read_legacy(keys, cookie)
    except TokenError:
        pass
    else:
        end = limits.end_of(token, limit)
        return token if end is not None and now < end else None
    return None


def _read_legacy(keys: tuple[tokens.Key, ...], cookie: str) -> tokens.RememberToken | None:
    try:
        user_id = tokens.read_legacy(keys, cookie)
    except TokenError:
        return None
    return tokens.RememberToken(user_id, None, None, stamp="", is_current=False) if user_id else None


def _refresh(arrival: Arrival, user_id: str) -> None:
    """Start the remember cookie's time anew, if it is there, valid, and the session's own user's."""
    cookie = remember_cookie(arrival)
    token = None if cookie is None else read_cookie(arrival, cookie)
    if token is not None and is_own(arrival, token, user_id):
        arrival.visit.cookie = reissued(arrival, token)


def is_own(arrival: Arrival, token: tokens.RememberToken, user_id: str) -> bool:
    """Whether a remember token is of the user who was recognised, by id and security stamp."""
    return token.user_id == user_id and key_of(arrival, user_id, arrival.visit.stamp, token.stamp) is not None


def reissued(arrival: Arrival, token: tokens.RememberToken) -> Remember:
    """The same token anew: under the newest key, and with the stamp that the user has now."""
    settings, now = arrival.settings, int(time.time())
    stamp = mac_of(arrival, token.user_id, arrival.visit.stamp)
    if token.issued_at is None or token.expires_at is None:
        return Remember(token.user_id, now, now + int(settings.remember_cookie_duration.total_seconds()), stamp)
    if settings.remember_cookie_refresh_each_request:
        return Remember(token.user_id, now, now + token.expires_at - token.issued_at, stamp)
    return Remember(token.user_id, token.issued_at, token.expires_at, stamp)


def _from_request(arrival: Arrival, load: Callable[[Request], Any]) -> Identity | None:
    arrival.visit.asked_request_loader = True
    user = call(arrival.app, load, arrival.request)
    return None if user is None else Identity(user, "request", id_if_any(user, arrival.realm.id_attribute))


def id_if_any(user: Any, id_attribute: str) -> str | None:
    """The id of a user who is not in a session, for those who write it down. Nothing depends on it."""
    try:
        return str(getattr(user, id_attribute)())
    except Exception:  # an API client need not have one
        return None


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
