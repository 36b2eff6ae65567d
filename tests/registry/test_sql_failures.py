"""A SQL database that is down, slow, locked, or not what it should be."""

from __future__ import annotations

import signal
import socket
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from registry.databases import PASSWORD, mariadb_url, new_table, postgres_url
from registry.unreliable import Address, UnreliableWay
from sqlalchemy import URL, NullPool, create_engine, event, text
from sqlalchemy.exc import DataError

from flask_sessionauth.errors import ConfigurationError, RegistryDownError, SetupError
from flask_sessionauth.registry import SQLRegistry
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.testing.contract import changed, make_row

#: Seconds. PostgreSQL's driver takes at least two to connect.
TIMEOUT = 0.5
IN_TIME = 3.5

SERVERS = pytest.mark.parametrize("server", [postgres_url, mariadb_url])


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.db"


def address_of(url: URL) -> Address:
    if "host" in url.query:
        return f"{url.query['host']}/.s.PGSQL.5432"
    if "unix_socket" in url.query:
        return str(url.query["unix_socket"])
    return str(url.host), url.port or {"postgresql": 5432}.get(url.get_backend_name(), 3306)


def by_port(url: URL, port: int) -> URL:
    """The same database, by another way, and with a password."""
    return url.set(host="127.0.0.1", port=port, query={}, password=url.password or PASSWORD)


def assert_down(call: Callable[[], object], seconds: float = IN_TIME) -> BaseException:
    """It says so in time, and says no password; why."""
    began = time.monotonic()
    with pytest.raises(RegistryDownError) as caught:
        call()
    assert time.monotonic() - began < seconds
    assert caught.value.__cause__ is not None
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return caught.value.__cause__


@contextmanager
def ready(database: Any, **options: Any) -> Iterator[SQLRegistry]:
    registry = SQLRegistry(database, table=new_table(), **options)
    registry.create_all()
    try:
        yield registry
    finally:
        registry.table.drop(registry.engine)
        registry.engine.dispose()


@contextmanager
def unreliable(server: Callable[[], URL]) -> Iterator[tuple[SQLRegistry, UnreliableWay]]:
    """A registry with a table, and the way to it."""
    with ready(server()) as reliable, UnreliableWay(address_of(server())) as way:
        registry = SQLRegistry(by_port(server(), way.port), table=reliable.table.name, timeout=TIMEOUT)
        try:
            yield registry, way
        finally:
            registry.close()


def use_connections(registry: SQLRegistry, count: int) -> None:
    """Have the pool hold so many connections, at least."""
    with ExitStack() as connections:
        for _ in range(count):
            connections.enter_context(registry.engine.connect())


@SERVERS
def test_nobody_there(server: Callable[[], URL]) -> None:
    """Without a server the registry is down, for every call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    registry = SQLRegistry(by_port(server(), port), timeout=TIMEOUT)
    row = make_row()
    calls: list[Callable[[], object]] = [
        registry.ping,
        registry.create_all,
        lambda: registry.get(row.id),
        lambda: registry.add(row),
        lambda: registry.replace(row, changed(row)),
        lambda: registry.of_owner(row.owner),
        lambda: list(registry.purge(row.created_at)),
        lambda: list(registry.all_rows()),
        lambda: registry.end_all(row.owner, None, row.created_at, "all"),
        lambda: registry.end_all(None, None, row.created_at, "all"),
    ]
    for call in calls:
        assert_down(call)


@SERVERS
def test_black_hole(server: Callable[[], URL]) -> None:
    """A server that takes connections, and never says a word, is down in a few seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        registry = SQLRegistry(by_port(server(), listener.getsockname()[1]), timeout=TIMEOUT)
        assert_down(lambda: registry.get(new_id("ada")))
        registry.close()


@SERVERS
def test_silence(server: Callable[[], URL]) -> None:
    """A server that falls silent on open connections is down in time; when it speaks again, all is well."""
    with unreliable(server) as (registry, way):
        row = make_row()
        registry.add(row)
        for call in (lambda: registry.get(row.id), lambda: registry.of_owner(row.owner)):
            assert registry.get(row.id) == row
            way.mute()
            # Not a second time on a new connection.
            assert_down(call, 2)
            way.mend()
        assert registry.get(row.id) == row
        assert registry.replace(row, changed(row)) is True


