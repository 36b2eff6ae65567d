"""A Redis server for the session, and an address in it for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from servers import redis_server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server: the one that ``REDIS_URL`` names, or one that lives as long as the tests."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
    else:
        with redis_server() as url:
            yield url
