"""What Flask-Login has in ``flask_login.config``, with the values that hold here."""

from flask_sessionauth import state
from flask_sessionauth.compat.remembered import REMEMBER_KEY, SECONDS_KEY
from flask_sessionauth.settings import (
    COOKIE_DURATION,
    COOKIE_HTTPONLY,
    COOKIE_NAME,
    COOKIE_SAMESITE,
    COOKIE_SECURE,
    EXEMPT_METHODS,
    ID_ATTRIBUTE,
    LOGIN_MESSAGE,
    LOGIN_MESSAGE_CATEGORY,
    REFRESH_MESSAGE,
    REFRESH_MESSAGE_CATEGORY,
)

#: The header that a `header_loader` gets.
AUTH_HEADER_NAME = "Authorization"

#: The session's keys that are ours.
SESSION_KEYS = {*state.SESSION_KEYS, REMEMBER_KEY, SECONDS_KEY}

#: The default of the setting.
USE_SESSION_FOR_NEXT = False

__all__ = [
    "AUTH_HEADER_NAME",
    "COOKIE_DURATION",
    "COOKIE_HTTPONLY",
    "COOKIE_NAME",
    "COOKIE_SAMESITE",
    "COOKIE_SECURE",
    "EXEMPT_METHODS",
    "ID_ATTRIBUTE",
    "LOGIN_MESSAGE",
    "LOGIN_MESSAGE_CATEGORY",
    "REFRESH_MESSAGE",
    "REFRESH_MESSAGE_CATEGORY",
    "SESSION_KEYS",
    "USE_SESSION_FOR_NEXT",
]
