"""What guards write down: who is guarded, who is open on purpose, and who is open by mistake."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from flask_sessionauth import LoginManager
from flask_sessionauth.errors import MisplacedGuardWarning
from flask_sessionauth.protection import (
    Protection,
    doubtful,
    guards_of,
    is_exempt,
    is_open,
    mark_exempt,
    mark_guarded,
    mark_hook,
    misplaced,
    view_is_exempt,
)

LOGIN = Protection()
FRESH = Protection(fresh=True, max_age=600.0)
ADMIN = Protection("admin")

ViewFunction = Callable[..., Any]


def guard(need: Protection = LOGIN) -> Callable[[Any], Any]:
    """A guard that lets everybody pass, and writes down what a real one would."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        mark_guarded(guarded, view, need)
        return guarded

    return decorate


def cached(view: ViewFunction) -> ViewFunction:
    """Any other well-behaved decorator."""

    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


def new_view() -> ViewFunction:
    def view() -> str:
        return "a page"

    return view


# Marks.


def test_a_plain_view_has_no_guards() -> None:
    """What no guard was put on has none, be it a view or anything."""
    for thing in (new_view(), cached(new_view()), None, 5, "view", object()):
        assert guards_of(thing) == ()


def test_a_guard_is_written_on_the_wrapper() -> None:
    """The guarded view says what guards it; the view itself does not."""
    view = new_view()
    guarded = guard(FRESH)(view)
    assert guards_of(guarded) == (FRESH,)
    assert guards_of(view) == ()


def test_guards_are_listed_from_the_outside() -> None:
    """Several guards are all written down, the outermost first, also across other decorators."""
    assert guards_of(guard(ADMIN)(cached(guard(FRESH)(guard(LOGIN)(new_view()))))) == (ADMIN, FRESH, LOGIN)
    assert guards_of(cached(guard(LOGIN)(new_view()))) == (LOGIN,)


def test_a_hook_says_what_it_asks_for() -> None:
    """A function that guards a whole app is marked, too."""
    hook = new_view()
    mark_hook(hook, ADMIN)
    assert guards_of(hook) == (ADMIN,)


def test_the_default_is_a_login_in_the_default_realm() -> None:
    """A guard without arguments asks for a login, fresh or not."""
    assert Protection() == Protection(realm=None, fresh=False, max_age=None)


# Exemption.


@pytest.mark.parametrize("target", [new_view(), type("Page", (View,), {}), Blueprint("b", "b"), partial(new_view())])
def test_an_exempt_thing_is_open_in_its_realm_only(target: Any) -> None:
    """A view, view class or blueprint is exempt in the realm that was said, returned as it is, and can be in more."""
    assert not is_exempt(target, None)
    assert mark_exempt(target, None) is target
    assert is_exempt(target, None)
    assert not is_exempt(target, "admin")
    assert not is_exempt(target, "None")
    mark_exempt(target, "admin")
    assert is_exempt(target, None)
    assert is_exempt(target, "admin")


@pytest.mark.parametrize("thing", [None, 5, "view", object(), len, {"__sessionauth_exempt__": {None}}])
def test_what_cannot_be_marked_is_not_exempt(thing: object) -> None:
    """To ask anything whether it is exempt is no error."""
    assert not is_exempt(thing, None)
    assert not view_is_exempt(thing, None)


def test_the_subclass_of_an_open_view_class_is_not_open() -> None:
    """Exemption is not inherited, and not handed up to the parent either."""

    class Open(View):
        pass

    class Child(Open):
        pass

    class Sibling(Open):
        pass

    mark_exempt(Open, None)
    assert is_exempt(Open, None)
    assert not is_exempt(Child, None)
    mark_exempt(Child, "admin")
    assert is_exempt(Child, "admin")
    assert not is_exempt(Child, None)
    assert not is_exempt(Open, "admin")
    assert not is_exempt(Sibling, None)


def test_a_view_made_from_an_open_class_is_open() -> None:
    """`as_view()` of an exempt class is exempt, of its subclass is not, and of a class with decorators still is."""

    class Open(MethodView):
        decorators = [cached]

    class Child(Open):
        pass

    mark_exempt(Open, None)
    assert view_is_exempt(Open.as_view("open"), None)
    assert not view_is_exempt(Open.as_view("open"), "admin")
    assert not view_is_exempt(Child.as_view("child"), None)


def test_a_decorator_keeps_the_exemption() -> None:
    """Another decorator above login_exempt does not close the view."""
    assert view_is_exempt(cached(mark_exempt(new_view(), None)), None)


# Guards that stand in the wrong place.


def endpoints(app: Flask) -> list[str]:
    return sorted(misplaced(app.view_functions))


@pytest.fixture
def app() -> Flask:
    return Flask("app", static_folder=None)


