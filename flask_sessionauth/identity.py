"""One request's answer to "who is it?", what it wants done with the remember cookie, and what it is asked with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from blinker import NamedSignal
from flask import Flask, Request

from .recent import Recent
from .registry.base import ActiveSession, SessionRegistry
from .settings import Settings
from .state import LoginState, Session

LoginSource = Literal["login", "session", "remember", "request"]

#: The MACs of no stamp.
NO_STAMP: Final = ("",)


# Not frozen, as the next one is not: that would take twice as long to make, and each request that asks makes one.
@dataclass(slots=True)
class Identity:
    """A recognised user, and by what: this request's ``login_user``, the session, the cookie, the request loader.

    ``user_id`` is the id in the session or the cookie. Of a request loader's user it is what the user says, if at all.
    """

    user: Any
    source: LoginSource
    user_id: str | None = None


@dataclass(slots=True)
class Remember:
    """Give this browser a remember cookie for the user, valid between two times (seconds since 1970).

    ``stamp`` is the MAC of the user's security stamp.
    """

    user_id: str
    issued_at: int
    expires_at: int
    stamp: str = field(repr=False)
    #: The registry's row, if there is one: the cookie is derived from it.
    row: ActiveSession | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete this browser's remember cookie."""


class Visit:
    """One request in one realm: kept on the request object, gone with it."""

    # As slots, since each request that asks looks at most of them.
    __slots__ = (
        "_rows",
        "asked_request_loader",
        "attended_by",
        "carried",
        "cookie",
        "current",
        "dropped_session_id",
        "dropped_user_id",
        "end_reason",
        "guarded",
        "guarded_in",
        "has_logged_out",
        "has_stale_mark",
        "headers",
        "identity",
        "is_down",
        "is_identified",
        "is_late",
        "is_watched",
        "news",
        "read_at",
        "response",
        "row",
        "settings",
        "sought_by",
        "stamp_macs",
    )

    #: What ``current_user`` shows. Set when the request is identified, so that to look at it is one look-up.
    current: Any

    def __init__(self, settings: Settings, is_late: bool = False, is_watched: bool = False) -> None:
        self.settings = settings
        #: Whether the response had gone before anybody asked.
        self.is_late = is_late
        #: Whether it is seen to at the very end of the request, too.
        self.is_watched = is_watched
        #: The threads that are looking for the user: one request may be dealt with by several.
        self.sought_by: tuple[int, ...] = ()
        self.identity: Identity | None = None
        self.is_identified = False
        #: The registry's row of the login.
        self.row: ActiveSession | None = None
        #: When that was read, by the monotonic clock, in seconds.
        self.read_at = 0.0
        #: What the response does with the remember cookie.
        self.cookie: Remember | Forget | None = None
        self.asked_request_loader = False
        #: The user whose login identification took out of the session.
        self.dropped_user_id: str | None = None
        #: The id of its row in the registry.
        self.dropped_session_id: str | None = None
        #: Why, until it has been told.
        self.end_reason: str | None = None
        #: The MACs of the security stamp that the user had when it was recognised or logged in, under each of the
        #: app's keys, the newest first. A blank one is no stamp's.
        self.stamp_macs: tuple[str, ...] = NO_STAMP
        #: What to tell once the user is known: signals, with what they say.
        self.news: tuple[tuple[NamedSignal, dict[str, Any]], ...] = ()
        self._rows: dict[str, ActiveSession | None] | None = None
        self.has_logged_out = False
        #: Whether the session has a mark that was replaced: to write it might overwrite a newer session.
        self.has_stale_mark = False
        #: Whether the registry could not be asked. Then nobody is known, and no guard lets anybody pass.
        self.is_down = False
        #: The thread that will see to the response: another one may have a context that never makes one.
        self.attended_by: int | None = None
        #: What a guard will leave for the response, while its view runs.
        self.guarded: Arrival | None = None
        #: In which thread that is, once another one has asked.
        self.guarded_in: int | None = None
        #: The response that was seen to last, its headers then, and what it does with the remember cookie.
        self.response: object = None
        self.headers: Sequence[tuple[str, str]] = ()
        self.carried: Remember | Forget | None = None

    @property
    def has_logged_in(self) -> bool:
        return self.identity is not None and self.identity.source == "login"

    @property
    def rows(self) -> dict[str, ActiveSession | None]:
        """What was read of the registry, by id."""
        if self._rows is None:
            self._rows = {}
        return self._rows

    def tell_later(self, signal: NamedSignal, **news: Any) -> None:
        """Send a signal once the user is known."""
        self.news = (*self.news, (signal, news))

    def settle(self, identity: Identity | None, current: Any) -> None:
        """From now on, this is who it is."""
        # In this order, as other threads may look on.
        self.identity = identity
        self.current = current
        self.is_identified = True


class Realm(Protocol):
    """What the river needs of a manager."""

    @property
    def name(self) -> str | None: ...

    user_callback: Callable[[str], Any] | None
    request_callback: Callable[[Request], Any] | None

    def watch(self, app: Flask) -> None: ...

    session_protection: str | None
    anonymous_user: Callable[[], Any]
    id_attribute: str
    security_stamp: Callable[[Any], str | None] | None
    session_owner: Callable[[Any], str] | None
    registry: SessionRegistry | None
    recent: Recent


class Arrival:
    """One request and all it is dealt with by: real objects, no proxies."""

    __slots__ = ("app", "realm", "request", "session", "settings", "state", "visit")

    def __init__(
        self,
        realm: Realm,
        state: LoginState,
        app: Flask,
        request: Request,
        session: Session,
        visit: Visit,
    ) -> None:
        self.realm = realm
        self.state = state
        self.app = app
        self.request = request
        self.session = session
        self.visit = visit
        self.settings = visit.settings
