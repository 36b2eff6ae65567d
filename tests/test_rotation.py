"""What a row and a cookie say about each other: the whole table, both sides of each limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from flask_sessionauth.registry import ActiveSession
from flask_sessionauth.rotation import (
    ENDED_ARE_KEPT,
    MAX_RECOVERIES,
    ByCookie,
    BySession,
    by_cookie,
    by_session,
    confirmed,
    ended,
    is_over,
    lapsed,
    live,
    now_in_ms,
    recovered,
    restamped,
    rotated,
    seen,
    too_many,
    was_confirmed,
)

MS = timedelta(milliseconds=1)
SECOND, GRACE, DAY = timedelta(seconds=1), timedelta(seconds=60), timedelta(days=1)
LOGIN = datetime(2026, 5, 1, tzinfo=UTC)
#: When the rows of these tests were last rotated.
ROTATED = LOGIN + timedelta(hours=1)
NOW = ROTATED + timedelta(hours=1)
END = LOGIN + timedelta(days=30)


def make_row(**values: Any) -> ActiveSession:
    """A remembered login of an hour ago that was restored once, and then used."""
    made: dict[str, Any] = {
        "id": "abc" + "x" * 22,
        "owner": "7",
        "user_id": "7",
        "seed": bytes(32),
        "created_at": LOGIN,
        "authenticated_at": LOGIN,
        "last_seen_at": ROTATED,
        "expires_at": END,
        "forget_at": END,
        "remembered": True,
        "stamp": "stamp",
        "generation": 5,
        "previous_generation": 4,
        "rotated_at": ROTATED,
        "confirmed_at": ROTATED + SECOND,
        "epoch": 7,
        "renewed_at": ROTATED,
        "renewal_seen": True,
        "version": 20,
    }
    return ActiveSession(**(made | values))


def new_row(**values: Any) -> ActiveSession:
    """A login that has just begun."""
    times = {"last_seen_at": LOGIN, "renewed_at": LOGIN, "rotated_at": None, "confirmed_at": None}
    counters = {"generation": 1, "previous_generation": None, "epoch": 1, "renewal_seen": False, "version": 1}
    return make_row(**(times | counters | values))


def changes(old: ActiveSession, new: ActiveSession) -> dict[str, Any]:
    """The fields that have another value, with that."""
    names = [field.name for field in fields(ActiveSession)]
    return {name: getattr(new, name) for name in names if getattr(new, name) != getattr(old, name)}


# The remember cookie


@pytest.mark.parametrize(
    ("values", "over"),
    [
        ({}, False),
        ({"ended_at": NOW, "ended_reason": "logout"}, True),
        # However that came about: the end is what counts, and not when.
        ({"ended_at": NOW + DAY, "ended_reason": "logout"}, True),
        ({"expires_at": NOW + MS}, False),
        ({"expires_at": NOW}, True),
        ({"expires_at": NOW - MS}, True),
    ],
)
def test_when_a_login_is_over(values: dict[str, Any], over: bool) -> None:
    """A login is over once it has ended, or its time has come, to the millisecond."""
    assert is_over(make_row(**values), NOW) is over


@pytest.mark.parametrize("generation", [0, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "values",
    [{"ended_at": NOW - DAY, "ended_reason": "logout"}, {"expires_at": NOW}, {"remembered": False}],
    ids=["ended", "expired", "never remembered"],
)
def test_row_0_no_cookie_of_a_login_that_is_over(values: dict[str, Any], generation: int) -> None:
    """A cookie of a login that is over, or has none, is plainly invalid, whichever it is: there is no alarm."""
    assert by_cookie(make_row(**values), generation, NOW, GRACE) is ByCookie.INVALID


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"confirmed_at": None},
        {"rotated_at": NOW},
        {"rotated_at": NOW + DAY},
        {"confirmed_at": None, "recoveries": MAX_RECOVERIES},
        {"expires_at": NOW + MS},
    ],
)
def test_row_1_the_current_one_rotates(values: dict[str, Any]) -> None:
    """The current cookie restores the login, however long ago it was issued, and whether it was seen before."""
    assert by_cookie(make_row(**values), 5, NOW, GRACE) is ByCookie.ROTATE


def test_row_1_the_first_one_rotates() -> None:
    """The cookie that the login itself gave restores it."""
    assert by_cookie(new_row(), 1, LOGIN, GRACE) is ByCookie.ROTATE


@pytest.mark.parametrize("was_seen", [True, False])
@pytest.mark.parametrize(
    ("after", "verdicts"),
    [
        (timedelta(), (ByCookie.JOIN, ByCookie.JOIN)),
        (GRACE - MS, (ByCookie.JOIN, ByCookie.JOIN)),
        (GRACE, (ByCookie.STOLEN, ByCookie.RECOVER)),
        (GRACE + MS, (ByCookie.STOLEN, ByCookie.RECOVER)),
        (DAY, (ByCookie.STOLEN, ByCookie.RECOVER)),
        # A clock that was set back.
        (-DAY, (ByCookie.JOIN, ByCookie.JOIN)),
    ],
)
def test_rows_2_to_4_the_previous_one(was_seen: bool, after: timedelta, verdicts: tuple[ByCookie, ByCookie]) -> None:
    """The previous cookie joins within the grace; after it, it recovers, unless its successor was seen: then it is
    stolen.
    """
    row = make_row(confirmed_at=ROTATED + SECOND if was_seen else None)
    assert by_cookie(row, 4, ROTATED + after, GRACE) is verdicts[not was_seen]


@pytest.mark.parametrize(
    ("recoveries", "verdict"),
    [
        (0, ByCookie.RECOVER),
        (MAX_RECOVERIES - 1, ByCookie.RECOVER),
        (MAX_RECOVERIES, ByCookie.STOLEN),
        (MAX_RECOVERIES + 1, ByCookie.STOLEN),
    ],
)
def test_row_3_recoveries_are_counted(recoveries: int, verdict: ByCookie) -> None:
    """A lost response is made up for ten times in a row, and no more."""
    row = make_row(confirmed_at=None, recoveries=recoveries)
    assert by_cookie(row, 4, NOW, GRACE) is verdict
    # Within the grace nothing is given away by another join.
    assert by_cookie(row, 4, ROTATED, GRACE) is ByCookie.JOIN


def test_ten_recoveries_are_ten() -> None:
    """Ten lost responses after one another are allowed, by the design."""
    assert MAX_RECOVERIES == 10


@pytest.mark.parametrize("generation", [0, 1, 3])
@pytest.mark.parametrize("was_seen", [True, False])
@pytest.mark.parametrize("after", [timedelta(), GRACE - MS, GRACE, DAY])
def test_row_4_an_earlier_one_is_stolen(generation: int, was_seen: bool, after: timedelta) -> None:
    """A cookie from before the previous one is a theft at any time: two have used it."""
    row = make_row(confirmed_at=ROTATED if was_seen else None)
    assert by_cookie(row, generation, ROTATED + after, GRACE) is ByCookie.STOLEN


@pytest.mark.parametrize("generation", [0, 2])
@pytest.mark.parametrize("was_seen", [True, False])
def test_one_from_before_new_credentials(generation: int, was_seen: bool) -> None:
    """It works no more, at once, and is no alarm: an answer on its way may bring it back."""
    row = new_row(generation=3, confirmed_at=LOGIN if was_seen else None)
    assert by_cookie(row, generation, LOGIN, GRACE) is ByCookie.STALE


@pytest.mark.parametrize("after", [SECOND, DAY])
def test_row_4_the_orphan_of_a_recovery_is_stolen(after: timedelta) -> None:
    """The generation whose response got lost is nobody's: who has it, has taken it, also within the grace."""
    row = recovered(make_row(confirmed_at=None), NOW)
    assert by_cookie(row, 5, NOW + after, GRACE) is ByCookie.STOLEN
    assert by_cookie(row, 4, NOW + SECOND, GRACE) is ByCookie.JOIN


