"""An audit of an app: what it is set to, endpoint by endpoint and setting by setting, against published requirements.

`gather` takes down the facts, once; the rules are data and pure functions over them.
"""

from .facts import Facts, gather
from .routes import Route, routes_of
from .rules import RULES, audit
from .verdicts import Finding, Rule, Severity

__all__ = ["RULES", "Facts", "Finding", "Route", "Rule", "Severity", "audit", "gather", "routes_of"]
