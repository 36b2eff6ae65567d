"""When a response is seen off, and what is done to it: the remember cookie, and headers that say what it depends on.

That is before the session is saved, and once more when nothing of the program's comes after.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import after_this_request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.wrappers import Response

from . import continuing, possession, tokens
from .identity import Arrival, Forget, Remember, Visit
from .remembering import cookie_name, remember_cookie, token_audience


def see_off_early(arrival: Arrival, response: Response) -> Response:
    """Before Flask saves the session. That spares Flask some work, but other functions may come after this one."""
    visit = arrival.visit
    arrival.settings = visit.settings
    if visit.row is not None:
        continuing.before_saving(arrival)
    if visit.response is not None or visit.is_watched:
        # A second response may be that of an error in a function of this request: the late look may not be reached.
        finish(arrival, response)
    else:
        if visit.cookie is not None:
            carry(arrival, response)
        visit.response = response
    if not visit.is_watched:
        # Flask takes these functions as they come, so that one which is added now is the last. The cookie does not
        # depend on that; nor does Vary, which Flask itself says if we do not.
        after_this_request(lambda response: see_off(arrival, response))
    return response


def see_off(arrival: Arrival, response: Response, is_saved: bool = False) -> Response:
    """The last look at a response: do all that the visit asks for, as far as it has not been done to this one.

    It should be the last of the functions of its request, which may have logged out, or answered something else.

    :param is_saved: whether the session has been saved, or is about to be and has been looked at for that.
    """
    visit, headers = arrival.visit, response.headers
    # A login that came later may have read them anew.
    arrival.settings = visit.settings
    if visit.row is not None and not is_saved:
        continuing.before_saving(arrival)
    if visit.cookie is not None:
        carry(arrival, response)
    else:
        visit.response = response
    # Looked through once: each question would look through them anew.
    varies, has_cache_control = [], False
    for name, value in headers:
        name = name.lower()
        if name == "vary":
            varies.append(value)
        elif name == "cache-control":
            has_cache_control = True
    if visit.asked_request_loader:
        response.vary.update(("Cookie", "Authorization"))
    else:
        if not varies:
            headers.add("Vary", "Cookie")
        elif "cookie" not in (name.strip() for value in varies for name in value.lower().split(",")):
            headers["Vary"] = ", ".join((*varies, "Cookie"))
        # Flask, where its own session was looked into, would take the header apart to add the same once more, which
        # costs more than all of ours. Nobody else's session interface is told anything.
        session = arrival.session
        if type(session) is SecureCookieSession and type(arrival.app.session_interface) is SecureCookieSessionInterface:
            session.accessed = False
    if visit.has_logged_out and (kinds := arrival.settings.login_clear_site_data):
        # Quoted, by the header's own grammar.
        headers["Clear-Site-Data"] = ", ".join(f'"{kind}"' for kind in kinds)
    cache_control = arrival.settings.login_cache_control
    if cache_control is not None and not has_cache_control:
        headers.add("Cache-Control", cache_control)
    # Whoever logs in or out after this needs another look.
    visit.attended_by = None
    return response


def finish(arrival: Arrival, response: Response) -> None:
    """The last look, where the session has been seen to, and where it can be told later whether this was the last."""
    see_off(arrival, response, is_saved=True)
    arrival.visit.headers = [*response.headers]


def is_finished(visit: Visit, response: Response) -> bool:
    """Whether all is done: this is the response that was finished, with the same intent and all the headers it had.

    Whoever asked since may have logged out.
    """
    if visit.attended_by is not None or visit.response is not response or visit.carried is not visit.cookie:
        return False
    # Later ones, as the session's cookie, stand behind them.
    return visit.headers == [*response.headers][: len(visit.headers)]


def carry(arrival: Arrival, response: Response) -> None:
    """Let the response change the browser's remember cookie, if the visit says so, and this one does not do it yet."""
    visit = arrival.visit
    if visit.cookie is not None and not (visit.carried is visit.cookie and visit.response is response):
        _change_cookie(arrival, response, visit.cookie)
        visit.carried = visit.cookie
    visit.response = response


def _change_cookie(arrival: Arrival, response: Response, change: Remember | Forget) -> None:
    if isinstance(change, Forget):
        response.delete_cookie(**_attributes(arrival))
    # A restored login's cookie has been replaced already, whatever became of the session since.
    elif arrival.state.user_id(arrival.session) == change.user_id or _is_restored(arrival.visit, change):
        _set_cookie(arrival, response, change)
    # A login that was cleared out of the session since is not remembered, nor is the one that it took the place of.
    elif arrival.visit.has_logged_in and remember_cookie(arrival) is not None:
        response.delete_cookie(**_attributes(arrival))


def _is_restored(visit: Visit, change: Remember) -> bool:
    return change.row is not None and visit.identity is not None and visit.identity.source == "remember"


def _set_cookie(arrival: Arrival, response: Response, remember: Remember) -> None:
    if remember.row is not None:
        token = possession.token_of(arrival, remember.row)
    else:
        token = tokens.issue(
            arrival.settings.signing_keys,
            token_audience(arrival.settings, arrival.state.realm),
            remember.user_id,
            remember.issued_at,
            remember.expires_at,
            remember.stamp,
        )
    expires = datetime.fromtimestamp(remember.expires_at, UTC)
    response.set_cookie(value=token, expires=expires, **_attributes(arrival))


def _attributes(arrival: Arrival) -> dict[str, Any]:
    """The attributes of the cookie, the same when it is set and when it is deleted."""
    settings = arrival.settings
    secure = settings.remember_cookie_secure
    return {
        "key": cookie_name(settings, arrival.state.realm),
        "path": settings.remember_cookie_path,
        "domain": settings.remember_cookie_domain,
        "secure": arrival.request.is_secure if secure is None else secure,
        "httponly": settings.remember_cookie_httponly,
        "samesite": settings.remember_cookie_samesite,
    }
