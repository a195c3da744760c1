"""The place a command works in: a database, embedded or given, and the CRM over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crm_api.cli.settings import Settings, audit_signer, root_key
from crm_core import Crm, SetupError
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.reads import ReadLog
from crm_core.audit.store import AuditStore
from crm_core.embedded import EmbeddedPostgres
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_projections.registry import all_projections
from crm_projections.runner import ProjectionRunner

__all__ = ["Place", "open_audit", "open_place", "open_read_log", "open_runner"]


@dataclass(frozen=True)
class Place:
    """`url` names the database as its owner; `server` is there when it is embedded."""

    settings: Settings
    url: str
    root_key: bytes
    server: EmbeddedPostgres | None

    def signer(self) -> Signer | None:
        return audit_signer(self.settings)

    async def open_crm(self) -> Crm:
        return await Crm.open(
            self.url,
            root_key=self.root_key,
            tenant=self.settings.tenant,
            redis_url=self.settings.redis,
            snapshot_every=self.settings.snapshot_every,
            every_tenant=True,
            breached=self.settings.breached(),
        )


@asynccontextmanager
async def open_place(settings: Settings | None = None) -> AsyncIterator[Place]:
    """Starts the embedded server, or joins it where it runs, and brings its schema up to date.

    A database that was given is migrated by `crm migrate` only.
    """
    settings = settings or Settings()
    if settings.database_url is not None:
        yield Place(settings, settings.database_url.get_secret_value(), root_key(settings), None)
        return
    server = await asyncio.to_thread(EmbeddedPostgres.start, settings.place())
    try:
        await migrate(server.url())
        yield Place(settings, server.url(), root_key(settings), server)
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def open_runner(place: Place, crm: Crm) -> AsyncIterator[ProjectionRunner]:
    """A runner with its tables made; it does nothing by itself."""
    pool = await open_pool(place.url, "crm_projector", size=4)
    try:
        runner = ProjectionRunner(crm.store, pool, all_projections())
        await runner.prepare()
        yield runner
    finally:
        await pool.close()


@asynccontextmanager
async def open_audit(place: Place, crm: Crm) -> AsyncIterator[AuditLog]:
    """The audit of the CRM's ledger, as it stands."""
    pool = await open_pool(place.url, "crm_app", size=4)
    try:
        yield AuditLog(crm.store.ledger, AuditStore(pool), place.signer())
    finally:
        await pool.close()


@asynccontextmanager
async def open_read_log(place: Place, crm: Crm) -> AsyncIterator[ReadLog]:
    """Who read what; which mode is in force is said by servers only."""
    pool = await open_pool(place.url, "crm_app", size=2)
    try:
        yield ReadLog(pool, crm.tenant_id, place.settings.read_log)
    finally:
        await pool.close()


def embedded_only(place: Place, what: str) -> EmbeddedPostgres:
    if place.server is None:
        raise SetupError("cli.needs_embedded", f"{what} works on the embedded server only")
    return place.server
