"""The commands about the registry: who is logged in, how that is ended, and what a store needs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from scene import Clock, User, Users

from flask_sessionauth import LoginManager
from flask_sessionauth.cli import login as group
from flask_sessionauth.errors import RegistryDownError
from flask_sessionauth.registry import ActiveSession, MemoryRegistry, SQLRegistry

Make = Callable[..., Flask]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SQLRegistry]:
    registry = SQLRegistry(f"sqlite:///{tmp_path / 'sessions.db'}")
    registry.create_all()
    yield registry
    registry.close()


@pytest.fixture
def make(make_app: Make) -> Make:
    """Makes the app of the tests with a registry and the commands."""

    def make(registry: Any, **config: Any) -> Flask:
        app = make_app(LoginManager(registry=registry), **config)
        app.cli.add_command(group)
        return app

    return make


@pytest.fixture
def app(make: Make, registry: SQLRegistry, clock: Clock) -> Flask:
    return make(registry)


def run(app: Flask, *arguments: str, **options: Any) -> Result:
    return app.test_cli_runner().invoke(args=["login", *arguments], **options)


def log_in(app: Flask, user_id: str, user_agent: str = FIREFOX, address: str = "203.0.113.5", **data: str) -> Any:
    """A browser in which a user has just logged in."""
    client = app.test_client()
    client.environ_base.update({"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": address})
    assert client.post("/login", data={"id": user_id, **data}).text == "in"
    return client


def rows_of(registry: Any, user_id: str) -> list[ActiveSession]:
    """A user's rows, the newest first, without notes."""
    rows = [row for row in registry.of_owner(user_id) if row.user_id]
    return sorted(rows, key=lambda row: row.created_at, reverse=True)


def ids_in(text: str) -> list[str]:
    return re.findall(r"^([a-z2-7]{3}[\w-]{22})(?= )", text, re.MULTILINE)


def second_realm(app: Flask, users: Users, registry: Any) -> LoginManager[User]:
    staff: LoginManager[User] = LoginManager(app, name="staff", registry=registry)
    staff.user_loader(users.load)
    app.add_url_rule("/staff", "staff", lambda: str(staff.login_user(users["2"])))
    return staff


