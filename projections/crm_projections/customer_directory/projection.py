"""Keeps one row a customer: what lists, searches and cards show."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from crm_core import RecordedEvent, Redacted
from crm_core.customers.customer import events as e
from crm_core.customers.customer.customer import CustomerStatus
from crm_core.kernel.events import plain
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["CUSTOMERS", "CustomerDirectory", "CustomerRow"]


class Point(Struct, frozen=True, kw_only=True):
    """A contact point; `value` is None once it was erased."""

    point_id: UUID
    type: e.ContactPointType
    value: str | None
    label: str | None = None
    verified: bool = False
    primary: bool = False


class AffiliationEntry(Struct, frozen=True, kw_only=True):
    affiliation_id: UUID
    organization_id: UUID
    role: str | None
    since: datetime
    until: datetime | None = None


class ConsentEntry(Struct, frozen=True, kw_only=True):
    channel: e.ConsentChannel
    purpose: str
    basis: e.ConsentBasis
    granted_at: datetime
    expires_at: datetime | None


class AddressEntry(Struct, frozen=True, kw_only=True):
    label: str
    address: e.Address


class MergeEntry(Struct, frozen=True, kw_only=True):
    """What a merge brought, so that undoing it takes back just that."""

    plan_id: UUID
    loser_ids: tuple[UUID, ...]
    point_ids: tuple[UUID, ...]
    tags: tuple[str, ...]
    external_ids: tuple[tuple[str, str], ...]


class CustomerRow(Row, frozen=True, kw_only=True):
    customer_id: UUID
    kind: e.CustomerKind
    name: str | None
    status: CustomerStatus = CustomerStatus.ACTIVE
    lifecycle: e.Lifecycle = e.Lifecycle.PROSPECT
    owner_id: UUID | None = None
    parent_id: UUID | None = None
    survivor_id: UUID | None = None
    email: str | None = None
    phone: str | None = None
    source: str | None = None
    sector: str | None = None
    founded_year: int | None = None
    annual_revenue: Decimal | None = None
    annual_revenue_currency: str | None = None
    employees: int | None = None
    location: str | None = None
    tags: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    addresses: tuple[AddressEntry, ...] = ()
    affiliations: tuple[AffiliationEntry, ...] = ()
    consents: tuple[ConsentEntry, ...] = ()
    external_ids: tuple[tuple[str, str], ...] = ()
    merges: tuple[MergeEntry, ...] = ()
    version: int
    created_at: datetime
    updated_at: datetime


def _erased(row: CustomerRow, _: UUID) -> CustomerRow:
    brought = {point_id for merge in row.merges for point_id in merge.point_ids}
    return replace(
        row,
        name=None,
        email=None,
        phone=None,
        points=tuple(
            replace(point, value=None, label=None)
            for point in row.points
            if point.point_id not in brought
        ),
        addresses=(),
        affiliations=tuple(replace(entry, role=None) for entry in row.affiliations),
        external_ids=(),
        merges=tuple(replace(merge, point_ids=(), external_ids=()) for merge in row.merges),
    )


CUSTOMERS = Table(
    "customer",
    CustomerRow,
    key=("customer_id",),
    about=("customer_id",),
    erased=_erased,
    indexes=(
        "name, customer_id",
        "name desc nulls last, customer_id desc",  # empty ones come last both ways
        "created_at, customer_id",
        "owner_id, created_at, customer_id",  # who sees the own ones only lists them so
        "email",
    ),
)


class CustomerDirectory(Projection):
    name = "customer_directory"
    version = 2
    tables = (CUSTOMERS,)
    reads: ClassVar[tuple[str, ...]] = ("customers.customer.",)
    by_stream = True

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        row = rows.get(CUSTOMERS, event.record_id)
        changed = _registered(event) if row is None else _changed(event, row)
        rows.put(
            CUSTOMERS,
            replace(changed, version=event.version, updated_at=event.happened_at),
        )


def _registered(event: RecordedEvent) -> CustomerRow:
    fact = event.data
    assert isinstance(fact, e.CustomerRegistered), "a customer's stream begins with this"
    return CustomerRow(
        customer_id=event.record_id,
        kind=fact.kind,
        name=plain(fact.name),
        source=fact.source,
        version=event.version,
        created_at=event.happened_at,
        updated_at=event.happened_at,
    )


def _changed(event: RecordedEvent, row: CustomerRow) -> CustomerRow:
    match event.data:
        case e.CustomerRenamed() as fact:
            return replace(row, name=plain(fact.name))
        case e.OrganizationProfileSet() as fact:
            revenue = fact.annual_revenue
            return replace(
                row,
                sector=fact.sector,
                founded_year=fact.founded_year,
                annual_revenue=revenue.amount if revenue else None,
                annual_revenue_currency=revenue.currency if revenue else None,
                employees=fact.employees,
                location=fact.location,
            )
        case e.AddressSet() as fact:
            others = tuple(a for a in row.addresses if a.label != fact.label)
            if isinstance(fact.address, Redacted):
                return replace(row, addresses=others)
            entry = AddressEntry(label=fact.label, address=fact.address)
            return replace(row, addresses=tuple(sorted((*others, entry), key=lambda a: a.label)))
        case e.AffiliationStarted() as fact:
            entry_ = AffiliationEntry(
                affiliation_id=fact.affiliation_id,
                organization_id=fact.organization_id,
                role=plain(fact.role),
                since=fact.since,
            )
            return replace(row, affiliations=(*row.affiliations, entry_))
        case e.AffiliationEnded() as fact:
            ended = tuple(
                replace(a, until=fact.until) if a.affiliation_id == fact.affiliation_id else a
                for a in row.affiliations
            )
            return replace(row, affiliations=ended)
        case e.ParentOrganizationSet() as fact:
            return replace(row, parent_id=fact.parent_id)
        case e.CustomerTagged() as fact:
            return replace(row, tags=_with(row.tags, (fact.tag,)))
        case e.CustomerUntagged() as fact:
            return replace(row, tags=_without(row.tags, (fact.tag,)))
        case e.CustomerOwnerAssigned() as fact:
            return replace(row, owner_id=fact.to_owner_id)
        case e.ConsentGranted() as fact:
            consent = ConsentEntry(
                channel=fact.channel,
                purpose=fact.purpose,
                basis=fact.basis,
                granted_at=event.happened_at,
                expires_at=fact.expires_at,
            )
            kept = _other_consents(row, fact.channel, fact.purpose)
            return replace(row, consents=(*kept, consent))
        case e.ConsentWithdrawn() as fact:
            return replace(row, consents=_other_consents(row, fact.channel, fact.purpose))
        case e.LifecycleChanged() as fact:
            return replace(row, lifecycle=fact.to_lifecycle)
        case e.ExternalIdLinked() as fact:
            linked = _with(row.external_ids, _external_ids(fact))
            return replace(row, external_ids=linked)
        case e.ExternalIdUnlinked() as fact:
            unlinked = _without(row.external_ids, _external_ids(fact))
            return replace(row, external_ids=unlinked)
        case e.CustomerArchived():
            return replace(row, status=CustomerStatus.ARCHIVED)
        case e.CustomerRestored():
            return replace(row, status=CustomerStatus.ACTIVE)
        case e.CustomerMergedInto() as fact:
            return replace(row, status=CustomerStatus.MERGED, survivor_id=fact.survivor_id)
        case e.CustomerErased():
            return replace(row, status=CustomerStatus.ERASED)
        case e.CustomersAbsorbed() as fact:
            return _absorbed(row, fact)
        case e.MergeReverted() as fact if fact.survivor_id == row.customer_id:
            return _given_back(row, fact.plan_id)
        case e.MergeReverted():
            return replace(row, status=CustomerStatus.ACTIVE, survivor_id=None)
        case fact:
            return _with_points(row, _changed_points(row.points, fact))


# --- contact points -------------------------------------------------------------------------------


def _changed_points(points: tuple[Point, ...], fact: object) -> tuple[Point, ...]:
    match fact:
        case e.ContactPointAdded():
            point = Point(
                point_id=fact.point_id,
                type=fact.type,
                value=plain(fact.value),
                label=plain(fact.label),
            )
            return _held(points, point)
        case e.ContactPointVerified():
            return tuple(
                replace(p, verified=True) if p.point_id == fact.point_id else p for p in points
            )
        case e.ContactPointMadePrimary():
            return _led_by(points, fact.point_id)
        case e.ContactPointRemoved():
            return _let_go(points, {fact.point_id})
        case _:
            raise TypeError(f"no rule for {type(fact).__name__}")


def _with_points(row: CustomerRow, points: tuple[Point, ...]) -> CustomerRow:
    return replace(
        row,
        points=points,
        email=_primary(points, e.ContactPointType.EMAIL),
        phone=_primary(points, e.ContactPointType.PHONE),
    )


def _primary(points: Iterable[Point], of: e.ContactPointType) -> str | None:
    return next((p.value for p in points if p.type is of and p.primary), None)


def _held(points: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    is_first = all(held.type is not point.type for held in points)
    return (*points, replace(point, primary=is_first))


def _led_by(points: tuple[Point, ...], point_id: UUID) -> tuple[Point, ...]:
    # None: it came by a merge, and was erased with what the merge said.
    of = next((p.type for p in points if p.point_id == point_id), None)
    return tuple(replace(p, primary=p.point_id == point_id) if p.type is of else p for p in points)


def _let_go(points: tuple[Point, ...], gone: Iterable[UUID]) -> tuple[Point, ...]:
    for point_id in gone:
        left = next((p for p in points if p.point_id == point_id), None)
        if left is None:
            continue
        points = tuple(p for p in points if p.point_id != point_id)
        heir = next((p for p in points if p.type is left.type), None)
        if left.primary and heir is not None:
            points = _led_by(points, heir.point_id)
    return points


# --- merging --------------------------------------------------------------------------------------


def _absorbed(row: CustomerRow, fact: e.CustomersAbsorbed) -> CustomerRow:
    received = () if isinstance(fact.points, Redacted) else fact.points
    external_ids = () if isinstance(fact.external_ids, Redacted) else fact.external_ids
    points = row.points
    for point in received:
        points = _held(
            points,
            Point(
                point_id=point.point_id,
                type=point.type,
                value=point.value,
                label=point.label,
                verified=point.verified,
            ),
        )
    merge = MergeEntry(
        plan_id=fact.plan_id,
        loser_ids=fact.loser_ids,
        point_ids=tuple(point.point_id for point in received),
        tags=fact.tags,
        external_ids=external_ids,
    )
    return replace(
        _with_points(row, points),
        tags=_with(row.tags, fact.tags),
        external_ids=_with(row.external_ids, external_ids),
        merges=(*row.merges, merge),
    )


def _given_back(row: CustomerRow, plan_id: UUID) -> CustomerRow:
    merge = {m.plan_id: m for m in row.merges}[plan_id]
    return replace(
        _with_points(row, _let_go(row.points, merge.point_ids)),
        tags=_without(row.tags, merge.tags),
        external_ids=_without(row.external_ids, merge.external_ids),
        merges=tuple(m for m in row.merges if m.plan_id != plan_id),
    )


def _external_ids(fact: e.ExternalIdLinked | e.ExternalIdUnlinked) -> tuple[e.ExternalId, ...]:
    """The id that the fact is about; none, once it was erased."""
    return ((fact.system, fact.external_id),) if isinstance(fact.external_id, str) else ()


# --- small sets, kept sorted ----------------------------------------------------------------------

T = TypeVar("T", str, e.ExternalId)


def _with(items: tuple[T, ...], more: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(set(items) | set(more)))


def _without(items: tuple[T, ...], gone: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(set(items) - set(gone)))


def _other_consents(
    row: CustomerRow, channel: e.ConsentChannel, purpose: str
) -> tuple[ConsentEntry, ...]:
    return tuple(c for c in row.consents if (c.channel, c.purpose) != (channel, purpose))
