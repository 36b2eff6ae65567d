"""Rules about what is open: modes for development, guards that do not run, pages that are kept, proxies."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts
from .routes import Kind
from .verdicts import Judgement, Rule, error, info, passed, warning
from .words import count, listed


def _debug(facts: Facts) -> Iterator[Judgement]:
    if facts.is_debug:
        yield error("app.debug is on", "Start the app without --debug, FLASK_DEBUG and DEBUG")
    else:
        yield passed("app.debug is off")


def _testing(facts: Facts) -> Iterator[Judgement]:
    if facts.is_testing:
        yield warning("TESTING = True", "Set TESTING in tests only")
    else:
        yield passed("TESTING = False")


def _login_disabled(facts: Facts) -> Iterator[Judgement]:
    if not facts.settings.login_disabled:
        yield passed("LOGIN_DISABLED = False")
    elif facts.is_testing:
        yield error("LOGIN_DISABLED = True, under TESTING: all guards are open", "Take LOGIN_DISABLED out")
    else:
        yield warning("LOGIN_DISABLED = True, ignored without TESTING", "Take LOGIN_DISABLED out")


def _exempt_methods(facts: Facts) -> Iterator[Judgement]:
    found, further = ", ".join(sorted(facts.exempt_methods)), sorted(facts.exempt_methods - {"OPTIONS"})
    if further:
        yield error(f"EXEMPT_METHODS: {found}", f"Take {', '.join(further)} out of flask_sessionauth.EXEMPT_METHODS")
    else:
        yield passed(f"EXEMPT_METHODS: {found or 'none'}")


def _misplaced_guards(facts: Facts) -> Iterator[Judgement]:
    names = sorted({route.endpoint for route in facts.routes if route.is_misplaced} | {*facts.misplaced_hooks})
    if names:
        advice = "Put the route decorator first, above the guard"
        yield error(f"{count(len(names), 'guard')} above the route decorator: {listed(names)}", advice)
    doubtful = sorted({route.endpoint for route in facts.routes if route.is_doubtful})
    if doubtful:
        advice = (
            "Put the guard on what the route decorator registers; or, if the other decorator calls the guarded view,"
            " let it say so: functools.wraps(guarded)"
        )
        found = f"{count(len(doubtful), 'guard')} inside another decorator may not run: {listed(doubtful)}"
        yield warning(found, advice)
    if not names and not doubtful:
        yield passed("no guard above a route decorator")


def _open_views(facts: Facts) -> Iterator[Judgement]:
    names = sorted({route.endpoint for route in facts.routes})
    is_open = sorted({route.endpoint for route in facts.routes if route.kind is Kind.OPEN})
    if is_open:
        advice = (
            "Look through: flask login routes --open; LoginManager(require_login=True) turns it round, so that what is"
            " open has to say so"
        )
        yield info(f"{len(is_open)} of {count(len(names), 'endpoint')} are open: {listed(is_open)}", advice)
    else:
        how = "the app needs a login by default" if facts.is_closed_by_default else "each has a guard or an exemption"
        yield passed(f"{count(len(names), 'endpoint')}, none open unless marked so: {how}")


def _cache_control(facts: Facts) -> Iterator[Judgement]:
    value = facts.settings.login_cache_control
    found = "LOGIN_CACHE_CONTROL: none" if value is None else f'LOGIN_CACHE_CONTROL = "{value}"'
    directives = {part.partition("=")[0].strip().lower() for part in (value or "").split(",")}
    if "no-store" in directives:
        yield passed(found)
    elif "private" in directives:
        advice = 'Set LOGIN_CACHE_CONTROL = "no-store" if pages must not stay in the browser: Back shows them'
        yield info(found, advice)
    else:
        judge = error if "public" in directives else warning
        yield judge(found, 'Set LOGIN_CACHE_CONTROL = "private" or "no-store"')


def _clear_site_data(facts: Facts) -> Iterator[Judgement]:
    kinds = facts.settings.login_clear_site_data
    if kinds:
        yield passed(f"LOGIN_CLEAR_SITE_DATA: {', '.join(kinds)}")
    else:
        advice = 'Set LOGIN_CLEAR_SITE_DATA = ("cache", "storage") if pages keep something in the browser'
        yield info("LOGIN_CLEAR_SITE_DATA: none", advice)


def _next_hosts(facts: Facts) -> Iterator[Judgement]:
    hosts = facts.settings.login_next_hosts
    if hosts:
        advice = "See that each is yours: whoever has one of them gets visitors who have just logged in"
        yield info(f"LOGIN_NEXT_HOSTS: {', '.join(hosts)}", advice)
    else:
        yield passed("LOGIN_NEXT_HOSTS: none")


def _proxies(facts: Facts) -> Iterator[Judgement]:
    hops = facts.proxies or {}
    believed = ", ".join(f"{name}={number}" for name, number in hops.items() if number)
    found = f"ProxyFix believes {believed or 'no header'}" if hops else "no ProxyFix around app.wsgi_app"
    knows_address, knows_https, evidence = hops.get("x_for"), hops.get("x_proto"), _of_https(facts)
    advice = (
        "Behind a proxy, see that request.remote_addr is not always the proxy's, and request.is_secure is True: if"
        " not, put ProxyFix around app.wsgi_app, with x_for and x_proto. Without a proxy, or if the server sees to it,"
        " nothing is missing"
    )
    if knows_address and (knows_https or not evidence):
        yield passed(found)
    elif not knows_address and "ip" in facts.settings.session_protection_bind:
        bound = f'{found}, and SESSION_PROTECTION_BIND has "ip"'
        yield warning(f"{bound}: behind a proxy, all browsers have its address", advice)
    elif evidence and not knows_https:
        yield info(f"{found}, though {evidence} speaks of HTTPS", advice)
    else:
        yield info(found, advice)


def _of_https(facts: Facts) -> str | None:
    if facts.preferred_scheme == "https":
        return "PREFERRED_URL_SCHEME"
    cookies = (facts.session_cookie, facts.remember_cookie)
    return next((f"{cookie.key}_SECURE" for cookie in cookies if cookie.secure), None)


def _session_interface(facts: Facts) -> Iterator[Judgement]:
    if facts.session_interface is None:
        yield passed("sessions are Flask's own: signed cookies")
    else:
        advice = (
            "Compare a Set-Cookie header with what is said here of the session cookie: that is what app.config says"
        )
        yield info(f"sessions are kept by {facts.session_interface}", advice)


RULES = (
    Rule("debug", "The debugger runs what a visitor types, and errors show what is inside.", _debug, ("13.4.2",)),
    Rule("testing", "Under TESTING errors go past their handlers, and LOGIN_DISABLED works.", _testing, ("13.4.2",)),
    Rule("login-disabled", "It lets everybody pass every guard.", _login_disabled, ("8.2.1", "13.4.2")),
    Rule("exempt-methods", "No guard looks at a request with such a method.", _exempt_methods, ("8.2.1",)),
    Rule(
        "misplaced-guards",
        "A guard that is not on what the route decorator registers does not run: the view is open.",
        _misplaced_guards,
        ("8.2.1",),
    ),
    Rule("open-views", "An endpoint that nobody thought of is open.", _open_views, ("8.2.1",)),
    Rule(
        "cache-control",
        "A shared cache would show one user's page to another; the browser's, to who uses it next.",
        _cache_control,
        ("14.2.2", "14.3.2"),
    ),
    Rule(
        "clear-site-data", "What pages left in the browser stays there after the logout.", _clear_site_data, ("14.3.1",)
    ),
    Rule("next-hosts", "A link to your login page may lead to each of these hosts after it.", _next_hosts, ("3.7.2",)),
    Rule(
        "proxies",
        "An app that does not know of its proxy takes its address for every visitor's, and HTTPS for plain HTTP.",
        _proxies,
        ("4.1.3",),
        ("5.1",),
    ),
    Rule(
        "session-interface",
        "Another session interface sets the session cookie as it likes.",
        _session_interface,
        ("7.2.1", "7.2.3"),
    ),
)
