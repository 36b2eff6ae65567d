"""The session of nearly every request, at one glance: its login is as it was, and nothing has to be written.

This is `incoming` for the common case, in few steps, as each page that asks for its user goes through here. It lets in
nobody whom that would not, and ends and writes nothing: whatever is out of the ordinary is left to it.
"""

from __future__ import annotations

import time
from functools import lru_cache
from hmac import compare_digest
from math import inf
from types import CoroutineType
from typing import Any, NamedTuple

from .callbacks import awaited
from .checks import PROTECTIONS
from .fingerprint import MAX_USER_AGENT, describe
from .identity import Arrival, Identity
from .settings import Settings
from .signals import user_accessed
from .stamps import stamp_macs
from .state import MAX_MARK_LENGTH, read_mark


class Loaded(NamedTuple):
    """What the user loader has said of an id, so that it is asked once."""

    user_id: str
    user: Any
    #: The MAC of the security stamp that the login was made under; blank for none.
    known: str
    #: The MACs of the stamp that the user has now, as `stamp_macs` says; ``None``: it has not been asked.
    macs: tuple[str, ...] | None = None


def glance(arrival: Arrival) -> Identity | Loaded | None:
    """The user whom the session knows, where no closer look is needed.

    :returns: the user; or what the loader has said, where that needs a closer look; or ``None`` if it was not asked.
    :raises SecurityStampError: if the user's stamp is neither a ``str`` nor ``None``.
    :raises SetupError: if there is one, and the app has no key.
    """
    realm, state, session, settings = arrival.realm, arrival.state, arrival.session, arrival.settings
    load, protection = realm.user_callback, realm.session_protection
    if load is None or realm.registry is not None or user_accessed.receivers or protection not in PROTECTIONS:
        return None
    user_id, mark = session.get(state.user_id_key), session.get(state.mark_key)
    if type(user_id) is not str or type(mark) is not str or not user_id or len(mark) > MAX_MARK_LENGTH:
        return None
    # As `fingerprint_of` looks at a browser.
    user_agent = (arrival.request.environ.get("HTTP_USER_AGENT") or "")[:MAX_USER_AGENT]
    remote_addr = arrival.request.remote_addr if "ip" in settings.session_protection_bind else None
    window = _window(mark, user_agent, remote_addr, settings, protection)
    if window is None:
        return None
    since, until, known = window
    if not since <= time.time() < until:
        return None
    user = load(user_id)
    if type(user) is CoroutineType:
        user = awaited(arrival.app, user)
    visit = arrival.visit
    if user is None or visit.is_identified:
        return Loaded(user_id, user, known)
    macs = stamp_macs(arrival, user, user_id)
    # Whoever was asked for it may have logged in or out.
    if not compare_digest(macs[0], known) or visit.is_identified:
        return Loaded(user_id, user, known, macs)
    visit.stamp_macs = macs
    return Identity(user, "session", user_id)


# The requests of one session bring the same again and again.
@lru_cache(maxsize=2048)
def _window(
    mark: str, user_agent: str, remote_addr: str | None, settings: Settings, protection: str | None
) -> tuple[float, float, str] | None:
    """Since when, and until when, a session needs no closer look (seconds since 1970), and the MAC of its stamp.

    :param protection: the manager's attribute.
    :returns: ``None`` if it always needs one.
    """
    if settings.remember_cookie_refresh_each_request:
        return None
    likeness, started, _, seen, stamp = read_mark(mark)
    if not stamp.isascii():
        return None
    if (
        settings.protection_mode(protection) is not None
        and describe(user_agent, settings.session_protection_bind, remote_addr) != likeness
    ):
        return None
    idle, absolute = settings.login_idle_timeout, settings.login_absolute_timeout
    if idle is None and absolute is None:
        return (-inf, inf, stamp)
    if started is None:
        return None
    since, until = started, inf
    if absolute is not None:
        until = started + absolute.total_seconds()
    if idle is not None:
        if seen is None:
            return None
        since = started + seen
        # The touch interval is shorter than the idle timeout; once it is over, the session has to be written.
        until = min(until, since + settings.login_touch_interval.total_seconds())
    return (since, until, stamp)
