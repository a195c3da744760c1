"""The CRM as a Python object: open it, execute commands, ask what is and what was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar
from uuid import UUID

import structlog
from cachetools import TTLCache

from crm_core import catalog
from crm_core.access.rights import ALL_RIGHTS, NO_RIGHTS, Rights, rights_of_roles
from crm_core.as_of import NOW, AsOf, fold_as_of
from crm_core.diff import RecordDiff, diff_of
from crm_core.erasing import Erasing
from crm_core.execution import Execution
from crm_core.identity.passwords import is_right
from crm_core.identity.user.user import User, UserStatus
from crm_core.kernel.aggregate import Aggregate, HeldKey
from crm_core.kernel.clock import Clock, SystemClock
from crm_core.kernel.errors import CrmError, Invalid, NotFound
from crm_core.kernel.events import Event
from crm_core.kernel.ids import Ids, RandomIds, tenant_id_of
from crm_core.kernel.messages import Actor, ActorKind, Command, Receipt, Request
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
from crm_core.ledger.watch import Relay
from crm_core.privacy.cipher import new_key
from crm_core.privacy.erasure.commands import Erases
from crm_core.privacy.keys import InMemoryKeyStore, Keyring

if TYPE_CHECKING:
    from crm_core.sync import SyncCrm

__all__ = ["Crm"]

log = structlog.get_logger()

A = TypeVar("A", bound=Aggregate)

_RIGHTS_SECONDS = 1.0  # a revoked role stops working within this time in every process


class Crm:
    """One tenant's CRM over a ledger. Async; `Crm.sync` is the same for scripts and notebooks."""

    sync: ClassVar[type[SyncCrm]]

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        *,
        tenant: str = "main",
        ids: Ids | None = None,
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self.tenant = tenant
        self.tenant_id = tenant_id_of(tenant)
        self.store = EventStore(ledger, keyring)
        self._tail = Tail(ledger)
        self.aggregates = AggregateStore(
            self.store, snapshots or InMemorySnapshotStore(), snapshot_every
        )
        self._taker = SnapshotTaker(self.aggregates)
        self._ids = ids or RandomIds()
        self._execution = Execution(self.aggregates, self._taker, self._ids, self.rights)
        self.erasing = Erasing(self.aggregates, self.tenant_id, self.execute)
        self._rights: TTLCache[UUID, Rights] = TTLCache(10_000, _RIGHTS_SECONDS)

    # --- opening and closing ------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        root_key: bytes,
        tenant: str = "main",
        clock: Clock | None = None,
        redis_url: str | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> Self:
        """A CRM over the PostgreSQL database that `url` names; it must be migrated.

        `root_key` (32 bytes) wraps every other key: without it personal data cannot be read.
        With a Redis, subscribers hear at once of what other processes append; without, or when
        it is away, within a quarter of a second. A stream of more than `snapshot_every` events is
        loaded by a snapshot; 0 takes none. Raises SetupError `database.unreachable`,
        `database.not_migrated` or `redis.bad_url`.
        """
        relay = _relay(redis_url)
        pool = await open_pool(url, "crm_app")
        return cls(
            PostgresLedger(pool, clock, relay=relay),
            Keyring(root_key, PostgresKeyStore(pool)),
            tenant=tenant,
            snapshots=PostgresSnapshotStore(pool),
            snapshot_every=snapshot_every,
        )

    @classmethod
    def in_memory(
        cls, *, tenant: str = "main", clock: Clock | None = None, ids: Ids | None = None
    ) -> Self:
        """A CRM in this process's memory, as strict as any other; for tests and experiments."""
        keyring = Keyring(new_key(), InMemoryKeyStore())
        return cls(InMemoryLedger(clock or SystemClock()), keyring, tenant=tenant, ids=ids)

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
        """What the actor may do now; nothing, unless it is a program of ours or an active user."""
        if actor.kind in (ActorKind.SYSTEM, ActorKind.IMPORT):
            return ALL_RIGHTS
        if actor.kind is not ActorKind.USER:
            return NO_RIGHTS
        user_id = _uuid(actor.id)
        if user_id is None or tenant_id != self.tenant_id:
            return NO_RIGHTS
        rights = self._rights.get(user_id)
        if rights is None:
            try:
                user = await self.get(User, user_id)
            except NotFound:
                return NO_RIGHTS
            is_active = user.status is UserStatus.ACTIVE
            rights = rights_of_roles(user.roles) if is_active else NO_RIGHTS
            self._rights[user_id] = rights
        return rights

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


def _relay(redis_url: str | None) -> Relay | None:
    if redis_url is None:
        return None
    from crm_core.ledger.redis_signal import RedisSignal  # only who has a Redis loads its client

    return RedisSignal(redis_url)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


assert catalog.CONTEXTS, "importing the catalog registers every event class"
