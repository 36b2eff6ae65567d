"""Durations and numbers as people write them."""

from __future__ import annotations

from datetime import timedelta

_UNITS = ((86400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def duration(span: timedelta | float) -> str:
    """A duration (a ``timedelta`` or seconds) to read, in its two largest units: ``30 days``, ``1 h 30 min``."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if seconds < 1:
        return f"{seconds:g} s"
    rest, parts = round(seconds), []
    for size, unit in _UNITS:
        # A single day is easier to compare as 24 hours.
        if unit == "day" and rest < 2 * size:
            continue
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount} {unit}{'s' if unit == 'day' else ''}")
    return " ".join(parts[:2])


def count(number: int, noun: str) -> str:
    """A number of things: ``1 error``, ``2 errors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: list[str], most: int = 5) -> str:
    """Names in a row, the first few of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
