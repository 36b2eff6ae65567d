"""The guard around a view: asks the manager at each request, and lets pass or answers itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Protocol, TypeVar, cast

from flask import Blueprint, Flask, Request, abort
from flask.typing import ResponseReturnValue

from .callbacks import call
from .context import current_request, this_app
from .protection import ALLOWED, Protection, Verdict, mark_guarded
from .realms import MANAGER_ATTRIBUTE, without_manager

V = TypeVar("V", bound=Callable[..., Any])


class Gatekeeper(Protocol):
    """What a guard needs of a manager."""

    def judge(self, need: Protection, app: Flask, here: Request, /, is_guard: bool) -> Verdict: ...
    def leave(self, here: Request, /) -> None: ...
    def unauthorized(self) -> ResponseReturnValue: ...
    def needs_refresh(self) -> ResponseReturnValue: ...


def refuse(gatekeeper: Gatekeeper, verdict: Verdict) -> ResponseReturnValue:
    """The answer to a request that may not pass. A handler that answers nothing lets nobody in: that is a 401."""
    answer_of = gatekeeper.needs_refresh if verdict is Verdict.STALE else gatekeeper.unauthorized
    answer: ResponseReturnValue | None = call(this_app(), answer_of)
    if answer is None:
        abort(401)
    return answer


def guard(view: V, protection: Protection, gatekeeper: Gatekeeper | None = None) -> V:
    """The view behind a guard; a view class, with the guard around the views made from it.

    :param gatekeeper: whom the guard asks; ``None``: the default manager of the app it runs in.
    :raises TypeError: if it is neither.
    """
    if isinstance(view, (Flask, Blueprint)):
        raise TypeError(f"a guard goes on a view; use LoginManager.protect() for the whole {type(view).__name__}")
    if isinstance(view, type):
        # Flask itself does not load it before a program does.
        from flask.views import View

        if not issubclass(view, View):
            raise TypeError(
                f"a guard goes on a view function or a flask.views.View class, not on the class {view.__name__}"
            )
        # The last decorator is the outermost one. A new list: the old one may be the parent's.
        view.decorators = [*view.decorators, lambda made: guard(made, protection, gatekeeper)]
        return cast(V, view)
    if not callable(view):
        raise TypeError(f"a guard goes on a view function, not on {view!r}")
    is_async = iscoroutinefunction(view)

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        app, here = this_app(), current_request()
        asked = getattr(app, MANAGER_ATTRIBUTE, None) if gatekeeper is None else gatekeeper
        if asked is None:
            raise without_manager()
        try:
            verdict = asked.judge(protection, app, here, is_guard=True)
            if verdict is not ALLOWED:
                return refuse(asked, verdict)
            return app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)
        finally:
            asked.leave(here)

    mark_guarded(guarded, view, protection)
    return cast(V, guarded)
