"""The one write path: access check → load and fold → decide → seal → append → receipt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from crm_core.access.owned import OwnedRecords
from crm_core.access.rights import Rights
from crm_core.authority import IDENTITY, Authority
from crm_core.identity.breached import KnownPasswords
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.errors import CrmError, Denied, Invalid, Rejected, VersionConflict
from crm_core.kernel.events import Event
from crm_core.kernel.ids import Ids
from crm_core.kernel.messages import Receipt, Request, validate
from crm_core.kernel.telemetry import count_commands, span, tell_denied
from crm_core.ledger.aggregate_store import AggregateStore
from crm_core.ledger.conflicts import name_the_intervening
from crm_core.ledger.records import Append, Appended, Claim, Expected, StreamAppend
from crm_core.ledger.snapshot_taker import SnapshotTaker
from crm_core.privacy.cipher import Cipher
from crm_core.warrant import Warrant
from crm_core.work import Batch, CommandWork, Part, Plan, refuse_taken

__all__ = ["BATCH_COMMANDS_MAX", "Execution"]

Outcome = TypeVar("Outcome")

BATCH_COMMANDS_MAX = 2_000
# The envelope is never encrypted, so nothing that a person typed belongs in it.
_REASON = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_ATTEMPTS_MAX = 8  # of a command that keeps losing races; then the conflict goes to the caller


class Execution:
    """Executes commands against one ledger."""

    def __init__(
        self,
        aggregates: AggregateStore,
        taker: SnapshotTaker,
        ids: Ids,
        authority: Authority,
        breached: KnownPasswords | None,
        owned: Callable[[], OwnedRecords],
    ) -> None:
        self._aggregates = aggregates
        self._store = aggregates.events
        self._taker = taker
        self._ids = ids
        self._authority = authority
        self._breached = breached
        self._owned = owned

    async def run(self, tenant_id: UUID, requests: Sequence[Request]) -> list[Receipt | CrmError]:
        """Decides and stores a batch in one transaction; one outcome each, in order.

        A refused command leaves no trace and harms no other. Those that lose a race are decided
        again on what is stored then, in their order, up to 8 times.
        """
        if len(requests) > BATCH_COMMANDS_MAX:
            raise Invalid("requests", f"at most {BATCH_COMMANDS_MAX} commands a batch")
        with span("crm.command", names=sorted({request.command.NAME for request in requests})):
            outcomes = await self._outcomes(tenant_id, requests)
        count_commands(requests, outcomes)
        tell_denied(requests, outcomes)
        return outcomes

    async def _outcomes(
        self, tenant_id: UUID, requests: Sequence[Request]
    ) -> list[Receipt | CrmError]:
        outcomes: dict[int, Receipt | CrmError] = {}
        waiting = dict(enumerate(requests))
        losses: Counter[int] = Counter()
        while waiting:
            outcomes_now = await self._attempt(tenant_id, waiting, losses)
            for index, outcome in outcomes_now.items():
                lost_race = isinstance(outcome, VersionConflict)
                if lost_race and requests[index].expected_version is None:
                    losses[index] += 1
                    if losses[index] < _ATTEMPTS_MAX:
                        continue
                outcomes[index] = outcome
                del waiting[index]
        await name_the_intervening(self._store.ledger, tenant_id, outcomes.values())
        return [
            await self._discreet(tenant_id, request, outcomes[index])
            for index, request in enumerate(requests)
        ]

    async def rehearse(self, tenant_id: UUID, request: Request) -> list[Event]:
        """The events that the command would record now; nothing is stored. Raises its refusal."""
        batch = Batch(self._aggregates, tenant_id, {})
        await batch.prefetch([request.command.target_id])
        try:
            plan = await self._decide(batch, request)
        except Denied as denied:
            tell_denied([request], [denied])
            raise
        try:
            refuse_taken(plan, await self._store.holders(tenant_id, plan.taken))
        except Rejected as refusal:
            raise await self._discreet(tenant_id, request, refusal) from None
        return [event for part in plan.parts for event in part.events]

    async def _discreet(
        self, tenant_id: UUID, request: Request, outcome: Outcome
    ) -> Outcome | Rejected:
        """The outcome; where a key is held by a record out of sight, without that record's id."""
        if not (isinstance(outcome, Rejected) and outcome.code == "claim.taken"):
            return outcome

        async def find(record_id: UUID) -> Aggregate | None:
            return (await self._aggregates.load(tenant_id, [record_id])).get(record_id)

        rights = await self._authority.rights(tenant_id, request.actor)
        if rights.reach(request.command.right()[0]).everything:
            return outcome
        warrant = Warrant(rights, request, self._authority)
        holder = await find(UUID(outcome.parameters["holder_id"]))
        if holder is not None and await warrant.shows(holder, find):
            return outcome
        return Rejected("claim.taken", kind=outcome.parameters["kind"], holder_id="?")

    async def _attempt(
        self, tenant_id: UUID, requests: dict[int, Request], losses: Mapping[int, int]
    ) -> dict[int, Receipt | CrmError]:
        """One round: the outcomes that are certain. The others are to be decided again.

        Commands of a batch are decided on what the earlier ones of it decided. Where the ledger
        refuses one of those, what the later ones were told may rest on what never happened, so of
        them only what was stored stands.
        """
        requests = _first_of_each_id(requests)
        outcomes = await self._replays(tenant_id, requests)
        todo = {index: r for index, r in requests.items() if index not in outcomes}
        plans, refusals = await self._decide_all(tenant_id, todo, losses)
        outcomes |= refusals
        if not plans:
            return outcomes
        appends: dict[int, Append] = {}
        ciphers = await self._ciphers(tenant_id, plans.values())
        for index, plan in plans.items():
            try:
                appends[index] = await self._append(tenant_id, plan, ciphers)
            except Rejected as refusal:  # its subject was erased
                outcomes[index] = refusal
        with span("crm.append", commands=len(appends)):
            stored = await self._store.ledger.append(tenant_id, list(appends.values()))
        outcomes |= {index: _outcome(s) for index, s in zip(appends, stored, strict=True)}
        self._note_commits(
            tenant_id, (plans[i] for i in appends if isinstance(outcomes[i], Receipt))
        )
        refused = [index for index in plans if isinstance(outcomes[index], CrmError)]
        certain_to = min(refused, default=max(requests))
        return {
            index: outcome
            for index, outcome in outcomes.items()
            if index <= certain_to or isinstance(outcome, Receipt)
        }

    def _note_commits(self, tenant_id: UUID, stored: Iterable[Plan]) -> None:
        for plan in stored:
            for part in plan.parts:
                version = part.base_version + len(part.events)
                self._taker.committed(tenant_id, part.aggregate.id, version)
                if part.events and part.aggregate.TOPIC.startswith(f"{IDENTITY}."):
                    self._authority.has_changed()

    async def _decide_all(
        self, tenant_id: UUID, requests: dict[int, Request], losses: Mapping[int, int]
    ) -> tuple[dict[int, Plan], dict[int, CrmError]]:
        """What each command would do after those before it, and which are refused.

        Keys are taken to be free at first. Where one is not, all is decided again knowing so: a
        refused claim changes what comes after it. A record that a command makes is not looked for
        before it has lost a race: the append finds out where it is there.
        """
        held: dict[HeldKey, UUID] = {}
        while True:
            batch = Batch(self._aggregates, tenant_id, held)
            await batch.prefetch(
                request.command.target_id
                for index, request in requests.items()
                if index in losses or not _is_new(request)
            )
            plans: dict[int, Plan] = {}
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

    async def _check_access(self, tenant_id: UUID, request: Request) -> Rights:
        """The actor's rights, once they allow the command on some record or other."""
        rights = await self._authority.rights(tenant_id, request.actor)
        rights.require(*request.command.right())
        return rights

    async def _decide(self, batch: Batch, request: Request) -> Plan:
        rights = await self._check_access(batch.tenant_id, request)
        validate(request.command)
        if request.reason is not None and not _REASON.fullmatch(request.reason):
            raise Invalid("reason", "is a code of up to 100 letters, digits and _ . : -")
        now = self._store.ledger.clock.now()
        if request.effective_at is not None and request.effective_at > now:
            raise Rejected("command.effective_in_future", effective_at=request.effective_at)
        warrant = Warrant(rights, request, self._authority)
        at = request.effective_at or now
        work = CommandWork(batch, request, self._ids, at, warrant, self._breached, self._owned())
        try:
            await request.command.handle(work)
            return batch.accept(await work.plan())
        except BaseException:
            batch.forget(work.touched)
            raise

    async def _ciphers(self, tenant_id: UUID, plans: Iterable[Plan]) -> dict[UUID, Cipher]:
        """What the personal fields of these plans are sealed with, by subject."""
        parts = [part for plan in plans for part in plan.parts if part.is_personal]
        subjects = {
            subject
            for part in parts
            for event in part.events
            for subject in (part.aggregate.subject_id, *event.also_about)
        }
        new = {part.aggregate.id for part in parts if part.base_version == 0}
        return await self._store.keyring.for_sealing(tenant_id, subjects, new) if subjects else {}

    async def _append(self, tenant_id: UUID, plan: Plan, ciphers: dict[UUID, Cipher]) -> Append:
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
        return Append(
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

    async def _claims(
        self, tenant_id: UUID, plan: Plan, keys: Callable[[Part], frozenset[HeldKey]]
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


def _is_new(request: Request) -> bool:
    """Whether the command's record is taken not to be there: it makes one, and expects none."""
    return request.command.makes_its_target() and request.expected_version is None


def _first_of_each_id(requests: dict[int, Request]) -> dict[int, Request]:
    """A command that stands twice in a batch waits for its own first result."""
    firsts: dict[UUID, int] = {}
    for index, request in requests.items():
        if request.command_id is not None:
            firsts.setdefault(request.command_id, index)
    return {
        index: request
        for index, request in requests.items()
        if request.command_id is None or firsts[request.command_id] == index
    }


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
