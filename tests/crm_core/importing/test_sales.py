"""Rows of the sales data set become commands; what is wrong with a row is said, not dropped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crm_core import Crm, SetupError
from crm_core.importing.plan import NoteKind
from crm_core.importing.run import ImportResult, run_plan
from crm_core.importing.sales import plan_sales
from crm_core.sales.opportunity.events import OpportunityStatus
from crm_core.sales.opportunity.opportunity import Opportunity

FILES = {
    "accounts.csv": "account,sector,year_established,revenue,employees,office_location,"
    "subsidiary_of\nAcme,technolgy,1996,1100.04,2822,Kenya,\nSub,retail,,,,,Acme\n",
    "products.csv": "product,series,sales_price\nGTX Pro,GTX,4821\n",
    "sales_teams.csv": "sales_agent,manager,regional_office\nAnna,Dustin,Central\n",
}
HEADER = (
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
)


def folder_with(tmp_path: Path, *deals: str) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "sales_pipeline.csv").write_text(HEADER + "".join(f"{deal}\n" for deal in deals))
    return tmp_path


def imported(folder: Path, crm: Crm | None = None) -> tuple[Crm, ImportResult]:
    crm = crm or Crm.in_memory()
    return crm, asyncio.run(run_plan(crm, plan_sales(folder, crm.tenant_id)))


def test_a_won_deal_is_won_on_its_day(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "O1,Anna,GTXPro,Acme,Won,2016-10-20,2017-03-01,1054")
    crm, result = imported(folder)
    history = asyncio.run(_deal_history(crm))
    assert [(type_, str(day)) for type_, day in history] == [
        ("opened", "2016-10-20"),
        ("external_id_linked", "2016-10-20"),
        ("won", "2017-03-01"),
    ]
    assert {note.why for note in result.notes} == {
        '"GTXPro" is "GTX Pro"',
        '"technolgy" is "technology"',
    }


async def _deal_history(crm: Crm) -> list[tuple[str, object]]:
    holder = await crm.holder("opportunity.external:crm-sales-opportunities", "O1")
    assert holder is not None
    deal = await crm.get(Opportunity, holder)
    assert deal.status is OpportunityStatus.WON
    return [
        (event.type.rpartition(".")[2], event.happened_at.date())
        for event in await crm.history(holder)
    ]


@pytest.mark.parametrize(
    ("deal", "why"),
    [
        (",Anna,GTX Pro,Acme,Engaging,2016-10-20,,", "the opportunity has no id"),
        ("O1,Anna,GTX Pro,Acme,Dreaming,2016-10-20,,", 'the stage "Dreaming" is unknown'),
        ("O1,Anna,Nothing,Acme,Engaging,2016-10-20,,", 'the product "Nothing" is not'),
        ("O1,Bob,GTX Pro,Acme,Engaging,2016-10-20,,", "the agent is not in the list"),
        ("O1,Anna,GTX Pro,Nobody,Engaging,2016-10-20,,", 'the account "Nobody" is not'),
        ("O1,Anna,GTX Pro,Acme,Engaging,20.10.2016,,", "engage_date is no day"),
        ("O1,Anna,GTX Pro,Acme,Engaging,,,", "needs an engage_date"),
        ("O1,Anna,GTX Pro,Acme,Won,2016-10-20,,12", "needs a close_date"),
        ("O1,Anna,GTX Pro,Acme,Won,2016-10-20,2016-10-19,12", "closed before it was engaged"),
        ("O1,Anna,GTX Pro,Acme,Won,2016-10-20,2016-10-21,-5", "must not be negative"),
        ("O1,Anna,GTX Pro,Acme,Won,2016-10-20,2016-10-21,much", "close_value is no number"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named(tmp_path: Path, deal: str, why: str) -> None:
    _, result = imported(folder_with(tmp_path, deal))
    (refused,) = [note for note in result.notes if note.kind is NoteKind.REFUSED]
    assert why in refused.why
    assert (refused.file, refused.line) == ("sales_pipeline.csv", 2)


def test_an_import_that_was_broken_off_is_run_again_without_doubling(tmp_path: Path) -> None:
    deals = [f"O{n},Anna,GTX Pro,,Won,2016-10-20,2017-03-01,10" for n in range(50)]
    folder = folder_with(tmp_path, *deals)
    whole, _ = imported(folder)
    broken = Crm.in_memory()
    plan = plan_sales(folder, broken.tenant_id)
    plan.steps = plan.steps[:70]
    asyncio.run(run_plan(broken, plan))
    _, second = imported(folder, broken)
    assert second.repeated == 70
    assert asyncio.run(_types(broken)) == asyncio.run(_types(whole))


async def _types(crm: Crm) -> list[tuple[str, str]]:
    return [(e.type, str(e.record_id)) async for page in crm.events() for e in page]


def test_a_row_that_was_changed_since_is_named(tmp_path: Path) -> None:
    crm, _ = imported(folder_with(tmp_path, "O1,Anna,GTX Pro,,Won,2016-10-20,2017-03-01,10"))
    changed = folder_with(tmp_path, "O1,Anna,GTX Pro,,Won,2016-10-20,2017-03-01,11")
    _, result = imported(changed, crm)
    (refused,) = [note for note in result.notes if note.kind is NoteKind.REFUSED]
    assert refused.why == "opportunity.win was refused: ledger.command_reused"


def test_nothing_is_done_when_a_file_is_missing(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "products.csv").unlink()
    with pytest.raises(SetupError, match=r"import\.no_such_file"):
        imported(folder)
