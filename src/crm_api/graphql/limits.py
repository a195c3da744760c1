"""How much one document may ask for. Each fragment is measured once, however often it is spread."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

from crm_api.graphql.errors import ErrorCode
from crm_projections.reading import PAGE_MAX

__all__ = [
    "ALIASES_MAX", "DEPTH_MAX", "NODES_MAX", "TOKENS_MAX", "VALUE_DEPTH_MAX", "excesses",
    "too_large",
]  # fmt: skip

DEPTH_MAX = 15
ALIASES_MAX = 50
TOKENS_MAX = 2_000
VALUE_DEPTH_MAX = 64  # of objects and lists in an argument or in a variable
NODES_MAX = 50_000  # items in nested pages, if every page were full


@dataclass(frozen=True, slots=True)
class Size:
    """How deep, how many aliases, how many nodes at most, and how deep the deepest argument."""

    depth: int = 0
    aliases: int = 0
    nodes: int = 0
    value_depth: int = 0


def excesses(document: DocumentNode) -> list[GraphQLError]:
    """What is too large about the document; looked at before anything else is done with it."""
    measured = _Measured(document)
    return [
        too_large(f"The operation has {found} {words}; {limit} are allowed.", definition)
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        for words, found, limit in _limits(measured.of(definition.selection_set))
        if found > limit
    ]


def _limits(size: Size) -> tuple[tuple[str, int, int], ...]:
    return (
        ("levels", size.depth, DEPTH_MAX),
        ("aliases", size.aliases, ALIASES_MAX),
        ("nodes at most", size.nodes, NODES_MAX),
        ("levels in an argument", size.value_depth, VALUE_DEPTH_MAX),
    )


def too_large(message: str, node: OperationDefinitionNode | None = None) -> GraphQLError:
    return GraphQLError(message, node, extensions={"code": ErrorCode.QUERY_TOO_LARGE.value})


class _Measured:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, Size] = {}

    def of(self, selections: SelectionSetNode | None) -> Size:
        depth = aliases = nodes = value_depth = 0
        for selection in selections.selections if selections else ():
            match selection:
                case FieldNode():
                    size = self._of_field(selection)
                case FragmentSpreadNode():
                    size = self._of_fragment(selection.name.value)
                case _:
                    size = self.of(selection.selection_set)  # type: ignore[attr-defined]
            depth = max(depth, size.depth)
            aliases += size.aliases
            nodes += size.nodes
            value_depth = max(value_depth, size.value_depth)
        return Size(depth, aliases, nodes, value_depth)

    def _of_field(self, field: FieldNode) -> Size:
        inner = self.of(field.selection_set)
        page = _page_size(field)
        return Size(
            inner.depth + 1,
            inner.aliases + (field.alias is not None),
            page * max(inner.nodes, 1) if page else inner.nodes,
            max([inner.value_depth, *(_value_depth(a.value) for a in field.arguments or ())]),
        )

    def _of_fragment(self, name: str) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size()  # a cycle, which another rule refuses, measures nothing
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._sizes[name] = self.of(fragment.selection_set)
        return self._sizes[name]


def _value_depth(value: ValueNode) -> int:
    match value:
        case ObjectValueNode():
            return 1 + max((_value_depth(field.value) for field in value.fields), default=0)
        case ListValueNode():
            return 1 + max((_value_depth(item) for item in value.values), default=0)
        case _:
            return 0


def _page_size(field: FieldNode) -> int:
    """The items a page may have; a variable is taken as the largest page there is."""
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            if isinstance(value, IntValueNode):
                return min(int(value.value), PAGE_MAX) if len(value.value) < 10 else PAGE_MAX
            if not isinstance(value, NullValueNode):
                return PAGE_MAX
    return 0
