"""``session["_remember"]``: where programs written for Flask-Login say what becomes of the remember cookie."""

from __future__ import annotations

import time

from werkzeug.wrappers import Response

from .. import outgoing
from ..errors import ConfigurationError
from ..identity import Arrival, Forget, Remember
from ..logins import remember_lifetime
from ..remembering import cookie_of
from ..state import Session

#: ``"set"`` or ``"clear"``, and for how many seconds.
REMEMBER_KEY, SECONDS_KEY = "_remember", "_remember_seconds"


def is_asked_for(session: Session) -> bool:
    """Whether the program has written something about the cookie."""
    return REMEMBER_KEY in session


def take(session: Session) -> str | None:
    """What it has written, once."""
    operation = session.pop(REMEMBER_KEY, None)
    return operation if isinstance(operation, str) else None


def drop(session: Session) -> None:
    """Let what was written before a login or a logout have no effect after it."""
    for key in (REMEMBER_KEY, SECONDS_KEY):
        if key in session:
            session.pop(key)


def refuse_cleared(arrival: Arrival) -> None:
    """Let a cookie that the program wants to be deleted log nobody in."""
    if arrival.session.get(REMEMBER_KEY) == "clear":
        arrival.visit.cookie = Forget()


def intent(arrival: Arrival) -> Remember | None:
    """A remember cookie of the session's login. ``None``, if nobody is logged in there.

    With a registry a login is remembered from its beginning or never: then this is the row's own cookie.
    """
    visit, identity, user_id = arrival.visit, arrival.visit.identity, arrival.state.user_id(arrival.session)
    if identity is None or identity.source == "request" or user_id is None:
        return None
    if arrival.realm.registry is not None:
        return cookie_of(visit.row) if visit.row is not None and visit.row.remembered else None
    lifetime, now = _lifetime(arrival), time.time()
    if not lifetime:
        return None
    return Remember(user_id, int(now), int(now + lifetime), visit.stamp_macs[0])


def carry(arrival: Arrival, response: Response, change: Remember | Forget) -> None:
    """Let a response change the cookie, whatever becomes of the request's own."""
    visit = arrival.visit
    before = visit.cookie, visit.carried, visit.response
    visit.cookie, visit.carried = change, None
    outgoing.carry(arrival, response)
    visit.cookie, visit.carried, visit.response = before


def _lifetime(arrival: Arrival) -> float:
    written = arrival.session.pop(SECONDS_KEY, None)
    try:
        return remember_lifetime(arrival.settings, written)
    except ConfigurationError:
        # What is in a session may be of any kind.
        return remember_lifetime(arrival.settings, None)