def test_a_guard_below_the_route_is_in_its_place(app: Flask) -> None:
    """The right order is not reported, nor is a view without a guard."""
    app.route("/a", endpoint="a")(guard()(new_view()))
    app.route("/b", endpoint="b")(guard()(guard(FRESH)(cached(new_view()))))
    app.route("/c", endpoint="c")(cached(guard()(new_view())))
    app.route("/open", endpoint="open")(new_view())
    assert endpoints(app) == []


def test_a_guard_above_the_route_is_found(app: Flask) -> None:
    """A guard that was put on the view after its registration never runs: its endpoint is reported."""
    guard()(app.route("/a", endpoint="a")(new_view()))
    app.route("/b", endpoint="b")(guard()(new_view()))
    assert endpoints(app) == ["a"]


def test_a_guard_above_several_routes_is_found_at_each(app: Flask) -> None:
    """Each endpoint of the view is reported."""
    guard()(app.route("/a", endpoint="a")(app.route("/b", endpoint="b")(new_view())))
    assert endpoints(app) == ["a", "b"]


def test_two_guards_above_the_route_are_found(app: Flask) -> None:
    """Several guards above the route do not hide each other."""
    guard(FRESH)(guard()(app.route("/a", endpoint="a")(new_view())))
    assert endpoints(app) == ["a"]


@pytest.mark.parametrize("above", [FRESH, ADMIN])
def test_a_guard_above_the_route_of_a_guarded_view_is_found(app: Flask, above: Protection) -> None:
    """A guard below the route does not hide one above it, which asks for more and never runs."""
    guard(above)(app.route("/a", endpoint="a")(guard()(new_view())))
    assert endpoints(app) == ["a"]


def test_a_guard_above_a_route_with_a_decorator_below_is_found(app: Flask) -> None:
    """A decorator between the route and the view hides nothing."""
    guard()(app.route("/a", endpoint="a")(cached(new_view())))
    assert endpoints(app) == ["a"]


def test_a_guard_above_a_route_with_a_decorator_between_is_found(app: Flask) -> None:
    """A decorator between the guard and the route hides nothing either."""
    guard()(cached(app.route("/a", endpoint="a")(new_view())))
    assert endpoints(app) == ["a"]


def test_a_guard_that_only_a_decorator_knows_is_doubtful(app: Flask) -> None:
    """A guarded view registered under a decorator, without its guard, is reported as what may be open.

    The decorator may ask the guard, or not.
    """
    view = new_view()
    app.route("/a", endpoint="a")(cached(view))
    guarded = guard()(view)
    assert endpoints(app) == []
    assert sorted(doubtful(app.view_functions)) == ["a"]
    app.view_functions["a"] = cached(guarded)
    assert sorted(doubtful(app.view_functions)) == []


def test_a_doubtful_guard_is_not_warned_of(app: Flask) -> None:
    """The first request of an app under debug warns of guards that never run, not of those that may."""
    app.secret_key = "a-key-of-the-tests-that-is-long-enough"
    app.debug = True
    LoginManager(app)
    view = new_view()
    guard()(view)
    app.add_url_rule("/a", "a", cached(view))
    assert app.test_client().get("/a").status_code == 200
    other = Flask("other", static_folder=None)
    other.debug = True
    LoginManager(other)
    guard()(other.route("/b", endpoint="b")(new_view()))
    with pytest.warns(MisplacedGuardWarning, match="'b'"):
        other.test_client().get("/b")


def test_a_guard_that_never_runs_is_not_doubtful(app: Flask) -> None:
    """Each endpoint is reported once: for sure, or as doubtful."""
    guard()(app.route("/a", endpoint="a")(cached(new_view())))
    assert endpoints(app) == ["a"]
    assert sorted(doubtful(app.view_functions)) == []


def test_a_view_registered_both_ways_is_open_on_purpose(app: Flask) -> None:
    """A view with a guarded and an open endpoint is not reported, whichever was first."""
    view = new_view()
    app.add_url_rule("/open", "open", view)
    app.add_url_rule("/guarded", "guarded", guard()(view))
    assert endpoints(app) == []
    other = new_view()
    app.add_url_rule("/guarded2", "guarded2", cached(guard()(cached(other))))
    app.add_url_rule("/open2", "open2", other)
    assert endpoints(app) == []


def test_a_guard_of_another_view_is_no_excuse(app: Flask) -> None:
    """That some other view is guarded in the right way does not hide a misplaced guard."""
    app.add_url_rule("/guarded", "guarded", guard()(new_view()))
    guard()(app.route("/a", endpoint="a")(new_view()))
    assert endpoints(app) == ["a"]


def test_guarded_view_classes_are_in_their_place(app: Flask) -> None:
    """A class with a guard among its decorators makes guarded views."""

    class Page(MethodView):
        decorators = [guard()]

    class Child(Page):
        pass

    app.add_url_rule("/page", view_func=Page.as_view("page"))
    app.add_url_rule("/child", view_func=Child.as_view("child"))
    assert guards_of(app.view_functions["page"]) == guards_of(app.view_functions["child"]) == (LOGIN,)
    assert endpoints(app) == []