@pytest.mark.parametrize("generation", [6, 7, 999_999_999])
@pytest.mark.parametrize("at", [ROTATED, NOW])
def test_row_5_a_newer_one(generation: int, at: datetime) -> None:
    """A cookie newer than the row is no theft: the row is from a backup."""
    assert by_cookie(make_row(), generation, at, GRACE) is ByCookie.NEWER


def test_no_grace() -> None:
    """With a grace of nothing a previous cookie never joins, not even at the moment of the rotation."""
    row = make_row(confirmed_at=None)
    assert by_cookie(row, 4, ROTATED, timedelta()) is ByCookie.RECOVER
    assert by_session(make_row(), 6, ROTATED, timedelta()) is BySession.STALE


# The session's mark


@pytest.mark.parametrize("epoch", [5, 6, 7, 8])
@pytest.mark.parametrize("values", [{"ended_at": NOW - DAY, "ended_reason": "logout"}, {"expires_at": NOW}])
def test_mark_of_a_login_that_is_over(values: dict[str, Any], epoch: int) -> None:
    """No mark is a session once the login is over."""
    assert by_session(make_row(**values), epoch, NOW, GRACE) is BySession.OVER


@pytest.mark.parametrize("values", [{}, {"renewal_seen": False}, {"renewed_at": NOW + DAY}, {"remembered": False}])
def test_current_mark(values: dict[str, Any]) -> None:
    """The current mark is a session at any time, also of a login that is not remembered."""
    assert by_session(make_row(**values), 7, NOW, GRACE) is BySession.CURRENT


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (-DAY, BySession.PREVIOUS),
        (timedelta(), BySession.PREVIOUS),
        (GRACE - MS, BySession.PREVIOUS),
        (GRACE, BySession.STALE),
        (DAY, BySession.STALE),
    ],
)
def test_previous_mark_after_the_current_was_seen(after: timedelta, verdict: BySession) -> None:
    """The previous mark is a session within the grace, counted from the renewal, and none after it."""
    row = make_row(renewed_at=NOW, rotated_at=LOGIN)
    assert by_session(row, 6, NOW + after, GRACE) is verdict


