"""What can happen to a customer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

from msgspec import Struct

from crm_core.kernel.events import (
    PERSONAL,
    Created,
    Event,
    OptionalPersonalText,
    PersonalText,
    Redacted,
)
from crm_core.kernel.values import Money


class CustomerKind(StrEnum):
    ORGANIZATION = "ORGANIZATION"
    PERSON = "PERSON"


class ContactPointType(StrEnum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    WEBSITE = "WEBSITE"


class Lifecycle(StrEnum):
    PROSPECT = "PROSPECT"
    ACTIVE = "ACTIVE"
    DORMANT = "DORMANT"
    CHURNED = "CHURNED"


class ConsentChannel(StrEnum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    SMS = "SMS"
    POST = "POST"


class ConsentBasis(StrEnum):
    """GDPR article 6(1), as far as a customer relation uses it."""

    CONSENT = "CONSENT"
    CONTRACT = "CONTRACT"
    LEGITIMATE_INTEREST = "LEGITIMATE_INTEREST"


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A postal address; `country` is an ISO 3166-1 alpha-2 code."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class ContactPoint(Struct, frozen=True, kw_only=True):
    point_id: UUID
    type: ContactPointType
    value: str
    label: str | None = None
    verified: bool = False


PersonalAddress: TypeAlias = Annotated[Address | Redacted, PERSONAL]
ExternalId: TypeAlias = tuple[str, str]  # the system, and the id there
PersonalExternalIds: TypeAlias = Annotated[tuple[ExternalId, ...] | Redacted, PERSONAL]
PersonalContactPoints: TypeAlias = Annotated[tuple[ContactPoint, ...] | Redacted, PERSONAL]


class CustomerRegistered(Created):
    TOPIC = "customers.customer.registered"
    kind: CustomerKind
    name: PersonalText
    source: str | None


class CustomerRenamed(Event):
    TOPIC = "customers.customer.renamed"
    name: PersonalText


class OrganizationProfileSet(Event):
    """What is known of an organisation from public sources; None where it is not."""

    TOPIC = "customers.customer.organization_profile_set"
    sector: str | None
    founded_year: int | None
    annual_revenue: Money | None
    employees: int | None
    location: str | None


class ContactPointAdded(Event):
    TOPIC = "customers.customer.contact_point_added"
    point_id: UUID
    type: ContactPointType
    value: PersonalText
    label: OptionalPersonalText


class ContactPointVerified(Event):
    TOPIC = "customers.customer.contact_point_verified"
    point_id: UUID


class ContactPointMadePrimary(Event):
    TOPIC = "customers.customer.contact_point_made_primary"
    point_id: UUID


class ContactPointRemoved(Event):
    TOPIC = "customers.customer.contact_point_removed"
    point_id: UUID


class AddressSet(Event):
    TOPIC = "customers.customer.address_set"
    label: str
    address: PersonalAddress


class AffiliationStarted(Event):
    """A person begins to act in a role for an organisation. Recorded on the person."""

    TOPIC = "customers.customer.affiliation_started"
    affiliation_id: UUID
    organization_id: UUID
    role: PersonalText
    since: datetime


class AffiliationEnded(Event):
    TOPIC = "customers.customer.affiliation_ended"
    affiliation_id: UUID
    until: datetime


class ParentOrganizationSet(Event):
    TOPIC = "customers.customer.parent_organization_set"
    parent_id: UUID | None


class CustomerTagged(Event):
    TOPIC = "customers.customer.tagged"
    tag: str


class CustomerUntagged(Event):
    TOPIC = "customers.customer.untagged"
    tag: str


class CustomerOwnerAssigned(Event):
    TOPIC = "customers.customer.owner_assigned"
    from_owner_id: UUID | None
    to_owner_id: UUID


class ConsentGranted(Event):
    TOPIC = "customers.customer.consent_granted"
    channel: ConsentChannel
    purpose: str
    basis: ConsentBasis
    evidence: PersonalText
    expires_at: datetime | None


class ConsentWithdrawn(Event):
    TOPIC = "customers.customer.consent_withdrawn"
    channel: ConsentChannel
    purpose: str


class LifecycleChanged(Event):
    TOPIC = "customers.customer.lifecycle_changed"
    from_lifecycle: Lifecycle
    to_lifecycle: Lifecycle
    reason: OptionalPersonalText


class ExternalIdLinked(Event):
    TOPIC = "customers.customer.external_id_linked"
    system: str
    external_id: PersonalText


class ExternalIdUnlinked(Event):
    TOPIC = "customers.customer.external_id_unlinked"
    system: str
    external_id: PersonalText


class CustomerArchived(Event):
    TOPIC = "customers.customer.archived"
    reason: OptionalPersonalText


class CustomerRestored(Event):
    TOPIC = "customers.customer.restored"


class CustomerMergedInto(Event):
    """Recorded on each customer that was merged away."""

    TOPIC = "customers.customer.merged_into"
    survivor_id: UUID
    plan_id: UUID


class CustomersAbsorbed(Event):
    """Recorded on the survivor, with all that it received, so that the merge can be undone.

    What it received is about the losers as well: it goes with the key of any of them.
    """

    TOPIC = "customers.customer.absorbed"
    plan_id: UUID
    loser_ids: tuple[UUID, ...]
    points: PersonalContactPoints
    tags: tuple[str, ...]
    external_ids: PersonalExternalIds

    @property
    def also_about(self) -> tuple[UUID, ...]:
        return self.loser_ids


class MergeReverted(Event):
    """Recorded on the survivor and on each customer that is its own again."""

    TOPIC = "customers.customer.merge_reverted"
    plan_id: UUID
    survivor_id: UUID


class CustomerErased(Event):
    """Nothing can happen to the customer any more; its personal data goes with its key."""

    TOPIC = "customers.customer.erased"
    erasure_id: UUID
