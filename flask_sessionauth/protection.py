"""What guards have written down: which views are guarded, how, and which are open on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from weakref import WeakSet

from flask import Blueprint, Flask

T = TypeVar("T")

_GUARDS = "__sessionauth_guards__"
_EXEMPT = "__sessionauth_exempt__"

# Every function a guard was put on. One that is a view as it stands was guarded in vain.
_guarded: WeakSet[Any] = WeakSet()


@dataclass(frozen=True, slots=True)
class Protection:
    """What a guard asks for: a login in a realm (``None``: the default one), and perhaps a fresh one.

    ``max_age`` (seconds) limits for how long a login is fresh enough.
    """

    realm: str | None = None
    fresh: bool = False
    max_age: float | None = None


class Verdict(Enum):
    """May this request pass?"""

    ALLOWED = "allowed"
    ANONYMOUS = "not logged in"
    STALE = "logged in, but not fresh enough"


#: The most frequent one by a name of its own: to look it up in the class takes longer.
ALLOWED = Verdict.ALLOWED


def mark_guarded(wrapper: object, view: object, protection: Protection) -> None:
    """Write down that the wrapper guards the view."""
    setattr(wrapper, _GUARDS, (protection, *guards_of(view)))
    for layer in (view, *_unwrapped(view)):
        with suppress(TypeError):  # a callable that cannot be weakly referenced is not found when misplaced
            _guarded.add(layer)


def mark_hook(hook: object, protection: Protection) -> None:
    """Write down that a ``before_request`` function guards its app or blueprint."""
    setattr(hook, _GUARDS, (protection,))


def guards_of(view: object) -> tuple[Protection, ...]:
    """The guards on a view function, the outermost first. Decorators between them must use `functools.wraps`."""
    guards: tuple[Protection, ...] = getattr(view, _GUARDS, ())
    return guards


def mark_exempt(target: T, realm: str | None) -> T:
    """Write down that a view, view class or blueprint is open."""
    realms = vars(target).get(_EXEMPT, frozenset())
    setattr(target, _EXEMPT, realms | {realm})
    return target


def is_exempt(target: object, realm: str | None) -> bool:
    """Whether a view, view class or blueprint is open. A subclass of an open view class is not."""
    return realm in getattr(target, "__dict__", {}).get(_EXEMPT, ())


def view_is_exempt(view: object, realm: str | None) -> bool:
    """Whether a registered view function is open, by itself or by the class it was made from."""
    return is_exempt(view, realm) or is_exempt(getattr(view, "view_class", None), realm)


def misplaced(view_functions: Mapping[str, Callable[..., Any]]) -> Iterable[str]:
    """The endpoints whose view has a guard that never runs, because it stands above the route decorator.

    A view that is also registered with its guard, under another endpoint, is open on purpose.
    """
    covered = _behind_guards(view_functions)
    return [endpoint for endpoint, view in view_functions.items() if _is_bare(view, covered)]


def doubtful(view_functions: Mapping[str, Callable[..., Any]]) -> Iterable[str]:
    """The endpoints whose view has a guard that may not run: it is on something that another decorator wraps.

    Whether that decorator asks the guard cannot be seen. What `misplaced` names is not among them.
    """
    covered = _behind_guards(view_functions)
    for endpoint, view in view_functions.items():
        if not _is_bare(view, covered) and any(_is_bare(layer, covered) for layer in _unwrapped(view)):
            yield endpoint


def _behind_guards(view_functions: Mapping[str, Callable[..., Any]]) -> set[int]:
    """The ids of what some registered view guards."""
    return {id(inner) for view in view_functions.values() if guards_of(view) for inner in _unwrapped(view)}


def _is_bare(layer: object, covered: set[int]) -> bool:
    """Whether a guard was put on this, and it stands without it."""
    return _was_guarded(layer) and id(layer) not in covered


def _unwrapped(view: object) -> Iterable[object]:
    while (view := getattr(view, "__wrapped__", None)) is not None:
        yield view


def _was_guarded(view: object) -> bool:
    try:
        return view in _guarded
    except TypeError:
        return False


def is_open(
    app: Flask, endpoint: str | None, blueprints: Iterable[str], realm: str | None, scope: Blueprint | None
) -> bool:
    """Whether an endpoint needs no login under a protection of the whole app (``scope`` is ``None``) or a blueprint.

    A page that does not exist, a static file, and what is marked exempt need none.

    :param blueprints: the names of the endpoint's blueprints, the innermost first.
    """
    if endpoint is None or view_is_exempt(app.view_functions.get(endpoint), realm):
        return True
    owner: Any = app
    for position, name in enumerate(blueprints):
        blueprint = app.blueprints.get(name)
        if blueprint is None:
            continue  # an endpoint may have a dot in its name without being in a blueprint
        owner = blueprint if position == 0 else owner
        if is_exempt(blueprint, realm):
            return True
        if blueprint is scope:
            break
    # Flask registers the endpoint itself where there is such a folder, so no view of the program's has this name.
    return owner.has_static_folder and endpoint.rpartition(".")[2] == "static"
