"""flask-dance: a login at a provider, and a token for each user, found by ``current_user``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from downstream.browsing import REDIRECT, REMEMBER, grow_stale, is_to, reopen
from flask import Flask, request
from flask.testing import FlaskClient
from flask_dance.consumer import OAuth2ConsumerBlueprint, oauth_authorized
from flask_dance.consumer.storage.sqla import OAuthConsumerMixin, SQLAlchemyStorage
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    fresh_login_required,
    login_required,
    login_user,
    logout_user,
)
from flask_sqlalchemy import SQLAlchemy
from requests import PreparedRequest
from sqlalchemy.orm import relationship

PROVIDER = "https://provider.example"

db = SQLAlchemy()


class Client(FlaskClient):
    """It insists on HTTPS."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return super().open(*args, **{"base_url": "https://localhost", **kwargs})


class User(db.Model, UserMixin):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), unique=True)


class OAuth(OAuthConsumerMixin, db.Model):
    user_id = db.Column(db.Integer, db.ForeignKey(User.id))
    user = relationship(User)


@pytest.fixture
def provider() -> Iterator[responses.RequestsMock]:
    """Another site with accounts: its codes, tokens and names are ``code-ada``, ``token-ada`` and ``ada``."""

    def give_token(asked: PreparedRequest) -> tuple[int, dict[str, str], str]:
        name = parse_qs(str(asked.body))["code"][0].removeprefix("code-")
        return 200, {}, f'{{"access_token": "token-{name}", "token_type": "Bearer"}}'

    def say_who(asked: PreparedRequest) -> tuple[int, dict[str, str], str]:
        name = asked.headers["Authorization"].removeprefix("Bearer token-")
        return 200, {}, f'{{"name": "{name}"}}'

    with responses.RequestsMock(assert_all_requests_are_fired=False) as site:
        json = {"content_type": "application/json"}
        site.add_callback(responses.POST, f"{PROVIDER}/token", give_token, **json)
        site.add_callback(responses.GET, f"{PROVIDER}/me", say_who, **json)
        yield site


@pytest.fixture
def app(provider: responses.RequestsMock) -> Iterator[Flask]:
    app = Flask("dance")
    app.test_client_class = Client
    app.config.update(SECRET_KEY="a-key-of-the-tests-that-is-long-enough", SQLALCHEMY_DATABASE_URI="sqlite://")
    db.init_app(app)
    manager = LoginManager(app)
    manager.login_view = manager.refresh_view = "club.login"
    manager.user_loader(lambda user_id: db.session.get(User, int(user_id)))
    club = OAuth2ConsumerBlueprint(
        "club",
        "dance",
        client_id="id",
        client_secret="secret",
        base_url=PROVIDER,
        token_url=f"{PROVIDER}/token",
        authorization_url=f"{PROVIDER}/authorize",
        storage=SQLAlchemyStorage(OAuth, db.session, user=current_user, user_required=False),
    )
    app.register_blueprint(club, url_prefix="/login")
    add_pages(app, club)
    with app.app_context():
        db.create_all()
    with oauth_authorized.connected_to(log_in_by_token, sender=club):
        yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def log_in_by_token(club: Any, token: dict[str, str]) -> None:
    """What its documentation does, and a user who is logged in keeps the account."""
    if current_user.is_authenticated:
        return
    name = club.session.get("/me").json()["name"]
    user = db.session.execute(db.select(User).filter_by(name=name)).scalar() or User(name=name)
    db.session.add(user)
    db.session.commit()
    login_user(user, remember="remember" in request.cookies)


