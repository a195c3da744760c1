"""The limits in the document are those that the code holds."""

from __future__ import annotations

import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

LIMITS = Path(__file__).parents[1] / "docs" / "security" / "limits.md"
ROWS = re.findall(
    r"^\| ([^|]+) \| ([\d,]+)[^|]* \| `([\w.]+):([\w.]+)` \|$", LIMITS.read_text(), re.MULTILINE
)


def test_most_limits_are_compared() -> None:
    assert len(ROWS) >= 30


@pytest.mark.parametrize(("what", "said", "module", "name"), ROWS, ids=[row[0] for row in ROWS])
def test_a_limit_is_the_one_that_is_documented(
    what: str, said: str, module: str, name: str
) -> None:
    assert attrgetter(name)(import_module(module)) == int(said.replace(",", ""))
