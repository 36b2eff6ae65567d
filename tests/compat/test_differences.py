"""The page for those who come from Flask-Login: each row of its tables has a test, and each test a row."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "coming-from-flask-login.md"


@dataclass(frozen=True)
class Row:
    """What is different, or gone, and what a switch does about it."""

    section: str
    beginning: str
    has_switch: bool


@dataclass(frozen=True)
class Tie:
    """A test, and what its decorator says of the row."""

    test: str
    beginning: str
    arguments: frozenset[str]

    def belongs_to(self, row: Row) -> bool:
        return row.beginning.startswith(self.beginning)


def rows_of_page() -> list[Row]:
    rows = []
    for section, table in re.findall(r"^### ([^\n]+)\n\n((?:\|[^\n]+\n)+)", PAGE.read_text(), re.MULTILINE):
        header, _, *lines = [line.strip("|").split(" | ") for line in table.splitlines()]
        for cells in lines:
            assert len(cells) == len(header), cells
            has_switch = len(cells) > 2 and not cells[-1].strip().startswith("none")
            rows.append(Row(section, cells[0].strip(), has_switch))
    return rows


def ties_by_test() -> dict[str, list[Tie]]:
    """The tests of this page, by file and name, with their ties."""
    found = {}
    for path in sorted(HERE.glob("test_differences_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                test = f"{path.stem}::{node.name}"
                found[test] = [Tie(test, *said) for said in map(_said, node.decorator_list) if said is not None]
    return found


def _said(decorator: ast.expr) -> tuple[str, frozenset[str]] | None:
    """What a decorator ``@row(...)`` says: the row's beginning, and the names of its other arguments."""
    match decorator:
        case ast.Call(func=ast.Name(id="row"), args=[ast.Constant(value=str(beginning))], keywords=keywords):
            return beginning, frozenset(keyword.arg or "" for keyword in keywords)
    return None


ROWS = rows_of_page()
TESTS = ties_by_test()
TIES = [tie for ties in TESTS.values() for tie in ties]


def test_the_page_is_read() -> None:
    """All tables of the page are there."""
    sections = re.findall(r"^### (.+)$", PAGE.read_text().partition("## What is different")[2], re.MULTILINE)
    assert sections == list(dict.fromkeys(row.section for row in ROWS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.beginning[:40])
def test_each_row_has_a_test(row: Row) -> None:
    """A row has a test that runs on both libraries; one throws the row's switch, if it has one, and else none does."""
    ties = [tie for tie in TIES if tie.belongs_to(row)]
    assert any(tie.arguments >= {"theirs", "ours"} for tie in ties)
    assert any("switch" in tie.arguments for tie in ties) == row.has_switch


@pytest.mark.parametrize("test", TESTS)
def test_each_test_has_a_row(test: str) -> None:
    """A test of the differences says of which row it is, and there is one that begins so, and only one."""
    (tie,) = TESTS[test]
    assert len([row for row in ROWS if tie.belongs_to(row)]) == 1
