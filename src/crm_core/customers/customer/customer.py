"""The rules of a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from crm_core.customers.customer import events as e
from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText, Redacted, plain
from crm_core.kernel.values import Money, normal_email, normal_phone


class CustomerStatus(StrEnum):
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    MERGED = "MERGED"


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


# A customer moves forward by itself; a person may move it back, and says why.
_FORWARD: frozenset[tuple[e.Lifecycle, e.Lifecycle]] = frozenset(
    {
        (e.Lifecycle.PROSPECT, e.Lifecycle.ACTIVE),
        (e.Lifecycle.ACTIVE, e.Lifecycle.DORMANT),
        (e.Lifecycle.DORMANT, e.Lifecycle.ACTIVE),
        (e.Lifecycle.ACTIVE, e.Lifecycle.CHURNED),
        (e.Lifecycle.DORMANT, e.Lifecycle.CHURNED),
        (e.Lifecycle.CHURNED, e.Lifecycle.ACTIVE),
    }
)
_NEEDS_REASON = frozenset({e.Lifecycle.CHURNED, e.Lifecycle.PROSPECT})

CONTACT_POINTS_MAX = 100
TAGS_MAX = 100


class Customer(Aggregate):
    TOPIC = "customers.customer"

    def __init__(self) -> None:
        self.kind = e.CustomerKind.PERSON
        self.name: PersonalText = ""
        self.status = CustomerStatus.ACTIVE
        self.lifecycle = e.Lifecycle.PROSPECT
        self.owner_id: UUID | None = None
        self.parent_id: UUID | None = None
        self.survivor_id: UUID | None = None
        self.points: dict[UUID, HeldPoint] = {}
        self.addresses: dict[str, e.PersonalAddress] = {}
        self.affiliations: dict[UUID, Affiliation] = {}
        self.tags: set[str] = set()
        self.consents: dict[tuple[e.ConsentChannel, str], Consent] = {}
        self.external_ids: set[e.ExternalId] = set()
        self.absorbed: dict[UUID, Absorbed] = {}
        self._status_before_merge = CustomerStatus.ACTIVE

    # --- registering and naming ---------------------------------------------------------------

    @classmethod
    def register(
        cls,
        customer_id: UUID,
        at: datetime,
        *,
        kind: e.CustomerKind,
        name: str,
        source: str | None = None,
    ) -> Customer:
        return cls.start(
            e.CustomerRegistered, customer_id, at, kind=kind, name=name.strip(), source=source
        )

    def rename(self, name: str) -> None:
        self._require_active()
        if name.strip() != self.name:
            self.record(e.CustomerRenamed, name=name.strip())

    def set_organization_profile(
        self,
        *,
        sector: str | None,
        founded_year: int | None,
        annual_revenue: Money | None,
        employees: int | None,
        location: str | None,
    ) -> None:
        self._require_active()
        self._require_kind(e.CustomerKind.ORGANIZATION)
        self.record(
            e.OrganizationProfileSet,
            sector=sector,
            founded_year=founded_year,
            annual_revenue=annual_revenue,
            employees=employees,
            location=location,
        )

    # --- how to reach them --------------------------------------------------------------------

    def add_contact_point(
        self, point_id: UUID, of: e.ContactPointType, value: str, label: str | None
    ) -> None:
        """The first point of a type is its primary one."""
        self._require_active()
        value = _normal(of, value)
        if any(p.type is of and p.value == value for p in self.points.values()):
            raise Rejected("customer.contact_point_exists", type=of.value)
        if point_id in self.points:
            raise Rejected("customer.contact_point_id_used", point_id=str(point_id))
        if len(self.points) >= CONTACT_POINTS_MAX:
            raise Rejected("customer.too_many_contact_points", limit=CONTACT_POINTS_MAX)
        self.record(e.ContactPointAdded, point_id=point_id, type=of, value=value, label=label)

    def verify_contact_point(self, point_id: UUID) -> None:
        self._require_active()
        if not self._point(point_id).verified:
            self.record(e.ContactPointVerified, point_id=point_id)

    def make_contact_point_primary(self, point_id: UUID) -> None:
        self._require_active()
        if not self._point(point_id).primary:
            self.record(e.ContactPointMadePrimary, point_id=point_id)

    def remove_contact_point(self, point_id: UUID) -> None:
        """The oldest of the same type follows a removed primary one."""
        self._require_active()
        self._point(point_id)
        self.record(e.ContactPointRemoved, point_id=point_id)

    def set_address(self, label: str, address: e.Address) -> None:
        self._require_active()
        if self.addresses.get(label) != address:
            self.record(e.AddressSet, label=label, address=address)

    # --- relations ----------------------------------------------------------------------------

    def start_affiliation(
        self, affiliation_id: UUID, organization: Customer, role: str, since: datetime
    ) -> None:
        self._require_active()
        self._require_kind(e.CustomerKind.PERSON)
        organization._require_active()
        organization._require_kind(e.CustomerKind.ORGANIZATION)
        for held in self.affiliations.values():
            same = held.organization_id == organization.id and held.role == role
            if same and held.overlaps(since):
                raise Rejected(
                    "customer.affiliation_overlaps", affiliation_id=str(held.affiliation_id)
                )
        if affiliation_id in self.affiliations:
            raise Rejected("customer.affiliation_id_used", affiliation_id=str(affiliation_id))
        self.record(
            e.AffiliationStarted,
            affiliation_id=affiliation_id,
            organization_id=organization.id,
            role=role,
            since=since,
        )

    def end_affiliation(self, affiliation_id: UUID, until: datetime) -> None:
        self._require_active()
        held = self.affiliations.get(affiliation_id)
        if held is None:
            raise Rejected("customer.no_such_affiliation", affiliation_id=str(affiliation_id))
        if held.until is not None:
            raise Rejected("customer.affiliation_ended", affiliation_id=str(affiliation_id))
        if until <= held.since:
            raise Rejected("customer.affiliation_ends_before_start", since=held.since)
        self.record(e.AffiliationEnded, affiliation_id=affiliation_id, until=until)

    def set_parent(self, parent: Customer | None, ancestors: Sequence[Customer]) -> None:
        """`ancestors` are the parent's, up to the root; this customer must not be among them."""
        self._require_active()
        self._require_kind(e.CustomerKind.ORGANIZATION)
        if parent is not None:
            parent._require_active()
            parent._require_kind(e.CustomerKind.ORGANIZATION)
            if self.id in {parent.id, *(ancestor.id for ancestor in ancestors)}:
                raise Rejected("customer.parent_cycle", parent_id=str(parent.id))
        parent_id = None if parent is None else parent.id
        if parent_id != self.parent_id:
            self.record(e.ParentOrganizationSet, parent_id=parent_id)

    def assign_owner(self, owner_id: UUID) -> None:
        self._require_active()
        if owner_id != self.owner_id:
            self.record(e.CustomerOwnerAssigned, from_owner_id=self.owner_id, to_owner_id=owner_id)

    def tag(self, tag: str) -> None:
        self._require_active()
        if tag in self.tags:
            return
        if len(self.tags) >= TAGS_MAX:
            raise Rejected("customer.too_many_tags", limit=TAGS_MAX)
        self.record(e.CustomerTagged, tag=tag)

    def untag(self, tag: str) -> None:
        self._require_active()
        if tag in self.tags:
            self.record(e.CustomerUntagged, tag=tag)

    def link_external_id(self, system: str, external_id: str) -> None:
        self._require_active()
        if (system, external_id) not in self.external_ids:
            self.record(e.ExternalIdLinked, system=system, external_id=external_id)

    def unlink_external_id(self, system: str, external_id: str) -> None:
        self._require_active()
        if (system, external_id) in self.external_ids:
            self.record(e.ExternalIdUnlinked, system=system, external_id=external_id)

    # --- consent and lifecycle ----------------------------------------------------------------

    def grant_consent(
        self,
        channel: e.ConsentChannel,
        purpose: str,
        basis: e.ConsentBasis,
        evidence: str,
        expires_at: datetime | None,
    ) -> None:
        self._require_active()
        if expires_at is not None and expires_at <= self.at:
            raise Rejected("customer.consent_expires_in_past", expires_at=expires_at)
        self.record(
            e.ConsentGranted,
            channel=channel,
            purpose=purpose,
            basis=basis,
            evidence=evidence,
            expires_at=expires_at,
        )

    def withdraw_consent(self, channel: e.ConsentChannel, purpose: str) -> None:
        self._require_active()
        if (channel, purpose) not in self.consents:
            raise Rejected("customer.no_such_consent", channel=channel.value, purpose=purpose)
        self.record(e.ConsentWithdrawn, channel=channel, purpose=purpose)

    def change_lifecycle(self, to: e.Lifecycle, reason: str | None) -> None:
        self._require_active()
        if to is self.lifecycle:
            return
        is_forward = (self.lifecycle, to) in _FORWARD
        if reason is None and (not is_forward or to in _NEEDS_REASON):
            raise Rejected(
                "customer.lifecycle_needs_reason", **{"from": self.lifecycle.value, "to": to.value}
            )
        self.record(
            e.LifecycleChanged, from_lifecycle=self.lifecycle, to_lifecycle=to, reason=reason
        )

    def may_contact(self, channel: e.ConsentChannel, purpose: str, moment: datetime) -> bool:
        consent = self.consents.get((channel, purpose))
        return consent is not None and consent.holds_at(moment)

    # --- archive and merge --------------------------------------------------------------------

    def archive(self, reason: str | None) -> None:
        self._require_active()
        self.record(e.CustomerArchived, reason=reason)

    def restore(self) -> None:
        self._refuse_merged()
        if self.status is not CustomerStatus.ARCHIVED:
            raise Rejected("customer.not_archived", customer_id=str(self.id))
        self.record(e.CustomerRestored)

    def absorb(self, plan_id: UUID, losers: Sequence[Customer]) -> None:
        """Merges the losers into this one, which receives what it does not have itself."""
        self._require_active()
        if plan_id in self.absorbed:
            raise Rejected("customer.merge_plan_used", plan_id=str(plan_id))
        for loser in losers:
            if loser.id == self.id:
                raise Rejected("customer.merge_with_itself", customer_id=str(self.id))
            loser._require_active()
            loser._require_kind(self.kind)
        points = list(self._missing_points(losers))
        if len(self.points) + len(points) > CONTACT_POINTS_MAX:
            raise Rejected("customer.too_many_contact_points", limit=CONTACT_POINTS_MAX)
        tags = set().union(*(loser.tags for loser in losers)) - self.tags
        externals = set().union(*(loser.external_ids for loser in losers)) - self.external_ids
        self.record(
            e.CustomersAbsorbed,
            plan_id=plan_id,
            loser_ids=tuple(loser.id for loser in losers),
            points=tuple(points),
            tags=tuple(sorted(tags)),
            external_ids=tuple(sorted(externals)),
        )
        for loser in losers:
            loser.record(e.CustomerMergedInto, survivor_id=self.id, plan_id=plan_id)

    def revert_merge(self, plan_id: UUID, losers: Sequence[Customer]) -> None:
        """Undoes a merge; edits made to the survivor since then stay with the survivor."""
        self._require_active()
        if plan_id not in self.absorbed:
            raise Rejected("customer.no_such_merge", plan_id=str(plan_id))
        for loser in losers:
            if loser.survivor_id != self.id:
                raise Rejected("customer.not_merged_here", customer_id=str(loser.id))
        self.record(e.MergeReverted, plan_id=plan_id, survivor_id=self.id)
        for loser in losers:
            loser.record(e.MergeReverted, plan_id=plan_id, survivor_id=self.id)

    def _missing_points(self, losers: Sequence[Customer]) -> Iterable[e.ContactPoint]:
        known = {(point.type, point.value) for point in self.points.values()}
        for loser in losers:
            for point in loser.points.values():
                if isinstance(point.value, Redacted) or (point.type, point.value) in known:
                    continue
                known.add((point.type, point.value))
                yield e.ContactPoint(
                    point_id=point.point_id,
                    type=point.type,
                    value=point.value,
                    label=plain(point.label),
                    verified=point.verified,
                )

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

    def _refuse_merged(self) -> None:
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
            case e.OrganizationProfileSet():
                pass  # no rule needs it; the read models show it
            case _:
                assert_never(event)

    def _hold(self, point: HeldPoint) -> None:
        is_first = all(held.type is not point.type for held in self.points.values())
        self.points[point.point_id] = replace(point, primary=is_first)

    def _change(self, point_id: UUID, **changes: Any) -> None:
        self.points[point_id] = replace(self.points[point_id], **changes)

    def _make_primary(self, point_id: UUID) -> None:
        of = self.points[point_id].type
        for held in list(self.points.values()):
            if held.type is of:
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


def _normal(of: e.ContactPointType, value: str) -> str:
    match of:
        case e.ContactPointType.EMAIL:
            return normal_email(value)
        case e.ContactPointType.PHONE:
            return normal_phone(value)
        case e.ContactPointType.WEBSITE:
            trimmed = value.strip()
            if not trimmed.startswith(("https://", "http://")):
                raise Invalid("value", "must start with https:// or http://")
            return trimmed
        case _:
            assert_never(of)
