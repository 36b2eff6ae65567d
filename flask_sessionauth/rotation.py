"""What a row of the registry and a cookie say about each other: pure decisions, and the rows that come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from .registry.base import ActiveSession

#: How often a lost response may be made up for, one after another, before it is taken for an attack.
MAX_RECOVERIES = 10
#: How long a store keeps the row of a login that has ended.
ENDED_ARE_KEPT = timedelta(days=1)


class ByCookie(Enum):
    """What a remember cookie is worth to a request without a valid session."""

    #: Nothing, and no alarm.
    INVALID = auto()
    #: It is the current one: its login goes on with the next.
    ROTATE = auto()
    #: It has just been replaced, by a request that ran beside this one: this one gets what that one got.
    JOIN = auto()
    #: It has been replaced, but the browser was never seen to have the new one: the response got lost.
    RECOVER = auto()
    #: It was replaced by one that is in use: two parties have it.
    STOLEN = auto()
    #: It is from before the credentials changed. That is no alarm, and an answer on its way may bring it back.
    STALE = auto()
    #: The row is older than the cookie.
    NEWER = auto()


class BySession(Enum):
    """What a session's mark is worth."""

    CURRENT = auto()
    #: It was replaced just now, or the browser was never seen to have the new one.
    PREVIOUS = auto()
    #: It is an older one: a late answer may have brought it back.
    STALE = auto()
    #: The login has ended, or its time is over.
    OVER = auto()


def now_in_ms(seconds: float) -> datetime:
    """A time in seconds since 1970 as rows have it."""
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)


def is_over(row: ActiveSession, now: datetime) -> bool:
    """Whether a login has ended, or its time is over."""
    return row.ended_at is not None or now >= row.expires_at


def by_cookie(row: ActiveSession, generation: int, now: datetime, grace: timedelta) -> ByCookie:
    """What a remember cookie is worth whose MAC is right."""
    if is_over(row, now) or not row.remembered:
        return ByCookie.INVALID
    if generation == row.generation:
        return ByCookie.ROTATE
    if generation > row.generation:
        return ByCookie.NEWER
    if row.previous_generation is None:
        return ByCookie.STALE
    if generation == row.previous_generation:
        # A clock that was set back makes the window longer: nobody outside can set it.
        if row.rotated_at is not None and now - row.rotated_at < grace:
            return ByCookie.JOIN
        if row.confirmed_at is None and row.recoveries < MAX_RECOVERIES:
            return ByCookie.RECOVER
    return ByCookie.STOLEN


def by_session(row: ActiveSession, epoch: int, now: datetime, grace: timedelta) -> BySession:
    """What a session's mark is worth whose MAC is right."""
    if is_over(row, now):
        return BySession.OVER
    if epoch == row.epoch:
        return BySession.CURRENT
    if epoch == row.epoch - 1 and (not row.renewal_seen or now - row.renewed_at < grace):
        return BySession.PREVIOUS
    return BySession.STALE


def was_confirmed(row: ActiveSession) -> bool:
    """Whether the current epoch began when the user gave credentials once more."""
    # In one millisecond with a restore it counts as that, which is never fresh.
    was_restored = row.rotated_at is not None and row.rotated_at >= row.renewed_at
    if row.epoch == 1 or was_restored or row.authenticated_at is None:
        return False
    return row.authenticated_at >= row.renewed_at


def _next(row: ActiveSession, **changes: object) -> ActiveSession:
    return replace(row, version=row.version + 1, **changes)  # type: ignore[arg-type]


def rotated(row: ActiveSession, now: datetime) -> ActiveSession:
    """The row after its remember cookie has restored the login."""
    return _next(
        _with_next_generation(row, now),
        previous_generation=row.generation,
        recoveries=0,
        last_seen_at=now,
    )


def recovered(row: ActiveSession, now: datetime) -> ActiveSession:
    """The row after a lost response was made up for. The generation that got lost is nobody's predecessor."""
    return _next(_with_next_generation(row, now), recoveries=row.recoveries + 1, last_seen_at=now)


