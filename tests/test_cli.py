"""The command line: what people read, what machines read, and the exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask import Blueprint, Flask
from flask.cli import ScriptInfo

from flask_sessionauth import LoginManager, fresh_login_required, login_required
from flask_sessionauth.audit import RULES, Severity
from flask_sessionauth.cli import login as group

ESCAPE = "\x1b"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"

PROGRAM = """
from flask import Flask
from flask_sessionauth import LoginManager, login_required

app = Flask(__name__, static_folder=None)
app.secret_key = "{key}"
app.config.update(SESSION_COOKIE_SECURE=True)
LoginManager(app).user_loader(lambda user_id: None)


@app.get("/account")
@login_required
def account():
    return "yours"


@app.get("/")
def index():
    return "everybody's"
"""


@pytest.fixture
def app() -> Flask:
    """A small shop that makes a few mistakes."""
    app = Flask("shop")
    app.secret_key = "dev"
    manager: LoginManager[Any] = LoginManager(app)
    staff: LoginManager[Any] = LoginManager(app, name="staff")
    office = Blueprint("a_rather_long_name_of_an_office", "office", url_prefix="/office")
    staff.protect(office)
    office.add_url_rule("/a/rather/long/rule/<int:number>/of/<string:something>", "page", lambda **_: "")
    app.register_blueprint(office)
    manager.login_view = "log_in"
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/login", "log_in", lambda: "")
    app.add_url_rule("/account", "account", login_required(lambda: ""), methods=["GET", "POST"])
    app.add_url_rule("/password", "password", fresh_login_required(max_age=600)(lambda: ""))
    bare = lambda: ""  # noqa: E731
    app.add_url_rule("/bare", "bare", bare)
    login_required(bare)
    app.cli.add_command(group)
    for realm in (manager, staff):
        realm.user_loader(lambda user_id: None)
    return app


@pytest.fixture
def good_app(app: Flask) -> Flask:
    """The same without its errors."""
    app.config.update(SECRET_KEY="kept-elsewhere-and-long-enough-to-be-a-key", SESSION_COOKIE_SECURE=True)
    app.view_functions["bare"] = login_required(app.view_functions["bare"])
    return app


def run(app: Flask, *arguments: str, color: bool = False) -> Result:
    return app.test_cli_runner().invoke(args=["login", *arguments], color=color)


class TestCheck:
    def test_what_is_told_of_a_finding(self, app: Flask) -> None:
        """A finding has its severity and rule, what is set, why it matters, what to set, and the requirements."""
        text = run(app, "check").output
        part = text[text.index("ERROR    secret-key\n") :].partition("\n\n")[0]
        labels = re.findall(r"^  (\w+) ", part, re.MULTILINE)
        assert labels == ["found", "why", "do", "see"]
        assert "3 bytes" in part
        assert "token_hex" in part
        assert "ASVS 5.0: 11.2.3 (level 2)" in part
        assert "NIST SP 800-63B-4: 5.1" in part

    def test_every_rule_is_told(self, app: Flask) -> None:
        """No rule is left out, those that pass included."""
        told = re.findall(r"^(?:PASS|INFO|WARNING|ERROR) +(\S+)", run(app, "check").output, re.MULTILINE)
        assert set(told) == {rule.id for rule in RULES}

    def test_sum(self, app: Flask) -> None:
        """The last line counts the severities."""
        *_, last = run(app, "check").output.splitlines()
        assert re.fullmatch(r"3 errors, \d+ warnings, \d+ notes, \d+ passed", last)

    def test_realms(self, app: Flask) -> None:
        """All realms are named, and what is said of one says of which."""
        text = run(app, "check").output
        assert text.startswith("Check of 'shop', 2 realms: default, staff\n")
        assert "INFO     security-stamp\n" in text
        assert "INFO     security-stamp (staff)\n" in text

    @pytest.mark.parametrize(("name", "number"), [("r" * 50, 1), ("r" * 75, 1), ("realm_number_{}", 9)])
    def test_realms_with_long_names(self, app: Flask, name: str, number: int) -> None:
        """However long the names are, and however many, the lines fit, and every finding is told."""
        for position in range(number):
            LoginManager(app, name=name.format(position)).user_loader(lambda user_id: None)
        result = run(app, "check")
        assert isinstance(result.exception, SystemExit)
        assert max(map(len, result.output.splitlines())) <= 80
        text = " ".join(result.output.split())
        assert text.startswith(f"Check of 'shop', {number + 2} realms: default, staff, {name.format(0)}")
        # Once a realm: default, staff, and these.
        assert text.count("PASS session-protection") == number + 2
        assert text.count('SESSION_PROTECTION: "basic", by user_agent') == number + 2

    def test_long_line_of_a_pass(self, app: Flask) -> None:
        """What is found goes on below where it is too long for its line."""
        app.config["LOGIN_CACHE_CONTROL"] = "no-store, " + ", ".join(f"extension-{n}=1" for n in range(9))
        text = " ".join(line.strip() for line in run(app, "check").output.splitlines())
        assert "extension-8=1" in text

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [([], 1), (["--fail-level", "error"], 1), (["--fail-level", "warning"], 1), (["--fail-level", "info"], 1)],
    )
    def test_exit_code_with_errors(self, app: Flask, arguments: list[str], code: int) -> None:
        """An error fails at every level."""
        assert run(app, "check", *arguments).exit_code == code

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [([], 0), (["--fail-level", "error"], 0), (["--fail-level", "warning"], 1), (["--fail-level", "info"], 1)],
    )
    def test_exit_code_with_warnings(self, good_app: Flask, arguments: list[str], code: int) -> None:
        """Without an error, what fails depends on the level; by default nothing does."""
        assert run(good_app, "check", *arguments).exit_code == code

    def test_unknown_level(self, app: Flask) -> None:
        """A level that does not exist is refused with the ones that do."""
        result = run(app, "check", "--fail-level", "eror")
        assert result.exit_code == 2
        assert all(level in result.output for level in ("info", "warning", "error"))

    def test_json(self, app: Flask) -> None:
        """A machine gets everything, with requirements by their full ids, and the same exit code."""
        result = run(app, "check", "--json")
        said = json.loads(result.output)
        assert result.exit_code == 1
        assert (said["app"], said["fail_level"]) == ("shop", "error")
        (finding,) = [f for f in said["findings"] if f["rule"] == "session-cookie-secure"]
        assert finding == {
            "rule": "session-cookie-secure",
            "realm": None,
            "severity": "error",
            "found": "SESSION_COOKIE_SECURE = False",
            "why": "Over plain HTTP anybody on the way reads the session cookie, and has the login.",
            "advice": "Set SESSION_COOKIE_SECURE = True",
            "asvs": ["v5.0.0-3.3.1"],
            "nist_sp_800_63b_4": ["5.1.1"],
        }
        assert {f["severity"] for f in said["findings"]} == {severity.label for severity in Severity}
        assert {f["severity"] for f in said["findings"] if f["advice"] is None} == {"pass"}

    @pytest.mark.parametrize("format", [(), ("--json",)])
    def test_no_secret_is_printed(self, app: Flask, format: tuple[str, ...]) -> None:
        """Keys are counted, not shown."""
        keys = ["s3cr3tkey-number-one", "change-me-number-two"]
        app.config.update(SECRET_KEY=keys[0], SECRET_KEY_FALLBACKS=keys[1:])
        text = run(app, "check", *format).output
        assert "number-one" not in text
        assert "number-two" not in text


class TestRoutes:
    def test_table(self, app: Flask) -> None:
        """Each endpoint has a line with its protection, methods and rule."""
        table = [re.split(r"  +", line) for line in run(app, "routes").output.splitlines()]
        assert ["Protection", "Methods", "Rule", "Endpoint"] in table
        lines = {line[2]: line[0] for line in table if len(line) == 4}
        assert lines["/account"] == "login (view)"
        assert lines["/password"] == "fresh 10 min (view)"
        assert lines["/login"] == "exempt (login page)"
        assert lines["/"] == "open"
        assert lines["/bare"].startswith("open")

    def test_words_that_are_wrapped(self, app: Flask) -> None:
        """What does not fit into its column goes on below: a misplaced guard, a blueprint's, a long rule."""
        cells = [line[:20].strip() for line in run(app, "routes").output.splitlines()]
        text = " ".join(cells)
        assert "open; a guard above the route never runs" in text
        assert "staff login (blueprint" in text

    def test_open_only(self, app: Flask) -> None:
        """--open leaves out what has a guard."""
        text = run(app, "routes", "--open").output
        assert "/bare" in text
        assert "/login" in text
        assert "/account" not in text
        assert "/password" not in text

    def test_host(self, app: Flask) -> None:
        """A rule for one host is told with it."""
        app.url_map.host_matching = True
        app.add_url_rule("/x", "hosted", lambda: "", host="a.example")
        assert re.search(r"^open +GET +a\.example: /x +hosted$", run(app, "routes").output, re.MULTILINE)

    def test_doubtful_guard(self, app: Flask) -> None:
        """A guard inside another decorator is told in text and in JSON."""
        view = lambda: ""  # noqa: E731
        login_required(view)
        app.add_url_rule("/doubt", "doubt", wraps(view)(lambda: view()))
        cells = [line[:20].strip() for line in run(app, "routes").output.splitlines()]
        assert "open; a guard inside may not run" in " ".join(cells)
        routes = {r["rule"]: r for r in json.loads(run(app, "routes", "--json").output)["routes"]}
        assert [routes[rule]["doubtful_guard"] for rule in ("/doubt", "/bare")] == [True, False]

    def test_nothing_open(self) -> None:
        """Where nothing is open, that is said."""
        app = Flask("closed", static_folder=None)
        app.secret_key = "dev"
        LoginManager(app)
        app.cli.add_command(group)
        assert run(app, "routes").output == "No endpoint.\n"
        app.add_url_rule("/", "index", login_required(lambda: ""))
        assert run(app, "routes", "--open").output == "No endpoint is open.\n"

    def test_json(self, app: Flask) -> None:
        """A machine gets every guard, with ages in seconds."""
        said = json.loads(run(app, "routes", "--json").output)
        routes = {route["rule"]: route for route in said["routes"]}
        assert said["app"] == "shop"
        assert routes["/password"] == {
            "endpoint": "password",
            "rule": "/password",
            "host": None,
            "methods": ["GET"],
            "protection": "fresh",
            "guards": [{"realm": None, "fresh": True, "max_age": 600.0, "by": "view"}],
            "exemption": None,
            "misplaced_guard": False,
            "doubtful_guard": False,
        }
        assert routes["/login"]["exemption"] == "login page"
        assert routes["/bare"]["misplaced_guard"] is True
        open_ones = json.loads(run(app, "routes", "--open", "--json").output)["routes"]
        assert {route["protection"] for route in open_ones} == {"open", "exempt"}

    @pytest.mark.parametrize(("testing", "is_said"), [(True, True), (False, False)])
    def test_login_disabled(self, app: Flask, testing: bool, is_said: bool) -> None:
        """Where every guard is open, the list says so first."""
        app.config.update(LOGIN_DISABLED=True, TESTING=testing)
        assert run(app, "routes").output.startswith("LOGIN_DISABLED under TESTING") is is_said
        assert json.loads(run(app, "routes", "--json").output)["login_disabled"] is is_said

    @pytest.mark.parametrize(
        ("needs", "said"),
        [
            ([{}], "login (view)"),
            ([{}, {"max_age": 600}], "fresh 10 min (view)"),
            ([{"max_age": 600}, {"max_age": 60}], "fresh 1 min (view)"),
            ([{"max_age": None}, {"max_age": 60}], "fresh 1 min (view)"),
            ([{"max_age": None}], "fresh (view)"),
        ],
    )
    def test_strongest_guard_counts(self, app: Flask, needs: list[dict[str, Any]], said: str) -> None:
        """Of several guards in one realm the table tells the strongest."""
        view: Any = lambda: ""  # noqa: E731
        for need in needs:
            view = fresh_login_required(**need)(view) if need else login_required(view)
        app.add_url_rule("/many", "many", view)
        (line,) = [line for line in run(app, "routes").output.splitlines() if "/many" in line]
        assert line.startswith(f"{said}  ")


