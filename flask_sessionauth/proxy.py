"""The proxy behind ``current_user``: Werkzeug's, with a shorter way to an attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.local import LocalProxy

from .context import current_request
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


def user_proxy(slot: str, find: Callable[[], Any]) -> Any:
    """A proxy of a user, who is read many times a request.

    `LocalProxy` looks for each attribute on itself first, in vain; this costs ten times the look-up on the user.

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


def template_context(slot: str, name: str, proxy: Any) -> Callable[[], dict[str, Any]]:
    """A function that gives templates the user, under a name.

    It is no method: Flask asks of each such function whether it is a coroutine function, and of a method for longer.

    :param slot: where a request has the visit whose ``current`` is the user, once it is identified.
    """

    def user_of_template() -> dict[str, Any]:
        # A user who is known already is passed as it is; else the proxy asks only if the template does.
        try:
            return {name: current_request().__dict__[slot].current}
        except (KeyError, AttributeError, RuntimeError):
            return {name: proxy}

    return user_of_template


def unproxied(thing: Any) -> Any:
    """The object itself, where a proxy of it was passed."""
    return thing._get_current_object() if issubclass(type(thing), LocalProxy) else thing
