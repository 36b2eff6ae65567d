"""What Flask-Login has in ``flask_login.login_manager``: our manager, with the methods programs override."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from flask import (
    Flask,
    Request,
    abort,
    after_this_request,
    current_app,
    flash,
    g,
    has_app_context,
    has_request_context,
    redirect,
    request,
    session,
)
from werkzeug.wrappers import Response

import flask_sessionauth
from flask_sessionauth import SetupError, outgoing
from flask_sessionauth.compat import hooks, mirror, remembered
from flask_sessionauth.context import current_request, this_app
from flask_sessionauth.desk import SLOT
from flask_sessionauth.identity import Arrival, Forget, Identity
from flask_sessionauth.registry.base import SessionRegistry
from flask_sessionauth.signals import tell

from . import utils
from .config import AUTH_HEADER_NAME
from .mixins import AnonymousUserMixin
from .signals import _user_loaded_from_header
from .utils import (
    _create_identifier,
    decode_cookie,
    encode_cookie,
    expand_login_view,
    login_url as make_login_url,
    make_next_param,
)

# What Flask-Login's module has by its own imports: programs import it from here, and tests patch it.
__all__ = [
    "AnonymousUserMixin",
    "LoginManager",
    "abort",
    "current_app",
    "datetime",
    "decode_cookie",
    "encode_cookie",
    "expand_login_view",
    "flash",
    "g",
    "make_login_url",
    "make_next_param",
    "redirect",
    "request",
    "session",
    "timedelta",
]


class LoginManager(flask_sessionauth.LoginManager[Any]):
    """The manager of an app, as `flask_sessionauth.LoginManager`; the user also stands in ``g._login_user``."""

    # Of this class: after a reload there is another one.
    _own_methods: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        app: Flask | None = None,
        add_context_processor: bool = True,
        *,
        registry: SessionRegistry | None = None,
        require_login: bool = False,
    ) -> None:
        self._request_callback: Callable[[Request], Any] | None = None
        self._header_callback: Callable[[str], Any] | None = None
        #: Called by programs that write ``_id`` themselves. Another one that they put here is not called by us.
        self._session_identifier_generator: Callable[[], str] = _create_identifier
        super().__init__(app, add_context_processor, registry=registry, require_login=require_login)

    def init_app(self, app: Flask, add_context_processor: bool = True) -> None:
        super().init_app(app, add_context_processor=False)
        mirror.keep_requests_apart(app)
        if add_context_processor:
            app.context_processor(_template_context)

    def setup_app(self, app: Flask, add_context_processor: bool = True) -> None:
        _deprecated("setup_app", "init_app")
        self.init_app(app, add_context_processor)

    # The program's callbacks

    @property
    def _user_callback(self) -> Callable[[str], Any] | None:
        return self.user_callback

    @_user_callback.setter
    def _user_callback(self, callback: Callable[[str], Any] | None) -> None:
        self.user_callback = callback

    @property
    def request_callback(self) -> Callable[[Request], Any] | None:
        """The request loader; the method that a subclass has instead; or the header loader, if there is none."""
        if self._request_callback is None:
            return None if self._header_callback is None else self._load_user_from_header_of
        if hooks.overrides(self, "_load_user_from_request"):
            return self._load_user_from_request
        return self._request_callback

    @request_callback.setter
    def request_callback(  # pyright: ignore[reportIncompatibleVariableOverride] - read and set as the attribute is
        self, callback: Callable[[Request], Any] | None
    ) -> None:
        self._request_callback = callback

    def header_loader(self, callback: Callable[[str], Any]) -> Callable[[str], Any]:
        _deprecated("header_loader", "request_loader")
        self._header_callback = callback
        return callback

    @property
    def _login_disabled(self) -> bool:
        _deprecated("_login_disabled", 'app.config["LOGIN_DISABLED"]')
        return bool(has_app_context() and current_app.config.get("LOGIN_DISABLED"))

    @_login_disabled.setter
    def _login_disabled(self, value: bool) -> None:
        _deprecated("_login_disabled", 'app.config["LOGIN_DISABLED"]')
        current_app.config["LOGIN_DISABLED"] = value

    # Who is it? Whoever arrives sees first what the program has written on g.

    def _arrive(self, here: Request | None = None, app: Flask | None = None, is_guarded: bool = False) -> Arrival:
        arrival = super()._arrive(here, app, is_guarded)
        own = mirror.mirror_of(arrival.request)
        if own is None:
            own = mirror.hang(arrival.request)
            after_this_request(lambda response: self._see_to_cookie(arrival, response))
        mirror.follow(arrival, own)
        return arrival

    def _current(self) -> Any:
        try:
            here = current_request()
        except RuntimeError:
            return None
        arrival = self._arrive(here)
        if not arrival.visit.is_identified:
            return self._identify(arrival)
        mirror.show(arrival)
        return arrival.visit.current

    def _identify(self, arrival: Arrival) -> Any:
        if hooks.overrides(self, "_load_user"):
            self._refuse_limits(arrival)
            self._load_user()
        else:
            self._load(arrival)
        # A loader that asks for the user it is there to find, and a store that is down, leave nobody behind.
        return arrival.visit.current if arrival.visit.is_identified else self.anonymous_user()

    def _refuse_limits(self, arrival: Arrival) -> None:
        """A subclass that finds the user by itself would leave these without effect: that must not go unnoticed.

        :raises SetupError: if one of them is on.
        """
        settings = arrival.settings
        limits = {
            "a registry": self.registry,
            "LOGIN_IDLE_TIMEOUT": settings.login_idle_timeout,
            "LOGIN_ABSOLUTE_TIMEOUT": settings.login_absolute_timeout,
        }
        lost = [name for name, value in limits.items() if value is not None]
        if lost and type(self)._load_user is not self._own_methods["_load_user"]:
            raise SetupError(
                f"{type(self).__name__} overrides _load_user(), which leaves {' and '.join(lost)} without effect"
            )

    def _load_user(self) -> None:
        """Find the user anew: in the session, the remember cookie, by the request."""
        arrival = self._arrive()
        mirror.forget(arrival.visit)
        self._load(arrival)

    def _load(self, arrival: Arrival) -> None:
        remembered.refuse_cleared(arrival)
        if hooks.protect(self, arrival):
            self._update_request_context_with_user()
            return
        super()._identify(arrival)
        mirror.show(arrival)

    def _restore(self, arrival: Arrival, load: Callable[[str], Any], cookie: str | None) -> Identity | None:
        # With a registry, the cookie does not say whose it is, so that there is nothing to load by.
        if self.registry is None and hooks.overrides(self, "_load_user_from_remember_cookie"):
            return hooks.restore(arrival, self._load_user_from_remember_cookie, cookie)
        return super()._restore(arrival, load, cookie)

    def _update_request_context_with_user(self, user: Any = None) -> None:
        """Let a user be the one of this request; ``None``: nobody."""
        mirror.put(self.anonymous_user() if user is None else user)
        if has_request_context():
            self._arrive()

    def reload_user(self, user: Any = None) -> None:
        _deprecated("reload_user", "login_user")
        if user is None:
            self._load_user()
        else:
            self._update_request_context_with_user(user)

    def _session_protection_failed(self) -> bool:
        """Whether session protection ends the login. For subclasses that override it; we act on it ourselves."""
        return hooks.ask_protection(self._arrive())

    def _load_user_from_remember_cookie(self, cookie: str) -> Any:
        """The user whom a remember cookie logs in, or ``None``. It logs that user in."""
        return hooks.load_by_cookie(self._arrive(), self.user_callback, cookie)

    def _load_user_from_request(self, request: Request) -> Any:
        """The user whom the request loader recognises."""
        return None if self._request_callback is None else self._request_callback(request)

    def _load_user_from_header_of(self, request: Request) -> Any:
        header = request.headers.get(current_app.config.get("AUTH_HEADER_NAME", AUTH_HEADER_NAME))
        return None if header is None else self._load_user_from_header(header)

    def _load_user_from_header(self, header: str) -> Any:
        """The user whom the header loader recognises."""
        user = None if self._header_callback is None else self._header_callback(header)
        if user is not None:
            tell(_user_loaded_from_header, this_app(), None, user=user)
        return user

    # Logging in and out: what stands on g is the user after it, too.

    def login_user(
        self,
        user: Any,
        remember: bool = False,
        duration: timedelta | float | None = None,
        force: bool = False,
        fresh: bool = True,
    ) -> bool:
        arrival = self._arrive()
        try:
            has_begun = super().login_user(user, remember, duration, force, fresh)
            if has_begun:
                remembered.drop(arrival.session)
            return has_begun
        finally:
            # A receiver of the signal may have written there, too.
            mirror.show(self._arrive())

    def logout_user(self) -> bool:
        arrival = self._arrive()
        try:
            remembered.drop(arrival.session)
            return super().logout_user()
        finally:
            mirror.show(self._arrive())

    # The remember cookie

    def _see_to_cookie(self, arrival: Arrival, response: Response) -> Response:
        return self._update_remember_cookie(response) if remembered.is_asked_for(arrival.session) else response

    def _update_remember_cookie(self, response: Response) -> Response:
        """Do what the program has written into the session about the remember cookie."""
        arrival = self._arrive()
        operation = remembered.take(arrival.session)
        if operation == "clear" and hooks.overrides(self, "_clear_cookie"):
            self._clear_cookie(response)
        elif operation == "clear":
            arrival.visit.cookie = Forget()
        elif operation == "set" and hooks.overrides(self, "_set_cookie"):
            self._set_cookie(response)
        elif operation == "set" and (cookie := remembered.intent(self._identified())) is not None:
            arrival.visit.cookie = cookie
        outgoing.carry(arrival, response)
        return response

    def _set_cookie(self, response: Response) -> None:
        """Let a response remember the session's login."""
        arrival = self._identified()
        if (cookie := remembered.intent(arrival)) is not None:
            remembered.carry(arrival, response, cookie)

    def _clear_cookie(self, response: Response) -> None:
        """Let a response delete the remember cookie."""
        remembered.carry(self._arrive(), response, Forget())


LoginManager._own_methods = hooks.methods_of(LoginManager)


def _template_context() -> dict[str, Any]:
    """The user, if it is known; else a proxy, so that nobody is asked for whom the template does not show."""
    visit = current_request().__dict__.get(SLOT) if has_request_context() else None
    if visit is not None and visit.is_identified:
        return utils._user_context_processor()
    return {"current_user": utils._OUR_CURRENT_USER}


def _deprecated(name: str, instead: str) -> None:
    warnings.warn(f"{name} is deprecated; use {instead}", DeprecationWarning, stacklevel=3)
