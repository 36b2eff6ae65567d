"""One app with a few users and routes, and a clock that tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from scene import KEY, Clock, Users, add_routes

from flask_sessionauth import LoginManager, session_ended
from flask_sessionauth.testing import LoginClient


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.time", lambda: clock.now)
    return clock


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def make_app(users: Users) -> Callable[..., Flask]:
    """Makes the app of the tests with further settings."""

    def make(manager: LoginManager[Any] | None = None, **config: Any) -> Flask:
        app = Flask("scene")
        app.test_client_class = LoginClient
        app.config.update(SECRET_KEY=KEY, TESTING=True)
        app.config.update(config)
        manager = LoginManager() if manager is None else manager
        manager.login_view = manager.login_view or "login"
        manager.refresh_view = manager.refresh_view or "reauth"
        if manager.user_callback is None:
            manager.user_loader(users.load)
        manager.init_app(app)
        add_routes(app, users)
        return app

    return make


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> LoginClient:
    client = app.test_client()
    assert isinstance(client, LoginClient)
    return client


@pytest.fixture
def ends() -> Iterator[list[tuple[str, str]]]:
    """What the signal `session_ended` said: ids and reasons."""
    heard: list[tuple[str, str]] = []

    def hear(app: Flask, user_id: str, reason: str, session_id: str | None) -> None:
        heard.append((user_id, reason))

    with session_ended.connected_to(hear):
        yield heard
