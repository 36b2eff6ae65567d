"""Flask-SocketIO: whose event is it? Asked anew for each, of what the connection's handshake brought along."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cachelib import SimpleCache
from flask import Flask, request
from flask_session import Session
from flask_socketio import SocketIO, disconnect
from scene import Clock, Users
from socketio import Client
from werkzeug.serving import make_server

from flask_sessionauth import current_user, login_source, login_user, logout_user, user_logged_out

PATIENCE = 20.0

# Whether Flask-SocketIO keeps a copy of the session for each connection, or opens the session of the handshake.
COPY, OWN = True, False


class Site:
    """An app with event handlers; browsers and their connections."""

    def __init__(self, app: Flask, users: Users, manage_session: bool) -> None:
        self.app, self.users = app, users
        self.socketio = SocketIO(app, manage_session=manage_session, async_mode="threading")
        self.socketio.on_event("who", self.who)
        self.socketio.on_event("enter", self.enter)
        self.socketio.on_event("leave", self.leave)

    def who(self) -> list[Any]:
        return [current_user.get_id() if current_user.is_authenticated else None, login_source()]

    def enter(self, user_id: str) -> list[Any]:
        login_user(self.users[user_id])
        return self.who()

    def leave(self) -> list[Any]:
        logout_user()
        return self.who()

    def browser(self, user_id: str | None = None, **form: str) -> Any:
        client = self.app.test_client()
        if user_id is not None:
            client.post("/login", data={"id": user_id, **form})
        return client

    def connect(self, browser: Any) -> Any:
        return self.socketio.test_client(self.app, flask_test_client=browser)


def ask(connection: Any, event: str = "who", *args: Any) -> Any:
    return connection.emit(event, *args, callback=True)


@pytest.fixture
def make_site(make_app: Any, users: Users) -> Callable[..., Site]:
    def make(manage_session: bool, on_server: bool = False, **config: Any) -> Site:
        app = make_app(**config)
        if on_server:
            app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
            Session(app)
        return Site(app, users, manage_session)

    return make


@pytest.fixture(params=[(COPY, False), (OWN, False), (COPY, True), (OWN, True)], ids=str)
def site(request: pytest.FixtureRequest, make_site: Any) -> Site:
    """With each kind of session that a connection may have."""
    made: Site = make_site(*request.param)
    return made


def test_user_of_the_handshake(site: Site) -> None:
    """An event has the user whose session the handshake brought; one of a visitor has none."""
    assert ask(site.connect(site.browser("1"))) == ["1", "session"]
    assert ask(site.connect(site.browser())) == [None, None]


def test_loaded_for_each_event(site: Site, users: Users) -> None:
    """The user is loaded once for each event, and never kept with the connection."""
    connection = site.connect(site.browser("1"))
    users.loads = 0
    for loads in (1, 2, 3):
        assert ask(connection) == ["1", "session"]
        assert users.loads == loads


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_user_who_is_gone(site: Site, users: Users, end: str) -> None:
    """The next event of a user who is disabled or deleted meanwhile is nobody's."""
    connection = site.connect(site.browser("1"))
    assert ask(connection) == ["1", "session"]
    if end == "disabled":
        users["1"].active = False
    else:
        del users["1"]
    assert ask(connection)[0] is None


def test_changed_credentials(site: Site, users: Users) -> None:
    """The next event is nobody's once the user's security stamp is another."""
    users["1"].security_stamp = "of the old password"  # type: ignore[attr-defined]
    connection = site.connect(site.browser("1"))
    assert ask(connection)[0] == "1"
    users["1"].security_stamp = "of the new one"  # type: ignore[attr-defined]
    assert ask(connection)[0] is None


@pytest.mark.parametrize("setting", ["LOGIN_IDLE_TIMEOUT", "LOGIN_ABSOLUTE_TIMEOUT"])
def test_limits(site: Site, clock: Clock, setting: str) -> None:
    """A connection is no way around the limits of the session's life."""
    site.app.config[setting] = 600
    connection = site.connect(site.browser("1"))
    clock.advance(599)
    assert ask(connection)[0] == "1"
    clock.advance(601)
    assert ask(connection)[0] is None


def test_events_count_for_the_copy_only(make_site: Any, clock: Clock) -> None:
    """Where a connection has a copy of the session, events keep the copy alive, and pages keep the session."""
    site = make_site(COPY, LOGIN_IDLE_TIMEOUT=600)
    browser = site.browser("1")
    quiet, busy = site.connect(browser), site.connect(browser)
    assert ask(quiet)[0] == ask(busy)[0] == "1"
    for _ in range(2):
        clock.advance(400)
        assert ask(busy)[0] == "1"
    assert ask(quiet)[0] is None
    assert browser.get("/who").json["user"] is None


def test_connections_do_not_mix(site: Site) -> None:
    """Events of several connections in turn each have their own user."""
    ada, bob, visitor = (site.connect(site.browser(user_id)) for user_id in ("1", "2", None))
    for _ in range(3):
        assert [ask(connection)[0] for connection in (ada, bob, visitor)] == ["1", "2", None]


def test_http_is_not_touched(site: Site) -> None:
    """A request between two events has the user of its own cookies."""
    browser = site.browser("1")
    connection = site.connect(browser)
    assert ask(connection)[0] == "1"
    assert site.browser().get("/who").json["user"] is None
    assert browser.get("/who").json["user"] == "1"
    assert ask(connection)[0] == "1"