@SERVERS
def test_back_again(server: Callable[[], URL]) -> None:
    """When the server is back, dead connections, however many the pool has, are no failure of a read."""
    with unreliable(server) as (registry, way):
        row = make_row()
        registry.add(row)
        for read in (lambda: registry.get(row.id), lambda: registry.of_owner(row.owner)[0]):
            use_connections(registry, 3)
            way.cut()
            assert_down(read)
            way.mend()
            assert read() == row
            use_connections(registry, 3)
            way.cut()
            way.mend()
            assert read() == row


class Interruption(BaseException):
    """What somebody else's time limit raises, in the middle of anything."""


def interrupt(*_: object) -> None:
    raise Interruption


@SERVERS
def test_interruption(server: Callable[[], URL]) -> None:
    """When a look-up is broken off, the next one does not get its answer."""
    with unreliable(server) as (registry, way):
        row, other = make_row(), make_row()
        registry.add(row)
        registry.add(other)
        assert registry.get(row.id) == row
        way.mute()
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, TIMEOUT / 5)
            with pytest.raises(Interruption):
                registry.get(row.id)
        finally:
            signal.signal(signal.SIGALRM, before)
        way.mend()
        assert registry.get(other.id) == other
        assert registry.engine.pool.checkedout() == 0


@SERVERS
def test_cut_in_a_write(server: Callable[[], URL]) -> None:
    """A write that may have been done before the connection died is not done again: the registry was down."""
    with unreliable(server) as (registry, way):
        row = make_row()
        registry.add(row)
        way.cut()
        way.mend()
        assert_down(lambda: registry.replace(row, changed(row)))
        assert registry.replace(row, changed(row)) is True


@SERVERS
def test_locked_row(server: Callable[[], URL]) -> None:
    """A row that somebody else has locked makes the registry down in time, and only as long as that."""
    with ready(server()) as other:
        registry = SQLRegistry(server(), table=other.table.name, timeout=TIMEOUT)
        row = make_row()
        registry.add(row)
        with create_engine(server(), poolclass=NullPool).connect() as connection:
            connection.execute(registry.table.update().values(version=1, user_agent="locked"))
            for call in (
                lambda: registry.replace(row, changed(row)),
                lambda: registry.end_all(None, None, row.created_at, "all"),
            ):
                # The server, not we: it would do it later, when we have said that it is not done.
                assert "Lost connection" not in str(assert_down(call))
            assert registry.get(row.id) == row
            connection.rollback()
        assert registry.replace(row, changed(row)) is True
        registry.close()


def test_limits_of_mariadb() -> None:
    """MariaDB itself ends what takes too long."""
    registry = SQLRegistry(mariadb_url(), timeout=2.5)
    with registry.engine.connect() as connection:
        limits = connection.execute(text("SELECT @@max_statement_time, @@innodb_lock_wait_timeout")).one()
    registry.close()
    assert tuple(map(float, limits)) == (2.5, 2.0)


@SERVERS
def test_no_connection_left(server: Callable[[], URL]) -> None:
    """When all connections of the pool are in use, the registry is down in time."""
    with ready(server(), timeout=TIMEOUT) as registry:
        with ExitStack() as connections:
            for _ in range(15):
                connections.enter_context(registry.engine.connect())
            assert_down(lambda: registry.get(new_id("ada")))
            assert_down(lambda: registry.of_owner("ada"))
        assert registry.get(new_id("ada")) is None


def test_sqlite_is_locked(tmp_path: Path) -> None:
    """While somebody else writes to a SQLite file, reads go on, and a write waits, but not for ever."""
    with ready(sqlite_url(tmp_path), timeout=TIMEOUT) as registry:
        row = make_row()
        registry.add(row)
        with create_engine(sqlite_url(tmp_path), poolclass=NullPool).connect() as connection:
            connection.execute(text("BEGIN IMMEDIATE"))
            assert_down(lambda: registry.replace(row, changed(row)))
            assert_down(lambda: registry.end_all(None, None, row.created_at, "all"))
            assert registry.get(row.id) == row
            connection.rollback()
        assert registry.replace(row, changed(row)) is True


def test_sqlite_is_locked_at_first(tmp_path: Path) -> None:
    """Who comes to a new SQLite file while another writes to it waits, too, and not for ever."""
    writer = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    registry = SQLRegistry(sqlite_url(tmp_path), timeout=TIMEOUT)
    assert_down(registry.ping)
    release = threading.Timer(TIMEOUT / 2, writer.rollback)
    release.start()
    registry.create_all()
    assert list(registry.all_rows()) == []
    release.join()
    registry.close()
    writer.close()


def test_sqlite_in_a_missing_folder(tmp_path: Path) -> None:
    """A SQLite file that cannot be opened is a registry that is down."""
    assert_down(lambda: SQLRegistry(sqlite_url(tmp_path / "missing")).get(new_id("ada")))


