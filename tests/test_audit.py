"""The rules of `flask login check`: each of them passes an app that is in order, and fails one that is not."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Request, request
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_sessionauth import EXEMPT_METHODS, LoginManager, fresh_login_required, login_required
from flask_sessionauth.audit import RULES, Facts, Finding, Severity, audit, gather
from flask_sessionauth.audit.standards import ASVS
from flask_sessionauth.audit.words import count, duration, listed
from flask_sessionauth.errors import ConfigurationError, SetupError
from flask_sessionauth.registry import ActiveSession, MemoryRegistry

PASS, INFO, WARNING, ERROR = Severity
Change = Callable[[Flask], object]

IN_ORDER: dict[str, Any] = {
    "SECRET_KEY": secrets.token_hex(),
    "SESSION_COOKIE_NAME": "__Host-session",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "REMEMBER_COOKIE_NAME": "__Host-remember",
    "REMEMBER_COOKIE_SECURE": True,
    "REMEMBER_COOKIE_ACCEPT_LEGACY": False,
    "LOGIN_ASSURANCE": "aal1",
    "LOGIN_IDLE_TIMEOUT": 3600,
    "LOGIN_FRESH_LIFETIME": 600,
    "LOGIN_CACHE_CONTROL": "no-store",
    "LOGIN_CLEAR_SITE_DATA": ("cache",),
    "REMEMBER_COOKIE_DURATION": timedelta(days=14),
}


class OtherRegistry:
    """A store of somebody else's, as far as the audit looks at it: it is there."""

    def add(self, row: ActiveSession, /) -> bool:
        raise NotImplementedError

    get = replace = of_owner = purge = end_all = ping = add


def app_in_order(**config: Any) -> Flask:
    """An app with which every rule is content."""
    app = Flask("shop", static_folder=None)
    app.config.update(IN_ORDER)
    app.config.update(config)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    manager: LoginManager[Any] = LoginManager(app, registry=OtherRegistry())  # type: ignore[arg-type]
    manager.user_loader(lambda user_id: None)
    manager.security_stamp = lambda user: "stamp"
    app.add_url_rule("/account", "account", login_required(lambda: "yours"))
    app.add_url_rule("/password", "password", fresh_login_required(lambda: "changed"))
    return app


def setting(**config: Any) -> Change:
    return lambda app: app.config.update(config)


def without(*keys: str) -> Change:
    def change(app: Flask) -> None:
        for key in keys:
            del app.config[key]

    return change


def together(*changes: Change) -> Change:
    return lambda app: [change(app) for change in changes]


def manager_with(**attributes: Any) -> Change:
    def change(app: Flask) -> None:
        for name, value in attributes.items():
            setattr(app.extensions["sessionauth"]["default"], name, value)

    return change


def view(name: str, function: Callable[..., Any]) -> Change:
    return lambda app: app.add_url_rule(f"/{name}", name, function)


def fresh_guard(max_age: Any) -> Change:
    return lambda app: app.view_functions.update(password=fresh_login_required(max_age=max_age)(lambda: "changed"))


def no_fresh_guard(app: Flask) -> None:
    app.view_functions["password"] = login_required(lambda: "changed")


def a_misplaced_guard(app: Flask) -> None:
    bare = lambda: "open"  # noqa: E731
    login_required(bare)
    app.add_url_rule("/bare", "bare", bare)


def a_guard_inside(app: Flask) -> None:
    """A decorator of the program's own, which asks the guard only sometimes."""
    bare = lambda: "open"  # noqa: E731
    guarded = login_required(bare)

    @wraps(bare)
    def inner() -> str:
        return bare() if app.config["PUBLIC"] else guarded()

    app.add_url_rule("/bare", "bare", inner)


def proxy_fix(**hops: int) -> Change:
    def change(app: Flask) -> None:
        no_proxy_fix(app)
        app.wsgi_app = ProxyFix(app.wsgi_app, **hops)  # type: ignore[method-assign]

    return change


def no_proxy_fix(app: Flask) -> None:
    app.wsgi_app = Flask.wsgi_app.__get__(app)  # type: ignore[method-assign]


class OtherSessions(SecureCookieSessionInterface):
    """A session interface of somebody else's."""


class SessionsByRequest(SecureCookieSessionInterface):
    """A session interface whose cookie depends on the request."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_cookie_domain(self, app: Flask) -> str | None:
        return request.host

    def get_cookie_samesite(self, app: Flask) -> str:
        return "Lax" if request.is_secure else "Strict"


class SessionsElsewhere(SessionInterface):
    """A session interface that leaves the cookie to a middleware, as one for Beaker does."""

    def open_session(self, app: Flask, request: Request) -> Any:
        return request.environ["elsewhere"]

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        session.save()


class SessionsOnServer(SessionsElsewhere):
    """A session interface that asks for the cookie's settings as Flask's does, as Flask-Session's do."""

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        response.set_cookie(self.get_cookie_name(app), session.sid, secure=self.get_cookie_secure(app))


