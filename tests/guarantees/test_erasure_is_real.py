"""G10: who was erased is nowhere any more, and nothing else has changed.

Every personal field of every event class is filled with a canary, of customers, of users, and of
records that are nobody's; read models, statistics and snapshots are made of it. Then all are
erased, each by the command of its kind, and all that there is is looked through: the events as
they are read now, the data directory with its log, a dump, the read models, an export, case files
and a subject's file made afterwards, what was logged, and Redis.
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
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from structlog.testing import capture_logs

from conftest import ROOT_KEY
from crm_api.bulk.files import Files
from crm_api.http.attempts import Limit
from crm_api.http.shared_attempts import SharedAttempts
from crm_core import SYSTEM, Crm, RecordedEvent, new_id
from crm_core.access.records import kind_of
from crm_core.audit.check import check_ledger
from crm_core.audit.crm_verify import Folder, verify_export
from crm_core.audit.export import export, write_keys
from crm_core.audit.log import AuditLog, Signer
from crm_core.audit.reads import ReadLog
from crm_core.audit.signing import AuditKeys, Memory, new_key_line
from crm_core.audit.store import AuditStore
from crm_core.casefile.gathering import case_file
from crm_core.catalog import AGGREGATES, ERASING
from crm_core.customers import Customer
from crm_core.customers.customer.events import CustomerErased
from crm_core.identity import ActivateUser, DeactivateUser, GrantRole, InviteUser, User, UserStatus
from crm_core.kernel.events import (
    EVENT_CLASSES,
    Created,
    Event,
    Redacted,
    own_fields,
    personal_mark,
)
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
from crm_projections.subject_access import subject_access
from crm_projections.task_list.projection import TASKS, TaskList
from crm_projections.timeline.projection import TIMELINE, Timeline
from golden import corpus
from golden.stories import ADA
from redis_server import RedisServer

from .server import Server, running_server

CANARY = "zqcanary"

# The types of records that `crm privacy erase` takes, with its commands.
ERASES = {topic: ERASING[kind_of(topic)] for topic in AGGREGATES if kind_of(topic) in ERASING}
OWN_SUBJECTS = {Customer.TOPIC, User.TOPIC}
OF_NOBODY_TOO = ERASES.keys() - OWN_SUBJECTS
PERSONAL_TYPES = {topic for topic, of in EVENT_CLASSES.items() if form_of(of).is_personal}


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


def with_canaries(event: Event, record_id: UUID, customer_id: UUID | None) -> Event:
    """The record's event with a canary in every personal field; one that begins it makes it the
    customer's, and whatever else is about a customer is about ADA.
    """
    values = {**event.__dict__, "originator_id": record_id}
    for name, hint in own_fields(type(event)).items():
        if personal_mark(hint) is not None:
            values[name] = canary_of(get_args(hint)[0])
        elif name == "customer_id":
            values[name] = customer_id if isinstance(event, Created) else ADA
    filled = object.__new__(type(event))
    filled.__dict__.update(values)
    return filled


async def record_everything(crm: Crm) -> None:
    """The golden story, each event filled: about ADA, and again about nobody where that can be."""
    streams: dict[UUID, list[RecordedEvent]] = {}
    async with await corpus.lived() as told:
        async for page in told.events():
            for event in page:
                streams.setdefault(event.record_id, []).append(event)
    for stream_id, events in streams.items():
        of = events[0].record_type
        if of == Erasure.TOPIC or any(event.type == CustomerErased.TOPIC for event in events):
            continue  # of somebody who is erased already
        facts = [event.data for event in events]
        subject_id = stream_id if of in OWN_SUBJECTS else ADA
        filled = [with_canaries(fact, stream_id, ADA) for fact in facts]
        await record(crm, of, stream_id, subject_id, filled)
        if of in OF_NOBODY_TOO:
            alone = new_id()
            filled = [with_canaries(fact, alone, None) for fact in facts if not fact.adopts]
            await record(crm, of, alone, alone, filled)


async def record(
    crm: Crm, record_type: str, record_id: UUID, subject_id: UUID, facts: Sequence[Event]
) -> None:
    subjects = {subject_id, *(other for fact in facts for other in fact.also_about)}
    new = crm.store.encode(
        crm.tenant_id,
        subject_id,
        facts,
        [new_id() for _ in facts],
        None,
        await crm.store.keyring.for_sealing(crm.tenant_id, subjects),
    )
    append = Append(
        command_id=new_id(),
        actor=SYSTEM,
        correlation_id=new_id(),
        streams=(StreamAppend(record_type, record_id, Expected.NONE, new),),
    )
    (appended,) = await crm.store.ledger.append(crm.tenant_id, [append])
    assert not isinstance(appended, Exception), appended


# --- the place ------------------------------------------------------------------------------------


@dataclass
class Place:
    server: Server
    crm: Crm
    runner: ProjectionRunner
    projector: Pool
    audit: AuditLog
    redis: RedisServer | None
    bulk_files: Files
    reader: Pool

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
                bulk_files = Files(server.folder / "bulk", crm.tenant_id)
                bulk_files.result(uuid4()).write_text(f'{{"name": "{CANARY}"}}\n')
                yield Place(server, crm, runner, projector, audit, redis, bulk_files, reader)
            finally:
                await projector.close()
                await reader.close()
    if redis is not None:
        redis.kill()


async def fill(at: Place) -> None:
    await record_everything(at.crm)
    await at.runner.catch_up(at.crm.tenant_id)
    for _, record_id in await records(at.crm):
        version = await at.crm.store.ledger.last_version(at.crm.tenant_id, record_id)
        await at.crm.aggregates.take_snapshot(at.crm.tenant_id, record_id, version)
    with psycopg.connect(at.server.url(), autocommit=True) as owner:
        owner.execute("analyze")
        owner.execute("checkpoint")


async def records(crm: Crm) -> list[tuple[str, UUID]]:
    """Every record, by type and id, as they began."""
    return [
        (event.record_type, event.record_id)
        async for page in crm.events()
        for event in page
        if event.version == 1
    ]


async def readable(crm: Crm) -> set[tuple[str, bool]]:
    """The types of events that are read with a canary, and whether of records that are nobody's."""
    return {
        (event.type, event.stored.subject_ids[0] == event.record_id)
        async for page in crm.events()
        for event in page
        if CANARY in repr(event.data)
    }


