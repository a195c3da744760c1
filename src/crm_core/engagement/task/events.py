"""What can happen to a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText


class TaskStatus(StrEnum):
    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    DEFERRED = "DEFERRED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class TaskCreated(Created):
    """`remind_before_minutes`: how long before it is due the assignee wants to be told."""

    TOPIC = "engagement.task.created"
    title: PersonalText
    due_at: datetime
    assignee_id: UUID
    customer_id: UUID | None
    opportunity_id: UUID | None
    ticket_id: UUID | None
    remind_before_minutes: tuple[int, ...]


class TaskAssigned(Event):
    TOPIC = "engagement.task.assigned"
    from_assignee_id: UUID
    to_assignee_id: UUID


class TaskStarted(Event):
    TOPIC = "engagement.task.started"


class TaskRescheduled(Event):
    TOPIC = "engagement.task.rescheduled"
    from_due_at: datetime
    to_due_at: datetime
    reason: OptionalPersonalText


class TaskDeferred(Event):
    """Out of sight until a moment; when it is due does not change."""

    TOPIC = "engagement.task.deferred"
    until: datetime


class TaskCompleted(Event):
    TOPIC = "engagement.task.completed"
    outcome: OptionalPersonalText
    assignee_id: UUID
    due_at: datetime


class TaskCancelled(Event):
    TOPIC = "engagement.task.cancelled"
    reason: PersonalText


STATUS_AFTER: Mapping[type[Event], TaskStatus] = MappingProxyType(
    {
        TaskCreated: TaskStatus.OPEN,
        TaskStarted: TaskStatus.IN_PROGRESS,
        TaskDeferred: TaskStatus.DEFERRED,
        TaskCompleted: TaskStatus.DONE,
        TaskCancelled: TaskStatus.CANCELLED,
    }
)
"""The events that change the status, each to one status whatever it was; no other event does."""
