"""Notes every record that an operation shows, and records that before the answer goes out.

GraphQL asks of each object whether it is of its type, just before it is written into the answer:
there it is noted, and whether one of its personal fields is asked for. Queries that are compiled
note the same in their statement (crm_api.graphql.compiled.noted).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult as CoreResult
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    get_operation_ast,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult
from strawberry.types.execution import StreamExecutionResult

from crm_api.graphql.compiled.selection import definition_of, name_of, reads_of
from crm_api.graphql.context import Context
from crm_api.graphql.notes import Notes
from crm_api.graphql.reading import Column, Pairs
from crm_api.graphql.registry import KINDS
from crm_api.graphql.types.timeline import TimelineEntry
from crm_core import CrmError
from crm_core.access.records import kind_of
from crm_core.audit.reads import ReadMode, Record
from crm_core.personal import PERSONAL_KINDS, personal_fields

__all__ = ["Noting", "note_shown_records", "notes_of", "personal_names", "record_shown"]


class Noting(SchemaExtension):
    """An answer whose reading cannot be recorded is not given: its error has
    `reads.not_recorded`.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        context = self.execution_context.context
        if isinstance(context, Context):
            context.notes = notes_of(context)
        yield
        await self._record(self.execution_context.result)

    async def on_stream_result(self, result: StreamExecutionResult) -> AsyncIterator[None]:
        await self._record(result)
        yield

    async def _record(self, result: Any) -> None:
        context = self.execution_context.context
        notes = context.notes if isinstance(context, Context) else None
        operation = self._operation()
        if notes is None or operation is None or context.session is None:
            return
        read = notes.taken(context.session.actor, operation, context.how)
        if read is None or not isinstance(result, CoreResult | ExecutionResult):
            return
        try:
            await context.services.read_log.record(read)
        except CrmError as error:
            told = GraphQLError(error.code, path=list(result.data or ())[:1], original_error=error)
            result.data, result.errors = None, [told]  # it was executed, as its path says

    def _operation(self) -> OperationDefinitionNode | None:
        context = self.execution_context
        document = context.graphql_document
        return None if document is None else get_operation_ast(document, context.operation_name)


async def record_shown(context: Context, operation: OperationDefinitionNode) -> None:
    """Records what was noted, before it is shown. Raises Unavailable."""
    if context.notes is None:
        return
    read = context.notes.taken(context.actor, operation, context.how)
    if read is not None:
        await context.services.read_log.record(read)


def notes_of(context: Context) -> Notes | None:
    """Notes for an operation of this session; None where nothing is recorded."""
    read_log = context.services.read_log
    if read_log.mode is ReadMode.OFF or context.session is None:
        return None
    return Notes(takes_all=read_log.records_all_of(context.session.actor, context.how))


# --- what is shown --------------------------------------------------------------------------------

_TELLING = {
    "EventRecord": ("data",),
    "TimelineEntry": ("text",),
    "AuditEntry": (),
    "RecordDiff": ("changes",),
    "Explanation": ("value",),
}
"""Objects that tell of a record, without being one, and their fields that say what it says."""


def note_shown_records(schema: strawberry.Schema) -> None:
    """Has the schema note what operations that have notes show."""
    types = schema._schema.type_map
    for kind in KINDS:
        of = types[kind.type_name]
        assert isinstance(of, GraphQLObjectType), "a kind of record"
        if kind.name in PERSONAL_KINDS:
            of.is_type_of = _noting(of, personal_names(of, kind.name), partial(_itself, kind.name))
    for name, personal in _TELLING.items():
        of = types[name]
        assert isinstance(of, GraphQLObjectType), "it tells of a record"
        of.is_type_of = _noting(of, frozenset(personal), _told)


def personal_names(of: GraphQLObjectType, kind: str) -> frozenset[str]:
    """The personal fields of a kind of record, by the names that its type has for them."""
    return frozenset(
        name for name, field in of.fields.items() if _column_of(field) in personal_fields(kind)
    )


def _column_of(field: GraphQLField) -> str:
    match reads_of(field):
        case Column(name) | Pairs(name):
            return name
        case _:
            return definition_of(field).python_name


def _itself(kind: str, record: Any) -> Record:
    return kind, record.uuid


def _told(value: Any) -> Record:
    if isinstance(value, TimelineEntry):  # only its row knows the record
        return kind_of(value.row.record_type), value.row.record_id
    return kind_of(value.record_type), value.record_uuid


def _noting(
    of: GraphQLObjectType, personal: frozenset[str], record_of: Callable[[Any], Record]
) -> Callable[[Any, GraphQLResolveInfo[Any]], bool]:
    is_type_of: Any = of.is_type_of or (lambda *_: True)

    def noting(value: Any, info: GraphQLResolveInfo[Any]) -> bool:
        if not is_type_of(value, info):
            return False
        notes = getattr(info.context, "notes", None)
        if notes is not None and notes.takes_all:
            kind, record_id = record_of(value)
            if kind in PERSONAL_KINDS:
                place = (of.name, *map(id, info.field_nodes))
                if place not in notes.asked:
                    notes.asked[place] = _asks_for(personal, of, info)
                notes.add(kind, record_id, personal=notes.asked[place])
        return True

    return noting


def _asks_for(names: frozenset[str], of: GraphQLObjectType, info: GraphQLResolveInfo[Any]) -> bool:
    """Whether one of the fields is asked for, of an object that is being written."""
    variables: Any = info.variable_values  # by name: Strawberry leaves their sources out
    asked = collect_subfields(
        info.schema,
        {name: FragmentDetails(definition) for name, definition in info.fragments.items()},
        VariableValues({}, variables),
        info.operation,
        of,
        [FieldDetails(node, None) for node in info.field_nodes],
    )
    return any(name_of(places) in names for places in asked.grouped_field_set.values())
