"""The CRM as a Python object: open it, execute commands, ask what is and what was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar
from uuid import UUID

import structlog

from crm_core import catalog
from crm_core.access.owned import OwnedRecords
from crm_core.access.records import kind_of, parent_of
from crm_core.access.rights import NOTHING, Reach, Rights
from crm_core.as_of import NOW, AsOf, fold_as_of
from crm_core.authority import Authority
from crm_core.diff import RecordDiff, diff_of
from crm_core.erasing import Erasing
from crm_core.execution import Execution
from crm_core.explain import Explanation, Step, cause_of, field_origin
from crm_core.handing_over import HandingOver
from crm_core.identity.breached import KnownPasswords
from crm_core.identity.directory import Directory
from crm_core.identity.passwords import is_right
from crm_core.identity.user.state import UserStatus
from crm_core.identity.user.user import User
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Invalid, NotFound
from crm_core.kernel.events import Event
from crm_core.kernel.ids import Ids, RandomIds, tenant_id_of
from crm_core.kernel.messages import Actor, Command, Receipt, Request
from crm_core.kernel.values import normal_email
from crm_core.ledger.aggregate_store import SNAPSHOT_EVERY, AggregateStore
from crm_core.ledger.event_store import PAGE_EVENTS, EventStore, RecordedEvent
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.keys import PostgresKeyStore
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.postgres.snapshots import PostgresSnapshotStore
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.ledger.snapshot_taker import SnapshotTaker
from crm_core.ledger.snapshots import InMemorySnapshotStore, SnapshotStore
from crm_core.ledger.subscription import Subscription, Tail
from crm_core.ledger.watch import relay_by
from crm_core.owned import LedgerOwned
from crm_core.privacy.cipher import new_key
from crm_core.privacy.erasure.commands import Erases
from crm_core.privacy.keys import InMemoryKeyStore, Keyring
from crm_core.privacy.root import RootKeys
from crm_core.warrant import owner_found

if TYPE_CHECKING:
    from crm_core.sync import SyncCrm

__all__ = ["Crm"]

log = structlog.get_logger()

A = TypeVar("A", bound=Aggregate)


class Crm:
    """One tenant's CRM over a ledger. Async; `Crm.sync` is the same for scripts and notebooks."""

    sync: ClassVar[type[SyncCrm]]

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        *,
        tenant: str | UUID = "main",
        ids: Ids | None = None,
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        breached: KnownPasswords | None = None,
    ) -> None:
        """`tenant`: its name, or the id that follows from that where only this is known."""
        self.tenant = str(tenant)
        self.tenant_id = tenant if isinstance(tenant, UUID) else tenant_id_of(tenant)
        self.store = EventStore(ledger, keyring)
        self._tail = Tail(ledger)
        self.aggregates = AggregateStore(
            self.store, snapshots or InMemorySnapshotStore(), snapshot_every
        )
        self._taker = SnapshotTaker(self.aggregates)
        self._ids = ids or RandomIds()
        self.authority = Authority(self.store, self.tenant_id)
        self.owned: OwnedRecords = LedgerOwned(self.aggregates, self.tenant_id)
        """What users own; whoever has read models puts them here, for theirs is the short way."""
        self._breached = breached
        self._execution = Execution(
            self.aggregates,
            self._taker,
            self._ids,
            self.authority,
            breached,
            lambda: self.owned,
        )
        self.erasing = Erasing(self.aggregates, self.tenant_id, self.execute)
        self.handing_over = HandingOver(
            self.store, self.tenant_id, self.authority, lambda: self.owned, self.execute_many
        )

    # --- opening and closing ------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        root_key: bytes | RootKeys,
        tenant: str = "main",
        clock: Clock | None = None,
        redis_url: str | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        every_tenant: bool = False,
        beside: Crm | None = None,
        breached: KnownPasswords | None = None,
    ) -> Self:
        """A CRM over the PostgreSQL database that `url` names; it must be migrated.

        Its sessions find no row of another tenant (docs/guides/access.md), unless `every_tenant`
        says that its ledger is worked with for all of them, as projections and backups do. Who
        waits for its events, or for those of the CRM `beside` it in the same database, is woken by
        both.

        `root_key` (32 bytes, or `RootKeys`) wraps every other key: without it personal data cannot
        be read.
        With a Redis, subscribers hear at once of what other processes append; without, or when
        it is away, within a quarter of a second. A stream of more than `snapshot_every` events is
        loaded by a snapshot; 0 takes none. `breached` are passwords that no user may choose, such
        as a `BreachedPasswords`. Raises SetupError `database.unreachable`,
        `database.not_migrated` or `redis.bad_url`.
        """
        relay = relay_by(redis_url) if beside is None else None
        if every_tenant:
            pool = await open_pool(url, "crm_app")
        else:
            pool = await open_pool(url, "crm_tenant", tenant_id=tenant_id_of(tenant))
        watching = None if beside is None else beside.store.ledger
        assert watching is None or isinstance(watching, PostgresLedger), "of the same database"
        return cls(
            PostgresLedger(pool, clock, relay=relay, beside=watching),
            Keyring(root_key, PostgresKeyStore(pool)),
            tenant=tenant,
            snapshots=PostgresSnapshotStore(pool),
            snapshot_every=snapshot_every,
            breached=breached,
        )

    @classmethod
    def in_memory(
        cls,
        *,
        tenant: str = "main",
        clock: Clock | None = None,
        ids: Ids | None = None,
        breached: KnownPasswords | None = None,
    ) -> Self:
        """A CRM in this process's memory, as strict as any other; for tests and experiments."""
        keyring = Keyring(new_key(), InMemoryKeyStore())
        ledger = InMemoryLedger(clock or SystemClock())
        return cls(ledger, keyring, tenant=tenant, ids=ids, breached=breached)

    def of_tenant(self, tenant_id: UUID) -> Crm:
        """The CRM of another tenant of the same ledger, for programs that work for all of them
        (`every_tenant`): without, it finds nothing and can write nothing. Close this one only.
        """
        return Crm(
            self.store.ledger,
            self.store.keyring,
            tenant=tenant_id,
            ids=self._ids,
            breached=self._breached,
        )

    async def close(self) -> None:
        await self._taker.close()
        await self.store.ledger.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- changing -----------------------------------------------------------------------------

    async def execute(
        self,
        command: Command,
        actor: Actor,
        *,
        command_id: UUID | None = None,
        effective_at: datetime | None = None,
        expected_version: int | None = None,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        reason: str | None = None,
    ) -> Receipt:
        """Executes a command; see `Request` for what can be said of its sending.

        Raises Rejected, Denied, NotFound, VersionConflict or CommandReused; nothing is recorded
        then.
        """
        request = Request(
            command=command,
            actor=actor,
            command_id=command_id,
            effective_at=effective_at,
            expected_version=expected_version,
            correlation_id=correlation_id,
            causation_id=causation_id,
            reason=reason,
        )
        (outcome,) = await self.execute_many([request])
        if isinstance(outcome, CrmError):
            raise outcome
        return outcome

    async def execute_many(self, requests: Sequence[Request]) -> list[Receipt | CrmError]:
        """Executes up to 2,000 commands in one transaction; one outcome each, in order.

        A refused command does not harm the others.
        """
        outcomes = await self._execution.run(self.tenant_id, requests)
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(request.command, Erases) and isinstance(outcome, Receipt):
                await self._destroy_keys(request.command.erasure_id)
        return outcomes

    async def _destroy_keys(self, erasure_id: UUID) -> None:
        """At once, so that nobody reads on. Where it fails the erasure is pending, and finished
        by `Erasing.run`; that it was requested stands.
        """
        try:
            await self.erasing.destroy_keys(erasure_id)
        except (CrmError, OSError) as error:
            log.warning("erasure.pending", erasure_id=str(erasure_id), error=type(error).__name__)

    async def rehearse(
        self,
        command: Command,
        actor: Actor,
        *,
        effective_at: datetime | None = None,
        expected_version: int | None = None,
    ) -> list[Event]:
        """The events that the command would record now. Nothing is stored; raises what execute
        would raise, except for lost races.
        """
        request = Request(
            command=command,
            actor=actor,
            effective_at=effective_at,
            expected_version=expected_version,
        )
        return await self._execution.rehearse(self.tenant_id, request)

    # --- asking -------------------------------------------------------------------------------

    async def get(self, kind: type[A], record_id: UUID, as_of: AsOf = NOW) -> A:
        """The record, now or as it was. Raises NotFound where there was none."""
        if as_of.is_position:
            loaded = await self.aggregates.load(self.tenant_id, [record_id], up_to=as_of.position)
            aggregate = loaded.get(record_id)
        else:
            aggregate = fold_as_of(await self._stream(record_id, as_of), as_of)
        if not isinstance(aggregate, kind):
            raise NotFound(kind.TOPIC, record_id)
        return aggregate

    async def history(self, record_id: UUID, as_of: AsOf = NOW) -> list[RecordedEvent]:
        """All that happened to the record, in the order of its recording."""
        return [event for event in await self._stream(record_id, as_of) if as_of.includes(event)]

    async def diff(self, record_id: UUID, before: AsOf, after: AsOf = NOW) -> RecordDiff:
        """What differs in the record between two pasts, field by field, with the events that made
        it so. Raises NotFound where there was no record in either.
        """
        found = diff_of(await self._stream(record_id, NOW), before, after)
        if found is None:
            raise NotFound("record", record_id)
        return found

    async def explain(self, record_id: UUID, field: str, as_of: AsOf = NOW) -> Explanation:
        """Why the field has its value, in this past: the event that set it last, its command and
        actor, and what led to that, event by event.

        Raises NotFound where there was no record, Rejected `explain.unknown_field`.
        """
        events = await self._stream(record_id, as_of)
        found = field_origin(events, field, as_of)
        if found is None:
            raise NotFound("record", record_id)
        step = None if found.event is None else await self._cause(found.event)
        return Explanation(record_id, events[0].record_type, field, found.value, step)

    async def _cause(self, event: RecordedEvent) -> Step:
        if event.stored.causation_id is None:
            return Step(event, None)
        journey = Selection(correlation_id=event.stored.correlation_id)
        pages = self.events(journey, up_to=event.position - 1)
        return cause_of(event, [earlier async for page in pages for earlier in page])

    def events(
        self, selection: Selection = EVERYTHING, *, after: int = 0, up_to: int | None = None
    ) -> AsyncIterator[Page[RecordedEvent]]:
        """The selected events after a position, page by page, until there are no more."""
        return self.store.pages(self.tenant_id, after=after, up_to=up_to, selection=selection)

    def subscribe(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: int = 0,
        page_events: int = PAGE_EVENTS,
    ) -> Subscription:
        """The selected events after a position, and then each one as it is recorded.

        `page_events` is how many it holds in memory at most.
        """
        return Subscription(
            self.store, self._tail, self.tenant_id, selection, after=after, page_events=page_events
        )

    async def position(self, as_of: AsOf = NOW) -> int:
        """The last position that this past knows of; the head, for NOW."""
        if as_of.position is not None:
            return as_of.position
        if as_of.time is not None:
            return await self.store.ledger.position_at(self.tenant_id, as_of.time)
        return (await self.store.ledger.head(self.tenant_id)).position

    async def holder(self, kind: str, value: str) -> UUID | None:
        """The record that holds a unique key, such as ("email", "ada@example.com")."""
        key = HeldKey(kind, value)
        return (await self.store.holders(self.tenant_id, [key])).get(key)

    # --- who ----------------------------------------------------------------------------------

    async def rights(self, tenant_id: UUID, actor: Actor) -> Rights:
        """What the actor may do now; nothing, unless it is a program of ours or known and let in.

        What another process has changed about it counts within a second.
        """
        return await self.authority.rights(tenant_id, actor)

    async def teams(self, position: int) -> dict[UUID, UUID]:
        """The team of each user who was in one when the ledger ended at this position; of several,
        the one joined first.
        """
        return (await self.authority.directory_at(position)).teams()

    async def who_could_see(self, record_id: UUID, as_of: AsOf = NOW) -> list[UUID]:
        """The users who may read the record, or could then, in the order of their ids.

        Raises NotFound where there was no record; Invalid for a past of versions.
        """
        rights_of, at, record, owner_id = await self._sight(record_id, as_of)
        kind = kind_of(record.TOPIC)
        return [
            user_id
            for user_id in rights_of.active_users()
            if rights_of.rights(Actor.user(user_id), at).reach(kind).includes(record_id, owner_id)
        ]

    async def owners(self, record_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
        """Whose these records are now, by the ledger; those that do not exist are absent."""
        loaded = await self.aggregates.load(self.tenant_id, record_ids)
        parents = {parent_of(kind_of(record.TOPIC), record) for record in loaded.values()}
        missing = {parent for parent in parents if parent is not None} - loaded.keys()
        above = await self.aggregates.load(self.tenant_id, missing) if missing else {}

        async def find(wanted: UUID) -> Aggregate | None:
            return loaded.get(wanted) or above.get(wanted)

        return {key: await owner_found(record, find) for key, record in loaded.items()}

    async def what_could_user_see(self, user_id: UUID, as_of: AsOf = NOW) -> dict[str, Reach]:
        """By kind, the records that a user may read, or could then; kinds without any are absent.

        Raises Invalid for a past of versions.
        """
        position = await self._position_of(as_of)
        directory = await self.authority.directory_at(position)
        rights = directory.rights(Actor.user(user_id), await self._moment_of(as_of, position))
        reaches = {kind_of(topic): rights.reach(kind_of(topic)) for topic in catalog.AGGREGATES}
        return {kind: reach for kind, reach in sorted(reaches.items()) if reach != NOTHING}

    async def _sight(
        self, record_id: UUID, as_of: AsOf
    ) -> tuple[Directory, datetime, Aggregate, UUID | None]:
        """Who there was, when that was, the record as it was, and its owner."""
        position = await self._position_of(as_of)

        async def find(wanted: UUID) -> Aggregate | None:
            loaded = await self.aggregates.load(self.tenant_id, [wanted], up_to=position)
            return loaded.get(wanted)

        record = await find(record_id)
        if record is None:
            raise NotFound("record", record_id)
        directory = await self.authority.directory_at(position)
        moment = await self._moment_of(as_of, position)
        return directory, moment, record, await owner_found(record, find)

    async def _position_of(self, as_of: AsOf) -> int:
        if as_of.version is not None or as_of.effective_at is not None:
            raise Invalid("as_of", "is a position or a time: rights go by what was recorded")
        return await self.position(as_of)

    async def _moment_of(self, as_of: AsOf, position: int) -> datetime:
        """The moment at which shares and keys are looked at."""
        if as_of.time is not None:
            return as_of.time
        now = self.store.ledger.clock.now()
        if as_of == NOW or position == 0:
            return now
        page = await self.store.ledger.page(
            self.tenant_id, after=position - 1, up_to=position, limit=1
        )
        return page[0].recorded_at if page else now

    async def authenticate(self, email: str, password: str) -> User | None:
        """The active user with this e-mail address and password, or None."""
        try:
            user_id = await self.holder("login", normal_email(email))
        except Invalid:
            user_id = None
        user = None if user_id is None else await self.get(User, user_id)
        known = None if user is None or user.status is not UserStatus.ACTIVE else user
        password_hash = None if known is None else known.password_hash
        right = await asyncio.to_thread(
            is_right, password, password_hash if isinstance(password_hash, str) else None
        )
        return known if right else None

    async def _stream(self, record_id: UUID, as_of: AsOf) -> list[RecordedEvent]:
        return await self.store.stream(self.tenant_id, [record_id], up_to=as_of.position)


assert catalog.CONTEXTS, "importing the catalog registers every event class"
