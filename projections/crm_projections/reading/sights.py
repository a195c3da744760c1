"""As much of a read model as somebody may see: the SQL reader of the rights.

What stands after `from` in every question is made here. Rows out of reach are not there, and fields
that are withheld are empty, before anything is filtered, sorted, grouped, searched or counted; so
no question can tell what is not shown from what does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from psycopg import sql

from crm_core.access.records import FIELD_GROUPS, OWNER_FIELDS, PARENT_FIELDS, kind_of
from crm_core.access.rights import ALL_RIGHTS, NOTHING, Reach, Rights
from crm_core.catalog import AGGREGATES
from crm_core.ledger.postgres.arrays import UUIDS, BinaryArray
from crm_projections.reading.filters import Clause
from crm_projections.tables import Column, Table

__all__ = ["EVERYTHING", "SeenId", "SeenIds", "Sight"]

_KEYS: Final[Mapping[str, str]] = {
    "customer": "customer_id",
    "opportunity": "opportunity_id",
    "ticket": "ticket_id",
    "task": "task_id",
    "pipeline": "pipeline_id",
    "product": "product_id",
    "user": "id",
    "team": "id",
    "role": "id",
    "share": "id",
    "api_key": "id",
}
"""Tables with a row for each record of the kind of the same name, and their keys."""

_OF_EVENTS = ("read", "audit")  # who may do one of them to all, sees the whole trail
_MANY = 100  # ids
_TRUE, _FALSE = Clause(sql.SQL("true")), Clause(sql.SQL("false"))


class SeenIds(BinaryArray):
    """The owners or records that somebody sees, as a parameter: another reader has others."""


class SeenId(UUID):
    """The only one of them."""


class Sight:
    """What one reader sees of each table, by the rights; a piece of SQL to stand after `from`.

    A table that is not of a kind of record is shown to those who may read every kind.
    """

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        self._sources: dict[str, Clause] = {}

    @cached_property
    def likeness(self) -> object:
        """All that the text of the SQL depends on: readers who have it in common differ in their
        `sets` only.
        """
        numbers = {ids: number for number, ids in enumerate(self.sets)}
        reaches = tuple(
            (r.everything, numbers[r.owners], numbers[r.records]) for r in self._reaches
        )
        events = tuple(self._rights.reach("event", of).everything for of in _OF_EVENTS)
        return reaches, events, tuple(map(_size, self.sets))

    @cached_property
    def sets(self) -> tuple[frozenset[UUID], ...]:
        """The different sets of ids that there are, in an order that alike readers share."""
        users = self._rights.reach("user")
        every = [ids for reach in self._reaches for ids in (reach.owners, reach.records)]
        return tuple(dict.fromkeys([*every, users.owners | users.records]))

    @cached_property
    def _reaches(self) -> list[Reach]:
        kinds = sorted({*map(kind_of, AGGREGATES), *_KEYS})
        return [
            self._rights.reach(kind, showing=group)
            for kind in kinds
            for group in (None, *FIELD_GROUPS.get(kind, ()))
        ]

    @property
    def is_whole(self) -> bool:
        """Whether all of every kind that may be read at all is seen, with all its fields."""
        return all(
            self._rights.reach(kind).everything and not self._rights.withheld(kind)
            for kind in map(kind_of, AGGREGATES)
            if self._rights.allow(kind, "read")
        )

    def of(self, table: Table[Any]) -> Clause:
        """The table's name, or a subquery in its place: it needs a name to be called by."""
        source = self._sources.get(table.name)
        if source is None:
            about = "record_type" in table.column_names
            made = _source_about_records if about else _source_of_records
            source = self._sources[table.name] = made(table, self._rights)
        return source


EVERYTHING: Final = Sight(ALL_RIGHTS)
"""For programs of ours."""


def _source_of_records(table: Table[Any], rights: Rights) -> Clause:
    reach, withheld = rights.reach(table.name), rights.withheld(table.name)
    if reach.everything and not withheld:
        return _whole(table)
    shown = {
        column: _within(seen, table.name)
        for group, seen in withheld.items()
        for column in FIELD_GROUPS[table.name][group]
    }
    return _part(table, _within(reach, table.name), shown)


# --- tables of records ----------------------------------------------------------------------------


def _within(reach: Reach, kind: str) -> Clause:
    """Whether a row of the kind's own table is in reach."""
    if reach.everything:
        return _TRUE
    found = [_any_of(_KEYS[kind], reach.records)] if kind in _KEYS else []
    if kind in OWNER_FIELDS:
        found.append(_any_of(OWNER_FIELDS[kind], reach.owners))
    return _either(found)


def _part(table: Table[Any], condition: Clause, shown: Mapping[str, Clause]) -> Clause:
    """The rows that the condition takes; columns are empty where they are not shown."""
    columns = [_column(column, shown.get(column.name)) for column in table.columns]
    text = sql.SQL("(select seen.tenant_id, {} from {} as seen where {})").format(
        sql.SQL(", ").join(column.text for column in columns), _whole(table).text, condition.text
    )
    values = [value for column in columns for value in column.parameters]
    return Clause(text, (*values, *condition.parameters))