@pytest.mark.parametrize("after", [GRACE - MS, GRACE, DAY])
def test_previous_mark_while_the_current_was_not_seen(after: timedelta) -> None:
    """As long as nobody has shown the current mark, its response may be lost, and the previous one is a session."""
    assert by_session(make_row(renewal_seen=False), 6, ROTATED + after, GRACE) is BySession.PREVIOUS


@pytest.mark.parametrize("epoch", [0, 1, 5, 8, 999_999_999])
@pytest.mark.parametrize("was_seen", [True, False])
@pytest.mark.parametrize("at", [ROTATED, NOW])
def test_any_other_mark(epoch: int, was_seen: bool, at: datetime) -> None:
    """Any other mark is no session and no alarm, also one newer than the row."""
    assert by_session(make_row(renewal_seen=was_seen), epoch, at, GRACE) is BySession.STALE


# The rows that come of it


def test_rotated() -> None:
    """A restored login has the next generation and the next epoch, both not yet seen, and was used now."""
    row = make_row(recoveries=3)
    assert changes(row, rotated(row, NOW)) == {
        "generation": 6,
        "previous_generation": 5,
        "rotated_at": NOW,
        "confirmed_at": None,
        "recoveries": 0,
        "epoch": 8,
        "renewed_at": NOW,
        "renewal_seen": False,
        "last_seen_at": NOW,
        "version": 21,
    }


