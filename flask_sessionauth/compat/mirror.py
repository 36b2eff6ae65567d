"""``g._login_user``: where Flask-Login keeps a request's user, and where programs read, set and delete it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, request_started, request_tearing_down

from .. import active
from ..context import current_request, this_g
from ..errors import RegistryDownError
from ..identity import Arrival, Identity, Visit
from ..incoming import from_session, id_if_any
from ..proxy import unproxied

_USER = "_login_user"
# Beside it: what we have written there, and for which request.
_SHOWN = "_login_user_shown"
#: Where a request keeps its mirror.
SLOT = "_sessionauth_mirror"
# Where it keeps what stood on a shared g before it began.
_BEFORE = "_sessionauth_before"
_NOTHING: Any = object()


class Mirror:
    """What one request knows of what its program does."""

    __slots__ = ("expects_end",)

    def __init__(self) -> None:
        #: Whether session protection was asked, and is going to end the login.
        self.expects_end: bool | None = None


def mirror_of(request: Request) -> Mirror | None:
    """A request's mirror, if it has one yet."""
    mirror: Mirror | None = request.__dict__.get(SLOT)
    return mirror


def hang(request: Request) -> Mirror:
    """Give a request its mirror."""
    mirror = request.__dict__[SLOT] = Mirror()
    return mirror


def known(request: Request, slot: str) -> Any:
    """The user who is known, if the same one stands on ``g``: that makes many looks cheap.

    :param slot: where a request has its visit.
    :raises LookupError: if somebody has to look.
    """
    try:
        user = request.__dict__[slot].current
        if this_g()._login_user is user:
            return user
    except AttributeError:
        pass
    raise LookupError


def follow(arrival: Arrival, mirror: Mirror) -> None:
    """Do what the program asked for on ``g`` since the last look: a user set there is the user; none, to look anew."""
    here = this_g()
    user, (owner, shown) = here.get(_USER, _NOTHING), here.get(_SHOWN, (None, _NOTHING))
    if user is shown:
        # Nothing, or what we have written ourselves, for this request or another one. Whoever looks writes it anew.
        return
    if user is not _NOTHING:
        take(arrival, user)
        show(arrival)
    elif owner is mirror:
        forget(arrival.visit)
        erase()


def show(arrival: Arrival) -> None:
    """Write the user to ``g``, once it is known."""
    if arrival.visit.is_identified:
        here, user = this_g(), arrival.visit.current
        here._login_user, here._login_user_shown = user, (arrival.request.__dict__[SLOT], user)


def put(user: Any) -> None:
    """Write a user to ``g``, as a program would."""
    this_g()._login_user = user


def erase() -> tuple[Any, Any]:
    """Leave no user on ``g``. What stood there."""
    here = this_g()
    return here.pop(_USER, _NOTHING), here.pop(_SHOWN, _NOTHING)


def forget(visit: Visit) -> None:
    """Let the next look find the user anew."""
    visit.identity, visit.is_identified, visit.row = None, False, None
    if hasattr(visit, "current"):
        del visit.current


def take(arrival: Arrival, user: Any) -> None:
    """Let this be the user, by the program's word.

    Of the login in the session, if that is the user's own, and a login still; else one who is known for this request
    only, and not fresh.

    :raises RegistryDownError: if the store cannot be asked.
    """
    visit, user = arrival.visit, unproxied(user)
    identity = visit.identity
    if user is None or not user.is_authenticated:
        identity = None
    elif identity is None or identity.user is not user:
        user_id = id_if_any(user, arrival.realm.id_attribute)
        identity = None
        if not visit.is_down and user_id is not None and user_id == arrival.state.user_id(arrival.session):
            identity = _own_login(arrival, user)
        if identity is None or identity.user_id != user_id:
            identity = Identity(user, "request", user_id)
    visit.settle(identity, user)


def _own_login(arrival: Arrival, user: Any) -> Identity | None:
    """The session's login, if it is a login; else it has ended."""
    forget(arrival.visit)
    try:
        return from_session(arrival, user)
    except RegistryDownError:
        # An error page may ask, too.
        arrival.visit.is_down = True
        raise
    finally:
        active.tell_news(arrival)


def keep_requests_apart(app: Flask) -> None:
    """Let no request of an app believe what another one, or the program beside it, has left on a ``g`` they share."""
    request_started.connect(_begin, app)
    request_tearing_down.connect(_end, app)


def _begin(app: Flask, **_: object) -> None:
    before = erase()
    if before != (_NOTHING, _NOTHING):
        current_request().__dict__[_BEFORE] = before


def _end(app: Flask, **_: object) -> None:
    here = this_g()
    erase()
    for name, value in zip((_USER, _SHOWN), current_request().__dict__.pop(_BEFORE, ()), strict=False):
        if value is not _NOTHING:
            setattr(here, name, value)
