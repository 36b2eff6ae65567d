"""``flask login check`` audits the app's settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import click
from flask.cli import with_appcontext

from ..audit import Finding, Severity, audit, gather
from ..audit.standards import ASVS
from ..audit.words import count
from ..realms import DEFAULT
from .group import WIDTH, as_json, echo_json, this_app

# Titles beside which something is told.
_WIDEST = 40
_COLOURS = {Severity.PASS: "green", Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}
_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LEVELS = [severity.label for severity in Severity if severity is not Severity.PASS]


@click.command()
@click.option(
    "--fail-level",
    type=click.Choice(_LEVELS),
    default=Severity.ERROR.label,
    show_default=True,
    help="The mildest severity that makes the exit code 1.",
)
@as_json
@with_appcontext
def check(fail_level: str, is_json: bool) -> None:
    """Audit the app's settings.

    Each rule says what is set, why it matters and what to set, with the requirements of OWASP ASVS 5.0 and NIST SP
    800-63B-4 that it is about. The exit code is 0 if nothing is as bad as the fail level, 1 if something is, 2 if the
    app cannot be looked at.
    """
    app = this_app()
    facts = gather(app)
    findings = audit(facts)
    if is_json:
        echo_json({"app": app.name, "fail_level": fail_level, "findings": [_finding_as_data(f) for f in findings]})
    else:
        realms = [realm.name or DEFAULT for realm in facts.realms]
        title = f"Check of {app.name!r}, {count(len(realms), 'realm')}: {', '.join(realms)}"
        click.echo("\n".join([*wrap(title, WIDTH, break_on_hyphens=False), ""]))
        _echo_findings(findings)
    if any(finding.severity >= Severity[fail_level.upper()] for finding in findings):
        raise SystemExit(1)


def _finding_as_data(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.id,
        "realm": finding.realm,
        "severity": finding.severity.label,
        "found": finding.found,
        "why": finding.rule.why,
        "advice": finding.advice or None,
        "asvs": [f"v5.0.0-{requirement}" for requirement in finding.rule.asvs],
        "nist_sp_800_63b_4": list(finding.rule.nist),
    }


def _echo_findings(findings: Sequence[Finding]) -> None:
    passed = [finding for finding in findings if finding.severity is Severity.PASS]
    for finding in findings:
        if finding.severity is not Severity.PASS:
            _echo_severity(finding.severity, _title(finding))
            _echo_part("found", finding.found)
            _echo_part("why", finding.rule.why)
            _echo_part("do", f"{finding.advice}.")
            _echo_part("see", _references(finding))
            click.echo()
    width = max((len(_title(finding)) for finding in passed), default=0)
    for finding in passed:
        _echo_passed(finding, min(width, _WIDEST))
    numbers = Counter(finding.severity for finding in findings)
    parts = [count(numbers[severity], noun) for severity, noun in _NOUNS.items()]
    click.echo(f"\n{', '.join(parts)}, {numbers[Severity.PASS]} passed")


def _echo_passed(finding: Finding, width: int) -> None:
    """What is found stands beside the title, or, where that is too wide, below it."""
    title, lines = _title(finding), wrap(finding.found, WIDTH - width - 11, break_on_hyphens=False)
    _echo_severity(finding.severity, title if len(title) > width else f"{title:<{width}}  {lines.pop(0)}")
    for line in lines:
        click.echo(f"{'':<{width + 11}}{line}")


def _title(finding: Finding) -> str:
    return finding.rule.id if finding.realm is None else f"{finding.rule.id} ({finding.realm})"


def _echo_severity(severity: Severity, text: str) -> None:
    click.secho(f"{severity.name:<9}", fg=_COLOURS[severity], bold=severity is Severity.ERROR or None, nl=False)
    click.echo("\n         ".join(wrap(text, WIDTH - 9, break_on_hyphens=False)))


def _echo_part(name: str, text: str) -> None:
    for number, line in enumerate(wrap(text, WIDTH - 9, break_on_hyphens=False)):
        click.echo(f"  {'' if number else name:<7}{line}")


def _references(finding: Finding) -> str:
    asvs = ", ".join(f"{requirement} (level {ASVS[requirement]})" for requirement in finding.rule.asvs)
    nist = ", ".join(finding.rule.nist)
    return "; ".join(filter(None, (asvs and f"ASVS 5.0: {asvs}", nist and f"NIST SP 800-63B-4: {nist}")))
