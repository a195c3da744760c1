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
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)

from crm_api.graphql.errors import ErrorCode
from crm_projections.reading import PAGE_MAX

__all__ = ["ALIASES_MAX", "DEPTH_MAX", "NODES_MAX", "TOKENS_MAX", "SizeRule", "too_large"]

DEPTH_MAX = 15
ALIASES_MAX = 50
TOKENS_MAX = 2_000
NODES_MAX = 50_000  # items in nested pages, if every page were full


@dataclass(frozen=True, slots=True)
class Size:
    """How deep, how many aliases, and how many nodes at most."""

    depth: int = 0
    aliases: int = 0
    nodes: int = 0


class SizeRule(ValidationRule):
    """Refuses operations that are too deep, too broad or ask for too many nodes."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        measured = _Measured(context.document)
        for definition in context.document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                self._check(definition, measured.of(definition.selection_set))

    def _check(self, operation: OperationDefinitionNode, size: Size) -> None:
        for words, found, limit in (
            ("levels deep", size.depth, DEPTH_MAX),
            ("aliases", size.aliases, ALIASES_MAX),
            ("nodes at most", size.nodes, NODES_MAX),
        ):
            if found > limit:
                self.report_error(
                    too_large(f"The operation has {found} {words}; {limit} are allowed.", operation)
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
        depth = aliases = nodes = 0
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
        return Size(depth, aliases, nodes)

    def _of_field(self, field: FieldNode) -> Size:
        inner = self.of(field.selection_set)
        page = _page_size(field)
        return Size(
            inner.depth + 1,
            inner.aliases + (field.alias is not None),
            page * max(inner.nodes, 1) if page else inner.nodes,
        )

    def _of_fragment(self, name: str) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size()  # a cycle, which another rule refuses, measures nothing
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._sizes[name] = self.of(fragment.selection_set)
        return self._sizes[name]


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
