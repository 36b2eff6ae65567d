"""What the commands about the registry have in common: which realm's it is, and whose logins."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask

from .. import rows
from ..callbacks import call
from ..device_desk import DeviceDesk
from ..errors import SetupError
from ..identity import Arrival
from ..realms import DEFAULT, realms_of
from ..registry import MemoryRegistry, SessionRegistry
from .group import echo_text

Manager = DeviceDesk[Any]

realm_option = click.option(
    "--realm", default=DEFAULT, show_default=True, metavar="NAME", help="The LoginManager with this name."
)
user_option = click.option("--user", "user_id", metavar="ID", help="Those of a user, by the id the user loader gets.")


def manager_of(app: Flask, realm: str) -> Manager:
    """The app's manager with a name.

    :raises click.BadParameter: if there is none.
    :raises SetupError: if the app has none at all.
    """
    realms = realms_of(app)
    manager = realms.get(realm)
    if not isinstance(manager, DeviceDesk):
        raise click.BadParameter(f"there is no realm {realm!r}, but {', '.join(realms)}", param_hint="'--realm'")
    return manager


def registry_of(app: Flask, manager: Manager) -> SessionRegistry:
    """A manager's registry.

    :raises SetupError: if it has none.
    """
    if manager.registry is None:
        others = [f"--realm {name}" for name, realm in realms_of(app).items() if realm.registry is not None]
        there = f" (there is one for {', '.join(others)})" if others else ""
        raise SetupError(
            f"the LoginManager {manager.name or DEFAULT!r} has no registry, and so no list of logins{there}; give it"
            " one: LoginManager(registry=SQLRegistry(...)), or RedisRegistry"
        )
    return manager.registry


def note_memory(registry: SessionRegistry) -> None:
    """Say so, if it is a registry in which a command finds nothing."""
    if isinstance(registry, MemoryRegistry):
        kind = type(registry).__name__
        text = f"Note: {kind} is the memory of one process, and this command is another one than your server."
        echo_text(text, is_note=True)


def owner_of(arrival: Arrival, user_id: str) -> str:
    """Under whom the registry has the logins of a user.

    Of a user whom the loader does not find any more, that is the id itself.
    """
    realm = arrival.realm
    if realm.user_callback is not None:
        user = call(arrival.app, realm.user_callback, user_id)
        if user is not None:
            return rows.owner_of(realm, user)
        echo_text("Note: no user is found by this id. What follows is about the id itself.", is_note=True)
    return rows.stored_owner(realm.name, user_id)
