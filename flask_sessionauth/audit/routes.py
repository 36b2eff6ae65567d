"""Which endpoints need a login, and by whose word: the guards on views, view classes, blueprints and the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Any

from flask import Flask
from flask.views import MethodView
from werkzeug.routing import Rule as UrlRule

from ..manager import LoginManager
from ..protection import Protection, doubtful, guards_of, is_exempt, is_open, misplaced, view_is_exempt
from ..realms import realms_of
from ..settings import EXEMPT_METHODS
from ..wayback import is_login_page_at

# A rule that names no methods, as one added to the URL map itself, is for all of them.
_ANY = "any"


class Kind(Enum):
    """How an endpoint is protected. ``EXEMPT`` is as open as ``OPEN``, but on purpose."""

    OPEN = "open"
    EXEMPT = "exempt"
    LOGIN = "login"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Guard:
    """What somebody must be to pass: logged in to a realm (``None``: the default one), perhaps freshly.

    ``max_age`` (seconds) is for how long a login is fresh enough, ``LOGIN_FRESH_LIFETIME`` included. ``by`` says where
    the guard stands: ``"view"``, ``"app"``, or ``"blueprint NAME"``.
    """

    realm: str | None
    fresh: bool
    max_age: float | None
    by: str


@dataclass(frozen=True, slots=True)
class Route:
    """A rule of an endpoint, for the methods that have the same protection.

    ``host`` is the host or subdomain that it is for, if not for all. ``exemption`` says why it is open on purpose.
    ``is_misplaced``: its view has a guard that never runs; ``is_doubtful``: one inside a decorator, which may not run.
    """

    endpoint: str
    rule: str
    host: str | None
    methods: tuple[str, ...]
    guards: tuple[Guard, ...]
    exemption: str | None
    is_misplaced: bool
    is_doubtful: bool = False

    @property
    def kind(self) -> Kind:
        if self.guards:
            return Kind.FRESH if any(guard.fresh for guard in self.guards) else Kind.LOGIN
        return Kind.OPEN if self.exemption is None else Kind.EXEMPT


def routes_of(app: Flask) -> tuple[Route, ...]:
    """All endpoints of an app with their protection, by name.

    A guard behind a decorator that does not use `functools.wraps`, and a check inside a view, cannot be seen.

    :raises SetupError: if no manager was initialised with the app.
    :raises ConfigurationError: if a setting of the app is not allowed.
    """
    survey = _Survey(app)
    rules = (rule for rule in app.url_map.iter_rules() if not rule.build_only)
    return tuple(route for rule in sorted(rules, key=lambda r: (r.endpoint, r.rule)) for route in survey.of(rule))


class _Survey:
    def __init__(self, app: Flask) -> None:
        realms = realms_of(app)
        self._app = app
        self._managers = {m.name: m for m in realms.values() if isinstance(m, LoginManager)}
        lifetime = realms.settings().login_fresh_lifetime
        self._fresh_lifetime = None if lifetime is None else lifetime.total_seconds()
        self._misplaced = frozenset(misplaced(app.view_functions))
        self._doubtful = frozenset(doubtful(app.view_functions))

    def of(self, rule: UrlRule) -> Iterable[Route]:
        found = [(self._guards(rule, method), method) for method in self._methods(rule)]
        for guards, group in groupby(sorted(found, key=lambda f: (repr(f[0]), f[1])), key=lambda f: f[0]):
            yield Route(
                rule.endpoint,
                rule.rule,
                rule.host or rule.subdomain or None,
                tuple(method for _, method in group),
                guards,
                None if guards else self._exemption(rule),
                rule.endpoint in self._misplaced,
                rule.endpoint in self._doubtful,
            )

    def _methods(self, rule: UrlRule) -> Iterable[str]:
        """What is listed: not OPTIONS, which is always open, nor HEAD where it is guarded as GET is."""
        methods = rule.methods or {_ANY, *EXEMPT_METHODS}
        further = methods - {"OPTIONS"}
        if {"GET", "HEAD"} <= further and self._guards(rule, "HEAD") == self._guards(rule, "GET"):
            further = further - {"HEAD"}
        return further or methods

    def _guards(self, rule: UrlRule, method: str) -> tuple[Guard, ...]:
        if method in EXEMPT_METHODS:
            return ()
        view = self._app.view_functions.get(rule.endpoint)
        hooks = [guard for scope in (None, *reversed(_blueprints(rule))) for guard in self._of_hooks(rule, scope)]
        on_view = (*guards_of(view), *_guards_of_method(view, method))
        return (*hooks, *(self._guard(need, "view") for need in on_view))

    def _of_hooks(self, rule: UrlRule, name: str | None) -> Iterable[Guard]:
        """What the ``before_request`` functions of the app (``None``), or of a blueprint, ask for."""
        for hook in self._app.before_request_funcs.get(name, ()):
            for need in guards_of(hook):
                # A guard that the program itself put on a function of its own knows no exemption.
                if hasattr(hook, "__wrapped__") or not self._is_exempt_from(rule, need, name):
                    yield self._guard(need, "app" if name is None else f"blueprint {name}")

    def _is_exempt_from(self, rule: UrlRule, need: Protection, name: str | None) -> bool:
        scope: Any = None if name is None else self._app.blueprints[name]
        if is_open(self._app, rule.endpoint, _blueprints(rule), need.realm, scope):
            return True
        manager = self._managers.get(need.realm)
        return manager is not None and self._is_login_page(manager, rule)

    def _guard(self, need: Protection, by: str) -> Guard:
        ages = [age for age in (need.max_age, self._fresh_lifetime) if need.fresh and age is not None]
        return Guard(need.realm, need.fresh, min(ages, default=None), by)

    def _exemption(self, rule: UrlRule) -> str | None:
        blueprints = [b for name in _blueprints(rule) if (b := self._app.blueprints.get(name)) is not None]
        view = self._app.view_functions.get(rule.endpoint)
        for realm, manager in self._managers.items():
            if view_is_exempt(view, realm) or any(is_exempt(blueprint, realm) for blueprint in blueprints):
                return "login_exempt"
            if self._is_login_page(manager, rule):
                return "login page"
        owner: Any = blueprints[0] if blueprints else self._app
        is_static = owner.has_static_folder and rule.endpoint.rpartition(".")[2] == "static"
        return "static files" if is_static else None

    def _is_login_page(self, manager: LoginManager[Any], rule: UrlRule) -> bool:
        root = self._app.config["APPLICATION_ROOT"] or ""
        path = f"{root.rstrip('/')}{rule.rule}"
        blueprint = rule.endpoint.rpartition(".")[0] or None
        return is_login_page_at(manager, rule.endpoint, blueprint, path, bool(rule.arguments))


def _blueprints(rule: UrlRule) -> Sequence[str]:
    """The names of an endpoint's blueprints, the innermost first, as a request has them."""
    name, names = rule.endpoint, []
    while name := name.rpartition(".")[0]:
        names.append(name)
    return names


def _guards_of_method(view: object, method: str) -> tuple[Protection, ...]:
    """The guards on what the class that a view was made from calls for a method."""
    view_class = getattr(view, "view_class", None)
    dispatch = getattr(view_class, "dispatch_request", None)
    if dispatch is not MethodView.dispatch_request:
        # Which methods of the class it calls, if any, cannot be seen.
        return guards_of(dispatch)
    own = getattr(view_class, method.lower(), None)
    return guards_of(getattr(view_class, "get", None) if own is None and method == "HEAD" else own)
