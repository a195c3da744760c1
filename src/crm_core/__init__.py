"""An event-sourced CRM as a library: every record is computed from an append-only ledger.

from crm_core import Actor, Crm
from crm_core.customers import RegisterPerson

async with Crm.in_memory() as crm:
    await crm.execute(RegisterPerson(name="Ada Lovelace"), actor=...)
"""

from __future__ import annotations

from crm_core.as_of import NOW, AsOf
from crm_core.crm import Crm
from crm_core.diff import FieldChange, RecordDiff
from crm_core.explain import Explanation, Step
from crm_core.kernel.clock import Clock, ManualClock, SystemClock
from crm_core.kernel.errors import (
    CommandReused,
    ConditionFailed,
    CrmError,
    Denied,
    Intervening,
    Invalid,
    Lagging,
    NotFound,
    Rejected,
    SetupError,
    Unavailable,
    VersionConflict,
)
from crm_core.kernel.events import REDACTED, Created, Event, Redacted
from crm_core.kernel.ids import derived_id, new_id, tenant_id_of
from crm_core.kernel.messages import SYSTEM, Actor, ActorKind, Command, Receipt, Request, Work
from crm_core.kernel.values import Money
from crm_core.ledger.event_store import RecordedEvent
from crm_core.ledger.selection import EVERYTHING, Page, Selection
from crm_core.ledger.subscription import Subscription
from crm_core.sync import SyncCrm

__all__ = [
    "EVERYTHING",
    "NOW",
    "REDACTED",
    "SYSTEM",
    "Actor",
    "ActorKind",
    "AsOf",
    "Clock",
    "Command",
    "CommandReused",
    "ConditionFailed",
    "Created",
    "Crm",
    "CrmError",
    "Denied",
    "Event",
    "Explanation",
    "FieldChange",
    "Intervening",
    "Invalid",
    "Lagging",
    "ManualClock",
    "Money",
    "NotFound",
    "Page",
    "Receipt",
    "RecordDiff",
    "RecordedEvent",
    "Redacted",
    "Rejected",
    "Request",
    "Selection",
    "SetupError",
    "Step",
    "Subscription",
    "SyncCrm",
    "SystemClock",
    "Unavailable",
    "VersionConflict",
    "Work",
    "derived_id",
    "new_id",
    "tenant_id_of",
]
