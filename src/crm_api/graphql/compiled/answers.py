"""Answers queries in front of Strawberry, where one statement gives all that they ask for."""

from __future__ import annotations

from typing import Any

import strawberry
from cachetools import LRUCache

from crm_api.graphql.compiled.compiler import Reader, compile_query
from crm_api.graphql.compiled.document import QueryDocument, query_document
from crm_api.graphql.compiled.noted import taken
from crm_api.graphql.compiled.plan import Plan
from crm_api.graphql.compiled.selection import NotCovered
from crm_api.graphql.context import Context
from crm_api.graphql.documents import valid_document
from crm_api.graphql.notes import name_of_operation
from crm_api.services import Services
from crm_api.tracing import trace_id
from crm_core import CrmError, Lagging
from crm_core.audit.reads import How, Read
from crm_core.kernel.telemetry import span
from crm_projections.reading import NotAnswered

__all__ = ["CompiledReads"]

_PLANS_MAX = 1_024
_LENGTH_MAX = 20_000  # of a document whose plan is kept


class CompiledReads:
    """Plans are kept by the text, the operation, the rights, and the pattern of the variables.

    None as an answer means: Strawberry's own way. Every error comes from there, so that there is
    one origin of errors; a statement that fails or takes too long changes no answer.
    """

    def __init__(self, schema: strawberry.Schema, services: Services) -> None:
        self._schema = schema
        self._services = services
        self._documents: LRUCache[tuple[str, str | None], QueryDocument | None]
        self._documents = LRUCache(_PLANS_MAX)
        self._plans: LRUCache[Any, Plan | None] = LRUCache(_PLANS_MAX)

    async def answer(
        self,
        context: Context,
        text: str | None,
        operation_name: str | None,
        variables: dict[str, Any] | None,
    ) -> bytes | None:
        """The body of the response, or None."""
        if text is None or len(text) > _LENGTH_MAX:
            return None
        document = self._document(text, operation_name)
        if document is None:
            return None
        given = variables or {}
        try:
            reader = await self._reader(context)
            plan = self._plan(text, operation_name, document, reader, given)
            if plan is None:
                return None
            parameters = plan.sent(given)
            await context.wait_for(plan.position(given))
            answer = await self._services.pipelines.ask(plan.statement, parameters)
            return await self._recorded(context, document, answer) if reader.is_noted else answer
        except Lagging:
            context.has_waited = True
            return None
        except (CrmError, NotAnswered):
            return None

    async def _reader(self, context: Context) -> Reader:
        rights = await context.rights()
        assert context.session is not None, "it has rights"
        is_noted = self._services.read_log.records_all_of(context.session.actor, context.how)
        return Reader.of(context.tenant_id, rights, is_noted)

    async def _recorded(self, context: Context, document: QueryDocument, answer: bytes) -> bytes:
        """The answer, once it is recorded what it shows. Raises Unavailable."""
        answer, records = taken(answer)
        if records:
            await self._services.read_log.record(
                Read(
                    context.actor,
                    context.how or How.QUERY,
                    name_of_operation(document.operation),
                    records,
                    trace_id(),
                )
            )
        return answer

    def _document(self, text: str, operation_name: str | None) -> QueryDocument | None:
        key = (text, operation_name)
        if key not in self._documents:
            document = valid_document(text, self._schema)
            self._documents[key] = (
                None if document is None else query_document(document, operation_name)
            )
        return self._documents[key]

    def _plan(
        self,
        text: str,
        operation_name: str | None,
        document: QueryDocument,
        reader: Reader,
        given: dict[str, Any],
    ) -> Plan | None:
        variables = document.variables(given)
        key = (text, operation_name, reader.likeness, variables.pattern)
        if key not in self._plans:
            try:
                with span("graphql.plan"):
                    plan = compile_query(self._schema, document, reader, given, variables.late)
            except NotCovered:
                plan = None
            self._plans[key] = plan
        return self._plans[key]
