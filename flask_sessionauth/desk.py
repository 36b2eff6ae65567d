"""Who stands in front of the desk: the requests of one realm, identified once, and their logins and logouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import Flask, Request, after_this_request, has_request_context, request_finished
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from . import active, incoming, limits, logins, possession, remembering, tokens
from .callbacks import waiting
from .context import current_request, current_session, is_request_of, this_app
from .errors import ConfigurationError, RegistryDownError
from .glance import glance
from .identity import Arrival, Identity, LoginSource, Remember, Visit
from .outgoing import finish, is_finished, see_off, see_off_early
from .proxy import unproxied, user_proxy
from .realms import DEFAULT, realms_of
from .recent import Recent
from .registry.base import SessionRegistry
from .settings import ID_ATTRIBUTE
from .signals import tell, user_loaded_from_cookie, user_loaded_from_request, user_logged_out
from .state import REALM_NAME, LoginState
from .users import AnonymousUserMixin

if TYPE_CHECKING:
    # A default spares untyped programs a type argument; it needs nothing at run time.
    from typing_extensions import TypeVar as TypeVarWithDefault

    UserT = TypeVarWithDefault("UserT", default=Any)
else:
    UserT = TypeVar("UserT")
UserLoader = TypeVar("UserLoader", bound=Callable[[str], Any])
RequestLoader = TypeVar("RequestLoader", bound=Callable[[Request], Any])

#: Where a request keeps the visit in the default realm.
SLOT = "_sessionauth"
# And that its response has gone.
_SENT = "_sessionauth_sent"
# What Flask-SocketIO writes on the request of an event, before its handler runs.
_EVENT, _EVENT_SENDER = "event", "sid"

# Who is told when a user has been recognised anew.
_NEWS_OF = {"remember": user_loaded_from_cookie, "request": user_loaded_from_request}

# What the default realm is called: among the app's managers, and as current_user in templates.
_TAKEN = (DEFAULT, "user")


def slot_of(realm: str | None) -> str:
    """Where a request keeps its visit in a realm."""
    return SLOT if realm is None else f"{SLOT}_{realm}"


class Desk(Generic[UserT]):
    """One realm's desk: it knows the loaders, and deals with the request in front of it."""

    def __init__(self, name: str | None, registry: SessionRegistry | None = None) -> None:
        if name is not None and not (isinstance(name, str) and REALM_NAME.fullmatch(name) and name not in _TAKEN):
            raise ConfigurationError(
                f"name is {name!r}; allowed: a lower-case letter, then more, digits or underscores;"
                f" not {' or '.join(_TAKEN)}"
            )
        if registry is not None and not isinstance(registry, SessionRegistry):
            raise ConfigurationError(
                f"registry is of type {type(registry).__name__}; allowed: a MemoryRegistry, SQLRegistry,"
                " RedisRegistry, or an object with the methods of SessionRegistry"
            )
        self._name = name
        #: Where the logins are kept; ``None``: in the browsers' cookies alone.
        self.registry: SessionRegistry | None = registry
        #: What this process has read of it a moment ago.
        self.recent = Recent()
        self._state = LoginState(name)
        self._slot = slot_of(name)
        #: The user loader.
        self.user_callback: Callable[[str], Any] | None = None
        #: The request loader.
        self.request_callback: Callable[[Request], Any] | None = None
        #: Makes the object that stands for nobody. It may return ``None``.
        self.anonymous_user: Callable[[], Any] = AnonymousUserMixin
        #: The user's method that returns its id.
        self.id_attribute: str = ID_ATTRIBUTE
        #: Gives a user's security stamp: a text that changes when the credentials do. No coroutine function. ``None``:
        #: the user's attribute ``security_stamp``, if it has one.
        self.security_stamp: Callable[[Any], str | None] | None = None
        #: Gives the key, a ``str``, under which the registry groups a user's devices: one that stays the same if the
        #: user's id changes with the password, say. No coroutine function. ``None``: the user's id.
        self.session_owner: Callable[[Any], str] | None = None
        #: ``"basic"`` (a session in another browser is stale), ``"strong"`` (it is over) or ``None``.
        self.session_protection: str | None = "basic"
        #: A proxy of this realm's user: the anonymous user if nobody is logged in, and like ``None`` outside a request.
        self.current_user: Any = user_proxy(self._slot, self._current)

    @property
    def name(self) -> str | None:
        """The realm's name, or ``None`` for the default one."""
        return self._name

    # The program's callbacks

    def user_loader(self, callback: UserLoader) -> UserLoader:
        """Set the function that gets a user's id (a ``str``) and returns the user, or ``None`` if there is none."""
        self.user_callback = callback
        return callback

    def request_loader(self, callback: RequestLoader) -> RequestLoader:
        """Set the function that recognises a user by the request itself (a header, say), or returns ``None``."""
        self.request_callback = callback
        return callback

    # Who is it?

    def _current(self) -> Any:
        """What ``current_user`` shows."""
        try:
            here = current_request()
        except RuntimeError:
            return None
        try:
            return here.__dict__[self._slot].current
        except (KeyError, AttributeError):
            arrival = self._arrive(here)
            return arrival.visit.current if arrival.visit.is_identified else self._identify(arrival)

    def _arrive(self, here: Request | None = None, app: Flask | None = None, is_guarded: bool = False) -> Arrival:
        if here is None:
            here = current_request()
        if app is None:
            app = this_app()
        kept = here.__dict__
        visit = kept.get(self._slot)
        if visit is None:
            # Nor has an event of Flask-SocketIO a response that reaches the browser.
            is_late = _SENT in kept or (_EVENT in kept and _EVENT_SENDER in kept)
            realms = realms_of(app)
            visit = Visit(realms.settings(), is_late, realms.is_watched)
            if is_request_of(app, here):
                kept[self._slot] = visit
            else:
                # The context of this app was pushed within another's request, whose session knows none of our users.
                visit.is_late = True
                visit.settle(None, self.anonymous_user())
        arrival = Arrival(self, self._state, app, here, current_session(), visit)
        if visit.attended_by != (thread := get_ident()):
            if visit.guarded is not None and visit.guarded_in is None:
                visit.guarded_in = visit.attended_by
            visit.attended_by = thread
            if not is_guarded:
                self._attend(arrival)
            elif visit.guarded is None:
                visit.guarded = arrival
        return arrival

    # Not within `_arrive`, where the closure would make each look at ``arrival`` slower, also if it is not made.
    def _attend(self, arrival: Arrival) -> None:
        after_this_request(lambda response: see_off_early(arrival, response))

    def leave(self, here: Request) -> None:
        """Where a guard's view has run, all of its functions for the response are there: one look after them will do.

        It is a look less for most pages that need a login.
        """
        visit: Visit | None = here.__dict__.get(self._slot)
        if visit is None or visit.guarded is None:
            return
        if visit.guarded_in is not None and visit.guarded_in != get_ident():
            return  # the view runs on, and has this function guarded in another thread
        arrival, visit.guarded, visit.guarded_in = visit.guarded, None, None
        if visit.cookie is None and not visit.is_watched:
            # Whoever asks from now on, around the guard, is seen to as if there were none.
            visit.attended_by = None
            after_this_request(lambda response: see_off(arrival, response))
        else:
            after_this_request(lambda response: see_off_early(arrival, response))

    def watch(self, app: Flask) -> None:
        """See to the responses of an app at the very end, too: something of the app's comes after the early look."""
        # The signal holds the manager weakly; the app holds it.
        request_finished.connect(self._see_off, app)

    def _see_off(self, app: Flask, response: Response, **_: object) -> None:
        """At the very end of each request: nothing, unless it has a visit."""
        try:
            here = current_request()
        except RuntimeError:
            return
        visit: Visit | None = here.__dict__.get(self._slot)
        if visit is not None and not visit.is_late:
            if not is_finished(visit, response):
                finish(self._arrive(), response)
            visit.is_late = True
        # What is asked now, in the generator of a stream, comes too late for cookies.
        here.__dict__[_SENT] = True

    def _identify(self, arrival: Arrival) -> Any:
        visit, seeker = arrival.visit, get_ident()
        if visit.sought_by and not {seeker, *waiting.get()}.isdisjoint(visit.sought_by):
            # A loader asked for the user it is there to find.
            return self.anonymous_user()
        if visit.is_down:
            # An error page may ask, too. To ask the store again would take as long again.
            return self.anonymous_user()
        # Two threads of a request may overwrite each other's: then a loader that asks is asked once more itself.
        visit.sought_by = (*visit.sought_by, seeker) if visit.sought_by else (seeker,)
        try:
            found = glance(arrival)
            if isinstance(found, Identity):
                # In this order, as other threads may look on.
                visit.identity, visit.current, visit.is_identified, visit.sought_by = found, found.user, True, ()
                return found.user
            identity = incoming.identify(arrival, self._restore, found)
            current = self.anonymous_user() if identity is None else identity.user
        except BaseException as error:
            self._give_up(arrival, seeker, error)
            raise
        # Unless a loader, or a receiver of a signal, has logged in or out meanwhile: that counts.
        is_news = not visit.is_identified
        if is_news:
            visit.settle(identity, current)
        # Whoever else is looking has an answer, too.
        visit.sought_by = ()
        if is_news and identity is not None and identity.source in _NEWS_OF:
            # Now that `current_user` is who came.
            tell(_NEWS_OF[identity.source], arrival.app, self._name, user=identity.user)
        if visit.news:
            active.tell_news(arrival)
        return visit.current

    def _give_up(self, arrival: Arrival, seeker: int, error: BaseException) -> None:
        """A thread has failed to find the user. It may ask once more."""
        visit = arrival.visit
        visit.sought_by = tuple(other for other in visit.sought_by if other != seeker)
        visit.is_down = isinstance(error, RegistryDownError)
        # What has happened has happened.
        active.tell_news(arrival)

    def _restore(self, arrival: Arrival, load: Callable[[str], Any], cookie: str | None) -> Identity | None:
        """The user whom a remember cookie logs in."""
        return incoming.from_remember_cookie(arrival, load, cookie)

    def _identified(self) -> Arrival:
        arrival = self._arrive()
        if not arrival.visit.is_identified:
            self._identify(arrival)
        return arrival

    def _read_settings_anew(self, arrival: Arrival) -> None:
        """Go by what is set now, and not at the first look: Flask signs the session with the key that there is then."""
        if is_request_of(arrival.app, arrival.request):
            arrival.settings = arrival.visit.settings = realms_of(arrival.app).settings()

    @contextmanager
    def _arrival(self) -> Iterator[Arrival]:
        """This request, identified; or, outside of one, a request of nobody's."""
        if has_request_context():
            arrival = self._identified()
            if arrival.visit.is_down:
                raise RegistryDownError
            self._read_settings_anew(arrival)
            yield arrival
            return
        with this_app().test_request_context():
            # No page of the app's was asked for, whatever has this path.
            current_request().url_rule = None
            yield self._arrive()

    def get_user(self) -> UserT | None:
        """The user who is logged in, or ``None``. Without a request there is none."""
        user = self._current()
        return user if user is not None and user.is_authenticated else None

    def login_source(self) -> LoginSource | None:
        """How this request's user was recognised.

        ``"login"``: `login_user` in this request; ``"session"``; ``"remember"``: the remember cookie has just restored
        the login; ``"request"``: the request loader; ``None``: nobody is logged in.
        """
        identity = self._identified().visit.identity
        return None if identity is None else identity.source

    def login_fresh(self) -> bool:
        """Whether the login in the session is fresh: by credentials, not by the remember cookie or a request loader."""
        return self._is_fresh(None)

    def _is_fresh(self, max_age: float | None) -> bool:
        """Whether the login is fresh, and has been so for at most so many seconds."""
        arrival = self._identified()
        identity, lifetime = arrival.visit.identity, arrival.settings.login_fresh_lifetime
        if identity is None or identity.source == "request" or not arrival.state.is_fresh(arrival.session):
            return False
        # A login that was restored too late for the session is not in it, whatever an older one has left there.
        if arrival.state.user_id(arrival.session) is None:
            return False
        if lifetime is None and max_age is None:
            return True
        fresh_for = arrival.state.fresh_for(arrival.session, time.time())
        return limits.is_fresh_for(fresh_for, lifetime) and (
            max_age is None or (fresh_for is not None and fresh_for <= max_age)
        )

    def login_remembered(self) -> bool:
        """Whether this browser has a valid remember cookie of the user who is logged in, or gets one now."""
        arrival = self._identified()
        visit = arrival.visit
        if visit.identity is None or visit.identity.source == "request":
            return False
        if visit.cookie is not None:
            return isinstance(visit.cookie, Remember)
        if self.registry is not None:
            return visit.row is not None and possession.has_current_cookie(arrival, visit.row)
        cookie = remembering.remember_cookie(arrival)
        token = None if cookie is None else remembering.read_cookie(arrival, cookie)
        user_id = arrival.state.user_id(arrival.session)
        return token is not None and user_id is not None and remembering.is_own(arrival, token, user_id)

    # Logging in and out

    def login_user(
        self,
        user: UserT,
        remember: bool = False,
        duration: timedelta | float | None = None,
        force: bool = False,
        fresh: bool = True,
    ) -> bool:
        """Log a user in.

        The session of another user is emptied first; a visitor's, or the user's own, keeps the program's content.

        :param remember: whether to give the browser a remember cookie.
        :param duration: how long that works: a ``timedelta`` or seconds; ``None``: ``REMEMBER_COOKIE_DURATION``.
        :param force: whether to log in a user who is not active.
        :param fresh: whether this counts as a login by credentials.
        :returns: False, with nothing changed, if the user is not active, or has too many logins and
            ``LOGIN_MAX_SESSIONS_POLICY`` is ``"refuse"``.
        :raises UserIdError: if the user's id is missing or blank.
        :raises RegistryDownError: if there is a registry, and it cannot be asked; then nothing has changed.
        :raises ConfigurationError: if the duration is not allowed.
        """
        arrival = self._arrive()
        if arrival.visit.is_identified:
            self._read_settings_anew(arrival)
        try:
            if self.registry is not None and self._has_older_cookie(arrival):
                self._identified()
            if isinstance(user, LocalProxy):
                user = unproxied(user)
            return logins.login(arrival, user, remember, duration, force, fresh)
        except RegistryDownError:
            arrival.visit.is_down = True
            raise
        finally:
            # Also of what has ended before the store was down.
            if arrival.visit.news:
                active.tell_news(arrival)

    def logout_user(self) -> bool:
        """End the login, in the session and in the remember cookie, whatever else the request does.

        :returns: True
        :raises RegistryDownError: if there is a registry, and it cannot be asked; then nothing has changed.
        """
        arrival = self._arrive()
        user = None
        try:
            try:
                # Loaded only for those who want to know who it was.
                wants_user = user_logged_out.receivers or self._has_older_cookie(arrival)
                user = self._current() if wants_user else None
            finally:
                # Also when the user cannot be loaded.
                logins.logout(arrival, user)
        except RegistryDownError:
            arrival.visit.is_down = True
            raise
        finally:
            active.tell_news(arrival)
        return True

    def _has_older_cookie(self, arrival: Arrival) -> bool:
        """Whether the browser has a remember cookie from before the registry: to end its login, it must be entered."""
        if self.registry is None or arrival.visit.is_identified:
            return False
        cookie = remembering.remember_cookie(arrival)
        return cookie is not None and tokens.read_device_token(cookie) is None

    def confirm_login(self, user: UserT | None = None) -> None:
        """Make the login fresh again, after its user has given credentials once more. Nothing, if nobody is logged in.

        :param user: whose credentials these were, if they say: it must be the session's own user.
        :raises WrongUserError: if it is not; then nothing has changed.
        """
        with self._arrival() as arrival:
            logins.confirm(arrival, unproxied(user))

    def credentials_changed(self, user: UserT | None = None) -> None:
        """Say that a user's credentials have changed: this login goes on, and every other one of the user ends.

        Call it after the change, with the user's new ``security_stamp`` in place: without a registry, that is what ends
        the others. This browser's login, and its being remembered, get the new stamp, and new cookies with a registry,
        and a server-side session gets another id. An app context is enough, if this is not the user's own request.

        :param user: whose credentials they are; ``None``: those of the user who is logged in.
        :raises SetupError: if there is no registry, and the user has no security stamp, so that nothing would end.
        :raises RegistryDownError: if the registry cannot be asked.
        """
        with self._arrival() as arrival:
            logins.change_credentials(arrival, unproxied(user))
