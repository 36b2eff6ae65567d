"""All rules, in the order they are told."""

from __future__ import annotations

from . import cookies, exposure, keys, lifetimes, registries, wiring
from .facts import Facts
from .verdicts import Finding, Rule

#: Every rule of the audit.
RULES: tuple[Rule, ...] = (
    *keys.RULES,
    *cookies.RULES,
    *lifetimes.RULES,
    *registries.RULES,
    *exposure.RULES,
    *wiring.RULES,
)


def audit(facts: Facts) -> list[Finding]:
    """What every rule says of the facts, the worst first."""
    findings = [Finding(rule, j.severity, j.found, j.advice, j.realm) for rule in RULES for j in rule.judge(facts)]
    return sorted(findings, key=lambda finding: -finding.severity)
