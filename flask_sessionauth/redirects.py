"""The way back after login: which targets are safe, and the one spelling of them that is used."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

#: Longer targets are refused (characters).
MAX_LENGTH = 2048

# What RFC 3986 allows in a path besides letters and digits. The percent sign stands for itself, so that what
# is encoded already is not encoded again.
_PATH = "/%:@!$&'()*+,;=~-._"
_QUERY = _PATH + "?"
_DELIMITERS = frozenset("/\\.:?#@%")
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


def sanitize(target: object, *, hosts: Collection[str] = (), secure: bool = False) -> str | None:
    """The target as it may be put into a ``Location`` header, or ``None`` if it is not safe.

    :param target: what the request asked for; a path that starts with one slash, or an absolute http(s) URL
        to one of ``hosts``.
    :param hosts: further hosts (``host`` or ``host:port``, in lower case).
    :param secure: whether the page is on HTTPS; a link down to http is not followed from there.
    """
    if not isinstance(target, str) or not 0 < len(target) <= MAX_LENGTH or not _is_plain(target):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    # urlsplit finds no host in "///example.com", and drops the slashes; a browser finds one.
    is_path = target.startswith("/") and not target.startswith("//")
    if not is_path and not _is_allowed_url(target, parts, hosts, secure):
        return None
    if not _path_is_safe(parts.path):
        return None
    path, query, fragment = quote(parts.path, _PATH), quote(parts.query, _QUERY), quote(parts.fragment, _QUERY)
    result = urlunsplit((parts.scheme, parts.netloc.lower(), path, query, fragment))
    return result if len(result) <= MAX_LENGTH else None


def _is_plain(target: str) -> bool:
    """Whether every browser and server reads the same characters in the same way."""
    if "\\" in target or target[0].isspace():
        return False
    for char in target:
        if char.isascii():
            if char < " " or char == "\x7f":
                return False
        # Controls, surrogates, invisible formatting, line ends, and letters that turn into delimiters.
        elif unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs"):
            return False
        elif _DELIMITERS.intersection(unicodedata.normalize("NFKC", char)):
            return False
    return True


def _is_allowed_url(target: str, parts: SplitResult, hosts: Collection[str], secure: bool) -> bool:
    if not _ABSOLUTE.match(target) or (secure and parts.scheme != "https"):
        return False
    # With a user name in front, or another port behind, it is not the host that was allowed.
    return parts.netloc.lower() in hosts


def _path_is_safe(path: str) -> bool:
    """Whether the path stays what it is when a browser, a proxy or a server normalises it."""
    decoded = unquote(path)
    if decoded.startswith("//") or "\\" in decoded or any(char < " " or char == "\x7f" for char in decoded):
        return False
    return not any(segment in (".", "..") for segment in decoded.split("/"))


def make_next_param(login_url: str, current_url: str) -> str:
    """The current URL, without scheme and host where the login URL has the same ones."""
    login, current = urlsplit(login_url), urlsplit(current_url)
    if login.scheme in ("", current.scheme) and login.netloc in ("", current.netloc):
        return urlunsplit(("", "", current.path, current.query, ""))
    return current_url


def same_page(view: str, endpoint: str | None, blueprint: str | None, path: str) -> bool:
    """Whether a login view, given as an endpoint or a path, is the page with this endpoint and path.

    One given as a URL is no page of this app: which host this is, is only the client's word.
    """
    if _ABSOLUTE.match(view):
        return False
    if view.startswith("/"):
        return urlsplit(view).path == path
    if view.startswith("."):
        view = f"{blueprint}{view}" if blueprint else view[1:]
    return view == endpoint
