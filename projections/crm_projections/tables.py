"""A read model's table, declared once: its row class gives the columns and so the SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from crm_core.ledger.postgres.arrays import INT8, TEXT, TIMESTAMPTZ, UUIDS, BinaryArray

__all__ = ["Column", "Row", "Table"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a read model. Its fields are the columns; `tenant_id` is added in front."""


R = TypeVar("R", bound=Row)

_SQL_TYPES: dict[type, str] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    Decimal: "numeric",
    bool: "boolean",
    datetime: "timestamptz",
    date: "date",
}


_SENT_AS_IS = {"uuid": UUIDS, "text": TEXT, "bigint": INT8, "timestamptz": TIMESTAMPTZ}
_AS_TEXT: dict[str, Callable[[Any], str]] = {
    "jsonb": lambda value: msgspec.json.encode(value).decode(),
    "boolean": lambda value: "t" if value else "f",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    sql_type: str
    nullable: bool
    python_type: Any

    @property
    def is_json(self) -> bool:
        return self.sql_type == "jsonb"

    @property
    def sent_type(self) -> str:
        """The type of the array that carries values here; a cast makes the column's of it."""
        return self.sql_type if self.sql_type in _SENT_AS_IS else "text"

    def array_of(self, cells: Iterable[Any]) -> BinaryArray:
        of = _SENT_AS_IS.get(self.sql_type)
        if of is not None:
            return BinaryArray(of, cells)
        as_text = _AS_TEXT.get(self.sql_type, str)
        return BinaryArray(TEXT, (None if cell is None else as_text(cell) for cell in cells))


@dataclass(frozen=True)
class Table(Generic[R]):
    """Rows of one class under a primary key that starts with the tenant.

    `fetch_by` names the column by which a projection asks for rows (the last of the key, unless
    given), `fetch_only` an SQL condition on those it ever asks for. `indexes` are the column lists
    of further indexes; each begins with the tenant too.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]
    fetch_by: str = ""
    fetch_only: str = "true"
    indexes: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def fetch_column(self) -> str:
        return self.fetch_by or self.key[-1]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(name, hints[name]) for name in self.row.__struct_fields__)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def key_of(self, row: R) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in self.key)

    def make_sql(self, physical: str) -> list[str]:
        """The statements that create the table and its indexes under a physical name."""
        columns = ",\n    ".join(
            f"{c.name} {c.sql_type}{'' if c.nullable else ' not null'}" for c in self.columns
        )
        key = ", ".join(("tenant_id", *self.key))
        create = (
            f"create table read_model.{physical} (\n    tenant_id uuid not null,\n"
            f"    {columns},\n    primary key ({key})\n)"
        )
        return [
            create,
            *(f"create index on read_model.{physical} {_index(index)}" for index in self.indexes),
        ]

    def arrays_of(self, rows: Sequence[R]) -> list[BinaryArray]:
        """The rows as one array a column, to insert them all by one statement."""
        values = zip(*map(msgspec.structs.astuple, rows), strict=True)
        return [column.array_of(cells) for column, cells in zip(self.columns, values, strict=True)]

    def row_of(self, values: Sequence[Any]) -> R:
        """The row from its columns' values, in order."""
        return msgspec.convert(
            dict(zip(self.column_names, values, strict=True)), self.row, strict=False
        )


def _index(index: str) -> str:
    columns, _, rest = index.partition(" where ")
    where = f" where {rest}" if rest else ""
    return f"(tenant_id, {columns}){where}"


def _column(name: str, of: Any) -> Column:
    nullable = False
    if get_origin(of) is Annotated:
        of = get_args(of)[0]
    if get_origin(of) in (Union, UnionType):
        parts = [part for part in get_args(of) if part is not type(None)]
        nullable = len(parts) < len(get_args(of))
        of = parts[0] if len(parts) == 1 else Any
    sql_type = "jsonb"
    if isinstance(of, type):
        sql_type = "text" if issubclass(of, StrEnum) else _SQL_TYPES.get(of, "jsonb")
    return Column(name, sql_type, nullable, of)
