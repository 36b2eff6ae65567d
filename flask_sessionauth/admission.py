"""How a login by credentials is entered into the registry: a row of its own, and no more of them than are allowed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from . import active, ending, fingerprint, possession, rows
from .errors import RegistryDownError, SetupError
from .identity import Arrival
from .registry.base import ActiveSession, new_id
from .rotation import is_over, live, now_in_ms, too_many
from .signals import new_device, session_started


def admit(
    arrival: Arrival, user: Any, user_id: str, stamp: str, lifetime: float, is_fresh: bool
) -> ActiveSession | None:
    """Enter a login into the registry. ``None``, and nothing changed, if the user has as many as are allowed.

    What this browser was logged in with before ends.

    :param stamp: the MAC of the user's security stamp.
    :param lifetime: for how many seconds the login is remembered; 0: it is not, unless it was already.
    :raises RegistryDownError: if the store cannot be asked.
    :raises SetupError: if the app has no key.
    :raises UserIdError: if the owner or the user's id cannot be kept.
    """
    if not arrival.settings.signing_keys:
        raise SetupError("a login in a registry needs a SECRET_KEY to be signed with; the app has none")
    owner, now = rows.owner_of(arrival.realm, user), active.now_of()
    before = [row for row in possession.of_browser(arrival) if not is_over(row, now)]
    others = _others(arrival, owner, before)
    if _refuses(arrival) and len(others) >= (arrival.settings.login_max_sessions or 0):
        return None
    row = _row_of(arrival, owner, user_id, stamp, now, lifetime, _remembered(arrival, before, owner))
    row = _added(arrival, _with_own_moment(row, others), is_fresh)
    try:
        if not make_room(arrival, row, before):
            return None
        is_known = not new_device.receivers or _is_known(arrival, row)
        for old in before:
            if ending.end(arrival, old, "replaced", is_told=False):
                ending.tell_end_later(arrival, old, "replaced")
    except BaseException:
        # Nobody has its cookies: without this, it would take somebody's place until its time is over.
        with suppress(Exception):
            ending.end(arrival, row, "revoked", is_told=False)
        raise
    active.keep(arrival, row)
    arrival.visit.tell_later(session_started, user=user, session=row)
    if not is_known:
        arrival.visit.tell_later(new_device, user=user, session=row)
    return row


def make_room(arrival: Arrival, row: ActiveSession, before: Sequence[ActiveSession] = ()) -> bool:
    """End what is too much beside a login that was just entered, or, by the policy, that one itself: then it is False.

    The logins are counted with the new one among them, as it then is in the count of others that begin at this moment.

    :param before: what will end anyway.
    """
    limit = arrival.settings.login_max_sessions
    if limit is None:
        return True
    others = [other for other in _others(arrival, row.owner, before) if other.id != row.id]
    if _refuses(arrival) and len(others) >= limit:
        ending.end(arrival, row, "max_sessions", is_told=False)
        return False
    for oldest in too_many(others, limit - 1):
        if ending.end(arrival, oldest, "max_sessions", is_told=False):
            ending.tell_end_later(arrival, oldest, "max_sessions")
    return True


def _refuses(arrival: Arrival) -> bool:
    settings = arrival.settings
    return settings.login_max_sessions is not None and settings.login_max_sessions_policy == "refuse"


def _remembered(arrival: Arrival, before: Sequence[ActiveSession], owner: str) -> ActiveSession | None:
    """The user's own login in this browser that has a remember cookie, if there is one."""
    return next((row for row in before if row.owner == owner and possession.has_current_cookie(arrival, row)), None)


def _row_of(
    arrival: Arrival,
    owner: str,
    user_id: str,
    stamp: str,
    now: datetime,
    lifetime: float,
    remembered: ActiveSession | None,
) -> ActiveSession:
    settings = arrival.settings
    if lifetime:
        expires_at = now_in_ms(time.time() + lifetime)
    elif remembered is not None:
        expires_at = remembered.expires_at
    else:
        expires_at = now + (settings.login_absolute_timeout or settings.remember_cookie_duration)
    row = rows.new_row(arrival, owner, user_id, stamp, now, expires_at)
    return replace(row, remembered=bool(lifetime) or remembered is not None)


def _others(arrival: Arrival, owner: str, before: Sequence[ActiveSession]) -> list[ActiveSession]:
    """The user's live logins elsewhere, where somebody wants to know of them."""
    if arrival.settings.login_max_sessions is None and not new_device.receivers:
        return []
    here, idle = {row.id for row in before}, arrival.settings.login_idle_timeout
    there = active.registry_of(arrival).of_owner(owner)
    return [row for row in live(there, active.now_of(), idle) if row.id not in here]


def _with_own_moment(row: ActiveSession, others: Sequence[ActiveSession]) -> ActiveSession:
    """The row with a moment that no other has, so that the order of the logins is one."""
    taken, moment = {other.created_at for other in others}, row.created_at
    while moment in taken:
        moment += timedelta(milliseconds=1)
    return replace(row, created_at=moment)


def _added(arrival: Arrival, row: ActiveSession, is_fresh: bool) -> ActiveSession:
    row = replace(row, authenticated_at=row.last_seen_at if is_fresh else None)
    for _ in range(active.MAX_TRIES):
        if active.registry_of(arrival).add(row):
            return row
        row = replace(row, id=new_id(row.owner))
    raise RegistryDownError


def _is_known(arrival: Arrival, row: ActiveSession) -> bool:
    """Whether a login of the user's, maybe an ended one that is still kept, was in a browser that looks like this."""

    def likeness(one: ActiveSession) -> str:
        return fingerprint.describe(one.user_agent, ("user_agent",), None)

    there = active.registry_of(arrival).of_owner(row.owner)
    return any(likeness(one) == likeness(row) for one in there if one.user_id and one.id != row.id)
