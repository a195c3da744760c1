"""Answers a mutation of one command in front of Strawberry, with the same resolvers.

A command must not be executed twice, so here the order matters: what may be wrong with the
document or its arguments is found before the command runs, and is left to the executor as it is.
Once the command has run, its outcome is kept in the context: where anything is wrong with the
rest of the answer, the executor writes all of it, from that outcome.
"""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import OperationType

from crm_api.graphql.compiled.document import KnownDocuments
from crm_api.graphql.compiled.resolving import Member, Resolving
from crm_api.graphql.compiled.selection import Given, NotCovered, Selections
from crm_api.graphql.context import Context, Executed
from crm_api.graphql.noting import notes_of, record_shown

__all__ = ["CompiledMutations"]


class CompiledMutations:
    """None as an answer means: Strawberry's own way, which does not execute a command again."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._documents = KnownDocuments(schema, OperationType.MUTATION)

    async def answer(
        self,
        context: Context,
        text: str | None,
        operation_name: str | None,
        variables: dict[str, Any] | None,
    ) -> bytes | None:
        """The body of the response, or None."""
        document = self._documents.find(text, operation_name)
        if document is None:
            return None
        try:
            selections = Given(self._schema, document, variables or {}).selections
            resolving = Resolving(selections, context)
            key, command = _the_only(selections, resolving)
        except Exception:  # noqa: BLE001 - nothing was executed: the executor says what it is
            return None
        context.notes = notes_of(context)
        try:
            payload = await resolving.value(command)
        except Exception as error:  # noqa: BLE001 - the executor raises it again, in its place
            context.executed = Executed(None, error)
            return None
        context.executed = Executed(payload, None)
        try:
            written = await resolving.written(command, payload)
            await record_shown(context, document.operation)
        except Exception:  # noqa: BLE001 - the executor meets it too
            return None
        return f'{{"data":{{"{key}":{written}}}}}'.encode()


def _the_only(selections: Selections, resolving: Resolving) -> tuple[str, Member]:
    """The command of an operation. Raises where there are several, or it is not in form."""
    root, fields = selections.root()
    (key, selected), *others = fields
    if others:
        raise NotCovered("several commands, one after the other")
    return key, resolving.member(root, selected)
