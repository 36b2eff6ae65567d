"""The libraries' own tests: none of them fails on the stand-in that passes on Flask-Login itself.

Where one does on purpose, docs/coming-from-flask-login.md has the reason. Flask-Principal publishes no tests, and those
of Flask-Admin log nobody in.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from downstream.their_suites import COMPARED, Suite, compare, fetch

FLASK_LOGIN = {
    "test_login.InitializationTestCase::test_no_user_loader_raises": "the error has other words",
    "test_login.LoginTestCase::test_set_cookie_with_invalid_duration_raises_exception": "the error has other words",
    "test_login.LoginTestCase::test_set_cookie_with_invalid_custom_duration_raises_exception": (
        "the error has other words"
    ),
    "test_login.LoginTestCase::test_decorators_are_disabled": "LOGIN_DISABLED works under TESTING only",
    "test_login.LoginTestCase::test_login_required_decorator_with_async": "LOGIN_DISABLED works under TESTING only",
    "test_login.LoginTestCase::test_remember_me_refresh_each_request": "it patches another clock than ours",
    "test_login.LoginTestCase::test_session_protection_strong_deletes_session": (
        "a login that protection ends takes the rest of the session with it"
    ),
    "test_login.LoginTestCase::test_session_protection_strong_fires_signal_x_forwarded_for": (
        "X-Forwarded-For is never read"
    ),
    "test_login.LoginTestCase::test_user_login_confirmed_signal_fired": (
        "confirm_login() without a login does nothing"
    ),
    "test_login.CustomTestClientTestCase::test_session_protection_modes": (
        "FlaskLoginClient logs in as a view does, so that its session may be fresh"
    ),
}

#: They send a token from before the login after it. The one that the login's response brings is accepted.
_CSRF = "a login drops Flask-WTF's CSRF token"
FLASK_SECURITY = {
    "test_tokens::test_refresh_token_csrf": _CSRF,
    "test_two_factor::test_csrf_2fa_login_cookie": _CSRF,
    "test_unified_signin::test_csrf_2fa_us_cookie": _CSRF,
    "test_webauthn::test_csrf": _CSRF,
}

SUITES = [
    Suite(
        "Flask-Login",
        # It calls datetime.utcnow(), which newer Pythons warn of, and takes warnings for errors.
        options=["-W", "ignore:datetime.datetime.utcnow:DeprecationWarning"],
        at_least=100,
        differences=FLASK_LOGIN,
    ),
    Suite("Flask-Dance", at_least=190),
    Suite(
        "Flask-Security",
        # Without its markers for an editor, and without what is the same on other databases.
        options=["-o", "addopts=", "-k", "not mongo and not peewee"],
        at_least=750,
        differences=FLASK_SECURITY,
    ),
    Suite(
        "Flask-AppBuilder",
        # Those about who is logged in. The others are about tables, and some depend on the order of a set.
        files=[
            "tests/test_detached_user.py",
            "tests/test_json_support.py",
            "tests/test_menu.py",
            "tests/test_mvc_oauth.py",
            "tests/test_security_signals.py",
            "tests/security/test_auth_oauth.py",
            "tests/security/test_mvc_security.py",
            "tests/security/test_rate_limiter.py",
        ],
        options=["-W", "ignore", "--show-capture=no"],
        at_least=120,
    ),
]


@pytest.mark.parametrize("suite", SUITES, ids=[suite.distribution for suite in SUITES])
def test_their_own_tests(suite: Suite, tmp_path: Path, counts: list[str]) -> None:
    """No test fails on the stand-in that passes on Flask-Login, but those that are listed, and all of those do."""
    real, standin = compare(suite, fetch(suite, tmp_path))
    for name, outcome in zip(COMPARED, (real, standin), strict=True):
        counts.append(f"{suite.distribution} on {name}: {outcome}")
    assert "flask_sessionauth" not in real.login_module, real.report
    assert "flask_sessionauth" in standin.login_module, standin.report
    assert len(real.passed & standin.passed) >= suite.at_least, standin.report
    assert real.passed - standin.passed == set(suite.differences), standin.report
