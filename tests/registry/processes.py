"""What the processes of ``test_sql_processes`` do: in a module that a new process can import by its name."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import URL

from flask_sessionauth.registry import ActiveSession, SQLRegistry
from flask_sessionauth.testing.contract import changed, make_row


def wait_for(start: float) -> None:
    while time.time() < start:
        pass


def replace_each(
    start: float, database: URL | str, table: str, rows: Sequence[ActiveSession], number: int
) -> list[bool]:
    registry = SQLRegistry(database, table=table, timeout=30)
    registry.ping()
    wait_for(start)
    won = [registry.replace(row, changed(row, user_agent=str(number))) for row in rows]
    registry.close()
    return won


def create(start: float, database: URL | str, table: str, number: int) -> bool:
    registry = SQLRegistry(database, table=table, timeout=30)
    wait_for(start)
    registry.create_all()
    added = registry.add(make_row(f"owner {number}"))
    registry.close()
    return added
