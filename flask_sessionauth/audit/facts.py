"""What an app is set to, taken down once. No secret is among the facts, only how long one is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import FunctionType
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from ..protection import guards_of, misplaced
from ..realms import realms_of
from ..registry import MemoryRegistry
from ..remembering import cookie_name
from ..settings import EXEMPT_METHODS, KEYS, Settings, signing_keys
from .routes import Route, routes_of

# Texts that stand in tutorials, templates and documentation, in small letters and digits only.
_PLACEHOLDERS = frozenset(
    (
        *("a", "abc", "abc123", "admin", "app", "default", "dev", "devkey", "development", "example", "flask"),
        *("foo", "foobar", "hardtoguessstring", "insecure", "key", "mykey", "mysecret", "mysecretkey", "none"),
        *("onlyforthispage", "password", "s3cr3t", "secret", "secretkey", "shh", "string", "supersecret"),
        *("supersecretkey", "test", "testing", "testkey", "thisisasecret", "thisisasecretkey", "topsecret"),
        *("youwillneverguess", "xxx", "1234", "12345", "123456", "12345678"),
        # The example in Flask's documentation.
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    )
)
_PLACEHOLDER_PARTS = re.compile(r"change(me|this|it)|replace(me|this)|yoursecret|secretkeyhere|notsosecret")


@dataclass(frozen=True, slots=True)
class Key:
    """What may be told of a key: its length (bytes), how many of them differ, and whether everybody knows it.

    ``bits`` is the most that it can be worth: 4 for a byte where all are hexadecimal digits, 6 in other printable text.
    """

    length: int
    bits: int
    different: int
    is_placeholder: bool


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie's attributes. ``secure`` is ``None`` where it depends on the request; ``key`` begins its settings.

    ``name`` is the one that is set, ``names`` those of the realms' cookies. ``unknown`` says of attributes why they
    cannot be known here.
    """

    key: str
    name: str
    names: tuple[str, ...]
    secure: bool | None
    httponly: bool
    samesite: str | None
    domain: str | None
    path: str
    unknown: Mapping[str, str] = field(default_factory=dict)


COOKIE_ATTRIBUTES = ("name", "secure", "httponly", "samesite", "domain", "path")


