"""Real libraries, as they come from the index, on the stand-in for Flask-Login.

Run by ``tox -e downstream``, where they are installed. With ``STANDIN=0`` the same tests run on Flask-Login itself:
what passes there and fails here is our fault.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import flask_sessionauth
from flask_sessionauth.compat import install_as_flask_login

ON_STANDIN = os.environ.get("STANDIN", "1") != "0"
if ON_STANDIN:
    # Before any test file, and with it any library, is imported.
    install_as_flask_login()

import flask_login  # noqa: E402 - it is the one that was just put in place

COUNTS = pytest.StashKey[list[str]]()


@pytest.fixture(autouse=True)
def whose_flask_login(request: pytest.FixtureRequest) -> None:
    """Each test is on the library it says it is on, and so is the login manager of its app."""
    ours = Path(flask_sessionauth.__file__).parent
    assert (ours in Path(flask_login.__file__).parents) is ON_STANDIN
    if "app" in request.fixturenames:
        manager = request.getfixturevalue("app").login_manager
        assert isinstance(manager, flask_login.LoginManager)
        assert isinstance(manager, flask_sessionauth.LoginManager) is ON_STANDIN


def pytest_configure(config: pytest.Config) -> None:
    # Flask-AppBuilder calls it, as Flask-Login does; from Python 3.12 on it warns. We do not.
    config.addinivalue_line("filterwarnings", "ignore:datetime.datetime.utcnow:DeprecationWarning")
    config.stash[COUNTS] = []


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the end of the run's report."""
    return request.config.stash[COUNTS]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash[COUNTS]
    if lines:
        terminalreporter.section("the libraries' own tests")
        for line in lines:
            terminalreporter.write_line(line)
