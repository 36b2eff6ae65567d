"""What the logs say of logins: who it was on every record, the audit's records, and never a token."""

from __future__ import annotations

import gc
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from functools import partial
from http.cookies import SimpleCookie
from threading import Thread
from typing import Any
from weakref import ref

import pytest
import structlog
from flask import Flask, copy_current_request_context
from scene import KEY, Clock, ServerSessions, User, Users
from structlog.testing import LogCapture

from flask_sessionauth import (
    LoginManager,
    UserMixin,
    confirm_login,
    current_user,
    login_user,
    logout_user,
    session_ended,
    signals,
)
from flask_sessionauth.logs import AUDIT_LOGGER, LoginFilter, add_login, audit_logins
from flask_sessionauth.registry import ActiveSession, MemoryRegistry
from flask_sessionauth.testing import LoginClient

PROGRAM = logging.getLogger("program")
AUDIT = logging.getLogger(AUDIT_LOGGER)
FIELDS = ("event", "reason", "user_id", "session_id", "realm", "remote_addr", "endpoint")
OTHER_BROWSER = {"User-Agent": "another browser"}


class Records(logging.Handler):
    """Keeps all records."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.all: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(record)

    @property
    def user_ids(self) -> list[str | None]:
        return [vars(record)["user_id"] for record in self.all]

    @property
    def events(self) -> list[tuple[Any, ...]]:
        """Each record's event, reason and user."""
        return [tuple(vars(r)[name] for name in ("event", "reason", "user_id")) for r in self.all]


def listen(logger: logging.Logger, handler: logging.Handler, level: int = logging.INFO) -> Iterator[Any]:
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(level)
    yield handler
    logger.setLevel(before)
    logger.removeHandler(handler)


@pytest.fixture
def records() -> Iterator[Records]:
    """What the program logs, through a `LoginFilter`."""
    handler = Records()
    handler.addFilter(LoginFilter())
    yield from listen(PROGRAM, handler)


@pytest.fixture
def audit() -> Iterator[Records]:
    """What the audit logs."""
    yield from listen(AUDIT, Records())


@pytest.fixture
def everything() -> Iterator[Records]:
    """What anybody logs, of any level, through a `LoginFilter`."""
    handler = Records()
    handler.addFilter(LoginFilter())
    yield from listen(logging.getLogger(), handler, logging.DEBUG)


@pytest.fixture
def audited(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """Makes the app of the tests, with the audit on."""

    def make(manager: LoginManager[Any] | None = None, **config: Any) -> Flask:
        app = make_app(manager, **config)
        audit_logins(app)
        return app

    return make


# LoginFilter


def test_a_record_has_the_user_once_the_request_has_asked(app: Flask, users: Users, records: Records) -> None:
    """Before the request asks for its user a record has no user id, and after it the user's."""

    @app.get("/page")
    def page() -> str:
        PROGRAM.info("before")
        assert current_user.name == "ada"
        PROGRAM.info("after")
        return ""

    LoginClient(app, user=users["1"]).get("/page")
    assert records.user_ids == [None, "1"]


def test_to_log_asks_for_nobody(app: Flask, users: Users, records: Records) -> None:
    """A page that does not ask for its user loads nobody, and depends on no cookie, however much it logs."""

    @app.get("/page")
    def page() -> str:
        PROGRAM.info("a line")
        return ""

    client = LoginClient(app)
    client.login(users["1"], remember=True)
    users.loads = 0
    response = client.get("/page")
    assert records.user_ids == [None]
    assert users.loads == 0
    assert "Vary" not in response.headers


def test_a_login_counts_at_once_and_until_its_end(app: Flask, users: Users, records: Records) -> None:
    """After login_user a record has the new user's id, and after logout_user none."""

    @app.get("/page")
    def page() -> str:
        login_user(users["2"])
        PROGRAM.info("in")
        logout_user()
        PROGRAM.info("out")
        return ""

    app.test_client().get("/page")
    assert records.user_ids == ["2", None]
    assert users.loads == 0


def test_the_user_object_is_not_asked(app: Flask, records: Records) -> None:
    """No method or attribute of the user is used: an object whose database session is over would ask the database."""

    class Expiring(UserMixin):
        id: Any = 7
        expired = False

        def get_id(self) -> str:
            assert not self.expired
            return super().get_id()

    @app.get("/page")
    def page() -> str:
        user = Expiring()
        login_user(user)
        user.expired, user.id = True, property(lambda self: pytest.fail("asked"))
        PROGRAM.info("a line")
        return ""

    app.test_client().get("/page")
    assert records.user_ids == ["7"]


def test_a_loader_may_log(app: Flask, users: Users, records: Records) -> None:
    """While the user is being looked for, a record has no user id."""

    def load(user_id: str) -> User | None:
        PROGRAM.info("loading")
        return users.load(user_id)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined]
    LoginClient(app, user=users["1"]).get("/who")
    assert records.user_ids == [None]


