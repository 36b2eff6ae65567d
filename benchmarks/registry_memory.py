"""The memory of a session on Redis, ours and Flask-Session's, and the room that one of ours takes in a database.

Redis's is the difference of ``used_memory``, before and after many; a database's is that of the table and its indexes.
"""

from __future__ import annotations

import secrets
from typing import Any

import overhead
from registry_requests import make_theirs
from registry_rows import load, rows
from registry_stores import NoServerError, Store, redis_client, running, settle
from registry_tables import Table

from flask_sessionauth.registry import SQLRegistry

#: Bytes: the most that a session may take.
GOAL = 512

_SID_BYTES = 32
_SIZES = {
    "postgresql": "SELECT pg_total_relation_size('{}')",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
}


def memory(count: int) -> list[Table]:
    """The part ``memory``.

    :param count: how many sessions, each of another user.
    """
    headings = ("server", "sessions", "keys", "bytes a session", "goal")
    table = Table("Memory of a session", headings)
    for kind in ("redis", "valkey", "postgresql", "sqlite"):
        try:
            (_measure_sql if kind in _SIZES else _measure)(table, kind, count)
        except NoServerError as error:
            print(f"left out: {error}")
    return [table]


def _measure_sql(table: Table, kind: str, count: int) -> None:
    with running(kind) as store:
        registry = store.registry()
        assert isinstance(registry, SQLRegistry)
        load(registry, rows(count))
        settle(store)
        with registry.engine.connect() as connection:
            size = int(connection.exec_driver_sql(_SIZES[kind].format(registry.table.name)).scalar_one())
        cells = (f"{store.name}: ours, on the disk", f"{count:,}", "", f"{size / count:.0f}", "")
        table.add(cells, server=store.name, label="on the disk", sessions=count, bytes=size / count, goal=None)


def _measure(table: Table, kind: str, count: int) -> None:
    contents = {
        "ours, the user agent of a browser": _add_rows(True),
        "ours, 110 random characters for a user agent": _add_rows(False),
        "Flask-Session's, of Flask-Login": _copy_theirs,
    }
    for label, fill in contents.items():
        # A new server for each, which writes no file: what it keeps for that is not a session's.
        with running(kind, is_durable=False) as store, redis_client(store) as server:
            # What the first of anything takes, as for scripts, is not a session's.
            fill(store, server, 10)
            before, keys = int(server.info("memory")["used_memory"]), server.dbsize()
            fill(store, server, count)
            bytes_each = (int(server.info("memory")["used_memory"]) - before) / count
            keys_each = (server.dbsize() - keys) / count
        goal = GOAL if "ours" in label else None
        cells = (f"{store.name}: {label}", f"{count:,}", f"{keys_each:.0f}", f"{bytes_each:.0f}", str(goal or ""))
        table.add(cells, server=store.name, label=label, sessions=count, bytes=bytes_each, goal=goal)


def _add_rows(known_agents: bool) -> Any:
    numbers = iter(range(0, 10_000_000, 1_000_000))

    def fill(store: Store, server: Any, count: int) -> None:
        registry = store.registry()
        for row in rows(count, start=next(numbers), known_agents=known_agents):
            assert registry.add(row)

    return fill


def _copy_theirs(store: Store, server: Any, count: int) -> None:
    """What one login writes, under as many ids of the same length: each has the same size."""
    overhead.log_in(make_theirs(store))
    (key,) = server.keys("session:*")[:1]
    value, seconds = server.get(key), server.ttl(key)
    with server.pipeline(transaction=False) as pipeline:
        for number in range(count):
            pipeline.set(f"session:{secrets.token_urlsafe(_SID_BYTES)}", value, ex=seconds)
            if number % 1000 == 999:
                pipeline.execute()
        pipeline.execute()
