"""What goes over the wire, how the databases find it, and in which portions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.pq import Trace
from registry.databases import mariadb_url, new_table, postgres_url
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from flask_sessionauth.registry import ActiveSession, SQLRegistry
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.registry.sql.table import values_of
from flask_sessionauth.testing.contract import changed, make_row

MANY = 20_000
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str | URL:
    urls = {"sqlite": lambda: f"sqlite:///{tmp_path}/app.db", "postgresql": postgres_url, "mariadb": mariadb_url}
    return urls[request.param]()


def fill(registry: SQLRegistry, rows: list[ActiveSession]) -> None:
    with registry.engine.connect().execution_options(isolation_level="READ UNCOMMITTED") as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("BEGIN"))
        connection.execute(registry.table.insert(), [values_of(row, connection.dialect.name) for row in rows])
        connection.commit()


@pytest.fixture
def registry(database: str | URL) -> Iterator[SQLRegistry]:
    registry = SQLRegistry(database, table=new_table())
    registry.create_all()
    yield registry
    registry.table.drop(registry.engine)
    registry.close()


class Recorder:
    """The statements that an engine has sent, with their values."""

    def __init__(self, engine: Engine) -> None:
        self.sent: list[tuple[str, Any]] = []
        event.listen(engine, "before_cursor_execute", self._record)

    def _record(self, connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        self.sent.append((statement, values))


def bad_plans_of_sqlite(connection: Connection, statement: str, values: Any) -> list[str]:
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    steps = [detail for *_, detail in plan]
    # SQLite looks each of a list of values up: that is the list.
    return [step for step in steps if not (step.startswith("SEARCH") and " INDEX " in step)]


def bad_plans_of_postgresql(connection: Connection, statement: str, values: Any) -> list[str]:
    steps = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    scans, sorts = ([step for step in steps if word in step] for word in ("Scan", "Sort"))
    return sorts + [step for step in scans if "Seq" in step] if scans else list(steps)


def bad_plans_of_mariadb(connection: Connection, statement: str, values: Any) -> list[str]:
    steps = connection.exec_driver_sql(f"EXPLAIN {statement}", values).mappings().all()
    good = ("const", "ref", "range")
    return [str(dict(step)) for step in steps if step["type"] not in good or "filesort" in (step["Extra"] or "")]


BAD_PLANS = {"sqlite": bad_plans_of_sqlite, "postgresql": bad_plans_of_postgresql, "mariadb": bad_plans_of_mariadb}
ANALYZE = {"sqlite": "ANALYZE {}", "postgresql": "ANALYZE {}", "mariadb": "ANALYZE TABLE {}"}


def test_plans(registry: SQLRegistry, database: str | URL) -> None:
    """Every statement finds its rows by an index, without looking at others or sorting."""
    rows = [make_row(f"owner {n % 2000}", forget_at=NOW + timedelta(minutes=n)) for n in range(MANY)]
    fill(registry, rows)
    # The one of an app goes by SQLAlchemy's connections also to look an id up.
    engine = create_engine(database)
    system, table = engine.dialect.name, registry.table.name
    with engine.connect() as connection:
        connection.execute(text(ANALYZE[system].format(table)))
        connection.commit()
    registry = SQLRegistry(engine, table=table)
    assert registry.get(rows[0].id) is not None
    recorder = Recorder(engine)
    registry.get(rows[-1].id)
    registry.replace(rows[-1], changed(rows[-1]))
    registry.of_owner("owner 1")
    registry.end_all("owner 1", None, NOW, "all")
    next(registry.all_rows())
    next(registry.purge(NOW + timedelta(minutes=2000)))
    registry.end_all(None, None, NOW, "all")
    plans = dict(recorder.sent)
    assert len(plans) == 9
    with engine.connect() as connection:
        bad = {statement: BAD_PLANS[system](connection, statement, values) for statement, values in plans.items()}
    engine.dispose()
    assert {statement: steps for statement, steps in bad.items() if steps} == {}


def round_trips_of_sqlite(connection: Any, call: Callable[[], object]) -> int:
    sent: list[str] = []
    connection.set_trace_callback(sent.append)
    call()
    connection.set_trace_callback(None)
    return len(sent)


def round_trips_of_postgresql(connection: Any, call: Callable[[], object]) -> int:
    with tempfile.TemporaryFile("r") as log:
        connection.pgconn.trace(log.fileno())
        connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        call()
        connection.pgconn.untrace()
        log.seek(0)
        # The end of each answer.
        return log.read().count("ReadyForQuery")


def round_trips_of_mariadb(connection: Any, call: Callable[[], object]) -> int:
    def questions() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
            return int(cursor.fetchone()[1])

    before = questions()
    call()
    # That is one, too.
    return questions() - before - 1


ROUND_TRIPS = {
    "sqlite": round_trips_of_sqlite,
    "postgresql": round_trips_of_postgresql,
    "mariadb": round_trips_of_mariadb,
}


def test_one_round_trip(registry: SQLRegistry) -> None:
    """To get a row is exactly one round trip, found or not: no transaction begins or ends, and nothing is tested."""
    row = make_row()
    registry.add(row)
    fairy = registry.engine.raw_connection()
    connection = fairy.driver_connection
    # So that there is but one in the pool.
    registry.engine.pool.dispose()
    fairy.close()
    for _ in range(7):
        # Once for each connection PostgreSQL's driver prepares a statement that comes again and again.
        registry.get(row.id)
    for id in (row.id, new_id("ada"), row.id):
        trips = ROUND_TRIPS[registry.engine.dialect.name](connection, lambda id=id: registry.get(id))
        assert trips == 1


def test_one_round_trip_by_an_engine() -> None:
    """With an engine of the app's for PostgreSQL, too, a row is one round trip, and so is each change."""
    engine = create_engine(postgres_url(), pool_size=1)
    registry = SQLRegistry(engine, table=new_table())
    registry.create_all()
    row = make_row()
    fairy = engine.raw_connection()
    connection = fairy.driver_connection
    fairy.close()
    calls = [lambda: registry.add(row), lambda: registry.get(row.id), lambda: registry.replace(row, changed(row))]
    trips = [round_trips_of_postgresql(connection, call) for call in calls]
    registry.table.drop(engine)
    engine.dispose()
    assert trips == [1, 1, 1]