COMMANDS = [("check",), ("check", "--json"), ("routes",), ("routes", "--open"), ("routes", "--json")]


@pytest.mark.parametrize("command", [("check",), ("routes",), ("routes", "--open")])
def test_lines_fit(app: Flask, command: tuple[str, ...]) -> None:
    """Text is made for 80 columns, and has no blanks at the end of a line."""
    lines = run(app, *command).output.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_colour_is_for_terminals(app: Flask, command: tuple[str, ...]) -> None:
    """Into a pipe goes no colour; a terminal gets some, JSON never."""
    assert ESCAPE not in run(app, *command).output
    assert (ESCAPE in run(app, *command, color=True).output) is ("--json" not in command)


def test_colours_tell_how_bad_it_is(app: Flask) -> None:
    """On a terminal errors are red and warnings yellow, and so are misplaced guards and open endpoints."""
    red, yellow = f"{ESCAPE}[31m", f"{ESCAPE}[33m"
    text = run(app, "check", color=True).output
    assert f"{red}{ESCAPE}[1mERROR" in text
    assert f"{yellow}WARNING" in text
    text = run(app, "routes", color=True).output
    assert f"{red}open; a guard" in text
    assert f"{yellow}open  " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_app_without_a_manager(command: tuple[str, ...]) -> None:
    """An app without a LoginManager is told so, with an exit code of its own."""
    app = Flask("bare")
    app.cli.add_command(group)
    result = run(app, *command)
    assert result.exit_code == 2
    assert "Error: this app has no LoginManager; call its init_app(app) first" in result.output


