"""What a user's type checker sees. Checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

from flask import Blueprint, Flask, Request
from flask.views import MethodView
from werkzeug.wrappers import Response

from flask_sessionauth import (
    LoginManager,
    UserMixin,
    confirm_login,
    credentials_changed,
    current_user,
    decode_cookie,
    encode_cookie,
    fresh_login_required,
    get_user,
    is_safe_url,
    login_exempt,
    login_fresh,
    login_remembered,
    login_required,
    login_source,
    login_user,
    logout_user,
    next_url,
    redirect_next,
    require_user,
)
from flask_sessionauth.testing import LoginClient


class User(UserMixin):
    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name


class Admin(UserMixin):
    id = "1"


app = Flask(__name__)
login_manager = LoginManager[User](app, require_login=True)
admin = LoginManager[Admin](name="admin")
untyped = LoginManager()


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    return User(user_id, "ada")


@login_manager.request_loader
async def load_from_request(request: Request) -> User | None:
    return None


@login_manager.unauthorized_handler
def refuse() -> str:
    return "no"


# The decorators keep the types of what they decorate.
@app.get("/<int:number>")
@login_required
def view(number: int) -> str:
    assert_type(login_manager.get_user(), User | None)
    assert_type(login_manager.require_user(), User)
    assert_type(login_manager.require_user().name, str)
    assert_type(admin.require_user(), Admin)
    assert_type(get_user(), Any)
    assert_type(require_user(), Any)
    return str(current_user.name)


assert_type(view(1), str)


@fresh_login_required(max_age=timedelta(minutes=10))
def fresh_view(number: int) -> str:
    return ""


assert_type(fresh_view(1), str)


@admin.login_required()
async def async_view() -> str:
    return ""


@login_exempt
class Page(MethodView):
    decorators = [login_required]


assert_type(Page(), Page)


def in_a_view(user: User) -> None:
    assert_type(login_user(user, remember=True, duration=timedelta(days=1)), bool)
    assert_type(login_manager.login_user(user, duration=3600), bool)
    assert_type(logout_user(), bool)
    confirm_login(user)
    login_manager.confirm_login(user)
    credentials_changed(user)
    login_manager.credentials_changed()
    assert_type(login_fresh(), bool)
    assert_type(login_remembered(), bool)
    source = login_source()
    if source is not None:
        assert source in ("login", "session", "remember", "request")
    assert_type(next_url("/"), str)
    assert_type(redirect_next("/"), Response)
    assert_type(is_safe_url(None), bool)
    assert_type(encode_cookie("1"), str)
    assert_type(decode_cookie("1"), str | None)


login_manager.protect(Blueprint("shop", __name__))
login_manager.login_view = "login"
login_manager.login_message = None
login_manager.security_stamp = lambda user: str(user.password_hash)
app.test_client_class = LoginClient


def wrong(user: User) -> None:
    """Mistakes that a checker finds: without an error there, the ignore is one."""
    admin.login_user(user)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    login_manager.get_user().name  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]  # noqa: B018
    login_user(user, duration="1 day")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
