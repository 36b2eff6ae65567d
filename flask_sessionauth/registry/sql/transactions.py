"""Transactions of our own: a connection from the pool for each call, and what an error of the driver means."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, SingletonThreadPool, StaticPool
from sqlalchemy.exc import DBAPIError, TimeoutError as NoConnectionLeftError

from ...errors import RegistryDownError, SetupError
from .failures import Failure, failure_of
from .table import MYSQL

T = TypeVar("T")

#: Of transactions that are in each other's way one succeeds, so that a few are plenty.
TRIES = 5


class Transactions:
    """Runs statements, each as a transaction of its own.

    :param engine_now: called at each use: an app has its own.
    :param is_own: whether the engine's connections are ours, and in autocommit mode.
    :param timeout: seconds.
    :param table: the name, for errors.
    """

    def __init__(self, engine_now: Callable[[], Engine], is_own: bool, timeout: float, table: str) -> None:
        self._engine_now = engine_now
        self._is_own = is_own
        self._timeout = timeout
        self._table = table

    @property
    def engine(self) -> Engine:
        """The engine that is in use now.

        :raises SetupError: if it has one connection for everybody: there would be no transaction of our own.
        """
        engine = self._engine_now()
        if isinstance(engine.pool, StaticPool | SingletonThreadPool):
            raise SetupError(
                "this database has one connection, which the app's own transactions use, as SQLite in memory has; "
                'use a file, or a database in memory for the registry alone: SQLRegistry("sqlite://")'
            )
        return engine

    def read(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """All rows that a statement finds."""
        return self.attempt(lambda connection: connection.execute(statement, values).all(), may_repeat=True)

    def write(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """How many rows a statement has changed."""

        def execute(connection: Connection) -> int:
            count: int = connection.execute(statement, values).rowcount
            connection.commit()
            return count

        return self.attempt(execute, may_repeat=False)

    def attempt(self, work: Callable[[Connection], T], may_repeat: bool) -> T:
        """What some work with a connection returns.

        :param may_repeat: also if the connection turns out to be dead, as all are when a server was restarted.
        :raises RegistryDownError: if the database cannot be reached, is too slow, or fails.
        :raises SetupError: if the table is not there.
        """
        engine, began = self.engine, time.monotonic()
        for tries_left in reversed(range(TRIES)):
            try:
                with self._connected(engine) as connection:
                    return work(connection)
            except NoConnectionLeftError as error:
                raise RegistryDownError from error
            except DBAPIError as error:
                failure = self._failure(error)
                is_dead = error.connection_invalidated and may_repeat and not self.is_late(began)
                if not tries_left or not (is_dead or failure is Failure.CONFLICT):
                    # The driver's error: the text of SQLAlchemy's has the statement in it.
                    raise RegistryDownError from error.orig
        raise AssertionError("the last try returns or raises")

    def _failure(self, error: DBAPIError) -> Failure:
        """Whether the database is down, or a transaction was in the way; all else is raised."""
        # The engine may be one that shows them: among them is a seed.
        error.hide_parameters = True
        failure = failure_of(error)
        if failure is Failure.NO_TABLE:
            raise SetupError(
                f"the database has no table {self._table} for logins, or one of another version; make it by the "
                "registry's create_all(), by flask login init, or by a migration"
            ) from error.orig
        if failure is Failure.OTHER:
            raise error
        return failure

    def _connected(self, engine: Engine) -> Connection:
        connection = engine.connect()
        if not self._is_own and engine.dialect.name not in MYSQL:
            # For MySQL's driver that would be two more round trips: there, `commit` and the pool end a transaction.
            connection.execution_options(isolation_level="AUTOCOMMIT")
        return connection

    def is_late(self, began: float) -> bool:
        """Whether there is no time for another try.

        :param began: by ``time.monotonic()``.
        """
        return time.monotonic() - began > self._timeout / 2
