"""What can be selected at all."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import Invalid, Selection


@pytest.mark.parametrize(
    "given",
    [{"types": []}, {"tags": ()}, {"categories": "sales"}, {"types": ["a\x00b"]},
     {"tags": ["\ud800"]}],
)  # fmt: skip
def test_a_selection_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"selection\."):
        Selection(**given)
