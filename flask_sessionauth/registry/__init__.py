"""Where logins are kept: the rows, the promise of a store, and the stores. A driver is loaded with its store only."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import ActiveSession, SessionRegistry

if TYPE_CHECKING:
    from .memory import MemoryRegistry
    from .redis import RedisRegistry
    from .sql import SQLRegistry

__all__ = ["ActiveSession", "MemoryRegistry", "RedisRegistry", "SQLRegistry", "SessionRegistry"]

_STORES = {"MemoryRegistry": ".memory", "RedisRegistry": ".redis", "SQLRegistry": ".sql"}


def __getattr__(name: str) -> Any:
    if name in _STORES:
        try:
            return getattr(import_module(_STORES[name], __name__), name)
        except ModuleNotFoundError as error:
            if error.name != "sqlalchemy":
                raise
            raise ModuleNotFoundError(
                f"{name} needs SQLAlchemy: pip install flask-sessionauth[sqlalchemy]", name="sqlalchemy"
            ) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
