"""A store on Redis or Valkey: one server, Sentinel or a cluster."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigurationError, RegistryDownError
from . import redis_drivers as drivers
from .base import ActiveSession, is_id, tag_of
from .packing import MARK_BYTES, RowFormatError, milliseconds, pack, pack_end, pack_version, unpack
from .redis_scripts import ADD, END, FORGET, OF_OWNER, REPLACE, Script

if TYPE_CHECKING:
    from redis import Redis, RedisCluster
    from valkey import Valkey
    from valkey.cluster import ValkeyCluster

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Keys the server looks at for one answer, and so the most scripts it is sent together: some milliseconds of its time.
_BATCH = 1000
# Bytes. A key of at most 30 takes 32; a longer one takes 48 or 64.
_SHORT_OWNER, _DIGEST_BYTES = 21, 20
_GLOB = re.compile(r"[\\*?\[\]]")


class RedisRegistry:
    """Keeps rows on Redis 6 or newer, or Valkey. A read is one command, ``GET``, and so is one round trip.

    Rows are forgotten by the server itself when their time has come. It has to be one that evicts nothing
    (``maxmemory-policy noeviction``): an evicted row is a login that is over. What it loses in a crash or a failover
    (see its ``appendonly`` and ``min-replicas-to-write``) are logins that are over, and ends that did not happen.

    In a cluster all keys of an owner are in one slot. `all_rows`, `purge` and the end of everybody's rows go through
    all of the keys; while slots are being moved from one machine to another, they may miss those on the way.

    :param source: a URL: ``redis://``, ``rediss://``, ``unix://``, ``redis+cluster://`` or ``rediss+cluster://``, or
        the same with ``valkey``; or a client of redis-py or valkey-py: of one server, of a cluster, or what
        ``Sentinel.master_for()`` returns. A client gives bytes (``decode_responses=False``), and has timeouts of
        its own (``socket_timeout``, ``socket_connect_timeout``), or waits forever.
    :param prefix: what our keys begin with. No braces.
    :param timeout: seconds to wait for a connection and for an answer, with a URL.
    :raises ConfigurationError: for a source or a prefix that is not allowed, and if the driver is not installed.
    """

    def __init__(
        self,
        source: str | Redis | RedisCluster | Valkey | ValkeyCluster,
        *,
        prefix: str = "sa:",
        timeout: float = 2.0,
    ) -> None:
        if not isinstance(prefix, str) or "{" in prefix or "}" in prefix:
            raise ConfigurationError(
                "RedisRegistry's prefix is a text without braces: they say where a cluster keeps a key"
            )
        if not isinstance(timeout, (int, float)) or not timeout > 0:
            raise ConfigurationError("RedisRegistry's timeout is a number of seconds above 0")
        self._prefix = prefix.encode("utf-8", "surrogatepass")
        self._is_own_client = isinstance(source, str)
        if isinstance(source, str):
            self._driver, self._connect = drivers.from_url(source, timeout)
        else:
            self._driver, self._connect = drivers.of_client(source)

    def close(self) -> None:
        """Close connections that are the registry's own. It goes on working."""
        if self._is_own_client and "_client" in self.__dict__:
            self._client.close()

    def add(self, row: ActiveSession, /) -> bool:
        """Keep a new row. False, and nothing changed, if there is one with this id.

        :raises ValueError: if the id is not one of the owner's, as `new_id` makes them.
        """
        if not is_id(row.id) or not row.id.startswith(tag_of(row.owner)):
            raise ValueError("a row's id begins with the tag of its owner; see new_id()")
        return self._keep(ADD, row)

    def get(self, id: str, /) -> ActiveSession | None:
        """The row with this id, also an ended or expired one, until it is forgotten."""
        if not is_id(id):
            return None
        data = self._ask(self._client.get, self._key(id))
        return None if data is None else _read(id, data)

    def replace(self, old: ActiveSession, new: ActiveSession, /) -> bool:
        """Put a row in the place of another with the same id and owner, if the store has it in the version of ``old``.

        Also where the answer got lost and we had to ask again, the result is true: whether ``new`` is there.
        """
        return self._keep(REPLACE, new, pack_version(old.version))

    def of_owner(self, owner: str, /) -> list[ActiveSession]:
        """All rows of an owner that are not forgotten, in any order."""
        tag = tag_of(owner)
        found = self._run(OF_OWNER, [self._index(tag, owner)], self._stem(tag))
        rows = [_read(tag + member.decode("ascii"), data) for member, data in zip(found[::2], found[1::2], strict=True)]
        return [row for row in rows if row is not None]

    def purge(self, before: datetime, /) -> Iterator[int]:
        """Forget the rows whose ``forget_at`` is before a time, in batches; how many there were in each.

        The server forgets rows by itself, so there is nothing to do unless the time is in the future.
        """
        limit = milliseconds(before)
        for server, indexes in self._indexes():
            calls = [([index], [self._stem_of(index), limit]) for index in indexes]
            if forgotten := sum(self._run_together(server, FORGET, calls)):
                yield forgotten

    def end_all(self, owner: str | None, keep: str | None, at: datetime, reason: str, /) -> int:
        """End every row that has not ended: an owner's in one step, everybody's one owner after the other.

        :param keep: the id of one that goes on.
        :returns: how many ended.
        """
        kept, end = self._key(keep) if keep else b"", pack_end(at, reason)
        if owner is not None:
            tag = tag_of(owner)
            return int(self._run(END, [self._index(tag, owner)], self._stem(tag), kept, _mark(), end))
        ended = 0
        for server, indexes in self._indexes():
            calls = [([index], [self._stem_of(index), kept, _mark(), end]) for index in indexes]
            ended += sum(self._run_together(server, END, calls))
        return ended

    def all_rows(self) -> Iterator[ActiveSession]:
        """Everybody's rows, each of them once, in any order; those that come or go meanwhile, perhaps."""
        seen: set[str] = set()
        for server, keys in self._scan(self._pattern(b"[^:#]*")):
            by_id = {self._id_of(key): key for key in keys}
            new = {id: key for id, key in by_id.items() if id not in seen}
            seen.update(new)
            for id, data in zip(new, self._get_together(server, list(new.values())), strict=True):
                if data is not None and (row := _read(id, data)) is not None:
                    yield row

    def ping(self) -> None:
        """Nothing, if the store can be reached: every master of a cluster."""
        for server in self._ask(drivers.masters, self._client):
            self._ask(server.ping)

    # Keys: what is between the braces says where a cluster keeps them. No id has a colon or a number sign.

    def _stem(self, tag: str) -> bytes:
        return b"%b{%b}" % (self._prefix, tag.encode("ascii"))

    def _key(self, id: str) -> bytes:
        return self._stem(id[:3]) + id[3:].encode("ascii")

    def _index(self, tag: str, owner: str) -> bytes:
        name = owner.encode("utf-8", "surrogatepass")
        if len(name) <= _SHORT_OWNER:
            return b"%b:%b" % (self._stem(tag), name)
        return b"%b#%b" % (self._stem(tag), hashlib.sha256(name).digest()[:_DIGEST_BYTES])

    def _stem_of(self, key: bytes) -> bytes:
        return key[: len(self._prefix) + len("{tag}")]

    def _id_of(self, key: bytes) -> str:
        tag = len(self._prefix) + 1
        return (key[tag : tag + 3] + key[tag + 4 :]).decode("ascii", "replace")

    def _pattern(self, rest: bytes) -> bytes:
        return (
            _GLOB.sub(lambda found: "\\" + found[0], self._prefix.decode("latin-1")).encode("latin-1") + b"{???}" + rest
        )

    # The client

    @cached_property
    def _client(self) -> Any:
        return self._ask(self._connect)

    def _ask(self, ask: Callable[..., T], *args: Any) -> T:
        """Do something that may as well be done twice, and do it again if the connection turns out to be gone.

        :raises RegistryDownError: from whatever the driver says.
        """
        try:
            return ask(*args)
        except self._driver.lost:
            pass
        except self._driver.errors as error:
            raise self._down(error) from error
        try:
            return ask(*args)
        except self._driver.errors as error:
            raise self._down(error) from error

    def _down(self, error: Exception) -> RegistryDownError:
        if isinstance(error, self._driver.read_only):
            drivers.reconnect(self._client)
        return RegistryDownError()

    def _keep(self, script: Script, row: ActiveSession, *args: bytes) -> bool:
        keys = [self._key(row.id), self._index(row.id[:3], row.owner)]
        written = [row.id[3:], pack(row, _mark()), milliseconds(row.forget_at)]
        return bool(self._run(script, keys, *written, *args))

    def _run(self, script: Script, keys: list[bytes], *args: Any) -> Any:
        def run() -> Any:
            try:
                return self._client.evalsha(script.sha, len(keys), *keys, *args)
            except self._driver.no_script:
                return self._client.eval(script.text, len(keys), *keys, *args)

        return self._ask(run)

    # Many keys

    def _indexes(self) -> Iterator[tuple[Any, list[bytes]]]:
        return self._scan(self._pattern(b"[:#]*"))

    def _scan(self, pattern: bytes) -> Iterator[tuple[Any, list[bytes]]]:
        """All keys that are there from the beginning to the end, in batches, and the server of each.

        :raises RegistryDownError: also if another server has taken the place of one: it counts in another order.
        """
        for server in self._ask(drivers.masters, self._client):
            first, cursor = self._run_id(server), -1
            while cursor:
                cursor, keys = self._ask(server.scan, max(cursor, 0), pattern, _BATCH)
                if keys:
                    yield server, list(dict.fromkeys(keys))
            if self._run_id(server) != first:
                raise RegistryDownError

    def _run_id(self, server: Any) -> Any:
        return self._ask(server.info, "server").get("run_id")

    def _run_together(self, server: Any, script: Script, calls: list[tuple[list[bytes], list[Any]]]) -> list[Any]:
        self._ask(server.script_load, script.text)
        commands = [("EVALSHA", script.sha, len(keys), *keys, *args) for keys, args in calls]
        answers = self._ask(_send, server, commands)
        # A key of a cluster may have moved: the client for all of it finds it.
        return [
            self._run(script, keys, *args) if isinstance(answer, Exception) else answer
            for answer, (keys, args) in zip(answers, calls, strict=True)
        ]

    def _get_together(self, server: Any, keys: list[bytes]) -> Iterable[Any]:
        answers = self._ask(_send, server, [("GET", key) for key in keys])
        for answer, key in zip(answers, keys, strict=True):
            yield self._ask(self._client.get, key) if isinstance(answer, Exception) else answer


def _send(server: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
    with server.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = pipeline.execute(raise_on_error=False)
        return answers


def _mark() -> bytes:
    return secrets.token_bytes(MARK_BYTES)


def _read(id: str, data: bytes) -> ActiveSession | None:
    try:
        return unpack(id, data)
    except RowFormatError:
        # A newer version's, perhaps. Never with the bytes: there is a seed in them.
        _log.warning("The registry has no row under the id %s, but something else.", id)
        return None
