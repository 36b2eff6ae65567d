"""What is being dealt with: the objects behind Flask's proxies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, current_app, g, request, session

# Asked at every look at the user, so the proxies' own machinery is left out. Each raises a RuntimeError where there is
# no such context.
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]
current_session: Callable[[], Any] = session._get_current_object  # type: ignore[attr-defined]
this_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
this_g: Callable[[], Any] = g._get_current_object
