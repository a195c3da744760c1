"""Nested reads as one SQL statement: rows, their links and their lists, as the JSON of an answer.

Every piece is an SQL expression of type text that holds JSON and is never null: `null` is written
where there is nothing. Values stay parameters; what goes into the text is names and sizes of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID, uuid4

import msgspec

from crm_projections.reading.filters import Clause, Filter, compiled
from crm_projections.reading.ordering import Order, order_by
from crm_projections.reading.reads import COUNT_EXACT_MAX
from crm_projections.reading.sights import Sight
from crm_projections.reading.walk import Walk, both, list_of
from crm_projections.reading.window import DIGEST_LENGTH, Window, query_digest, query_text
from crm_projections.tables import Column, Table

__all__ = [
    "Listing", "PageOf", "Sql", "Tree", "Value", "Values", "constant", "json_object", "json_of",
    "values_of_struct",
]  # fmt: skip


class Sql(NamedTuple):
    """SQL text and the values of its `%s`, in order."""

    text: str
    parameters: tuple[Any, ...] = ()


class Value(NamedTuple):
    """A value of the row at hand: its SQL, an SQL type (or `word`: text that needs no escaping),
    and the Python type that it has in a row."""

    sql: str
    type: str
    nullable: bool = False
    of: Any = None


Values: TypeAlias = Mapping[str, Value]


# --- JSON of values -------------------------------------------------------------------------------

_FORMS = {
    "word": """'"' || {} || '"'""",
    "text": "to_json({})::text",
    "uuid": """'"' || {} || '"'""",
    "numeric": """'"' || {} || '"'""",
    "bigint": "{}::text",
    "int": "{}::int::text",  # fails where GraphQL's Int would
    "boolean": "{}::text",
    "jsonb": "{}::text",
    "date": """'"' || to_char({}, 'YYYY-MM-DD') || '"'""",
    "timestamptz": "'\"' || replace(to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '')"
    " || 'Z\"'",
}  # fmt: skip


def json_of(value: Value) -> Sql:
    """The value as the API writes it; the session is in UTC."""
    text = _FORMS[value.type].format(value.sql)
    return Sql(f"coalesce({text}, 'null')" if value.nullable else text)


def constant(json: str) -> Sql:
    return Sql("%s::text", (json,))


def json_object(members: Iterable[tuple[str, Sql]]) -> Sql:
    """An object with these members, in this order. Names are letters, digits and `_`."""
    pieces: list[Sql] = []
    for name, value in members:
        assert _NAME.fullmatch(name), "a name of GraphQL"
        pieces += (Sql(f"""'{"," if pieces else "{"}"{name}":'"""), value)
    return _concatenated([*pieces, Sql("'}'")]) if pieces else Sql("'{}'")


_NAME = re.compile(r"\w+", re.ASCII)
_ARGUMENTS_MAX = 90  # PostgreSQL takes 100


def _concatenated(pieces: Sequence[Sql]) -> Sql:
    if len(pieces) > _ARGUMENTS_MAX:
        parts = [
            _concatenated(pieces[start : start + _ARGUMENTS_MAX])
            for start in range(0, len(pieces), _ARGUMENTS_MAX)
        ]
        return _concatenated(parts)
    return Sql(
        f"concat({', '.join(piece.text for piece in pieces)})",
        tuple(value for piece in pieces for value in piece.parameters),
    )


def _base64url(text: str) -> str:
    return f"translate(encode(convert_to({text}, 'UTF8'), 'base64'), E'+/=\\n', '-_')"


# --- rows -----------------------------------------------------------------------------------------


def _values(columns: Iterable[Column], alias: str) -> dict[str, Value]:
    return {
        column.name: Value(
            f'{alias}."{column.name}"', _form(column), column.nullable, column.python_type
        )
        for column in columns
    }


def values_of_struct(of: Any, json: str) -> dict[str, Value]:
    """The members of a JSON object that a struct was written as."""
    values = {}
    defaults = {field.name: field.default for field in msgspec.structs.fields(of)}
    for column in Table("entry", of, key=()).columns:
        taken = f"({json} {'->' if column.is_json else '->>'} '{column.name}')"
        default = defaults[column.name]
        if of.__struct_config__.omit_defaults and default not in (None, msgspec.NODEFAULT):
            taken = f"coalesce({taken}, {_written(default)})"
        cast = "" if column.sql_type in ("text", "jsonb") else f"::{column.sql_type}"
        values[column.name] = Value(
            f"{taken}{cast}", _form(column), column.nullable, column.python_type
        )
    return values


def _written(default: Any) -> str:
    """A default as `->>` would take it, or `->` where it is no text."""
    plain = msgspec.to_builtins(default)
    text = plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
    return "'" + text.replace("'", "''") + "'"


def _form(column: Column) -> str:
    of = column.python_type
    is_word = isinstance(of, type) and issubclass(of, StrEnum)
    return "word" if is_word else column.sql_type


def _text(clause: Clause) -> Sql:
    return Sql(clause.text.as_string(), clause.parameters)


@dataclass(frozen=True)
class Listing:
    """A window over a list; `of` is the value, of the row outside, that its column must have.

    `is_probed` says that one row more is asked for, to know whether there are more.
    """

    table: Table[Any]
    window: Window
    where: Filter
    order: Sequence[Order]
    column: str | None = None
    of: Value | None = None
    is_probed: bool = True


class Tree:
    """Makes the pieces of one statement, for one tenant and what one reader may see."""

    def __init__(self, tenant_id: UUID, sight: Sight) -> None:
        self.tenant_id = tenant_id
        self._sight = sight
        self._numbers = count(1)

    def alias(self, letter: str) -> str:
        return f"{letter}{next(self._numbers)}"

    def global_id(self, type_name: str, key: Value) -> Value:
        return Value(_base64url(f"'{type_name}:' || {key.sql}"), "word")

    def one(self, table: Table[Any], key: Sql, shape: Callable[[Values], Sql]) -> Sql:
        """The row with this key in some shape."""
        alias, (column,) = self.alias("t"), table.key
        shaped = shape(_values(table.columns, alias))
        source = _text(self._sight.of(table))
        return Sql(
            f"coalesce((select {shaped.text} from {source.text} as {alias}"
            f" where {alias}.tenant_id = %s and {alias}.\"{column}\" = {key.text}), 'null')",
            (*shaped.parameters, *source.parameters, self.tenant_id, *key.parameters),
        )

    def page(self, listing: Listing, shape: Callable[[PageOf], Sql]) -> Sql:
        """A page of a list in some shape."""
        return PageOf(self, listing).shaped(shape)

    def entries(self, value: Value, shape: Callable[[str], Sql]) -> Sql:
        """What is in a JSON array, each in some shape of its element's SQL, in its order."""
        alias = self.alias("e")
        shaped = shape(f"{alias}.value")
        return Sql(
            f"(select concat('[', string_agg({shaped.text}, ',' order by {alias}.number), ']')"
            f" from jsonb_array_elements({value.sql}) with ordinality as {alias} (value, number))",
            shaped.parameters,
        )

    def narrowed(self, listing: Listing, *conditions: Clause) -> Sql:
        """Which rows of the list's table: those of the tenant, of the list, and to be seen."""
        of = Sql(f'"{listing.column}" = {listing.of.sql} and ') if listing.of else Sql("")
        rest = _text(both(*conditions))
        source = _text(self._sight.of(listing.table))
        return Sql(
            f'{source.text} as "{listing.table.name}"'
            f" where tenant_id = %s and {of.text}{rest.text}",
            (*source.parameters, self.tenant_id, *rest.parameters),
        )


