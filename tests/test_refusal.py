"""The answer to somebody who may not pass: who is asking, and where they come back to."""

from __future__ import annotations

import json

import pytest
from flask import Flask, Request
from hypothesis import given, settings, strategies as st
from werkzeug.test import EnvironBuilder

from flask_sessionauth.refusal import Refusal, client_of, htmx_redirect, problem, way_back


def request(method: str = "GET", path: str = "/a?b=c", **headers: str) -> Request:
    """A request as it comes, with underscores in the headers' names for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(path, method=method, headers=named).get_environ())


# Who is asking?

BROWSERS = {
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Firefox 132": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7",
    "Safari": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Internet Explorer": "text/html, application/xhtml+xml, image/jxr, */*",
    "an <img>": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "a <script>, fetch or curl": "*/*",
    "a style sheet": "text/css,*/*;q=0.1",
    "lynx": "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
    "HTML and JSON alike": "application/json, text/html",
    "HTML before JSON": "text/html, application/json;q=0.9",
    "no JSON": "application/json;q=0, */*",
    "something else": "text/csv",
    "nothing": "",
    "junk": ";;q=x,/,,=",
}
PROGRAMS = {
    "axios": "application/json, text/plain, */*",
    "jQuery's getJSON": "application/json, text/javascript, */*; q=0.01",
    "ky": "application/json",
    "problem+json": "application/problem+json",
    "problem+json or JSON": "application/problem+json, application/json",
    "JSON with a charset": "application/json; charset=utf-8",
    "JSON before HTML": "text/html;q=0.5, application/json",
    "JSON, in capitals": "Application/JSON",
}


@pytest.mark.parametrize("client", BROWSERS)
def test_a_browser_is_a_browser(client: str) -> None:
    """Who prefers HTML, or accepts anything, is taken for a browser."""
    assert client_of(request(Accept=BROWSERS[client])) == "browser"


@pytest.mark.parametrize("client", PROGRAMS)
def test_who_prefers_json_gets_json(client: str) -> None:
    """Who names JSON, and does not name HTML as much, is a program."""
    assert client_of(request(Accept=PROGRAMS[client])) == "json"


def test_who_says_nothing_is_a_browser() -> None:
    """Without an Accept header anything is accepted."""
    assert client_of(request()) == "browser"


@pytest.mark.parametrize("value", ["XMLHttpRequest", "xmlhttprequest", "XMLHTTPREQUEST"])
def test_a_scripts_request_is_a_programs(value: str) -> None:
    """X-Requested-With marks a script's request, whatever it accepts."""
    assert client_of(request(X_Requested_With=value)) == "json"
    assert client_of(request(X_Requested_With=value, Accept=BROWSERS["Firefox"])) == "json"


@pytest.mark.parametrize("value", ["", "com.example.app", "fetch"])
def test_another_requester_is_not_a_script(value: str) -> None:
    """Android's web views send their app's name: they are browsers."""
    assert client_of(request(X_Requested_With=value, Accept=BROWSERS["Chrome"])) == "browser"


def test_htmx_is_htmx_whatever_it_accepts() -> None:
    """HX-Request is htmx's mark, before all others."""
    assert client_of(request(HX_Request="true", Accept="*/*")) == "htmx"
    assert client_of(request(HX_Request="true", X_Requested_With="XMLHttpRequest", Accept="application/json")) == "htmx"


@pytest.mark.parametrize("value", ["false", "", "True", "1"])
def test_only_true_is_htmx(value: str) -> None:
    """htmx writes "true"; anything else is not its mark."""
    assert client_of(request(HX_Request=value)) == "browser"


# Latin-1 is what a header can carry.
HEADERS = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))


@given(accept=HEADERS, requested_with=HEADERS, hx=HEADERS, page=HEADERS)
@settings(deadline=None)
def test_any_headers_have_an_answer(accept: str, requested_with: str, hx: str, page: str) -> None:
    """Whatever the headers hold, somebody is asking, and comes back to our site or nowhere."""
    environ = EnvironBuilder("/a").get_environ()
    environ |= {"HTTP_ACCEPT": accept, "HTTP_X_REQUESTED_WITH": requested_with}
    environ |= {"HTTP_HX_REQUEST": hx, "HTTP_HX_BOOSTED": hx, "HTTP_HX_CURRENT_URL": page}
    asking = Request(environ)
    assert client_of(asking) in ("browser", "json", "htmx")
    back = way_back(asking, "htmx")
    assert back is None or back.startswith("http://localhost/")


