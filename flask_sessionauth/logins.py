"""How a login begins, is confirmed, and ends. Nothing here touches a response: the intent is left on the visit."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from . import active, ending, possession
from .admission import admit
from .beginnings import begin, fingerprint_of, regenerate
from .checks import seconds
from .errors import SetupError, UserIdError, WrongUserError
from .identity import NO_STAMP, Arrival, Forget, Identity, Remember
from .incoming import id_if_any
from .realms import states_beside
from .remembering import cookie_of, is_own, read_cookie, reissued, remember_cookie
from .renewal import renew, restamp_and_end_others
from .settings import Settings
from .signals import session_ended, session_refused, tell, user_logged_in, user_logged_out, user_login_confirmed
from .stamps import stamp_macs


def user_id_of(user: Any, id_attribute: str) -> str:
    """The user's id as a text.

    :raises UserIdError: if it is missing or blank.
    """
    user_id = getattr(user, id_attribute)()
    if user_id is None or user_id == "":
        raise UserIdError(
            f"{type(user).__name__}.{id_attribute}() returned {user_id!r}; allowed: an id that is not blank"
        )
    return str(user_id)


def login(arrival: Arrival, user: Any, remember: bool, duration: object, force: bool, fresh: bool) -> bool:
    """Log a user in. False, and nothing changed, if the user is not active."""
    if not force and not user.is_active:
        known_as = id_if_any(user, arrival.realm.id_attribute)
        tell(session_refused, arrival.app, arrival.realm.name, user=user, user_id=known_as, reason="inactive")
        return False
    user_id = user_id_of(user, arrival.realm.id_attribute)
    # A wrong duration is refused also where it does not matter.
    lifetime = remember_lifetime(arrival.settings, duration) if remember or duration is not None else 0
    now, visit = time.time(), arrival.visit
    macs, row = stamp_macs(arrival, user, user_id), None
    if arrival.realm.registry is not None:
        row = admit(arrival, user, user_id, macs[0], lifetime if remember else 0, fresh)
        if row is None:
            tell(session_refused, arrival.app, arrival.realm.name, user=user, user_id=user_id, reason="max_sessions")
            return False
    cookie, before, state = remember_cookie(arrival), None, arrival.state
    if state.user_id_key in arrival.session:
        before = state.user_id(arrival.session)
    if before is None and cookie is None and visit.cookie is None and visit.dropped_user_id is None:
        # Nobody was here before, but for one whose cookie has a path and was not sent to this page.
        is_replaced, is_same_user = False, arrival.settings.remember_cookie_path == "/"
    else:
        before = _ends_for(arrival)
        is_replaced = before is not None and before != user_id and not _is_this_user(visit.identity, user)
        is_same_user = _leave_nothing_of_another(arrival, user, user_id)
    visit.has_logged_out, visit.stamp_macs = False, macs
    begin(arrival, user_id, now, is_fresh=fresh)
    if row is not None:
        may_be_there = cookie is not None or visit.cookie is not None or arrival.settings.remember_cookie_path != "/"
        visit.cookie = cookie_of(row) if row.remembered else Forget() if may_be_there else None
    elif remember and lifetime:
        visit.cookie = Remember(user_id, int(now), int(now + lifetime), macs[0])
    elif not is_same_user:
        visit.cookie = Forget()
    visit.identity, visit.current, visit.is_identified = Identity(user, "login", user_id), user, True
    if is_replaced and row is None:
        tell(session_ended, arrival.app, arrival.realm.name, user_id=before, reason="replaced", session_id=None)
    if visit.news:
        active.tell_news(arrival)
    if user_logged_in.receivers:
        tell(user_logged_in, arrival.app, arrival.realm.name, user=user)
    return True


def remember_lifetime(settings: Settings, duration: object) -> float:
    """For how many seconds a remember cookie works; 0: nobody is remembered."""
    lifetime = settings.remember_cookie_duration.total_seconds() if duration is None else seconds(duration)
    limit = settings.remember_limit
    return lifetime if limit is None else min(lifetime, limit.total_seconds())


def _leave_nothing_of_another(arrival: Arrival, user: Any, user_id: str) -> bool:
    """Empty a session that was another user's. Whether the browser's remember cookie, if any, may stay."""
    visit, state = arrival.visit, arrival.state
    before = state.user_id(arrival.session) or visit.dropped_user_id
    cookie = remember_cookie(arrival)
    cookies_user = _user_of_cookie(arrival)
    if before is None:
        before = cookies_user
    if before is not None and before != user_id and not _is_this_user(visit.identity, user):
        # A login that identification ended has left nothing; what is there now, this request has written.
        if state.user_id(arrival.session) is not None or visit.dropped_user_id is None or not visit.is_identified:
            state.empty(arrival.session, states_beside(arrival))
        return False
    if isinstance(visit.cookie, Remember):
        return visit.cookie.user_id == user_id
    if cookie is None:
        # One with a path may be there without having been sent to this page, whoever's it is.
        may_be_there = arrival.settings.remember_cookie_path != "/" and before != user_id
        return visit.cookie is None and not may_be_there
    return visit.cookie is None and cookies_user == user_id


def _is_this_user(identity: Identity | None, user: Any) -> bool:
    # Some programs' ids change with each login, and the same user then has another one.
    return identity is not None and identity.source != "request" and identity.user is user


def logout(arrival: Arrival, user: Any) -> None:
    """End the login. ``user`` is who it was."""
    visit, settings = arrival.visit, arrival.settings
    has_registry = arrival.realm.registry is not None
    user_id = None if has_registry else _ends_for(arrival)
    if has_registry:
        # First: if the store is down, the browser keeps what it has.
        ending.end_browser(arrival, "logout")
    arrival.state.erase(arrival.session)
    # A cookie with a path may be there without having been sent to this page.
    may_be_there = remember_cookie(arrival) is not None or settings.remember_cookie_path != "/"
    # This response may have it already.
    may_be_there = may_be_there or visit.carried is not None
    visit.cookie = Forget() if may_be_there else None
    visit.has_logged_out = True
    visit.settle(None, arrival.realm.anonymous_user())
    if user_id is not None:
        tell(session_ended, arrival.app, arrival.realm.name, user_id=user_id, reason="logout", session_id=None)
    active.tell_news(arrival)
    tell(user_logged_out, arrival.app, arrival.realm.name, user=user)


def _ends_for(arrival: Arrival) -> str | None:
    """Whose login a logout, or another's login, ends: in the session, or else in the remember cookie."""
    user_id = arrival.state.user_id(arrival.session)
    # Nobody but a listener wants to know whose cookie it is.
    if user_id is None and arrival.visit.cookie is None and session_ended.receivers:
        user_id = _user_of_cookie(arrival)
    return user_id