@pytest.mark.parametrize(("has_id", "known_as"), [(True, "1"), (False, None)])
def test_an_api_client_may_have_an_id(
    app: Flask, users: Users, records: Records, has_id: bool, known_as: str | None
) -> None:
    """A user whom the request loader recognised is in the records by its id, if it has one."""
    if not has_id:
        app.login_manager.id_attribute = "number"  # type: ignore[attr-defined]

    @app.get("/page")
    def page() -> str:
        assert current_user.name == "ada"
        PROGRAM.info("a line")
        return ""

    app.login_manager.request_loader(lambda request: users["1"])  # type: ignore[attr-defined]
    app.test_client().get("/page")
    assert records.user_ids == [known_as]


def test_outside_a_request_nobody_is_known(app: Flask, records: Records) -> None:
    """Without a request, and without an app, a record has both attributes, and every format works."""
    PROGRAM.info("nowhere")
    with app.app_context():
        PROGRAM.info("in an app context")
    assert records.user_ids == [None, None]
    formatter = logging.Formatter("%(message)s %(user_id)s %(session_id)s")
    assert [formatter.format(r) for r in records.all] == ["nowhere None None", "in an app context None None"]


def test_an_app_without_a_manager_may_log(records: Records) -> None:
    """In an app that has no LoginManager nobody is known."""
    app = Flask("plain")

    @app.get("/")
    def page() -> str:
        PROGRAM.info("a line")
        return ""

    assert app.test_client().get("/").status_code == 200
    assert records.user_ids == [None]


def test_other_threads_know_their_own_request_only(app: Flask, users: Users, records: Records) -> None:
    """A thread without the request knows nobody, one that got a copy of it knows its user; neither loads one."""

    def log_in_thread(function: Callable[..., Any]) -> None:
        thread = Thread(target=function, args=("from a thread",))
        thread.start()
        thread.join()

    @app.get("/page")
    def page() -> str:
        assert current_user.name == "ada"
        log_in_thread(PROGRAM.info)
        log_in_thread(copy_current_request_context(PROGRAM.info))
        return ""

    client = LoginClient(app, user=users["1"])
    assert client.get("/page").status_code == 200
    assert records.user_ids == [None, "1"]
    assert users.loads == 1


def test_two_realms_have_attributes_of_their_own(app: Flask, users: Users, records: Records) -> None:
    """The filter of a named realm adds attributes with its name, and each filter knows its own realm only."""
    staff: LoginManager[User] = LoginManager(app, name="staff")
    staff.user_loader(users.load)
    records.addFilter(LoginFilter(realm="staff"))

    @app.get("/page")
    def page() -> str:
        login_user(users["1"])
        PROGRAM.info("a customer")
        staff.login_user(users["2"])
        PROGRAM.info("and a clerk")
        return ""

    app.test_client().get("/page")
    assert records.user_ids == ["1", "1"]
    assert [vars(record)["staff_user_id"] for record in records.all] == [None, "2"]
    assert [vars(record)["staff_session_id"] for record in records.all] == [None, None]


def test_what_the_program_says_stays(app: Flask, users: Users, records: Records) -> None:
    """A record that has a user id keeps it: one by `extra`, or from a filter that saw it in the request."""

    @app.get("/page")
    def page() -> str:
        login_user(users["1"])
        PROGRAM.info("deleted", extra={"user_id": 5})
        PROGRAM.info("seen here, written elsewhere")
        return ""

    app.test_client().get("/page")
    for record in records.all:
        LoginFilter().filter(record)
    assert records.user_ids == [5, "1"]


def test_every_record_passes() -> None:
    """The filter holds nothing back."""
    assert LoginFilter().filter(logging.makeLogRecord({})) is True


