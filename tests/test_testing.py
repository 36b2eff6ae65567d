"""The test client and the pytest plugin."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, abort, g
from scene import REDIRECT, Users

from flask_sessionauth import SetupError, user_logged_in
from flask_sessionauth.testing import FlaskLoginClient, LoginClient, login as log_in

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("mode", [None, "basic", "strong"])
@pytest.mark.parametrize("fresh", [True, False])
def test_agrees_with_every_protection(make_app: Any, users: Users, mode: Any, fresh: bool) -> None:
    """A client that was made with a user is that user, as fresh as was asked, in every mode."""
    app = make_app(SESSION_PROTECTION=mode, SESSION_PROTECTION_BIND=("user_agent", "ip"))
    client = app.test_client(user=users["1"], fresh_login=fresh)
    for _ in range(2):
        assert client.get("/who").json == {"user": "1", "source": "session", "fresh": fresh}


def test_names() -> None:
    """It has Flask-Login's name, too."""
    assert FlaskLoginClient is LoginClient


def test_login_and_logout(client: Any, users: Users) -> None:
    """Users come and go; remembering works; the cookies are those of the real code."""
    client.login(users["1"], remember=True, duration=60)
    assert client.get("/private").text == "private ada"
    client.delete_cookie("session")
    assert client.get("/who").json["source"] == "remember"
    client.logout()
    assert client.get("/private").status_code == REDIRECT
    assert client.get_cookie("remember_token") is None


def test_inactive_user(client: Any, users: Users) -> None:
    """A user whom ``login_user`` refuses is an error of the test, unless forced, or given to the client as such."""
    with pytest.raises(ValueError, match="not active"):
        client.login(users["3"])
    client.login(users["3"], force=True)
    assert client.get("/who").json["user"] == "3"
    assert client.application.test_client(user=users["3"]).get("/who").json["user"] == "3"


def test_signals_are_sent(client: Any, users: Users) -> None:
    """What listens to a login hears it."""
    heard = []

    def hear(sender: Any, user: Any) -> None:
        heard.append(user)

    with user_logged_in.connected_to(hear, client.application):
        client.login(users["1"])
    assert heard == [users["1"]]


def test_views_and_hooks_do_not_run(app: Flask, users: Users) -> None:
    """Logging in asks no page and no hook of the program's, and works where one of them refuses everybody."""
    app.before_request(lambda: abort(403))
    # Half of a pair of hooks would fail without the other.
    app.after_request(lambda response: g.what_the_other_hook_has_left)
    client = app.test_client(user=users["1"])
    with client.session_transaction() as stored:
        assert stored["_user_id"] == "1"


def test_any_client(app: Flask, users: Users) -> None:
    """The function works with a program's own test client."""
    from flask.testing import FlaskClient

    client = FlaskClient(app, app.response_class)
    log_in(client, users["2"])
    assert client.get("/who").json["user"] == "2"


def test_unknown_realm(client: Any, users: Users) -> None:
    """Is named in the error."""
    with pytest.raises(SetupError, match="'staff'"):
        client.login(users["1"], realm="staff")


def test_plugin(pytester: pytest.Pytester) -> None:
    """The ``login`` fixture is there without being imported, and logs the ``client`` fixture in."""
    pytester.makepyfile(
        """
        import pytest
        from flask import Flask
        from flask_sessionauth import LoginManager, UserMixin, login_required

        class User(UserMixin):
            id = "7"

        @pytest.fixture
        def client():
            app = Flask(__name__)
            app.secret_key = "key"
            manager = LoginManager(app)
            manager.user_loader(lambda user_id: User())
            app.add_url_rule("/", view_func=login_required(lambda: "in"))
            return app.test_client()

        def test_it(client, login):
            assert client.get("/").status_code == 401
            login(User(), remember=True)
            assert client.get("/").text == "in"
            assert client.get_cookie("remember_token")
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
