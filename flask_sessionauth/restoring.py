"""How a remember cookie restores a login that the registry knows, or, in an older format, enters it there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from logging import getLogger
from typing import Any

from . import active, ending, limits, possession, rows, tokens
from .admission import make_room
from .beginnings import begin, fingerprint_of
from .callbacks import call
from .errors import RegistryDownError, UserIdError
from .identity import Arrival, Forget, Identity
from .realms import states_beside
from .registry.base import ActiveSession, derived_id, new_id
from .remembering import cookie_of, read_cookie
from .rotation import ByCookie, by_cookie, is_over, now_in_ms, recovered, rotated
from .signals import remember_recovered, remember_rotated, remember_stolen, session_started
from .stamps import is_unchanged, stamp_macs

_log = getLogger("flask_sessionauth")

Load = Callable[[str], Any]

# What a login's remember cookie from before the registry counts as.
_OLD_GENERATION = 0


def restore(arrival: Arrival, load: Load, cookie: str) -> Identity | None:
    """The user whose login a remember cookie restores, or ``None``: then the browser mostly forgets the cookie.

    :raises RegistryDownError: if the store cannot be asked; then the cookie stays.
    """
    if not active.may_change(arrival):
        # To let somebody in without replacing the cookie would let a thief use it without being noticed.
        return None
    if tokens.read_device_token(cookie) is None:
        return _exchange(arrival, load, cookie)
    found = possession.of_cookie(arrival)
    return _refused(arrival) if found is None else _restore(arrival, load, found.row, found.counter)


def _restore(arrival: Arrival, load: Load, row: ActiveSession, generation: int) -> Identity | None:
    registry, grace = active.registry_of(arrival), arrival.settings.login_rotation_grace
    current: ActiveSession | None = row
    user, loaded_for = None, None
    for _ in range(active.MAX_TRIES):
        now = active.now_of()
        verdict = ByCookie.INVALID
        if current is not None and not _is_beyond_limit(arrival, current, now):
            verdict = by_cookie(current, generation, now, grace)
        if current is None or verdict in (ByCookie.INVALID, ByCookie.NEWER):
            if verdict is ByCookie.NEWER:
                _log.warning("a remember cookie is newer than its session in the registry: restored from a backup?")
            return _refused(arrival)
        if verdict is ByCookie.STOLEN:
            return _alarmed(arrival, current)
        if verdict is ByCookie.STALE:
            return None
        if loaded_for != (current.user_id, current.stamp):
            user, loaded_for = _user_of(arrival, load, current), (current.user_id, current.stamp)
            if arrival.visit.is_identified:
                return None  # the loader itself has logged in or out
            if user is None:
                was, current = current, registry.get(row.id)
                if current is not None and current.stamp != was.stamp and not is_over(current, now):
                    continue  # the credentials have changed in this login, beside this request
                return _refused(arrival)
        new = _next(arrival, current, verdict, now)
        if new is current or active.replace_row(arrival, current, new):
            return _restored(arrival, user, new, verdict)
        current = registry.get(row.id)
    raise RegistryDownError


def _is_beyond_limit(arrival: Arrival, row: ActiveSession, now: datetime) -> bool:
    """Whether a level of assurance remembers nobody for so long, whatever was allowed when the login began."""
    limit = arrival.settings.remember_limit
    return limit is not None and now >= row.created_at + limit


def _next(arrival: Arrival, row: ActiveSession, verdict: ByCookie, now: datetime) -> ActiveSession:
    """The row after a remember cookie has restored its login."""
    stamp = arrival.visit.stamp_macs[0]
    if verdict is ByCookie.JOIN:
        # Its cookies are under the newest key from now on. The stamp must not depend on an older one.
        return row if row.stamp == stamp else replace(row, stamp=stamp, version=row.version + 1)
    step = rotated if verdict is ByCookie.ROTATE else recovered
    return replace(step(row, now), stamp=stamp)


def _user_of(arrival: Arrival, load: Load, row: ActiveSession) -> Any:
    """The user of a row, or ``None`` if there is none any more, or one who may not come in by a cookie."""
    user = call(arrival.app, load, row.user_id)
    if arrival.visit.is_identified:
        return None
    if user is None:
        ending.end(arrival, row, "unknown_user")
        return None
    if not getattr(user, "is_active", True):
        return None
    arrival.visit.stamp_macs = stamp_macs(arrival, user, row.user_id)
    if not is_unchanged(arrival, row.stamp):
        ending.end(arrival, row, "credentials_changed")
        return None
    return user


def _restored(arrival: Arrival, user: Any, row: ActiveSession, verdict: ByCookie) -> Identity:
    visit, settings = arrival.visit, arrival.settings
    active.keep(arrival, row)
    if _is_of_another(arrival, row.user_id):
        arrival.state.empty(arrival.session, states_beside(arrival))
    started, absolute, limit = time.time(), settings.login_absolute_timeout, settings.remember_limit
    if absolute is not None:
        end = row.expires_at if limit is None else min(row.expires_at, row.created_at + limit)
        started = limits.start_of_restored(end.timestamp(), absolute, started)
    begin(arrival, row.user_id, started, is_fresh=False)
    visit.cookie = cookie_of(row)
    if verdict is ByCookie.ROTATE:
        visit.tell_later(remember_rotated, user=user, session=row)
    elif verdict is ByCookie.RECOVER:
        visit.tell_later(remember_recovered, user=user, session=row)
    return Identity(user, "remember", row.user_id)


def _is_of_another(arrival: Arrival, user_id: str) -> bool:
    """Whether what is in the session is another user's."""
    before = arrival.state.user_id(arrival.session) or arrival.visit.dropped_user_id
    return before not in (None, user_id)


