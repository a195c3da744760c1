"""What holds the judges together, without asking them: that is `make judges`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from judges.judges import LIVE, STATIC, Fault, Judge
from judges.run import version

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize("judge", STATIC + LIVE, ids=lambda judge: judge.package)
def test_the_guide_names_each_judge_and_its_version(judge: Judge) -> None:
    guide = (ROOT / "docs" / "guides" / "graphql.md").read_text()
    assert f"\n| {judge.package} | {version(judge.package)} |" in guide


def test_the_lock_holds_what_is_asked_for_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert lock.pop("")["dependencies"] == _asked_for()
    assert all("resolved" not in package and "integrity" in package for package in lock.values())
    for name, asked in _asked_for().items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", asked), name


def _asked_for() -> dict[str, str]:
    found: dict[str, str] = json.loads((HERE / "package.json").read_text())["dependencies"]
    return found


@pytest.mark.parametrize(
    "fault",
    [fault for judge in STATIC for fault in judge.faults],
    ids=lambda fault: fault.name,
)
def test_each_fault_of_the_schema_can_still_be_planted(fault: Fault) -> None:
    schema = (ROOT / "schema.graphql").read_text()
    assert fault.plant is not None
    assert fault.plant(schema) != schema
