"""What is being dealt with: the objects behind Flask's proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, current_app, g, request, session
from flask.json.provider import JSONProvider

# Asked at every look at the user, so the proxies' own machinery is left out. Each raises a RuntimeError where there is
# no such context.
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]
current_session: Callable[[], Any] = session._get_current_object  # type: ignore[attr-defined]
this_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
this_g: Callable[[], Any] = g._get_current_object


def is_request_of(app: Flask, here: Request) -> bool:
    """Whether a request is this app's, and not another one's within which this app's context was pushed.

    Flask gives a request the JSON provider of its own app. A program may give it something else that reads JSON.
    """
    return here.json_module is app.json or not isinstance(here.json_module, JSONProvider)
