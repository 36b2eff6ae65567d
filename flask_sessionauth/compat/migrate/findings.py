"""What is left for a person to decide: where it is, why, and where to read on."""

from __future__ import annotations

from dataclasses import dataclass

from .names import INSTEAD

_GUIDE = "https://flask-sessionauth.readthedocs.io/en/latest/coming-from-flask-login.html"

#: Headings of the guide.
THE_MOVE, GONE = "the-move", "what-is-gone"


@dataclass(frozen=True)
class Reason:
    """Why something is undecided, and the section of the guide that says more."""

    why: str
    section: str = GONE


PATCHED = Reason(
    "replaced here, but flask_sessionauth does not look there: in a test, log in by LoginClient, or the fixture `login`"
)
TEXT = Reason("named in a text, and texts stay as they are: change it yourself", THE_MOVE)
MODULE = Reason("the module itself is used, and may be asked for any name: name what you need", THE_MOVE)
ELSEWHERE = Reason("reached by way of another module, where it may have moved: import what you need itself", THE_MOVE)


@dataclass(frozen=True, order=True)
class Undecided:
    """Something in a file that the codemod leaves as it is."""

    path: str
    line: int
    name: str
    why: str
    section: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}: {self.why}. {_GUIDE}#{self.section}"


def no_new_home(name: str) -> Reason:
    """The reason for a name that flask_sessionauth does not have."""
    instead = INSTEAD.get(name.rpartition(".")[2])
    return Reason(f"not in flask_sessionauth; instead: {instead}" if instead else "not a public name of Flask-Login's")
