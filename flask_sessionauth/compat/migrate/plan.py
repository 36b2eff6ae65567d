"""What is to be changed in a module, and what is left."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

from .findings import Reason


@dataclass
class Plan:
    """The decisions about one module; nodes that are not in it stay as they are."""

    #: For a name that ``from ... import`` imports, the module that has it.
    homes: dict[cst.ImportAlias, str] = field(default_factory=dict)
    #: For an imported module, what is imported in its place, as after ``import``.
    modules: dict[cst.ImportAlias, tuple[str, ...]] = field(default_factory=dict)
    #: For a name reached through a module, how it is reached now.
    uses: dict[cst.CSTNode, str] = field(default_factory=dict)
    #: What is undecided: the node, its name, and why.
    left: list[tuple[cst.CSTNode, str, Reason]] = field(default_factory=list)

    def leave(self, node: cst.CSTNode, name: str, reason: Reason) -> None:
        self.left.append((node, name, reason))

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.homes or self.modules or self.uses)
