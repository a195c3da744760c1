"""Random queries over the schema: any fields, in any nesting, under any names."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)

from crm_api.graphql.ids import global_id, parsed, uuid_of
from crm_api.schema import schema

from .random_company import PLAIN, ROWS, Company

__all__ = ["COMPILED", "Asked", "Manner", "query"]

ROOTS = (
    "customer", "customers", "opportunity", "opportunities", "ticket", "tickets", "product",
    "products", "pipeline", "pipelines", "task", "tasks", "node", "salesPipelineReport",
    "salesForecastReport", "ticketBacklogReport",
)  # fmt: skip
TYPES = {"customer": "Customer", "opportunity": "Opportunity", "ticket": "Ticket",
         "product": "Product", "pipeline": "Pipeline", "task": "Task"}  # fmt: skip
# Read from the ledger, which no statement does; asked for less often.
FOLDED = {"history", "timeline", "interactions", "owner", "assignee", "lines", "stage"}


@dataclass(frozen=True)
class Manner:
    """What is asked for: these roots, the folded fields and the past now and then, and whose ids
    and words. `known` are ids beside those of the rows, by type.
    """

    roots: Sequence[str] = ROOTS
    folded: float = 0.2
    past: float = 0
    company: Company = PLAIN
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)


COMPILED = Manner()


@dataclass
class Asked:
    text: str
    variables: dict[str, Any]


@dataclass
class _Writing:
    chance: random.Random
    cursors: list[str]
    manner: Manner
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0


def query(chance: random.Random, cursors: list[str], manner: Manner = COMPILED) -> Asked:
    """A query; `cursors` are some that earlier answers gave."""
    writing = _Writing(chance, cursors, manner)
    root: Any = schema._schema.query_type
    fields = [
        _field(writing, root, name, 4)
        for name in chance.choices(manner.roots, k=chance.choice([1, 1, 2]))
    ]
    if chance.random() < 0.1:
        fields.append("__typename")
    declared = f"query ({', '.join(writing.declared)})" if writing.declared else "query"
    return Asked(
        " ".join([f"{declared} {{ {' '.join(fields)} }}", *writing.fragments]),
        json.loads(json.dumps(writing.variables)),
    )


def _selection(writing: _Writing, of: Any, depth: int) -> str:
    chance = writing.chance
    names = [
        name for name in of.fields if name not in FOLDED or chance.random() < writing.manner.folded
    ]
    leaves = [name for name in names if _is_leaf(of.fields[name])]
    inner = [name for name in names if name not in leaves]
    chosen = chance.sample(leaves, min(len(leaves), chance.randrange(1, 6))) if leaves else []
    if depth:
        chosen += chance.sample(inner, min(len(inner), chance.choice([0, 1, 1, 2])))
    if not chosen or chance.random() < 0.1:
        chosen.append("__typename")
    chance.shuffle(chosen)
    parts = [_field(writing, of, name, depth - 1) for name in chosen]
    if chance.random() < 0.15:
        parts.append(_fragment(writing, of, depth - 1))
    return "{ " + " ".join(parts) + " }"


def _fragment(writing: _Writing, of: Any, depth: int) -> str:
    on = of.name
    if isinstance(of, GraphQLObjectType) and of.interfaces and writing.chance.random() < 0.3:
        on = writing.chance.choice([face.name for face in of.interfaces])
    fields = _selection(writing, schema._schema.type_map[on], max(depth, 0))
    if writing.chance.random() < 0.5:
        return f"... on {on} {fields}"
    name = f"f{len(writing.fragments)}"
    writing.fragments.append(f"fragment {name} on {on} {fields}")
    return f"...{name}"


def _field(writing: _Writing, of: Any, name: str, depth: int) -> str:
    chance = writing.chance
    if name == "__typename":
        return name
    definition: GraphQLField = of.fields[name]
    # Always under a name of its own, so that no two fields of an object are in conflict.
    writing.aliases += 1
    text = f"{name}{writing.aliases}: {name}" if writing.aliases < 45 else name
    arguments = _arguments(writing, name, definition)
    if arguments:
        text += f"({', '.join(arguments)})"
    if chance.random() < 0.05:
        text += f" @{chance.choice(['include', 'skip'])}(if: {_boolean(writing)})"
    inner: Any = get_named_type(definition.type)
    if _is_leaf(definition):
        return text
    if isinstance(inner, GraphQLInterfaceType):
        of_kind = schema._schema.type_map[chance.choice(_types(writing))]
        fields = f"{{ id ... on {of_kind.name} {_selection(writing, of_kind, depth)} }}"
        return f"{text} {fields}"
    return f"{text} {_selection(writing, inner, depth)}"


def _boolean(writing: _Writing) -> str:
    value = writing.chance.random() < 0.5
    if writing.chance.random() < 0.5:
        return _variable(writing, "Boolean!", value)
    return json.dumps(value)


def _variable(writing: _Writing, of: str, value: Any) -> str:
    name = f"v{len(writing.declared)}"
    writing.declared.append(f"${name}: {of}")
    writing.variables[name] = value
    return f"${name}"


def _is_leaf(definition: GraphQLField) -> bool:
    return not hasattr(get_named_type(definition.type), "fields")


# --- arguments ------------------------------------------------------------------------------------


def _arguments(writing: _Writing, name: str, definition: GraphQLField) -> list[str]:
    chance = writing.chance
    given: list[str] = []
    for argument, of in definition.args.items():
        match argument:
            case "first" | "last":
                continue
            case "id" | "by":
                given.append(f"{argument}: {_identity(writing, name, argument, of)}")
            case "after" | "before" if writing.cursors and chance.random() < 0.06:
                cursor = chance.choice(writing.cursors)
                given.append(f"{argument}: {_literal_or_variable(writing, 'String', cursor)}")
            case "where" | "orderBy" if chance.random() < 0.5:
                given.append(f"{argument}: {_input(writing, of.type, chance.random() < 0.4)}")
            case "minPosition" if chance.random() < 0.05:
                given.append(f"minPosition: {_literal_or_variable(writing, 'Position', 0)}")
            case "asOf" if chance.random() < writing.manner.past:
                given.append(f"asOf: {_input(writing, of.type, chance.random() < 0.4)}")
            case "timeZone":
                zone = chance.choice(["UTC", "UTC", "Europe/Rome", "Pacific/Auckland", "nowhere"])
                given.append(f"timeZone: {_literal_or_variable(writing, 'String!', zone)}")
            case "effectiveAt" if chance.random() < 0.01:
                given.append('effectiveAt: "2025-01-01T00:00:00Z"')
            case _ if isinstance(of.type, GraphQLNonNull):
                given.append(f"{argument}: {_input(writing, of.type, chance.random() < 0.4)}")
            case "search" if chance.random() < 0.5:
                word = chance.choice(writing.manner.company.texts)
                given.append(f"search: {_literal_or_variable(writing, 'String', word)}")
            case _:
                continue
    if "first" in definition.args:
        size = chance.choice([0, 1, 2, 3, 5, 10])
        if chance.random() < 0.01:
            size = 101
        end = chance.choice(["first", "first", "last"])
        given.append(f"{end}: {_literal_or_variable(writing, 'Int', size)}")
    return given


def _literal_or_variable(writing: _Writing, of: str, value: Any) -> str:
    if writing.chance.random() < 0.5:
        return _variable(writing, of, value)
    return json.dumps(value, ensure_ascii=False)


def _types(writing: _Writing) -> list[str]:
    return [*TYPES.values(), *writing.manner.known]


def _identity(writing: _Writing, root: str, argument: str, of: Any) -> str:
    chance = writing.chance
    of_root = TYPES.get(root, root[:1].upper() + root[1:])
    types = _types(writing)
    type_name = of_root if of_root in types and chance.random() < 0.95 else chance.choice(types)
    text = _known_id(writing, type_name)
    if chance.random() < 0.1:
        record = text if (found := parsed(text)) is None else found.key
        text = chance.choice([record, "nonsense", "", global_id("EventRecord", 1)])
    written = _literal_or_variable(writing, "ID!", text)
    return written if argument == "id" else f"{{id: {written}}}"


def _known_id(writing: _Writing, type_name: str) -> str:
    chance, manner = writing.chance, writing.manner
    tables = [table for table in ROWS if TYPES[table.name] == type_name]
    listed = manner.known.get(type_name, ())
    if tables and not (listed and chance.random() < 0.5):
        number = chance.randrange(ROWS[tables[0]] + 2)
        return global_id(type_name, manner.company.key(tables[0], number))
    return chance.choice(listed)


def _input(writing: _Writing, of: Any, as_variable: bool) -> str:
    value = _value(writing, of, 2)
    if as_variable:
        return _variable(writing, str(of), value)
    return _literal(value)


class _Word(str):
    """An enumeration's value: a string in variables, a word in literals."""


