"""What a store of active sessions keeps, and promises. The back ends know nothing else of ours."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

#: The longest owner, in characters: what every database can index.
MAX_OWNER = 255
#: The longest id of a user.
MAX_USER_ID = 1024
#: The longest user agent and address that are kept, in characters.
MAX_USER_AGENT = 512
MAX_ADDRESS = 64
#: The longest reason of an end.
MAX_REASON = 50

_ID_BYTES = 16
_TAG_LENGTH = 3
_ID = re.compile(r"[a-z2-7]{3}[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveSession:
    """One login on one device.

    Times are aware ones, in UTC, of whole milliseconds. Texts hold neither NUL nor lone surrogates, and are no longer
    than the limits above. Rows are never changed: a store replaces one by another.
    """

    #: Public: pages and logs show it. See `new_id`.
    id: str
    #: Under whom the user's devices are grouped.
    owner: str
    #: The id the user loader gets.
    user_id: str
    #: 256 random bits. Cookies are derived from it; it never leaves the store and the process.
    seed: bytes = field(repr=False)
    created_at: datetime
    #: When the login is over, however active. It never moves.
    expires_at: datetime
    #: When somebody last asked for its user, exact to the touch interval.
    last_seen_at: datetime
    #: When the user last gave credentials; ``None``: never on this device.
    authenticated_at: datetime | None = None
    #: Whether the browser has a remember cookie.
    remembered: bool = False
    remote_addr: str = ""
    user_agent: str = ""
    #: The MAC of the user's security stamp; blank for a user without one.
    stamp: str = field(default="", repr=False)
    #: Counts the remember cookies: changed when one restores the login.
    generation: int = 1
    previous_generation: int | None = None
    rotated_at: datetime | None = None
    #: When the browser was seen to have the current remember cookie.
    confirmed_at: datetime | None = None
    #: How often the current generation took the place of one whose response got lost.
    recoveries: int = 0
    #: Counts the session's marks.
    epoch: int = 1
    renewed_at: datetime
    #: Whether the browser was seen to have the current mark.
    renewal_seen: bool = False
    #: Whether the login was begun by a remember cookie from before the registry, which must find the row again.
    exchanged: bool = False
    ended_at: datetime | None = None
    ended_reason: str | None = None
    #: When the store may forget the row.
    forget_at: datetime
    #: Counts the row's changes.
    version: int = 1
    #: Whether this is the login of the request that asked for the list. No store keeps it.
    current: bool = field(default=False, compare=False)


@runtime_checkable
class SessionRegistry(Protocol):
    """A store of active sessions. All meaning is in the rows; a store keeps and finds them.

    Each method is one short transaction of its own. A store that cannot be reached, or is too slow, raises
    `RegistryDownError`. `flask_sessionauth.testing.contract.RegistryContract` tests a store of your own.

    A store may have two methods more, which ``flask login`` asks for: ``all_rows()``, an iterator over everybody's
    rows, and ``create_all()``, which makes the tables it needs.
    """

    def add(self, row: ActiveSession, /) -> bool:
        """Keep a new row. False, and nothing changed, if there is one with this id."""
        ...

    def get(self, id: str, /) -> ActiveSession | None:
        """The row with this id, also an ended or expired one, until it is forgotten."""
        ...

    def replace(self, old: ActiveSession, new: ActiveSession, /) -> bool:
        """Put a row in the place of another with the same id and owner: compare-and-swap.

        :returns: False, with nothing changed, unless the store has the row in the version of ``old``.
        """
        ...

    def of_owner(self, owner: str, /) -> list[ActiveSession]:
        """All rows of an owner that are not forgotten, in any order."""
        ...

    def purge(self, before: datetime, /) -> Iterator[int]:
        """Forget the rows whose ``forget_at`` is before a time, in batches; how many there were in each.

        Nothing happens before the first is asked for. A store may also forget such rows by itself.
        """
        ...

    def end_all(self, owner: str | None, keep: str | None, at: datetime, reason: str, /) -> int:
        """End every row that has not ended: give it the time and the reason, and the next version.

        A row that is added at the same moment may go on.

        :param owner: whose; ``None``: everybody's.
        :param keep: the id of one that goes on.
        :returns: how many ended.
        """
        ...

    def ping(self) -> None:
        """Nothing, if the store can be reached."""
        ...


def new_id(owner: str) -> str:
    """A new row's id: three letters or digits that all rows of the owner have in common, and 128 random bits.

    By the three, a store of many machines finds a row's machine from the id alone.
    """
    return tag_of(owner) + secrets.token_urlsafe(_ID_BYTES)


def derived_id(owner: str, secret: bytes) -> str:
    """The id of a row that is found again by what it was made from."""
    digest = hashlib.sha256(secret).digest()[:_ID_BYTES]
    return tag_of(owner) + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def tag_of(owner: str) -> str:
    """What the ids of all rows of an owner begin with."""
    digest = hashlib.sha256(owner.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest)[:_TAG_LENGTH].decode("ascii").lower()


def is_id(text: object) -> bool:
    """Whether something is a text that looks like a row's id."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None
