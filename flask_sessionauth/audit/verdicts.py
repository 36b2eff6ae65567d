"""What a rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from .facts import Facts


class Severity(IntEnum):
    """How bad it is, the worst highest."""

    PASS = 0
    #: Cannot be known from here, or is for the program to decide.
    INFO = 1
    #: Weaker than a requirement asks for.
    WARNING = 2
    #: Lets somebody in, or does not work.
    ERROR = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says of the facts. Never with the value of a secret.

    ``found`` is what is set, ``advice`` what to set: there is some unless it passes. ``realm`` is the realm that it is
    said of, or ``None`` for the default one or the whole app.
    """

    severity: Severity
    found: str
    advice: str = ""
    realm: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look at.

    ``why`` is why it matters. ``asvs`` are ids of OWASP ASVS 5.0.0, ``nist`` sections of NIST SP 800-63B-4.
    """

    id: str
    why: str
    judge: Callable[[Facts], Iterable[Judgement]]
    asvs: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement, and the rule it was made by."""

    rule: Rule
    severity: Severity
    found: str
    advice: str
    realm: str | None


def passed(found: str, realm: str | None = None) -> Judgement:
    return Judgement(Severity.PASS, found, realm=realm)


def info(found: str, advice: str, realm: str | None = None) -> Judgement:
    return Judgement(Severity.INFO, found, advice, realm)


def warning(found: str, advice: str, realm: str | None = None) -> Judgement:
    return Judgement(Severity.WARNING, found, advice, realm)


def error(found: str, advice: str, realm: str | None = None) -> Judgement:
    return Judgement(Severity.ERROR, found, advice, realm)