def sessions(interface: type[Any]) -> Change:
    return lambda app: setattr(app, "session_interface", interface())


def other_sessions(app: Flask) -> None:
    app.session_interface = OtherSessions()


NO_LEVEL = without("LOGIN_ASSURANCE")
NO_REGISTRY = manager_with(registry=None)
IN_MEMORY = manager_with(registry=MemoryRegistry())

#: Rule by rule: what is changed in the app, how bad that is, and what is said to be found.
CASES: dict[str, list[tuple[Change, Severity, str]]] = {
    "secret-key": [
        (setting(SECRET_KEY=None), ERROR, "not set"),
        (setting(SECRET_KEY="dev"), ERROR, "3 bytes, a placeholder"),
        (setting(SECRET_KEY="CHANGE-ME to something long and random, please"), ERROR, "placeholder"),
        (setting(SECRET_KEY=b"\x01\x02\x03\x04\x05\x06\x07\x08\x09"), ERROR, "9 bytes, short enough"),
        (setting(SECRET_KEY="x" * 64), ERROR, "only 1 different byte"),
        (setting(SECRET_KEY=bytes(range(15))), ERROR, "15 bytes, short enough"),
        (setting(SECRET_KEY=bytes(range(7)) * 6), ERROR, "only 7 different bytes"),
        # As text a byte has fewer bits: 4 in hexadecimal digits, 6 or so in any letters.
        (setting(SECRET_KEY="0123456789abcdef"), WARNING, "16 bytes, at most 64 bits"),
        (setting(SECRET_KEY="0123456789abcdefghijk"), WARNING, "21 bytes, at most 126 bits"),
        (setting(SECRET_KEY="0123456789abcdefghijkl"), INFO, "22 bytes"),
        (setting(SECRET_KEY=bytes(range(16))), INFO, "16 bytes"),
        (setting(SECRET_KEY=bytes(range(31))), INFO, "31 bytes"),
    ],
    "secret-key-fallbacks": [
        (setting(SECRET_KEY_FALLBACKS=[bytes(range(40)), "dev"]), ERROR, "number 2: 3 bytes, a placeholder"),
        (setting(SECRET_KEY_FALLBACKS=[bytes(range(40))]), INFO, "1 key of 40 bytes"),
    ],
    "session-cookie-secure": [
        (setting(SESSION_COOKIE_SECURE=False), ERROR, "SESSION_COOKIE_SECURE = False"),
        (together(sessions(SessionsOnServer), setting(SESSION_COOKIE_SECURE=False)), ERROR, "SESSION_COOKIE_SECURE"),
        (together(sessions(SessionsElsewhere), setting(SESSION_COOKIE_SECURE=False)), INFO, "SessionsElsewhere"),
        (together(other_sessions, setting(SESSION_COOKIE_SECURE=False)), ERROR, "SESSION_COOKIE_SECURE = False"),
        (sessions(SessionsElsewhere), INFO, "SESSION_COOKIE_SECURE: SessionsElsewhere sets the cookie"),
        (sessions(SessionsByRequest), INFO, "SESSION_COOKIE_SECURE: depends on the request"),
    ],
    "session-cookie-prefix": [
        (setting(SESSION_COOKIE_NAME="session"), WARNING, "session"),
        (setting(SESSION_COOKIE_NAME="__Secure-session"), INFO, "__Secure-session"),
        (setting(SESSION_COOKIE_DOMAIN="example.com"), ERROR, "with a Domain: browsers drop it"),
        (setting(SESSION_COOKIE_PATH="/shop"), ERROR, "with a Path: browsers drop it"),
        (setting(APPLICATION_ROOT="/shop"), ERROR, "with a Path: browsers drop it"),
        (setting(SESSION_COOKIE_SECURE=False), ERROR, "without Secure: browsers drop it"),
        (sessions(SessionsByRequest), INFO, "SESSION_COOKIE_NAME: depends on the request"),
        (together(sessions(SessionsElsewhere), setting(SESSION_COOKIE_NAME="s")), INFO, "SessionsElsewhere"),
    ],
    "session-cookie-samesite": [
        (setting(SESSION_COOKIE_SAMESITE=None), WARNING, "not set"),
        (setting(SESSION_COOKIE_SAMESITE="None"), WARNING, '"None"'),
        (sessions(SessionsByRequest), INFO, "SESSION_COOKIE_SAMESITE: depends on the request"),
    ],
    "session-cookie-httponly": [
        (setting(SESSION_COOKIE_HTTPONLY=False), ERROR, "False"),
        (together(sessions(SessionsElsewhere), setting(SESSION_COOKIE_HTTPONLY=False)), INFO, "SessionsElsewhere"),
    ],
    "session-cookie-domain": [
        (setting(SESSION_COOKIE_DOMAIN="example.com"), WARNING, "example.com"),
        (sessions(SessionsByRequest), INFO, "SESSION_COOKIE_DOMAIN: depends on the request"),
    ],
    "remember-cookie-secure": [
        (setting(REMEMBER_COOKIE_NAME="r", REMEMBER_COOKIE_SECURE=False), ERROR, "False"),
        (setting(REMEMBER_COOKIE_NAME="r", REMEMBER_COOKIE_SECURE=None), INFO, "which ProxyFix tells"),
        (
            together(setting(REMEMBER_COOKIE_NAME="r", REMEMBER_COOKIE_SECURE=None), no_proxy_fix),
            WARNING,
            "only where the app itself sees HTTPS",
        ),
    ],
    "remember-cookie-prefix": [
        (setting(REMEMBER_COOKIE_NAME="r"), WARNING, "REMEMBER_COOKIE_NAME: r"),
        (setting(REMEMBER_COOKIE_NAME="__Secure-r"), INFO, "__Secure-r"),
    ],
    "remember-cookie-samesite": [
        (setting(REMEMBER_COOKIE_SAMESITE=None), WARNING, "not set"),
        (setting(REMEMBER_COOKIE_SAMESITE="None"), WARNING, '"None"'),
    ],
    "remember-cookie-httponly": [(setting(REMEMBER_COOKIE_HTTPONLY=False), ERROR, "False")],
    "remember-cookie-domain": [
        (setting(REMEMBER_COOKIE_NAME="r", REMEMBER_COOKIE_DOMAIN="example.com"), WARNING, "example.com")
    ],
    "session-lifetime": [(NO_LEVEL, WARNING, "31 days")],
    "remember-cookie-duration": [
        (together(NO_LEVEL, setting(REMEMBER_COOKIE_DURATION=86400 * 31)), WARNING, "31 days"),
        (setting(LOGIN_ABSOLUTE_TIMEOUT=86400), INFO, "longer than LOGIN_ABSOLUTE_TIMEOUT"),
    ],
    "remember-cookie-refresh": [
        (together(NO_LEVEL, setting(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True)), INFO, "does nothing with a registry"),
        (together(NO_LEVEL, NO_REGISTRY, setting(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True)), WARNING, "True"),
    ],
    "remember-cookie-legacy": [(together(NO_LEVEL, setting(REMEMBER_COOKIE_ACCEPT_LEGACY=True)), INFO, "True")],
    "idle-timeout": [
        (together(NO_LEVEL, without("LOGIN_IDLE_TIMEOUT")), WARNING, "none"),
        (without("LOGIN_IDLE_TIMEOUT"), INFO, "AAL1 asks for none"),
        (setting(LOGIN_ABSOLUTE_TIMEOUT=3600), WARNING, "changes nothing"),
    ],
    "absolute-timeout": [
        (NO_LEVEL, WARNING, "none"),
        (together(NO_LEVEL, setting(LOGIN_ABSOLUTE_TIMEOUT=86400 * 31)), WARNING, "31 days"),
    ],
    "fresh-lifetime": [
        (together(NO_LEVEL, without("LOGIN_FRESH_LIFETIME")), WARNING, "1 guard for a fresh login without"),
        (together(NO_LEVEL, without("LOGIN_FRESH_LIFETIME"), no_fresh_guard), INFO, "none"),
        # What LOGIN_ASSURANCE alone makes of it.
        (without("LOGIN_FRESH_LIFETIME"), WARNING, "30 days, and 1 guard for a fresh login without"),
        (together(without("LOGIN_FRESH_LIFETIME"), no_fresh_guard), INFO, "30 days"),
        (setting(LOGIN_FRESH_LIFETIME=86401), WARNING, "24 h"),
        (setting(LOGIN_FRESH_LIFETIME=7200, LOGIN_ABSOLUTE_TIMEOUT=7200), WARNING, "2 h, and 1 guard"),
        (together(NO_LEVEL, without("LOGIN_FRESH_LIFETIME"), fresh_guard(86401)), WARNING, "none, and 1 guard"),
    ],
    "reauthentication": [(no_fresh_guard, INFO, "no endpoint")],
    "assurance": [
        (NO_LEVEL, INFO, "within those of no level"),
        (together(NO_LEVEL, setting(LOGIN_ABSOLUTE_TIMEOUT=86400 * 30)), INFO, "within those of aal1"),
        (
            together(NO_LEVEL, setting(LOGIN_ABSOLUTE_TIMEOUT=86400, REMEMBER_COOKIE_DURATION=86400)),
            INFO,
            "within those of aal2",
        ),
        (
            setting(LOGIN_ASSURANCE="aal2", REMEMBER_COOKIE_DURATION=7200),
            INFO,
            "a remember cookie may restore a login for 2 h",
        ),
    ],
    "security-stamp": [(manager_with(security_stamp=None), INFO, "is not known here")],
    "session-protection": [
        (manager_with(session_protection=None), WARNING, "off"),
        (setting(SESSION_PROTECTION=None), WARNING, "off"),
    ],
    "registry": [
        (NO_REGISTRY, INFO, "works until 30 days after the login; one of a remember cookie, for 14"),
        (together(NO_REGISTRY, NO_LEVEL), INFO, "works until 31 days after it was written"),
        (together(NO_REGISTRY, NO_LEVEL, other_sessions), INFO, "OtherSessions decides"),
        (IN_MEMORY, ERROR, "MemoryRegistry keeps logins in the memory of one process: each worker has its own"),
        (together(IN_MEMORY, lambda app: setattr(app, "debug", True)), INFO, "for development and tests"),
        (together(IN_MEMORY, setting(TESTING=True)), INFO, "for development and tests"),
    ],
    "registry-cache": [
        (setting(LOGIN_REGISTRY_CACHE=0.5), INFO, "0.5 s, in which a login that has ended may go on"),
        (setting(LOGIN_REGISTRY_CACHE=10), INFO, "10 s"),
        (setting(LOGIN_REGISTRY_CACHE=11), WARNING, "11 s"),
        (together(NO_REGISTRY, setting(LOGIN_REGISTRY_CACHE=0)), WARNING, "LOGIN_REGISTRY_CACHE does nothing"),
    ],
    "rotation-grace": [
        (setting(LOGIN_ROTATION_GRACE=0), WARNING, "0 s, less than a browser's parallel requests may take"),
        (setting(LOGIN_ROTATION_GRACE=4.9), WARNING, "they raise the alarm"),
        (setting(LOGIN_ROTATION_GRACE=301), WARNING, "5 min 1 s, in which a stolen cookie"),
        (together(NO_REGISTRY, setting(LOGIN_ROTATION_GRACE=60)), WARNING, "does nothing without a registry"),
    ],
    "max-sessions": [
        (setting(LOGIN_MAX_SESSIONS=None), INFO, "any number"),
        (NO_REGISTRY, INFO, "no registry counts"),
        (together(NO_REGISTRY, setting(LOGIN_MAX_SESSIONS=50)), WARNING, "LOGIN_MAX_SESSIONS does nothing without"),
        (
            together(NO_REGISTRY, setting(LOGIN_MAX_SESSIONS=5, LOGIN_MAX_SESSIONS_POLICY="refuse")),
            WARNING,
            "LOGIN_MAX_SESSIONS and LOGIN_MAX_SESSIONS_POLICY do nothing",
        ),
        (
            together(NO_REGISTRY, setting(LOGIN_MAX_SESSIONS_POLICY="refuse")),
            WARNING,
            "LOGIN_MAX_SESSIONS_POLICY does nothing",
        ),
    ],
    "debug": [(lambda app: setattr(app, "debug", True), ERROR, "on")],
    "testing": [(setting(TESTING=True), WARNING, "True")],
    "login-disabled": [
        (setting(LOGIN_DISABLED=True), WARNING, "ignored"),
        (setting(LOGIN_DISABLED=True, TESTING=True), ERROR, "all guards are open"),
    ],
    "exempt-methods": [(lambda app: EXEMPT_METHODS.add("GET"), ERROR, "GET, OPTIONS")],
    "misplaced-guards": [
        (a_misplaced_guard, ERROR, "1 guard above the route decorator: bare"),
        (a_guard_inside, WARNING, "1 guard inside another decorator may not run: bare"),
    ],
    "open-views": [(view("index", lambda: "hello"), INFO, "1 of 3 endpoints are open: index")],
    "cache-control": [
        (setting(LOGIN_CACHE_CONTROL="private"), INFO, "private"),
        (setting(LOGIN_CACHE_CONTROL=None), WARNING, "none"),
        (setting(LOGIN_CACHE_CONTROL="max-age=60"), WARNING, "max-age=60"),
        (setting(LOGIN_CACHE_CONTROL="public, max-age=60"), ERROR, "public"),
    ],
    "clear-site-data": [(setting(LOGIN_CLEAR_SITE_DATA=None), INFO, "none")],
    "next-hosts": [(setting(LOGIN_NEXT_HOSTS=("a.example",)), INFO, "a.example")],
    "proxies": [
        (no_proxy_fix, INFO, "though SESSION_COOKIE_SECURE speaks of HTTPS"),
        (together(no_proxy_fix, setting(PREFERRED_URL_SCHEME="https")), INFO, "though PREFERRED_URL_SCHEME"),
        (together(no_proxy_fix, setting(SESSION_PROTECTION_BIND=("ip",))), WARNING, "all browsers have its address"),
        (proxy_fix(x_for=0, x_proto=0), INFO, "ProxyFix believes no header"),
        (proxy_fix(x_for=1, x_proto=0), INFO, "believes x_for=1, though SESSION_COOKIE_SECURE speaks of HTTPS"),
        (together(proxy_fix(x_for=1, x_proto=0), setting(PREFERRED_URL_SCHEME="https")), INFO, "x_for=1, though"),
        (proxy_fix(x_for=0, x_proto=1), INFO, "believes x_proto=1"),
        (together(proxy_fix(x_for=1, x_proto=0), setting(SESSION_PROTECTION_BIND=("ip",))), INFO, "speaks of HTTPS"),
        (
            together(proxy_fix(x_for=0, x_proto=1), setting(SESSION_PROTECTION_BIND=("ip",))),
            WARNING,
            "all browsers have its address",
        ),
    ],
    "session-interface": [(other_sessions, INFO, "OtherSessions")],
    "user-loader": [(manager_with(user_callback=None), ERROR, "neither a user_loader nor a request_loader")],
    "login-view": [
        (manager_with(login_view="typo"), ERROR, "names no endpoint: typo"),
        (manager_with(refresh_view=".typo"), ERROR, "names no endpoint: .typo"),
        (manager_with(blueprint_login_views={"b": "typo", None: "typo2"}), ERROR, "names no endpoint: typo, typo2"),
    ],
}
ALL_CASES = [(rule, *case) for rule, cases in CASES.items() for case in cases]


