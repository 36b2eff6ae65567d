"""Rules about the cookies' attributes: the session's, and the remember cookie's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from .facts import Cookie, Facts
from .verdicts import Judgement, Rule, error, info, passed, warning

CookieOf = Callable[[Facts], Cookie | None]


def _session_cookie(facts: Facts) -> Cookie | None:
    return facts.session_cookie


def _remember_cookie(facts: Facts) -> Cookie | None:
    """``None``: nobody is remembered."""
    return None if facts.settings.remember_limit == timedelta(0) else facts.remember_cookie


def _about(
    judge: Callable[[Facts, Cookie], Iterator[Judgement]], attributes: Sequence[str], cookie_of: CookieOf, facts: Facts
) -> Iterator[Judgement]:
    """What a rule about these attributes says of a cookie, if there is one, and they are known."""
    cookie = cookie_of(facts)
    if cookie is None:
        yield passed(f'no remember cookie is set under LOGIN_ASSURANCE = "{facts.settings.login_assurance}"')
        return
    reasons = [cookie.unknown[attribute] for attribute in attributes if attribute in cookie.unknown]
    if reasons:
        yield info(f"{cookie.key}_{attributes[0].upper()}: {reasons[0]}", "Look at a Set-Cookie header of the app")
    else:
        yield from judge(facts, cookie)


def _secure(facts: Facts, cookie: Cookie) -> Iterator[Judgement]:
    key = f"{cookie.key}_SECURE"
    if cookie.secure:
        yield passed(f"{key} = True")
    elif cookie.secure is False:
        yield error(f"{key} = False", f"Set {key} = True")
    elif facts.proxies is not None and facts.proxies["x_proto"]:
        yield info(f"{key} is not set: Secure on HTTPS requests, which ProxyFix tells", f"Set {key} = True")
    else:
        yield warning(f"{key} is not set: Secure only where the app itself sees HTTPS", f"Set {key} = True")


def _prefix(facts: Facts, cookie: Cookie) -> Iterator[Judgement]:
    key, name = f"{cookie.key}_NAME", cookie.name
    is_host, is_secure = (name.lower().startswith(prefix) for prefix in ("__host-", "__secure-"))
    may_be_host = cookie.path == "/" and not cookie.domain
    found = f"{key}: {name}"
    if cookie.names != (name,):
        found += f", for the cookie{'s' if len(cookie.names) > 1 else ''} {', '.join(cookie.names)}"
    if (is_host or is_secure) and not cookie.secure:
        yield error(f"{found}, without Secure: browsers drop it", f"Set {cookie.key}_SECURE = True")
    elif is_host and cookie.domain:
        yield error(f"{found}, with a Domain: browsers drop it", f"Do not set {cookie.key}_DOMAIN")
    elif is_host and not may_be_host:
        # Where the session's path is not set, it is that of APPLICATION_ROOT.
        yield error(f"{found}, with a Path: browsers drop it", f'Set {cookie.key}_PATH = "/"')
    elif is_host or (is_secure and not may_be_host):
        yield passed(found)
    elif is_secure:
        yield info(found, f'Set {key} = "__Host-{name[9:]}": no other host can set or get it then')
    else:
        prefix = "__Host-" if may_be_host else "__Secure-"
        yield warning(found, f'Set {key} = "{prefix}{name}", and {cookie.key}_SECURE = True')


def _samesite(facts: Facts, cookie: Cookie) -> Iterator[Judgement]:
    key = f"{cookie.key}_SAMESITE"
    # Werkzeug writes it in the right case.
    if cookie.samesite and cookie.samesite.title() in ("Lax", "Strict"):
        yield passed(f'{key} = "{cookie.samesite}"')
    elif cookie.samesite is None:
        yield warning(f"{key} is not set: it depends on the browser", f'Set {key} = "Lax"')
    else:
        advice = f'Set {key} = "Lax", unless other sites show this one in a frame; see that each form has a CSRF token'
        yield warning(f'{key} = "{cookie.samesite}"', advice)


def _httponly(facts: Facts, cookie: Cookie) -> Iterator[Judgement]:
    key = f"{cookie.key}_HTTPONLY"
    yield passed(f"{key} = True") if cookie.httponly else error(f"{key} = False", f"Set {key} = True")


def _domain(facts: Facts, cookie: Cookie) -> Iterator[Judgement]:
    key = f"{cookie.key}_DOMAIN"
    if cookie.domain is None:
        yield passed(f"{key} is not set: only the host that set it")
    else:
        advice = f"Do not set {key}, unless every host below it may know who is logged in"
        yield warning(f'{key} = "{cookie.domain}"', advice)


# The rule's name, the rule, the attributes it looks at, the requirements, and why.
_ASPECTS = (
    (
        "secure",
        _secure,
        ("secure",),
        ("3.3.1",),
        "Over plain HTTP anybody on the way reads {cookie}, and has the login.",
    ),
    (
        "prefix",
        _prefix,
        ("name", "secure", "domain", "path"),
        ("3.3.1", "3.3.3"),
        "Without a prefix another host of the domain can plant {cookie}.",
    ),
    (
        "samesite",
        _samesite,
        ("samesite",),
        ("3.3.2",),
        "Without SameSite other sites' pages send requests with {cookie}.",
    ),
    (
        "httponly",
        _httponly,
        ("httponly",),
        ("3.3.4",),
        "One script that should not be there would carry {cookie} away.",
    ),
    (
        "domain",
        _domain,
        ("domain",),
        ("3.3.3",),
        "With a Domain all hosts below it get {cookie}, also the one that is broken into.",
    ),
)

RULES = tuple(
    Rule(
        f"{which}-cookie-{name}",
        why.format(cookie=words),
        partial(_about, judge, attributes, cookie_of),
        asvs,
        ("5.1.1",),
    )
    for which, words, cookie_of in (
        ("session", "the session cookie", _session_cookie),
        ("remember", "the remember cookie", _remember_cookie),
    )
    for name, judge, attributes, asvs, why in _ASPECTS
)
