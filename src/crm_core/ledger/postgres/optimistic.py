"""Storing a group of plain appends by one statement, which commits by itself: one round trip.

The statement moves the heads of the group's tenants, each under its row lock, and inserts the
events at head + 1, head + 2 and so on. It decides nothing. What an append expects is held by the
keys of the tables: a version, a unique key or a command id that is taken already is a unique
violation, and the group then goes the careful way (`careful`), where each append is judged alone.

A version that is expected too high would break no key, so the statement looks for it: if it is not
there, no head is moved and nothing is stored. What it finds stays true however long the statement
then waits for a head, because nothing in the ledger is ever removed. It asks in the order of the
versions of a stream, which only their key has: without statistics, as in a new database, an index
that reads all of a tenant would look as good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from struct import Struct as Layout
from uuid import UUID

from psycopg.pq.abc import PGresult

from crm_core.ledger.limits import too_large
from crm_core.ledger.postgres.arrays import (
    BYTEA,
    INT2,
    INT4,
    INT8,
    NULL,
    TEXT,
    TIMESTAMPTZ,
    UNENCODABLE,
    UUIDS,
    ElementType,
    array,
    literal,
)
from crm_core.ledger.postgres.wire import Statement, Wire
from crm_core.ledger.records import (
    Append,
    Appended,
    Expected,
    NewEvent,
    StreamAppend,
)

__all__ = ["PlainAppends", "plain", "store_plain"]

_EVENT: dict[str, ElementType] = {
    "event_id": UUIDS, "stream_type": TEXT, "stream_id": UUIDS, "version": INT4, "type": TEXT,
    "schema_version": INT2, "effective_at": TIMESTAMPTZ, "actor_kind": TEXT, "actor_id": TEXT,
    "on_behalf_of": TEXT, "command_id": UUIDS, "correlation_id": UUIDS, "causation_id": UUIDS,
    "reason": TEXT, "subject_ids": TEXT, "tags": TEXT, "data": BYTEA,
}  # fmt: skip
_CLAIM: dict[str, ElementType] = {"kind": TEXT, "key": BYTEA, "holder_id": UUIDS}
_COMMAND: dict[str, ElementType] = {
    "command_id": UUIDS, "fingerprint": BYTEA, "first": INT8, "last": INT8, "event_ids": TEXT,
}  # fmt: skip
_EMPTY = TEXT.encode("{}")
_MOMENT = Layout("!q")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class PlainAppends:
    """A caller's appends, encoded: a row of cells for each event, claim and named command.

    `begins` has the version that each stream must be at, `ends` the one it is at then.
    """

    tenant_id: UUID
    begins: dict[UUID, int] = field(default_factory=dict)
    ends: dict[UUID, int] = field(default_factory=dict)
    events: list[tuple[bytes, ...]] = field(default_factory=list)
    claims: list[tuple[bytes, ...]] = field(default_factory=list)
    commands: list[tuple[bytes, bytes, int, int, bytes]] = field(default_factory=list)


def plain(tenant_id: UUID, appends: Sequence[Append]) -> PlainAppends | None:
    """The appends made ready for the statement, or None where they need the careful way.

    That is: a version that is not exact, a stream that is only read, a condition, a tracking mark,
    a key that is given back, nothing to store, a stream that one append names twice, appends that
    contradict each other, or a value that no column takes.
    """
    try:
        return _encoded(tenant_id, appends)
    except UNENCODABLE:
        return None


def _encoded(tenant_id: UUID, appends: Sequence[Append]) -> PlainAppends | None:
    made = PlainAppends(tenant_id)
    for append in appends:
        if append.condition or append.tracking or append.release or not append.streams:
            return None
        if too_large(append) or _names_a_stream_twice(append):
            return None
        first = len(made.events) + 1
        for stream in append.streams:
            version = 0 if stream.expected is Expected.NONE else stream.expected
            if isinstance(version, Expected) or not stream.events:
                return None
            if made.ends.setdefault(stream.stream_id, version) != version:
                return None
            made.begins.setdefault(stream.stream_id, version)
            made.ends[stream.stream_id] = version + len(stream.events)
            made.events += _event_rows(append, stream, version)
        made.claims += [
            (TEXT.encode(claim.kind), BYTEA.encode(claim.key), UUIDS.encode(claim.holder_id))
            for claim in append.take
        ]
        if append.fingerprint is not None:
            ids = literal(append.event_ids)
            made.commands.append(
                (UUIDS.encode(append.command_id), BYTEA.encode(append.fingerprint), first,
                 len(made.events), TEXT.encode(ids))
            )  # fmt: skip
    return made


def _names_a_stream_twice(append: Append) -> bool:
    return len({stream.stream_id for stream in append.streams}) < len(append.streams)


def _event_rows(append: Append, stream: StreamAppend, version: int) -> list[tuple[bytes, ...]]:
    text, uuid = TEXT.encode, UUIDS.encode
    actor = append.actor
    stream_type, stream_id = text(stream.stream_type), uuid(stream.stream_id)
    whose = (
        text(actor.kind.value),
        text(actor.id),
        NULL if actor.on_behalf_of is None else text(actor.on_behalf_of),
        uuid(append.command_id),
        uuid(append.correlation_id),
        NULL if append.causation_id is None else uuid(append.causation_id),
        NULL if append.reason is None else text(append.reason),
    )
    return [
        (
            uuid(event.event_id),
            stream_type,
            stream_id,
            INT4.encode(number),
            text(event.type),
            INT2.encode(event.schema_version),
            NULL if event.effective_at is None else TIMESTAMPTZ.encode(event.effective_at),
            *whose,
            *_lists(event),
            BYTEA.encode(event.data),
        )
        for number, event in enumerate(stream.events, start=version + 1)
    ]


def _lists(event: NewEvent) -> tuple[bytes, bytes]:
    return (
        TEXT.encode(literal(event.subject_ids)) if event.subject_ids else _EMPTY,
        TEXT.encode(literal(event.tags)) if event.tags else _EMPTY,
    )


async def store_plain(
    wire: Wire, now: datetime, group: Sequence[tuple[PlainAppends, Sequence[Append]]]
) -> list[list[Appended] | None]:
    """Stores the group; the outcomes of each of its callers, in order.

    None for a caller of whom nothing was stored, though no key was broken: a version that he
    expects is not there yet, for him or for another of the group, or his tenant has no head.
    Raises psycopg.errors.UniqueViolation where a key was broken; nothing is stored then.
    """
    counts: dict[UUID, int] = {}
    starts = []
    for made, _ in group:
        start = counts.get(made.tenant_id, 0)
        starts.append(start)
        counts[made.tenant_id] = start + len(made.events)
    has_claims = any(made.claims for made, _ in group)
    has_commands = any(made.commands for made, _ in group)
    statement = _statement(len(counts) > 1, has_claims, has_commands)
    parameters = [
        array(UUIDS, map(UUIDS.encode, counts)),
        array(INT8, map(INT8.encode, counts.values())),
        _MOMENT.pack((now - _EPOCH) // _TICK),
        *_checks(group),
        *_events(group, starts),
    ]
    if has_claims:
        parameters += _claims(group)
    if has_commands:
        parameters += _commands(group, starts)
    bases = _bases(await wire.run(statement, parameters))
    return [
        _outcomes(appends, start, *bases[made.tenant_id]) if made.tenant_id in bases else None
        for (made, appends), start in zip(group, starts, strict=True)
    ]


# --- the statement --------------------------------------------------------------------------------


@cache
def _statement(many_tenants: bool, claims: bool, commands: bool) -> Statement:
    oids: list[int] = []

    def taken(*types: ElementType) -> str:
        """These columns as the next parameters."""
        first = len(oids) + 1
        oids.extend(of.array_oid for of in types)
        return f"unnest({', '.join(f'${first + i}' for i in range(len(types)))})"

    batch = f"select * from {taken(UUIDS, INT8)} as given (tenant_id, events)"
    if many_tenants:  # in one order for all, so that two processes cannot lock each other out
        batch = f"""select given.* from ({batch}) as given join (
            select tenant_id from ledger.head where tenant_id = any($1)
             order by tenant_id for update) as locked using (tenant_id)"""
    oids.append(TIMESTAMPTZ.oid)
    names = ", ".join(_EVENT)
    values = names.replace("subject_ids", "subject_ids::uuid[]").replace("tags", "tags::text[]")
    parts = [
        f"batch as materialized ({batch})",
        f"""moved as (
    update ledger.head as h
       set position = h.position + batch.events,
           recorded_at = greatest($3, h.recorded_at + interval '1 microsecond')
                       + (batch.events - 1) * interval '1 microsecond'
      from batch
     where h.tenant_id = batch.tenant_id
       and not exists (
           select from {taken(UUIDS, UUIDS, INT4)} as expected (tenant_id, stream_id, version)
            where (select e.version from ledger.event as e
                    where e.tenant_id = expected.tenant_id and e.stream_id = expected.stream_id
                      and e.version >= expected.version order by e.version limit 1) is null)
    returning h.tenant_id, h.position - batch.events as base,
              h.recorded_at - (batch.events - 1) * interval '1 microsecond' as since
)""",
        f"""stored as (
    insert into ledger.event (tenant_id, position, recorded_at, {names})
    select tenant_id, base + place, since + (place - 1) * interval '1 microsecond', {values}
      from {taken(UUIDS, INT8, *_EVENT.values())} as new (tenant_id, place, {names})
      join moved using (tenant_id)
)""",
    ]
    if claims:
        parts.append(f"""claimed as (
    insert into ledger.claim (tenant_id, kind, key, holder_id)
    select tenant_id, kind, key, holder_id
      from {taken(UUIDS, *_CLAIM.values())} as new (tenant_id, kind, key, holder_id)
      join moved using (tenant_id)
)""")
    if commands:
        parts.append(f"""remembered as (
    insert into ledger.command (tenant_id, command_id, fingerprint, first_position, last_position,
                                event_ids, recorded_at)
    select tenant_id, command_id, fingerprint, base + first, base + last, event_ids::uuid[],
           since + (last - 1) * interval '1 microsecond'
      from {taken(UUIDS, *_COMMAND.values())} as new (tenant_id, {", ".join(_COMMAND)})
      join moved using (tenant_id)
)""")
    text = "with " + ",\n".join(parts) + "\nselect tenant_id, base, since from moved"
    return Statement(text, oids)


# --- its parameters and its answer ----------------------------------------------------------------

Group = Sequence[tuple[PlainAppends, Sequence[Append]]]


def _checks(group: Group) -> list[bytes]:
    """The versions that must be there; those that the group itself makes are not looked for."""
    wanted = {
        (made.tenant_id, stream_id): version
        for made, _ in reversed(group)  # the first of the group to name a stream has the last word
        for stream_id, version in made.begins.items()
    }
    there = [(*stream, version) for stream, version in wanted.items() if version > 0]
    return _columns((UUIDS, UUIDS, INT4), [
        (UUIDS.encode(tenant), UUIDS.encode(stream), INT4.encode(version))
        for tenant, stream, version in there
    ])  # fmt: skip


def _events(group: Group, starts: Sequence[int]) -> list[bytes]:
    tenants, places = [], []
    for (made, _), start in zip(group, starts, strict=True):
        tenants += [UUIDS.encode(made.tenant_id)] * len(made.events)
        places += [INT8.encode(start + i) for i in range(1, len(made.events) + 1)]
    rows = list(chain.from_iterable(made.events for made, _ in group))
    return [array(UUIDS, tenants), array(INT8, places), *_columns(tuple(_EVENT.values()), rows)]


def _claims(group: Group) -> list[bytes]:
    rows = [
        (UUIDS.encode(made.tenant_id), *claim) for made, _ in group for claim in made.claims
    ]  # fmt: skip
    return _columns((UUIDS, *_CLAIM.values()), rows)


def _commands(group: Group, starts: Sequence[int]) -> list[bytes]:
    rows = [
        (
            UUIDS.encode(made.tenant_id),
            command_id,
            fingerprint,
            INT8.encode(start + first),
            INT8.encode(start + last),
            event_ids,
        )
        for (made, _), start in zip(group, starts, strict=True)
        for command_id, fingerprint, first, last, event_ids in made.commands
    ]
    return _columns((UUIDS, *_COMMAND.values()), rows)


def _columns(types: Sequence[ElementType], rows: Sequence[tuple[bytes, ...]]) -> list[bytes]:
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    return [array(of, cells) for of, cells in zip(types, columns, strict=True)]


def _bases(answer: PGresult) -> dict[UUID, tuple[int, datetime]]:
    """By tenant: the position before its first event, and when that event was recorded."""
    bases = {}
    for row in range(answer.ntuples):
        tenant, base, since = (answer.get_value(row, column) or b"" for column in range(3))
        moment = _EPOCH + _MOMENT.unpack(since)[0] * _TICK
        bases[UUID(bytes=bytes(tenant))] = (_MOMENT.unpack(base)[0], moment)
    return bases


def _outcomes(appends: Sequence[Append], start: int, base: int, since: datetime) -> list[Appended]:
    outcomes = []
    for append in appends:
        start += append.size
        recorded_at = since + (start - 1) * _TICK
        outcomes.append(Appended(append.command_id, append.event_ids, base + start, recorded_at))
    return outcomes
