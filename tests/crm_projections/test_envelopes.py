"""A read model of envelopes is copied by SQL; what is copied is what its Python says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm_core import SYSTEM, Crm
from crm_core.customers import RegisterPerson
from crm_core.demo import make_demo
from crm_core.ledger.postgres.connections import Pool
from crm_projections import checkpoints, envelopes
from crm_projections.audit_trail.projection import AuditTrail
from crm_projections.digest import digest_of
from crm_projections.envelopes import EnvelopeProjection
from crm_projections.projection import Projection, project
from crm_projections.rebuilding import Rebuild
from crm_projections.runner import ProjectionRunner
from crm_projections.status import Skip
from crm_projections.tables import Row, Table
from projecting import fill, somebody, tell


class Deals(AuditTrail):
    """The envelopes of some types only, under the audit trail's table."""

    reads = ("sales.opportunity.", "customers.customer.re")


@pytest.fixture
async def company(crm: Crm) -> Crm:
    """Actors of several kinds, events that became known late, causes and reasons."""
    await make_demo(crm, now=datetime(2026, 1, 5, tzinfo=UTC), password="not a secret")
    await crm.execute(RegisterPerson(name="Ada"), SYSTEM, reason="import:erp:people.csv:12")
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


@pytest.mark.parametrize("projection", [AuditTrail(), Deals()], ids=["all", "of some types"])
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


async def test_what_was_skipped_by_decision_is_not_copied(crm: Crm, projector: Pool) -> None:
    await fill(crm, people=2)
    projection = AuditTrail()
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
