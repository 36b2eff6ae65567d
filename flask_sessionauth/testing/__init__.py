"""Logging in and out in a program's tests, through the real code, so that every setting agrees with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from flask import session
from flask.testing import FlaskClient
from werkzeug.test import Client, EnvironBuilder

from ..errors import SetupError
from ..manager import LoginManager
from ..realms import DEFAULT, realms_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .contract import RegistryContract as RegistryContract


def __getattr__(name: str) -> Any:
    # The contract needs pytest, which not every program has.
    if name == "RegistryContract":
        from .contract import RegistryContract

        return RegistryContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class LoginClient(FlaskClient):
    """A test client that logs users in: ``app.test_client_class = LoginClient``.

    :param user: a user to log in at once, active or not.
    :param fresh_login: whether that login is fresh.
    """

    def __init__(self, *args: Any, user: Any = None, fresh_login: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user is not None:
            self.login(user, force=True, fresh=fresh_login)

    def login(self, user: Any, **options: Any) -> None:
        """Log a user in: see `login`."""
        login(self, user, **options)

    def logout(self, *, realm: str | None = None) -> None:
        """Log out: see `logout`."""
        logout(self, realm=realm)


#: Flask-Login's name for it.
FlaskLoginClient = LoginClient


def login(
    client: FlaskClient,
    user: Any,
    *,
    remember: bool = False,
    duration: timedelta | float | None = None,
    force: bool = False,
    fresh: bool = True,
    realm: str | None = None,
) -> None:
    """Log a user in with any test client of Flask's, in a request of its own: with the client's cookies and headers.

    :param realm: the name of the realm; ``None``: the default one.
    :raises ValueError: if ``login_user`` refuses the user, because it is not active, or has too many logins.
    """

    def act(manager: LoginManager[Any]) -> bool:
        return manager.login_user(user, remember=remember, duration=duration, force=force, fresh=fresh)

    if not _in_a_request(client, realm, act):
        raise ValueError(
            f"login_user() refused {type(user).__name__}: it is not active (pass force=True to log it in),"
            " or has as many logins as LOGIN_MAX_SESSIONS allows"
        )


def logout(client: FlaskClient, *, realm: str | None = None) -> None:
    """Log out with any test client of Flask's, in a request of its own."""
    _in_a_request(client, realm, LoginManager.logout_user)


def _in_a_request(client: FlaskClient, realm: str | None, act: Callable[[LoginManager[Any]], bool]) -> bool:
    """Do something in a request whose response carries the cookies; no view and no hook of the app runs."""
    app = client.application
    manager = cast(LoginManager[Any] | None, realms_of(app).get(realm or DEFAULT))
    if manager is None:
        raise SetupError(f"this app has no LoginManager with the name {realm or DEFAULT!r}")
    outcome: list[bool] = []

    def act_and_answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with app.request_context(environ):
            outcome.append(act(manager))
            response = app.response_class(status=204)
            app.session_interface.save_session(app, session._get_current_object(), response)  # type: ignore[attr-defined]
            manager._see_off(app, response)
        return response(environ, start_response)

    builder = EnvironBuilder("/", base_url=_base_url(client), environ_base=client.environ_base)
    # The client keeps the cookies; it is only lent another application.
    client.application = act_and_answer  # type: ignore[assignment]
    try:
        Client.open(client, builder)
    finally:
        client.application = app
    return outcome == [True]


def _base_url(client: FlaskClient) -> str:
    """The address at which Flask's test client asks: that of the configuration."""
    config = client.application.config
    root = (config["APPLICATION_ROOT"] or "/").strip("/")
    return f"{config['PREFERRED_URL_SCHEME']}://{config['SERVER_NAME'] or 'localhost'}/{root}"
