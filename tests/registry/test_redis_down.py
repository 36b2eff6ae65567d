"""A Redis that is gone, silent, full, somebody else's, or back again: nobody is let in by it, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import valkey
from registry.redis_servers import HOST, Server, Wire, black_hole, one_server, wait_until, wire_to

from flask_sessionauth.errors import RegistryDownError
from flask_sessionauth.registry import RedisRegistry
from flask_sessionauth.testing.contract import assert_same, changed, make_row

AT = datetime(2026, 1, 2, tzinfo=UTC)
ROW = make_row()

CALLS: dict[str, Callable[[RedisRegistry], Any]] = {
    "ping": lambda registry: registry.ping(),
    "get": lambda registry: registry.get(ROW.id),
    "add": lambda registry: registry.add(make_row()),
    "replace": lambda registry: registry.replace(ROW, changed(ROW)),
    "of_owner": lambda registry: registry.of_owner("ada"),
    "end_all": lambda registry: registry.end_all("ada", None, AT, "everywhere"),
    "end of everybody": lambda registry: registry.end_all(None, None, AT, "breach"),
    "purge": lambda registry: list(registry.purge(AT)),
    "all_rows": lambda registry: list(registry.all_rows()),
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """It keeps its rows when it is stopped."""
    with one_server("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def server(own_server: Server) -> Iterator[Server]:
    yield own_server
    with own_server.client() as client:
        client.flushall()


@pytest.fixture
def registry(server: Server) -> RedisRegistry:
    return RedisRegistry(server.url)


def assert_down(registry: RedisRegistry, calls: dict[str, Callable[[RedisRegistry], Any]] = CALLS) -> None:
    for name, call in calls.items():
        with pytest.raises(RegistryDownError) as down:
            call(registry)
        assert down.value.__cause__ is not None, name
        assert str(down.value) == str(RegistryDownError()), name


def test_stopped_and_started(registry: RedisRegistry, server: Server) -> None:
    """Every call says that a stopped server is down; when it is back, with its rows, so are the logins."""
    registry.add(ROW)
    server.stop()
    try:
        assert_down(registry)
        assert_down(RedisRegistry(server.url))
    finally:
        server.start()
    assert_same(registry.get(ROW.id), ROW)
    assert registry.replace(ROW, changed(ROW))


def test_restarted(registry: RedisRegistry, server: Server) -> None:
    """Nobody notices a restart between two requests, although the connections are gone."""
    registry.add(ROW)
    for call in CALLS.values():
        server.stop()
        server.start()
        call(registry)


SLOW = {name: CALLS[name] for name in ("ping", "get", "replace", "end of everybody")}


def assert_down_in_time(registry: RedisRegistry) -> None:
    """With a timeout of half a second."""
    for name, call in SLOW.items():
        began = time.monotonic()
        assert_down(registry, {name: call})
        assert time.monotonic() - began < 0.95


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_silent(scheme: str) -> None:
    """A server that accepts connections and never answers is down after the timeout, and not after several."""
    with black_hole() as url:
        assert_down_in_time(RedisRegistry(url.replace("redis", scheme), timeout=0.5))


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_paused(server: Server, scheme: str) -> None:
    """A server that falls silent on a connection that we have is down after the timeout; then it is back."""
    registry = RedisRegistry(server.url.replace("redis", scheme), timeout=0.5)
    registry.add(ROW)
    with server.paused():
        assert_down_in_time(registry)
    # What it was told while it was paused, it has done by now, or it will have.
    assert registry.get(ROW.id) is not None


def test_nobody_there() -> None:
    """A name that is none, and a port where nobody listens, are a server that is down."""
    for url in ("redis://no-such-name.invalid", f"redis://{HOST}:1", "unix:///no/such/socket"):
        assert_down(RedisRegistry(url))


# Answers that get lost


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with wire_to(server) as wire:
        yield wire


OURS = pytest.param(RedisRegistry, id="our client")
THEIRS = pytest.param(lambda url: RedisRegistry(redis.Redis.from_url(url)), id="a client that asks again by itself")
VALKEY = pytest.param(lambda url: RedisRegistry(valkey.Valkey.from_url("valkey" + url[5:])), id="valkey-py")


@pytest.mark.parametrize("make", [OURS, THEIRS, VALKEY])
def test_lost_answer(make: Callable[[str], RedisRegistry], wire: Wire) -> None:
    """When the answer gets lost after the server did what it was told, the call says what was done all the same."""
    registry, newer = make(wire.url), changed(ROW)

    def lossy(call: Callable[[], Any]) -> Any:
        registry.ping()
        wire.losses = 1
        result = call()
        assert wire.losses == 0
        return result

    assert lossy(lambda: registry.add(ROW)) is True
    assert lossy(lambda: registry.add(ROW)) is False
    assert_same(lossy(lambda: registry.get(ROW.id)), ROW)
    assert lossy(lambda: registry.replace(ROW, newer)) is True
    assert lossy(lambda: registry.replace(ROW, newer)) is False
    assert_same(registry.get(ROW.id), newer)
    assert lossy(lambda: registry.end_all("ada", None, AT, "everywhere")) == 1
    assert lossy(lambda: registry.end_all("ada", None, AT, "everywhere")) == 0
    assert lossy(lambda: len(registry.of_owner("ada"))) == 1
    assert lossy(lambda: len(list(registry.all_rows()))) == 1


def test_answers_that_get_lost_again(wire: Wire) -> None:
    """When the second answer gets lost, too, nobody knows: the server is down."""
    registry = RedisRegistry(wire.url)
    registry.add(ROW)
    wire.losses = 2
    assert_down(registry, {"replace": CALLS["replace"]})
    assert wire.losses == 0
    assert_same(registry.get(ROW.id), changed(ROW))


def test_two_writes_that_are_alike(registry: RedisRegistry) -> None:
    """Of two who put the same row in the place of the same, one has done it: a write is known by more than its row."""
    registry.add(ROW)
    assert registry.replace(ROW, changed(ROW)) is True
    assert registry.replace(ROW, changed(ROW)) is False


# Servers that answer, and do not do it

WRITES = {name: CALLS[name] for name in ("add", "replace", "end_all")}


def test_replica(server: Server) -> None:
    """A server that has become a replica is down for changes, and left: its name may stand for the new master."""
    registry = RedisRegistry(f"{server.url}?client_name=ours")
    registry.add(ROW)
    with server.client() as client:
        client.replicaof(HOST, "1")
        assert "ours" in [each["name"] for each in client.client_list()]
        assert_down(registry, WRITES)
        wait_until(lambda: "ours" not in [each["name"] for each in client.client_list()])
        client.replicaof("NO", "ONE")
    assert registry.replace(ROW, changed(ROW))


def test_full(registry: RedisRegistry, server: Server) -> None:
    """A server without memory for more is down for what needs some; logins that are there go on."""
    registry.add(ROW)
    with server.client() as client:
        client.config_set("maxmemory", 1)
        try:
            assert_down(registry, {"add": CALLS["add"], "replace": CALLS["replace"]})
            assert_same(registry.get(ROW.id), ROW)
        finally:
            client.config_set("maxmemory", 0)


def test_another_kind_of_value(registry: RedisRegistry, server: Server) -> None:
    """Where somebody else keeps something of another kind under our keys, we say no more than that we are down."""
    with server.client() as client:
        client.rpush(f"sa:{{{ROW.id[:3]}}}{ROW.id[3:]}", "theirs")
        assert_down(registry, {name: CALLS[name] for name in ("get", "replace")})
        client.set(f"sa:{{{ROW.id[:3]}}}:ada", "theirs")
        assert_down(registry, {name: CALLS[name] for name in ("add", "of_owner", "end_all", "end of everybody")})


def test_wrong_password() -> None:
    """A server that does not let us in is down; the error says nothing of the password."""
    with one_server("--requirepass", "pa55word") as server:
        assert_down(RedisRegistry(f"redis://:wr0ng@{HOST}:{server.port}"))
        registry = RedisRegistry(f"redis://:pa55word@{HOST}:{server.port}")
        registry.ping()
        assert "pa55word" not in repr(registry)
        with pytest.raises(RegistryDownError) as down:
            RedisRegistry(f"redis://:wr0ng@{HOST}:{server.port}").get(ROW.id)
        assert "wr0ng" not in f"{down.value!r} {down.value} {down.value.__cause__}"


# Other processes

RACE = """
import sys
from dataclasses import replace
from flask_sessionauth.registry import RedisRegistry
registry, id, won = RedisRegistry(sys.argv[1]), sys.argv[2], 0
sys.stdin.read()
while won < 100:
    row = registry.get(id)
    won += registry.replace(row, replace(row, version=row.version + 1, generation=row.generation + 1))
