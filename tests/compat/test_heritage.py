"""What programs written for Flask-Login rely on, compared with Flask-Login 0.6.3 itself."""

from __future__ import annotations

import inspect
from typing import Any

import flask_login
import pytest
from flask import Flask, current_app, session
from scene import KEY, REDIRECT, User, Users, remember_cookie

import flask_sessionauth
from flask_sessionauth.testing import FlaskLoginClient

# Deprecated there; the stand-in for flask_login has them.
LEFT_OUT = {"__version__", "AUTH_HEADER_NAME", "FlaskLoginClient"}
SHARED = sorted(set(flask_login.__all__) - LEFT_OUT)
FUNCTIONS = [name for name in SHARED if inspect.isfunction(getattr(flask_login, name))]

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.mark.parametrize("name", SHARED)
def test_every_name_is_there(name: str) -> None:
    """Every public name of Flask-Login is one of ours."""
    assert name in flask_sessionauth.__all__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_and_defaults(name: str) -> None:
    """A function takes the arguments of Flask-Login's, in its order, with its defaults; ours may take more."""
    theirs = inspect.signature(getattr(flask_login, name)).parameters
    ours = list(inspect.signature(getattr(flask_sessionauth, name)).parameters.values())
    for position, parameter in enumerate(theirs.values()):
        if name.endswith("_required"):
            assert ours[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            continue
        assert ours[position].name == parameter.name
        assert ours[position].default == parameter.default
    assert all(extra.default is not extra.empty for extra in ours[len(theirs) :])


@pytest.mark.parametrize(
    "name", ["COOKIE_NAME", "COOKIE_DURATION", "COOKIE_HTTPONLY", "ID_ATTRIBUTE", "LOGIN_MESSAGE", "REFRESH_MESSAGE"]
)
def test_constants(name: str) -> None:
    """The constants that were no hole have Flask-Login's values."""
    assert getattr(flask_sessionauth, name) == getattr(flask_login, name)


@pytest.mark.parametrize("name", [name for name in SHARED if name.startswith(("user_", "session_"))])
def test_signal_names(name: str) -> None:
    """The signals have the names programs know."""
    assert getattr(flask_sessionauth, name).name == getattr(flask_login, name).name


def test_attributes_of_the_manager() -> None:
    """Every public attribute and method of the manager is there, with its default."""
    theirs, ours = flask_login.LoginManager(), flask_sessionauth.LoginManager[Any]()
    left_out = {"header_loader", "setup_app"}
    for name in set(dir(theirs)) - left_out:
        if name.startswith("_"):
            continue
        value = getattr(theirs, name)
        if isinstance(value, (str, dict, type(None))):
            assert getattr(ours, name) == value, name
        else:
            assert callable(getattr(ours, name)), name


def make(library: Any, users: Users, **config: Any) -> Flask:
    app = Flask("scene")
    app.test_client_class = FlaskLoginClient
    app.config.update(SECRET_KEY=KEY, TESTING=True, **config)
    manager = library.LoginManager()
    manager.login_view = "login"
    manager.user_loader(users.load)
    manager.init_app(app)

    @app.get("/login/<user_id>/<int:remember>")
    def login_as(user_id: str, remember: int) -> str:
        library.login_user(users[user_id], remember=bool(remember))
        session["cart"] = "apples"
        return ""

    @app.get("/login")
    def login() -> str:
        return ""

    @app.get("/who")
    def who() -> Any:
        user = library.current_user
        return {"user": user.get_id(), "fresh": bool(library.login_fresh()), "cart": session.get("cart")}

    @app.get("/fresh")
    @library.fresh_login_required
    def fresh() -> str:
        return "fresh"

    @app.get("/refused")
    def refused() -> Any:
        return current_app.login_manager.unauthorized()

    return app


@pytest.fixture
def old(users: Users) -> Any:
    """A browser that logged in, remembered, at an app on Flask-Login."""
    client = make(flask_login, users).test_client()
    client.get("/login/1/1")
    return client


def move(old: Any, app: Flask, *names: str) -> Any:
    client = app.test_client()
    for name in names:
        client.set_cookie(name, old.get_cookie(name).decoded_value)
    return client


class TestMovingOver:
    """The app restarts with the imports changed; its users' browsers keep their cookies."""

    @pytest.mark.parametrize("mode", ["basic", "strong", None])
    def test_fresh_session_goes_on_fresh(self, old: Any, users: Users, mode: str | None) -> None:
        """A session of Flask-Login's is a login, fresh if it was, in every protection mode, and stays so."""
        client = move(old, make(flask_sessionauth, users, SESSION_PROTECTION=mode), "session")
        for _ in range(2):
            assert client.get("/who").json == {"user": "1", "fresh": True, "cart": "apples"}
        assert client.get("/fresh").text == "fresh"

    def test_its_identifier_is_replaced(self, old: Any, users: Users) -> None:
        """Its ``_id`` is compared once by its own formula, and then it is ours."""
        client = move(old, make(flask_sessionauth, users), "session")
        with client.session_transaction() as before:
            assert len(before["_id"]) == 128
        client.get("/who")
        with client.session_transaction() as after:
            assert len(after["_id"]) == 11

    def test_moved_session_of_theirs_is_protected(self, old: Any, users: Users) -> None:
        """In another browser than the one it was made in, it is stale, or over."""
        agent = {"User-Agent": "another browser"}
        basic = move(old, make(flask_sessionauth, users), "session")
        assert basic.get("/who", headers=agent).json["fresh"] is False
        strong = move(old, make(flask_sessionauth, users, SESSION_PROTECTION="strong"), "session")
        assert strong.get("/who", headers=agent).json["user"] is None

    def test_remember_cookie_is_accepted_and_replaced(self, old: Any, users: Users) -> None:
        """Its remember cookie restores the login, not fresh, and is replaced by a dated one of the same user."""
        client = move(old, make(flask_sessionauth, users), "remember_token")
        assert client.get("/who").json == {"user": "1", "fresh": False, "cart": None}
        new = remember_cookie(client)
        assert new is not None
        assert new != remember_cookie(old)
        assert new.startswith("1|")
        client.delete_cookie("session")
        assert client.get("/who").json["user"] == "1"

    def test_legacy_cookies_can_be_switched_off(self, old: Any, users: Users) -> None:
        """REMEMBER_COOKIE_ACCEPT_LEGACY=False: it is deleted."""
        client = move(old, make(flask_sessionauth, users, REMEMBER_COOKIE_ACCEPT_LEGACY=False), "remember_token")
        assert client.get("/who").json["user"] is None
        assert remember_cookie(client) is None

    def test_legacy_cookie_under_an_older_key(self, old: Any, users: Users) -> None:
        """Key and library may be changed together."""
        app = make(flask_sessionauth, users, SECRET_KEY_FALLBACKS=[KEY])
        app.config["SECRET_KEY"] = "the newest one"
        client = move(old, app, "remember_token")
        assert client.get("/who").json["user"] == "1"

    def test_way_back(self, users: Users, old: Any) -> None:
        """Flask-Login reads the session that we made."""
        new = make(flask_sessionauth, users).test_client()
        new.get("/login/2/0")
        back = move(new, make(flask_login, users), "session")
        assert back.get("/who").json["user"] == "2"


class TestCookieFunctions:
    """`encode_cookie` and `decode_cookie`."""

    @pytest.mark.parametrize("payload", ["1", "a|b", "\u00e4\u20ac", ""])
    @pytest.mark.parametrize("key", [None, "other", b"bytes"])
    def test_same_format(self, users: Users, payload: str, key: Any) -> None:
        """Each reads what the other wrote."""
        with make(flask_sessionauth, users).app_context():
            ours = flask_sessionauth.encode_cookie(payload, key=key)
            assert ours == flask_login.encode_cookie(payload, key=key)
            assert flask_sessionauth.decode_cookie(ours, key=key) == payload
            assert flask_sessionauth.decode_cookie(ours + "0", key=key) is None

    def test_reads_our_remember_cookie(self, client: Any, users: Users) -> None:
        """Programs that decode the remember cookie themselves get the user's id from ours."""
        client.login(users["1"], remember=True)
        with client.application.app_context():
            assert flask_sessionauth.decode_cookie(remember_cookie(client)) == "1"
            assert flask_sessionauth.decode_cookie(remember_cookie(client), key="other") is None


class TestSessionsByHand:
    """Programs and their tests write the session themselves."""

    @pytest.mark.parametrize("user_id", ["1", 1])
    def test_just_the_id_is_a_login(self, client: Any, user_id: Any) -> None:
        """A session with only ``_user_id`` is a login; the loader gets a ``str``."""
        with client.session_transaction() as stored:
            stored["_user_id"] = user_id
        assert client.get("/private").text == "private ada"

    def test_id_and_fresh_without_protection(self, make_app: Any) -> None:
        """With ``_fresh`` it is a fresh one where nothing protects sessions."""
        client = make_app(SESSION_PROTECTION=None).test_client()
        with client.session_transaction() as stored:
            stored.update(_user_id="1", _fresh=True)
        assert client.get("/fresh").text == "fresh"

    def test_identifier_after_login(self, client: Any, users: Users) -> None:
        """``_id`` and ``_fresh`` are there after a login, and ``_user_id`` is a ``str``."""
        client.login(users["1"])
        with client.session_transaction() as stored:
            assert (stored["_user_id"], stored["_fresh"]) == ("1", True)
            assert isinstance(stored["_id"], str)


@pytest.mark.parametrize("library", [flask_login, flask_sessionauth])
class TestSameBehaviour:
    """Run against both libraries."""

    def test_refusal(self, library: Any, users: Users) -> None:
        """A browser is redirected, with a message, a next, and the user_unauthorized signal."""
        app, sent = make(library, users), []

        def receive(sender: Any) -> None:
            sent.append(sender)

        with library.user_unauthorized.connected_to(receive, app):
            client = app.test_client()
            response = client.get("/refused?a=b")
        assert response.status_code == REDIRECT
        assert response.location == "/login?next=%2Frefused%3Fa%3Db"
        assert sent == [app]
        with client.session_transaction() as stored:
            assert stored["_flashes"] == [("message", "Please log in to access this page.")]

    def test_no_login_view(self, library: Any, users: Users) -> None:
        """Without a login page it is a 401."""
        app = make(library, users)
        app.login_manager.login_view = None
        assert app.test_client().get("/refused").status_code == 401

    def test_changed_after_init_app(self, library: Any, users: Users) -> None:
        """Attributes may be set at any time, a handler assigned directly, and further attributes added."""
        app = make(library, users)
        manager = app.login_manager
        manager.something_of_the_programs = 1
        manager.login_message = "Bitte anmelden"
        manager.localize_callback = str.upper
        client = app.test_client()
        client.get("/refused")
        with client.session_transaction() as stored:
            assert stored["_flashes"] == [("message", "BITTE ANMELDEN")]
        manager.unauthorized_callback = lambda: ("mine", 418)
        assert client.get("/refused").status_code == 418

    def test_session_next(self, library: Any, users: Users) -> None:
        """USE_SESSION_FOR_NEXT keeps the way back in the session."""
        client = make(library, users, USE_SESSION_FOR_NEXT=True).test_client()
        assert client.get("/refused?a=b").location == "/login"
        with client.session_transaction() as stored:
            assert stored["next"] == "/refused?a=b"

    def test_forced_host(self, library: Any, users: Users) -> None:
        """FORCE_HOST_FOR_REDIRECTS is the host of the redirect."""
        client = make(library, users, FORCE_HOST_FOR_REDIRECTS="good.example").test_client()
        assert client.get("/refused").location.startswith("//good.example/login?next=")

    def test_subclass_overrides_unauthorized(self, library: Any, users: Users) -> None:
        """Guards honour a subclass."""
        app = make(library, users)

        class Mine(library.LoginManager):
            def unauthorized(self) -> Any:
                return "not you", 403

        manager = Mine(app)
        manager.user_loader(users.load)
        assert app.test_client().get("/fresh").status_code == 403

    def test_anonymous_user_may_be_none(self, library: Any, users: Users) -> None:
        """A factory that returns None is fine for context processors and logins."""
        app = make(library, users)
        app.login_manager.anonymous_user = lambda: None
        with app.test_request_context():
            assert not library.current_user
        assert app.test_client().get("/login/1/0").status_code == 200

    def test_current_user_outside_a_request(self, library: Any, users: Users) -> None:
        """It is like None there, with or without an app."""
        assert not library.current_user
        assert library.current_user == None  # noqa: E711 - the proxy is compared
        with make(library, users).app_context():
            assert not library.current_user

    def test_signals_of_a_login(self, library: Any, users: Users) -> None:
        """Sender is the app object, the user a keyword; logging out names who it was."""
        app = make(library, users)
        heard: list[Any] = []

        def hear(sender: Any, user: Any) -> None:
            heard.append((sender, user))

        with app.test_request_context():
            with library.user_logged_in.connected_to(hear, app):
                assert library.login_user(users["1"]) is True
            with library.user_logged_out.connected_to(hear, app):
                assert library.logout_user() is True
        assert heard == [(app, users["1"]), (app, users["1"])]

    def test_inactive_users(self, library: Any, users: Users) -> None:
        """False for an inactive one, True when forced; guards do not let it in either way."""
        app = make(library, users)
        with app.test_request_context():
            assert library.login_user(users["3"]) is False
            assert library.login_user(users["3"], force=True) is True
            assert not library.current_user.is_authenticated
            assert library.current_user == users["3"]

    def test_blueprint_login_views(self, library: Any, users: Users) -> None:
        """A blueprint's login page wins in the blueprint."""
        from flask import Blueprint

        app = make(library, users)
        shop = Blueprint("shop", __name__)
        shop.add_url_rule("/shop", view_func=library.login_required(lambda: ""), endpoint="index")
        app.register_blueprint(shop)
        app.login_manager.blueprint_login_views = {"shop": "/shop/login"}
        client = app.test_client()
        assert client.get("/shop").location == "/shop/login?next=%2Fshop"
        assert client.get("/fresh").location == "/login?next=%2Ffresh"


class TestUserMixin:
    """Programs' own user classes."""

    def test_proxy_compares_and_may_be_kept(self, app: Flask) -> None:
        """``current_user`` equals the user, may be kept as it is, and can be logged in again."""
        from flask_sessionauth import current_user, login_user

        ada = User("1", "ada")
        with app.test_request_context():
            kept = current_user
            login_user(ada)
            assert kept == ada
            assert login_user(kept) is True
            assert kept.name == "ada"
