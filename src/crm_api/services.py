"""What the API stands on: the CRM, its read models and its audit, and what keeps them going."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from crm_api.bulk import EXPORT_ROWS_MAX, Bulk
from crm_api.bulk.files import Files
from crm_api.credentials import Credentials
from crm_api.http.allowance import STANDARD, Allowance, Buckets
from crm_api.http.attempts import Attempts
from crm_api.http.trusted import THIRD_PARTY, TrustedDocuments
from crm_api.kept import Kept
from crm_api.passkeys import Passkeys
from crm_api.providers.fetching import new_client
from crm_api.providers.oidc import OidcProvider
from crm_api.providers.strength import MFA
from crm_api.providers.verifier import verifier_of
from crm_api.sent_codes import SentCodes
from crm_api.signing_in import HALFWAY_MINUTES, PASSWORDS_ONLY, Halfway, WaysIn
from crm_api.tokens import Tokens
from crm_core import Crm
from crm_core.audit.integrator import Integrator
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.reads import ReadLog, ReadMode
from crm_core.audit.store import AuditStore
from crm_core.identity.breached import KnownPasswords
from crm_core.kernel.ending import end
from crm_core.ledger.aggregate_store import SNAPSHOT_EVERY
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.privacy.root import RootKeys
from crm_projections.forgetting import ReadModels
from crm_projections.owned import ReadModelOwned
from crm_projections.reading import Pipelines, Reads
from crm_projections.registry import all_projections
from crm_projections.reporting import KeptAnswers
from crm_projections.retention import Retaining
from crm_projections.runner import ProjectionRunner

__all__ = ["Services", "open_services"]

log = structlog.get_logger()

_RESTART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Services:
    """What serves one tenant acts as `crm_tenant` for it: `crm`, `pool` (that of `reads` and
    `reports`), and `pipelines` beside it, for compiled queries. `buckets` have what each principal
    may ask for. Once `closing` is set, what goes on ends. `takes_get` lets queries come by GET too.
    """

    crm: Crm
    reads: Reads
    pool: Pool
    pipelines: Pipelines
    reports: KeptAnswers
    runner: ProjectionRunner
    audit: AuditLog
    read_log: ReadLog
    tokens: Tokens
    credentials: Credentials
    bulk: Bulk
    halfway: Kept[Halfway]
    buckets: Buckets = field(default_factory=Buckets)
    trusted: TrustedDocuments = THIRD_PARTY
    takes_get: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    oidc: OidcProvider | None = None
    passkeys: Passkeys | None = None
    sent_codes: SentCodes | None = None
    attempts: Attempts = field(default_factory=Attempts)


@asynccontextmanager
async def open_services(
    url: str,
    root_key: bytes | RootKeys,
    tenant: str = "main",
    signer: Signer | None = None,
    *,
    redis_url: str | None = None,
    snapshot_every: int = SNAPSHOT_EVERY,
    allowance: Allowance = STANDARD,
    trusted: TrustedDocuments = THIRD_PARTY,
    takes_get: bool = False,
    ways_in: WaysIn = PASSWORDS_ONLY,
    files: Path | None = None,
    export_rows_max: int = EXPORT_ROWS_MAX,
    read_mode: ReadMode = ReadMode.MATTERS,
    breached: KnownPasswords | None = None,
) -> AsyncIterator[Services]:
    """Opens all of it over a migrated database; projects and audits until the end.

    Without a signer the tree over the ledger grows, and nothing is signed. `files` is the folder of
    bulk operations, which the servers of a tenant share; without it they go with this process.
    Raises SetupError as `Crm.open` does.
    """
    async with AsyncExitStack() as opened:
        everybody = await opened.enter_async_context(
            await Crm.open(
                url, root_key=root_key, tenant=tenant, redis_url=redis_url, every_tenant=True
            )
        )
        crm = await opened.enter_async_context(
            await Crm.open(
                url,
                root_key=root_key,
                tenant=tenant,
                snapshot_every=snapshot_every,
                beside=everybody,
                breached=breached,
            )
        )
        pool = await open_pool(url, "crm_tenant", tenant_id=crm.tenant_id)
        opened.push_async_callback(pool.close)
        crm.owned = ReadModelOwned(crm, pool)
        pipelines = Pipelines(pool)
        opened.push_async_callback(pipelines.close)
        projector_pool = await open_pool(url, "crm_projector", size=4)
        opened.push_async_callback(projector_pool.close)
        runner = ProjectionRunner(everybody.store, projector_pool, all_projections())
        await runner.prepare()
        read_models = ReadModels(projector_pool, all_projections())
        audit = AuditLog(crm.store.ledger, AuditStore(pool), signer)
        read_log = ReadLog(pool, crm.tenant_id, read_mode)
        await read_log.begin()
        audit_pool = await open_pool(url, "crm_app", size=2)
        opened.push_async_callback(audit_pool.close)
        audits = AuditLog(everybody.store.ledger, AuditStore(audit_pool), signer)
        secret = await crm.store.keyring.blind(crm.tenant_id, "crm-api")
        clock = crm.store.ledger.clock
        folder = files or Path(opened.enter_context(TemporaryDirectory(prefix="crm-files-")))
        bulk = Bulk(Files(folder, crm.tenant_id), export_rows_max)
        for failed, run in (
            ("projector.failed", runner.run),
            ("audit.failed", Integrator(audits).run),
            ("erasing.failed", partial(crm.erasing.run, [read_models, bulk.files])),
            ("retaining.failed", Retaining(crm, pool).run),
            ("handing_over.failed", crm.handing_over.run),
        ):
            opened.push_async_callback(end, asyncio.create_task(_keep(run, failed)))
        tokens = Tokens(secret, crm.tenant_id, clock)
        attempts = _attempts(redis_url, crm)
        opened.push_async_callback(attempts.close)
        buckets = _buckets(redis_url, crm, allowance)
        opened.push_async_callback(buckets.close)
        oidc = bearer = passkeys = sent_codes = None
        if ways_in.code_sender is not None:
            sent_codes = SentCodes(ways_in.code_sender, secret, clock)
        if ways_in.passkeys is not None:
            passkeys = Passkeys(ways_in.passkeys, secret, clock)
        if ways_in.oidc is not None:
            oidc = OidcProvider(ways_in.oidc, secret, clock)
            opened.push_async_callback(oidc.close)
        if ways_in.bearer is not None:
            client = await opened.enter_async_context(new_client())
            bearer = verifier_of(ways_in.bearer, client, clock)
        services = Services(
            crm=crm,
            reads=Reads(pool, crm.tenant_id),
            pool=pool,
            pipelines=pipelines,
            reports=KeptAnswers(pool, crm.tenant_id),
            runner=runner,
            audit=audit,
            read_log=read_log,
            tokens=tokens,
            credentials=Credentials(
                crm,
                tokens,
                bearer,
                strong=MFA if ways_in.bearer is None else ways_in.bearer.strong,
                second_factor=ways_in.second_factor,
            ),
            bulk=bulk,
            buckets=buckets,
            halfway=Kept(Halfway, "crm-api halfway in", secret, clock, minutes=HALFWAY_MINUTES),
            trusted=trusted,
            takes_get=takes_get,
            oidc=oidc,
            passkeys=passkeys,
            sent_codes=sent_codes,
            attempts=attempts,
        )
        from crm_api.bulk.runner import BulkRunner  # it asks the schema, which knows of services

        runs = asyncio.create_task(_keep(BulkRunner(services).run, "bulk.failed"))
        opened.push_async_callback(end, runs)
        yield services


def _attempts(redis_url: str | None, crm: Crm) -> Attempts:
    if redis_url is None:
        return Attempts()
    from crm_api.http.shared_attempts import SharedAttempts  # only who has a Redis loads its client

    return SharedAttempts(redis_url, crm.tenant_id)


def _buckets(redis_url: str | None, crm: Crm, allowance: Allowance) -> Buckets:
    if redis_url is None:
        return Buckets(allowance)
    from crm_api.http.shared_allowance import SharedBuckets

    return SharedBuckets(redis_url, crm.tenant_id, allowance)


async def _keep(run: Callable[[], Awaitable[None]], failed: str) -> None:
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - the server goes on; /health shows the lag
            log.error(failed, error=type(error).__name__)
            await asyncio.sleep(_RESTART_SECONDS)
