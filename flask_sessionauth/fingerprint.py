"""What ``_id`` in the session is made of: a coarse likeness of the browser, to notice a session that moved."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import lru_cache
from hmac import compare_digest

from itsdangerous.encoding import base64_encode

#: What a session can be bound to.
TRAITS = ("user_agent", "ip")

#: Browsers send a few hundred characters; what comes after so many does not count.
MAX_USER_AGENT = 1024
_BYTES = 8
# "Chrome/130.0.0.0" and "Build/UP1A.231005.007" both change with an update; what stands before the slash does not.
_VERSION = re.compile(r"/[^\s;,)]*|[\d._]+")


@lru_cache(maxsize=2048)
def describe(user_agent: str | None, bound_to: Collection[str], remote_addr: str | None) -> str:
    """The likeness of a browser as 11 letters: 64 bits, as it travels in the session cookie.

    Versions in the user agent do not count: an updated browser is the same browser.
    ``bound_to`` must be hashable; of the two traits only those in it are looked at. The results are kept, so pass no
    more of the user agent than counts.
    """
    traits = []
    if "user_agent" in bound_to:
        traits += ["user_agent", _VERSION.sub("", (user_agent or "")[:MAX_USER_AGENT])]
    if "ip" in bound_to:
        traits += ["ip", remote_addr or ""]
    digest = hashlib.sha256(b"flask-sessionauth fingerprint 1")
    for trait in traits:
        data = trait.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "big") + data)
    return base64_encode(digest.digest()[:_BYTES]).decode("ascii")


def is_flask_logins(identifier: object, user_agent: str | None, remote_addr: str | None) -> bool:
    """Whether Flask-Login 0.6 gave this browser this ``_id``: SHA-512 over address and user agent.

    Only the peer's address is compared: a header that anybody can send proves nothing.
    """
    if not isinstance(identifier, str) or len(identifier) != 128:
        return False
    address = None if remote_addr is None else remote_addr.encode("utf-8", "surrogatepass")
    agent = None if user_agent is None else user_agent.encode("utf-8", "surrogatepass")
    # Flask-Login formats the bytes objects themselves, with their b'' around them.
    theirs = hashlib.sha512(f"{address!r}|{agent!r}".encode()).hexdigest()
    return compare_digest(theirs.encode(), identifier.encode("utf-8", "surrogatepass"))
