"""The end of everybody's logins, and the purge of as many: how long it takes, and who has to wait for it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from registry_rows import load, rows, touched
from registry_stores import NoServerError, Store, running, settle
from registry_tables import Table, summary
from sqlalchemy import event

from flask_sessionauth import RegistryDownError
from flask_sessionauth.registry import ActiveSession, RedisRegistry, SQLRegistry

#: Rows that stay, whose users go on while the others' end.
_BYSTANDERS = 100
# Seconds between two looks, as requests come.
_PAUSE = 0.002
_FAR = timedelta(days=2000)


def bulk(kinds: list[str], count: int) -> list[Table]:
    """The part ``bulk``.

    :param kinds: of stores.
    :param count: how many rows are ended, and then forgotten.
    """
    batches = ("seconds", "rows/s", "batches", "longest ms")
    waiting = ("get ms: median / p99 / max", "replace ms: median / p99 / max", "failed")
    table = Table(f"All of {count:,} rows, and others meanwhile", ("store", "what", *batches, *waiting))
    for kind in kinds:
        try:
            with running(kind) as store:
                _measure(table, store, count)
        except NoServerError as error:
            print(f"left out: {error}")
    return [table]


def _measure(table: Table, store: Store, count: int) -> None:
    registry, batches = timed_registry(store)
    load(registry, rows(count, per_owner=2))
    staying = [replace(row, forget_at=row.forget_at + _FAR) for row in rows(_BYSTANDERS, start=2 * count)]
    load(registry, staying)
    settle(store)
    ids, now = [row.id for row in staying], datetime.now(UTC).replace(microsecond=0)
    with bystander(store, ids) as waited:
        time.sleep(min(3.0, count / 1000))
    _add(table, store, "nothing", 0, 0.0, [], waited)
    for what in ("end_all", "purge"):
        batches.clear()
        with bystander(store, ids) as waited:
            start = time.perf_counter()
            if what == "end_all":
                done = registry.end_all(None, None, now, "revoked")
            else:
                done = sum(registry.purge(now + _FAR))
            seconds = time.perf_counter() - start
        assert done == count + (len(ids) if what == "end_all" else 0), done
        _add(table, store, what, done, seconds, batches, waited)
        settle(store)
    assert sum(1 for _ in registry.all_rows()) == len(ids)


def _add(
    table: Table, store: Store, what: str, done: int, seconds: float, batches: list[float], waited: dict[str, Any]
) -> None:
    times = {name: summary(waited[name]) for name in ("get", "replace")}
    longest, failed = max(batches, default=0.0) * 1e3, waited["failed"]
    counted = ("", "", "", "")
    if done:
        counted = (f"{seconds:.1f}", f"{done / seconds:,.0f}", f"{len(batches):,}", f"{longest:.0f}")
    shown = [f"{found.p50:.1f} / {found.p99:.1f} / {found.max:.0f}" for found in times.values()]
    numbers = {"rows": done, "seconds": seconds, "batches": len(batches), "longest_ms": longest, "failed": failed}
    waiting = {name: found._asdict() for name, found in times.items()}
    table.add((store.name, what, *counted, *shown, str(failed)), store=store.name, what=what, **numbers, **waiting)


def timed_registry(store: Store) -> tuple[RedisRegistry | SQLRegistry, list[float]]:
    """A client, and the seconds that each batch took which it has sent to the store since the list was cleared."""
    seconds: list[float] = []

    class TimedRegistry(RedisRegistry):
        def _run_together(self, *arguments: Any) -> list[Any]:
            start = time.perf_counter()
            answers = super()._run_together(*arguments)
            seconds.append(time.perf_counter() - start)
            return answers

    registry = store.registry()
    if isinstance(registry, RedisRegistry):
        return TimedRegistry(store.url), seconds
    starts: list[float] = []
    event.listen(registry.engine, "before_cursor_execute", lambda *_: starts.append(time.perf_counter()))

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        took = time.perf_counter() - starts.pop()
        if not statement.startswith("SELECT"):
            seconds.append(took)

    event.listen(registry.engine, "after_cursor_execute", note)
    return registry, seconds


# Somebody else, in a process of their own


@contextmanager
def bystander(store: Store, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Let somebody read and touch rows meanwhile.

    :returns: at the end of the block: milliseconds of each ``get`` and ``replace``, and how many ``failed``.
    """
    waited: dict[str, Any] = {}
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_stand_by, args=(store, ids, theirs))
    process.start()
    ours.recv()
    try:
        yield waited
    finally:
        ours.send("enough")
        waited.update(ours.recv())
        process.join()


def _stand_by(store: Store, ids: list[str], pipe: Connection) -> None:
    registry, number = store.registry(), 0
    waited: dict[str, Any] = {"get": [], "replace": [], "failed": 0}
    registry.get(ids[0])
    pipe.send("ready")
    while not pipe.poll() or not waited["get"]:
        number += 1
        try:
            _look(registry, ids[number % len(ids)], waited)
        except RegistryDownError:
            waited["failed"] += 1
        time.sleep(_PAUSE)
    pipe.send(waited)


def _look(registry: RedisRegistry | SQLRegistry, id: str, waited: dict[str, Any]) -> None:
    start = time.perf_counter()
    row = registry.get(id)
    between = time.perf_counter()
    assert isinstance(row, ActiveSession)
    # It may be ended between the two: that is no failure.
    registry.replace(row, touched(row))
    waited["get"].append((between - start) * 1e3)
    waited["replace"].append((time.perf_counter() - between) * 1e3)
