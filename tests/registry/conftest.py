"""What all stores' tests need."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from flask_sessionauth.registry import RedisRegistry


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what a test's registries have open.

    Where a test has caught an exception, they go only with the collector: it would find their sockets first, and warn.
    """
    made, begin = list[RedisRegistry](), RedisRegistry.__init__

    def note(registry: RedisRegistry, *args: Any, **options: Any) -> None:
        begin(registry, *args, **options)
        made.append(registry)

    monkeypatch.setattr(RedisRegistry, "__init__", note)
    yield
    # Also a client of the test's own.
    clients = [vars(registry)["_client"] for registry in made if "_client" in vars(registry)]
    for client in clients:
        client.close()
    if any(hasattr(client, "nodes_manager") for client in clients):
        # A cluster's client does not close what it has to servers that have left the cluster.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
