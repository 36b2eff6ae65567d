"""How the pages say it: what kind of device it is, how long ago, and why a login has ended."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

# In this order: Edge says that it is Chrome, too, and Chrome that it is Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
# Android says that it is Linux, and an iPhone that it is like Mac OS X.
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
LONGEST = 40

UNITS = (("day", 24 * 3600), ("hour", 3600), ("minute", 60))


def device_name(user_agent: str) -> str:
    """A browser and its system in a few words, as far as they are known: ``"Firefox on Windows"``.

    A user agent says what its sender likes: this is to recognise one's own devices by, and proves nothing.
    """
    browser, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or f"A browser on {system}"
    if len(user_agent) > LONGEST:
        return f"{user_agent[:LONGEST]}…"
    return user_agent.strip() or "An unknown browser"


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for token, name in names if token in user_agent), None)


def ago(moment: datetime, now: datetime) -> str:
    """How long ago it was, in the largest unit that fits: ``"2 hours ago"``."""
    seconds = (now - moment).total_seconds()
    for unit, length in UNITS:
        if seconds >= length:
            return f"{counted(int(seconds // length), unit)} ago"
    return "just now"


def counted(count: int, noun: str) -> str:
    """``"1 device"``, ``"2 devices"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Notice(NamedTuple):
    title: str
    text: str
    category: str = "warning"


# By the reason that the registry has. What the user has done on this device needs no words.
WHY_ENDED = {
    "revoked": Notice(
        "You were logged out of this device",
        "It was done on another device. If that was not you, log in and change your password.",
    ),
    "credentials_changed": Notice(
        "You were logged out of this device",
        "Your password was changed on another device. Log in with the new one.",
    ),
    "max_sessions": Notice(
        "You were logged out of this device",
        "You have logged in on many others since, and had not used this one for the longest time.",
    ),
    "idle_timeout": Notice("You were logged out", "You had not used this page for some time.", "info"),
    "absolute_timeout": Notice("You were logged out", "It was some time since you logged in.", "info"),
    "theft": Notice(
        "This login was used in two places",
        "Somebody may have copied it, so it has ended in both. Log in and change your password.",
        "error",
    ),
}
