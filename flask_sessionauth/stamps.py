"""The user's security stamp: any text that changes when the credentials do. Only a MAC of it leaves the process."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Any

from . import tokens
from .errors import SecurityStampError, SetupError
from .identity import Arrival, Realm
from .settings import signing_keys

_ATTRIBUTE = "security_stamp"


def stamp_digest(realm: Realm, user: Any) -> str:
    """The SHA-256 of a user's security stamp, by the manager's callable or the user's attribute. Blank for none.

    From here on it may be kept in memory: if it was the hash of a password, it no longer is.

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
    return hashlib.sha256(stamp.encode("utf-8", "surrogatepass")).hexdigest() if stamp else ""


def note(arrival: Arrival, stamp: str, user_id: str) -> None:
    """Note a user's stamp on the visit, and what sessions and remember cookies keep of it, under the newest key.

    :raises SetupError: if there is a stamp, and the app has no key.
    """
    visit = arrival.visit
    visit.stamp, visit.stamp_mac = stamp, ""
    if stamp:
        key = arrival.app.config.get("SECRET_KEY")
        if not key:
            raise SetupError("a security stamp needs a SECRET_KEY; the app has none")
        application = arrival.settings.login_audience or ""
        visit.stamp_mac = tokens.stamp_mac(key, arrival.state.realm, application, user_id, stamp)


def is_unchanged(arrival: Arrival, user_id: str, mac: str) -> bool:
    """Whether a session or cookie with this MAC was made under the stamp that is noted, by any of the app's keys."""
    visit = arrival.visit
    if not mac.isascii():
        return False
    if compare_digest(mac, visit.stamp_mac):
        return True
    # Without a stamp there is no MAC either: a missing one is another one.
    if not visit.stamp or not mac:
        return False
    whose = arrival.state.realm, arrival.settings.login_audience or "", user_id
    older = signing_keys(arrival.app.config)[1:]
    return any(compare_digest(mac, tokens.stamp_mac(key, *whose, visit.stamp)) for key in older)