@pytest.fixture(autouse=True)
def exempt_methods() -> Iterator[None]:
    """The set is the package's own: what a test adds is taken out again."""
    before = set(EXEMPT_METHODS)
    yield
    EXEMPT_METHODS.clear()
    EXEMPT_METHODS.update(before)


def of_rule(rule: str, app: Flask) -> list[Finding]:
    return [finding for finding in audit(gather(app)) if finding.rule.id == rule]


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_rule_can_pass(rule: str) -> None:
    """With an app that is in order, each rule is content, and asks for nothing."""
    findings = of_rule(rule, app_in_order())
    assert [(finding.severity, finding.advice) for finding in findings] == [(PASS, "")]


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_rule_can_fail(rule: str) -> None:
    """Each rule has a case here in which it is not content, and says so itself."""
    change, *_ = CASES[rule][0]
    app = app_in_order()
    change(app)
    assert PASS not in [finding.severity for finding in of_rule(rule, app)]


@pytest.mark.parametrize(("rule", "change", "severity", "found"), ALL_CASES)
def test_rule_fails(rule: str, change: Change, severity: Severity, found: str) -> None:
    """What is wrong is judged as badly as it is, said, and comes with advice."""
    app = app_in_order()
    change(app)
    (finding,) = of_rule(rule, app)
    assert finding.severity is severity
    assert found in finding.found
    assert finding.advice


