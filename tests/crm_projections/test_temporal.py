"""Two clocks: late facts land where they belong, and what was believed stays readable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_projections.temporal import TemporalRow, revise

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 20


class Thing(TemporalRow, frozen=True, kw_only=True):
    stage: str = "new"
    amount: int = 0


Fact = tuple[int, dict[str, object]]  # the day it happened, and what it set

facts = st.lists(
    st.tuples(
        st.integers(0, DAYS),
        st.one_of(
            st.fixed_dictionaries({"stage": st.sampled_from("abc")}),
            st.fixed_dictionaries({"amount": st.integers(1, 9)}),
            st.fixed_dictionaries({"stage": st.sampled_from("abc"), "amount": st.integers(1, 9)}),
        ),
    ),
    max_size=12,
)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def store(recorded: list[Fact]) -> dict[tuple[int, datetime], Thing]:
    """All rows ever written, when these facts are recorded one after the other from position 2."""
    rows = {(1, START): Thing(recorded_from=1, effective_from=START)}
    for position, (happened, changes) in enumerate(recorded, start=2):
        believed = sorted(
            (row for row in rows.values() if row.recorded_to is None),
            key=lambda row: row.effective_from,
        )
        for row in revise(believed, position, day(happened), changes):
            rows[row.recorded_from, row.effective_from] = row
    return rows


def believed_at(
    rows: dict[tuple[int, datetime], Thing], position: int, moment: datetime
) -> list[Thing]:
    return [
        row
        for row in rows.values()
        if row.recorded_from <= position
        and (row.recorded_to is None or row.recorded_to > position)
        and row.effective_from <= moment
        and (row.effective_to is None or row.effective_to > moment)
    ]


@given(facts)
def test_at_any_position_about_any_day_one_row_holds_and_it_is_the_fold(
    recorded: list[Fact],
) -> None:
    rows = store(recorded)
    for position in range(1, len(recorded) + 2):
        known = recorded[: position - 1]
        for number in range(DAYS + 1):
            (row,) = believed_at(rows, position, day(number))
            state: dict[str, object] = {"stage": "new", "amount": 0}
            for happened, changes in sorted(known, key=lambda fact: fact[0]):
                if happened <= number:
                    state |= changes
            assert {"stage": row.stage, "amount": row.amount} == state


@given(facts, facts)
def test_what_was_believed_then_never_changes(before: list[Fact], after: list[Fact]) -> None:
    position = len(before) + 1
    early, late = store(before), store(before + after)
    for number in range(DAYS + 1):
        (then,) = believed_at(early, position, day(number))
        (now,) = believed_at(late, position, day(number))
        assert (then.stage, then.amount) == (now.stage, now.amount)


def test_a_late_fact_does_not_overwrite_a_later_one() -> None:
    rows = store([(10, {"stage": "won"}), (5, {"stage": "talking", "amount": 7})])
    (early,), (late,) = (believed_at(rows, 3, day(number)) for number in (6, 12))
    assert (early.stage, early.amount) == ("talking", 7)
    assert (late.stage, late.amount) == ("won", 7)
