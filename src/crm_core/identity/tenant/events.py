"""What can happen to a tenant."""

from __future__ import annotations

from crm_core.kernel.events import Created, Event


class TenantOnboarded(Created):
    TOPIC = "identity.tenant.onboarded"
    name: str


class TenantSuspended(Event):
    """Nobody gets in until it is resumed, its administrators neither."""

    TOPIC = "identity.tenant.suspended"
    reason: str


class TenantResumed(Event):
    TOPIC = "identity.tenant.resumed"
