"""How a login begins in the session, on every path to one."""

from __future__ import annotations

import sys
import time

from flask import Request

from . import fingerprint, possession
from .context import this_g
from .identity import Arrival
from .settings import Settings
from .state import NEVER, Moment

# Who keeps a CSRF token in the session, and what it makes of that on ``g``.
_FLASK_WTF = "flask_wtf"

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
    visit, state, session, settings = arrival.visit, arrival.state, arrival.session, arrival.settings
    # Whatever mark was there, the session has another one now.
    visit.has_stale_mark = False
    likeness = fingerprint_of(arrival.request, settings)
    idle, fresh = settings.login_idle_timeout, (0 if is_fresh else NEVER)
    if visit.row is not None:
        # Its use and the stamp are in the row.
        mark = possession.mark_of(arrival, visit.row)
        state.write(session, user_id, likeness, int(started), fresh, session_mark=mark)
    elif is_fresh or idle is not None or settings.login_absolute_timeout is not None:
        start = int(started)
        seen: Moment = NEVER
        if idle is not None:
            # A login that is restored may have begun before.
            seen = 0 if is_fresh else max(int(time.time()) - start, 0)
        state.write(session, user_id, likeness, start, fresh, seen, visit.stamp_macs[0])
    else:
        # Nobody asks for its time, and it travels with each request.
        state.write(session, user_id, likeness, stamp=visit.stamp_macs[0])
    key = settings.csrf_key
    # Flask-WTF's token: whoever knew it before the login must not know it after.
    if key in session:
        session.pop(key)
    # What it has made of that in this request may be there without it.
    if _FLASK_WTF in sys.modules:
        this_g().pop(key, None)
    regenerate(arrival)


def regenerate(arrival: Arrival) -> None:
    """Give a session that is kept on the server another id, where its interface can."""
    change_id = getattr(arrival.app.session_interface, "regenerate", None)
    # A copy is in no store, and the interface does not know it.
    if change_id is not None and arrival.request.environ.get(_COPIED_SESSION) is not arrival.session:
        change_id(arrival.session)
