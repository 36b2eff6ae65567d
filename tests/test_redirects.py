"""The way back: what is refused, what is accepted, and how the accepted is spelt."""

from __future__ import annotations

import flask_login
import pytest
from ada_url import URL
from hypothesis import assume, example, given, settings, strategies as st

from flask_sessionauth.redirects import MAX_LENGTH, make_next_param, same_page, sanitize

HOST = "testserver"
HOSTS = (HOST, "other.example:8443")

# The advisories' cases: no spelling of another site, and nothing that two parsers read in two ways.
REJECTED = [
    "http://example.com",
    "http:///example.com",
    "ftp://example.com",
    "///example.com",
    "//example.com",
    "/////example.com",
    "\\\\example.com",
    "\\\\\\example.com",
    "/\\\\/example.com",
    "\\\\//example.com",
    "/\\/example.com",
    "\\/example.com",
    "/\\example.com",
    " //example.com",
    "\t//example.com",
    "\x08//example.com",
    "\n",
    "http:/\\//example.com",
    "http:\\/example.com",
    "http:/\\example.com",
    "%20///",
    "javascript:alert(1)",
    "\njavascript:alert(1)",
    "java\nscript:alert(1)",
    "%E2%80%8A///",
    "http://other\\@example.com",
    "http:\\\\testserver\\@example.com",
    "http://testserver\\me:pass@example.com",
    "http://testserver@example.com",
    "http:999999999",
    "ftp:9999999999",
    "http://[2001:cdba:0000:example.com",
    "https://amazon.com\\.lp.com",
    "/..//example.com",
    "/.//example.com",
    "/%09/example.com",
    "/\t/example.com",
    "/a\rb",
    "/a\nb",
    "/a\r\nSet-Cookie: a=b",
    "/a\x00b",
    "\x00/a",
    "/a\ud800b",
    "/a?b=\udfff",
    "\uff0f/example.com",
    "/\uff0fexample.com",
    "/\uff0e\uff0e//example.com",
    "/\uff3cexample.com",
]

# Ours: the quirks of browsers' URL parsers.
REJECTED_TOO = [
    "",
    " ",
    "a",
    "a/b",
    ".",
    "..",
    "./a",
    "../a",
    "?a=b",
    "#a",
    " /a",
    "\xa0/a",
    "\u3000/a",
    "\ufeff/a",
    "////example.com",
    "//////example.com",
    "//",
    "///",
    "//testserver",
    "//testserver@example.com/",
    "/\t/example.com",
    "/\n/example.com",
    "\t/\t/example.com",
    "/a\tb",
    "/a\x0bb",
    "/a\x7fb",
    "/a\x85b",
    "/a?b\\c",
    "/a#b\\c",
    "/%5cexample.com",
    "/%5C/example.com",
    "/%2f/example.com",
    "/%2Fexample.com",
    "/%2e%2e//x",
    "/%2e%2e",
    "/%2E/x",
    "/.%2e/x",
    "/%2e.//x",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/..",
    "/.",
    "/..%2f/example.com",
    "/%00",
    "/%0d%0aSet-Cookie:%20a=b",
    "/%7f",
    "/a\u2028b",
    "/a\u2029b",
    "/a\u200bb",
    "/a\u202eb",
    "/a\u3000b",
    "/\u2025//example.com",
    "/\u2100",
    "/a\uff1ab",
    "/a\uff20b",
    "/a\uff05b",
    "HTTP://example.com",
    "hTTps://example.com/",
    "http:example.com",
    "http:/example.com",
    "https:example.com",
    "https:///testserver/",
    "JavaScript:alert(1)",
    "javascript://testserver/%0aalert(1)",
    "data:text/html,x",
    "mailto:a@testserver",
    "blob:http://testserver/a",
    "file:///etc/passwd",
    "ws://testserver/",
    "http://testserver.example.com/",
    "http://testserver:80@example.com/",
    "http://user@testserver/",
    "http://user:pass@testserver/",
    "http://@testserver/",
    "http://:@testserver/",
    "http://testserver:80/",
    "http://testserver:8080/",
    "http://testserver:/",
    "http://testserver./",
    "http://.testserver/",
    "http://testserver%2eexample.com/",
    "http://testserver%00.example.com/",
    "http://testserver#@example.com/\\",
    "http://testserver\uff0eexample.com/",
    "http://testserver\u3002example.com/",
    "http://test\u00adserver/",
    "http://\uff54estserver/",
    "http://xn--testserver-1za/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[testserver]/",
    "http://[/",
    "http://]/",
    "http://2130706433/",
    "http://testserver//example.com",
    "http://testserver/../x",
    "http://testserver/%2e%2e/x",
]