def test_no_case_is_of_a_rule_that_is_gone() -> None:
    """The cases are of the rules there are, and no id is given twice."""
    assert list(CASES) == [rule.id for rule in RULES]


@pytest.mark.parametrize(
    ("rule", "config", "found"),
    [
        ("remember-cookie-secure", {"LOGIN_ASSURANCE": "aal3", "LOGIN_IDLE_TIMEOUT": 60}, "no remember cookie is set"),
        ("remember-cookie-duration", {"LOGIN_ASSURANCE": "aal3", "LOGIN_IDLE_TIMEOUT": 60}, "nobody is remembered"),
        ("remember-cookie-legacy", {"REMEMBER_COOKIE_ACCEPT_LEGACY": True}, "none is accepted"),
        ("assurance", {"LOGIN_ASSURANCE": "aal3", "LOGIN_IDLE_TIMEOUT": 60}, "aal3"),
        ("session-lifetime", {"LOGIN_ASSURANCE": None, "PERMANENT_SESSION_LIFETIME": 86400}, "24 h"),
        (
            "session-cookie-prefix",
            {"SESSION_COOKIE_NAME": "__Secure-s", "SESSION_COOKIE_DOMAIN": "example.com"},
            "__Secure-s",
        ),
        # With a path there is no better name.
        ("session-cookie-prefix", {"SESSION_COOKIE_NAME": "__Secure-s", "SESSION_COOKIE_PATH": "/shop"}, "__Secure-s"),
        ("session-cookie-samesite", {"SESSION_COOKIE_SAMESITE": "Strict"}, '"Strict"'),
        ("session-cookie-samesite", {"SESSION_COOKIE_SAMESITE": "lax"}, '"lax"'),
        (
            "remember-cookie-refresh",
            {"LOGIN_ASSURANCE": "aal3", "LOGIN_IDLE_TIMEOUT": 60, "REMEMBER_COOKIE_REFRESH_EACH_REQUEST": True},
            "True",
        ),
        ("cache-control", {"LOGIN_CACHE_CONTROL": "private, no-store"}, "no-store"),
        ("fresh-lifetime", {"LOGIN_FRESH_LIFETIME": 86400}, "24 h"),
        ("secret-key", {"SECRET_KEY": bytes(range(8)) * 4}, "32 bytes"),
        ("secret-key", {"SECRET_KEY": bytes(range(32))}, "32 bytes"),
        ("rotation-grace", {"LOGIN_ROTATION_GRACE": 5}, "LOGIN_ROTATION_GRACE: 5 s"),
        ("rotation-grace", {"LOGIN_ROTATION_GRACE": 300}, "LOGIN_ROTATION_GRACE: 5 min"),
        ("max-sessions", {"LOGIN_MAX_SESSIONS": 3, "LOGIN_MAX_SESSIONS_POLICY": "refuse"}, "= 3, LOGIN_MAX_SESSIONS_P"),
        ("max-sessions", {}, 'LOGIN_MAX_SESSIONS = 50, LOGIN_MAX_SESSIONS_POLICY = "end_oldest"'),
        ("registry", {}, "OtherRegistry keeps a row for each login"),
    ],
)
def test_rule_passes_otherwise(rule: str, config: dict[str, Any], found: str) -> None:
    """There is more than one way to be in order, and each is said as it is."""
    (finding,) = of_rule(rule, app_in_order(**config))
    assert finding.severity is PASS
    assert found in finding.found


