"""The one write path: access check → load and fold → decide → seal → append → receipt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from crm_core.access.rights import Rights
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import CrmError, Invalid, NotFound, Rejected, VersionConflict
from crm_core.kernel.events import Event
from crm_core.kernel.ids import Ids
from crm_core.kernel.messages import A, Actor, Command, Receipt, validate
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import EventStore, fold
from crm_core.ledger.records import Append, Appended, Claim, Expected, StreamAppend

__all__ = ["BATCH_COMMANDS_MAX", "Execution", "Request"]

BATCH_COMMANDS_MAX = 2_000
# The envelope is never encrypted, so nothing that a person typed belongs in it.
_REASON = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_ATTEMPTS_MAX = 8  # of a command that keeps losing races; then the conflict goes to the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command with what is known about its sending.

    `command_id`: named by a sender who may send it again; the first receipt is returned then.
    `effective_at`: when it happened, for what is entered later. `expected_version`: of the target;
    the command is refused, not decided again, where the record has moved on. `reason` is a code
    for the envelope, such as `import:sales`; what a person has to say belongs in the command.
    """

    command: Command
    actor: Actor
    command_id: UUID | None = None
    effective_at: datetime | None = None
    expected_version: int | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    reason: str | None = None


RightsOf = Callable[[UUID, Actor], Awaitable[Rights]]


