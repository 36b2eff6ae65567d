"""The README's Python blocks are run, as those of the documentation are."""

from __future__ import annotations

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

pytest_collect_file = Sybil(
    # A name for the module that the blocks are: ``Flask(__name__)`` looks for its folder.
    parsers=[PythonCodeBlockParser()],
    filenames=["README.md"],
    setup=lambda namespace: namespace.update(__name__="app"),
).pytest()
