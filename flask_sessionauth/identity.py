"""One request's answer to "who is it?", what it wants done with the remember cookie, and what it is asked with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from flask import Flask, Request

from .settings import Settings
from .state import LoginState, Session

LoginSource = Literal["login", "session", "remember", "request"]


class Identity(NamedTuple):
    """A recognised user, and by what: this request's ``login_user``, the session, the cookie, the request loader."""

    user: Any
    source: LoginSource


@dataclass(frozen=True, slots=True)
class Remember:
    """Give this browser a remember cookie for the user, valid between two times (seconds since 1970)."""

    user_id: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete this browser's remember cookie."""


class Visit:
    """One request in one realm: kept on the request object, gone with it.

    ``current`` is what ``current_user`` shows: it is left unset until the request has been identified,
    so that the hot path is one attribute look-up.
    """

    __slots__ = (
        "__weakref__",
        "asked_request_loader",
        "attended",
        "cookie",
        "current",
        "finished",
        "identity",
        "last_call",
        "settings",
    )

    current: Any

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.identity: Identity | None = None
        self.cookie: Remember | Forget | None = None
        self.asked_request_loader = False
        self.attended = False
        self.finished = False
        self.last_call: object = None

    @property
    def is_identified(self) -> bool:
        return hasattr(self, "current")


class Realm(Protocol):
    """What the river needs of a manager."""

    @property
    def name(self) -> str | None: ...
    @property
    def user_callback(self) -> Callable[[str], Any] | None: ...
    @property
    def request_callback(self) -> Callable[[Request], Any] | None: ...

    session_protection: str | None
    anonymous_user: Callable[[], Any]
    id_attribute: str


class Arrival:
    """One request and all it is dealt with by: real objects, no proxies."""

    __slots__ = ("app", "drop_from_g", "realm", "request", "session", "settings", "state", "visit")

    def __init__(
        self,
        realm: Realm,
        state: LoginState,
        app: Flask,
        request: Request,
        session: Session,
        visit: Visit,
        drop_from_g: Callable[[str], object],
    ) -> None:
        self.realm = realm
        self.state = state
        self.app = app
        self.request = request
        self.session = session
        self.visit = visit
        self.settings = visit.settings
        self.drop_from_g = drop_from_g
