"""New rows of the registry: whose they are, and what they say of the browser."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from .errors import UserIdError
from .identity import Arrival, Realm
from .registry.base import MAX_ADDRESS, MAX_OWNER, MAX_USER_AGENT, MAX_USER_ID, ActiveSession, new_id

SEED_BYTES = 32


def owner_of(realm: Realm, user: Any) -> str:
    """Under whom the registry groups a user's logins. Those of two realms are not in one group.

    :raises UserIdError: if it is blank, or longer than 255 characters.
    """
    owner = realm.session_owner(user) if realm.session_owner is not None else getattr(user, realm.id_attribute)()
    return stored_owner(realm.name, owner)


def stored_owner(realm: str | None, owner: object) -> str:
    """An owner as the registry has it, with the realm's name before it."""
    if not isinstance(owner, str | int | UUID | None):
        raise UserIdError(f"the owner of a session is of type {type(owner).__name__}; allowed: a str, an int, a UUID")
    text = "" if owner is None else str(owner)
    # A default realm's owner with a colon must not look like that of a named one.
    stored = f"{realm or ''}:{text}" if realm is not None or ":" in text else text
    if not text or len(stored) > MAX_OWNER or not is_storable(text):
        raise UserIdError(
            f"the owner of a session has {len(stored)} characters; allowed: 1 to {MAX_OWNER}, none of them NUL"
        )
    return stored


def is_login_of(realm: str | None, row: ActiveSession) -> bool:
    """Whether a row is a login, and not a note of the registry's own, and of a realm: others may be kept beside it."""
    is_of_realm = row.owner.startswith(f"{realm or ''}:") or (realm is None and ":" not in row.owner)
    return bool(row.user_id) and is_of_realm


def is_storable(text: str) -> bool:
    """Whether every database can keep a text."""
    try:
        return b"\0" not in text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        return False


def new_row(
    arrival: Arrival, owner: str, user_id: str, stamp: str, now: datetime, expires_at: datetime
) -> ActiveSession:
    """A row for a login that begins now in this browser.

    :param stamp: the MAC of the user's security stamp.
    :raises UserIdError: if the user's id cannot be kept.
    """
    if len(user_id) > MAX_USER_ID or not is_storable(user_id):
        raise UserIdError(f"a user's id has {len(user_id)} characters; allowed: up to {MAX_USER_ID}, none of them NUL")
    request = arrival.request
    return ActiveSession(
        id=new_id(owner),
        owner=owner,
        user_id=user_id,
        seed=secrets.token_bytes(SEED_BYTES),
        created_at=now,
        expires_at=expires_at,
        last_seen_at=now,
        renewed_at=now,
        forget_at=expires_at,
        remote_addr=_kept(request.remote_addr, MAX_ADDRESS),
        user_agent=_kept(request.environ.get("HTTP_USER_AGENT"), MAX_USER_AGENT),
        stamp=stamp,
    )


def _kept(text: str | None, length: int) -> str:
    """What is kept of a text from outside: what can be shown, and not too much of it."""
    return "".join(filter(str.isprintable, (text or "")[:length]))
