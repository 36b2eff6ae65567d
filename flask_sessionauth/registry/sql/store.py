"""The store: a dozen statements on one table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import URL, Connection, Engine, MetaData, Table
from sqlalchemy.exc import DBAPIError, IntegrityError

from ...errors import ConfigurationError, RegistryDownError
from ..base import ActiveSession
from .engines import own_engine
from .lookup import Lookup
from .statements import BATCH, Statements
from .table import is_storable, key, milliseconds, row_of, sessions_table, text_of, values_of
from .transactions import TRIES, Transactions

_BEGINNING = -(2**62)


class FlaskSQLAlchemy(Protocol):
    """What we need of Flask-SQLAlchemy's ``db``."""

    @property
    def metadata(self) -> MetaData: ...

    @property
    def engine(self) -> Engine: ...


def _source(database: object) -> tuple[MetaData, Callable[[], Engine]]:
    """Where the table is listed, and what says which engine it is reached by, at each use."""
    if isinstance(database, Engine):
        return MetaData(), lambda: database
    metadata = getattr(database, "metadata", None)
    if not isinstance(metadata, MetaData):
        kind = type(database).__name__
        raise ConfigurationError(f"a {kind} is no database; allowed: a URL, an engine, Flask-SQLAlchemy's db")
    return metadata, lambda: cast(FlaskSQLAlchemy, database).engine


class SQLRegistry:
    """Keeps active sessions in a table of a SQL database, by SQLAlchemy.

    Each statement is a transaction of its own, on a connection of its own: it is kept whatever becomes of the app's,
    and never ends one of the app's.

    :param database: where the table is:

        - a URL: ``sqlite:///...``, ``postgresql+psycopg://...``, ``mysql+pymysql://...`` or ``mariadb+pymysql://...``.
          The registry has a pool of its own, with time limits, whose connections are in autocommit mode: the cheapest
          way, and the safest.
        - an engine. Its time limits are what they are.
        - Flask-SQLAlchemy's ``db``: the engine of the current app. The table is in ``db.metadata``, where
          ``db.create_all()`` and Flask-Migrate see it.

        With an engine or ``db`` a request may need two connections of the pool at a time: the app's, and ours. And on
        SQLite there is one writer at a time: a view commits its own changes before it logs somebody in.

    :param table: its name.
    :param timeout: seconds after which a database that does not answer is down. PostgreSQL's driver takes at least
        two to connect.
    :raises ConfigurationError: if the database is none of these.
    """

    #: The table; for `sqlalchemy.Table.to_metadata`, where migrations are made from other metadata.
    table: Table

    def __init__(
        self,
        database: str | URL | Engine | FlaskSQLAlchemy,
        *,
        table: str = "flask_sessionauth_sessions",
        timeout: float = 5.0,
    ) -> None:
        if not timeout > 0:
            raise ConfigurationError(f"timeout={timeout!r}; allowed: seconds, more than 0")
        self._own = own_engine(database, timeout) if isinstance(database, str | URL) else None
        metadata, engine_now = _source(self._own or database)
        self.table = sessions_table(table, metadata)
        self._statements = Statements(self.table)
        self._lookup = None if self._own is None else Lookup(self._own, self._statements.get)
        self._transactions = Transactions(engine_now, self._own is not None, timeout, table)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.table.name!r}>"

    @property
    def engine(self) -> Engine:
        """The engine that is in use now.

        :raises SetupError: if it has one connection for everybody, as SQLite in memory has.
        """
        return self._transactions.engine

    def create_all(self) -> None:
        """Create the table and its indexes, as far as they are not there."""
        for tries_left in reversed(range(TRIES)):
            began = time.monotonic()
            try:
                return self._transactions.attempt(self._create, may_repeat=True)
            except (DBAPIError, RegistryDownError):
                # Perhaps another process creates them, too, and was faster with one.
                if not tries_left or self._transactions.is_late(began):
                    raise
        raise AssertionError("the last try returns or raises")

    def _create(self, connection: Connection) -> None:
        self.table.create(connection, checkfirst=True)
        for index in self.table.indexes:
            index.create(connection, checkfirst=True)
        connection.commit()

    def close(self) -> None:
        """Close connections that are the registry's own and not in use. It goes on working."""
        if self._own is not None:
            self._own.dispose()

    def add(self, row: ActiveSession, /) -> bool:
        try:
            self._transactions.write(self._statements.add, values_of(row, self._system))
        except IntegrityError:
            return False
        return True

    def get(self, id: str, /) -> ActiveSession | None:
        if not is_storable(id):
            return None
        if self._lookup is not None:
            began = time.monotonic()
            try:
                found = self._lookup.fetch(id)
            except self._lookup.errors as error:
                if self._transactions.is_late(began):
                    raise RegistryDownError from error
                # Asked once more, below, where errors are told apart.
            else:
                return None if found is None else row_of(found)
        rows = self._transactions.read(self._statements.get, {"id": key(id, self._system)})
        return row_of(rows[0]) if rows else None

    def replace(self, old: ActiveSession, new: ActiveSession, /) -> bool:
        values = values_of(new, self._system)
        values |= {"old_id": values.pop("id"), "old_version": old.version}
        del values["owner"]
        return self._transactions.write(self._statements.replace, values) == 1

    def of_owner(self, owner: str, /) -> list[ActiveSession]:
        if not is_storable(owner):
            return []
        rows = self._transactions.read(self._statements.of_owner, {"owner": key(owner, self._system)})
        return [row_of(row) for row in rows]

    def all_rows(self) -> Iterator[ActiveSession]:
        """Every row, in the order of ids. They are read in pages, each in its own transaction."""
        after = ""
        while rows := self._transactions.read(self._statements.page, {"after": key(after, self._system)}):
            yield from map(row_of, rows)
            after = text_of(rows[-1][0])

    def purge(self, before: datetime, /) -> Iterator[int]:
        limit, since = milliseconds(before), _BEGINNING
        while due := self._transactions.read(self._statements.due, {"since": since, "before": limit}):
            ids = [id for id, _ in due]
            yield self._transactions.write(self._statements.forget, {"ids": ids, "before": limit})
            # What is deleted stays in the index for a while: the next batch does not begin with it again.
            since = due[-1][1]

    def end_all(self, owner: str | None, keep: str | None, at: datetime, reason: str, /) -> int:
        kept = keep if keep is not None and is_storable(keep) else ""
        values = {"keep": key(kept, self._system), "at": milliseconds(at), "reason": reason}
        if owner is None:
            return self._end_everybody(values)
        if not is_storable(owner):
            return 0
        return self._transactions.write(self._statements.end_of_owner, {**values, "of": key(owner, self._system)})

    def _end_everybody(self, values: Mapping[str, Any]) -> int:
        """Once through the ids, in their order: that comes to an end, however many people log in meanwhile."""
        after, ended = key("", self._system), 0
        while ids := self._transactions.read(self._statements.ids, {"after": after}):
            last = ids[-1][0]
            ended += self._transactions.write(self._statements.end_range, {**values, "after": after, "last": last})
            if len(ids) < BATCH:
                break
            after = last
        return ended

    def ping(self) -> None:
        self._transactions.read(self._statements.ping, {})

    @property
    def _system(self) -> str:
        return self._transactions.engine.dialect.name
