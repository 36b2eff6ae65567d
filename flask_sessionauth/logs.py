"""Who it was, in a program's logs: the user on every record, and a record of each login, of its end, and between."""

from __future__ import annotations

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any

from flask import Flask, Request

from .context import current_request, current_session
from .desk import slot_of
from .identity import Visit
from .realms import DEFAULT
from .registry.base import ActiveSession
from .signals import (
    new_device,
    realm_of_news,
    remember_recovered,
    remember_rotated,
    remember_stolen,
    session_ended,
    session_protected,
    session_refused,
    session_started,
    user_loaded_from_cookie,
    user_logged_in,
    user_login_confirmed,
    user_needs_refresh,
    user_unauthorized,
)
from .state import LoginState
from .tokens import read_session_mark

#: The logger of the audit.
AUDIT_LOGGER = "flask_sessionauth.audit"

_EXTENSION = "sessionauth_audit"
_TIMEOUTS = ("idle_timeout", "absolute_timeout")


class LoginFilter(logging.Filter):
    """Adds ``user_id`` and ``session_id`` to every record: a ``str``, or ``None`` where it is not known.

    The user is known if this request has asked for it before, and to log it asks nobody: no user is loaded, no session
    or cookie read, no method of the user's called, no registry asked. Outside a request nobody is known.
    ``session_id`` is the ``id`` of the login's `ActiveSession`, which opens nothing; ``None`` without a registry: the
    id of a server-side session is as good as a password, so it is never logged. A record that has such an attribute
    keeps it. No record is held back.

    Put it on handlers: a logger does not filter what comes from the loggers below it.

    :param realm: the name of a realm; the attributes are then called ``NAME_user_id`` and ``NAME_session_id``.
        ``None``: the default realm.
    """

    def __init__(self, realm: str | None = None) -> None:
        super().__init__()
        self._realm = realm

    def filter(self, record: logging.LogRecord) -> bool:
        """:returns: True"""
        for name, value in _login(self._realm).items():
            record.__dict__.setdefault(name, value)
        return True


def add_login(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any], realm: str | None = None
) -> MutableMapping[str, Any]:
    """A processor for structlog that adds what `LoginFilter` adds.

    :param realm: the name of a realm: pass it by `functools.partial`.
    """
    for name, value in _login(realm).items():
        event_dict.setdefault(name, value)
    return event_dict


def audit_logins(app: Flask) -> None:
    """Write a record for each login of an app, and all that happens to it, to the logger ``flask_sessionauth.audit``.

    A record has these attributes, each a ``str`` or ``None``:

    - ``event``: ``"login"``; ``"restored"``, by the remember cookie; ``"confirmed"``, by ``confirm_login``;
      ``"refused"``, at a guard or by ``login_user``; ``"protected"``, by session protection; and, at its end, one of
      ``"logout"``, ``"expired"`` and ``"ended"``. With a registry also those of its signals: ``"started"``,
      ``"new_device"``, ``"rotated"``, ``"recovered"`` and ``"stolen"``.
    - ``reason``: of a refusal, ``"not_logged_in"``, ``"not_fresh"``, or that of the signal `session_refused`; of an
      end, that of the signal `session_ended`.
    - ``user_id`` and ``session_id``, as of `LoginFilter`.
    - ``realm``: the name of the manager, as in ``app.extensions["sessionauth"]``.
    - ``remote_addr`` and ``endpoint`` of the request. Not its path, in which some programs have tokens.

    The level is ``INFO``, but ``WARNING`` for ``"protected"`` and ``ERROR`` for ``"stolen"``: somebody has to look at
    that. An error in logging is printed, and stops no request. To call this again changes nothing.

    To know a new device, the registry is asked for the user's logins once more at each login.
    """
    if _EXTENSION not in app.extensions:
        app.extensions[_EXTENSION] = _Audit(app)


