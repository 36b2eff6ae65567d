"""A plugin of pytest for the libraries' own tests, beside which it lies while they run.

It says which flask_login they are on, and turns the switch of the one difference that many of them look at.
"""

from __future__ import annotations

import flask_login
from flask import Flask

# Their tests count the headers of a response. Flask-Login itself does not know this setting.
Flask.default_config = type(Flask.default_config)({**Flask.default_config, "LOGIN_CACHE_CONTROL": None})


def pytest_terminal_summary(terminalreporter) -> None:  # type: ignore[no-untyped-def]
    terminalreporter.write_line(f"flask_login is {flask_login.__file__}")
