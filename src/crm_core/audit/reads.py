"""Who read which records: recorded before the answer goes out, asked by record and by reader.

A row is a request and not a record, and it has ids only: what was read is said nowhere in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.kernel.telemetry import span
from crm_core.kernel.together import Together
from crm_core.ledger.postgres.connections import Connection, Pool, asking_again
from crm_core.ledger.signal import Closed

__all__ = [
    "How", "ModeChange", "Read", "ReadLog", "ReadMode", "Record", "RecordRead", "RecordedRead",
]  # fmt: skip

log = structlog.get_logger()

READS_MAX = 100_000  # of the records of one question
_GROUP_MAX = 500  # requests in one statement


class ReadMode(StrEnum):
    """What is recorded."""

    OFF = "off"
    MATTERS = "matters"  # impersonators, exports, the audit trail, who could see what
    ALL = "all"  # and whoever is shown a record that has something personal


class How(StrEnum):
    """By which way a record was read; its values are stored."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"
    EXPORT = "export"
    CASE_FILE = "case file"
    SUBJECT_ACCESS = "subject access"
    CLI = "cli"


Record: TypeAlias = tuple[str, UUID]
"""A kind of record, such as `customer`, and an id."""


@dataclass(frozen=True, slots=True)
class Read:
    """One request of a reader. `records`: what was read, and whether a personal field of it was
    asked for; none, where it was about no single record. `request_id` is in the server's log too.
    """

    actor: Actor
    how: How
    operation: str
    records: Mapping[Record, bool]
    request_id: str = field(default_factory=lambda: new_id().hex)


class RecordedRead(NamedTuple):
    """A request that read one of the records that were asked for, and those of them it read."""

    read: Read
    recorded_at: datetime


class RecordRead(NamedTuple):
    """That a reader was shown a record: in how many requests, and when first and last."""

    kind: str
    record_id: UUID
    first: datetime
    last: datetime
    times: int
    personal: bool


class ModeChange(NamedTuple):
    since: datetime
    mode: ReadMode


class ReadLog:
    """The log of one tenant; `mode` says what this process records. Requests that come while a
    statement runs share the next one.
    """

    def __init__(self, pool: Pool, tenant_id: UUID, mode: ReadMode = ReadMode.MATTERS) -> None:
        self.mode = mode
        self._pool = pool
        self._tenant_id = tenant_id
        self._recording = Together(self._record_all, at_most=_GROUP_MAX)

    def records_all_of(self, actor: Actor, how: How | None = None) -> bool:
        """Whether every record that the actor is shown in this way is recorded."""
        if self.mode is ReadMode.MATTERS:
            impersonates = actor.kind is ActorKind.USER and actor.on_behalf_of is not None
            return impersonates or how is How.EXPORT
        return self.mode is ReadMode.ALL

    async def record(self, read: Read) -> None:
        """Stores it, unless nothing is recorded; what was read may be shown once this returns.

        Raises Unavailable `reads.not_recorded`.
        """
        if self.mode is ReadMode.OFF:
            return
        await self._recording.ask(read)

    async def _record_all(self, reads: Sequence[Read]) -> Sequence[None]:
        """Stores them in one statement; the server's log says why not."""
        rows = msgspec.json.encode([_row(read) for read in reads]).decode()

        async def insert(connection: Connection) -> None:
            await connection.execute(_INSERT, [self._tenant_id, rows], prepare=True)

        try:
            with span("reads.record", reads=len(reads)):
                await asking_again(self._pool, insert)
        except (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests, Closed, OSError) as error:
            log.error("reads.not_recorded", error=type(error).__name__)
            raise Unavailable("reads.not_recorded") from None
        return [None] * len(reads)

    async def begin(self) -> None:
        """Says in the log that this mode is in force from now on, where another one was."""
        async with self._pool.connection() as connection:
            await connection.execute(_BEGIN, {"tenant": self._tenant_id, "mode": self.mode})

    # --- asking -------------------------------------------------------------------------------

    async def modes(self) -> list[ModeChange]:
        """What was recorded from when on, in order; nothing is said of the time before the first.

        A server writes it when it begins: others that run beside it with another mode are not seen.
        """
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "select since, mode from audit.read_mode where tenant_id = %s order by since",
                [self._tenant_id],
            )
            return [ModeChange(at, ReadMode(mode)) for at, mode in await found.fetchall()]

    async def of(self, record_ids: Collection[UUID]) -> list[RecordedRead]:
        """The requests that read any of these records, in the order of their recording.

        Raises Rejected `reads.too_many` beyond 100,000 of them. An index finds them for who works
        for all tenants; behind a tenant's wall, its whole log is looked through.
        """
        async with self._pool.connection() as connection:
            found = await connection.execute(
                _OF, [self._tenant_id, list(record_ids), READS_MAX + 1]
            )
            rows = await found.fetchall()
        if len(rows) > READS_MAX:
            raise Rejected("reads.too_many", limit=READS_MAX)
        wanted = frozenset(record_ids)
        return [_read(row, wanted) for row in rows]

    async def by(
        self,
        reader_id: UUID,
        since: datetime,
        until: datetime,
        *,
        limit: int,
        after: UUID | None = None,
    ) -> list[RecordRead]:
        """What a user or an API key read in this span, ends included, in the order of the records'
        ids. A user reads what is read by the user's keys, and as somebody else.
        """
        async with self._pool.connection() as connection:
            found = await connection.execute(
                _BY,
                {
                    "tenant": self._tenant_id,
                    "reader": str(reader_id),
                    "since": since,
                    "until": until,
                    "after": after or UUID(int=0),
                    "limit": limit,
                },
            )
            return [RecordRead(*row) for row in await found.fetchall()]


