"""The store on one Redis or Valkey server: the contract, by each driver, and what only this store promises."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.sentinel
import valkey
from registry.redis_servers import command_of, one_server, own_prefix, standalone_url, wait_until
from registry.test_packing import CHROME, used_row
from servers import redis_server

from flask_sessionauth.errors import ConfigurationError, RegistryDownError
from flask_sessionauth.registry import RedisRegistry
from flask_sessionauth.registry.base import new_id, tag_of
from flask_sessionauth.testing import RegistryContract
from flask_sessionauth.testing.contract import assert_same, at_once, changed, make_row

Make = Callable[[str], Any]

CLIENTS: list[Any] = [
    pytest.param(lambda url: redis.Redis.from_url(url, protocol=2), id="redis-py, RESP2"),
    pytest.param(lambda url: redis.Redis.from_url(url, protocol=3), id="redis-py, RESP3"),
    pytest.param(lambda url: valkey.Valkey.from_url(for_valkey(url), protocol=2), id="valkey-py, RESP2"),
    pytest.param(lambda url: valkey.Valkey.from_url(for_valkey(url), protocol=3), id="valkey-py, RESP3"),
]
AT = datetime(2026, 1, 2, tzinfo=UTC)
AGES = timedelta(days=1000)


def for_valkey(url: str) -> str:
    return url.replace("redis", "valkey", 1) if url.startswith("redis") else url


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with standalone_url() as url:
        yield url


@pytest.fixture
def prefix(url: str) -> Iterator[str]:
    with own_prefix(url) as prefix:
        yield prefix


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def registry(client: redis.Redis, prefix: str) -> RedisRegistry:
    return RedisRegistry(client, prefix=prefix)


class TestByUrl(RegistryContract):
    """The store keeps the contract with a client that it makes from a URL."""

    @pytest.fixture
    def registry(self, url: str, prefix: str) -> RedisRegistry:
        return RedisRegistry(url, prefix=prefix)

    @pytest.fixture
    def another_registry(self, url: str, prefix: str) -> RedisRegistry:
        return RedisRegistry(for_valkey(url), prefix=prefix)


@pytest.mark.parametrize("make", CLIENTS)
class TestByClient(RegistryContract):
    """The store keeps the contract with a program's own client, of either driver and protocol."""

    rounds = 5

    @pytest.fixture
    def registry(self, url: str, prefix: str, make: Make) -> Iterator[RedisRegistry]:
        with make(url) as client:
            yield RedisRegistry(client, prefix=prefix)


# What it asks the server


@pytest.mark.parametrize("make", CLIENTS)
def test_a_read_is_one_command(url: str, prefix: str, make: Make) -> None:
    """A read is one command, and so one round trip; so is each change, once the server has the script."""
    row = make_row()
    newer = changed(row)
    with make(url) as client, redis.Redis.from_url(url) as watcher:
        registry = RedisRegistry(client, prefix=prefix)

        def commands_of(call: Callable[[], Any]) -> Counter[str]:
            before = calls_of(watcher)
            call()
            return calls_of(watcher) - before - Counter({"info": 1})

        assert registry.add(row)
        assert not registry.replace(newer, newer)
        assert registry.of_owner("ada")
        assert commands_of(lambda: registry.get(row.id)) == {"get": 1}
        assert commands_of(lambda: registry.get(new_id("ada"))) == {"get": 1}
        assert commands_of(lambda: registry.get("no id")) == {}
        assert commands_of(lambda: registry.add(make_row()))["evalsha"] == 1
        assert commands_of(lambda: registry.replace(row, newer))["evalsha"] == 1
        assert commands_of(lambda: registry.of_owner("ada"))["evalsha"] == 1


def calls_of(client: redis.Redis) -> Counter[str]:
    told = client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()})


def test_a_server_that_has_no_script(registry: RedisRegistry, client: redis.Redis) -> None:
    """A server that has forgotten the scripts is given them again."""
    row = make_row()
    for script_flush in (client.script_flush,) * 2:
        script_flush()
        assert registry.add(make_row())
    client.script_flush()
    registry.add(row)
    client.script_flush()
    assert registry.replace(row, changed(row))
    client.script_flush()
    assert len(registry.of_owner("ada")) == 3
    client.script_flush()
    assert registry.end_all(None, None, AT, "breach") == 3
    client.script_flush()
    assert sum(registry.purge(datetime.now(UTC) + AGES)) == 3