ACCEPTED = [
    ("/", "/"),
    ("/view/?param=http://example.com", "/view/?param=http://example.com"),
    ("/url%20with%20spaces/", "/url%20with%20spaces/"),
    ("/a?b=c#d", "/a?b=c#d"),
    # Ours.
    ("/url with spaces/", "/url%20with%20spaces/"),
    ("/a ", "/a%20"),
    ("/caf\u00e9?q=\u00e9#\u00e9", "/caf%C3%A9?q=%C3%A9#%C3%A9"),
    ("/caf%c3%a9", "/caf%c3%a9"),
    ("/\U0001f600", "/%F0%9F%98%80"),
    ("/a//b", "/a//b"),
    ("/a/b/", "/a/b/"),
    ("/a:b@c", "/a:b@c"),
    ("/http://example.com", "/http://example.com"),
    ("/...", "/..."),
    ("/.well-known/x", "/.well-known/x"),
    ("/a..b/c.", "/a..b/c."),
    ("/%252e%252e//x", "/%252e%252e//x"),
    ("/100%", "/100%"),
    ("/?next=//example.com", "/?next=//example.com"),
    ("/?a=../..", "/?a=../.."),
    ("/?a=%0d%0a", "/?a=%0d%0a"),
    ("/?a=b?c", "/?a=b?c"),
    ("/?", "/"),
    ("/#", "/"),
    ("/#//example.com", "/#//example.com"),
    ("/#a#b", "/#a%23b"),
    ("/;a=b", "/;a=b"),
    ('/"<>[]^`{|}', "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"),
    ("/?a='\"", "/?a='%22"),
]

ACCEPTED_WITH_HOSTS = [
    ("https://testserver/", "https://testserver/"),
    ("https://testserver", "https://testserver"),
    ("HTTPS://TestServer/A", "https://testserver/A"),
    ("https://testserver?a=b", "https://testserver?a=b"),
    ("https://testserver#a", "https://testserver#a"),
    ("https://testserver/a b?c=\u00e9", "https://testserver/a%20b?c=%C3%A9"),
    ("https://other.example:8443/a", "https://other.example:8443/a"),
    ("/a", "/a"),
]


@pytest.mark.parametrize("target", REJECTED + REJECTED_TOO)
def test_a_target_that_could_leave_the_site_is_refused(target: str) -> None:
    """No spelling of another site, and nothing ambiguous, is accepted."""
    assert sanitize(target) is None


# With our own host allowed, those that name it in a plain way are not in here.
@pytest.mark.parametrize("target", REJECTED + REJECTED_TOO)
@pytest.mark.parametrize("secure", [False, True])
def test_allowing_a_host_lets_no_other_one_in(target: str, secure: bool) -> None:
    """Allowing our own host, and one with a port, accepts none of the dangerous targets."""
    assert sanitize(target, hosts=HOSTS, secure=secure) is None


@pytest.mark.parametrize(
    "target", ["http://testserver/", "HTTP://testserver/", "http://testserver", "http://testserver?"]
)
def test_a_link_from_https_down_to_http_is_refused(target: str) -> None:
    """An allowed host over http is followed from an http page, and not from an https one."""
    assert sanitize(target, hosts=HOSTS, secure=False) is not None
    assert sanitize(target, hosts=HOSTS, secure=True) is None


@pytest.mark.parametrize(("target", "result"), ACCEPTED)
def test_a_path_is_accepted_in_one_spelling(target: str, result: str) -> None:
    """A path of this site is accepted, and spelt anew."""
    assert sanitize(target) == result


@pytest.mark.parametrize(("target", "result"), ACCEPTED_WITH_HOSTS)
@pytest.mark.parametrize("secure", [False, True])
def test_a_url_on_an_allowed_host_is_accepted(target: str, result: str, secure: bool) -> None:
    """An https URL of an allowed host is accepted from any page, with scheme and host in lower case."""
    assert sanitize(target, hosts=HOSTS, secure=secure) == result


@pytest.mark.parametrize("target", ["https://testserver/", "http://testserver/", "http://other.example:8443/"])
def test_an_absolute_url_is_refused_by_default(target: str) -> None:
    """Without allowed hosts no absolute URL is accepted, not even one of our own."""
    assert sanitize(target) is None


