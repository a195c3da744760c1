"""The rules of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

from crm_core.identity.tenant import events as e
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import derived_id

TENANT_ID: Final[UUID] = derived_id(UUID(int=0), "tenant")
"""The id of a tenant's own record in its ledger, the same in each."""


class Tenant(Aggregate):
    TOPIC = "identity.tenant"

    name: str = ""
    is_suspended: bool = False

    @classmethod
    def onboard(cls, at: datetime, *, name: str) -> Tenant:
        return cls.start(e.TenantOnboarded, TENANT_ID, at, name=name.strip())

    def suspend(self, reason: str) -> None:
        if self.is_suspended:
            raise Rejected("tenant.already_suspended")
        self.record(e.TenantSuspended, reason=reason)

    def resume(self) -> None:
        if self.is_suspended:
            self.record(e.TenantResumed)

    def when(self, event: Any) -> None:
        match event:
            case e.TenantOnboarded():
                self.name = event.name
            case e.TenantSuspended():
                self.is_suspended = True
            case e.TenantResumed():
                self.is_suspended = False
            case _:
                assert_never(event)
