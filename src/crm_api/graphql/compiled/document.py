"""A query as it is compiled: its operation, and which of its variables can be told late."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import strawberry
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails

from crm_api.graphql.documents import valid_document
from crm_api.graphql.ids import parsed

__all__ = ["KnownDocuments", "QueryDocument", "Variables", "query_document"]

_KNOWN_MAX = 1_024
_LENGTH_MAX = 20_000  # of a text that is taken apart here

_POSITION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Variables:
    """`pattern` is all that a plan depends on; values of the `late` ones come with each request.

    A late variable is an id, a part of a unique key, or a position. All others are compiled in,
    with their values.
    """

    pattern: tuple[Any, ...]
    late: frozenset[str]


@dataclass(frozen=True, eq=False)
class QueryDocument:
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    ids: frozenset[str]
    keys: frozenset[str]
    positions: frozenset[str]

    def variables(self, given: dict[str, Any]) -> Variables:
        """What is given for the operation's variables."""
        pattern: list[Any] = []
        late = []
        for definition in self.operation.variable_definitions or ():
            name = definition.variable.name.value
            value = given.get(name, msgspec.UNSET)
            if name in self.ids and isinstance(value, str) and value:
                found = parsed(value)
                pattern.append((found.type_name if found else "",))
                late.append(name)
            elif name in self.keys and isinstance(value, str):
                pattern.append(("Key",))
                late.append(name)
            elif name in self.positions and _is_position(value):
                pattern.append(("Position",))
                late.append(name)
            else:
                pattern.append(None if value is msgspec.UNSET else msgspec.json.encode(value))
        return Variables(tuple(pattern), frozenset(late))


def query_document(
    document: DocumentNode,
    operation_name: str | None,
    kind: OperationType = OperationType.QUERY,
) -> QueryDocument | None:
    """The operation of this name in a valid document; None where it is of another kind."""
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not kind:
        return None
    fragments = {
        definition.name.value: FragmentDetails(definition)
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    uses = _Uses()
    visit(document, uses)
    ids, keys, positions = map(uses.only, (uses.ids, uses.keys, uses.positions))
    return QueryDocument(operation, fragments, ids, keys, positions)


class KnownDocuments:
    """The operations of one kind, each text taken apart once."""

    def __init__(self, schema: strawberry.Schema, kind: OperationType) -> None:
        self._schema = schema
        self._kind = kind
        self._known: LRUCache[tuple[str, str | None], QueryDocument | None] = LRUCache(_KNOWN_MAX)

    def find(self, text: str | None, operation_name: str | None) -> QueryDocument | None:
        """None for what is faulty, very long, or of another kind."""
        if text is None or len(text) > _LENGTH_MAX:
            return None
        key = (text, operation_name)
        if key not in self._known:
            valid = valid_document(text, self._schema)
            self._known[key] = (
                None if valid is None else query_document(valid, operation_name, self._kind)
            )
        return self._known[key]


def _is_position(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\d{1,18}", value, re.ASCII) is not None
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _POSITION_MAX


class _Uses(Visitor):
    """Where variables stand: as ids, in unique keys, as positions to wait for, or elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.all: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.positions: Counter[str] = Counter()

    def only(self, of: Counter[str]) -> frozenset[str]:
        """The variables that stand nowhere else."""
        return frozenset(name for name, times in of.items() if times == self.all[name])

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.all[node.name.value] += 1

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self.all[node.variable.name.value] -= 1  # it is no use

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        for argument in node.arguments or ():
            name = argument.name.value
            if name == "minPosition":
                self.positions.update(_named(argument.value))
            elif name == "id":
                self.ids.update(_named(argument.value))
            elif name == "by" and isinstance(argument.value, ObjectValueNode):
                for field in argument.value.fields:
                    names = self.ids if field.name.value == "id" else self.keys
                    names.update(_named(field.value))


def _named(value: Node) -> Iterator[str]:
    """The variable, or those in the members of an object."""
    if isinstance(value, VariableNode):
        yield value.name.value
    if isinstance(value, ObjectValueNode):
        for field in value.fields:
            yield from _named(field.value)