# --- pages ----------------------------------------------------------------------------------------

_PARENT = uuid4()  # stands for the row outside in the text of a query
_NUMBER, _FOUND = '"#n"', '"#c"'


class PageOf:
    """The parts of a page, as Relay's connections have them."""

    def __init__(self, tree: Tree, listing: Listing) -> None:
        self._tree = tree
        self._listing = listing
        self._window = listing.window
        self._walk: Walk[Any] = Walk(listing.table, listing.window, listing.where, listing.order)
        self._alias = tree.alias("p")
        self._reads_rows = False
        self.values = _values(listing.table.columns, self._alias)

    def shaped(self, shape: Callable[[PageOf], Sql]) -> Sql:
        shaped = shape(self)
        if not self._reads_rows:
            return shaped
        rows = self._rows()
        return Sql(
            f"(select {shaped.text} from {rows.text} as {self._alias})",
            (*shaped.parameters, *rows.parameters),
        )

    # --- items

    def items(self, item: Sql) -> Sql:
        """An array with this for each row of the page."""
        self._reads_rows = True
        order = f" order by {self._alias}.{_NUMBER} desc" if self._window.backwards else ""
        taken = (
            f" filter (where {self._alias}.{_NUMBER} <= {self._window.size})"
            if self._listing.is_probed
            else ""
        )
        return Sql(f"concat('[', string_agg({item.text}, ','{order}){taken}, ']')", item.parameters)

    def cursor(self) -> Sql:
        """The cursor of a row, as `Cursors.of` makes it."""
        pieces: list[Sql] = [Sql("""'["'"""), self._digest(), Sql("""'"'""")]
        for key in self._walk.straight:
            pieces += (Sql("','"), json_of(self.values[key.column.name]))
        written = _concatenated([*pieces, Sql("']'")])
        return Sql(f"""'"' || {_base64url(written.text)} || '"'""", written.parameters)

    # --- page info

    def has_next(self) -> Sql:
        if self._window.backwards:
            return constant("true" if self._window.before is not None else "false")
        return self._has_more()

    def has_previous(self) -> Sql:
        if self._window.backwards:
            return self._has_more()
        return constant("true" if self._window.after is not None else "false")

    def start_cursor(self) -> Sql:
        return self._cursor_at(self._last() if self._window.backwards else "1")

    def end_cursor(self) -> Sql:
        return self._cursor_at("1" if self._window.backwards else self._last())

    def _has_more(self) -> Sql:
        self._reads_rows = True
        return Sql(f"(count(*) > {self._window.size})::text")

    def _last(self) -> str:
        return f"least({self._alias}.{_FOUND}, {self._window.size})"

    def _cursor_at(self, number: str) -> Sql:
        if not self._window.size:
            return constant("null")
        self._reads_rows = True
        cursor = self.cursor()
        place = f"filter (where {self._alias}.{_NUMBER} = {number})"
        return Sql(f"coalesce(max({cursor.text}) {place}, 'null')", cursor.parameters)

    # --- counts

    def total(self) -> Sql:
        return self._counted(f"least(count(*), {COUNT_EXACT_MAX})::text")

    def is_exact(self, yes: str, no: str) -> Sql:
        counted = self._counted(f"count(*) <= {COUNT_EXACT_MAX}")
        return Sql(
            f"case when {counted.text} then %s::text else %s::text end",
            (*counted.parameters, yes, no),
        )

    def _counted(self, what: str) -> Sql:
        rows = self._tree.narrowed(
            self._listing, compiled(self._listing.where, self._listing.table)
        )
        some = f"(select from {rows.text} limit {COUNT_EXACT_MAX + 1})"
        return Sql(f"(select {what} from {some} as counted)", rows.parameters)

    # --- statements

    def _rows(self) -> Sql:
        size = self._window.size + self._listing.is_probed
        rows = self._tree.narrowed(self._listing, self._walk.condition)
        order = order_by(self._walk.keys).as_string()
        page = Sql(f"(select * from {rows.text} order by {order} limit {size})", rows.parameters)
        if not (self._listing.is_probed or self._window.backwards):
            return page
        return Sql(
            f"(select page.*, row_number() over () as {_NUMBER}, count(*) over () as {_FOUND}"
            f" from {page.text} as page)",
            page.parameters,
        )

    def _digest(self) -> Sql:
        listing = self._listing
        if listing.of is None or listing.column is None:
            text = query_text(listing.table, listing.where, self._walk.straight)
            return constant(query_digest(text))
        # Each row outside has a list of its own, and so cursors of its own.
        where = list_of(listing.column, _PARENT, listing.where)
        text = query_text(listing.table, where, self._walk.straight)
        before, after = text.split(str(_PARENT))
        written = f"convert_to(concat(%s::text, {listing.of.sql}, %s::text), 'UTF8')"
        return Sql(f"left(encode(sha256({written}), 'hex'), {DIGEST_LENGTH})", (before, after))
