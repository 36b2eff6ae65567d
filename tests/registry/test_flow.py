"""Logins on real stores: parallel requests, ends in the middle of them, and a store that goes and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from registry.databases import mariadb_url, new_table, postgres_url
from registry.redis_servers import any_command, one_server, own_prefix, standalone_url

from flask_sessionauth import LoginManager, remember_rotated, remember_stolen, session_ended
from flask_sessionauth.registry import MemoryRegistry, RedisRegistry, SessionRegistry, SQLRegistry


def on_sql(url: Any) -> Iterator[SessionRegistry]:
    registry = SQLRegistry(url, table=new_table(), timeout=30)
    registry.create_all()
    yield registry
    registry.table.drop(registry.engine)
    registry.close()


def on_redis() -> Iterator[SessionRegistry]:
    with standalone_url() as url, own_prefix(url) as prefix:
        yield RedisRegistry(url, prefix=prefix, timeout=30)


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb", "redis"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionRegistry]:
    match request.param:
        case "memory":
            yield MemoryRegistry()
        case "sqlite":
            yield from on_sql(f"sqlite:///{tmp_path}/sessions.db")
        case "postgresql":
            yield from on_sql(postgres_url())
        case "mariadb":
            yield from on_sql(mariadb_url())
        case _:
            yield from on_redis()


@pytest.fixture
def app(make_app: Callable[..., Flask], registry: SessionRegistry) -> Flask:
    return make_app(LoginManager(registry=registry))


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """What the calls return that begin in the same moment, each in a thread of its own."""
    barrier, answers = Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        barrier.wait()
        answers.append(call())

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(calls)
    return answers


def log_in(app: Flask) -> dict[str, str]:
    """The cookies of a browser whose user has logged in and is remembered."""
    browser = app.test_client()
    browser.post("/login", data={"id": "1", "remember": "1"})
    return {name: browser.get_cookie(name).value for name in ("session", "remember_token")}  # type: ignore[union-attr]


def visit(app: Flask, **cookies: str) -> tuple[int, str | None, str | None]:
    """The status, the user, and the remember cookie afterwards."""
    browser = app.test_client()
    for name, value in cookies.items():
        browser.set_cookie(name, value)
    answer = browser.get("/who")
    cookie = browser.get_cookie("remember_token")
    return answer.status_code, (answer.json or {}).get("user"), None if cookie is None else cookie.value


@pytest.mark.parametrize("count", [2, 20])
def test_parallel_restores(app: Flask, registry: SessionRegistry, count: int) -> None:
    """All requests with one remember cookie are let in, with one rotation, one row, one identical new cookie."""
    rotations: list[int] = []

    def hear(sender: Any, session: Any, **_: Any) -> None:
        rotations.append(session.generation)

    token = log_in(app)["remember_token"]
    with remember_rotated.connected_to(hear):
        answers = together([lambda: visit(app, remember_token=token)] * count)
    assert len(set(answers)) == 1
    assert answers[0][:2] == (200, "1")
    assert answers[0][2] != token
    assert rotations == [2]
    assert [row.generation for row in registry.of_owner("1")] == [2]


def test_parallel_thefts(app: Flask, registry: SessionRegistry) -> None:
    """Of many that bring a stolen cookie, one raises the alarm, and nobody is let in."""
    alarms, ends = [], []
    app.config["LOGIN_ROTATION_GRACE"] = 0
    stolen = log_in(app)["remember_token"]
    token = visit(app, remember_token=stolen)[2] or ""
    token = visit(app, remember_token=token)[2] or ""

    def alarm(sender: Any, **news: Any) -> None:
        alarms.append(news)

    def end(sender: Any, **news: Any) -> None:
        ends.append(news["reason"])

    with remember_stolen.connected_to(alarm), session_ended.connected_to(end):
        answers = together([lambda: visit(app, remember_token=stolen)] * 8)
    assert set(answers) == {(200, None, None)}
    assert len(alarms) == 1
    assert ends == ["theft"]
    assert visit(app, remember_token=token) == (200, None, None)


def test_logout_against_restores(app: Flask, registry: SessionRegistry) -> None:
    """However a logout and restores fall together, no cookie of the login works afterwards."""
    for _ in range(5):
        cookies = log_in(app)

        def log_out(cookies: dict[str, str] = cookies) -> tuple[int, None, None]:
            browser = app.test_client()
            browser.set_cookie("session", cookies["session"])
            return browser.post("/logout").status_code, None, None

        token = cookies["remember_token"]
        restores = [lambda token=token: visit(app, remember_token=token)] * 4  # type: ignore[misc]
        answers = together([log_out, *restores])
        assert {status for status, _, _ in answers} == {200}
        for _, _, later in answers:
            assert visit(app, remember_token=later or token)[1] is None
        assert visit(app, **cookies)[1] is None


def test_end_all_against_logins(app: Flask, registry: SessionRegistry, users: Any) -> None:
    """Who was logged in when all were ended is out; what was begun after it stays."""
    before = [log_in(app) for _ in range(5)]
    with app.app_context():
        assert app.login_manager.end_sessions(users["1"]) == 5  # type: ignore[attr-defined]
    after = log_in(app)
    assert [visit(app, **cookies)[1] for cookies in before] == [None] * 5
    assert visit(app, **after)[1] == "1"


def test_server_that_comes_back(make_app: Callable[..., Flask]) -> None:
    """While the server is stopped, the answer is 503; when it goes on, the same cookies work."""
    with one_server(command=any_command()) as server:
        app = make_app(LoginManager(registry=RedisRegistry(server.url, timeout=0.3)))
        cookies = log_in(app)
        with server.paused():
            browser = app.test_client()
            for name, value in cookies.items():
                browser.set_cookie(name, value)
            answer = browser.get("/private")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert "Set-Cookie" not in answer.headers
            assert browser.get("/public").status_code == 200
        assert visit(app, **cookies)[:2] == (200, "1")
        assert visit(app, remember_token=cookies["remember_token"])[:2] == (200, "1")
