"""``g._login_user``: where Flask-Login keeps a request's user, and where programs read, set and delete it."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, request_started

from ..desk import this_g
from ..identity import Arrival, Identity, Visit
from ..incoming import id_if_any
from ..proxy import unproxied

_USER = "_login_user"
# Beside it, so that the next request under the same app context knows whose it is.
_OWNER = "_login_user_owner"
#: Where a request keeps its mirror.
SLOT = "_sessionauth_mirror"
_NOTHING: Any = object()


class Mirror:
    """What one request has last seen on ``g``, or written there."""

    __slots__ = ("expects_end", "user")

    def __init__(self) -> None:
        self.user: Any = _NOTHING
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
    """The user who is known, if nobody has changed anything since the last look: that makes many looks cheap.

    :param slot: where a request has its visit.
    :raises LookupError: if somebody has to look.
    """
    kept = request.__dict__
    try:
        user = kept[SLOT].user
        if this_g()._login_user is user and kept[slot].current is user:
            return user
    except AttributeError:
        pass
    raise LookupError


def follow(arrival: Arrival, mirror: Mirror) -> None:
    """Do what the program asked for on ``g`` since the last look: a user set there is the user; none, to look anew."""
    here = this_g()
    user = here.get(_USER, _NOTHING)
    if user is not _NOTHING:
        owner = here.get(_OWNER)
        if owner is not None and owner is not mirror and user is owner.user:
            # Another request has left it, under an app context that both have.
            user = _NOTHING
    if user is mirror.user:
        return
    if user is _NOTHING:
        forget(arrival.visit)
        erase()
        mirror.user = _NOTHING
    else:
        take(arrival, user)
        show(arrival)


def show(arrival: Arrival) -> None:
    """Write the user to ``g``, once it is known."""
    if arrival.visit.is_identified:
        here, mirror = this_g(), arrival.request.__dict__[SLOT]
        here._login_user = mirror.user = arrival.visit.current
        here._login_user_owner = mirror


def put(user: Any) -> None:
    """Write a user to ``g``, as a program would."""
    this_g()._login_user = user


def erase() -> None:
    """Leave no user on ``g``."""
    here = this_g()
    here.pop(_USER, None)
    here.pop(_OWNER, None)


def forget(visit: Visit) -> None:
    """Let the next look find the user anew."""
    visit.identity, visit.is_identified = None, False
    visit.__dict__.pop("current", None)


def take(arrival: Arrival, user: Any) -> None:
    """Let this be the user, by the program's word.

    Of the login in the session, if that is the user's own; else one who is known for this request only, and not fresh.
    """
    visit, user = arrival.visit, unproxied(user)
    identity: Identity | None = None
    if user is not None and user.is_authenticated:
        identity = visit.identity
        if identity is None or identity.user is not user:
            user_id = id_if_any(user, arrival.realm.id_attribute)
            # Where sessions are in a registry, what the program wrote into its own is no login.
            is_own = user_id is not None and user_id == arrival.state.user_id(arrival.session)
            is_own = is_own and (arrival.realm.registry is None or visit.row is not None)
            identity = Identity(user, "session" if is_own else "request", user_id)
    visit.settle(identity, user)


def begin_requests_without_user(app: Flask) -> None:
    """Let no request of an app believe what another one has left on a ``g`` that both have."""
    request_started.connect(_begin, app)


def _begin(app: Flask, **_: object) -> None:
    erase()