@pytest.mark.parametrize("kind", ["redis-server", "valkey-server"])
@pytest.mark.parametrize("owner", [str, lambda n: f"0b3cbbd4-6a7e-4a59-8a3a-{n:012x}"], ids=["number", "UUID"])
def test_memory(kind: str, owner: Callable[[int], str]) -> None:
    """A session has at most 512 bytes of the server's memory, the index included, though nobody has a second one."""
    number = 10_000
    with one_server(command=command_of(kind)) as server, server.client() as client:
        registry = RedisRegistry(client)
        registry.add(used_row("somebody", CHROME))
        before = client.info("memory")["used_memory"]
        for n in range(10_000_000, 10_000_000 + number):
            registry.add(used_row(owner(n), CHROME))
        each = (client.info("memory")["used_memory"] - before) / number
        assert client.dbsize() == 2 * (number + 1)
    print(f"{kind}: {each:.0f} bytes a session")
    assert each <= 512


# Keys


def test_keys(registry: RedisRegistry, client: redis.Redis, prefix: str) -> None:
    """The keys of an owner's rows and of their index have the same in braces, by which a cluster places them."""
    row = make_row("ada")
    registry.add(row)
    tag = tag_of("ada")
    keys = sorted(client.scan_iter(match=f"{prefix}*"))
    assert keys == sorted(key.encode() for key in (f"{prefix}{{{tag}}}{row.id[3:]}", f"{prefix}{{{tag}}}:ada"))


@pytest.mark.parametrize("owner", ["", ":", "*", "a:b", "}{", "x" * 21, "x" * 22, "\ud800", "a\nb", "a\0b", "ä" * 255])
def test_any_owner(registry: RedisRegistry, owner: str) -> None:
    """An owner is any text: it is nobody else's, and no row's key."""
    row, another = make_row(owner), make_row(owner + "x")
    assert registry.add(row)
    assert registry.add(another)
    assert_same(registry.get(row.id), row)
    assert [found.id for found in registry.of_owner(owner)] == [row.id]
    assert registry.end_all(None, None, AT, "breach") == 2
    assert sum(registry.purge(datetime.now(UTC) + AGES)) == 2


def test_an_owner_who_looks_like_a_row(registry: RedisRegistry) -> None:
    """An owner named as the rest of a row's key has an index of their own."""
    row = make_row("ada")
    registry.add(row)
    registry.add(make_row(row.id[3:]))
    assert_same(registry.get(row.id), row)


def test_an_id_of_somebody_else(registry: RedisRegistry) -> None:
    """A row whose id does not begin as its owner's do would never be found among them: it is refused."""
    for id in (new_id("grace"), "no id", tag_of("ada") + ":" + "x" * 21):
        with pytest.raises(ValueError, match="new_id"):
            registry.add(make_row("ada", id=id))


def test_rows_are_forgotten_by_the_server(registry: RedisRegistry, client: redis.Redis, prefix: str) -> None:
    """A row goes when it is to be forgotten, as the last replace said; the index with the last of its rows."""
    first, second = make_row("ada"), make_row("ada", forget_at=make_row().forget_at + AGES)
    index = f"{prefix}{{{tag_of('ada')}}}:ada"

    def keys_go_at() -> list[int]:
        keys = [f"{prefix}{{{row.id[:3]}}}{row.id[3:]}" for row in (first, second)]
        return [client.pexpiretime(key) for key in (*keys, index)]

    registry.add(second)
    registry.add(first)
    assert keys_go_at() == [moment(first), moment(second), moment(second)]
    newer = changed(second, forget_at=first.forget_at - timedelta(hours=1))
    registry.replace(second, newer)
    assert keys_go_at() == [moment(first), moment(newer), moment(first)]
    registry.end_all("ada", None, AT, "everywhere")
    assert keys_go_at() == [moment(first), moment(newer), moment(first)]
    registry.end_all(None, None, AT, "everywhere")
    assert keys_go_at() == [moment(first), moment(newer), moment(first)]


def moment(row: Any) -> int:
    return round(row.forget_at.timestamp() * 1000)


