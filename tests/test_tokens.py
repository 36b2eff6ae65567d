"""The remember token: what is genuine, and that nothing else is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import flask_login
import pytest
from flask import Flask
from hypothesis import assume, example, given, settings, strategies as st
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from flask_sessionauth import tokens
from flask_sessionauth.errors import BadTokenError, ExpiredTokenError, SessionAuthError, SetupError, TokenError
from flask_sessionauth.tokens import (
    Audience,
    encode_legacy,
    issue,
    length_prefixed,
    read,
    read_legacy,
    stamp_mac,
)

NEW, OLD, OLDER = "k3y-new", b"k3y-old", "k3y-older-\u00e9\u0416"
HERE = Audience("", "remember_token", "")
NOW = 1_800_000_000
LATER = NOW + 3600

USER_IDS = st.text(st.characters(), min_size=1, max_size=200)
TRICKY_IDS = [
    "1",
    "a|b",
    "|",
    "||",
    "a|1.2.3.4..x",
    "a.b",
    ".",
    "\x00",
    "\n",
    " ",
    "\ud800",
    "\U0001f600",
    "\u0416",
    "a" * 900,
]


def token_of(user_id: str = "user-7") -> str:
    return issue([NEW], HERE, user_id, NOW, LATER)


def refused(token: str, keys: list[tokens.Key] | None = None, audience: Audience = HERE) -> bool:
    with pytest.raises(BadTokenError):
        read([NEW] if keys is None else keys, audience, token, NOW)
    return True


@given(user_id=USER_IDS)
@settings(deadline=None)
@example("a|b")
@example("|1.2.3.4..x")
@example("\x00")
@example("\ud800")
def test_a_token_says_what_was_put_in(user_id: str) -> None:
    """A token gives back its user's id, whatever characters that is made of, and its times."""
    token = read([NEW], HERE, issue([NEW], HERE, user_id, NOW, LATER), NOW)
    assert (token.user_id, token.issued_at, token.expires_at) == (user_id, NOW, LATER)
    assert token.is_current


def test_a_token_begins_with_the_user_id() -> None:
    """The part before the last bar is the user's id: programs read it there."""
    assert token_of("a|b").rpartition("|")[0] == "a|b"


def test_each_token_is_different() -> None:
    """A hundred tokens made for the same user in the same second are a hundred different ones."""
    assert len({token_of() for _ in range(100)}) == 100


def test_a_token_fits_into_a_cookie() -> None:
    """What stands behind the user's id is a short text that a cookie can carry as it is."""
    rest = token_of().removeprefix("user-7|")
    assert len(rest) < 120
    assert rest.isascii()
    assert not set(rest) & set(' ",;\\')


def test_no_token_is_made_without_a_key() -> None:
    """Without a key there is no token, and the error says what is missing."""
    with pytest.raises(SetupError, match="SECRET_KEY"):
        issue([], HERE, "user-7", NOW, LATER)


# Tampering.


@pytest.mark.parametrize("user_id", ["user-7", "a|b"])
def test_a_token_with_a_changed_character_is_refused(user_id: str) -> None:
    """Each character of a token counts, each bit of it: changed, it is refused."""
    token = token_of(user_id)
    for i, char in enumerate(token):
        for bit in range(7):
            changed = token[:i] + chr(ord(char) ^ 1 << bit) + token[i + 1 :]
            assert refused(changed)
        assert refused(token[:i] + "\u00e9" + token[i + 1 :])


def test_a_cut_token_is_refused() -> None:
    """A token without some characters, from the front, from the back, or in the middle, is refused."""
    token = token_of()
    for i in range(len(token)):
        assert refused(token[:i])
        assert refused(token[:i] + token[i + 1 :])
        assert i == 0 or refused(token[i:])


@pytest.mark.parametrize("more", [*" \t\n\x00.|=-_aA0", "\u00e9", "\ud800", "==", ".x", "|x", "a" * 5000])
def test_a_token_with_something_added_is_refused(more: str) -> None:
    """A token with anything in front, behind, or in between, is refused."""
    token = token_of()
    for i in range(len(token) + 1):
        assert refused(token[:i] + more + token[i:])


