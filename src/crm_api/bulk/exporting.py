"""A query that lists, made so that its pages can be read one after another to the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    parse,
    parse_type,
    print_ast,
)
from graphql.language import (
    ArgumentNode,
    IntValueNode,
    NameNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
)
from strawberry.schema.schema import Schema

from crm_api.graphql.documents import first_fault
from crm_api.graphql.limits import TOKENS_MAX
from crm_core import Invalid
from crm_projections.reading import PAGE_MAX

__all__ = ["ListQuery", "list_query"]

_AFTER, _LIST, _PAGE = "bulkAfter", "bulkList", "bulkPage"
_PAGING = ("first", "after", "last", "before")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`text` is the document with the paging in it."""

    text: str

    def variables(self, given: dict[str, Any], cursor: str | None) -> dict[str, Any]:
        return {**given, _AFTER: cursor}

    def nodes(self, data: dict[str, Any]) -> list[Any]:
        """The records of a page."""
        page = data[_LIST]
        nodes: list[Any] = (
            page["nodes"] if "nodes" in page else [edge["node"] for edge in page["edges"]]
        )
        return nodes

    def next_cursor(self, data: dict[str, Any]) -> str | None:
        """Where the next page begins; None after the last."""
        info = data[_LIST][_PAGE]
        cursor: str | None = info["endCursor"] if info["hasNextPage"] else None
        return cursor


def list_query(text: str, schema: Schema) -> ListQuery:
    """Raises Invalid `query` where the document is not a query of one list."""
    try:
        document = parse(text, max_tokens=TOKENS_MAX, no_location=True)
    except (GraphQLError, RecursionError):
        raise Invalid("query", "is no GraphQL document") from None
    operation = _only_query(document)
    listed, field = _only_list(operation, schema)
    _require_items(listed)
    paged = FieldNode(
        name=listed.name,
        alias=NameNode(value=_LIST),
        arguments=(
            *(listed.arguments or ()),
            ArgumentNode(name=NameNode(value="first"), value=IntValueNode(value=str(PAGE_MAX))),
            ArgumentNode(name=NameNode(value="after"), value=_variable()),
        ),
        directives=listed.directives,
        selection_set=_and_page_info(listed.selection_set),
    )
    cursor = VariableDefinitionNode(
        variable=_variable(), type=parse_type(str(field.args["after"].type)), directives=()
    )
    all_pages = replace(
        operation,
        selection_set=SelectionSetNode(selections=(paged,)),
        variable_definitions=(*(operation.variable_definitions or ()), cursor),
    )
    rest = [part for part in document.definitions if part is not operation]
    made = print_ast(DocumentNode(definitions=(all_pages, *rest)))
    fault = first_fault(made, schema)
    if fault is not None:
        raise Invalid("query", f"is not valid: {fault}")
    return ListQuery(made)


def _only_query(document: DocumentNode) -> OperationDefinitionNode:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise Invalid("query", "is one query, and nothing else")
    return operations[0]


def _only_list(
    operation: OperationDefinitionNode, schema: Schema
) -> tuple[FieldNode, GraphQLField]:
    selections = operation.selection_set.selections
    found = selections[0] if len(selections) == 1 else None
    query = schema._schema.query_type
    assert query is not None
    field = query.fields.get(found.name.value) if isinstance(found, FieldNode) else None
    if not isinstance(found, FieldNode) or field is None or not set(_PAGING) <= set(field.args):
        raise Invalid("query", "has one field at its root, and that is a list, such as `customers`")
    paging = [a.name.value for a in found.arguments or () if a.name.value in _PAGING]
    if paging:
        raise Invalid("query", f"is exported to its end: leave out `{paging[0]}`")
    return found, field


def _require_items(listed: FieldNode) -> None:
    """Raises Invalid unless the list's items are asked for, by one of the two ways."""
    inside: tuple[SelectionNode, ...] = (
        () if listed.selection_set is None else tuple(listed.selection_set.selections)
    )
    items = [s for s in inside if isinstance(s, FieldNode) and s.name.value in ("nodes", "edges")]
    if len(items) != 1 or items[0].alias is not None:
        raise Invalid("query", "asks the list for `nodes { … }` or for `edges { node { … } }`")
    if items[0].name.value == "nodes" or items[0].selection_set is None:
        return
    if not any(
        isinstance(s, FieldNode) and s.name.value == "node" and s.alias is None
        for s in items[0].selection_set.selections
    ):
        raise Invalid("query", "asks the list for `nodes { … }` or for `edges { node { … } }`")


def _and_page_info(asked: SelectionSetNode | None) -> SelectionSetNode:
    (info,) = parse(f"{{ {_PAGE}: pageInfo {{ hasNextPage endCursor }} }}").definitions
    assert isinstance(info, OperationDefinitionNode)
    inside = () if asked is None else tuple(asked.selections)
    return SelectionSetNode(selections=(*inside, *info.selection_set.selections))


def _variable() -> VariableNode:
    return VariableNode(name=NameNode(value=_AFTER))
