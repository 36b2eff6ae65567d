"""The documentation: Markdown pages, and a reference that is made from the code."""

from __future__ import annotations

import inspect
import sys
from datetime import timedelta
from importlib.metadata import version as version_of
from typing import Any

from flask_sessionauth.settings import TABLE

project = "flask-sessionauth"
author = "The flask-sessionauth contributors"
project_copyright = author
version = release = version_of("flask-sessionauth")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"flask-sessionauth {version}"
html_copy_source = False
smartquotes = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Docstrings name our own things in single backticks.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
# What a store, and the test of one, need; to describe them, they need not be there.
autodoc_mock_imports = ["pytest", "sqlalchemy"]
# Other projects' names: their documentation is not at hand when ours is built.
nitpick_ignore_regex = [
    ("py:.*", r"(flask|werkzeug|blinker|datetime|collections|typing|functools|types|ssl|sqlalchemy|redis|valkey)\..*"),
    ("py:.*", r"(flask_sessionauth\.\w+\.)?(V|T|UserT|UserLoader|RequestLoader|Handler|ResponseReturnValue)"),
]


def settings_table() -> str:
    """The settings, as Markdown: a section for each key with its default, what is allowed, and what it means."""
    return "\n".join(
        f"## `{entry.name.upper()}`\n\n{entry.metadata['meaning']}\n\n"
        f"- Default: `{_default(entry.default)}`\n- Allowed: {entry.metadata['allowed']}\n"
        for entry in TABLE
    )


def _default(value: object) -> str:
    if isinstance(value, timedelta):
        return repr(value).removeprefix("datetime.")
    return str(value) if repr(value) == "not set" else repr(value)


def fill_in_settings(app: object, name: str, content: list[str]) -> None:
    """Put the settings where the page has its marker."""
    content[0] = content[0].replace("<!-- settings -->", settings_table())


def comment_of(name: str) -> list[str]:
    """The ``#:`` comment over a public name that is a value, in the module that defines it."""
    from sphinx.pycode import ModuleAnalyzer

    for module in [m for m in sys.modules if m.startswith("flask_sessionauth.")]:
        comments = ModuleAnalyzer.for_module(module).find_attr_docs()
        # A message and its category share one comment, over the message.
        for commented in (name, name.removesuffix("_CATEGORY")):
            if ("", commented) in comments:
                return comments["", commented]
    raise LookupError(f"{name} has no comment")


def document_values(app: object, what: str, name: str, obj: Any, options: object, lines: list[str]) -> None:
    """Values are re-exported: autodoc looks for their comments where they are not, and shows their class's text."""
    package, _, attribute = name.rpartition(".")
    if package == "flask_sessionauth" and not inspect.isroutine(obj) and not inspect.isclass(obj):
        lines[:] = comment_of(attribute)


def setup(app: Any) -> None:
    app.connect("source-read", fill_in_settings)
    app.connect("autodoc-process-docstring", document_values)