def test_batches(registry: SQLRegistry) -> None:
    """Everybody's end, a purge and a list of all are portions of a thousand rows."""
    rows = [make_row(f"owner {n % 7}", forget_at=NOW) for n in range(2500)]
    fill(registry, rows)
    counts: list[int] = []

    def count(connection: Any, cursor: Any, *_: Any) -> None:
        counts.append(cursor.rowcount)

    event.listen(registry.engine, "after_cursor_execute", count)
    assert registry.end_all(None, None, NOW, "all") == 2500
    assert counts[1::2] == [1000, 1000, 500]
    assert sorted(row.id for row in registry.all_rows()) == sorted(row.id for row in rows)
    assert list(registry.purge(NOW + timedelta(milliseconds=1))) == [1000, 1000, 500]
    assert list(registry.all_rows()) == []


def test_logins_while_everybody_is_ended(registry: SQLRegistry) -> None:
    """An end of everybody's logins comes to an end while people log in, and has ended all that were there."""
    rows = [make_row(f"owner {n % 7}") for n in range(2500)]
    fill(registry, rows)
    busy = SQLRegistry(registry.engine.url, table=registry.table.name)
    new: list[ActiveSession] = []

    def log_in(*_: Any) -> None:
        more = [make_row(f"new {n}") for n in range(300)]
        new.extend(more)
        fill(busy, more)

    event.listen(registry.engine, "before_cursor_execute", log_in)
    assert len(rows) <= registry.end_all(None, None, NOW, "all") <= len(rows) + len(new)
    event.remove(registry.engine, "before_cursor_execute", log_in)
    assert len(new) < len(rows)
    ended = {row.id for row in busy.all_rows() if row.ended_at is not None}
    assert ended >= {row.id for row in rows}
    busy.close()


def test_purge_holds_nothing(registry: SQLRegistry) -> None:
    """Between two portions of a purge, and of a list, nobody else has to wait."""
    rows = [make_row(forget_at=NOW) for _ in range(1500)]
    fill(registry, rows)
    other = SQLRegistry(registry.engine.url, table=registry.table.name, timeout=0.5)
    batches, listed = registry.purge(NOW + timedelta(days=1)), registry.all_rows()
    next(listed)
    assert next(batches) == 1000
    row = make_row()
    assert other.add(row) is True
    assert other.replace(row, changed(row)) is True
    assert other.end_all(None, row.id, NOW, "all") == 500
    assert next(batches) == 500
    other.close()
    # The table can go only when nobody reads it.
    listed.close()
