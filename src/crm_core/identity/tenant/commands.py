"""What can be asked of a tenant; by a program of ours only, for it is about all its users."""

from __future__ import annotations

from uuid import UUID

from crm_core.identity.tenant.tenant import TENANT_ID, Tenant
from crm_core.identity.user.user import User
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code, Name, ShortText


class OnTenant(Command, frozen=True, kw_only=True):
    TARGET = "tenant_record_id"

    @property
    def tenant_record_id(self) -> UUID:
        return TENANT_ID


class OnboardTenant(OnTenant, frozen=True, kw_only=True):
    """Begins a tenant with its first administrator, who is invited and let in at once."""

    NAME = "tenant.onboard"
    name: Name
    administrator_id: UUID
    administrator_name: Name
    administrator_email: ShortText

    async def handle(self, work: Work) -> None:
        work.add(Tenant.onboard(work.at, name=self.name))
        first = User.invite(
            self.administrator_id,
            work.at,
            name=self.administrator_name,
            email=self.administrator_email,
        )
        first.grant_role("admin")
        first.activate()
        work.add(first)


class SuspendTenant(OnTenant, frozen=True, kw_only=True):
    """Keeps everybody out of a tenant until it is resumed."""

    NAME = "tenant.suspend"
    reason: Code

    async def handle(self, work: Work) -> None:
        (await work.load(Tenant, TENANT_ID)).suspend(self.reason)


class ResumeTenant(OnTenant, frozen=True, kw_only=True):
    """Lets a suspended tenant's users in again."""

    NAME = "tenant.resume"

    async def handle(self, work: Work) -> None:
        (await work.load(Tenant, TENANT_ID)).resume()