CONFLICTS = [
    (postgres_url, lambda: psycopg.errors.DeadlockDetected("deadlock detected")),
    (postgres_url, lambda: psycopg.errors.SerializationFailure("could not serialize access")),
    (mariadb_url, lambda: pymysql.err.OperationalError(1213, "Deadlock found")),
    (mariadb_url, lambda: pymysql.err.OperationalError(1020, "Record has changed since last read")),
]


@pytest.mark.parametrize(("server", "conflict"), CONFLICTS)
def test_conflicts(server: Callable[[], URL], conflict: Callable[[], Exception]) -> None:
    """A statement that lost against another transaction is repeated, a few times."""
    with ready(server()) as registry:
        row = make_row()
        registry.add(row)
        left = 0

        def fail(*_: Any) -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                raise conflict()

        event.listen(registry.engine, "do_execute", fail)
        left = 4
        assert registry.replace(row, changed(row)) is True
        left = 100
        assert_down(lambda: registry.end_all(row.owner, None, row.created_at, "all"))
        assert left == 95
        left = 0


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str | URL:
    urls = {"sqlite": lambda: sqlite_url(tmp_path), "postgresql": postgres_url, "mariadb": mariadb_url}
    return urls[request.param]()


def test_no_table(database: str | URL) -> None:
    """Without its table the registry says how it is made, and never makes it by itself."""
    registry = SQLRegistry(database, table=new_table())
    row = make_row()
    calls: list[Callable[[], object]] = [
        lambda: registry.get(row.id),
        lambda: registry.add(row),
        lambda: registry.replace(row, changed(row)),
        lambda: list(registry.purge(row.created_at)),
    ]
    for call in calls:
        with pytest.raises(SetupError, match=rf"{registry.table.name}.*create_all\(\).*flask login init"):
            call()
    registry.ping()
    registry.close()


def test_a_table_of_another_version(database: str | URL) -> None:
    """A table that lacks a column is told as one that is missing."""
    with ready(database) as registry:
        with registry.engine.connect() as connection:
            connection.execute(text(f"ALTER TABLE {registry.table.name} DROP COLUMN stamp"))
        row = make_row()
        for call in (lambda: registry.get(row.id), lambda: registry.add(row)):
            with pytest.raises(SetupError, match="of another version"):
                call()


def test_errors_show_no_values() -> None:
    """An error that is the program's own fault has none of the row's values in it, also with an engine of the app's."""
    seed = b"a seed that is for nobody to see"
    with ready(create_engine(postgres_url())) as registry, pytest.raises(DataError) as caught:
        registry.add(make_row(user_agent="x" * 600, seed=seed))
    assert seed.decode() not in "".join(traceback.format_exception(caught.value))
    assert "hidden" in str(caught.value)


def test_repr() -> None:
    """A registry's `repr` names its table, and no URL."""
    registry = SQLRegistry(f"postgresql+psycopg://ada:{PASSWORD}@localhost/app?password={PASSWORD}")
    assert repr(registry) == "<SQLRegistry 'flask_sessionauth_sessions'>"


@pytest.mark.parametrize(
    ("database", "message"),
    [
        (f"//ada:{PASSWORD}@localhost", "not a URL"),
        (f"oracle+oracledb://ada:{PASSWORD}@localhost/app", "no time limits for oracle"),
        (
            f"postgresql+psycopg2://ada:{PASSWORD}@localhost/app",
            r"allowed: sqlite\+pysqlite://, postgresql\+psycopg://",
        ),
        (f"postgres://ada:{PASSWORD}@localhost/app", "no time limits for postgres:"),
        (7, "a int is no database"),
        (None, "a NoneType is no database"),
    ],
)
def test_wrong_databases(database: Any, message: str) -> None:
    """What is no database we know is refused by name, without its password."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        SQLRegistry(database)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_wrong_timeouts(timeout: float) -> None:
    """A time limit that is none is refused."""
    with pytest.raises(ConfigurationError, match="timeout="):
        SQLRegistry("sqlite://", timeout=timeout)


def test_plain_names() -> None:
    """A URL that names no driver gets the one that is supported."""
    names = {
        "sqlite://": "pysqlite",
        "postgresql://localhost/app": "psycopg",
        "mysql://localhost/app": "pymysql",
        "mariadb://localhost/app": "pymysql",
    }
    assert {url: SQLRegistry(url).engine.dialect.driver for url in names} == names
