"""The rules by which `.ci/dependencies.py` judges what is pinned; the registries are not asked."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 26, tzinfo=UTC)
FRESH, OLD = NOW - timedelta(days=30), NOW - timedelta(days=731)
GOOD, OVER = {"mill": date(2026, 11, 26)}, {"mill": date(2026, 11, 25)}


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "dependencies.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module  # where its dataclasses look for their names
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("published", "newer", "said"),
    [
        (FRESH, None, None),
        (NOW - timedelta(days=730), None, None),
        (FRESH, "2", "2 has been out for more than 92 days"),
        (OLD, None, "is 731 days old"),
        (None, None, "its age is not known"),
    ],
)
def test_a_version_is_as_new_as_promised(
    audit: Any, published: datetime | None, newer: str | None, said: str | None
) -> None:
    faults = audit.broken([audit.Pin("run.txt", "mill", "1", published, newer)], {}, NOW)
    assert len(faults) == (said is not None)
    assert all(fault.startswith(f"run.txt: mill 1: {said}") for fault in faults)


def test_a_reason_is_good_until_its_day_and_excuses_no_age_that_is_not_known(audit: Any) -> None:
    def pin(published: datetime | None, newer: str | None) -> Any:
        return audit.Pin("run.txt", "mill", "1", published, newer)

    for late in (pin(FRESH, "2"), pin(OLD, None)):
        assert audit.broken([late], GOOD, NOW) == []
        assert len(audit.broken([late], OVER, NOW)) == 1
    assert len(audit.broken([pin(None, None)], GOOD, NOW)) == 1


def test_a_reason_that_nothing_needs_is_told(audit: Any) -> None:
    (fault,) = audit.broken([audit.Pin("run.txt", "mill", "1", FRESH)], GOOD, NOW)
    assert fault == "dependencies.md: mill needs no reason any more"


def test_a_known_weakness_is_judged_and_has_its_time(audit: Any) -> None:
    report = [
        {"name": "mill", "version": "1", "vulns": [{"id": "X-1"}]},
        {"name": "a", "vulns": []},
    ]
    today = NOW.date()
    assert audit.weak(report, {}, today) == ["mill 1: X-1"]
    assert audit.weak(report, {"X-1": today}, today) == []
    assert audit.weak(report, {"X-1": today - timedelta(days=1)}, today) == ["mill 1: X-1"]


def test_a_package_that_was_not_looked_at_is_no_package_without_weaknesses(audit: Any) -> None:
    (fault,) = audit.weak([{"name": "mill", "skip_reason": "not found"}], {}, NOW.date())
    assert "was not looked at" in fault


def test_the_document_says_what_is_held_and_its_tables_are_read(audit: Any) -> None:
    promises = audit.PROMISES.read_text()
    assert f"more than {audit.BEHIND_DAYS_MAX} days" in promises
    assert f"older than {audit.AGE_DAYS_MAX} days" in promises
    assert {"graphiql", "react-dom"} <= audit.reasons(promises).keys()
    assert audit.accepted(promises) == {}
    judged = promises.rstrip() + "\n| X-1 | `mill` | no | 2027-01-31 |\n"
    assert audit.accepted(judged) == {"X-1": date(2027, 1, 31)}
