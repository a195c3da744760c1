"""What can be asked of a customer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.customers.customer.customer import Customer
from crm_core.customers.customer.events import (
    Address,
    ConsentBasis,
    ConsentChannel,
    ContactPointType,
    CustomerKind,
    Lifecycle,
)
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Money, Name, ShortText
from crm_core.privacy.erasure.commands import Erases
from crm_core.privacy.erasure.erasure import Erasure

Losers = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=20)]
ANCESTORS_MAX = 50
MERGED_MAX = 1_000

Load = Callable[[type[Customer], UUID], Awaitable[Customer]]


class OnCustomer(Command, frozen=True, kw_only=True):
    TARGET = "customer_id"


class RegisterOrganization(OnCustomer, frozen=True, kw_only=True):
    """Registers an organisation as a customer or a prospect."""

    NAME = "customer.register_organization"
    customer_id: UUID = field(default_factory=new_id)
    name: Name
    source: ShortText | None = None

    async def handle(self, work: Work) -> None:
        work.add(
            Customer.register(
                self.customer_id,
                work.at,
                kind=CustomerKind.ORGANIZATION,
                name=self.name,
                source=self.source,
            )
        )


class RegisterPerson(OnCustomer, frozen=True, kw_only=True):
    """Registers a person, with an e-mail address if one is known."""

    NAME = "customer.register_person"
    customer_id: UUID = field(default_factory=new_id)
    name: Name
    email: ShortText | None = None
    source: ShortText | None = None

    async def handle(self, work: Work) -> None:
        person = Customer.register(
            self.customer_id,
            work.at,
            kind=CustomerKind.PERSON,
            name=self.name,
            source=self.source,
        )
        if self.email is not None:
            person.add_contact_point(work.ids.new(), ContactPointType.EMAIL, self.email, None)
        work.add(person)


class RenameCustomer(OnCustomer, frozen=True, kw_only=True):
    """Gives a customer another name."""

    NAME = "customer.rename"
    customer_id: UUID
    name: Name

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).rename(self.name)


class SetOrganizationProfile(OnCustomer, frozen=True, kw_only=True):
    """Records what is known of an organisation: sector, size, revenue, place."""

    NAME = "customer.set_organization_profile"
    customer_id: UUID
    sector: ShortText | None = None
    founded_year: Annotated[int, Meta(ge=1, le=9999)] | None = None
    annual_revenue: Money | None = None
    employees: Annotated[int, Meta(ge=0)] | None = None
    location: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).set_organization_profile(
            sector=self.sector,
            founded_year=self.founded_year,
            annual_revenue=self.annual_revenue,
            employees=self.employees,
            location=self.location,
        )


class AddContactPoint(OnCustomer, frozen=True, kw_only=True):
    """Adds an e-mail address, a phone number or a website."""

    NAME = "customer.add_contact_point"
    customer_id: UUID
    point_id: UUID = field(default_factory=new_id)
    type: ContactPointType
    value: ShortText
    label: ShortText | None = None

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.add_contact_point(self.point_id, self.type, self.value, self.label)


class VerifyContactPoint(OnCustomer, frozen=True, kw_only=True):
    """Records that a contact point was found to work."""

    NAME = "customer.verify_contact_point"
    customer_id: UUID
    point_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).verify_contact_point(self.point_id)


class MakeContactPointPrimary(OnCustomer, frozen=True, kw_only=True):
    """Makes a contact point the first choice of its type."""

    NAME = "customer.make_contact_point_primary"
    customer_id: UUID
    point_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).make_contact_point_primary(self.point_id)


class RemoveContactPoint(OnCustomer, frozen=True, kw_only=True):
    """Removes a contact point; its address is free for another customer."""

    NAME = "customer.remove_contact_point"
    customer_id: UUID
    point_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).remove_contact_point(self.point_id)


class SetAddress(OnCustomer, frozen=True, kw_only=True):
    """Sets the postal address under a label, such as `billing`."""

    NAME = "customer.set_address"
    customer_id: UUID
    label: Code = "main"
    address: Address

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).set_address(self.label, self.address)


class StartAffiliation(OnCustomer, frozen=True, kw_only=True):
    """Links a person to an organisation, in a role, from a moment on (now, if none is given)."""

    NAME = "customer.start_affiliation"
    customer_id: UUID
    affiliation_id: UUID = field(default_factory=new_id)
    organization_id: UUID
    role: ShortText
    since: datetime | None = None

    async def handle(self, work: Work) -> None:
        person = await work.load(Customer, self.customer_id)
        organization = await work.load(Customer, self.organization_id)
        person.start_affiliation(
            self.affiliation_id, organization, self.role, self.since or work.at
        )


class EndAffiliation(OnCustomer, frozen=True, kw_only=True):
    """Ends a person's role in an organisation, at a moment (now, if none is given)."""

    NAME = "customer.end_affiliation"
    customer_id: UUID
    affiliation_id: UUID
    until: datetime | None = None

    async def handle(self, work: Work) -> None:
        person = await work.load(Customer, self.customer_id)
        person.end_affiliation(self.affiliation_id, self.until or work.at)


class SetParentOrganization(OnCustomer, frozen=True, kw_only=True):
    """Puts an organisation under another one, or under none."""

    NAME = "customer.set_parent_organization"
    customer_id: UUID
    parent_id: UUID | None = None

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        if self.parent_id is None:
            customer.set_parent(None, [])
            return
        parent = await work.load(Customer, self.parent_id)
        ancestors: list[Customer] = []
        above = parent
        while above.parent_id is not None:
            if len(ancestors) == ANCESTORS_MAX:
                raise Rejected("customer.too_many_ancestors", limit=ANCESTORS_MAX)
            above = await work.load(Customer, above.parent_id)
            ancestors.append(above)
        customer.set_parent(parent, ancestors)
        # Two moves at once could close a cycle that neither sees: none of these may change now.
        for seen in (parent, *ancestors):
            work.guard(seen)


