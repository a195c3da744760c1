"""A report's answer is kept while its read model stands still, for who may see the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from crm_core.access.rights import EVERYTHING, Reach
from crm_projections.checkpoints import Reached
from crm_projections.reporting import KeptAnswers, Past, kept
from crm_projections.sales_pipeline.reports.funnel import FUNNEL
from crm_projections.sales_pipeline.reports.pipeline import PIPELINE
from crm_projections.sales_pipeline.reports.question import SalesGroup, SalesQuestion

OWN = Reach(owners=frozenset({UUID(int=1)}))
WEB = SalesQuestion(sources=("web",))


class Reckoning:
    """Stands in for the database: each answer is the number of the reckoning."""

    def __init__(self) -> None:
        self.times = 0
        self.error: Exception | None = None

    async def __call__(self, *_: Any, **__: Any) -> list[int]:
        self.times += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return [self.times]


@pytest.fixture
def reckoning(monkeypatch: pytest.MonkeyPatch) -> Reckoning:
    made = Reckoning()
    monkeypatch.setattr(kept, "answer", made)
    return made


@pytest.fixture
def answers() -> KeptAnswers:
    return KeptAnswers(None, UUID(int=7))  # type: ignore[arg-type]  # nothing is asked of it


async def asked(answers: KeptAnswers, shown: int, **other: Any) -> Any:
    report, past = other.pop("report", PIPELINE), other.pop("past", Past(shown))
    question = other.pop("question", SalesQuestion())
    generation = other.pop("generation", 1)
    told = {"shown": Reached(shown, False, generation), "reach": EVERYTHING, **other}
    return (await answers.answer(report, past, question, **told))[0]


async def test_all_who_ask_the_same_wait_for_one_reckoning(
    answers: KeptAnswers, reckoning: Reckoning
) -> None:
    found = await asyncio.gather(*(asked(answers, 5) for _ in range(10)))
    assert (found, await asked(answers, 5), reckoning.times) == ([1] * 10, 1, 1)


async def test_what_has_moved_is_reckoned_anew(answers: KeptAnswers, reckoning: Reckoning) -> None:
    """Also about a past: whose a record is today decides who may count it."""
    assert await asked(answers, 5) == 1
    assert await asked(answers, 6) == 2
    assert await asked(answers, 6, past=Past(5)) == 3
    assert await asked(answers, 7, past=Past(5)) == 4


async def test_another_generation_is_reckoned_anew(
    answers: KeptAnswers, reckoning: Reckoning
) -> None:
    """Also where an earlier one is rolled back to, wherever that is."""
    assert await asked(answers, 5, generation=2) == 1
    assert await asked(answers, 5, generation=1) == 2
    assert await asked(answers, 5, generation=1) == 2
    assert await asked(answers, 4, generation=3) == 3


async def test_nobody_who_looked_before_it_moved_leaves_an_answer(
    answers: KeptAnswers, reckoning: Reckoning
) -> None:
    assert await asked(answers, 6) == 1
    assert await asked(answers, 5, past=Past(6)) == 2
    assert await asked(answers, 6) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"reach": OWN},
        {"reach": replace(OWN, owners=frozenset({UUID(int=2)}))},
        {"question": WEB},
        {"question": SalesQuestion(group=SalesGroup.OWNER)},
        {"past": Past(3)},
        {"since": Past(1)},
        {"report": FUNNEL},
        {"teams": {UUID(int=1): UUID(int=2)}},
    ],
)
async def test_another_question_has_another_answer(
    answers: KeptAnswers, reckoning: Reckoning, other: dict[str, Any]
) -> None:
    assert [await asked(answers, 5), await asked(answers, 5, **other)] == [1, 2]
    assert [await asked(answers, 5), await asked(answers, 5, **other)] == [1, 2]


async def test_a_failure_is_told_and_not_kept(answers: KeptAnswers, reckoning: Reckoning) -> None:
    reckoning.error = RuntimeError()
    with pytest.raises(RuntimeError):
        await asked(answers, 5)
    reckoning.error = None
    assert await asked(answers, 5) == 2


async def test_who_gives_up_takes_the_answer_from_nobody(
    answers: KeptAnswers, reckoning: Reckoning
) -> None:
    first, second = (asyncio.create_task(asked(answers, 5)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