def test_fresh_guards_that_have_an_age_need_no_setting() -> None:
    """Where each guard for a fresh login has a max_age, the setting may be missing."""
    app = app_in_order(LOGIN_ASSURANCE=None, LOGIN_FRESH_LIFETIME=None)
    app.view_functions["password"] = fresh_login_required(max_age=60)(lambda: "changed")
    (finding,) = of_rule("fresh-lifetime", app)
    assert (finding.severity, "each guard" in finding.found) == (PASS, True)


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"SESSION_COOKIE_NAME": "s"}, 'Set SESSION_COOKIE_NAME = "__Host-s"'),
        ({"SESSION_COOKIE_NAME": "s", "SESSION_COOKIE_DOMAIN": "example.com"}, '"__Secure-s"'),
        ({"SESSION_COOKIE_NAME": "s", "SESSION_COOKIE_PATH": "/shop"}, '"__Secure-s"'),
        ({"SESSION_COOKIE_NAME": "s", "APPLICATION_ROOT": "/shop"}, '"__Secure-s"'),
        ({"SESSION_COOKIE_NAME": "__Secure-s"}, '"__Host-s"'),
        ({"SESSION_COOKIE_PATH": "/shop"}, 'Set SESSION_COOKIE_PATH = "/"'),
        ({"APPLICATION_ROOT": "/shop"}, 'Set SESSION_COOKIE_PATH = "/"'),
        ({"SESSION_COOKIE_DOMAIN": "example.com"}, "Do not set SESSION_COOKIE_DOMAIN"),
    ],
)
def test_advice_for_a_name_can_be_followed(config: dict[str, Any], advice: str) -> None:
    """A prefix is advised only where the browser then keeps the cookie: __Host- needs the path / and no domain."""
    (finding,) = of_rule("session-cookie-prefix", app_in_order(**config))
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("config", "name"),
    [({}, "__Host-remember"), ({"REMEMBER_COOKIE_PATH": "/shop"}, "__Secure-remember")],
)
def test_advice_for_a_realm_is_about_the_setting(config: dict[str, Any], name: str) -> None:
    """A realm's name is put into the cookie's by the package, so it is not in what is to be set."""
    app = Flask("shop")
    app.config.update({**IN_ORDER, "REMEMBER_COOKIE_NAME": "remember", **config})
    LoginManager(app, name="admin")
    (finding,) = of_rule("remember-cookie-prefix", app)
    assert finding.found == "REMEMBER_COOKIE_NAME: remember, for the cookie admin_remember"
    assert finding.advice.startswith(f'Set REMEMBER_COOKIE_NAME = "{name}"')
    app.config["REMEMBER_COOKIE_NAME"] = name
    (finding,) = of_rule("remember-cookie-prefix", app)
    assert finding.severity is PASS


