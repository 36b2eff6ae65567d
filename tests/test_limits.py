"""How long a login lasts: the decisions, both sides of each limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flask_sessionauth import limits
from flask_sessionauth.state import Mark
from flask_sessionauth.tokens import RememberToken

NOW = 1_800_000_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NO_TIMES = ["", "soon", "-5", "1e9", f"{NOW}.0", f" {NOW}", f"+{NOW}", "٣", "nan", "9" * 13, "9" * 5000, f"{NOW + 61}"]


def mark(started: int = NOW, seen: int | str = "") -> Mark:
    """A login that began, and was last used, at these times."""
    return Mark("likeness", str(started), "", seen if isinstance(seen, str) else str(seen - started))


@pytest.mark.parametrize(
    ("idle", "absolute", "found", "reason"),
    [
        (None, None, Mark(), None),
        (HOUR, None, mark(NOW - 7200, NOW - 3599), None),
        (HOUR, None, mark(NOW - 7200, NOW - 3600), "idle_timeout"),
        (None, DAY, mark(started=NOW - 86399), None),
        (None, DAY, mark(started=NOW - 86400), "absolute_timeout"),
        (HOUR, DAY, mark(NOW - 86399, NOW - 3599), None),
        (HOUR, DAY, mark(NOW - 86400, NOW), "absolute_timeout"),
        (HOUR, DAY, mark(NOW - 7200, NOW - 3600), "idle_timeout"),
        (HOUR, DAY, mark(NOW - 86400, NOW - 3600), "absolute_timeout"),
        # Another server's clock may be a little ahead.
        (HOUR, DAY, mark(NOW + 60, NOW + 60), None),
        # A mark that no setting asks for does not count.
        (None, DAY, mark(NOW, "soon"), None),
        (HOUR, None, mark(0, NOW), None),
    ],
)
def test_both_sides_of_each_limit(
    idle: timedelta | None, absolute: timedelta | None, found: Mark, reason: str | None
) -> None:
    """A second before its limit a session goes on, at the limit it is over."""
    assert limits.why_over(found, idle, absolute, float(NOW)) == reason


@pytest.mark.parametrize("time", NO_TIMES, ids=lambda time: time[:12])
def test_what_is_no_time_is_no_login(time: str) -> None:
    """A mark that is missing, no number, or in the future ends the session that needs it."""
    started = Mark("likeness", time, "0", "0")
    assert limits.why_over(started, HOUR, None, float(NOW)) == "unmarked"
    assert limits.why_over(started, None, DAY, float(NOW)) == "unmarked"
    assert limits.why_over(mark(NOW, time), HOUR, DAY, float(NOW)) == "unmarked"
    assert limits.why_over(mark(NOW, "61"), HOUR, DAY, float(NOW)) == "unmarked"


@pytest.mark.parametrize(
    ("seen", "interval", "due"),
    [(NOW - 59, 60, False), (NOW - 60, 60, True), (NOW, 0, True), (NOW + 30, 60, False), ("", 60, True)],
)
def test_a_use_is_written_down_once_per_interval(seen: int | str, interval: int, due: bool) -> None:
    """Not before the interval is over, and then at once."""
    assert limits.is_due(mark(NOW - 7200, seen), timedelta(seconds=interval), float(NOW)) is due


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


def test_a_restored_session_does_not_outlive_its_token() -> None:
    """Its clock starts so that the absolute timeout ends it with the token, or now if that comes first."""
    assert limits.start_of_restored(NOW + 10**8, DAY, NOW) == NOW
    assert limits.start_of_restored(NOW + 3600, DAY, NOW) == NOW + 3600 - 86400
    assert limits.start_of_restored(None, DAY, NOW) == NOW
    assert limits.start_of_restored(NOW + 3600, None, NOW) == NOW