class _Audit:
    """The receivers of one app. The signals hold them weakly; the app holds this."""

    def __init__(self, app: Flask) -> None:
        user_logged_in.connect(self._logged_in, app)
        user_loaded_from_cookie.connect(self._restored, app)
        user_login_confirmed.connect(self._confirmed, app)
        user_unauthorized.connect(self._unauthorized, app)
        user_needs_refresh.connect(self._needs_refresh, app)
        session_protected.connect(self._protected, app)
        # Of a logout, too: a receiver of user_logged_out would have the user loaded.
        session_ended.connect(self._ended, app)
        session_refused.connect(self._refused, app)
        session_started.connect(self._started, app)
        new_device.connect(self._new_device, app)
        remember_rotated.connect(self._rotated, app)
        remember_recovered.connect(self._recovered, app)
        remember_stolen.connect(self._stolen, app)

    def _logged_in(self, app: Flask, **_: object) -> None:
        _record("login")

    def _restored(self, app: Flask, **_: object) -> None:
        _record("restored")

    def _confirmed(self, app: Flask, **_: object) -> None:
        _record("confirmed")

    def _unauthorized(self, app: Flask, **_: object) -> None:
        _record("refused", "not_logged_in")

    def _needs_refresh(self, app: Flask, **_: object) -> None:
        _record("refused", "not_fresh")

    def _refused(self, app: Flask, user_id: str | None = None, reason: str | None = None, **_: object) -> None:
        _record("refused", reason, of=(user_id, None))

    def _protected(self, app: Flask, **_: object) -> None:
        _record("protected", level=logging.WARNING)

    def _ended(
        self,
        app: Flask,
        user_id: str | None = None,
        reason: str | None = None,
        session_id: str | None = None,
        **_: object,
    ) -> None:
        if reason == "logout":
            _record("logout", of=(user_id, session_id))
        else:
            _record("expired" if reason in _TIMEOUTS else "ended", reason, of=(user_id, session_id))

    # Of the registry

    def _started(self, app: Flask, session: ActiveSession, **_: object) -> None:
        _record("started", of=(session.user_id, session.id))

    def _new_device(self, app: Flask, session: ActiveSession, **_: object) -> None:
        _record("new_device", of=(session.user_id, session.id))

    def _rotated(self, app: Flask, session: ActiveSession, **_: object) -> None:
        _record("rotated", of=(session.user_id, session.id))

    def _recovered(self, app: Flask, session: ActiveSession, **_: object) -> None:
        _record("recovered", of=(session.user_id, session.id))

    def _stolen(self, app: Flask, session: ActiveSession, **_: object) -> None:
        _record("stolen", of=(session.user_id, session.id), level=logging.ERROR)


def _record(
    event: str,
    reason: str | None = None,
    *,
    of: tuple[str | None, str | None] | None = None,
    level: int = logging.INFO,
) -> None:
    """Write one record, and let no error out: it would end the login, or keep it from ending.

    :param of: the ids of the user and of the session, as the news has them; ``None``: those of this request.
    """
    try:
        logger = logging.getLogger(AUDIT_LOGGER)
        if logger.isEnabledFor(level):
            here, realm = _request(), realm_of_news()
            visit = _visit(here, realm)
            user_id, session_id = of or (None, _session_id(visit) or _session_id_so_far(realm, visit))
            fields = {
                "event": event,
                "reason": reason,
                "user_id": user_id or _user_id(visit) or _user_id_so_far(realm, visit),
                "session_id": session_id,
                "realm": realm or DEFAULT,
                "remote_addr": None if here is None else here.remote_addr,
                "endpoint": None if here is None else here.endpoint,
            }
            _write(logger, level, fields)
    except Exception:
        # As logging does itself with an error of a handler.
        if logging.raiseExceptions:
            traceback.print_exc()


def _write(logger: logging.Logger, level: int, fields: dict[str, str | None]) -> None:
    # Quoted, so that no value can pass for another field, or another record.
    told = [f"{name}={value!r}" for name, value in fields.items() if name != "event" and value is not None]
    extra = {name: printable(value) for name, value in fields.items()}
    logger.log(level, "%s", " ".join([str(fields["event"]), *told]), extra=extra)


def _login(realm: str | None) -> dict[str, str | None]:
    """What is added to records: of this request's login, as far as it is known already."""
    visit, prefix = _visit(_request(), realm), "" if realm is None else f"{realm}_"
    return {f"{prefix}user_id": printable(_user_id(visit)), f"{prefix}session_id": _session_id(visit)}


def _request() -> Request | None:
    try:
        return current_request()
    except RuntimeError:
        return None


def _visit(here: Request | None, realm: str | None) -> Visit | None:
    return None if here is None else here.__dict__.get(slot_of(realm))


def _user_id(visit: Visit | None) -> str | None:
    # The one we keep: the user's own get_id() may have to ask a database.
    return None if visit is None or visit.identity is None else visit.identity.user_id


def _user_id_so_far(realm: str | None, visit: Visit | None) -> str | None:
    """Whose session it is, while the user is being looked for: the session has just been read."""
    if visit is None or visit.is_identified:
        return None
    return visit.dropped_user_id or LoginState(realm).user_id(current_session())


def _session_id(visit: Visit | None) -> str | None:
    return None if visit is None or visit.identity is None or visit.row is None else visit.row.id


def _session_id_so_far(realm: str | None, visit: Visit | None) -> str | None:
    """In which login of the registry it is, while the user is being looked for: its row has just been read."""
    if visit is None or visit.is_identified:
        return None
    if visit.dropped_session_id is not None:
        return visit.dropped_session_id
    mark = read_session_mark(LoginState(realm).session_mark(current_session()))
    return mark.id if mark is not None and visit.rows.get(mark.id) is not None else None


def printable(text: str | None) -> str | None:
    """The text with what is not printable escaped: a line break in it would begin a record of its own."""
    if text is None or text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