def test_an_id_cannot_begin_a_line(app: Flask, records: Records) -> None:
    """What is not printable in an id is escaped, so that it forges no record; letters of any script stay."""

    class Odd(UserMixin):
        id = "zoë\r\n\x1b[2JCRITICAL\u2028\ud800"

    @app.get("/page")
    def page() -> str:
        login_user(Odd())
        PROGRAM.info("a line")
        return ""

    app.test_client().get("/page")
    assert records.user_ids == ["zoë\\r\\n\\x1b[2JCRITICAL\\u2028\\ud800"]


def test_the_filter_can_be_configured_by_a_dictionary(app: Flask, users: Users) -> None:
    """`logging.config.dictConfig` makes the filter, with its realm, and a formatter can name the attributes."""
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "login": {"()": "flask_sessionauth.logs.LoginFilter"},
            "staff": {"()": "flask_sessionauth.logs.LoginFilter", "realm": "staff"},
        },
        "handlers": {"here": {"()": lambda: handler, "filters": ["login", "staff"]}},
        "loggers": {"configured": {"handlers": ["here"], "level": "INFO"}},
    }
    handler = Records()
    logging.config.dictConfig(config)

    @app.get("/page")
    def page() -> str:
        login_user(users["1"])
        logging.getLogger("configured").info("a line")
        return ""

    app.test_client().get("/page")
    line = logging.Formatter("%(levelname)s [%(user_id)s %(staff_user_id)s] %(message)s").format(handler.all[0])
    assert line == "INFO [1 None] a line"


# With a registry


class Counting(MemoryRegistry):
    """Counts how often it is asked for a row."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def get(self, id: str, /) -> ActiveSession | None:
        self.looks += 1
        return super().get(id)

    def id_of(self, user_id: str) -> str:
        """The id of a user's only login."""
        (row,) = [row for row in self.of_owner(user_id) if row.user_id and row.ended_at is None]
        return row.id


@pytest.fixture
def registry() -> Counting:
    return Counting()


@pytest.fixture
def registered(audited: Callable[..., Flask], registry: Counting) -> Callable[..., Flask]:
    """Makes the app of the tests, with the audit on, and a registry."""

    def make(**config: Any) -> Flask:
        return audited(LoginManager(registry=registry), **config)

    return make


def test_a_record_has_the_session_once_the_request_has_asked(
    registered: Callable[..., Flask], registry: Counting, users: Users, records: Records
) -> None:
    """With a registry, records have the login's id there as long as it is the request's; to log asks for no row."""
    app = registered()

    @app.get("/page")
    def page() -> str:
        PROGRAM.info("before")
        looks = registry.looks
        assert (looks, current_user.name) == (0, "ada")
        PROGRAM.info("after")
        assert registry.looks == 1
        logout_user()
        PROGRAM.info("out")
        return ""

    client = LoginClient(app, user=users["1"])
    session_id, registry.looks = registry.id_of("1"), 0
    client.get("/page")
    assert [vars(record)["session_id"] for record in records.all] == [None, session_id, None]
    assert records.user_ids == [None, "1", None]


def test_an_api_client_has_no_session(
    registered: Callable[..., Flask], users: Users, records: Records, registry: Counting
) -> None:
    """A user whom the request loader recognised is in no login of the registry."""
    app = registered()
    app.login_manager.request_loader(lambda request: users["1"])  # type: ignore[attr-defined]
    app.add_url_rule("/page", view_func=lambda: current_user.name + str(PROGRAM.info("a line")))
    app.test_client().get("/page")
    assert (records.user_ids, vars(records.all[0])["session_id"]) == (["1"], None)


def test_structlog_gets_the_session(registered: Callable[..., Flask], registry: Counting, users: Users) -> None:
    """The processor adds the login's id, under the realm's name if it has one."""
    app = registered()
    staff_registry = Counting()
    staff: LoginManager[User] = LoginManager(app, name="staff", registry=staff_registry)
    staff.user_loader(users.load)
    seen = {}

    @app.get("/page")
    def page() -> str:
        login_user(users["1"])
        staff.login_user(users["2"])
        seen.update(add_login(None, "info", add_login(None, "info", {}), realm="staff"))
        return ""

    app.test_client().get("/page")
    ids = {"session_id": registry.id_of("1"), "staff_session_id": staff_registry.id_of("staff:2")}
    assert seen == {"user_id": "1", "staff_user_id": "2", **ids}


