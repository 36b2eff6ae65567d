"""A small app with users: log in, be remembered, see one's devices, confirm the password, log out.

Start it with ``python examples/demo/app.py``; it needs Flask-WTF and SQLAlchemy. It leaves out what is not about
sessions: registration, lost passwords, and a limit on the number of attempts to log in.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    after_this_request,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.exceptions import HTTPException
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.serving import make_server
from werkzeug.wrappers import Response
from words import WHY_ENDED, Notice, ago, counted, device_name
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from flask_sessionauth import (
    LoginManager,
    UserMixin,
    active_sessions,
    confirm_login,
    credentials_changed,
    end_session,
    end_sessions,
    fresh_login_required,
    login_exempt,
    login_fresh,
    login_remembered,
    login_source,
    login_user,
    logout_user,
    redirect_next,
    remember_stolen,
    session_started,
)
from flask_sessionauth.registry import ActiveSession, SQLRegistry

INSTANCE = Path(__file__).resolve().parent / "instance"
DEMO_USER, DEMO_PASSWORD = "ada", "analytical-engine"

# Every page needs a login, but for the login page, static files, and what @login_exempt opens.
login_manager: LoginManager[User] = LoginManager(require_login=True)
login_manager.login_view = "pages.login"
login_manager.login_message = "Please log in to see that page."
login_manager.refresh_view = "pages.reauthenticate"
login_manager.needs_refresh_message = None  # the page itself says why

csrf = CSRFProtect()
pages = Blueprint("pages", __name__)


# Users


@dataclass(frozen=True, eq=False)  # users are equal when their ids are: UserMixin says so
class User(UserMixin):
    id: int
    name: str
    password_hash: str = field(repr=False)

    @property
    def security_stamp(self) -> str:
        """When it changes, all logins of the user end."""
        return self.password_hash


# AUTOINCREMENT: the id of a deleted user is never given to another, who would inherit the sessions.
USERS_TABLE = """
    CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password_hash TEXT NOT NULL
    )
"""

# The hash of a password that nobody knows.
NOBODYS_HASH = generate_password_hash(secrets.token_urlsafe())


def database() -> sqlite3.Connection:
    """This request's connection."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"])
    connection: sqlite3.Connection = g.database
    return connection


def close_database(_error: BaseException | None) -> None:
    if "database" in g:
        g.pop("database").close()


@login_manager.user_loader
def user_by_id(user_id: str) -> User | None:
    row = database().execute("SELECT id, name, password_hash FROM users WHERE id = ?", (user_id,)).fetchone()
    return User(*row) if row else None


def user_by_password(name: str, password: str) -> User | None:
    """The user with this name, if this is the password."""
    row = database().execute("SELECT id, name, password_hash FROM users WHERE name = ?", (name,)).fetchone()
    user = User(*row) if row else None
    # Without a user a hash is checked, too: how long the answer takes does not tell whether the name exists.
    is_right = check_password_hash(user.password_hash if user else NOBODYS_HASH, password)
    return user if is_right else None


def set_password(user: User, password: str) -> User:
    """Change a user's password, and return the user with it."""
    changed = replace(user, password_hash=generate_password_hash(password))
    with database() as transaction:
        transaction.execute("UPDATE users SET password_hash = ? WHERE id = ?", (changed.password_hash, user.id))
    return changed


# Forms


