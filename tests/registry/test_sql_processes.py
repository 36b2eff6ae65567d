"""One table, and several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import pytest
from registry.databases import mariadb_url, new_table, postgres_url
from registry.processes import create, replace_each
from sqlalchemy import URL

from flask_sessionauth.registry import SQLRegistry
from flask_sessionauth.testing.contract import changed, make_row

PROCESSES = 4
ROUNDS = 30
PATIENCE = 60.0


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> URL | str:
    urls = {"sqlite": lambda: f"sqlite:///{tmp_path}/app.db", "postgresql": postgres_url, "mariadb": mariadb_url}
    return urls[request.param]()


@pytest.fixture
def registry(database: URL | str) -> Iterator[SQLRegistry]:
    registry = SQLRegistry(database, table=new_table(), timeout=30)
    yield registry
    registry.table.drop(registry.engine, checkfirst=True)
    registry.close()


@pytest.fixture(scope="module")
def processes() -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        yield pool
        # Where one of them waits for the other's lock, to terminate them may take for ever.
        pool.close()
        pool.join()


def in_each(pool: Pool, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What a function returns in each of the processes, called at the same moment."""
    # Time for all of them to have imported what they need.
    pool.starmap(os.getpid, [()] * PROCESSES)
    start = time.time() + 0.1
    calls = [(start, *arguments, number) for number in range(PROCESSES)]
    return pool.starmap_async(function, calls, chunksize=1).get(PATIENCE)


def test_one_process_wins(registry: SQLRegistry, database: URL | str, processes: Pool) -> None:
    """Of several processes that replace the same row, exactly one does, and its row is there."""
    registry.create_all()
    rows = [make_row() for _ in range(ROUNDS)]
    for row in rows:
        registry.add(row)
    won = in_each(processes, replace_each, database, registry.table.name, rows)
    for row, answers in zip(rows, zip(*won, strict=True), strict=True):
        assert answers.count(True) == 1
        assert registry.get(row.id) == changed(row, user_agent=str(answers.index(True)))


def test_all_processes_create_the_table(registry: SQLRegistry, database: URL | str, processes: Pool) -> None:
    """Workers that start together may each create the table."""
    assert in_each(processes, create, database, registry.table.name) == [True] * PROCESSES
    assert len(list(registry.all_rows())) == PROCESSES


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork(registry: SQLRegistry) -> None:
    """A process that was forked has connections of its own, and leaves its parent's alone."""
    registry.create_all()
    row = make_row()
    registry.add(row)
    parents = registry.engine.raw_connection().driver_connection
    child = os.fork()
    if child == 0:
        is_well = False
        try:
            connection = registry.engine.raw_connection()
            is_well = connection.driver_connection is not parents
            connection.close()
            is_well = is_well and registry.replace(row, changed(row))
        finally:
            os._exit(0 if is_well else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert registry.get(row.id) == changed(row)
    assert registry.replace(changed(row), changed(changed(row))) is True
