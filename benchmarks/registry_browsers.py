"""Browsers that log in, read, are closed and opened again, and log out; and notice when anything goes wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.cookies import SimpleCookie

from overhead import HEADERS, REMEMBER_COOKIE, SESSION

#: Tabs that a browser opens at once when it is started again.
TABS = 4
READS = 20
RESTARTS = 2
_TIMEOUT = 30.0
# More than use one browser.
_PEOPLE = 1_000_000


@dataclass
class Notes:
    """What browsers have seen: milliseconds of each request by its kind, and how often what went wrong."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    logins: int = 0

    def add(self, other: Notes) -> None:
        for kind, times in other.times.items():
            self.times.setdefault(kind, []).extend(times)
        self.errors += other.errors
        self.logins += other.logins


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    cookies: dict[str, str]


class Browser:
    """One that people use in turn.

    :param first_user: the id of the first. The next one has the next number.
    :param has_registry: whether the server is to keep what only a registry can.
    """

    def __init__(self, port: int, first_user: int, has_registry: bool) -> None:
        self.notes = Notes()
        self._next_user, self._user_id = first_user, ""
        self._has_registry = has_registry
        self._cookies: dict[str, str] = {}
        self._connections = [HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT) for _ in range(TABS)]

    def visit(self, tabs: ThreadPoolExecutor) -> None:
        """From a login to a logout."""
        self._cookies, self._user_id = {}, str(self._next_user)
        self._next_user += 1
        self._take(self._send("login", "POST", f"/login?user={self._user_id}"), "in")
        self.notes.logins += 1
        for _ in range(RESTARTS):
            self._read()
            self._restart(tabs)
        self._read()
        if self._has_registry:
            self._take(self._send("devices", "GET", "/devices"), "1")
        before = dict(self._cookies)
        self._take(self._send("logout", "POST", "/logout"), "out")
        if self._has_registry:
            self._cookies = before
            self._expect(self._send("refusal", "GET", "/guarded"), 401)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _read(self) -> None:
        for _ in range(READS):
            self._take(self._send("read", "GET", "/guarded"), self._user_id)

    def _restart(self, tabs: ThreadPoolExecutor) -> None:
        """The session is gone; all tabs bring the same remember cookie, and get the same new one."""
        self._cookies.pop(SESSION, None)
        before = self._cookies.get(REMEMBER_COOKIE)
        answers = list(tabs.map(lambda tab: self._send("restore", "GET", "/guarded", tab), range(TABS)))
        for answer in answers:
            self._take(answer, self._user_id)
        tokens = {answer.cookies.get(REMEMBER_COOKIE) for answer in answers}
        if self._has_registry and (len(tokens) != 1 or before in tokens):
            self.notes.errors["the tabs have different cookies"] += 1

    def _send(self, kind: str, method: str, path: str, tab: int = 0) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        connection, start = self._connections[tab], time.perf_counter()
        connection.request(method, path, headers={**HEADERS, "Cookie": cookies, "Content-Length": "0"})
        response = connection.getresponse()
        body = response.read().decode()
        self.notes.times.setdefault(kind, []).append((time.perf_counter() - start) * 1e3)
        set_cookies = SimpleCookie()
        for header in response.headers.get_all("Set-Cookie", ()):
            set_cookies.load(header)
        return Answer(response.status, body, {name: morsel.value for name, morsel in set_cookies.items()})

    def _take(self, answer: Answer, body: str) -> None:
        self._expect(answer, 200, body)
        self._cookies |= answer.cookies

    def _expect(self, answer: Answer, status: int, body: str | None = None) -> None:
        if answer.status != status or body not in (None, answer.body):
            self.notes.errors[f"{answer.status} for {status}"] += 1


def browse(task: tuple[int, int, int, float, bool]) -> Notes:
    """Let some browsers visit again and again, each in a thread. Each completes its last visit.

    :param task: the port; the number of the first browser; how many; seconds; whether there is a registry.
    """
    port, first, count, seconds, has_registry = task
    end = time.monotonic() + seconds

    def person(number: int) -> Notes:
        browser = Browser(port, (number + 1) * _PEOPLE, has_registry)
        with ThreadPoolExecutor(TABS) as tabs:
            for _ in _until(end):
                try:
                    browser.visit(tabs)
                except OSError as error:
                    browser.notes.errors[type(error).__name__] += 1
        browser.close()
        return browser.notes

    notes = Notes()
    with ThreadPoolExecutor(count) as people:
        for one in people.map(person, range(first, first + count)):
            notes.add(one)
    return notes


def _until(end: float) -> Iterator[None]:
    while time.monotonic() < end:
        yield
