"""Carries out a plan, batch by batch; safe to run again after a kill."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from crm_core.crm import Crm
from crm_core.importing.plan import Note, NoteKind, Plan, Step
from crm_core.kernel.errors import CrmError
from crm_core.kernel.ids import derived_id
from crm_core.kernel.messages import Actor, ActorKind, Receipt, Request

__all__ = ["ImportResult", "run_plan"]

_BATCH_COMMANDS = 1_000
_NOT_IN_A_REASON = re.compile(r"[^A-Za-z0-9_.-]")

Progress = Callable[[int, int], None]  # commands done, commands in all


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`events` were recorded by this run; `repeated` commands had been executed by an earlier one.

    `notes` has every row that was cleaned, mapped or refused, in the order of the files' lines.
    """

    rows: int
    commands: int
    repeated: int
    events: int
    seconds: float
    notes: list[Note]


async def run_plan(crm: Crm, plan: Plan, progress: Progress | None = None) -> ImportResult:
    """Executes every step once in the life of the ledger, whatever ends the process in between."""
    actor = Actor(ActorKind.IMPORT, plan.name)
    journey = derived_id(crm.tenant_id, "import", plan.name)
    notes = list(plan.notes)
    events = repeated = 0
    started = time.perf_counter()
    for start in range(0, len(plan.steps), _BATCH_COMMANDS):
        batch = plan.steps[start : start + _BATCH_COMMANDS]
        requests = [
            Request(
                command=step.command,
                actor=actor,
                command_id=derived_id(crm.tenant_id, "import", plan.name, step.key),
                effective_at=step.effective_at,
                correlation_id=journey,
                reason=_row(plan, step),
            )
            for step in batch
        ]
        for step, outcome in zip(batch, await crm.execute_many(requests), strict=True):
            if isinstance(outcome, Receipt):
                repeated += outcome.replayed
                events += 0 if outcome.replayed else len(outcome.event_ids)
            else:
                notes.append(_note(step, outcome))
        if progress is not None:
            progress(start + len(batch), len(plan.steps))
    seconds = time.perf_counter() - started
    notes.sort(key=lambda note: (note.file, note.line))
    return ImportResult(plan.rows.total(), len(plan.steps), repeated, events, seconds, notes)


def _row(plan: Plan, step: Step) -> str:
    """Which line of which file a command came from, as an envelope has room for it: of a long
    name the end.
    """
    file = _NOT_IN_A_REASON.sub("_", step.line.file)[-60:]
    return f"import:{plan.name}:{file}:{step.line.number}"


def _note(step: Step, refusal: CrmError) -> Note:
    line = step.line
    if step.on_refusal is not None:
        return Note(NoteKind.MAPPED, line.file, line.number, step.on_refusal, refusal.code)
    why = f"{step.command.NAME} was refused: {refusal.code}"
    facts = ", ".join(f"{name}={value}" for name, value in refusal.parameters.items())
    return Note(NoteKind.REFUSED, line.file, line.number, why, facts)
