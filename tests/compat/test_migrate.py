"""The codemod that moves a program's imports from flask_login to this package."""

from __future__ import annotations

import ast
import io
import os
import re
import stat
import subprocess
import sys
import textwrap
import tokenize
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from flask_sessionauth.compat.migrate import findings, names
from flask_sessionauth.compat.migrate.__main__ import main
from flask_sessionauth.compat.migrate.codemod import migrate

DOCS = Path(__file__).parents[2] / "docs"


class Moved:
    """What became of a module: its code, and what is undecided, as line, name and section of the guide."""

    def __init__(self, folder: Path, source: str) -> None:
        file = folder / "module.py"
        file.write_bytes(source.encode())
        outcome = migrate(file)
        self.code = outcome.new
        self.undecided = [(found.line, found.name) for found in outcome.undecided]
        self.why = " ".join(str(found) for found in outcome.undecided)


@pytest.fixture
def move(tmp_path: Path) -> Any:
    """Moves a module, twice: the second time changes nothing, and leaves the same names."""

    def move(source: str) -> Moved:
        once = Moved(tmp_path, source)
        twice = Moved(tmp_path, once.code)
        assert twice.code == once.code
        assert [name for _, name in twice.undecided] == [name for _, name in once.undecided]
        return once

    return move


def text(block: str) -> str:
    return textwrap.dedent(block).lstrip("\n")


