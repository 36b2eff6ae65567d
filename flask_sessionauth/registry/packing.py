"""A row as few bytes, and back: how `RedisRegistry` keeps it.

A row is a head, which a store's script may rewrite without knowing the rest, and a body::

    head  format (1 byte) | version (4) | mark (4) | in an ended row: when and why
    body  numbers, each in as few bytes as it needs | seed | texts

Times are milliseconds after the row's beginning. A user agent is deflated with a dictionary of what most of them
consist of: a sixth of its length. An id in hexadecimal digits, or a UUID, takes half.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ..errors import SessionAuthError
from .base import ActiveSession

#: The first byte of a row that goes on, and of one that has ended.
GOES_ON, ENDED = b"\x01", b"\x02"
#: Random bytes that tell one write from another, so that one which was sent twice is known again.
MARK_BYTES = 4
_VERSION_BYTES = 4
_HEAD = 1 + _VERSION_BYTES + MARK_BYTES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_REMEMBERED, _RENEWAL_SEEN, _ANOTHER_USER_ID, _EXCHANGED = 1, 2, 4, 8
_BODY_NUMBERS, _END_NUMBERS = 19, 2

# How a text is written: the two low bits of its length.
_PLAIN, _HEX, _UUID, _DEFLATED = range(4)
_HEX_TEXT = re.compile(r"(?:[0-9a-f]{2}){8,}")
_UUID_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Shorter texts gain nothing.
_DEFLATE_FROM = 40
_WINDOW = -12
# Rows that are kept cannot be read without it: another one needs another format byte. The most frequent comes last.
_DICTIONARY = (
    b"bot/1.0; +http://compatible; Googlebot/2.1; bingbot/2.0; okhttp/ Trident/7.0; rv:11.0) like Gecko SamsungBrowser/"
    b" OPR/ FxiOS/ CriOS/ GSA/ (X11; Ubuntu; Linux x86_64; rv:1 (X11; CrOS x86_64 (Linux; Android 13; SM-Mobile Safari"
    b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) "
    b"Gecko/20100101 Firefox/140.0Mozilla/5.0 (iPad; CPU OS 18_0Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) "
    b"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1Mozilla/5.0 (Macintosh; Intel "
    b"Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15Mozilla/5.0 (Linux; "
    b"Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36Mozilla/5.0 (X11; "
    b"Linux x86_64) Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
    b"Safari/537.36 Edg/140.0.0.0"
)


class RowFormatError(SessionAuthError, ValueError):
    """The bytes are not a row, or one of a format this version does not know. The message does not quote them."""


def pack(row: ActiveSession, mark: bytes) -> bytes:
    """The row without its id.

    :param mark: `MARK_BYTES` bytes that no other write has.
    :raises ValueError: for a negative counter, and a version of more than 32 bits.
    """
    ended = row.ended_at is not None or row.ended_reason is not None
    end = pack_end(row.ended_at, row.ended_reason) if ended else b""
    return (ENDED if ended else GOES_ON) + pack_version(row.version) + mark + end + _pack_body(row)


def pack_version(version: int) -> bytes:
    """What the bytes of a row of this version have after the first one."""
    if not 0 <= version < 1 << 8 * _VERSION_BYTES:
        raise ValueError("a row's version has 32 bits")
    return version.to_bytes(_VERSION_BYTES, "big")


def pack_end(at: datetime | None, reason: str | None) -> bytes:
    """What the bytes of a row that has ended then have after the mark."""
    if reason is None:
        return _numbers([_optional_time(at, 0), 0])
    length, written = _pack_text(reason)
    return _numbers([_optional_time(at, 0), length + 1]) + written


def milliseconds(time: datetime) -> int:
    """Since the beginning of 1970."""
    return (time - _EPOCH) // _MILLISECOND


def unpack(id: str, data: bytes) -> ActiveSession:
    """The row with this id that was packed.

    :raises RowFormatError: if the bytes are none.
    """
    try:
        return _unpack(id, data)
    except (IndexError, OverflowError, ValueError, zlib.error):
        raise RowFormatError("these bytes are no row") from None


def _pack_body(row: ActiveSession) -> bytes:
    begin = milliseconds(row.created_at)
    another = row.user_id != row.owner
    lengths, texts = [], []
    for text in (row.owner, row.user_id if another else "", row.remote_addr, row.user_agent, row.stamp):
        length, written = _pack_text(text)
        lengths.append(length)
        texts.append(written)
    flags = row.remembered * _REMEMBERED | row.renewal_seen * _RENEWAL_SEEN
    flags |= another * _ANOTHER_USER_ID | row.exchanged * _EXCHANGED
    times = (row.expires_at, row.last_seen_at, row.renewed_at, row.forget_at)
    optional_times = (row.authenticated_at, row.rotated_at, row.confirmed_at)
    previous = 0 if row.previous_generation is None else row.previous_generation + 1
    if row.previous_generation == -1:
        raise ValueError("a counter is never negative")
    numbers = [flags, _signed(begin)]
    numbers += [_signed(milliseconds(time) - begin) for time in times]
    numbers += [_optional_time(time, begin) for time in optional_times]
    numbers += [row.generation, previous, row.recoveries, row.epoch, len(row.seed), *lengths]
    return _numbers(numbers) + row.seed + b"".join(texts)


# Rows are never changed, and most requests of a browser find the bytes that the one before has found.
@lru_cache(maxsize=2048)
def _unpack(id: str, data: bytes) -> ActiveSession:
    ended_at, ended_reason, at = None, None, _HEAD
    if data[:1] == ENDED:
        (when, length), at = _read_numbers(data, at, _END_NUMBERS)
        ended_at = None if not when else _EPOCH + _span(when - 1)
        if length:
            ended_reason, at = _read_text(data, at, length - 1)
    elif data[:1] != GOES_ON:
        raise ValueError("an unknown format")
    numbers, at = _read_numbers(data, at, _BODY_NUMBERS)
    flags, begin, expires, seen, renewed, forget = numbers[:6]
    authenticated, rotated, confirmed = numbers[6:9]
    generation, previous, recoveries, epoch, seed_length = numbers[9:14]
    created_at = _EPOCH + _span(begin)
    seed, at = data[at : at + seed_length], at + seed_length
    texts = []
    for length in numbers[14:]:
        text, at = _read_text(data, at, length)
        texts.append(text)
    owner, user_id, remote_addr, user_agent, stamp = texts
    if at != len(data):
        raise ValueError("too short, or too long")
    return ActiveSession(
        id=id,
        owner=owner,
        user_id=user_id if flags & _ANOTHER_USER_ID else owner,
        seed=seed,
        created_at=created_at,
        expires_at=created_at + _span(expires),
        last_seen_at=created_at + _span(seen),
        authenticated_at=created_at + _span(authenticated - 1) if authenticated else None,
        remembered=bool(flags & _REMEMBERED),
        remote_addr=remote_addr,
        user_agent=user_agent,
        stamp=stamp,
        generation=generation,
        previous_generation=previous - 1 if previous else None,
        rotated_at=created_at + _span(rotated - 1) if rotated else None,
        confirmed_at=created_at + _span(confirmed - 1) if confirmed else None,
        recoveries=recoveries,
        epoch=epoch,
        renewed_at=created_at + _span(renewed),
        renewal_seen=bool(flags & _RENEWAL_SEEN),
        exchanged=bool(flags & _EXCHANGED),
        ended_at=ended_at,
        ended_reason=ended_reason,
        forget_at=created_at + _span(forget),
        version=int.from_bytes(data[1 : 1 + _VERSION_BYTES], "big"),
    )


def _signed(number: int) -> int:
    return number << 1 if number >= 0 else ~number << 1 | 1


def _span(signed: int) -> timedelta:
    return _MILLISECOND * (~(signed >> 1) if signed & 1 else signed >> 1)


def _optional_time(time: datetime | None, begin: int) -> int:
    return 0 if time is None else _signed(milliseconds(time) - begin) + 1


def _numbers(numbers: Iterable[int]) -> bytes:
    """Each in groups of seven bits, the lowest first; all but its last with the high bit set."""
    written = bytearray()
    for number in numbers:
        if number < 0:
            raise ValueError("a counter is never negative")
        while number > 0x7F:
            written.append(number & 0x7F | 0x80)
            number >>= 7
        written.append(number)
    return bytes(written)


def _read_numbers(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    numbers = []
    for _ in range(count):
        number = data[at]
        at += 1
        if number > 0x7F:
            number &= 0x7F
            shift = 7
            while (byte := data[at]) > 0x7F:
                number |= (byte & 0x7F) << shift
                shift += 7
                at += 1
            number |= byte << shift
            at += 1
        numbers.append(number)
    return numbers, at


def _pack_text(text: str) -> tuple[int, bytes]:
    if _HEX_TEXT.fullmatch(text):
        kind, written = _HEX, bytes.fromhex(text)
    elif _UUID_TEXT.fullmatch(text):
        kind, written = _UUID, bytes.fromhex(text.replace("-", ""))
    else:
        kind, written = _PLAIN, text.encode("utf-8", "surrogatepass")
        if len(written) >= _DEFLATE_FROM:
            deflated = _deflated(written)
            if len(deflated) < len(written):
                kind, written = _DEFLATED, deflated
    return len(written) << 2 | kind, written


def _read_text(data: bytes, at: int, length: int) -> tuple[str, int]:
    if not length:
        return "", at
    kind = length & 3
    end = at + (length >> 2)
    written = data[at:end]
    if kind == _PLAIN:
        return written.decode("utf-8", "surrogatepass"), end
    if kind == _DEFLATED:
        return _inflated(written), end
    text = written.hex()
    if kind == _HEX:
        return text, end
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}", end


def _deflated(text: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, _WINDOW, zdict=_DICTIONARY)
    return deflate.compress(text) + deflate.flush()


# Most visitors have one of a few hundred browsers.
@lru_cache(maxsize=1024)
def _inflated(written: bytes) -> str:
    inflate = zlib.decompressobj(_WINDOW, zdict=_DICTIONARY)
    text = inflate.decompress(written, _LONGEST_TEXT)
    if not inflate.eof:
        raise ValueError("cut off, or too long")
    return text.decode("utf-8", "surrogatepass")


# Bytes; bounds what a few bytes that somebody else wrote can become.
_LONGEST_TEXT = 1 << 16
