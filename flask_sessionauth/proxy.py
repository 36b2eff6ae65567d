"""The proxy behind ``current_user``: Werkzeug's, with a shorter way to an attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Request
from werkzeug.local import LocalProxy

from .errors import UserLookupError

#: The attribute by which a `LocalProxy` is asked for the object itself.
FIND = "_get_current_object"


def found(find: Callable[[], Any]) -> Any:
    """What a proxy finds.

    :raises UserLookupError: if looking for it raises an `AttributeError`.
    """
    try:
        return find()
    except AttributeError as error:
        # As it is, Python would take it for "the proxy has no such attribute", and LocalProxy would look once more.
        raise UserLookupError(f"looking for the user failed: {error}") from error


def user_proxy(current_request: Callable[[], Request], slot: str, find: Callable[[], Any]) -> Any:
    """A proxy of a user, who is read many times a request.

    `LocalProxy` looks for each attribute on itself first, in vain; this costs ten times the look-up on the user.

    :param current_request: returns the current request; raises `RuntimeError` where there is none.
    :param slot: where a request has the visit whose ``current`` is the user, once it is identified.
    :param find: returns the user in any case.
    """

    class UserProxy(LocalProxy[Any]):
        __slots__ = ()

        def __getattribute__(self, name: str) -> Any:
            if name == FIND:
                return find
            try:
                user = current_request().__dict__[slot].current
            except (KeyError, AttributeError, RuntimeError):
                user = found(find)
            return getattr(user, name)

    return UserProxy(find)


def unproxied(thing: Any) -> Any:
    """The object itself, where a proxy of it was passed."""
    return thing._get_current_object() if issubclass(type(thing), LocalProxy) else thing