def test_parts_of_two_tokens_make_no_third() -> None:
    """User, claims and MAC belong together: exchanged between two tokens, they are refused."""
    first, second = token_of("user-7"), token_of("user-8")
    user, rest = first.rsplit("|", 1)
    claims, mac = rest.rsplit(".", 1)
    other_user, other_rest = second.rsplit("|", 1)
    other_claims, other_mac = other_rest.rsplit(".", 1)
    assert refused(f"{user}|{other_rest}")
    assert refused(f"{other_user}|{rest}")
    assert refused(f"{user}|{claims}.{other_mac}")
    assert refused(f"{user}|{other_claims}.{mac}")
    assert refused(f"{first}|{other_rest}")


def test_a_bar_in_an_id_moves_nothing_into_the_claims() -> None:
    """An id that looks like a token's rest is only an id."""
    inner = token_of("user-7")
    outer = token_of(inner)
    assert read([NEW], HERE, outer, NOW).user_id == inner
    assert refused(f"{inner}|")


def test_a_version_of_the_future_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A genuine token of another version is refused: nobody guesses what it means."""
    monkeypatch.setattr(tokens, "_VERSION", "2")
    token = token_of()
    assert read([NEW], HERE, token, NOW).user_id == "user-7"
    monkeypatch.undo()
    assert refused(token)


@given(stamp=st.text(st.characters(), min_size=1), other=st.text(st.characters(), min_size=1))
@settings(deadline=None)
def test_a_token_carries_the_mac_of_a_stamp(stamp: str, other: str) -> None:
    """The MAC in a token is that of the stamp under its key, and no other stamp or key has the same."""
    mac = stamp_mac(OLD, "", "", "user-7", stamp)
    token = read([NEW], HERE, issue([NEW], HERE, "user-7", NOW, LATER, mac), NOW)
    assert token.stamp == mac == stamp_mac(OLD, "", "", "user-7", stamp)
    assert len(mac) == 16
    assert mac != stamp_mac(NEW, "", "", "user-7", stamp)
    assert (mac == stamp_mac(OLD, "", "", "user-7", other)) is (stamp == other)


@pytest.mark.parametrize(
    "whose",
    [("", "", "user-8"), ("admin", "", "user-7"), ("", "shop", "user-7"), ("u", "ser-7", ""), ("", "user-7", "")],
)
def test_the_mac_of_a_stamp_is_for_one_user(whose: tuple[str, str, str]) -> None:
    """Two users with the same password hash do not have the same MAC, nor has one user in two realms or apps."""
    assert stamp_mac(NEW, *whose, "hash") != stamp_mac(NEW, "", "", "user-7", "hash")


def test_a_stamp_is_never_shown() -> None:
    """A token's repr does not show the MAC of the stamp."""
    mac = stamp_mac(NEW, "", "", "user-7", "hash")
    assert mac not in repr(read([NEW], HERE, issue([NEW], HERE, "user-7", NOW, LATER, mac), NOW))


@pytest.mark.parametrize("digest", [hashlib.sha1, hashlib.sha256, hashlib.sha512])
@pytest.mark.parametrize("salt", ["cookie-session", "itsdangerous.Signer", "itsdangerous", ""])
def test_a_signature_for_another_purpose_is_refused(digest: object, salt: str) -> None:
    """What the same key has signed for something else, a Flask session say, is no remember token."""
    claims = f"1.{NOW}.{LATER}.nonce."
    value = f"user-7|{claims}"
    signed = length_prefixed(("", "remember_token", "", "user-7", claims))
    for derivation in ("hmac", "django-concat", "none"):
        signer = Signer(NEW, salt=salt, key_derivation=derivation, digest_method=digest)
        assert refused(signer.sign(value).decode())
        # Not even over the very bytes that a token's MAC is made of.
        assert refused(f"{value}.{signer.get_signature(signed).decode()}")
    assert refused(TimestampSigner(NEW, salt=salt).sign(value).decode())
    assert refused(URLSafeTimedSerializer(NEW, salt=salt).dumps({"_user_id": "user-7"}))
    assert refused(encode_legacy(NEW, "user-7"))
    assert refused(encode_legacy(NEW, value))


