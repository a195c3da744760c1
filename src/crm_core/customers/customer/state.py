"""What a customer is: the state that events make, and the guards and keys that follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.customers.customer import events as e
from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText, Redacted


class CustomerStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    MERGED = "MERGED"
    ERASED = "ERASED"  # for ever


@dataclass(frozen=True, slots=True)
class HeldPoint:
    """A contact point as the customer holds it; points of one type keep the order of arrival."""

    point_id: UUID
    type: e.ContactPointType
    value: PersonalText
    label: OptionalPersonalText = None
    verified: bool = False
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Affiliation:
    affiliation_id: UUID
    organization_id: UUID
    role: PersonalText
    since: datetime
    until: datetime | None = None

    def overlaps(self, since: datetime) -> bool:
        """Whether an interval from `since` on, without an end, would overlap this one."""
        return self.until is None or since < self.until


@dataclass(frozen=True, slots=True)
class Consent:
    basis: e.ConsentBasis
    granted_at: datetime
    expires_at: datetime | None

    def holds_at(self, moment: datetime) -> bool:
        return self.expires_at is None or moment < self.expires_at


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What a merge brought to the survivor, by the plan's id."""

    loser_ids: tuple[UUID, ...]
    point_ids: frozenset[UUID] = field(default_factory=frozenset)
    tags: frozenset[str] = field(default_factory=frozenset)
    external_ids: frozenset[e.ExternalId] = field(default_factory=frozenset)


