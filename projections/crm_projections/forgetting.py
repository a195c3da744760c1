"""How the read models answer for an erasure: each has blanked its rows, in every generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from crm_core import Lagging
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import StoreReceipt
from crm_projections.generations import Connection, State, drop_kept, generations_of
from crm_projections.projection import Projection
from crm_projections.tables import Table

__all__ = ["ReadModels"]

# A generation that a rebuild loads is behind until it has checkpoints: it read who knows when.
_BEHIND = """
select g.projection, coalesce(c.position, 0)
  from read_model.generation as g
  left join read_model.checkpoint as c
    on c.tenant_id = %s and c.projection = g.projection and c.generation = g.generation
 where coalesce(c.position, 0) < %s and g.state <> 'kept'
 order by 2 limit 1
"""


class ReadModels:
    """A store that forgets (`crm_core.erasing.Forgets`).

    Rows are blanked by who applies the events, at that of the destroyed key, in the transaction
    that moves the checkpoint; so no older event can come after it and bring a value back. What is
    done here is to see that all have come by, and to drop those that never will: the generations
    that are kept for a way back. `pool` acts as the projector.
    """

    def __init__(self, pool: Pool, projections: Iterable[Projection]) -> None:
        self._pool = pool
        self._projections = [projection for projection in projections if projection.is_personal]

    async def forget(
        self, tenant_id: UUID, subject_ids: Sequence[UUID], destroyed_at: int
    ) -> Sequence[StoreReceipt]:
        """Raises Lagging while a generation has not come to the event."""
        async with self._pool.connection() as connection:
            dropped = await self._drop_kept(connection)
            behind = await connection.execute(_BEHIND, [tenant_id, destroyed_at])
            row = await behind.fetchone()
            if row is not None:
                raise Lagging(row[0], destroyed_at, row[1])
            receipts = [
                StoreReceipt(
                    store=f"read model {projection.name}",
                    count=await _rows_about(connection, projection, tenant_id, subject_ids),
                    note="rows are there without what was personal",
                )
                for projection in self._projections
            ]
        return [
            *receipts,
            StoreReceipt(
                store="read models kept for a way back",
                count=dropped,
                note="dropped; a rebuild makes new ones",
            ),
            StoreReceipt(
                store="database files",
                count=0,
                note="dead rows, statistics and WAL keep old values until `crm privacy scrub`",
            ),
        ]

    async def _drop_kept(self, connection: Connection) -> int:
        names = [projection.name for projection in self._projections]
        kept = [g for g in await generations_of(connection, names) if g.state is State.KEPT]
        for generation in kept:
            await drop_kept(connection, generation.projection)
        return len(kept)


async def _rows_about(
    connection: Connection, projection: Projection, tenant_id: UUID, subject_ids: Sequence[UUID]
) -> int:
    rows = 0
    for table in projection.tables:
        if table.about:
            found = await connection.execute(
                _count(table), [tenant_id, *[list(subject_ids)] * len(table.about)]
            )
            row = await found.fetchone()
            assert row is not None
            rows += int(row[0])
    return rows


def _count(table: Table[Any]) -> sql.Composed:
    return sql.SQL("select count(*) from read_model.{} where tenant_id = %s and ({})").format(
        sql.Identifier(table.name), table.about_sql
    )
