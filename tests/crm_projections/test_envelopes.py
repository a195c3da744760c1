"""A read model of envelopes is copied by SQL; what is copied is what its Python says.

So is the timeline, whose words are sealed, and are read for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm_core import SYSTEM, Crm, RecordedEvent, SetupError
from crm_core.customers import EraseCustomer, RegisterPerson
from crm_core.demo import make_demo
from crm_core.engagement import RedactInteraction
from crm_core.ledger.postgres.connections import Pool
from crm_core.service import OpenTicket, TicketChannel
from crm_projections import checkpoints, envelopes
from crm_projections.audit_trail.projection import AuditTrail
from crm_projections.digest import digest_of
from crm_projections.envelopes import EnvelopeProjection, Words
from crm_projections.projection import Projection, project
from crm_projections.rebuilding import Rebuild
from crm_projections.runner import ProjectionRunner
from crm_projections.status import Skip
from crm_projections.tables import Row, Table
from crm_projections.timeline.projection import Timeline
from projecting import ADA, CALL, call, fill, somebody, tell


class Deals(AuditTrail):
    """The envelopes of some types only, under the audit trail's table."""

    reads = ("sales.opportunity.", "customers.customer.re")


@pytest.fixture
async def company(crm: Crm) -> Crm:
    """Actors of several kinds, events that became known late, causes and reasons."""
    await make_demo(crm, now=datetime(2026, 1, 5, tzinfo=UTC), password="not a secret")
    await crm.execute(RegisterPerson(name="Ada"), SYSTEM, reason="import:erp:people.csv:12")
    await tell(crm, OpenTicket(subject="Nobody's", channel=TicketChannel.PHONE))
    return crm


async def said(crm: Crm, projection: Projection, *, without: int = 0) -> str:
    events = [event async for page in crm.events() for event in page]
    kept = [event for event in events if event.position != without]
    return digest_of(projection, project(projection, kept))


async def caught_up(crm: Crm, projector: Pool, projection: Projection) -> str:
    runner = ProjectionRunner(crm.store, projector, [projection])
    await runner.prepare()
    await runner.catch_up(crm.tenant_id)
    return (await runner.digests(crm.tenant_id))[projection.name]


async def rebuilt(crm: Crm, projector: Pool, projection: Projection) -> str:
    await Rebuild(crm.store, projector, [projection]).run()
    runner = ProjectionRunner(crm.store, projector, [projection])
    return (await runner.digests(crm.tenant_id))[projection.name]


@pytest.mark.parametrize(
    "projection",
    [AuditTrail(), Deals(), Timeline()],
    ids=["all", "of some types", "with words"],
)
async def test_copied_rows_are_those_that_apply_makes(
    company: Crm, projector: Pool, projection: EnvelopeProjection
) -> None:
    expected = await said(company, projection)
    assert await caught_up(company, projector, projection) == expected
    assert await rebuilt(company, projector, projection) == expected


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("happened_at", "recorded_at"),
        ("causation_id", "command_id"),
        ("reason", "null"),
        ("source", "reason"),
        ("subject_id", "stream_id"),
    ],
)
async def test_a_column_that_is_copied_wrongly_is_found_out(
    company: Crm, projector: Pool, monkeypatch: pytest.MonkeyPatch, column: str, wrong: str
) -> None:
    projection = AuditTrail()
    expected = await said(company, projection)
    parts = {**envelopes._PARTS, column: envelopes._PARTS[column]._replace(sql=wrong)}
    monkeypatch.setattr(envelopes, "_PARTS", parts)
    assert await caught_up(company, projector, projection) != expected


class _Other(Row, frozen=True, kw_only=True):
    position: int
    amount: Decimal


class _Texts(Row, frozen=True, kw_only=True):
    position: str


@pytest.mark.parametrize("row", [_Other, _Texts])
def test_a_table_that_no_envelope_fills_is_refused_where_it_is_declared(row: type[Row]) -> None:
    with pytest.raises(TypeError, match="no envelope has"):
        type("Wrong", (EnvelopeProjection,), {"tables": (Table("wrong", row, key=("position",)),)})


