"""How long one call of a store takes, among a thousand rows and among a million."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from registry_rows import load, rows, touched
from registry_stores import NoServerError, running, settle
from registry_tables import Table, Times, summary

from flask_sessionauth.registry import ActiveSession, SessionRegistry

PER_OWNER = 2

T = TypeVar("T")


def latency(kinds: list[str], sizes: list[int], calls: int) -> list[Table]:
    """The part ``latency``.

    :param kinds: of stores.
    :param sizes: how many rows there are, in ascending order.
    :param calls: how many of each kind are timed.
    """
    table = Table("Time of a call, µs: median / 99th percentile", ("store, rows", "get", "replace", "of_owner"))
    for kind in kinds:
        try:
            with running(kind) as store:
                registry, known, there = store.registry(), list[tuple[str, str]](), 0
                for size in sizes:
                    load(registry, _noted(rows(size - there, there, PER_OWNER), known, max(1, (size - there) // calls)))
                    there = size
                    settle(store)
                    times = time_calls(registry, known, calls)
                    cells = [f"{found.p50:.0f} / {found.p99:.0f}" for found in times.values()]
                    numbers = {name: found._asdict() for name, found in times.items()}
                    table.add([f"{store.name}, {size:,}", *cells], store=store.name, kind=kind, rows=size, **numbers)
        except NoServerError as error:
            print(f"left out: {error}")
    return [table]


def _noted(many: Iterator[ActiveSession], known: list[tuple[str, str]], step: int) -> Iterator[ActiveSession]:
    """The same rows; of some of them, the ids and owners are noted."""
    for number, row in enumerate(many):
        if number % step == 0:
            known.append((row.id, row.owner))
        yield row


def time_calls(registry: SessionRegistry, known: list[tuple[str, str]], calls: int) -> dict[str, Times]:
    """Median, 99th percentile and greatest of the times of calls of each kind, in microseconds."""
    chance = random.Random(calls)  # noqa: S311
    times: dict[str, list[float]] = {"get": [], "replace": [], "of_owner": []}
    for number in range(calls + 100):
        id, owner = chance.choice(known)
        row, get_time = _timed(registry.get, id)
        assert row is not None
        done, replace_time = _timed(registry.replace, row, touched(row))
        found, of_owner_time = _timed(registry.of_owner, owner)
        assert done
        assert len(found) == PER_OWNER
        # The first hundred warm it up.
        if number >= 100:
            for name, took in (("get", get_time), ("replace", replace_time), ("of_owner", of_owner_time)):
                times[name].append(took)
    return {name: summary(values) for name, values in times.items()}


def _timed(call: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    start = time.perf_counter()
    result = call(*arguments)
    return result, (time.perf_counter() - start) * 1e6
