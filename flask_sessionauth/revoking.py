"""A user's logins on all devices: listed, and ended by the user or by the program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import active, ending, rows
from .identity import Arrival, Forget
from .registry.base import ActiveSession, is_id
from .rotation import is_over, live


def sessions_of(arrival: Arrival, user: Any) -> list[ActiveSession]:
    """A user's live logins, newest first, with the one of this request marked as current."""
    there = active.registry_of(arrival).of_owner(rows.owner_of(arrival.realm, user))
    idle, current = arrival.settings.login_idle_timeout, _current_id(arrival)
    return [replace(row, current=row.id == current) for row in live(there, active.now_of(), idle)]


def end_one(arrival: Arrival, session_id: str, user: Any) -> bool:
    """End one login of a user's. False if the user has none with this id."""
    owner = rows.owner_of(arrival.realm, user)
    row = active.registry_of(arrival).get(session_id) if is_id(session_id) else None
    # Nobody learns whether there is a login of somebody else's with this id.
    if row is None or row.owner != owner or is_over(row, active.now_of()):
        return False
    is_current = row.id == _current_id(arrival)
    has_ended = ending.end(arrival, row, "revoked")
    if is_current:
        _leave(arrival)
    return has_ended


def end_all_of(arrival: Arrival, user: Any, keep_current: bool) -> int:
    """End a user's logins, but for that of this request, if it is to be kept. How many there were."""
    return _end_all(arrival, rows.owner_of(arrival.realm, user), keep_current)


def end_everybodys(arrival: Arrival, keep_current: bool) -> int:
    """End everybody's logins, in all realms of the registry. How many there were."""
    return _end_all(arrival, None, keep_current)


def _end_all(arrival: Arrival, owner: str | None, keep_current: bool) -> int:
    row = arrival.visit.row
    is_one_of_them = row is not None and owner in (None, row.owner)
    kept = row.id if row is not None and is_one_of_them and keep_current else None
    count = ending.end_all(arrival, owner, kept, "revoked")
    if is_one_of_them and not keep_current:
        _leave(arrival)
    return count


def _current_id(arrival: Arrival) -> str | None:
    return None if arrival.visit.row is None else arrival.visit.row.id


def _leave(arrival: Arrival) -> None:
    """This request's own login has ended."""
    visit = arrival.visit
    visit.row = None
    arrival.state.erase(arrival.session)
    visit.cookie = Forget()
    visit.settle(None, arrival.realm.anonymous_user())