async def erase_everybody(at: Place) -> set[str]:
    """All that can be erased by itself, by the command of its kind; the types of these records."""
    crm, erased, kinds = at.crm, set[UUID](), set[str]()
    to_erase = [(of, record_id) for of, record_id in await records(crm) if of in ERASES]
    governor = InviteUser(name="Governor")
    for command in (
        governor,
        ActivateUser(user_id=governor.user_id),
        GrantRole(user_id=governor.user_id, role="admin"),
    ):
        await crm.execute(command, SYSTEM)
    for of, record_id in to_erase:
        record = await crm.get(AGGREGATES[of], record_id)
        if record.subject_id != record_id or record_id in erased:
            continue  # it goes with its customer; or with one that it was merged with
        if isinstance(record, User) and record.status is not UserStatus.DEACTIVATED:
            leaving = DeactivateUser(user_id=record_id, successor_id=governor.user_id)
            await crm.execute(leaving, SYSTEM)
        erasing = ERASES[of](**{ERASES[of].TARGET: record_id})
        await crm.execute(erasing, SYSTEM)
        await at.runner.catch_up(crm.tenant_id)
        stores = [ReadModels(at.projector, PROJECTIONS), at.bulk_files]
        erasure = await crm.erasing.finish(erasing.erasure_id, stores)
        erased.update(erasure.subject_ids)
        kinds.add(of)
    await at.runner.catch_up(crm.tenant_id)
    return kinds


# --- the guarantee --------------------------------------------------------------------------------


