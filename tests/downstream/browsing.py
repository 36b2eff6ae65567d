"""What a browser does that Flask's test client leaves to the test."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

#: Flask 3.2 redirects with 303, Flask before it with 302.
REDIRECT = Flask("browsing", root_path=".").redirect("/").status_code
REMEMBER = "remember_token"


def csrf_token(page: Any) -> str:
    """The token in the first form of a page."""
    for field in re.findall(r"<input[^>]*>", page.text):
        if 'name="csrf_token"' in field:
            value = re.search(r'value="([^"]+)"', field)
            assert value is not None
            return value[1]
    raise AssertionError("there is no form with a CSRF token in the page")


def send_form(client: Any, path: str, **fields: str) -> Any:
    """Open the page with the form, fill it in, and send it."""
    return client.post(path, data={"csrf_token": csrf_token(client.get(path)), **fields})


def reopen(client: Any) -> None:
    """Close the browser and open it again: cookies without an end are gone."""
    client.delete_cookie("session")


def grow_stale(client: Any) -> None:
    """Make the login one that was not just typed in, as a remember cookie would."""
    with client.session_transaction() as session:
        session["_fresh"] = False


def is_to(response: Any, path: str) -> bool:
    """Whether a response is a redirect to a path, whatever follows it."""
    return response.status_code == REDIRECT and response.location.partition("?")[0].endswith(path)
