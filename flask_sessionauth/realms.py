"""All managers of one app, by name: what ``app.extensions["sessionauth"]`` holds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from flask import Flask, request_started
from flask.sessions import SecureCookieSessionInterface

from .errors import MisplacedGuardWarning, SetupError
from .identity import Arrival, Realm
from .protection import misplaced
from .settings import SettingsReader
from .state import LoginState

_EXTENSION = "sessionauth"

#: The name under which the default manager is kept.
DEFAULT = "default"

#: Where an app has its default manager, as with Flask-Login: programs set and read the attribute.
MANAGER_ATTRIBUTE = "login_manager"


def without_manager() -> SetupError:
    """What is wrong with an app that has no default manager."""
    return SetupError("this app has no default LoginManager; call LoginManager().init_app(app) first")


class Realms(dict[str, Realm]):
    """The managers of an app, and its settings."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        #: Gives the app's settings as they are now.
        self.settings = SettingsReader(app).now
        #: Whether responses are seen to at the very end of a request, too.
        self.is_watched = False
        self._app = app
        # The routes are complete at the first request. The signal holds us weakly: we go with the app. We listen to
        # all apps, as a listener to one stays in the signal's books when it leaves, and costs a look at each request.
        request_started.connect(self._at_first_request)

    def _at_first_request(self, app: Flask, **_: object) -> None:
        if app is not self._app:
            return
        request_started.disconnect(self._at_first_request)
        # Where nothing comes after the functions of `after_this_request`, a signal at each request is saved.
        if app.after_request_funcs or type(app.session_interface) is not SecureCookieSessionInterface:
            self.is_watched = True
            for realm in self.values():
                realm.watch(app)
        if not app.debug:
            return
        for endpoint in misplaced(app.view_functions):
            warnings.warn(
                f"the guard of the view {endpoint!r} stands above its route decorator and never runs;"
                " put the route decorator first (outermost)",
                MisplacedGuardWarning,
                stacklevel=2,
            )


def realms_of(app: Flask) -> Realms:
    """:raises SetupError: if no manager was initialised with the app."""
    try:
        return app.extensions[_EXTENSION]  # type: ignore[no-any-return]
    except KeyError:
        raise SetupError("this app has no LoginManager; call its init_app(app) first") from None


def states_beside(arrival: Arrival) -> Iterable[LoginState]:
    """The logins of the app's other realms, which are not ours to end."""
    return [LoginState(realm.name) for realm in realms_of(arrival.app).values() if realm is not arrival.realm]


def add_realm(app: Flask, manager: Realm) -> Realms:
    """Enter a manager into its app. A later default manager takes the place of an earlier one.

    :raises SetupError: if another manager of the app has the same name.
    """
    if _EXTENSION not in app.extensions:
        app.extensions[_EXTENSION] = Realms(app)
    realms = realms_of(app)
    name = manager.name or DEFAULT
    if manager.name is not None and realms.get(name, manager) is not manager:
        raise SetupError(f"this app has another LoginManager with the name {name!r}")
    realms[name] = manager
    return realms
