"""The rules of a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

from crm_core.customers.customer import events as e
from crm_core.customers.customer.state import CustomerState, CustomerStatus
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import Redacted, plain
from crm_core.kernel.values import Money, normal_email, normal_phone

__all__ = ["Customer", "CustomerStatus"]

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


class Customer(CustomerState):
    TOPIC = "customers.customer"

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

    def erase(self, erasure_id: UUID) -> None:
        """Ends the customer, whatever it was before; who was merged with it is erased with it."""
        self.refuse_erased()
        self.record(e.CustomerErased, erasure_id=erasure_id)

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
