"""What colleagues have to do."""

from __future__ import annotations

from typing import Final, NamedTuple

from crm_core.demo.companies import COMPANIES, company_id, owner_at
from crm_core.demo.staff import ANNA, INGRID, XIAO
from crm_core.demo.story import END, Colleague, Story
from crm_core.engagement.task.commands import (
    CancelTask,
    CompleteTask,
    CreateTask,
    DeferTask,
    RescheduleTask,
    StartTask,
)

__all__ = ["tell_tasks"]


class _Duty(NamedTuple):
    """Something to do, `days` to do it in, and what became of it."""

    day: float
    who: Colleague | None  # None: whoever looks after the company
    company: str
    title: str
    days: float
    end: str


_DUTIES: Final = (
    _Duty(5.2, None, "harrow", "Send the reference list", 2, "done"),
    _Duty(11.5, None, "nordlys", "Find out who decides on machines", 5, "done"),
    _Duty(16.1, None, "chenfan", "Have the catalogue translated into Chinese", 15, "late"),
    _Duty(24.6, INGRID, "vallechiara", "Order two Boa cartridges for the canteen", 3, "done"),
    _Duty(36.3, None, "aubrac", "Bring a Lanterna 1 to the rue du Four Bleu", 6, "done"),
    _Duty(52.7, XIAO, "chenfan", "Train two technicians in Shanghai", 20, "moved"),
    _Duty(57.4, None, "tejo", "Ask about the second roaster", 8, "dropped"),
    _Duty(70.2, None, "kamome", "Find an importer with a permit for boilers", 25, "late"),
    _Duty(81.9, INGRID, "lindholm", "Check the pumps of batch 1142", 5, "done"),
    _Duty(98.3, None, "okonkwo", "Quote the freight to Lagos by sea", 4, "done"),
    _Duty(109.1, ANNA, "meridiana", "Call Renato Valsecchi once a month", 20, "moved"),
    _Duty(121.6, None, "sahyadri", "Ask for the voltage at each site", 6, "done"),
    _Duty(134.2, XIAO, "chenfan-hangzhou", "Visit West Lake before the season", 12, "done"),
    _Duty(147.8, None, "redlantern", "Get the NSF papers", 30, "started"),
    _Duty(160.4, None, "segnalibro", "Ask Marta Zanon whether they start again", 10, "put off"),
    _Duty(168.2, INGRID, "thistlewick", "Send the gasket kit with the next van", 4, "done"),
    _Duty(176.5, None, "kontor", "Prepare the tasting for the partners", 20, "open"),
    _Duty(181.3, ANNA, "harrow", "Approve the frame contract", 6, "started"),
    _Duty(185.6, INGRID, "nordlys-strand", "Book the technician for the breakfast bar", 2, "open"),
    _Duty(187.2, None, "redlantern", "Send the offer again, in dollars", 3, "open"),
)


def tell_tasks(story: Story) -> None:
    """Each duty with its end; some are open still."""
    chance = story.chance("tasks")
    for number, duty in enumerate(_DUTIES):
        company = COMPANIES[duty.company]
        who = duty.who or owner_at(company, duty.day)
        task_id = story.id("task", number)
        due_on = duty.day + duty.days
        created = CreateTask(
            task_id=task_id,
            title=duty.title,
            due_at=story.at(due_on),
            assignee_id=story.user_id(who),
            customer_id=company_id(story, company),
            remind_before_minutes=(60, 1440) if duty.days >= 5 else (60,),
        )
        story.tell(duty.day, who, created)
        if duty.end in ("done", "late", "started"):
            story.tell(min(duty.day + duty.days / 2, END), who, StartTask(task_id=task_id))
        match duty.end:
            case "done" | "late":
                days = duty.days * (chance.uniform(0.6, 0.95) if duty.end == "done" else 1.4)
                done = CompleteTask(task_id=task_id, outcome="Done, and the customer knows.")
                story.tell(duty.day + days, who, done)
            case "moved":
                later = RescheduleTask(
                    task_id=task_id,
                    due_at=story.at(due_on + 20),
                    reason="They asked for another date",
                )
                story.tell(due_on - 1, who, later)
                done = CompleteTask(task_id=task_id, outcome=None)
                story.tell(due_on + 18, who, done)
            case "dropped":
                cancelled = CancelTask(task_id=task_id, reason="They bought second-hand")
                story.tell(due_on - 1, who, cancelled)
            case "put off":
                put_off = DeferTask(task_id=task_id, until=story.at(due_on + 30))
                story.tell(due_on - 2, who, put_off)
