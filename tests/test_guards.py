"""Guards: who passes, what the others get, and what is found when a guard is in the wrong place."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.views import MethodView, View
from scene import REDIRECT, User, Users

from flask_sessionauth import (
    EXEMPT_METHODS,
    ConfigurationError,
    LoginDisabledWarning,
    LoginManager,
    MisplacedGuardWarning,
    SetupError,
    current_user,
    fresh_login_required,
    get_user,
    login_exempt,
    login_required,
    require_user,
)
from flask_sessionauth.protection import Protection, guards_of


class TestLoginRequired:
    """The guard on a view."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PURGE"])
    def test_every_method_is_guarded(self, client: Any, users: Users, method: str) -> None:
        """HEAD and methods of one's own are refused as GET is, and pass with a login."""
        assert client.open("/private", method=method).status_code == REDIRECT
        client.login(users["1"])
        assert client.open("/private", method=method).status_code == 200

    def test_next_is_sent_for_safe_methods_only(self, client: Any) -> None:
        """The login page does not lead back to what a form was sent to."""
        assert client.get("/private?a=b").location == "/login?next=%2Fprivate%3Fa%3Db"
        assert client.head("/private").location == "/login?next=%2Fprivate"
        assert client.post("/private").location == "/login"

    def test_session_next_is_not_kept_for_unsafe_methods(self, make_app: Any) -> None:
        """Nor by way of the session; an older one is dropped."""
        client = make_app(USE_SESSION_FOR_NEXT=True).test_client()
        client.get("/private")
        client.post("/private")
        with client.session_transaction() as stored:
            assert "next" not in stored

    def test_exempt_methods(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        """OPTIONS passes, and what a program adds."""

        @app.route("/both", methods=["OPTIONS", "REPORT"], provide_automatic_options=False)
        @login_required
        def both() -> str:
            return "passed"

        client = app.test_client()
        assert client.options("/both").text == "passed"
        assert client.open("/both", method="REPORT").status_code == REDIRECT
        EXEMPT_METHODS.add("REPORT")
        try:
            assert client.open("/both", method="REPORT").text == "passed"
        finally:
            EXEMPT_METHODS.discard("REPORT")

    @pytest.mark.parametrize("guard", [login_required, login_required(), fresh_login_required, fresh_login_required()])
    def test_with_and_without_parentheses(self, app: Flask, users: Users, guard: Any) -> None:
        """Both forms guard, and keep the view's name."""

        @app.get("/guarded")
        @guard
        def guarded() -> str:
            return "in"

        assert guarded.__name__ == "guarded"
        assert app.test_client().get("/guarded").status_code == REDIRECT
        assert app.test_client(user=users["1"]).get("/guarded").text == "in"

    def test_anonymous_user_none_is_refused(self, app: Flask) -> None:
        """A factory of anonymous users that returns None lets nobody in, and breaks nothing."""
        app.login_manager.anonymous_user = lambda: None
        client = app.test_client()
        for page in ("/private", "/fresh", "/recent"):
            assert client.get(page).status_code == REDIRECT
        assert client.get("/who").json["user"] is None

    @pytest.mark.parametrize("page", ["/private", "/everything"])
    def test_handler_that_answers_nothing_lets_nobody_in(self, make_app: Any, page: str) -> None:
        """An unauthorized handler that forgets to return is a 401, also under ``protect``."""
        app = make_app()
        app.login_manager.unauthorized_handler(lambda: None)
        everything = Blueprint("everything", __name__)
        everything.add_url_rule("/everything", view_func=lambda: "secret", endpoint="all")
        app.login_manager.protect(everything)
        app.register_blueprint(everything)
        assert app.test_client().get(page).status_code == 401

    @pytest.mark.parametrize("age", [0, -1, "ten minutes", True, float("nan"), timedelta(days=-1)])
    def test_wrong_max_age(self, age: Any) -> None:
        """An age that is no duration is refused where the view is written."""
        with pytest.raises(ConfigurationError, match="allowed: a timedelta or a number of seconds"):
            fresh_login_required(max_age=age)

    def test_max_age_as_timedelta(self, app: Flask, users: Users, clock: Any) -> None:
        """Both sides of the limit."""

        @app.get("/minute")
        @fresh_login_required(max_age=timedelta(minutes=1))
        def minute() -> str:
            return ""

        client = app.test_client(user=users["1"])
        clock.advance(60)
        assert client.get("/minute").status_code == 200
        clock.advance(1)
        assert client.get("/minute").status_code == REDIRECT

    @pytest.mark.parametrize("target", [Blueprint("b", __name__), Flask("scene"), object, "view", None.__class__])
    def test_not_a_view(self, target: Any) -> None:
        """What is no view is refused at once, with what to use instead."""
        with pytest.raises(TypeError, match=r"a guard goes on a view"):
            login_required(target)

    def test_app_without_a_manager(self) -> None:
        """It is told what is missing, and nobody passes."""
        app = Flask("app")
        app.add_url_rule("/page", view_func=login_required(lambda: "in"), endpoint="page")
        app.testing = True
        with pytest.raises(SetupError, match=r"no default LoginManager; call LoginManager\(\).init_app\(app\) first"):
            app.test_client().get("/page")

    def test_guards_write_down_what_they_guard(self) -> None:
        """Also through decorators of the program's own that use functools.wraps."""

        def own(view: Callable[[], str]) -> Callable[[], str]:
            @wraps(view)
            def wrapper() -> str:
                return view()

            return wrapper

        @own
        @login_required
        @fresh_login_required(max_age=60)
        def view() -> str:
            return ""

        assert guards_of(view) == (Protection(), Protection(fresh=True, max_age=60))


class TestViewClasses:
    """Class-based views."""

    def test_function_made_of_a_class(self, app: Flask, users: Users) -> None:
        """The guard in ``decorators``, the guard on the class, and on one method."""

        class Listed(MethodView):
            decorators = [login_required]

            def get(self) -> str:
                return "listed"

        @login_required
        class Guarded(View):
            def dispatch_request(self) -> str:
                return "guarded"

        class Method(MethodView):
            def get(self) -> str:
                return "open"

            @login_required
            def post(self) -> str:
                return "closed"

        app.add_url_rule("/listed", view_func=Listed.as_view("listed"))
        app.add_url_rule("/guarded", view_func=Guarded.as_view("guarded"))
        app.add_url_rule("/method", view_func=Method.as_view("method"))
        nobody, ada = app.test_client(), app.test_client(user=users["1"])
        for page in ("/listed", "/guarded"):
            assert nobody.get(page).status_code == REDIRECT
            assert ada.get(page).text == page[1:]
        assert nobody.get("/method").text == "open"
        assert nobody.post("/method").status_code == REDIRECT
        assert ada.post("/method").text == "closed"

    def test_guard_on_a_class_is_inherited_but_not_shared(self, app: Flask) -> None:
        """A guarded class guards its children, and leaves its parent open."""

        class Parent(View):
            def dispatch_request(self) -> str:
                return "open"

        @login_required
        class Child(Parent):
            pass

        class Grandchild(Child):
            pass

        for cls in (Parent, Child, Grandchild):
            app.add_url_rule(f"/{cls.__name__}", view_func=cls.as_view(cls.__name__))
        client = app.test_client()
        assert [client.get(f"/{name}").status_code for name in ("Parent", "Child", "Grandchild")] == [
            200,
            REDIRECT,
            REDIRECT,
        ]


class TestAsync:
    """Views, loaders and handlers may be coroutine functions."""

    def test_async_view(self, app: Flask, users: Users) -> None:
        """Guarded like any other."""

        @app.get("/async")
        @login_required
        async def view() -> str:
            return f"async {current_user.name}"

        assert app.test_client().get("/async").status_code == REDIRECT
        assert app.test_client(user=users["1"]).get("/async").text == "async ada"

    @pytest.mark.parametrize("guarded", [True, False])
    def test_async_loader_in_an_async_view(self, app: Flask, users: Users, guarded: bool) -> None:
        """The loader runs, whether the guard asks first or the view does, inside its own event loop."""

        async def load(user_id: str) -> User | None:
            return users.get(user_id)

        app.login_manager.user_loader(load)

        async def view() -> str:
            return f"async {current_user.name}"

        app.add_url_rule("/async", view_func=login_required(view) if guarded else view)
        client = app.test_client()
        client.login(users["1"], remember=True)
        assert client.get("/async").text == "async ada"
        client.delete_cookie("session")
        assert client.get("/async").text == "async ada"

    def test_async_loader_that_fails(self, app: Flask, users: Users) -> None:
        """Its exception is the view's, and nobody is logged in by it."""

        async def load(user_id: str) -> None:
            raise LookupError("no database")

        app.login_manager.user_loader(load)
        client = app.test_client(user=users["1"])
        with pytest.raises(LookupError):
            client.get("/private")

    def test_async_request_loader_and_handlers(self, app: Flask, users: Users) -> None:
        """A request loader and both handlers, too."""
        manager = app.login_manager

        @manager.request_loader
        async def from_request(request: Any) -> User | None:
            return users.get(request.headers.get("X-Id", ""))

        @manager.unauthorized_handler
        async def unauthorized() -> Any:
            return "async no", 401

        @manager.needs_refresh_handler
        async def needs_refresh() -> Any:
            return "async again", 401

        client = app.test_client()
        assert client.get("/private").text == "async no"
        assert client.get("/private", headers={"X-Id": "1"}).text == "private ada"
        assert client.get("/fresh", headers={"X-Id": "1"}).text == "async again"

    def test_async_method_of_a_subclass(self, make_app: Any) -> None:
        """A subclass may override ``unauthorized`` with a coroutine function."""

        class Mine(LoginManager[User]):
            async def unauthorized(self) -> Any:
                return "async no", 403

        assert make_app(Mine()).test_client().get("/private").status_code == 403


class TestRequireUser:
    """`get_user` and `require_user`."""

    def test_require_user(self, app: Flask, users: Users) -> None:
        """It returns the user, or answers as the guard does, headers included."""

        @app.get("/required")
        def required() -> str:
            user: User = require_user()
            return user.name

        refused = app.test_client().get("/required")
        assert refused.location == "/login?next=%2Frequired"
        assert refused.headers["Cache-Control"] == "private"
        assert app.test_client(user=users["1"]).get("/required").text == "ada"

    def test_get_user(self, app: Flask, users: Users) -> None:
        """The user, or None for a visitor, for one who is not active, and outside a request."""
        assert get_user() is None
        with app.test_request_context():
            assert get_user() is None
            app.login_manager.login_user(users["3"], force=True)
            assert get_user() is None
            app.login_manager.login_user(users["1"])
            assert get_user() is users["1"]


class TestLoginDisabled:
    """LOGIN_DISABLED is for tests."""

    def test_under_testing(self, make_app: Any, users: Users) -> None:
        """Guards and protection let everybody pass, and ask for nobody."""
        app = make_app(LoginManager(require_login=True), LOGIN_DISABLED=True)
        client = app.test_client()
        assert client.get("/fresh").text == "fresh"
        assert client.get("/public").text == "public"
        assert users.loads == 0

    def test_elsewhere(self, make_app: Any) -> None:
        """Without TESTING it does nothing but warn."""
        client = make_app(LOGIN_DISABLED=True, TESTING=False).test_client()
        with pytest.warns(LoginDisabledWarning, match="works under TESTING only"):
            assert client.get("/fresh").status_code == REDIRECT


def tree(app: Flask, manager: Any, *, protect: str | None = None, exempt: tuple[str, ...] = ()) -> None:
    """Three blueprints, one in the other: /outer, /outer/middle, /outer/middle/inner."""
    prints = {name: Blueprint(name, __name__, url_prefix=f"/{name}") for name in ("outer", "middle", "inner")}
    for name, blueprint in prints.items():
        blueprint.add_url_rule("", view_func=lambda name=name: name, endpoint="index")
        if name == protect:
            manager.protect(blueprint)
        if name in exempt:
            manager.login_exempt(blueprint)
    prints["middle"].register_blueprint(prints["inner"])
    prints["outer"].register_blueprint(prints["middle"])
    app.register_blueprint(prints["outer"])


TREE = ("/outer", "/outer/middle", "/outer/middle/inner")


class TestProtect:
    """Login required by default."""

    def statuses(self, app: Flask) -> list[int]:
        return [app.test_client().get(page).status_code for page in TREE]

    def test_whole_app(self, make_app: Any, users: Users) -> None:
        """Every page needs a login, but the login page, static files, and what does not exist."""
        app = make_app(LoginManager(require_login=True))
        files = Blueprint(
            "files", __name__, static_folder=Path(__file__).parent, static_url_path="/static", url_prefix="/files"
        )
        app.register_blueprint(files)
        tree(app, app.login_manager)
        client = app.test_client()
        for page in ("/public", "/who", "/template", "/logout", *TREE):
            assert client.get(page).location.startswith("/login"), page
            assert client.post(page).status_code in (REDIRECT, 405), page
        assert client.get("/login").text == "log in"
        with client.get("/files/static/test_guards.py") as response:
            assert response.status_code == 200
        assert client.get("/missing").status_code == 404
        client.login(users["1"])
        assert client.get("/public").text == "public"

    def test_view_named_static_is_not_a_static_file(self, make_app: Any) -> None:
        """Only an endpoint that Flask made for a folder is exempt."""
        app = make_app(LoginManager(require_login=True))
        shop = Blueprint("shop", __name__)
        shop.add_url_rule("/shop", view_func=lambda: "secret", endpoint="static")
        app.register_blueprint(shop)
        assert app.test_client().get("/shop").status_code == REDIRECT

    @pytest.mark.parametrize(
        ("protected", "expected"),
        [
            ("outer", [REDIRECT, REDIRECT, REDIRECT]),
            ("middle", [200, REDIRECT, REDIRECT]),
            ("inner", [200, 200, REDIRECT]),
        ],
    )
    def test_blueprint_and_what_is_in_it(self, app: Flask, protected: str, expected: list[int]) -> None:
        """A protected blueprint protects the nested ones, and none outside it."""
        tree(app, app.login_manager, protect=protected)
        assert self.statuses(app) == expected
        assert app.test_client().get("/public").status_code == 200

    @pytest.mark.parametrize(
        ("exempt", "expected"),
        [(("outer",), [200, 200, 200]), (("middle",), [REDIRECT, 200, 200]), (("inner",), [REDIRECT, REDIRECT, 200])],
    )
    def test_exempt_blueprint_under_a_protected_app(self, make_app: Any, exempt: Any, expected: list[int]) -> None:
        """An exempt blueprint opens what is in it."""
        app = make_app(LoginManager(require_login=True))
        tree(app, app.login_manager, exempt=exempt)
        assert self.statuses(app) == expected

    def test_nearest_word_counts(self, app: Flask) -> None:
        """A blueprint protected inside an exempt one is protected."""
        tree(app, app.login_manager, protect="middle", exempt=("outer",))
        assert self.statuses(app) == [200, REDIRECT, REDIRECT]

    def test_exempt_views(self, make_app: Any) -> None:
        """A view, a view under a further decorator, and a view class may be open; a subclass is closed again."""
        app = make_app(LoginManager(require_login=True))

        @app.get("/view")
        @login_exempt
        def view() -> str:
            return "open"

        @login_exempt
        class Open(View):
            def dispatch_request(self) -> str:
                return "open"

        class Closed(Open):
            pass

        app.add_url_rule("/open", view_func=Open.as_view("open"))
        app.add_url_rule("/closed", view_func=Closed.as_view("closed"))
        client = app.test_client()
        assert [client.get(page).status_code for page in ("/view", "/open", "/closed")] == [200, 200, REDIRECT]

    @pytest.mark.parametrize("view", ["auth.login", "/auth/login", "/auth/login/"])
    def test_login_pages_are_open(self, make_app: Any, view: str) -> None:
        """However the login page is given, and for blueprints, too; no other page is taken for it."""
        manager: LoginManager[User] = LoginManager(require_login=True)
        manager.login_view = view
        manager.blueprint_login_views = {"shop": "shop_login"}
        app = make_app(manager)
        auth = Blueprint("auth", __name__, url_prefix="/auth")
        auth.add_url_rule("/login", view_func=lambda: "auth", endpoint="login")
        auth.add_url_rule("/other", view_func=lambda: "other", endpoint="other")
        app.register_blueprint(auth)
        app.add_url_rule("/shop/login", endpoint="shop_login", view_func=lambda: "shop")
        client = app.test_client()
        assert client.get("/auth/login").text == "auth"
        assert client.get("/shop/login").text == "shop"
        assert client.get("/auth/other").status_code == REDIRECT
        assert client.get("/login").status_code == REDIRECT

    def test_login_page_elsewhere_opens_nothing_here(self, make_app: Any) -> None:
        """A login page given as a URL is another site's, whatever the Host header says."""
        manager: LoginManager[User] = LoginManager(require_login=True)
        manager.login_view = "https://sso.example/public"
        client = make_app(manager).test_client()
        for base_url in ("http://localhost", "https://sso.example"):
            assert client.get("/public", base_url=base_url).status_code == REDIRECT

    def test_page_that_differs_from_the_login_page_by_a_slash(self, make_app: Any) -> None:
        """A view for any path does not become the login page by a slash; the login page itself may have one."""
        manager: LoginManager[User] = LoginManager(require_login=True)
        manager.login_view = "/login"
        manager.blueprint_login_views = {"shop": "/shop/in"}
        app = make_app(manager)
        app.add_url_rule("/<path:anything>", "anything", lambda anything: "secret")
        app.add_url_rule("/shop/in/", "shop_in", lambda: "shop")
        client = app.test_client()
        assert client.get("/login").text == "log in"
        assert client.get("/login/").status_code == REDIRECT
        assert client.get("/shop/in/").text == "shop"

    def test_endpoint_with_a_dot_and_no_blueprint(self, make_app: Any) -> None:
        """Such an endpoint is guarded like any other."""
        app = make_app(LoginManager(require_login=True))
        app.add_url_rule("/dotted", endpoint="api.dotted", view_func=lambda: "secret")
        assert app.test_client().get("/dotted").status_code == REDIRECT

    def test_protect_takes_apps_and_blueprints(self, app: Flask) -> None:
        """Anything else is refused with what to use."""
        with pytest.raises(TypeError, match="login_required"):
            app.login_manager.protect(lambda: "")


class TestNegotiation:
    """A program gets a 401 that it understands."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Accept": "application/json"},
            {"Accept": "application/problem+json"},
            {"Accept": "application/json, text/plain, */*"},
            {"X-Requested-With": "XMLHttpRequest"},
        ],
    )
    @pytest.mark.parametrize("page", ["/private", "/fresh"])
    def test_json(self, client: Any, users: Users, headers: dict[str, str], page: str) -> None:
        """A problem document, no redirect, and no message left in the session."""
        if page == "/fresh":
            client.login(users["1"], fresh=False)
        response = client.get(page, headers=headers)
        assert response.status_code == 401
        assert response.mimetype == "application/problem+json"
        assert response.json["status"] == 401
        assert response.json["title"] == "Unauthorized"
        assert {"cookie", "accept", "x-requested-with", "hx-request"} <= response.vary.as_set()
        with client.session_transaction() as stored:
            assert "_flashes" not in stored

    def test_htmx(self, client: Any) -> None:
        """htmx is told to load the login page, with the page it shows as the way back."""
        page = {"HX-Request": "true", "HX-Current-URL": "http://localhost/page?a=b"}
        response = client.get("/private", headers=page)
        assert response.status_code == 401
        assert response.headers["HX-Redirect"] == "/login?next=%2Fpage%3Fa%3Db"
        assert client.post("/private", headers=page).headers["HX-Redirect"] == "/login"
        elsewhere = {**page, "HX-Current-URL": "http://evil.example/"}
        assert client.get("/private", headers=elsewhere).headers["HX-Redirect"] == "/login"
        boosted = {**page, "HX-Boosted": "true"}
        assert client.get("/private", headers=boosted).headers["HX-Redirect"] == "/login?next=%2Fprivate"

    def test_switched_off(self, make_app: Any) -> None:
        """LOGIN_NEGOTIATE=False redirects everybody."""
        client = make_app(LOGIN_NEGOTIATE=False).test_client()
        assert client.get("/private", headers={"Accept": "application/json"}).status_code == REDIRECT

    @pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", None])
    def test_browser(self, client: Any, accept: str | None) -> None:
        """A browser, curl and a client that says nothing are redirected."""
        headers = {} if accept is None else {"Accept": accept}
        assert client.get("/private", headers=headers).status_code == REDIRECT


class TestMisplacedGuard:
    """A guard above the route decorator leaves the view open."""

    def misplace(self, app: Flask) -> None:
        @login_required
        @app.get("/open")
        def forgotten() -> str:
            return "open"

    def test_reported_in_debug_mode(self, app: Flask) -> None:
        """By a warning at the first request, which names the endpoint; once."""
        app.debug = True
        self.misplace(app)
        client = app.test_client()
        with pytest.warns(MisplacedGuardWarning, match="'forgotten'"):
            client.get("/public")
        client.get("/public")

    def test_silent_otherwise(self, app: Flask, make_app: Any) -> None:
        """Without debug mode, and where all guards are in place, there is no warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.misplace(app)
            app.test_client().get("/public")
            proper = make_app()
            proper.debug = True
            proper.test_client().get("/public")

    def test_view_in_two_places(self, app: Flask) -> None:
        """A view that is registered with its guard and without is open on purpose."""

        def view() -> str:
            return ""

        app.debug = True
        app.add_url_rule("/closed", "closed", login_required(view))
        app.add_url_rule("/open", "open", view)
        assert app.test_client().get("/open").status_code == 200


class TestRealms:
    """A second login beside the first."""

    @pytest.fixture
    def admins(self) -> Users:
        admins = Users()
        admins["1"] = User("1", "root")
        return admins

    @pytest.fixture
    def admin(self, app: Flask, admins: Users) -> LoginManager[User]:
        admin: LoginManager[User] = LoginManager(app, name="admin")
        admin.login_view = "/admin/login"
        admin.user_loader(admins.load)

        @app.get("/admin", endpoint="admin")
        @admin.login_required
        def index() -> str:
            return f"{admin.current_user.name} {current_user.is_authenticated} {admin.login_source()}"

        @app.get("/admin/fresh", endpoint="admin_fresh")
        @admin.fresh_login_required(max_age=60)
        def fresh() -> str:
            return "fresh"

        @app.get("/admin/template", endpoint="admin_template")
        def template() -> str:
            from flask import render_template_string

            return render_template_string("{{ current_admin.is_authenticated }} {{ current_user.is_authenticated }}")

        return admin

    def test_two_logins_side_by_side(self, client: Any, users: Users, admin: Any, admins: Users) -> None:
        """Each realm has its own user, cookie, login page and logout."""
        client.login(users["2"], remember=True)
        assert client.get("/admin").location == "/admin/login?next=%2Fadmin"
        client.login(admins["1"], remember=True, realm="admin")
        assert client.get("/admin").text == "root True session"
        assert client.get("/who").json["user"] == "2"
        assert client.get_cookie("remember_token").decoded_value.startswith("2|")
        assert client.get_cookie("admin_remember_token").decoded_value.startswith("1|")
        client.logout()
        assert client.get("/admin").text == "root False session"
        client.login(users["1"])
        client.logout(realm="admin")
        assert client.get("/admin").status_code == REDIRECT
        assert client.get("/who").json["user"] == "1"

    def test_restored_apart(self, client: Any, users: Users, admin: Any, admins: Users) -> None:
        """Each remember cookie restores its own realm."""
        client.login(users["2"], remember=True)
        client.login(admins["1"], remember=True, realm="admin")
        client.delete_cookie("session")
        assert client.get("/admin").text == "root True remember"
        assert client.get("/who").json["user"] == "2"

    def test_cookie_of_one_realm_in_the_other(self, client: Any, users: Users, admin: Any) -> None:
        """A user's remember cookie under the admin cookie's name is nobody's."""
        client.login(users["1"], remember=True)
        other = client.application.test_client()
        other.set_cookie("admin_remember_token", client.get_cookie("remember_token").decoded_value)
        assert other.get("/admin").status_code == REDIRECT

    def test_legacy_cookie_is_the_default_realms(self, client: Any, admin: Any, app: Flask) -> None:
        """Flask-Login's format is accepted in the default realm only."""
        from flask_sessionauth import encode_cookie

        with app.app_context():
            legacy = encode_cookie("1")
        client.set_cookie("admin_remember_token", legacy)
        assert client.get("/admin").status_code == REDIRECT
        client.set_cookie("remember_token", legacy)
        assert client.get("/who").json["user"] == "1"

    def test_another_user_leaves_the_other_realm(self, client: Any, users: Users, admin: Any, admins: Users) -> None:
        """The session is emptied for another user; the other realm's login stays."""
        client.login(users["1"])
        client.get("/cart/apples")
        client.login(admins["1"], realm="admin")
        client.login(users["2"])
        with client.session_transaction() as stored:
            assert "cart" not in stored
        assert client.get("/admin").text == "root True session"

    def test_templates(self, client: Any, admin: Any, admins: Users) -> None:
        """Templates get ``current_admin`` beside ``current_user``."""
        client.login(admins["1"], realm="admin")
        assert client.get("/admin/template").text == "True False"

    @pytest.mark.parametrize("name", ["user", 5, "", "Admin", "1st", "a-b", "a:b", "default", "user "])
    def test_names(self, name: Any) -> None:
        """A name that could not be part of a key and a cookie's name is refused."""
        with pytest.raises(ConfigurationError, match="name is"):
            LoginManager(name=name)

    def test_all_by_name(self, app: Flask, admin: Any) -> None:
        """The app's extension dictionary has them all; ``app.login_manager`` is the default one."""
        realms = app.extensions["sessionauth"]
        assert set(realms) == {"default", "admin"}
        assert app.login_manager is realms["default"]

    def test_prefix_stays_in_front(self, make_app: Any, admins: Users) -> None:
        """A ``__Host-`` cookie of a realm keeps the prefix, and so what browsers make of it."""
        app = make_app(REMEMBER_COOKIE_NAME="__Host-remember")
        admin: LoginManager[User] = LoginManager(app, name="admin")
        admin.user_loader(admins.load)
        client = app.test_client()
        client.login(admins["1"], remember=True, realm="admin")
        assert client.get_cookie("__Host-admin_remember").secure


def test_response_class_is_the_programs(make_app: Any) -> None:
    """Refusals are made with the app's own response class."""

    class Mine(Response):
        pass

    app = make_app()
    app.response_class = Mine
    client = app.test_client()
    app.after_request(lambda response: Response(type(response).__name__))
    assert client.get("/private", headers={"Accept": "application/json"}).text == "Mine"