def test_login_views_that_work() -> None:
    """A login page may be an endpoint, one of a blueprint, a path or a URL, and is then not complained of."""
    app = app_in_order()
    blueprint = Blueprint("b", "b")
    blueprint.add_url_rule("/in", "log_in", lambda: "in")
    app.register_blueprint(blueprint)
    manager = app.extensions["sessionauth"]["default"]
    manager.blueprint_login_views = {"a": "b.log_in", "b": ".log_in", "c": "/in", "d": "https://sso.example/in"}
    (finding,) = of_rule("login-view", app)
    assert finding.severity is PASS


def test_request_loader_is_enough() -> None:
    """An app for clients with tokens has no user loader."""
    app = app_in_order()
    manager_with(user_callback=None, request_callback=lambda request: None)(app)
    (finding,) = of_rule("user-loader", app)
    assert finding.severity is PASS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_says_why_and_refers_to_a_requirement(rule: Any) -> None:
    """Each rule has a reason, and names requirements that exist."""
    assert rule.why.endswith(".")
    assert rule.asvs or rule.nist
    assert set(rule.asvs) <= ASVS.keys()


def test_worst_comes_first() -> None:
    """The findings are in the order of their severities, and rules of one severity in their own."""
    app = Flask("shop")
    LoginManager(app)
    severities = [finding.severity for finding in audit(gather(app))]
    assert severities == sorted(severities, reverse=True)
    assert {*severities} == {*Severity}


