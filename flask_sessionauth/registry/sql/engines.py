"""Engines of our own: with a time limit on everything, no transaction around a single statement, and safe to fork."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Generator
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from ...errors import ConfigurationError
from .table import MYSQL

# SQLAlchemy's own choice is another for some of them, and so is that of its next version.
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
# Seconds: shorter than what lies between may forget an idle connection in.
_RECYCLE = 1800
_HEAD_START = 0.5
# Seconds between two tries for something that SQLite does not wait for.
_PAUSE = 0.01

_ours: WeakSet[Engine] = WeakSet()


def own_engine(url: str | URL, timeout: float) -> Engine:
    """An engine whose connections are in autocommit mode, and give up after a time.

    :param timeout: seconds, for a connection from the pool, to connect, and for a statement.
    :raises ConfigurationError: if the URL is none, or of a driver whose time limits we do not know.
    """
    parsed = _parsed(url)
    system, options = parsed.get_backend_name(), dict[str, Any]()
    if system == "sqlite":
        arguments: dict[str, Any] = {"timeout": timeout}
        if _is_in_memory(parsed):
            # The database is the connection: threads take turns.
            arguments["check_same_thread"] = False
            options = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_recycle": -1}
    elif system in MYSQL:
        arguments = _mysql_limits(timeout)
    else:
        arguments = _postgresql_limits(parsed, timeout)
    engine = create_engine(
        parsed,
        # What somebody has said in the URL goes.
        connect_args={name: value for name, value in arguments.items() if name not in parsed.query},
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        # Nothing is left to roll back; to say so would be one more round trip.
        pool_reset_on_return=None,
        pool_timeout=timeout,
        **({"pool_recycle": _RECYCLE} | options),
    )
    if system == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    elif system == "postgresql":
        event.listen(engine, "do_connect", _impatient(timeout))
    if not _is_in_memory(parsed):
        _ours.add(engine)
    return engine


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Its text may have the URL in it, and that a password.
        raise ConfigurationError("the registry's database is not a URL that SQLAlchemy understands") from None
    system, _, driver = parsed.drivername.partition("+")
    if (driver or _DRIVERS.get(system)) != _DRIVERS.get(system) or system not in _DRIVERS:
        known = ", ".join(f"{system}+{driver}://" for system, driver in _DRIVERS.items())
        raise ConfigurationError(
            f"the registry has no time limits for {parsed.drivername}://; allowed: {known}; "
            "for any other, make an engine with time limits, and give that"
        )
    return parsed.set(drivername=f"{system}+{_DRIVERS[system]}")


def _is_in_memory(url: URL) -> bool:
    if url.get_backend_name() != "sqlite":
        return False
    return url.database in (None, "", ":memory:") or ":memory:" in url.database or url.query.get("mode") == "memory"


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Readers and a writer do not wait for each other. A power failure may lose the last writes, but breaks nothing.
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _use_wal(connection: Any) -> None:
    import sqlite3

    # Of several processes that are the first, one does it, and SQLite does not let the others wait, as it else does.
    (milliseconds,) = connection.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + milliseconds / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


def _mysql_limits(timeout: float) -> dict[str, Any]:
    # The server gives up first: a statement that we have given up on could still be done. MySQL has no limit for all
    # statements, and takes MariaDB's for a comment.
    locks = f"SET SESSION innodb_lock_wait_timeout = {max(1, math.floor(timeout))}"
    return {
        "init_command": f"{locks} /*M! , max_statement_time = {timeout} */",
        "connect_timeout": timeout,
        "read_timeout": timeout + _HEAD_START,
        "write_timeout": timeout,
    }


def _postgresql_limits(url: URL, timeout: float) -> dict[str, Any]:
    milliseconds = math.ceil(timeout * 1000)
    return {
        # Whole seconds; the driver takes one for two.
        "connect_timeout": math.ceil(timeout),
        "tcp_user_timeout": milliseconds,
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }


def _impatient(timeout: float) -> Any:
    """What connects to PostgreSQL so that we give up waiting, also when the server cannot say that it does."""
    from psycopg import Connection, OperationalError

    class ImpatientConnection(Connection[Any]):
        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            return super().wait(self._limited(gen), *arguments, **options)

        def _limited(self, gen: Any) -> Generator[Any, Any, Any]:
            # It is resumed whenever there is something to read, and ten times a second.
            deadline = time.monotonic() + timeout
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > deadline:
                        self.close()
                        raise OperationalError("the server did not answer in time")
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

    def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        return ImpatientConnection.connect(*arguments, **options)

    return connect


def _forget_connections() -> None:
    # They are the parent's, which goes on using them.
    for engine in list(_ours):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_connections)
