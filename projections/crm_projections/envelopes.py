"""Read models with a row an event, each column a part of its envelope: PostgreSQL copies them.

What a column is, is said once (`_PARTS`), for Python and for SQL. No event travels to Python and
back (docs/decisions/0018-envelopes-are-copied-where-they-lie.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import sql

from crm_core import RecordedEvent
from crm_core.ledger.records import APPLICATION
from crm_projections.generations import Connection
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Table

__all__ = ["EnvelopeProjection", "copy_span", "copy_streams"]


class _Part(NamedTuple):
    """A part of an envelope: by columns of `ledger.event`, in a StoredEvent, and its SQL type."""

    sql: str
    attribute: str
    type: str


_PARTS: Final[Mapping[str, _Part]] = {
    "position": _Part("position", "position", "bigint"),
    "event_id": _Part("event_id", "event_id", "uuid"),
    "type": _Part("type", "type", "text"),
    "record_type": _Part("stream_type", "stream_type", "text"),
    "record_id": _Part("stream_id", "stream_id", "uuid"),
    "version": _Part("version", "version", "bigint"),
    "recorded_at": _Part("recorded_at", "recorded_at", "timestamptz"),
    "happened_at": _Part("coalesce(effective_at, recorded_at)", "happened_at", "timestamptz"),
    "actor_kind": _Part("actor_kind", "actor.kind", "text"),
    "actor_id": _Part("actor_id", "actor.id", "text"),
    "on_behalf_of": _Part("on_behalf_of", "actor.on_behalf_of", "text"),
    "command_id": _Part("command_id", "command_id", "uuid"),
    "correlation_id": _Part("correlation_id", "correlation_id", "uuid"),
    "causation_id": _Part("causation_id", "causation_id", "uuid"),
    "subject_id": _Part("coalesce(subject_ids[1], stream_id)", "subject_id", "uuid"),
    "reason": _Part("reason", "reason", "text"),
    "source": _Part("regexp_replace(reason, ':[0-9]+$', '')", "source", "text"),
}


class EnvelopeProjection(Projection):
    """Its one table has a row class whose fields are named as `_PARTS` names them."""

    by_stream = True
    envelope_only = True

    def __init_subclass__(cls) -> None:
        """Raises TypeError for a table that cannot be copied: here, and not in the database."""
        super().__init_subclass__()
        for table in cls.__dict__.get("tables", ()):
            for column in table.columns:
                part = _PARTS.get(column.name)
                if part is None or part.type != column.sql_type:
                    raise TypeError(f"no envelope has `{column.name} {column.sql_type}`")

    @property
    def table(self) -> Table[Any]:
        return self.tables[0]

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return ()

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        names = self.table.column_names
        parts = self._parts_of(event.stored)
        rows.put(self.table, self.table.row(**dict(zip(names, parts, strict=True))))

    @cached_property
    def _parts_of(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*(_PARTS[name].attribute for name in self.table.column_names))


async def copy_span(
    connection: Connection,
    projection: EnvelopeProjection,
    into: str,
    tenant_id: UUID,
    *,
    after: int,
    up_to: int,
    skipped: Collection[int],
) -> None:
    """Copies the events after one position and up to another; a row that is there stays."""
    await connection.execute(
        _statement(projection, into, "position > %(after)s and position <= %(up_to)s"),
        _parameters(projection, tenant_id, skipped) | {"after": after, "up_to": up_to},
    )


async def copy_streams(
    connection: Connection,
    projection: EnvelopeProjection,
    into: str,
    tenant_id: UUID,
    *,
    first: UUID,
    last: UUID,
    up_to: int,
    skipped: Collection[int],
) -> None:
    """Copies the events up to a position of the streams from one to another, both included."""
    await connection.execute(
        _statement(
            projection, into, "stream_id between %(first)s and %(last)s and position <= %(up_to)s"
        ),
        _parameters(projection, tenant_id, skipped)
        | {"first": first, "last": last, "up_to": up_to},
    )


def _parameters(
    projection: EnvelopeProjection, tenant_id: UUID, skipped: Collection[int]
) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "skipped": list(skipped),
        "prefixes": list(projection.reads),
        "application": APPLICATION,
    }


@lru_cache(maxsize=100)
def _statement(projection: EnvelopeProjection, into: str, which: str) -> bytes:
    of_type = (
        "exists (select from unnest(%(prefixes)s::text[]) as begin(of_type)"
        " where starts_with(type, of_type))"
        if projection.reads
        else "true"
    )
    return (
        sql.SQL(
            "insert into read_model.{into} (tenant_id, {columns})"
            " select tenant_id, {parts} from ledger.event where tenant_id = %(tenant)s and {which}"
            "   and not starts_with(stream_type, %(application)s) and {of_type}"
            "   and position <> all(%(skipped)s::bigint[])"
            " on conflict do nothing"
        )
        .format(
            into=sql.Identifier(into),
            columns=sql.SQL(", ").join(map(sql.Identifier, projection.table.column_names)),
            parts=sql.SQL(", ").join(
                sql.SQL(_PARTS[name].sql) for name in projection.table.column_names
            ),
            which=sql.SQL(which),
            of_type=sql.SQL(of_type),
        )
        .as_bytes(None)
    )
