"""What a value of a setting may be: each check returns the value as it is used, or refuses it."""

from __future__ import annotations

import re
from datetime import timedelta

from .errors import ConfigurationError
from .fingerprint import TRAITS

# Nobody plans for longer, and a date beyond the year 9999 is an error in Python.
_LONGEST = timedelta(days=36525)
_COOKIE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

#: The modes of session protection.
PROTECTIONS = (None, "basic", "strong")

#: What is allowed, in words.
DURATION = "a timedelta or a number of seconds, more than 0 and at most 100 years"
DURATION_OR_NONE = f"{DURATION}; or None"
PROTECTION = '"basic", "strong" or None'
POLICY = '"end_oldest" or "refuse"'
ASSURANCE = '"aal1", "aal2", "aal3" or None'

#: What a browser can be told to clear (W3C Clear-Site-Data, and what Chromium adds).
SITE_DATA = ("cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache", "prerenderCache", "*")


class Refused(Exception):
    """A check's way to say that a value is not allowed."""


def seconds(value: object) -> float:
    """A duration (``timedelta``, or a number of seconds) as seconds.

    :raises ConfigurationError: if it is anything else, not positive, or longer than 100 years.
    """
    try:
        return duration(value).total_seconds()
    except Refused:
        raise ConfigurationError(f"duration is {value!r}; allowed: {DURATION}") from None


def duration(value: object) -> timedelta:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # What is not a number at all is not between the two either.
        if not 0 < value <= _LONGEST.total_seconds():
            raise Refused
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta) or not timedelta(0) < value <= _LONGEST:
        raise Refused
    return value


def duration_or_none(value: object) -> timedelta | None:
    return None if value is None else duration(value)


def interval(value: object) -> timedelta:
    return timedelta(0) if value in (0, timedelta(0)) and value is not False else duration(value)


def count_or_none(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise Refused


def policy(value: object) -> str:
    if value not in ("end_oldest", "refuse"):
        raise Refused
    return str(value)


def assurance(value: object) -> str | None:
    if value not in (None, "aal1", "aal2", "aal3"):
        raise Refused
    return value


def site_data(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    kinds = (value,) if isinstance(value, str) else value
    if not isinstance(kinds, (tuple, list)) or not all(kind in SITE_DATA for kind in kinds):
        raise Refused
    return tuple(kinds)


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused
    return value


def boolean_or_none(value: object) -> bool | None:
    return None if value is None else boolean(value)


def text_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Refused
    return value or None


def header_or_none(value: object) -> str | None:
    text = text_or_none(value)
    if text is not None and not (text.isascii() and text.isprintable()):
        raise Refused
    return text


def domain_or_none(value: object) -> str | None:
    domain = text_or_none(value)
    if domain is not None and not re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*", domain):
        raise Refused
    return domain


def cookie_name(value: object) -> str:
    if not isinstance(value, str) or not _COOKIE_NAME.fullmatch(value):
        raise Refused
    return value


def path(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or ";" in value or not value.isprintable():
        raise Refused
    return value


def samesite(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value.title() not in ("Strict", "Lax", "None"):
        raise Refused
    return value.title()


def protection(value: object) -> str | None:
    """A session protection mode, checked.

    :raises ConfigurationError: if it is none of ``None``, ``"basic"``, ``"strong"``. A typing error must not
        switch the protection off.
    """
    try:
        return mode(value)
    except Refused:
        raise ConfigurationError(f"session_protection is {value!r}; allowed: {PROTECTION}") from None


def mode(value: object) -> str | None:
    if value is False:
        return None
    if value not in PROTECTIONS:
        raise Refused
    return value


def traits(value: object) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list, set, frozenset)) or not value or not all(v in TRAITS for v in value):
        raise Refused
    return tuple(sorted(value))


def host_or_none(value: object) -> str | None:
    return None if value is None or value == "" else host(value)


def host(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or re.search(r"[\s/\\@?#;]|^$", value):
        raise Refused
    return value.lower()


def hosts(value: object) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list, set, frozenset)):
        raise Refused
    return tuple(sorted(map(host, value)))
