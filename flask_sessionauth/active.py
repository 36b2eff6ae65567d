"""The registry's row of a request: read, and changed.

A row is only ever changed by compare-and-swap, on what was read; who loses reads it again, and decides anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime

from .errors import RegistryDownError, SetupError
from .identity import Arrival
from .registry.base import ActiveSession, SessionRegistry
from .rotation import now_in_ms
from .signals import tell

#: How often a change is tried before the store counts as down. Each failure is another request's success.
MAX_TRIES = 50

Step = Callable[[ActiveSession], ActiveSession]


def registry_of(arrival: Arrival) -> SessionRegistry:
    """The realm's registry.

    :raises SetupError: if it has none.
    """
    registry = arrival.realm.registry
    if registry is None:
        raise SetupError("this LoginManager has no registry; give it one: LoginManager(registry=...)")
    return registry


def now_of() -> datetime:
    """The time, as rows have it."""
    return now_in_ms(time.time())


def find(arrival: Arrival, id: str, may_be_old: bool = False) -> ActiveSession | None:
    """The row with an id: one round trip to the store, if this request has not made it yet.

    :param may_be_old: whether this process may have read it up to ``LOGIN_REGISTRY_CACHE`` ago.
    """
    visit, recent = arrival.visit, arrival.realm.recent
    if id in visit.rows:
        return visit.rows[id]
    kept_for = arrival.settings.login_registry_cache.total_seconds()
    old = recent.get(id, kept_for) if kept_for and may_be_old else None
    # Where something is to be written, it has to be read anyway.
    if old is not None and now_of() - old.last_seen_at < arrival.settings.login_touch_interval:
        return old
    row = visit.rows[id] = registry_of(arrival).get(id)
    if kept_for and row is not None:
        recent.put(row)
    return row


def may_change(arrival: Arrival) -> bool:
    """Whether an answer is going to reach the browser, and be looked at: nothing is changed for one that is not."""
    # A page that is fetched in case it is wanted later (Fetch standard, Sec-Purpose).
    purpose = arrival.request.headers.get("Sec-Purpose", "").lower()
    return not arrival.visit.is_late and not purpose.startswith("prefetch")


def replace_row(arrival: Arrival, old: ActiveSession, new: ActiveSession) -> bool:
    """Put a row in the place of another, unless somebody was faster."""
    arrival.realm.recent.drop(old.id)
    if not registry_of(arrival).replace(old, new):
        return False
    arrival.visit.rows[new.id] = new
    return True


def keep(arrival: Arrival, row: ActiveSession) -> None:
    """From now on, this is the row of the request's login."""
    visit = arrival.visit
    visit.row = visit.rows[row.id] = row
    visit.read_at = time.monotonic()


def change(arrival: Arrival, row: ActiveSession, step: Step) -> ActiveSession | None:
    """Do one step with a row, however many others change it meanwhile.

    :param step: gives the next row for the current one; the same one if there is nothing to do.
    :returns: the row as it is now; ``None`` if the store has forgotten it.
    :raises RegistryDownError: if it never succeeds.
    """
    registry = registry_of(arrival)
    current: ActiveSession | None = row
    for _ in range(MAX_TRIES):
        if current is None or (new := step(current)) is current:
            return current
        if replace_row(arrival, current, new):
            return new
        current = registry.get(row.id)
    raise RegistryDownError


def tell_news(arrival: Arrival) -> None:
    """Send the news that waited for the user to be known: all of it, also if a receiver fails."""
    news, arrival.visit.news = arrival.visit.news, ()
    if not news:
        return
    with ExitStack() as stack:
        # What is put there last comes first.
        for signal, what in reversed(news):
            stack.callback(tell, signal, arrival.app, arrival.realm.name, **what)
