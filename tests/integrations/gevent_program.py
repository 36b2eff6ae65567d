"""A program that runs on gevent, patched from the start as such programs are. It prints what its browsers have seen.

It is a process of its own because the patches would stay with the tests.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import threading
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

import gevent
from flask import Flask, copy_current_request_context, request
from gevent.pywsgi import WSGIServer

from flask_sessionauth import LoginManager, UserMixin, current_user, get_user, login_source, login_user, logout_user

USERS = ("ada", "bob", "cyd", "dan")
ROUNDS = 10
PATIENCE = 20


class User(UserMixin):
    def __init__(self, name: str) -> None:
        self.id = name


def load(name: str) -> User:
    # Every look at the database lets the others run.
    gevent.sleep(0)
    return User(name)


def make_app() -> Flask:
    app = Flask("program")
    app.secret_key = "a-key-of-the-tests-that-is-long-enough"
    manager: LoginManager[User] = LoginManager(app)
    manager.user_loader(load)
    # A barrier of greenlets, as the module is patched.
    meeting = threading.Barrier(len(USERS))

    @app.post("/login")
    def log_in() -> str:
        login_user(User(request.form["name"]), remember=True)
        return "in"

    @app.post("/logout")
    def log_out() -> str:
        logout_user()
        return "out"

    @app.get("/meet")
    def meet() -> list[Any]:
        meeting.wait(PATIENCE)
        first = current_user.get_id()
        meeting.wait(PATIENCE)
        return [first, current_user.get_id(), login_source()]

    @app.get("/spawn")
    def spawn() -> dict[str, Any]:
        with_it = gevent.spawn(copy_current_request_context(lambda: current_user.get_id()))
        without = gevent.spawn(lambda: get_user() and current_user.get_id())
        gevent.joinall([with_it, without], timeout=PATIENCE)
        return {"copied": with_it.get(), "plain": without.get(), "own": current_user.get_id()}

    return app


class Browser:
    def __init__(self, port: int) -> None:
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))
        self._address = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **form: str) -> str:
        data = "&".join(f"{key}={value}" for key, value in form.items()).encode() if form else None
        with self._opener.open(self._address + path, data, PATIENCE) as response:
            return str(response.read().decode())

    def lose_session(self) -> None:
        self._cookies.clear("127.0.0.1", "/", "session")


def browse(port: int, name: str) -> dict[str, Any]:
    browser = Browser(port)
    seen: dict[str, Any] = {"visitor": json.loads(browser.ask("/meet"))}
    browser.ask("/login", name=name)
    seen["user"] = [json.loads(browser.ask("/meet")) for _ in range(ROUNDS)]
    seen["spawned"] = json.loads(browser.ask("/spawn"))
    browser.lose_session()
    seen["remembered"] = json.loads(browser.ask("/meet"))
    browser.ask("/logout", really="yes")
    seen["after"] = json.loads(browser.ask("/meet"))
    return seen


def main() -> None:
    server = WSGIServer(("127.0.0.1", 0), make_app(), log=None)
    server.start()
    browsers = [gevent.spawn(browse, server.server_port, name) for name in USERS]
    gevent.joinall(browsers, timeout=3 * PATIENCE, raise_error=True)
    print(json.dumps({name: browser.get() for name, browser in zip(USERS, browsers, strict=True)}))
    server.stop()


if __name__ == "__main__":
    main()