# structlog


def test_structlog_gets_the_same(app: Flask, users: Users) -> None:
    """The processor adds what the filter adds, in a request and outside, keeps what is there, and loads nobody."""
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[add_login, partial(add_login, realm="staff"), capture])

    @app.get("/page")
    def page() -> str:
        log.info("unknown")
        login_user(users["1"])
        log.info("known")
        log.info("said", user_id=5)
        return ""

    app.test_client().get("/page")
    log.info("outside")
    assert [entry["user_id"] for entry in capture.entries] == [None, "1", 5, None]
    nobody = dict.fromkeys(("session_id", "staff_user_id", "staff_session_id"))
    assert capture.entries[1] == {"event": "known", "log_level": "info", "user_id": "1", **nobody}
    assert users.loads == 0


def test_structlog_can_write_the_audit(audited: Callable[..., Flask], users: Users) -> None:
    """Through structlog's formatter for the records of others, the audit's fields come out as JSON."""
    chain = [add_login, structlog.stdlib.ExtraAdder()]
    final = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    formatter = structlog.stdlib.ProcessorFormatter(processors=final, foreign_pre_chain=chain)
    handler = Records()
    for _ in listen(AUDIT, handler):
        audited().test_client().post("/login", data={"id": "1"})
    written = json.loads(formatter.format(handler.all[0]))
    assert (written["event"], written["user_id"], written["endpoint"]) == ("login", "1", "login")


# The audit


def test_each_event_is_recorded_once(audited: Callable[..., Flask], audit: Records, clock: Clock) -> None:
    """A visitor is refused, logs in, is found stale, confirms, is remembered, and logs out: one record for each."""
    client = audited().test_client()
    client.get("/private")
    client.post("/login", data={"id": "1", "remember": "", "stale": ""})
    client.get("/private")
    client.get("/fresh")
    client.post("/reauth")
    client.get("/fresh")
    client.delete_cookie("session")
    client.get("/who")
    client.get("/who")
    client.post("/logout")
    client.get("/who")
    assert audit.events == [
        ("refused", "not_logged_in", None),
        ("login", None, "1"),
        ("refused", "not_fresh", "1"),
        ("confirmed", None, "1"),
        ("restored", None, "1"),
        ("logout", None, "1"),
    ]


def test_a_record_has_all_fields_and_reads_well(audited: Callable[..., Flask], audit: Records) -> None:
    """A record has the fields as attributes, for JSON, and a message for people, without what is not known."""
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    client.get("/private/nowhere")
    client.delete_cookie("session")
    client.get("/private")
    login, refused = audit.all
    assert json.loads(json.dumps({name: vars(login)[name] for name in FIELDS})) == {
        "event": "login",
        "reason": None,
        "user_id": "1",
        "session_id": None,
        "realm": "default",
        "remote_addr": "127.0.0.1",
        "endpoint": "login",
    }
    assert login.getMessage() == "login user_id='1' realm='default' remote_addr='127.0.0.1' endpoint='login'"
    assert refused.getMessage() == (
        "refused reason='not_logged_in' realm='default' remote_addr='127.0.0.1' endpoint='private'"
    )
    assert (login.name, login.levelname, refused.levelname) == ("flask_sessionauth.audit", "INFO", "INFO")


def test_the_filter_leaves_the_audit_its_fields(audited: Callable[..., Flask], audit: Records) -> None:
    """A handler with a `LoginFilter` writes whose login ended, though nobody is logged in any more."""
    audit.addFilter(LoginFilter())
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    client.post("/logout")
    assert audit.user_ids == ["1", "1"]


def test_protection_is_a_warning(audited: Callable[..., Flask], audit: Records) -> None:
    """A session that changed its browser is recorded once, as a warning, with whose it is."""
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    audit.all.clear()
    for _ in range(2):
        client.get("/who", headers=OTHER_BROWSER)
    assert audit.events == [("protected", None, "1")]
    assert audit.all[0].levelname == "WARNING"


def test_strong_protection_ends_the_login(audited: Callable[..., Flask], audit: Records) -> None:
    """A login that strong protection ends has a record of its end, too."""
    client = audited(SESSION_PROTECTION="strong").test_client()
    client.post("/login", data={"id": "1"})
    audit.all.clear()
    for _ in range(2):
        client.get("/who", headers=OTHER_BROWSER)
    assert sorted(audit.events) == [("ended", "session_protection", "1"), ("protected", None, "1")]


