"""What a login costs per request: flask_sessionauth against Flask-Login, both over an app that does it by hand.

Run it with ``python benchmarks/overhead.py``. It needs Flask-Login 0.6.3, and matplotlib for ``--plot``.

Three apps have the same views, users, secret key and session interface:

- the floor keeps the user's id in the session and looks the user up itself, with nothing around it;
- one uses Flask-Login;
- one uses flask_sessionauth.

The overhead of a library is its time less the floor's. The ratio is our overhead over Flask-Login's: below 1 is
faster. All apps run in one process, in turn and back again (floor, floor again, Flask-Login, flask_sessionauth,
and the same in reverse), so that a machine that grows slower does so for all of them. Each round gives one
difference, of which the median is taken. Where things lie in memory is a matter of chance in each process, and worth
some hundredths of a ratio; so each scenario is measured in several processes. The mean of their medians is shown, and
the spread of their ratios.
The second floor is the control: its overhead is nothing, so what is shown for it is noise.
"""

from __future__ import annotations

import argparse
import gc
import hmac
import io
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask_login
from flask import Flask, flash, make_response, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import DictLoader
from werkzeug.test import EnvironBuilder, TestResponse

import flask_sessionauth
from flask_sessionauth.compat import install_as_flask_login, uninstall

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SECRET_KEY = "a key for measuring, known to everybody"
USER_ID = "1"
READS = 40
REMEMBER_COOKIE = "remember_token"
REMEMBER_FOR = timedelta(days=365)
PLEASE_LOG_IN = "Please log in to access this page."

TEMPLATES = {
    "plain.html": "<p>Nobody is asked for.</p>",
    # Written out, as the links and names of a page are, and not a loop.
    "user.html": "\n".join(["<p>{{ current_user.name }}</p>"] * READS),
}

# What a desktop browser sends.
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
}


class User:
    """A user as every library here wants it."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, user_id: str, name: str) -> None:
        self.id = user_id
        self.name = name

    def get_id(self) -> str:
        return self.id


class StampedUser(User):
    """A user whose sessions end when the password changes."""

    security_stamp = "scrypt:32768:8:1$bHlpc2Vz$" + 64 * "5e"


USERS = {USER_ID: User(USER_ID, "Ada"), "2": User("2", "Grace")}


STAMPED_USERS = {user.id: StampedUser(user.id, user.name) for user in USERS.values()}

# Longer than a measurement takes: which requests write the time of the last one depends on the clock.
LIMITS = {
    "LOGIN_IDLE_TIMEOUT": timedelta(hours=12),
    "LOGIN_TOUCH_INTERVAL": timedelta(hours=1),
    "LOGIN_ABSOLUTE_TIMEOUT": timedelta(days=7),
    "LOGIN_FRESH_LIFETIME": timedelta(hours=1),
}


# The same by hand, as a program does it whose library has none of it.
IDLE, TOUCH, ABSOLUTE = (
    LIMITS[f"LOGIN_{name}"].total_seconds() for name in ("IDLE_TIMEOUT", "TOUCH_INTERVAL", "ABSOLUTE_TIMEOUT")
)


def stamp_by_hand(user: Any) -> str:
    """What cookies keep of a user's security stamp."""
    message = f"{user.id}|{user.security_stamp}".encode()
    return hmac.digest(SECRET_KEY.encode(), message, "sha256")[:12].hex()


def begin_by_hand() -> None:
    """Start the times of a login."""
    session["begun"] = session["seen"] = int(time.time())


def end_by_hand() -> None:
    """Leave nothing of a login's times and stamp."""
    for key in ("begun", "seen", "stamp"):
        session.pop(key, None)


def is_over_by_hand() -> bool:
    """Whether the session's time is over. If not, it is in use."""
    begun, seen, now = session.get("begun"), session.get("seen"), time.time()
    if begun is None or seen is None or now - begun >= ABSOLUTE or now - seen >= IDLE:
        return True
    if now - seen >= TOUCH:
        session["seen"] = int(now)
    return False


class UserStampedByHand(StampedUser):
    """A user whose id, as Flask-Login's cookies have it, changes with the password."""

    def get_id(self) -> str:
        return f"{self.id}|{stamp_by_hand(self)}"


USERS_STAMPED_BY_HAND = {user.id: UserStampedByHand(user.id, user.name) for user in USERS.values()}