class CustomerState(Aggregate):
    """The part of `Customer` that never decides."""

    kind: e.CustomerKind = e.CustomerKind.PERSON
    name: PersonalText = ""
    status: CustomerStatus = CustomerStatus.ACTIVE
    lifecycle: e.Lifecycle = e.Lifecycle.PROSPECT
    owner_id: UUID | None = None
    parent_id: UUID | None = None
    survivor_id: UUID | None = None
    points: dict[UUID, HeldPoint] = field(default_factory=dict)
    addresses: dict[str, e.PersonalAddress] = field(default_factory=dict)
    affiliations: dict[UUID, Affiliation] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    consents: dict[tuple[e.ConsentChannel, str], Consent] = field(default_factory=dict)
    external_ids: set[e.ExternalId] = field(default_factory=set)
    absorbed: dict[UUID, Absorbed] = field(default_factory=dict)
    _status_before_merge: CustomerStatus = CustomerStatus.ACTIVE

    # --- unique keys --------------------------------------------------------------------------

    def held_keys(self) -> frozenset[HeldKey]:
        """An active customer holds its e-mail addresses and its external ids."""
        if self.status is not CustomerStatus.ACTIVE:
            return frozenset()
        emails = {
            HeldKey("email", point.value)
            for point in self.points.values()
            if point.type is e.ContactPointType.EMAIL and isinstance(point.value, str)
        }
        externals = {external_key("customer", *link) for link in self.external_ids}
        return frozenset(emails | externals)

    # --- guards -------------------------------------------------------------------------------

    def _require_active(self) -> None:
        self._refuse_merged()
        if self.status is CustomerStatus.ARCHIVED:
            raise Rejected("customer.archived", customer_id=str(self.id))

    def refuse_erased(self) -> None:
        """Raises Rejected `customer.erased`."""
        if self.status is CustomerStatus.ERASED:
            raise Rejected("customer.erased", customer_id=str(self.id))

    def _refuse_merged(self) -> None:
        self.refuse_erased()
        if self.status is CustomerStatus.MERGED:
            raise Rejected(
                "customer.merged", customer_id=str(self.id), survivor_id=str(self.survivor_id)
            )

    def _require_kind(self, kind: e.CustomerKind) -> None:
        if self.kind is not kind:
            raise Rejected("customer.wrong_kind", customer_id=str(self.id), wanted=kind.value)

    def _point(self, point_id: UUID) -> HeldPoint:
        point = self.points.get(point_id)
        if point is None:
            raise Rejected("customer.no_such_contact_point", point_id=str(point_id))
        return point

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        match event:
            case e.CustomerRegistered():
                self.kind, self.name = event.kind, event.name
            case e.CustomerRenamed():
                self.name = event.name
            case e.ContactPointAdded():
                self._hold(HeldPoint(event.point_id, event.type, event.value, event.label))
            case e.ContactPointVerified():
                self._change(event.point_id, verified=True)
            case e.ContactPointMadePrimary():
                self._make_primary(event.point_id)
            case e.ContactPointRemoved():
                self._let_go({event.point_id})
            case e.AddressSet():
                self.addresses[event.label] = event.address
            case e.AffiliationStarted():
                self.affiliations[event.affiliation_id] = Affiliation(
                    event.affiliation_id, event.organization_id, event.role, event.since
                )
            case e.AffiliationEnded():
                held = self.affiliations[event.affiliation_id]
                self.affiliations[event.affiliation_id] = replace(held, until=event.until)
            case e.ParentOrganizationSet():
                self.parent_id = event.parent_id
            case e.CustomerTagged():
                self.tags.add(event.tag)
            case e.CustomerUntagged():
                self.tags.discard(event.tag)
            case e.CustomerOwnerAssigned():
                self.owner_id = event.to_owner_id
            case e.ConsentGranted():
                self.consents[event.channel, event.purpose] = Consent(
                    event.basis, event.timestamp, event.expires_at
                )
            case e.ConsentWithdrawn():
                self.consents.pop((event.channel, event.purpose), None)
            case e.LifecycleChanged():
                self.lifecycle = event.to_lifecycle
            case e.ExternalIdLinked() if isinstance(event.external_id, str):
                self.external_ids.add((event.system, event.external_id))
            case e.ExternalIdUnlinked() if isinstance(event.external_id, str):
                self.external_ids.discard((event.system, event.external_id))
            case e.ExternalIdLinked() | e.ExternalIdUnlinked():
                pass  # erased
            case e.CustomerArchived():
                self.status = CustomerStatus.ARCHIVED
            case e.CustomerRestored():
                self.status = CustomerStatus.ACTIVE
            case e.CustomerMergedInto():
                self._status_before_merge = self.status
                self.status, self.survivor_id = CustomerStatus.MERGED, event.survivor_id
            case e.CustomersAbsorbed():
                self._receive(event)
            case e.MergeReverted() if event.survivor_id == self.id:
                self._give_back(event.plan_id)
            case e.MergeReverted():
                self.status, self.survivor_id = self._status_before_merge, None
            case e.CustomerErased():
                self.status = CustomerStatus.ERASED
            case e.OrganizationProfileSet():
                pass  # no rule needs it; the read models show it
            case _:
                assert_never(event)

    def _hold(self, point: HeldPoint) -> None:
        is_first = all(held.type is not point.type for held in self.points.values())
        self.points[point.point_id] = replace(point, primary=is_first)

    def _change(self, point_id: UUID, **changes: Any) -> None:
        held = self.points.get(point_id)
        if held is not None:  # else it came by a merge, and was erased with what the merge said
            self.points[point_id] = replace(held, **changes)

    def _make_primary(self, point_id: UUID) -> None:
        leading = self.points.get(point_id)
        for held in list(self.points.values()):
            if leading is not None and held.type is leading.type:
                self._change(held.point_id, primary=held.point_id == point_id)

    def _let_go(self, point_ids: Iterable[UUID]) -> None:
        for point_id in point_ids:
            gone = self.points.pop(point_id, None)
            if gone is not None and gone.primary:
                rest = [held for held in self.points.values() if held.type is gone.type]
                if rest:
                    self._make_primary(rest[0].point_id)

    def _receive(self, event: e.CustomersAbsorbed) -> None:
        points = () if isinstance(event.points, Redacted) else event.points
        for point in points:
            self._hold(
                HeldPoint(point.point_id, point.type, point.value, point.label, point.verified)
            )
        external_ids = () if isinstance(event.external_ids, Redacted) else event.external_ids
        self.tags |= set(event.tags)
        self.external_ids |= set(external_ids)
        self.absorbed[event.plan_id] = Absorbed(
            event.loser_ids,
            frozenset(point.point_id for point in points),
            frozenset(event.tags),
            frozenset(external_ids),
        )

    def _give_back(self, plan_id: UUID) -> None:
        absorbed = self.absorbed.pop(plan_id)
        self._let_go([p for p in list(self.points) if p in absorbed.point_ids])
        self.tags -= absorbed.tags
        self.external_ids -= absorbed.external_ids