def _literal(value: Any) -> str:
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{name}: {_literal(inner)}" for name, inner in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case _Word():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _value(writing: _Writing, of: Any, depth: int) -> Any:
    chance = writing.chance
    if isinstance(of, GraphQLNonNull):
        return _value(writing, of.of_type, depth)
    if isinstance(of, GraphQLList):
        return [_value(writing, of.of_type, depth) for _ in range(chance.choice([0, 1, 1, 2]))]
    if isinstance(of, GraphQLEnumType):
        return _Word(chance.choice(list(of.values)))
    if isinstance(of, GraphQLInputObjectType):
        names = [name for name in of.fields if depth or name not in ("and", "or", "not")]
        required = [n for n, f in of.fields.items() if isinstance(f.type, GraphQLNonNull)]
        count = 1 if of.is_one_of else min(len(names), chance.choice([0, 1, 1, 1, 2]))
        chosen = dict.fromkeys([*required, *chance.sample(names, count)])
        return {name: _value(writing, of.fields[name].type, depth - 1) for name in chosen}
    assert isinstance(of, GraphQLScalarType)
    if of.name == "String":
        return chance.choice([*writing.manner.company.texts, "EUR", "a\0"])
    if of.name == "ID":
        text = _known_id(writing, chance.choice(_types(writing)))
        return chance.choice([text, str(uuid_of(text) or text)])
    return chance.choice(_SCALARS[of.name])


_SCALARS: dict[str, Sequence[Any]] = {
    "Int": [0, 1, 7, -5],
    "Position": [0, 1, 20, 10**6],
    "Boolean": [True, False],
    "Decimal": ["0", "1.5", "-3", "100000"],
    "Date": ["2025-01-05", "2025-01-20"],
    "DateTime": ["2025-01-01T10:00:00Z", "2025-01-02T03:00:00.5+01:00", "2030-01-01T00:00:00Z"],
}
