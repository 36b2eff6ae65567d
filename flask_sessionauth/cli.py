"""The command line: ``flask login check`` audits the app's settings, ``flask login routes`` lists who guards what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from .audit import Finding, Route, Severity, audit, gather, routes_of
from .audit.routes import Guard, Kind
from .audit.standards import ASVS
from .audit.words import count, duration
from .errors import SessionAuthError
from .realms import DEFAULT, realms_of

_WIDTH = 80
# Titles beside which something is told.
_WIDEST = 40
_COLOURS = {Severity.PASS: "green", Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}
_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LEVELS = [severity.label for severity in Severity if severity is not Severity.PASS]


class _CannotAuditError(click.ClickException):
    """There is nothing to look at: not the same as having found something."""

    exit_code = 2

    def __init__(self, reason: SessionAuthError) -> None:
        super().__init__("\n".join(wrap(str(reason), _WIDTH - len("Error: "))))


class _Group(AppGroup):
    """Tells an app that is not set up, or does not start for that reason, from one with something wrong in it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SessionAuthError as reason:
            raise _CannotAuditError(reason) from None


login = _Group("login", help="Logins: what the app is set to, and what it guards.")

_as_json = click.option("--json", "is_json", is_flag=True, help="Write JSON.")


@login.command()
@click.option(
    "--fail-level",
    type=click.Choice(_LEVELS),
    default=Severity.ERROR.label,
    show_default=True,
    help="The mildest severity that makes the exit code 1.",
)
@_as_json
def check(fail_level: str, is_json: bool) -> None:
    """Audit the app's settings.

    Each rule says what is set, why it matters and what to set, with the requirements of OWASP ASVS 5.0 and NIST SP
    800-63B-4 that it is about. The exit code is 0 if nothing is as bad as the fail level, 1 if something is, 2 if the
    app cannot be looked at.
    """
    app = _this_app()
    facts = gather(app)
    findings = audit(facts)
    if is_json:
        _echo_json({"app": app.name, "fail_level": fail_level, "findings": [_finding_as_data(f) for f in findings]})
    else:
        realms = [realm.name or DEFAULT for realm in facts.realms]
        title = f"Check of {app.name!r}, {count(len(realms), 'realm')}: {', '.join(realms)}"
        click.echo("\n".join([*wrap(title, _WIDTH, break_on_hyphens=False), ""]))
        _echo_findings(findings)
    if any(finding.severity >= Severity[fail_level.upper()] for finding in findings):
        raise SystemExit(1)


@login.command()
@click.option("--open", "is_open", is_flag=True, help="List only what is open to everybody.")
@_as_json
def routes(is_open: bool, is_json: bool) -> None:
    """List every endpoint with its methods and protection.

    A check that stands inside a view, or behind a decorator that does not use functools.wraps, cannot be seen: such an
    endpoint is listed as open. OPTIONS is left out, and HEAD where it is protected as GET is.
    """
    app = _this_app()
    found = [route for route in routes_of(app) if not (is_open and route.guards)]
    is_disabled = app.testing and realms_of(app).settings().login_disabled
    if is_json:
        _echo_json({"app": app.name, "login_disabled": is_disabled, "routes": [_route_as_data(r) for r in found]})
        return
    if is_disabled:
        click.secho("LOGIN_DISABLED under TESTING: every guard below lets everybody pass.\n", fg="red")
    if found:
        _echo_routes(found)
    else:
        click.echo("No endpoint is open." if is_open else "No endpoint.")


def _this_app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def _echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


# What check says


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
    title, lines = _title(finding), wrap(finding.found, _WIDTH - width - 11, break_on_hyphens=False)
    _echo_severity(finding.severity, title if len(title) > width else f"{title:<{width}}  {lines.pop(0)}")
    for line in lines:
        click.echo(f"{'':<{width + 11}}{line}")


