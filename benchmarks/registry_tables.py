"""What a part of the benchmark has found out: a table to read, and the numbers it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass
class Table:
    """Rows of cells, printed as Markdown; and for programs, what each row is made of."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    numbers: list[dict[str, Any]] = field(default_factory=list)

    def add(self, cells: Sequence[str], **numbers: Any) -> None:
        self.rows.append(tuple(cells))
        self.numbers.append(numbers)

    def __str__(self) -> str:
        lines = [f"### {self.title}", "", _line(self.headings), _line(["---"] + ["---:"] * (len(self.headings) - 1))]
        return "\n".join([*lines, *map(_line, self.rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The value that a share of all values does not exceed: 0.99 for the 99th percentile."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


class Times(NamedTuple):
    """The median, the 99th percentile and the greatest of some times."""

    p50: float
    p99: float
    max: float


def summary(times: Sequence[float]) -> Times:
    ordered = sorted(times)
    return Times(percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1])
