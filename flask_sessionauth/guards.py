"""The decorators a program imports: each asks the default manager of the app it runs in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, overload

from . import protection
from .gates import guard
from .manager import fresh_protection
from .protection import Protection

V = TypeVar("V", bound=Callable[..., Any])
T = TypeVar("T")


@overload
def login_required(view: V) -> V: ...
@overload
def login_required() -> Callable[[V], V]: ...
def login_required(view: V | None = None) -> V | Callable[[V], V]:
    """Guard a view or view class: only users who are logged in pass; others get `LoginManager.unauthorized`.

    It stands below the route decorator, with or without parentheses. HTTP ``OPTIONS`` is exempt.
    """
    if view is None:
        return login_required
    return guard(view, Protection())


@overload
def fresh_login_required(view: V) -> V: ...
@overload
def fresh_login_required(*, max_age: timedelta | float | None = None) -> Callable[[V], V]: ...
def fresh_login_required(view: V | None = None, *, max_age: timedelta | float | None = None) -> V | Callable[[V], V]:
    """Guard a view or view class: only a fresh login passes; a stale one gets `LoginManager.needs_refresh`.

    :param max_age: at most so long ago: a ``timedelta`` or seconds; ``None``: however long ago.
    :raises ConfigurationError: if ``max_age`` is not allowed.
    """
    need = fresh_protection(None, max_age)
    if view is None:
        return lambda v: guard(v, need)
    return guard(view, need)


def login_exempt(target: T) -> T:
    """Mark a view, view class or blueprint as open under ``require_login=True`` or `LoginManager.protect`."""
    return protection.mark_exempt(target, None)