def load_by_hand(user_id: str) -> User | None:
    """Flask-Login's user loader, where it sees to the times and the stamp."""
    user_id, _, stamp = user_id.partition("|")
    user = USERS_STAMPED_BY_HAND.get(user_id)
    if user is None or not hmac.compare_digest(stamp, stamp_by_hand(user)):
        return None
    if "begun" not in session:
        # The remember cookie has just logged in.
        begin_by_hand()
    elif is_over_by_hand():
        return None
    return user


def read_often(user: Any) -> str:
    return " ".join([user.name for _ in range(READS)])


# The apps


def make_app() -> Flask:
    app = Flask("overhead")
    app.config["SECRET_KEY"] = SECRET_KEY
    app.jinja_loader = DictLoader(TEMPLATES)
    app.add_url_rule("/plain", view_func=lambda: "plain", endpoint="plain")
    app.add_url_rule("/template", view_func=lambda: render_template("plain.html"), endpoint="template")
    return app


def make_floor(has_limits: bool = False) -> Flask:
    """The app that does everything by hand, with limits also the timeouts and stamps."""
    app = make_app()
    users: dict[str, Any] = {**STAMPED_USERS} if has_limits else {**USERS}
    remember_tokens = URLSafeTimedSerializer(SECRET_KEY, salt="remember")

    def find_user() -> User | None:
        user_id = session.get("user_id")
        if user_id is None:
            token = request.cookies.get(REMEMBER_COOKIE)
            if token is None:
                return None
            try:
                claims = remember_tokens.loads(token, max_age=int(REMEMBER_FOR.total_seconds()))
            except BadData:
                return None
            user_id, stamp = claims if has_limits else (claims, "")
            begin(user_id, stamp)
        elif has_limits and is_over_by_hand():
            session.clear()
            return None
        user: Any = users.get(user_id)
        if has_limits and user is not None:
            stamp = session.get("stamp", "")
            if not hmac.compare_digest(stamp, stamp_by_hand(user)):
                session.clear()
                return None
        return user  # type: ignore[no-any-return]

    def begin(user_id: str, stamp: str) -> None:
        session["user_id"] = user_id
        if has_limits:
            session["stamp"] = stamp
            begin_by_hand()

    def refuse() -> ResponseReturnValue:
        flash(PLEASE_LOG_IN)
        return redirect(f"/login?{urlencode({'next': request.path})}")

    def who() -> ResponseReturnValue:
        user = find_user()
        return "nobody" if user is None else user.name

    def guarded() -> ResponseReturnValue:
        user = find_user()
        return refuse() if user is None else user.name

    def often() -> ResponseReturnValue:
        user = find_user()
        return refuse() if user is None else read_often(user)

    def guarded_template() -> ResponseReturnValue:
        user = find_user()
        return refuse() if user is None else render_template("user.html", current_user=user)

    def open_template() -> ResponseReturnValue:
        return render_template("user.html", current_user=find_user())

    def stamp_now() -> str:
        return stamp_by_hand(users[USER_ID]) if has_limits else ""

    def login() -> ResponseReturnValue:
        begin(USER_ID, stamp_now())
        return "hello"

    def login_remember() -> ResponseReturnValue:
        stamp = stamp_now()
        begin(USER_ID, stamp)
        response = make_response("hello")
        claims = [USER_ID, stamp] if has_limits else USER_ID
        token, expires = remember_tokens.dumps(claims), datetime.now(UTC) + REMEMBER_FOR
        response.set_cookie(REMEMBER_COOKIE, token, expires=expires, httponly=True, samesite="Lax")
        return response

    def logout() -> ResponseReturnValue:
        session.pop("user_id", None)
        if has_limits:
            end_by_hand()
        response = make_response("bye")
        if REMEMBER_COOKIE in request.cookies:
            response.delete_cookie(REMEMBER_COOKIE, httponly=True, samesite="Lax")
        return response

    add_views(app, who, guarded, often, guarded_template, open_template, login, login_remember, logout)
    return app