@pytest.mark.parametrize("rule", ["registry-cache", "rotation-grace"])
def test_nothing_is_asked_of_an_app_without_a_registry(rule: str) -> None:
    """A default that does nothing without a registry is no fault where there is none."""
    app = app_in_order()
    NO_REGISTRY(app)
    (finding,) = of_rule(rule, app)
    assert (finding.severity, "no registry" in finding.found) == (PASS, True)


def test_registries_of_two_realms() -> None:
    """Each realm's registry is judged; a setting for registries is of use if one of them has one."""
    app = app_in_order(
        LOGIN_MAX_SESSIONS=5,
        LOGIN_ROTATION_GRACE=30,
        LOGIN_ASSURANCE=None,
        REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True,
    )
    LoginManager(app, name="admin")
    LoginManager(app, name="staff", registry=MemoryRegistry())
    findings = of_rule("registry", app)
    assert [(f.realm, f.severity) for f in findings] == [("staff", ERROR), ("admin", INFO), (None, PASS)]
    for rule, severity in (("max-sessions", PASS), ("rotation-grace", PASS), ("remember-cookie-refresh", WARNING)):
        assert [finding.severity for finding in of_rule(rule, app)] == [severity]


def test_advice_on_stamps_knows_the_registry() -> None:
    """With a registry a user without a stamp can be logged out elsewhere, if the program says when."""
    app = app_in_order()
    manager_with(security_stamp=None)(app)
    (finding,) = of_rule("security-stamp", app)
    assert "or see that each change calls credentials_changed()" in finding.advice
    NO_REGISTRY(app)
    (finding,) = of_rule("security-stamp", app)
    assert "credentials_changed" not in finding.advice


def test_each_realm_is_judged() -> None:
    """What is set on a manager is said of each of them, by its name."""
    app = app_in_order()
    admin: LoginManager[Any] = LoginManager(app, name="admin")
    admin.session_protection = None
    findings = of_rule("session-protection", app)
    assert [(finding.realm, finding.severity) for finding in findings] == [("admin", WARNING), (None, PASS)]
    (prefix,) = of_rule("remember-cookie-prefix", app)
    assert prefix.found.endswith("for the cookies __Host-remember, __Host-admin_remember")


def test_no_secret_is_among_the_facts() -> None:
    """Neither the facts nor the findings contain a key, or a part of one."""
    keys = [secrets.token_hex(), secrets.token_hex(), "dev-changeme-7f3a9c"]
    app = app_in_order(SECRET_KEY=keys[0], SECRET_KEY_FALLBACKS=keys[1:])
    facts = gather(app)
    told = repr(facts) + repr(audit(facts))
    assert not any(key[:8] in told for key in keys)


def test_facts_cannot_be_changed() -> None:
    """What was taken down stays so."""
    facts = gather(app_in_order())
    with pytest.raises(AttributeError):
        facts.is_debug = True  # type: ignore[misc]


