"""The front desk of a program: its settings, callbacks and wiring, guards, and the way to the login page and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, overload

from flask import Blueprint, Flask, Request, abort, make_response, redirect
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from . import protection, refusal, wayback
from .callbacks import call
from .checks import seconds
from .context import current_request, current_session, this_app
from .desk import UserT
from .device_desk import DeviceDesk
from .errors import LoginDisabledWarning, RegistryDownError
from .gates import guard, refuse
from .protection import ALLOWED, Protection, Verdict
from .proxy import template_context
from .realms import DEFAULT, MANAGER_ATTRIBUTE, add_realm, realms_of
from .registry.base import SessionRegistry
from .settings import (
    EXEMPT_METHODS,
    LOGIN_MESSAGE,
    LOGIN_MESSAGE_CATEGORY,
    REFRESH_MESSAGE,
    REFRESH_MESSAGE_CATEGORY,
)
from .signals import tell, user_needs_refresh, user_unauthorized

V = TypeVar("V", bound=Callable[..., Any])
T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[[], Any])


class LoginManager(DeviceDesk[UserT]):
    """Who is logged in, in one realm of an app.

    :param app: the app to initialise with, as `init_app` does.
    :param add_context_processor: whether templates get ``current_user`` (in a named realm: ``current_NAME``).
    :param name: the name of a second realm, beside the default one: lower-case letters, digits, underscores.
        It has session keys, a remember cookie and a ``current_user`` of its own.
    :param registry: where logins are kept, so that they can be listed and ended. ``None``: nowhere, but in cookies.
    :param require_login: whether every page needs a login, as with `protect`.
    :raises ConfigurationError: if the name, or a setting of the app, is not allowed.
    """

    def __init__(
        self,
        app: Flask | None = None,
        add_context_processor: bool = True,
        *,
        name: str | None = None,
        registry: SessionRegistry | None = None,
        require_login: bool = False,
    ) -> None:
        super().__init__(name, registry)
        self._require_login = require_login
        self._template_name = f"current_{name or 'user'}"

        #: The endpoint, path or URL of the login page. ``None``: refused visitors get a 401.
        self.login_view: str | None = None
        #: Login pages by the name of the blueprint. ``None``: `login_view`.
        self.blueprint_login_views: dict[str | None, str | None] = {}
        #: The endpoint of the logout page, to which no login leads back. ``None``: an endpoint named ``logout``.
        self.logout_view: str | None = None
        #: What is flashed to a refused visitor. ``None``: nothing.
        self.login_message: str | None = LOGIN_MESSAGE
        #: The category of that message.
        self.login_message_category: str = LOGIN_MESSAGE_CATEGORY
        #: The endpoint, path or URL of the page to log in again. ``None``: stale users get a 401.
        self.refresh_view: str | None = None
        #: What is flashed to a user whose login is not fresh. ``None``: nothing.
        self.needs_refresh_message: str | None = REFRESH_MESSAGE
        #: The category of that message.
        self.needs_refresh_message_category: str = REFRESH_MESSAGE_CATEGORY
        #: Translates the messages.
        self.localize_callback: Callable[[str], str] | None = None
        #: What `unauthorized` answers instead of what it would.
        self.unauthorized_callback: Callable[[], Any] | None = None
        #: What `needs_refresh` answers instead of what it would.
        self.needs_refresh_callback: Callable[[], Any] | None = None

        if app is not None:
            self.init_app(app, add_context_processor)

    def __repr__(self) -> str:
        return f"<LoginManager {self._name or DEFAULT!r}>"

    def init_app(self, app: Flask, add_context_processor: bool = True) -> None:
        """Check the app's settings, and be its manager from now on. A manager may have many apps.

        :raises ConfigurationError: if a setting is misspelt or not allowed; the message names all that are.
        """
        realms = add_realm(app, self)
        realms.settings().protection_mode(self.session_protection)
        if self._name is None:
            setattr(app, MANAGER_ATTRIBUTE, self)
        if realms.is_watched:
            self.watch(app)
        if add_context_processor:
            app.context_processor(template_context(self._slot, self._template_name, self.current_user))
        if self._require_login:
            self.protect(app)

    def unauthorized_handler(self, callback: Handler) -> Handler:
        """Set the function that answers visitors who have to log in."""
        self.unauthorized_callback = callback
        return callback

    def needs_refresh_handler(self, callback: Handler) -> Handler:
        """Set the function that answers users whose login is not fresh enough."""
        self.needs_refresh_callback = callback
        return callback

    # Guards

    def require_user(self) -> UserT:
        """The user who is logged in; anybody else is answered as `login_required` does.

        :raises werkzeug.exceptions.HTTPException: with that answer, if nobody is logged in.
        """
        user = self.get_user()
        if user is None:
            visit = self._arrive().visit
            if visit.is_down:
                raise RegistryDownError
            abort(make_response(refuse(self, Verdict.ANONYMOUS)))
        return user

    def judge(self, need: Protection, app: Flask, here: Request, is_guard: bool = False) -> Verdict:
        """Whether this request may pass.

        :param is_guard: whether whoever asks will call `leave` after the view.
        """
        if here.method in EXEMPT_METHODS:
            return ALLOWED
        arrival = self._arrive(here, app, is_guard)
        if arrival.visit.is_down:
            raise RegistryDownError
        if arrival.settings.login_disabled and may_disable_logins(app):
            return ALLOWED
        visit = arrival.visit
        user = visit.current if visit.is_identified else self._identify(arrival)
        if user is None or not user.is_authenticated:
            return Verdict.ANONYMOUS
        if need.fresh and not self._is_fresh(need.max_age):
            return Verdict.STALE
        return ALLOWED

    @overload
    def login_required(self, view: V) -> V: ...
    @overload
    def login_required(self) -> Callable[[V], V]: ...
    def login_required(self, view: V | None = None) -> V | Callable[[V], V]:
        """Guard a view or view class: only users who are logged in pass."""
        need = Protection(self._name)
        return _decorate(view, lambda v: guard(v, need, self))

    @overload
    def fresh_login_required(self, view: V) -> V: ...
    @overload
    def fresh_login_required(self, *, max_age: timedelta | float | None = None) -> Callable[[V], V]: ...
    def fresh_login_required(
        self, view: V | None = None, *, max_age: timedelta | float | None = None
    ) -> V | Callable[[V], V]:
        """Guard a view or view class: only users pass who logged in by credentials, at most ``max_age`` ago.

        :param max_age: a ``timedelta`` or seconds; ``None``: however long ago.
        """
        need = fresh_protection(self._name, max_age)
        return _decorate(view, lambda v: guard(v, need, self))

    def login_exempt(self, target: T) -> T:
        """Mark a view, view class or blueprint as open under `protect`."""
        return protection.mark_exempt(target, self._name)

    def protect(self, target: Flask | Blueprint) -> None:
        """Make an app, or a blueprint with the blueprints in it, need a login.

        Open are static files, the login pages, and what `login_exempt` marks. Call it before the blueprint is
        registered.
        """
        if not isinstance(target, (Flask, Blueprint)):
            raise TypeError(f"protect() takes a Flask app or a Blueprint, not {target!r}; a view takes login_required")
        scope = target if isinstance(target, Blueprint) else None
        need = Protection(self._name)

        def require_login() -> ResponseReturnValue | None:
            app, here = this_app(), current_request()
            if protection.is_open(app, here.endpoint, here.blueprints, self._name, scope):
                return None
            if wayback.is_login_page(self, here):
                return None
            verdict = self.judge(need, app, here)
            return None if verdict is ALLOWED else refuse(self, verdict)

        protection.mark_hook(require_login, need)
        target.before_request(require_login)

    def unauthorized(self) -> ResponseReturnValue:
        """The answer to a visitor who has to log in.

        What the handler says, if there is one. Else a browser is sent to the login page; a client that prefers JSON
        gets a 401 with a problem document (RFC 9457), htmx a 401 with ``HX-Redirect``.

        :raises werkzeug.exceptions.Unauthorized: if there is no login page.
        """
        app = this_app()
        tell(user_unauthorized, app, self._name)
        if self.unauthorized_callback is not None:
            return call(app, self.unauthorized_callback)  # type: ignore[no-any-return]
        view = wayback.login_view_for(self, current_request())
        return self._refuse(refusal.Refusal(view, self.login_message, self.login_message_category))

    def needs_refresh(self) -> ResponseReturnValue:
        """The answer to a user whose login is not fresh enough: as `unauthorized`, with the refresh page."""
        app = this_app()
        tell(user_needs_refresh, app, self._name)
        if self.needs_refresh_callback is not None:
            return call(app, self.needs_refresh_callback)  # type: ignore[no-any-return]
        message, category = self.needs_refresh_message, self.needs_refresh_message_category
        return self._refuse(refusal.Refusal(self.refresh_view, message, category))

    def _refuse(self, what: refusal.Refusal) -> ResponseReturnValue:
        arrival = self._arrive()
        return refusal.answer(what, arrival, self.localize_callback)

    # The way there and back

    def set_login_view(self, login_view: str, blueprint: Blueprint | None = None) -> None:
        """Set the login page of the app, or of a blueprint; the app's stays that of all others."""
        if blueprint is not None:
            self.blueprint_login_views[blueprint.name] = login_view
        else:
            self.login_view = login_view

    def login_url(self, login_view: str, next_url: str | None = None, next_field: str = "next") -> str:
        """The URL of a login page, with the way back in its query."""
        return wayback.login_url(realms_of(this_app()).settings(), login_view, next_url, next_field)

    def is_safe_url(self, target: str | None) -> bool:
        """Whether a target from outside is safe: a path of this site, or on a host of ``LOGIN_NEXT_HOSTS``."""
        return wayback.safe(realms_of(this_app()).settings(), current_request(), target) is not None

    def next_url(self, default: str) -> str:
        """Where to go after the login: the first ``next`` in form, query, session, if it is safe, or the default."""
        return (
            wayback.take_next(
                self, realms_of(this_app()).settings(), self._state, this_app(), current_request(), current_session()
            )
            or default
        )

    def redirect_next(self, default: str) -> Response:
        """A redirect to `next_url`."""
        return redirect(self.next_url(default))


def fresh_protection(realm: str | None, max_age: timedelta | float | None) -> Protection:
    return Protection(realm, fresh=True, max_age=None if max_age is None else seconds(max_age))


def _decorate(view: V | None, decorator: Callable[[V], V]) -> V | Callable[[V], V]:
    """A decorator, or, where it was used without parentheses, what it makes of the view."""
    return decorator if view is None else decorator(view)


def may_disable_logins(app: Flask) -> bool:
    """Whether ``LOGIN_DISABLED`` may have its way in an app: under TESTING. It warns where it may not."""
    if not app.testing:
        warnings.warn("LOGIN_DISABLED is ignored: it works under TESTING only", LoginDisabledWarning, stacklevel=2)
    return app.testing