def test_a_guard_on_what_as_view_made_is_found_if_it_came_too_late(app: Flask) -> None:
    """A class-based view that was registered before it was guarded is reported."""

    class Page(MethodView):
        pass

    view = Page.as_view("page")
    app.add_url_rule("/page", view_func=view)
    guard()(view)
    assert endpoints(app) == ["page"]


def test_a_callable_object_can_be_a_view(app: Flask) -> None:
    """Views that cannot be weakly referenced, or hashed, are no error; a guard on them is not found."""

    class Slotted:
        __slots__ = ()
        __name__ = "slotted"

        def __call__(self) -> str:
            return "a page"

    class Unhashable:
        __name__ = "unhashable"
        __hash__ = None  # type: ignore[assignment]

        def __call__(self) -> str:
            return "a page"

    for endpoint, view in (("slotted", Slotted()), ("unhashable", Unhashable())):
        app.add_url_rule(f"/{endpoint}", endpoint, view)
        mark_guarded(new_view(), view, LOGIN)
    assert endpoints(app) == []


# Protection of a whole app or blueprint.


class Site:
    """An app with a blueprint in a blueprint, each with a view and static files."""

    def __init__(self) -> None:
        self.app = Flask("app", static_folder="static")
        self.inner = Blueprint("inner", "inner", url_prefix="/inner", static_folder="static")
        self.outer = Blueprint("outer", "outer", url_prefix="/outer", static_folder="static")
        self.bare = Blueprint("bare", "bare", url_prefix="/bare")
        self.views = {
            name: new_view() for name in ("home", "outer.page", "outer.inner.page", "bare.page", "bare.static")
        }
        self.app.add_url_rule("/", "home", self.views["home"])
        self.inner.add_url_rule("/", "page", self.views["outer.inner.page"])
        self.outer.add_url_rule("/", "page", self.views["outer.page"])
        self.bare.add_url_rule("/", "page", self.views["bare.page"])
        self.bare.add_url_rule("/static", "static", self.views["bare.static"])

    def register(self) -> None:
        self.outer.register_blueprint(self.inner)
        self.app.register_blueprint(self.outer)
        self.app.register_blueprint(self.bare)

    def open(self, realm: str | None = None, scope: Blueprint | None = None) -> set[str]:
        """The endpoints that need no login."""
        found = set()
        for endpoint in self.app.view_functions:
            parts = endpoint.split(".")[:-1]
            blueprints = [".".join(parts[:i]) for i in range(len(parts), 0, -1)]
            if is_open(self.app, endpoint, blueprints, realm, scope):
                found.add(endpoint)
        return found


STATIC = {"static", "outer.static", "outer.inner.static"}


@pytest.fixture
def site() -> Site:
    return Site()


def test_static_files_are_open(site: Site) -> None:
    """Static files of the app and its blueprints are open; a view that only bears the name is not."""
    site.register()
    assert site.open() == STATIC


def test_a_page_that_does_not_exist_is_open(site: Site) -> None:
    """An unknown URL is answered with 404 as ever; so is one whose endpoint has no view."""
    site.register()
    assert is_open(site.app, None, (), None, None)
    assert not is_open(site.app, "no_view", (), None, None)


def test_an_exempt_view_is_open(site: Site) -> None:
    """What is marked exempt is open, in that realm, and nothing else."""
    mark_exempt(site.views["outer.page"], None)
    mark_exempt(site.views["home"], "admin")
    site.register()
    assert site.open() == STATIC | {"outer.page"}
    assert site.open("admin") == STATIC | {"home"}


def test_an_exempt_blueprint_is_open_with_all_in_it(site: Site) -> None:
    """An exempt blueprint opens its own views and those of the blueprints in it."""
    mark_exempt(site.outer, None)
    site.register()
    assert site.open() == STATIC | {"outer.page", "outer.inner.page"}
    assert site.open("admin") == STATIC


def test_an_exempt_inner_blueprint_does_not_open_the_outer_one(site: Site) -> None:
    """Exemption goes inwards, not outwards."""
    mark_exempt(site.inner, None)
    site.register()
    assert site.open() == STATIC | {"outer.inner.page"}


def test_an_exemption_around_the_protected_blueprint_does_not_open_it(site: Site) -> None:
    """A blueprint that is protected itself stays so in an exempt one; its own exemption would open it."""
    mark_exempt(site.outer, None)
    site.register()
    assert "outer.inner.page" in site.open(scope=site.outer)
    assert "outer.inner.page" not in site.open(scope=site.inner)
    mark_exempt(site.inner, None)
    assert "outer.inner.page" in site.open(scope=site.inner)


def test_an_app_without_static_files_has_none_open() -> None:
    """Where there is no static folder, an endpoint of that name is a view like any other."""
    app = Flask("app", static_folder=None)
    app.add_url_rule("/static", "static", new_view())
    assert not is_open(app, "static", (), None, None)
