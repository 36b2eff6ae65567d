"""What cookies carry, signed or derived with the app's keys. The only file that knows a salt."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from itsdangerous import Signer
from itsdangerous.encoding import base64_encode

from .errors import BadTokenError, ExpiredTokenError, SetupError
from .registry.base import is_id

Key = str | bytes

_SALT = b"flask-sessionauth remember token"
_STAMP_SALT = b"flask-sessionauth security stamp"
_MARK_SALT = b"flask-sessionauth session"
_DEVICE_SALT = b"flask-sessionauth remember"
_VERSION = "1"
_DEVICE_VERSION = "2"
# Ours have about 80 characters. Counters count what a person does.
_MAX_DERIVED = 200
_MAX_COUNTER_DIGITS = 9
# RFC 6265, section 6.1: browsers keep at least 4096 bytes of a cookie, and in practice no more.
_MAX_LENGTH = 4096
# Two servers' clocks may differ by this many seconds; a token from further in the future is refused.
_CLOCK_SKEW = 60
_NONCE_BYTES = 16
# 96 bits, as it travels with each request: it stands in what is signed anyway, and is compared with one value only.
_STAMP_MAC_BYTES = 12
_SHA512_HEX = 128


class Audience(NamedTuple):
    """Whom a token is for. A token made for one audience is worth nothing to another."""

    realm: str
    cookie_name: str
    application: str


@dataclass(slots=True)
class RememberToken:
    """What a genuine token says. Times are seconds since 1970.

    ``is_current`` is false for a token under an older key or in Flask-Login's format: it is to be replaced.
    """

    user_id: str = field(repr=False)
    issued_at: int | None
    expires_at: int | None
    stamp: str = field(repr=False)
    is_current: bool


def issue(
    keys: Sequence[Key], audience: Audience, user_id: str, issued_at: int, expires_at: int, stamp: str = ""
) -> str:
    """A new token, signed with the newest key (the first): ``user id|version.issued.expiry.nonce.stamp.MAC``.

    :param stamp: the MAC of the user's security stamp; blank for a user without one.
    :raises SetupError: if there is no key.
    """
    if not keys:
        raise SetupError("a remember cookie needs a SECRET_KEY to be signed with")
    claims = f"{_VERSION}.{issued_at}.{expires_at}.{secrets.token_urlsafe(_NONCE_BYTES)}.{stamp}"
    return f"{user_id}|{claims}.{_mac(keys[0], audience, user_id, claims)}"


def read(keys: Sequence[Key], audience: Audience, token: str, now: float) -> RememberToken:
    """What a token says, once it is known to be genuine and in its time.

    :raises BadTokenError: if it is malformed or was not signed by one of the keys for this audience.
    :raises ExpiredTokenError: if its time is over or in the future.
    """
    user_id, claims, mac = _split(token)
    key_index = _signed_by(keys, mac, lambda key: _mac(key, audience, user_id, claims))
    version, issued_at, expires_at, _nonce, stamp = claims.split(".")
    if version != _VERSION:
        raise BadTokenError("a remember token of a version this release does not know")
    if now >= int(expires_at) or now < int(issued_at) - _CLOCK_SKEW:
        raise ExpiredTokenError("a remember token outside its time")
    return RememberToken(user_id, int(issued_at), int(expires_at), stamp, is_current=key_index == 0)


def _split(token: str) -> tuple[str, str, str]:
    if len(token) > _MAX_LENGTH:
        raise BadTokenError("a remember token of more than 4096 characters")
    # From the right: an id may hold any character, the rest holds no bar.
    user_id, bar, rest = token.rpartition("|")
    claims, dot, mac = rest.rpartition(".")
    if not (user_id and bar and dot) or claims.count(".") != 4:
        raise BadTokenError("a malformed remember token")
    return user_id, claims, mac


def _mac(key: Key, audience: Audience, user_id: str, claims: str) -> str:
    mac = _begun(key, _SALT, audience).copy()
    mac.update(length_prefixed((user_id, claims)))
    return base64_encode(mac.digest()).decode("ascii")


# A copy costs less than to begin again. What comes first does not change how the parts after it are read.
@lru_cache(maxsize=32)
def _begun(key: Key, salt: bytes, audience: Audience) -> hmac.HMAC:
    """A MAC for one purpose that has read the audience."""
    return hmac.new(_purpose_key(key, salt), length_prefixed(audience), "sha256")


@lru_cache(maxsize=32)
def _purpose_key(key: Key, salt: bytes) -> bytes:
    """The key for one purpose alone, derived from one of the app's."""
    return Signer(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256).derive_key()


@dataclass(frozen=True, slots=True)
class Presented:
    """A cookie that is derived from a row of the registry, as a browser brings it: nothing of it is proved yet."""

    id: str
    #: The row's epoch, or its generation.
    counter: int
    mac: str = field(repr=False)


def session_mark(keys: Sequence[Key], audience: Audience, id: str, epoch: int, seed: bytes) -> str:
    """What the session says of its row, under the newest key: ``id.epoch.MAC``.

    :raises SetupError: if there is no key.
    """
    return f"{id}.{epoch}.{_row_mac(_newest(keys), _MARK_SALT, audience, id, epoch, seed)}"


