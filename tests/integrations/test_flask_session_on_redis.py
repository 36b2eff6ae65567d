"""Flask-Session on a real Redis: what is in the store, and a request that is slower than a logout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask, request, session
from flask_session import Session
from flask_session.redis import RedisSessionInterface
from redis import Redis
from scene import Users

from flask_sessionauth import current_user, logout_user

PATIENCE = 20.0


class LiveSessions(RedisSessionInterface):
    """Flask-Session's, but a session that was ended since it was read stays ended."""

    def open_session(self, app, request):
        session = super().open_session(app, request)
        session.sid_in_store = session.sid if session else None
        return session

    def _upsert_session(self, session_lifetime, session, store_id):
        was_there = session.sid == session.sid_in_store
        self.client.set(store_id, self.serializer.encode(session), ex=session_lifetime, xx=was_there)


class SlowPage:
    """A view that has read the session, and then waits for the test."""

    def __init__(self, app: Flask) -> None:
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        app.add_url_rule("/slow", "slow", self)

    def __call__(self) -> str:
        assert current_user.is_authenticated
        if "write" in request.args:
            session["note"] = "written by the slow one"
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE)
        return "done"

    def during(self, client: Any, url: str, act: Callable[[], object]) -> Any:
        """The response to a request, when something else happened after it had read its session."""
        with ThreadPoolExecutor(1) as pool:
            try:
                response = pool.submit(client.get, url)
                assert self.has_begun.wait(PATIENCE)
                act()
            finally:
                self.may_go_on.set()
            return response.result(PATIENCE)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def make_client(make_app: Any, redis: Redis) -> Callable[..., Any]:
    def make(**config: Any) -> Any:
        app = make_app(SESSION_TYPE="redis", SESSION_REDIS=redis, SESSION_KEY_PREFIX=f"{uuid4().hex}:", **config)
        Session(app)
        return app.test_client()

    return make


def session_id(client: Any) -> str:
    return str(client.get_cookie("session").value)


def key(client: Any, sid: str) -> str:
    return f"{client.application.config['SESSION_KEY_PREFIX']}{sid}"


def copy_of(client: Any, sid: str) -> Any:
    other = client.application.test_client()
    other.set_cookie("session", sid)
    return other


def test_login_moves_the_session(make_client: Any, redis: Redis, users: Users) -> None:
    """The old id is not in the store any more; the new one has the login and what the visitor had."""
    client = make_client()
    client.get("/cart/apples")
    before = session_id(client)
    client.post("/login", data={"id": "1", "remember": "yes"})
    after = session_id(client)
    assert (redis.exists(key(client, before)), redis.exists(key(client, after))) == (0, 1)
    with client.session_transaction() as stored:
        assert stored["cart"] == "apples"


@pytest.mark.parametrize("path", ["/reauth", "/who"])
def test_every_way_to_a_login_moves_the_session(make_client: Any, redis: Redis, path: str) -> None:
    """Credentials given once more, and a login restored by the remember cookie, change the id too."""
    client = make_client()
    client.post("/login", data={"id": "1", "remember": "yes"})
    if path == "/who":
        client.delete_cookie("session")
        client.get("/cart/apples")
    before = session_id(client)
    client.open(path, method="POST" if path == "/reauth" else "GET")
    assert session_id(client) != before
    assert not redis.exists(key(client, before))


def test_logout_empties_the_store(make_client: Any, redis: Redis) -> None:
    """Of a session that was nothing but a login, nothing is left."""
    client = make_client()
    client.post("/login", data={"id": "1"})
    sid = session_id(client)
    client.post("/logout")
    assert not redis.exists(key(client, sid))
    assert client.get_cookie("session") is None


def test_headers(make_client: Any) -> None:
    """A page that asked for the user varies, once; one that did not asks nothing of caches, and sets no cookie."""
    client = make_client(SESSION_REFRESH_EACH_REQUEST=False)
    client.post("/login", data={"id": "1"})
    asked, public = client.get("/who"), client.get("/public")
    assert asked.headers.getlist("Vary") == ["Cookie"]
    assert asked.headers["Cache-Control"] == "private"
    assert not {"Vary", "Set-Cookie", "Cache-Control"} & set(public.headers.keys())


@pytest.mark.parametrize(
    ("refresh", "url", "is_back"),
    [(True, "/slow", True), (False, "/slow", False), (False, "/slow?write", True)],
    ids=["saves every session", "saves changes, has none", "saves changes, has one"],
)
def test_slow_request_and_logout(make_client: Any, refresh: bool, url: str, is_back: bool) -> None:
    """Flask-Session saves a slow request's session as a whole, and a login in it is back: what the how-to warns of."""
    client = make_client(SESSION_REFRESH_EACH_REQUEST=refresh)
    slow = SlowPage(client.application)
    client.post("/login", data={"id": "1"})
    sid = session_id(client)
    slow.during(copy_of(client, sid), url, lambda: client.post("/logout"))
    assert (copy_of(client, sid).get("/who").json["user"] == "1") is is_back


@pytest.mark.parametrize("url", ["/slow", "/slow?write"])
@pytest.mark.parametrize("visited", [False, True], ids=["login only", "with a cart"])
def test_slow_request_with_the_interface_of_the_how_to(make_client: Any, redis: Redis, url: str, visited: bool) -> None:
    """With it, and a logout that clears the session, the login stays ended, and the slow request its answer."""
    client = make_client()
    app = client.application
    app.session_interface = LiveSessions(app, redis, app.config["SESSION_KEY_PREFIX"])
    slow = SlowPage(app)

    @app.post("/leave")
    def leave() -> str:
        logout_user()
        session.clear()
        return "bye"

    client.post("/login", data={"id": "1"})
    if visited:
        client.get("/cart/apples")
    sid = session_id(client)
    other = copy_of(client, sid)
    answer = slow.during(other, url, lambda: client.post("/leave"))
    assert answer.text == "done"
    assert not redis.exists(key(client, sid))
    assert other.get("/who").json["user"] is None


def test_interface_of_the_how_to(make_client: Any, redis: Redis) -> None:
    """All else is as it was: a visitor's session, its changes, and a login with its new id are kept."""
    client = make_client()
    app = client.application
    app.session_interface = LiveSessions(app, redis, app.config["SESSION_KEY_PREFIX"])
    client.get("/cart/apples")
    client.get("/cart/pears")
    client.post("/login", data={"id": "1"})
    assert client.get("/who").json["user"] == "1"
    with client.session_transaction() as stored:
        assert stored["cart"] == "pears"
