"""The world of the registry's model: an app, a store that fails at will, a clock, and browsers as jars of cookies."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from blinker import NamedSignal
from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeSerializer

from flask_sessionauth import (
    LoginManager,
    UserMixin,
    confirm_login,
    credentials_changed,
    get_user,
    login_fresh,
    login_source,
    login_user,
    logout_user,
    remember_stolen,
    session_ended,
    session_started,
)
from flask_sessionauth.errors import RegistryDownError
from flask_sessionauth.registry import ActiveSession, MemoryRegistry
from flask_sessionauth.state import LoginState
from flask_sessionauth.tokens import read_device_token, read_session_mark

SESSION, REMEMBER = "session", "remember_token"
#: Seconds: for how long a login is remembered here, so that walks see its end.
LIFE = 5 * 86400
#: Seconds: the default of ``LOGIN_ROTATION_GRACE``.
GRACE = 60

Jar = dict[str, str]


class Undated(URLSafeSerializer):
    """Flask's own refuses a cookie that was signed in the future, as one is after the clock was set back."""

    def loads(self, text: str, max_age: object = None, salt: bytes | None = None) -> Any:
        return super().loads(text, salt)


class UndatedSessions(SecureCookieSessionInterface):
    """Flask's sessions, signed with the app's keys, old and new (which Flask 3.0 cannot do), but without a time."""

    def get_signing_serializer(self, app: Flask) -> Any:
        keys = [app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"]]
        return Undated(keys[::-1], salt=self.salt)


class Store(MemoryRegistry):
    """A store that goes down at will, and in which others are busy between what a request reads and what it writes."""

    def __init__(self) -> None:
        super().__init__()
        #: Runs once, after the next look at a row, or at a user's.
        self.meanwhile: Callable[[], object] | None = None
        #: How many calls are answered before it is down; ``None``: all.
        self.answers: int | None = None

    def _answer(self) -> None:
        if self.answers is not None:
            self.answers -= 1
            if self.answers < 0:
                raise RegistryDownError

    def _let_others_in(self) -> None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()

    def get(self, id: str, /) -> ActiveSession | None:
        self._answer()
        row = super().get(id)
        self._let_others_in()
        return row

    def replace(self, old: ActiveSession, new: ActiveSession, /) -> bool:
        self._answer()
        return super().replace(old, new)

    def of_owner(self, owner: str, /) -> list[ActiveSession]:
        self._answer()
        rows = super().of_owner(owner)
        self._let_others_in()
        return rows


class User(UserMixin):
    id = "1"
    password = 1

    @property
    def security_stamp(self) -> str:
        return f"hash of password {self.password}"


@dataclass
class Answer:
    """What the server said to a request, until a browser takes it."""

    status: int
    #: Who the view found, and whom it left there: the user, its login's id, ``source`` and ``fresh``.
    came: dict[str, Any]
    went: dict[str, Any]
    cookies: list[str] = field(repr=False)

    def reach(self, jar: Jar) -> None:
        """Let a browser take the cookies."""
        for header in self.cookies:
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value


class World:
    """One user, one app and its registry, and all that was told of each login."""

    def __init__(self, **config: Any) -> None:
        #: Milliseconds since 1970.
        self.now = 1_777_593_600_000
        #: Milliseconds that have passed. Unlike the time, they are never set back.
        self.passed = 0
        self.user = User()
        self.store = Store()
        #: How many keys the app has had.
        self.keys = 1
        #: Runs once, while the next view does.
        self.meanwhile: Callable[[], object] | None = None
        #: For each login, how it began and ended, as the signals told it.
        self.told: dict[str | None, list[str]] = defaultdict(list)
        self.app = self._make_app(config)
        self._client = self.app.test_client(use_cookies=False)

    def _make_app(self, config: dict[str, Any]) -> Flask:
        app = Flask("world")
        app.session_interface = UndatedSessions()
        app.config.update(SECRET_KEY="key 1", SECRET_KEY_FALLBACKS=[], REMEMBER_COOKIE_DURATION=LIFE)
        app.config.update(config)
        self.manager: LoginManager[User] = LoginManager(app, registry=self.store)
        self.manager.user_loader({"1": self.user}.get)
        app.add_url_rule("/<action>", view_func=self._page, methods=["POST"])
        # Signals hold their receivers weakly.
        self._listeners = [self._listen(signal, app) for signal in (session_started, session_ended, remember_stolen)]
        return app

    def _listen(self, signal: NamedSignal, app: Flask) -> Callable[..., None]:
        def hear(_: Flask, **news: Any) -> None:
            id = news["session"].id if "session" in news else news["session_id"]
            self.told[id].append(news.get("reason", signal.name))

        return signal.connect(hear, app)

    # The app's pages

    def _page(self, action: str) -> dict[str, Any]:
        # Pages to log in and out need not ask who comes.
        came = {} if action in ("login", "logout") else self._who()
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        getattr(self, f"_{action}")()
        return {"came": came, "went": self._who()}

    def _who(self) -> dict[str, Any]:
        here = [one.id for one in self.manager.active_sessions() if one.current]
        return {
            "is_in": get_user() is not None,
            "id": here[0] if here else None,
            "source": login_source(),
            "fresh": login_fresh(),
        }

    def _look(self) -> None:
        pass

    def _shop(self) -> None:
        session["cart"] = session.get("cart", 0) + 1

    def _login(self) -> None:
        login_user(self.user, remember="remember" in request.form)

    def _logout(self) -> None:
        logout_user()

    def _confirm(self) -> None:
        confirm_login()

    def _password(self) -> None:
        if get_user() is not None:
            self.user.password += 1
            credentials_changed()

    def _end_one(self) -> None:
        self.manager.end_session(request.form["id"])

    def _end_others(self) -> None:
        self.manager.end_sessions()

    # What may happen

    def send(self, jar: Jar, action: str, **form: str) -> Answer:
        """A request with the cookies of a jar, and the answer, which has not reached anybody yet."""
        self.wait(0.002)  # so that rows, whose times are of milliseconds, tell two requests apart
        cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
        with self._time():
            response = self._client.post(f"/{action}", data=form, headers={"Cookie": cookie})
        is_down = self.store.answers is not None and self.store.answers < 0
        assert response.status_code == (503 if is_down else 200), response.text
        assert ("Retry-After" in response.headers) is is_down
        said = {"came": {}, "went": {}} if is_down else response.get_json()
        return Answer(response.status_code, said["came"], said["went"], response.headers.getlist("Set-Cookie"))

    @contextmanager
    def _time(self) -> Iterator[None]:
        kept = time.time, time.monotonic
        time.time, time.monotonic = lambda: self.now / 1000, lambda: self.passed / 1000
        try:
            yield
        finally:
            time.time, time.monotonic = kept

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
        self.passed += int(seconds * 1000)

    def set_clock_back(self, seconds: int) -> None:
        self.now -= seconds * 1000

    def change_key(self) -> None:
        """A new key signs; the older ones are still known."""
        config = self.app.config
        self.keys += 1
        config["SECRET_KEY_FALLBACKS"] = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
        config["SECRET_KEY"] = f"key {self.keys}"

    def drop_keys(self) -> None:
        """Only the newest key is known."""
        self.app.config["SECRET_KEY_FALLBACKS"] = []

    # What is there

    @property
    def rows(self) -> dict[str, ActiveSession]:
        return {row.id: row for row in self.store.all_rows() if row.user_id}

    def is_over(self, id: str | None) -> bool:
        """Whether a login has ended, or its time is over; ``None`` is none."""
        row = None if id is None else self.rows[id]
        return row is None or row.ended_at is not None or self.now >= row.expires_at.timestamp() * 1000

    def epoch_of(self, jar: Jar) -> int:
        """Which mark of its login a jar's session has; 0 for none."""
        serializer = self.app.session_interface.get_signing_serializer(self.app)
        try:
            content = serializer.loads(jar.get(SESSION, ""))
        except BadSignature:
            return 0
        mark = read_session_mark(LoginState().session_mark(content))
        return 0 if mark is None else mark.counter

    def stolen(self) -> int:
        """How often a theft was told of."""
        return sum(told.count("remember-stolen") for told in self.told.values())


def cookie_of(jar: Jar) -> tuple[str | None, int]:
    """Of which login a jar has a remember cookie, and which one of it; 0 for none."""
    token = read_device_token(jar.get(REMEMBER, ""))
    return (None, 0) if token is None else (token.id, token.counter)
