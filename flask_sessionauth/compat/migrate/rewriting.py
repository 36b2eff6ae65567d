"""Carrying out a plan: the module's code with other imports and names, and everything else as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import libcst as cst

from .names import NEW
from .plan import Plan
from .splitting import Piece, from_module, is_for_tools, put_together, take_apart
from .tree import dotted


def rewrite(module: cst.Module, plan: Plan) -> str:
    """The code of a module after a plan."""
    return module.visit(_Rewriter(plan)).code


class _Rewriter(cst.CSTTransformer):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:
        names: list[cst.ImportAlias] = []
        for alias in original_node.names:
            paths = self.plan.modules.get(alias)
            if paths is None:
                names.append(alias)
                continue
            first, *further = paths
            names.append(_with_name(alias, first.partition(" ")[0]))
            names += [cst.ImportAlias(cst.ensure_type(cst.parse_expression(path), cst.Attribute)) for path in further]
        return updated_node.with_changes(names=_with_commas(names))

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom | cst.FlattenSentinel[cst.BaseSmallStatement]:
        if isinstance(original_node.names, cst.ImportStar):
            return updated_node
        homes = {self.plan.homes.get(alias) for alias in original_node.names}
        modules = [path for alias in original_node.names for path in self.plan.modules.get(alias, ())]
        if homes == {None} and not modules:
            return updated_node
        if len(homes) == 1 and not modules:
            return from_module(updated_node, homes.pop() or "")
        return cst.FlattenSentinel(_ended(self._split(original_node, modules), original_node))

    def _split(self, node: cst.ImportFrom, modules: Sequence[str]) -> list[cst.BaseSmallStatement]:
        pieces, layout = take_apart(node)
        groups: dict[str, list[Piece]] = {}
        for piece in pieces:
            if piece.original not in self.plan.modules:
                groups.setdefault(self.plan.homes.get(piece.original, dotted(node.module)), []).append(piece)
        statements: list[cst.BaseSmallStatement] = []
        # What has moved comes first, and what is for tests after the rest of it.
        for module in sorted(groups, key=lambda module: (not module.startswith(NEW), module)):
            statements.append(put_together(node, module, groups[module], layout))
            if not is_for_tools(layout.head):
                layout.head = None
        return [*statements, *(_import(path) for path in dict.fromkeys(modules))]

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.SimpleStatementLine]:
        if len(original_node.body) > 1 or len(updated_node.body) == 1:
            return updated_node
        # One statement has become several: each on a line of its own.
        first, *others = (updated_node.with_changes(body=[statement]) for statement in updated_node.body)
        end = updated_node.trailing_whitespace
        if end.comment is not None and not is_for_tools(end.comment):
            end = end.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None)
        lines = [line.with_changes(leading_lines=[], trailing_whitespace=end) for line in others]
        return cst.FlattenSentinel([first, *lines])

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        return self._use(original_node, updated_node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._use(original_node, updated_node)

    def _use(self, original: cst.Attribute | cst.Name, updated: cst.Attribute | cst.Name) -> cst.Attribute | cst.Name:
        path = self.plan.uses.get(original)
        if path is None or dotted(updated) == path:
            return updated
        return cast("cst.Attribute", cst.parse_expression(path)).with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _with_name(alias: cst.ImportAlias, path: str) -> cst.ImportAlias:
    return alias.with_changes(name=cst.parse_expression(path))


def _with_commas(names: Sequence[cst.ImportAlias]) -> list[cst.ImportAlias]:
    """Commas between the names: those that are there, and such as are missing."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    missing = cst.MaybeSentinel.DEFAULT
    between = [name.with_changes(comma=comma) if name.comma == missing else name for name in names[:-1]]
    return [*between, names[-1].with_changes(comma=missing)]


def _import(path: str) -> cst.Import:
    """An import of a module: ``a.b``, or ``a as b``."""
    line = cst.ensure_type(cst.parse_statement(f"import {path}"), cst.SimpleStatementLine)
    return cst.ensure_type(line.body[0], cst.Import)


def _ended(statements: list[cst.BaseSmallStatement], node: cst.ImportFrom) -> list[cst.BaseSmallStatement]:
    """Statements in the place of one: the last one ends as it did."""
    return [*statements[:-1], statements[-1].with_changes(semicolon=node.semicolon)]
