"""What every ledger does; `tests/crm_core/ledger/contract.py` holds each of them to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError
from crm_core.ledger.admission import Remembered
from crm_core.ledger.records import Append, Appended, Claim, Head, StoredEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection

__all__ = ["Ledger"]


class Ledger(Protocol):
    """A log of events for each tenant.

    Positions are gapless from 1 and become visible in order; `recorded_at` rises strictly with
    them. Versions of a stream are gapless from 1. Nothing stored is changed or removed.
    """

    clock: Clock

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        """Stores a batch in one transaction; one outcome each, in order.

        An append that is refused fails alone, the others are stored; its outcome is the error:
        VersionConflict (with the events that the caller had not seen), CommandReused,
        ConditionFailed, or Rejected `claim.taken`, `ledger.event_exists`,
        `ledger.event_too_large`, `ledger.append_too_large`,
        `ledger.already_tracked`.
        """

    async def results(
        self, tenant_id: UUID, command_ids: Collection[UUID]
    ) -> dict[UUID, Remembered]:
        """The first results of those commands that were named by their senders and stored."""

    async def stream(
        self,
        tenant_id: UUID,
        stream_ids: Collection[UUID],
        *,
        after_version: int = 0,
        up_to_version: int | None = None,
        up_to: int | None = None,
    ) -> list[StoredEvent]:
        """The events of these streams with position ≤ `up_to`, by position."""

    async def last_version(self, tenant_id: UUID, stream_id: UUID) -> int:
        """How many events the stream has."""

    async def page(
        self,
        tenant_id: UUID,
        *,
        after: int,
        limit: int,
        up_to: int | None = None,
        selection: Selection = EVERYTHING,
    ) -> Page[StoredEvent]:
        """At most `limit` selected events after this position and up to the other, by position.

        A page with fewer of them is the last one: it has been looked for them up to `up_to`, or
        to where the ledger ended.
        """

    async def head(self, tenant_id: UUID) -> Head:
        """Where the tenant's ledger ends."""

    async def heads(self) -> dict[UUID, int]:
        """The last position of every tenant that has events."""

    async def position_at(self, tenant_id: UUID, moment: datetime) -> int:
        """The last position recorded at or before the moment; 0 where there is none."""

    async def holders(
        self, tenant_id: UUID, keys: Collection[tuple[str, bytes]]
    ) -> dict[tuple[str, bytes], UUID]:
        """The records that hold these unique keys; free ones are absent."""

    async def tracked(self, tenant_id: UUID, upstream: str) -> int | None:
        """The last tracking mark of this upstream; None where it was never tracked."""

    async def wait(self, tenant_id: UUID, *, after: int, seconds: float | None) -> int:
        """Waits until the ledger goes beyond `after`, at most that long.

        How far it goes by then; `after`, where the time is over. Raises Closed where the ledger is
        closed meanwhile.
        """

    async def restore(
        self, tenant_id: UUID, events: Sequence[StoredEvent], claims: Sequence[Claim] = ()
    ) -> None:
        """Stores events as they were in another ledger, envelope and all; for replay.

        They must follow on this ledger's head without a gap (Rejected `ledger.gap`).
        """

    async def close(self) -> None:
        """Lets go of the database; who waits for events is told so."""
