"""Writes the classes of what is answered and of what is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from crm_api.client_code.words import (
    docstring,
    is_link,
    member_name,
    note,
    parameters,
    python,
    renamed,
    snake,
)

__all__ = [
    "answer_classes", "enum_classes", "enums_of", "input_classes", "inputs_of", "nodes_of",
]  # fmt: skip

_RECURSION_MAX = 4  # how often a type is selected within itself


def nodes_of(field: GraphQLField) -> Any | None:
    """The type of the items, where the field is a connection."""
    named = get_named_type(field.type)
    if isinstance(named, GraphQLObjectType) and named.name.endswith("Connection"):
        return get_named_type(named.fields["nodes"].type)
    return None


# --- what is answered -----------------------------------------------------------------------------


def answer_classes(roots: Iterable[GraphQLObjectType]) -> dict[str, str]:
    """By name, a class for each type that methods answer with, and for what is embedded in them."""
    unasked: set[tuple[str, str]] = set()
    selections = {of.name: _selection(of, Counter(), unasked) for of in roots}
    return {of.name: _class(of, selections.get(of.name), unasked) for of in _reached(roots)}


def enums_of(roots: Iterable[GraphQLObjectType]) -> Iterator[GraphQLEnumType]:
    for owner in _reached(roots):
        yield from _enums(field.type for _, field in _members(owner))


def _reached(roots: Iterable[GraphQLObjectType]) -> list[GraphQLObjectType]:
    known: dict[str, GraphQLObjectType] = {}
    waiting = list(roots)
    while waiting:
        owner = waiting.pop()
        if owner.name in known:
            continue
        known[owner.name] = owner
        inner = [get_named_type(field.type) for _, field in _members(owner)]
        waiting += [of for of in inner if isinstance(of, GraphQLObjectType) and not is_link(of)]
    return [known[name] for name in sorted(known)]


def _members(owner: GraphQLObjectType) -> Iterator[tuple[str, GraphQLField]]:
    """The fields that the class of a type has: those that need no arguments."""
    for name, field in owner.fields.items():
        if not field.args and nodes_of(field) is None:
            yield name, field


def _selection(owner: GraphQLObjectType, above: Counter[str], unasked: set[tuple[str, str]]) -> str:
    within = above + Counter([owner.name])
    parts = []
    for name, field in _members(owner):
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(name)
        elif is_link(named):
            parts.append(f"{name} {{ __typename id }}")
        elif within[named.name] >= _RECURSION_MAX:
            unasked.add((owner.name, name))
        else:
            inner = _selection(cast("GraphQLObjectType", named), within, unasked)
            parts.append(f"{name} {{ {inner} }}")
    return " ".join(parts)


def _class(of: GraphQLObjectType, selection: str | None, unasked: set[tuple[str, str]]) -> str:
    lines = [f"class {of.name}(msgspec.Struct, frozen=True, kw_only=True, rename='camel'):"]
    lines.append(f"    {docstring(of.description or f'{of.name}.')}")
    for name, field in _members(of):
        annotation = python(field.type, member_name)
        if (of.name, name) in unasked:
            lines.append(f"    {snake(name)}: {annotation} | msgspec.UnsetType = msgspec.UNSET")
        else:
            told = renamed(name)
            lines.append(f"    {snake(name)}: {annotation}{' = ' if told else ''}{told}")
        lines += note(field.description)
    if selection is not None:
        lines.append(f"    FIELDS: ClassVar[str] = {selection!r}")
    return "\n".join(lines) + "\n"


# --- enumerations ---------------------------------------------------------------------------------


def enum_classes(enums: Iterable[GraphQLEnumType]) -> dict[str, str]:
    known = {of.name: of for of in enums}
    return {name: _enum(known[name]) for name in sorted(known)}


def _enum(of: GraphQLEnumType) -> str:
    lines = [f"class {of.name}(OpenEnum):", f"    {docstring(of.description or f'{of.name}.')}"]
    for name, value in of.values.items():
        lines.append(f'    {name} = "{name}"')
        lines += note(value.description)
    return "\n".join(lines) + "\n"


def _enums(types: Iterable[Any]) -> Iterator[GraphQLEnumType]:
    for of in types:
        named = get_named_type(of)
        if isinstance(named, GraphQLEnumType):
            yield named


# --- what is given --------------------------------------------------------------------------------


def inputs_of(
    arguments: Iterable[Any],
) -> tuple[list[GraphQLInputObjectType], list[GraphQLEnumType]]:
    """The input types that are needed for these arguments, and the enumerations."""
    known: dict[str, GraphQLInputObjectType] = {}
    waiting: list[Any] = [argument.type for argument in arguments]
    enums: list[GraphQLEnumType] = []
    while waiting:
        named: GraphQLNamedType = get_named_type(waiting.pop())
        if isinstance(named, GraphQLEnumType):
            enums.append(named)
        elif isinstance(named, GraphQLInputObjectType) and named.name not in known:
            known[named.name] = named
            waiting += [field.type for field in named.fields.values()]
    return [known[name] for name in sorted(known)], enums


def input_classes(inputs: Iterable[GraphQLInputObjectType]) -> dict[str, str]:
    return {of.name: _input(of) for of in inputs}


def _input(of: GraphQLInputObjectType) -> str:
    lines = [
        f"class {of.name}(msgspec.Struct, frozen=True, kw_only=True, rename='camel',"
        " omit_defaults=True):",
        f"    {docstring(of.description or f'{of.name}.')}",
    ]
    for name, annotation, default in parameters(dict(of.fields)):
        told = f'msgspec.field(name="{name}", default={default})' if renamed(name) else default
        lines.append(f"    {snake(name)}: {annotation}{' = ' if told else ''}{told}")
        lines += note(of.fields[name].description)
    return "\n".join(lines) + "\n"