@pytest.mark.parametrize("command", [("check",), ("routes",)])
def test_setting_that_is_not_allowed(app: Flask, command: tuple[str, ...]) -> None:
    """A setting that is refused is named, in lines that fit, with the exit code for "could not look"."""
    app.config["LOGIN_IDLE_TIMEOUT"] = "an hour"
    result = run(app, *command)
    assert result.exit_code == 2
    assert "LOGIN_IDLE_TIMEOUT is 'an hour'" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize("command", [("check",), ("routes",)])
def test_setting_that_keeps_the_app_from_starting(command: tuple[str, ...]) -> None:
    """A setting that is refused while the app is loaded is told in the same way, with the same exit code."""

    def create_app() -> Flask:
        app = Flask("shop")
        app.config["LOGIN_IDLE_TIMEOUT"] = "an hour"
        LoginManager(app)
        return app

    result = CliRunner().invoke(group, command, obj=ScriptInfo(create_app=create_app))
    assert result.exit_code == 2
    assert "Error: LOGIN_IDLE_TIMEOUT is 'an hour'" in result.output


def test_package_does_not_load_the_command_line() -> None:
    """`import flask_sessionauth` loads neither the command line nor the audit."""
    code = "import sys, flask_sessionauth; print([m for m in sys.modules if m.startswith('flask_sessionauth.')])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True, text=True)
    assert "flask_sessionauth.manager" in done.stdout
    assert "flask_sessionauth.cli" not in done.stdout
    assert "flask_sessionauth.audit" not in done.stdout


