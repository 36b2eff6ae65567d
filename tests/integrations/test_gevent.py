"""gevent: parallel requests in greenlets of one thread, each with its own user."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("gevent_program.py")
USERS = ("ada", "bob", "cyd", "dan")
TIMEOUT = 120


@pytest.fixture(scope="module")
def seen() -> Any:
    """What the browsers of the program have seen, by their users."""
    command = [sys.executable, "-W", "error", str(PROGRAM)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("user", USERS)
def test_users_do_not_mix(seen: Any, user: str) -> None:
    """Of requests that are in the same view at the same time, each keeps its user, however it was recognised."""
    assert seen[user]["visitor"] == [None, None, None]
    assert seen[user]["user"] == [[user, user, "session"]] * len(seen[user]["user"])
    assert seen[user]["remembered"] == [user, user, "remember"]
    assert seen[user]["after"] == [None, None, None]


@pytest.mark.parametrize("user", USERS)
def test_spawned_greenlet(seen: Any, user: str) -> None:
    """A greenlet with a copy of the request's context has its user, and one without has none."""
    assert seen[user]["spawned"] == {"copied": user, "plain": None, "own": user}