class TestSessions:
    def test_what_is_told_of_a_session(self, app: Flask, registry: SQLRegistry, clock: Clock) -> None:
        """A session has its id, user, times, address and device, and whether it is remembered."""
        client = log_in(app, "1", remember="")
        clock.advance(90 * 60)
        client.get("/who")
        (row,) = rows_of(registry, "1")
        assert run(app, "sessions", "--user", "1").output.splitlines() == [
            "Sessions of 'scene'. Times are in UTC.",
            "",
            f"{row.id}  user 1, remembered",
            f"{'':25}  last seen 2026-05-01 01:30, since 2026-05-01 00:00",
            f"{'':25}  203.0.113.5, Mozilla/5.0 (X11; Linux x86_64;",
            f"{'':25}  rv:140.0) Gecko/20100101 Firefox/140.0",
            "",
            "1 session",
        ]

    def test_a_users_newest_first(self, app: Flask, registry: SQLRegistry, clock: Clock) -> None:
        """Of a user all live sessions are listed, the newest first, and nobody else's."""
        for user_id in ("1", "2", "1", "1"):
            log_in(app, user_id)
            clock.advance(60)
        assert ids_in(run(app, "sessions", "--user", "1").output) == [row.id for row in rows_of(registry, "1")]

    def test_everybodys(self, app: Flask, registry: SQLRegistry) -> None:
        """With --all everybody's are listed."""
        for user_id in ("1", "2", "1"):
            log_in(app, user_id)
        text = run(app, "sessions", "--all").output
        assert sorted(ids_in(text)) == sorted(row.id for row in registry.all_rows())
        assert text.endswith("\n3 sessions\n")

    def test_json(self, app: Flask, registry: SQLRegistry, clock: Clock) -> None:
        """A machine gets every field that is public, with times in ISO 8601."""
        log_in(app, "1", stale="")
        (row,) = rows_of(registry, "1")
        result = run(app, "sessions", "--user", "1", "--json")
        assert json.loads(result.stdout) == {
            "app": "scene",
            "realm": "default",
            "sessions": [
                {
                    "id": row.id,
                    "user_id": "1",
                    "owner": "1",
                    "state": "live",
                    "created_at": "2026-05-01T00:00:00.000+00:00",
                    "authenticated_at": None,
                    "last_seen_at": "2026-05-01T00:00:00.000+00:00",
                    "expires_at": "2027-05-01T00:00:00.000+00:00",
                    "ended_at": None,
                    "ended_reason": None,
                    "remembered": False,
                    "remote_addr": "203.0.113.5",
                    "user_agent": FIREFOX,
                }
            ],
        }

    @pytest.mark.parametrize("number", [0, 1, 3])
    def test_json_of_any_number(self, app: Flask, number: int) -> None:
        """The list is right JSON, however many there are."""
        for _ in range(number):
            log_in(app, "1")
        assert len(json.loads(run(app, "sessions", "--all", "--json").stdout)["sessions"]) == number

    def test_only_live_ones_unless_asked(self, make: Make, registry: SQLRegistry, clock: Clock) -> None:
        """What is over is left out, and listed with --ended, each with why and when; a remembered one is not idle."""
        app = make(registry, LOGIN_IDLE_TIMEOUT=3600, LOGIN_ABSOLUTE_TIMEOUT=86400)
        log_in(app, "1", "expired")
        clock.advance(86400 - 7200)
        log_in(app, "1", "idle")
        log_in(app, "1", "remembered", remember="")
        log_in(app, "1", "logged out").post("/logout")
        clock.advance(7200)
        log_in(app, "1", "live")
        told = run(app, "sessions", "--user", "1").output
        assert re.findall(r"203\.0\.113\.5, (.+)", told) == ["live", "remembered"]
        told = run(app, "sessions", "--user", "1", "--ended").output
        ends = re.findall(r"203\.0\.113\.5, (.+)\n(?: +(.+))?", told)
        assert dict(ends) == {
            "live": "",
            "logged out": "ended 2026-05-01 22:00: logout",
            "remembered": "",
            "idle": "over: not used for LOGIN_IDLE_TIMEOUT",
            "expired": "expired 2026-05-02 00:00",
        }
        listed = json.loads(run(app, "sessions", "--user", "1", "--ended", "--json").stdout)["sessions"]
        states = {session["user_agent"]: session["state"] for session in listed}
        assert list(states.values()) == ["live", "ended", "live", "idle", "expired"]
        assert {session["ended_reason"] for session in listed if session["state"] == "ended"} == {"logout"}

    def test_notes_are_no_sessions(self, app: Flask, registry: SQLRegistry) -> None:
        """What the registry notes for itself, when all of a user's or everybody's were ended, is never listed."""
        log_in(app, "1")
        run(app, "end", "--user", "1")
        run(app, "end", "--everybody", "--yes")
        assert len(list(registry.all_rows())) == 3
        for whose in (["--all"], ["--user", "1"]):
            assert len(ids_in(run(app, "sessions", *whose, "--ended").output)) == 1
            assert len(json.loads(run(app, "sessions", *whose, "--ended", "--json").stdout)["sessions"]) == 1

    def test_realm(self, app: Flask, registry: SQLRegistry, users: Users) -> None:
        """Of a store that two realms share, each lists its own, whatever its users are called."""
        second_realm(app, users, registry)
        users["staff:2"] = User("staff:2", "mallory")
        log_in(app, "staff:2")
        log_in(app, "2").get("/staff")
        assert re.findall(r"user (\S+)", run(app, "sessions", "--all").output) in (["staff:2", "2"], ["2", "staff:2"])
        for whose in (["--all"], ["--user", "2"]):
            text = run(app, "sessions", *whose, "--realm", "staff").output
            assert text.startswith("Sessions of 'scene', realm staff.")
            assert re.findall(r"user (\S+)", text) == ["2"]
        assert json.loads(run(app, "sessions", "--all", "--realm", "staff", "--json").stdout)["realm"] == "staff"

    def test_owner(self, app: Flask, users: Users, registry: SQLRegistry) -> None:
        """--user takes the id that the loader gets, and finds what is kept under the user's owner."""
        app.login_manager.session_owner = lambda user: user.name  # type: ignore[attr-defined]
        log_in(app, "1")
        assert len(ids_in(run(app, "sessions", "--user", "1").output)) == 1
        assert len(registry.of_owner("ada")) == 1

    def test_loader_that_is_a_coroutine_function(self, app: Flask, users: Users) -> None:
        """The user is loaded as a request would load it."""
        log_in(app, "1")

        async def load(user_id: str) -> User | None:
            return users[user_id]

        app.login_manager.user_loader(load)  # type: ignore[attr-defined]
        app.login_manager.session_owner = lambda user: user.id  # type: ignore[attr-defined]
        assert len(ids_in(run(app, "sessions", "--user", "1").output)) == 1

    def test_user_who_is_gone(self, app: Flask, users: Users) -> None:
        """Of a user who is not found any more, the sessions under the id itself are listed, and that is said."""
        log_in(app, "1")
        del users["1"]
        text = run(app, "sessions", "--user", "1").output
        assert "no user is found by this id" in text
        assert len(ids_in(text)) == 1

    def test_manager_without_a_user_loader(self, app: Flask) -> None:
        """Where nobody can be loaded, the id itself counts, without a word."""
        log_in(app, "1")
        app.login_manager.user_callback = None  # type: ignore[attr-defined]
        text = run(app, "sessions", "--user", "1").output
        assert "no user is found" not in text
        assert len(ids_in(text)) == 1

    @pytest.mark.parametrize("arguments", [[], ["--user", "1", "--all"]])
    def test_whose(self, app: Flask, arguments: list[str]) -> None:
        """Without a word of whose, or with two, both ways to say it are named."""
        result = run(app, "sessions", *arguments)
        assert result.exit_code == 2
        assert "Give --user ID, or --all" in result.output

    def test_store_that_cannot_list_everybody(self, make: Make) -> None:
        """A store of somebody else's need not list everybody's; then that is said, and what works."""
        app = make(Basic())
        log_in(app, "1")
        result = run(app, "sessions", "--all")
        assert result.exit_code == 2
        assert "Error: Basic cannot list everybody's sessions: it has no all_rows()." in result.output
        assert len(ids_in(run(app, "sessions", "--user", "1").output)) == 1


