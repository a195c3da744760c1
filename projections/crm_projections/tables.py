"""A read model's table, declared once: its row class gives the columns and so the SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from struct import pack
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from psycopg import sql

from crm_core.ledger.postgres.arrays import (
    BOOL,
    DATE,
    INT8,
    JSONB,
    NUMERIC,
    TEXT,
    TIMESTAMPTZ,
    UUIDS,
    BinaryArray,
    ElementType,
)

__all__ = ["Column", "Key", "Row", "Table", "hashed"]

Key = Any
"""What tells a row from the others of its table: the key's value, or a tuple of several."""


def hashed(value: Any) -> Any:
    """What stands for a value in keys and groups: an id's number, which hashes ten times faster."""
    return value.int if type(value) is UUID else value


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
_SENT_AS: dict[str, ElementType] = {
    "uuid": UUIDS,
    "text": TEXT,
    "bigint": INT8,
    "numeric": NUMERIC,
    "boolean": BOOL,
    "timestamptz": TIMESTAMPTZ,
    "date": DATE,
    "jsonb": JSONB,
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
    def sent_as(self) -> ElementType:
        return _SENT_AS[self.sql_type]

    def array_of(self, cells: Iterable[Any]) -> BinaryArray:
        return BinaryArray(self.sent_as, cells)

    @property
    def read_by(self) -> Callable[[Any], Any] | None:
        """What makes the field's value of the driver's, JSON being read as text; None: nothing."""
        if self.is_json:
            return msgspec.json.Decoder(self.python_type).decode
        if isinstance(self.python_type, type) and issubclass(self.python_type, StrEnum):
            return self.python_type
        return None


def _as_it_is(row: R, subject_id: UUID) -> R:
    return row


@dataclass(frozen=True)
class Table(Generic[R]):
    """Rows of one class under a primary key that starts with the tenant.

    `fetch_by` names the column by which a projection asks for rows (the last of the key, unless
    given), `fetch_only` an SQL condition on those it ever asks for. `indexes` are the column lists
    of further indexes; each begins with the tenant too.

    `about` names the columns with the people or organisations whose personal data a row holds, and
    `erased` gives the row without that of one of them.
    """

    name: str
    row: type[R]
    key: tuple[str, ...]
    fetch_by: str = ""
    fetch_only: str = "true"
    indexes: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    erased: Callable[[R, UUID], R] = _as_it_is

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def fetch_column(self) -> str:
        return self.fetch_by or self.key[-1]

    @cached_property
    def is_fetched_by_key(self) -> bool:
        return self.key == (self.fetch_column,)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        hints = get_type_hints(self.row, include_extras=True)
        return tuple(_column(name, hints[name]) for name in self.row.__struct_fields__)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def key_of(self) -> Callable[[R], Key]:
        return self._hashed(*self.key)

    @cached_property
    def fetch_value_of(self) -> Callable[[R], Any]:
        name = self.fetch_column
        if next(column for column in self.columns if column.name == name).nullable:
            return lambda row: hashed(getattr(row, name))
        return self._hashed(name)

    def _hashed(self, *names: str) -> Callable[[R], Any]:
        """Gets these columns of a row as `hashed` gives them."""
        uuids = {column.name for column in self.columns if column.sql_type == "uuid"}
        return attrgetter(*(f"{name}.int" if name in uuids else name for name in names))

    # --- the table itself ---------------------------------------------------------------------

    def make_sql(self, physical: str) -> list[str]:
        """The statements that create the table and its indexes under a physical name."""
        return [*self.create_sql(physical), *self.index_sql(physical)]

    def create_sql(self, physical: str) -> list[str]:
        """Those that create it without keys, to copy rows into; a tenant sees its own rows only."""
        columns = ",\n    ".join(
            f"{c.name} {c.sql_type}{'' if c.nullable else ' not null'}" for c in self.columns
        )
        return [
            f"create table read_model.{physical} (\n    tenant_id uuid not null,\n    {columns}\n)",
            f"select ledger.wall_off('read_model.{physical}')",
        ]

    def index_sql(self, physical: str) -> list[str]:
        """The statements that give it its primary key and its indexes."""
        key = ", ".join(("tenant_id", *self.key))
        return [
            f"alter table read_model.{physical} add primary key ({key})",
            *(f"create index on read_model.{physical} {_index(index)}" for index in self.indexes),
        ]

    @cached_property
    def about_sql(self) -> sql.Composed:
        """The condition for rows about one of some people; takes their ids once a column."""
        return sql.SQL(" or ").join(
            sql.SQL("{} = any(%s)").format(sql.Identifier(by)) for by in self.about
        )

    # --- rows on their way in and out ---------------------------------------------------------

    def arrays_of(self, rows: Sequence[R]) -> list[BinaryArray]:
        """The rows as one array a column, to insert them all by one statement."""
        return [
            column.array_of(cells)
            for column, cells in zip(self.columns, _columns_of(rows), strict=True)
        ]

    def copied(self, tenant_id: UUID, rows: Sequence[R]) -> bytes:
        """The rows as tuples of a binary COPY, the tenant in front; without header and trailer."""
        if not rows:
            return b""
        head = pack("!h", 1 + len(self.columns)) + UUIDS.encode(tenant_id)
        columns = [
            column.sent_as.cells(cells)
            for column, cells in zip(self.columns, _columns_of(rows), strict=True)
        ]
        return b"".join(map(b"".join, zip(repeat(head), *columns, strict=False)))

    def row_of(self, values: Sequence[Any]) -> R:
        """The row from its columns' values, in order, as the driver gives them."""
        return msgspec.convert(
            dict(zip(self.column_names, values, strict=True)), self.row, strict=False
        )

    @cached_property
    def selected_sql(self) -> str:
        """The list of columns whose values `rows_of` takes: JSON as text."""
        return ", ".join(f"{c.name}::text" if c.is_json else c.name for c in self.columns)

    def rows_of(self, found: Iterable[Sequence[Any]]) -> list[R]:
        """Rows from a select of `selected_sql`; three times as fast as `row_of` one by one."""
        columns = list(zip(*found, strict=True))
        for place, read_by in self._read_by:
            if columns:
                columns[place] = tuple(
                    None if value is None else read_by(value) for value in columns[place]
                )
        make, names = self.row, self.column_names
        return [make(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]

    @cached_property
    def _read_by(self) -> list[tuple[int, Callable[[Any], Any]]]:
        reading = ((place, column.read_by) for place, column in enumerate(self.columns))
        return [(place, read_by) for place, read_by in reading if read_by is not None]


def _columns_of(rows: Iterable[Row]) -> Iterable[Sequence[Any]]:
    return zip(*map(msgspec.structs.astuple, rows), strict=True)


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
