"""Threads: requests of several users at once, and the user in threads of a view's own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from flask import Flask, copy_current_request_context
from scene import User, Users
from werkzeug.serving import make_server

from flask_sessionauth import current_user, get_user, login_required, login_user, logout_user

CROWD = 8
ROUNDS = 20
PATIENCE = 20.0


@pytest.fixture
def users() -> Users:
    users = Users()
    users.update((str(n), User(str(n), f"user {n}")) for n in range(10, 10 + CROWD))
    return users


@pytest.fixture
def app(make_app: Any) -> Flask:
    """An app whose view has all of the crowd in it at once."""
    app: Flask = make_app()
    meeting = threading.Barrier(CROWD)

    @app.get("/meet")
    def meet() -> list[Any]:
        meeting.wait(PATIENCE)
        first = current_user.get_id()
        meeting.wait(PATIENCE)
        return [first, current_user.get_id()]

    return app


def test_crowd(app: Flask, users: Users) -> None:
    """Requests that are in the same view at the same time each have their own user, to the end."""
    crowd = [str(n) for n in range(10, 10 + CROWD)]
    clients = [app.test_client(user=users[user_id]) for user_id in crowd]
    with ThreadPoolExecutor(CROWD) as pool:
        for _ in range(ROUNDS):
            met = list(pool.map(lambda client: client.get("/meet").json, clients))
            assert met == [[user_id, user_id] for user_id in crowd]


def test_crowd_with_visitors(app: Flask, users: Users) -> None:
    """Nor has a visitor, whose request runs in a thread that has just served a user."""
    clients: list[Any] = [app.test_client(user=users["10"]) for _ in range(CROWD)]
    with ThreadPoolExecutor(CROWD) as pool:
        for shift in range(2):
            asking = [client if n % 2 == shift else app.test_client() for n, client in enumerate(clients)]
            met = list(pool.map(lambda client: client.get("/meet").json, asking))
            assert met == [["10", "10"] if n % 2 == shift else [None, None] for n in range(CROWD)]


def test_one_session(app: Flask, users: Users) -> None:
    """Parallel requests of one browser all have its user."""
    client = app.test_client(user=users["10"])
    session = client.get_cookie("session").value
    tabs = [app.test_client() for _ in range(CROWD)]
    for tab in tabs:
        tab.set_cookie("session", session)
    with ThreadPoolExecutor(CROWD) as pool:
        assert list(pool.map(lambda tab: tab.get("/meet").json, tabs)) == [["10", "10"]] * CROWD


def test_threaded_server(app: Flask, users: Users) -> None:
    """The same over sockets: browsers that log in, look and log out at once on a threaded server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def browse(user_id: str) -> list[str]:
        browser = build_opener(HTTPCookieProcessor(CookieJar()))

        def ask(path: str, data: bytes | None = None) -> str:
            with browser.open(f"http://127.0.0.1:{server.port}{path}", data, PATIENCE) as response:
                return str(response.read().decode())

        return [
            ask("/login", f"id={user_id}&remember=1".encode()),
            *(ask("/private") for _ in range(3)),
            ask("/meet").strip(),
            ask("/logout", b""),
            ask("/template"),
        ]

    crowd = [str(n) for n in range(10, 10 + CROWD)]
    try:
        with ThreadPoolExecutor(CROWD) as pool:
            for user_id, seen in zip(crowd, pool.map(browse, crowd), strict=True):
                user = f"private user {user_id}"
                assert seen == ["in", user, user, user, f'["{user_id}","{user_id}"]', "out", ""]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("asks_before", [True, False])
def test_thread_of_a_view(make_app: Any, users: Users, asks_before: bool) -> None:
    """A thread with a copy of the request's context has its user, and one without has none."""
    app = make_app()

    @app.get("/work")
    def work() -> list[Any]:
        if asks_before:
            assert current_user.is_authenticated
        with ThreadPoolExecutor(1) as pool:
            with_it = pool.submit(copy_current_request_context(lambda: current_user.name)).result(PATIENCE)
            without = pool.submit(lambda: (bool(current_user), get_user())).result(PATIENCE)
        return [with_it, current_user.name, *without]

    assert app.test_client(user=users["1"]).get("/work").json == ["ada", "ada", False, None]


def test_thread_that_outlives_the_request(make_app: Any, users: Users) -> None:
    """It keeps the user of its own request, whoever comes after, and can change no cookie any more."""
    app = make_app()
    may_go_on = threading.Event()
    pool = ThreadPoolExecutor(1)
    late = []

    @app.get("/start")
    @login_required
    def start() -> str:
        def work() -> str:
            assert may_go_on.wait(PATIENCE)
            name: str = current_user.name
            logout_user()
            return f"{name}, then {current_user.get_id()}"

        late.append(pool.submit(copy_current_request_context(work)))
        return "started"

    first, second = app.test_client(user=users["1"]), app.test_client(user=users["2"])
    with pool:
        first.get("/start")
        assert second.get("/private").text == "private bob"
        may_go_on.set()
        assert late[0].result(PATIENCE) == "ada, then None"
    assert first.get("/private").text == "private ada"
    assert second.get("/private").text == "private bob"


def test_login_in_one_request_is_nobody_elses(make_app: Any, users: Users) -> None:
    """A request that logs in while another one of the same visitor runs does not change that one's user."""
    app = make_app()
    inside, may_go_on = threading.Event(), threading.Event()

    @app.get("/wait")
    def wait() -> list[Any]:
        before = current_user.get_id()
        inside.set()
        assert may_go_on.wait(PATIENCE)
        return [before, current_user.get_id()]

    app.add_url_rule("/enter", "enter", lambda: str(login_user(users["1"])))
    tabs = [app.test_client(), app.test_client()]
    tabs[0].get("/cart/apples")
    tabs[1].set_cookie("session", tabs[0].get_cookie("session").value)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(tabs[0].get, "/wait")
        assert inside.wait(PATIENCE)
        tabs[1].get("/enter")
        assert tabs[1].get("/who").json["user"] == "1"
        may_go_on.set()
        assert waiting.result(PATIENCE).json == [None, None]