class TestOutput:
    def test_texts_from_outside_are_printable(self, app: Flask, users: Users) -> None:
        """Neither an id nor what a browser sends begins a line, or tells the terminal what to do."""
        users["x"] = User("zoë\r\n\x1b[2Jlive\u202e", "mallory")
        log_in(app, "x", "agent\x1b[31m\tred")
        result = run(app, "sessions", "--all")
        assert "zoë\\r\\n\\x1b[2Jlive\\u202e" in result.output
        assert all(character.isprintable() or character == "\n" for character in result.output)
        assert "\x1b" not in run(app, "sessions", "--all", "--json").output

    def test_lines_fit(self, app: Flask, users: Users) -> None:
        """Text is made for 80 columns, whatever is told, and has no blanks at the end of a line."""
        users["x"] = User("x" * 200, "long")
        address = "2001:0db8:1234:5678:9abc:def0:1234:5678"
        log_in(app, "x", "Mozilla " * 60, address)
        log_in(app, "x", "M" * 500, address, remember="")
        log_in(app, "x", "", address).post("/logout")
        lines = run(app, "sessions", "--all", "--ended").output.splitlines()
        assert max(map(len, lines)) <= 80
        assert [line for line in lines if line != line.rstrip()] == []
        # What a browser calls itself may be long, but not fill the page.
        assert len([line for line in lines if "Mozilla" in line]) == 3
        # An id is not broken: it is there to be copied.
        assert len(ids_in("\n".join(lines))) == 3

    @pytest.mark.parametrize("command", [("sessions", "--all", "--ended"), ("sessions", "--user", "1")])
    def test_no_secret_is_printed(self, app: Flask, registry: SQLRegistry, command: tuple[str, ...]) -> None:
        """A row's seed and stamp, and the cookies that are made of them, stay where they are."""
        app.login_manager.security_stamp = lambda user: "stamp"  # type: ignore[attr-defined]
        client = log_in(app, "1", remember="")
        (row,) = rows_of(registry, "1")
        assert row.stamp
        told = run(app, *command).output + run(app, *command, "--json").output
        assert row.id in told
        mac = client.get_cookie("remember_token").decoded_value.rpartition(".")[2]
        for secret in (row.seed.hex(), repr(row.seed)[2:-1], row.stamp, mac, "seed", "stamp"):
            assert secret not in told

    @pytest.mark.parametrize("color", [True, False])
    def test_a_theft_is_red(self, app: Flask, registry: SQLRegistry, color: bool) -> None:
        """On a terminal, ends are yellow, and that of a theft is red."""
        for reason in ("theft", "logout"):
            log_in(app, "1")
            registry.end_all("1", None, datetime.fromisoformat("2026-05-01T00:00:00Z"), reason)
        text = run(app, "sessions", "--all", "--ended", color=color).output
        assert len(re.findall(r"\x1b\[31m +ended .*: theft", text)) == color
        assert len(re.findall(r"\x1b\[33m +ended .*: logout", text)) == color


