"""What this process has read from the registry a moment ago: ``LOGIN_REGISTRY_CACHE`` says how old it may be."""

from __future__ import annotations

import time

from .registry.base import ActiveSession

_MOST = 10_000


class Recent:
    """Rows by id, each with the moment it was read. At most 10,000."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[ActiveSession, float]] = {}

    def get(self, id: str, seconds: float) -> ActiveSession | None:
        """A row, if it was read at most so many seconds ago."""
        found = self._rows.get(id)
        if found is None or time.monotonic() - found[1] > seconds:
            return None
        return found[0]

    def put(self, row: ActiveSession) -> None:
        """Keep a row that was just read."""
        if len(self._rows) >= _MOST:
            self._rows.clear()
        self._rows[row.id] = (row, time.monotonic())

    def clear(self) -> None:
        """Forget all."""
        self._rows.clear()

    def drop(self, id: str) -> None:
        """Forget a row that was changed."""
        self._rows.pop(id, None)