def _column(column: Column, shown: Clause | None) -> Clause:
    name = sql.Identifier("seen", column.name)
    if shown is None:
        return Clause(name)
    empty = sql.SQL("'[]'::jsonb" if column.is_json else "null")
    assert column.is_json or column.nullable, f"{column.name} cannot be empty"
    text = sql.SQL("case when {} then {} else {} end as {}").format(
        shown.text, name, empty, sql.Identifier(column.name)
    )
    return Clause(text, shown.parameters)


def _whole(table: Table[Any]) -> Clause:
    return Clause(sql.Identifier("read_model", table.name))


# --- tables about records of any kind -------------------------------------------------------------


def _source_about_records(table: Table[Any], rights: Rights) -> Clause:
    """A trail or a timeline: the rows about records in reach; words only where all is shown."""
    has_words = "text" in table.column_names
    if not has_words and any(rights.reach("event", of).everything for of in _OF_EVENTS):
        return _whole(table)
    taken: list[Clause] = []
    telling: list[Clause] = []
    for topic in AGGREGATES:
        kind = kind_of(topic)
        reach, withheld = rights.reach(kind), rights.withheld(kind)
        taken.append(_about(topic, _in_sight(reach, kind, table)))
        everywhere = [_in_sight(seen, kind, table) for seen in withheld.values()]
        telling.append(_about(topic, _all(everywhere)))
    if all(rights.reach(kind_of(t)).everything for t in AGGREGATES) and not any(
        rights.withheld(kind_of(t)) for t in AGGREGATES
    ):
        return _whole(table)
    return _part(table, _either(taken), {"text": _either(telling)} if has_words else {})


def _about(topic: str, condition: Clause) -> Clause:
    text = sql.SQL("(seen.record_type = %s and {})").format(condition.text)
    return Clause(text, (topic, *condition.parameters))


def _in_sight(reach: Reach, kind: str, table: Table[Any]) -> Clause:
    """Whether the record that a row is about is in reach."""
    if reach.everything:
        return _TRUE
    if reach == NOTHING:
        return _FALSE
    if kind == "user":
        return _any_of("record_id", reach.owners | reach.records)
    parent = PARENT_FIELDS.get(kind)
    if parent is not None:
        field, parent_kind = parent
        ways = [_any_of("record_id", reach.records)]
        if field in table.column_names:
            ways.append(_exists(Reach(owners=reach.owners), parent_kind, field))
        return _either(ways)
    return _exists(reach, kind, "record_id") if kind in _KEYS else _FALSE


def _exists(reach: Reach, kind: str, column: str) -> Clause:
    """Whether the record that the column names is in reach."""
    condition = _within(reach, kind)
    text = sql.SQL(
        "exists (select from {} as record where record.tenant_id = seen.tenant_id"
        " and record.{} = seen.{} and {})"
    ).format(
        sql.Identifier("read_model", kind),
        sql.Identifier(_KEYS[kind]),
        sql.Identifier(column),
        condition.text,
    )
    return Clause(text, condition.parameters)


def _any_of(column: str, ids: Iterable[UUID]) -> Clause:
    """Whether the column has one of the ids.

    One, and few, are looked for by an index. Of many, a list's first rows in its own order soon
    hold enough, so each row's id is looked up among the sorted ones, by halves: PostgreSQL goes
    through an array that it was given as a parameter one by one, and to hash it takes longer than a
    page does. `coalesce` hides the comparison from the planner, who would take it for a rare one.
    """
    listed, name = sorted(ids), sql.Identifier(column)
    match _size(listed):
        case _Size.NONE:
            return _FALSE
        case _Size.ONE:
            return Clause(sql.SQL("{} = %s::uuid").format(name), (SeenId(int=listed[0].int),))
        case _Size.FEW:
            return Clause(sql.SQL("{} = any(%s::uuid[])").format(name), (SeenIds(UUIDS, listed),))
        case _Size.MANY:
            text = sql.SQL(
                "coalesce((%s::uuid[])[width_bucket({0}, %s::uuid[])] = {0}, false)"
            ).format(name)
            return Clause(text, (SeenIds(UUIDS, listed),) * 2)


class _Size(Enum):
    """Each is asked for in another way."""

    NONE = 0
    ONE = 1
    FEW = 2
    MANY = 3


def _size(ids: Collection[UUID]) -> _Size:
    if len(ids) > _MANY:
        return _Size.MANY
    return _Size(min(len(ids), 2))


def _either(clauses: list[Clause]) -> Clause:
    return _joined(" or ", clauses, _FALSE)


def _all(clauses: list[Clause]) -> Clause:
    return _joined(" and ", clauses, _TRUE)


def _joined(glue: str, clauses: list[Clause], empty: Clause) -> Clause:
    if not clauses:
        return empty
    text = sql.SQL("({})").format(sql.SQL(glue).join(clause.text for clause in clauses))
    return Clause(text, tuple(value for clause in clauses for value in clause.parameters))
