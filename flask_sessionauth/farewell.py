"""When a response is seen to: before the session is saved, and once more when nothing of the program's comes after."""

from __future__ import annotations

from flask import after_this_request
from werkzeug.wrappers import Response

from . import continuing, outgoing
from .identity import Arrival


def see_off_early(arrival: Arrival, response: Response) -> Response:
    """Before Flask saves the session. That spares Flask some work, but other functions may come after this one."""
    visit = arrival.visit
    if visit.row is not None:
        continuing.before_saving(arrival)
    if visit.response is not None or visit.is_watched:
        # A second response may be that of an error in a function of this request: the late look may not be reached.
        outgoing.finish(arrival, response)
    else:
        if visit.cookie is not None:
            outgoing.carry(arrival, response)
        visit.response = response
    if not visit.is_watched:
        # Flask takes these functions as they come, so that one which is added now is the last. The cookie does not
        # depend on that; nor does Vary, which Flask itself says if we do not.
        after_this_request(lambda response: see_off_late(arrival, response))
    return response


def see_off_late(arrival: Arrival, response: Response) -> Response:
    """After all other functions of this request, which may have logged out, or answered something else."""
    visit = arrival.visit
    if visit.row is not None:
        continuing.before_saving(arrival)
    if visit.cookie is not None:
        outgoing.carry(arrival, response)
    else:
        visit.response = response
    outgoing.declare(arrival, response)
    # Whoever logs in or out after this needs another look.
    visit.attended_by = None
    return response
