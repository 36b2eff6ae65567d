"""The settings: one table of keys, defaults, types and meanings, and the only reader of ``app.config``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

from flask import Config, Flask

from . import checks
from .errors import ConfigurationError

#: The default name of the remember cookie.
COOKIE_NAME: Final = "remember_token"
#: How long a remember cookie lasts unless a setting or ``login_user`` says otherwise: 365 days.
COOKIE_DURATION: Final = timedelta(days=365)
#: ``None``: the cookie is Secure on HTTPS requests.
COOKIE_SECURE: Final = None
#: Scripts do not see the remember cookie.
COOKIE_HTTPONLY: Final = True
#: Other sites' pages do not send the remember cookie, but for a link that is followed.
COOKIE_SAMESITE: Final = "Lax"
#: The message flashed to somebody who has to log in, and its category.
LOGIN_MESSAGE: Final = "Please log in to access this page."
LOGIN_MESSAGE_CATEGORY: Final = "message"
#: The message flashed to somebody who has to log in again, and its category.
REFRESH_MESSAGE: Final = "Please reauthenticate to access this page."
REFRESH_MESSAGE_CATEGORY: Final = "message"
#: The user's method that returns its id.
ID_ATTRIBUTE: Final = "get_id"
#: The HTTP methods no guard looks at (a CORS preflight carries no cookies). May be changed in place.
EXEMPT_METHODS: set[str] = {"OPTIONS"}


@dataclass(frozen=True, slots=True)
class Assurance:
    """What an authentication assurance level allows at most. ``None``: no limit."""

    absolute_timeout: timedelta
    idle_timeout: timedelta | None
    remember: timedelta


#: NIST SP 800-63B-4, sections 2.1.3, 2.2.3 and 2.3.3 (reauthentication). Where a level names no limit there is none. A
#: remember cookie that outlived the absolute timeout would be a way around it; at the highest level there is none.
ASSURANCE: Mapping[str | None, Assurance] = {
    "aal1": Assurance(timedelta(days=30), None, timedelta(days=30)),
    "aal2": Assurance(timedelta(hours=24), timedelta(hours=1), timedelta(hours=24)),
    "aal3": Assurance(timedelta(hours=12), timedelta(minutes=15), timedelta(0)),
}


class _Missing:
    def __repr__(self) -> str:
        return "not set"


_MISSING: Any = _Missing()
# Where Flask-WTF keeps its token if nothing else is set.
_CSRF_KEY: Final = "csrf_token"


def _key(default: object, check: Callable[[object], Any], allowed: str, meaning: str) -> Any:
    return field(default=default, metadata={"check": check, "allowed": allowed, "meaning": meaning})


# Only ever the same as itself: to compare all values would take long, and each request looks something up by it.
@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """The settings of an app, checked. Of those of the table, the key in ``app.config`` is the name in capitals."""

    remember_cookie_name: str = _key(
        COOKIE_NAME,
        checks.cookie_name,
        "a cookie name",
        "The name of the remember cookie. A named realm puts its own before it.",
    )
    remember_cookie_duration: timedelta = _key(
        COOKIE_DURATION,
        checks.duration,
        checks.DURATION,
        "How long a remember cookie works, unless login_user was given a duration.",
    )
    remember_cookie_domain: str | None = _key(
        None, checks.domain_or_none, "a domain or None", "The cookie's Domain. None: only the host that set it."
    )
    remember_cookie_path: str = _key("/", checks.path, "a path that starts with /", "The cookie's Path.")
    remember_cookie_secure: bool | None = _key(
        COOKIE_SECURE,
        checks.boolean_or_none,
        "True, False or None",
        "Send the cookie over HTTPS only. None: if it was set there.",
    )
    remember_cookie_httponly: bool = _key(
        COOKIE_HTTPONLY, checks.boolean, "True or False", "Hide the cookie from scripts."
    )
    remember_cookie_samesite: str | None = _key(
        COOKIE_SAMESITE,
        checks.samesite,
        '"Lax", "Strict", "None" or None',
        "The cookie's SameSite. None: the attribute is not sent.",
    )
    remember_cookie_refresh_each_request: bool = _key(
        False, checks.boolean, "True or False", "Start the cookie's time anew on each request that asked for its user."
    )
    remember_cookie_accept_legacy: bool = _key(
        True,
        checks.boolean,
        "True or False",
        "Accept Flask-Login's undated remember cookie, and, with a registry, ours from before it; replace it by ours.",
    )
    session_protection: str | None = _key(
        _MISSING,
        checks.mode,
        checks.PROTECTION,
        "What happens to a session that changed its browser. Not set: the manager's attribute.",
    )
    session_protection_bind: tuple[str, ...] = _key(
        ("user_agent",),
        checks.traits,
        'a tuple of "user_agent" and "ip", not empty',
        "By what a browser is known again.",
    )
    use_session_for_next: bool = _key(
        False, checks.boolean, "True or False", "Keep the way back in the session and not in the login page's URL."
    )
    force_host_for_redirects: str | None = _key(
        None,
        checks.host_or_none,
        "a host or None",
        "The host of the redirect to the login page, whatever the Host header says.",
    )
    login_disabled: bool = _key(
        False, checks.boolean, "True or False", "Let everybody pass every guard. Works under TESTING only."
    )
    login_cache_control: str | None = _key(
        "private",
        checks.header_or_none,
        "a header value or None",
        "Cache-Control of a response that depends on the user, where the view set none.",
    )
    login_negotiate: bool = _key(
        True,
        checks.boolean,
        "True or False",
        "Answer JSON and htmx clients with 401. False: redirect all to the login page.",
    )
    login_next_hosts: tuple[str, ...] = _key(
        (), checks.hosts, "a tuple of hosts", "Further hosts (host or host:port) that `next` may lead to."
    )
    login_audience: str | None = _key(
        None,
        checks.text_or_none,
        "a text or None",
        "Keeps the remember cookies of several apps that share a key apart.",
    )
    login_idle_timeout: timedelta | None = _key(
        None,
        checks.duration_or_none,
        checks.DURATION_OR_NONE,
        "A session is over if nobody asked for its user for so long. None: it never is, or as LOGIN_ASSURANCE says.",
    )
    login_absolute_timeout: timedelta | None = _key(
        None,
        checks.duration_or_none,
        checks.DURATION_OR_NONE,
        "A session is over so long after its login, however active. None: it never is, or as LOGIN_ASSURANCE says.",
    )
    login_fresh_lifetime: timedelta | None = _key(
        None,
        checks.duration_or_none,
        checks.DURATION_OR_NONE,
        "A login is fresh for so long. None: as long as the session lasts, or as LOGIN_ASSURANCE says.",
    )
    login_assurance: str | None = _key(
        None,
        checks.assurance,
        checks.ASSURANCE,
        "The limits of an authentication assurance level of NIST SP 800-63B. Other settings may only be stricter.",
    )
    login_touch_interval: timedelta = _key(
        timedelta(seconds=60),
        checks.interval,
        "a timedelta or a number of seconds, 0 or more, and less than LOGIN_IDLE_TIMEOUT",
        "How often the time of the last use is written. The idle timeout is exact to this much.",
    )
    login_max_sessions: int | None = _key(
        50,
        checks.count_or_none,
        "a whole number above 0, or None",
        "How many logins a user may have at once. None: any number. It needs a registry.",
    )
    login_max_sessions_policy: str = _key(
        "end_oldest",
        checks.policy,
        checks.POLICY,
        "What a login above LOGIN_MAX_SESSIONS does: end the one that was not used for the longest time, or fail.",
    )
    login_rotation_grace: timedelta = _key(
        timedelta(seconds=60),
        checks.interval,
        "a timedelta or a number of seconds, 0 or more",
        "For how long a remember cookie, or a session's mark, that was just replaced still works. It needs a registry.",
    )
    login_registry_cache: timedelta = _key(
        timedelta(0),
        checks.interval,
        "a timedelta or a number of seconds, 0 or more",
        "For how long a process may trust what it has read of the registry: so long may the end of a login take.",
    )
    login_clear_site_data: tuple[str, ...] = _key(
        (),
        checks.site_data,
        "None, or a tuple of " + ", ".join(f'"{kind}"' for kind in checks.SITE_DATA),
        "What a logout tells the browser to clear (Clear-Site-Data), beside the remember cookie.",
    )

    # What follows from them, and what others than us have written into the configuration.

    #: The longest life of a remember cookie under ``login_assurance``: zero for none at all, ``None`` for any.
    remember_limit: timedelta | None = None
    #: The app's keys, newest first, as `signing_keys` says.
    signing_keys: tuple[str | bytes, ...] = field(default=(), repr=False)
    #: Where Flask-WTF keeps its CSRF token, in the session and on ``g``.
    csrf_key: str = _CSRF_KEY

    def protection_mode(self, attribute: object) -> str | None:
        """The setting, or, where it is not set, the manager's attribute.

        :raises ConfigurationError: if the attribute is not a mode.
        """
        if self.session_protection is _MISSING:
            return attribute if attribute in ("basic", "strong") else checks.protection(attribute)
        return self.session_protection


#: What there is to set, in the order of the table.
TABLE = tuple(entry for entry in fields(Settings) if entry.metadata)
KEYS: tuple[str, ...] = tuple(entry.name.upper() for entry in TABLE)
# What the settings are read from: our keys, and others'.
_READ = (*KEYS, "SECRET_KEY", "SECRET_KEY_FALLBACKS", "SESSION_COOKIE_NAME", "WTF_CSRF_FIELD_NAME")
# Nobody else's keys begin so; a key that does and is none of ours is refused, whatever it looks like.
_COOKIE_PREFIX = "REMEMBER_COOKIE_"
# How alike a key must be to one of ours to be taken for it. A long beginning alone makes two keys alike.
_LIKENESS = 0.9


def read(config: Mapping[str, Any]) -> Settings:
    """The settings in an app's configuration.

    :raises ConfigurationError: if a key is misspelt or a value is not allowed; one message names them all.
    """
    problems = list(_misspelt(config))
    values: dict[str, Any] = {}
    for entry, key in zip(TABLE, KEYS, strict=True):
        if key not in config:
            continue
        try:
            values[entry.name] = entry.metadata["check"](config[key])
        except checks.Refused:
            problems.append(f"{key} is {config[key]!r}; allowed: {entry.metadata['allowed']}")
    settings = Settings(**values)
    problems += _contradictions(settings, config)
    problems += _looser_than_assured(settings, config)
    problems += _key_problems(config)
    if problems:
        raise ConfigurationError("; ".join(problems))
    return replace(_completed(settings), signing_keys=signing_keys(config), csrf_key=_csrf_key(config))


def _misspelt(config: Mapping[str, Any]) -> Iterable[str]:
    for key in config:
        if not isinstance(key, str) or key in KEYS:
            continue
        near = _same_words(key) or get_close_matches(key, KEYS, n=1, cutoff=_LIKENESS)
        if near:
            yield f"{key} is not a setting; did you mean {near[0]}?"
        elif key.startswith(_COOKIE_PREFIX):
            yield f"{key} is not a setting; allowed: {', '.join(k for k in KEYS if k.startswith(_COOKIE_PREFIX))}"


def _same_words(key: str) -> list[str]:
    return [known for known in KEYS if sorted(known.split("_")) == sorted(key.split("_"))]


def _contradictions(settings: Settings, config: Mapping[str, Any]) -> Iterable[str]:
    name, secure = settings.remember_cookie_name, settings.remember_cookie_secure
    if name == config.get("SESSION_COOKIE_NAME"):
        yield f"REMEMBER_COOKIE_NAME is {name!r}, as SESSION_COOKIE_NAME is; allowed: another name"
    if name.lower().startswith(("__host-", "__secure-")) and secure is False:
        yield f"REMEMBER_COOKIE_SECURE is False, but the cookie's name, {name}, needs it; allowed: True"
    if name.lower().startswith("__host-"):
        if settings.remember_cookie_path != "/":
            path = settings.remember_cookie_path
            yield f"REMEMBER_COOKIE_PATH is {path!r}, but the cookie's name, {name}, allows only '/'"
        if settings.remember_cookie_domain:
            yield f"REMEMBER_COOKIE_DOMAIN is set, but the cookie's name, {name}, allows only None"
    if settings.remember_cookie_samesite == "None" and secure is False:
        yield 'REMEMBER_COOKIE_SECURE is False, but REMEMBER_COOKIE_SAMESITE "None" needs it; allowed: True'

    idle, touch = _with_limits(settings).login_idle_timeout, settings.login_touch_interval
    if "LOGIN_TOUCH_INTERVAL" in config and idle is not None and touch >= idle:
        yield f"LOGIN_TOUCH_INTERVAL is {touch}, but LOGIN_IDLE_TIMEOUT is {idle}; allowed: less than that"


def _looser_than_assured(settings: Settings, config: Mapping[str, Any]) -> Iterable[str]:
    level = settings.login_assurance
    preset = ASSURANCE.get(level)
    if preset is None:
        return
    limits = {
        "login_idle_timeout": preset.idle_timeout,
        "login_absolute_timeout": preset.absolute_timeout,
        "login_fresh_lifetime": preset.absolute_timeout,
        # Where nobody is remembered, it does not matter for how long.
        "remember_cookie_duration": preset.remember or None,
    }
    for name, limit in limits.items():
        key, value = name.upper(), getattr(settings, name)
        if key in config and value is not None and limit is not None and value > limit:
            yield f"{key} is {value}, but LOGIN_ASSURANCE is {level!r}; allowed: at most {limit}"
    if settings.remember_cookie_refresh_each_request and preset.remember:
        yield f"REMEMBER_COOKIE_REFRESH_EACH_REQUEST is True, but LOGIN_ASSURANCE is {level!r}; allowed: False"


def _completed(settings: Settings) -> Settings:
    return _with_limits(_with_secure_cookie(settings))


def _with_limits(settings: Settings) -> Settings:
    preset = ASSURANCE.get(settings.login_assurance)
    if preset is not None:
        settings = replace(
            settings,
            login_idle_timeout=settings.login_idle_timeout or preset.idle_timeout,
            login_absolute_timeout=settings.login_absolute_timeout or preset.absolute_timeout,
            login_fresh_lifetime=settings.login_fresh_lifetime or preset.absolute_timeout,
            remember_limit=preset.remember,
        )
    idle = settings.login_idle_timeout
    # The default must not end a session that is in use.
    if idle is not None and settings.login_touch_interval >= idle:
        settings = replace(settings, login_touch_interval=idle / 2)
    return settings


def _with_secure_cookie(settings: Settings) -> Settings:
    # Browsers drop such a cookie when it is not Secure, so "if it was set there" cannot be meant.
    prefixed = settings.remember_cookie_name.lower().startswith(("__host-", "__secure-"))
    if settings.remember_cookie_secure is None and (prefixed or settings.remember_cookie_samesite == "None"):
        return replace(settings, remember_cookie_secure=True)
    return settings


def _key_problems(config: Mapping[str, Any]) -> Iterable[str]:
    # Never with the value: a message ends up in a log.
    newest = config.get("SECRET_KEY")
    if newest is not None and not isinstance(newest, (str, bytes)):
        yield f"SECRET_KEY is of type {type(newest).__name__}; allowed: str or bytes"
    fallbacks = config.get("SECRET_KEY_FALLBACKS")
    if fallbacks is not None and not isinstance(fallbacks, (list, tuple)):
        yield f"SECRET_KEY_FALLBACKS is of type {type(fallbacks).__name__}; allowed: a list of keys"
    elif fallbacks and not all(isinstance(key, (str, bytes)) and key for key in fallbacks):
        yield "SECRET_KEY_FALLBACKS holds something that is no key; allowed: a list of non-empty str or bytes"


def signing_keys(config: Mapping[str, Any]) -> tuple[str | bytes, ...]:
    """The app's keys, newest first: ``SECRET_KEY``, then ``SECRET_KEY_FALLBACKS``. Empty if there is no key.

    :raises ConfigurationError: if the fallbacks are not a list of keys.
    """
    newest, fallbacks = config.get("SECRET_KEY"), config.get("SECRET_KEY_FALLBACKS")
    if fallbacks is None:
        return (newest,) if newest else ()
    for problem in _key_problems(config):
        raise ConfigurationError(problem)
    return (newest, *fallbacks) if newest else ()


def _csrf_key(config: Mapping[str, Any]) -> str:
    name = config.get("WTF_CSRF_FIELD_NAME")
    return name if isinstance(name, str) else _CSRF_KEY


class SettingsReader:
    """The settings of one app as they are now: read anew, and checked again, only when they have changed.

    :param app: the app, which may be given another configuration.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        # Together, so that of two threads neither leaves the settings of one beside what the other has seen.
        self._kept: tuple[object, dict[str, Any], Settings] = (None, {}, Settings())

    def now(self) -> Settings:
        """What is set.

        :raises ConfigurationError: as `read` does.
        """
        config = self._app.config
        known, seen, settings = self._kept
        try:
            unchanged = config is known and config == seen
        except Exception:  # a program's value that cannot be compared with another
            unchanged = False
        return settings if unchanged else self._look_again(config)

    def _look_again(self, config: Config) -> Settings:
        _, seen, settings = self._kept
        # What changes while we read is seen the next time; a list or set may change in place.
        now = dict(config)
        for key in _READ:
            if key in config:
                value = config[key]
                now[key] = value.copy() if isinstance(value, (list, set)) else value
        # A program may keep what it likes in its configuration, and change it as often.
        if not seen or now.keys() != seen.keys() or any(now.get(key) != seen.get(key) for key in _READ):
            settings = read(now)
        # A class of the program's own may answer otherwise than it compares, and is asked each time.
        self._kept = (config if type(config) in (Config, dict) else None, now, settings)
        return settings