def test_recovered() -> None:
    """A recovery rotates once more, counts itself, and leaves the previous generation what it was."""
    row = make_row(confirmed_at=None, renewal_seen=False, recoveries=3)
    assert changes(row, recovered(row, NOW)) == {
        "generation": 6,
        "rotated_at": NOW,
        "recoveries": 4,
        "epoch": 8,
        "renewed_at": NOW,
        "last_seen_at": NOW,
        "version": 21,
    }


def test_recoveries_end() -> None:
    """Whoever never gets an answer is recovered ten times, and is then taken for a thief."""
    row, at = rotated(new_row(), LOGIN), LOGIN
    for _ in range(10):
        at += GRACE
        assert by_cookie(row, 1, at, GRACE) is ByCookie.RECOVER
        row = recovered(row, at)
    assert by_cookie(row, 1, at + GRACE, GRACE) is ByCookie.STOLEN
    # Whoever gets one starts anew.
    assert rotated(row, at).recoveries == 0


def test_confirmed() -> None:
    """After credentials were given once more the session's mark is another, and the remember cookie the same."""
    row = make_row()
    assert changes(row, confirmed(row, NOW)) == {
        "epoch": 8,
        "renewed_at": NOW,
        "renewal_seen": False,
        "authenticated_at": NOW,
        "last_seen_at": NOW,
        "version": 21,
    }


def test_restamped() -> None:
    """After new credentials both cookies are others, and the row has the user's new id and stamp."""
    row = make_row(recoveries=3)
    assert changes(row, restamped(row, "8", "new stamp", NOW)) == {
        "generation": 6,
        "previous_generation": None,
        "rotated_at": NOW,
        "confirmed_at": None,
        "recoveries": 0,
        "epoch": 9,
        "renewed_at": NOW,
        "renewal_seen": False,
        "user_id": "8",
        "stamp": "new stamp",
        "version": 21,
    }


def test_restamped_leaves_no_mark_before_it() -> None:
    """The mark from before new credentials is not the previous one: it works no more, at once."""
    row = new_row(remembered=False)
    assert by_session(restamped(row, "7", "new stamp", NOW), row.epoch, NOW, GRACE) is BySession.STALE


def test_lapsed() -> None:
    """No mark of a session that timed out works any more, whatever restores the login beside it."""
    row = new_row()
    after = lapsed(row, NOW)
    assert by_session(after, row.epoch, NOW, GRACE) is BySession.STALE
    assert by_session(rotated(after, NOW), row.epoch, NOW, GRACE) is BySession.STALE
    assert by_cookie(after, row.generation, NOW, GRACE) is ByCookie.ROTATE


@pytest.mark.parametrize(
    ("exchanged", "forget_at", "kept_until"),
    [
        (False, END, NOW + ENDED_ARE_KEPT),
        (False, NOW + ENDED_ARE_KEPT - MS, NOW + ENDED_ARE_KEPT - MS),
        (True, END, END),
    ],
)
def test_ended(exchanged: bool, forget_at: datetime, kept_until: datetime) -> None:
    """An ended row says when and why, and is kept for a day at most; one made from an older cookie as long as that."""
    row = make_row(exchanged=exchanged, forget_at=forget_at)
    after = ended(row, NOW, "theft")
    expected = {"ended_at": NOW, "ended_reason": "theft", "version": 21}
    assert changes(row, after) == expected | ({} if kept_until == forget_at else {"forget_at": kept_until})


@pytest.mark.parametrize(
    "step",
    [
        rotated,
        recovered,
        confirmed,
        lambda row, now: restamped(row, "8", "new stamp", now),
        lambda row, now: ended(row, now, "logout"),
        lambda row, now: seen(row, BySession.CURRENT, True, "new stamp", now, SECOND),
    ],
    ids=["rotated", "recovered", "confirmed", "restamped", "ended", "seen"],
)
def test_what_never_changes(step: Callable[[ActiveSession, datetime], ActiveSession]) -> None:
    """Whatever happens to a row: its id, owner, seed, start and end stay, and the version is the next."""
    row = make_row(confirmed_at=None, renewal_seen=False)
    after = step(row, NOW)
    fixed = ("id", "owner", "seed", "created_at", "expires_at", "remembered", "exchanged")
    assert not changes(row, after).keys() & set(fixed)
    assert after.version == row.version + 1