class Execution:
    """Executes commands against one ledger."""

    def __init__(self, store: EventStore, ids: Ids, rights_of: RightsOf) -> None:
        self._store = store
        self._ids = ids
        self._rights_of = rights_of

    async def run(self, tenant_id: UUID, requests: Sequence[Request]) -> list[Receipt | CrmError]:
        """Decides and stores a batch in one transaction; one outcome each, in order.

        A refused command leaves no trace and harms no other. Those that lose a race are decided
        again on what is stored then, in their order, up to 8 times.
        """
        if len(requests) > BATCH_COMMANDS_MAX:
            raise Invalid("requests", f"at most {BATCH_COMMANDS_MAX} commands a batch")
        outcomes: dict[int, Receipt | CrmError] = {}
        waiting = dict(enumerate(requests))
        losses: Counter[int] = Counter()
        while waiting:
            for index, outcome in (await self._attempt(tenant_id, waiting)).items():
                lost_race = isinstance(outcome, VersionConflict)
                if lost_race and requests[index].expected_version is None:
                    losses[index] += 1
                    if losses[index] < _ATTEMPTS_MAX:
                        continue
                outcomes[index] = outcome
                del waiting[index]
        return [outcomes[index] for index in range(len(requests))]

    async def rehearse(self, tenant_id: UUID, request: Request) -> list[Event]:
        """The events that the command would record now; nothing is stored. Raises its refusal."""
        batch = _Batch(self._store, tenant_id, {})
        plan = await self._decide(batch, request)
        _refuse_taken(plan, await self._store.holders(tenant_id, plan.taken))
        return [event for part in plan.parts for event in part.events]

    async def _attempt(
        self, tenant_id: UUID, requests: dict[int, Request]
    ) -> dict[int, Receipt | CrmError]:
        """One round: the outcomes that are certain. The others are to be decided again.

        Commands of a batch are decided on what the earlier ones of it decided. Where the ledger
        refuses one of those, what the later ones were told may rest on what never happened, so of
        them only what was stored stands.
        """
        outcomes = await self._replays(tenant_id, requests)
        todo = {index: r for index, r in requests.items() if index not in outcomes}
        plans, refusals = await self._decide_all(tenant_id, todo)
        outcomes |= refusals
        if not plans:
            return outcomes
        appends = await self._appends(tenant_id, plans.values())
        stored = await self._store.ledger.append(tenant_id, appends)
        outcomes |= {index: _outcome(s) for index, s in zip(plans, stored, strict=True)}
        refused = [index for index in plans if isinstance(outcomes[index], CrmError)]
        certain_to = min(refused, default=max(requests))
        return {
            index: outcome
            for index, outcome in outcomes.items()
            if index <= certain_to or isinstance(outcome, Receipt)
        }

    async def _decide_all(
        self, tenant_id: UUID, requests: dict[int, Request]
    ) -> tuple[dict[int, _Plan], dict[int, CrmError]]:
        """What each command would do after those before it, and which are refused.

        Keys are taken to be free at first. Where one is not, all is decided again knowing so: a
        refused claim changes what comes after it.
        """
        held: dict[HeldKey, UUID] = {}
        while True:
            batch = _Batch(self._store, tenant_id, held)
            await batch.prefetch(request.command.target_id for request in requests.values())
            plans: dict[int, _Plan] = {}
            refusals: dict[int, CrmError] = {}
            for index, request in requests.items():
                try:
                    plans[index] = await self._decide(batch, request)
                except CrmError as refusal:
                    refusals[index] = refusal
            if len(requests) == 1:
                return plans, refusals  # nothing comes after it: the ledger's own check is enough
            found = await self._store.holders(tenant_id, batch.presumed_free - held.keys())
            if not found:
                return plans, refusals
            held |= found

    async def _replays(
        self, tenant_id: UUID, requests: dict[int, Request]
    ) -> dict[int, Receipt | CrmError]:
        """Commands that were executed before: they are answered, not decided again."""
        named = {r.command_id: index for index, r in requests.items() if r.command_id is not None}
        if not named:
            return {}
        replays: dict[int, Receipt | CrmError] = {}
        for command_id, first in (await self._store.ledger.results(tenant_id, named)).items():
            request = requests[named[command_id]]
            try:
                await self._check_access(tenant_id, request)
                fingerprint = await self._fingerprint(tenant_id, request)
                replays[named[command_id]] = _outcome(first.repeated(command_id, fingerprint))
            except CrmError as refusal:
                replays[named[command_id]] = refusal
        return replays

    async def _check_access(self, tenant_id: UUID, request: Request) -> None:
        kind, _, action = request.command.NAME.partition(".")
        (await self._rights_of(tenant_id, request.actor)).require(kind, action)

    async def _decide(self, batch: _Batch, request: Request) -> _Plan:
        await self._check_access(batch.tenant_id, request)
        validate(request.command)
        if request.reason is not None and not _REASON.fullmatch(request.reason):
            raise Invalid("reason", "is a code of up to 100 letters, digits and _ . : -")
        now = self._store.ledger.clock.now()
        if request.effective_at is not None and request.effective_at > now:
            raise Rejected("command.effective_in_future", effective_at=request.effective_at)
        await batch.prefetch([request.command.target_id])
        work = _Work(batch, request, self._ids, request.effective_at or now)
        try:
            await request.command.handle(work)
            return batch.accept(work.plan())
        except BaseException:
            batch.forget(work.touched)
            raise

    async def _appends(self, tenant_id: UUID, plans: Iterable[_Plan]) -> list[Append]:
        plans = list(plans)
        subjects = {
            part.aggregate.subject_id for plan in plans for part in plan.parts if part.is_personal
        }
        ciphers = await self._store.keyring.for_sealing(tenant_id, subjects) if subjects else {}
        appends = []
        for plan in plans:
            request = plan.request
            named = request.command_id is not None
            command_id = request.command_id or self._ids.new()
            streams = [
                StreamAppend(
                    part.aggregate.TOPIC,
                    part.aggregate.id,
                    part.base_version or Expected.NONE,
                    self._store.encode(
                        tenant_id,
                        part.aggregate.subject_id,
                        part.events,
                        [self._ids.new() for _ in part.events],
                        request.effective_at,
                        ciphers,
                    ),
                )
                for part in plan.parts
            ]
            appends.append(
                Append(
                    command_id=command_id,
                    actor=request.actor,
                    correlation_id=request.correlation_id or command_id,
                    causation_id=request.causation_id,
                    reason=request.reason,
                    streams=tuple(streams),
                    fingerprint=await self._fingerprint(tenant_id, request) if named else None,
                    take=await self._claims(tenant_id, plan, lambda part: part.taken),
                    release=await self._claims(tenant_id, plan, lambda part: part.released),
                )
            )
        return appends

    async def _claims(
        self, tenant_id: UUID, plan: _Plan, keys: Callable[[_Part], frozenset[HeldKey]]
    ) -> tuple[Claim, ...]:
        return tuple(
            [
                Claim(
                    key.kind,
                    await self._store.keyring.blind(tenant_id, key.kind, key.value),
                    part.aggregate.id,
                )
                for part in plan.parts
                for key in sorted(keys(part))
            ]
        )

    async def _fingerprint(self, tenant_id: UUID, request: Request) -> bytes:
        # Keyed, because the digest of a command with personal data would be personal data.
        content = msgspec.json.encode(request.command).decode()
        at = str(request.effective_at)
        return await self._store.keyring.blind(tenant_id, request.command.NAME, content, at)


