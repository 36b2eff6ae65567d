"""``flask login sessions`` lists who is logged in, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

import click
from flask.cli import with_appcontext

from .. import active
from ..audit.words import count
from ..logs import printable
from ..realms import DEFAULT, realms_of
from ..registry import ActiveSession, SessionRegistry
from ..rotation import live
from ..rows import is_login_of
from .group import WIDTH, CannotLookError, as_json, echo_json_list, echo_text, this_app
from .registry import Manager, manager_of, note_memory, owner_of, realm_option, registry_of, user_option

# Columns of a row's id, and lines for what a browser calls itself: most take two.
_ID = 25
_MOST_LINES = 3


@click.command()
@user_option
@click.option("--all", "is_all", is_flag=True, help="Everybody's.")
@click.option("--ended", "with_ended", is_flag=True, help="Also those that are over, as long as they are kept.")
@realm_option
@as_json
@with_appcontext
def sessions(user_id: str | None, is_all: bool, with_ended: bool, realm: str, is_json: bool) -> None:
    """List the sessions of a user, or everybody's.

    A user's come newest first, everybody's in no order. Needs a registry.
    """
    if (user_id is None) is not is_all:
        raise click.UsageError("Whose sessions? Give --user ID, or --all.")
    app = this_app()
    manager = manager_of(app, realm)
    registry = registry_of(app, manager)
    note_memory(registry)
    rows = _rows_of(manager, registry, user_id)
    now, idle = active.now_of(), realms_of(app).settings().login_idle_timeout
    found = ((row, _state(row, now, idle)) for row in rows if is_login_of(manager.name, row))
    shown = ((row, state) for row, state in found if with_ended or state == "live")
    if is_json:
        echo_json_list({"app": app.name, "realm": realm}, "sessions", (_as_data(row, state) for row, state in shown))
    else:
        whose = f"of {app.name!r}" if realm == DEFAULT else f"of {app.name!r}, realm {realm}"
        echo_text(f"Sessions {whose}. Times are in UTC.")
        _echo_rows(shown)


def _rows_of(manager: Manager, registry: SessionRegistry, user_id: str | None) -> Iterable[ActiveSession]:
    """The rows of a user, or everybody's."""
    if user_id is not None:
        with manager._arrival() as arrival:
            rows = registry.of_owner(owner_of(arrival, user_id))
        return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)
    everybodys = getattr(registry, "all_rows", None)
    if everybodys is None:
        kind = type(registry).__name__
        raise CannotLookError(f"{kind} cannot list everybody's sessions: it has no all_rows(). Give --user ID.")
    rows_of_all: Iterator[ActiveSession] = everybodys()
    return rows_of_all


def _state(row: ActiveSession, now: datetime, idle: timedelta | None) -> str:
    if row.ended_at is not None:
        return "ended"
    if now >= row.expires_at:
        return "expired"
    return "live" if live([row], now, idle) else "idle"


def _as_data(row: ActiveSession, state: str) -> dict[str, Any]:
    # Named one by one: a row's seed and stamp stay where they are.
    return {
        "id": row.id,
        "user_id": row.user_id,
        "owner": row.owner,
        "state": state,
        "created_at": _iso(row.created_at),
        "authenticated_at": _iso(row.authenticated_at),
        "last_seen_at": _iso(row.last_seen_at),
        "expires_at": _iso(row.expires_at),
        "ended_at": _iso(row.ended_at),
        "ended_reason": row.ended_reason,
        "remembered": row.remembered,
        "remote_addr": row.remote_addr,
        "user_agent": row.user_agent,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _echo_rows(rows: Iterable[tuple[ActiveSession, str]]) -> None:
    """Each row with its id on the left, and on the right, line by line, what is known of it."""
    number = 0
    for row, state in rows:
        number += 1
        click.echo()
        for line, text in enumerate(_lines(row)):
            click.echo(f"{'' if line else printable(row.id):<{_ID}}  {text}")
        if state != "live":
            click.secho(f"{'':<{_ID}}  {_end(row, state)}", fg="red" if row.ended_reason == "theft" else "yellow")
    click.echo(f"\n{count(number, 'session')}")


def _lines(row: ActiveSession) -> Iterator[str]:
    width = WIDTH - _ID - 2
    user = f"user {printable(row.user_id)}"
    yield from wrap(f"{user}, remembered" if row.remembered else user, width)
    yield f"last seen {_minute(row.last_seen_at)}, since {_minute(row.created_at)}"
    where = ", ".join(filter(None, (printable(row.remote_addr), printable(row.user_agent))))
    yield from wrap(where, width, max_lines=_MOST_LINES, placeholder=" ...")


def _end(row: ActiveSession, state: str) -> str:
    if row.ended_at is not None:
        return f"ended {_minute(row.ended_at)}: {printable(row.ended_reason or 'for no known reason')}"
    return f"expired {_minute(row.expires_at)}" if state == "expired" else "over: not used for LOGIN_IDLE_TIMEOUT"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