@pytest.mark.parametrize("limit", ["idle", "absolute"])
def test_a_timeout_is_recorded(limit: str, audited: Callable[..., Flask], audit: Records, clock: Clock) -> None:
    """A login that outlived a limit is recorded once, as expired, with the limit; the cookie that restores it, too."""
    client = audited(**{f"LOGIN_{limit.upper()}_TIMEOUT": 3600}).test_client()
    client.post("/login", data={"id": "1", "remember": ""})
    audit.all.clear()
    clock.advance(3600)
    for _ in range(2):
        client.get("/who")
    assert audit.events == [("expired", f"{limit}_timeout", "1"), ("restored", None, "1")]


def test_another_end_is_recorded_with_its_reason(audited: Callable[..., Flask], audit: Records, users: Users) -> None:
    """A login whose user is gone is recorded once, as ended, with the reason."""
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    audit.all.clear()
    del users["1"]
    for _ in range(2):
        client.get("/who")
    assert audit.events == [("ended", "unknown_user", "1")]


def test_each_login_ends_once(audited: Callable[..., Flask], audit: Records) -> None:
    """A login over another user's is recorded after the end of that one."""
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    client.post("/login", data={"id": "2"})
    client.post("/logout")
    assert audit.events == [
        ("login", None, "1"),
        ("ended", "replaced", "1"),
        ("login", None, "2"),
        ("logout", None, "2"),
    ]


def test_a_logout_loads_nobody(audited: Callable[..., Flask], audit: Records, users: Users) -> None:
    """To record who logged out, the user is not loaded."""
    client = audited().test_client()
    client.post("/login", data={"id": "1"})
    client.post("/logout")
    assert [event for event, _, _ in audit.events] == ["login", "logout"]
    assert users.loads == 0


def test_a_logout_of_nobody_is_no_event(audited: Callable[..., Flask], audit: Records) -> None:
    """Where nobody was logged in, nothing is recorded."""
    audited().test_client().post("/logout")
    assert audit.all == []


def test_a_record_may_come_without_a_request(audited: Callable[..., Flask], audit: Records) -> None:
    """A login that ends outside a request, from a command say, is recorded without an address."""
    app = audited()
    session_ended.send(app, user_id="1", reason="idle_timeout")
    assert audit.all[0].getMessage() == "expired reason='idle_timeout' user_id='1' realm='default'"


def test_an_app_that_does_not_ask_pays_nothing(app: Flask, audit: Records) -> None:
    """Without the call nobody listens to the app's signals, and nothing is written."""
    app.test_client().post("/login", data={"id": "1"})
    assert audit.all == []
    sent = [value for value in vars(signals).values() if isinstance(value, type(session_ended))]
    assert [list(signal.receivers_for(app)) for signal in sent] == [[] for _ in sent]


def test_to_ask_twice_changes_nothing(audited: Callable[..., Flask], audit: Records) -> None:
    """A second call makes no second record."""
    app = audited()
    audit_logins(app)
    app.test_client().post("/login", data={"id": "1"})
    assert len(audit.all) == 1


def test_apps_do_not_mix(make_app: Callable[..., Flask], audit: Records) -> None:
    """In one process, each app is audited if it asked for it, and each of its events once."""
    quiet, first, second = make_app(), make_app(), make_app()
    audit_logins(first)
    audit_logins(second)
    for app, user_id in ((quiet, "1"), (first, "1"), (second, "2")):
        app.test_client().post("/login", data={"id": user_id})
    assert audit.events == [("login", None, "1"), ("login", None, "2")]


def test_the_audit_lives_as_long_as_its_app(audit: Records) -> None:
    """The app keeps its audit alive, and the audit does not keep the app alive."""
    app = Flask("short-lived")
    manager: LoginManager[Any] = LoginManager(app)
    audit_logins(app)
    gc.collect()
    session_ended.send(app, user_id="1", reason="unknown_user")
    assert len(audit.all) == 1
    gone = ref(app)
    del app, manager
    gc.collect()
    assert gone() is None