#: What is before and after, where nothing is undecided.
CASES = {
    "names": (
        "from flask_login import login_user, current_user as who  # noqa: F401\n",
        "from flask_sessionauth import login_user, current_user as who  # noqa: F401\n",
    ),
    "a submodule of each kind": (
        """
        from flask_login.utils import login_required
        from flask_login.mixins import UserMixin, AnonymousUserMixin
        from flask_login.login_manager import LoginManager
        from flask_login.signals import user_logged_in
        from flask_login.config import EXEMPT_METHODS
        from flask_login.test_client import FlaskLoginClient
        """,
        """
        from flask_sessionauth import login_required
        from flask_sessionauth import UserMixin, AnonymousUserMixin
        from flask_sessionauth import LoginManager
        from flask_sessionauth import user_logged_in
        from flask_sessionauth import EXEMPT_METHODS
        from flask_sessionauth.testing import FlaskLoginClient
        """,
    ),
    "layout stays where nothing is split": (
        """
        from flask_login import ( # all
            current_user, login_user,   # two of them
            # and a third
            logout_user,
        )
        from flask_login import (UserMixin,
                                 LoginManager)
        from flask_login import login_fresh, \\
            login_url
        """,
        """
        from flask_sessionauth import ( # all
            current_user, login_user,   # two of them
            # and a third
            logout_user,
        )
        from flask_sessionauth import (UserMixin,
                                 LoginManager)
        from flask_sessionauth import login_fresh, \\
            login_url
        """,
    ),
    "the client for tests is elsewhere": (
        "# over\nfrom flask_login import FlaskLoginClient, login_user  # beside\n",
        "# over\nfrom flask_sessionauth import login_user  # beside\n"
        "from flask_sessionauth.testing import FlaskLoginClient\n",
    ),
    "what tools read is on both lines": (
        "from flask_login import FlaskLoginClient, login_user  # noqa: F401\n",
        "from flask_sessionauth import login_user  # noqa: F401\n"
        "from flask_sessionauth.testing import FlaskLoginClient  # noqa: F401\n",
    ),
    "comments go with their names": (
        """
        from flask_login import (  # head
            # over the client
            FlaskLoginClient as Client,  # beside the client

            # over current_user
            current_user,  # beside current_user
            login_user,
            # under
        )
        """,
        """
        from flask_sessionauth import (  # head
            # over current_user
            current_user,  # beside current_user
            login_user,
            # under
        )
        from flask_sessionauth.testing import (
            # over the client
            FlaskLoginClient as Client,  # beside the client
        )
        """,
    ),
    "several on one line": (
        "x = 1; from flask_login import FlaskLoginClient, login_user ;  y = 2\n"
        "if x: from flask_login import FlaskLoginClient, login_user\n",
        "x = 1; from flask_sessionauth import login_user; "
        "from flask_sessionauth.testing import FlaskLoginClient ;  y = 2\n"
        "if x: from flask_sessionauth import login_user; from flask_sessionauth.testing import FlaskLoginClient\n",
    ),
    "through the package": (
        """
        import os, flask_login, sys  # three

        @flask_login.login_required
        def view(user: flask_login.mixins.UserMixin):
            flask_login.config.EXEMPT_METHODS.add("HEAD")
            return (flask_login.utils.current_user).name  # whose

        flask_login.signals.user_logged_in.connect(view)
        """,
        """
        import os, flask_sessionauth, sys  # three

        @flask_sessionauth.login_required
        def view(user: flask_sessionauth.UserMixin):
            flask_sessionauth.EXEMPT_METHODS.add("HEAD")
            return (flask_sessionauth.current_user).name  # whose

        flask_sessionauth.user_logged_in.connect(view)
        """,
    ),
    "through another name": (
        "import flask_login as fl\nfl.utils.login_user(fl.current_user)\n",
        "import flask_sessionauth as fl\nfl.login_user(fl.current_user)\n",
    ),
    "through a submodule": (
        """
        import flask_login.utils
        import flask_login.signals as signals
        from flask_login import utils, mixins as m, login_user

        class User(m.UserMixin):
            pass

        utils.login_required(flask_login.utils.login_url)
        signals.user_logged_in.connect(login_user)
        """,
        """
        import flask_sessionauth
        import flask_sessionauth as signals
        from flask_sessionauth import login_user
        import flask_sessionauth
        import flask_sessionauth as m

        class User(m.UserMixin):
            pass

        flask_sessionauth.login_required(flask_sessionauth.login_url)
        signals.user_logged_in.connect(login_user)
        """,
    ),
    "the client for tests through the package": (
        "import flask_login\nflask_login.FlaskLoginClient(flask_login.current_user)\n",
        "import flask_sessionauth.testing\n"
        "flask_sessionauth.testing.FlaskLoginClient(flask_sessionauth.current_user)\n",
    ),
    "the client for tests through another name": (
        "import flask_login as fl\nfl.test_client.FlaskLoginClient(fl.current_user)\n",
        "import flask_sessionauth as fl, flask_sessionauth.testing\n"
        "flask_sessionauth.testing.FlaskLoginClient(fl.current_user)\n",
    ),
    "in a function, and where it may be missing": (
        """
        from typing import TYPE_CHECKING
        try:
            import flask_login
        except ImportError:
            flask_login = None
        if TYPE_CHECKING:
            from flask_login import UserMixin

        def name():
            if flask_login is not None and flask_login:
                from flask_login import current_user
                return flask_login.current_user.name or current_user

        def other(flask_login):
            return flask_login.whatever
        """,
        """
        from typing import TYPE_CHECKING
        try:
            import flask_sessionauth
        except ImportError:
            flask_sessionauth = None
        if TYPE_CHECKING:
            from flask_sessionauth import UserMixin

        def name():
            if flask_sessionauth is not None and flask_sessionauth:
                from flask_sessionauth import current_user
                return flask_sessionauth.current_user.name or current_user

        def other(flask_login):
            return flask_login.whatever
        """,
    ),
    "what is not Flask-Login": (
        '"""About flask_login.current_user."""\n'
        "from .flask_login import current_user  # flask_login\n"
        "from flask_login_multi import x\n"
        "self._login_user(); cache._load_user(); response._set_cookie()\n"
        'label = "Log in by Flask-Login."\n',
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_moves(move: Any, case: str) -> None:
    """An import of a known name moves with all its uses; the rest of the module stays as it is."""
    before, after = CASES[case]
    moved = move(text(before))
    assert moved.code == text(before if after is None else after)
    assert moved.undecided == []


#: What is undecided, by line and name, and the code after the move if it changes.
LEFT = {
    "a private name beside known ones": (
        "from flask_login.utils import _get_user, current_user\n",
        [(1, "flask_login.utils._get_user")],
        "from flask_sessionauth import current_user\nfrom flask_login.utils import _get_user\n",
    ),
    "names that are gone": (
        "from flask_login import __version__, AUTH_HEADER_NAME, user_loaded_from_header\n",
        [
            (1, "flask_login.AUTH_HEADER_NAME"),
            (1, "flask_login.__version__"),
            (1, "flask_login.user_loaded_from_header"),
        ],
        None,
    ),
    "a star": ("from flask_login import *\n", [(1, "flask_login.*")], None),
    "an unknown module": (
        "import flask_login._compat\nfrom flask_login._compat import unicode\n",
        [(1, "flask_login._compat"), (2, "flask_login._compat.unicode")],
        None,
    ),
    "a module stays with all its uses": (
        "import flask_login\nflask_login.login_user(1)\nprint(flask_login.__version__)\n",
        [(3, "flask_login.__version__")],
        None,
    ),
    "the module itself": (
        "import flask_login as fl\nprint(vars(fl))\nfrom flask_login import utils\nx = utils or 1\n",
        [(2, "fl"), (4, "utils")],
        None,
    ),
    "one name for two things": (
        "import flask_login\ndef flask_login(): ...\n",
        [(2, "flask_login")],
        None,
    ),
    "a global": (
        "def f():\n    global flask_login\n    import flask_login\n",
        [(2, "flask_login")],
        None,
    ),
    "an annotation in quotes": (
        'import flask_login as fl\ndef f(user: "fl.UserMixin"): ...\n',
        [(2, "fl")],
        None,
    ),
    "patches": (
        """
        import flask_login
        from unittest.mock import patch
        patch("flask_login.utils._get_user")
        patch.object(flask_login.utils, "current_user")
        monkeypatch.setattr("flask_login.utils.current_user", 1)
        flask_login.login_user = wrapper
        """,
        [
            (3, "flask_login.utils._get_user"),
            (4, "flask_login.utils"),
            (5, "flask_login.utils.current_user"),
            (6, "flask_login.login_user"),
        ],
        None,
    ),
    "texts": (
        'import_module("flask_login")\nx = f"flask_login.{name}"\nrun("from flask_login import x")\n',
        [(1, "flask_login"), (2, "flask_login"), (3, "flask_login")],
        None,
    ),
    "by way of another module": (
        "from .ext import flask_login as fl\nviews.flask_login.current_user\n",
        [(1, "flask_login"), (2, "flask_login")],
        None,
    ),
    "a manager's private names": (
        """
        lm = manager = LoginManager()
        app.login_manager._load_user()
        manager._user_callback
        lm.header_loader(f)
        login_manager.setup_app(app)
        anything._update_request_context_with_user(user)
        patch.object(manager, "_load_user")
        patch("app.manager._load_user_from_header")
        """,
        [
            (2, "_load_user"),
            (3, "_user_callback"),
            (4, "header_loader"),
            (5, "setup_app"),
            (6, "_update_request_context_with_user"),
            (7, "_load_user"),
            (8, "app.manager._load_user_from_header"),
        ],
        None,
    ),
    "a manager of one's own": (
        """
        class Mine(flask.LoginManager):
            def _load_user(self):
                return super()._load_user() or self._user_callback
        """,
        [(2, "_load_user"), (3, "_load_user"), (3, "_user_callback")],
        None,
    ),
    "g and the session": (
        'g._login_user = user\nhasattr(g, "_login_user")\nsession["_remember"] = "set"\n'
        'session.pop("_remember_seconds", None)\n',
        [(1, "_login_user"), (2, "_login_user"), (3, "_remember"), (4, "_remember_seconds")],
        None,
    ),
    "a requirement": (
        'setup(install_requires=["Flask-Login>=0.6", "Flask-Login-Multi"])\n',
        [(1, "Flask-Login>=0.6")],
        None,
    ),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left(move: Any, case: str) -> None:
    """What is not known stays as it is, and is listed by line and name."""
    before, undecided, after = LEFT[case]
    moved = move(text(before))
    assert moved.undecided == undecided
    assert moved.code == text(before if after is None else after)


def test_patches_are_told_what_to_do(move: Any) -> None:
    """Whoever patched the user is told of the client and the fixture."""
    assert "LoginClient" in move('patch("flask_login.utils._get_user")\n').why
    assert "LoginClient" in move('import flask_login\npatch.object(flask_login.utils, "_get_user")\n').why
    assert move('import flask_login\nclient.patch("/", json=flask_login.current_user)\n').undecided == []
    assert "LoginClient" not in move('client.patch("/", json={"a": "flask_login"})\n').why


@pytest.mark.parametrize("section", [findings.THE_MOVE, findings.GONE])
def test_sections_of_the_guide(section: str) -> None:
    """Each section that is pointed to is a heading of the guide."""
    headings = re.findall(r"^#+ (.+)$", (DOCS / "coming-from-flask-login.md").read_text(), re.MULTILINE)
    assert section in [heading.lower().replace(" ", "-") for heading in headings]


def test_the_names_have_an_advice() -> None:
    """Each name that is looked for without an import has something instead."""
    assert names.INSTEAD.keys() >= names.MANAGERS | names.KEYS


IMPORTED = ["login_user", "current_user", "UserMixin", "user_logged_in", "EXEMPT_METHODS", "FlaskLoginClient"]
MODULES = ["flask_login", "flask_login.utils", "flask_login.test_client"]
USES = [*(f"{module}.{name}" for module in MODULES for name in IMPORTED), "other.current_user"]


@st.composite
def import_statements(draw: st.DrawFn) -> str:
    """An import of some names, as a program may have written it, with comments."""
    module = draw(st.sampled_from(MODULES))
    wanted = draw(st.lists(st.sampled_from(IMPORTED), min_size=1, max_size=5, unique=True))
    wanted = [f"{name} as {name.lower()}_x" if draw(st.booleans()) else name for name in wanted]
    comma = "," if draw(st.booleans()) else ""
    if draw(st.booleans()):
        return f"from {module} import {', '.join(wanted)}{draw(st.sampled_from(['', '  # beside']))}\n"
    lines = []
    for name in wanted:
        above = draw(st.sampled_from(["", "    # over\n", "\n"]))
        beside = draw(st.sampled_from(["", "  # beside"]))
        last = comma if name == wanted[-1] else ","
        lines.append(f"{above}    {name}{last}{beside}\n")
    head, under = draw(st.sampled_from(["", "  # head"])), draw(st.sampled_from(["", "    # under\n"]))
    return f"from {module} import ({head}\n{''.join(lines)}{under})  # end\n"


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A module with imports and uses, at the top and in a function."""
    statement = import_statements() | st.sampled_from([f"{use}(1)  # use\n" for use in USES])
    top = "".join(draw(st.lists(statement, max_size=6)))
    inner = "".join(draw(st.lists(statement, max_size=3))) or "pass\n"
    return f"import flask_login.utils\n{top}\ndef f():\n    x = 1\n{textwrap.indent(inner, '    ')}"


class Mapping(ast.NodeTransformer):
    """What the program means after the move: each imported name by itself, under its new home, in order."""

    def home(self, path: str) -> str:
        module, _, name = path.rpartition(".")
        if module.partition(".")[0] != "flask_login":
            return path
        return f"flask_sessionauth{'.testing' * (name == 'FlaskLoginClient')}.{name}"

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.parse(self.home(ast.unparse(node)), mode="eval").body

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        imported = []
        for alias in node.names:
            module, _, name = self.home(f"{node.module}.{alias.name}").rpartition(".")
            imported.append(ast.ImportFrom(module, [ast.alias(name, alias.asname)], 0))
        # A split changes the order of the names.
        return sorted(imported, key=ast.dump)


def meaning(source: str) -> list[str]:
    tree = ast.fix_missing_locations(Mapping().visit(ast.parse(source)))
    lines = ast.unparse(tree).splitlines()
    # Several statements of one import are one run of lines: sort what follows each other.
    runs: list[list[str]] = [[]]
    for line in lines:
        is_import = line.lstrip().startswith("from ")
        if not is_import or not (runs[-1] and runs[-1][-1].lstrip().startswith("from ")):
            runs.append([])
        runs[-1].append(line)
    return [line for run in runs for line in sorted(run)]


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return sorted(token.string for token in tokens if token.type == tokenize.COMMENT)


@given(program=programs())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_program_means_the_same(tmp_path: Path, program: str) -> None:
    """Whatever is imported and used: only homes change, no comment is lost, and a second run changes nothing."""
    moved = Moved(tmp_path, program)
    assert moved.undecided == []
    assert "flask_login" not in moved.code
    assert meaning(moved.code) == meaning(program)
    assert comments(moved.code) == comments(program)
    assert Moved(tmp_path, moved.code).code == moved.code
    dos = Moved(tmp_path, program.replace("\n", "\r\n"))
    assert dos.code == moved.code.replace("\n", "\r\n")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


class TestFiles:
    """Reading and writing."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"\xef\xbb\xbfimport flask_login\r\n", b"\xef\xbb\xbfimport flask_sessionauth\r\n"),
            (
                b"# coding: latin-1\nimport flask_login # \xe9\n",
                b"# coding: latin-1\nimport flask_sessionauth # \xe9\n",
            ),
            (b"\x0c\nimport flask_login", b"\x0c\nimport flask_sessionauth"),
        ],
        ids=["mark and line endings", "encoding", "no newline at the end"],
    )
    def test_bytes_stay(self, tmp_path: Path, capsys: Any, before: bytes, after: bytes) -> None:
        """A file keeps its encoding, the mark at its beginning, and its line endings."""
        file = tmp_path / "a.py"
        file.write_bytes(before)
        assert run(capsys, file, "--write")[0] == 0
        assert file.read_bytes() == after

    def test_permissions_stay(self, tmp_path: Path, capsys: Any) -> None:
        """A file that may be executed still may, and nothing else is left beside it."""
        file = tmp_path / "a.py"
        file.write_text("import flask_login\n")
        file.chmod(0o751)
        run(capsys, file, "--write")
        assert stat.S_IMODE(file.stat().st_mode) == 0o751
        assert os.listdir(tmp_path) == ["a.py"]

    def test_unchanged_files_are_not_touched(self, tmp_path: Path, capsys: Any) -> None:
        """A file with nothing to move is not written."""
        file = tmp_path / "a.py"
        file.write_text('x = "flask_login"\n')
        before = file.stat()
        assert run(capsys, tmp_path, "--write")[0] == 1
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_failing_write_leaves_the_file(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        """When writing fails, the file is as it was, the failure is told, and the other files are done."""
        for name in ("a.py", "b.py"):
            (tmp_path / name).write_text("import flask_login\n")
        replace = os.replace

        def fail(source: str, target: Path) -> None:
            if target.name == "a.py":
                raise OSError("disk full")
            replace(source, target)

        monkeypatch.setattr(os, "replace", fail)
        code, _, err = run(capsys, tmp_path, "--write")
        assert code == 2
        assert f"error: {tmp_path / 'a.py'}: disk full" in err
        assert (tmp_path / "a.py").read_text() == "import flask_login\n"
        assert (tmp_path / "b.py").read_text() == "import flask_sessionauth\n"
        assert sorted(os.listdir(tmp_path)) == ["a.py", "b.py"]

    def test_links(self, tmp_path: Path, capsys: Any) -> None:
        """A link that is named stays one, and its file is changed; one in a folder is left alone."""
        outside, folder = tmp_path / "outside.py", tmp_path / "folder"
        outside.write_text("import flask_login\n")
        folder.mkdir()
        link = folder / "link.py"
        link.symlink_to(outside)
        run(capsys, folder, "--write")
        assert outside.read_text() == "import flask_login\n"
        run(capsys, link, "--write")
        assert link.is_symlink()
        assert outside.read_text() == "import flask_sessionauth\n"

    def test_folders_that_are_left_out(self, tmp_path: Path, capsys: Any) -> None:
        """Hidden folders, environments, build and node_modules are not the project's own."""
        for folder in (".tox", "env", "build", "node_modules", "src"):
            (tmp_path / folder / "x").mkdir(parents=True)
            (tmp_path / folder / "x" / "a.py").write_text("import flask_login\n")
        (tmp_path / "env" / "pyvenv.cfg").touch()
        _, out, err = run(capsys, tmp_path)
        assert out.count("+++ ") == 1
        assert "src/x/a.py" in out
        assert "1 file to change" in err

    def test_files_that_cannot_be_read(self, tmp_path: Path, capsys: Any) -> None:
        """They are named, the exit code is 2, and the others are done."""
        (tmp_path / "a.py").write_bytes(b"import flask_login  # \xff\n")
        (tmp_path / "b.py").write_text("import flask_login (\n")
        (tmp_path / "c.py").write_text("import flask_login\n")
        code, _, err = run(capsys, tmp_path, tmp_path / "gone.py", "--write")
        assert code == 2
        assert [line.split(": ")[1] for line in err.splitlines() if line.startswith("error: ")] == [
            str(tmp_path / name) for name in ("a.py", "b.py", "gone.py")
        ]
        assert (tmp_path / "c.py").read_text() == "import flask_sessionauth\n"

    def test_what_libcst_does_not_keep(self, tmp_path: Path, capsys: Any) -> None:
        """A file that would not come back byte for byte is named, and left alone."""
        file = tmp_path / "a.py"
        file.write_bytes(b"\x0cimport flask_login\n")
        code, out, err = run(capsys, file, "--write")
        assert (code, out) == (2, "")
        assert f"error: {file}: LibCST would change more than the imports" in err
        assert file.read_bytes() == b"\x0cimport flask_login\n"

    def test_requirements(self, tmp_path: Path, capsys: Any) -> None:
        """Files that require Flask-Login are listed and never changed."""
        (tmp_path / "requirements").mkdir()
        contents = {
            "requirements/web.txt": "Flask\n# flask-login\nflask.login==0.6.3  # pinned\nflask-login-multi\n",
            "requirements-dev.in": "git+https://github.com/maxcountryman/flask-login.git\n",
            "pyproject.toml": 'dependencies = ["Flask_Login>=0.6"]\n',
            "notes.txt": "flask-login\n",
        }
        for name, content in contents.items():
            (tmp_path / name).write_text(content)
        code, out, err = run(capsys, tmp_path, "--write")
        assert (code, out) == (1, "")
        listed = [line.removeprefix(f"{tmp_path}{os.sep}").split(": a req")[0] for line in err.splitlines()[:-1]]
        assert listed == [
            "pyproject.toml:1: Flask_Login",
            "requirements-dev.in:1: flask-login",
            f"requirements{os.sep}web.txt:3: flask.login",
        ]
        assert "install_as_flask_login" not in err
        assert {name: (tmp_path / name).read_text() for name in contents} == contents


class TestCommand:
    """What is shown, and the exit codes."""

    def test_diff(self, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
        """By default nothing is written, and the standard output is a patch."""
        monkeypatch.chdir(tmp_path)
        Path("a.py").write_bytes(b"import flask_login\r\nx = 1")
        code, out, err = run(capsys, "a.py")
        assert code == 0
        assert out == (
            "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-import flask_login\r\n+import flask_sessionauth\r\n"
            " x = 1\n\\ No newline at end of file\n"
        )
        assert err == "1 file to change, 0 undecided\n"
        assert Path("a.py").read_bytes() == b"import flask_login\r\nx = 1"

    @pytest.mark.parametrize(
        ("source", "options", "code"),
        [
            ("x = 1\n", [], 0),
            ("x = 1\n", ["--check"], 0),
            ("import flask_login\n", [], 0),
            ("import flask_login\n", ["--write"], 0),
            ("import flask_login\n", ["--check"], 1),
            ("from flask_login import *\n", [], 1),
            ("from flask_login import *\n", ["--write"], 1),
            ("import flask_login (\n", [], 2),
        ],
    )
    def test_exit_codes(self, tmp_path: Path, capsys: Any, source: str, options: list[str], code: int) -> None:
        """0 if nothing is left to decide, 1 if something is or --check finds a change, 2 for what cannot be parsed."""
        file = tmp_path / "a.py"
        file.write_text(source)
        assert run(capsys, file, *options)[0] == code

    @pytest.mark.parametrize("arguments", [[], ["--nonsense", "."], ["--write", "--check", "."]])
    def test_usage(self, capsys: Any, arguments: list[str]) -> None:
        """A wrong call exits with 2."""
        with pytest.raises(SystemExit) as exit_info:
            run(capsys, *arguments)
        assert exit_info.value.code == 2

    def test_undecided(self, tmp_path: Path, capsys: Any) -> None:
        """A line has file, line, name, reason and section of the guide; the end says what to do until then."""
        file = tmp_path / "a.py"
        file.write_text("\nfrom flask_login import _get_user\n")
        _, out, err = run(capsys, file)
        assert out == ""
        assert err.startswith(f"{file}:2: flask_login._get_user: not in flask_sessionauth; instead: get_user(), or")
        assert err.splitlines()[0].endswith("/coming-from-flask-login.html#what-is-gone")
        assert "install_as_flask_login()" in err

    def test_characters_that_cannot_be_shown(self, tmp_path: Path) -> None:
        """On a standard output of few characters, the diff has the others escaped."""
        file = tmp_path / "a.py"
        file.write_text("import flask_login  # \u00e9\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "flask_sessionauth.compat.migrate", "a.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "1 file to change, 0 undecided\n")
        assert "+import flask_sessionauth  # \\xe9\n" in done.stdout

    def test_a_file_named_twice(self, tmp_path: Path, capsys: Any) -> None:
        """It is done once."""
        (tmp_path / "a.py").write_text("import flask_login\n")
        assert run(capsys, tmp_path / "a.py", tmp_path)[1].count("+++ ") == 1

    def test_without_libcst(self, tmp_path: Path) -> None:
        """The error says what to install."""
        code = (
            "import sys; sys.modules['libcst'] = None\n"
            "from flask_sessionauth.compat.migrate.__main__ import main\n"
            "sys.exit(main(['.']))"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr == "error: the codemod needs LibCST: pip install flask-sessionauth[migrate]\n"


PROJECT = {
    "shop/__init__.py": "",
    "shop/users.py": """
        import flask_login
        from flask_login.mixins import UserMixin

        manager = flask_login.LoginManager()

        class User(UserMixin):
            id = "1"

        manager.user_loader(lambda user_id: User())
        """,
    "shop/app.py": """
        from flask import Flask
        from flask_login import current_user, login_required, FlaskLoginClient

        from .users import manager

        def create_app():
            app = Flask("shop")
            app.secret_key = "a key of the shop's, for its tests"
            app.test_client_class = FlaskLoginClient
            manager.init_app(app)

            @app.get("/")
            @login_required
            def index():
                import flask_login as fl
                return current_user.get_id() + fl.utils.current_user.get_id()

            return app
        """,
    "test_shop.py": """
        from shop.app import create_app
        from shop.users import User

        def test_index():
            assert create_app().test_client(user=User()).get("/").text == "11"
            assert create_app().test_client().get("/").status_code == 401
        """,
    "conftest.py": "import sys\n\nsys.modules['flask' + '_login'] = None\n",
}


def test_a_project_moves(tmp_path: Path) -> None:
    """Its test fails without Flask-Login, and passes there after the command has run, which then finds nothing more."""
    for name, source in PROJECT.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text(source))

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    tests = ("pytest", "-q", "-p", "no:cacheprovider", "--import-mode=prepend", "test_shop.py")
    codemod = "flask_sessionauth.compat.migrate"
    assert start(*tests).returncode == 2
    shown = start(codemod, ".")
    assert (shown.returncode, shown.stdout.count("+++ ")) == (0, 2)
    assert start(codemod, ".", "--check").returncode == 1
    assert start(codemod, ".", "--write").returncode == 0
    passed = start(*tests)
    assert passed.returncode == 0, passed.stdout
    again = start(codemod, ".", "--check")
    assert (again.returncode, again.stdout) == (0, "")
