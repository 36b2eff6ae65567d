"""What Flask-Login has in ``flask_login.signals``: the same signals as ours."""

import warnings
from typing import Any

from blinker import Namespace

from flask_sessionauth.signals import (
    session_protected,
    user_accessed,
    user_loaded_from_cookie,
    user_loaded_from_request,
    user_logged_in,
    user_logged_out,
    user_login_confirmed,
    user_needs_refresh,
    user_unauthorized,
)

_user_loaded_from_header = Namespace().signal("loaded-from-header")

__all__ = [
    "session_protected",
    "user_accessed",
    "user_loaded_from_cookie",
    "user_loaded_from_request",
    "user_logged_in",
    "user_logged_out",
    "user_login_confirmed",
    "user_needs_refresh",
    "user_unauthorized",
]


def __getattr__(name: str) -> Any:
    if name != "user_loaded_from_header":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        "user_loaded_from_header is deprecated; use user_loaded_from_request", DeprecationWarning, stacklevel=2
    )
    return _user_loaded_from_header
