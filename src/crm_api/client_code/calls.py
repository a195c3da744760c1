"""Which methods a client has, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from crm_api.client_code.types import nodes_of
from crm_api.client_code.words import docstring, parameters, python, root_name, snake

__all__ = ["Call", "calls_of"]

_PAGING = {"first", "after", "last", "before"}
_OF_EVERY_PAYLOAD = {"userErrors", "receipt", "plannedEvents"}


@dataclass(frozen=True, slots=True)
class Call:
    """A method: `kind` is the class of what it sends, `made` the arguments of that, `answer` what
    is read from the answer, and `root` the type that it selects.
    """

    name: str
    kind: str
    made: str
    answer: str
    root: GraphQLObjectType | None
    arguments: dict[str, Any]
    description: str
    is_of_record: bool = False

    def constant(self) -> str:
        return f"{self.name.upper()}: {self.kind}[{self.answer}] = {self.kind}({self.made})"

    def method(self, *, is_async: bool) -> str:
        wait, kept = ("await ", "Async") if is_async else ("", "Sync")
        iterator = "AsyncIterator" if is_async else "Iterator"
        returned, sent = {
            "Read": (self.answer, f"{wait}self._read"),
            "Command": (f"Done[{self.answer}]", f"{wait}self._execute"),
            "Listing": (f"{kept.removeprefix('Async')}Pages[{self.answer}]", "self._pages"),
            "Follow": (f"{iterator}[{self.answer}]", "self._follow"),
        }[self.kind]
        keywords = [
            f"{snake(name)}: {annotation}{' = ' if default else ''}{default}"
            for name, annotation, default in parameters(self.arguments)
        ]
        given = [f'"{name}": {snake(name)}' for name in self.arguments]
        taken = ["self", *(["*"] if keywords else []), *keywords]
        if self.is_of_record:
            taken.insert(1, "id: Id")
            given.insert(0, '"id": id')
        return (
            f"    {'async ' if 'await' in sent else ''}def {self.name}({', '.join(taken)})"
            f" -> {returned}:\n        {docstring(self.description)}\n"
            f"        return {sent}(operations.{self.name.upper()}, {{{', '.join(given)}}})\n"
        )


def calls_of(schema: GraphQLSchema) -> list[Call]:
    """Every query, list, command and subscription, in the order of the schema."""
    query, mutation, subscription = (
        schema.query_type, schema.mutation_type, schema.subscription_type,
    )  # fmt: skip
    assert query is not None
    assert mutation is not None
    assert subscription is not None
    return [
        *(_query(name, field) for name, field in query.fields.items() if _is_of_one_type(field)),
        *_lists_of_records(schema),
        *(_command(name, field) for name, field in mutation.fields.items()),
        *(_follow(name, field) for name, field in subscription.fields.items()),
    ]


def _is_of_one_type(field: GraphQLField) -> bool:
    return isinstance(get_named_type(field.type), GraphQLObjectType)  # `get` is for the others


def _query(name: str, field: GraphQLField, owner: str = "") -> Call:
    nodes = nodes_of(field)
    root = cast("GraphQLObjectType", nodes or get_named_type(field.type))
    arguments = {key: of for key, of in field.args.items() if nodes is None or key not in _PAGING}
    answer = root.name if nodes is not None else python(field.type, root_name)
    made = f'"{name}", {_typed(arguments)}, {root.name}.FIELDS, {answer}'
    return Call(
        name=f"{snake(owner)}_{snake(name)}" if owner else snake(name),
        kind="Read" if nodes is None else "Listing",
        made=f'{made}, "{owner}"' if owner else made,
        answer=answer,
        root=root,
        arguments=arguments,
        description=field.description or "",
        is_of_record=bool(owner),
    )


def _lists_of_records(schema: GraphQLSchema) -> Iterator[Call]:
    """`customer_tickets`; what all records have is there once, such as `record_history`."""
    for owner in schema.type_map.values():
        if not isinstance(owner, GraphQLObjectType | GraphQLInterfaceType):
            continue
        shared = {name for parent in owner.interfaces for name in parent.fields}
        if "Node" in {parent.name for parent in owner.interfaces}:
            for name, field in owner.fields.items():
                if name not in shared and nodes_of(field) is not None:
                    yield _query(name, field, owner.name)


def _command(name: str, field: GraphQLField) -> Call:
    payload = cast("GraphQLObjectType", get_named_type(field.type))
    given = cast("GraphQLInputObjectType", get_named_type(field.args["input"].type))
    own = [member for member in payload.fields if member not in _OF_EVERY_PAYLOAD]
    assert len(own) < 2, f"{payload.name} has more than a record"
    record = own[0] if own else ""
    root = None
    if record:
        root = cast("GraphQLObjectType", get_named_type(payload.fields[record].type))
    answer = root.name if root else "None"
    selection = f"{answer}.FIELDS" if root else '""'
    return Call(
        name=snake(name),
        kind="Command",
        made=f'"{name}", "{given.name}!", "{record}", {selection}, Done[{answer}]',
        answer=answer,
        root=root,
        arguments=dict(given.fields),
        description=field.description or "",
    )


def _follow(name: str, field: GraphQLField) -> Call:
    root = cast("GraphQLObjectType", get_named_type(field.type))
    return Call(
        name=f"follow_{snake(name)}",
        kind="Follow",
        made=f'"{name}", {_typed(field.args)}, {root.name}.FIELDS, {root.name}',
        answer=root.name,
        root=root,
        arguments=dict(field.args),
        description=field.description or "",
    )


def _typed(arguments: dict[str, Any]) -> str:
    return "{" + ", ".join(f'"{name}": "{of.type}"' for name, of in arguments.items()) + "}"
