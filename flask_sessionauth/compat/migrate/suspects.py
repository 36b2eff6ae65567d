"""Names that only Flask-Login has, where no import leads to them: in texts, on a manager, on ``g``, in the session."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from .findings import ELSEWHERE, PATCHED, TEXT, Reason, no_new_home
from .names import KEYS, MANAGERS, MANAGERS_OWN, OLD
from .plan import Plan
from .requirements import REQUIRED, is_requirement
from .tree import Tree, dotted, words

_MENTIONED = re.compile(rf"(?<!\w){OLD}(?:\.\w+)*(?!\w)")
# What `_login_user` is an attribute of: `g`, or a context by any of its names, as in older releases.
_CONTEXT = re.compile(r"g|top|\w*ctx")


def plan_suspects(tree: Tree, plan: Plan) -> None:
    """Add what looks like Flask-Login's to what is left of a plan."""
    tree.module.visit(_Suspects(tree, plan))


class _Suspects(cst.CSTVisitor):
    def __init__(self, tree: Tree, plan: Plan) -> None:
        self.tree = tree
        self.plan = plan
        self.known = {node for node, _, _ in plan.left} | plan.uses.keys()
        self.managers: set[str] = set()
        # For each class around the node, whether it is a manager.
        self.classes: list[bool] = []

    def visit_Assign(self, node: cst.Assign) -> None:
        if isinstance(node.value, cst.Call) and next(words(node.value.func), "") == "LoginManager":
            self.managers |= {dotted(target.target) for target in node.targets}

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.classes.append(any(next(words(base.value), "").endswith("LoginManager") for base in node.bases))
        if self.classes[-1]:
            for statement in node.body.body:
                if isinstance(statement, cst.FunctionDef) and statement.name.value in MANAGERS:
                    self.plan.leave(statement.name, statement.name.value, _overridden(statement.name.value))

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self.classes.pop()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        name = node.attr.value
        if node in self.known:
            return
        if name == OLD:
            self.plan.leave(node.attr, OLD, ELSEWHERE)
        elif (
            name in MANAGERS_OWN
            or (name in MANAGERS and self._is_manager(node.value))
            or (name == "_login_user" and _CONTEXT.fullmatch(next(words(node.value), "")))
        ):
            self.plan.leave(node.attr, name, no_new_home(name))

    def visit_Call(self, node: cst.Call) -> None:
        # getattr(manager, "_load_user"), patch.object(manager, "_load_user")
        if len(node.args) < 2 or not self._is_manager(node.args[0].value):
            return
        name = _text(node.args[1].value)
        if name in MANAGERS:
            reason = PATCHED if self.tree.is_patched(node.args[0].value) else no_new_home(name)
            self.plan.leave(node.args[1].value, name, reason)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        text = _text(node)
        if self._is_docstring(node) or node in self.known:
            return
        if text in KEYS:
            self.plan.leave(node, text, no_new_home(text))
        elif text.rpartition(".")[2] in MANAGERS_OWN and "." in text:
            self.plan.leave(node, text, no_new_home(text))
        else:
            self._mention(node, text)

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self._mention(node, node.value)

    def _mention(self, node: cst.CSTNode, text: str) -> None:
        found = _MENTIONED.search(text)
        if found is not None:
            reason = PATCHED if self.tree.is_patched(node) else TEXT
            self.plan.leave(node, found.group(), reason)
        elif is_requirement(text):
            self.plan.leave(node, text.strip(), REQUIRED)

    def _is_manager(self, node: cst.BaseExpression) -> bool:
        name = next(words(node), "")
        if name in {"self", "super"}:
            return bool(self.classes and self.classes[-1])
        return dotted(node) in self.managers or name == "lm" or "login" in name.lower()

    def _is_docstring(self, node: cst.CSTNode) -> bool:
        parents = (parent for parent in self._parents(node) if not isinstance(parent, cst.ConcatenatedString))
        return isinstance(next(parents, None), cst.Expr)

    def _parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        parent = self.tree.parent(node)
        while parent is not None:
            yield parent
            parent = self.tree.parent(parent)


def _text(node: cst.CSTNode) -> str:
    """The text of a literal; empty for anything else, bytes among them."""
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else ""


def _overridden(name: str) -> Reason:
    return Reason(f"overridden, but flask_sessionauth does not call it; {no_new_home(name).why.partition('; ')[2]}")
