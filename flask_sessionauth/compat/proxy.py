"""The proxy behind the stand-in's ``current_user``, which looks for the user anew at each attribute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.local import LocalProxy

from ..proxy import FIND, found


def user_proxy(known: Callable[[], Any], find: Callable[[], Any]) -> Any:
    """A proxy of a user, who is read many times a request.

    :param known: returns the user, if that is quick; raises `LookupError` if not, `RuntimeError` without a request.
    :param find: returns the user in any case.
    """

    class UserProxy(LocalProxy[Any]):
        __slots__ = ()

        def __getattribute__(self, name: str) -> Any:
            if name == FIND:
                return find
            try:
                user = known()
            except (LookupError, RuntimeError):
                user = found(find)
            return getattr(user, name)

    return UserProxy(find)