class TagCustomer(OnCustomer, frozen=True, kw_only=True):
    """Puts a tag on a customer."""

    NAME = "customer.tag"
    customer_id: UUID
    tag: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).tag(self.tag)


class UntagCustomer(OnCustomer, frozen=True, kw_only=True):
    """Takes a tag off a customer."""

    NAME = "customer.untag"
    customer_id: UUID
    tag: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).untag(self.tag)


class AssignCustomerOwner(OnCustomer, frozen=True, kw_only=True):
    """Makes a user responsible for a customer."""

    NAME = "customer.assign_owner"
    customer_id: UUID
    owner_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).assign_owner(self.owner_id)


class GrantConsent(OnCustomer, frozen=True, kw_only=True):
    """Records that the customer may be contacted on a channel for a purpose, and the proof."""

    NAME = "customer.grant_consent"
    customer_id: UUID
    channel: ConsentChannel
    purpose: Code
    basis: ConsentBasis
    evidence: ShortText
    expires_at: datetime | None = None

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.grant_consent(
            self.channel, self.purpose, self.basis, self.evidence, self.expires_at
        )


class WithdrawConsent(OnCustomer, frozen=True, kw_only=True):
    """Records that the customer may not be contacted for this any more."""

    NAME = "customer.withdraw_consent"
    customer_id: UUID
    channel: ConsentChannel
    purpose: Code

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.withdraw_consent(self.channel, self.purpose)


class ChangeLifecycle(OnCustomer, frozen=True, kw_only=True):
    """Moves a customer along its life: prospect, active, dormant, churned."""

    NAME = "customer.change_lifecycle"
    customer_id: UUID
    to: Lifecycle
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).change_lifecycle(self.to, self.reason)


class LinkExternalId(OnCustomer, frozen=True, kw_only=True):
    """Links the id that another system has for this customer; unique in that system."""

    NAME = "customer.link_external_id"
    customer_id: UUID
    system: Code
    external_id: ShortText

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.link_external_id(self.system, self.external_id)


class UnlinkExternalId(OnCustomer, frozen=True, kw_only=True):
    """Takes the id of another system off this customer."""

    NAME = "customer.unlink_external_id"
    customer_id: UUID
    system: Code
    external_id: ShortText

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.unlink_external_id(self.system, self.external_id)


class ArchiveCustomer(OnCustomer, frozen=True, kw_only=True):
    """Takes a customer out of daily work; its addresses are free for others."""

    NAME = "customer.archive"
    customer_id: UUID
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).archive(self.reason)


class RestoreCustomer(OnCustomer, frozen=True, kw_only=True):
    """Brings an archived customer back, unless another one holds its address by now."""

    NAME = "customer.restore"
    customer_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Customer, self.customer_id)).restore()


class MergeCustomers(OnCustomer, frozen=True, kw_only=True):
    """Merges other customers into this one; nothing of their history is rewritten or lost."""

    NAME = "customer.merge"
    customer_id: UUID
    loser_ids: Losers
    plan_id: UUID = field(default_factory=new_id)

    async def handle(self, work: Work) -> None:
        survivor = await work.load(Customer, self.customer_id)
        losers = [await work.load(Customer, loser) for loser in dict.fromkeys(self.loser_ids)]
        survivor.absorb(self.plan_id, losers)


class RevertMerge(OnCustomer, frozen=True, kw_only=True):
    """Undoes a merge: the merged customers are their own again."""

    NAME = "customer.revert_merge"
    customer_id: UUID
    plan_id: UUID

    async def handle(self, work: Work) -> None:
        survivor = await work.load(Customer, self.customer_id)
        absorbed = survivor.absorbed.get(self.plan_id)
        losers = (
            [await work.load(Customer, loser) for loser in absorbed.loser_ids] if absorbed else []
        )
        survivor.revert_merge(self.plan_id, losers)


class EraseCustomer(Erases, frozen=True, kw_only=True):
    """Forgets a customer for ever, with all that were merged with it; the history keeps its shape.

    Merged customers are one customer: whichever of them is named, all of them are erased.
    """

    NAME = "customer.erase"
    TARGET = "customer_id"
    customer_id: UUID

    async def handle(self, work: Work) -> None:
        customer = await work.load(Customer, self.customer_id)
        customer.refuse_erased()
        members = await merged_with(customer, work.load)
        keys = sum(len(member.held_keys()) for member in members)
        for member in members:
            member.erase(self.erasure_id)
        work.add(
            Erasure.request(
                self.erasure_id,
                work.at,
                subject_ids=[member.id for member in members],
                keys_released=keys,
            )
        )


async def merged_with(customer: Customer, load: Load) -> list[Customer]:
    """The customer, and all that are merged with it now: up to the survivor, and all under that."""
    root = customer
    while root.survivor_id is not None:
        root = await load(Customer, root.survivor_id)
    found = {customer.id: customer}
    unseen = [root]
    while unseen:
        member = unseen.pop()
        found[member.id] = member
        if len(found) > MERGED_MAX:
            raise Rejected("customer.too_many_merged", limit=MERGED_MAX)
        for absorbed in member.absorbed.values():
            unseen += [await load(Customer, loser) for loser in absorbed.loser_ids]
    return list(found.values())