def test_two_realms_are_told_apart(audited: Callable[..., Flask], audit: Records, users: Users) -> None:
    """Of two realms, a record names the one it is about, and that one's user."""
    app = audited()
    staff: LoginManager[User] = LoginManager(app, name="staff")
    staff.user_loader(users.load)
    app.add_url_rule("/staff/login", view_func=lambda: str(staff.login_user(users["2"], remember=True)), endpoint="s")
    app.add_url_rule("/staff/logout", view_func=lambda: str(staff.logout_user()), endpoint="t")
    app.add_url_rule("/staff", view_func=staff.fresh_login_required(lambda: ""), endpoint="u")
    client = app.test_client()
    client.get("/staff")
    client.post("/login", data={"id": "1"})
    client.get("/staff/login")
    client.get("/staff", headers=OTHER_BROWSER)
    client.get("/staff/logout")
    client.get("/private", headers=OTHER_BROWSER)
    client.post("/logout")
    assert [(vars(record)["realm"], *event) for record, event in zip(audit.all, audit.events, strict=True)] == [
        ("staff", "refused", "not_logged_in", None),
        ("default", "login", None, "1"),
        ("staff", "login", None, "2"),
        ("staff", "protected", None, "2"),
        ("staff", "refused", "not_fresh", "2"),
        ("staff", "logout", None, "2"),
        ("default", "protected", None, "1"),
        ("default", "logout", None, "1"),
    ]


def test_two_realms_are_told_apart_in_one_request(audited: Callable[..., Flask], audit: Records, users: Users) -> None:
    """Where a request has asked for the users of both realms, a record still names the one it is about."""
    app = audited()
    staff: LoginManager[User] = LoginManager(app, name="staff")
    staff.user_loader(users.load)
    staff.unauthorized_handler(lambda: "refused")

    @app.get("/both")
    def both() -> str:
        assert (current_user.name, staff.get_user()) == ("ada", None)
        app.login_manager.needs_refresh()  # type: ignore[attr-defined]
        staff.unauthorized()
        confirm_login()
        staff.login_user(users["2"])
        staff.login_user(users["1"])
        return ""

    @app.get("/out")
    def out() -> str:
        assert (current_user.name, staff.current_user.name) == ("ada", "ada")
        logout_user()
        return ""

    client = LoginClient(app, user=users["1"], fresh_login=False)
    audit.all.clear()
    client.get("/both")
    client.get("/out", headers=OTHER_BROWSER)
    assert [(vars(record)["realm"], *event) for record, event in zip(audit.all, audit.events, strict=True)] == [
        ("default", "refused", "not_fresh", "1"),
        ("staff", "refused", "not_logged_in", None),
        ("default", "confirmed", None, "1"),
        ("staff", "login", None, "2"),
        ("staff", "ended", "replaced", "2"),
        ("staff", "login", None, "1"),
        ("default", "protected", None, "1"),
        ("staff", "protected", None, "1"),
        ("default", "logout", None, "1"),
    ]


# The audit, with a registry


def lines(audit: Records) -> list[tuple[str, str | None, str | None]]:
    """Each record's event, user and session."""
    return [tuple(vars(r)[name] for name in ("event", "user_id", "session_id")) for r in audit.all]  # type: ignore[misc]


def test_a_login_on_a_device_is_recorded(registered: Callable[..., Flask], registry: Counting, audit: Records) -> None:
    """A login's start in the registry is recorded; that of a browser nobody has seen, as a new device, too."""
    client = registered().test_client()
    client.post("/login", data={"id": "1"})
    session_id = registry.id_of("1")
    assert lines(audit) == [(event, "1", session_id) for event in ("started", "new_device", "login")]
    client.post("/logout")
    audit.all.clear()
    client.post("/login", data={"id": "1"})
    assert [event for event, *_ in lines(audit)] == ["started", "login"]
    assert registry.id_of("1") != session_id


def test_each_event_has_its_session(registered: Callable[..., Flask], registry: Counting, audit: Records) -> None:
    """From a refusal for staleness to the logout, each record has the id of the login that it is about."""
    client = registered().test_client()
    client.post("/login", data={"id": "1", "stale": ""})
    session_id = registry.id_of("1")
    audit.all.clear()
    client.get("/fresh")
    client.post("/reauth")
    client.get("/who", headers=OTHER_BROWSER)
    client.post("/logout")
    events = ("refused", "confirmed", "protected", "logout")
    assert lines(audit) == [(event, "1", session_id) for event in events]
    assert f"session_id='{session_id}'" in audit.all[0].getMessage()


