"""The app that ``registry_load.py`` has gunicorn serve. ``BENCHMARK_STORE`` is the registry's URL; blank: none."""

from __future__ import annotations

import os

from flask import Flask, request

from flask_sessionauth import (
    LoginManager,
    UserMixin,
    active_sessions,
    current_user,
    login_required,
    login_user,
    logout_user,
)
from flask_sessionauth.registry import RedisRegistry, SessionRegistry, SQLRegistry


class User(UserMixin):
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def create_app() -> Flask:
    app = Flask("load")
    app.config["SECRET_KEY"] = "a key for measuring, known to everybody"
    manager: LoginManager[User] = LoginManager(app, registry=_registry(os.environ["BENCHMARK_STORE"]))
    manager.user_loader(User)

    @app.post("/login")
    def login() -> str:
        login_user(User(request.args["user"]), remember=True)
        return "in"

    @app.get("/guarded")
    @login_required
    def guarded() -> str:
        return str(current_user.get_id())

    @app.get("/devices")
    @login_required
    def devices() -> str:
        return str(len(active_sessions()))

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return "out"

    return app


def _registry(url: str) -> SessionRegistry | None:
    if not url:
        return None
    return RedisRegistry(url) if url.startswith("unix:") else SQLRegistry(url)
