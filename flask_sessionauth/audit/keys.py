"""Rules about the keys that sign."""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts, Key
from .verdicts import Judgement, Rule, error, info, passed, warning
from .words import count

# ASVS 11.2.3 asks for 128 bits; a key as long as the output of HMAC-SHA256, 256 bits, leaves nothing to be desired.
_ENOUGH_BITS = 128
_TOO_SHORT = 16
_LONG_ENOUGH = 32
# A random key of 16 bytes, written in hexadecimal digits, has all but surely more.
_FEW = 8

_MAKE_ONE = "keep it out of the source code, and make one by: python -c 'import secrets; print(secrets.token_hex())'"


def _weakness(key: Key) -> str | None:
    if key.is_placeholder:
        return f"{count(key.length, 'byte')}, a placeholder that everybody knows"
    if key.length < _TOO_SHORT:
        return f"{count(key.length, 'byte')}, short enough to be guessed"
    return f"only {count(key.different, 'different byte')}" if key.different < _FEW else None


def _secret_key(facts: Facts) -> Iterator[Judgement]:
    if not facts.keys:
        yield error("SECRET_KEY is not set", f"Set SECRET_KEY; {_MAKE_ONE}")
        return
    key = facts.keys[0]
    if weakness := _weakness(key):
        yield error(f"SECRET_KEY: {weakness}", f"Set another SECRET_KEY; {_MAKE_ONE}")
        return
    advice = f"Set SECRET_KEY to {_LONG_ENOUGH} bytes or more; {_MAKE_ONE}"
    if key.bits < _ENOUGH_BITS:
        yield warning(f"SECRET_KEY: {key.length} bytes, at most {key.bits} bits", advice)
    elif key.length < _LONG_ENOUGH:
        yield info(f"SECRET_KEY: {key.length} bytes", advice)
    else:
        yield passed(f"SECRET_KEY: {key.length} bytes")


def _fallbacks(facts: Facts) -> Iterator[Judgement]:
    fallbacks = facts.keys[1:]
    if not fallbacks:
        yield passed("SECRET_KEY_FALLBACKS: none")
        return
    weak = [f"number {n}: {w}" for n, key in enumerate(fallbacks, 1) if (w := _weakness(key))]
    if weak:
        yield error(f"SECRET_KEY_FALLBACKS: {'; '.join(weak)}", "Take it out: what it signed is still accepted")
        return
    yield info(
        f"SECRET_KEY_FALLBACKS: {count(len(fallbacks), 'key')} of {', '.join(str(k.length) for k in fallbacks)} bytes",
        "Take each out when the longest remember cookie that it signed has expired",
    )


RULES = (
    Rule(
        "secret-key",
        "Whoever has the key, or guesses it, writes any session and any remember cookie, and is any user.",
        _secret_key,
        asvs=("11.2.3", "13.3.1"),
        nist=("5.1",),
    ),
    Rule(
        "secret-key-fallbacks",
        "An older key opens as much as the newest one, for as long as it is accepted.",
        _fallbacks,
        asvs=("11.2.3", "13.3.4"),
        nist=("5.1",),
    ),
)
