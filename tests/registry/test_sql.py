"""The store in a SQL database keeps the contract, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from registry.databases import mariadb_url, new_table, postgres_url
from sqlalchemy import URL, Engine, create_engine, event

from flask_sessionauth.registry import SQLRegistry
from flask_sessionauth.testing import RegistryContract


class SQLContract(RegistryContract):
    """The contract, for two registries on one table."""

    rounds = 5

    @pytest.fixture
    def database(self) -> URL | str:
        raise NotImplementedError

    @pytest.fixture
    def table(self) -> str:
        return new_table()

    @pytest.fixture
    def registry(self, database: URL | str, table: str) -> Iterator[SQLRegistry]:
        registry = SQLRegistry(database, table=table, timeout=30)
        registry.create_all()
        yield registry
        registry.table.drop(registry.engine)
        registry.close()

    @pytest.fixture
    def another_registry(self, registry: SQLRegistry, database: URL | str, table: str) -> Iterator[SQLRegistry]:
        another = SQLRegistry(database, table=table, timeout=30)
        yield another
        another.close()


class TestSQLiteFile(SQLContract):
    """The contract on a SQLite file."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/sessions.db"


class TestSQLiteInMemory(SQLContract):
    """The contract on SQLite in memory."""

    @pytest.fixture
    def database(self) -> str:
        return "sqlite://"

    @pytest.fixture
    def another_registry(self, registry: SQLRegistry) -> SQLRegistry:
        return registry


class TestPostgreSQL(SQLContract):
    """The contract on PostgreSQL."""

    @pytest.fixture
    def database(self) -> URL:
        return postgres_url()


class TestMariaDB(SQLContract):
    """The contract on MariaDB."""

    @pytest.fixture
    def database(self) -> URL:
        return mariadb_url()


class EngineContract(RegistryContract):
    """The contract for an engine of the app's, whose connections are not in autocommit mode."""

    rounds = 2

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def registry(self, engine: Engine) -> Iterator[SQLRegistry]:
        registry = SQLRegistry(engine, table=new_table())
        registry.create_all()
        yield registry
        registry.table.drop(engine)
        engine.dispose()


class TestEngineOfSQLite(EngineContract):
    """The contract with an engine for a SQLite file."""

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        engine = create_engine(f"sqlite:///{tmp_path}/app.db", connect_args={"timeout": 30})
        # The disk is not what is tested.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        return engine


class TestEngineOfPostgreSQL(EngineContract):
    """The contract with an engine for PostgreSQL whose transactions are serializable."""

    @pytest.fixture
    def engine(self) -> Engine:
        return create_engine(postgres_url(), isolation_level="SERIALIZABLE")


class TestEngineOfMariaDB(EngineContract):
    """The contract with an engine for MariaDB."""

    @pytest.fixture
    def engine(self) -> Engine:
        return create_engine(mariadb_url())
