"""The requirements that rules refer to, and their levels."""

from __future__ import annotations

from collections.abc import Mapping

# The chapters V3.3 (cookie setup) and V7 (session management) are complete. The others are about redirects, proxies'
# headers, access, dated tokens, keys, debug modes, and caches.
_BY_LEVEL = {
    1: "3.3.1 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.2.1 9.2.1 14.3.1",
    2: "3.3.2 3.3.3 3.3.4 3.7.2 4.1.3 7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2"
    " 11.2.3 13.3.1 13.4.2 14.2.2 14.3.2",
    3: "3.3.5 7.5.3 13.3.4",
}

#: Ids of the OWASP Application Security Verification Standard, version 5.0.0, and the level that each begins at.
ASVS: Mapping[str, int] = {requirement: level for level, ids in _BY_LEVEL.items() for requirement in ids.split()}
