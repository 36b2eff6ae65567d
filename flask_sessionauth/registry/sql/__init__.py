"""Logins in a SQL database: SQLite, PostgreSQL, MySQL or MariaDB."""

from __future__ import annotations

from .store import SQLRegistry

__all__ = ["SQLRegistry"]
