"""The user's security stamp: any text that changes when the credentials do. Only a MAC of it leaves the process."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from hmac import compare_digest
from typing import Any

from . import tokens
from .errors import SecurityStampError, SetupError
from .identity import NO_STAMP, Arrival
from .settings import Settings

_ATTRIBUTE = "security_stamp"


def stamp_macs(arrival: Arrival, user: Any, user_id: str) -> tuple[str, ...]:
    """The MACs of a user's security stamp, under each of the app's keys, the newest first; or `NO_STAMP`.

    The stamp is what the manager's callable or the user's attribute says.

    :raises SecurityStampError: if it is neither a ``str`` nor ``None``.
    :raises SetupError: if there is one, and the app has no key.
    """
    ask = arrival.realm.security_stamp
    if ask is not None:
        stamp = ask(user)
    else:
        stamp = getattr(user, _ATTRIBUTE, None)
        if stamp is None and hasattr(type(user), _ATTRIBUTE):
            # A property that fails on an attribute of its own must not look like a user without a stamp: ask again.
            stamp = user.security_stamp
    if stamp is None:
        return NO_STAMP
    if not isinstance(stamp, str):
        # Never with the value: it may be the hash of a password.
        kinds = f"{type(user).__name__} is of type {type(stamp).__name__}"
        raise SecurityStampError(f"the security stamp of {kinds}; allowed: a str, or None for none")
    if not stamp:
        return NO_STAMP
    # For the same reason only a digest of it is kept in memory.
    digest = hashlib.sha256(stamp.encode("utf-8", "surrogatepass")).digest()
    return _macs(arrival.settings, arrival.state.realm, user_id, digest)


# Every request of a user asks for the same.
@lru_cache(maxsize=2048)
def _macs(settings: Settings, realm: str, user_id: str, digest: bytes) -> tuple[str, ...]:
    keys, application = settings.signing_keys, settings.login_audience or ""
    if not keys:
        raise SetupError("a security stamp needs a SECRET_KEY; the app has none")
    return tuple(tokens.stamp_mac(key, realm, application, user_id, digest.hex()) for key in keys)


def is_unchanged(arrival: Arrival, mac: str) -> bool:
    """Whether a session or cookie with this MAC was made under the stamp that is noted, by any of the app's keys."""
    # Without a stamp there is no MAC either: a missing one is another one.
    return mac.isascii() and any(compare_digest(mac, known) for known in arrival.visit.stamp_macs)
