"""Answers queries in front of Strawberry: one statement, and resolvers for what it leaves out."""

from __future__ import annotations

from typing import Any

import strawberry
from cachetools import LRUCache
from graphql import OperationType

from crm_api.graphql.compiled.compiler import compile_query
from crm_api.graphql.compiled.document import KnownDocuments
from crm_api.graphql.compiled.kept import KeptTexts
from crm_api.graphql.compiled.noted import taken
from crm_api.graphql.compiled.plan import Plan
from crm_api.graphql.compiled.reader import Reader
from crm_api.graphql.compiled.resolving import Keeping, Resolving
from crm_api.graphql.compiled.selection import Given, NotCovered
from crm_api.graphql.context import Context
from crm_api.graphql.noting import notes_of, record_shown
from crm_api.services import Services
from crm_core import CrmError, Lagging
from crm_core.kernel.telemetry import span
from crm_projections.reading import NotAnswered

__all__ = ["CompiledReads"]

_PLANS_MAX = 1_024


class CompiledReads:
    """Plans are kept by the text, the operation, the rights, and the pattern of the variables.

    None as an answer means: Strawberry's own way. Every error comes from there, so that there is
    one origin of errors; a statement that fails or takes too long changes no answer.
    """

    def __init__(self, schema: strawberry.Schema, services: Services) -> None:
        self._schema = schema
        self._services = services
        self._documents = KnownDocuments(schema, OperationType.QUERY)
        self._plans: LRUCache[Any, Plan | None] = LRUCache(_PLANS_MAX)
        self._texts = KeptTexts(services)

    async def answer(
        self,
        context: Context,
        text: str | None,
        operation_name: str | None,
        variables: dict[str, Any] | None,
    ) -> bytes | None:
        """The body of the response, or None."""
        document = self._documents.find(text, operation_name)
        if text is None or document is None:
            return None
        given = Given(self._schema, document, variables or {})
        try:
            reader = await self._reader(context)
            plan = self._plan(text, operation_name, reader, given)
            if plan is None:
                return None
            context.notes = notes_of(context)
            answer = await self._asked(context, plan, given, reader)
            if plan.places:
                keeping = self._keeping(context, reader)
                resolving = Resolving(given.selections, context, keeping)
                answer = await resolving.filled(answer, plan.places)
            if plan.statement is not None and not reader.is_noted:
                _require_no_notes(context)
            await record_shown(context, document.operation)
            return answer
        except Lagging:
            context.has_waited = True
            return None
        except (CrmError, NotAnswered, NotCovered):
            return None

    async def _asked(self, context: Context, plan: Plan, given: Given, reader: Reader) -> bytes:
        """The statement's answer; what it shows is noted. Raises CrmError or NotAnswered."""
        if plan.statement is None:
            await context.wait_for(plan.position(given))
            return plan.frame
        parameters = await plan.sent(given, self._services.crm, reader.sight)
        await context.wait_for(plan.position(given))
        answer = await self._services.pipelines.ask(plan.statement, parameters)
        if context.notes is None or not context.notes.takes_all:
            return answer
        answer, records = taken(answer)
        for (kind, record_id), personal in records.items():
            context.notes.add(kind, record_id, personal=personal)
        return answer

    def _keeping(self, context: Context, reader: Reader) -> Keeping | None:
        """Reports that were written for who sees the same; none, where all is to be noted."""
        if context.notes is not None and context.notes.takes_all:
            return None
        return lambda place, write: self._texts.text(place, reader.seen, write)

    async def _reader(self, context: Context) -> Reader:
        rights = await context.rights()
        assert context.session is not None, "it has rights"
        is_noted = self._services.read_log.records_all_of(context.session.actor, context.how)
        return Reader.of(context.tenant_id, rights, is_noted)

    def _plan(
        self,
        text: str,
        operation_name: str | None,
        reader: Reader,
        given: Given,
    ) -> Plan | None:
        variables = given.document.variables(given.variables)
        key = (text, operation_name, reader.likeness, variables.pattern)
        if key not in self._plans:
            try:
                with span("graphql.plan"):
                    plan = compile_query(given, reader, variables.late)
            except NotCovered:
                plan = None
            self._plans[key] = plan
        return self._plans[key]


def _require_no_notes(context: Context) -> None:
    """Raises NotCovered where a resolver has it recorded what the statement shows, unnoted."""
    if context.notes is not None and context.notes.takes_all:
        raise NotCovered("a statement's records would have to be recorded")
