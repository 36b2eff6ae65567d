"""The browser's likeness: the same after an update, another in another browser."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from flask import Flask
from flask_login.utils import _create_identifier
from hypothesis import example, given, settings, strategies as st

from flask_sessionauth.fingerprint import TRAITS, describe, is_flask_logins
from flask_sessionauth.incoming import fingerprint_of
from flask_sessionauth.settings import Settings

AGENT = ("user_agent",)
BOTH = ("ip", "user_agent")

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

# Each browser before and after an update, of itself or of the system.
BROWSERS = {
    "Chrome on Windows": (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/99.0.4844.51 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/130.0.0.0 Safari/537.36",
    ),
    "Chrome on macOS": (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) {BLINK} Chrome/88.0.4324.150 Safari/537.36",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {BLINK} Chrome/130.0.0.0 Safari/537.36",
    ),
    "Edge on Windows": (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/129.0.0.0 Safari/537.36 Edg/129.0.2792.89",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    ),
    "Opera on Windows": (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/127.0.0.0 Safari/537.36 OPR/113.0.0.0",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/128.0.0.0 Safari/537.36 OPR/114.0.0.0",
    ),
    "Firefox on Windows": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:99.0) Gecko/20100101 Firefox/99.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    ),
    "Firefox on Linux": (
        "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ),
    "Firefox on Android": (
        "Mozilla/5.0 (Android 13; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0",
        "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    ),
    "Safari on macOS": (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_6) {WEBKIT} Version/13.1.2 Safari/605.1.15",
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.0.1 Safari/605.1.15",
    ),
    "Safari on an iPhone": (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) {WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Version/18.0 Mobile/22A3354 Safari/604.1",
    ),
    "Chrome on Android": (
        f"Mozilla/5.0 (Linux; Android 13; Pixel 7 Build/TQ3A.230901.001) {BLINK} "
        "Chrome/117.0.5938.60 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/UP1A.231005.007) {BLINK} "
        "Chrome/118.0.5993.80 Mobile Safari/537.36",
    ),
    "Samsung's browser": (
        f"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) {BLINK} SamsungBrowser/22.0 "
        "Chrome/111.0.5563.116 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) {BLINK} SamsungBrowser/26.0 "
        "Chrome/122.0.0.0 Mobile Safari/537.36",
    ),
    "curl": ("curl/7.88.1", "curl/8.10.1"),
    "requests": ("python-requests/2.31.0", "python-requests/2.32.3"),
}


@pytest.mark.parametrize("browser", BROWSERS)
@pytest.mark.parametrize("bound_to", [AGENT, BOTH])
def test_an_updated_browser_is_the_same_browser(browser: str, bound_to: tuple[str, ...]) -> None:
    """Versions, of the browser and of its system, do not count."""
    before, after = BROWSERS[browser]
    assert before != after
    assert describe(before, bound_to, "192.0.2.1") == describe(after, bound_to, "192.0.2.1")


@pytest.mark.parametrize(("one", "other"), list(combinations(BROWSERS, 2)))
def test_another_browser_is_another_browser(one: str, other: str) -> None:
    """Two browsers, or one on two systems, have two likenesses."""
    assert describe(BROWSERS[one][1], AGENT, None) != describe(BROWSERS[other][1], AGENT, None)


def test_the_address_counts_only_if_bound() -> None:
    """An address, and its absence, matter where "ip" is asked for, and not where it is not."""
    addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", None]
    assert len({describe("curl/8", AGENT, address) for address in addresses}) == 1
    assert len({describe("curl/8", ("ip",), address) for address in addresses}) == 4
    assert len({describe("curl/8", BOTH, address) for address in addresses}) == 4


def test_the_user_agent_counts_only_if_bound() -> None:
    """Bound to the address alone, the browser may be any."""
    agents = ["curl/8", "wget/1", None]
    assert len({describe(agent, ("ip",), "192.0.2.1") for agent in agents}) == 1
    assert len({describe(agent, BOTH, "192.0.2.1") for agent in agents}) == 3


def test_what_it_is_bound_to_counts() -> None:
    """A likeness of one trait is none of the other, or of both, even where they are spelt alike."""
    bindings = [AGENT, ("ip",), BOTH]
    assert len({describe("a", bound_to, "a") for bound_to in bindings}) == 3
    assert len({describe(None, bound_to, None) for bound_to in bindings}) == 3


def test_an_address_in_the_user_agent_is_no_address() -> None:
    """One trait does not run into the other."""
    assert describe("curlip", BOTH, "x") != describe("curl", BOTH, "ipx")
    assert describe("a", BOTH, "bc") != describe("ab", BOTH, "c")


def test_the_order_of_the_traits_does_not_count() -> None:
    """The same traits in another order are the same."""
    assert describe("curl/8", BOTH, "192.0.2.1") == describe("curl/8", BOTH[::-1], "192.0.2.1")
    assert sorted(TRAITS) == sorted(BOTH)


def test_a_missing_user_agent_is_a_blank_one() -> None:
    """A browser without the header, or with a blank one, is a browser, too, and not any other."""
    assert describe(None, AGENT, None) == describe("", AGENT, None)
    assert describe(None, AGENT, None) != describe("curl/8", AGENT, None)


def test_a_huge_user_agent_is_cut() -> None:
    """Of a user agent the first 1024 characters count."""
    start = "curl " * 205
    assert describe(start[:1024] + "x" * 10**6, AGENT, None) == describe(start[:1024], AGENT, None)
    assert describe(start[:1023] + "x", AGENT, None) != describe(start[:1023] + "y", AGENT, None)


@given(agent=st.none() | st.text(st.characters()), address=st.none() | st.text(st.characters()))
@settings(deadline=None)
@example("\ud800", "\udfff")
def test_any_characters_have_a_likeness(agent: str | None, address: str | None) -> None:
    """Whatever the header holds, the likeness is 11 letters, and nobody fails."""
    for bound_to in (AGENT, ("ip",), BOTH):
        likeness = describe(agent, bound_to, address)
        assert len(likeness) == 11
        assert re.fullmatch(r"[A-Za-z0-9_-]+", likeness)
        assert not is_flask_logins(likeness, agent, address)


# Flask-Login's formula.

AGENTS = [*(after for _, after in BROWSERS.values()), None, "", "caf\u00e9", "it's", 'a"b', "a\\b", "\x80\xff", "a|b"]
ADDRESSES = ["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "", None]


def flask_logins(agent: str | None, address: str | None, **headers: str) -> str:
    """What the real Flask-Login calls this browser."""
    environ = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}
    app = Flask("app")
    with app.test_request_context(headers=headers) as context:
        context.request.environ.update({key: value for key, value in environ.items() if value is not None})
        if agent is None:
            context.request.environ.pop("HTTP_USER_AGENT", None)
        if address is None:
            context.request.environ.pop("REMOTE_ADDR", None)
            context.request.remote_addr = None
        else:
            context.request.remote_addr = address
        return str(_create_identifier())


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("address", ADDRESSES)
def test_flask_logins_identifier_is_known_again(agent: str | None, address: str | None) -> None:
    """What Flask-Login put into the session is recognised for this browser and address."""
    assert is_flask_logins(flask_logins(agent, address), agent, address)


def test_flask_logins_identifier_of_another_browser_is_not() -> None:
    """Another version of the browser or another address does not match, as it did not in Flask-Login."""
    before, after = BROWSERS["Chrome on Windows"]
    identifier = flask_logins(before, "192.0.2.1")
    assert is_flask_logins(identifier, before, "192.0.2.1")
    assert not is_flask_logins(identifier, after, "192.0.2.1")
    assert not is_flask_logins(identifier, None, "192.0.2.1")
    assert not is_flask_logins(identifier, before, "192.0.2.2")
    assert not is_flask_logins(identifier, before, None)
    assert not is_flask_logins(identifier.upper(), before, "192.0.2.1")


def test_a_forwarded_address_proves_nothing() -> None:
    """An identifier that Flask-Login made of X-Forwarded-For, which anybody can send, matches only the peer itself."""
    identifier = flask_logins("curl/8", "192.0.2.1", **{"X-Forwarded-For": "198.51.100.7, 192.0.2.1"})
    assert not is_flask_logins(identifier, "curl/8", "192.0.2.1")
    assert is_flask_logins(identifier, "curl/8", "198.51.100.7")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP"])
def test_no_header_moves_a_browser(header: str) -> None:
    """Bound to the address, a request's likeness is that of its peer, whatever a header says."""
    app, bound = Flask("app"), Settings(session_protection_bind=("ip",))

    def likeness(peer: str, **headers: str) -> str:
        with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": peer}) as context:
            return fingerprint_of(context.request, bound)

    assert likeness("192.0.2.1", **{header: "198.51.100.7"}) == likeness("192.0.2.1")
    assert likeness("192.0.2.1") != likeness("198.51.100.7")


@given(
    identifier=st.one_of(
        st.none(),
        st.integers(),
        st.text(st.characters()),
        st.binary(),
        st.lists(st.text()),
        st.sampled_from("0\u00e9\ud800"),
    ).map(lambda value: value * 128 if value in ("0", "\u00e9", "\ud800") else value)
)
@settings(deadline=None)
def test_junk_is_not_flask_logins(identifier: object) -> None:
    """Whatever stands in the session is refused without an error if it is not what Flask-Login wrote."""
    assert not is_flask_logins(identifier, "curl/8", "192.0.2.1")
