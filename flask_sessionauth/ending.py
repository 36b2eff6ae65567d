"""How logins end in the registry: one, all that a browser has, all of a user's, everybody's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .active import change, now_of, registry_of
from .identity import Arrival
from .limits import EndReason
from .possession import of_browser
from .realms import realms_of
from .registry.base import ActiveSession, SessionRegistry, derived_id
from .rotation import ended, is_over
from .rows import SEED_BYTES
from .signals import session_ended, tell

#: No browser keeps a cookie for longer (RFC 6265bis, section 5.5).
LONGEST_COOKIE = timedelta(days=400)

# What the notes of ended logins are derived from, and whose that of everybody's is.
_NOTE = b"all ended"
_EVERYBODY = ""


def end(arrival: Arrival, row: ActiveSession, reason: EndReason, is_told: bool = True) -> bool:
    """End the login of a row. Whether it was this call that ended it; then the news is told, unless the caller will."""
    at = now_of()
    is_ours = False

    def step(current: ActiveSession) -> ActiveSession:
        nonlocal is_ours
        # A login whose time was over has ended by that, and by nothing later.
        is_ours = current.ended_at is None and (reason == "absolute_timeout" or not is_over(current, at))
        if reason == "credentials_changed" and current.stamp != row.stamp:
            # Judged by what is not so any more: they have changed in this login.
            is_ours = False
        return ended(current, at, reason) if is_ours else current

    arrival.realm.recent.drop(row.id)
    row_now = change(arrival, row, step)
    if arrival.visit.row is not None and arrival.visit.row.id == row.id:
        arrival.visit.row = None
    is_ours = is_ours and row_now is not None
    if is_ours and is_told:
        tell_end(arrival, row, reason)
    return is_ours


def end_browser(arrival: Arrival, reason: EndReason) -> None:
    """End every login that this browser has a session or a remember cookie of, however old. The news waits."""
    for row in of_browser(arrival):
        if end(arrival, row, reason, is_told=False):
            tell_end_later(arrival, row, reason)


def tell_end(arrival: Arrival, row: ActiveSession, reason: EndReason) -> None:
    """Send the news that a row's login has ended."""
    tell(session_ended, arrival.app, arrival.realm.name, user_id=row.user_id, reason=reason, session_id=row.id)


def tell_end_later(arrival: Arrival, row: ActiveSession, reason: EndReason) -> None:
    """Send that news once the user is known."""
    arrival.visit.tell_later(session_ended, user_id=row.user_id, reason=reason, session_id=row.id)


def end_all(arrival: Arrival, owner: str | None, keep_id: str | None, reason: EndReason) -> int:
    """End all logins of an owner, or, with ``None``, of everybody, but for one. How many there were.

    Remember cookies from before the registry that are not in it yet end, too.
    """
    registry, at = registry_of(arrival), now_of()
    _note_end(arrival, owner or _EVERYBODY, at)
    # Those of the same millisecond that others have ended, and told of, look like ours afterwards.
    over = _over(registry, owner)
    count = registry.end_all(owner, keep_id, at, reason)
    for realm in realms_of(arrival.app).values():
        realm.recent.clear()
    arrival.visit.rows.clear()
    if count and owner is not None and session_ended.receivers:
        for row in registry.of_owner(owner):
            if (row.ended_at, row.ended_reason) == (at, reason) and row.user_id and row.id not in over:
                tell_end(arrival, row, reason)
    return count


def _over(registry: SessionRegistry, owner: str | None) -> set[str]:
    """The ids of an owner's rows that have ended, if anybody is told of ends."""
    if owner is None or not session_ended.receivers:
        return set()
    return {row.id for row in registry.of_owner(owner) if row.ended_at is not None}


def were_ended_after(arrival: Arrival, owner: str, issued_at: int | None) -> bool:
    """Whether an owner's logins were all ended after a remember cookie was issued; undated: whether they ever were."""
    registry = registry_of(arrival)
    for whose in (owner, _EVERYBODY):
        note = registry.get(derived_id(whose, _NOTE))
        at = None if note is None else note.ended_at
        if at is not None and (issued_at is None or issued_at <= at.timestamp()):
            return True
    return False


def _note_end(arrival: Arrival, owner: str, at: datetime) -> None:
    """Keep, as a row that is no login, when an owner's logins were all ended."""
    registry, id = registry_of(arrival), derived_id(owner, _NOTE)
    kept_for = max(LONGEST_COOKIE, arrival.settings.remember_cookie_duration)
    note = ActiveSession(
        id=id,
        owner=owner,
        user_id="",
        seed=bytes(SEED_BYTES),
        created_at=at,
        expires_at=at,
        last_seen_at=at,
        renewed_at=at,
        ended_at=at,
        ended_reason="revoked",
        forget_at=at + kept_for,
    )
    if not registry.add(note):
        there = registry.get(id)
        if there is not None:
            change(arrival, there, lambda row: replace(note, version=row.version + 1) if _is_older(row, at) else row)


def _is_older(row: ActiveSession, at: datetime) -> bool:
    return row.ended_at is None or row.ended_at < at