# A request that shows the session


def see(row: ActiveSession, verdict: BySession = BySession.CURRENT, has_cookie: bool = False) -> dict[str, Any]:
    """What is written at a request within the touch interval, under the stamp that is known."""
    after = seen(row, verdict, has_cookie, row.stamp, row.last_seen_at, GRACE)
    return changes(row, after)


def test_nothing_to_write() -> None:
    """A request that says nothing new writes nothing: it is the same row."""
    row = make_row()
    assert seen(row, BySession.CURRENT, True, "stamp", ROTATED, GRACE) is row
    assert seen(row, BySession.PREVIOUS, True, "stamp", ROTATED, GRACE) is row


@pytest.mark.parametrize(
    ("after", "is_written"), [(GRACE - MS, False), (GRACE, True), (GRACE + MS, True), (-DAY, False)]
)
def test_touch(after: timedelta, is_written: bool) -> None:
    """The last use is written once in each touch interval."""
    row, now = make_row(), ROTATED + after
    written = {"last_seen_at": now, "version": 21} if is_written else {}
    assert changes(row, seen(row, BySession.CURRENT, False, "stamp", now, GRACE)) == written


def test_new_stamp_is_written() -> None:
    """The MAC of the same stamp under a newer key takes the place of the older one."""
    row = make_row()
    after = seen(row, BySession.CURRENT, False, "newer", ROTATED, GRACE)
    assert changes(row, after) == {"stamp": "newer", "version": 21}


def test_current_mark_is_seen_once() -> None:
    """The first request with the current mark is written down, and no other; one with the previous mark is not."""
    row = make_row(renewal_seen=False)
    assert see(row) == {"renewal_seen": True, "version": 21}
    assert see(row, BySession.PREVIOUS) == {}


@pytest.mark.parametrize(
    ("verdict", "has_cookie", "is_renewed_since", "is_confirmed"),
    [
        (BySession.CURRENT, False, False, True),
        (BySession.CURRENT, True, False, True),
        (BySession.CURRENT, False, True, True),
        # The mark before the rotation's, and no cookie of it: nothing shows that the response has arrived.
        (BySession.PREVIOUS, False, False, False),
        (BySession.PREVIOUS, True, False, True),
        # The user has given credentials once more since: the mark before that is the rotation's.
        (BySession.PREVIOUS, False, True, True),
    ],
)
def test_successor_was_seen(verdict: BySession, has_cookie: bool, is_renewed_since: bool, is_confirmed: bool) -> None:
    """A rotation is confirmed by the current cookie, or by a mark of that rotation or later."""
    renewed_at = ROTATED + SECOND if is_renewed_since else ROTATED
    row = make_row(confirmed_at=None, renewed_at=renewed_at)
    written = {"confirmed_at": row.last_seen_at, "version": 21} if is_confirmed else {}
    assert see(row, verdict, has_cookie) == written


def test_confirmed_once() -> None:
    """When a rotation was confirmed is written once; a row that was never rotated has nothing to confirm."""
    assert "confirmed_at" not in see(make_row(confirmed_at=ROTATED), has_cookie=True)
    assert "confirmed_at" not in see(new_row(), has_cookie=True)


def test_previous_mark_and_a_clock_that_was_set_back() -> None:
    """A renewal that seems to be from before the rotation proves nothing of it."""
    row = make_row(confirmed_at=None, renewed_at=ROTATED - MS)
    assert see(row, BySession.PREVIOUS) == {}


# Whether the user gave credentials once more


def test_new_login_was_not_confirmed() -> None:
    """A login is none that was confirmed since: there is no mark before its own."""
    assert not was_confirmed(new_row())