def read_session_mark(text: str) -> Presented | None:
    """The parts of a session's mark, or ``None`` if it is none."""
    return _read_mark(text) if len(text) <= _MAX_DERIVED else None


# As for the MACs below: each request of a browser brings the same.
@lru_cache(maxsize=2048)
def _read_mark(text: str) -> Presented | None:
    return _presented(text.split("."))


def mark_signer(keys: Sequence[Key], audience: Audience, mark: Presented, seed: bytes) -> int | None:
    """Which of the keys has made a session's mark, or ``None``."""
    return _row_signer(keys, _MARK_SALT, audience, mark, seed)


def device_token(keys: Sequence[Key], audience: Audience, id: str, generation: int, seed: bytes) -> str:
    """The remember cookie of a row, under the newest key: ``version.id.generation.MAC``.

    :raises SetupError: if there is no key.
    """
    mac = _row_mac(_newest(keys), _DEVICE_SALT, audience, id, generation, seed)
    return f"{_DEVICE_VERSION}.{id}.{generation}.{mac}"


def read_device_token(text: str) -> Presented | None:
    """The parts of a row's remember cookie, or ``None`` if it is none."""
    if len(text) > _MAX_DERIVED:
        return None
    version, *parts = text.split(".")
    return _presented(parts) if version == _DEVICE_VERSION else None


def device_signer(keys: Sequence[Key], audience: Audience, token: Presented, seed: bytes) -> int | None:
    """Which of the keys has made a row's remember cookie, or ``None``."""
    return _row_signer(keys, _DEVICE_SALT, audience, token, seed)


def _presented(parts: Sequence[str]) -> Presented | None:
    if len(parts) != 3:
        return None
    id, counter, mac = parts
    is_number = counter.isascii() and counter.isdigit() and len(counter) <= _MAX_COUNTER_DIGITS
    return Presented(id, int(counter), mac) if is_number and is_id(id) else None


@lru_cache(maxsize=2048)
def _row_mac(key: Key, salt: bytes, audience: Audience, id: str, counter: int, seed: bytes) -> str:
    mac = _begun(key, salt, audience).copy()
    mac.update(length_prefixed((id, str(counter))) + len(seed).to_bytes(4, "big") + seed)
    return base64_encode(mac.digest()).decode("ascii")


def _row_signer(keys: Sequence[Key], salt: bytes, audience: Audience, shown: Presented, seed: bytes) -> int | None:
    try:
        return _signed_by(keys, shown.mac, lambda key: _row_mac(key, salt, audience, shown.id, shown.counter, seed))
    except BadTokenError:
        return None


def _newest(keys: Sequence[Key]) -> Key:
    if not keys:
        raise SetupError("a login in a registry needs a SECRET_KEY to be signed with")
    return keys[0]


def stamp_mac(key: Key, realm: str, application: str, user_id: str, stamp_digest: str) -> str:
    """What leaves the process of a user's security stamp: 16 letters.

    It is for one user of one realm, and not for a cookie of some name: sessions have it, too.
    """
    message = length_prefixed((realm, application, user_id, stamp_digest))
    digest = hmac.digest(_purpose_key(key, _STAMP_SALT), message, "sha256")
    return base64_encode(digest[:_STAMP_MAC_BYTES]).decode("ascii")


def length_prefixed(parts: Iterable[str]) -> bytes:
    """The parts as bytes that can be read in one way only: each after its own length (4 bytes)."""
    message = b""
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        message += len(encoded).to_bytes(4, "big") + encoded
    return message


def _signed_by(keys: Sequence[Key], mac: str, expected: Callable[[Key], str]) -> int:
    # The texts are compared, not the bytes they decode to: base64 has several texts for the same bytes.
    given = mac.encode("utf-8", "surrogatepass")
    for index, key in enumerate(keys):
        if hmac.compare_digest(expected(key).encode("ascii"), given):
            return index
    raise BadTokenError("a token that none of the keys has signed")


def encode_legacy(key: Key, payload: str) -> str:
    """Flask-Login's cookie: the payload, a bar, and its HMAC-SHA512 in hexadecimal digits."""
    return f"{payload}|{_legacy_mac(key, payload)}"


def read_legacy(keys: Sequence[Key], cookie: str) -> str:
    """The payload of a cookie of Flask-Login's.

    :raises BadTokenError: if none of the keys has signed it.
    """
    payload, bar, mac = cookie.rpartition("|")
    if not bar or len(mac) != _SHA512_HEX:
        raise BadTokenError("not a cookie in Flask-Login's format")
    _signed_by(keys, mac, lambda key: _legacy_mac(key, payload))
    return payload


def _legacy_mac(key: Key, payload: str) -> str:
    return hmac.digest(_legacy_key(key), payload.encode("utf-8", "surrogatepass"), "sha512").hex()


def _legacy_key(key: Key) -> bytes:
    if isinstance(key, bytes):
        return key
    try:
        return key.encode("latin-1")
    except UnicodeEncodeError:  # Flask-Login cannot use such a key at all
        return key.encode("utf-8", "surrogatepass")