class TestEnd:
    def test_one_of_anybodys(self, app: Flask, registry: SQLRegistry, ends: list[tuple[str, str]]) -> None:
        """A session is ended by its id, whoever's it is: its cookies do not work, the others' do, and it is told."""
        ada, bob = log_in(app, "1", remember=""), log_in(app, "2")
        (row,) = rows_of(registry, "1")
        result = run(app, "end", row.id)
        assert (result.exit_code, result.output) == (0, "Ended 1 session.\n")
        assert ends == [("1", "revoked")]
        assert rows_of(registry, "1")[0].ended_reason == "revoked"
        assert ada.get("/private").status_code != 200
        assert bob.get("/private").text == "private bob"

    def test_what_is_over_is_over(self, app: Flask, registry: SQLRegistry, ends: list[tuple[str, str]]) -> None:
        """To end a session twice is no error, and no news."""
        log_in(app, "1")
        (row,) = rows_of(registry, "1")
        run(app, "end", row.id)
        ends.clear()
        result = run(app, "end", row.id)
        assert (result.exit_code, result.output, ends) == (0, "It was over already.\n", [])
        assert json.loads(run(app, "end", row.id, "--json").stdout)["ended"] == 0

    @pytest.mark.parametrize("session_id", ["nodl7e6u33djG2zNih8LdPwow", "5", "1.nodl7e6u33djG2zNih8LdPwow.1.s3cr3t"])
    def test_no_such_session(self, app: Flask, session_id: str) -> None:
        """An id that is not there has an exit code of its own; it may be a cookie, and is not repeated."""
        result = run(app, "end", session_id)
        assert result.exit_code == 1
        assert result.output == "Error: There is no session with this id in this realm.\n"

    def test_notes_are_no_sessions(self, app: Flask, registry: SQLRegistry) -> None:
        """What the registry notes for itself cannot be ended."""
        run(app, "end", "--user", "1")
        (note,) = registry.all_rows()
        assert run(app, "end", note.id).exit_code == 1

    def test_session_of_another_realm(self, app: Flask, registry: SQLRegistry, users: Users) -> None:
        """A session is ended in the realm that it is of."""
        second_realm(app, users, registry)
        app.test_client().get("/staff")
        (row,) = registry.all_rows()
        assert run(app, "end", row.id).exit_code == 1
        assert run(app, "end", row.id, "--realm", "staff").output == "Ended 1 session.\n"

    def test_a_users(self, app: Flask, registry: SQLRegistry, ends: list[tuple[str, str]]) -> None:
        """All of a user's sessions end, each is told, and nobody else's ends."""
        for user_id in ("1", "1", "2"):
            log_in(app, user_id)
        result = run(app, "end", "--user", "1", "--json")
        assert json.loads(result.stdout) == {"app": "scene", "realm": "default", "ended": 2}
        assert ends == [("1", "revoked")] * 2
        assert [row.ended_reason for row in rows_of(registry, "1")] == ["revoked"] * 2
        assert [row.ended_reason for row in rows_of(registry, "2")] == [None]
        assert run(app, "end", "--user", "1").output == "Ended 0 sessions.\n"

    def test_a_user_who_is_gone(self, app: Flask, registry: SQLRegistry, users: Users) -> None:
        """The sessions of a user who is not found any more end, too."""
        log_in(app, "1")
        del users["1"]
        assert run(app, "end", "--user", "1").output.endswith("Ended 1 session.\n")
        assert [row.ended_reason for row in rows_of(registry, "1")] == ["revoked"]

    def test_a_users_older_cookies(self, make_app: Make, app: Flask) -> None:
        """A remember cookie from before the registry is worth nothing any more, either."""
        client = make_app().test_client()
        client.post("/login", data={"id": "1", "remember": ""})
        run(app, "end", "--user", "1")
        other = app.test_client()
        other.set_cookie("remember_token", client.get_cookie("remember_token").decoded_value)
        assert other.get("/private").status_code != 200

    def test_everybodys(self, app: Flask, registry: SQLRegistry, users: Users) -> None:
        """With --yes everybody's end, in all realms of the registry, and nobody is asked."""
        second_realm(app, users, registry)
        clients = [log_in(app, "1", remember=""), log_in(app, "2")]
        clients[1].get("/staff")
        assert run(app, "end", "--everybody", "--yes").output == "Ended 3 sessions.\n"
        assert [row.ended_reason for row in registry.all_rows() if row.user_id] == ["revoked"] * 3
        assert [client.get("/private").status_code == 200 for client in clients] == [False, False]

    def test_everybodys_where_nobody_can_be_asked(self, app: Flask, registry: SQLRegistry) -> None:
        """In a script --everybody is refused without --yes, whatever comes in."""
        log_in(app, "1")
        result = run(app, "end", "--everybody", input="y\n")
        assert result.exit_code == 2
        assert "--everybody needs --yes" in result.output
        assert [row.ended_at for row in registry.all_rows()] == [None]

    @pytest.mark.parametrize(("answer", "code", "number"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
    def test_everybodys_on_a_terminal(
        self,
        app: Flask,
        registry: SQLRegistry,
        monkeypatch: pytest.MonkeyPatch,
        answer: str,
        code: int,
        number: int,
    ) -> None:
        """On a terminal it is asked, with the realms that it is about; only a yes is one."""
        terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr("flask_sessionauth.cli.ending.sys", terminal)
        LoginManager(app, name="staff", registry=registry)
        LoginManager(app, name="other", registry=MemoryRegistry())
        log_in(app, "1")
        result = run(app, "end", "--everybody", input=answer)
        assert "End everybody's sessions in 'scene': default, staff? [y/N]" in result.output
        assert result.exit_code == code
        assert [row.ended_at is not None for row in rows_of(registry, "1")] == [bool(number)]

    @pytest.mark.parametrize("arguments", [[], ["x", "--user", "1"], ["--user", "1", "--everybody"], ["--yes"]])
    def test_which(self, app: Flask, arguments: list[str]) -> None:
        """Without a word of which, or with two, all ways to say it are named."""
        result = run(app, "end", *arguments)
        assert result.exit_code == 2
        assert "Give SESSION, --user ID, or --everybody" in result.output

    def test_delay(self, make: Make, registry: SQLRegistry) -> None:
        """Where processes may trust what they have read, it is said for how long."""
        app = make(registry, LOGIN_REGISTRY_CACHE=90)
        assert "may take up to 1 min 30 s" in run(app, "end", "--user", "1").output


class Basic:
    """A store with what it has to have, and no more."""

    def __init__(self) -> None:
        kept = MemoryRegistry()
        self.add, self.get, self.replace, self.of_owner = kept.add, kept.get, kept.replace, kept.of_owner
        self.purge, self.end_all, self.ping = kept.purge, kept.end_all, kept.ping


class TestPurge:
    @pytest.fixture
    def old(self, app: Flask, clock: Clock) -> Flask:
        """An app with a session that ended, one that ended later, and one that goes on."""
        for days in (0, 10):
            clock.advance(days * 86400)
            log_in(app, "1").post("/logout")
        clock.advance(10 * 86400)
        log_in(app, "2")
        return app

    def test_what_is_due_is_forgotten(self, old: Flask, registry: SQLRegistry) -> None:
        """Sessions that are over are forgotten, and those that go on are not."""
        result = run(old, "purge")
        assert (result.exit_code, result.output) == (0, "Forgot 2 sessions.\n")
        assert [row.user_id for row in registry.all_rows()] == ["2"]
        assert run(old, "purge").output == "Forgot 0 sessions.\n"

    @pytest.mark.parametrize(
        ("before", "number"), [("2026-05-01", 0), ("2026-05-03", 1), ("2026-05-02T00:00:01", 1), ("2026-05-21", 2)]
    )
    def test_before(self, old: Flask, registry: SQLRegistry, before: str, number: int) -> None:
        """--before leaves what was due later."""
        assert len(list(registry.all_rows())) == 3
        result = run(old, "purge", "--before", before, "--json")
        assert json.loads(result.stdout)["forgotten"] == number
        assert len(list(registry.all_rows())) == 3 - number

    def test_json(self, old: Flask) -> None:
        """A machine gets the number, and the time it was counted by."""
        assert json.loads(run(old, "purge", "--json").stdout) == {
            "app": "scene",
            "realm": "default",
            "before": "2026-05-21T00:00:00+00:00",
            "forgotten": 2,
        }

    def test_the_future_is_refused(self, old: Flask, registry: SQLRegistry) -> None:
        """A time to come is refused: a session that goes on would be forgotten."""
        result = run(old, "purge", "--before", "2028-01-01")
        assert result.exit_code == 2
        assert "sessions that are not over would go" in result.output
        assert len(list(registry.all_rows())) == 3

    def test_a_date_that_is_none(self, old: Flask) -> None:
        """What is not a date is refused, with the forms that are."""
        result = run(old, "purge", "--before", "yesterday")
        assert result.exit_code == 2
        assert "%Y-%m-%d" in result.output

    @pytest.mark.parametrize("is_terminal", [True, False])
    def test_progress(self, make: Make, monkeypatch: pytest.MonkeyPatch, clock: Clock, is_terminal: bool) -> None:
        """A terminal sees how far it is, batch by batch; a pipe gets the plain line only."""
        terminal = io.StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda: is_terminal)
        monkeypatch.setattr("flask_sessionauth.cli.upkeep.sys", SimpleNamespace(stderr=terminal))
        registry = Basic()
        registry.purge = lambda before: iter((1000, 1000, 7))  # type: ignore[method-assign,assignment]
        assert run(make(registry), "purge").output == "Forgot 2007 sessions.\n"
        shown = terminal.getvalue()
        assert ("Forgetting" in shown, "2000 sessions" in shown) == (is_terminal, is_terminal)


class TestInit:
    def test_the_table_is_made(self, make: Make, tmp_path: Path) -> None:
        """Without its table a store says what to do; that makes it, and does no harm a second time."""
        registry = SQLRegistry(f"sqlite:///{tmp_path / 'new.db'}")
        app = make(registry)
        result = run(app, "sessions", "--all")
        assert result.exit_code == 2
        assert "flask login init" in " ".join(result.output.split())
        assert run(app, "init").output == "SQLRegistry is ready.\n"
        log_in(app, "1")
        assert run(app, "init").exit_code == 0
        assert len(ids_in(run(app, "sessions", "--all").output)) == 1
        registry.close()

    def test_nothing_to_do(self, make: Make) -> None:
        """A store that needs nothing is left alone, and that is said."""
        result = run(make(MemoryRegistry()), "init")
        assert (result.exit_code, result.output) == (0, "MemoryRegistry needs nothing: there is nothing to do.\n")


COMMANDS = [
    ("sessions", "--all"),
    ("sessions", "--user", "1"),
    ("sessions", "--all", "--json"),
    ("end", "nodl7e6u33djG2zNih8LdPwow"),
    ("end", "--user", "1"),
    ("end", "--everybody", "--yes"),
    ("purge",),
]
each_command = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


class Down(MemoryRegistry):
    """A store that cannot be reached."""

    def fail(self, *_: object) -> Any:
        raise RegistryDownError from ConnectionError("cannot connect to redis://:s3cr3t@store")

    add = get = replace = of_owner = purge = end_all = ping = all_rows = create_all = fail


@pytest.mark.parametrize("command", [*COMMANDS, ("init",)], ids=" ".join)
def test_store_is_down(make: Make, command: tuple[str, ...]) -> None:
    """A store that cannot be reached is one line, without what may be secret in it, and an exit code of its own."""
    result = run(make(Down()), *command)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert "Error: The session registry cannot be reached: ConnectionError\n" in result.output
    assert "Traceback" not in result.output
    assert "s3cr3t" not in result.output
    assert "{" not in result.output


@pytest.mark.parametrize("command", [*COMMANDS, ("init",)], ids=" ".join)
def test_no_registry(make: Make, command: tuple[str, ...]) -> None:
    """Without a registry it is said how to give one, and, if another realm has one, how to ask for that."""
    app = make(None)
    result = run(app, *command)
    assert result.exit_code == 2
    text = " ".join(result.output.split())
    assert "Error: the LoginManager 'default' has no registry" in text
    assert "LoginManager(registry=SQLRegistry(...))" in text
    assert "--realm" not in text
    LoginManager(app, name="staff", registry=MemoryRegistry())
    assert "(there is one for --realm staff)" in " ".join(run(app, *command).output.split())


@pytest.mark.parametrize("command", [*COMMANDS, ("init",)], ids=" ".join)
def test_unknown_realm(app: Flask, command: tuple[str, ...]) -> None:
    """A realm that does not exist is refused with those that do."""
    result = run(app, *command, "--realm", "stuff")
    assert result.exit_code == 2
    assert "there is no realm 'stuff', but default" in result.output


@each_command
def test_memory_of_another_process(make: Make, command: tuple[str, ...]) -> None:
    """Of a store in memory it is said that the server's is another one."""
    text = run(make(MemoryRegistry()), *command).output
    assert "MemoryRegistry is the memory of one process" in text


@each_command
def test_no_manager(command: tuple[str, ...]) -> None:
    """An app without a LoginManager is told so."""
    app = Flask("bare")
    app.cli.add_command(group)
    result = run(app, *command)
    assert result.exit_code == 2
    assert "Error: this app has no LoginManager" in result.output