_INSERT = """
insert into audit.reads (tenant_id, read_id, actor_kind, actor_id, on_behalf_of, request_id, how,
                         operation, record_kinds, record_ids, personal)
select %s, r.* from jsonb_to_recordset(%s) as r (
    read_id uuid, actor_kind text, actor_id text, on_behalf_of text, request_id text, how text,
    operation text, record_kinds text[], record_ids uuid[], personal boolean[])
on conflict do nothing  -- it was stored, and the answer lost with the connection
"""

_BEGIN = """
insert into audit.read_mode (tenant_id, mode)
select %(tenant)s, %(mode)s
 where %(mode)s is distinct from (
    select mode from audit.read_mode where tenant_id = %(tenant)s order by since desc limit 1)
"""

_OF = """
select recorded_at, actor_kind, actor_id, on_behalf_of, request_id, how, operation, record_kinds,
       record_ids, personal
  from audit.reads where tenant_id = %s and record_ids && %s::uuid[]
 order by recorded_at, read_id limit %s
"""

_BY = """
select of.kind, of.record_id, min(recorded_at), max(recorded_at), count(*), bool_or(of.personal)
  from audit.reads as r,
       unnest(r.record_kinds, r.record_ids, r.personal) as of (kind, record_id, personal)
 where tenant_id = %(tenant)s and recorded_at between %(since)s and %(until)s
   and (actor_id = %(reader)s or actor_kind = 'API_KEY' and on_behalf_of = %(reader)s)
   and of.record_id > %(after)s
 group by of.kind, of.record_id order by of.record_id limit %(limit)s
"""


def _row(read: Read) -> dict[str, object]:
    return {
        "read_id": new_id(),
        "actor_kind": read.actor.kind,
        "actor_id": read.actor.id,
        "on_behalf_of": read.actor.on_behalf_of,
        "request_id": read.request_id,
        "how": read.how,
        "operation": read.operation,
        "record_kinds": [kind for kind, _ in read.records],
        "record_ids": [record_id for _, record_id in read.records],
        "personal": list(read.records.values()),
    }


def _read(row: tuple[Any, ...], wanted: frozenset[UUID]) -> RecordedRead:
    recorded_at, actor_kind, actor_id, on_behalf_of, request_id, how, operation, *records = row
    among = {
        (kind, record_id): personal
        for kind, record_id, personal in zip(*records, strict=True)
        if record_id in wanted
    }
    actor = Actor(ActorKind(actor_kind), actor_id, on_behalf_of)
    return RecordedRead(Read(actor, How(how), operation, among, request_id), recorded_at)
