"""The table of requirements leaves none out, counts right, and names evidence that is there."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECURITY = ROOT / "docs" / "security"
TABLE = (SECURITY / "asvs.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| V")
]
COUNTED = re.compile(
    r"(\d+) pass, (\d+) are not met, (\d+) are for whoever runs the server, and (\d+) do not apply"
)


def test_no_requirement_is_left_out() -> None:
    with (ROOT / "tests" / "asvs_5_0.csv").open() as file:
        known = [(row["id"], row["level"]) for row in csv.DictReader(file)]
    assert len(known) == 253  # levels 1 and 2 of version 5.0.0
    assert [(row[0], row[1]) for row in ROWS] == known


def test_each_requirement_is_judged_and_what_is_so_has_evidence() -> None:
    for name, _, verdict, said, evidence in ROWS:
        assert verdict in ("pass", "operator", "not met", "not applicable"), name
        assert said, name
        assert bool(evidence) == (verdict in ("pass", "operator")), name


def test_the_head_counts_what_is_in_the_table() -> None:
    found = Counter(row[2] for row in ROWS)
    counted = COUNTED.search(" ".join(TABLE.split()))
    assert counted is not None
    verdicts = ("pass", "not met", "operator", "not applicable")
    assert [int(count) for count in counted.groups()] == [found[name] for name in verdicts]


def test_the_evidence_is_there() -> None:
    for name, _, _, _, evidence in ROWS:
        file, _, test = evidence.strip("`").partition("::")
        if file:
            text = (ROOT / file).read_text()
            assert not test or re.search(rf"def {test}\(", text), f"{name}: {evidence}"


def test_every_duty_of_the_operator_is_written_down() -> None:
    written = set(re.findall(r"V\d+\.\d+\.\d+", (SECURITY / "duties.md").read_text()))
    assert {row[0] for row in ROWS if row[2] == "operator"} <= written
