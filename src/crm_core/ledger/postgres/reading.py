"""Reading the ledger in PostgreSQL.

What is asked all the time goes over wires, prepared; the rest over the pool. A question whose
answer was lost with its connection is asked again, once: the server may have been restarted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from crm_core.ledger.admission import Remembered
from crm_core.ledger.postgres.arrays import INT4, INT8, TIMESTAMPTZ, UUIDS, array, bare
from crm_core.ledger.postgres.careful import EVENT_COLUMNS, select_holders, select_results
from crm_core.ledger.postgres.connections import Connection, Pool, asking_again
from crm_core.ledger.postgres.rows import stored_events
from crm_core.ledger.postgres.selecting import page_query
from crm_core.ledger.postgres.wire import Statement
from crm_core.ledger.postgres.wires import Wires
from crm_core.ledger.records import Head, StoredEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.ledger.watch import Pauses, Relay, Watch

__all__ = ["PostgresReader"]

Rows: TypeAlias = list[tuple[Any, ...]]

_LAST_VERSION = 2**31 - 1
_LAST_POSITION = 2**63 - 1  # no ledger gets this far
_NEAR_POSITIONS = 100  # so few are read as they come, and selected here
_WIRES = 4

_FOLLOWING = Statement(
    f"select {EVENT_COLUMNS} from ledger.event"
    " where tenant_id = $1 and position > $2 and position <= $3 order by position limit $4",
    [UUIDS.oid, INT8.oid, INT8.oid, INT8.oid],
)
# Stream by stream, by the key of streams: a new table without statistics would else be read by its
# positions from the first to the last.
_STREAMS = Statement(
    "select found.* from unnest($2) as wanted (stream_id) cross join lateral ("
    f"select {EVENT_COLUMNS} from ledger.event as e"
    " where e.tenant_id = $1 and e.stream_id = wanted.stream_id"
    " and version > $3 and version <= $4 and position <= $5 order by version"
    ") as found order by position",
    [UUIDS.oid, UUIDS.array_oid, INT4.oid, INT4.oid, INT8.oid],
)
_HEAD = Statement("select position, recorded_at from ledger.head where tenant_id = $1", [UUIDS.oid])
_HEADS_OF = Statement(
    "select tenant_id, position from ledger.head where tenant_id = any($1)", [UUIDS.array_oid]
)
_LAST_OF_STREAM = Statement(
    "select version from ledger.event where tenant_id = $1 and stream_id = $2"
    " order by version desc limit 1",
    [UUIDS.oid, UUIDS.oid],
)
_POSITION_AT = Statement("select ledger.position_at($1, $2)", [UUIDS.oid, TIMESTAMPTZ.oid])


class PostgresReader:
    """The half of the ledger that changes nothing.

    `relay` carries wake-ups between processes; `pauses` are those between two looks at the heads.
    With another one `beside` it, of the same database, it is that one that looks, for both.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        relay: Relay | None,
        pauses: Pauses,
        beside: PostgresReader | None = None,
    ) -> None:
        self._pool = pool
        self._wires = Wires(pool, size=_WIRES)
        self._looks_itself = beside is None
        self._signal: Watch = (
            Watch(self._look, pauses=pauses, relay=relay) if beside is None else beside._signal
        )

    # --- events -------------------------------------------------------------------------------

    async def stream(
        self,
        tenant_id: UUID,
        stream_ids: Collection[UUID],
        *,
        after_version: int = 0,
        up_to_version: int | None = None,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        answer = await self._wires.run(
            _STREAMS,
            [
                tenant_id.bytes,
                array(UUIDS, map(UUIDS.encode, set(stream_ids))),
                bare(INT4, after_version),
                bare(INT4, _LAST_VERSION if up_to_version is None else up_to_version),
                bare(INT8, _LAST_POSITION if up_to is None else up_to),
            ],
        )
        return stored_events(answer, tenant_id)

    async def last_version(self, tenant_id: UUID, stream_id: UUID) -> int:
        found = _rows(await self._wires.run(_LAST_OF_STREAM, [tenant_id.bytes, stream_id.bytes]))
        return int(found[0][0]) if found else 0

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: int,
        limit: int,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
    ) -> Page[StoredEvent]:
        if selection == EVERYTHING:
            return await self._following(tenant_id, after, up_to, limit)
        if up_to is None or up_to - after > _NEAR_POSITIONS:
            head = (await self.head(tenant_id)).position
            up_to = head if up_to is None else min(head, up_to)
        if up_to <= after:
            return Page((), after)
        if up_to - after <= _NEAR_POSITIONS:
            near = await self._following(tenant_id, after, up_to, _NEAR_POSITIONS)
            return selection.page_of(near, after=after, limit=limit)
        query = page_query(tenant_id, selection, after=after, up_to=up_to, limit=limit)
        # Not prepared: a plan for these values, not one for any.
        found = stored_events(await self._ask(*query, prepare=False), tenant_id)
        return Page(found, found[-1].position if len(found) == limit else up_to)

    async def _following(
        self, tenant_id: UUID, after: int, up_to: int | None, limit: int
    ) -> Page[StoredEvent]:
        answer = await self._wires.run(
            _FOLLOWING,
            [
                tenant_id.bytes,
                bare(INT8, after),
                bare(INT8, _LAST_POSITION if up_to is None else up_to),
                bare(INT8, limit),
            ],
        )
        found = stored_events(answer, tenant_id)
        return Page(found, found[-1].position if found else after)

    # --- where ledgers end --------------------------------------------------------------------

    async def head(self, tenant_id: UUID) -> Head:
        found = _rows(await self._wires.run(_HEAD, [tenant_id.bytes]))
        return Head(*found[0]) if found else Head(0, None)

    async def heads(self) -> dict[UUID, int]:
        found = await self._ask("select tenant_id, position from ledger.head where position > 0")
        return dict(_rows(found))

    async def position_at(self, tenant_id: UUID, moment: datetime) -> int:
        answer = await self._wires.run(_POSITION_AT, [tenant_id.bytes, bare(TIMESTAMPTZ, moment)])
        return int(_rows(answer)[0][0])

    async def wait(self, tenant_id: UUID, *, after: int, seconds: float | None) -> int:
        return await self._signal.wait(tenant_id, after, seconds)

    async def _look(self, tenant_ids: Collection[UUID]) -> dict[UUID, int]:
        wanted = array(UUIDS, map(UUIDS.encode, tenant_ids))
        return dict(_rows(await self._wires.run(_HEADS_OF, [wanted])))

    # --- commands, keys, marks ----------------------------------------------------------------

    async def results(
        self, tenant_id: UUID, command_ids: Collection[UUID]
    ) -> dict[UUID, Remembered]:
        return await asking_again(
            self._pool, lambda connection: select_results(connection, tenant_id, command_ids)
        )

    async def holders(
        self, tenant_id: UUID, keys: Collection[tuple[str, bytes]]
    ) -> dict[tuple[str, bytes], UUID]:
        return await asking_again(
            self._pool, lambda connection: select_holders(connection, tenant_id, keys)
        )

    async def tracked(self, tenant_id: UUID, upstream: str) -> int | None:
        found = _rows(
            await self._ask(
                "select position from ledger.tracking"
                " where tenant_id = %(tenant)s and upstream = %(upstream)s",
                {"tenant": tenant_id, "upstream": upstream},
            )
        )
        return int(found[0][0]) if found else None

    async def close(self) -> None:
        if self._looks_itself:
            await self._signal.close()
        await self._wires.close()
        await self._pool.close()

    async def _ask(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        prepare: bool | None = None,
    ) -> PGresult:
        async def ask(connection: Connection) -> PGresult:
            cursor = await connection.execute(query, parameters, binary=True, prepare=prepare)
            assert cursor.pgresult is not None
            return cursor.pgresult

        return await asking_again(self._pool, ask)


def _rows(answer: PGresult) -> Rows:
    loading = Transformer()
    loading.set_pgresult(answer)
    return loading.load_rows(0, answer.ntuples, tuple)
