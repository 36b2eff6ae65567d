"""``python -m flask_sessionauth.compat``: programs run on the stand-in without an edit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, subprocess, sys
import flask_login
from flask import Flask

app = Flask(__name__)
if "SAY_WHERE" in os.environ:
    print(flask_login.__file__)

@app.cli.command("where")
def where():
    print(flask_login.__file__)

if __name__ == "__main__":
    print(flask_login.__file__, *sys.argv[1:], flush=True)
    if "child" in sys.argv:
        subprocess.run([sys.executable, "-c", "import flask_login; print(flask_login.__file__)"], check=True)
    sys.exit(3 if "fail" in sys.argv else 0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "test_it.py").write_text(
        "import flask_login\n\n\ndef test_it():\n    assert 'standin' in flask_login.__file__\n"
    )
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask_sessionauth.compat", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def is_standin(line: str) -> bool:
    return Path(line).parts[-4:] == ("compat", "standin", "flask_login", "__init__.py")


@pytest.mark.parametrize("command", [["program.py"], ["-m", "program"]])
def test_script_and_module(folder: Path, command: list[str]) -> None:
    """A script and a module get their arguments, the stand-in, and its exit status is the command's."""
    done = run(folder, *command, "one", "fail")
    where, _, arguments = done.stdout.strip().partition(" ")
    assert (is_standin(where), arguments, done.returncode) == (True, "one fail", 3)


def test_child(folder: Path) -> None:
    """The processes that the program starts have the stand-in, too."""
    lines = run(folder, "program.py", "child").stdout.splitlines()
    assert len(lines) == 2
    assert all(is_standin(line.split()[0]) for line in lines)


def test_console_scripts(folder: Path) -> None:
    """The commands that are installed beside this Python run on it, whether they are on the path or not."""
    done = run(folder, "flask", "--app", "program", "where", PATH=os.defpath)
    assert is_standin(done.stdout.strip()), done.stderr
    done = run(folder, "pytest", "-q", "-p", "no:cacheprovider", "test_it.py", PATH=os.defpath)
    assert "1 passed" in done.stdout
    done = run(folder, "gunicorn", "--check-config", "program:app", SAY_WHERE="1")
    assert is_standin(done.stdout.strip()), done.stderr


def test_reloader(folder: Path) -> None:
    """Flask's reloader starts the program anew on the stand-in."""
    (folder / "reloaded.py").write_text(
        "import os, flask_login\nfrom flask import Flask\n\n"
        "app = Flask(__name__)\n"
        "if os.environ.get('WERKZEUG_RUN_MAIN'):\n    print(flask_login.__file__, flush=True)\n    os._exit(0)\n"
    )
    done = run(folder, "flask", "--app", "reloaded", "run", "--reload", "--port", "0")
    assert is_standin(done.stdout.splitlines()[-1]), done.stderr


def test_python(folder: Path) -> None:
    """Any command runs on it, also one that is no Python script."""
    done = run(folder, Path(sys.executable).name, "-c", "import flask_login; print(flask_login.__file__)")
    assert is_standin(done.stdout.strip())


def test_python_path_is_kept(folder: Path, tmp_path: Path) -> None:
    """What stood on ``PYTHONPATH`` stays there, and the command can be used within itself."""
    code = "import os; print(os.environ['PYTHONPATH'])"
    inner = ["python", "-m", "flask_sessionauth.compat", "python", "-c", code]
    done = run(folder, *inner, PYTHONPATH=str(tmp_path))
    standin, *others = done.stdout.strip().split(os.pathsep)
    assert standin.endswith("standin")
    assert others == [str(tmp_path)]


def test_working_directory_on_python_path(folder: Path, tmp_path: Path) -> None:
    """An empty entry, which is the working directory, is kept as one."""
    elsewhere = tmp_path / "scripts"
    elsewhere.mkdir()
    (elsewhere / "script.py").write_text("import program\n")
    done = run(folder, str(elsewhere / "script.py"), PYTHONPATH=f"{tmp_path / 'other'}{os.pathsep}", SAY_WHERE="1")
    assert is_standin(done.stdout.strip()), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there, what may be run is told by the name")
def test_not_executable(folder: Path) -> None:
    """A command that cannot be run is an error in one line."""
    command = folder / "broken"
    command.write_text("no program")
    command.chmod(0o755)
    done = run(folder, str(command))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: ")


def test_installed_within(folder: Path) -> None:
    """A program that installs the stand-in itself runs on it all the same."""
    code = (
        "import flask_login; from flask_sessionauth.compat import install_as_flask_login as i; i();"
        "import sys; print(sys.modules['flask_login'] is flask_login)"
    )
    assert run(folder, "python", "-c", code).stdout == "True\n"


def test_unknown(folder: Path) -> None:
    """A command that does not exist is named."""
    done = run(folder, "no-such-command")
    assert done.returncode == 2
    assert done.stderr == "error: there is no command 'no-such-command', in this environment or on the path\n"
    assert run(folder, "no-such-script.py").returncode == 2


@pytest.mark.parametrize(("arguments", "status"), [((), 2), (("-h",), 0), (("--help",), 0), (("-m",), 2)])
def test_usage(folder: Path, arguments: tuple[str, ...], status: int) -> None:
    """Without a command it says how it is used."""
    done = run(folder, *arguments)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        status,
        "usage: python -m flask_sessionauth.compat COMMAND [ARGUMENT ...]",
    )
