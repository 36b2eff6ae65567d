"""The store on a cluster of three masters: the contract, and that each owner is on one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.exceptions import ResponseError
from registry.redis_servers import HOST, Server, cluster, move_slot, wait_until
from valkey.cluster import ValkeyCluster

from flask_sessionauth.errors import ConfigurationError, RegistryDownError
from flask_sessionauth.registry import ActiveSession, RedisRegistry
from flask_sessionauth.registry.base import new_id
from flask_sessionauth.testing import RegistryContract
from flask_sessionauth.testing.contract import assert_same, changed, make_row

AT = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    with cluster() as servers:
        yield servers


@pytest.fixture
def empty(servers: list[Server]) -> Iterator[list[Server]]:
    yield servers
    for server in servers:
        with server.client() as client:
            client.flushall()


def url_of(servers: list[Server], scheme: str = "redis") -> str:
    return servers[0].url.replace("redis", f"{scheme}+cluster", 1)


class TestByUrl(RegistryContract):
    """The store keeps the contract on a cluster, with clients that it makes from URLs, of both drivers."""

    rounds = 5

    @pytest.fixture
    def registry(self, empty: list[Server]) -> RedisRegistry:
        return RedisRegistry(url_of(empty))

    @pytest.fixture
    def another_registry(self, empty: list[Server]) -> RedisRegistry:
        return RedisRegistry(url_of(empty, "valkey"))


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("kind", [RedisCluster, ValkeyCluster])
class TestByClient(RegistryContract):
    """The same with a program's own client."""

    rounds = 2

    @pytest.fixture
    def registry(self, empty: list[Server], kind: Any, protocol: int) -> Iterator[RedisRegistry]:
        client = kind(host=HOST, port=empty[0].port, protocol=protocol)
        yield RedisRegistry(client)
        client.close()


@pytest.fixture(params=["redis", "valkey"])
def registry(request: pytest.FixtureRequest, empty: list[Server]) -> RedisRegistry:
    return RedisRegistry(url_of(empty, request.param))


def test_an_owner_is_in_one_slot(registry: RedisRegistry, empty: list[Server]) -> None:
    """All keys of an owner are in one slot, and owners are spread over all of the masters."""
    for number in range(60):
        for _ in range(2):
            registry.add(make_row(f"owner {number}"))
    slots: list[set[int]] = []
    for server in empty:
        with server.client() as client:
            keys = client.keys("*")
            slots += [{client.cluster("KEYSLOT", key) for key in keys}]
            assert len(keys) >= 3
    assert sum(map(len, slots)) <= 60
    assert not slots[0] & slots[1] | slots[1] & slots[2] | slots[0] & slots[2]


def test_everybody_on_every_master(registry: RedisRegistry) -> None:
    """The end of everybody's rows, a purge, and all rows, go through all of the masters."""
    rows = [make_row(f"owner {number}") for number in range(300)]
    for row in rows:
        registry.add(row)
    assert sorted(row.id for row in registry.all_rows()) == sorted(row.id for row in rows)
    assert registry.end_all(None, rows[0].id, AT, "breach") == 299
    assert {row.id for row in registry.all_rows() if not row.ended_at} == {rows[0].id}
    assert sum(registry.purge(rows[-1].forget_at + timedelta(days=1))) == 300
    assert list(registry.all_rows()) == []


def test_a_master_that_came_later(registry: RedisRegistry) -> None:
    """The end of everybody's rows reaches masters, too, that the client has not heard of yet."""
    rows = [make_row(f"owner {number}") for number in range(30)]
    for row in rows:
        registry.add(row)
    known = registry._client.nodes_manager.nodes_cache
    known.pop(max(known))
    assert registry.end_all(None, None, AT, "breach") == 30


def test_a_read_is_one_command(registry: RedisRegistry, empty: list[Server]) -> None:
    """A read is one command to one server of the three."""
    row = make_row()
    registry.add(row)
    registry.get(row.id)
    before = [gets_of(server) for server in empty]
    for _ in range(10):
        registry.get(row.id)
    assert sorted(after - was for was, after in zip(before, map(gets_of, empty), strict=True)) == [0, 0, 10]


def gets_of(server: Server) -> int:
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_get", {}).get("calls", 0))


