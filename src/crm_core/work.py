"""The records that commands read and change, while they are being decided."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from crm_core.access.owned import Owned, OwnedRecords
from crm_core.access.records import kind_of, owner_of
from crm_core.access.rights import Rule
from crm_core.identity.breached import KnownPasswords
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import NotFound, Rejected, VersionConflict
from crm_core.kernel.events import Event
from crm_core.kernel.ids import Ids
from crm_core.kernel.messages import A, Request
from crm_core.ledger.aggregate_store import AggregateStore
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import fold
from crm_core.warrant import Warrant

__all__ = ["Batch", "CommandWork", "Part", "Plan", "refuse_taken"]


class Batch:
    """The records that a batch has read, each with what earlier commands of it decided."""

    def __init__(
        self, aggregates: AggregateStore, tenant_id: UUID, held: Mapping[HeldKey, UUID]
    ) -> None:
        self.tenant_id = tenant_id
        self.presumed_free: set[HeldKey] = set()
        self._aggregates = aggregates
        self._held: dict[HeldKey, UUID | None] = dict(held)
        self._records: dict[UUID, Aggregate | None] = {}
        self._decided: dict[UUID, list[Event]] = {}

    async def prefetch(self, record_ids: Iterable[UUID]) -> None:
        """Reads these records at once; those that do not exist are known to be absent."""
        wanted = {record_id for record_id in record_ids if record_id not in self._records}
        if not wanted:
            return
        stored = await self._aggregates.load(self.tenant_id, wanted)
        for record_id in wanted:
            decided = self._decided.get(record_id, ())
            self._records[record_id] = fold(decided, stored.get(record_id))

    async def find(self, record_id: UUID) -> Aggregate | None:
        if record_id not in self._records:
            await self.prefetch([record_id])
        return self._records[record_id]

    def has(self, record_id: UUID) -> bool:
        """Whether the record is known to exist; the append finds out where it is not known."""
        return self._records.get(record_id) is not None or record_id in self._decided

    async def decided(self) -> list[Aggregate]:
        """The records that commands of the batch have changed, as they are then."""
        await self.prefetch(self._decided)
        found = (self._records.get(record_id) for record_id in self._decided)
        return [record for record in found if record is not None]

    def has_decided(self, aggregate: Aggregate) -> bool:
        return aggregate.id in self._decided

    def accept(self, plan: Plan) -> Plan:
        """Later commands of the batch see what this one decided."""
        refuse_taken(plan, self._held)
        self.presumed_free |= plan.taken - self._held.keys()
        for part in plan.parts:
            self._records[part.aggregate.id] = part.aggregate
            if part.events:
                self._decided.setdefault(part.aggregate.id, []).extend(part.events)
            self._held |= dict.fromkeys(part.released)
        for part in plan.parts:
            self._held |= dict.fromkeys(part.taken, part.aggregate.id)
        return plan

    def forget(self, record_ids: Iterable[UUID]) -> None:
        """A refused command may have changed these half-way: they are read again when needed."""
        for record_id in record_ids:
            self._records.pop(record_id, None)


@dataclass(frozen=True, slots=True)
class Part:
    """What a command decided about one record."""

    aggregate: Aggregate
    base_version: int
    events: tuple[Event, ...]
    taken: frozenset[HeldKey]
    released: frozenset[HeldKey]
    is_personal: bool


@dataclass(frozen=True, slots=True)
class Plan:
    request: Request
    parts: tuple[Part, ...]

    @property
    def taken(self) -> set[HeldKey]:
        return {key for part in self.parts for key in part.taken}


def refuse_taken(plan: Plan, held: Mapping[HeldKey, UUID | None]) -> None:
    """Raises Rejected where the plan takes a key of a record that does not let go of it."""
    released = {key for part in plan.parts for key in part.released}
    for part in plan.parts:
        for key in sorted(part.taken - released):
            holder_id = held.get(key)
            if holder_id not in (None, part.aggregate.id):
                raise Rejected("claim.taken", kind=key.kind, holder_id=str(holder_id))


class _Before(NamedTuple):
    """A record, and what it was like before the command."""

    aggregate: Aggregate
    version: int
    held: frozenset[HeldKey] = frozenset()
    owner_id: UUID | None = None


class CommandWork:
    """`Work` for one command: remembers what each record was like before."""

    def __init__(
        self,
        batch: Batch,
        request: Request,
        ids: Ids,
        at: datetime,
        warrant: Warrant,
        breached: KnownPasswords | None,
        owned: OwnedRecords,
    ) -> None:
        self.ids = ids
        self._breached = breached
        self._warrant = warrant
        self._owned = owned
        self.tenant_id = batch.tenant_id
        self.actor = request.actor
        self.at = at
        self._batch = batch
        self._request = request
        self._before: dict[UUID, _Before] = {}
        self._guarded: set[UUID] = set()

    @property
    def touched(self) -> list[UUID]:
        return list(self._before)

    async def load(self, aggregate_class: type[A], record_id: UUID) -> A:
        aggregate = await self.find(aggregate_class, record_id)
        if aggregate is None:
            raise NotFound(aggregate_class.TOPIC, record_id)
        return aggregate

    async def find(self, aggregate_class: type[A], record_id: UUID) -> A | None:
        aggregate = await self._batch.find(record_id)
        if not isinstance(aggregate, aggregate_class):
            return None
        if not await self._warrant.shows(aggregate, self._batch.find):
            return None
        if record_id not in self._before:
            self._check_version(aggregate)
            aggregate.happening_at(self.at)
            owner_id = owner_of(kind_of(aggregate.TOPIC), aggregate)
            self._before[record_id] = _Before(
                aggregate, aggregate.version, aggregate.held_keys(), owner_id
            )
        return aggregate

    async def require(self, record: Aggregate, action: str) -> None:
        await self._warrant.require(record, action, self._batch.find)

    async def require_cover(self, rules: Iterable[Rule]) -> None:
        self._warrant.require_cover(rules)

    async def owned_by(self, user_id: UUID) -> Owned:
        decided = await self._batch.decided()
        return await self._warrant.owned_by(user_id, self._owned, decided)

    def reaches(self, kind: str, action: str, owner_id: UUID) -> bool:
        return self._warrant.reaches(kind, action, owner_id)

    async def is_breached(self, password: str) -> bool:
        known = self._breached
        return known is not None and await asyncio.to_thread(known.has, password)

    async def administrators(self) -> frozenset[UUID]:
        return await self._warrant.administrators()

    def add(self, aggregate: Aggregate) -> None:
        if self._batch.has(aggregate.id):
            raise Rejected("record.exists", kind=aggregate.TOPIC, id=str(aggregate.id))
        self._before[aggregate.id] = _Before(aggregate, 0)

    def guard(self, aggregate: Aggregate) -> None:
        self._guarded.add(aggregate.id)

    async def plan(self) -> Plan:
        """What was decided. Raises Denied where the actor's rights do not reach a record of it."""
        parts = []
        for aggregate, version, _, owner_before in list(self._before.values()):
            if version == 0:
                self._warrant.adopt(aggregate)
            elif aggregate.pending_events:
                await self._warrant.require_own_action(aggregate, self._batch.find)
            await self._warrant.refuse_gone(aggregate, owner_before)
        for aggregate, version, held, _ in self._before.values():
            events: tuple[Event, ...] = tuple(aggregate.collect_events())  # type: ignore[arg-type]
            # What an earlier command of the batch decided may yet be refused: that counts as read.
            if not (events or aggregate.id in self._guarded or self._batch.has_decided(aggregate)):
                continue
            now_held = aggregate.held_keys()
            parts.append(
                Part(
                    aggregate,
                    version,
                    events,
                    taken=now_held - held,
                    released=held - now_held,
                    is_personal=any(form_of(type(event)).is_personal for event in events),
                )
            )
        return Plan(self._request, tuple(parts))

    def _check_version(self, aggregate: Aggregate) -> None:
        expected = self._request.expected_version
        if expected is None or aggregate.id != self._request.command.target_id:
            return
        if aggregate.version != expected:
            raise VersionConflict(f"{aggregate.TOPIC}/{aggregate.id}", expected, aggregate.version)
