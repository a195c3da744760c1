"""Keeps one row a task: what is to be done, by whom, until when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_core.engagement.task import events as e
from crm_core.engagement.task.events import STATUS_AFTER, TaskStatus
from crm_core.kernel.events import plain
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["TASKS", "TaskList", "TaskRow"]


class TaskRow(Row, frozen=True, kw_only=True):
    task_id: UUID
    title: str | None
    status: TaskStatus
    due_at: datetime
    deferred_until: datetime | None = None
    assignee_id: UUID
    customer_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


TASKS = Table(
    "task",
    TaskRow,
    key=("task_id",),
    about=("customer_id", "task_id"),
    erased=lambda row, _: replace(row, title=None),
    indexes=("created_at, task_id", "assignee_id, status, due_at", "customer_id"),
)


class TaskList(Projection):
    name = "task_list"
    version = 1
    tables = (TASKS,)
    reads: ClassVar[tuple[str, ...]] = ("engagement.task.",)
    by_stream = True

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        row = rows.get(TASKS, event.record_id)
        changed = _created(event) if row is None else _changed(event, row)
        rows.put(TASKS, replace(changed, version=event.version, updated_at=event.happened_at))


def _created(event: RecordedEvent) -> TaskRow:
    fact = event.data
    assert isinstance(fact, e.TaskCreated), "a task's stream begins with this"
    return TaskRow(
        task_id=event.record_id,
        title=plain(fact.title),
        status=TaskStatus.OPEN,
        due_at=fact.due_at,
        assignee_id=fact.assignee_id,
        customer_id=fact.customer_id,
        version=event.version,
        created_at=event.happened_at,
        updated_at=event.happened_at,
    )


def _changed(event: RecordedEvent, row: TaskRow) -> TaskRow:
    fact = event.data
    if type(fact) in STATUS_AFTER:
        row = replace(row, status=STATUS_AFTER[type(fact)], deferred_until=None)
    match fact:
        case e.TaskAssigned():
            return replace(row, assignee_id=fact.to_assignee_id)
        case e.TaskRescheduled():
            return replace(row, due_at=fact.to_due_at)
        case e.TaskDeferred():
            return replace(row, deferred_until=fact.until)
        case _:
            return row
