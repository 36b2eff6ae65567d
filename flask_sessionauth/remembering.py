"""The remember cookie as a browser sends it: its name, whom it is for, and what a valid one says."""

from __future__ import annotations

import time
from functools import lru_cache

from . import limits, tokens
from .errors import BadTokenError, TokenError
from .identity import Arrival, Remember
from .registry.base import ActiveSession
from .settings import Settings
from .stamps import is_unchanged

# The prefixes give a cookie's name a meaning for browsers (RFC 6265bis), so a realm's name goes behind them.
_PREFIXES = ("__host-", "__secure-")


@lru_cache(maxsize=128)
def cookie_name(settings: Settings, realm: str | None) -> str:
    """The name of a realm's remember cookie: the setting, with ``realm_`` before it for a named one."""
    name = settings.remember_cookie_name
    if not realm:
        return name
    for prefix in _PREFIXES:
        if name.lower().startswith(prefix):
            return f"{name[: len(prefix)]}{realm}_{name[len(prefix) :]}"
    return f"{realm}_{name}"


@lru_cache(maxsize=128)
def token_audience(settings: Settings, realm: str | None) -> tokens.Audience:
    """Whom a realm's remember tokens are for."""
    return tokens.Audience(realm or "", cookie_name(settings, realm), settings.login_audience or "")


def remember_cookie(arrival: Arrival) -> str | None:
    """The remember cookie the browser sent, whatever it is worth."""
    cookies, settings, realm = arrival.request.cookies, arrival.settings, arrival.state.realm
    # Most programs have the default realm alone.
    name = cookie_name(settings, realm) if realm else settings.remember_cookie_name
    # Not get(): it raises and catches an error where there is no such cookie, as there mostly is none.
    return cookies[name] if name in cookies else None  # noqa: SIM401


def read_cookie(arrival: Arrival, cookie: str) -> tokens.RememberToken | None:
    """What a valid remember cookie says, in our format or, if allowed, in Flask-Login's; else ``None``.

    Whether the user's security stamp is still the same, the user must be loaded to know.
    """
    settings, realm, now = arrival.settings, arrival.state.realm, time.time()
    keys, limit = settings.signing_keys, settings.remember_limit
    try:
        token = tokens.read(keys, token_audience(settings, realm), cookie, now)
    except BadTokenError:
        # Flask-Login knew one realm: no other has cookies of its making. They have no date that could be limited.
        if not realm and limit is None and settings.remember_cookie_accept_legacy:
            return _read_legacy(keys, cookie)
    except TokenError:
        pass
    else:
        if limit is None:
            return token
        end = limits.end_of(token, limit)
        return token if end is not None and now < end else None
    return None


def _read_legacy(keys: tuple[tokens.Key, ...], cookie: str) -> tokens.RememberToken | None:
    try:
        user_id = tokens.read_legacy(keys, cookie)
    except TokenError:
        return None
    return tokens.RememberToken(user_id, None, None, stamp="", is_current=False) if user_id else None


def is_own(arrival: Arrival, token: tokens.RememberToken, user_id: str) -> bool:
    """Whether a remember token is of the user who was recognised, by id and security stamp."""
    return token.user_id == user_id and is_unchanged(arrival, token.stamp)


def reissued(arrival: Arrival, token: tokens.RememberToken) -> Remember:
    """The same token anew: under the newest key, and with the stamp that the user has now."""
    settings, now = arrival.settings, int(time.time())
    stamp = arrival.visit.stamp_macs[0]
    if token.issued_at is None or token.expires_at is None:
        return Remember(token.user_id, now, now + int(settings.remember_cookie_duration.total_seconds()), stamp)
    if settings.remember_cookie_refresh_each_request:
        return Remember(token.user_id, now, now + token.expires_at - token.issued_at, stamp)
    return Remember(token.user_id, token.issued_at, token.expires_at, stamp)


def cookie_of(row: ActiveSession) -> Remember:
    """The intent to give the browser the current remember cookie of a row."""
    issued_at, expires_at = int(row.created_at.timestamp()), int(row.expires_at.timestamp())
    return Remember(row.user_id, issued_at, expires_at, row.stamp, row)
