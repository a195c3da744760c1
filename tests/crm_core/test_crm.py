"""The CRM as its embedders use it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from crm_core import (
    SYSTEM,
    Actor,
    AsOf,
    CommandReused,
    Crm,
    CrmError,
    Denied,
    Invalid,
    ManualClock,
    NotFound,
    Receipt,
    Rejected,
    Request,
    SetupError,
    VersionConflict,
)
from crm_core.customers import (
    AddContactPoint,
    ArchiveCustomer,
    ContactPointType,
    Customer,
    RegisterOrganization,
    RegisterPerson,
    RenameCustomer,
    SetParentOrganization,
    TagCustomer,
    VerifyContactPoint,
)
from crm_core.customers.customer.events import CustomerRenamed

ADA = UUID(int=1)
ada = RegisterPerson(customer_id=ADA, name="Ada")


def renamed(name: str) -> RenameCustomer:
    return RenameCustomer(customer_id=ADA, name=name)


async def test_a_command_named_by_its_sender_has_one_effect(crm: Crm) -> None:
    command_id = uuid4()
    first = await crm.execute(ada, actor=SYSTEM, command_id=command_id)
    again = await crm.execute(ada, actor=SYSTEM, command_id=command_id)
    assert (again.event_ids, again.position) == (first.event_ids, first.position)
    assert (first.replayed, again.replayed) == (False, True)
    with pytest.raises(CommandReused):
        await crm.execute(renamed("Eve"), actor=SYSTEM, command_id=command_id)


async def test_a_command_that_was_refused_may_be_sent_again_under_its_id(crm: Crm) -> None:
    command_id = uuid4()
    with pytest.raises(NotFound):
        await crm.execute(renamed("Eve"), actor=SYSTEM, command_id=command_id)
    await crm.execute(ada, actor=SYSTEM)
    assert not (await crm.execute(renamed("Eve"), actor=SYSTEM, command_id=command_id)).replayed


async def test_who_names_a_version_is_told_when_it_is_gone(crm: Crm) -> None:
    await crm.execute(ada, actor=SYSTEM)
    await crm.execute(renamed("Ada Lovelace"), actor=SYSTEM, expected_version=1)
    with pytest.raises(VersionConflict) as conflict:
        await crm.execute(renamed("Ada King"), actor=SYSTEM, expected_version=1)
    assert conflict.value.actual == 2
    (unseen,) = conflict.value.between
    assert (unseen.version, unseen.type) == (2, "customers.customer.renamed")


async def test_racing_commands_are_decided_again_and_none_is_lost(crm: Crm) -> None:
    await crm.execute(ada, actor=SYSTEM)
    tags = [TagCustomer(customer_id=ADA, tag=f"t{n}") for n in range(6)]
    await asyncio.gather(*(crm.execute(tag, actor=SYSTEM) for tag in tags))
    assert (await crm.get(Customer, ADA)).tags == {f"t{n}" for n in range(6)}


async def test_a_refused_command_of_a_batch_harms_no_other(crm: Crm) -> None:
    commands = [ada, ArchiveCustomer(customer_id=ADA), renamed("Eve"), RegisterPerson(name="Bob")]
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in commands])
    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False, False, True, False]
    assert await crm.position() == 3


def codes(outcomes: list[Receipt | CrmError]) -> list[str]:
    return [getattr(outcome, "code", "accepted") for outcome in outcomes]


async def test_a_refused_claim_changes_what_comes_after_it_in_the_batch(crm: Crm) -> None:
    first = RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com")
    twin = RegisterPerson(name="Twin", email="ada@example.com")
    free = ArchiveCustomer(customer_id=ADA)
    outcomes = await crm.execute_many(
        [Request(command=c, actor=SYSTEM) for c in (first, twin, twin, free, twin)]
    )
    assert codes(outcomes) == ["accepted", "claim.taken", "claim.taken", "accepted", "accepted"]


async def test_a_claim_that_the_ledger_knows_of_is_refused_in_its_place(crm: Crm) -> None:
    await crm.execute(
        RegisterPerson(customer_id=ADA, name="Ada", email="ada@example.com"), actor=SYSTEM
    )
    twin = RegisterPerson(name="Twin", email="ada@example.com")
    outcomes = await crm.execute_many(
        [Request(command=c, actor=SYSTEM) for c in (twin, twin, ArchiveCustomer(customer_id=ADA))]
    )
    assert codes(outcomes) == ["claim.taken", "claim.taken", "accepted"]


async def test_a_refusal_that_rests_on_what_never_happened_does_not_stand(crm: Crm) -> None:
    await crm.execute(ada, actor=SYSTEM)
    await crm.store.keyring.destroy(crm.tenant_id, ADA)
    point = AddContactPoint(customer_id=ADA, type=ContactPointType.EMAIL, value="a@example.com")
    again = AddContactPoint(customer_id=ADA, type=ContactPointType.EMAIL, value="a@example.com")
    outcomes = await crm.execute_many([Request(command=c, actor=SYSTEM) for c in (point, again)])
    assert codes(outcomes) == ["subject.erased", "subject.erased"]


async def test_two_moves_at_once_close_no_cycle(crm: Crm) -> None:
    one, two = RegisterOrganization(name="One"), RegisterOrganization(name="Two")
    for organization in (one, two):
        await crm.execute(organization, actor=SYSTEM)
    moves = [
        SetParentOrganization(customer_id=child.customer_id, parent_id=parent.customer_id)
        for child, parent in ((one, two), (two, one))
    ]
    outcomes = await asyncio.gather(
        *(crm.execute(move, actor=SYSTEM) for move in moves), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert [refusal.code for refusal in refused] == ["customer.parent_cycle"]


async def test_a_command_that_stands_twice_in_a_batch_has_one_effect(crm: Crm) -> None:
    request = Request(command=ada, actor=SYSTEM, command_id=uuid4())
    first, again = await crm.execute_many([request, request])
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert (first.replayed, again.replayed, again.position) == (False, True, first.position)


async def test_a_record_is_shown_as_it_was() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    crm = Crm.in_memory(clock=clock)
    await crm.execute(ada, actor=SYSTEM)
    clock.advance(timedelta(days=1))
    await crm.execute(renamed("Ada Lovelace"), actor=SYSTEM)
    clock.advance(timedelta(days=1))
    late = renamed("Ada Byron")
    await crm.execute(late, actor=SYSTEM, effective_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    names = [
        (await crm.get(Customer, ADA, as_of)).name
        for as_of in (
            AsOf(position=1),
            AsOf(version=2),
            AsOf(time=datetime(2026, 3, 2, tzinfo=UTC)),
            AsOf(effective_at=datetime(2026, 3, 1, 13, tzinfo=UTC)),
            AsOf(effective_at=datetime(2026, 3, 2, 13, tzinfo=UTC)),
        )
    ]
    assert names == ["Ada", "Ada Lovelace", "Ada Lovelace", "Ada Byron", "Ada Lovelace"]
    with pytest.raises(NotFound):
        await crm.get(Customer, ADA, AsOf(time=datetime(2026, 2, 1, tzinfo=UTC)))


async def test_nothing_happens_in_the_future(crm: Crm) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(Rejected, match=r"command\.effective_in_future"):
        await crm.execute(ada, actor=SYSTEM, effective_at=tomorrow)


async def test_a_rehearsal_says_what_would_be_and_does_nothing(crm: Crm) -> None:
    await crm.execute(ada, actor=SYSTEM)
    (event,) = await crm.rehearse(renamed("Eve"), actor=SYSTEM)
    assert isinstance(event, CustomerRenamed)
    assert await crm.position() == 1
    await crm.execute(RegisterPerson(name="Bob", email="bob@example.com"), actor=SYSTEM)
    twin = RegisterPerson(name="Twin", email="bob@example.com")
    with pytest.raises(Rejected, match=r"claim\.taken"):
        await crm.rehearse(twin, actor=SYSTEM)


async def test_a_rehearsal_minds_the_version_that_is_expected(crm: Crm) -> None:
    await crm.execute(ada, actor=SYSTEM)
    assert await crm.rehearse(renamed("Eve"), actor=SYSTEM, expected_version=1)
    with pytest.raises(VersionConflict):
        await crm.rehearse(renamed("Eve"), actor=SYSTEM, expected_version=2)


async def test_who_has_no_rights_does_nothing(crm: Crm) -> None:
    with pytest.raises(Denied):
        await crm.execute(ada, actor=Actor.user(uuid4()))


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
async def test_a_text_that_no_database_keeps_is_refused(crm: Crm, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        await crm.execute(RegisterPerson(name=name), actor=SYSTEM)


async def test_a_fact_dated_before_what_it_is_about_is_not_part_of_that_past() -> None:
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
    crm = Crm.in_memory(clock=clock)
    await crm.execute(ada, actor=SYSTEM)
    clock.advance(timedelta(days=2))
    point = AddContactPoint(customer_id=ADA, type=ContactPointType.EMAIL, value="a@example.com")
    await crm.execute(point, actor=SYSTEM)
    verify = VerifyContactPoint(customer_id=ADA, point_id=point.point_id)
    await crm.execute(verify, actor=SYSTEM, effective_at=datetime(2026, 3, 2, tzinfo=UTC))
    then = await crm.get(Customer, ADA, AsOf(effective_at=datetime(2026, 3, 2, 12, tzinfo=UTC)))
    assert then.points == {}


async def test_an_envelope_takes_no_prose(crm: Crm) -> None:
    with pytest.raises(Invalid, match="reason"):
        await crm.execute(ada, actor=SYSTEM, reason="because Ada Lovelace asked")


def test_the_same_without_await() -> None:
    with Crm.sync.in_memory() as crm:
        receipt = crm.execute(ada, actor=SYSTEM)
        assert crm.get(Customer, ADA).name == "Ada"
        assert [len(page) for page in crm.events()] == [1]
        assert [event.position for event in crm.history(ADA)] == [receipt.position]


def test_a_sync_crm_serves_postgres_too(database_url: str) -> None:
    with Crm.sync.open(database_url, root_key=bytes(32)) as crm:
        crm.execute(ada, actor=SYSTEM)
        assert crm.get(Customer, ADA).name == "Ada"


async def test_a_database_that_is_not_there_is_named() -> None:
    with pytest.raises(SetupError) as refused:
        await Crm.open("postgresql://nobody:secret@127.0.0.1:1/none", root_key=bytes(32))
    assert refused.value.code == "database.unreachable"
    assert "secret" not in str(refused.value)


async def test_a_database_without_tables_is_named(postgres: object) -> None:
    with pytest.raises(SetupError, match=r"database\.not_migrated"):
        await Crm.open(postgres.url("postgres"), root_key=bytes(32))  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", ["synchronous_commit", "full_page_writes"])
async def test_a_server_that_may_lose_what_it_acknowledged_is_refused(
    database_url: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
        database = owner.info.dbname
        if setting == "synchronous_commit":
            await owner.execute(f"alter database {database} set {setting} = off")
        else:
            await owner.execute(f"alter system set {setting} = off")
            await owner.execute("select pg_reload_conf()")
        try:
            await asyncio.sleep(0.2)
            with pytest.raises(SetupError) as refused:
                await Crm.open(database_url, root_key=bytes(32))
            monkeypatch.setenv("CRM_ALLOW_UNSAFE_DATABASE", "1")
            await (await Crm.open(database_url, root_key=bytes(32))).close()
        finally:
            await owner.execute(f"alter system reset {setting}")
            await owner.execute("select pg_reload_conf()")
            await asyncio.sleep(0.2)
    assert refused.value.code == "database.unsafe"
    assert refused.value.parameters == {"off": [setting]}
