"""The places in a statement's answer that are for what no statement gives.

A place stands between two control characters, as notes do: JSON has none of them. It names the
field, by its number in the plan, and the record that it is of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from graphql import GraphQLObjectType

from crm_api.graphql.compiled.selection import Selected, name_of
from crm_api.graphql.records import RecordKind
from crm_projections.reading.trees import Sql, Value

__all__ = [
    "PLACE",
    "LinkedRecord",
    "Place",
    "RecordField",
    "ReportField",
    "RootField",
    "marked",
    "marked_for",
]

PLACE = re.compile(b"\x1d([0-9]+) ([0-9a-f-]*)\x1f")


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    of: GraphQLObjectType
    selected: Selected

    def __str__(self) -> str:
        return f"{self.of.name}.{name_of(self.selected)}"


@dataclass(frozen=True, slots=True, eq=False)
class RootField(_Field):
    """A field of the query itself."""


@dataclass(frozen=True, slots=True, eq=False)
class ReportField(RootField):
    """A report of the present, over what the read model of this name shows."""

    kept_by: str


@dataclass(frozen=True, slots=True, eq=False)
class RecordField(_Field):
    """A field of a record of this kind, whose key the place has."""

    kind: RecordKind


@dataclass(frozen=True, slots=True, eq=False)
class LinkedRecord(_Field):
    """The field's value is the record of this kind whose key the place has."""

    kind: RecordKind


Place: TypeAlias = RootField | RecordField | LinkedRecord


def marked(number: int) -> str:
    return f"\x1d{number} \x1f"


def marked_for(number: int, key: Value) -> Sql:
    """The place for a record; `null` where there is no key."""
    place = f"concat(E'\\x1d{number} ', {key.sql}, E'\\x1f')"
    return Sql(
        f"case when {key.sql} is null then 'null' else {place} end" if key.nullable else place
    )
