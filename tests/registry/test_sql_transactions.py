"""The transactions of the store are its own: the app's are neither needed, nor ended, nor waited for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from registry.databases import mariadb_url, new_table, postgres_url
from sqlalchemy import URL, SingletonThreadPool, StaticPool, create_engine, select, text

from flask_sessionauth.errors import RegistryDownError, SetupError
from flask_sessionauth.registry import SQLRegistry
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.testing.contract import changed, make_row


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> URL | str:
    urls = {"sqlite": lambda: f"sqlite:///{tmp_path}/app.db", "postgresql": postgres_url, "mariadb": mariadb_url}
    return urls[request.param]()


def make_app(db: SQLAlchemy, database: URL | str, **options: Any) -> Flask:
    app = Flask("scene")
    url = database if isinstance(database, str) else database.render_as_string(hide_password=False)
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_ENGINE_OPTIONS=options)
    db.init_app(app)
    return app


class Shop:
    """An app with a table of its own, and a registry on the same database."""

    def __init__(self, database: URL | str, **options: Any) -> None:
        self.db = SQLAlchemy()
        self.things = self.db.Table(new_table(), self.db.Column("name", self.db.String(20), primary_key=True))
        self.registry = SQLRegistry(self.db, table=new_table())
        self.app = make_app(self.db, database, **options)

    def names(self) -> list[str]:
        """What is kept, as another connection sees it."""
        with self.db.engine.connect() as connection:
            return list(connection.scalars(select(self.things.c.name)))

    def add(self, name: str) -> None:
        self.db.session.execute(self.things.insert().values(name=name))


@pytest.fixture
def shop(database: URL | str) -> Iterator[Shop]:
    shop = Shop(database)
    with shop.app.app_context():
        shop.db.create_all()
        yield shop
        shop.db.session.remove()
        shop.db.drop_all()
        shop.db.engine.dispose()


@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
def test_of_its_own(shop: Shop) -> None:
    """An app's rollback undoes nothing of the store's, and no call of the store's keeps anything of the app's."""
    row = make_row()
    shop.add("apple")
    assert shop.registry.add(row) is True
    assert shop.registry.replace(row, changed(row)) is True
    assert shop.names() == []
    shop.db.session.rollback()
    assert shop.registry.get(row.id) == changed(row)
    assert shop.registry.end_all(row.owner, None, row.created_at, "all") == 1
    assert shop.names() == []


def test_next_to_reads(shop: Shop) -> None:
    """An app that has read something, and not ended its transaction, is in nobody's way, and sees what it saw."""
    row = make_row()
    shop.add("apple")
    shop.db.session.commit()
    assert shop.db.session.scalars(select(shop.things.c.name)).all() == ["apple"]
    assert shop.registry.add(row) is True
    assert shop.registry.get(row.id) == row
    shop.add("pear")
    shop.db.session.rollback()
    assert shop.registry.get(row.id) == row
    assert shop.names() == ["apple"]


def test_app_keeps_its_mode(shop: Shop) -> None:
    """A connection that the store has used is the app's again, with transactions."""
    row = make_row()
    shop.registry.add(row)
    shop.registry.get(row.id)
    shop.add("apple")
    shop.db.session.rollback()
    assert shop.names() == []


def test_sqlite_waits_for_a_writer(tmp_path: Path) -> None:
    """When the app writes to the same SQLite file and has not ended its transaction, the store gives up in time."""
    shop = Shop(f"sqlite:///{tmp_path}/app.db", connect_args={"timeout": 0.3})
    with shop.app.app_context():
        shop.db.create_all()
        row = make_row()
        shop.add("apple")
        began = time.monotonic()
        with pytest.raises(RegistryDownError):
            shop.registry.add(row)
        assert time.monotonic() - began < 3
        assert shop.registry.get(row.id) is None
        shop.db.session.commit()
        assert shop.registry.add(row) is True
        assert shop.names() == ["apple"]
        shop.db.engine.dispose()


