"""How long a login lasts: the decisions, both sides of each limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_sessionauth import limits
from flask_sessionauth.state import LoginState
from flask_sessionauth.tokens import RememberToken

NOW = 1_800_000_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NO_TIMES = ["", "soon", "-5", "1e9", " 5", "+5", "\u0663", "nan", "9" * 13, "9" * 5000]


@pytest.mark.parametrize(
    ("lived", "unused", "absolute", "idle", "reason"),
    [
        (None, None, None, None, None),
        (1e9, 1e9, None, None, None),
        (7200.0, 3599.9, None, HOUR, None),
        (7200.0, 3600.0, None, HOUR, "idle_timeout"),
        (86399.9, 1e9, DAY, None, None),
        (86400.0, 0.0, DAY, None, "absolute_timeout"),
        (86399.9, 3599.9, DAY, HOUR, None),
        (86400.0, 0.0, DAY, HOUR, "absolute_timeout"),
        (7200.0, 3600.0, DAY, HOUR, "idle_timeout"),
        (86400.0, 3600.0, DAY, HOUR, "absolute_timeout"),
        # What is not known ends a session only where a limit needs it.
        (None, 0.0, DAY, None, "unmarked"),
        (None, 0.0, None, HOUR, None),
        (7200.0, None, None, HOUR, "unmarked"),
        (7200.0, None, DAY, None, None),
        (7200.0, None, DAY, HOUR, "unmarked"),
    ],
)
def test_both_sides_of_each_limit(
    lived: float | None, unused: float | None, absolute: timedelta | None, idle: timedelta | None, reason: str | None
) -> None:
    """Just before its limit a session goes on, at the limit it is over."""
    assert limits.why_over(lived, unused, absolute, idle) == reason


@pytest.mark.parametrize(
    ("started", "moment", "age"),
    [
        *[(str(NOW), "0", 0.0), (str(NOW - 100), "0", 100.0), (str(NOW - 100), "40", 60.0), ("0", "0", float(NOW))],
        # Another server's clock may be a little ahead.
        *[(str(NOW + 60), "0", 0.0), (str(NOW), "60", 0.0), (str(NOW + 61), "0", None), (str(NOW), "61", None)],
        *[(time, "0", None) for time in NO_TIMES],
        *[(str(NOW), moment, None) for moment in NO_TIMES],
    ],
    ids=lambda value: str(value)[:12],
)
def test_age_of_a_moment(started: str, moment: str, age: float | None) -> None:
    """A moment is so many seconds after the start; one in the future, or what is no number, is none."""
    mark = LoginState().mark({"_id": f"likeness.{started}..{moment}"})
    assert mark.age(mark.seen, float(NOW)) == age


@pytest.mark.parametrize(
    ("fresh_for", "lifetime", "fresh"),
    [(None, None, True), (1e9, None, True), (3599.9, HOUR, True), (3600.0, HOUR, False), (None, HOUR, False)],
)
def test_freshness_ends_by_its_age(fresh_for: float | None, lifetime: timedelta | None, fresh: bool) -> None:
    """A lifetime ends it, and also the freshness of which nobody knows since when it is."""
    assert limits.is_fresh_for(fresh_for, lifetime) is fresh


def token(issued_at: int | None, expires_at: int | None) -> RememberToken:
    return RememberToken("7", issued_at, expires_at, stamp="", is_current=True)


@pytest.mark.parametrize(
    ("issued_at", "expires_at", "limit", "end"),
    [
        (NOW, NOW + 100, None, NOW + 100),
        (NOW, NOW + 100, DAY, NOW + 100),
        (NOW, NOW + 10**8, DAY, NOW + 86400),
        (NOW, NOW + 100, timedelta(0), NOW),
        (None, None, None, None),
        (None, None, DAY, None),
    ],
)
def test_a_token_ends_at_the_earlier_of_two_times(
    issued_at: int | None, expires_at: int | None, limit: timedelta | None, end: int | None
) -> None:
    """Its own, and that which a limit of today leaves to it. One without a date has no end to be trusted."""
    assert limits.end_of(token(issued_at, expires_at), limit) == end


@pytest.mark.parametrize(
    ("end", "absolute", "start"),
    [
        (NOW + 10**8, DAY, NOW),
        (NOW + 3600, DAY, NOW + 3600 - 86400),
        (NOW + 3600, timedelta(days=36525), 0),
        (None, DAY, NOW),
    ],
)
def test_a_restored_session_does_not_outlive_its_token(end: int | None, absolute: timedelta, start: int) -> None:
    """Its clock starts so that the absolute timeout ends it with the token, or now if that comes first."""
    assert limits.start_of_restored(end, absolute, NOW) == start
