"""Reading a parsed module: dotted names, and what surrounds a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider, Scope, ScopeProvider


class Tree:
    """A parsed module, and for each node its line, parent and scope."""

    def __init__(self, module: cst.Module) -> None:
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.module = wrapper.module
        self._parents: Mapping[cst.CSTNode, cst.CSTNode] = wrapper.resolve(ParentNodeProvider)
        self._scopes: Mapping[cst.CSTNode, Scope | None] = wrapper.resolve(ScopeProvider)
        self._positions = wrapper.resolve(PositionProvider)

    def line(self, node: cst.CSTNode) -> int:
        return int(self._positions[node].start.line)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._parents.get(node)

    def scope(self, node: cst.CSTNode) -> Scope | None:
        return self._scopes.get(node)

    def is_patched(self, node: cst.CSTNode) -> bool:
        """Whether a node is what ``patch``, ``monkeypatch.setattr`` and the like replace, or is assigned to."""
        parent = self.parent(node)
        if isinstance(parent, cst.AssignTarget | cst.AugAssign | cst.AnnAssign | cst.Del):
            return parent.target is node
        if not isinstance(parent, cst.Arg):
            return False
        call = self.parent(parent)
        return (
            isinstance(call, cst.Call) and call.args[0] is parent and any("patch" in name for name in words(call.func))
        )


def dotted(node: cst.CSTNode | None) -> str:
    """``a.b.c`` for a name or attributes of one, else the empty text."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        value = dotted(node.value)
        return f"{value}.{node.attr.value}" if value else ""
    return ""


def words(node: cst.CSTNode) -> Iterator[str]:
    """The names in a chain of attributes and calls, the last one first: ``c``, ``b``, ``a`` for ``a.b().c``."""
    while True:
        if isinstance(node, cst.Attribute):
            yield node.attr.value
            node = node.value
        elif isinstance(node, cst.Call):
            node = node.func
        elif isinstance(node, cst.Subscript):
            node = node.value
        else:
            if isinstance(node, cst.Name):
                yield node.value
            return


def root(node: cst.CSTNode) -> cst.CSTNode:
    """What the attributes are of: ``a`` for ``a.b.c``."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node