print(won)
"""

FORK = """
import os, sys
from dataclasses import replace
from flask_sessionauth.registry import RedisRegistry
registry, ids = RedisRegistry(sys.argv[1]), sys.argv[2:]
assert registry.get(ids[0]).id == ids[0]
children = []
for id in ids:
    child = os.fork()
    if not child:
        try:
            os._exit(0 if all(registry.get(id).id == id for _ in range(200)) else 1)
        finally:
            os._exit(2)
    children.append(child)
assert all(registry.get(ids[0]).id == ids[0] for _ in range(200))
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""

GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, gevent
from flask_sessionauth.registry import RedisRegistry
from flask_sessionauth.testing.contract import _live
registry = RedisRegistry(sys.argv[1])
jobs = [gevent.spawn(_live, registry, f"owner {number}") for number in range(30)]
gevent.joinall(jobs, raise_error=True)
print({len(job.value) for job in jobs})
"""


def started(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    with process:
        answer, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return answer.strip()


def test_processes_race(registry: RedisRegistry, server: Server) -> None:
    """Of processes that replace one row, each time one wins, and none of their changes is lost."""
    registry.add(ROW)
    racers = [started(RACE, server.url, ROW.id) for _ in range(4)]
    assert [said(racer) for racer in racers] == ["100"] * 4
    row = registry.get(ROW.id)
    assert row is not None
    assert (row.version, row.generation) == (ROW.version + 400, ROW.generation + 400)


def test_fork(registry: RedisRegistry, server: Server) -> None:
    """Processes that fork with a registry in use each get their own answers."""
    rows = [make_row() for _ in range(4)]
    for row in rows:
        registry.add(row)
    assert said(started(FORK, server.url, *(row.id for row in rows))) == "[0, 0, 0, 0]"


def test_gevent(server: Server) -> None:
    """Greenlets share a registry as threads do."""
    pytest.importorskip("gevent")
    assert said(started(GEVENT, server.url)) == "{5}"


def test_time_to_come(registry: RedisRegistry) -> None:
    """A row that the server should have forgotten already is forgotten at once."""
    assert registry.add(make_row(forget_at=AT - timedelta(days=1)))
    assert registry.of_owner("ada") == []
