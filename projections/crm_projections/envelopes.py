"""Read models with a row an event, each column a part of its envelope: PostgreSQL copies them.

What a column is, is said once (`_PARTS`), for Python and for SQL. No event travels to Python and
back, but for words that are sealed: PostgreSQL has no keys
(docs/decisions/0018-envelopes-are-copied-where-they-lie.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from crm_core import RecordedEvent
from crm_core.ledger.postgres.arrays import INT8, UUIDS, BinaryArray
from crm_core.ledger.records import APPLICATION
from crm_projections.generations import Connection
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Table

__all__ = ["EnvelopeProjection", "Words", "copy_span", "copy_streams", "is_copied_unread"]

_TEXTS_MAX = 2**24  # characters in one statement; JSON of PostgreSQL holds 2**28 bytes


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
    "customer_id": _Part("coalesce(subject_ids[1], stream_id)", "subject_id", "uuid"),
    "reason": _Part("reason", "reason", "text"),
    "source": _Part("regexp_replace(reason, ':[0-9]+$', '')", "source", "text"),
}


@dataclass(slots=True, repr=False)  # what is printed ends up in logs
class Words:
    """What Python has read of some events: the `text` of their rows, by position, and which rows
    of before have none any more: by a column, its value, and the position that they lie before.
    """

    texts: dict[int, str] = field(default_factory=dict)
    gone: defaultdict[str, list[tuple[UUID, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def settle(self, events: Iterable[RecordedEvent]) -> None:
        """Takes away what is gone of records whose events these are, from the first on."""
        ends = dict(self.gone.get("record_id", ()))
        for event in events if ends else ():
            stored = event.stored
            if stored.position < ends.get(stored.stream_id, 0):
                self.texts.pop(stored.position, None)

    def stretches(self, after: int, up_to: int) -> Iterator[dict[str, Any]]:
        """Parameters for the events in between: one stretch after the other, each with as many
        texts as one statement takes.
        """
        texts: dict[str, str] = {}
        left = _TEXTS_MAX
        for position, text in sorted(self.texts.items()):
            left -= len(text)
            if left < 0 and texts:
                yield {"after": after, "up_to": position - 1, "texts": _json(texts)}
                after, texts, left = position - 1, {}, _TEXTS_MAX - len(text)
            texts[str(position)] = text
        yield {"after": after, "up_to": up_to, "texts": _json(texts)}


def _json(texts: Mapping[str, str]) -> Jsonb:
    return Jsonb(texts, dumps=msgspec.json.encode)


class EnvelopeProjection(Projection):
    """Its one table has a row class whose fields are named as `_PARTS` names them.

    One that is not `envelope_only` has a field `text` as well, and reads it by `words`.
    """

    by_stream = True
    envelope_only = True
    taken_sql: ClassVar[str] = "true"
    """The condition on `ledger.event` for those that have a row, of the types that it reads."""

    def __init_subclass__(cls) -> None:
        """Raises TypeError for a table that cannot be copied: here, and not in the database."""
        super().__init_subclass__()
        for table in cls.__dict__.get("tables", ()):
            for column in table.columns:
                if column.name == "text" and not cls.envelope_only:
                    continue
                part = _PARTS.get(column.name)
                if part is None or part.type != column.sql_type:
                    raise TypeError(f"no envelope has `{column.name} {column.sql_type}`")

    @property
    def table(self) -> Table[Any]:
        return self.tables[0]

    @cached_property
    def word_types(self) -> frozenset[str]:
        """The types of events that `words` looks at."""
        return frozenset()

    def reads_type(self, event_type: str) -> bool:
        return event_type in self.word_types

    def words(self, events: Iterable[RecordedEvent]) -> Words:
        """What PostgreSQL cannot read of these events. As pure as `apply`."""
        return Words()

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], Any]]:
        return ()

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        names = self.table.column_names
        parts = self._parts_of(event.stored)
        rows.put(self.table, self.table.row(**dict(zip(names, parts, strict=True))))

    @cached_property
    def _parts_of(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*(_PARTS[name].attribute for name in self.table.column_names))


def is_copied_unread(projection: Projection) -> bool:
    """Whether no event has to be read for it."""
    return isinstance(projection, EnvelopeProjection) and projection.envelope_only


async def copy_span(
    connection: Connection,
    projection: EnvelopeProjection,
    into: str,
    tenant_id: UUID,
    *,
    after: int,
    up_to: int,
    skipped: Collection[int],
    words: Words,
) -> None:
    """Copies the events after one position and up to another; a row that is there stays, but for
    what it loses.
    """
    of = _parameters(projection, tenant_id, skipped)
    for stretch in words.stretches(after, up_to):
        await connection.execute(_statement(projection, into, "true"), of | stretch)
    for column, gone in words.gone.items():
        await connection.execute(
            _LOSE.format(sql.Identifier(into), sql.Identifier(column)),
            [*_arrays(gone), tenant_id],
            prepare=False,  # a plan that is kept may be of when there were no rows
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
    words: Words,
) -> None:
    """Copies the events up to a position of the streams from one to another, both included; what
    is gone is settled.
    """
    statement = _statement(projection, into, "stream_id between %(first)s and %(last)s")
    of = _parameters(projection, tenant_id, skipped) | {"first": first, "last": last}
    for stretch in words.stretches(0, up_to):
        # A plan that is kept knows no bounds, takes the positions for the narrower ones, and reads
        # the whole ledger for each part of it.
        await connection.execute(statement, of | stretch, prepare=False)


_LOSE: Final = sql.SQL(
    "update read_model.{} as said set text = null from unnest(%s, %s) as gone (id, at)"
    " where said.tenant_id = %s and said.{} = gone.id and said.position < gone.at"
    "   and said.text is not null"
)


def _arrays(gone: Iterable[tuple[UUID, int]]) -> tuple[BinaryArray, BinaryArray]:
    ids, positions = zip(*gone, strict=True)
    return BinaryArray(UUIDS, ids), BinaryArray(INT8, positions)


def _parameters(
    projection: EnvelopeProjection, tenant_id: UUID, skipped: Collection[int]
) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "skipped": list(skipped),
        "prefixes": list(projection.reads),
        "application": APPLICATION,
    }


# Looked up in what is sorted already: no join that could be planned for fewer rows.
_TEXT: Final = "%(texts)s ->> position::text"


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
            "   and position > %(after)s and position <= %(up_to)s"
            "   and not starts_with(stream_type, %(application)s) and {of_type}"
            "   and {taken} and position <> all(%(skipped)s::bigint[])"
            " on conflict do nothing"
        )
        .format(
            into=sql.Identifier(into),
            columns=sql.SQL(", ").join(map(sql.Identifier, projection.table.column_names)),
            parts=sql.SQL(", ").join(
                sql.SQL(_TEXT if name == "text" else _PARTS[name].sql)
                for name in projection.table.column_names
            ),
            taken=sql.SQL(projection.taken_sql),
            which=sql.SQL(which),
            of_type=sql.SQL(of_type),
        )
        .as_bytes(None)
    )
