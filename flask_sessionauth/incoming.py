"""Who is it? The session, the remember cookie, the request loader: the first that knows a user wins."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask import Request

from . import active, ending, fingerprint, limits, possession, tokens
from .beginnings import begin, fingerprint_of
from .callbacks import call
from .continuing import Continued, go_on, lapse, recognise
from .errors import RegistryDownError, SetupError
from .glance import Loaded
from .identity import Arrival, Forget, Identity
from .limits import EndReason
from .realms import states_beside
from .registry.base import ActiveSession
from .remembering import is_own, read_cookie, reissued, remember_cookie
from .restoring import restore
from .rotation import is_over
from .signals import session_ended, session_protected, tell, user_accessed
from .stamps import is_unchanged, stamp_macs
from .state import Mark

Load = Callable[[str], Any]
Restore = Callable[[Arrival, Load, str | None], Identity | None]

# These end a session. The login goes on where a remember cookie can restore it.
_OF_SESSION = ("idle_timeout", "absolute_timeout")


def identify(arrival: Arrival, restore: Restore, loaded: Loaded | None = None) -> Identity | None:
    """The user of a request, or ``None`` for a visitor.

    A login in the session that is no longer one is taken out of it, and a remember cookie that is not valid is
    set to be deleted.

    :param restore: what becomes of the remember cookie: `from_remember_cookie`.
    :param loaded: the session's user, where that has been loaded already, and all before it has been judged.
    :raises SetupError: if the manager has no loader.
    """
    realm = arrival.realm
    load, load_from_request = realm.user_callback, realm.request_callback
    if load is None and load_from_request is None:
        raise SetupError("the LoginManager has neither a user_loader nor a request_loader")
    if user_accessed.receivers:
        tell(user_accessed, arrival.app, realm.name)
    identity = None if load is None else _from_cookies(arrival, load, restore, loaded)
    if identity is None and load_from_request is not None and not arrival.visit.is_identified:
        identity = _from_request(arrival, load_from_request)
    return identity


def from_session(arrival: Arrival, user: Any) -> Identity | None:
    """The login in the session, if this is its user and it is a login still.

    :raises RegistryDownError: if the store cannot be asked.
    """
    return _from_cookies(arrival, lambda _: user, lambda *_: None)


def _from_cookies(arrival: Arrival, load: Load, restore: Restore, loaded: Loaded | None = None) -> Identity | None:
    """The user whom the session knows, or else the remember cookie."""
    before = None if arrival.realm.registry is None else arrival.state.snapshot(arrival.session)
    identity = None
    try:
        identity = _from_session(arrival, load) if loaded is None else _from_loaded(arrival, loaded)
        identity = identity or restore(arrival, load, remember_cookie(arrival))
    except RegistryDownError:
        # All is as it was when the store comes back, but for a login that has ended.
        visit = arrival.visit
        if visit.end_reason is not None and visit.dropped_session_id is not None:
            news = {"user_id": visit.dropped_user_id, "session_id": visit.dropped_session_id}
            visit.tell_later(session_ended, reason=visit.end_reason, **news)
        visit.dropped_user_id = visit.end_reason = None
        if before is not None:
            arrival.state.put_back(arrival.session, before)
        raise
    finally:
        # Also when a loader fails: the login is out of the session by then.
        if arrival.visit.dropped_user_id is not None:
            _clear_up(arrival, identity)
    return identity


def _from_session(arrival: Arrival, load: Load) -> Identity | None:
    state, session, visit, settings = arrival.state, arrival.session, arrival.visit, arrival.settings
    user_id = state.user_id(session)
    if user_id is None:
        return None
    continued = None
    if arrival.realm.registry is not None:
        continued = _continued(arrival, user_id)
        if continued is None:
            return None
        user_id = continued.row.user_id
    mark = state.mark(session)
    idle, absolute, now, unused = settings.login_idle_timeout, settings.login_absolute_timeout, 0.0, None
    if idle is not None or absolute is not None:
        now = time.time()
        unused = mark.age(mark.seen, now) if continued is None else now - continued.row.last_seen_at.timestamp()
        reason = limits.why_over(mark.age(0, now), unused, absolute, idle)
        if reason is not None:
            _end(arrival, user_id, reason)
            return None
    mode = settings.protection_mode(arrival.realm.session_protection)
    if (
        mode is not None
        and mark.likeness != (likeness := fingerprint_of(arrival.request, settings))
        and _protect(arrival, mode, user_id, mark, likeness)
    ):
        return None
    user = call(arrival.app, load, user_id)
    if not _goes_on_for(arrival, user_id, user, mark.stamp if continued is None else continued.row.stamp):
        return None
    if continued is not None:
        if not go_on(arrival, continued):
            if not visit.has_stale_mark:
                _drop(arrival, user_id, None)
            return None
        return Identity(user, "session", user_id)
    if idle is not None and unused is not None and unused >= settings.login_touch_interval.total_seconds():
        state.touch(session, now)
    if settings.remember_cookie_refresh_each_request:
        _refresh(arrival, user_id)
    return Identity(user, "session", user_id)


def _from_loaded(arrival: Arrival, loaded: Loaded) -> Identity | None:
    user_id, user, known, macs = loaded
    return Identity(user, "session", user_id) if _goes_on_for(arrival, user_id, user, known, macs) else None


def _goes_on_for(arrival: Arrival, user_id: str, user: Any, known: str, macs: tuple[str, ...] | None = None) -> bool:
    """Whether the session's login goes on for the user whom the loader has found. If not, it is over.

    :param known: the MAC of the stamp that the login was made under.
    :param macs: those of the stamp that the user has now; ``None``: it has not been asked.
    """
    if arrival.visit.is_identified:
        return False  # the loader itself has logged in or out
    if user is None:
        # Nobody has this id any more. If the remember cookie is of the same user, it goes the same way.
        _end(arrival, user_id, "unknown_user")
        return False
    arrival.visit.stamp_macs = stamp_macs(arrival, user, user_id) if macs is None else macs
    if not is_unchanged(arrival, known):
        _end(arrival, user_id, "credentials_changed" if known else "unmarked")
        return False
    if known != arrival.visit.stamp_macs[0] and arrival.realm.registry is None:
        # An older key's.
        arrival.state.restamp(arrival.session, user_id, arrival.visit.stamp_macs[0])
    return True


def _continued(arrival: Arrival, user_id: str) -> Continued | None:
    """What the registry knows of the session's login, unless that is none."""
    found = recognise(arrival, user_id)
    if isinstance(found, Continued):
        return found
    if found == "revoked":
        _drop(arrival, user_id, None)  # that has been told
    elif found is not None:
        _end(arrival, user_id, found)
    return None


