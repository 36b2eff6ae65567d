"""The store by Sentinel: the contract on a master, and what happens when it dies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis.sentinel
import valkey.sentinel
from registry.redis_servers import HOST, Server, wait_until, watched_pair

from flask_sessionauth.errors import RegistryDownError
from flask_sessionauth.registry import RedisRegistry
from flask_sessionauth.testing import RegistryContract
from flask_sessionauth.testing.contract import assert_same, changed, make_row

TIMEOUTS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}


def client_by(kind: Any, sentinel: Server) -> Any:
    watchers = kind([(HOST, sentinel.port)], sentinel_kwargs=TIMEOUTS)
    return watchers.master_for("mymaster", **TIMEOUTS)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server, Server]]:
    with watched_pair() as servers:
        yield servers


class TestContract(RegistryContract):
    """The store keeps the contract with the client of a Sentinel."""

    rounds = 2

    @pytest.fixture
    def registry(self, servers: tuple[Server, Server, Server]) -> Iterator[RedisRegistry]:
        client = client_by(redis.sentinel.Sentinel, servers[2])
        yield RedisRegistry(client)
        client.flushall()
        client.close()


@pytest.mark.parametrize("kind", [redis.sentinel.Sentinel, valkey.sentinel.Sentinel])
def test_failover(kind: Any) -> None:
    """When the master dies, the store is down until Sentinel has named another one, and has the rows then."""
    with watched_pair() as (master, replica, sentinel), client_by(kind, sentinel) as client:
        registry = RedisRegistry(client)
        row = make_row()
        registry.add(row)
        with replica.client() as watcher:
            wait_until(watcher.dbsize)
        master.kill()
        with pytest.raises(RegistryDownError):
            registry.get(row.id)

        outcomes = []

        def is_back() -> bool:
            try:
                outcomes.append(registry.replace(row, changed(row)))
            except RegistryDownError:
                return False
            return True

        wait_until(is_back)
        assert outcomes == [True]
        assert_same(registry.get(row.id), changed(row))
        assert client.info("server")["tcp_port"] == replica.port
