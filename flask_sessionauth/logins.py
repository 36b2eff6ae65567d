"""How a login begins, is confirmed, and ends. Nothing here touches a response: the intent is left on the visit."""

from __future__ import annotations

import time
from typing import Any

from .checks import seconds
from .errors import UserIdError, WrongUserError
from .identity import Arrival, Forget, Identity, Remember
from .incoming import begin, fingerprint_of, read_cookie, regenerate
from .outgoing import remember_cookie
from .realms import realms_of
from .signals import tell, user_logged_in, user_logged_out, user_login_confirmed
from .state import LoginState


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
        return False
    user_id = user_id_of(user, arrival.realm.id_attribute)
    lifetime = arrival.settings.remember_cookie_duration.total_seconds() if duration is None else seconds(duration)
    now = time.time()
    is_same_user = _leave_nothing_of_another(arrival, user, user_id)
    begin(arrival, user_id, now if fresh else None)
    visit = arrival.visit
    if remember:
        visit.cookie = Remember(user_id, int(now), int(now + lifetime))
    elif not is_same_user:
        visit.cookie = Forget()
    visit.settle(Identity(user, "login"), user)
    tell(user_logged_in, arrival.app, user=user)
    return True


def _leave_nothing_of_another(arrival: Arrival, user: Any, user_id: str) -> bool:
    """Empty a session that was another user's. Whether the browser's remember cookie, if any, may stay."""
    visit, state = arrival.visit, arrival.state
    before = state.user_id(arrival.session) or visit.dropped_user_id
    cookie = remember_cookie(arrival)
    token = None if cookie is None else read_cookie(arrival, cookie)
    if before is None and token is not None:
        before = token.user_id
    if before is not None and before != user_id and not _is_this_user(visit.identity, user):
        others = (LoginState(realm.name) for realm in realms_of(arrival.app).values() if realm is not arrival.realm)
        state.empty(arrival.session, others)
        return False
    if isinstance(visit.cookie, Remember):
        return visit.cookie.user_id == user_id
    if cookie is None:
        # One with a path may be there without having been sent to this page, whoever's it is.
        may_be_there = arrival.settings.remember_cookie_path != "/" and before != user_id
        return visit.cookie is None and not may_be_there
    return visit.cookie is None and token is not None and token.user_id == user_id


def _is_this_user(identity: Identity | None, user: Any) -> bool:
    # Some programs' ids change with each login, and the same user then has another one.
    return identity is not None and identity.source != "request" and identity.user is user


def logout(arrival: Arrival, user: Any) -> None:
    """End the login. ``user`` is who it was."""
    arrival.state.erase(arrival.session)
    visit, settings = arrival.visit, arrival.settings
    # A cookie with a path may be there without having been sent to this page.
    may_be_there = remember_cookie(arrival) is not None or settings.remember_cookie_path != "/"
    # This response may have it already.
    may_be_there = may_be_there or visit.carried is not None
    visit.cookie = Forget() if may_be_there else None
    visit.settle(None, arrival.realm.anonymous_user())
    tell(user_logged_out, arrival.app, user=user)


def confirm(arrival: Arrival, user: Any) -> None:
    """Make the session's login fresh from now on.

    :raises WrongUserError: if a user is given who is not the session's own.
    """
    identity, state = arrival.visit.identity, arrival.state
    own_id = None if identity is None or identity.source == "request" else state.user_id(arrival.session)
    if user is not None and (own_id is None or not _is_own(arrival, user, own_id)):
        raise WrongUserError("confirm_login() was given another user than the one who is logged in")
    if own_id is None:
        return
    state.confirm(arrival.session, fingerprint_of(arrival.request, arrival.settings), time.time())
    regenerate(arrival)
    tell(user_login_confirmed, arrival.app)


def _is_own(arrival: Arrival, user: Any, own_id: str) -> bool:
    return _is_this_user(arrival.visit.identity, user) or user_id_of(user, arrival.realm.id_attribute) == own_id
