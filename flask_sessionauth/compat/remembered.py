"""``session["_remember"]``: where programs written for Flask-Login say what becomes of the remember cookie."""

from __future__ import annotations

import time

from werkzeug.wrappers import Response

from .. import outgoing
from ..errors import ConfigurationError
from ..identity import Arrival, Forget, Remember
from ..logins import remember_lifetime
from ..remembering import cookie_of
from ..stamps import note, stamp_of
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


def remember(arrival: Arrival, response: Response) -> None:
    """Give the browser a remember cookie of the session's login. Nothing, if nobody is logged in there.

    With a registry a login is remembered from its beginning or never: then this renews the cookie.
    """
    visit, identity, user_id = arrival.visit, arrival.visit.identity, arrival.state.user_id(arrival.session)
    if identity is None or identity.source == "request" or user_id is None:
        return
    if arrival.realm.registry is not None:
        if visit.row is None or not visit.row.remembered:
            return
        visit.cookie = cookie_of(visit.row)
    else:
        lifetime, now = _lifetime(arrival), time.time()
        if not lifetime:
            return
        note(arrival, stamp_of(arrival.realm, identity.user), user_id)
        visit.cookie = Remember(user_id, int(now), int(now + lifetime), visit.stamp_mac)
    outgoing.carry(arrival, response)


def forget(arrival: Arrival, response: Response) -> None:
    """Delete the browser's remember cookie."""
    arrival.visit.cookie = Forget()
    outgoing.carry(arrival, response)


def _lifetime(arrival: Arrival) -> float:
    written = arrival.session.pop(SECONDS_KEY, None)
    try:
        return remember_lifetime(arrival.settings, written)
    except ConfigurationError:
        # What is in a session may be of any kind.
        return remember_lifetime(arrival.settings, None)
