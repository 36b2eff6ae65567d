"""The table, and a login as a row of it.

Times are whole milliseconds since 1970, as every database and driver knows them. Ids and owners are compared byte by
byte: two users who differ in case, an accent or a space at the end are two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, MetaData, String, Table
from sqlalchemy.dialects.mysql import VARBINARY

from ..base import MAX_ADDRESS, MAX_OWNER, MAX_REASON, MAX_USER_AGENT, MAX_USER_ID, ActiveSession

#: SQLAlchemy's names for what speaks MySQL's language.
MYSQL = ("mysql", "mariadb")

# Longer than they are, so that they may grow.
_ID_LENGTH = 64
_SEED_BYTES = 64
_STAMP_LENGTH = 128
_UTF8_BYTES = 4

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIMES = (
    *("created_at", "expires_at", "last_seen_at", "authenticated_at", "rotated_at", "confirmed_at", "renewed_at"),
    *("ended_at", "forget_at"),
)
#: The fields that are kept, in the order of the columns.
FIELDS = tuple(field.name for field in fields(ActiveSession) if field.compare)


def sessions_table(name: str, metadata: MetaData) -> Table:
    """The table of logins. It is made once for each ``metadata``."""
    if name in metadata.tables:
        return metadata.tables[name]
    # Nothing that changes while a login goes on is in an index, but `forget_at`: PostgreSQL then updates in place.
    return Table(
        name,
        metadata,
        Column("id", _key(_ID_LENGTH), primary_key=True),
        Column("owner", _key(MAX_OWNER), nullable=False),
        Column("user_id", String(MAX_USER_ID), nullable=False),
        Column("seed", LargeBinary().with_variant(VARBINARY(_SEED_BYTES), *MYSQL), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("last_seen_at", BigInteger, nullable=False),
        Column("authenticated_at", BigInteger),
        Column("remembered", Boolean, nullable=False),
        Column("remote_addr", String(MAX_ADDRESS), nullable=False),
        Column("user_agent", String(MAX_USER_AGENT), nullable=False),
        Column("stamp", String(_STAMP_LENGTH), nullable=False),
        Column("generation", BigInteger, nullable=False),
        Column("previous_generation", BigInteger),
        Column("rotated_at", BigInteger),
        Column("confirmed_at", BigInteger),
        Column("recoveries", BigInteger, nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("renewed_at", BigInteger, nullable=False),
        Column("renewal_seen", Boolean, nullable=False),
        Column("exchanged", Boolean, nullable=False),
        Column("ended_at", BigInteger),
        Column("ended_reason", String(MAX_REASON)),
        Column("forget_at", BigInteger, nullable=False),
        Column("version", BigInteger, nullable=False),
        Index(f"ix_{name}_owner", "owner"),
        Index(f"ix_{name}_forget_at", "forget_at"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
    )


def _key(length: int) -> Any:
    """A text that is compared by its bytes: MySQL's own texts ignore a space at the end, and most of them case."""
    text = String(length)
    text = text.with_variant(String(length, collation="C"), "postgresql")
    return text.with_variant(VARBINARY(length * _UTF8_BYTES), *MYSQL)


def is_storable(text: str) -> bool:
    """Whether every database can compare a text with what it keeps: no NUL, no half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def key(text: str, system: str) -> str | bytes:
    """An id or owner as the database has it."""
    return text.encode() if system in MYSQL else text


def values_of(row: ActiveSession, system: str) -> dict[str, Any]:
    """The columns of a row, by name."""
    values = {name: getattr(row, name) for name in FIELDS}
    for name in _TIMES:
        if values[name] is not None:
            values[name] = milliseconds(values[name])
    values["id"], values["owner"] = key(row.id, system), key(row.owner, system)
    return values


def row_of(values: Sequence[Any]) -> ActiveSession:
    """The row that some columns are, in the order of `FIELDS`, as a driver gives them."""
    # Written out: this is a part of every request.
    (id, owner, user_id, seed, created_at, expires_at, last_seen_at, authenticated_at, remembered, *values) = values
    (remote_addr, user_agent, stamp, generation, previous_generation, rotated_at, confirmed_at, *values) = values
    (recoveries, epoch, renewed_at, renewal_seen, exchanged, ended_at, ended_reason, forget_at, version) = values
    return ActiveSession(
        id=text_of(id),
        owner=text_of(owner),
        user_id=user_id,
        seed=bytes(seed),
        created_at=_moment(created_at),
        expires_at=_moment(expires_at),
        last_seen_at=_moment(last_seen_at),
        authenticated_at=None if authenticated_at is None else _moment(authenticated_at),
        remembered=bool(remembered),
        remote_addr=remote_addr,
        user_agent=user_agent,
        stamp=stamp,
        generation=generation,
        previous_generation=previous_generation,
        rotated_at=None if rotated_at is None else _moment(rotated_at),
        confirmed_at=None if confirmed_at is None else _moment(confirmed_at),
        recoveries=recoveries,
        epoch=epoch,
        renewed_at=_moment(renewed_at),
        renewal_seen=bool(renewal_seen),
        exchanged=bool(exchanged),
        ended_at=None if ended_at is None else _moment(ended_at),
        ended_reason=ended_reason,
        forget_at=_moment(forget_at),
        version=version,
    )


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(0, 0, 0, milliseconds)


def text_of(key: str | bytes) -> str:
    """An id or owner, as the database has it."""
    return key if isinstance(key, str) else key.decode()


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MILLISECOND
