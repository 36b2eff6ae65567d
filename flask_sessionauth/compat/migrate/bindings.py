"""A name that stands for flask_login or a module of it: it is moved with all its uses, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import Access, Assignment, BaseAssignment, ImportAssignment, Scope

from .findings import MODULE, PATCHED, TEXT, THE_MOVE, Reason, no_new_home
from .names import MODULES, NEW, TESTING, new_home
from .plan import Plan
from .tree import Tree, dotted, root

_ASSIGNED = Reason("is also something else here: give the two different names", THE_MOVE)
_GLOBAL = Reason("is made global: import it at the top", THE_MOVE)


@dataclass(frozen=True)
class Imported:
    """One import of a module: what it is called from then on, and the module of which that is the name."""

    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias
    name: str
    path: str
    has_alias: bool


@dataclass
class Binding:
    """All imports under one name in one scope."""

    scope: Scope | None
    name: str
    imports: list[Imported]


def decide(binding: Binding, tree: Tree, plan: Plan) -> None:
    """Move a binding with all its uses, if each use is of a public name; else leave it, and say why."""
    trial = Plan()
    paths = {imported.path for imported in binding.imports}
    keeps_name = all(imported.has_alias for imported in binding.imports)
    if len(paths) > 1 or binding.scope is None or keeps_name != any(one.has_alias for one in binding.imports):
        trial.leave(binding.imports[0].alias, binding.name, _ASSIGNED)
    else:
        name = binding.name if keeps_name else NEW
        assigned = list(_assignments(binding))
        _decide_names(binding, name, assigned, tree, trial)
        for access in _accesses(assigned):
            _decide_use(access, binding, paths.copy().pop(), name, tree, trial)
    if trial.left:
        plan.left += trial.left
        return
    plan.uses |= trial.uses
    needs_testing = any(use.startswith(f"{TESTING}.") for use in trial.uses.values())
    for imported in binding.imports:
        plan.modules[imported.alias] = _replacement(imported, needs_testing)


def _replacement(imported: Imported, needs_testing: bool) -> tuple[str, ...]:
    if imported.has_alias:
        return (f"{NEW} as {imported.name}", *((TESTING,) if needs_testing else ()))
    # This gives the name of the package too.
    return (TESTING if needs_testing else NEW,)


def _assignments(binding: Binding) -> Iterator[BaseAssignment]:
    # `import flask_login.utils` assigns `flask_login` and, for LibCST, `flask_login.utils` as well.
    if binding.scope is not None:
        for assignment in binding.scope.assignments:
            if assignment.name == binding.name or assignment.name.startswith(f"{binding.name}."):
                yield assignment


def _accesses(assignments: Iterable[BaseAssignment]) -> list[Access]:
    return list({access: None for assignment in assignments for access in assignment.references})


def _decide_names(binding: Binding, name: str, assigned: Iterable[BaseAssignment], tree: Tree, trial: Plan) -> None:
    """Rename what else is assigned to the name: ``flask_login = None`` where the import fails."""
    if name == binding.name:
        return
    ours = {imported.statement for imported in binding.imports}
    for assignment in assigned:
        if isinstance(assignment, ImportAssignment) and assignment.node in ours:
            continue
        node = assignment.node if isinstance(assignment, Assignment) else binding.imports[0].alias
        if isinstance(node, cst.Name):
            trial.uses[node] = name
        else:
            trial.leave(node, binding.name, _ASSIGNED)
    declared = _Declared(binding.name)
    tree.module.visit(declared)
    for item in declared.items:
        trial.leave(item, binding.name, _GLOBAL)


class _Declared(cst.CSTVisitor):
    """Where a name is declared global or nonlocal."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[cst.NameItem] = []

    def visit_NameItem(self, node: cst.NameItem) -> None:
        if node.name.value == self.name:
            self.items.append(node)


def _decide_use(access: Access, binding: Binding, path: str, name: str, tree: Tree, trial: Plan) -> None:
    node = root(access.node)
    if not isinstance(node, cst.Name):
        trial.leave(node, binding.name, TEXT)
        return
    if any(it.scope is not binding.scope for it in access.referents):
        trial.leave(node, binding.name, _ASSIGNED)
        return
    use, used = _climb(node, path, tree)
    home = new_home(used)
    if home is not None and not tree.is_patched(use):
        module = TESTING if home == TESTING else name
        trial.uses[use] = f"{module}.{used.rpartition('.')[2]}"
    elif use is node and _is_asked_for(node, tree):
        trial.uses[node] = name
    elif tree.is_patched(use):
        trial.leave(use, used, PATCHED)
    elif used in MODULES:
        trial.leave(use, dotted(use), MODULE)
    else:
        trial.leave(use, used, no_new_home(used))


def _climb(node: cst.CSTNode, path: str, tree: Tree) -> tuple[cst.CSTNode, str]:
    """From the name of a module to what is used of it, with its path in flask_login."""
    while path in MODULES:
        parent = tree.parent(node)
        if not isinstance(parent, cst.Attribute) or parent.value is not node:
            break
        node, path = parent, f"{path}.{parent.attr.value}"
    return node, path


def _is_asked_for(node: cst.Name, tree: Tree) -> bool:
    """Whether it is only asked if the module is there: ``if flask_login is not None``."""
    parent: cst.CSTNode | None = tree.parent(node)
    if isinstance(parent, cst.Comparison):
        return parent.left is node and dotted(parent.comparisons[0].comparator) == "None"
    asked: cst.CSTNode = node
    while isinstance(parent, cst.BooleanOperation | cst.UnaryOperation):
        if isinstance(parent, cst.UnaryOperation) or (parent.left is asked and isinstance(parent.operator, cst.And)):
            return True
        asked, parent = parent, tree.parent(parent)
    return isinstance(parent, cst.If | cst.IfExp | cst.While | cst.Assert) and parent.test is asked