def add_pages(app: Flask, club: Any) -> None:
    @app.get("/token")
    def token() -> dict[str, Any]:
        held = club.token
        return {"token": held and held["access_token"], "user": getattr(current_user, "name", None)}

    @app.get("/me")
    @login_required
    def me() -> dict[str, str]:
        return club.session.get("/me").json()

    @app.get("/fresh")
    @fresh_login_required
    def fresh() -> str:
        return "fresh"

    @app.get("/local/<name>")
    def local(name: str) -> str:
        user = User(name=name)
        db.session.add(user)
        db.session.commit()
        login_user(user)
        return name

    @app.get("/forget")
    def forget() -> str:
        del club.token
        return "forgotten"

    @app.get("/logout")
    def logout() -> str:
        logout_user()
        return "out"


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


def dance(client: Any, name: str = "ada", path: str = "/login/club") -> Any:
    """Go to the provider, allow what is asked, and come back."""
    asked = client.get(path)
    assert asked.status_code == REDIRECT
    assert asked.location.startswith(f"{PROVIDER}/authorize?")
    state = parse_qs(urlsplit(asked.location).query)["state"][0]
    return client.get(f"/login/club/authorized?state={state}&code=code-{name}")


def test_login(client: Any) -> None:
    """The guard leads to the provider, and the way back to a page that knows the user and has their token."""
    refused = client.get("/me")
    assert is_to(refused, "/login/club")
    assert is_to(dance(client, path=refused.location), "/")
    assert client.get("/token").json == {"token": "token-ada", "user": "ada"}
    assert client.get("/me").json == {"name": "ada"}


def test_state(client: Any) -> None:
    """An answer of the provider that nobody asked for logs nobody in."""
    assert is_to(client.get("/login/club/authorized?state=guess&code=code-ada"), "/login/club")
    assert client.get("/token").json == {"token": None, "user": None}


def test_token_is_stored_for_the_user(app: Flask, client: Any) -> None:
    """The token that arrives with the login is stored for who was logged in by it in the same request."""
    dance(client)
    with app.app_context():
        row = db.session.execute(db.select(OAuth)).scalar_one()
        assert (row.user.name, row.token["access_token"]) == ("ada", "token-ada")


def test_two_users(app: Flask, client: Any) -> None:
    """Each has a token of their own, also when they take turns in one browser."""
    other = app.test_client()
    dance(client)
    dance(other, "bob")
    assert client.get("/me").json == {"name": "ada"}
    assert other.get("/me").json == {"name": "bob"}
    other.get("/logout")
    dance(other)
    assert other.get("/token").json == {"token": "token-ada", "user": "ada"}


def test_visitor(app: Flask, client: Any) -> None:
    """A visitor has no token, whoever else has one."""
    dance(client)
    assert app.test_client().get("/token").json == {"token": None, "user": None}


def test_joined_account(client: Any) -> None:
    """Who is logged in already stays so, and the provider's token becomes theirs."""
    client.get("/local/eve")
    dance(client)
    assert client.get("/token").json == {"token": "token-ada", "user": "eve"}
    client.get("/forget")
    assert client.get("/token").json == {"token": None, "user": "eve"}


def test_remember(client: Any) -> None:
    """Who the remember cookie logs in has their token again, and is not fresh."""
    client.set_cookie("remember", "yes")
    dance(client)
    assert client.get("/fresh").text == "fresh"
    reopen(client)
    assert client.get("/token").json == {"token": "token-ada", "user": "ada"}
    assert is_to(client.get("/fresh"), "/login/club")


def test_freshness(client: Any) -> None:
    """A stale login may do what needs no fresh one, and has its token."""
    dance(client)
    grow_stale(client)
    assert is_to(client.get("/fresh"), "/login/club")
    assert client.get("/me").json == {"name": "ada"}


def test_logout(client: Any) -> None:
    """After the logout there is neither a user nor a token nor a remember cookie."""
    client.set_cookie("remember", "yes")
    dance(client)
    assert client.get_cookie(REMEMBER) is not None
    client.get("/logout")
    assert client.get_cookie(REMEMBER) is None
    assert client.get("/token").json == {"token": None, "user": None}
    assert is_to(client.get("/me"), "/login/club")