def _user_of_cookie(arrival: Arrival) -> str | None:
    """Whose remember cookie the browser has, if it is a genuine one."""
    cookie = remember_cookie(arrival)
    if cookie is None:
        return None
    if arrival.realm.registry is not None and (found := possession.of_cookie(arrival)) is not None:
        return found.row.user_id
    token = read_cookie(arrival, cookie)
    return None if token is None else token.user_id


def confirm(arrival: Arrival, user: Any) -> None:
    """Make the session's login fresh from now on.

    :raises WrongUserError: if a user is given who is not the session's own.
    """
    own_id = _own_id(arrival)
    if user is not None and (own_id is None or not _is_own(arrival, user, own_id)):
        raise WrongUserError("confirm_login() was given another user than the one who is logged in")
    if own_id is None:
        return
    if arrival.realm.registry is not None and not renew(arrival):
        return
    arrival.state.confirm(arrival.session, fingerprint_of(arrival.request, arrival.settings), time.time())
    regenerate(arrival)
    tell(user_login_confirmed, arrival.app, arrival.realm.name)


def change_credentials(arrival: Arrival, user: Any) -> None:
    """Let this login go on under the user's new security stamp, and its being remembered too. The others end by it.

    :raises SetupError: if nothing ends them: the user has no stamp.
    """
    visit, state, own_id = arrival.visit, arrival.state, _own_id(arrival)
    is_own_user = own_id is not None and (user is None or _is_own(arrival, user, own_id))
    if user is None:
        user = visit.identity and visit.identity.user
    if user is None:
        return  # nobody is logged in, and nobody was named
    user_id = user_id_of(user, arrival.realm.id_attribute)
    has_registry, has_key = arrival.realm.registry is not None, bool(arrival.settings.signing_keys)
    # Without a key there is no login here that could go on; a registry ends the others all the same.
    macs = NO_STAMP if has_registry and not has_key else stamp_macs(arrival, user, user_id)
    if has_registry:
        restamp_and_end_others(arrival, user, user_id, macs[0], is_own_user)
        return
    if macs == NO_STAMP and not (is_own_user and user_id != own_id):
        raise SetupError(
            f"credentials_changed() ends no login of a {type(user).__name__}; give it a security_stamp that changes"
            " with the credentials"
        )
    if not is_own_user or own_id is None:
        return
    remembered = _remembered(arrival, own_id)
    visit.stamp_macs = macs
    state.restamp(arrival.session, user_id, macs[0])
    regenerate(arrival)
    if remembered is not None:
        visit.cookie = replace(remembered, user_id=user_id, stamp=macs[0])
    if visit.identity is not None:
        visit.identity.user_id = user_id


def _remembered(arrival: Arrival, own_id: str) -> Remember | None:
    """The remember cookie that this browser has, or gets with this response."""
    if arrival.visit.cookie is not None:
        return arrival.visit.cookie if isinstance(arrival.visit.cookie, Remember) else None
    cookie = remember_cookie(arrival)
    token = None if cookie is None else read_cookie(arrival, cookie)
    return reissued(arrival, token) if token is not None and is_own(arrival, token, own_id) else None


def _own_id(arrival: Arrival) -> str | None:
    """The id of the session's user, or ``None`` if nobody is logged in there."""
    identity = arrival.visit.identity
    return None if identity is None or identity.source == "request" else arrival.state.user_id(arrival.session)


def _is_own(arrival: Arrival, user: Any, own_id: str) -> bool:
    return _is_this_user(arrival.visit.identity, user) or user_id_of(user, arrival.realm.id_attribute) == own_id