def test_a_slot_that_moves(registry: RedisRegistry, empty: list[Server]) -> None:
    """A slot that is given to another master is found there, its rows and their end, too."""
    rows = [make_row("ada") for _ in range(3)]
    for row in rows:
        registry.add(row)
    with empty[0].client() as client:
        slot = client.cluster("KEYSLOT", f"{{{rows[0].id[:3]}}}")
    source = next(server for server in empty if has_slot(server, slot))
    target = next(server for server in empty if server is not source)
    move_slot(slot, source, target)
    try:
        for row in rows:
            assert_same(registry.get(row.id), row)
        assert registry.replace(rows[0], changed(rows[0]))
        assert len(registry.of_owner("ada")) == 3
        assert registry.end_all(None, None, AT, "breach") == 3
    finally:
        move_slot(slot, target, source)
    assert len(registry.of_owner("ada")) == 3


def has_slot(server: Server, slot: int) -> bool:
    with server.client() as client:
        return bool(client.cluster("COUNTKEYSINSLOT", slot))


@contextmanager
def stopped(stops: list[Server], servers: list[Server]) -> Iterator[None]:
    for server in stops:
        server.stop()
    try:
        yield
    finally:
        for server in stops:
            server.start()
        wait_until(lambda: all(is_whole(server) for server in servers))


def is_whole(server: Server) -> bool:
    with server.client() as client:
        return bool(client.cluster("INFO")["cluster_state"] == "ok")


def comes_back(registry: RedisRegistry) -> bool:
    """Whether it is back; where a server has just come, the others may take it for gone a moment longer."""
    try:
        registry.ping()
        return [registry.get(new_id(f"owner {number}")) for number in range(30)] == [None] * 30
    except RegistryDownError:
        return False


def on(server: Server) -> ActiveSession:
    """A row that this master has."""
    with server.client() as client:
        for number in range(1000):
            row = make_row(f"owner {number}")
            with suppress(ResponseError):
                client.get(f"{{{row.id[:3]}}}")
                return row
    raise AssertionError


CALLS: list[Callable[[RedisRegistry, ActiveSession], Any]] = [
    lambda registry, row: registry.get(row.id),
    lambda registry, row: registry.add(row),
    lambda registry, row: registry.replace(row, changed(row)),
    lambda registry, row: registry.end_all(None, None, AT, "breach"),
    lambda registry, row: registry.ping(),
]


def test_a_master_that_is_gone(registry: RedisRegistry, empty: list[Server]) -> None:
    """When a master is gone, what it has is down; when it is back, so are the logins."""
    row = on(empty[1])
    registry.ping()
    with stopped([empty[1]], empty):
        for call in CALLS:
            with pytest.raises(RegistryDownError):
                call(registry, row)
    wait_until(lambda: comes_back(registry))
    assert registry.add(row)
    assert_same(registry.get(row.id), row)


def test_all_masters_gone(registry: RedisRegistry, empty: list[Server]) -> None:
    """A registry that finds no master, when it begins or later, finds them when they are there again."""
    row = make_row()
    for _ in range(2):
        with stopped(empty, empty):
            for _ in range(5):
                with pytest.raises(RegistryDownError):
                    registry.get(row.id)
        wait_until(lambda: comes_back(registry))
        assert registry.add(row)
        assert_same(registry.get(row.id), row)


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_master_that_is_silent(empty: list[Server], scheme: str) -> None:
    """A master that falls silent is down after the time for an answer, and for asking each master who is left."""
    registry, row = RedisRegistry(url_of(empty, scheme), timeout=0.5), on(empty[1])
    assert registry.add(row)
    with empty[1].paused():
        for call in CALLS:
            began = time.monotonic()
            with pytest.raises(RegistryDownError):
                call(registry, row)
            assert time.monotonic() - began < 2
    wait_until(lambda: all(is_whole(server) for server in empty))
    wait_until(lambda: comes_back(registry))
    assert registry.get(row.id) is not None


def test_from_replicas(empty: list[Server]) -> None:
    """A client that reads from replicas may let people in who are out: it is refused."""
    client = RedisCluster(host=HOST, port=empty[0].port)
    client.read_from_replicas = True
    with pytest.raises(ConfigurationError, match="masters only"):
        RedisRegistry(client)
    client.close()
