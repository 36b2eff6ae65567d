"""What programs and their tests do with ``flask_login``: the same on Flask-Login and on the stand-in."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask, current_app, g, render_template_string, request, session
from scene import KEY, Users

import flask_sessionauth

from .conftest import name_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    # The tests' own warnings are looked at below.
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
]


# The main job


def test_log_in_and_out(program: Flask) -> None:
    """A user logs in, passes the guards, and logs out."""
    client = program.test_client()
    assert client.get("/private").status_code == 401
    assert client.get("/login/1").text == "ada"
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").text == "fresh"
    assert client.get("/logout").text == "nobody"
    assert client.get("/private").status_code == 401


def test_remembered(program: Flask) -> None:
    """A remember cookie restores the login, which is not fresh, and logging out ends that."""
    client = program.test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").status_code == 401
    client.get("/logout")
    client.delete_cookie("session")
    assert client.get("/private").status_code == 401


def test_inactive(library: ModuleType, program: Flask, users: Users) -> None:
    """A user who is not active is not logged in, unless by force."""
    with program.test_request_context():
        assert library.login_user(users["3"]) is False
        assert library.login_user(users["3"], force=True) is True
        assert library.current_user == users["3"]
        assert library.logout_user() is True


def test_client(library: ModuleType, program: Flask, users: Users) -> None:
    """The test client logs in whom it is given."""
    program.config["SESSION_PROTECTION"] = None
    program.test_client_class = library.FlaskLoginClient
    with program.test_client(user=users["1"], fresh_login=False) as client:
        assert client.get("/private").text == "ada"
        assert client.get("/fresh").status_code == 401
    with program.test_client(user=users["1"]) as client:
        assert client.get("/fresh").text == "fresh"


def test_session_of_a_test(program: Flask) -> None:
    """A session that a test has written is a login."""
    client = program.test_client()
    with client.session_transaction() as content:
        content["_user_id"], content["_fresh"] = "1", True
    assert client.get("/private").text == "ada"


def test_identifier_of_a_test(program: Flask) -> None:
    """What the manager's generator says is right for ``_id``, also under strong protection."""
    program.config["SESSION_PROTECTION"] = "strong"
    client = program.test_client()
    with program.test_request_context(headers={"User-Agent": "one"}, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        identifier = program.login_manager._session_identifier_generator()  # type: ignore[attr-defined]
    with client.session_transaction() as content:
        content.update(_user_id="1", _fresh=True, _id=identifier)
    assert client.get("/fresh", headers={"User-Agent": "one"}).text == "fresh"
    assert client.get("/private", headers={"User-Agent": "another"}).status_code == 401


def test_identifier_of_a_login(library: ModuleType, program: Flask, users: Users) -> None:
    """A session in the right browser has the ``_id`` that the generator says."""
    with program.test_request_context():
        library.login_user(users["1"])
        assert session["_id"] == program.login_manager._session_identifier_generator()  # type: ignore[attr-defined]


def test_outside_a_request(library: ModuleType, program: Flask) -> None:
    """Without a request there is nobody, and the proxy is like ``None``."""
    assert not library.current_user
    assert library.current_user == None  # noqa: E711 - the proxy is not None itself
    with pytest.raises(AttributeError):
        _ = library.current_user.name
    with program.app_context():
        assert not library.current_user


# What tests patch


def test_patched_user(library: ModuleType, program: Flask, users: Users) -> None:
    """Whom a test returns from ``_get_user`` is the user, for the guards, the proxy and the templates."""
    program.add_url_rule("/page", view_func=lambda: render_template_string("{{ current_user.name }}"), endpoint="page")
    client = program.test_client()
    with patch("flask_login.utils._get_user", return_value=users["2"]):
        assert client.get("/private").text == "bob"
        assert client.get("/who").text == "bob"
        assert client.get("/page").text == "bob"
        assert library.current_user.name == "bob"
    assert client.get("/private").status_code == 401


def test_patched_proxy(library: ModuleType, program: Flask, users: Users) -> None:
    """Whom a test puts in the place of ``current_user`` passes the guards."""
    client = program.test_client()
    with patch("flask_login.utils.current_user", users["2"]):
        assert client.get("/private").status_code == 200
        assert client.get("/fresh").status_code == 401
        with client.session_transaction() as content:
            content["_fresh"] = True
        assert client.get("/fresh").status_code == 200
    assert client.get("/private").status_code == 401


def test_patched_to_nobody(library: ModuleType, program: Flask) -> None:
    """A test can log everybody out, too."""
    client = program.test_client()
    client.get("/login/1")
    with patch("flask_login.utils._get_user", return_value=library.AnonymousUserMixin()):
        assert client.get("/private").status_code == 401
    assert client.get("/private").text == "ada"


def test_patched_after_a_look(library: ModuleType, program: Flask, users: Users) -> None:
    """A test may put another user in the place of one who is known already."""
    with program.test_request_context():
        session["_user_id"] = "1"
        assert library.current_user.name == "ada"
        with patch("flask_login.utils._get_user", return_value=users["2"]):
            assert library.current_user.name == "bob"
        assert library.current_user.name == "ada"


def test_patched_without_a_manager(library: ModuleType, users: Users) -> None:
    """Where the user is a test's, the app need not have a manager."""
    app = Flask("bare")
    app.add_url_rule("/", view_func=library.login_required(lambda: library.current_user.name), endpoint="index")
    with patch("flask_login.utils._get_user", return_value=users["2"]):
        assert app.test_client().get("/").text == "bob"


def test_patched_class(library: ModuleType, program: Flask, users: Users) -> None:
    """A test may replace a method of the class."""

    def load(manager: Any) -> None:
        manager._update_request_context_with_user(users["2"])

    with patch.object(library.LoginManager, "_load_user", load):
        assert program.test_client().get("/private").text == "bob"
    assert program.test_client().get("/private").status_code == 401


def test_patched_and_disabled(library: ModuleType, program: Flask) -> None:
    """``LOGIN_DISABLED`` opens the guards, whoever the user is."""
    program.config["LOGIN_DISABLED"] = True
    with patch("flask_login.utils._get_user", return_value=library.AnonymousUserMixin()):
        assert program.test_client().get("/private").status_code == 200
        assert program.test_client().get("/fresh").status_code == 200


def test_patched_methods(library: ModuleType, program: Flask) -> None:
    """A method that is added to the exempt ones is exempt, whoever the user is."""
    config = library.config
    client = program.test_client()
    with patch("flask_login.utils._get_user", return_value=library.AnonymousUserMixin()):
        config.EXEMPT_METHODS.add("HEAD")
        try:
            assert client.head("/private").status_code == 200
        finally:
            config.EXEMPT_METHODS.remove("HEAD")
        assert client.head("/private").status_code == 401


def test_wrapped(library: ModuleType, program: Flask) -> None:
    """A monitoring library may put a wrapper in a function's place."""
    seen = []
    with patch.object(library, "login_user", lambda user: seen.append(user)):
        library.login_user("somebody")
    assert seen == ["somebody"]


# g._login_user


def test_user_on_g(library: ModuleType, program: Flask, users: Users) -> None:
    """The user stands on ``g`` after somebody has asked."""
    with program.test_request_context():
        session["_user_id"] = "1"
        assert "_login_user" not in g
        assert library.current_user.name == "ada"
        assert g._login_user is users["1"]


def test_user_set_on_g(library: ModuleType, program: Flask, users: Users) -> None:
    """A program that puts a user on ``g`` says who it is: also after somebody was known, and to the guards."""

    @program.before_request
    def put() -> None:
        g._login_user = users["2"]

    assert program.test_client().get("/private").text == "bob"
    client = program.test_client()
    with client.session_transaction() as content:
        content["_user_id"] = "1"
    assert client.get("/private").text == "bob"
    with program.test_request_context():
        session["_user_id"] = "1"
        assert library.current_user.name == "ada"
        g._login_user = users["2"]
        assert library.current_user.name == "bob"


def test_user_deleted_from_g(library: ModuleType, program: Flask, users: Users) -> None:
    """A program that deletes the user from ``g`` has it loaded anew."""
    with program.test_request_context():
        session["_user_id"] = "1"
        assert library.current_user.name == "ada"
        session["_user_id"] = "2"
        assert library.current_user.name == "ada"
        del g._login_user
        assert library.current_user.name == "bob"
        assert users.loads == 2
        assert g.pop("_login_user") is users["2"]
        session.clear()
        assert not library.current_user.is_authenticated


def test_user_of_a_login_deleted_from_g(library: ModuleType, program: Flask, users: Users) -> None:
    """The same where the user has logged in."""

    @program.route("/reload")
    def reload() -> str:
        names = [library.current_user.name]
        for _ in range(2):
            del g._login_user
            names.append(library.current_user.name)
        return " ".join(names)

    client = program.test_client()
    client.get("/login/1")
    assert client.get("/reload").text == "ada ada ada"
    assert users.loads == 3


def test_login_over_user_on_g(library: ModuleType, program: Flask, users: Users) -> None:
    """A login and a logout count more than whom the program has put on ``g`` before."""
    with program.test_request_context():
        g._login_user = users["2"]
        library.login_user(users["1"])
        assert g._login_user is users["1"]
        assert library.current_user.name == "ada"
        g._login_user = users["2"]
        library.logout_user()
        assert not library.current_user.is_authenticated
        assert not g._login_user.is_authenticated


def test_receiver_writes_on_g(library: ModuleType, program: Flask, users: Users) -> None:
    """A receiver of the login's signal may say that it is somebody else."""

    def change(app: Flask, user: Any) -> None:
        g._login_user = users["2"]

    with library.user_logged_in.connected_to(change, program), program.test_request_context():
        library.login_user(users["1"])
        assert library.current_user.name == "bob"


def test_loader_writes_on_g(library: ModuleType, program: Flask, users: Users) -> None:
    """A loader may write on ``g`` itself."""

    def load(user_id: str) -> Any:
        g._login_user = users[user_id]
        return g._login_user

    program.login_manager.user_loader(load)  # type: ignore[attr-defined]
    client = program.test_client()
    client.get("/login/1")
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").text == "fresh"


def test_news_see_the_user(library: ModuleType, program: Flask, users: Users) -> None:
    """A receiver of the login's signal sees the new user, whoever stood on ``g`` before."""
    seen: list[Any] = []

    def see(app: Flask, user: Any) -> None:
        seen.append((name_of(user), library.current_user.name))

    with library.user_logged_in.connected_to(see, program), program.test_request_context():
        session["_user_id"] = "2"
        assert library.current_user.name == "bob"
        library.login_user(users["1"])
    assert seen == [("ada", "ada")]


# The manager's private methods


def test_update_context(program: Flask, library: ModuleType, users: Users) -> None:
    """A program tells the manager who the user is, or that there is none."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with program.test_request_context():
        manager._update_request_context_with_user(users["1"])
        assert library.current_user.name == g._login_user.name == "ada"
        manager._update_request_context_with_user()
        assert not library.current_user.is_authenticated
    with program.app_context():
        # The fixtures of tests do that without a request.
        manager._update_request_context_with_user(users["1"])
        assert g._login_user is users["1"]


def test_load_user(program: Flask, library: ModuleType) -> None:
    """A server beside Flask loads the user in a context that it pushes itself."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with program.test_request_context():
        session["_user_id"] = "1"
        manager._load_user()
        assert library.current_user.name == g._login_user.name == "ada"
        session["_user_id"] = "2"
        manager._load_user()
        assert library.current_user.name == g._login_user.name == "bob"


def test_callbacks(library: ModuleType, program: Flask, users: Users) -> None:
    """The loaders are read, set and restored under their underscored names."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    before = manager._user_callback
    assert before == manager.user_callback == users.load
    manager._user_callback = lambda user_id: users["2"]
    client = program.test_client()
    with client.session_transaction() as content:
        content["_user_id"] = "1"
    assert client.get("/who").text == "bob"
    manager._user_callback = before
    assert client.get("/who").text == "ada"
    manager._request_callback = lambda request: users["2"]
    assert manager.request_callback is manager._request_callback
    assert program.test_client().get("/who").text == "bob"
    manager._request_callback = None
    assert program.test_client().get("/who").text == "nobody"


def test_load_by_cookie(library: ModuleType, program: Flask, users: Users) -> None:
    """A program restores a login by a remember cookie that it has got elsewhere."""
    browser = program.test_client()
    browser.get("/remember/1")
    kept = browser.get_cookie("remember_token")
    assert kept is not None
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.request_loader(
        lambda request: manager._load_user_from_remember_cookie(request.headers.get("Authorization", ""))
    )
    client = program.test_client()
    assert client.get("/private", headers={"Authorization": kept.value}).text == "ada"
    assert program.test_client().get("/private", headers={"Authorization": "1|forged"}).status_code == 401


def test_load_by_cookie_is_told(library: ModuleType, program: Flask) -> None:
    """Who restores a login by a cookie tells of it, and the user stands on ``g``."""
    browser = program.test_client()
    browser.get("/remember/1")
    kept = browser.get_cookie("remember_token")
    assert kept is not None
    told = []

    def hear(app: Flask, user: Any) -> None:
        told.append(name_of(user))

    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with library.user_loaded_from_cookie.connected_to(hear, program), program.test_request_context():
        user = manager._load_user_from_remember_cookie(kept.value)
        manager._update_request_context_with_user(user)
        assert name_of(g._login_user) == "ada"
        assert session["_user_id"] == "1"
    assert told == ["ada"]


def test_load_by_cookie_of_a_user_by_request(library: ModuleType, program: Flask, users: Users) -> None:
    """A user whom the request loader knows is logged in by a remember cookie."""
    browser = program.test_client()
    browser.get("/remember/1")
    kept = browser.get_cookie("remember_token")
    assert kept is not None
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.request_loader(lambda request: users["1"])
    with program.test_request_context():
        assert library.current_user.name == "ada"
        manager._load_user_from_remember_cookie(kept.value)
        assert session["_user_id"] == "1"


def test_log_in_as_and_back(library: ModuleType, program: Flask, users: Users) -> None:
    """A program that logs an administrator in as somebody keeps the own remember cookie for the way back."""
    kept: list[str] = []

    @program.route("/as/2")
    def log_in_as() -> str:
        kept.append(request.cookies["remember_token"])
        library.logout_user()
        library.login_user(users["2"])
        return name_of(library.current_user._get_current_object())

    @program.route("/back")
    def back() -> str:
        library.logout_user()
        user = current_app.login_manager._load_user_from_remember_cookie(kept[0])  # type: ignore[attr-defined]
        return name_of(user)

    client = program.test_client()
    client.get("/remember/1")
    assert client.get("/as/2").text == "bob"
    assert client.get("/private").text == "bob"
    assert client.get("/back").text == "ada"
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").status_code == 401


def test_load_by_request(program: Flask, users: Users) -> None:
    """A program asks the request loader itself."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.request_loader(lambda request: users["2"])
    with program.test_request_context() as context:
        assert manager._load_user_from_request(context.request) is users["2"]


def test_header_loader(library: ModuleType, program: Flask, users: Users) -> None:
    """The deprecated header loader knows users by a header whose name is a setting."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    heard = []
    with pytest.warns(DeprecationWarning, match="request_loader"):
        manager.header_loader(users.get)
    with pytest.warns(DeprecationWarning, match="user_loaded_from_request"):
        signal = library.user_loaded_from_header
    program.config["AUTH_HEADER_NAME"] = "X-User"

    def hear(app: Flask, user: Any) -> None:
        heard.append(name_of(user))

    with signal.connected_to(hear, program):
        assert program.test_client().get("/private", headers={"X-User": "2"}).text == "bob"
        assert program.test_client().get("/private", headers={"X-User": "9"}).status_code == 401
        assert program.test_client().get("/private").status_code == 401
    assert heard == ["bob"]


def test_header_loader_comes_last(library: ModuleType, program: Flask, users: Users) -> None:
    """The header loader is not asked where there is a request loader."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager._header_callback = users.get
    manager.request_loader(lambda request: None)
    assert program.test_client().get("/private", headers={"Authorization": "2"}).status_code == 401


def test_deprecated_methods(library: ModuleType, program: Flask) -> None:
    """The deprecated property reads and writes the setting, and warns, as the deprecated method does."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with program.app_context():
        with pytest.warns(DeprecationWarning, match="_login_disabled"):
            manager._login_disabled = True
        assert current_app.config["LOGIN_DISABLED"] is True
        with pytest.warns(DeprecationWarning, match="_login_disabled"):
            assert manager._login_disabled is True
    other = Flask("other")
    with pytest.warns(DeprecationWarning, match="init_app"):
        manager.setup_app(other)
    assert other.login_manager is manager  # type: ignore[attr-defined]


def test_context_processor(library: ModuleType, program: Flask, users: Users) -> None:
    """Templates have the user, by the function of that name, too."""
    program.add_url_rule("/page", view_func=lambda: render_template_string("{{ current_user.name }}"), endpoint="page")
    client = program.test_client()
    client.get("/login/1")
    assert client.get("/page").text == "ada"
    with program.test_request_context():
        assert name_of(library.utils._user_context_processor()["current_user"]) == "nobody"
        library.login_user(users["1"])
        assert library.utils._user_context_processor() == {"current_user": users["1"]}


def test_no_context_processor(library: ModuleType, make_program: Callable[..., Flask]) -> None:
    """A program that wants none has none."""
    app = Flask("bare")
    app.secret_key = KEY
    library.LoginManager().init_app(app, add_context_processor=False)
    with app.test_request_context():
        assert render_template_string("{{ current_user }}") == ""


def test_cookie_functions(library: ModuleType, program: Flask) -> None:
    """A text is signed and read as Flask-Login does it, under the app's key or another."""
    utils = library.utils
    with program.test_request_context():
        signed = utils.encode_cookie("7")
        assert signed == f"7|{utils._cookie_digest('7')}"
        assert utils.decode_cookie(signed) == "7"
        assert utils.decode_cookie(f"8{signed[1:]}") is None
        assert utils._secret_key() == KEY.encode()
        assert utils._secret_key("k") == utils._secret_key(b"k") == b"k"
        assert utils.decode_cookie(utils.encode_cookie("7", key="k"), key="k") == "7"
    bare = Flask("bare")
    bare.secret_key = KEY
    with bare.test_request_context():
        assert utils.decode_cookie(signed) == "7"


def test_login_urls(library: ModuleType, program: Flask) -> None:
    """The way to the login page, and the page's own URL."""
    assert library.login_url("/login") == "/login"
    with program.test_request_context("/there?a=b"):
        assert library.utils.expand_login_view("public") == "/public"
        assert library.login_url("public", "http://localhost/there?a=b") == "/public?next=%2Fthere%3Fa%3Db"


def test_views_of_blueprints(library: ModuleType, program: Flask) -> None:
    """A login page is set by function."""
    with program.app_context():
        library.set_login_view("public")
    assert program.test_client().get("/private").location == "/public?next=%2Fprivate"


# What it writes into the session


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_remember_by_session(library: ModuleType, program: Flask, users: Users, seconds: float | None) -> None:
    """A program that writes the whole login into the session itself is remembered, for as long as it says."""

    @program.route("/by-hand")
    def by_hand() -> str:
        session["_user_id"], session["_fresh"] = "1", True
        session["_id"] = library.utils._create_identifier()
        session["_remember"] = "set"
        if seconds is not None:
            session["_remember_seconds"] = seconds
        current_app.login_manager._update_request_context_with_user(users["1"])  # type: ignore[attr-defined]
        return name_of(library.current_user._get_current_object())

    client = program.test_client()
    assert client.get("/by-hand").text == "ada"
    cookie = client.get_cookie("remember_token")
    assert cookie is not None
    with client.session_transaction() as content:
        assert "_remember" not in content
    if seconds is not None:
        assert "Max-Age" not in str(cookie)
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"


def test_clear_by_session(library: ModuleType, program: Flask) -> None:
    """A program that clears the session after a logout writes that the remember cookie is to go."""

    @program.route("/leave")
    def leave() -> str:
        library.logout_user()
        session.clear()
        session["_remember"] = "clear"
        return "left"

    client = program.test_client()
    client.get("/remember/1")
    assert client.get_cookie("remember_token") is not None
    client.get("/leave")
    assert client.get_cookie("remember_token") is None
    with client.session_transaction() as content:
        assert "_remember" not in content


def test_cleared_cookie_logs_nobody_in(library: ModuleType, program: Flask) -> None:
    """A remember cookie that the program wants to go restores nothing, before the browser has dropped it."""

    @program.route("/leave")
    def leave() -> str:
        session.clear()
        session["_remember"] = "clear"
        return "left"

    client = program.test_client()
    client.get("/remember/1")
    client.get("/leave")
    assert client.get("/private").status_code == 401
    assert client.get("/private").status_code == 401
    assert client.get_cookie("remember_token") is None


def test_login_after_a_cleared_cookie(library: ModuleType, program: Flask) -> None:
    """What was written before a login has no effect on it."""

    @program.route("/leave")
    def leave() -> str:
        session["_remember"], session["_remember_seconds"] = "clear", 60
        return "left"

    client = program.test_client()
    client.get("/leave")
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"


def test_refused_login_clears_nothing(library: ModuleType, program: Flask, users: Users) -> None:
    """A login that is refused does not keep a remember cookie that is to go."""

    @program.route("/try")
    def attempt() -> str:
        session.clear()
        session["_remember"] = "clear"
        return str(library.login_user(users["3"]))

    client = program.test_client()
    client.get("/remember/1")
    assert client.get("/try").text == "False"
    assert client.get("/private").status_code == 401
    assert client.get_cookie("remember_token") is None


def test_cookie_methods(library: ModuleType, program: Flask, users: Users) -> None:
    """A program sets and clears the cookie on a response of its own."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with program.test_request_context():
        library.login_user(users["1"])
        response = program.response_class()
        manager._set_cookie(response)
        assert "remember_token=1|" in response.headers["Set-Cookie"]
        response = program.response_class()
        manager._clear_cookie(response)
        assert "remember_token=;" in response.headers["Set-Cookie"]
        session["_remember"] = "set"
        response = program.response_class()
        assert manager._update_remember_cookie(response) is response
        assert "remember_token=1|" in response.headers["Set-Cookie"]
        assert "_remember" not in session


def test_cookie_on_another_response(library: ModuleType, program: Flask, users: Users) -> None:
    """What a program sets on a response that it does not send, the one it sends has not."""

    @program.route("/login-with-a-copy")
    def log_in_with_a_copy() -> str:
        library.login_user(users["1"])
        program.login_manager._set_cookie(program.response_class())  # type: ignore[attr-defined]
        return "in"

    client = program.test_client()
    client.get("/login-with-a-copy")
    assert client.get("/private").text == "ada"
    assert client.get_cookie("remember_token") is None


# Subclasses


def test_unauthorized_is_overridden(library: ModuleType, make_program: Callable[..., Flask]) -> None:
    """A subclass answers those who may not pass; the guards honour it."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def unauthorized(self) -> Any:
            return "no", 418

        def needs_refresh(self) -> Any:
            return "stale", 419

    client = make_program(Manager()).test_client()
    assert client.get("/private").status_code == 418
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/fresh").status_code == 419


def test_load_user_is_overridden(library: ModuleType, make_program: Callable[..., Flask], users: Users) -> None:
    """A subclass finds the user in its own way."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user(self) -> None:
            if self._session_protection_failed():
                self._update_request_context_with_user()
            else:
                self._update_request_context_with_user(users.get(session.get("mine", "")))

    client = make_program(Manager()).test_client()
    assert client.get("/private").status_code == 401
    with client.session_transaction() as content:
        content["mine"] = "2"
    assert client.get("/private").text == "bob"


@pytest.mark.parametrize("failed", [True, False])
def test_protection_is_overridden(library: ModuleType, make_program: Callable[..., Flask], failed: bool) -> None:
    """A subclass judges for itself whether a session is in the right browser."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _session_protection_failed(self) -> bool:
            return failed

    client = make_program(Manager(), SESSION_PROTECTION="strong").test_client()
    client.get("/login/1", headers={"User-Agent": "one"})
    status = client.get("/private", headers={"User-Agent": "another"}).status_code
    assert status == (401 if failed else 200)


def test_permanent_session_is_passed_on(library: ModuleType, make_program: Callable[..., Flask]) -> None:
    """A permanent session is only marked stale, also where a subclass passes it on under strong protection."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _session_protection_failed(self) -> bool:
            return bool(super()._session_protection_failed())

    client = make_program(Manager(), SESSION_PROTECTION="strong").test_client()
    client.get("/login/1", headers={"User-Agent": "one"})
    with client.session_transaction() as content:
        content.permanent = True
    assert client.get("/private", headers={"User-Agent": "another"}).text == "ada"
    assert client.get("/fresh", headers={"User-Agent": "another"}).status_code == 401


@pytest.mark.parametrize("mode", ["basic", "strong"])
def test_protection_is_passed_on(library: ModuleType, make_program: Callable[..., Flask], mode: str) -> None:
    """A subclass that exempts some and passes the others on has the protection for those."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _session_protection_failed(self) -> bool:
            if session.get("exempt"):
                return False
            identifier = self._session_identifier_generator()
            different = identifier != session.get("_id")
            return bool(different and super()._session_protection_failed())

    app = make_program(Manager(), SESSION_PROTECTION=mode)
    statuses = []
    for exempt in (False, True):
        client = app.test_client()
        client.get("/login/1", headers={"User-Agent": "one"})
        with client.session_transaction() as content:
            content["exempt"] = exempt
        path = "/fresh" if mode == "basic" else "/private"
        assert client.get(path, headers={"User-Agent": "one"}).status_code == 200
        statuses.append(client.get(path, headers={"User-Agent": "another"}).status_code)
    assert statuses == [401, 200]


def test_load_by_cookie_is_overridden(library: ModuleType, make_program: Callable[..., Flask], users: Users) -> None:
    """A subclass loads remembered users in its own way, by what the cookie says."""
    seen: list[Any] = []

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            user_id = library.decode_cookie(cookie)
            seen.append(user_id)
            if user_id is None:
                return None
            session["_user_id"], session["_fresh"] = user_id, False
            return users["1"] if user_id == "1" else None

    client = make_program(Manager()).test_client()
    client.get("/remember/1")
    client.delete_cookie("session")
    assert client.get("/private").text == "ada"
    assert client.get("/private").text == "ada"
    assert client.get("/fresh").status_code == 401
    assert seen == ["1"]
    client.get("/remember/2")
    client.delete_cookie("session")
    assert client.get("/private").status_code == 401


def test_load_by_cookie_has_the_last_word(
    library: ModuleType, make_program: Callable[..., Flask], users: Users
) -> None:
    """Whom the subclass does not let in by the cookie is not let in, also if the session is of somebody unknown."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_remember_cookie(self, cookie: str) -> Any:
            return None

    client = make_program(Manager()).test_client()
    client.get("/remember/1")
    with client.session_transaction() as content:
        content["_user_id"] = "99"
    assert client.get("/private").status_code == 401
    assert client.get("/private").status_code == 401


def test_cookie_methods_are_overridden(library: ModuleType, make_program: Callable[..., Flask]) -> None:
    """A subclass writes and deletes the cookie that the session asks for in its own way."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _set_cookie(self, response: Any) -> None:
            response.headers["X-Cookie"] = "set"

        def _clear_cookie(self, response: Any) -> None:
            response.headers["X-Cookie"] = "cleared"

    app = make_program(Manager())

    @app.route("/write/<operation>")
    def write(operation: str) -> str:
        session["_remember"] = operation
        return name_of(library.current_user._get_current_object())

    client = app.test_client()
    client.get("/login/1")
    assert client.get("/write/set").headers["X-Cookie"] == "set"
    assert client.get("/write/clear").headers["X-Cookie"] == "cleared"


def test_load_by_request_is_overridden(library: ModuleType, make_program: Callable[..., Flask], users: Users) -> None:
    """A subclass knows users by the request."""

    class Manager(library.LoginManager):  # type: ignore[name-defined, misc]
        def _load_user_from_request(self, request: Any) -> Any:
            return users.get(request.args.get("user", ""))

    manager = Manager()
    client = make_program(manager).test_client()
    assert client.get("/private?user=2").status_code == 401  # not asked where there is no request loader
    manager.request_loader(lambda request: None)
    assert client.get("/private?user=2").text == "bob"
    assert client.get("/private").status_code == 401


def test_patched_method(library: ModuleType, program: Flask, users: Users) -> None:
    """A test may replace a method of the manager itself."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    with patch.object(manager, "_load_user", lambda: manager._update_request_context_with_user(users["2"])):
        assert program.test_client().get("/private").text == "bob"
    assert program.test_client().get("/private").status_code == 401


def test_further_attributes(library: ModuleType, program: Flask) -> None:
    """A program may keep attributes of its own on the manager, and assign its handlers."""
    manager: Any = program.login_manager  # type: ignore[attr-defined]
    manager.my_own = 1
    manager.unauthorized_callback = lambda: ("mine", 403)
    assert program.test_client().get("/private").text == "mine"
    assert flask_sessionauth.LoginManager is not library.LoginManager
