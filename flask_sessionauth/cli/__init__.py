"""The command line: ``flask login``, a file for each thing it does."""

from __future__ import annotations

from .checking import check
from .ending import end
from .group import Group
from .listing import sessions
from .routing import routes
from .upkeep import init, purge

__all__ = ["login"]

login = Group("login", help="Logins: what the app is set to, what it guards, and who is logged in.")
for command in (check, routes, sessions, end, purge, init):
    login.add_command(command)
