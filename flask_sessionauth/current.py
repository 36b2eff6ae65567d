"""The names a program imports: each asks the default manager of the current app."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from flask import Blueprint, current_app
from werkzeug.wrappers import Response

from . import tokens
from .context import current_request, this_app
from .desk import SLOT
from .errors import SetupError, TokenError
from .identity import LoginSource
from .manager import LoginManager
from .proxy import user_proxy
from .realms import MANAGER_ATTRIBUTE, realms_of, without_manager
from .registry.base import ActiveSession
from .remembering import token_audience
from .settings import signing_keys


def default_manager() -> LoginManager[Any]:
    """The current app's default manager.

    :raises SetupError: if it has none.
    """
    manager: LoginManager[Any] | None = getattr(this_app(), MANAGER_ATTRIBUTE, None)
    if manager is None:
        raise without_manager()
    return manager


def _current() -> Any:
    try:
        here = current_request()
    except RuntimeError:
        return None
    try:
        return here.__dict__[SLOT].current
    except (KeyError, AttributeError):
        pass  # not identified yet
    return default_manager()._current()


#: A proxy of the user: the anonymous user if nobody is logged in, and like ``None`` outside a request.
current_user: Any = user_proxy(SLOT, _current)


def get_user() -> Any:
    """The user who is logged in, or ``None``. See `LoginManager.get_user`, which is typed."""
    user = _current()
    return user if user is not None and user.is_authenticated else None


def require_user() -> Any:
    """The user who is logged in; anybody else is answered as `login_required` does. See `LoginManager.require_user`."""
    return default_manager().require_user()


def login_source() -> LoginSource | None:
    """How this request's user was recognised. See `LoginManager.login_source`."""
    return default_manager().login_source()


def login_fresh() -> bool:
    """Whether the login is fresh. See `LoginManager.login_fresh`."""
    return default_manager().login_fresh()


def login_remembered() -> bool:
    """Whether this browser has a valid remember cookie of the user. See `LoginManager.login_remembered`."""
    return default_manager().login_remembered()


def login_user(
    user: Any,
    remember: bool = False,
    duration: timedelta | float | None = None,
    force: bool = False,
    fresh: bool = True,
) -> bool:
    """Log a user in. See `LoginManager.login_user`."""
    return default_manager().login_user(user, remember, duration, force, fresh)


def logout_user() -> bool:
    """End the login. See `LoginManager.logout_user`."""
    return default_manager().logout_user()


def confirm_login(user: Any = None) -> None:
    """Make the login fresh again. See `LoginManager.confirm_login`."""
    default_manager().confirm_login(user)


def credentials_changed(user: Any = None) -> None:
    """End every other login of a user whose credentials have changed. See `LoginManager.credentials_changed`."""
    default_manager().credentials_changed(user)


def active_sessions(user: Any = None) -> list[ActiveSession]:
    """The logins of a user on all devices, newest first. See `LoginManager.active_sessions`."""
    return default_manager().active_sessions(user)


def end_session(session_id: str, *, user: Any = None) -> bool:
    """End one login of a user's. See `LoginManager.end_session`."""
    return default_manager().end_session(session_id, user=user)


def end_sessions(user: Any = None, *, keep_current: bool = True) -> int:
    """End the logins of a user on all devices. See `LoginManager.end_sessions`."""
    return default_manager().end_sessions(user, keep_current=keep_current)


def login_url(login_view: str, next_url: str | None = None, next_field: str = "next") -> str:
    """The URL of a login page, with the way back in its query. See `LoginManager.login_url`."""
    return default_manager().login_url(login_view, next_url, next_field)


def next_url(default: str) -> str:
    """Where to go after the login. See `LoginManager.next_url`."""
    return default_manager().next_url(default)


def redirect_next(default: str) -> Response:
    """A redirect to `next_url`."""
    return default_manager().redirect_next(default)


def is_safe_url(target: str | None) -> bool:
    """Whether a target from outside may be redirected to. See `LoginManager.is_safe_url`."""
    return default_manager().is_safe_url(target)


def set_login_view(login_view: str, blueprint: Blueprint | None = None) -> None:
    """Set the login page of the app, or of a blueprint. See `LoginManager.set_login_view`."""
    default_manager().set_login_view(login_view, blueprint)


def encode_cookie(payload: str, key: str | bytes | None = None) -> str:
    """Sign a text in Flask-Login's format: the text, a bar, and its HMAC-SHA512 under the app's key or the one given.

    It has no date and does not expire. Remember cookies are not made of it any more.

    :raises SetupError: if no key is given and the app has none.
    """
    keys = _keys(key)
    if not keys:
        raise SetupError("encode_cookie() needs a key; the app has no SECRET_KEY")
    return tokens.encode_legacy(keys[0], payload)


def decode_cookie(cookie: str, key: str | bytes | None = None) -> str | None:
    """The text in a cookie of `encode_cookie`, or the user's id in a genuine remember cookie in its time, or ``None``.

    Neither the user's security stamp is looked at, nor ``LOGIN_ASSURANCE``: such a cookie may log nobody in.
    """
    keys = _keys(key)
    try:
        if key is None:
            settings = realms_of(this_app()).settings()
            return tokens.read(keys, token_audience(settings, None), cookie, time.time()).user_id
    except TokenError:
        pass
    try:
        return tokens.read_legacy(keys, cookie)
    except TokenError:
        return None


def _keys(key: str | bytes | None) -> tuple[tokens.Key, ...]:
    return signing_keys(current_app.config) if key is None else (key,)
