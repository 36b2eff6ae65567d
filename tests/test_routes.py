"""Which endpoints need a login: what `flask login routes` lists, against what a request meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from flask_sessionauth import EXEMPT_METHODS, LoginManager, fresh_login_required, login_exempt, login_required
from flask_sessionauth.audit import Route, routes_of
from flask_sessionauth.audit.routes import Guard, Kind

LOGIN = Guard(None, False, None, "view")
FRESH = Guard(None, True, None, "view")


def page(**arguments: Any) -> str:
    return "page"


def new_page() -> Callable[..., str]:
    @wraps(page)
    def view(**arguments: Any) -> str:
        return "page"

    del view.__wrapped__  # type: ignore[attr-defined]
    return view


@pytest.fixture
def manager() -> LoginManager[Any]:
    manager: LoginManager[Any] = LoginManager()
    manager.user_loader(lambda user_id: None)
    return manager


@pytest.fixture
def app(manager: LoginManager[Any]) -> Flask:
    app = Flask("shop")
    app.secret_key = "a-key-of-the-tests-that-is-long-enough"
    manager.init_app(app)
    return app


@pytest.fixture(autouse=True)
def exempt_methods() -> Iterator[None]:
    """The set is the package's own: what a test adds is taken out again."""
    before = set(EXEMPT_METHODS)
    yield
    EXEMPT_METHODS.clear()
    EXEMPT_METHODS.update(before)


def routes(app: Flask, endpoint: str) -> list[Route]:
    return [route for route in routes_of(app) if route.endpoint == endpoint]


def route(app: Flask, endpoint: str) -> Route:
    (found,) = routes(app, endpoint)
    return found


def is_open(app: Flask, path: str, method: str = "GET") -> bool:
    """What a visitor meets."""
    return app.test_client().open(path, method=method).status_code == 200


