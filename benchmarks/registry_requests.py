"""What a request costs with a registry on Redis, against Flask-Login with Flask-Session on the same Redis.

The floor is that of ``overhead.py``: the same pages written by hand, with the user's id in Flask's own signed session,
and no store. So an overhead here is all that it costs to have sessions that a server can end.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import flask_login
import overhead
from flask import Flask
from flask_session import Session
from overhead import SESSION, Subject
from registry_stores import Store, redis_client, running
from registry_tables import Table

import flask_sessionauth

#: The most our overhead may be, as a share of theirs.
GOAL = 0.6

SCENARIOS = {
    "guarded": "guarded page, 1 read",
    "often": f"guarded page, {overhead.READS} reads",
    "plain": "page that does not ask",
}
_NAMES = ("current_user", "login_required", "login_user", "logout_user")


def make_ours(store: Store, **config: Any) -> Flask:
    """The app with flask_sessionauth and a registry."""

    def make_manager(app: Flask) -> flask_sessionauth.LoginManager[Any]:
        app.config.update(config)
        return flask_sessionauth.LoginManager(app, registry=store.registry())

    library = SimpleNamespace(LoginManager=make_manager, **{name: getattr(flask_sessionauth, name) for name in _NAMES})
    return overhead.make_library_app(cast(Any, library))


def make_theirs(store: Store) -> Flask:
    """The app with Flask-Login and Flask-Session, each with the settings it comes with."""
    app = overhead.make_library_app(flask_login)
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis_client(store))
    Session(app)
    return app


def make_subjects(store: Store) -> list[Subject]:
    apps = {
        "floor": overhead.make_floor(),
        "floor again": overhead.make_floor(),
        "Flask-Login, Flask-Session": make_theirs(store),
        "flask_sessionauth": make_ours(store),
    }
    return [Subject(name, app, overhead.log_in(app)) for name, app in apps.items()]


def environ_of(subject: Subject, scenario: str) -> Any:
    """A request of a user who is logged in, without a remember cookie."""
    found = next(known for known in overhead.SCENARIOS if known.name == scenario)
    assert found.cookies == (SESSION,)
    return subject.environ(found)


def run_batch(app: Flask, environ: Any, count: int) -> tuple[float, float]:
    """The processor time, in this process, and the time of one request, in microseconds."""
    gc.collect()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(count):
        for _chunk in app.wsgi_app(environ.copy(), overhead.ignore_start):
            pass
    return (time.process_time() - processor) / count * 1e6, (time.perf_counter() - clock) / count * 1e6


@dataclass
class Medians:
    """Microseconds: of the floor, and over the floor."""

    floor: float
    noise: float
    theirs: float
    ours: float


def measure(subjects: list[Subject], scenario: str, rounds: int, batch: int) -> tuple[Medians, Medians]:
    """Processor time and time, medians over rounds of batches in turn and back again."""
    requests = [(subject.app, environ_of(subject, scenario)) for subject in subjects]
    answers = {overhead.call_once(app, environ) for app, environ in requests}
    if len(answers) != 1 or next(iter(answers))[0] != 200:
        raise SystemExit(f"{scenario}: the apps do not answer alike: {answers}")
    for app, environ in requests:
        run_batch(app, environ, batch)
    gc.collect()
    gc.freeze()
    rows = []
    for _ in range(rounds):
        there = [run_batch(app, environ, batch) for app, environ in requests]
        back = [run_batch(app, environ, batch) for app, environ in reversed(requests)][::-1]
        rows.append([[(a + b) / 2 for a, b in zip(*both, strict=True)] for both in zip(there, back, strict=True)])
    gc.unfreeze()
    return _medians([[times[0] for times in row] for row in rows]), _medians(
        [[times[1] for times in row] for row in rows]
    )


def _medians(rows: list[list[float]]) -> Medians:
    floor = statistics.median(row[0] for row in rows)
    return Medians(floor, *(statistics.median(row[place] - row[0] for row in rows) for place in (1, 2, 3)))


def cost(rounds: int, batch: int) -> list[Table]:
    """The part ``cost``."""
    headings = ("page", "what", "floor µs", "Flask-Login + Flask-Session µs", "ours µs", "ratio", "goal", "noise µs")
    with running("redis") as store:
        table = Table(f"Overhead of a request over the floor, on {store.name}", headings)
        subjects = make_subjects(store)
        for scenario, label in SCENARIOS.items():
            for what, found in zip(("processor", "clock"), measure(subjects, scenario, rounds, batch), strict=True):
                ratio = found.ours / found.theirs
                shown = (f"{found.floor:.0f}", f"{found.theirs:.0f}", f"{found.ours:.0f}", f"{ratio:.2f}", str(GOAL))
                cells = (label, what, *shown, f"{found.noise:+.1f}")
                table.add(cells, scenario=scenario, what=what, ratio=ratio, goal=GOAL, **vars(found))
    return [table]


def commands(count: int, seconds: float) -> list[Table]:
    """The part ``commands``: what the server has counted.

    :param seconds: how long to go on with a touch interval of one second.
    """
    with running("redis") as store, redis_client(store) as server:
        counts = ("requests", "GET", "SET", "EVALSHA", "all, a request", "server's µs a GET", "µs an EVALSHA")
        table = Table(f"Commands a request, counted by {store.name}", ("app", *counts))
        for subject in make_subjects(store)[2:]:
            for scenario in ("guarded", "plain"):
                environ = environ_of(subject, scenario)
                run_batch(subject.app, environ, 2)
                server.config_resetstat()
                run_batch(subject.app, environ, count)
                _add_counts(table, f"{subject.name}: {SCENARIOS[scenario]}", count, server)
        touching = make_ours(store, LOGIN_TOUCH_INTERVAL=timedelta(seconds=1))
        subject = Subject("flask_sessionauth", touching, overhead.log_in(touching))
        environ, sent = environ_of(subject, "guarded"), 0
        run_batch(touching, environ, 2)
        server.config_resetstat()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run_batch(touching, environ, 10)
            sent += 10
        _add_counts(table, f"flask_sessionauth: {seconds:g} s with a touch interval of 1 s", sent, server)
    return [table]


def _add_counts(table: Table, label: str, requests: int, server: Any) -> None:
    told = {name.removeprefix("cmdstat_"): stat for name, stat in server.info("commandstats").items()}
    get, put, evalsha = (told.get(name, {}).get("calls", 0) for name in ("get", "set", "evalsha"))
    # What a script does is counted, too, but is no message: for each replacement one GET and one SET.
    get, put = get - evalsha, put - evalsha
    # Microseconds: the network, and our own time, are not in it.
    times = {name: told.get(name, {}).get("usec_per_call", 0.0) for name in ("get", "evalsha")}
    cells = (f"{requests:,}", f"{get:,}", f"{put:,}", f"{evalsha:,}", f"{(get + put + evalsha) / requests:.3f}")
    shown = [f"{took:.1f}" if took else "" for took in times.values()]
    counts = {"requests": requests, "get": get, "set": put, "evalsha": evalsha}
    table.add((label, *cells, *shown), label=label, server_us=times, **counts)
