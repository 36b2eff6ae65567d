"""How a login in the session goes on where the registry knows it: its mark is judged, and its use written down."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from . import active
from .errors import RegistryDownError
from .identity import Arrival, Remember
from .limits import EndReason
from .possession import Found, has_current_cookie, mark_of, of_session
from .registry.base import ActiveSession
from .remembering import cookie_of
from .rotation import BySession, by_session, has_new_credentials, is_over, lapsed, seen, was_confirmed

# A browser that has logged out, or in anew, may have an answer on its way that brings the old session back.
_ENDED_BY_BROWSER = ("logout", "replaced")

# Seconds: a request that takes longer to write the session than this looks the row up once more.
_SLOW = 1.0


@dataclass(slots=True)
class Continued:
    """A row that the session is a login of, and whether the newest of the app's keys has made its mark."""

    row: ActiveSession
    verdict: BySession
    is_newest_key: bool
    #: When that was found.
    at: datetime


def recognise(arrival: Arrival, user_id: str) -> Continued | EndReason | None:
    """The row of the session's login; why it is over; or ``None``: it is none, and is left as it is.

    An older mark than the one before the current may be in the cookie of a late answer. To take it out would send a
    session cookie that overwrites a newer one.

    :raises RegistryDownError: if the store cannot be asked.
    """
    found = of_session(arrival, may_be_old=True)
    if found is None:
        return "unmarked"
    now = active.now_of()
    verdict = _judge(arrival, found, now)
    if verdict is not BySession.CURRENT:
        # Only a good answer may be an old one: another process may have renewed the mark since.
        found = of_session(arrival)
        if found is None:
            return "unmarked"
        verdict = _judge(arrival, found, now)
    row = found.row
    if verdict is BySession.OVER:
        if row.ended_reason in _ENDED_BY_BROWSER:
            return None
        return "absolute_timeout" if row.ended_at is None else "revoked"
    if verdict is BySession.STALE:
        arrival.visit.has_stale_mark = True
        return None
    # The row says who it is. What else the session says was written by somebody else than us.
    if verdict is BySession.CURRENT and row.user_id != user_id:
        return "unmarked"
    return Continued(row, verdict, found.is_newest_key, now)


def _judge(arrival: Arrival, found: Found, now: datetime) -> BySession:
    return by_session(found.row, found.counter, now, arrival.settings.login_rotation_grace)


def go_on(arrival: Arrival, continued: Continued) -> bool:
    """Write down that the session is in use, and give it the current mark if it has another.

    :returns: False if the login has ended meanwhile.
    :raises RegistryDownError: if the store cannot be asked.
    """
    row, verdict, now = continued.row, continued.verdict, continued.at
    interval = arrival.settings.login_touch_interval
    has_cookie = row.rotated_at is not None and row.confirmed_at is None and has_current_cookie(arrival, row)
    stamp = arrival.visit.stamp_macs[0]

    def step(current: ActiveSession) -> ActiveSession:
        if is_over(current, now) or current.epoch != row.epoch:
            return current
        return seen(current, verdict, has_cookie, stamp, now, interval)

    there = active.change(arrival, row, step)
    if there is None or is_over(there, now):
        return False
    if has_new_credentials(row, there):
        arrival.visit.has_stale_mark = True
        return False
    active.keep(arrival, there)
    if there.epoch != row.epoch or verdict is BySession.PREVIOUS:
        _bring_up_to_date(arrival, there)
    elif not continued.is_newest_key:
        arrival.state.put_session_mark(arrival.session, there.user_id, mark_of(arrival, there))
    if not continued.is_newest_key and has_current_cookie(arrival, there):
        arrival.visit.cookie = cookie_of(there)
    return True


def lapse(arrival: Arrival, row: ActiveSession) -> bool:
    """Let no mark of a row work any more: only its remember cookie restores the login. Whether this call did it."""
    now, is_ours = active.now_of(), False

    def step(current: ActiveSession) -> ActiveSession:
        nonlocal is_ours
        is_ours = current.epoch == row.epoch and not is_over(current, now)
        return lapsed(current, now) if is_ours else current

    return active.change(arrival, row, step) is not None and is_ours


def before_saving(arrival: Arrival) -> None:
    """Before a slow request's session is saved: its login may have ended meanwhile, or have another mark."""
    visit, session = arrival.visit, arrival.session
    # Flask also writes a permanent session that was not modified.
    is_written = getattr(session, "modified", True) or getattr(session, "permanent", False) or visit.cookie is not None
    if is_written and time.monotonic() - visit.read_at > _SLOW:
        _look_again(arrival)


def _bring_up_to_date(arrival: Arrival, row: ActiveSession) -> None:
    """Let a session with the previous mark have the current one.

    It was renewed beside this request: when the remember cookie restored the login, which is never fresh, or when the
    user gave credentials once more. That leaves this session what it was: whoever shares the login within the grace
    must not be fresh by somebody else's password.
    """
    state, session = arrival.state, arrival.session
    if not was_confirmed(row):
        state.make_stale(session)
    state.put_session_mark(session, row.user_id, mark_of(arrival, row))


def _look_again(arrival: Arrival) -> None:
    """Before a slow request writes the session: its login may have ended meanwhile, or have another mark."""
    row = arrival.visit.row
    if row is None or arrival.state.user_id(arrival.session) is None:
        return
    arrival.visit.read_at = time.monotonic()
    try:
        there = active.registry_of(arrival).get(row.id)
    except RegistryDownError:
        return  # what is written is worth what the row says of it, whenever that can be asked for
    visit = arrival.visit
    if there is None or is_over(there, active.now_of()) or has_new_credentials(row, there):
        arrival.state.erase(arrival.session)
        visit.cookie = None if isinstance(visit.cookie, Remember) else visit.cookie
        return
    active.keep(arrival, there)
    if there.epoch != row.epoch:
        _bring_up_to_date(arrival, there)
    if isinstance(visit.cookie, Remember):
        visit.cookie = cookie_of(there)