class TestViews:
    def test_open(self, app: Flask) -> None:
        """A view without a guard is open, and not on purpose."""
        app.add_url_rule("/", "index", new_page())
        assert route(app, "index") == Route("index", "/", None, ("GET",), (), None, False)
        assert route(app, "index").kind is Kind.OPEN

    def test_login(self, app: Flask) -> None:
        """A guarded view needs a login."""
        app.add_url_rule("/", "index", login_required(new_page()), methods=["GET", "POST"])
        assert (route(app, "index").guards, route(app, "index").kind) == ((LOGIN,), Kind.LOGIN)
        assert route(app, "index").methods == ("GET", "POST")

    @pytest.mark.parametrize(
        ("max_age", "lifetime", "age"),
        [(None, None, None), (600, None, 600), (None, timedelta(hours=1), 3600), (600, 60, 60), (600, 6000, 600)],
    )
    def test_fresh(self, app: Flask, max_age: Any, lifetime: Any, age: Any) -> None:
        """A login is fresh enough for the guard's age or the setting's, whichever is shorter."""
        app.config["LOGIN_FRESH_LIFETIME"] = lifetime
        app.add_url_rule("/", "index", fresh_login_required(max_age=max_age)(new_page()))
        assert route(app, "index").guards == (Guard(None, True, age, "view"),)
        assert route(app, "index").kind is Kind.FRESH

    def test_two_guards(self, app: Flask) -> None:
        """All guards are listed; one for a fresh login makes the endpoint need one."""
        app.add_url_rule("/", "index", login_required(fresh_login_required(new_page())))
        assert (route(app, "index").guards, route(app, "index").kind) == ((LOGIN, FRESH), Kind.FRESH)

    def test_realm(self, app: Flask) -> None:
        """A guard of another realm is listed with its name."""
        staff: LoginManager[Any] = LoginManager(app, name="staff")
        app.add_url_rule("/", "index", staff.login_required(new_page()))
        assert route(app, "index").guards == (Guard("staff", False, None, "view"),)

    def test_misplaced(self, app: Flask) -> None:
        """A guard above the route decorator is listed as what it is: none."""
        view = app.get("/bare")(new_page())
        login_required(view)
        (found,) = [r for r in routes_of(app) if r.is_misplaced]
        assert (found.rule, found.kind, found.guards) == ("/bare", Kind.OPEN, ())
        assert is_open(app, "/bare")

    def test_guard_inside_a_decorator(self, app: Flask) -> None:
        """A guard that only a decorator inside could ask is not taken for one: whether it runs is not known."""
        view = new_page()
        login_required(view)
        app.add_url_rule("/", "index", wraps(view)(lambda: view()))
        found = route(app, "index")
        assert (found.kind, found.is_misplaced, found.is_doubtful) == (Kind.OPEN, False, True)

    def test_marked(self, app: Flask) -> None:
        """A view that is marked is open on purpose."""
        app.add_url_rule("/", "index", login_exempt(new_page()))
        assert (route(app, "index").kind, route(app, "index").exemption) == (Kind.EXEMPT, "login_exempt")

    def test_marked_and_guarded(self, app: Flask) -> None:
        """A mark is for hooks: a guard on the view itself stays."""
        app.add_url_rule("/", "index", login_required(login_exempt(new_page())))
        assert (route(app, "index").kind, route(app, "index").exemption) == (Kind.LOGIN, None)
        assert not is_open(app, "/")

    def test_decorator_that_hides_the_guard(self, app: Flask) -> None:
        """What does not say what it wraps hides the guard: better told as open than as closed."""
        guarded = login_required(new_page())
        app.add_url_rule("/", "index", lambda: guarded())
        assert route(app, "index").kind is Kind.OPEN

    def test_host_and_subdomain(self) -> None:
        """A rule for a subdomain says which."""
        app = Flask("shop", subdomain_matching=True, static_folder=None)
        app.config["SERVER_NAME"] = "shop.example"
        LoginManager(app)
        app.add_url_rule("/", "api", new_page(), subdomain="api")
        assert route(app, "api").host == "api"

    def test_method_no_guard_looks_at(self, app: Flask) -> None:
        """Where a program exempts a method, the endpoint is listed twice: open for that one."""
        EXEMPT_METHODS.add("GET")
        app.add_url_rule("/", "index", login_required(new_page()), methods=["GET", "POST"])
        kinds = {r.methods: r.kind for r in routes(app, "index")}
        assert kinds == {("GET",): Kind.OPEN, ("HEAD", "POST"): Kind.LOGIN}
        assert is_open(app, "/")
        assert not is_open(app, "/", "POST")
        assert not is_open(app, "/", "HEAD")

    def test_rule_without_methods(self, app: Flask) -> None:
        """A rule that names no methods is for any, and is listed so."""
        app.url_map.add(app.url_rule_class("/any", endpoint="any"))
        app.view_functions["any"] = new_page()
        assert (route(app, "any").methods, route(app, "any").kind) == (("any",), Kind.OPEN)
        assert is_open(app, "/any", "PURGE")
        app.view_functions["any"] = login_required(new_page())
        assert route(app, "any").kind is Kind.LOGIN
        EXEMPT_METHODS.add("PURGE")
        assert {r.methods: r.kind for r in routes(app, "any")} == {("PURGE",): Kind.OPEN, ("any",): Kind.LOGIN}

    def test_rule_for_options_only(self, app: Flask) -> None:
        """OPTIONS is listed where there is nothing else, and is open whatever guards it."""
        app.add_url_rule("/", "preflight", login_required(new_page()), methods=["OPTIONS"])
        assert (route(app, "preflight").methods, route(app, "preflight").kind) == (("OPTIONS",), Kind.OPEN)
        assert is_open(app, "/", "OPTIONS")

    def test_rule_for_building_only(self, app: Flask) -> None:
        """A rule that no request meets is left out."""
        app.add_url_rule("/elsewhere", "elsewhere", build_only=True)
        assert routes(app, "elsewhere") == []


