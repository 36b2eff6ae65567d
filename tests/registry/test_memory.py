"""The store in memory: the contract, and what only this store promises."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flask_sessionauth.registry import MemoryRegistry
from flask_sessionauth.testing import RegistryContract
from flask_sessionauth.testing.contract import changed, make_row

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=1)


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


class TestContract(RegistryContract):
    """The store in memory keeps the contract: `registry` is the fixture above."""


class Interrupted(dict[str, Any]):
    """A dict that lets other threads run after each look: between what a store has seen and what it does."""

    def get(self, *args: Any) -> Any:
        found = super().get(*args)
        time.sleep(1e-6)
        return found

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        time.sleep(1e-6)
        return found


class TestContractWhenInterrupted(RegistryContract):
    """The store in memory keeps the contract also when its threads are interrupted where it hurts."""

    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        registry = MemoryRegistry()
        registry._rows = Interrupted()
        return registry


def test_all_rows_are_told_once(registry: MemoryRegistry) -> None:
    """Every row of every owner is told, an ended one too, and none of them twice."""
    rows = [make_row(owner) for owner in ("ada", "ada", "grace")]
    for row in rows:
        registry.add(row)
    registry.end_all("grace", None, NOW, "everywhere")
    told = list(registry.all_rows())
    assert sorted(row.id for row in told) == sorted(row.id for row in rows)
    assert [row.owner for row in told if row.ended_at == NOW] == ["grace"]


def test_nobody_waits_while_rows_are_told(registry: MemoryRegistry) -> None:
    """Rows may be added, replaced and forgotten while somebody goes through them."""
    rows = [make_row(forget_at=LONG_AGO) for _ in range(3)]
    for row in rows:
        registry.add(row)
    all_rows = registry.all_rows()
    told = [next(all_rows)]
    assert registry.replace(rows[0], changed(rows[0])) is True
    assert registry.add(make_row()) is True
    assert sum(registry.purge(NOW)) == 3
    assert sorted(row.id for row in [*told, *all_rows]) == sorted(row.id for row in rows)


def test_a_batch_is_bounded(registry: MemoryRegistry) -> None:
    """No more than a thousand rows are forgotten while others wait, and a batch with nothing in it is not told."""
    for number in range(4500):
        # The first two thousand stay.
        registry.add(make_row(forget_at=NOW if number < 2000 else LONG_AGO))
    assert list(registry.purge(NOW)) == [1000, 1000, 500]


def test_nothing_is_left_of_an_owner(registry: MemoryRegistry) -> None:
    """An owner whose rows are all forgotten takes no memory."""
    registry.add(make_row("ada", forget_at=LONG_AGO))
    registry.add(make_row("grace"))
    sum(registry.purge(NOW))
    assert list(registry._ids_of) == ["grace"]


def test_stores_are_apart(registry: MemoryRegistry) -> None:
    """What one store has, another has not."""
    row = make_row()
    registry.add(row)
    assert MemoryRegistry().get(row.id) is None