def test_strong_protection_has_its_session(
    registered: Callable[..., Flask], registry: Counting, audit: Records
) -> None:
    """A login that strong protection ended is named, though it is over."""
    client = registered(SESSION_PROTECTION="strong").test_client()
    client.post("/login", data={"id": "1"})
    session_id = registry.id_of("1")
    audit.all.clear()
    client.get("/private", headers=OTHER_BROWSER)
    assert lines(audit) == [("ended", "1", session_id), ("protected", "1", session_id), ("refused", None, None)]


def test_a_login_over_another_has_an_end_of_its_own(
    registered: Callable[..., Flask], registry: Counting, audit: Records
) -> None:
    """Where one login replaces another, the end has the id of the old one, and the rest that of the new one."""
    client = registered().test_client()
    client.post("/login", data={"id": "1"})
    old = registry.id_of("1")
    audit.all.clear()
    client.post("/login", data={"id": "2"})
    new = registry.id_of("2")
    assert lines(audit) == [("ended", "1", old), *((event, "2", new) for event in ("started", "new_device", "login"))]


def test_the_end_of_another_device_is_recorded(
    registered: Callable[..., Flask], registry: Counting, audit: Records, users: Users
) -> None:
    """A login that was ended from elsewhere is recorded with its own id, not with that of the request."""
    app = registered()
    app.add_url_rule("/others", "others", lambda: str(app.login_manager.end_sessions()))  # type: ignore[attr-defined]
    app.test_client().post("/login", data={"id": "1"})
    there = registry.id_of("1")
    client = app.test_client()
    client.post("/login", data={"id": "1"})
    audit.all.clear()
    assert client.get("/others").text == "1"
    assert lines(audit) == [("ended", "1", there)]
    assert vars(audit.all[0])["reason"] == "revoked"


def test_a_login_above_the_limit_is_recorded(registered: Callable[..., Flask], audit: Records) -> None:
    """A login that is one too many is recorded as refused, with the reason, and no login's id."""
    app = registered(LOGIN_MAX_SESSIONS=1, LOGIN_MAX_SESSIONS_POLICY="refuse")
    app.test_client().post("/login", data={"id": "1"})
    audit.all.clear()
    assert app.test_client().post("/login", data={"id": "1"}).text == "refused"
    assert audit.events == [("refused", "max_sessions", "1")]
    assert lines(audit) == [("refused", "1", None)]


def test_a_remember_cookies_life_is_recorded(
    registered: Callable[..., Flask], registry: Counting, audit: Records, clock: Clock
) -> None:
    """A rotation, the recovery of a lost one, and a theft are recorded; the theft as an error, once."""
    app = registered()
    client = app.test_client()
    client.post("/login", data={"id": "1", "remember": ""})
    session_id, first = registry.id_of("1"), cookie_of(client)
    audit.all.clear()

    client.delete_cookie("session")
    client.get("/who")
    assert lines(audit) == [(event, "1", session_id) for event in ("restored", "rotated")]

    # The browser never got the answer, and comes with the old cookie.
    audit.all.clear()
    clock.advance(3600)
    client.delete_cookie("session")
    client.set_cookie("remember_token", first)
    client.get("/who")
    assert lines(audit) == [(event, "1", session_id) for event in ("restored", "recovered")]
    client.get("/who")

    audit.all.clear()
    clock.advance(3600)
    thief = app.test_client()
    for _ in range(2):
        thief.set_cookie("remember_token", first)
        thief.get("/who")
    assert lines(audit) == [("ended", "1", session_id), ("stolen", "1", session_id)]
    assert [record.levelname for record in audit.all] == ["INFO", "ERROR"]
    assert vars(audit.all[0])["reason"] == "theft"


def cookie_of(client: Any) -> str:
    return str(client.get_cookie("remember_token").decoded_value)


# What the logs do not say, and cannot do


def cookie_values(response: Any) -> set[str]:
    jars = (SimpleCookie(header) for header in response.headers.getlist("Set-Cookie"))
    return {morsel.value for jar in jars for morsel in jar.values() if morsel.value}


