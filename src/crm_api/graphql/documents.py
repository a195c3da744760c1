"""Reads each document once: the parsed and validated form of a text is kept for the next time.

Only short texts are kept, and not many, so a client cannot fill the memory with made-up ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLError, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from crm_api.graphql.limits import TOKENS_MAX, SizeRule

__all__ = ["Documents"]

_CACHED_MAX = 512
_CACHED_LENGTH_MAX = 20_000

_parsed: LRUCache[str, DocumentNode] = LRUCache(_CACHED_MAX)
_faults: LRUCache[tuple[int, str], list[GraphQLError]] = LRUCache(_CACHED_MAX)


class Documents(SchemaExtension):
    """Limits a document's tokens and its size; keeps what parsing and validation found."""

    def on_operation(self) -> Iterator[None]:
        context = self.execution_context
        context.parse_options["max_tokens"] = TOKENS_MAX
        context.validation_rules = (*context.validation_rules, SizeRule)
        yield

    def on_parse(self) -> Iterator[None]:
        text = self.execution_context.query
        if text is not None and self.execution_context.graphql_document is None:
            document = _parsed.get(text)
            if document is None:
                document = _parse(text)
            self.execution_context.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        text, schema = context.query, context.schema._schema
        if text is not None and context.graphql_document is not None:
            key = (id(schema), text)
            faults = _faults.get(key)
            if faults is None:
                faults = validate_document(
                    schema, context.graphql_document, context.validation_rules
                )
                if len(text) <= _CACHED_LENGTH_MAX:
                    _faults[key] = faults
            context.pre_execution_errors = faults
        yield


def _parse(text: str) -> DocumentNode | None:
    """The document, or None where it has a fault: the library then parses again and reports it."""
    try:
        document = parse(text, max_tokens=TOKENS_MAX)
    except GraphQLError:
        return None
    if len(text) <= _CACHED_LENGTH_MAX:
        _parsed[text] = document
    return document
