"""The news. Each signal is sent with the app object as its sender."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from blinker import NamedSignal, Namespace

_signals = Namespace()

# The name of the realm that the news is about. The signals have Flask-Login's keywords, and strict receivers take no
# others.
_realm: ContextVar[str | None] = ContextVar("flask_sessionauth.realm_of_news", default=None)

#: A user logged in. Keyword: ``user``.
user_logged_in = _signals.signal("logged-in")

#: A user logged out. Keyword: ``user``, who it was.
user_logged_out = _signals.signal("logged-out")

#: A remember cookie restored a login. Keyword: ``user``.
user_loaded_from_cookie = _signals.signal("loaded-from-cookie")

#: A request loader recognised a user. Keyword: ``user``.
user_loaded_from_request = _signals.signal("loaded-from-request")

#: ``confirm_login`` made a login fresh again.
user_login_confirmed = _signals.signal("login-confirmed")

#: Somebody who is not logged in was refused.
user_unauthorized = _signals.signal("unauthorized")

#: Somebody whose login is not fresh enough was refused.
user_needs_refresh = _signals.signal("needs-refresh")

#: A request asked for its user for the first time.
user_accessed = _signals.signal("accessed")

#: Session protection marked a login stale, or ended it.
session_protected = _signals.signal("session-protected")

#: A login ended. Keywords: ``user_id``; ``session_id``: the id of its `ActiveSession`, ``None`` without one; and
#: ``reason``: ``"logout"``; ``"replaced"``: somebody else logged in over it, or, with a registry, anybody did;
#: ``"idle_timeout"``; ``"absolute_timeout"``; ``"unmarked"``: the session lacks a mark that a setting needs, or has a
#: wrong one; ``"credentials_changed"``: the user's security stamp is another; ``"session_protection"``;
#: ``"unknown_user"``: the loader found nobody; and with a registry also ``"revoked"``: by `end_session` or
#: `end_sessions`; ``"max_sessions"``: a newer login took its place; ``"theft"``: its remember cookie was used by two.
session_ended = _signals.signal("session-ended")

#: ``login_user`` returned False. Keywords: ``user``, ``user_id``, and ``reason``: ``"inactive"``; ``"max_sessions"``:
#: the user has as many logins as ``LOGIN_MAX_SESSIONS`` allows.
session_refused = _signals.signal("session-refused")

#: A login began in the registry. Keywords: ``user``, and ``session``: its `ActiveSession`.
session_started = _signals.signal("session-started")

#: A user logged in with a browser that looks like none of those the registry knows of the user's logins, as on the
#: first login. Keywords: ``user``, ``session``.
new_device = _signals.signal("new-device")

#: A remember cookie restored a login, and was replaced by the next. Keywords: ``user``, ``session``.
remember_rotated = _signals.signal("remember-rotated")

#: A remember cookie restored a login although it had been replaced: the browser never got the new one. Keywords:
#: ``user``, ``session``.
remember_recovered = _signals.signal("remember-recovered")

#: A remember cookie was used that had been replaced by one in use: two have it, and the login has ended for both.
#: Keywords: ``user_id``, ``session``.
remember_stolen = _signals.signal("remember-stolen")


def tell(signal: NamedSignal, app: object, realm: str | None, **news: Any) -> None:
    """Send a signal, if anybody listens at all: to send one to nobody costs more than to see that nobody is there."""
    if signal.receivers:
        reset = _realm.set(realm)
        try:
            signal.send(app, **news)
        finally:
            _realm.reset(reset)


def realm_of_news() -> str | None:
    """In a receiver, the name of the realm that the news is about; ``None``: the default one."""
    return _realm.get()
