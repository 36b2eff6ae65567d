"""Every Python block of the pages is run, a page's blocks in one namespace."""

from __future__ import annotations

from typing import Any

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser


def name_module(namespace: dict[str, Any]) -> None:
    """Give a page's blocks a module's name: ``Flask(__name__)`` looks for the folder of its module."""
    namespace["__name__"] = "app"


pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser()], pattern="*.md", setup=name_module).pytest()
