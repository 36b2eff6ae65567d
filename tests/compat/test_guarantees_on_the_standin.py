"""The guarantees, once more, in an app whose manager is the stand-in's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from test_guarantees import *  # noqa: F403 - the tests themselves
from test_guarantees import TestG2 as Whole


@pytest.fixture
def make_app(make_app: Callable[..., Flask], standin: ModuleType) -> Callable[..., Flask]:
    """Makes the app of the tests on the stand-in's manager, unless a test has one of its own."""

    def make(manager: Any = None, **config: Any) -> Flask:
        return make_app(standin.LoginManager() if manager is None else manager, **config)

    return make


class TestG2(Whole):
    # What a program has written on ``g`` in this request is believed here; what another has left there is not.
    test_copied_request_is_not_the_request = None  # type: ignore[assignment]
