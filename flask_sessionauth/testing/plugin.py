"""The pytest plugin: a ``login`` fixture. It is found by itself when the package is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def login(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Logs a user in with the test client of the ``client`` fixture: ``login(user, remember=True)``.

    Takes what `flask_sessionauth.testing.login` takes after the client.
    """
    from functools import partial

    from flask_sessionauth.testing import login as log_in

    return partial(log_in, request.getfixturevalue("client"))
