"""A task's rules, as sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from crm_core.engagement.task import events as e
from crm_core.engagement.task.commands import (
    AssignTask,
    CancelTask,
    CompleteTask,
    CreateTask,
    DeferTask,
    RescheduleTask,
    StartTask,
)
from crm_core.engagement.task.events import TaskStatus
from crm_core.engagement.task.task import Task
from crm_core.kernel.messages import Command
from crm_core.testing import Scenario

TASK, ADA, ROSA, SAM = (UUID(int=n) for n in range(1, 5))
FRIDAY = datetime(2026, 1, 9, 16, tzinfo=UTC)
MONDAY = datetime(2026, 1, 12, 9, tzinfo=UTC)

created = CreateTask(
    task_id=TASK, title="Call Ada back", due_at=FRIDAY, assignee_id=ROSA, customer_id=ADA
)
assigned = AssignTask(task_id=TASK, assignee_id=SAM)
started = StartTask(task_id=TASK)
rescheduled = RescheduleTask(task_id=TASK, due_at=MONDAY, reason="she is away")
deferred = DeferTask(task_id=TASK, until=FRIDAY)
completed = CompleteTask(task_id=TASK, outcome="she will buy")
cancelled = CancelTask(task_id=TASK, reason="she called us")


def status(scenario: Scenario) -> TaskStatus:
    return scenario.record(Task, TASK).status


def test_a_task_is_created_for_somebody(scenario: Scenario) -> None:
    scenario.when(created).then(e.TaskCreated, assignee_id=ROSA, due_at=FRIDAY)
    assert status(scenario) is TaskStatus.OPEN


def test_a_title_of_blanks_is_no_title(scenario: Scenario) -> None:
    scenario.when(CreateTask(title=" ", due_at=FRIDAY, assignee_id=ROSA))
    scenario.then_rejected("command.invalid", path="title")


def test_reminders_are_kept_once_and_longest_first(scenario: Scenario) -> None:
    reminded = CreateTask(
        title="Call", due_at=FRIDAY, assignee_id=ROSA, remind_before_minutes=(10, 1440, 10)
    )
    scenario.when(reminded).then(e.TaskCreated, remind_before_minutes=(1440, 10))


def test_no_reminder_comes_after_the_task_is_due(scenario: Scenario) -> None:
    scenario.when(
        CreateTask(title="Call", due_at=FRIDAY, assignee_id=ROSA, remind_before_minutes=(-5,))
    )
    scenario.then_rejected("command.invalid")


def test_a_moment_needs_a_time_zone_and_is_kept_in_utc(scenario: Scenario) -> None:
    naive = datetime(2026, 1, 9, 16)  # noqa: DTZ001 - what a careless client sends
    scenario.when(CreateTask(title="Call", due_at=naive, assignee_id=ROSA))
    scenario.then_rejected("command.invalid", path="due_at")
    in_shanghai = FRIDAY.astimezone(timezone(timedelta(hours=8)))
    scenario.when(CreateTask(title="Call", due_at=in_shanghai, assignee_id=ROSA))
    scenario.then(e.TaskCreated, due_at=FRIDAY)
    scenario.given(created).when(DeferTask(task_id=TASK, until=naive))
    scenario.then_rejected("command.invalid", path="until")


def test_a_task_is_started_and_done(scenario: Scenario) -> None:
    scenario.given(created).when(started).then(e.TaskStarted)
    scenario.when(started).then_nothing()
    scenario.when(completed).then(e.TaskCompleted, assignee_id=ROSA, due_at=FRIDAY)
    assert status(scenario) is TaskStatus.DONE


def test_a_task_is_done_without_having_been_started(scenario: Scenario) -> None:
    scenario.given(created).when(completed).then(e.TaskCompleted, outcome="she will buy")


def test_a_task_changes_hands(scenario: Scenario) -> None:
    scenario.given(created).when(assigned)
    scenario.then(e.TaskAssigned, from_assignee_id=ROSA, to_assignee_id=SAM)
    scenario.when(assigned).then_nothing()


def test_moving_a_task_says_from_when_to_when(scenario: Scenario) -> None:
    scenario.given(created, started).when(rescheduled)
    scenario.then(e.TaskRescheduled, from_due_at=FRIDAY, to_due_at=MONDAY)
    scenario.when(rescheduled).then_nothing()
    assert status(scenario) is TaskStatus.IN_PROGRESS


def test_a_deferred_task_waits_until_it_is_started(scenario: Scenario) -> None:
    scenario.given(created).when(deferred).then(e.TaskDeferred, until=FRIDAY)
    scenario.when(deferred).then_nothing()
    assert scenario.record(Task, TASK).deferred_until == FRIDAY
    scenario.given(started)
    assert status(scenario) is TaskStatus.IN_PROGRESS
    assert scenario.record(Task, TASK).deferred_until is None


def test_a_task_is_not_deferred_into_the_past(scenario: Scenario) -> None:
    scenario.given(created).later(days=30).when(deferred)
    scenario.then_rejected("task.deferred_into_past")


@pytest.mark.parametrize(
    ("end", "code"),
    [(completed, "task.already_done"), (cancelled, "task.already_cancelled")],
    ids=["done", "cancelled"],
)
def test_an_ended_task_takes_nothing_more(scenario: Scenario, end: Command, code: str) -> None:
    scenario.given(created, end)
    for command in (assigned, started, rescheduled, deferred, completed, cancelled):
        scenario.when(command).then_rejected(code, task_id=str(TASK))
