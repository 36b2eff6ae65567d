"""What all commands have in common: what an error looks like, the option for JSON, and the width of a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from ..errors import RegistryDownError, SessionAuthError

#: Columns that text is made for.
WIDTH = 80


class CannotLookError(click.ClickException):
    """There is nothing to look at: not the same as having found something, or nothing."""

    exit_code = 2

    def __init__(self, reason: str) -> None:
        super().__init__("\n".join(wrap(reason, WIDTH - len("Error: "))))


class Group(AppGroup):
    """Tells an app that is not set up, or does not start for that reason, from one with something wrong in it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RegistryDownError as reason:
            raise CannotLookError(_why_down(reason)) from None
        except SessionAuthError as reason:
            raise CannotLookError(str(reason)) from None


def _why_down(reason: RegistryDownError) -> str:
    # Of what the driver says only the kind: its text may hold a password.
    said, cause = str(reason.description), reason.__cause__
    return said if cause is None else f"{said.rstrip('.')}: {type(cause).__name__}"


as_json = click.option("--json", "is_json", is_flag=True, help="Write JSON.")


def this_app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def echo_text(text: str, is_note: bool = False) -> None:
    """Write text in lines that fit.

    :param is_note: whether it is beside the matter: then it does not go where the output goes.
    """
    click.echo("\n".join(wrap(text, WIDTH, break_on_hyphens=False)), err=is_note)


def echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def echo_json_list(about: Mapping[str, Any], name: str, items: Iterable[object]) -> None:
    """Write an object whose last member is a list, an item a line, as they come: there may be a million.

    Nothing is written before the first has come, so that an error by then leaves no half of an object.
    """
    # Without the brackets that close it.
    before = json.dumps({**about, name: []})[:-2]
    for item in items:
        click.echo(f"{before}\n  {json.dumps(item)}", nl=False)
        before = ","
    click.echo("\n]}" if before == "," else f"{before}]}}")