@pytest.mark.parametrize(
    ("manage_session", "on_server", "after"),
    [(COPY, False, "1"), (OWN, False, "1"), (COPY, True, "1"), (OWN, True, None)],
)
def test_logout_over_http(make_site: Any, manage_session: bool, on_server: bool, after: str | None) -> None:
    """Only sessions on the server that are not copied tell a connection of a logout: what the how-to warns of."""
    site = make_site(manage_session, on_server)
    browser = site.browser("1")
    connection = site.connect(browser)
    assert ask(connection)[0] == "1"
    browser.post("/logout")
    assert browser.get("/who").json["user"] is None
    assert ask(connection)[0] == after
    assert ask(site.connect(browser)) == [None, None]


def test_disconnected_at_logout(site: Site) -> None:
    """With the how-to's receiver, a logout ends the user's connections, whatever the sessions are."""
    connected: dict[str, str] = {}

    @site.socketio.on("connect")
    def connect() -> bool:
        if not current_user.is_authenticated:
            return False
        connected[request.sid] = current_user.get_id()  # type: ignore[attr-defined]
        return True

    def hang_up(_: object, user: Any) -> None:
        for sid, user_id in list(connected.items()):
            if user_id == user.get_id():
                disconnect(sid, namespace="/")

    first, second = site.browser("1"), site.browser("2")
    connections = [site.connect(first), site.connect(first), site.connect(second)]
    with user_logged_out.connected_to(hang_up, site.app):
        first.post("/logout")
    assert [connection.is_connected() for connection in connections] == [False, False, True]
    assert not site.connect(first).is_connected()


def test_another_user_over_http(site: Site) -> None:
    """After another user has logged in, the connection is the old user's or nobody's, never the new one's."""
    browser = site.browser("1")
    connection = site.connect(browser)
    browser.post("/login", data={"id": "2"})
    assert ask(connection)[0] in ("1", None)
    assert ask(site.connect(browser))[0] == "2"


def test_logout_in_an_event(site: Site) -> None:
    """It holds for that event. No cookie can be deleted there, so whoever is remembered is back at the next one."""
    browser = site.browser("1", remember="yes")
    connection = site.connect(browser)
    assert ask(connection, "leave") == [None, None]
    assert browser.get("/who").json["user"] == "1"


def test_login_in_an_event(site: Site) -> None:
    """It holds for that event, and does not reach the browser."""
    browser = site.browser()
    connection = site.connect(browser)
    assert ask(connection, "enter", "2") == ["2", "login"]
    assert browser.get("/who").json["user"] is None


def test_remembered(site: Site) -> None:
    """A handshake with nothing but a remember cookie has its user at every event, each time by that cookie."""
    browser = site.browser("1", remember="yes")
    browser.delete_cookie("session")
    connection = site.connect(browser)
    for _ in range(3):
        assert ask(connection) == ["1", "remember"]


def test_remembered_leaves_the_session_alone(make_site: Any) -> None:
    """An event cannot give the browser another session, so the one it has, on the server, must outlive the event."""
    site = make_site(OWN, on_server=True)
    browser = site.browser("1", remember="yes")
    browser.delete_cookie("session")
    browser.get("/cart/apples")
    connection = site.connect(browser)
    stored = set(site.app.config["SESSION_CACHELIB"]._cache)
    for _ in range(3):
        assert ask(connection)[0] == "1"
    assert set(site.app.config["SESSION_CACHELIB"]._cache) == stored
    with browser.session_transaction() as session:
        assert session["cart"] == "apples"


def test_remember_cookie_expires(make_site: Any, clock: Clock) -> None:
    """... also while the connection lasts."""
    site = make_site(COPY)
    browser = site.browser("1", remember="yes", duration="60")
    browser.delete_cookie("session")
    connection = site.connect(browser)
    assert ask(connection)[0] == "1"
    clock.advance(61)
    assert ask(connection)[0] is None


@pytest.fixture
def served(make_site: Any) -> Iterator[Site]:
    site: Site = make_site(COPY)
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    site.url = f"http://127.0.0.1:{server.port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_sockets(served: Any) -> None:
    """The same with real connections: events of two users and a visitor at once, each on its own thread."""
    meeting = threading.Barrier(3)

    @served.socketio.on("meet")
    def meet() -> list[Any]:
        meeting.wait(PATIENCE)
        first = served.who()
        meeting.wait(PATIENCE)
        return [first, served.who()]

    answers: dict[str | None, Any] = {}
    connections = {user_id: Client() for user_id in ("1", "2", None)}
    try:
        for user_id, connection in connections.items():
            cookie = served.browser(user_id).get_cookie("session")
            headers = {"Cookie": f"session={cookie.value}"} if cookie else {}
            connection.connect(served.url, headers=headers, transports=["polling"])
        done = [threading.Event() for _ in connections]
        for event, (user_id, connection) in zip(done, connections.items(), strict=True):

            def receive(answer: Any, user_id: str | None = user_id, event: threading.Event = event) -> None:
                answers[user_id] = answer
                event.set()

            connection.emit("meet", callback=receive)
        assert all(event.wait(PATIENCE) for event in done)
    finally:
        for connection in connections.values():
            connection.disconnect()
    known = {user_id: [user_id, "session"] if user_id else [None, None] for user_id in connections}
    assert answers == {user_id: [seen, seen] for user_id, seen in known.items()}
