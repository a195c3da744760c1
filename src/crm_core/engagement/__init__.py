"""Engagement: what was said and done between us and a customer, and what is still to do."""

from __future__ import annotations

from crm_core.engagement.interaction.commands import (
    CorrectInteraction,
    LinkInteraction,
    LogEmail,
    LogInteraction,
    RedactInteraction,
    UnlinkInteraction,
)
from crm_core.engagement.interaction.events import (
    CallOutcome,
    InteractionChannel,
    InteractionDirection,
    InteractionLinkKind,
    InteractionVisibility,
)
from crm_core.engagement.interaction.interaction import (
    Interaction,
)
from crm_core.engagement.task.commands import (
    AssignTask,
    CancelTask,
    CompleteTask,
    CreateTask,
    DeferTask,
    EraseTask,
    RescheduleTask,
    StartTask,
)
from crm_core.engagement.task.events import (
    TaskStatus,
)
from crm_core.engagement.task.task import (
    Task,
)

__all__ = [
    "AssignTask",
    "CallOutcome",
    "CancelTask",
    "CompleteTask",
    "CorrectInteraction",
    "CreateTask",
    "DeferTask",
    "EraseTask",
    "Interaction",
    "InteractionChannel",
    "InteractionDirection",
    "InteractionLinkKind",
    "InteractionVisibility",
    "LinkInteraction",
    "LogEmail",
    "LogInteraction",
    "RedactInteraction",
    "RescheduleTask",
    "StartTask",
    "Task",
    "TaskStatus",
    "UnlinkInteraction",
]