def test_two_apps(tmp_path: Path) -> None:
    """One registry serves two apps, each in its own database."""
    db = SQLAlchemy()
    registry = SQLRegistry(db)
    row = make_row()
    apps = [make_app(db, f"sqlite:///{tmp_path}/{name}.db") for name in ("one", "two")]
    for app in apps:
        with app.app_context():
            db.create_all()
    with apps[0].app_context():
        assert registry.add(row) is True
    with apps[1].app_context():
        assert registry.get(row.id) is None
    with apps[0].app_context():
        assert registry.get(row.id) == row
        db.engine.dispose()
    with apps[1].app_context():
        db.engine.dispose()


def test_two_registries() -> None:
    """Two realms may keep their logins in one table of an app."""
    db = SQLAlchemy()
    assert SQLRegistry(db).table is SQLRegistry(db).table


MIGRATION = """
import sys
from flask import Flask
from flask_migrate import Migrate, init, migrate, upgrade
from flask_sqlalchemy import SQLAlchemy
from flask_sessionauth.registry import SQLRegistry
from flask_sessionauth.testing.contract import make_row

db = SQLAlchemy()
registry = SQLRegistry(db)
app = Flask("scene")
app.config.update(SQLALCHEMY_DATABASE_URI=sys.argv[1])
db.init_app(app)
Migrate(app, db)
with app.app_context():
    init()
    migrate()
    upgrade()
    row = make_row()
    assert registry.add(row)
    assert registry.get(row.id) == row
    migrate()
"""


def test_migrations_see_the_table(tmp_path: Path) -> None:
    """Flask-Migrate finds the table in an app's metadata, makes what the store needs, and is then done."""
    # In a process of its own: it sets up the logging of the whole process.
    command = [sys.executable, "-c", MIGRATION, f"sqlite:///{tmp_path}/app.db"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    [version] = (tmp_path / "migrations" / "versions").glob("*.py")
    assert "create_table('flask_sessionauth_sessions'" in version.read_text()
    # What an app has under its own hand needs nothing of ours.
    assert "import flask_sessionauth" not in version.read_text()


def test_nothing_to_migrate(shop: Shop) -> None:
    """Alembic sees no difference between the table that `create_all` makes and the one in the metadata."""
    shop.registry.create_all()
    names = {shop.registry.table.name, shop.things.name}
    with shop.db.engine.connect() as connection:
        options = {"include_name": lambda name, kind, parents: kind != "table" or name in names}
        context = MigrationContext.configure(connection, opts={**options, "compare_type": True})
        assert compare_metadata(context, shop.db.metadata) == []


def test_create_all_is_asked_for(database: URL | str) -> None:
    """The table is made by `create_all`, any number of times, with what is missing of it, and by nothing else."""
    registry = SQLRegistry(database, table=new_table())
    row = make_row()
    with pytest.raises(SetupError):
        registry.add(row)
    registry.create_all()
    index, *others = registry.table.indexes
    assert len(others) == 1
    index.drop(registry.engine)
    assert registry.add(row) is True
    registry.create_all()
    registry.create_all()
    index.drop(registry.engine)
    assert registry.get(row.id) == row
    registry.table.drop(registry.engine)
    registry.close()


@pytest.mark.parametrize("pool", [StaticPool, SingletonThreadPool])
def test_one_connection_for_all(pool: type[Any]) -> None:
    """An app's SQLite in memory, whose connection the app's transactions use, is refused with a way out."""
    engine = create_engine("sqlite://", poolclass=pool)
    registry = SQLRegistry(engine)
    for call in (lambda: registry.get(new_id("ada")), registry.create_all, lambda: registry.add(make_row())):
        with pytest.raises(SetupError, match=r'SQLRegistry\("sqlite://"\)'):
            call()


def test_sqlite_is_set_up_for_many(tmp_path: Path) -> None:
    """On a SQLite file of the registry's own, readers do not wait for a writer, and writers wait for each other."""
    registry = SQLRegistry(f"sqlite:///{tmp_path}/sessions.db", timeout=2)
    with registry.engine.connect() as connection:
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")]
    registry.close()
    assert found == ["wal", 1, 2000]
