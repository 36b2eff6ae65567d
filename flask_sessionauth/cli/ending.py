"""``flask login end`` ends sessions: one, a user's, or everybody's."""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import with_appcontext

from .. import ending
from ..audit.words import count, duration
from ..realms import realms_of
from ..registry.base import is_id
from ..rows import is_login_of
from .group import as_json, echo_json, echo_text, this_app
from .registry import Manager, manager_of, note_memory, owner_of, realm_option, registry_of, user_option


@click.command()
@click.argument("session", required=False)
@user_option
@click.option("--everybody", is_flag=True, help="Those of all users, in all realms of the registry.")
@click.option("--yes", "is_sure", is_flag=True, help="With --everybody: do not ask.")
@realm_option
@as_json
@with_appcontext
def end(session: str | None, user_id: str | None, everybody: bool, is_sure: bool, realm: str, is_json: bool) -> None:
    """End one SESSION, by its id, those of a user, or everybody's.

    No copy of their cookies works from then on. Needs a registry. The exit code is 0 if they are over now, 1 if there
    is no such session.
    """
    if (session is not None) + (user_id is not None) + everybody != 1:
        raise click.UsageError("Which sessions? Give SESSION, --user ID, or --everybody.")
    app = this_app()
    manager = manager_of(app, realm)
    note_memory(registry_of(app, manager))
    if session is not None:
        number = _end_one(app, manager, session)
    elif user_id is not None:
        with manager._arrival() as arrival:
            number = ending.end_all(arrival, owner_of(arrival, user_id), None, "revoked")
    else:
        if not is_sure:
            _ask(app, manager)
        number = manager.end_everybodys_sessions()
    if is_json:
        echo_json({"app": app.name, "realm": realm, "ended": number})
    elif session is not None and not number:
        click.echo("It was over already.")
    else:
        click.echo(f"Ended {count(number, 'session')}.")
    _note_delay(app)


def _end_one(app: Flask, manager: Manager, session_id: str) -> int:
    """End the login of a row, whoever's it is. How many that were: none, if it was over."""
    # Not repeated in the message: it may be a cookie that was pasted.
    row = registry_of(app, manager).get(session_id) if is_id(session_id) else None
    if row is None or not is_login_of(manager.name, row):
        raise click.ClickException("There is no session with this id in this realm.")
    with manager._arrival() as arrival:
        return int(ending.end(arrival, row, "revoked"))


def _ask(app: Flask, manager: Manager) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Where nobody can be asked, --everybody needs --yes.")
    realms = [name for name, other in realms_of(app).items() if other.registry is manager.registry]
    click.confirm(f"End everybody's sessions in {app.name!r}: {', '.join(realms)}?", abort=True, err=True)


def _note_delay(app: Flask) -> None:
    delay = realms_of(app).settings().login_registry_cache
    if delay:
        text = f"Note: a running process may take up to {duration(delay)} to notice, by LOGIN_REGISTRY_CACHE."
        echo_text(text, is_note=True)