@pytest.mark.parametrize("has_registry", [False, True], ids=["no registry", "registry"])
@pytest.mark.parametrize("keeps_sessions", [False, True], ids=["cookie", "server"])
def test_g14_no_record_has_a_token(
    keeps_sessions: bool,
    has_registry: bool,
    audited: Callable[..., Flask],
    everything: Records,
    users: Users,
    registry: Counting,
) -> None:
    """From login to logout, with a restored login between, no record of anybody's has a cookie, session id or key."""
    app = audited(LoginManager(registry=registry) if has_registry else None)
    if keeps_sessions:
        app.session_interface = ServerSessions()
    audit_logins(app)
    app.after_request(lambda response: PROGRAM.error("served %s", current_user) or response)  # type: ignore[func-returns-value]
    client, secrets = app.test_client(), {KEY}
    secrets |= cookie_values(client.post("/login", data={"id": "1", "remember": ""}))
    client.delete_cookie("session")
    for path in ("/fresh", "/who", "/private"):
        secrets |= cookie_values(client.get(path))
    secrets |= cookie_values(client.post("/reauth"))
    secrets |= cookie_values(client.post("/logout"))
    assert len(secrets) > 3
    for row in registry.all_rows():
        secrets |= {repr(row.seed)[2:-1], row.seed.hex()}
    # The ids of rows are public; what comes after them in a cookie is not.
    secrets |= {secret.rpartition(".")[2] for secret in secrets if secret.count(".") == 3}
    events = [vars(record)["event"] for record in everything.all if record.name == AUDIT_LOGGER]
    beside = ("started", "new_device", "rotated")
    assert [e for e in events if e not in beside] == ["login", "restored", "refused", "confirmed", "logout"]
    assert [e for e in events if e in beside] == (list(beside) if has_registry else [])
    written = [repr(vars(record)) for record in everything.all]
    assert [secret for secret in secrets for text in written if secret in text] == []


def test_a_path_is_not_recorded(audited: Callable[..., Flask], audit: Records) -> None:
    """A record names the endpoint; its path and query, which may hold a token of the program's, are not in it."""
    app = audited()
    app.login_manager.protect(app)  # type: ignore[attr-defined]
    app.add_url_rule("/invitation/<token>", "invitation", lambda token: token)
    app.test_client().get("/invitation/abracadabra?key=simsalabim")
    assert vars(audit.all[0])["endpoint"] == "invitation"
    assert "abracadabra" not in repr(vars(audit.all[0]))
    assert "simsalabim" not in repr(vars(audit.all[0]))


def test_no_value_forges_a_record(audited: Callable[..., Flask], audit: Records, users: Users) -> None:
    """A line break, or a quote, in an address or an id begins neither a line nor a field."""
    users["x"] = User("x\nlogin user_id='1'", "mallory")
    client = audited().test_client()
    client.post("/login", data={"id": "x"}, environ_overrides={"REMOTE_ADDR": "::1\r\nlogin"})
    message = r"""login user_id="x\nlogin user_id='1'" realm='default' remote_addr='::1\r\nlogin' endpoint='login'"""
    assert audit.all[0].getMessage() == message
    assert audit.user_ids == [r"x\nlogin user_id='1'"]
    assert vars(audit.all[0])["remote_addr"] == r"::1\r\nlogin"


class Broken(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        raise OSError("the disk is full")


@pytest.mark.parametrize("is_told", [True, False])
def test_broken_logging_breaks_no_login(
    is_told: bool, audited: Callable[..., Flask], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in logging stops neither login nor logout; it is printed, unless logging is told not to."""
    monkeypatch.setattr(logging, "raiseExceptions", is_told)
    client = audited().test_client()
    for _ in listen(AUDIT, Broken()):
        assert client.post("/login", data={"id": "1"}).text == "in"
        assert client.get("/private").text == "private ada"
        assert client.post("/logout").text == "out"
    assert client.get("/private").status_code != 200
    assert ("the disk is full" in capsys.readouterr().err) is is_told


def test_a_level_that_is_off_costs_no_look(
    audited: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, users: Users
) -> None:
    """Where the logger is not at INFO, a login is not even looked at."""
    monkeypatch.setattr("flask_sessionauth.logs._request", lambda: pytest.fail("looked at"))
    handler = Records()
    for _ in listen(AUDIT, handler, logging.WARNING):
        assert audited().test_client().post("/login", data={"id": "1"}).text == "in"
    assert handler.all == []
