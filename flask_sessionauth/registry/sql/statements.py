"""What is asked of the table, each by an index, and each complete in itself: no transaction has two of them."""

from __future__ import annotations

from sqlalchemy import Table, bindparam, delete, insert, select, update

from .table import FIELDS

#: Rows in a batch: some tenths of a second of work, during which nobody waits for all of them.
BATCH = 1000


class Statements:
    """The statements on one table.

    A statement that is complete in itself takes SQLite's lock for writing before it reads, so that writers wait for
    each other instead of failing; and on no database does anybody hold a lock while a program thinks.
    """

    def __init__(self, table: Table) -> None:
        id, owner, version, forget_at = table.c.id, table.c.owner, table.c.version, table.c.forget_at
        columns = [table.c[name] for name in FIELDS]
        #: By ``id``.
        self.get = select(*columns).where(id == bindparam("id"))
        #: By ``owner``.
        self.of_owner = select(*columns).where(owner == bindparam("owner"))
        #: The next ones ``after`` an id, in the order of ids.
        self.page = select(*columns).where(id > bindparam("after")).order_by(id).limit(BATCH)
        self.add = insert(table).inline()
        #: All columns, of the row with ``old_id`` in ``old_version``.
        self.replace = update(table).where(id == bindparam("old_id"), version == bindparam("old_version"))
        end = (
            update(table)
            .where(table.c.ended_at.is_(None), id != bindparam("keep"))
            .values(ended_at=bindparam("at"), ended_reason=bindparam("reason"), version=version + 1)
        )
        #: Of an ``owner``.
        self.end_of_owner = end.where(owner == bindparam("of"))
        #: ``after`` an id, and up to another, the ``last``.
        self.end_range = end.where(id > bindparam("after"), id <= bindparam("last"))
        #: The next ids ``after`` one.
        self.ids = select(id).where(id > bindparam("after")).order_by(id).limit(BATCH)
        #: Ids and times of those to forget, from a time ``since`` to one ``before``.
        self.due = (
            select(id, forget_at)
            .where(forget_at >= bindparam("since"), forget_at < bindparam("before"))
            .order_by(forget_at)
            .limit(BATCH)
        )
        #: Those of some ``ids`` that are to be forgotten ``before`` a time still.
        self.forget = delete(table).where(id.in_(bindparam("ids", expanding=True)), forget_at < bindparam("before"))
        self.ping = select(1)
