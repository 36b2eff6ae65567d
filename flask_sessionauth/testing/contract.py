"""What each store of active sessions promises, as tests: for ours, and for one of your own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any, TypeVar

import pytest

from ..registry.base import MAX_OWNER, MAX_USER_AGENT, ActiveSession, SessionRegistry, new_id

T = TypeVar("T")

_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
# Threads in a race, and the seconds after which one of them is stuck.
_RACERS = 20
_PATIENCE = 60

_PURGED = datetime(2020, 2, 29, 12, tzinfo=UTC)
_LONG_AGO = _PURGED - _MILLISECOND
_AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

# A value for every field, each at an end of what it may be.
_FULL: dict[str, Any] = {
    "user_id": "no. 7|ünï: 'quoted' \"twice\" \\ {%s} \U0001f511",
    "seed": bytes([0, 255, *b"\r\n'\"\\%", *range(120, 144)]),
    "created_at": datetime(1970, 1, 1, tzinfo=UTC),
    "authenticated_at": datetime(1970, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC),
    "last_seen_at": datetime(2024, 2, 29, 23, 59, 59, 999_000, tzinfo=UTC),
    "expires_at": datetime(2100, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    "remembered": True,
    "remote_addr": "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
    "user_agent": "Mozilla/5.0 (\x80\xff; é \U0001f98a 北京) ':\"\\%{}".ljust(MAX_USER_AGENT, "\U0001f98a"),
    "stamp": "aZ09_-" * 7,
    "generation": 2**31 + 1,
    "previous_generation": 2**31,
    "rotated_at": datetime(2038, 1, 19, 3, 14, 8, 1_000, tzinfo=UTC),
    "confirmed_at": datetime(2026, 3, 29, 2, 30, tzinfo=UTC),
    "recoveries": 10,
    "epoch": 2**31 + 2,
    "renewed_at": datetime(2026, 10, 25, 2, 30, 0, 7_000, tzinfo=UTC),
    "renewal_seen": True,
    "ended_at": datetime(1970, 1, 1, tzinfo=UTC),
    "ended_reason": "credentials_changed",
    "forget_at": datetime(2100, 12, 31, 23, 59, 59, 998_000, tzinfo=UTC),
    "version": 2**31 + 3,
}

# Different to us, and alike to one or another database: case, accents, spaces, wildcards, digits, compositions.
_LOOKALIKES = (
    *("ada", "Ada", "ADA", "\u00e1da", "a\u0301da", "ada ", "ada  ", " ada", "ada\t", "ada\u00a0", "\u200bada"),
    *("%", "_da", "*", "a*", "a?a", "[a]da", "{ada}", "ada:", "ada\\", "'ada'", "None", "null"),
    *("1", "01", "1.0", "\uff11", "\u0661", "\u00df", "ss", "SS", "i", "I", "\u0131", "\u0130"),
    *("\U0001f600", "\U0001f601", "x" * MAX_OWNER, "x" * (MAX_OWNER - 1) + "y", "x" * (MAX_OWNER - 1)),
    *("\U0001f600" * MAX_OWNER, "\U0001f600" * (MAX_OWNER - 1) + "\U0001f601"),
)


def make_row(owner: str = "ada", /, **values: Any) -> ActiveSession:
    """A new row that no store forgets while a test runs.

    :param values: of any fields.
    """
    now = _whole_milliseconds(datetime.now(UTC))
    made: dict[str, Any] = {"id": new_id(owner), "owner": owner, "user_id": "7", "seed": secrets.token_bytes(32)}
    made.update(created_at=now, last_seen_at=now, renewed_at=now, expires_at=now + _DAY, forget_at=now + 2 * _DAY)
    return ActiveSession(**(made | values))


def changed(row: ActiveSession, **values: Any) -> ActiveSession:
    """The row in its next version, with other values."""
    return replace(row, version=row.version + 1, **values)


def assert_same(found: ActiveSession | None, row: ActiveSession) -> None:
    """Fail unless what a store found is the row, in each field and its type."""
    assert found is not None, "the row is not there"
    for field in fields(row):
        value, expected = getattr(found, field.name), getattr(row, field.name)
        if field.name == "current":
            expected = False
        assert value == expected, field.name
        assert type(value) is type(expected), field.name
        assert not isinstance(value, datetime) or value.utcoffset() == timedelta(0), field.name


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What some functions return, in order, when threads of their own call them at the same moment.

    :raises Exception: what one of them raised.
    """
    gate = Barrier(len(calls))

    def wait_and_call(call: Callable[[], T]) -> T:
        gate.wait(_PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(wait_and_call, calls))


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _ids(rows: Sequence[ActiveSession]) -> list[str]:
    return sorted(row.id for row in rows)