async def test_who_was_erased_is_nowhere_any_more(tmp_path: Path) -> None:
    with capture_logs() as logged:
        async with place(tmp_path, PROJECTIONS) as at:
            await fill(at)
            assert await readable(at.crm) >= everything_personal()
            assert any("wal" in file for file in at.files_with(CANARY))
            assert any("base" in file for file in at.files_with(CANARY))
            assert any("bulk" in file for file in at.files_with(CANARY))
            assert CANARY in at.dump()
            until = datetime.now(UTC)
            reports, recorded = await at.reports(until), await at.crm.position()
            await at.audit.integrate(at.crm.tenant_id)
            signed = await at.audit.sign(at.crm.tenant_id)
            assert signed.size == recorded
            filled = await records(at.crm)
            assert CANARY in await told_about(at, filled)
            await attempt_to_sign_in(at)

            assert await erase_everybody(at) == ERASES.keys()
            scrubbed = await scrub(at.server.url())
            assert [part.done for part in scrubbed] == [True, True, False]

            assert await readable(at.crm) == set()
            assert at.files_with(CANARY) == []
            assert CANARY not in at.dump()
            assert await at.reports(until) == reports
            await assert_proven(at, signed, tmp_path / "export")
            assert CANARY not in await told_about(at, filled)
            assert_in_no_file(tmp_path)
            assert_not_in_redis(at)
    assert CANARY not in json.dumps(logged, default=str)


def everything_personal() -> set[tuple[str, bool]]:
    """Every type of event with a personal field; of records that can be nobody's, both ways."""
    kind_of_type = {topic: topic.rpartition(".")[0] for topic in PERSONAL_TYPES}
    of_nobody = {topic for topic in PERSONAL_TYPES if kind_of_type[topic] in ERASES}
    of_somebody = {topic for topic in PERSONAL_TYPES if kind_of_type[topic] not in OWN_SUBJECTS}
    return {(topic, True) for topic in of_nobody} | {(topic, False) for topic in of_somebody}


async def told_about(at: Place, filled: Sequence[tuple[str, UUID]]) -> str:
    """What a case file and a subject's file say about the records, as text."""
    said = []
    read_log = ReadLog(at.reader, at.crm.tenant_id)
    for of, record_id in filled:
        if of in ERASES:
            files = await case_file(at.crm, at.audit, read_log, record_id, SYSTEM)
            said += [content.decode() for content in files.values()]
        if of == Customer.TOPIC:
            held = await subject_access(
                at.crm, at.projector, read_log, PROJECTIONS, record_id, SYSTEM
            )
            said.append(held.decode())
    return "\n".join(said)


async def attempt_to_sign_in(at: Place) -> None:
    """Counted in Redis, as a server does it."""
    if at.redis is not None:
        attempts = SharedAttempts(at.redis.url, at.crm.tenant_id)
        await attempts.take([Limit(canary_of(str), 5)])
        await attempts.close()


def assert_not_in_redis(at: Place) -> None:
    """What is there names nobody, and goes by itself."""
    if at.redis is not None:
        with at.redis.client() as client:
            keys: Any = client.keys("*")
            assert len(keys) == 1
            for key in keys:
                assert CANARY not in f"{key}{client.dump(key)!r}"
                assert client.ttl(key) >= 0


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
    await export(at.audit, tenant_id, folder)
    write_keys(folder, await at.crm.store.keyring.store.all_keys(tenant_id))
    verify_export(Folder(folder), [str(key) for key in at.audit.verifiers(tenant_id)])


def assert_in_no_file(folder: Path) -> None:
    found = [p for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    assert found == []


class Forgetful(Timeline):
    """A planted bug: it keeps texts, and does not say whom they are about."""

    tables = (replace(TIMELINE, about=()),)


class OfCustomersAlone(TaskList):
    """A planted bug: it forgets the tasks of a customer, and none that are nobody's."""

    tables = (replace(TASKS, about=("customer_id",)),)


@pytest.mark.parametrize("planted", [Forgetful(), OfCustomersAlone()], ids=lambda of: of.name)
async def test_a_projection_that_does_not_blank_is_found(
    tmp_path: Path, planted: Projection
) -> None:
    others = [projection for projection in PROJECTIONS if projection.name != planted.name]
    async with place(tmp_path, [*others, planted]) as at:
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
