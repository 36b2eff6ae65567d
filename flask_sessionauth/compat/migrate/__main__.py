"""``python -m flask_sessionauth.compat.migrate PATH ...``: the command."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from .files import difference, find, is_requirements, replace

if TYPE_CHECKING:
    from .codemod import Outcome

_DESCRIPTION = """\
Move a program's imports from flask_login to flask_sessionauth.

The changes are shown as a diff on the standard output; what is left for you to
decide is listed on the standard error, with the place and the reason.
"""
_EXIT_CODES = """\
The exit code is 0 if nothing is left to decide, 1 if something is, and 2 if a
file cannot be read, parsed or written; the other files are done all the same.
"""
_UNTIL_THEN = """
Until these are decided, call flask_sessionauth.compat.install_as_flask_login()
before anything else is imported: parts on flask_login and parts on
flask_sessionauth see the same user then, and only then.
https://flask-sessionauth.readthedocs.io/en/latest/how-to/move-for-good.html"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives back its exit code."""
    options = _options(arguments)
    try:
        from .codemod import UnreadableError, migrate
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "libcst":
            raise
        _say("error: the codemod needs LibCST: pip install flask-sessionauth[migrate]")
        return 2
    if isinstance(sys.stdout, TextIOWrapper):
        # A diff for `git apply`: line endings as they are in the file, and no error over a character.
        sys.stdout.reconfigure(newline="", errors="backslashreplace")
    outcomes, troubles = list["Outcome"](), list[str]()
    for path in find(options.paths):
        try:
            outcome = migrate(path)
            _show(outcome, options)
            outcomes.append(outcome)
        except (OSError, UnreadableError) as error:
            troubles.append(f"{path}: {error}")
    return _report(outcomes, troubles, options)


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(
        prog="python -m flask_sessionauth.compat.migrate",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file, or a folder with all in it")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="change the files, and show no diff")
    what.add_argument("--check", action="store_true", help="exit with 1 also if a file would change")
    return parser.parse_args(arguments)


def _show(outcome: Outcome, options: Namespace) -> None:
    """Write the file, or show what would be written.

    :raises OSError: if it cannot be written.
    """
    if not outcome.has_changed:
        return
    if options.write:
        replace(outcome.path, outcome.content)
    else:
        print(difference(outcome.path, outcome.old, outcome.new), end="")


def _report(outcomes: Sequence[Outcome], troubles: Sequence[str], options: Namespace) -> int:
    """Say what is left, and how it went; gives back the exit code."""
    sys.stdout.flush()
    undecided = [finding for outcome in outcomes for finding in outcome.undecided]
    for finding in undecided:
        _say(str(finding))
    for trouble in troubles:
        _say(f"error: {trouble}")
    changed = sum(outcome.has_changed for outcome in outcomes)
    verb = "changed" if options.write else "to change"
    _say(f"{changed} {'file' if changed == 1 else 'files'} {verb}, {len(undecided)} undecided")
    if any(outcome.undecided and not is_requirements(outcome.path) for outcome in outcomes):
        _say(_UNTIL_THEN)
    if troubles:
        return 2
    return 1 if undecided or (options.check and changed) else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
