"""The guarantees, once more, in an app whose manager is the stand-in's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from scene import KEY, Users, add_routes
from test_guarantees import *  # noqa: F403 - the tests themselves
from test_guarantees import TestG2 as Whole

from flask_sessionauth.testing import LoginClient


@pytest.fixture
def make_app(standin: ModuleType, users: Users) -> Callable[..., Flask]:
    """Makes the app of the tests on the stand-in's manager, unless a test has one of its own."""

    def make(manager: Any = None, **config: Any) -> Flask:
        app = Flask("scene")
        app.test_client_class = LoginClient
        app.config.update({"SECRET_KEY": KEY, "TESTING": True, **config})
        manager = standin.LoginManager() if manager is None else manager
        manager.login_view = manager.login_view or "login"
        manager.refresh_view = manager.refresh_view or "reauth"
        if manager.user_callback is None:
            manager.user_loader(users.load)
        manager.init_app(app)
        add_routes(app, users)
        return app

    return make


class TestG2(Whole):
    # What a program has written on ``g`` in this request is believed here; what another has left there is not.
    test_copied_request_is_not_the_request = None  # type: ignore[assignment]
