"""A store in the memory of one process, for development and tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from threading import Lock

from .base import ActiveSession

# Rows. Between two batches other threads get the lock.
_BATCH = 1000


class MemoryRegistry:
    """Keeps active sessions in the memory of this process: for development and tests, not for production.

    All logins are gone when the process ends. A server with several processes, forked or not, has as many stores, and
    a login that one of them knows is none to the others. Threads may share a store.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, ActiveSession] = {}
        self._ids_of: dict[str, set[str]] = {}

    def add(self, row: ActiveSession, /) -> bool:
        """Keep a new row. False, and nothing changed, if there is one with this id."""
        with self._lock:
            if row.id in self._rows:
                return False
            self._rows[row.id] = _kept(row)
            self._ids_of.setdefault(row.owner, set()).add(row.id)
        return True

    def get(self, id: str, /) -> ActiveSession | None:
        """The row with this id, also an ended or expired one, until it is purged."""
        # A look into a dict is one step to other threads, so it needs no lock.
        return self._rows.get(id)

    def replace(self, old: ActiveSession, new: ActiveSession, /) -> bool:
        """Put a row in the place of another with the same id and owner, if it has the version of ``old``."""
        with self._lock:
            row = self._rows.get(old.id)
            if row is None or row.version != old.version:
                return False
            self._rows[old.id] = _kept(new)
        return True

    def of_owner(self, owner: str, /) -> list[ActiveSession]:
        """All rows of an owner that are not purged, in any order."""
        with self._lock:
            return [self._rows[id] for id in self._ids_of.get(owner, ())]

    def purge(self, before: datetime, /) -> Iterator[int]:
        """Forget the rows whose ``forget_at`` is before a time, in batches; how many there were in each."""
        for ids in self._batches(None):
            with self._lock:
                due = [row for id in ids if (row := self._rows.get(id)) and row.forget_at < before]
                for row in due:
                    self._forget(row)
            if due:
                yield len(due)

    def end_all(self, owner: str | None, keep: str | None, at: datetime, reason: str, /) -> int:
        """End every row of an owner, or of everybody, that has not ended, but the one to keep; how many ended."""
        count = 0
        for ids in self._batches(owner):
            with self._lock:
                for id in ids:
                    row = self._rows.get(id)
                    if row is None or row.ended_at is not None or id == keep:
                        continue
                    self._rows[id] = dataclasses.replace(row, ended_at=at, ended_reason=reason, version=row.version + 1)
                    count += 1
        return count

    def ping(self) -> None:
        """Nothing: memory can always be reached."""

    def all_rows(self) -> Iterator[ActiveSession]:
        """Every row that was there when the first was asked for, in any order. Nobody waits for it meanwhile."""
        with self._lock:
            rows = list(self._rows.values())
        yield from rows

    def _batches(self, owner: str | None) -> Iterator[list[str]]:
        """The ids that an owner, or everybody, has now, a batch at a time."""
        with self._lock:
            ids = list(self._rows if owner is None else self._ids_of.get(owner, ()))
        for start in range(0, len(ids), _BATCH):
            yield ids[start : start + _BATCH]

    def _forget(self, row: ActiveSession) -> None:
        del self._rows[row.id]
        ids = self._ids_of[row.owner]
        ids.remove(row.id)
        if not ids:
            del self._ids_of[row.owner]


def _kept(row: ActiveSession) -> ActiveSession:
    return dataclasses.replace(row, current=False) if row.current else row