def test_an_allowed_host_is_compared_with_its_port() -> None:
    """A host that is allowed with a port is not allowed without it, or with another one."""
    assert sanitize("https://other.example:8443/", hosts=HOSTS) is not None
    assert sanitize("https://other.example/", hosts=HOSTS) is None
    assert sanitize("https://other.example:443/", hosts=HOSTS) is None


def test_an_ipv6_host_can_be_allowed() -> None:
    """An IPv6 host is allowed in its brackets, and another address is not."""
    assert sanitize("http://[::1]:5000/a", hosts=("[::1]:5000",)) == "http://[::1]:5000/a"
    assert sanitize("http://[::2]:5000/a", hosts=("[::1]:5000",)) is None


def test_an_international_host_is_allowed_in_the_spelling_that_was_listed() -> None:
    """A host listed in its ASCII form does not allow its look-alikes."""
    hosts = ("xn--mnchen-3ya.example",)
    assert sanitize("https://xn--mnchen-3ya.example/", hosts=hosts) == "https://xn--mnchen-3ya.example/"
    assert sanitize("https://munchen.example/", hosts=hosts) is None
    assert sanitize("https://m\u00fcnchen.example.evil/", hosts=hosts) is None


@pytest.mark.parametrize("target", [None, 5, b"/a", ["/a"], object()])
def test_something_else_than_a_text_is_refused(target: object) -> None:
    """Only a text can be a target."""
    assert sanitize(target) is None


@pytest.mark.parametrize("prefix", ["/", "/?", "/#", "https://testserver/"])
def test_a_target_is_refused_over_2048_characters(prefix: str) -> None:
    """2048 characters are accepted, one more is not."""
    longest = prefix.ljust(2048, "a")
    assert sanitize(longest, hosts=HOSTS) == longest
    assert sanitize(longest + "a", hosts=HOSTS) is None


@pytest.mark.parametrize("char", ["\u00e9", " ", "|", "\U0001f600"])
def test_a_target_does_not_grow_over_the_limit(char: str) -> None:
    """What is short enough is so in the spelling that is used, too: escapes count with their full length."""
    assert sanitize("/" + char * 2000) is None


@pytest.mark.parametrize("target", [target for target, _ in ACCEPTED + ACCEPTED_WITH_HOSTS])
def test_the_result_is_a_target_with_itself_as_result(target: str) -> None:
    """To sanitise twice is to sanitise once."""
    once = sanitize(target, hosts=HOSTS)
    assert once is not None
    assert sanitize(once, hosts=HOSTS) == once


# Hypothesis against a browser's parser (WHATWG): whatever is accepted, a browser resolves to where we said.

BASES = (
    "http://testserver/",
    "https://testserver/login",
    "http://testserver:8080/a/b/login?next=/x#y",
    "https://testserver:8443/a//b/../c/",
)
DANGEROUS = [
    *"/\\.:?#@%&=;|^~[]{}<>\"'`*,",
    *"\t\n\r\x00\x08\x0b\x1f \x7f\x85\xa0",
    *"\u00ad\u200b\u200d\u2024\u2025\u2028\u202e\u2044\u2100\u2215\u3000\u3002\ufeff\uff0e\uff0f\uff1a\uff20\uff3c\uff61",
    *"\ud800\udfff\ufffe\u0338\u0130\u212a\u00df\u00e9",
    *["//", "..", "/../", "/./", "://", "http:", "https://", "javascript:", "xn--", "[::1]", ":80"],
    *["%2e", "%2E", "%2f", "%2F", "%5c", "%00", "%09", "%0a", "%0d"],
    *["%20", "%25", "%zz", "%E2%80%8A", "%EF%BC%8F", "%c0%af"],
    *["example.com", "@example.com", ".example.com", "testserver"],
]
HARMLESS = ["a", "b/", "/c", "x=y", "-", "_", "%20", "0", "?", "#", "~", "\u00e9"]

_tame = st.sampled_from(HARMLESS)
_wild = st.one_of(st.sampled_from(DANGEROUS), st.characters())
_tails = st.lists(st.one_of(_tame, _tame, _tame, _wild), max_size=6).map("".join)
_texts = st.lists(_wild, max_size=8).map("".join)
_paths = st.builds(
    "".join, st.tuples(st.just("/"), _tails, st.sampled_from(["", "", "?", "#", "?#"]), st.one_of(_tails, _texts))
)
_urls = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["http", "https", "https", "HTTPS", "hTTp"]),
        st.sampled_from(["://", "://", "://", ":/", ":", ":\\\\", ":///"]),
        st.sampled_from([HOST, HOST, "TESTSERVER", HOSTS[1], "example.com", "u@testserver", "testserver:80"]),
        st.sampled_from(["", "", "@", ".", "\\", "%2e", "\t"]),
        st.one_of(st.just(""), _paths),
    ),
)
TARGETS = st.one_of(_paths, _paths, _urls, _texts)


