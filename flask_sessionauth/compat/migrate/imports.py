"""The imports of flask_login in a module: each name goes to its new home, and each module to `bindings`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .bindings import Binding, Imported, decide
from .findings import ELSEWHERE, MODULE, no_new_home
from .names import MODULES, OLD, new_home
from .plan import Plan
from .tree import Tree, dotted


def plan_imports(tree: Tree) -> Plan:
    """Decide about all imports of flask_login, and all uses of what they import."""
    statements = _Statements()
    tree.module.visit(statements)
    plan, modules = Plan(), list[Imported]()
    for one in statements.imports:
        modules += _modules(one, plan)
    for other in statements.froms:
        modules += _names(other, plan)
    bindings: dict[object, Binding] = {}
    for imported in modules:
        scope = tree.scope(imported.statement)
        home = scope and next((it.scope for it in scope[imported.name] if it.scope), scope)
        bindings.setdefault((home, imported.name), Binding(home, imported.name, [])).imports.append(imported)
    for binding in bindings.values():
        decide(binding, tree, plan)
    return plan


class _Statements(cst.CSTVisitor):
    def __init__(self) -> None:
        self.imports: list[cst.Import] = []
        self.froms: list[cst.ImportFrom] = []

    def visit_Import(self, node: cst.Import) -> None:
        self.imports.append(node)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        self.froms.append(node)


def _modules(statement: cst.Import, plan: Plan) -> Iterator[Imported]:
    """The modules of Flask-Login that a plain import imports."""
    for alias in statement.names:
        path = dotted(alias.name)
        if path in MODULES:
            # `import flask_login.utils` binds `flask_login`, and with `as x` what is named.
            named = alias.evaluated_alias
            yield Imported(statement, alias, named or OLD, path if named else OLD, named is not None)
        elif path.startswith(f"{OLD}."):
            plan.leave(alias, path, no_new_home(path))


def _names(statement: cst.ImportFrom, plan: Plan) -> Iterator[Imported]:
    """Decide about names; give back the modules among them."""
    module = dotted(statement.module)
    if statement.relative or module.partition(".")[0] != OLD:
        for alias in statement.names if not isinstance(statement.names, cst.ImportStar) else ():
            if dotted(alias.name) == OLD:
                plan.leave(alias, OLD, ELSEWHERE)
        return
    if isinstance(statement.names, cst.ImportStar):
        plan.leave(statement, f"{module}.*", MODULE)
        return
    for alias in statement.names:
        path = f"{module}.{dotted(alias.name)}"
        home = new_home(path)
        if home is not None:
            plan.homes[alias] = home
        elif path in MODULES:
            named = alias.evaluated_alias
            yield Imported(statement, alias, named or dotted(alias.name), path, named is not None)
        else:
            plan.leave(alias, path, no_new_home(path))