@dataclass(frozen=True, slots=True)
class RealmFacts:
    """One manager: its name (``None``: the default one), protection mode, and what the program has set on it.

    ``registry`` is the class of its registry, if there is one, and ``is_in_memory`` whether that is a process's own.
    ``lost_views`` are the login and refresh pages given as an endpoint that does not exist.
    """

    name: str | None
    session_protection: str | None
    has_stamp_function: bool
    has_loader: bool
    registry: str | None
    is_in_memory: bool
    lost_views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at."""

    settings: Settings
    #: Which of them the program has set.
    given: frozenset[str]
    keys: tuple[Key, ...]
    session_cookie: Cookie
    remember_cookie: Cookie
    session_lifetime: timedelta
    #: The class of the session interface, if it is not Flask's own.
    session_interface: str | None
    realms: tuple[RealmFacts, ...]
    routes: tuple[Route, ...]
    #: Whether the app as a whole needs a login, so that only what is exempt is open.
    is_closed_by_default: bool
    #: Functions of ``before_request`` whose guard never runs.
    misplaced_hooks: tuple[str, ...]
    exempt_methods: frozenset[str]
    is_debug: bool
    is_testing: bool
    #: How many proxies `ProxyFix` believes, by header; ``None`` if there is none.
    proxies: Mapping[str, int] | None
    preferred_scheme: str

    @property
    def has_registry(self) -> bool:
        """Whether any realm has one: the settings are for all of them."""
        return any(realm.registry is not None for realm in self.realms)


def gather(app: Flask) -> Facts:
    """Take the facts down.

    :raises SetupError: if no manager was initialised with the app.
    :raises ConfigurationError: if a setting of the app is not allowed.
    """
    realms, config = realms_of(app), app.config
    settings = realms.settings()
    interface = app.session_interface
    return Facts(
        settings=settings,
        given=frozenset(key for key in KEYS if key in config),
        keys=tuple(map(_key, signing_keys(config))),
        session_cookie=_session_cookie(app, interface),
        remember_cookie=_remember_cookie(settings, tuple(cookie_name(settings, r.name) for r in realms.values())),
        session_lifetime=app.permanent_session_lifetime,
        session_interface=None if type(interface) is SecureCookieSessionInterface else type(interface).__name__,
        realms=tuple(_realm(app, settings, realm) for realm in realms.values()),
        routes=routes_of(app),
        is_closed_by_default=any(guards_of(hook) for hook in app.before_request_funcs.get(None, ())),
        misplaced_hooks=_misplaced_hooks(app),
        exempt_methods=frozenset(EXEMPT_METHODS),
        is_debug=app.debug,
        is_testing=app.testing,
        proxies=_proxies(app),
        preferred_scheme=config["PREFERRED_URL_SCHEME"],
    )


def _key(key: str | bytes) -> Key:
    value = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    plain = re.sub(r"[^a-z0-9]", "", value.decode("latin-1").lower())
    is_placeholder = plain in _PLACEHOLDERS or bool(_PLACEHOLDER_PARTS.search(plain))
    return Key(len(value), len(value) * _bits_in_a_byte(value), len(set(value)), is_placeholder)


def _bits_in_a_byte(value: bytes) -> int:
    if re.fullmatch(rb"[0-9a-fA-F]*", value):
        return 4
    return 6 if re.fullmatch(rb"[ -~]*", value) else 8


def _session_cookie(app: Flask, interface: object) -> Cookie:
    settings = SessionInterface()
    # One that is not Flask's may not know the questions; then the answers are what the settings say.
    asked = interface if isinstance(interface, SessionInterface) else settings
    answers: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for attribute in COOKIE_ATTRIBUTES:
        question = f"get_cookie_{attribute}"
        try:
            answers[attribute] = getattr(asked, question)(app)
        except RuntimeError:
            # It looks at the request, and here is none.
            answers[attribute] = getattr(settings, question)(app)
            unknown[attribute] = "depends on the request"
    if not _asks_for_settings(interface):
        unknown = dict.fromkeys(COOKIE_ATTRIBUTES, f"{type(interface).__name__} sets the cookie as it likes")
    name = answers.pop("name")
    return Cookie("SESSION_COOKIE", name, (name,), **answers, unknown=unknown)


def _asks_for_settings(interface: object) -> bool:
    """Whether a session interface asks for the cookie's attributes, as Flask's own does, or leaves it to others."""
    members = (member for part in type(interface).__mro__ for member in vars(part).values())
    return any("get_cookie_secure" in m.__code__.co_names for m in members if isinstance(m, FunctionType))


def _remember_cookie(settings: Settings, names: tuple[str, ...]) -> Cookie:
    return Cookie(
        "REMEMBER_COOKIE",
        settings.remember_cookie_name,
        names,
        settings.remember_cookie_secure,
        settings.remember_cookie_httponly,
        settings.remember_cookie_samesite,
        settings.remember_cookie_domain,
        settings.remember_cookie_path,
    )


def _realm(app: Flask, settings: Settings, realm: Any) -> RealmFacts:
    views = (realm.login_view, *realm.blueprint_login_views.values(), realm.refresh_view)
    return RealmFacts(
        realm.name,
        settings.protection_mode(realm.session_protection),
        realm.security_stamp is not None,
        realm.user_callback is not None or realm.request_callback is not None,
        None if realm.registry is None else type(realm.registry).__name__,
        isinstance(realm.registry, MemoryRegistry),
        tuple(dict.fromkeys(view for view in views if view and not _leads_somewhere(app, view))),
    )


def _leads_somewhere(app: Flask, view: str) -> bool:
    """Whether a login page, given as an endpoint, exists; where a path or a URL leads is for others to know."""
    if view.startswith(("https://", "http://", "/")):
        return True
    endpoints = (rule.endpoint for rule in app.url_map.iter_rules())
    if view.startswith("."):
        # Of the blueprint that the visitor was refused in.
        return any(f".{endpoint}".endswith(view) for endpoint in endpoints)
    return view in endpoints


def _misplaced_hooks(app: Flask) -> tuple[str, ...]:
    hooks = [hook for functions in app.before_request_funcs.values() for hook in functions]
    return tuple(misplaced({getattr(hook, "__name__", repr(hook)): hook for hook in hooks}))


def _proxies(app: Flask) -> Mapping[str, int] | None:
    """The hops of the `ProxyFix` among the layers around ``app.wsgi_app``, as far as each shows the one below."""
    layer: Any = app.wsgi_app
    seen: set[int] = set()
    while layer is not None and id(layer) not in seen:
        if isinstance(layer, ProxyFix):
            return {name: getattr(layer, name) for name in ("x_for", "x_proto", "x_host", "x_port", "x_prefix")}
        seen.add(id(layer))
        layer = getattr(layer, "app", None) or getattr(layer, "wsgi_app", None)
    return None