class _Batch:
    """The records that a batch has read, each with what earlier commands of it decided."""

    def __init__(self, store: EventStore, tenant_id: UUID, held: Mapping[HeldKey, UUID]) -> None:
        self.tenant_id = tenant_id
        self.presumed_free: set[HeldKey] = set()
        self._store = store
        self._held: dict[HeldKey, UUID | None] = dict(held)
        self._records: dict[UUID, Aggregate | None] = {}
        self._decided: dict[UUID, list[Event]] = {}

    async def prefetch(self, record_ids: Iterable[UUID]) -> None:
        """Reads these records at once; those that do not exist are known to be absent."""
        wanted = {record_id for record_id in record_ids if record_id not in self._records}
        if not wanted:
            return
        streams: dict[UUID, list[Event]] = {record_id: [] for record_id in wanted}
        for recorded in await self._store.stream(self.tenant_id, wanted):
            streams[recorded.record_id].append(recorded.data)
        for record_id, events in streams.items():
            self._records[record_id] = fold([*events, *self._decided.get(record_id, ())])

    async def find(self, record_id: UUID) -> Aggregate | None:
        if record_id not in self._records:
            await self.prefetch([record_id])
        return self._records[record_id]

    def has(self, record_id: UUID) -> bool:
        """Whether the record is known to exist; the append finds out where it is not known."""
        return self._records.get(record_id) is not None or record_id in self._decided

    def has_decided(self, aggregate: Aggregate) -> bool:
        return aggregate.id in self._decided

    def accept(self, plan: _Plan) -> _Plan:
        """Later commands of the batch see what this one decided."""
        _refuse_taken(plan, self._held)
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
class _Part:
    """What a command decided about one record."""

    aggregate: Aggregate
    base_version: int
    events: tuple[Event, ...]
    taken: frozenset[HeldKey]
    released: frozenset[HeldKey]
    is_personal: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    request: Request
    parts: tuple[_Part, ...]

    @property
    def taken(self) -> set[HeldKey]:
        return {key for part in self.parts for key in part.taken}


def _refuse_taken(plan: _Plan, held: Mapping[HeldKey, UUID | None]) -> None:
    """Raises Rejected where the plan takes a key of a record that does not let go of it."""
    released = {key for part in plan.parts for key in part.released}
    for part in plan.parts:
        for key in sorted(part.taken - released):
            holder_id = held.get(key)
            if holder_id not in (None, part.aggregate.id):
                raise Rejected("claim.taken", kind=key.kind, holder_id=str(holder_id))


class _Work:
    """`Work` for one command: remembers what each record was like before."""

    def __init__(self, batch: _Batch, request: Request, ids: Ids, at: datetime) -> None:
        self.ids = ids
        self.tenant_id = batch.tenant_id
        self.actor = request.actor
        self.at = at
        self._batch = batch
        self._request = request
        self._before: dict[UUID, tuple[Aggregate, int, frozenset[HeldKey]]] = {}
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
        if record_id not in self._before:
            self._check_version(aggregate)
            aggregate.happening_at(self.at)
            self._before[record_id] = (aggregate, aggregate.version, aggregate.held_keys())
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        if self._batch.has(aggregate.id):
            raise Rejected("record.exists", kind=aggregate.TOPIC, id=str(aggregate.id))
        self._before[aggregate.id] = (aggregate, 0, frozenset())

    def guard(self, aggregate: Aggregate) -> None:
        self._guarded.add(aggregate.id)

    def plan(self) -> _Plan:
        parts = []
        for aggregate, version, held in self._before.values():
            events: tuple[Event, ...] = tuple(aggregate.collect_events())  # type: ignore[arg-type]
            # What an earlier command of the batch decided may yet be refused: that counts as read.
            if not (events or aggregate.id in self._guarded or self._batch.has_decided(aggregate)):
                continue
            now_held = aggregate.held_keys()
            parts.append(
                _Part(
                    aggregate,
                    version,
                    events,
                    taken=now_held - held,
                    released=held - now_held,
                    is_personal=any(form_of(type(event)).is_personal for event in events),
                )
            )
        return _Plan(self._request, tuple(parts))

    def _check_version(self, aggregate: Aggregate) -> None:
        expected = self._request.expected_version
        if expected is None or aggregate.id != self._request.command.target_id:
            return
        if aggregate.version != expected:
            raise VersionConflict(f"{aggregate.TOPIC}/{aggregate.id}", expected, aggregate.version)


def _outcome(stored: Appended | CrmError) -> Receipt | CrmError:
    if isinstance(stored, CrmError):
        return stored
    return Receipt(
        stored.command_id,
        stored.event_ids,
        stored.last_position,
        stored.recorded_at,
        stored.replayed,
    )