# The way back.


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("asking", ["browser", "json"])
def test_a_safe_request_can_be_repeated(method: str, asking: str) -> None:
    """Reading a page leads back to it."""
    assert way_back(request(method), asking) == "http://localhost/a?b=c"  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"])
@pytest.mark.parametrize("asking", ["browser", "json", "htmx"])
def test_an_unsafe_request_is_not_repeated(method: str, asking: str) -> None:
    """What was more than reading has no way back: a link would repeat it as a GET."""
    asked = request(method, HX_Current_URL="http://localhost/page", HX_Boosted="true")
    asked.method = method
    assert way_back(asked, asking) is None  # type: ignore[arg-type]


def test_htmx_comes_back_to_its_page() -> None:
    """htmx asked for a fragment: the way back is the page it is on."""
    asked = request(HX_Current_URL="http://localhost/page?x=y")
    assert way_back(asked, "htmx") == "http://localhost/page?x=y"


@pytest.mark.parametrize(
    "page",
    [
        "",
        "/page",
        "https://localhost/page",
        "http://localhost:8080/page",
        "http://localhost.example/page",
        "http://localhost@example.com/",
        "http://example.com/",
        "//localhost/page",
        "javascript:alert(1)",
    ],
)
def test_htmx_does_not_come_back_to_another_site(page: str) -> None:
    """A page that is not on this host, by this scheme, is no way back."""
    assert way_back(request(HX_Current_URL=page), "htmx") is None


def test_htmx_without_its_page_has_no_way_back() -> None:
    """A fragment's own URL is never the way back."""
    assert way_back(request(), "htmx") is None


def test_a_boosted_link_comes_back_to_itself() -> None:
    """A boosted link asks for a whole page: that page is the way back."""
    asked = request(HX_Boosted="true", HX_Current_URL="http://localhost/page")
    assert way_back(asked, "htmx") == "http://localhost/a?b=c"


def test_a_browser_does_not_come_back_to_what_htmxs_header_says() -> None:
    """Without htmx its header means nothing."""
    assert way_back(request(HX_Current_URL="http://localhost/page"), "browser") == "http://localhost/a?b=c"


# The answers.


@pytest.mark.parametrize("detail", ["Please log in.", "\u00c9 preciso entrar.", None, ""])
def test_a_program_gets_a_problem_document(detail: str | None) -> None:
    """The 401 is a problem document of RFC 9457, with the message where there is one."""
    response = problem(Flask("app"), detail)
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    expected = {"type": "about:blank", "title": "Unauthorized", "status": 401}
    assert json.loads(response.get_data()) == expected | ({"detail": detail} if detail else {})


def test_a_translated_message_may_be_lazy() -> None:
    """A message that becomes a text only when it is used (as Flask-Babel's do) is written out."""

    class Lazy:
        def __str__(self) -> str:
            return "Por favor"

    assert json.loads(problem(Flask("app"), Lazy()).get_data())["detail"] == "Por favor"  # type: ignore[arg-type]


def test_htmx_gets_a_401_with_the_way() -> None:
    """htmx is told where to go in its own header."""
    response = htmx_redirect(Flask("app"), "/login?next=/a")
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login?next=/a"
    assert response.get_data() == b""


def test_a_negotiated_answer_says_what_it_depends_on() -> None:
    """Caches learn which headers decided."""
    for response in (problem(Flask("app"), None), htmx_redirect(Flask("app"), "/login")):
        assert {"accept", "x-requested-with", "hx-request"} <= set(response.vary.as_set())


def test_a_message_is_translated() -> None:
    """The message goes through the translator if there are both, and is itself, or nothing, otherwise."""
    refusal = Refusal("login", "Please", "message")
    assert refusal.text(None) == "Please"
    assert refusal.text(str.upper) == "PLEASE"
    for blank in (None, ""):
        assert not Refusal("login", blank, "message").text(lambda text: "translated")