def _purge(registry: SessionRegistry) -> int:
    return sum(registry.purge(_PURGED))


def _touch(registry: SessionRegistry, row: ActiveSession) -> ActiveSession:
    """Replace a row, time and again, until a replace fails; the last row that the store took."""
    for _ in range(_RACERS):
        newer = changed(row, last_seen_at=row.last_seen_at + _MILLISECOND)
        if not registry.replace(row, newer):
            break
        row = newer
    return row


def _live(registry: SessionRegistry, owner: str) -> list[ActiveSession]:
    """What a login does with a store, time and again; the owner's rows in the end."""
    rows = [make_row(owner) for _ in range(5)]
    for row in rows:
        assert registry.add(row)
        assert_same(registry.get(row.id), row)
        assert_same(registry.get(_touch(registry, row).id), _touched(row))
    assert registry.end_all(owner, rows[-1].id, _AT, "others") == 4
    return registry.of_owner(owner)


def _touched(row: ActiveSession) -> ActiveSession:
    return replace(row, version=row.version + _RACERS, last_seen_at=row.last_seen_at + _RACERS * _MILLISECOND)


class RegistryContract:
    """The tests that a store passes. Make a subclass of your own, whose name pytest collects, with one fixture::

        class TestMyStore(RegistryContract):
            @pytest.fixture
            def registry(self):
                return MyStore()

    ``registry`` is the store, ready for use, and empty at the start of each test. Override `another_registry` too, if
    several connections or processes use your store. Rows that are not to be forgotten have a ``forget_at`` in the
    future, by the real clock: a store may forget the others by itself.
    """

    #: How often each race is run. A subclass may change it.
    rounds = 20
    #: More rows than the store forgets or ends in one batch. A subclass whose batches are larger raises it.
    more_than_a_batch = 1001

    @pytest.fixture
    def another_registry(self, registry: SessionRegistry) -> SessionRegistry:
        """Another client of the same store, as another process has one; the same object unless overridden."""
        return registry

    # The store

    def test_it_is_a_registry(self, registry: SessionRegistry) -> None:
        """The store has all methods of the protocol."""
        assert isinstance(registry, SessionRegistry)

    def test_ping_is_silent(self, registry: SessionRegistry) -> None:
        """A store that can be reached says so by raising nothing."""
        registry.ping()

    # add and get

    def test_a_row_comes_back_as_it_was(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Every field of a new login, those with nothing in them too, comes back with its value and type."""
        row = make_row()
        assert registry.add(row) is True
        assert_same(registry.get(row.id), row)
        assert_same(another_registry.get(row.id), row)

    def test_a_full_row_comes_back_as_it_was(self, registry: SessionRegistry) -> None:
        """Texts of any letters, bytes, large counters and times from 1970 to 2100 come back exactly."""
        row = make_row("\u00fcn\u00ef \U0001f511", **_FULL)
        assert registry.add(row) is True
        assert_same(registry.get(row.id), row)
        [found] = registry.of_owner(row.owner)
        assert_same(found, row)

    def test_current_is_not_kept(self, registry: SessionRegistry) -> None:
        """Whether a row is the asking request's own is no business of the store."""
        row = make_row()
        registry.add(replace(row, current=True))
        assert_same(registry.get(row.id), row)
        registry.replace(row, replace(changed(row), current=True))
        assert_same(registry.get(row.id), changed(row))
        assert [found.current for found in registry.of_owner(row.owner)] == [False]

    def test_an_id_is_added_once(self, registry: SessionRegistry) -> None:
        """A second row with the same id is refused, and the first one stays as it was."""
        row = make_row()
        registry.add(row)
        assert registry.add(row) is False
        assert registry.add(make_row(id=row.id, user_id="8", version=2)) is False
        assert_same(registry.get(row.id), row)
        assert _ids(registry.of_owner(row.owner)) == [row.id]

    def test_an_ended_row_is_not_added_again(self, registry: SessionRegistry) -> None:
        """A row that has ended keeps its id until it is forgotten."""
        row = make_row(ended_at=_AT, ended_reason="logout")
        registry.add(row)
        assert registry.add(replace(row, ended_at=None, ended_reason=None)) is False
        assert_same(registry.get(row.id), row)

    def test_one_of_many_adds_wins(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Of many rows with one id, added at the same moment, one is kept, and only its thread is told so."""
        for _ in range(self.rounds):
            first = make_row()
            rows = [replace(first, user_id=str(number)) for number in range(_RACERS)]
            stores = [registry, another_registry] * (_RACERS // 2)
            added = at_once([partial(store.add, row) for store, row in zip(stores, rows, strict=True)])
            assert added.count(True) == 1
            assert_same(registry.get(first.id), rows[added.index(True)])

    def test_ids_differ_by_case(self, registry: SessionRegistry) -> None:
        """Two ids that differ in the case of letters only are two rows."""
        row = make_row()
        # The beginning is the owner's, and the last letter stands for two bits only.
        other = replace(row, id=row.id[:3] + row.id[3:-1].swapcase() + row.id[-1], user_id="8")
        assert registry.add(row) is True
        assert registry.get(other.id) is None
        assert registry.add(other) is True
        assert_same(registry.get(row.id), row)
        assert_same(registry.get(other.id), other)

    def test_an_unknown_id_is_no_row(self, registry: SessionRegistry) -> None:
        """There is no row with an id that was never added."""
        registry.add(make_row())
        assert registry.get(new_id("ada")) is None

    def test_junk_is_no_row(self, registry: SessionRegistry) -> None:
        """What is no id at all, of any characters and length, is not found, and no error."""
        row = make_row()
        registry.add(row)
        near = (row.id + " ", " " + row.id, row.id + "\n", row.id + "\0", row.id[:-1], row.id.upper(), row.id + "=")
        wild = ("%", "_" * len(row.id), row.id[:-1] + "_", row.id[:3] + "%", "*", row.id[:3] + "*", "{ada}", "' OR 1=1")
        junk = ("", " ", "\0", "\ud800", "a" * 24 + "\udfff", "é" * 25, "\uff11" * 25, "\U0001f511", "x" * 1_000_000)
        assert [id for id in (*near, *wild, *junk) if registry.get(id) is not None] == []

    def test_an_expired_row_is_still_there(self, registry: SessionRegistry) -> None:
        """A login that is over, by its time or by an end, is a row until it is forgotten."""
        expired, ended = make_row(expires_at=_LONG_AGO), make_row(ended_at=_AT, ended_reason="logout")
        for row in (expired, ended):
            registry.add(row)
            assert_same(registry.get(row.id), row)
        assert _ids(registry.of_owner("ada")) == _ids([expired, ended])

    # of_owner

    def test_an_owner_without_rows_has_none(self, registry: SessionRegistry) -> None:
        """The rows of an owner nobody knows are an empty list."""
        registry.add(make_row("ada"))
        assert registry.of_owner("grace") == []

    def test_an_owner_has_their_rows(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Each row is among its owner's as soon as it is added, on every client, and nobody else's is."""
        mine: list[ActiveSession] = []
        for _ in range(5):
            mine.append(make_row("ada"))
            registry.add(mine[-1])
            registry.add(make_row("grace"))
            assert _ids(another_registry.of_owner("ada")) == _ids(mine)
        for found in registry.of_owner("ada"):
            assert_same(found, next(row for row in mine if row.id == found.id))

    def test_owners_who_look_alike_are_others(self, registry: SessionRegistry) -> None:
        """Owners that differ in case, accents, spaces or length only are different ones, and no owner is a pattern."""
        rows = [make_row(owner) for owner in _LOOKALIKES]
        for row in rows:
            assert registry.add(row) is True
        for row in rows:
            assert _ids(registry.of_owner(row.owner)) == [row.id], row.owner
            assert_same(registry.get(row.id), row)

    def test_of_owner_shows_changes(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """The rows of an owner are as the last replace left them."""
        row = make_row()
        registry.add(row)
        another_registry.replace(row, changed(row, user_agent="other"))
        [found] = registry.of_owner(row.owner)
        assert_same(found, changed(row, user_agent="other"))

    # replace

    def test_a_row_is_replaced(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """A replace of the version that the store has puts every field of the new row in the old one's place."""
        row = make_row()
        registry.add(row)
        newer = replace(row, **_FULL)
        assert another_registry.replace(row, newer) is True
        assert_same(registry.get(row.id), newer)
        emptied = replace(make_row(id=row.id), version=newer.version + 1)
        assert registry.replace(newer, emptied) is True
        assert_same(another_registry.get(row.id), emptied)
        assert _ids(registry.of_owner(row.owner)) == [row.id]

    def test_an_older_version_is_not_replaced(self, registry: SessionRegistry) -> None:
        """A replace of a version that is gone, or has not come, changes nothing."""
        row = make_row()
        registry.add(row)
        newer = changed(row, user_agent="newer")
        assert registry.replace(newer, changed(newer)) is False
        assert_same(registry.get(row.id), row)
        registry.replace(row, newer)
        assert registry.replace(row, changed(row, user_agent="late")) is False
        assert_same(registry.get(row.id), newer)

    def test_a_missing_row_is_not_replaced(self, registry: SessionRegistry) -> None:
        """A replace adds no row."""
        row = make_row()
        assert registry.replace(row, changed(row)) is False
        assert registry.get(row.id) is None
        assert registry.of_owner(row.owner) == []

    def test_a_forgotten_row_is_not_replaced(self, registry: SessionRegistry) -> None:
        """A replace brings no forgotten row back, but its id may be added again."""
        row = make_row(forget_at=_LONG_AGO)
        registry.add(row)
        _purge(registry)
        later = make_row(id=row.id, version=row.version + 1)
        assert registry.replace(row, later) is False
        assert registry.get(row.id) is None
        assert registry.of_owner(row.owner) == []
        assert registry.add(later) is True
        assert_same(registry.get(row.id), later)

    def test_one_of_many_replaces_wins(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Of many threads that replace the same version at the same moment exactly one does."""
        row = make_row()
        registry.add(row)
        for _ in range(self.rounds):
            newer = [changed(row, user_agent=str(number)) for number in range(_RACERS)]
            stores = [registry, another_registry] * (_RACERS // 2)
            won = at_once([partial(store.replace, row, new) for store, new in zip(stores, newer, strict=True)])
            assert won.count(True) == 1
            row = newer[won.index(True)]
            assert_same(registry.get(row.id), row)

    # end_all

    def test_an_owner_is_ended(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """The end of an owner's rows gives them time, reason and next version, and changes nothing else of them."""
        mine = [make_row("ada", version=number, epoch=number) for number in (1, 7, 2**31)]
        others = [make_row(owner) for owner in ("grace", *_LOOKALIKES[1:])]
        for row in (*mine, *others):
            registry.add(row)
        assert registry.end_all("ada", None, _AT, "everywhere") == 3
        for row in mine:
            assert_same(another_registry.get(row.id), changed(row, ended_at=_AT, ended_reason="everywhere"))
        for row in others:
            assert_same(another_registry.get(row.id), row)
        assert _ids(registry.of_owner("ada")) == _ids(mine)

    def test_one_row_goes_on(self, registry: SessionRegistry) -> None:
        """The row to keep is not ended; an id of nobody's, or of somebody else's, keeps none."""
        mine, other = [make_row("ada") for _ in range(3)], make_row("grace")
        for row in (*mine, other):
            registry.add(row)
        assert registry.end_all("ada", mine[1].id, _AT, "others") == 2
        assert_same(registry.get(mine[1].id), mine[1])
        assert registry.end_all("grace", mine[1].id, _AT, "others") == 1
        assert registry.end_all("ada", new_id("ada"), _AT, "all") == 1
        assert_same(registry.get(mine[1].id), changed(mine[1], ended_at=_AT, ended_reason="all"))

    def test_everybody_is_ended(self, registry: SessionRegistry) -> None:
        """Without an owner all rows are ended but the one to keep."""
        rows = [make_row(owner) for owner in ("ada", "ada", "grace", "\U0001f600")]
        for row in rows:
            registry.add(row)
        assert registry.end_all(None, rows[0].id, _AT, "breach") == 3
        assert_same(registry.get(rows[0].id), rows[0])
        for row in rows[1:]:
            assert_same(registry.get(row.id), changed(row, ended_at=_AT, ended_reason="breach"))
        assert registry.end_all(None, None, _AT, "breach") == 1

    def test_what_has_ended_stays_as_it_is(self, registry: SessionRegistry) -> None:
        """A row that has ended keeps its time, reason and version, and is not counted; an expired one is ended."""
        ended, expired = make_row(ended_at=_AT, ended_reason="logout"), make_row(expires_at=_LONG_AGO)
        for row in (ended, expired):
            registry.add(row)
        later = _AT + _DAY
        assert registry.end_all("ada", None, later, "everywhere") == 1
        assert registry.end_all("ada", None, later + _DAY, "again") == 0
        assert registry.end_all(None, None, later + _DAY, "again") == 0
        assert_same(registry.get(ended.id), ended)
        assert_same(registry.get(expired.id), changed(expired, ended_at=later, ended_reason="everywhere"))

    def test_nobody_is_ended(self, registry: SessionRegistry) -> None:
        """The end of an owner without rows, or of an empty store, ends none."""
        assert registry.end_all(None, None, _AT, "breach") == 0
        assert registry.end_all("ada", None, _AT, "everywhere") == 0

    def test_a_late_replace_does_not_undo_an_end(self, registry: SessionRegistry) -> None:
        """Who read a row before it was ended cannot replace it after."""
        row = make_row()
        registry.add(row)
        registry.end_all(row.owner, None, _AT, "everywhere")
        assert registry.replace(row, changed(row, last_seen_at=_AT)) is False
        assert_same(registry.get(row.id), changed(row, ended_at=_AT, ended_reason="everywhere"))

    def test_later_rows_are_not_ended(self, registry: SessionRegistry) -> None:
        """A row that is added after an end goes on, also with an older time."""
        registry.add(make_row())
        for owner in ("ada", None):
            registry.end_all(owner, None, datetime.now(UTC) + _DAY, "everywhere")
            row = make_row()
            assert registry.add(row) is True
            assert_same(registry.get(row.id), row)

    def test_many_rows_are_ended(self, registry: SessionRegistry) -> None:
        """An end reaches every row, however many there are."""
        rows = self._add_many(registry)
        assert registry.end_all(None, rows[0].id, _AT, "breach") == len(rows) - 1
        found = [row for owner in {row.owner for row in rows} for row in registry.of_owner(owner)]
        assert _ids(found) == _ids(rows)
        assert [row.id for row in found if row.ended_at is None] == [rows[0].id]

    def test_an_end_is_never_lost(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """When a row is replaced time and again while it is ended, neither the end nor a replace before it is lost."""
        for number in range(self.rounds):
            row = make_row()
            registry.add(row)
            owner = None if number % 2 else row.owner
            end = partial(registry.end_all, owner, None, _AT, "everywhere")
            race: list[Callable[[], Any]] = [partial(_touch, another_registry, row), end]
            last, count = at_once(race)
            assert count == 1
            assert_same(registry.get(row.id), changed(last, ended_at=_AT, ended_reason="everywhere"))

    def test_a_row_ends_once(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """When several end the same rows at the same moment, each row is ended by one of them, which counts it."""
        for _ in range(self.rounds):
            rows = [make_row() for _ in range(5)]
            for row in rows:
                registry.add(row)
            race: list[Callable[[], int]] = [
                partial(registry.end_all, "ada", None, _AT, "1"),
                partial(another_registry.end_all, None, None, _AT, "2"),
                partial(registry.replace, rows[0], changed(rows[0], ended_at=_AT, ended_reason="3")),
            ]
            counts = at_once(race)
            found = {row.id: row for row in registry.of_owner("ada")}
            reasons = [found[row.id].ended_reason for row in rows]
            assert counts == [reasons.count(reason) for reason in ("1", "2", "3")]
            assert {found[row.id].version for row in rows} == {2}

    # purge

    def test_purge_forgets_what_is_due(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Rows to be forgotten before the time are gone, whether ended or not; nothing else is."""
        due = [make_row(forget_at=_LONG_AGO), make_row(forget_at=_LONG_AGO, ended_at=_AT), make_row(**_FULL)]
        due[2] = replace(due[2], forget_at=datetime(1970, 1, 1, tzinfo=UTC))
        others = [make_row(), make_row(forget_at=_PURGED), make_row(expires_at=_LONG_AGO, last_seen_at=_LONG_AGO)]
        for row in (*due, *others):
            assert registry.add(row) is True
        # A store that forgets by itself has done so.
        were_due, were_there = self._present(registry, due), self._present(registry, others)
        assert len(were_due) <= _purge(registry) <= len(due) + len(others) - len(were_there)
        assert self._present(another_registry, due) == []
        assert self._present(another_registry, others) == were_there
        assert _ids(another_registry.of_owner("ada")) == sorted(were_there)
        assert others[0].id in were_there
        assert _purge(registry) == 0

    def test_purge_goes_by_the_replaced_row(self, registry: SessionRegistry) -> None:
        """When a row is to be forgotten is said by its last replace."""
        row = make_row()
        registry.add(row)
        assert registry.replace(row, changed(row, forget_at=_LONG_AGO)) is True
        _purge(registry)
        assert registry.get(row.id) is None
        assert registry.of_owner(row.owner) == []

    def test_purge_of_nothing(self, registry: SessionRegistry) -> None:
        """A store with nothing to forget forgets none."""
        assert _purge(registry) == 0
        row = make_row()
        registry.add(row)
        assert _purge(registry) == 0
        assert_same(registry.get(row.id), row)

    def test_purge_waits_to_be_asked(self, registry: SessionRegistry) -> None:
        """Nothing is forgotten until somebody asks for the first batch."""
        row = make_row(forget_at=_LONG_AGO)
        registry.add(row)
        were_there = self._present(registry, [row])
        batches = registry.purge(_PURGED)
        assert isinstance(batches, Iterator)
        assert self._present(registry, [row]) == were_there

    def test_purge_works_in_batches(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Many rows are forgotten a part at a time; between the parts others use the store, and purge it, too."""
        rows = self._add_many(registry, forget_at=_LONG_AGO)
        were_there = self._present(registry, rows)
        batches = registry.purge(_PURGED)
        first = next(batches, 0)
        assert not were_there or 0 < first < len(rows), "more rows than one batch went at once"
        row = make_row("grace")
        assert another_registry.add(row) is True
        assert another_registry.replace(row, changed(row)) is True
        forgotten = sum(chain([first], another_registry.purge(_PURGED), batches))
        assert len(were_there) <= forgotten <= len(rows)
        assert self._present(registry, rows) == []
        assert [found for owner in {row.owner for row in rows} for found in registry.of_owner(owner)] == []
        assert_same(registry.get(row.id), changed(row))

    def test_purge_leaves_a_row_that_goes_on(
        self, registry: SessionRegistry, another_registry: SessionRegistry
    ) -> None:
        """A row that is replaced while it is due is either forgotten, or stays for as long as the new row says."""
        for _ in range(self.rounds):
            row = make_row(forget_at=_LONG_AGO)
            registry.add(row)
            later = make_row(id=row.id, version=2)
            race: list[Callable[[], int]] = [partial(registry.replace, row, later), partial(_purge, another_registry)]
            is_replaced, _ = at_once(race)
            if is_replaced:
                assert_same(registry.get(row.id), later)
            else:
                assert registry.get(row.id) is None
            assert _ids(registry.of_owner(row.owner)) == ([row.id] if is_replaced else [])
            registry.replace(later, changed(later, forget_at=_LONG_AGO))
            _purge(registry)

    # All of it

    def test_threads_share_a_store(self, registry: SessionRegistry, another_registry: SessionRegistry) -> None:
        """Threads that use one store at the same moment find what each of them put there, and no errors."""
        owners = [f"owner {number}" for number in range(8)]
        stores = [registry, another_registry] * 4
        results = at_once([partial(_live, store, owner) for store, owner in zip(stores, owners, strict=True)])
        for owner, rows in zip(owners, results, strict=True):
            assert {row.owner for row in rows} == {owner}
            assert sorted(row.ended_reason or "" for row in rows) == ["", *["others"] * 4]

    def _add_many(self, registry: SessionRegistry, **values: Any) -> list[ActiveSession]:
        """More rows than one batch, of a few owners."""
        rows = [make_row(f"owner {number % 7}", **values) for number in range(self.more_than_a_batch)]
        for row in rows:
            assert registry.add(row) is True
        return rows

    def _present(self, registry: SessionRegistry, rows: Sequence[ActiveSession]) -> list[str]:
        """The ids of those rows that the store has."""
        return [row.id for row in rows if registry.get(row.id) is not None]
