"""What a driver's error means to us. Each driver has its own numbers; they are here and nowhere else."""

from __future__ import annotations

from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

# SQLSTATE: a table or column that is not there; a deadlock, and a transaction that came too late.
_MISSING_STATES = {"42P01", "42703"}
_CONFLICT_STATES = {"40P01", "40001"}
# The same as numbers of MySQL and MariaDB.
_MISSING_NUMBERS = {1146, 1054}
_CONFLICT_NUMBERS = {1213, 1020}
# SQLite has no number for them.
_MISSING_WORDS = ("no such table", "no such column", "has no column named")


class Failure(Enum):
    """Why a statement failed."""

    #: The table is not there, or is an older one.
    NO_TABLE = auto()
    #: Another transaction was in the way. Nothing was done, and a second try may succeed.
    CONFLICT = auto()
    #: The database cannot be reached, is too slow, or does not do its work.
    DOWN = auto()
    #: A fault in the program, or an id that is there already.
    OTHER = auto()


def failure_of(error: DBAPIError) -> Failure:
    """What the driver's error in one of SQLAlchemy's says."""
    cause = error.orig
    state = getattr(cause, "sqlstate", None)
    number = cause.args[0] if cause is not None and cause.args else None
    if state in _MISSING_STATES or number in _MISSING_NUMBERS or any(words in str(number) for words in _MISSING_WORDS):
        return Failure.NO_TABLE
    if state in _CONFLICT_STATES or number in _CONFLICT_NUMBERS:
        return Failure.CONFLICT
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError, InternalError)):
        return Failure.DOWN
    return Failure.OTHER
