"""The user's security stamp: any text that changes when the credentials do. Only a MAC of it leaves the process."""

from __future__ import annotations

from typing import Any

from . import tokens
from .errors import SecurityStampError, SetupError
from .identity import Arrival, Realm
from .settings import signing_keys

_ATTRIBUTE = "security_stamp"


def stamp_of(realm: Realm, user: Any) -> str:
    """A user's security stamp, by the manager's callable or the user's attribute. Blank for a user without one.

    :raises SecurityStampError: if it is neither a ``str`` nor ``None``.
    """
    if realm.security_stamp is not None:
        stamp = realm.security_stamp(user)
    else:
        stamp = getattr(user, _ATTRIBUTE, None)
        if stamp is None and hasattr(type(user), _ATTRIBUTE):
            # A property that fails on an attribute of its own must not look like a user without a stamp: ask again.
            stamp = user.security_stamp
    if stamp is None:
        return ""
    if not isinstance(stamp, str):
        # Never with the value: it may be the hash of a password.
        kinds = f"{type(user).__name__} is of type {type(stamp).__name__}"
        raise SecurityStampError(f"the security stamp of {kinds}; allowed: a str, or None for none")
    return stamp


def mac_of(arrival: Arrival, user_id: str, stamp: str) -> str:
    """What a session or a remember cookie keeps of a stamp, under the newest key. Blank for a blank stamp.

    :raises SetupError: if the app has no key.
    """
    if not stamp:
        return ""
    keys = signing_keys(arrival.app.config)
    if not keys:
        raise SetupError("a security stamp needs a SECRET_KEY; the app has none")
    return tokens.stamp_mac(keys[0], *_whose(arrival), user_id, stamp)


def key_of(arrival: Arrival, user_id: str, stamp: str, mac: str) -> int | None:
    """Under which key (0: the newest) a session or cookie was stamped so, or ``None`` if the stamp is another now."""
    if not stamp and not mac:
        return 0
    return tokens.stamped_by(signing_keys(arrival.app.config), *_whose(arrival), user_id, stamp, mac)


def _whose(arrival: Arrival) -> tuple[str, str]:
    return arrival.realm.name or "", arrival.settings.login_audience or ""
