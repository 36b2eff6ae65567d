"""``flask login routes`` lists who guards what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any

import click
from flask.cli import with_appcontext

from ..audit import Route, routes_of
from ..audit.routes import Guard, Kind
from ..audit.words import duration
from ..realms import realms_of
from .group import WIDTH, as_json, echo_json, this_app


@click.command()
@click.option("--open", "is_open", is_flag=True, help="List only what is open to everybody.")
@as_json
@with_appcontext
def routes(is_open: bool, is_json: bool) -> None:
    """List every endpoint with its methods and protection.

    A check that stands inside a view, or behind a decorator that does not use functools.wraps, cannot be seen: such an
    endpoint is listed as open. OPTIONS is left out, and HEAD where it is protected as GET is.
    """
    app = this_app()
    found = [route for route in routes_of(app) if not (is_open and route.guards)]
    is_disabled = app.testing and realms_of(app).settings().login_disabled
    if is_json:
        echo_json({"app": app.name, "login_disabled": is_disabled, "routes": [_route_as_data(r) for r in found]})
        return
    if is_disabled:
        click.secho("LOGIN_DISABLED under TESTING: every guard below lets everybody pass.\n", fg="red")
    if found:
        _echo_routes(found)
    else:
        click.echo("No endpoint is open." if is_open else "No endpoint.")


def _route_as_data(route: Route) -> dict[str, Any]:
    return {
        "endpoint": route.endpoint,
        "rule": route.rule,
        "host": route.host,
        "methods": list(route.methods),
        "protection": route.kind.value,
        "guards": [asdict(guard) for guard in route.guards],
        "exemption": route.exemption,
        "misplaced_guard": route.is_misplaced,
        "doubtful_guard": route.is_doubtful,
    }


def _protection(route: Route) -> str:
    """How a route is protected, in words: the strongest guard of each realm, and where it stands."""
    if route.guards:
        realms = dict.fromkeys(guard.realm for guard in route.guards)
        strongest = [max((g for g in route.guards if g.realm == realm), key=_strength) for realm in realms]
        said = "; ".join(map(_guard, strongest))
    elif route.kind is Kind.EXEMPT:
        said = f"exempt ({route.exemption})"
    else:
        said = "open"
    if route.is_misplaced:
        return f"{said}; a guard above the route never runs"
    return f"{said}; a guard inside may not run" if route.is_doubtful else said


def _strength(guard: Guard) -> tuple[bool, float]:
    return guard.fresh, float("-inf") if guard.max_age is None else -guard.max_age


def _guard(guard: Guard) -> str:
    kind = "login" if not guard.fresh else "fresh" if guard.max_age is None else f"fresh {duration(guard.max_age)}"
    return f"{kind if guard.realm is None else f'{guard.realm} {kind}'} ({guard.by})"


def _echo_routes(found: Sequence[Route]) -> None:
    rows = [(_protection(r), ", ".join(r.methods), _place(r), r.endpoint) for r in found]
    titles = ("Protection", "Methods", "Rule", "Endpoint")
    widths = _fit([max(map(len, column)) for column in zip(titles, *rows, strict=True)])
    _echo_row(titles, widths)
    _echo_row(["-" * width for width in widths], widths)
    for route, row in zip(found, rows, strict=True):
        colour = "red" if route.is_misplaced else "yellow" if route.kind is Kind.OPEN else None
        _echo_row(row, widths, colour)


def _place(route: Route) -> str:
    return route.rule if route.host is None else f"{route.host}: {route.rule}"


def _fit(widths: list[int]) -> list[int]:
    """The widths of columns that fit together: the widest gives way."""
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _echo_row(row: Iterable[str], widths: Sequence[int], colour: str | None = None) -> None:
    """A row of a table, on as many lines as its longest cell needs. The first column has the colour."""
    cells = [wrap(cell, width, break_on_hyphens=False) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        line = [cell[number] if number < len(cell) else "" for cell in cells]
        first, *rest = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        others = "  ".join(rest).rstrip()
        click.secho(first if others else first.rstrip(), fg=colour, nl=False)
        click.echo(f"  {others}" if others else "")