def make_library_app(library: ModuleType, limits: str = "") -> Flask:
    """The app with a login library. Both have the same names, so the views are the same code.

    :param limits: who sees to timeouts and stamps: ``"library"``, the ``"program"`` or, blank, nobody.
    """
    app = make_app()
    by_hand = limits == "program"
    users: dict[str, Any] = dict(USERS_STAMPED_BY_HAND if by_hand else STAMPED_USERS if limits else USERS)
    app.config.update(LIMITS if limits == "library" else {})
    manager = library.LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(load_by_hand if by_hand else users.get)
    current_user, login_required = library.current_user, library.login_required
    login_user, logout_user = library.login_user, library.logout_user

    def who() -> ResponseReturnValue:
        name: str = current_user.name if current_user.is_authenticated else "nobody"
        return name

    def guarded() -> ResponseReturnValue:
        name: str = current_user.name
        return name

    def often() -> ResponseReturnValue:
        return read_often(current_user)

    def user_template() -> ResponseReturnValue:
        return render_template("user.html")

    def login() -> ResponseReturnValue:
        login_user(users[USER_ID])
        if by_hand:
            begin_by_hand()
        return "hello"

    def login_remember() -> ResponseReturnValue:
        login_user(users[USER_ID], remember=True)
        if by_hand:
            begin_by_hand()
        return "hello"

    def logout() -> ResponseReturnValue:
        logout_user()
        if by_hand:
            end_by_hand()
        return "bye"

    add_views(
        app,
        who,
        login_required(guarded),
        login_required(often),
        login_required(user_template),
        user_template,
        login,
        login_remember,
        logout,
    )
    return app


def add_views(
    app: Flask,
    who: Callable[[], ResponseReturnValue],
    guarded: Callable[[], ResponseReturnValue],
    often: Callable[[], ResponseReturnValue],
    guarded_template: Callable[[], ResponseReturnValue],
    open_template: Callable[[], ResponseReturnValue],
    login: Callable[[], ResponseReturnValue],
    login_remember: Callable[[], ResponseReturnValue],
    logout: Callable[[], ResponseReturnValue],
) -> None:
    app.add_url_rule("/who", "who", who)
    app.add_url_rule("/guarded", "guarded", guarded)
    app.add_url_rule("/often", "often", often)
    app.add_url_rule("/guarded-template", "guarded_template", guarded_template)
    app.add_url_rule("/open-template", "open_template", open_template)
    app.add_url_rule("/login", "login", login)
    app.add_url_rule("/login-remember", "login_remember", login_remember)
    app.add_url_rule("/logout", "logout", logout)


# The scenarios

# The goals: the most our overhead may be, as a share of Flask-Login's.
NOT_ASKED, READ, CHANGE, OTHER = 0.1, 0.3, 0.6, 1.0


@dataclass(frozen=True)
class Scenario:
    """One kind of request: where to, with which cookies of a user who is logged in, and who that is afterwards."""

    name: str
    label: str
    path: str
    goal: float
    cookies: tuple[str, ...]
    logged_in: bool
    remembered: bool
    statuses: tuple[int, ...] = (200,)


SESSION, REMEMBER = "session", REMEMBER_COOKIE

SCENARIOS = [
    Scenario("plain", "page that does not ask, logged in", "/plain", NOT_ASKED, (SESSION,), True, False),
    Scenario("plain-visitor", "page that does not ask, visitor", "/plain", NOT_ASKED, (), False, False),
    Scenario("template", "template that does not ask, logged in", "/template", NOT_ASKED, (SESSION,), True, False),
    Scenario("template-visitor", "template that does not ask, visitor", "/template", NOT_ASKED, (), False, False),
    Scenario("guarded", "guarded page, 1 read", "/guarded", READ, (SESSION,), True, False),
    Scenario("both", "guarded page, both cookies", "/guarded", READ, (SESSION, REMEMBER), True, True),
    Scenario("often", f"guarded page, {READS} reads", "/often", READ, (SESSION,), True, False),
    Scenario(
        "guarded-template", f"guarded template, {READS} reads", "/guarded-template", READ, (SESSION,), True, False
    ),
    # What a template gets before anybody has asked must be a proxy: to load the user for it would be to ask.
    Scenario("open-template", f"open template, {READS} reads", "/open-template", OTHER, (SESSION,), True, False),
    Scenario("login", "login", "/login", CHANGE, (), True, False),
    Scenario("login-remember", "login with remember cookie", "/login-remember", CHANGE, (), True, True),
    Scenario("logout", "logout", "/logout", CHANGE, (SESSION,), False, False),
    Scenario("logout-both", "logout with remember cookie", "/logout", CHANGE, (SESSION, REMEMBER), False, False),
    Scenario("restore", "restore from remember cookie", "/guarded", CHANGE, (REMEMBER,), True, True),
    Scenario("anonymous", "anonymous read", "/who", OTHER, (), False, False),
    Scenario("refusal", "refusal", "/guarded", OTHER, (), False, False, statuses=(302, 303)),
]


