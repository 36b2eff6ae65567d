"""Many rows, as real people's browsers make them, and how to put them into a store quickly."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from flask_sessionauth.registry import ActiveSession, RedisRegistry, SQLRegistry
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.registry.packing import MARK_BYTES, milliseconds, pack
from flask_sessionauth.registry.redis_scripts import ADD
from flask_sessionauth.registry.sql.table import FIELDS, values_of

_BATCH = 1000
_FIRST_OWNER = 1_000_000
_YEAR = timedelta(days=365)

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36 OPR/{}.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/{}.0 Safa",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{}.0) Gecko/20100101 Firefox/{}.0 (a distribution's own build, 2026)",
)


def rows(count: int, start: int = 0, per_owner: int = 1, known_agents: bool = True) -> Iterator[ActiveSession]:
    """Rows of logins that have gone on for a while: remembered, restored twice, of users with a security stamp.

    :param start: the number of the first.
    :param per_owner: how many in turn are of one user.
    :param known_agents: whether their user agents are those of browsers, and not random.
    """
    chance = random.Random(start)  # noqa: S311
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(start, start + count):
        owner = str(_FIRST_OWNER + number // per_owner)
        began = now - timedelta(milliseconds=chance.randrange(30 * 86_400_000))
        restored = began + timedelta(milliseconds=chance.randrange(1, 86_400_000))
        used = restored + timedelta(milliseconds=chance.randrange(1, 86_400_000))
        yield ActiveSession(
            id=new_id(owner),
            owner=owner,
            user_id=owner,
            seed=secrets.token_bytes(32),
            created_at=began,
            expires_at=began + _YEAR,
            last_seen_at=used,
            authenticated_at=began,
            remembered=True,
            remote_addr=".".join(str(chance.randrange(10, 254)) for _ in range(4)),
            user_agent=_agent(chance) if known_agents else secrets.token_urlsafe(110)[:110],
            stamp=secrets.token_urlsafe(12),
            generation=3,
            previous_generation=2,
            rotated_at=restored,
            confirmed_at=restored,
            epoch=3,
            renewed_at=restored,
            renewal_seen=True,
            forget_at=began + _YEAR,
            version=5,
        )


def _agent(chance: random.Random) -> str:
    """One of about 110 bytes, as most of them have."""
    version = chance.randrange(100, 146)
    return chance.choice(_AGENTS).format(version, version)[:110]


def touched(row: ActiveSession) -> ActiveSession:
    """The row after somebody was seen to use it."""
    return replace(row, last_seen_at=row.last_seen_at + timedelta(minutes=1), version=row.version + 1)


def load(registry: RedisRegistry | SQLRegistry, many: Iterable[ActiveSession]) -> None:
    """Put new rows into a store, past the registry's own way, which takes one at a time."""
    if isinstance(registry, RedisRegistry):
        _load_redis(registry, many)
    elif registry.engine.dialect.name == "postgresql":
        _load_postgresql(registry, many)
    else:
        _load_sqlite(registry, many)


def _load_redis(registry: RedisRegistry, many: Iterable[ActiveSession]) -> None:
    for batch in _batches(many):
        calls: list[tuple[list[bytes], list[Any]]] = [
            (
                [registry._key(row.id), registry._index(row.id[:3], row.owner)],
                [row.id[3:], pack(row, secrets.token_bytes(MARK_BYTES)), milliseconds(row.forget_at)],
            )
            for row in batch
        ]
        registry._run_together(registry._client, ADD, calls)


def _load_postgresql(registry: SQLRegistry, many: Iterable[ActiveSession]) -> None:
    table = registry.table.name
    for batch in _batches(many, 10 * _BATCH):
        with registry.engine.connect() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY {table} ({', '.join(FIELDS)}) FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(tuple(values_of(row, "postgresql").values()))


def _load_sqlite(registry: SQLRegistry, many: Iterable[ActiveSession]) -> None:
    names = ", ".join(f":{name}" for name in FIELDS)
    statement = f"INSERT INTO {registry.table.name} ({', '.join(FIELDS)}) VALUES ({names})"  # noqa: S608
    for batch in _batches(many, 20 * _BATCH):
        with registry.engine.connect() as connection:
            # Cache for the time of the load only: the connection goes away with it.
            connection.exec_driver_sql("PRAGMA cache_size = -500000")
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(statement, [values_of(row, "sqlite") for row in batch])
            connection.exec_driver_sql("COMMIT")


def _batches(many: Iterable[ActiveSession], size: int = _BATCH) -> Iterator[tuple[ActiveSession, ...]]:
    iterator = iter(many)
    while batch := tuple(islice(iterator, size)):
        yield batch