def _refused(arrival: Arrival) -> Identity | None:
    arrival.visit.cookie = Forget()
    return None


def _alarmed(arrival: Arrival, row: ActiveSession) -> Identity | None:
    """Two parties have the cookie of this login: it ends, for both."""
    if ending.end(arrival, row, "theft", is_told=False):
        ending.tell_end_later(arrival, row, "theft")
        arrival.visit.tell_later(remember_stolen, user_id=row.user_id, session=row)
    return _refused(arrival)


# Cookies from before the registry


def _exchange(arrival: Arrival, load: Load, cookie: str) -> Identity | None:
    """Enter the login of a remember cookie in an older format into the registry: once, and then as `_restore` says."""
    visit, registry = arrival.visit, active.registry_of(arrival)
    # Whoever has the key can make such a cookie, and none of those that come of a row.
    token = read_cookie(arrival, cookie) if arrival.settings.remember_cookie_accept_legacy else None
    user = None if token is None else call(arrival.app, load, token.user_id)
    if visit.is_identified:
        return None
    if token is None or user is None or not getattr(user, "is_active", True):
        return _refused(arrival)
    visit.stamp_macs = stamp_macs(arrival, user, token.user_id)
    if not is_unchanged(arrival, token.stamp):
        return _refused(arrival)
    try:
        owner = rows.owner_of(arrival.realm, user)
        row = _row_of(arrival, token, owner, cookie)
    except UserIdError as error:
        _log.warning("a remember cookie from before the registry was refused: %s", error)
        return _refused(arrival)
    there = active.find(arrival, row.id)
    if there is not None and not _is_of_another_device(arrival, token, there):
        return _restore(arrival, load, there, _OLD_GENERATION)
    if there is not None:
        row = replace(row, id=new_id(owner))
    if ending.were_ended_after(arrival, owner, token.issued_at):
        return _refused(arrival)
    if not registry.add(row):
        there = registry.get(row.id)
        return _refused(arrival) if there is None else _restore(arrival, load, there, _OLD_GENERATION)
    # They may have been ended while we looked.
    if ending.were_ended_after(arrival, owner, token.issued_at):
        ending.end(arrival, row, "revoked")
        return _refused(arrival)
    if not make_room(arrival, row):
        return _refused(arrival)
    visit.tell_later(session_started, user=user, session=row)
    return _restored(arrival, user, row, ByCookie.JOIN)


def _is_of_another_device(arrival: Arrival, token: tokens.RememberToken, row: ActiveSession) -> bool:
    """Whether a row may be another device's with the same cookie, although they look alike.

    Flask-Login's is the same text on all devices of a user, so that a second use of it is no theft.
    """
    if token.issued_at is not None:
        return False
    grace = arrival.settings.login_rotation_grace
    return by_cookie(row, _OLD_GENERATION, active.now_of(), grace) is ByCookie.STOLEN


def _row_of(arrival: Arrival, token: tokens.RememberToken, owner: str, cookie: str) -> ActiveSession:
    now, settings = active.now_of(), arrival.settings
    end = limits.end_of(token, settings.remember_limit)
    expires_at = now + settings.remember_cookie_duration if end is None else now_in_ms(end)
    made = rows.new_row(arrival, owner, token.user_id, arrival.visit.stamp_macs[0], now, expires_at)
    # Found again by the cookie, so that a copy of it is known for one, and the losers of a race find the winner's.
    secret = cookie if end is not None else f"{cookie}|{fingerprint_of(arrival.request, settings)}"
    return replace(
        made,
        id=derived_id(owner, secret.encode("utf-8", "surrogatepass")),
        remembered=True,
        # The cookie counts as the generation before the first: what holds for that holds for it.
        previous_generation=_OLD_GENERATION,
        rotated_at=now,
        exchanged=True,
        # For as long as the cookie could be tried again.
        forget_at=now_in_ms(token.expires_at) if token.expires_at is not None else expires_at + ending.LONGEST_COOKIE,
    )