@dataclass(frozen=True)
class Subject:
    """One of the apps that are compared."""

    name: str
    app: Flask
    cookies: dict[str, str]
    """A session and a remember cookie of its own making, of a user who is logged in."""

    def environ(self, scenario: Scenario) -> WSGIEnvironment:
        """The request of a scenario as a server would pass it on."""
        cookies = "; ".join(f"{name}={self.cookies[name]}" for name in scenario.cookies)
        environ = EnvironBuilder(scenario.path, headers=HEADERS.items()).get_environ()
        environ["wsgi.input"] = io.BytesIO()
        environ["REMOTE_ADDR"] = "192.0.2.1"
        if cookies:
            environ["HTTP_COOKIE"] = cookies
        return environ


def stand_in() -> ModuleType:
    """What a program gets that imports ``flask_login`` on flask_sessionauth. Here, Flask-Login stays what it is."""
    real = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "flask_login"}
    for name in real:
        del sys.modules[name]
    install_as_flask_login()
    found = sys.modules["flask_login"]
    uninstall()
    sys.modules.update(real)
    return found


def make_subjects(hook: bool = False, limits: str = "", standin: bool = False) -> list[Subject]:
    """The apps; with a hook, each has a function that runs after each request, as most programs have.

    With the stand-in, flask_sessionauth's app imports ``flask_login``.

    :param limits: which apps check timeouts and security stamps: ``"ours"``, flask_sessionauth's alone; ``"all"``, the
        others by hand; or, blank, none.
    """
    others = limits == "all"
    apps = {
        "floor": make_floor(others),
        "floor again": make_floor(others),
        "Flask-Login": make_library_app(flask_login, "program" if others else ""),
        "flask_sessionauth": make_library_app(
            stand_in() if standin else flask_sessionauth, "library" if limits else ""
        ),
    }
    if hook:
        for app in apps.values():
            app.after_request(lambda response: response)
    return [Subject(name, app, log_in(app)) for name, app in apps.items()]


@dataclass(frozen=True)
class Answer:
    """What a visitor notices of a response: it must not depend on who does the look-up."""

    status: int
    location: str | None
    body: str
    user_after: str
    user_after_closing_the_browser: str


def send(app: Flask, path: str, cookies: dict[str, str]) -> tuple[TestResponse, dict[str, str]]:
    """The response to one request, and the cookies the browser has after it."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    for name, value in cookies.items():
        client.set_cookie(name, value)
    response = client.get(path, headers=HEADERS)
    kept = {name: client.get_cookie(name) for name in (SESSION, REMEMBER)}
    return response, {name: cookie.value for name, cookie in kept.items() if cookie is not None}


def log_in(app: Flask) -> dict[str, str]:
    _, cookies = send(app, "/login-remember", {})
    return cookies


def answer(subject: Subject, scenario: Scenario) -> Answer:
    response, cookies = send(subject.app, scenario.path, {name: subject.cookies[name] for name in scenario.cookies})
    user, _ = send(subject.app, "/who", cookies)
    restored, _ = send(subject.app, "/who", {name: value for name, value in cookies.items() if name == REMEMBER})
    return Answer(response.status_code, response.location, response.text, user.text, restored.text)


def check(subjects: Sequence[Subject], scenario: Scenario) -> None:
    """Make sure that the apps do the same, before anybody asks how fast.

    :raises SystemExit: if they do not.
    """
    name = USERS[USER_ID].name
    users = tuple(name if known else "nobody" for known in (scenario.logged_in, scenario.remembered))
    answers = {subject.name: answer(subject, scenario) for subject in subjects}
    first = answers[subjects[0].name]
    is_expected = first.status in scenario.statuses and users == (
        first.user_after,
        first.user_after_closing_the_browser,
    )
    timed = {subject.name: call_once(subject.app, subject.environ(scenario)) for subject in subjects}
    same_when_timed = all(
        (status, body) == (answers[app].status, answers[app].body) for app, (status, body) in timed.items()
    )
    if not is_expected or len(set(answers.values())) != 1 or not same_when_timed:
        lines = [f"  {app}: {answer}; timed: {timed[app]}" for app, answer in answers.items()]
        sys.exit(
            "\n".join(
                [f"{scenario.name}: the apps do not answer alike, or not with {scenario.statuses}, {users}", *lines]
            )
        )


# Measuring


def ignore_start(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
    return len


def call_once(app: Flask, environ: WSGIEnvironment) -> tuple[int, str]:
    """The status and body of a request as it is timed."""
    statuses = []

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        statuses.append(int(status.split()[0]))
        return len

    chunks = app.wsgi_app(environ.copy(), start_response)
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return statuses[0], body.decode()


def run_batch(app: Flask, environ: WSGIEnvironment, count: int) -> float:
    """The processor time of one request, in microseconds."""
    wsgi_app = app.wsgi_app
    # What the batch before left behind is not this one's to clear up; what this one leaves behind is.
    gc.collect()
    start = time.process_time()
    for _ in range(count):
        chunks = wsgi_app(environ.copy(), ignore_start)
        for _chunk in chunks:
            pass
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return (time.process_time() - start) / count * 1e6


@dataclass(frozen=True)
class Result:
    """What a scenario costs: processor time per request in microseconds."""

    scenario: str
    label: str
    floor: float
    flask_login: float
    flask_sessionauth: float
    noise: float
    goal: float
    lowest: float = 0.0
    """The lowest ratio of several processes."""
    highest: float = 0.0

    @property
    def ratio(self) -> float:
        """Our overhead as a share of Flask-Login's."""
        return self.flask_sessionauth / self.flask_login

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal


