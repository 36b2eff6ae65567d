"""The login in Flask's session. The only file that knows a session key."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any, NamedTuple
from uuid import UUID

Session = MutableMapping[str, Any]

_USER_ID = "_user_id"
_FRESH = "_fresh"
_IDENTIFIER = "_id"
_NEXT = "next"

#: A realm's name holds no colon, so no realm's key is another's.
REALM_NAME = re.compile(r"[a-z][a-z0-9_]*")

# The date in the mark: no sign, no other digits than ours, no length that takes time to read.
_SECONDS = re.compile(r"[0-9]{1,12}")

# A number of more bits (a UUID has 128) is no id that a database gave.
_MAX_ID_BITS = 128

# Two servers' clocks may differ by this many seconds; a time further in the future is no time.
_CLOCK_SKEW = 60


class Mark(NamedTuple):
    """What a session says of its login, beside the user's id: times in seconds since 1970, each as it is written.

    What is not known, or not needed by any setting, is blank.
    """

    #: What the browser looked like.
    likeness: str = ""
    #: When the user last gave credentials; blank if the login is not fresh.
    fresh_since: str = ""
    #: When the login began.
    started: str = ""
    #: When somebody last asked for its user, exact to the touch interval.
    seen: str = ""
    #: The MAC of the user's security stamp.
    stamp: str = ""


# The stamp comes last.
_STAMP = len(Mark()) - 1


def _text(mark: Mark) -> str:
    # One value for all: the session's cookie is read at each request, also for pages that do not ask.
    return ".".join(mark).rstrip(".")


def age(time: str, now: float) -> float | None:
    """How many seconds ago a time of a mark was, or ``None`` if it is no time, or lies in the future."""
    if not _SECONDS.fullmatch(time):
        return None
    seconds = now - int(time)
    return max(seconds, 0.0) if seconds >= -_CLOCK_SKEW else None


class LoginState:
    """The login of one realm in a session: verbs over a session that is passed in.

    A session is any mutable mapping; nothing else is asked of it.
    """

    def __init__(self, realm: str | None = None) -> None:
        prefix = "" if realm is None else f"{realm}:"
        self._user_id = prefix + _USER_ID
        self._fresh = prefix + _FRESH
        self._identifier = prefix + _IDENTIFIER
        self._next = prefix + _NEXT
        self._all = (self._user_id, self._fresh, self._identifier)

    def user_id(self, session: Session) -> str | None:
        """The id of the user the session says is logged in. Blank, or no id at all, is nobody."""
        value = session.get(self._user_id)
        if isinstance(value, str):
            return value or None
        # Programs and their tests write the id as their database has it.
        if isinstance(value, UUID) or (type(value) is int and value.bit_length() <= _MAX_ID_BITS):
            return str(value)
        return None

    def identifier(self, session: Session) -> str | None:
        """What the session remembers of its browser, or ``None``."""
        value = session.get(self._identifier)
        return (value.partition(".")[0] or None) if isinstance(value, str) else None

    def stamp(self, session: Session) -> str:
        """The MAC of the security stamp that the user had, or blank."""
        value = session.get(self._identifier)
        return value.split(".", _STAMP)[_STAMP] if isinstance(value, str) and value.count(".") >= _STAMP else ""

    def mark(self, session: Session) -> Mark:
        """All that the session says of its login. What is no mark is a blank one."""
        value = session.get(self._identifier)
        parts = value.split(".") if isinstance(value, str) else ()
        return Mark(*parts) if len(parts) <= len(Mark()) else Mark()

    def _change(self, session: Session, **changes: str) -> None:
        session[self._identifier] = _text(self.mark(session)._replace(**changes))

    def bind(self, session: Session, identifier: str) -> None:
        """Remember another browser. The rest of the login stays."""
        self._change(session, likeness=identifier)

    def touch(self, session: Session, now: float) -> None:
        """Remember that somebody asked for the user."""
        self._change(session, seen=str(int(now)))

    def restamp(self, session: Session, user_id: str, stamp: str) -> None:
        """The user's id and security stamp are others now. The login stays."""
        self._change(session, stamp=stamp)
        if session.get(self._user_id) != user_id:
            session[self._user_id] = user_id

    def is_fresh(self, session: Session) -> bool:
        """Whether the login is marked fresh. Anything but ``True`` is not."""
        return session.get(self._fresh) is True

    def fresh_for(self, session: Session, now: float) -> float | None:
        """For how many seconds the login has been fresh, or ``None`` if it is not, or nobody knows since when."""
        return age(self.mark(session).fresh_since, now) if self.is_fresh(session) else None

    def write(self, session: Session, user_id: str, mark: Mark) -> None:
        """Log a user in: fresh, if the mark says since when."""
        session.update({self._user_id: user_id, self._fresh: mark.fresh_since != "", self._identifier: _text(mark)})

    def confirm(self, session: Session, identifier: str, fresh_since: float) -> None:
        """Make the login fresh since then (seconds since 1970)."""
        session[self._fresh] = True
        self._change(session, likeness=identifier, fresh_since=str(int(fresh_since)))

    def make_stale(self, session: Session) -> None:
        """Let the login be fresh no longer."""
        if session.get(self._fresh) is not False:
            session[self._fresh] = False
        if self.mark(session).fresh_since:
            self._change(session, fresh_since="")

    def erase(self, session: Session) -> None:
        """Take the login out of the session, and leave the rest."""
        for key in self._all:
            if key in session:
                session.pop(key)

    def empty(self, session: Session, others: Iterable[LoginState] = ()) -> None:
        """Take everything out of the session but the logins of other realms."""
        kept = {key for other in others for key in other._all}
        for key in list(session):
            if key not in kept:
                session.pop(key)

    def put_next(self, session: Session, target: str | None) -> None:
        """Remember the way back, or, with ``None``, forget an older one."""
        if target is not None:
            session[self._next] = target
        elif self._next in session:
            session.pop(self._next)

    def take_next(self, session: Session) -> str | None:
        """The way back, once: it is removed."""
        target = session.pop(self._next) if self._next in session else None
        return target if isinstance(target, str) else None


def drop_csrf_token(session: Session, key: str) -> None:
    """Drop Flask-WTF's token: whoever knew it before the login must not know it after."""
    if key in session:
        session.pop(key)