AUDIENCES = [
    HERE,
    Audience("admin", "remember_token", ""),
    Audience("", "admin_remember_token", ""),
    Audience("admin", "admin_remember_token", ""),
    Audience("", "remember_token", "shop"),
    Audience("", "remember_tokenshop", ""),
    Audience("remember_token", "", ""),
    Audience("", "", "remember_token"),
    Audience("", "__Host-remember_token", ""),
]


@pytest.mark.parametrize("issuer", AUDIENCES, ids=repr)
def test_a_token_is_for_its_audience_alone(issuer: Audience) -> None:
    """A token is refused in another realm, under another cookie's name, and by another app with the same key."""
    token = issue([NEW], issuer, "user-7", NOW, LATER)
    for reader in AUDIENCES:
        if reader == issuer:
            assert read([NEW], reader, token, NOW).user_id == "user-7"
        else:
            assert refused(token, audience=reader)


def test_audience_and_user_do_not_run_into_each_other() -> None:
    """The end of the audience is not the beginning of the user's id."""
    token = issue([NEW], Audience("", "c", "shop"), "7", NOW, LATER)
    _, rest = token.rsplit("|", 1)
    assert refused(f"p7|{rest}", audience=Audience("", "c", "sho"))


# Keys.


def test_the_newest_key_signs() -> None:
    """Of several keys the first signs, and the token is current under it."""
    token = issue([NEW, OLD, OLDER], HERE, "user-7", NOW, LATER)
    assert read([NEW], HERE, token, NOW).is_current
    assert refused(token, [OLD, OLDER])


@pytest.mark.parametrize("older", [[OLD], [OLDER, OLD], [OLD, OLDER]])
def test_an_older_key_verifies(older: list[tokens.Key]) -> None:
    """A token under a fallback key is genuine, but not current: it is to be replaced."""
    token = issue([OLD], HERE, "user-7", NOW, LATER)
    found = read([NEW, *older], HERE, token, NOW)
    assert found.user_id == "user-7"
    assert not found.is_current


def test_a_dropped_key_verifies_nothing() -> None:
    """A token under a key that is dropped is refused, and so is any without keys."""
    token = issue([OLD], HERE, "user-7", NOW, LATER)
    assert refused(token, [NEW, OLDER])
    assert refused(token, [])


def test_a_key_is_text_or_bytes() -> None:
    """A key means the same as text and as the bytes of that text."""
    token = issue([b"k3y"], HERE, "user-7", NOW, LATER)
    assert read(["k3y"], HERE, token, NOW).is_current


# Time.


def test_a_token_expires_to_the_second() -> None:
    """A token is valid until one second before its end, and expired at its end."""
    token = token_of()
    assert read([NEW], HERE, token, LATER - 1).user_id == "user-7"
    assert read([NEW], HERE, token, LATER - 0.001).user_id == "user-7"
    for now in (LATER, LATER + 1, LATER + 10**9):
        with pytest.raises(ExpiredTokenError):
            read([NEW], HERE, token, now)


def test_a_token_from_the_future_is_refused() -> None:
    """A token issued up to 60 seconds in the future is a matter of clocks; one second more is not."""
    token = token_of()
    assert read([NEW], HERE, token, NOW - 60).user_id == "user-7"
    for now in (NOW - 61, 0, -1):
        with pytest.raises(ExpiredTokenError):
            read([NEW], HERE, token, now)


def test_an_expired_token_that_is_not_genuine_is_just_bad() -> None:
    """Only a genuine token is told that it has expired."""
    with pytest.raises(BadTokenError):
        read([OLD], HERE, token_of(), LATER + 1)


# Junk.


