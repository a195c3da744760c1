"""What can happen to a retention policy."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from crm_core.kernel.events import Created, Event


class RetentionKind(StrEnum):
    """What a policy is for: customers; tickets, tasks and opportunities that are about no customer,
    once they are over; users, once they are deactivated.
    """

    CUSTOMER = "CUSTOMER"
    TICKET = "TICKET"
    TASK = "TASK"
    OPPORTUNITY = "OPPORTUNITY"
    USER = "USER"


class RetentionAction(StrEnum):
    """ARCHIVE is for customers; whatever a policy is for can be erased."""

    ARCHIVE = "ARCHIVE"
    ERASE = "ERASE"


class RetentionSet(Created):
    """Records of the kind about which nothing happened for so many days are due."""

    TOPIC = "privacy.retention.set"
    kind: RetentionKind
    idle_days: int
    action: RetentionAction


class RetentionApplied(Event):
    """The policy was found to hold for these records; what is done to them follows."""

    TOPIC = "privacy.retention.applied"
    record_ids: tuple[UUID, ...]


class RetentionLifted(Event):
    TOPIC = "privacy.retention.lifted"
