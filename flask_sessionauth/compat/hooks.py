"""What subclasses of the stand-in's manager override, and how that has its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from .. import fingerprint, incoming
from ..beginnings import fingerprint_of
from ..callbacks import call
from ..identity import Arrival
from ..remembering import is_own, read_cookie, remember_cookie
from ..signals import tell, user_accessed, user_loaded_from_cookie
from . import mirror


class Protector(Protocol):
    """A manager that may judge for itself whether a session is in the right browser."""

    def _session_protection_failed(self) -> bool: ...


def overrides(manager: object, base: type, name: str) -> bool:
    """Whether a manager has a method of its own in the place of the stand-in's."""
    return name in vars(manager) or getattr(type(manager), name) is not getattr(base, name)


def protect(manager: Protector, base: type, arrival: Arrival) -> bool:
    """Ask a manager that judges for itself. Whether it has let nobody in.

    Where it judges as we do, it is left to us to act; where it does not, we do not act.
    """
    if not overrides(manager, base, "_session_protection_failed"):
        return False
    own: mirror.Mirror = arrival.request.__dict__[mirror.SLOT]
    own.expects_end = None
    has_failed = bool(manager._session_protection_failed())
    if own.expects_end is not None and own.expects_end == has_failed:
        return False
    if not has_failed:
        arrival.settings = replace(arrival.settings, session_protection=None)
    return has_failed


def ask_protection(arrival: Arrival) -> bool:
    """Whether session protection is going to end the session's login."""
    state, session, request = arrival.state, arrival.session, arrival.request
    mode = arrival.settings.protection_mode(arrival.realm.session_protection)
    ends = mode == "strong" and not getattr(session, "permanent", False)
    if ends:
        likeness = state.mark(session).likeness
        ends = (
            state.user_id(session) is not None
            and likeness != fingerprint_of(request, arrival.settings)
            and not fingerprint.is_flask_logins(likeness, request.environ.get("HTTP_USER_AGENT"), request.remote_addr)
        )
    arrival.request.__dict__[mirror.SLOT].expects_end = ends
    return ends


def restore(arrival: Arrival, load_by_cookie: Callable[[str], Any]) -> None:
    """Let a manager load the user of a valid remember cookie by itself; the login begins as it does without that.

    With a registry, the cookie does not say whose it is, so that there is nothing to load by.
    """
    cookie = remember_cookie(arrival)
    if cookie is None or arrival.realm.registry is not None or arrival.state.user_id(arrival.session) is not None:
        return
    tell(user_accessed, arrival.app, arrival.realm.name)
    visit = arrival.visit
    identity = incoming.from_remember_cookie(arrival, lambda _: call(arrival.app, load_by_cookie, cookie), cookie)
    if visit.is_identified:
        return
    if identity is None:
        # Methods like Flask-Login's write the session before they look for the user.
        arrival.state.erase(arrival.session)
    else:
        visit.settle(identity, identity.user)


def load_by_cookie(arrival: Arrival, load: Callable[[str], Any] | None, cookie: str) -> Any:
    """The user whom a remember cookie logs in, from now on, if nobody is logged in; or whose it is already."""
    visit = arrival.visit
    if visit.identity is not None:
        token, user_id = read_cookie(arrival, cookie), visit.identity.user_id
        is_users = token is not None and user_id is not None and is_own(arrival, token, user_id)
        return visit.identity.user if is_users else None
    # A registry's cookie is looked up as the one that the browser sent.
    if load is None or (arrival.realm.registry is not None and cookie != remember_cookie(arrival)):
        return None
    mirror.forget(visit)
    identity = incoming.from_remember_cookie(arrival, load, cookie)
    if identity is None:
        return None
    visit.settle(identity, identity.user)
    tell(user_loaded_from_cookie, arrival.app, arrival.realm.name, user=identity.user)
    return identity.user