def _title(finding: Finding) -> str:
    return finding.rule.id if finding.realm is None else f"{finding.rule.id} ({finding.realm})"


def _echo_severity(severity: Severity, text: str) -> None:
    click.secho(f"{severity.name:<9}", fg=_COLOURS[severity], bold=severity is Severity.ERROR or None, nl=False)
    click.echo("\n         ".join(wrap(text, _WIDTH - 9, break_on_hyphens=False)))


def _echo_part(name: str, text: str) -> None:
    for number, line in enumerate(wrap(text, _WIDTH - 9, break_on_hyphens=False)):
        click.echo(f"  {'' if number else name:<7}{line}")


def _references(finding: Finding) -> str:
    asvs = ", ".join(f"{requirement} (level {ASVS[requirement]})" for requirement in finding.rule.asvs)
    nist = ", ".join(finding.rule.nist)
    return "; ".join(filter(None, (asvs and f"ASVS 5.0: {asvs}", nist and f"NIST SP 800-63B-4: {nist}")))


# What routes says


def _route_as_data(route: Route) -> dict[str, Any]:
    return {
        "endpoint": route.endpoint,
        "rule": route.rule,
        "host": route.host,
        "methods": list(route.methods),
        "protection": route.kind.value,
        "guards": [asdict(guard) for guard in route.guards],
        "exemption": route.exemption,
        "misplaced_guard": route.is_misplaced,
        "doubtful_guard": route.is_doubtful,
    }


def _protection(route: Route) -> str:
    """How a route is protected, in words: the strongest guard of each realm, and where it stands."""
    if route.guards:
        realms = dict.fromkeys(guard.realm for guard in route.guards)
        strongest = [max((g for g in route.guards if g.realm == realm), key=_strength) for realm in realms]
        said = "; ".join(map(_guard, strongest))
    elif route.kind is Kind.EXEMPT:
        said = f"exempt ({route.exemption})"
    else:
        said = "open"
    if route.is_misplaced:
        return f"{said}; a guard above the route never runs"
    return f"{said}; a guard inside may not run" if route.is_doubtful else said


def _strength(guard: Guard) -> tuple[bool, float]:
    return guard.fresh, float("-inf") if guard.max_age is None else -guard.max_age


def _guard(guard: Guard) -> str:
    kind = "login" if not guard.fresh else "fresh" if guard.max_age is None else f"fresh {duration(guard.max_age)}"
    return f"{kind if guard.realm is None else f'{guard.realm} {kind}'} ({guard.by})"


def _echo_routes(found: Sequence[Route]) -> None:
    rows = [(_protection(r), ", ".join(r.methods), _place(r), r.endpoint) for r in found]
    titles = ("Protection", "Methods", "Rule", "Endpoint")
    widths = _fit([max(map(len, column)) for column in zip(titles, *rows, strict=True)])
    _echo_row(titles, widths)
    _echo_row(["-" * width for width in widths], widths)
    for route, row in zip(found, rows, strict=True):
        colour = "red" if route.is_misplaced else "yellow" if route.kind is Kind.OPEN else None
        _echo_row(row, widths, colour)


def _place(route: Route) -> str:
    return route.rule if route.host is None else f"{route.host}: {route.rule}"


def _fit(widths: list[int]) -> list[int]:
    """The widths of columns that fit together: the widest gives way."""
    while sum(widths) + 2 * (len(widths) - 1) > _WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _echo_row(row: Iterable[str], widths: Sequence[int], colour: str | None = None) -> None:
    """A row of a table, on as many lines as its longest cell needs. The first column has the colour."""
    cells = [wrap(cell, width, break_on_hyphens=False) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, cells))):
        line = [cell[number] if number < len(cell) else "" for cell in cells]
        first, *rest = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        others = "  ".join(rest).rstrip()
        click.secho(first if others else first.rstrip(), fg=colour, nl=False)
        click.echo(f"  {others}" if others else "")
