"""Where a project says that it needs Flask-Login."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .findings import THE_MOVE, Reason

# Not in another name: "flask-login-multi", "my-flask-login".
_NAME = re.compile(r"(?<![\w.-])flask[-_.]login(?![\w-])", re.IGNORECASE)
_REQUIREMENT = re.compile(rf"\s*{_NAME.pattern}\s*(?:[\[(<>=!~;@].*)?", re.IGNORECASE | re.DOTALL)

REQUIRED = Reason("a requirement: replace it by flask-sessionauth, unless something else you use imports it", THE_MOVE)


def required_in(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file that name Flask-Login, by number, with the name as it is spelt there."""
    for number, line in enumerate(text.split("\n"), 1):
        found = _NAME.search(line.partition("#")[0])
        if found is not None:
            yield number, found.group()


def is_requirement(text: str) -> bool:
    """Whether a text in a program, in ``setup.py`` say, is a requirement of Flask-Login, and nothing more."""
    return _REQUIREMENT.fullmatch(text) is not None
