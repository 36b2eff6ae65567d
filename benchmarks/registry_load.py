"""Many workers on one store: gunicorn, and browsers beside it on the same machine."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry_browsers import Notes, browse
from registry_stores import NoServerError, Store, running
from registry_tables import Table, summary

_PATIENCE = 60.0


def load(kinds: list[str], seconds: float, workers: int, threads: int, browsers: int) -> list[Table]:
    """The part ``load``.

    :param kinds: of stores; one more run is without any.
    :param seconds: how long on each store.
    :param workers: processes of gunicorn.
    :param threads: of each worker.
    :param browsers: how many people there are at a time.
    """
    headings = (
        "store",
        "requests",
        "requests/s",
        "errors",
        "read ms",
        "login ms",
        "restore, 4 at once, ms",
        "logout ms",
    )
    title = f"{workers} workers with {threads} threads, {browsers} browsers: median / 99th percentile"
    table = Table(title, headings)
    for kind in ("", *kinds):
        try:
            if not kind:
                _measure(table, None, seconds, workers, threads, browsers)
                continue
            with running(kind) as store:
                _measure(table, store, seconds, workers, threads, browsers)
        except NoServerError as error:
            print(f"left out: {error}")
    return [table]


def _measure(table: Table, store: Store | None, seconds: float, workers: int, threads: int, browsers: int) -> None:
    with gunicorn("" if store is None else store.url, workers, threads) as port:
        # Every worker has imported what it needs, and has its connections.
        _browse(port, browsers, min(1.0, seconds), store is not None)
        rows_before = _count(store)[0]
        start = time.perf_counter()
        notes = _browse(port, browsers, seconds, store is not None)
        took = time.perf_counter() - start
    rows_after, going_on = _count(store)
    if store is not None and (rows_after - rows_before != notes.logins or going_on):
        notes.errors["rows"] += 1
    count = sum(map(len, notes.times.values()))
    errors = ", ".join(f"{what}: {number}" for what, number in notes.errors.items()) or "0"
    found = {kind: summary(times) for kind, times in notes.times.items()}
    shown = [f"{found[kind].p50:.1f} / {found[kind].p99:.1f}" for kind in ("read", "login", "restore", "logout")]
    numbers = {"requests": count, "seconds": took, "logins": notes.logins, "errors": dict(notes.errors)}
    times = {kind: one._asdict() for kind, one in found.items()}
    name = "none: cookies only" if store is None else store.name
    table.add((name, f"{count:,}", f"{count / took:,.0f}", errors, *shown), store=name, **numbers, **times)


def _browse(port: int, browsers: int, seconds: float, has_registry: bool) -> Notes:
    """From two processes: one has no more than one processor."""
    half = (browsers + 1) // 2
    tasks = [(port, 0, half, seconds, has_registry), (port, half, browsers - half, seconds, has_registry)]
    notes = Notes()
    with multiprocessing.get_context("fork").Pool(2) as processes:
        for one in processes.map(browse, [task for task in tasks if task[2]], chunksize=1):
            notes.add(one)
        # To be terminated where one of them waits for the other's lock can take for ever.
        processes.close()
        processes.join()
    return notes


def _count(store: Store | None) -> tuple[int, int]:
    """How many rows there are, and how many of them have not ended."""
    if store is None:
        return 0, 0
    rows = list(store.registry().all_rows())
    return len(rows), sum(row.ended_at is None for row in rows)


@contextmanager
def gunicorn(store_url: str, workers: int, threads: int) -> Iterator[int]:
    """The app, served on a port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    options = {"workers": workers, "threads": threads, "keep-alive": 60, "bind": f"127.0.0.1:{port}"}
    options |= {"log-level": "error", "chdir": Path(__file__).parent}
    command = [sys.executable, "-m", "gunicorn", *(f"--{name}={value}" for name, value in options.items())]
    command += ["--no-control-socket", "registry_app:create_app()"]
    environment = {**os.environ, "BENCHMARK_STORE": store_url}
    with subprocess.Popen(command, env=environment) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError("gunicorn is not ready")
