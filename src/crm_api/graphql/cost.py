"""What an operation costs, reckoned before it is run: a point for each object it may answer with.

Shopify's way (https://shopify.dev/docs/api/usage/rate-limits): a scalar costs nothing, an object 1,
a page as many times its item as it may have items, a mutation 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
)

from crm_projections.reading import PAGE_MAX

__all__ = ["asks_for_its_price", "cost_of"]

MUTATION = 10
LEAST = 1  # of any request
_SIZES = ("first", "last")
_ITEMS = ("edges", "nodes")


def cost_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
) -> int:
    """The points of the operation in a valid document, with these variables."""
    operation = get_operation_ast(document, operation_name)
    root = None if operation is None else schema.get_root_type(operation.operation)
    if operation is None or root is None:
        return LEAST
    reckoning = _Reckoning(schema, document, variables)
    cost = reckoning.of(operation.selection_set, root, 1)
    if operation.operation is OperationType.MUTATION:
        cost += (MUTATION - 1) * len(operation.selection_set.selections)
    return max(cost, LEAST)


def asks_for_its_price(
    document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any]
) -> list[FieldNode]:
    """The operation's fields `rateLimit(dryRun: true)`; where there is one, nothing else is run."""
    operation = get_operation_ast(document, operation_name)
    return [
        field
        for field in (operation.selection_set.selections if operation else ())
        if isinstance(field, FieldNode) and field.name.value == "rateLimit"
        for argument in field.arguments or ()
        if _is_true(argument.value, variables)
    ]


def _is_true(value: Any, variables: Mapping[str, Any]) -> bool:
    if isinstance(value, VariableNode):
        return variables.get(value.name.value) is True
    return isinstance(value, BooleanValueNode) and value.value


class _Reckoning:
    """Each fragment is reckoned once for a size of the page around it."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments: dict[str, FragmentDefinitionNode] = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, int], int] = {}

    def of(self, selections: SelectionSetNode, of: GraphQLNamedType, page: int) -> int:
        """The cost of what is selected of a type; its items come `page` times."""
        cost = 0
        for selection in selections.selections:
            match selection:
                case FieldNode():
                    cost += self._of_field(selection, of, page)
                case FragmentSpreadNode():
                    cost += self._of_fragment(selection.name.value, page)
                case _:
                    on = selection.type_condition  # type: ignore[attr-defined]
                    inner = self._schema.type_map[on.name.value] if on else of
                    cost += self.of(selection.selection_set, inner, page)  # type: ignore[attr-defined]
        return cost

    def _of_field(self, field: FieldNode, of: GraphQLNamedType, page: int) -> int:
        definition = getattr(of, "fields", {}).get(field.name.value)
        if definition is None or field.selection_set is None:
            return 0  # a scalar, `__typename`, or the schema, which is at hand
        inner = self.of(field.selection_set, get_named_type(definition.type), self._page(field))
        return (inner + 1) * (page if field.name.value in _ITEMS else 1)

    def _of_fragment(self, name: str, page: int) -> int:
        key = (name, page)
        if key not in self._known:
            fragment = self._fragments[name]
            on = self._schema.type_map[fragment.type_condition.name.value]
            self._known[key] = self.of(fragment.selection_set, on, page)
        return self._known[key]

    def _page(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value in _SIZES:
                value: Any = argument.value
                if isinstance(value, IntValueNode):
                    return min(int(value.value), PAGE_MAX)
                if isinstance(value, VariableNode):
                    given = self._variables.get(value.name.value)
                    return min(given, PAGE_MAX) if isinstance(given, int) else PAGE_MAX
        return 1
