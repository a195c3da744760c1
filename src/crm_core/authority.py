"""What an actor may do, by the ledger itself: the directory of a tenant, kept up to date.

An answer costs a look at a clock and at a table while nothing has changed. What this process has
recorded counts at once; what another process has, within a second: the ledger is asked for events
of the identity context that often, while somebody asks
(docs/decisions/0025-one-rule-object-has-two-readers.md).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from crm_core.access.rights import NO_RIGHTS, Rights
from crm_core.identity.directory import Directory
from crm_core.kernel.messages import Actor
from crm_core.ledger.event_store import PAGE_EVENTS, EventStore
from crm_core.ledger.selection import Selection

__all__ = ["IDENTITY", "Authority"]

IDENTITY: Final = "identity"
_SELECTED: Final = Selection(categories=[IDENTITY])
_LOOK_SECONDS = 1.0
_ACTORS_MAX = 50_000


class Authority:
    """Says who may do what in one tenant."""

    def __init__(self, store: EventStore, tenant_id: UUID) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._catching_up = asyncio.Lock()
        self._directory = Directory()
        self._position = 0
        self._look_at = 0.0
        self._changes = self._seen = 0
        self._known: dict[Actor, Rights] = {}
        self._known_until: datetime | None = None

    async def rights(self, tenant_id: UUID, actor: Actor) -> Rights:
        """What the actor may do now. Nothing in another tenant."""
        if tenant_id != self._tenant_id:
            return NO_RIGHTS
        directory = await self.directory()
        now = self._store.ledger.clock.now()
        if self._known_until is not None and now >= self._known_until:
            self._forget(now)
        rights = self._known.get(actor)
        if rights is None:
            if len(self._known) >= _ACTORS_MAX:
                self._known.clear()
            if not self._known:
                self._known_until = directory.holds_until(now)
            rights = self._known[actor] = directory.rights(actor, now)
        return rights

    async def directory(self, *, anew: bool = False) -> Directory:
        """Who there is now; `anew`: by all that any process has recorded until this moment."""
        if anew or self._is_due():
            async with self._catching_up:
                if anew or self._is_due():
                    await self._catch_up()
        return self._directory

    async def directory_at(self, position: int) -> Directory:
        """Who there was when the ledger ended at this position. To be read before the next await,
        for it may be that of the present.
        """
        present = await self.directory(anew=True)
        if position >= self._position:
            return present  # nothing that is about users, teams or roles lies between
        then = Directory()
        await self._fold(then, after=0, up_to=position)
        return then

    async def administrators(self) -> frozenset[UUID]:
        """Who may do everything, by all that is recorded."""
        return (await self.directory(anew=True)).administrators()

    def has_changed(self) -> None:
        """This process has recorded something about users, teams or roles."""
        self._changes += 1

    def _is_due(self) -> bool:
        return self._changes != self._seen or monotonic() >= self._look_at

    async def _catch_up(self) -> None:
        changes, looked_at = self._changes, monotonic()
        position = self._position
        self._position = await self._fold(self._directory, after=position)
        self._seen, self._look_at = changes, looked_at + _LOOK_SECONDS

    async def _fold(self, directory: Directory, *, after: int, up_to: int | None = None) -> int:
        """Applies what follows a position; how far the ledger was looked through."""
        while True:
            stored = await self._store.ledger.page(
                self._tenant_id, after=after, limit=PAGE_EVENTS, up_to=up_to, selection=_SELECTED
            )
            for event in await self._store.decode(stored):
                directory.apply(event.record_id, event.data)
            if directory is self._directory and stored:
                self._position = stored.scanned_to  # so that a page is never applied twice
                self._forget(self._store.ledger.clock.now())
            after = stored.scanned_to
            if len(stored) < PAGE_EVENTS:
                return after

    def _forget(self, now: datetime) -> None:
        self._known = {}
        self._known_until = self._directory.holds_until(now)
