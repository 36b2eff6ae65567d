"""What importing the package costs, and what of Flask it relies on."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import flask_sessionauth

PACKAGE = Path(flask_sessionauth.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in FILES]
OTHERS = ("flask", "werkzeug", "itsdangerous", "blinker")

# Flask 3.2 merges the two contexts: these names are private there, or gone.
PRIVATE_CONTEXTS = {
    "app_ctx",
    "request_ctx",
    "_app_ctx_stack",
    "_request_ctx_stack",
    "_cv_app",
    "_cv_request",
    "AppContext",
    "RequestContext",
}
# `_get_current_object` is a proxy's documented method, `_replace` a named tuple's.
ALLOWED = {"_get_current_object", "_replace"}


def loaded_by(*statements: str) -> list[str]:
    """The modules that the last of some statements loads in a new interpreter."""
    *before, last = statements
    lines = ["import sys", *before, "known = set(sys.modules)", last]
    lines += ["found = sorted(set(sys.modules) - known)", "import json", "print(json.dumps(found))"]
    # -P: the package that is installed, not the one in the current folder.
    done = subprocess.run([sys.executable, "-P", "-c", "\n".join(lines)], capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout))


def test_importing_loads_nothing_that_flask_has_not_loaded() -> None:
    """After `import flask`, importing the package loads its own modules only, and none of its wings."""
    loaded = loaded_by("import flask", "import flask_sessionauth")
    assert "flask_sessionauth.manager" in loaded
    assert [name for name in loaded if name.partition(".")[0] != "flask_sessionauth"] == []
    wings = tuple(f"flask_sessionauth.{wing}" for wing in ("audit", "cli", "logs", "testing"))
    assert [name for name in loaded if name.startswith(wings)] == []


def test_stores_are_loaded_when_they_are_used() -> None:
    """Neither the package nor `flask_sessionauth.registry` loads a store, or its driver."""
    loaded = loaded_by("import flask", "import flask_sessionauth.registry")
    assert {name for name in loaded if name.startswith("flask_sessionauth.registry")} == {
        "flask_sessionauth.registry",
        "flask_sessionauth.registry.base",
    }
    assert {"sqlalchemy", "redis", "valkey"}.isdisjoint(loaded)


def test_store_without_its_library() -> None:
    """The error says what to install."""
    hide = "import sys; sys.modules['sqlalchemy'] = None"
    code = f"{hide}\nfrom flask_sessionauth.registry import SQLRegistry"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=False, text=True)
    assert "SQLRegistry needs SQLAlchemy: pip install flask-sessionauth[sqlalchemy]" in done.stderr


def test_names_for_tests_need_no_pytest() -> None:
    """Importing `flask_sessionauth.testing` loads neither pytest nor the contract."""
    loaded = loaded_by("import flask_sessionauth", "import flask_sessionauth.testing")
    assert {"pytest", "flask_sessionauth.testing.contract"}.isdisjoint(loaded)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_no_private_name_of_another_package_is_imported(path: Path) -> None:
    """Only public names of Flask, Werkzeug, itsdangerous and blinker are imported."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] in OTHERS:
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        else:
            continue
        assert [name for name in names if name.startswith("_")] == []
        assert not PRIVATE_CONTEXTS.intersection(names)


@cache
def defined_names() -> set[str]:
    """Every name the package itself gives to something: functions, classes, variables, attributes, arguments."""
    names = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
    return names


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_no_private_attribute_of_another_package_is_used(path: Path) -> None:
    """A private attribute is the package's own; of others' objects only documented ones are used."""
    ours = defined_names() | ALLOWED
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            assert name not in PRIVATE_CONTEXTS
            assert not name.startswith("_") or name.startswith("__") or name in ours
        # getattr(request, "_something") is no way round.
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in PRIVATE_CONTEXTS


def test_the_public_names_are_sorted_and_there() -> None:
    """`__all__` lists each public name once, in order, and each of them exists."""
    names = flask_sessionauth.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(flask_sessionauth, name) for name in names)
    # Constants, then classes, then functions, each by the alphabet.
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