def flask(folder: Path, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a user types, in a folder with a small program."""
    if not any(entry.value == "flask_sessionauth.cli:login" for entry in entry_points(group="flask.commands")):
        reason = "the entry point of `flask login` is not installed; install the package again: pip install -e ."
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    (folder / "shop.py").write_text(PROGRAM.format(key=key))
    command = [sys.executable, "-m", "flask", "--app", "shop", "login", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FLASK_") and k != "PYTHONWARNINGS"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(("key", "code"), [("dev", 1), ("kept-elsewhere-and-long-enough-to-be-a-key", 0)])
def test_as_a_user_runs_it(tmp_path: Path, key: str, code: int) -> None:
    """`flask login check` is there once the package is installed, and its exit code is the process's."""
    done = flask(tmp_path, key, "check")
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith("Check of 'shop', 1 realm: default\n")
    assert ESCAPE not in done.stdout
    assert done.stderr == ""


def test_routes_as_a_user_runs_it(tmp_path: Path) -> None:
    """`flask login routes` lists the endpoints of the app it was given."""
    done = flask(tmp_path, "dev", "routes", "--open", "--json")
    assert [route["endpoint"] for route in json.loads(done.stdout)["routes"]] == ["index"]


def options_of(command: click.Command) -> set[str]:
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return {name for option in options for name in option.opts}


def test_page_has_every_command_and_option() -> None:
    """The page of the command line documents the commands, options and exit codes there are, and no others."""
    sections = dict(
        re.findall(r"^## `flask login (\w+)`\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )
    assert list(sections) == list(group.commands)
    for name, text in sections.items():
        assert set(re.findall(r"^- `(--[\w-]+)`", text, re.MULTILINE)) == options_of(group.commands[name])


def test_groups_help_has_every_command() -> None:
    """`flask login --help` lists the commands with what they do, each in a line that is not cut."""
    lines = CliRunner().invoke(group, ["--help"]).output.partition("Commands:\n")[2].splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(group.commands)
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


def test_page_has_every_rule() -> None:
    """The page lists the rules there are, in their order, with the requirements that they name."""
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(rule.id, ", ".join(rule.asvs) or "-", ", ".join(rule.nist) or "-") for rule in RULES]
