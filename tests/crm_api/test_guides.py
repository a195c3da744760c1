"""The documents that the guides show are answered, not only valid."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from crm_api.graphql.ids import global_id
from crm_core import new_id
from crm_core.sales.opportunity.commands import OpenOpportunity

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "time-travel.md").read_text("utf-8")
DOCUMENTS = re.findall(r"```graphql\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_what_the_guide_to_time_travel_asks_is_answered(
    api: Any, sales: dict[str, UUID], document: str
) -> None:
    opening = OpenOpportunity(
        opportunity_id=new_id(), name="Deal", pipeline_id=sales["pipeline"], currency="EUR",
        owner_id=api.people["sales"],
    )  # fmt: skip
    await api.given(opening)
    named = {"id": global_id("Opportunity", opening.opportunity_id)}
    data = await api.data(document, **(named if "$id" in document else {}))
    assert data


def test_the_guide_to_time_travel_shows_what_its_python_prints() -> None:
    found = re.search(r"```python\n(from crm_core .*?)```\s+```\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    code, shown = found.groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "time-travel.md", "exec"), {"__name__": "guide"})
    assert printed.getvalue() == shown
