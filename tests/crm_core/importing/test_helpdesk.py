"""Every activity of the log is an event of its ticket."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crm_core import Crm
from crm_core.importing.helpdesk import _COLUMNS, plan_helpdesk
from crm_core.importing.plan import NoteKind
from crm_core.importing.run import ImportResult, run_plan


def log_of(tmp_path: Path, *activities: tuple[str, str, str]) -> Path:
    lines = [",".join(_COLUMNS)]
    for case, activity, moment in activities:
        cells = dict.fromkeys(_COLUMNS, "Value 1")
        cells |= {"Case ID": case, "Activity": activity, "Complete Timestamp": moment}
        lines.append(",".join(cells[column] for column in _COLUMNS))
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(path: Path) -> tuple[list[str], ImportResult]:
    async def run() -> tuple[list[str], ImportResult]:
        crm = Crm.in_memory()
        result = await run_plan(crm, plan_helpdesk(path, crm.tenant_id))
        events = [event async for page in crm.events() for event in page]
        types = [e.type.rpartition(".")[2] for e in events if e.record_type == "service.ticket"]
        return types, result

    return asyncio.run(run())


def test_a_case_is_opened_worked_on_and_closed(tmp_path: Path) -> None:
    types, _ = imported(
        log_of(
            tmp_path,
            ("Case 1", "Resolve ticket", "2012/10/12 15:00:00.000"),
            ("Case 1", "Take in charge ticket", "2012/10/09 14:51:01.000"),
            ("Case 1", "Closed", "2012/10/25 11:54:26.000"),
        )
    )
    assert types == [
        "opened", "external_id_linked",
        "activity_logged", "assigned", "started",
        "activity_logged", "resolved",
        "activity_logged", "closed",
    ]  # fmt: skip


def test_work_after_the_end_opens_the_case_again(tmp_path: Path) -> None:
    types, _ = imported(
        log_of(
            tmp_path,
            ("Case 1", "Resolve ticket", "2012/10/09 14:00:00.000"),
            ("Case 1", "Wait", "2012/10/10 14:00:00.000"),
        )
    )
    assert types[-3:] == ["activity_logged", "reopened", "customer_awaited"]


def test_an_activity_without_a_meaning_here_is_kept(tmp_path: Path) -> None:
    types, result = imported(log_of(tmp_path, ("Case 1", "VERIFIED", "2012/10/09 14:00:00.000")))
    assert types == ["opened", "external_id_linked", "activity_logged"]
    assert result.notes == []


def test_a_row_without_a_time_is_named(tmp_path: Path) -> None:
    _, result = imported(log_of(tmp_path, ("Case 1", "Closed", "yesterday")))
    (note,) = result.notes
    assert (note.kind, note.line) == (NoteKind.REFUSED, 2)
