"""What users own, by the read models: the same answers as `crm_core.owned` has from the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from psycopg import sql

from crm_core import Crm
from crm_core.access.owned import OwnedRecord
from crm_core.access.records import OPEN_STATUSES, OWNER_FIELDS
from crm_core.access.rights import EVERYTHING, Reach
from crm_core.ledger.postgres.connections import Pool
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.sales_pipeline.tables import OPPORTUNITIES
from crm_projections.shown import require_shown
from crm_projections.tables import Table
from crm_projections.task_list.projection import TASKS
from crm_projections.ticket_queue.projection import TICKETS

__all__ = ["OWNED", "ReadModelOwned"]

OWNED: Final[Mapping[str, Table[Any]]] = {
    "customer": CUSTOMERS,
    "opportunity": OPPORTUNITIES,
    "task": TASKS,
    "ticket": TICKETS,
}
"""By kind, in their order, the table with a row for each record."""

_ASKED: Final = ("customer_directory", "sales_pipeline", "task_list", "ticket_queue")

_COUNT: Final = """
select count(*) from read_model.{table}
 where tenant_id = %(tenant)s and {owner} = %(owner)s and status = any(%(open)s)
   and (%(everything)s or {key} = any(%(records)s)) and {key} <> all(%(without)s)
"""
_PAGE: Final = """
select {key}, {owner}, version from read_model.{table}
 where tenant_id = %(tenant)s and {owner} = any(%(owners)s) and status = any(%(open)s)
   and {key} > %(after)s
 order by {key} limit %(limit)s
"""
_FIRST: Final = UUID(int=0)


class ReadModelOwned:
    """The records of one tenant. `pool` may read the read models."""

    def __init__(self, crm: Crm, pool: Pool) -> None:
        self._crm = crm
        self._pool = pool

    async def count(
        self, owner_id: UUID, within: Mapping[str, Reach], without: Collection[UUID] = ()
    ) -> dict[str, int]:
        await self._require_shown()
        counts: dict[str, int] = {}
        for kind in OWNED:
            reach = within.get(kind, Reach())
            everything = reach == EVERYTHING or owner_id in reach.owners
            if not everything and not reach.records:
                continue
            ((count,),) = await self._rows(
                _COUNT,
                kind,
                owner=owner_id,
                everything=everything,
                records=list(reach.records),
                without=list(without),
            )
            if count:
                counts[kind] = count
        return counts

    async def page(
        self, owner_ids: Collection[UUID], *, after: tuple[str, UUID] | None, limit: int
    ) -> list[OwnedRecord]:
        if after is None:
            await self._require_shown()
        kind_after, id_after = after or ("", _FIRST)
        found: list[OwnedRecord] = []
        for kind in OWNED:
            if kind < kind_after or len(found) >= limit:
                continue
            rows = await self._rows(
                _PAGE,
                kind,
                owners=list(owner_ids),
                after=id_after if kind == kind_after else _FIRST,
                limit=limit - len(found),
            )
            found += [OwnedRecord(kind, key, owner, version) for key, owner, version in rows]
        return found

    async def _require_shown(self) -> None:
        """Who looks to own nothing would leave, and what is owned stay behind."""
        position = await self._crm.position()
        await require_shown(self._pool, self._crm.tenant_id, position, _ASKED)

    async def _rows(self, text: str, kind: str, **given: Any) -> list[tuple[Any, ...]]:
        table = OWNED[kind]
        statement = sql.SQL(text).format(
            table=sql.Identifier(table.name),
            key=sql.Identifier(table.key[0]),
            owner=sql.Identifier(OWNER_FIELDS[kind]),
        )
        asked = {"tenant": self._crm.tenant_id, "open": list(OPEN_STATUSES[kind]), **given}
        async with self._pool.connection() as connection:
            return await (await connection.execute(statement, asked)).fetchall()
