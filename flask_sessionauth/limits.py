"""How long a login lasts: pure decisions over what the session says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from .tokens import RememberToken

#: Why a login ended. What each means is said at the signal `session_ended`.
EndReason = Literal[
    "logout",
    "replaced",
    "idle_timeout",
    "absolute_timeout",
    "unmarked",
    "credentials_changed",
    "session_protection",
    "unknown_user",
    "revoked",
    "max_sessions",
    "theft",
]


def why_over(
    lived: float | None, unused: float | None, absolute: timedelta | None, idle: timedelta | None
) -> EndReason | None:
    """Why a session is over, or ``None`` if it is not.

    :param lived: for how many seconds it has been, if anybody knows. If nobody does, a limit ends it.
    :param unused: for how many of them nobody has used it.
    """
    if absolute is not None:
        if lived is None:
            return "unmarked"
        if lived >= absolute.total_seconds():
            return "absolute_timeout"
    if idle is not None:
        if unused is None:
            return "unmarked"
        if unused >= idle.total_seconds():
            return "idle_timeout"
    return None


def is_fresh_for(fresh_for: float | None, lifetime: timedelta | None) -> bool:
    """Whether a login that has been fresh for so many seconds (``None``: nobody knows) still is."""
    return lifetime is None or (fresh_for is not None and fresh_for < lifetime.total_seconds())


def end_of(token: RememberToken, limit: timedelta | None) -> float | None:
    """When a remember token's time is over, in seconds since 1970, or ``None`` if it has no date.

    :param limit: the longest life that is allowed now, whatever was allowed when the token was issued.
    """
    if token.issued_at is None or token.expires_at is None:
        return None
    return token.expires_at if limit is None else min(token.expires_at, token.issued_at + limit.total_seconds())


def start_of_restored(end: float | None, absolute: timedelta, now: float) -> float:
    """When the clock of a login's absolute timeout starts, if a remember token restores it now.

    The session does not outlive the token (``end``), so it may have started before now.
    """
    return now if end is None else max(min(now, end - absolute.total_seconds()), 0)