class TestViewClasses:
    def test_guard_on_the_class(self, app: Flask) -> None:
        """A guard on a view class is on all its methods."""

        @fresh_login_required
        class Item(View):
            def dispatch_request(self) -> str:
                return "page"

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert route(app, "item").guards == (FRESH,)

    def test_guard_on_one_method(self, app: Flask) -> None:
        """A guard on a method of a class is on that method only."""

        class Item(MethodView):
            def get(self) -> str:
                return "page"

            @login_required
            def post(self) -> str:
                return "page"

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert {r.methods: r.guards for r in routes(app, "item")} == {("GET",): (), ("POST",): (LOGIN,)}
        assert is_open(app, "/")
        assert not is_open(app, "/", "POST")

    def test_guard_on_dispatch_request(self, app: Flask) -> None:
        """A guard on ``dispatch_request`` is on all methods."""

        class Item(MethodView):
            @login_required
            def dispatch_request(self, **arguments: Any) -> Any:
                return super().dispatch_request(**arguments)

            def get(self) -> str:
                return "page"

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert route(app, "item").guards == (LOGIN,)
        assert not is_open(app, "/")

    def test_guarded_method_that_is_not_called(self, app: Flask) -> None:
        """A guard on a method counts only where MethodView calls it: another dispatch_request may not."""

        class Item(View):
            methods = ["GET"]

            @login_required
            def get(self) -> str:
                return "page"

            def dispatch_request(self) -> str:
                return "open"

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert route(app, "item").kind is Kind.OPEN
        assert is_open(app, "/")

    def test_head_of_its_own(self, app: Flask) -> None:
        """HEAD is listed where it is guarded otherwise than GET."""

        class Item(MethodView):
            @login_required
            def get(self) -> str:
                return "page"

            def head(self) -> str:
                return ""

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert {r.methods: r.kind for r in routes(app, "item")} == {("GET",): Kind.LOGIN, ("HEAD",): Kind.OPEN}
        assert is_open(app, "/", "HEAD")
        assert not is_open(app, "/")

    def test_head_by_get(self, app: Flask) -> None:
        """HEAD is answered by ``get`` where the class has none of its own, and is left out."""

        class Item(MethodView):
            @login_required
            def get(self) -> str:
                return "page"

        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert (route(app, "item").methods, route(app, "item").guards) == (("GET",), (LOGIN,))
        assert not is_open(app, "/", "HEAD")

    def test_marked_class(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A view class that is marked is open under protect."""

        @login_exempt
        class Item(MethodView):
            def get(self) -> str:
                return "page"

        manager.protect(app)
        app.add_url_rule("/", view_func=Item.as_view("item"))
        assert route(app, "item").exemption == "login_exempt"
        assert is_open(app, "/")


class TestHooks:
    def test_whole_app(self, app: Flask, manager: LoginManager[Any]) -> None:
        """Under protect, an endpoint needs a login by the app's word, unless it is exempt."""
        manager.login_view = "log_in"
        manager.protect(app)
        app.add_url_rule("/", "index", new_page())
        app.add_url_rule("/login", "log_in", new_page())
        app.add_url_rule("/imprint", "imprint", login_exempt(new_page()))
        assert route(app, "index").guards == (Guard(None, False, None, "app"),)
        reasons = {name: route(app, name).exemption for name in ("log_in", "imprint", "static")}
        assert reasons == {"log_in": "login page", "imprint": "login_exempt", "static": "static files"}
        assert {name: is_open(app, path) for name, path in (("index", "/"), ("log_in", "/login"))} == {
            "index": False,
            "log_in": True,
        }

    @pytest.mark.parametrize("view", ["/login", "/login/"])
    def test_login_page_given_as_a_path(self, app: Flask, manager: LoginManager[Any], view: str) -> None:
        """A login page given as a path is known with a slash at its end and without."""
        manager.login_view = view
        manager.protect(app)
        app.add_url_rule("/login", "log_in", new_page())
        assert route(app, "log_in").exemption == "login page"
        assert is_open(app, "/login")

    def test_login_page_given_as_a_path_below_the_root(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A login page's path begins with the path that the app is mounted at."""
        app.config["APPLICATION_ROOT"] = "/shop"
        manager.login_view = "/shop/login"
        manager.protect(app)
        app.add_url_rule("/login", "log_in", new_page())
        assert route(app, "log_in").exemption == "login page"
        assert is_open(app, "/login")

    def test_app_without_a_root(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A root that is not set is none."""
        app.config["APPLICATION_ROOT"] = None
        manager.login_view = "/login"
        app.add_url_rule("/login", "log_in", new_page())
        assert route(app, "log_in").exemption == "login page"

    def test_login_page_with_an_argument(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A page with arguments is another one with the slash than without it."""
        manager.login_view = "/login/"
        manager.protect(app)
        app.add_url_rule("/login", "log_in", new_page(), defaults={"step": 1})
        assert route(app, "log_in").kind is Kind.LOGIN
        assert not is_open(app, "/login")

    def test_login_page_of_a_blueprint(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A blueprint's login page is open, too."""
        manager.blueprint_login_views = {"office": "staff_login"}
        manager.protect(app)
        app.add_url_rule("/staff", "staff_login", new_page())
        assert route(app, "staff_login").exemption == "login page"
        assert is_open(app, "/staff")

    def test_nested_blueprints(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A protected blueprint covers the ones inside it; what is marked there is open."""
        office, reports = Blueprint("office", "x", url_prefix="/office"), Blueprint("reports", "x", url_prefix="/r")
        manager.protect(office)
        reports.add_url_rule("/", "all", new_page())
        reports.add_url_rule("/open", "open", login_exempt(new_page()))
        office.register_blueprint(reports)
        app.register_blueprint(office)
        app.add_url_rule("/", "index", new_page())
        assert route(app, "office.reports.all").guards == (Guard(None, False, None, "blueprint office"),)
        assert route(app, "office.reports.open").exemption == "login_exempt"
        assert route(app, "index").kind is Kind.OPEN
        assert not is_open(app, "/office/r/")
        assert is_open(app, "/office/r/open")

    def test_marked_blueprint(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A blueprint that is marked is open under protect, with its static files."""
        manager.protect(app)
        blueprint = login_exempt(Blueprint("docs", "x", url_prefix="/docs"))
        blueprint.add_url_rule("/", "show", new_page())
        app.register_blueprint(blueprint)
        assert route(app, "docs.show").exemption == "login_exempt"

    def test_blueprint_registered_twice(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A blueprint under two names is protected under both."""
        blueprint = Blueprint("b", "x")
        manager.protect(blueprint)
        blueprint.add_url_rule("/", "show", new_page())
        app.register_blueprint(blueprint, url_prefix="/one")
        app.register_blueprint(blueprint, url_prefix="/two", name="two")
        assert [route(app, name).kind for name in ("b.show", "two.show")] == [Kind.LOGIN, Kind.LOGIN]
        assert not is_open(app, "/two/")

    def test_exempt_in_one_realm_only(self, app: Flask, manager: LoginManager[Any]) -> None:
        """An exemption is one realm's: the other's protection stays."""
        staff: LoginManager[Any] = LoginManager(app, name="staff")
        manager.protect(app)
        staff.protect(app)
        app.add_url_rule("/", "index", login_exempt(new_page()))
        assert route(app, "index").guards == (Guard("staff", False, None, "app"),)
        assert not is_open(app, "/")

    def test_guard_on_a_hook_of_ones_own(self, app: Flask) -> None:
        """A guarded ``before_request`` function covers everything, with no exemption."""

        @app.before_request
        @login_required
        def everybody() -> None: ...

        app.add_url_rule("/", "index", login_exempt(new_page()))
        assert route(app, "index").guards == (Guard(None, False, None, "app"),)
        assert route(app, "static").kind is Kind.LOGIN
        assert not is_open(app, "/")

    def test_misplaced_but_covered(self, app: Flask, manager: LoginManager[Any]) -> None:
        """Under protect, a view with a misplaced guard needs a login, but its guard is told to be missing."""
        manager.protect(app)
        view = app.get("/bare")(new_page())
        fresh_login_required(view)
        (found,) = [r for r in routes_of(app) if r.rule == "/bare"]
        assert (found.kind, found.is_misplaced) == (Kind.LOGIN, True)

    def test_endpoint_with_a_dot_that_is_in_no_blueprint(self, app: Flask, manager: LoginManager[Any]) -> None:
        """A dot in an endpoint's name makes no blueprint."""
        manager.protect(app)
        app.url_map.add(app.url_rule_class("/", endpoint="a.b", methods={"GET"}))
        app.view_functions["a.b"] = new_page()
        assert route(app, "a.b").kind is Kind.LOGIN
