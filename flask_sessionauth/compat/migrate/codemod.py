"""One file: what it becomes, and what is undecided in it. This is where LibCST is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tokenize import detect_encoding

import libcst as cst

from .files import is_requirements
from .findings import Undecided
from .imports import plan_imports
from .names import KEYS, MANAGERS, OLD
from .plan import Plan
from .requirements import REQUIRED, required_in
from .rewriting import rewrite
from .suspects import plan_suspects
from .tree import Tree

# A source with none of these is not parsed: that takes time.
_INTERESTING = re.compile("|".join([OLD, "flask[-_.]login", *sorted(MANAGERS | KEYS)]), re.IGNORECASE)


class UnreadableError(Exception):
    """A file cannot be read or parsed; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    path: Path
    old: str
    new: str
    encoding: str
    undecided: list[Undecided]

    @property
    def has_changed(self) -> bool:
        return self.new != self.old

    @property
    def content(self) -> bytes:
        """The new content, in the file's encoding, with the mark at its beginning if it had one."""
        return self.new.encode(self.encoding)


def migrate(path: Path) -> Outcome:
    """Work out what a file becomes; nothing is written.

    :raises UnreadableError: if it cannot be read, or parsed as Python.
    """
    try:
        raw = path.read_bytes()
        encoding = "utf-8" if is_requirements(path) else detect_encoding(BytesIO(raw).readline)[0]
        text = raw.decode(encoding)
    except (OSError, UnicodeError, SyntaxError) as error:
        raise UnreadableError(str(error)) from error
    if is_requirements(path):
        found = [Undecided(str(path), line, name, REQUIRED.why, REQUIRED.section) for line, name in required_in(text)]
        return Outcome(path, text, text, encoding, found)
    if _INTERESTING.search(text) is None:
        return Outcome(path, text, text, encoding, [])
    return _migrate_source(path, text, encoding)


def _migrate_source(path: Path, text: str, encoding: str) -> Outcome:
    try:
        tree = Tree(cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        raise UnreadableError(f"cannot be parsed as Python, at line {error.raw_line} or after it") from error
    except RecursionError as error:
        raise UnreadableError("nested too deeply") from error
    if tree.module.code != text:
        # So it is with a form feed in front of a statement, on the same line.
        raise UnreadableError("LibCST would change more than the imports (a form feed?)")
    plan = plan_imports(tree)
    plan_suspects(tree, plan)
    new = text if plan.is_empty else rewrite(tree.module, plan)
    return Outcome(path, text, new, encoding, sorted(set(_undecided(path, tree, plan))))


def _undecided(path: Path, tree: Tree, plan: Plan) -> list[Undecided]:
    return [Undecided(str(path), tree.line(node), name, why.why, why.section) for node, name, why in plan.left]