def origin(target: str, base: str) -> str:
    return URL(target, base=base).origin


@given(target=TARGETS)
@settings(max_examples=500, deadline=None)
@example("///example.com")
@example("/\t/example.com")
@example("/..//example.com")
@example("/%2e%2e//example.com")
def test_a_browser_stays_on_our_origin(target: str) -> None:
    """Whatever is accepted by default, as it came and as it is used, a browser resolves to our origin."""
    result = sanitize(target)
    if result is not None:
        for base in BASES:
            assert origin(result, base) == origin("/", base)
            assert origin(target, base) == origin("/", base)


@given(target=_paths)
@settings(max_examples=300, deadline=None)
def test_an_accepted_path_is_plain_and_final(target: str) -> None:
    """What is accepted is printable ASCII without a space, sanitises to itself, and is the path a browser asks for."""
    result = sanitize(target)
    # Hypothesis fails the test if too few are accepted for it to mean anything.
    assume(result is not None)
    assert result is not None
    assert result.isascii()
    assert result.isprintable()
    assert " " not in result
    assert len(result) <= MAX_LENGTH
    assert sanitize(result) == result
    assert URL(result, base=BASES[0]).pathname == result.partition("#")[0].partition("?")[0]


@given(target=TARGETS, secure=st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_browser_stays_on_allowed_hosts(target: str, secure: bool) -> None:
    """With hosts allowed, a browser ends at one of them or at our own origin, and not down from https to http."""
    result = sanitize(target, hosts=HOSTS, secure=secure)
    if result is None:
        return
    assert sanitize(result, hosts=HOSTS, secure=secure) == result
    for base in BASES:
        if base.startswith("https:") is not secure:
            continue
        allowed = {origin("/", base)} | {f"{scheme}://{host}" for host in HOSTS for scheme in ("http", "https")}
        for reading in (target, result):
            assert origin(reading, base) in allowed
            assert not secure or URL(reading, base=base).protocol == "https:"


# The URL of the page one came from, as it goes into the login page's URL.


@pytest.mark.parametrize(
    ("login_url", "current_url", "result"),
    [
        ("/login", "http://testserver/a?b=c", "/a?b=c"),
        ("/login", "http://testserver/a?b=c#d", "/a?b=c"),
        ("/login", "/a", "/a"),
        ("/login", "http://testserver", ""),
        ("http://testserver/login", "http://testserver/a", "/a"),
        ("https://testserver/login", "http://testserver/a", "http://testserver/a"),
        ("http://accounts.example/login", "http://testserver/a", "http://testserver/a"),
        ("http://testserver:8080/login", "http://testserver/a", "http://testserver/a"),
        ("//testserver/login", "http://testserver/a", "/a"),
        ("//accounts.example/login", "http://testserver/a", "http://testserver/a"),
    ],
)
def test_the_way_back_is_shortened_as_flask_login_does(login_url: str, current_url: str, result: str) -> None:
    """Scheme and host are left out exactly where the login page has the same ones, and as Flask-Login leaves them."""
    assert make_next_param(login_url, current_url) == result
    assert flask_login.make_next_param(login_url, current_url) == result


@pytest.mark.parametrize(
    ("view", "same"),
    [
        ("auth.login", True),
        (".login", True),
        ("login", False),
        ("auth.logout", False),
        ("other.login", False),
        ("/login", True),
        ("/login?a=b", True),
        ("/login/", False),
        ("/Login", False),
        ("/", False),
        ("http://testserver/login", False),
        ("https://testserver/login", False),
        ("http://example.com/login", False),
        ("http://testserver:8080/login", False),
        ("http://testserver/", False),
    ],
)
def test_a_login_view_is_recognised_as_the_page(view: str, same: bool) -> None:
    """A view given as an endpoint or a path is the page with these; one given as a URL is no page of the app."""
    assert same_page(view, "auth.login", "auth", "/login") is same


def test_a_relative_endpoint_outside_a_blueprint_is_the_apps() -> None:
    """A dot before the name means the current blueprint, or the app where there is none."""
    assert same_page(".login", "login", None, "/login")
    assert not same_page(".login", "auth.login", None, "/login")


def test_a_page_that_does_not_exist_is_no_login_view() -> None:
    """A request without an endpoint is compared by its path only."""
    assert not same_page("login", None, None, "/login")
    assert same_page("/login", None, None, "/login")
