"""How the registry's row of a login goes on after its user gave credentials once more, or has new ones."""

from __future__ import annotations

from typing import Any

from . import active, ending, possession, rows
from .beginnings import regenerate
from .identity import Arrival, Remember
from .registry.base import ActiveSession
from .remembering import cookie_of, remember_cookie
from .rotation import confirmed, is_over, restamped


def renew(arrival: Arrival) -> bool:
    """Give the session another mark after its user gave credentials once more. False if the login has ended.

    :raises RegistryDownError: if the store cannot be asked; then nothing has changed.
    """
    now = active.now_of()
    row = _change(arrival, lambda row: confirmed(row, now))
    if row is None:
        return False
    arrival.state.put_session_mark(arrival.session, row.user_id, possession.mark_of(arrival, row))
    return True


def restamp_and_end_others(arrival: Arrival, user: Any, user_id: str, stamp: str, is_own_user: bool) -> None:
    """Let this login go on under the user's new id and stamp, with new cookies, and end the user's others.

    :param stamp: the new stamp's MAC.
    :raises RegistryDownError: if the store cannot be asked; then this login goes on as it was.
    """
    owner, row = rows.owner_of(arrival.realm, user), arrival.visit.row
    if row is not None and not is_own_user and row.owner != owner:
        row = None
    # The id that changed may be the one that the rows are grouped by.
    for whose in sorted({owner} if row is None else {owner, row.owner}):
        ending.end_all(arrival, whose, None if row is None else row.id, "credentials_changed")
    if row is not None:
        _restamp(arrival, user_id, stamp)


def _restamp(arrival: Arrival, user_id: str, stamp: str) -> None:
    visit = arrival.visit
    has_cookie = remember_cookie(arrival) is not None or isinstance(visit.cookie, Remember)
    now = active.now_of()
    row = _change(arrival, lambda row: restamped(row, user_id, stamp, now))
    if row is None:
        return
    arrival.state.put_session_mark(arrival.session, user_id, possession.mark_of(arrival, row))
    regenerate(arrival)
    if row.remembered and has_cookie:
        visit.cookie = cookie_of(row)
    if visit.identity is not None:
        visit.identity.user_id = user_id


def _change(arrival: Arrival, step: active.Step) -> ActiveSession | None:
    """Change the row of this request's login, unless it has none, or one that has ended."""
    row, now = arrival.visit.row, active.now_of()
    if row is None:
        return None
    changed = active.change(arrival, row, lambda row: row if is_over(row, now) else step(row))
    if changed is None or is_over(changed, now):
        return None
    active.keep(arrival, changed)
    return changed
