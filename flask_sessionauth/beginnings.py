"""How a login begins in the session, on every path to one."""

from __future__ import annotations

import time

from flask import Request

from . import fingerprint, possession
from .identity import Arrival
from .settings import Settings, csrf_key
from .state import Mark, drop_csrf_token

# Where Flask-SocketIO keeps its copy of the session, which event handlers get for theirs.
_COPIED_SESSION = "saved_session"


def fingerprint_of(request: Request, settings: Settings) -> str:
    """The likeness of the browser that sent a request."""
    bound_to = settings.session_protection_bind
    # Not looked at unless it counts: it would only fill the cache.
    remote_addr = request.remote_addr if "ip" in bound_to else None
    user_agent = request.environ.get("HTTP_USER_AGENT", "")[: fingerprint.MAX_USER_AGENT]
    return fingerprint.describe(user_agent, bound_to, remote_addr)


def begin(arrival: Arrival, user_id: str, started: float, is_fresh: bool) -> None:
    """Start a login in the session: the one place, on every path to one.

    Whoever knew the session before (its id on the server, its CSRF token) does not know it after. The user's stamp must
    have been noted. ``started`` is in seconds since 1970.
    """
    session, settings, key = arrival.session, arrival.settings, csrf_key(arrival.app.config)
    # Whatever mark was there, the session has another one now.
    arrival.visit.has_stale_mark = False
    likeness, stamp = fingerprint_of(arrival.request, settings), arrival.visit.stamp_mac
    idle, session_mark = settings.login_idle_timeout, ""
    row = arrival.visit.row
    if row is not None:
        # Its use and the stamp are in the row.
        start = int(started)
        mark = Mark(likeness, start, 0 if is_fresh else None)
        session_mark = possession.mark_of(arrival, row)
    elif is_fresh or idle is not None or settings.login_absolute_timeout is not None:
        start = int(started)
        seen = None if idle is None else max(int(time.time()) - start, 0)
        mark = Mark(likeness, start, 0 if is_fresh else None, seen, stamp)
    else:
        # Nobody asks for its time, and it travels with each request.
        mark = Mark(likeness, stamp=stamp)
    arrival.state.write(session, user_id, mark, session_mark)
    drop_csrf_token(session, key)
    arrival.drop_from_g(key)
    regenerate(arrival)


def regenerate(arrival: Arrival) -> None:
    """Give a session that is kept on the server another id, where its interface can."""
    change_id = getattr(arrival.app.session_interface, "regenerate", None)
    # A copy is in no store, and the interface does not know it.
    if change_id is not None and arrival.request.environ.get(_COPIED_SESSION) is not arrival.session:
        change_id(arrival.session)
