"""Every error the package raises: one root, and a child for each thing a caller can do about it."""

from __future__ import annotations

from werkzeug.exceptions import ServiceUnavailable

# Seconds: time for a store to fail over, and not for a user to give up.
_RETRY_AFTER = 5


class SessionAuthError(Exception):
    """The root of all errors of this package."""


class ConfigurationError(SessionAuthError, ValueError):
    """A setting or argument has a name, type or value that is not allowed. The message names them all."""


class SetupError(SessionAuthError, RuntimeError):
    """The app or the manager lacks something it needs: ``init_app``, a loader, a secret key."""


class UserIdError(SessionAuthError, ValueError):
    """A user's id is missing or blank, so the user cannot be logged in."""


class SecurityStampError(SessionAuthError, TypeError):
    """A user's security stamp is neither a ``str`` nor ``None``, so nobody can say whether it has changed."""


class UserLookupError(SessionAuthError, RuntimeError):
    """A loader, or what it called, raised an ``AttributeError`` when an attribute of ``current_user`` was looked at.

    It is the cause of this one. As it was, Python would have taken it for ``current_user``'s own.
    """


class WrongUserError(SessionAuthError, ValueError):
    """``confirm_login(user)`` was called with somebody else than the session's own user."""


class RegistryDownError(SessionAuthError, ServiceUnavailable):
    """The registry cannot be reached, or is too slow: a 503, with ``Retry-After``. Nobody knows who is logged in.

    The driver's error is the cause of this one. Its text is not in ours: it may hold a password.
    """

    def __init__(self) -> None:
        super().__init__("The session registry cannot be reached.", retry_after=_RETRY_AFTER)


class TokenError(SessionAuthError):
    """A remember token is not to be trusted. Its children say why; none of them quotes the token."""


class BadTokenError(TokenError):
    """The token is malformed, or no key of ours has signed it for this purpose."""


class ExpiredTokenError(TokenError):
    """The token is genuine, but its time is over, or has not come yet."""


class SessionAuthWarning(UserWarning):
    """Something in the program is not as safe as its author may think."""


class MisplacedGuardWarning(SessionAuthWarning):
    """A guard stands above the route decorator, so the view it should guard is open."""


class LoginDisabledWarning(SessionAuthWarning):
    """``LOGIN_DISABLED`` is set, and ignored, because the app is not under ``TESTING``."""
