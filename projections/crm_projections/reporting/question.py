"""What is asked of a report: which records, grouped by what, in which time zone's periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final
from zoneinfo import available_timezones

from crm_core import Invalid
from crm_core.kernel.messages import is_storable

__all__ = ["PERIODS", "Question", "among", "in_days", "in_period", "in_sight", "period_start",
           "team_of"]  # fmt: skip

PERIODS: Final = frozenset({"DAY", "WEEK", "MONTH", "QUARTER"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The part that every report shares; what a kind of record adds is in its subclass.

    The period is of days in `time_zone`, `first_day` included, `end_day` not; each report says of
    which of its moments. Weeks begin on Monday (ISO 8601). A filter that is None takes everything.
    Raises Invalid where the zone is unknown, the period is empty, or a text has U+0000 or half a
    surrogate pair, for which the database has no place.
    """

    first_day: date | None = None
    end_day: date | None = None
    time_zone: str = "UTC"

    KEYS: ClassVar[Mapping[str, str]] = {}  # the SQL of a group's key, by the group

    def __post_init__(self) -> None:
        if self.time_zone not in _time_zones():
            raise Invalid("time_zone", "is an IANA name such as Europe/Rome")
        if self.first_day and self.end_day and self.end_day <= self.first_day:
            raise Invalid("period.to", "is after `from`: that day is left out")
        if not is_storable([getattr(self, field.name) for field in fields(self)]):
            raise Invalid("where", "has a character that no database keeps, such as U+0000")

    @property
    def grouped_by(self) -> StrEnum:
        raise NotImplementedError

    def key(self, at: str) -> str:
        """The SQL of the group's key; `at` is the moment by which a period is chosen."""
        group = self.grouped_by
        key = period_start(group, at) if group in PERIODS else self.KEYS[group]
        return f'({key}) collate "C"'

    @property
    def parameters(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
            for name, value in values.items()
        }


def among(column: str, parameter: str, of: str = "text") -> str:
    """The SQL of a filter that takes everything where it is not given."""
    return f"(%({parameter})s::{of}[] is null or {column} = any(%({parameter})s))"


def in_sight(kind: str, owner: str) -> str:
    """The SQL of whether a record is in the reader's reach, by whose it is now."""
    return f"""(%(sees_everything)s::boolean or {kind}_id in (
            select {kind}_id from read_model.{kind}
             where tenant_id = %(tenant)s
               and ({owner} = any(%(seen_owners)s::uuid[])
                    or {kind}_id = any(%(seen_records)s::uuid[]))))"""


def team_of(user: str) -> str:
    """The SQL of the team that a user was in then, by its id; null for who was in none."""
    return f"(%(teams)s::jsonb ->> {user}::text)"


def in_days(seconds: str) -> str:
    """The SQL of a length of time in days of 24 hours, to a millionth; equal on every run."""
    return f"round(({seconds})::numeric / 86400, 6)::float8"


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def period_start(unit: str, at: str) -> str:
    """The SQL of the first day of a moment's period, as text."""
    local = f"{at} at time zone %(time_zone)s"
    return f"to_char(date_trunc('{unit.lower()}', {local}), 'YYYY-MM-DD')"


def in_period(at: str) -> str:
    """The SQL of whether a moment is in the asked period; an unknown one is only without bounds."""
    return f"""(
        (%(first_day)s::date is null
         or {at} >= %(first_day)s::date::timestamp at time zone %(time_zone)s)
        and (%(end_day)s::date is null
             or {at} < %(end_day)s::date::timestamp at time zone %(time_zone)s))"""