@pytest.mark.parametrize("size", [4097, 10**5, 10**7])
@pytest.mark.parametrize("char", ["a", "|", ".", "\u00e9", "\ud800"])
def test_a_huge_token_is_refused(char: str, size: int) -> None:
    """A text longer than any cookie is refused."""
    assert refused(char * size)


@pytest.mark.parametrize(("size", "accepted"), [(4096, True), (4097, False)])
def test_a_token_has_at_most_the_length_of_a_cookie(size: int, accepted: bool) -> None:
    """A genuine token of 4096 characters is read, one of 4097 is not."""
    token = token_of("a" * (size - len(token_of("a")) + 1))
    assert len(token) == size
    assert refused(token) if not accepted else read([NEW], HERE, token, NOW)


@pytest.mark.parametrize(
    "token",
    [
        *["", "|", "||", ".", "|.", "|......", "a|", "a|.", "a|.....", "a|......", "|1.2.3.4..x", "a|1.2.3.4.x", "a"],
        *["a|1.2.3.4.5.6.7", "None", "null", "\x00", "\ud800|\ud800.\ud800.\ud800.\ud800.\ud800.\ud800"],
        *["a|1.1e3.inf.n..x", "a|1.-1.-1.n..x", f"a|1.{'9' * 1000}.{'9' * 1000}.n..x", "a|1.\u0661.\u0662.n..x"],
    ],
)
def test_a_malformed_token_is_refused(token: str) -> None:
    """Blank parts, too few or too many of them, and odd numbers are refused."""
    assert refused(token)


PIECES = st.sampled_from([*"|.1=-_a", str(NOW), str(LATER), "user-7", "nonce", "\u00e9", "\ud800", "\x00", "9" * 5000])
JUNK = st.one_of(st.text(st.characters()), st.lists(PIECES, max_size=12).map("".join))


@given(token=JUNK, now=st.floats(allow_nan=False))
@settings(max_examples=300, deadline=None)
def test_any_text_is_no_token(token: str, now: float) -> None:
    """Whatever the text, nothing but a TokenError is raised."""
    for keys in ([NEW], [NEW, OLD, OLDER], []):
        with pytest.raises((BadTokenError, ExpiredTokenError)):
            read(keys, HERE, token, now)
        with pytest.raises(BadTokenError):
            read_legacy(keys, token)


# Nothing secret is said.


def said(error: BaseException) -> Iterator[str]:
    """All that is printed of an error and of those behind it."""
    link: BaseException | None = error
    while link is not None:
        yield str(link)
        yield repr(link)
        link = link.__cause__ or link.__context__


@pytest.mark.parametrize("keys", [[NEW], [OLD], [OLDER, OLD], []])
@pytest.mark.parametrize("spoil", [str, lambda t: t + "x", lambda t: t[:-1], lambda t: t.replace("|", ""), str.upper])
@pytest.mark.parametrize("now", [NOW, LATER, 0])
def test_no_error_quotes_a_token_or_a_key(keys: list[tokens.Key], spoil: object, now: int) -> None:
    """No message or repr has a part of the token or of a key in it, nor does what a token says show its user."""
    token = token_of("user-7-private")
    given = spoil(token)  # type: ignore[operator]
    user_id, rest = token.rsplit("|", 1)
    _, issued, expires, nonce, _, mac = rest.split(".")
    secrets = {token, given, user_id, rest, issued, expires, nonce, mac, "k3y"}
    for reader in (lambda: read(keys, HERE, given, now), lambda: read_legacy(keys, given)):
        try:
            texts = [repr(reader())]
            secrets -= {issued, expires}
        except SessionAuthError as error:
            texts = list(said(error))
        for secret in secrets:
            assert not any(secret in text for text in texts)


def test_the_error_for_a_missing_key_quotes_nothing() -> None:
    """The error for a missing key does not name the user either."""
    with pytest.raises(SetupError) as error:
        issue([], HERE, "user-7-private", NOW, LATER)
    assert not any("user-7-private" in text for text in said(error.value))


# The MAC's input.

PARTS = st.lists(st.text(st.characters(), max_size=8), max_size=5)


