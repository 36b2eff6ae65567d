"""What a browser has of its row in the registry: the session's mark and the remember cookie, genuine or not."""

from __future__ import annotations

from typing import NamedTuple

from . import tokens
from .active import find
from .identity import Arrival
from .registry.base import ActiveSession
from .remembering import remember_cookie, token_audience


class Found(NamedTuple):
    """A row, and what a genuine cookie of it says."""

    row: ActiveSession
    #: The epoch of a session's mark, the generation of a remember cookie.
    counter: int
    #: Whether the newest of the app's keys has made it.
    is_newest_key: bool


def of_session(arrival: Arrival, may_be_old: bool = False) -> Found | None:
    """The row that the session's mark is of.

    :param may_be_old: whether this process may have read it up to ``LOGIN_REGISTRY_CACHE`` ago.

    ``None`` if there is no mark, no row, or no key of ours has made the mark.
    """
    return _of_mark(arrival, arrival.state.session_mark(arrival.session), may_be_old)


def _of_mark(arrival: Arrival, text: str, may_be_old: bool = False) -> Found | None:
    mark = tokens.read_session_mark(text)
    row = None if mark is None else find(arrival, mark.id, may_be_old)
    if mark is None or row is None:
        return None
    signer = tokens.mark_signer(arrival.settings.signing_keys, _audience(arrival), mark, row.seed)
    return None if signer is None else Found(row, mark.counter, signer == 0)


def of_cookie(arrival: Arrival) -> Found | None:
    """The row that the remember cookie is of, in the same way."""
    token = tokens.read_device_token(remember_cookie(arrival) or "")
    row = None if token is None else find(arrival, token.id)
    if token is None or row is None:
        return None
    signer = tokens.device_signer(arrival.settings.signing_keys, _audience(arrival), token, row.seed)
    return None if signer is None else Found(row, token.counter, signer == 0)


def of_browser(arrival: Arrival) -> list[ActiveSession]:
    """The rows that this browser has a session or a remember cookie of, however old: a logout ends them.

    Also where the program has cleared the session before.
    """
    found = [of_session(arrival), of_cookie(arrival)]
    if not arrival.state.session_mark(arrival.session):
        opened = arrival.app.session_interface.open_session(arrival.app, arrival.request)
        found.append(None if opened is None else _of_mark(arrival, arrival.state.session_mark(opened)))
    rows = [arrival.visit.row, *(one.row for one in found if one is not None)]
    return list({row.id: row for row in rows if row is not None}.values())


def has_current_cookie(arrival: Arrival, row: ActiveSession) -> bool:
    """Whether the request brought the row's current remember cookie."""
    token = tokens.read_device_token(remember_cookie(arrival) or "")
    if token is None or token.id != row.id or token.counter != row.generation:
        return False
    return tokens.device_signer(arrival.settings.signing_keys, _audience(arrival), token, row.seed) is not None


def mark_of(arrival: Arrival, row: ActiveSession) -> str:
    """What the session says of its row."""
    return tokens.session_mark(arrival.settings.signing_keys, _audience(arrival), row.id, row.epoch, row.seed)


def token_of(arrival: Arrival, row: ActiveSession) -> str:
    """The row's current remember cookie."""
    return tokens.device_token(arrival.settings.signing_keys, _audience(arrival), row.id, row.generation, row.seed)


def _audience(arrival: Arrival) -> tokens.Audience:
    return token_audience(arrival.settings, arrival.state.realm)