def measure(subjects: Sequence[Subject], scenario: Scenario, rounds: int, batch: int) -> Result:
    runs = [partial(run_batch, subject.app, subject.environ(scenario)) for subject in subjects]
    for run in runs:
        run(batch)  # caches fill, and the interpreter specialises the code
    # Everything so far stays; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    floors, overheads = [], []
    for _ in range(rounds):
        there = [run(batch) for run in runs]
        back = [run(batch) for run in reversed(runs)]
        floor, *others = [(a + b) / 2 for a, b in zip(there, reversed(back), strict=True)]
        floors.append(floor)
        overheads.append([other - floor for other in others])
    gc.unfreeze()
    noise, theirs, ours = [statistics.median(column) for column in zip(*overheads, strict=True)]
    return Result(
        scenario.name, scenario.label, statistics.median(floors), theirs, ours, noise=noise, goal=scenario.goal
    )


def measure_alone(name: str, options: argparse.Namespace) -> Result:
    """Measure a scenario in this process, which does nothing else."""
    ignore_deprecations()
    subjects = make_subjects(options.hook, options.limits, options.stand_in)
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    check(subjects, scenario)
    return measure(subjects, scenario, options.rounds, options.batch)


def measure_often(name: str, options: argparse.Namespace) -> Result:
    """Measure a scenario in as many new processes as are asked for, one after the other."""
    results = []
    for _ in range(options.processes):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            results.append(process.submit(measure_alone, name, options).result())

    def mean(time: Callable[[Result], float]) -> float:
        return statistics.fmean(map(time, results))

    return replace(
        results[0],
        floor=mean(lambda result: result.floor),
        flask_login=mean(lambda result: result.flask_login),
        flask_sessionauth=mean(lambda result: result.flask_sessionauth),
        noise=mean(lambda result: result.noise),
        lowest=min(result.ratio for result in results),
        highest=max(result.ratio for result in results),
    )


def ignore_deprecations() -> None:
    # Flask-Login 0.6.3 calls datetime.utcnow(), which is deprecated in Python 3.12.
    warnings.simplefilter("ignore", DeprecationWarning)


# Showing it

HEADINGS = ("scenario", "floor µs", "Flask-Login µs", "ours µs", "ratio", "goal", "met", "noise µs", "spread")
WIDTHS = (38, 9, 15, 9, 7, 6, 5, 9, 12)


def print_row(cells: Iterable[str]) -> None:
    first, *rest = zip(cells, WIDTHS, strict=True)
    print(f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest), sep="", flush=True)


def print_result(result: Result) -> None:
    met = "yes" if result.met else "NO"
    times = (f"{t:.1f}" for t in (result.floor, result.flask_login, result.flask_sessionauth))
    spread = f"{result.lowest:.2f}..{result.highest:.2f}"
    print_row((result.label, *times, f"{result.ratio:.3f}", f"{result.goal:.1f}", met, f"{result.noise:+.2f}", spread))


def environment() -> dict[str, str]:
    packages = ("Flask", "Werkzeug", "Flask-Login", "flask-sessionauth")
    return {"Python": sys.version.split()[0]} | {package: version(package) for package in packages}


