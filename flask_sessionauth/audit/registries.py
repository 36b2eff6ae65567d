"""Rules about the registry: where logins are kept, how soon an end takes effect, and how many a user may have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .facts import Facts
from .lifetimes import remember_life
from .verdicts import Judgement, Rule, error, info, passed, warning
from .words import duration

# An end that takes longer than this is not what a user expects who has clicked on it.
_LONGEST_CACHE = timedelta(seconds=10)
# Requests that a browser sends in parallel may be answered as far apart as the first, but hardly as the second.
_SHORTEST_GRACE = timedelta(seconds=5)
_LONGEST_GRACE = timedelta(minutes=5)

_GIVE_ONE = "Give the manager a registry"


def _registry(facts: Facts) -> Iterator[Judgement]:
    for realm in facts.realms:
        if realm.registry is None:
            advice = (
                f"{_GIVE_ONE}: LoginManager(registry=...); without one, end a user's logins by credentials_changed() or"
                " another security stamp, and keep the lifetimes short"
            )
            yield info(f"no registry: {_life_of_copies(facts)}", advice, realm.name)
        elif realm.is_in_memory:
            found = f"{realm.registry} keeps logins in the memory of one process"
            advice = "Keep them in a SQLRegistry or a RedisRegistry"
            if facts.is_debug or facts.is_testing:
                yield info(f"{found}, which will do for development and tests", f"For production: {advice}", realm.name)
            else:
                yield error(f"{found}: each worker has its own, and all are gone when it ends", advice, realm.name)
        else:
            yield passed(f"{realm.registry} keeps a row for each login", realm.name)


def _life_of_copies(facts: Facts) -> str:
    absolute, life = facts.settings.login_absolute_timeout, remember_life(facts.settings)
    if facts.session_interface is not None:
        found = f"what a copy of a session cookie is worth after a logout, {facts.session_interface} decides"
    elif absolute is not None:
        found = f"a copy of a session cookie works until {duration(absolute)} after the login"
    else:
        found = f"a copy of a session cookie works until {duration(facts.session_lifetime)} after it was written"
    return f"{found}; one of a remember cookie, for {duration(life)}" if life else found


def _cache(facts: Facts) -> Iterator[Judgement]:
    key, kept_for = "LOGIN_REGISTRY_CACHE", facts.settings.login_registry_cache
    found = f"{key}: {duration(kept_for)}"
    if not facts.has_registry:
        yield from _without_registry(facts, key)
    elif not kept_for:
        yield passed(f"{found}, so that an end takes effect at the next request")
    elif kept_for <= _LONGEST_CACHE:
        advice = f"Set {key} = 0, unless the registry cannot bear a question at each request"
        yield info(f"{found}, in which a login that has ended may go on", advice)
    else:
        advice = f"Set {key} = 0, or to {duration(_LONGEST_CACHE)} at most"
        yield warning(f"{found}, in which a login that has ended may go on", advice)


def _grace(facts: Facts) -> Iterator[Judgement]:
    key, grace = "LOGIN_ROTATION_GRACE", facts.settings.login_rotation_grace
    found, advice = f"{key}: {duration(grace)}", f"Leave {key} at its default of a minute"
    if not facts.has_registry:
        yield from _without_registry(facts, key)
    elif grace < _SHORTEST_GRACE:
        yield warning(f"{found}, less than a browser's parallel requests may take: they raise the alarm", advice)
    elif grace > _LONGEST_GRACE:
        yield warning(f"{found}, in which a stolen cookie that was replaced is taken for the browser's own", advice)
    else:
        yield passed(found)


def _max_sessions(facts: Facts) -> Iterator[Judgement]:
    keys = ("LOGIN_MAX_SESSIONS", "LOGIN_MAX_SESSIONS_POLICY")
    most, policy = facts.settings.login_max_sessions, facts.settings.login_max_sessions_policy
    write_down = "write down that there is no limit"
    if not facts.has_registry and not facts.given.isdisjoint(keys):
        yield from _without_registry(facts, *keys)
    elif not facts.has_registry:
        yield info("no registry counts a user's logins", f"{_GIVE_ONE}, or {write_down}")
    elif most is None:
        yield info(f"{keys[0]} = None: any number", f"Set {keys[0]}, or {write_down}")
    else:
        yield passed(f'{keys[0]} = {most}, {keys[1]} = "{policy}"')


def _without_registry(facts: Facts, *keys: str) -> Iterator[Judgement]:
    """What is said of settings that need a registry where there is none."""
    given = [key for key in keys if key in facts.given]
    if given:
        does = "does" if len(given) == 1 else "do"
        yield warning(f"{' and '.join(given)} {does} nothing without a registry", f"{_GIVE_ONE}, or remove it")
    else:
        yield passed(f"no registry, so that {keys[0]} does nothing")


RULES = (
    Rule(
        "registry",
        "Without a row on the server, a logout deletes the cookies of one browser, and no copy of them; and nobody can"
        " see or end the logins on a user's other devices.",
        _registry,
        asvs=("7.4.1", "7.4.3", "7.4.5", "7.5.2"),
        nist=("5.1",),
    ),
    Rule(
        "registry-cache",
        "For so long after a logout, or an end, other processes let the login go on.",
        _cache,
        asvs=("7.4.1",),
        nist=("5.1",),
    ),
    Rule(
        "rotation-grace",
        "For so long a remember cookie that was replaced still works: as long as honest requests overlap, no longer.",
        _grace,
        asvs=("7.2.4",),
        nist=("5.3",),
    ),
    Rule(
        "max-sessions",
        "Logins that nobody counts, nobody misses: a forgotten one, or a thief's, is one of many.",
        _max_sessions,
        asvs=("7.1.2",),
    ),
)
