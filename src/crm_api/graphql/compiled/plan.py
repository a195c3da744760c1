"""A compiled query: its statement, and what is put in for its placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

from graphql import GraphQLField
from psycopg.adapt import PyFormat, Transformer

from crm_api.graphql.compiled.places import Place
from crm_api.graphql.compiled.selection import Given, Selected
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.scalars import Position
from crm_core import Crm
from crm_core.ledger.postgres.arrays import UUIDS, BinaryArray
from crm_projections.reading.pipeline import Binary
from crm_projections.reading.sights import SeenId, SeenIds, Sight
from crm_projections.reading.trees import Sql

__all__ = ["LateId", "LatePosition", "Plan", "plan_of"]


@dataclass(frozen=True, slots=True)
class LateId:
    """The record that a variable names, of one type if it must be."""

    variable: str
    type_name: str | None

    def sent(self, given: Mapping[str, Any]) -> bytes:
        """Raises Refused where it is no id of this type."""
        return str(required_uuid(given[self.variable], self.type_name)).encode()


@dataclass(frozen=True, slots=True, eq=False)
class LateHolder:
    """The record that holds the unique key which a field's argument `by` names."""

    field: GraphQLField
    selected: Selected

    async def sent(self, given: Given, crm: Crm) -> bytes | None:
        """Null where nothing holds it. Raises Invalid where it can be no such key."""
        key = given.selections.arguments(self.field, self.selected)["by"].unique_key()
        holder = None if key is None else await crm.holder(*key)
        return None if holder is None else str(holder).encode()


@dataclass(frozen=True, slots=True)
class LatePosition:
    variable: str

    def position(self, given: Mapping[str, Any]) -> int:
        return int(given[self.variable])


@dataclass(frozen=True, slots=True)
class LateSet:
    """One of the sets of ids that the reader sees, by its number, or its only id."""

    number: int
    is_only: bool

    def sent(self, sight: Sight) -> bytes:
        ids = sight.sets[self.number]
        return str(next(iter(ids))).encode() if self.is_only else _array(ids)


_Parameter: TypeAlias = bytes | LateId | LateHolder | LateSet | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`statement` has `$1`, `$2`, …; it must not be asked before the positions are reached.

    Where it is None, `frame` is the answer. The answer has `places`, by their numbers.
    """

    statement: str | None
    parameters: tuple[_Parameter, ...]
    positions: tuple[int | LatePosition, ...]
    places: tuple[Place, ...]
    frame: bytes = b""

    async def sent(self, given: Given, crm: Crm, sight: Sight) -> list[bytes | None]:
        """The parameters as they are sent, with these variables, to somebody who sees as those do
        whom the plan was made for. Raises Refused or Invalid.
        """
        sent: list[bytes | None] = []
        for value in self.parameters:
            match value:
                case LateId():
                    sent.append(value.sent(given.variables))
                case LateHolder():
                    sent.append(await value.sent(given, crm))
                case LateSet():
                    sent.append(value.sent(sight))
                case _:
                    sent.append(value)
        return sent

    def position(self, given: Given) -> Position:
        """The position that the read models must have reached; 0 where any will do."""
        positions = (
            at if isinstance(at, int) else at.position(given.variables) for at in self.positions
        )
        return Position(max(positions, default=0))


def plan_of(
    sql: Sql, sight: Sight, positions: tuple[int | LatePosition, ...], places: tuple[Place, ...]
) -> Plan:
    transformer: Any = Transformer()
    numbered = {ids: number for number, ids in enumerate(sight.sets)}
    parameters: list[_Parameter] = []
    sent_at: dict[Any, int] = {}
    numbers = []
    for value in sql.parameters:
        same = _sameness(value)
        place = None if same is None else sent_at.get(same)
        if place is None:
            match value:
                case LateId() | LateHolder():
                    parameters.append(value)
                case SeenIds():
                    parameters.append(LateSet(numbered[frozenset(value.values)], False))
                case SeenId():
                    parameters.append(LateSet(numbered[frozenset([value])], True))
                case _:
                    parameters.append(_sent(value, transformer))
            place = len(parameters)
            if same is not None:
                sent_at[same] = place
        numbers.append(f"${place}")
    texts = sql.text.split("%s")
    assert len(texts) == len(numbers) + 1, "each placeholder has a value"
    statement = "".join(part for pair in zip(texts, [*numbers, ""], strict=True) for part in pair)
    return Plan(statement, tuple(parameters), positions, places)


def _sameness(value: Any) -> Any:
    """What is equal for values that are sent once, wherever they stand; None for the others."""
    if isinstance(value, BinaryArray):
        return type(value), value.of.oid, value.values
    return (type(value), value) if isinstance(value, UUID | LateId) else None


@lru_cache(maxsize=256)
def _array(ids: frozenset[UUID]) -> Binary:
    return Binary(BinaryArray(UUIDS, sorted(ids)).encoded())


def _sent(value: Any, transformer: Any) -> bytes | None:
    """The value in PostgreSQL's text format; an array that is given so, in its binary one."""
    if value is None:
        return None
    if isinstance(value, BinaryArray):
        return Binary(value.encoded())
    written = transformer.get_dumper(value, PyFormat.TEXT).dump(value)
    return None if written is None else bytes(written)