def write_json(path: Path, results: Sequence[Result], options: argparse.Namespace) -> None:
    rows = [asdict(result) | {"ratio": result.ratio, "met": result.met} for result in results]
    measured = {"processes": options.processes, "rounds": options.rounds, "batch": options.batch}
    content = {"versions": environment(), **measured, "unit": "microseconds", "results": rows}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def draw(path: Path, results: Sequence[Result]) -> None:
    """A bar for each scenario, how long our overhead is where Flask-Login's is 1, and a mark at its goal."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same file for the same numbers: no random ids.
    mpl.rcParams.update({"svg.hashsalt": "overhead", "font.family": "sans-serif", "font.size": 10})
    from matplotlib import pyplot as plt

    ink, grey, bar, late = "#1a1a1a", "#8a8a8a", "#3b6ea5", "#c0603a"
    height = 0.36 * len(results) + 1.5
    figure, axes = plt.subplots(figsize=(8.5, height), layout="constrained", facecolor="white")
    ratios = [result.ratio for result in results]
    positions = range(len(results))
    colours = [bar if result.met else late for result in results]
    axes.barh(positions, ratios, height=0.62, color=colours, edgecolor="none", zorder=2)
    for position, result in zip(positions, results, strict=True):
        axes.vlines(result.goal, position - 0.42, position + 0.42, color=ink, linewidth=1.6, zorder=3)
        # The number stands behind the bar, and behind the goal's mark where it would lie on it.
        end = max(result.ratio, 0.0)
        if 0 <= result.goal - end < 0.1:
            end = result.goal
        axes.text(end + 0.012, position, f"{result.ratio:.2f}", va="center", color=ink, fontsize=9, zorder=4)
    limit = max(1.1, *ratios) + 0.08
    axes.set_xlim(min(0.0, *ratios), limit)
    axes.set_ylim(len(results) - 0.4, -0.6)
    axes.set_yticks(list(positions), [result.label for result in results])
    axes.tick_params(axis="y", length=0)
    goals = sorted({NOT_ASKED, READ, CHANGE, OTHER})
    axes.set_xticks([0.0, *goals])
    axes.axvline(OTHER, color=grey, linewidth=1, zorder=1)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("overhead per request, Flask-Login = 1 (shorter is faster; the black mark is the goal)")
    versions = environment()
    title = f"flask_sessionauth against Flask-Login {versions['Flask-Login']}"
    axes.set_title(title, loc="left", color=ink, fontsize=12, pad=12)
    figure.savefig(path, format="svg", metadata={"Date": None, "Title": title})
    plt.close(figure)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure what a login costs per request.",
        epilog=f"Scenarios: {', '.join(scenario.name for scenario in SCENARIOS)}",
    )
    parser.add_argument("--processes", type=int, default=5, help="for each scenario (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=20, help="comparisons per process (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=100, help="requests per app and half-round (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="8 rounds of 50 in one: a look, not a measurement")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", metavar="SCENARIO", action="append", choices=names, help="may be repeated")
    parser.add_argument("--hook", action="store_true", help="with an after_request function in each app")
    parser.add_argument("--stand-in", action="store_true", help="with an app that imports flask_login on the stand-in")
    parser.add_argument(
        "--limits",
        nargs="?",
        choices=["ours", "all"],
        const="ours",
        default="",
        help="with timeouts and security stamps in flask_sessionauth alone; all: in the other apps, too, by hand",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the numbers")
    parser.add_argument("--plot", metavar="FILE.svg", type=Path, help="draw the ratios (needs matplotlib)")
    options = parser.parse_args(arguments)
    if options.quick:
        options.processes, options.rounds, options.batch = 1, 8, 50
    if min(options.processes, options.rounds, options.batch) < 1:
        parser.error("--processes, --rounds and --batch must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    ignore_deprecations()
    subjects = make_subjects(options.hook, options.limits, options.stand_in)
    scenarios = [scenario for scenario in SCENARIOS if options.only is None or scenario.name in options.only]
    for scenario in scenarios:
        check(subjects, scenario)

    print(", ".join(f"{name} {number}" for name, number in environment().items()))
    print(
        f"Overheads over the floor, per request; medians of {options.rounds} rounds of 2 x {options.batch} requests,"
        f" means over {options.processes} processes.\n"
    )
    print_row(HEADINGS)
    results = []
    for scenario in scenarios:
        result = measure_often(scenario.name, options)
        print_result(result)
        results.append(result)
    missed = [result.label for result in results if not result.met]
    print(f"\nGoals missed: {', '.join(missed)}" if missed else "\nAll goals are met.")
    if options.json:
        write_json(options.json, results, options)
    if options.plot:
        draw(options.plot, results)


if __name__ == "__main__":
    main()
