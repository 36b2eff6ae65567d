"""The desk of a realm with a registry: a user's logins on all devices, listed and ended."""

from __future__ import annotations

from typing import Any

from . import revoking
from .desk import Desk, UserT
from .identity import Arrival
from .proxy import unproxied
from .registry.base import ActiveSession


class DeviceDesk(Desk[UserT]):
    """A realm's desk that deals with more than the request in front of it.

    All of these need a registry, and an app context; outside a request, there is no current login.
    """

    def active_sessions(self, user: UserT | None = None) -> list[ActiveSession]:
        """The logins of a user on all devices, newest first. ``current`` is true for that of this request.

        :param user: ``None``: the user who is logged in; without one there are none.
        :raises SetupError: if there is no registry.
        :raises RegistryDownError: if it cannot be asked.
        """
        with self._arrival() as arrival:
            user = _user_or_own(arrival, user)
            return [] if user is None else revoking.sessions_of(arrival, user)

    def end_session(self, session_id: str, *, user: UserT | None = None) -> bool:
        """End one login of a user's. No copy of its cookies works from now on.

        :param session_id: the ``id`` of an `ActiveSession`.
        :param user: whose it must be; ``None``: the user who is logged in.
        :returns: False, with nothing changed, if the user has no such login.
        :raises SetupError: if there is no registry.
        :raises RegistryDownError: if it cannot be asked.
        """
        with self._arrival() as arrival:
            user = _user_or_own(arrival, user)
            return False if user is None else revoking.end_one(arrival, session_id, user)

    def end_sessions(self, user: UserT | None = None, *, keep_current: bool = True) -> int:
        """End the logins of a user on all devices.

        :param user: ``None``: the user who is logged in.
        :param keep_current: whether that of this request goes on, if it is one of them.
        :returns: how many there were.
        :raises SetupError: if there is no registry.
        :raises RegistryDownError: if it cannot be asked.
        """
        with self._arrival() as arrival:
            user = _user_or_own(arrival, user)
            return 0 if user is None else revoking.end_all_of(arrival, user, keep_current)

    def end_everybodys_sessions(self, *, keep_current: bool = False) -> int:
        """End the logins of all users, in all realms that keep theirs in the same registry.

        `session_ended` is not sent for each of them.

        :param keep_current: whether that of this request goes on.
        :returns: how many there were.
        :raises SetupError: if there is no registry.
        :raises RegistryDownError: if it cannot be asked.
        """
        with self._arrival() as arrival:
            return revoking.end_everybodys(arrival, keep_current)


def _user_or_own(arrival: Arrival, user: Any) -> Any:
    if user is not None:
        return unproxied(user)
    identity = arrival.visit.identity
    return None if identity is None else identity.user