def test_rules_look_at_the_facts_only() -> None:
    """Changed facts are judged, whatever the app is set to."""
    facts = replace(gather(app_in_order()), is_debug=True)
    assert [f.rule.id for f in audit(facts) if f.severity is not PASS] == ["debug"]


def test_proxy_fix_is_found_below_other_layers() -> None:
    """A ProxyFix is found through middleware that shows what it wraps; what goes round in a circle ends."""
    app = app_in_order()

    class Layer:
        def __init__(self, inner: Any) -> None:
            self.app = inner

    class OtherLayer:
        def __init__(self, inner: Any) -> None:
            self.wsgi_app = inner

    app.wsgi_app = Layer(OtherLayer(app.wsgi_app))  # type: ignore[assignment]
    (finding,) = of_rule("proxies", app)
    assert finding.found == "ProxyFix believes x_for=1, x_proto=1"
    circle = Layer(None)
    circle.app = circle
    app.wsgi_app = circle  # type: ignore[assignment]
    assert gather(app).proxies is None


def test_proxy_fix_that_knows_https_only() -> None:
    """What is missing is told, not what is there."""
    app = app_in_order()
    proxy_fix(x_for=0, x_proto=1)(app)
    (finding,) = of_rule("proxies", app)
    assert finding.found == "ProxyFix believes x_proto=1"


def test_session_object_of_any_kind() -> None:
    """A session interface that answers no questions is taken at the word of app.config."""
    app = app_in_order()
    app.session_interface = object()  # type: ignore[assignment]
    facts: Facts = gather(app)
    assert facts.session_cookie.names == ("__Host-session",)
    assert facts.session_interface == "object"


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.id.startswith("session-cookie-")])
def test_cookie_of_an_interface_that_sets_it_by_itself(rule: str) -> None:
    """Where a setting does nothing, it is neither good nor bad."""
    app = app_in_order()
    app.session_interface = SessionsElsewhere()
    (finding,) = of_rule(rule, app)
    assert (finding.severity, bool(finding.advice)) == (INFO, True)


def test_guard_inside_that_is_told() -> None:
    """A decorator that says it wraps the guarded view is believed."""
    app = app_in_order()
    guarded = login_required(lambda: "yours")
    app.add_url_rule("/orders", "orders", wraps(guarded)(lambda: guarded()))
    (finding,) = of_rule("misplaced-guards", app)
    assert finding.severity is PASS


def test_two_kinds_of_misplaced_guards() -> None:
    """The certain ones and the doubtful ones are told apart."""
    app = app_in_order()
    a_guard_inside(app)
    bare = lambda: "open"  # noqa: E731
    login_required(bare)
    app.add_url_rule("/sure", "sure", bare)
    findings = of_rule("misplaced-guards", app)
    assert [(f.severity, f.found.rpartition(": ")[2]) for f in findings] == [(ERROR, "sure"), (WARNING, "bare")]


def test_hook_with_a_misplaced_guard() -> None:
    """A guard above ``@app.before_request`` guards nothing, and is found too."""
    app = app_in_order()

    @login_required
    @app.before_request
    def check_everybody() -> None: ...

    (finding,) = of_rule("misplaced-guards", app)
    assert (finding.severity, finding.found) == (ERROR, "1 guard above the route decorator: check_everybody")


def test_app_that_needs_a_login_by_default() -> None:
    """Under protect, what says nothing is closed."""
    app = app_in_order()
    app.add_url_rule("/index", "index", lambda: "hello")
    app.extensions["sessionauth"]["default"].protect(app)
    (finding,) = of_rule("open-views", app)
    assert (finding.severity, "by default" in finding.found) == (PASS, True)


def test_app_without_a_manager() -> None:
    """There is nothing to audit, and that is said."""
    with pytest.raises(SetupError):
        gather(Flask("bare"))


def test_setting_that_is_not_allowed() -> None:
    """A setting that became wrong after the start is refused, not judged."""
    app = app_in_order()
    app.config["SESSION_PROTECTION"] = "storng"
    with pytest.raises(ConfigurationError):
        gather(app)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=30), "30 days"),
        (timedelta(days=2, hours=3, minutes=4), "2 days 3 h"),
        (86400, "24 h"),
        (5400, "1 h 30 min"),
        (600, "10 min"),
        (90.0, "1 min 30 s"),
        (1, "1 s"),
        (0.5, "0.5 s"),
    ],
)
def test_duration(span: Any, said: str) -> None:
    """A duration is said in its two largest units."""
    assert duration(span) == said


def test_numbers_of_things() -> None:
    """One is singular; a long list is cut, and says so."""
    assert (count(1, "key"), count(0, "key")) == ("1 key", "0 keys")
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert listed(["a"]) == "a"