class LoginForm(FlaskForm):
    username = StringField(
        "Name",
        [InputRequired("Enter your name."), Length(max=100)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        [InputRequired("Enter your password."), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )
    remember = BooleanField("Remember me on this device")


class ReauthenticationForm(FlaskForm):
    password = PasswordField(
        "Password",
        [InputRequired("Enter your password."), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )


class PasswordForm(FlaskForm):
    # 15 characters: NIST SP 800-63B-4, section 3.1.1.2, for a password that is the only factor.
    password = PasswordField(
        "New password",
        [InputRequired("Enter a new password."), Length(15, 1000, "Use at least 15 characters.")],
        render_kw={"autocomplete": "new-password"},
    )
    repeated = PasswordField(
        "New password, again",
        [InputRequired("Enter the new password again."), EqualTo("password", "The two passwords are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


# Pages


@pages.get("/")
@login_exempt
def home() -> ResponseReturnValue:
    return render_template("home.html")


@pages.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    if login_manager.get_user():
        return redirect_next(url_for(".home"))
    form = LoginForm()
    if form.validate_on_submit():
        user = user_by_password(form.username.data, form.password.data)
        if user and login_user(user, remember=form.remember.data):
            return redirect_next(url_for(".home"))
        # The same for an unknown name, a wrong password and an inactive user.
        form.form_errors.append("This name and password do not match.")
    return render_template("login.html", form=form)


@pages.get("/account")
def account() -> ResponseReturnValue:
    facts = {"source": login_source(), "fresh": login_fresh(), "remembered": login_remembered()}
    return render_template("account.html", **facts)


@pages.get("/devices")
def devices() -> ResponseReturnValue:
    # Stable: but for this device, the newest login is the first.
    logins = sorted(active_sessions(), key=lambda login: not login.current)
    return render_template("devices.html", logins=logins, now=datetime.now(UTC), may_end=login_fresh())


# To end a login takes the password: who has a copied remember cookie cannot throw its owner out.
@pages.post("/devices/<login_id>/end")
@fresh_login_required
def end_device(login_id: str) -> ResponseReturnValue:
    if end_session(login_id):
        flash("The device is logged out.", "success")
    else:
        flash("That device was logged out already.", "info")
    return redirect(url_for(".devices"))


@pages.post("/devices/end-others")
@fresh_login_required
def end_other_devices() -> ResponseReturnValue:
    flash(f"You are logged out of {counted(end_sessions(), 'other device')}.", "success")
    return redirect(url_for(".devices"))


@pages.route("/password", methods=["GET", "POST"])
@fresh_login_required(max_age=timedelta(minutes=10))
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if form.validate_on_submit():
        credentials_changed(set_password(login_manager.require_user(), form.password.data))
        flash("Your password has been changed. You are logged out on all other devices.", "success")
        return redirect(url_for(".account"))
    return render_template("password.html", form=form)


@pages.route("/reauthenticate", methods=["GET", "POST"])
def reauthenticate() -> ResponseReturnValue:
    form = ReauthenticationForm()
    if form.validate_on_submit():
        user = user_by_password(login_manager.require_user().name, form.password.data)
        if user:
            confirm_login(user)
            return redirect_next(url_for(".account"))
        form.form_errors.append("This is not your password.")
    return render_template("reauthenticate.html", form=form)


@pages.post("/logout")
@login_exempt
def logout() -> ResponseReturnValue:
    logout_user()
    flash("You are logged out.", "success")
    return redirect(url_for(".home"))


def error_page(error: HTTPException) -> Response:
    response = error.get_response()
    response.set_data(render_template("error.html", error=error))
    return response


# Why a login has ended
#
# A login that is ended elsewhere leaves nothing in this browser's session. So that it can be told why, it has the
# login's id in a cookie: that opens nothing, but the registry knows the reason by it.

DEVICE_COOKIE = "device"


def know_device(_app: Flask, session: ActiveSession, **_: object) -> None:
    """A login has begun in this browser, or a copied remember cookie of one has come from it."""
    g.device_id = session.id

    @after_this_request
    def set_cookie(response: Response) -> Response:
        # A page that has told what there was to tell has taken it out of `g`.
        if "device_id" in g:
            expires = session.expires_at if session.remembered else None
            response.set_cookie(DEVICE_COOKIE, session.id, expires=expires, httponly=True, samesite="Lax")
        return response


@pages.app_template_global()
def why_ended() -> Notice | None:
    """What a browser is told, once, whose login was ended by somebody or something else than its user here."""
    device_id = g.pop("device_id", None) or request.cookies.get(DEVICE_COOKIE)
    if not device_id or login_manager.registry is None:
        return None

    @after_this_request
    def forget(response: Response) -> Response:
        response.delete_cookie(DEVICE_COOKIE, httponly=True, samesite="Lax")
        return response

    login = login_manager.registry.get(device_id)
    return WHY_ENDED.get(login.ended_reason or "") if login else None


# The app


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The app; ``config`` goes over its settings."""
    app = Flask(__name__, instance_path=str(INSTANCE))
    app.config.update(
        DATABASE=os.environ.get("DEMO_DATABASE") or INSTANCE / "demo.sqlite3",
        # On HTTPS, which the demo does not speak, add SESSION_COOKIE_SECURE=True.
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_DURATION=timedelta(days=30),
        LOGIN_IDLE_TIMEOUT=timedelta(hours=2),
        LOGIN_ABSOLUTE_TIMEOUT=timedelta(days=1),
        # After logout, the Back button shows nothing of the user.
        LOGIN_CACHE_CONTROL="no-store",
        # A form is good for as long as its session.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.config.update(config or {})
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = secret_key(INSTANCE / "secret.key")

    create_database(Path(app.config["DATABASE"]))
    login_manager.registry = create_registry(Path(app.config["DATABASE"]))
    login_manager.init_app(app)
    session_started.connect(know_device, app)
    remember_stolen.connect(know_device, app)
    csrf.init_app(app)
    app.register_blueprint(pages)
    app.register_error_handler(HTTPException, error_page)
    app.teardown_appcontext(close_database)
    app.after_request(add_security_headers)
    app.add_template_filter(device_name)
    app.add_template_filter(ago)
    return app


def secret_key(file: Path) -> str:
    """The key in the file, which is made at the first start: with a new key at each, nobody would stay logged in."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    except FileExistsError:
        return file.read_text()
    key = secrets.token_urlsafe(32)
    with open(descriptor, "w") as new_file:
        new_file.write(key)
    return key


def create_database(file: Path) -> None:
    """Create the database with one user, where there is none."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(USERS_TABLE)
        if not connection.execute("SELECT 1 FROM users").fetchone():
            seed = (DEMO_USER, generate_password_hash(DEMO_PASSWORD))
            connection.execute("INSERT INTO users (name, password_hash) VALUES (?, ?)", seed)


def create_registry(database: Path) -> SQLRegistry:
    """The store of logins, in a file beside the database."""
    registry = SQLRegistry(f"sqlite:///{database.with_suffix('.logins.sqlite3')}")
    registry.create_all()
    return registry


def add_security_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo of flask-sessionauth.")
    parser.add_argument("--port", type=int, default=5000, help="0 takes a free one (default: %(default)s)")
    port = parser.parse_args().port
    app = create_app()
    server = make_server("127.0.0.1", port, app, threaded=True)
    with app.app_context():
        is_original = user_by_password(DEMO_USER, DEMO_PASSWORD) is not None
    shown = DEMO_PASSWORD if is_original else f"changed by you (to start over, delete {app.config['DATABASE']})"
    print(f"\n  Open      http://127.0.0.1:{server.port}/\n  Name      {DEMO_USER}\n  Password  {shown}\n", flush=True)
    print("  Ctrl+C stops it.\n", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
