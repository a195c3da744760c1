"""Names and types of the schema as Python writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from keyword import iskeyword
from typing import Any, TypeVar

from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    is_required_argument,
    is_required_input_field,
)
from strawberry.utils.str_converters import to_camel_case

__all__ = [
    "docstring", "input_name", "is_link", "member_name", "note", "parameters", "python", "renamed",
    "root_name", "snake",
]  # fmt: skip

T = TypeVar("T", bound=GraphQLNamedType)

_SCALARS = {
    "String": "str", "ID": "str", "Int": "int", "Float": "float", "Boolean": "bool", "JSON": "Any",
    "Position": "int", "CurrencyCode": "str", "UserErrorCode": "str", "Decimal": "Decimal",
    "DateTime": "datetime", "Date": "date", "UUID": "UUID",
}  # fmt: skip


def snake(name: str) -> str:
    """`externalIds` as `external_ids`; `from`, which Python needs itself, as `from_`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{words}_" if iskeyword(words) else words


# --- types ----------------------------------------------------------------------------------------


def is_link(of: GraphQLNamedType) -> bool:
    """Whether it is a record of its own, not a part of what names it."""
    if isinstance(of, GraphQLInterfaceType):
        return True
    return isinstance(of, GraphQLObjectType) and "Record" in {one.name for one in of.interfaces}


def root_name(of: GraphQLNamedType) -> str:
    """What it is called where it is asked for itself."""
    return _SCALARS.get(of.name, of.name)


def member_name(of: GraphQLNamedType) -> str:
    """What it is called as a value of something else."""
    return "Link" if is_link(of) else root_name(of)


def input_name(of: GraphQLNamedType) -> str:
    return "Id" if of.name == "ID" else root_name(of)


def python(of: Any, name: Callable[[Any], str]) -> str:
    """The annotation for a type of GraphQL, its named type called by `name`."""
    if isinstance(of, GraphQLNonNull):
        return python(of.of_type, name).removesuffix(" | None")
    if isinstance(of, GraphQLList):
        return f"list[{python(of.of_type, name)}] | None"
    return f"{name(of)} | None"


# --- members and parameters -----------------------------------------------------------------------


def renamed(name: str) -> str:
    """What msgspec has to be told where a name does not follow from the Python one."""
    return "" if to_camel_case(snake(name)) == name else f'msgspec.field(name="{name}")'


def parameters(given: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Name, annotation and default of what is given, required ones first; None is not given."""
    optional = []
    for name, of in given.items():
        annotation = python(of.type, input_name)
        if is_required_argument(of) or is_required_input_field(of):
            yield name, annotation, ""
        elif isinstance(of.default_value, bool):
            optional.append((name, annotation, str(of.default_value)))
        else:
            assert of.default_value is Undefined or of.default_value is not None
            optional.append((name, f"{annotation.removesuffix(' | None')} | None", "None"))
    yield from optional


# --- texts ----------------------------------------------------------------------------------------


def docstring(text: str) -> str:
    """A literal of the text. What ends with a quote must not end the literal."""
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}{" " if escaped.endswith(chr(34)) else ""}"""'


def note(text: str | None) -> list[str]:
    return [] if text is None else [f"    {docstring(text)}"]
