"""The login in Flask's session. The only file that knows a session key."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any
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
        return self._mark(session)[0] or None

    def bind(self, session: Session, identifier: str) -> None:
        """Remember another browser. The rest of the login stays."""
        _, since = self._mark(session)
        session[self._identifier] = f"{identifier}.{since}" if since else identifier

    def is_fresh(self, session: Session) -> bool:
        """Whether the login is marked fresh. Anything but ``True`` is not."""
        return session.get(self._fresh) is True

    def fresh_for(self, session: Session, now: float) -> float | None:
        """For how many seconds the login has been fresh, or ``None`` if it is not, or nobody knows since when."""
        _, since = self._mark(session)
        if not self.is_fresh(session) or not _SECONDS.fullmatch(since):
            return None
        age = now - int(since)
        return max(age, 0.0) if age >= -_CLOCK_SKEW else None

    def write(self, session: Session, user_id: str, identifier: str, fresh_since: float | None) -> None:
        """Log a user in. ``fresh_since`` (seconds since 1970) is ``None`` for a login that is not fresh."""
        mark = identifier if fresh_since is None else f"{identifier}.{int(fresh_since)}"
        session.update({self._user_id: user_id, self._fresh: fresh_since is not None, self._identifier: mark})

    def confirm(self, session: Session, identifier: str, fresh_since: float) -> None:
        """Make the login fresh since then (seconds since 1970)."""
        session[self._fresh] = True
        session[self._identifier] = f"{identifier}.{int(fresh_since)}"

    def make_stale(self, session: Session) -> None:
        """Let the login be fresh no longer."""
        if session.get(self._fresh) is not False:
            session[self._fresh] = False
        identifier, since = self._mark(session)
        if since:
            session[self._identifier] = identifier

    def _mark(self, session: Session) -> tuple[str, str]:
        # One value for both: the session's cookie is read at each request, also for pages that do not ask.
        value = session.get(self._identifier)
        identifier, _, since = value.partition(".") if isinstance(value, str) else ("", "", "")
        return identifier, since

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