@pytest.mark.parametrize("projection", [AuditTrail(), Timeline()], ids=["all", "with words"])
async def test_what_was_skipped_by_decision_is_not_copied(
    crm: Crm, projector: Pool, projection: EnvelopeProjection
) -> None:
    await fill(crm, people=2)
    runner = ProjectionRunner(crm.store, projector, [projection])
    await runner.prepare()
    decision = Skip(
        position=3,
        event_type="customers.customer.registered",
        error="LookupError",
        reason="a test",
        decided_by="anna",
        decided_at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    async with projector.connection() as connection:
        await checkpoints.take_skips(connection, crm.tenant_id, projection.name, [decision])
    expected = await said(crm, projection, without=3)
    assert await caught_up(crm, projector, projection) == expected
    assert await rebuilt(crm, projector, projection) == expected


async def test_each_tenant_has_its_own_rows(crm: Crm, projector: Pool) -> None:
    other = Crm(crm.store.ledger, crm.store.keyring, tenant="other")
    await fill(crm, people=1)
    await tell(other, *somebody("elsewhere"))
    projection = AuditTrail()
    runner = ProjectionRunner(crm.store, projector, [projection])
    await runner.prepare()
    await runner.catch_up_all()
    for application in (crm, other):
        digests = await runner.digests(application.tenant_id)
        assert digests[projection.name] == await said(application, projection)


async def test_no_plan_is_kept_for_a_part_of_the_ledger(crm: Crm, projector: Pool) -> None:
    """A plan without the bounds of a part reads the whole ledger, for each of the parts."""
    await fill(crm, people=1)
    projection = AuditTrail()
    await ProjectionRunner(crm.store, projector, [projection]).prepare()
    async with projector.connection() as connection:
        for _ in range(10):  # the driver keeps what is asked more often than five times
            await envelopes.copy_streams(
                connection,
                projection,
                "audit__1",
                crm.tenant_id,
                first=ADA,
                last=ADA,
                up_to=100,
                skipped=(),
                words=Words(),
            )
        found = await connection.execute(
            "select count(*) from pg_prepared_statements where statement like '%insert into%'"
        )
        assert await found.fetchone() == (0,)
        copied = await connection.execute("select count(*) from read_model.audit__1")
        assert (await copied.fetchone()) != (0,)


# --- words ----------------------------------------------------------------------------------------


async def test_words_that_are_taken_back_go_from_rows_of_before(crm: Crm, projector: Pool) -> None:
    await fill(crm, people=3)
    await tell(crm, call, *somebody("eve"))
    before = await caught_up(crm, projector, Timeline())
    await tell(crm, RedactInteraction(interaction_id=CALL, reason="asked"))
    redacted = await caught_up(crm, projector, Timeline())
    assert redacted == await said(crm, Timeline())
    await tell(crm, EraseCustomer(customer_id=ADA))
    erased = await caught_up(crm, projector, Timeline())
    assert erased == await said(crm, Timeline())
    assert await rebuilt(crm, projector, Timeline()) == erased
    assert len({before, redacted, erased}) == 3


@pytest.mark.parametrize("texts_max", [1, 60, 2_000])
async def test_more_words_than_one_statement_takes_are_copied_by_several(
    company: Crm, projector: Pool, monkeypatch: pytest.MonkeyPatch, texts_max: int
) -> None:
    monkeypatch.setattr(envelopes, "_TEXTS_MAX", texts_max)
    expected = await said(company, Timeline())
    assert await caught_up(company, projector, Timeline()) == expected
    assert await rebuilt(company, projector, Timeline()) == expected


async def redact_a_call(crm: Crm) -> None:
    await tell(crm, RegisterPerson(customer_id=ADA, name="Ada"), call)
    await tell(crm, RedactInteraction(interaction_id=CALL, reason="asked"))


class _Everybodys(Timeline):
    taken_sql = "true"


class _Mute(Timeline):
    def words(self, events: Iterable[RecordedEvent]) -> Words:
        return Words()


class _Talkative(Timeline):
    """Does not hear that words were taken back."""

    def words(self, events: Iterable[RecordedEvent]) -> Words:
        return Words(super().words(events).texts)


@pytest.mark.parametrize(
    "wrong", [_Everybodys(), _Mute(), _Talkative()], ids=lambda of: type(of).__name__
)
async def test_words_that_are_read_wrongly_are_found_out(
    company: Crm, projector: Pool, wrong: Timeline
) -> None:
    """The planted bugs."""
    await redact_a_call(company)
    expected = await said(company, Timeline())
    assert await caught_up(company, projector, wrong) != expected
    assert await rebuilt(company, projector, wrong) != expected


class _Choking(Timeline):
    def words(self, events: Iterable[RecordedEvent]) -> Words:
        words = super().words(events)
        if call.subject in words.texts.values():
            raise LookupError("of this one")
        return words


async def test_an_event_whose_words_cannot_be_read_stops_a_rebuild_by_name(
    company: Crm, projector: Pool
) -> None:
    await redact_a_call(company)
    events = [event async for page in company.events() for event in page]
    logged = next(event for event in events if event.record_id == CALL)
    with pytest.raises(SetupError) as refused:
        await Rebuild(company.store, projector, [_Choking()]).run()
    assert refused.value.code == "projection.poisoned"
    assert refused.value.parameters["position"] == logged.position


async def test_it_stops_the_slot_before_that_event(company: Crm, projector: Pool) -> None:
    await redact_a_call(company)
    runner = ProjectionRunner(company.store, projector, [_Choking()])
    await runner.prepare()
    await runner.catch_up(company.tenant_id)
    (at,) = await runner.status()
    assert at.stopped_type == "engagement.interaction.logged"
    assert at.stopped_by == "LookupError"
    assert at.stopped_at == at.position + 1
