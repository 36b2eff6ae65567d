"""Rules about how long a login lasts, how fresh it is, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..settings import ASSURANCE, Settings
from .facts import Facts
from .routes import Kind
from .verdicts import Judgement, Rule, info, passed, warning
from .words import count, duration

#: SP 800-63B-4, 2.1.3: a login is no older at the lowest level.
_LONGEST = ASSURANCE["aal1"].absolute_timeout
# A login that was made longer ago than this is fresh by its name only.
_LONGEST_FRESH = timedelta(hours=24)


def remember_life(settings: Settings) -> timedelta:
    """How long a remember cookie works, zero if there is none."""
    limit = settings.remember_limit
    return settings.remember_cookie_duration if limit is None else min(limit, settings.remember_cookie_duration)


def _session_lifetime(facts: Facts) -> Iterator[Judgement]:
    found = f"PERMANENT_SESSION_LIFETIME = {duration(facts.session_lifetime)}"
    absolute = facts.settings.login_absolute_timeout
    if absolute is not None:
        yield passed(f"{found}; the login in it ends after {duration(absolute)}")
    elif facts.session_lifetime <= _LONGEST:
        yield passed(found)
    else:
        yield warning(found, f"Set PERMANENT_SESSION_LIFETIME to {duration(_LONGEST)} or less")


def _remember_duration(facts: Facts) -> Iterator[Judgement]:
    life, absolute = remember_life(facts.settings), facts.settings.login_absolute_timeout
    found = f"REMEMBER_COOKIE_DURATION = {duration(life)}" if life else "nobody is remembered"
    if life > _LONGEST:
        yield warning(found, f"Set REMEMBER_COOKIE_DURATION to {duration(_LONGEST)} or less")
    elif absolute is not None and life > absolute:
        advice = "Know that a remembered login is never fresh, or set REMEMBER_COOKIE_DURATION to no more than that"
        yield info(f"{found}, longer than LOGIN_ABSOLUTE_TIMEOUT", advice)
    else:
        yield passed(found)


def _remember_refresh(facts: Facts) -> Iterator[Judgement]:
    found = f"REMEMBER_COOKIE_REFRESH_EACH_REQUEST = {facts.settings.remember_cookie_refresh_each_request}"
    advice = "Set REMEMBER_COOKIE_REFRESH_EACH_REQUEST = False"
    if not facts.settings.remember_cookie_refresh_each_request or not remember_life(facts.settings):
        yield passed(found)
    elif all(realm.registry is not None for realm in facts.realms):
        yield info(f"{found}, which does nothing with a registry: the end of a login never moves", advice)
    else:
        yield warning(found, advice)


def _legacy(facts: Facts) -> Iterator[Judgement]:
    key = "REMEMBER_COOKIE_ACCEPT_LEGACY"
    if facts.settings.remember_cookie_accept_legacy and facts.settings.remember_limit is None:
        yield info(f"{key} = True", f"Set {key} = False, unless you moved from Flask-Login lately")
    elif facts.settings.remember_cookie_accept_legacy:
        yield passed(f'{key} = True, but none is accepted under LOGIN_ASSURANCE = "{facts.settings.login_assurance}"')
    else:
        yield passed(f"{key} = False")


def _idle(facts: Facts) -> Iterator[Judgement]:
    idle, absolute = facts.settings.login_idle_timeout, facts.settings.login_absolute_timeout
    if idle is not None and absolute is not None and idle >= absolute:
        found = f"LOGIN_IDLE_TIMEOUT: {duration(idle)}, not less than LOGIN_ABSOLUTE_TIMEOUT, so it changes nothing"
        yield warning(found, "Set LOGIN_IDLE_TIMEOUT to less")
    elif idle is not None:
        yield passed(f"LOGIN_IDLE_TIMEOUT: {duration(idle)}")
    elif facts.settings.login_assurance == "aal1":
        yield info("LOGIN_IDLE_TIMEOUT: none, and AAL1 asks for none", "Set one if your risk analysis asks for it")
    else:
        yield warning("LOGIN_IDLE_TIMEOUT: none", "Set LOGIN_IDLE_TIMEOUT, to timedelta(hours=1) say")


def _absolute(facts: Facts) -> Iterator[Judgement]:
    absolute = facts.settings.login_absolute_timeout
    found = f"LOGIN_ABSOLUTE_TIMEOUT: {'none' if absolute is None else duration(absolute)}"
    if absolute is None or absolute > _LONGEST:
        yield warning(found, f"Set LOGIN_ABSOLUTE_TIMEOUT to {duration(_LONGEST)} or less, or set LOGIN_ASSURANCE")
    else:
        yield passed(found)


def _fresh_lifetime(facts: Facts) -> Iterator[Judgement]:
    lifetime = facts.settings.login_fresh_lifetime
    found = f"LOGIN_FRESH_LIFETIME: {'none' if lifetime is None else duration(lifetime)}"
    # A guard's age is the shorter one of its own and the setting's.
    ages = [guard.max_age for route in facts.routes for guard in route.guards if guard.fresh]
    ageless = sum(age is None or _is_too_long(facts.settings, timedelta(seconds=age)) for age in ages)
    advice = "Set LOGIN_FRESH_LIFETIME, to timedelta(minutes=30) say, or max_age on each guard for a fresh login"
    if lifetime is not None and not _is_too_long(facts.settings, lifetime):
        yield passed(found)
    elif ageless:
        yield warning(f"{found}, and {count(ageless, 'guard')} for a fresh login without a short max_age", advice)
    elif not ages:
        yield info(found, advice)
    else:
        yield passed(f"{found}, but each guard for a fresh login has a max_age")


def _is_too_long(settings: Settings, age: timedelta) -> bool:
    """Whether a login of this age is called fresh for no reason: for as long as it lasts, or for more than a day."""
    absolute = settings.login_absolute_timeout
    return age > _LONGEST_FRESH or (absolute is not None and age >= absolute)


def _reauthentication(facts: Facts) -> Iterator[Judgement]:
    fresh = {route.endpoint for route in facts.routes if route.kind is Kind.FRESH}
    if fresh:
        yield passed(f"{count(len(fresh), 'endpoint')} with a guard for a fresh login")
    else:
        advice = "Put fresh_login_required on what changes a password, an e-mail address or a second factor"
        yield info("no endpoint asks for a fresh login", advice)


def _assurance(facts: Facts) -> Iterator[Judgement]:
    level = facts.settings.login_assurance
    if level is None:
        advice = 'Set LOGIN_ASSURANCE = "aal1", "aal2" or "aal3", if SP 800-63B is to be met: it sets the limits'
        yield info(f"LOGIN_ASSURANCE is not set; the limits are {_level_met(facts.settings)}", advice)
    elif level == "aal2":
        life = duration(remember_life(facts.settings))
        yield info(
            f'LOGIN_ASSURANCE = "aal2", and a remember cookie may restore a login for {life}',
            "Offer no remember cookie, or put fresh_login_required on each page at this level: the standard takes no"
            " remember cookie for an authentication, and a remembered login is never fresh",
        )
    else:
        yield passed(f'LOGIN_ASSURANCE = "{level}"')


def _level_met(settings: Settings) -> str:
    for level in ("aal3", "aal2", "aal1"):
        preset = ASSURANCE[level]
        limits = (
            (settings.login_idle_timeout, preset.idle_timeout),
            (settings.login_absolute_timeout, preset.absolute_timeout),
            (remember_life(settings), preset.remember),
        )
        if all(limit is None or (value is not None and value <= limit) for value, limit in limits):
            return f"within those of {level}"
    return "within those of no level"


def _stamp(facts: Facts) -> Iterator[Judgement]:
    for realm in facts.realms:
        found = "LoginManager.security_stamp is not set; whether your users have a security_stamp is not known here"
        advice = "Give your user class a security_stamp that changes with the password (its hash will do)"
        if realm.has_stamp_function:
            yield passed("LoginManager.security_stamp is set", realm.name)
        elif realm.registry is not None:
            yield info(found, f"{advice}, or see that each change calls credentials_changed()", realm.name)
        else:
            yield info(found, advice, realm.name)


def _protection(facts: Facts) -> Iterator[Judgement]:
    for realm in facts.realms:
        if realm.session_protection is None:
            yield warning("SESSION_PROTECTION: off", 'Set SESSION_PROTECTION = "basic" or "strong"', realm.name)
        else:
            bind = ", ".join(facts.settings.session_protection_bind)
            yield passed(f'SESSION_PROTECTION: "{realm.session_protection}", by {bind}', realm.name)


RULES = (
    Rule(
        "session-lifetime",
        "A copied session cookie of Flask's works for so long after it was last written.",
        _session_lifetime,
        asvs=("7.3.2",),
        nist=("5.1.1", "2.1.3"),
    ),
    Rule(
        "remember-cookie-duration",
        "For so long a browser that somebody else picks up logs in by itself.",
        _remember_duration,
        asvs=("7.3.2",),
        nist=("2.1.3", "5.1"),
    ),
    Rule(
        "remember-cookie-refresh",
        "A remember cookie that is prolonged with each request, also by a thief, never ends.",
        _remember_refresh,
        asvs=("7.3.2",),
        nist=("5.2",),
    ),
    Rule(
        "remember-cookie-legacy",
        "Flask-Login's remember cookie has no date: a copy of one works for as long as such are accepted.",
        _legacy,
        asvs=("7.4.1", "9.2.1"),
        nist=("5.1",),
    ),
    Rule(
        "idle-timeout",
        "Without it, a browser that was left alone stays logged in for whoever comes next.",
        _idle,
        asvs=("7.1.1", "7.3.1"),
        nist=("5.2", "2.2.3", "2.3.3"),
    ),
    Rule(
        "absolute-timeout",
        "Without it, a login that is kept busy, also by a thief, never ends.",
        _absolute,
        asvs=("7.1.1", "7.3.2"),
        nist=("5.2", "2.1.3", "2.2.3", "2.3.3"),
    ),
    Rule(
        "fresh-lifetime",
        "Without an age, a login is fresh as long as its session lasts, and asks for no password again.",
        _fresh_lifetime,
        asvs=("7.5.1", "7.5.3"),
        nist=("5.2",),
    ),
    Rule(
        "reauthentication",
        "Who finds a browser logged in must not be able to take the account over for good.",
        _reauthentication,
        asvs=("7.5.1", "7.5.3"),
        nist=("5.2",),
    ),
    Rule(
        "assurance",
        "A level fixes all limits together, and refuses a setting that is looser.",
        _assurance,
        asvs=("7.1.1",),
        nist=("2.1.3", "2.2.3", "2.3.3", "5.1"),
    ),
    Rule(
        "security-stamp",
        "After a change of password, whoever was logged in by the old one should be so no longer.",
        _stamp,
        asvs=("7.4.1", "7.4.3"),
    ),
    Rule(
        "session-protection",
        "A session cookie that turns up in another browser may be stolen.",
        _protection,
        nist=("5.3",),
    ),
)
