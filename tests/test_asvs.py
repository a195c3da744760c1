"""The table of security requirements leaves none out, and names evidence that is there."""

from __future__ import annotations

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
JUDGED = ("V6.", "V7.", "V9.", "V10.")
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "security" / "asvs.md").read_text().splitlines()
    if line.startswith("| V")
]


def test_no_requirement_of_the_judged_chapters_is_left_out() -> None:
    with (ROOT / "tests" / "asvs_5_0.csv").open() as file:
        known = {row["id"]: row["level"] for row in csv.DictReader(file)}
    assert len(known) == 253  # levels 1 and 2 of version 5.0.0
    wanted = [(name, level) for name, level in known.items() if name.startswith(JUDGED)]
    assert [(row[0], row[1]) for row in ROWS] == wanted


def test_each_requirement_is_judged_and_what_passes_has_evidence() -> None:
    for name, _, verdict, said, evidence in ROWS:
        assert verdict in ("pass", "not met", "not applicable"), name
        assert said, name
        assert bool(evidence) == (verdict == "pass"), name


def test_the_evidence_is_there() -> None:
    for name, _, _, _, evidence in ROWS:
        file, _, test = evidence.strip("`").partition("::")
        if file:
            text = (ROOT / file).read_text()
            assert not test or re.search(rf"def {test}\(", text), f"{name}: {evidence}"
