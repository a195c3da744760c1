"""What can be asked of a task."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from crm_core.engagement.task.task import Task
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import LongText, Name, ShortText
from crm_core.privacy.erasure.commands import Erases

YEAR_MINUTES = 366 * 24 * 60
Minutes = Annotated[int, Meta(ge=0, le=YEAR_MINUTES)]
Reminders = Annotated[tuple[Minutes, ...], Meta(max_length=10)]


class OnTask(Command, frozen=True, kw_only=True):
    TARGET = "task_id"


class CreateTask(OnTask, frozen=True, kw_only=True):
    """Gives somebody something to do by a moment."""

    NAME = "task.create"
    task_id: UUID = field(default_factory=new_id)
    title: Name
    due_at: datetime
    assignee_id: UUID
    customer_id: UUID | None = None
    opportunity_id: UUID | None = None
    ticket_id: UUID | None = None
    remind_before_minutes: Reminders = ()

    async def handle(self, work: Work) -> None:
        work.add(
            Task.create(
                self.task_id,
                work.at,
                title=self.title,
                due_at=self.due_at,
                assignee_id=self.assignee_id,
                customer_id=self.customer_id,
                opportunity_id=self.opportunity_id,
                ticket_id=self.ticket_id,
                remind_before_minutes=self.remind_before_minutes,
            )
        )


class AssignTask(OnTask, frozen=True, kw_only=True):
    """Hands a task to another user."""

    NAME = "task.assign"
    task_id: UUID
    assignee_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).assign(self.assignee_id)


class StartTask(OnTask, frozen=True, kw_only=True):
    """Records that somebody is at it."""

    NAME = "task.start"
    task_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).begin()


class RescheduleTask(OnTask, frozen=True, kw_only=True):
    """Moves the moment by which a task is due."""

    NAME = "task.reschedule"
    task_id: UUID
    due_at: datetime
    reason: ShortText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).reschedule(self.due_at, self.reason)


class DeferTask(OnTask, frozen=True, kw_only=True):
    """Puts a task out of sight until a moment."""

    NAME = "task.defer"
    task_id: UUID
    until: datetime

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).defer(self.until)


class CompleteTask(OnTask, frozen=True, kw_only=True):
    """Records that a task is done, and what came of it."""

    NAME = "task.complete"
    task_id: UUID
    outcome: LongText | None = None

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).complete(self.outcome)


class CancelTask(OnTask, frozen=True, kw_only=True):
    """Ends a task that need not be done."""

    NAME = "task.cancel"
    task_id: UUID
    reason: ShortText

    async def handle(self, work: Work) -> None:
        (await work.load(Task, self.task_id)).cancel(self.reason)


class EraseTask(Erases, frozen=True, kw_only=True):
    """Forgets for ever what is written in a task that is about no customer; its shape stays.

    Those of a customer go with the customer.
    """

    NAME = "task.erase"
    TARGET = "task_id"
    task_id: UUID

    async def handle(self, work: Work) -> None:
        self.erase_alone(work, await work.load(Task, self.task_id))
