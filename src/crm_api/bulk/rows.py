"""The rows of an upload, and the commands that they are."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.utilities import coerce_input_value, validate_input_value

from crm_core import Invalid, Rejected
from crm_core.exchange import BulkFormat, MappedColumn

__all__ = ["LINE_BYTES_MAX", "Row", "coerced", "rows_of"]

LINE_BYTES_MAX = 1_000_000
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """`number` counts from 1, without the line of names; `given` is the input that the row is, or
    why it is none.
    """

    number: int
    given: dict[str, Any] | Invalid


def rows_of(
    path: Path,
    format: BulkFormat,
    mapping: Sequence[MappedColumn],
    input_type: GraphQLInputObjectType,
) -> Iterator[Row]:
    """Row by row, so that a file may be larger than the memory.

    Raises Rejected `bulk.upload_missing`, `bulk.no_text`, `bulk.unknown_column`,
    `bulk.line_too_long`.
    """
    try:
        match format:
            case BulkFormat.JSONL:
                yield from _json_lines(path)
            case BulkFormat.CSV:
                yield from _csv_lines(path, mapping, input_type)
    except FileNotFoundError:
        raise Rejected("bulk.upload_missing") from None
    except (UnicodeDecodeError, csv.Error):
        raise Rejected("bulk.no_text", format=format.value) from None


def _json_lines(path: Path) -> Iterator[Row]:
    number = 0
    with path.open("rb") as lines:
        while line := lines.readline(LINE_BYTES_MAX + 1):
            if len(line) > LINE_BYTES_MAX:
                raise Rejected("bulk.line_too_long", line=number + 1, limit=LINE_BYTES_MAX)
            if not line.strip():
                continue
            number += 1
            try:
                given = msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                given = None
            yield Row(number, given if isinstance(given, dict) else Invalid("row", "is no object"))


def _csv_lines(
    path: Path, mapping: Sequence[MappedColumn], input_type: GraphQLInputObjectType
) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        bounded = _Bounded(lines)
        reader = csv.reader(bounded, strict=True)
        names = next(reader, [])
        wanted = {part.column: part.field for part in mapping} or {name: name for name in names}
        columns = [
            (index, field.split("."), _leaf(input_type, field))
            for index, name in enumerate(names)
            if (field := wanted.get(name)) is not None
        ]
        missing = wanted.keys() - set(names)
        if missing or not columns:
            raise Rejected("bulk.unknown_column", column=min(missing, default=""))
        for number, cells in enumerate((cells for cells in bounded.rows(reader) if cells), start=1):
            if len(cells) != len(names):
                yield Row(number, Invalid("row", f"has {len(cells)} cells, not {len(names)}"))
                continue
            given: dict[str, Any] = {}
            for index, parts, leaf in columns:
                if cells[index] != "":
                    _put(given, parts, _typed(cells[index], leaf))
            yield Row(number, given)


class _Bounded:
    """The lines of a file, as many at a time as a row may have bytes: one in quotes has several.

    Raises Rejected `bulk.line_too_long`.
    """

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self._number = 0
        self._bytes = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._lines.readline(LINE_BYTES_MAX + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._bytes += len(line.encode())
        if self._bytes > LINE_BYTES_MAX:
            raise Rejected("bulk.line_too_long", line=self._number, limit=LINE_BYTES_MAX)
        return line

    def rows(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """What the reader makes of the lines; with each row they are counted anew."""
        for cells in reader:
            self._bytes = 0
            yield cells


def _leaf(input_type: GraphQLInputObjectType, field: str) -> GraphQLInputType:
    """The type of a field of the input, `money.amount`. Raises Rejected `bulk.unknown_column`."""
    found: GraphQLInputType = input_type
    for name in field.split("."):
        inner = get_named_type(found)
        if not isinstance(inner, GraphQLInputObjectType) or name not in inner.fields:
            raise Rejected("bulk.unknown_column", column=field)
        found = inner.fields[name].type
    return found


def _typed(cell: str, leaf: GraphQLInputType) -> Any:
    """What a cell means where a text is no value of the type; what it is else finds out later."""
    if is_list_type(get_nullable_type(leaf)):
        return [_single(part.strip(), leaf) for part in cell.split(";") if part.strip()]
    return _single(cell, leaf)


def _single(cell: str, leaf: GraphQLInputType) -> Any:
    named = get_named_type(leaf)
    if named is GraphQLBoolean:
        return _TRUTHS.get(cell.strip().lower(), cell)
    try:
        if named is GraphQLInt:
            return int(cell)
        if named is GraphQLFloat:
            return float(cell)
    except ValueError:
        return cell
    return cell


def _put(given: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    *outer, last = parts
    for part in outer:
        given = given.setdefault(part, {})
    given[last] = value


def coerced(given: dict[str, Any], input_type: GraphQLInputObjectType) -> dict[str, Any]:
    """The row as the mutation's argument is after GraphQL has looked at it. Raises Invalid."""

    def refuse(error: GraphQLError, path: list[str | int]) -> None:
        raise Invalid(".".join(map(str, path)) or "row", error.message)

    try:
        found = coerce_input_value(given, input_type)
        if found is Undefined:
            validate_input_value(given, input_type, refuse, hide_suggestions=True)
    except RecursionError:
        raise Invalid("row", "is nested too deeply") from None
    coerced: dict[str, Any] = found
    return coerced
