"""Subject access (GDPR article 15): everything that is held about a customer, as one JSON text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from psycopg import sql

from crm_core import Actor, Crm, RecordedEvent, Selection
from crm_core.access.records import kind_of
from crm_core.audit.readers import readers_of
from crm_core.audit.reads import How, Read, ReadLog
from crm_core.customers import Customer, merged_with
from crm_core.kernel.events import REDACTED, own_fields
from crm_core.ledger.postgres.connections import Pool
from crm_core.privacy import DisclosureKind, RecordDisclosure
from crm_projections.projection import Projection
from crm_projections.tables import Table

__all__ = ["subject_access"]


async def subject_access(
    crm: Crm,
    pool: Pool,
    read_log: ReadLog,
    projections: Iterable[Projection],
    customer_id: UUID,
    actor: Actor,
) -> bytes:
    """Events about the customer and all that are merged with it, decoded, read models' rows, and
    who read any of it, as far as that was recorded.

    `pool` may read the read models. That it left is recorded first, by a command of the actor's,
    and as a read: raises Denied without the right `personal_data.export`, NotFound, and what
    `ReadLog` does.
    """
    customer = await crm.get(Customer, customer_id)
    await crm.execute(
        RecordDisclosure(
            kind=DisclosureKind.SUBJECT_ACCESS, subject_id=customer_id, up_to=await crm.position()
        ),
        actor,
    )

    async def load(kind: type[Customer], record_id: UUID) -> Customer:
        return await crm.get(kind, record_id)

    subject_ids = [member.id for member in await merged_with(customer, load)]
    found: dict[int, RecordedEvent] = {}
    for subject_id in subject_ids:
        async for page in crm.events(Selection(subject_id=subject_id)):
            found |= {event.position: event for event in page}
    shown = {(kind_of(event.record_type), event.record_id): True for event in found.values()}
    held = {
        "subjects": subject_ids,
        "events": [_event(found[position]) for position in sorted(found)],
        "rows": {
            table.name: await _rows(crm, pool, table, subject_ids)
            for projection in projections
            for table in projection.tables
            if table.about
        },
        "reads": await readers_of(read_log, {record_id for _, record_id in shown}),
    }
    await read_log.record(Read(actor, How.SUBJECT_ACCESS, "subjectAccess", shown))
    return msgspec.json.format(msgspec.json.encode(held), indent=1)


def _event(event: RecordedEvent) -> dict[str, Any]:
    values = {name: getattr(event.data, name) for name in own_fields(type(event.data))}
    return {
        "position": event.position,
        "type": event.type,
        "record_type": event.record_type,
        "record_id": event.record_id,
        "happened_at": event.happened_at,
        "recorded_at": event.recorded_at,
        "actor_kind": event.actor.kind,
        "actor_id": event.actor.id,
        "data": {name: "REDACTED" if v is REDACTED else v for name, v in values.items()},
    }


async def _rows(
    crm: Crm, pool: Pool, table: Table[Any], subject_ids: list[UUID]
) -> list[dict[str, Any]]:
    statement = sql.SQL("select {} from read_model.{} where tenant_id = %s and ({})").format(
        sql.SQL(table.selected_sql), sql.Identifier(table.name), table.about_sql
    )
    async with pool.connection() as connection:
        found = await connection.execute(
            statement, [crm.tenant_id, *[subject_ids] * len(table.about)], binary=True
        )
        return [msgspec.structs.asdict(row) for row in table.rows_of(await found.fetchall())]