def test_the_index_forgets_too(registry: RedisRegistry, client: redis.Redis, prefix: str) -> None:
    """What is left in an index of rows that are gone goes when somebody looks, or adds the next one."""
    index = f"{prefix}{{{tag_of('ada')}}}:ada"
    gone, row = make_row(), make_row()
    registry.add(row)
    for look in (lambda: registry.of_owner("ada"), lambda: registry.end_all("ada", row.id, AT, "others")):
        registry.add(gone)
        client.delete(f"{prefix}{{{gone.id[:3]}}}{gone.id[3:]}")
        assert client.zcard(index) == 2
        look()
        assert client.zrange(index, 0, -1) == [row.id[3:].encode()]
    client.zadd(index, {"long ago": 1000})
    registry.replace(row, changed(row))
    assert client.zrange(index, 0, -1) == [row.id[3:].encode()]


def test_what_is_no_row(
    registry: RedisRegistry, client: redis.Redis, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes of another format are no row: nothing finds, changes or ends them, and a log says so without them."""
    row, other = make_row(seed=b"the seed" * 4), make_row()
    registry.add(row)
    registry.add(other)
    key = f"{prefix}{{{row.id[:3]}}}{row.id[3:]}"
    for junk in (b"\x07" + client.get(key)[1:], b"", client.get(key)[:40]):
        client.set(key, junk, keepttl=True)
        caplog.clear()
        assert registry.get(row.id) is None
        assert [found.id for found in registry.of_owner("ada")] == [other.id]
        assert [found.id for found in registry.all_rows()] == [other.id]
        assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
        assert "seed" not in caplog.text
        if junk[:1] != b"\x01":
            assert registry.replace(row, changed(row)) is False
            assert registry.end_all("ada", other.id, AT, "others") == 0
            assert client.get(key) == junk


# All of them


def test_all_rows(registry: RedisRegistry) -> None:
    """Every row of every owner is told, an ended one too, and none of them twice."""
    rows = [make_row(f"owner {number % 700}") for number in range(2100)]
    for row in rows:
        registry.add(row)
    registry.end_all("owner 1", None, AT, "everywhere")
    told = list(registry.all_rows())
    assert sorted(row.id for row in told) == sorted(row.id for row in rows)
    assert {row.owner for row in told if row.ended_at} == {"owner 1"}


def test_all_rows_of_a_server_that_repeats_itself(registry: RedisRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may name a key again, later on; its row is told once."""
    scan = RedisRegistry._scan
    monkeypatch.setattr(RedisRegistry, "_scan", lambda self, pattern: [*scan(self, pattern)] * 2)
    row = make_row()
    registry.add(row)
    assert [told.id for told in registry.all_rows()] == [row.id]


def test_purge_ahead_of_time(registry: RedisRegistry, client: redis.Redis, prefix: str) -> None:
    """Rows that are still there are forgotten, if one asks for those of a time to come, and nothing is left of them."""
    rows = [make_row(f"owner {number % 1500}") for number in range(3000)]
    later = make_row("owner 1", forget_at=rows[0].forget_at + AGES)
    for row in (*rows, later):
        registry.add(row)
    batches = list(registry.purge(later.forget_at))
    assert sum(batches) == 3000
    assert len(batches) > 1
    assert [row.id for row in registry.all_rows()] == [later.id]
    # A server may say a key twice.
    assert len(set(client.scan_iter(match=f"{prefix}*"))) == 2


def test_the_end_of_everybody_while_they_log_in(registry: RedisRegistry, url: str, prefix: str) -> None:
    """Who logs in while everybody is ended does not keep it from coming to an end; whoever was there is out."""
    rows = [make_row(f"owner {number % 1500}") for number in range(3000)]
    for row in rows:
        registry.add(row)
    newcomers = RedisRegistry(url, prefix=prefix)
    running = True

    def log_in() -> int:
        number = 0
        while running:
            number += newcomers.add(make_row(f"newcomer {number}"))
        return number

    def end() -> int:
        nonlocal running
        try:
            return registry.end_all(None, rows[0].id, AT, "breach")
        finally:
            running = False

    came, ended = at_once([log_in, end])
    assert len(rows) - 1 <= ended <= len(rows) - 1 + came
    assert [row.id for row in registry.all_rows() if row.owner.startswith("owner") and not row.ended_at] == [rows[0].id]
    assert_same(registry.get(rows[0].id), rows[0])


def test_another_server_in_the_middle(registry: RedisRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers count their keys in orders of their own: an end of everybody that meets two is not said to be one."""
    registry.add(make_row())
    ids = iter(["the first", "the second"])
    monkeypatch.setattr(RedisRegistry, "_run_id", lambda self, server: next(ids))
    with pytest.raises(RegistryDownError):
        registry.end_all(None, None, AT, "breach")


def test_a_prefix_is_no_pattern(url: str, prefix: str) -> None:
    """A prefix of wildcards stands for itself."""
    wild, other = RedisRegistry(url, prefix=f"{prefix}*[a]?\\"), RedisRegistry(url, prefix=f"{prefix}xa?\\")
    mine, others = make_row(), make_row()
    wild.add(mine)
    other.add(others)
    assert [row.id for row in wild.all_rows()] == [mine.id]
    assert wild.end_all(None, None, AT, "breach") == 1
    assert_same(other.get(others.id), others)


def test_a_socket() -> None:
    """A server on a socket of the file system will do, too."""
    with redis_server() as url:
        registry, row = RedisRegistry(url), make_row()
        registry.add(row)
        assert_same(registry.get(row.id), row)


def test_close(url: str, prefix: str, client: redis.Redis) -> None:
    """A registry that was closed has no connection to the server, until it is asked again; a client's are the app's."""
    apps_own = redis.Redis.from_url(url, client_name=f"{prefix}app")
    ours = RedisRegistry(f"{url}?client_name={prefix}own", prefix=prefix)
    theirs = RedisRegistry(apps_own, prefix=prefix)

    def connected() -> set[str]:
        return {each["name"].removeprefix(prefix) for each in client.client_list() if each["name"].startswith(prefix)}

    ours.close()
    for registry in (ours, theirs):
        registry.ping()
    assert connected() == {"own", "app"}
    for registry in (ours, theirs):
        registry.close()
    wait_until(lambda: connected() == {"app"})
    ours.ping()
    assert connected() == {"own", "app"}
    apps_own.close()


# What it refuses


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("http://localhost", "redis://"),
        ("localhost:6379", "redis://"),
        ("redis+sentinel://localhost/mymaster", "redis+cluster://"),
        ("unix+cluster:///socket", "redis+cluster://"),
        ("redis://:pa55word@localhost/no-number?db=x", "driver cannot read"),
        ("redis://:pa55word@localhost:port", "driver cannot read"),
        ("redis://:pa55word@localhost?decode_responses=yes", "decode_responses"),
        (None, "NoneType"),
        (redis.sentinel.Sentinel([]), "master_for"),
        (redis.asyncio.Redis(), "asyncio"),
        (redis.Redis(decode_responses=True), "decode_responses"),
        (valkey.Valkey(decode_responses=True), "decode_responses"),
        (redis.sentinel.Sentinel([]).slave_for("mymaster"), "masters only"),
    ],
    ids=lambda it: it if isinstance(it, str) else type(it).__name__,
)
def test_sources_refused(source: Any, said: str) -> None:
    """What cannot be a registry's server or client is refused at once, and no password is told."""
    with pytest.raises(ConfigurationError) as refused:
        RedisRegistry(source)
    assert said in str(refused.value)
    assert "pa55word" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    "wrong", [{"prefix": "{a}"}, {"prefix": "}"}, {"prefix": b"a"}, {"timeout": 0}, {"timeout": "2"}]
)
def test_arguments_refused(wrong: dict[str, Any]) -> None:
    """A prefix or timeout that cannot be is refused by name."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RedisRegistry("redis://localhost", **wrong)


def test_a_client_with_a_cache() -> None:
    """A client that remembers answers would let people in who are out."""
    cache = pytest.importorskip("redis.cache")
    with (
        redis.Redis(protocol=3, cache_config=cache.CacheConfig()) as caching,
        pytest.raises(ConfigurationError, match="no cache"),
    ):
        RedisRegistry(caching)


def test_either_driver(url: str, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    """Each of the two drivers will do for each URL; without any, the error says what to install."""
    for missing in ("redis", "valkey"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, missing, None)
            for each in (url, for_valkey(url)):
                RedisRegistry(each, prefix=prefix).ping()
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "valkey", None)
    with pytest.raises(ConfigurationError, match=r"flask-sessionauth\[redis\]"):
        RedisRegistry(url)


def test_clients_of_urls_have_timeouts() -> None:
    """No server keeps a request waiting forever: a client made from a URL has timeouts, unless the URL says others."""
    for url, expected in (("redis://localhost", 2.0), ("redis://localhost?socket_timeout=7", 7.0)):
        client = RedisRegistry(url)._client
        assert client.get_connection_kwargs()["socket_timeout"] == expected
        assert client.get_connection_kwargs()["socket_connect_timeout"] == 2.0
