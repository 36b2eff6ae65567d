"""``python -m flask_sessionauth.compat COMMAND ...``: run a program on the stand-in, as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from .installing import FOLDER

USAGE = """\
usage: python -m flask_sessionauth.compat COMMAND [ARGUMENT ...]

Run a command with flask_sessionauth in the place of flask_login, in all the processes that it starts.

COMMAND is
  a command of this environment   flask, gunicorn, pytest, ...
  a script                        app.py
  -m MODULE                       a module, as python itself runs it

To change a program's imports for good: python -m flask_sessionauth.compat.migrate
"""


def command_line(arguments: Sequence[str]) -> list[str]:
    """What to execute for the arguments of this command.

    :raises FileNotFoundError: if there is no such command.
    """
    command = arguments[0]
    if command == "-m" or (command.endswith(".py") and Path(command).is_file()):
        return [sys.executable, *arguments]
    # First where this Python has its commands, also if that is not on the path.
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    found = which(command, path=os.pathsep.join(places))
    if found is None:
        raise FileNotFoundError(f"there is no command {command!r}, in this environment or on the path")
    return [found, *arguments[1:]]


def environment() -> dict[str, str]:
    """The environment in which Python finds the stand-in first."""
    older = os.environ.get("PYTHONPATH")
    # An empty entry among others is the working directory.
    others = [path for path in older.split(os.pathsep) if path != str(FOLDER)] if older else []
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), *others])}


def main(arguments: Sequence[str]) -> int:
    """Run the command in this process's place.

    :returns: 2 if there is no such command; else, where a process cannot be replaced, the command's exit status.
    """
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        print(USAGE, end="")
        return 0 if arguments and arguments[0] != "-m" else 2
    sys.stdout.flush()
    try:
        line = command_line(arguments)
        if os.name == "nt":
            return subprocess.run(line, env=environment(), check=False).returncode  # noqa: S603 - the user's own command
        os.execve(line[0], line, environment())  # noqa: S606 - the user's own command
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
