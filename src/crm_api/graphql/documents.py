"""Reads each document once: the parsed and validated form of a text is kept for the next time.

Only short texts are kept, and not many, so a client cannot fill the memory with made-up ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLError, parse, specified_rules
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import Schema, validate_document

from crm_api.graphql.limits import TOKENS_MAX, excesses, too_large
from crm_core.kernel.telemetry import span

__all__ = ["Documents", "first_fault", "valid_document"]

_CACHED_MAX = 512
_CACHED_LENGTH_MAX = 20_000

_parsed: LRUCache[str, DocumentNode] = LRUCache(_CACHED_MAX)
_found: LRUCache[tuple[int, str], list[GraphQLError]] = LRUCache(_CACHED_MAX)


class Documents(SchemaExtension):
    """Limits a document's tokens and its size; keeps what parsing and validation found."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = TOKENS_MAX
        yield

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query is not None and context.graphql_document is None:
            context.graphql_document = _parse(context.query)
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.query is not None and context.graphql_document is not None:
            context.pre_execution_errors = _faults(
                context.query, context.graphql_document, context.schema
            )
        yield


def valid_document(text: str, schema: Schema) -> DocumentNode | None:
    """The document, or None where anything is wrong with it."""
    document = _parse(text)
    return None if document is None or _faults(text, document, schema) else document


def first_fault(text: str, schema: Schema) -> str | None:
    """What is wrong with a document that can be parsed, in a sentence; None where nothing is."""
    document = _parse(text)
    if document is None:
        return "it is no GraphQL document"
    faults = _faults(text, document, schema)
    return faults[0].message if faults else None


def _parse(text: str) -> DocumentNode | None:
    """The document, or None where it has a fault: the library then parses again and reports it."""
    document = _parsed.get(text)
    if document is not None:
        return document
    try:
        with span("graphql.parse"):
            document = parse(text, max_tokens=TOKENS_MAX)
    except GraphQLError:
        return None
    if len(text) <= _CACHED_LENGTH_MAX:
        _parsed[text] = document
    return document


def _faults(text: str, document: DocumentNode, schema: Schema) -> list[GraphQLError]:
    """What is wrong with the document; the other rules are not asked where it is too large."""
    key = (id(schema), text)
    faults = _found.get(key)
    if faults is None:
        try:
            with span("graphql.validate"):
                faults = excesses(document) or validate_document(
                    schema._schema, document, tuple(specified_rules)
                )
        except RecursionError:
            faults = [too_large("The document is nested too deeply.")]
        if len(text) <= _CACHED_LENGTH_MAX:
            _found[key] = faults
    return faults