def _with_next_generation(row: ActiveSession, now: datetime) -> ActiveSession:
    return replace(
        row,
        generation=row.generation + 1,
        rotated_at=now,
        confirmed_at=None,
        epoch=row.epoch + 1,
        renewed_at=now,
        renewal_seen=False,
    )


def confirmed(row: ActiveSession, now: datetime) -> ActiveSession:
    """The row after its user has given credentials once more."""
    return _next(row, epoch=row.epoch + 1, renewed_at=now, renewal_seen=False, authenticated_at=now, last_seen_at=now)


def restamped(row: ActiveSession, user_id: str, stamp: str, now: datetime) -> ActiveSession:
    """The row after its user's credentials have changed: both cookies are new, and none before them works."""
    return _next(
        _with_next_generation(row, now),
        epoch=row.epoch + 2,
        previous_generation=None,
        recoveries=0,
        user_id=user_id,
        stamp=stamp,
    )


def has_new_credentials(old: ActiveSession, new: ActiveSession) -> bool:
    """Whether the credentials have changed in a login since its row was the old one: nothing from then may go on.

    So it is said, too, if its remember cookie has restored it twice since.
    """
    previous = new.previous_generation
    return new.generation != old.generation and (previous is None or previous > old.generation)


def lapsed(row: ActiveSession, now: datetime) -> ActiveSession:
    """The row after its session is over, and can only be restored by the remember cookie: no mark works."""
    return _next(row, epoch=row.epoch + 2, renewed_at=now, renewal_seen=False)


def seen(
    row: ActiveSession, verdict: BySession, has_cookie: bool, stamp: str, now: datetime, interval: timedelta
) -> ActiveSession:
    """The row after a request with a session of it: the same one, unless there is something to write.

    :param has_cookie: whether the request brought the current remember cookie.
    :param stamp: the MAC of the user's security stamp, under the newest key.
    """
    is_current = verdict is BySession.CURRENT
    changes: dict[str, object] = {}
    if is_current and not row.renewal_seen:
        changes["renewal_seen"] = True
    if _is_unconfirmed(row) and (is_current or has_cookie or _renewed_after_rotation(row)):
        changes["confirmed_at"] = now
    if now - row.last_seen_at >= interval:
        changes["last_seen_at"] = now
    if stamp != row.stamp:
        changes["stamp"] = stamp
    return _next(row, **changes) if changes else row


def _is_unconfirmed(row: ActiveSession) -> bool:
    return row.rotated_at is not None and row.confirmed_at is None


def _renewed_after_rotation(row: ActiveSession) -> bool:
    # Then the mark before the current one is of the rotation, too.
    return row.rotated_at is not None and row.renewed_at > row.rotated_at


def ended(row: ActiveSession, now: datetime, reason: str) -> ActiveSession:
    """The row after its login has ended. What was made from an older cookie is kept: the cookie must find it."""
    forget_at = row.forget_at if row.exchanged else min(row.forget_at, now + ENDED_ARE_KEPT)
    return _next(row, ended_at=now, ended_reason=reason, forget_at=forget_at)


def live(rows: Sequence[ActiveSession], now: datetime, idle: timedelta | None) -> list[ActiveSession]:
    """The logins that are not over, newest first.

    One that nobody used for the idle timeout is over, unless a remember cookie can restore it.
    """

    def is_live(row: ActiveSession) -> bool:
        is_idle = idle is not None and not row.remembered and now - row.last_seen_at >= idle
        return not is_over(row, now) and not is_idle

    return sorted(filter(is_live, rows), key=lambda row: (row.created_at, row.id), reverse=True)


def too_many(rows: Sequence[ActiveSession], limit: int) -> list[ActiveSession]:
    """Which live logins have to end for the limit: those that nobody has used for the longest time."""
    oldest_first = sorted(rows, key=lambda row: (row.last_seen_at, row.created_at, row.id))
    return oldest_first[: max(len(rows) - limit, 0)]
