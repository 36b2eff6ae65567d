"""Rules about what a manager needs to work: a way to find users, and login pages that exist."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts
from .verdicts import Judgement, Rule, error, passed
from .words import listed


def _user_loader(facts: Facts) -> Iterator[Judgement]:
    for realm in facts.realms:
        if realm.has_loader:
            yield passed("the manager has a loader", realm.name)
        else:
            advice = "Give the manager a function by @login_manager.user_loader"
            yield error("the manager has neither a user_loader nor a request_loader", advice, realm.name)


def _login_view(facts: Facts) -> Iterator[Judgement]:
    for realm in facts.realms:
        if realm.lost_views:
            advice = "Set login_view, blueprint_login_views and refresh_view to endpoints of the app, paths or URLs"
            yield error(f"a login page names no endpoint: {listed([*realm.lost_views])}", advice, realm.name)
        else:
            yield passed("the login pages exist, as far as they are endpoints", realm.name)


RULES = (
    Rule("user-loader", "Without one nobody is found: a guarded page is an error.", _user_loader, ("8.2.1",)),
    Rule("login-view", "Whoever is sent to a page that is not there gets an error.", _login_view, ("8.2.1",)),
)