@given(first=PARTS, second=PARTS)
@settings(deadline=None)
@example(["a", "b"], ["ab", ""])
@example(["", "ab"], ["ab", ""])
@example([""], [])
@example(["\x00\x00\x00\x01a"], ["", "a"])
def test_different_parts_are_different_bytes(first: list[str], second: list[str]) -> None:
    """Two lists of texts have the same bytes only if they are the same list."""
    assert (length_prefixed(first) == length_prefixed(second)) is (first == second)


@given(parts=PARTS, at=st.integers(0, 4), where=st.integers(0, 8))
@settings(deadline=None)
def test_parts_split_elsewhere_are_different_bytes(parts: list[str], at: int, where: int) -> None:
    """The same text, divided in another way, has other bytes."""
    assume(at < len(parts))
    divided = [*parts[:at], parts[at][:where], parts[at][where:], *parts[at + 1 :]]
    assert length_prefixed(divided) != length_prefixed(parts)


# Flask-Login's format.

LEGACY_KEYS = st.one_of(st.text(st.characters(max_codepoint=255), min_size=1), st.binary(min_size=1))
PAYLOADS = st.text(max_size=50)


@given(payload=PAYLOADS, key=LEGACY_KEYS)
@settings(deadline=None)
@example("a|b", "k3y-\u00e9")
def test_flask_logins_cookies_are_read_and_written(payload: str, key: tokens.Key) -> None:
    """Our legacy cookie is Flask-Login's to the letter, and each side reads the other's."""
    app = Flask("app")
    app.config["SECRET_KEY"] = key
    with app.app_context():
        theirs = flask_login.encode_cookie(payload)
        assert encode_legacy(key, payload) == theirs
        assert read_legacy([key], theirs) == payload
        assert flask_login.decode_cookie(encode_legacy(key, payload)) == payload


@pytest.mark.parametrize("payload", TRICKY_IDS)
def test_a_legacy_cookie_carries_any_text(payload: str) -> None:
    """A legacy cookie gives back any text, under any of several keys."""
    cookie = encode_legacy(OLD, payload)
    assert read_legacy([NEW, OLD], cookie) == payload
    with pytest.raises(BadTokenError):
        read_legacy([NEW, OLDER], cookie)
    with pytest.raises(BadTokenError):
        read_legacy([], cookie)


def test_a_legacy_cookie_with_a_changed_character_is_refused() -> None:
    """Each character of a legacy cookie counts: changed, left out or doubled, it is refused."""
    cookie = encode_legacy(NEW, "user-7")
    for i, char in enumerate(cookie):
        spoilt = {cookie[:i], cookie[i + 1 :], cookie[:i] + cookie[i + 1 :], cookie[:i] + char + cookie[i:]}
        spoilt |= {cookie[:i] + chr(ord(char) ^ 1 << bit) + cookie[i + 1 :] for bit in range(7)}
        for text in spoilt:
            with pytest.raises(BadTokenError):
                read_legacy([NEW], text)
    with pytest.raises(BadTokenError):
        read_legacy([NEW], "user-8" + cookie.removeprefix("user-7"))


@pytest.mark.parametrize(
    "digest", ["\u00e9" * 128, "\ud800" * 128, "\x00" * 128, "\uff10" * 128, "0" * 128, "", "F" * 128]
)
def test_an_odd_legacy_digest_is_refused(digest: str) -> None:
    """A digest that is not ASCII is refused like any wrong one, and is no TypeError."""
    with pytest.raises(BadTokenError):
        read_legacy([NEW], f"user-7|{digest}")


def test_a_remember_token_is_no_legacy_cookie() -> None:
    """The two formats are not mixed up."""
    with pytest.raises(BadTokenError):
        read_legacy([NEW], token_of())


def test_all_token_errors_have_one_root() -> None:
    """Whoever catches TokenError catches every refusal."""
    assert issubclass(BadTokenError, TokenError)
    assert issubclass(ExpiredTokenError, TokenError)
    assert not issubclass(BadTokenError, ExpiredTokenError)
