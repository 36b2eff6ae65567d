"""What subclasses of the stand-in's manager override, and how that has its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Protocol

from .. import fingerprint, incoming
from ..beginnings import fingerprint_of
from ..callbacks import call
from ..identity import Arrival, Forget, Identity
from ..remembering import is_own, read_cookie, remember_cookie
from ..settings import Settings
from ..signals import tell, user_loaded_from_cookie
from . import mirror

#: What programs' managers override.
HOOKS = (
    "_clear_cookie",
    "_load_user",
    "_load_user_from_remember_cookie",
    "_load_user_from_request",
    "_session_protection_failed",
    "_set_cookie",
)


class Hooked(Protocol):
    """A manager whose methods may be a subclass's."""

    _own_methods: ClassVar[Mapping[str, Any]]

    def _session_protection_failed(self) -> bool: ...


def methods_of(manager_class: type) -> dict[str, Any]:
    """The methods of the stand-in's manager that others override, to be compared with later."""
    return {name: vars(manager_class)[name] for name in HOOKS}


def overrides(manager: Hooked, name: str) -> bool:
    """Whether a manager has a method of its own in the place of the stand-in's, by a subclass or a patch."""
    return name in vars(manager) or getattr(type(manager), name) is not manager._own_methods[name]


def protect(manager: Hooked, arrival: Arrival) -> bool:
    """Ask a manager that judges for itself. Whether it has let nobody in.

    Where it judges as we do, it is left to us to act; where it does not, we do not act.
    """
    if not overrides(manager, "_session_protection_failed"):
        return False
    own: mirror.Mirror = arrival.request.__dict__[mirror.SLOT]
    own.expects_end = None
    has_failed = bool(manager._session_protection_failed())
    if own.expects_end is not None and own.expects_end == has_failed:
        return False
    if not has_failed:
        arrival.settings = _unprotected(arrival.settings)
    return has_failed


# The same for the same: others are looked up by it.
@lru_cache(maxsize=32)
def _unprotected(settings: Settings) -> Settings:
    return replace(settings, session_protection=None)


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


def restore(arrival: Arrival, load_by_cookie: Callable[[str], Any], cookie: str | None) -> Identity | None:
    """Let a manager load the user of a valid remember cookie by itself; the login begins as it does without that."""
    state, session = arrival.state, arrival.session

    def load(user_id: str) -> Any:
        user = call(arrival.app, load_by_cookie, cookie)
        # Methods like Flask-Login's write the session before they look for the user. What begins is the cookie's login.
        if state.user_id(session) not in (None, user_id):
            user = None
        if user is None:
            state.erase(session)
        return user

    return incoming.from_remember_cookie(arrival, load, cookie)


def load_by_cookie(arrival: Arrival, load: Callable[[str], Any] | None, cookie: str) -> Any:
    """The user whom a remember cookie logs in, in the place of anybody else; if it is ``None``, nothing has changed."""
    visit, own, token = arrival.visit, remember_cookie(arrival), read_cookie(arrival, cookie)
    if arrival.realm.registry is not None:
        # Its cookie is looked up as the one that the browser sent, and restores nothing but a visitor's login.
        if load is None or cookie != own or visit.identity is not None:
            return None
    elif load is None or token is None:
        return None
    elif visit.identity is not None and visit.identity.user_id == token.user_id and visit.identity.source != "request":
        return visit.identity.user if is_own(arrival, token, token.user_id) else None
    identity = _in_place_of_anybody(arrival, load, cookie, is_own_cookie=cookie == own)
    if identity is None:
        return None
    visit.settle(identity, identity.user)
    mirror.show(arrival)
    tell(user_loaded_from_cookie, arrival.app, arrival.realm.name, user=identity.user)
    return identity.user


def _in_place_of_anybody(
    arrival: Arrival, load: Callable[[str], Any], cookie: str, is_own_cookie: bool
) -> Identity | None:
    visit = arrival.visit
    given_up, dropped = visit.cookie, visit.dropped_user_id
    if isinstance(given_up, Forget) and not is_own_cookie:
        # After a logout, a program may go back to a login that it has kept elsewhere.
        visit.cookie = None
    mirror.forget(visit)
    # What another user has left in the session goes when this login begins.
    visit.dropped_user_id = arrival.state.user_id(arrival.session)
    identity = incoming.from_remember_cookie(arrival, load, cookie)
    visit.dropped_user_id = dropped
    if visit.cookie is None or (identity is None and not is_own_cookie):
        visit.cookie = given_up
    return identity
