"""Rows as bytes: what goes in comes out, and whatever else is there is no row."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from flask_sessionauth.registry import ActiveSession
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.registry.packing import MARK_BYTES, RowFormatError, milliseconds, pack, pack_end, unpack
from flask_sessionauth.testing.contract import assert_same, make_row

MARK = b"mark"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)

texts = st.one_of(
    # Lone surrogates, too.
    st.text(st.characters(), max_size=300),
    st.from_regex(r"[0-9a-f]{0,80}", fullmatch=True),
    st.uuids().map(str),
    st.just(CHROME),
)
counters = st.integers(0, 2**80)
times = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
rows = st.builds(
    ActiveSession,
    id=st.just(new_id("ada")),
    owner=texts,
    user_id=texts,
    seed=st.binary(max_size=64),
    **dict.fromkeys(("created_at", "expires_at", "last_seen_at", "renewed_at", "forget_at"), times),
    **{name: st.none() | times for name in ("authenticated_at", "rotated_at", "confirmed_at", "ended_at")},
    **dict.fromkeys(("remote_addr", "user_agent", "stamp"), texts),
    **dict.fromkeys(("generation", "recoveries", "epoch"), counters),
    **{name: st.booleans() for name in ("remembered", "renewal_seen", "exchanged")},
    previous_generation=st.none() | counters,
    ended_reason=st.none() | texts,
    version=st.integers(0, 2**32 - 1),
)


@given(rows)
def test_any_row(row: ActiveSession) -> None:
    """Any row comes back as it was, in each field and its type."""
    assert_same(unpack(row.id, pack(row, MARK)), row)


def test_every_field() -> None:
    """No field is forgotten by the test above, or by the bytes: another value makes another row."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    row = make_row(user_id="ada", created_at=now)
    others = {str: "other", int: 77, bool: True, bytes: b"other", datetime: now}
    for field in fields(row):
        if field.name not in ("id", "current"):
            value = getattr(row, field.name)
            kinds = {"previous_generation": int, "ended_reason": str}
            kind = type(value) if value is not None else kinds.get(field.name, datetime)
            other = replace(row, **{field.name: others[kind] if value != now else now + timedelta(days=1)})
            assert other != row
            assert_same(unpack(row.id, pack(other, MARK)), other)


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda junk: b"\x01" + junk))
@example(b"")
@example(b"\x02")
@example(b"\x01" + bytes(9) + b"\xff" * 20 + bytes(19))  # a time that no clock shows
def test_junk(junk: bytes) -> None:
    """Bytes that somebody else wrote are a row by chance, or one error; never another one."""
    try:
        row = unpack("abc", junk)
    except RowFormatError:
        return
    assert isinstance(row, ActiveSession)


def test_cut_off() -> None:
    """A row that lacks its end, at whatever byte, is no row, and neither is one with something after it."""
    for row in (make_row(user_agent=CHROME), make_row(ended_at=datetime.now(UTC), ended_reason="logout")):
        written = pack(row, MARK)
        for length in range(len(written)):
            with pytest.raises(RowFormatError):
                unpack(row.id, written[:length])
        with pytest.raises(RowFormatError):
            unpack(row.id, written + b"\0")


@given(st.integers(0, 10_000), st.integers(0, 255), rows)
def test_flipped(position: int, byte: int, row: ActiveSession) -> None:
    """A row with another byte in it is a row, or one error."""
    written = bytearray(pack(row, MARK))
    written[position % len(written)] = byte
    with suppress(RowFormatError):
        unpack(row.id, bytes(written))


def test_unknown_format() -> None:
    """A format that is still to come is no row to us; the error quotes nothing of it."""
    row = make_row()
    for first in {*range(256)} - {1, 2}:
        with pytest.raises(RowFormatError, match=r"^these bytes are no row$") as refused:
            unpack(row.id, bytes([first]) + pack(row, MARK)[1:])
        assert refused.value.__suppress_context__


def test_end() -> None:
    """A row ends when its head is rewritten and says when and why; what comes after stays as it is."""
    row = make_row(user_agent=CHROME)
    written, at = pack(row, MARK), datetime(2026, 5, 1, 12, tzinfo=UTC)
    head = b"\x02" + (row.version + 1).to_bytes(4, "big") + b"next" + pack_end(at, "everywhere")
    ended = unpack(row.id, head + written[1 + 4 + MARK_BYTES :])
    assert_same(ended, replace(row, version=row.version + 1, ended_at=at, ended_reason="everywhere"))


def test_mark() -> None:
    """The same row written twice is told apart."""
    row = make_row()
    assert pack(row, b"1234") != pack(row, b"4321")
    assert unpack(row.id, pack(row, b"1234")) == unpack(row.id, pack(row, b"4321"))


def test_refused() -> None:
    """Counters below zero and a version of more than 32 bits are refused, instead of being another row."""
    for name in ("generation", "previous_generation", "recoveries", "epoch", "version"):
        with pytest.raises(ValueError, match=r"never negative|32 bits"):
            pack(make_row(**{name: -1}), MARK)
    with pytest.raises(ValueError, match="32 bits"):
        pack(make_row(version=2**32), MARK)


def test_milliseconds() -> None:
    """Time is told in milliseconds, also before 1970."""
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, 5_000, tzinfo=UTC)) == 1005
    assert milliseconds(datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)) == -1


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        CHROME + " Edg/143.0.3650.75",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.4.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.6 Mobile/15E148 Safari/604.1",
    ],
)
@pytest.mark.parametrize("owner", ["10000123", "0b3cbbd4-6a7e-4a59-8a3a-3b0f24a6d0c1"])
def test_size(user_agent: str, owner: str) -> None:
    """A row that has all there can be, and is in use, has at most 156 bytes: what a Redis keeps in 160."""
    assert len(pack(used_row(owner, user_agent), MARK)) <= 156


def test_long_text() -> None:
    """A long text is never longer than it was, by more than its length."""
    noise = os.urandom(200).decode("latin-1")
    extra = len(pack(make_row(user_agent=noise), MARK)) - len(pack(make_row(), MARK))
    assert extra <= len(noise.encode()) + 1


def used_row(owner: str, user_agent: str) -> ActiveSession:
    """As a row is after some days and some restored logins."""
    now = datetime.now(UTC).replace(microsecond=0)
    created = now - timedelta(days=5, milliseconds=123)
    return make_row(
        owner,
        user_id=owner,
        created_at=created,
        authenticated_at=created,
        last_seen_at=now,
        rotated_at=now - timedelta(hours=3),
        confirmed_at=now - timedelta(hours=3, milliseconds=-777),
        renewed_at=now - timedelta(hours=3),
        expires_at=created + timedelta(days=30),
        forget_at=created + timedelta(days=31),
        remembered=True,
        renewal_seen=True,
        remote_addr="203.0.113.245",
        user_agent=user_agent,
        stamp="0123456789abcdeX",
        generation=6,
        previous_generation=5,
        epoch=9,
        version=6000,
    )
