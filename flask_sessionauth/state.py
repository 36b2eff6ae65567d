"""The login in Flask's session. The only file that knows a session key."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

Session = MutableMapping[str, Any]
Snapshot = tuple[dict[str, Any], Any]

_USER_ID = "_user_id"
_FRESH = "_fresh"
_IDENTIFIER = "_id"
_MARK = "_registry"
_NEXT = "next"

#: All that the default realm writes into a session.
SESSION_KEYS = frozenset((_USER_ID, _FRESH, _IDENTIFIER, _MARK, _NEXT))

#: A realm's name holds no colon, so no realm's key is another's.
REALM_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: A moment as it stands in the text of a mark: a number of seconds, or, where there is none, nothing.
Moment = int | str
NEVER: Final = ""

# So many digits are enough for a date.
_MAX_DIGITS = 12

#: So many characters are enough for a mark, ours or Flask-Login's.
MAX_MARK_LENGTH = 256

# A number of more bits (a UUID has 128) is no id that a database gave.
_MAX_ID_BITS = 128

# Two servers' clocks may differ by this many seconds; a time further in the future is no time.
_CLOCK_SKEW = 60


class Mark(NamedTuple):
    """What a session says of its login, beside the user's id. What is not known, or not needed, is blank or ``None``.

    Moments are seconds after ``started``: whole dates would be alike, and Flask would compress the session's cookie to
    spare the few letters, which costs more than it spares.
    """

    #: What the browser looked like.
    likeness: str = ""
    #: When the login began, in seconds since 1970.
    started: int | None = None
    #: When the user last gave credentials; ``None`` if the login is not fresh.
    fresh: int | None = None
    #: When somebody last asked for its user, exact to the touch interval.
    seen: int | None = None
    #: The MAC of the user's security stamp.
    stamp: str = ""

    def age(self, moment: int | None, now: float) -> float | None:
        """How many seconds ago a moment was (0: the start), or ``None`` if it is none, or lies in the future."""
        if moment is None or self.started is None:
            return None
        seconds = now - self.started - moment
        if seconds < 0:
            return 0.0 if seconds >= -_CLOCK_SKEW else None
        return seconds

    def moment(self, now: float) -> int | None:
        """Now, as a moment of the mark: ``None`` if nobody knows when the login began."""
        if self.started is None or self.age(0, now) is None:
            return None
        # A clock that was set back leaves no moment before the start.
        return max(int(now) - self.started, 0)

    def __str__(self) -> str:
        # One value for all: the session's cookie is read at each request, also for pages that do not ask.
        return ".".join("" if part is None else str(part) for part in self).rstrip(".")


_BLANK = Mark()


# The requests of one session bring the same again and again.
@lru_cache(maxsize=2048)
def read_mark(text: str) -> Mark:
    """What a mark says; a blank one for what is none. The results are kept, so pass no text that is longer than one."""
    parts = text.split(".")
    if len(parts) > len(_BLANK):
        return _BLANK
    likeness, started, fresh, seen, stamp = (*parts, "", "", "", "")[: len(_BLANK)]
    return Mark(likeness, _number(started), _number(fresh), _number(seen), stamp)


def _number(text: str) -> int | None:
    # No sign, no other digits than ours, no length that takes time to read.
    return int(text) if text.isdigit() and text.isascii() and len(text) <= _MAX_DIGITS else None


class LoginState:
    """The login of one realm in a session: verbs over a session that is passed in.

    A session is any mutable mapping; nothing else is asked of it.
    """

    def __init__(self, realm: str | None = None) -> None:
        prefix = "" if realm is None else f"{realm}:"
        #: The realm's name, blank for the default one.
        self.realm = realm or ""
        #: Where a session has the user's id, and where its mark.
        self.user_id_key = prefix + _USER_ID
        self.mark_key = prefix + _IDENTIFIER
        self._fresh = prefix + _FRESH
        self._mark = prefix + _MARK
        self._next = prefix + _NEXT
        self._all = (self.user_id_key, self._fresh, self.mark_key, self._mark)

    def user_id(self, session: Session) -> str | None:
        """The id of the user the session says is logged in. Blank, or no id at all, is nobody."""
        value = session.get(self.user_id_key)
        if value is None or isinstance(value, str):
            return value or None
        # Programs and their tests write the id as their database has it.
        if isinstance(value, UUID) or (type(value) is int and value.bit_length() <= _MAX_ID_BITS):
            return str(value)
        return None

    def mark(self, session: Session) -> Mark:
        """All that the session says of its login. What is no mark is a blank one."""
        value = session.get(self.mark_key)
        return read_mark(value) if isinstance(value, str) and len(value) <= MAX_MARK_LENGTH else _BLANK

    def _change(self, session: Session, **changes: Any) -> None:
        session[self.mark_key] = str(self.mark(session)._replace(**changes))

    def bind(self, session: Session, identifier: str) -> None:
        """Remember another browser. The rest of the login stays."""
        self._change(session, likeness=identifier)

    def touch(self, session: Session, now: float) -> None:
        """Remember that somebody asked for the user."""
        self._change(session, seen=self.mark(session).moment(now))

    def restamp(self, session: Session, user_id: str, stamp: str) -> None:
        """The user's id and security stamp are others now. The login stays."""
        self._change(session, stamp=stamp)
        if session.get(self.user_id_key) != user_id:
            session[self.user_id_key] = user_id

    def session_mark(self, session: Session) -> str:
        """What the session says of its row in the registry; blank, if nothing."""
        value = session.get(self._mark)
        return value if isinstance(value, str) else ""

    def put_session_mark(self, session: Session, user_id: str, mark: str) -> None:
        """Let the session have another mark of its row, and the user's id in the row. The login stays."""
        session.update({self.user_id_key: user_id, self._mark: mark})

    def is_fresh(self, session: Session) -> bool:
        """Whether the login is marked fresh. Anything but ``True`` is not."""
        return session.get(self._fresh) is True

    def fresh_for(self, session: Session, now: float) -> float | None:
        """For how many seconds the login has been fresh, or ``None`` if it is not, or nobody knows since when."""
        mark = self.mark(session)
        return mark.age(mark.fresh, now) if self.is_fresh(session) else None

    def write(
        self,
        session: Session,
        user_id: str,
        likeness: str,
        started: Moment = NEVER,
        fresh: Moment = NEVER,
        seen: Moment = NEVER,
        stamp: str = "",
        session_mark: str = "",
    ) -> None:
        """Log a user in: fresh, if ``fresh`` says when the user gave credentials.

        The mark's parts are as in `Mark`, but a moment that is not known is `NEVER`.

        :param session_mark: what the session says of its row in the registry.
        """
        mark = f"{likeness}.{started}.{fresh}.{seen}.{stamp}".rstrip(".")
        login = {self.user_id_key: user_id, self._fresh: fresh != NEVER, self.mark_key: mark}
        if session_mark:
            login[self._mark] = session_mark
        session.update(login)

    def confirm(self, session: Session, identifier: str, now: float) -> None:
        """Make the login fresh from now on (seconds since 1970)."""
        mark = self.mark(session)
        if mark.moment(now) is None:
            # A session of Flask-Login's, say.
            mark = mark._replace(started=int(now))
        session[self._fresh] = True
        session[self.mark_key] = str(mark._replace(likeness=identifier, fresh=mark.moment(now)))

    def make_stale(self, session: Session) -> None:
        """Let the login be fresh no longer."""
        if session.get(self._fresh) is not False:
            session[self._fresh] = False
        if self.mark(session).fresh is not None:
            self._change(session, fresh=None)

    def erase(self, session: Session) -> None:
        """Take the login out of the session, and leave the rest."""
        for key in self._all:
            if key in session:
                session.pop(key)

    def snapshot(self, session: Session) -> Snapshot:
        """The login as it is, to be put back."""
        login = {key: session[key] for key in self._all if key in session}
        return login, getattr(session, "modified", None)

    def put_back(self, session: Session, snapshot: Snapshot) -> None:
        """Undo what was done to the login, as far as anything was."""
        login, was_modified = snapshot
        if login != self.snapshot(session)[0]:
            session.update(login)
            if was_modified is not None:
                session.modified = was_modified  # type: ignore[attr-defined]

    def empty(self, session: Session, others: Iterable[LoginState] = ()) -> None:
        """Take everything out of the session but the logins of other realms."""
        kept = {key: session[key] for other in others for key in other._all if key in session}
        # Not key by key: some sessions have settings of their own among their content, and keep them when cleared.
        session.clear()
        session.update(kept)

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
