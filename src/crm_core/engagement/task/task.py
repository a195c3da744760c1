"""The rules of a task."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, assert_never
from uuid import UUID

from crm_core.engagement.task import events as e
from crm_core.engagement.task.events import TaskStatus
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.events import PersonalText


class Task(Aggregate):
    """OPEN → IN_PROGRESS → DONE | CANCELLED; DEFERRED until it is started or ended."""

    TOPIC = "engagement.task"

    title: PersonalText = ""
    status: TaskStatus = TaskStatus.OPEN
    due_at: datetime = datetime.max.replace(tzinfo=UTC)
    deferred_until: datetime | None = None
    assignee_id: UUID = UUID(int=0)
    customer_id: UUID | None = None

    @property
    def subject_id(self) -> UUID:
        """What is said in a task is the customer's, where it is about one."""
        return self.customer_id or self.id

    @classmethod
    def create(
        cls,
        task_id: UUID,
        at: datetime,
        *,
        title: str,
        due_at: datetime,
        assignee_id: UUID,
        customer_id: UUID | None = None,
        opportunity_id: UUID | None = None,
        ticket_id: UUID | None = None,
        remind_before_minutes: Iterable[int] = (),
    ) -> Task:
        """A task that is overdue already is a task; reminders are kept longest first."""
        return cls.start(
            e.TaskCreated,
            task_id,
            at,
            title=title.strip(),
            due_at=_in_utc("due_at", due_at),
            assignee_id=assignee_id,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            ticket_id=ticket_id,
            remind_before_minutes=tuple(sorted(set(remind_before_minutes), reverse=True)),
        )

    def assign(self, assignee_id: UUID) -> None:
        self._require_unfinished()
        if assignee_id != self.assignee_id:
            self.record(
                e.TaskAssigned, from_assignee_id=self.assignee_id, to_assignee_id=assignee_id
            )

    def begin(self) -> None:
        self._require_unfinished()
        if self.status is not TaskStatus.IN_PROGRESS:
            self.record(e.TaskStarted)

    def reschedule(self, due_at: datetime, reason: str | None) -> None:
        self._require_unfinished()
        due_at = _in_utc("due_at", due_at)
        if due_at != self.due_at:
            self.record(e.TaskRescheduled, from_due_at=self.due_at, to_due_at=due_at, reason=reason)

    def defer(self, until: datetime) -> None:
        self._require_unfinished()
        until = _in_utc("until", until)
        if until <= self.at:
            raise Rejected("task.deferred_into_past", task_id=str(self.id), until=until)
        if until != self.deferred_until:
            self.record(e.TaskDeferred, until=until)

    def complete(self, outcome: str | None) -> None:
        self._require_unfinished()
        self.record(
            e.TaskCompleted, outcome=outcome, assignee_id=self.assignee_id, due_at=self.due_at
        )

    def cancel(self, reason: str) -> None:
        self._require_unfinished()
        self.record(e.TaskCancelled, reason=reason)

    def _require_unfinished(self) -> None:
        if self.status is TaskStatus.DONE:
            raise Rejected("task.already_done", task_id=str(self.id))
        if self.status is TaskStatus.CANCELLED:
            raise Rejected("task.already_cancelled", task_id=str(self.id))

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        if type(event) in e.STATUS_AFTER:
            self.status, self.deferred_until = e.STATUS_AFTER[type(event)], None
        match event:
            case e.TaskCreated():
                self.title, self.due_at = event.title, event.due_at
                self.assignee_id, self.customer_id = event.assignee_id, event.customer_id
            case e.TaskAssigned():
                self.assignee_id = event.to_assignee_id
            case e.TaskRescheduled():
                self.due_at = event.to_due_at
            case e.TaskDeferred():
                self.deferred_until = event.until
            case e.TaskStarted() | e.TaskCompleted() | e.TaskCancelled():
                pass  # the status is all that changes
            case _:
                assert_never(event)


def _in_utc(path: str, moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Invalid(path, "needs a time zone")
    return moment.astimezone(UTC)