def test_confirmed_login_was_confirmed() -> None:
    """After `confirm_login` it was, until the mark is renewed by something else."""
    row = confirmed(make_row(), NOW)
    assert was_confirmed(row)
    assert not was_confirmed(rotated(row, NOW + MS))
    assert not was_confirmed(restamped(row, "7", "new", NOW + MS))


def test_never_authenticated_login_was_not_confirmed() -> None:
    """Nor was one for which nobody gave credentials on this device."""
    assert not was_confirmed(rotated(make_row(authenticated_at=None), NOW))


@pytest.mark.parametrize("step", [rotated, recovered])
@pytest.mark.parametrize("after", [-DAY, -MS, timedelta(), MS])
def test_restored_login_was_not_confirmed(
    step: Callable[[ActiveSession, datetime], ActiveSession], after: timedelta
) -> None:
    """A restored login is never fresh: not in the millisecond of the login, and not with a clock that was set back."""
    row = step(make_row(authenticated_at=NOW, confirmed_at=None), NOW + after)
    assert not was_confirmed(row)


# Lists and limits


def device(id: str, **values: Any) -> ActiveSession:
    return make_row(id=id, **values)


def test_live_are_those_that_are_not_over_newest_first() -> None:
    """What has ended or expired is no device any more; the newest login comes first, whenever it was used."""
    rows = [
        device("old", created_at=LOGIN, last_seen_at=NOW),
        device("ended", ended_at=NOW, ended_reason="logout"),
        device("new", created_at=LOGIN + SECOND, last_seen_at=LOGIN + SECOND),
        device("expired", expires_at=NOW),
        device("last minute", created_at=LOGIN - SECOND, expires_at=NOW + MS),
        device("also old", created_at=LOGIN),
    ]
    assert [row.id for row in live(rows, NOW, None)] == ["new", "old", "also old", "last minute"]


@pytest.mark.parametrize(
    ("remembered", "idle_for", "idle", "is_live"),
    [
        (False, DAY, None, True),
        (False, GRACE - MS, GRACE, True),
        (False, GRACE, GRACE, False),
        (True, DAY, GRACE, True),
    ],
)
def test_idle_login_is_not_live(remembered: bool, idle_for: timedelta, idle: timedelta | None, is_live: bool) -> None:
    """A login that was idle for too long is over, unless a remember cookie can restore it."""
    row = device("one", remembered=remembered, last_seen_at=NOW - idle_for)
    assert live([row], NOW, idle) == ([row] if is_live else [])


@pytest.mark.parametrize(
    ("limit", "over"), [(0, ["b", "c", "d", "a"]), (1, ["b", "c", "d"]), (3, ["b"]), (4, []), (9, [])]
)
def test_too_many(limit: int, over: list[str]) -> None:
    """For the limit those end that nobody has used for the longest time, and no more than have to."""
    rows = [
        device("a", last_seen_at=NOW, created_at=LOGIN - DAY),
        device("b", last_seen_at=LOGIN, created_at=LOGIN),
        device("d", last_seen_at=LOGIN + MS, created_at=LOGIN, version=2),
        device("c", last_seen_at=LOGIN + MS, created_at=LOGIN - MS),
    ]
    assert [row.id for row in too_many(rows, limit)] == over


def test_too_many_agree_on_who_it_is() -> None:
    """Rows that are alike in their times end in the order of their ids: all who count end the same ones."""
    rows = [device(id) for id in "bca"]
    assert [row.id for row in too_many(rows, 1)] == ["a", "b"]
    assert [row.id for row in too_many(rows[::-1], 1)] == ["a", "b"]


@given(st.floats(min_value=0, max_value=4_102_444_800))
def test_times_are_whole_milliseconds(seconds: float) -> None:
    """Rows have times in whole milliseconds, never later than they are."""
    time = now_in_ms(seconds)
    assert time.microsecond % 1000 == 0
    assert time.tzinfo is UTC
    assert -1e-5 <= seconds - time.timestamp() < 0.001 + 1e-5
