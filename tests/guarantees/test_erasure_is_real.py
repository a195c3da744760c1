"""G10: who was erased is nowhere any more, and nothing else has changed.

Every personal field of every event class is filled with a canary; read models, statistics and
snapshots are made of it. Then everybody is erased, and all that there is is looked through: the
data directory with its log, a dump, the read models, an export made afterwards, what was logged,
and Redis.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import psycopg
from structlog.testing import capture_logs

from conftest import ROOT_KEY
from crm_core import SYSTEM, Crm, RecordedEvent, new_id
from crm_core.audit.check import check_ledger
from crm_core.audit.crm_verify import Folder, verify_export
from crm_core.audit.export import export
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.customers import Customer, CustomerStatus, EraseCustomer
from crm_core.customers.customer.events import CustomerErased
from crm_core.kernel.events import EVENT_CLASSES, Event, Redacted, own_fields, personal_mark
from crm_core.ledger.codec import form_of
from crm_core.ledger.postgres.connections import Pool, open_pool
from crm_core.ledger.postgres.migrate import migrate
from crm_core.ledger.postgres.scrub import scrub
from crm_core.ledger.records import Append, Expected, StreamAppend
from crm_core.privacy import Erasure
from crm_projections.forgetting import ReadModels
from crm_projections.projection import Projection
from crm_projections.registry import PROJECTIONS, REPORTS
from crm_projections.reporting import Past, answer
from crm_projections.runner import ProjectionRunner
from crm_projections.timeline.projection import TIMELINE, Timeline
from golden import corpus
from golden.stories import ADA
from redis_server import RedisServer

from .server import Server, running_server

CANARY = "zqcanary"


# --- a past in which every personal field is a canary --------------------------------------------


def canary_of(of: Any) -> Any:
    """A value of the type, whose every text is the canary."""
    if of is str:
        return f"{CANARY}@example.com"
    if get_origin(of) in (Union, UnionType):
        wanted = [part for part in get_args(of) if part not in (type(None), Redacted)]
        return canary_of(wanted[0])
    if get_origin(of) is tuple:
        inner = [part for part in get_args(of) if part is not Ellipsis]
        return tuple(canary_of(part) for part in inner)
    if of is UUID:
        return UUID(int=7)
    if issubclass(of, Enum):
        return next(iter(of))
    if issubclass(of, msgspec.Struct):
        return of(**{name: canary_of(hint) for name, hint in get_type_hints(of).items()})
    return of()


def with_canaries(event: Event) -> Event:
    """The event with a canary in every personal field, about ADA where it is about somebody."""
    values = dict(event.__dict__)
    for name, hint in own_fields(type(event)).items():
        if personal_mark(hint) is not None:
            values[name] = canary_of(get_args(hint)[0])
        elif name == "customer_id":
            values[name] = ADA
    filled = object.__new__(type(event))
    filled.__dict__.update(values)
    return filled


async def record_everything(crm: Crm) -> set[str]:
    """The golden story, each event filled; the types that hold something personal."""
    streams: dict[UUID, list[RecordedEvent]] = {}
    async with await corpus.lived() as told:
        async for page in told.events():
            for event in page:
                streams.setdefault(event.record_id, []).append(event)
    personal = set()
    for stream_id, events in streams.items():
        of = events[0].record_type
        if of == Erasure.TOPIC or any(event.type == CustomerErased.TOPIC for event in events):
            continue  # of somebody who is erased already
        subject_id = stream_id if of == Customer.TOPIC else ADA
        filled = [with_canaries(event.data) for event in events]
        subjects = {subject_id, *(other for event in filled for other in event.also_about)}
        new = crm.store.encode(
            crm.tenant_id,
            subject_id,
            filled,
            [new_id() for _ in filled],
            None,
            await crm.store.keyring.for_sealing(crm.tenant_id, subjects),
        )
        append = Append(
            command_id=new_id(),
            actor=SYSTEM,
            correlation_id=new_id(),
            streams=(StreamAppend(of, stream_id, Expected.NONE, new),),
        )
        (appended,) = await crm.store.ledger.append(crm.tenant_id, [append])
        assert not isinstance(appended, Exception), appended
        personal |= {event.type for event in events if form_of(type(event.data)).is_personal}
    return personal


# --- the place ------------------------------------------------------------------------------------


@dataclass
class Place:
    server: Server
    crm: Crm
    runner: ProjectionRunner
    projector: Pool
    audit: AuditLog
    redis: RedisServer | None

    async def reports(self, until: datetime) -> dict[str, str]:
        """The answers of all reports about all that is recorded, as text; ages up to a moment."""
        past = Past(await self.crm.position(), until=until)
        return {
            report.name: repr(
                await answer(
                    report,
                    self.projector,
                    self.crm.tenant_id,
                    past,
                    since=Past(1, until=until) if report.compares else None,
                )
            )
            for report in REPORTS
        }

    def files_with(self, canary: str) -> list[str]:
        """The files of the server, its log included, in which the canary lies."""
        wanted = canary.encode()
        return [
            str(path.relative_to(self.server.folder))
            for path in sorted(self.server.folder.rglob("*"))
            if path.is_file() and "programs" not in path.parts and wanted in path.read_bytes()
        ]

    def dump(self) -> str:
        return self.server.run("pg_dump", self.server.url())


@asynccontextmanager
async def place(folder: Path, projections: Sequence[Projection]) -> AsyncIterator[Place]:
    redis = RedisServer(folder) if shutil.which("redis-server") else None
    if redis is not None:
        redis.start()
    with running_server(settings={"autovacuum": "off"}) as server:
        await migrate(server.url())
        opened = await Crm.open(
            server.url(),
            root_key=ROOT_KEY,
            snapshot_every=2,
            redis_url=None if redis is None else redis.url,
        )
        async with opened as crm:
            projector = await open_pool(server.url(), "crm_projector", size=4)
            reader = await open_pool(server.url(), "crm_app", size=2)
            signer = Signer(AuditKeys.parse(new_key_line()), Memory(folder / "signed"))
            audit = AuditLog(crm.store.ledger, AuditStore(reader), signer)
            runner = ProjectionRunner(crm.store, projector, projections)
            await runner.prepare()
            try:
                yield Place(server, crm, runner, projector, audit, redis)
            finally:
                await projector.close()
                await reader.close()
    if redis is not None:
        redis.kill()


async def fill(at: Place) -> None:
    personal = await record_everything(at.crm)
    assert personal == {topic for topic, of in EVENT_CLASSES.items() if form_of(of).is_personal}
    await at.runner.catch_up(at.crm.tenant_id)
    for customer_id in await customers(at.crm):
        version = await at.crm.store.ledger.last_version(at.crm.tenant_id, customer_id)
        await at.crm.aggregates.take_snapshot(at.crm.tenant_id, customer_id, version)
    with psycopg.connect(at.server.url(), autocommit=True) as owner:
        owner.execute("analyze")
        owner.execute("checkpoint")


async def customers(crm: Crm) -> list[UUID]:
    return [
        event.record_id
        async for page in crm.events()
        for event in page
        if event.type == "customers.customer.registered"
    ]


async def erase_everybody(at: Place) -> None:
    crm = at.crm
    for customer_id in await customers(crm):
        if (await crm.get(Customer, customer_id)).status is CustomerStatus.ERASED:
            continue  # with one that it was merged with
        command = EraseCustomer(customer_id=customer_id)
        await crm.execute(command, SYSTEM)
        await at.runner.catch_up(crm.tenant_id)
        await crm.erasing.finish(command.erasure_id, [ReadModels(at.projector, PROJECTIONS)])
    await at.runner.catch_up(crm.tenant_id)


# --- the guarantee --------------------------------------------------------------------------------


async def test_who_was_erased_is_nowhere_any_more(tmp_path: Path) -> None:
    with capture_logs() as logged:
        async with place(tmp_path, PROJECTIONS) as at:
            await fill(at)
            assert any("wal" in file for file in at.files_with(CANARY))
            assert any("base" in file for file in at.files_with(CANARY))
            assert CANARY in at.dump()
            until = datetime.now(UTC)
            reports, recorded = await at.reports(until), await at.crm.position()
            await at.audit.integrate(at.crm.tenant_id)
            signed = await at.audit.sign(at.crm.tenant_id)
            assert signed.size == recorded

            await erase_everybody(at)
            scrubbed = await scrub(at.server.url())
            assert [part.done for part in scrubbed] == [True, True, False]

            assert at.files_with(CANARY) == []
            assert CANARY not in at.dump()
            assert await at.reports(until) == reports
            await assert_proven(at, signed, tmp_path / "export")
            assert_in_no_file(tmp_path)
            if at.redis is not None:
                assert at.redis.client().keys("*") == []
    assert CANARY not in json.dumps(logged, default=str)


async def assert_proven(at: Place, signed: Any, folder: Path) -> None:
    """What was signed before still holds, event by event, and so does what is signed now."""
    tenant_id = at.crm.tenant_id
    await check_ledger(at.audit, tenant_id, [signed])
    await at.audit.integrate(tenant_id)
    now = await at.audit.sign(tenant_id)
    compared = await at.audit.consistency(tenant_id, signed.size, now.size)
    assert compared.holds
    assert compared.old_root == signed.root
    for position in range(1, now.size + 1):
        await at.audit.prove(tenant_id, position)
    await export(
        at.audit, tenant_id, folder, keys=await at.crm.store.keyring.store.all_keys(tenant_id)
    )
    verify_export(Folder(folder), [str(key) for key in at.audit.verifiers(tenant_id)])


def assert_in_no_file(folder: Path) -> None:
    found = [p for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    assert found == []


class Forgetful(Timeline):
    """The planted bug: it keeps texts, and does not say whom they are about."""

    tables = (replace(TIMELINE, about=()),)


async def test_a_projection_that_does_not_blank_is_found(tmp_path: Path) -> None:
    planted = [Forgetful() if p.name == Timeline.name else p for p in PROJECTIONS]
    async with place(tmp_path, planted) as at:
        await fill(at)
        await erase_everybody(at)
        await scrub(at.server.url())
        assert any("base" in file for file in at.files_with(CANARY))
        assert CANARY in at.dump()


async def test_pages_and_statistics_keep_it_until_they_are_scrubbed(tmp_path: Path) -> None:
    """Why there is a `crm privacy scrub`: deleting is not enough."""
    async with place(tmp_path, PROJECTIONS) as at:
        await fill(at)
        await erase_everybody(at)
        with psycopg.connect(at.server.url(), autocommit=True) as owner:
            owner.execute("vacuum")
            owner.execute("checkpoint")
        assert CANARY not in at.dump()
        assert any("base" in file for file in at.files_with(CANARY))
