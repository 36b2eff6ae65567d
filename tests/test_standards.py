"""The tables of standards name requirements, settings and tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from flask_sessionauth.audit import RULES
from flask_sessionauth.audit.standards import ASVS

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "explanation" / "standards.md"
TEXT = PAGE.read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
ROWS = [row for row in re.split(r"^\* - ", TEXT, flags=re.MULTILINE)[1:] if row.startswith("**")]
PARTS = (r"\*\*Package\.\*\* ", r"\*\*App\.\*\* ", "Tests: ")
NAMED = re.findall(r"`((?:Test\w+::)?test_\w+)`", TEXT)


@cache
def existing_tests() -> set[str]:
    """Each test by its name, and with the class that it is in."""
    names = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
            names.update(prefix + f.name for f in inner if isinstance(f, ast.FunctionDef) and f.name.startswith("test"))
    return names


@pytest.mark.parametrize("chapter", ["3.3", "7"])
def test_chapters_are_complete(chapter: str) -> None:
    """Each requirement of the two chapters has one row, in its order, with the level it begins at."""
    rows = re.findall(rf"^\* - \*\*({re.escape(chapter)}\.[\d.]+)\*\*, level (\d)", TEXT, re.MULTILINE)
    there = [(name, str(level)) for name, level in ASVS.items() if name.startswith(f"{chapter}.")]
    assert rows == sorted(there, key=lambda row: [int(part) for part in row[0].split(".")])


def test_every_section_that_a_rule_names_has_a_row() -> None:
    """What a rule says of NIST SP 800-63B-4 can be looked up."""
    rows = set(re.findall(r"^\* - \*\*([\d.]+)\*\*\. ", SECTIONS["NIST SP 800-63B-4"], re.MULTILINE))
    assert rows >= {section for rule in RULES for section in rule.nist}


@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_named_tests_exist(name: str) -> None:
    """A test that the page names is there, under the class that it names."""
    assert name in existing_tests()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(".\n")[0][:24])
def test_rows_are_honest(row: str) -> None:
    """What the package does has a test; where there is none, the row says that it is not covered."""
    package, app, named = (re.search(rf"^[ -]*{part}(.+)", row, re.MULTILINE) for part in PARTS)
    assert package
    assert app
    assert named or "Not covered" in row
