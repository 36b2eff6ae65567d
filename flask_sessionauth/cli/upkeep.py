"""``flask login purge`` and ``flask login init``: what a store needs now and then, and once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from .. import active
from ..audit.words import count
from .group import as_json, echo_json, this_app
from .registry import manager_of, note_memory, realm_option, registry_of


@click.command()
@click.option("--before", metavar="DATE", type=click.DateTime(), help="Only what was due before this time (UTC).")
@realm_option
@as_json
@with_appcontext
def purge(before: datetime | None, realm: str, is_json: bool) -> None:
    """Forget sessions that are over.

    A session is kept until its time would have been over, most that were ended for a day. Run this daily, say; Redis
    does it by itself. Needs a registry.
    """
    app, now = this_app(), active.now_of()
    limit = now if before is None else before.replace(tzinfo=UTC)
    if limit > now:
        raise click.BadParameter("it is in the future: sessions that are not over would go", param_hint="'--before'")
    registry = registry_of(app, manager_of(app, realm))
    note_memory(registry)
    number = _exhausted(registry.purge(limit))
    if is_json:
        echo_json({"app": app.name, "realm": realm, "before": limit.isoformat(), "forgotten": number})
    else:
        click.echo(f"Forgot {count(number, 'session')}.")


def _exhausted(batches: Iterator[int]) -> int:
    """The sum of what is in batches; how far it is, is shown to those who watch."""
    if not sys.stderr.isatty():
        return sum(batches)
    number = 0
    # Nobody knows how many there are.
    with click.progressbar(
        batches, label="Forgetting", item_show_func=lambda _: count(number, "session"), file=sys.stderr
    ) as watched:
        for batch in watched:
            number += batch
    return number


@click.command()
@realm_option
@with_appcontext
def init(realm: str) -> None:
    """Create what the registry needs.

    For SQLRegistry that is its table and its indexes, as far as they are not there.
    """
    app = this_app()
    registry = registry_of(app, manager_of(app, realm))
    kind, create = type(registry).__name__, getattr(registry, "create_all", None)
    if create is None:
        click.echo(f"{kind} needs nothing: there is nothing to do.")
    else:
        create()
        click.echo(f"{kind} is ready.")