def _end(arrival: Arrival, user_id: str, reason: EndReason) -> None:
    """End the session's login. The remember cookie, if there is a valid one, may begin another."""
    if not _may_end(arrival):
        return
    found = None if arrival.realm.registry is None else possession.of_session(arrival)
    is_news = True
    if found is not None and reason != "unmarked":
        # First, as nothing has changed yet if the store is down.
        if _goes_on(found.row, reason):
            is_news = lapse(arrival, found.row)
        else:
            is_news = ending.end(arrival, found.row, reason, is_told=False)
        if not is_news and reason == "credentials_changed" and not is_over(found.row, active.now_of()):
            # They have changed in this login, beside this request, which knows it as it was before.
            arrival.visit.has_stale_mark = True
            return
    _drop(arrival, user_id, reason if is_news else None, None if found is None else found.row.id)


def _goes_on(row: ActiveSession, reason: EndReason) -> bool:
    """Whether a login goes on without this session: its remember cookie can restore it."""
    return row.remembered and reason in _OF_SESSION and not is_over(row, active.now_of())


def _may_end(arrival: Arrival) -> bool:
    """Whether this request may end the login, so that the next one tells: one whose answer nobody sees may not."""
    return arrival.realm.registry is None or active.may_change(arrival)


def _drop(arrival: Arrival, user_id: str, reason: EndReason | None, session_id: str | None = None) -> None:
    """Take a login out of the session, which is told if there is a reason."""
    visit = arrival.visit
    if not _may_end(arrival):
        return
    arrival.state.erase(arrival.session)
    visit.dropped_user_id, visit.dropped_session_id, visit.end_reason = user_id, session_id, reason


def _clear_up(arrival: Arrival, identity: Identity | None) -> None:
    visit = arrival.visit
    if identity is None and not visit.is_identified:
        # What the program left in the session is not for whoever has the browser now.
        arrival.state.empty(arrival.session, states_beside(arrival))
    # Last, so that a receiver may leave a message in the session.
    reason, visit.end_reason = visit.end_reason, None
    if reason is not None:
        news = {"user_id": visit.dropped_user_id, "reason": reason, "session_id": visit.dropped_session_id}
        tell(session_ended, arrival.app, arrival.realm.name, **news)
    if reason == "session_protection":
        tell(session_protected, arrival.app, arrival.realm.name)


def _protect(arrival: Arrival, mode: str, user_id: str, mark: Mark, expected: str) -> bool:
    """Act, once, on a session that is in another browser than it was. Whether it is over."""
    state, session, request = arrival.state, arrival.session, arrival.request
    if fingerprint.is_flask_logins(mark.likeness, request.environ.get("HTTP_USER_AGENT"), request.remote_addr):
        state.bind(session, expected)
        return False
    if mode == "strong" and not getattr(session, "permanent", False):
        _end(arrival, user_id, "session_protection")
        if _may_end(arrival):
            arrival.visit.cookie = Forget()
        return True
    state.bind(session, expected)
    state.make_stale(session)
    tell(session_protected, arrival.app, arrival.realm.name)
    # A receiver of the signal may have ended it.
    return state.user_id(session) is None


def from_remember_cookie(arrival: Arrival, load: Load, cookie: str | None) -> Identity | None:
    """The user whom a remember cookie logs in. A cookie that is not valid is set to be deleted."""
    visit = arrival.visit
    if cookie is None or visit.cookie is not None or visit.is_identified or not arrival.settings.signing_keys:
        return None
    if arrival.realm.registry is not None:
        return restore(arrival, load, cookie)
    token = read_cookie(arrival, cookie)
    user = None if token is None else call(arrival.app, load, token.user_id)
    if visit.is_identified:
        return None  # the loader itself has logged in or out
    if token is None or user is None or not getattr(user, "is_active", True):
        visit.cookie = Forget()
        return None
    visit.stamp_macs = stamp_macs(arrival, user, token.user_id)
    if not is_unchanged(arrival, token.stamp):
        visit.cookie = Forget()
        return None
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
    started, absolute = time.time(), settings.login_absolute_timeout
    if absolute is not None:
        started = limits.start_of_restored(limits.end_of(token, settings.remember_limit), absolute, started)
    begin(arrival, token.user_id, started, is_fresh=False)


def _refresh(arrival: Arrival, user_id: str) -> None:
    """Start the remember cookie's time anew, if it is there, valid, and the session's own user's."""
    cookie = remember_cookie(arrival)
    token = None if cookie is None else read_cookie(arrival, cookie)
    if token is not None and is_own(arrival, token, user_id):
        arrival.visit.cookie = reissued(arrival, token)


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
