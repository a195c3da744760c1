"""Compiles a query to one statement, by what its fields say they read.

The arguments go through the same functions as in the resolvers. Whatever would be an error there
is not compiled here, so that errors have one origin: Strawberry's own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, get_args
from uuid import UUID

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    ObjectValueNode,
    VariableNode,
    get_argument_values,
    get_variable_values,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from crm_api.graphql.as_of import as_of_from
from crm_api.graphql.compiled.document import QueryDocument
from crm_api.graphql.compiled.plan import LateId, LatePosition, Plan, plan_of
from crm_api.graphql.connection import CountPrecision, window_of
from crm_api.graphql.fields import READS
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import parsed, required_uuid
from crm_api.graphql.reading import (
    AnyNode,
    Column,
    Link,
    LinkedList,
    Listed,
    Money,
    One,
    Pairs,
)
from crm_api.graphql.records import RecordKind
from crm_api.graphql.registry import kind_of_name, kind_of_type
from crm_core import NOW, CrmError
from crm_projections.reading import Scope
from crm_projections.reading.trees import (
    Listing,
    PageOf,
    Sql,
    Tree,
    Value,
    Values,
    constant,
    json_object,
    json_of,
    values_of_struct,
)

__all__ = ["NotCovered", "Reader", "compile_query"]


class NotCovered(Exception):
    """The document is Strawberry's to answer: it asks for something that no statement gives."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the tenant, the kinds of records that may be read, and which of them are seen."""

    tenant_id: UUID
    kinds: frozenset[str]
    scope: Scope


def compile_query(
    schema: strawberry.Schema,
    document: QueryDocument,
    reader: Reader,
    given: dict[str, Any],
    late: frozenset[str],
) -> Plan:
    """The plan for these values of the variables; those of the `late` ones may change.

    Raises NotCovered.
    """
    variables = get_variable_values(
        schema._schema, document.operation.variable_definitions or (), given
    )
    if not isinstance(variables, VariableValues):
        raise NotCovered("the variables have not their form")
    try:
        return _Compiler(schema, document, reader, variables, late).plan()
    except (CrmError, GraphQLError) as error:
        raise NotCovered(str(error)) from error


class _Compiler:
    def __init__(
        self,
        schema: strawberry.Schema,
        document: QueryDocument,
        reader: Reader,
        variables: VariableValues,
        late: frozenset[str],
    ) -> None:
        self._schema = schema
        self._document = document
        self._reader = reader
        self._variables = variables
        self._late = late
        self._tree = Tree(reader.tenant_id, reader.scope)
        self._positions: list[int | LatePosition] = []

    def plan(self) -> Plan:
        root = self._schema._schema.query_type
        assert root is not None, "there is a query type"
        document = self._document
        fields = collect_fields(
            self._schema._schema, document.fragments, self._variables, root, document.operation
        )
        data = json_object(
            (key, self._root_field(root, details)) for key, details in _grouped(fields)
        )
        whole = json_object([("data", data)])
        return plan_of(Sql(f"select {whole.text}", whole.parameters), tuple(self._positions))

    # --- the root ---------------------------------------------------------------------------------

    def _root_field(self, root: GraphQLObjectType, details: FieldDetailsList) -> Sql:
        field = self._field(root, details)
        if field is None:
            return _type_name(root)
        arguments = self._arguments(field, details)
        self._require_present(details, arguments)
        match _reads(field):
            case One(name):
                kind = self._required(name)
                return self._record(kind, self._id(details, arguments, kind.type_name), details)
            case Listed(name, order):
                kind = self._required(name)
                return self._connection(field, details, self._listing(kind, arguments, order), kind)
            case AnyNode():
                found = parsed(arguments["id"])
                node_kind = kind_of_type(found.type_name) if found else None
                if node_kind is None:
                    raise NotCovered("the id names no record")
                key = self._id(details, arguments, None)
                return self._record(node_kind, key, details)
            case _:
                raise NotCovered(details[0].node.name.value)

    def _required(self, name: str) -> RecordKind:
        if name not in self._reader.kinds:
            raise NotCovered(f"{name} may not be read")
        return _kind(name)

    def _require_present(self, details: FieldDetailsList, arguments: dict[str, Any]) -> None:
        """The past is folded from events; read-your-writes is waited for."""
        if as_of_from(arguments.get("as_of"), arguments.get("effective_at")) != NOW:
            raise NotCovered("the past")
        position = arguments.get("min_position")
        if position:
            late = self._late_variable(details, "minPosition")
            self._positions.append(LatePosition(late) if late else position)

    def _id(self, details: FieldDetailsList, arguments: dict[str, Any], of: str | None) -> Sql:
        """The key of the record that the arguments name."""
        by = arguments.get("by")
        text = arguments["id"] if by is None else by.id
        if not text:
            raise NotCovered("it is named by something else than its id")
        late = self._late_variable(details, "id") or self._late_variable(details, "by")
        return Sql("%s::uuid", (LateId(late, of) if late else required_uuid(text, of),))

    def _late_variable(self, details: FieldDetailsList, name: str) -> str | None:
        """The late variable that is an argument's value, or the only one in it."""
        for argument in details[0].node.arguments or ():
            if argument.name.value == name:
                value: Any = argument.value
                if isinstance(value, ObjectValueNode):
                    value = value.fields[0].value
                if isinstance(value, VariableNode) and value.name.value in self._late:
                    return value.name.value
        return None

    # --- records ----------------------------------------------------------------------------------

    def _record(self, kind: RecordKind, key: Sql, details: FieldDetailsList) -> Sql:
        """The record with this key; null where there is none, or none to be seen."""
        if kind.name not in self._reader.kinds:
            return constant("null")
        if kind.table is None:
            raise NotCovered(f"there is no read model of {kind.name}")
        return self._tree.one(kind.table, key, lambda values: self._row(kind, values, details))

    def _row(self, kind: RecordKind, values: Values, details: FieldDetailsList) -> Sql:
        key = values[kind.graphql_type.KEY]
        own = {"uuid": key, "id": self._tree.global_id(kind.type_name, key)}
        return self._object(self._type(kind.type_name), {**values, **own}, details)

    def _object(self, of: GraphQLObjectType, values: Values, details: FieldDetailsList) -> Sql:
        return json_object(
            (key, self._member(of, values, inner)) for key, inner in self._selected(of, details)
        )

    def _member(self, of: GraphQLObjectType, values: Values, details: FieldDetailsList) -> Sql:
        field = self._field(of, details)
        if field is None:
            return _type_name(of)
        match _reads(field):
            case None:
                definition = _definition(field)
                value = values.get(definition.python_name)
                if definition.base_resolver is not None or value is None:
                    raise NotCovered(f"{of.name}.{definition.python_name}")
                return self._value(field.type, value, details)
            case Column(name):
                return self._value(field.type, values[name], details)
            case Money(amount, currency):
                return self._money(field.type, values[amount], values[currency], details)
            case Pairs(column, names):
                return self._pairs(field.type, values[column], names, details)
            case Link(name, column):
                if isinstance(field.type, GraphQLNonNull):
                    raise NotCovered("a link that cannot be null")
                return self._record(_kind(name), Sql(values[column].sql), details)
            case LinkedList(name, column, order):
                if name not in self._reader.kinds:
                    return constant("null")
                kind = _kind(name)
                listing = self._listing(
                    kind, self._arguments(field, details), order, column, values["uuid"]
                )
                return self._connection(field, details, listing, kind)
            case other:
                raise NotCovered(repr(other))

    # --- values -----------------------------------------------------------------------------------

    def _value(self, of: Any, value: Value, details: FieldDetailsList) -> Sql:
        """A column, or a member of one, as this type of GraphQL has it."""
        if isinstance(of, GraphQLNonNull):
            if value.nullable:
                raise NotCovered("it may be null where it must not")
            of = of.of_type
        if isinstance(of, GraphQLObjectType):
            shaped = self._object(of, values_of_struct(value.of, value.sql), details)
            return Sql(_unless_null(value, shaped.text), shaped.parameters)
        if isinstance(of, GraphQLList):
            item = of.of_type.of_type if isinstance(of.of_type, GraphQLNonNull) else of.of_type
            (inner, *_) = get_args(value.of)
            if isinstance(item, GraphQLObjectType):
                return self._tree.entries(
                    value, lambda json: self._object(item, values_of_struct(inner, json), details)
                )
            if isinstance(item, GraphQLEnumType):
                _require_same_names(item, inner)
            elif item.name != "String":
                raise NotCovered(f"a list of {item.name}")
            return json_of(value)
        return json_of(_leaf(of, value))

    def _money(self, of: Any, amount: Value, currency: Value, details: FieldDetailsList) -> Sql:
        nullable = [value for value in (amount, currency) if value.nullable]
        is_null = " or ".join(f"{value.sql} is null" for value in nullable)
        if isinstance(of, GraphQLNonNull):
            if is_null:
                raise NotCovered("it may be null where it must not")
            of = of.of_type
        values = {
            "amount": amount._replace(nullable=False),
            "currency_code": currency._replace(nullable=False),
        }
        shaped = self._object(of, values, details)
        if not is_null:
            return shaped
        return Sql(f"case when {is_null} then 'null' else {shaped.text} end", shaped.parameters)

    def _pairs(
        self, of: Any, value: Value, names: tuple[str, str], details: FieldDetailsList
    ) -> Sql:
        item = of.of_type.of_type.of_type

        def shape(json: str) -> Sql:
            values = {name: Value(f"({json} ->> {at})", "text") for at, name in enumerate(names)}
            return self._object(item, values, details)

        return self._tree.entries(value, shape)

    # --- lists ------------------------------------------------------------------------------------

    def _listing(
        self,
        kind: RecordKind,
        arguments: dict[str, Any],
        order: Any,
        column: str | None = None,
        of: Value | None = None,
    ) -> Listing:
        if kind.table is None:
            raise NotCovered(f"there is no read model of {kind.name}")
        window = window_of(*(arguments.get(name) for name in ("first", "after", "last", "before")))
        if of is not None and not window.is_plain:
            raise NotCovered("a cursor in one of many lists")
        return Listing(
            kind.table,
            window,
            filter_of(arguments.get("where")),
            order_of(arguments.get("order_by"), order),
            column,
            of,
        )

    def _connection(
        self, field: GraphQLField, details: FieldDetailsList, listing: Listing, kind: RecordKind
    ) -> Sql:
        of = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        assert isinstance(of, GraphQLObjectType), "a connection"
        selected = list(self._selected(of, details))

        def shape(page: PageOf) -> Sql:
            return json_object((key, self._part(of, page, inner, kind)) for key, inner in selected)

        is_probed = any(inner[0].node.name.value == "pageInfo" for _, inner in selected)
        return self._tree.page(replace(listing, is_probed=is_probed), shape)

    def _part(
        self, of: GraphQLObjectType, page: PageOf, details: FieldDetailsList, kind: RecordKind
    ) -> Sql:
        match details[0].node.name.value:
            case "__typename":
                return _type_name(of)
            case "nodes":
                return page.items(self._row(kind, page.values, details))
            case "edges":
                edge = _inner(of, "edges")
                return page.items(
                    json_object(
                        (key, self._edge(edge, page, inner, kind))
                        for key, inner in self._selected(edge, details)
                    )
                )
            case "pageInfo":
                info = _inner(of, "pageInfo")
                return json_object(
                    (key, _page_info(info, page, inner))
                    for key, inner in self._selected(info, details)
                )
            case "totalCount":
                return page.total()
            case "totalCountPrecision":
                names = (CountPrecision.EXACT.name, CountPrecision.AT_LEAST.name)
                return page.is_exact(*(f'"{name}"' for name in names))
            case name:
                raise NotCovered(name)

    def _edge(
        self, of: GraphQLObjectType, page: PageOf, details: FieldDetailsList, kind: RecordKind
    ) -> Sql:
        match details[0].node.name.value:
            case "__typename":
                return _type_name(of)
            case "cursor":
                return page.cursor()
            case "node":
                return self._row(kind, page.values, details)
            case name:
                raise NotCovered(name)

    # --- documents --------------------------------------------------------------------------------

    def _selected(
        self, of: GraphQLObjectType, details: FieldDetailsList
    ) -> Iterator[tuple[str, FieldDetailsList]]:
        """The fields that are asked for of an object, under their names in the answer."""
        return _grouped(
            collect_subfields(
                self._schema._schema,
                self._document.fragments,
                self._variables,
                self._document.operation,
                of,
                details,
            )
        )

    def _field(self, of: GraphQLObjectType, details: FieldDetailsList) -> GraphQLField | None:
        """The field's definition; None for `__typename`."""
        name = details[0].node.name.value
        if name == "__typename":
            return None
        if name not in of.fields:
            raise NotCovered(name)  # introspection
        field: GraphQLField = of.fields[name]
        return field

    def _arguments(self, field: GraphQLField, details: FieldDetailsList) -> dict[str, Any]:
        """The arguments as the resolver gets them."""
        given = get_argument_values(field, details[0].node, self._variables)
        return convert_arguments(
            given,
            _definition(field).arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )

    def _type(self, name: str) -> GraphQLObjectType:
        found = self._schema._schema.type_map[name]
        assert isinstance(found, GraphQLObjectType), "a kind of record"
        return found


def _grouped(collected: CollectedFields) -> Iterator[tuple[str, FieldDetailsList]]:
    if collected.new_defer_usages:
        raise NotCovered("@defer")
    yield from collected.grouped_field_set.items()


def _reads(field: GraphQLField) -> Any:
    return _definition(field).metadata.get(READS)


def _definition(field: GraphQLField) -> StrawberryField:
    definition: StrawberryField = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return definition


def _kind(name: str) -> RecordKind:
    kind = kind_of_name(name)
    assert kind is not None, f"{name} is a kind of record"
    return kind


def _inner(of: GraphQLObjectType, name: str) -> GraphQLObjectType:
    """The type of a field's object, or of the objects in its list."""
    inner: Any = of.fields[name].type
    while not isinstance(inner, GraphQLObjectType):
        inner = inner.of_type
    return inner


def _type_name(of: GraphQLObjectType) -> Sql:
    return constant(f'"{of.name}"')


def _page_info(of: GraphQLObjectType, page: PageOf, details: FieldDetailsList) -> Sql:
    match details[0].node.name.value:
        case "__typename":
            return _type_name(of)
        case "hasNextPage":
            return page.has_next()
        case "hasPreviousPage":
            return page.has_previous()
        case "startCursor":
            return page.start_cursor()
        case "endCursor":
            return page.end_cursor()
        case name:
            raise NotCovered(name)


# The SQL types that a scalar can be written from.
_SCALARS = {
    "String": "text",
    "CurrencyCode": "text",
    "ID": "word",
    "Int": "bigint",
    "Position": "bigint",
    "Boolean": "boolean",
    "DateTime": "timestamptz",
    "Date": "date",
    "Decimal": "numeric",
    "UUID": "uuid",
}


def _leaf(of: Any, value: Value) -> Value:
    if isinstance(of, GraphQLEnumType):
        _require_same_names(of, value.of)
        return value
    if value.type == _SCALARS.get(of.name):
        return value._replace(type="int") if of.name == "Int" else value
    raise NotCovered(f"{of.name} of {value.type}")


def _require_same_names(of: GraphQLEnumType, written: type[StrEnum]) -> None:
    """A column has an enumeration's values, an answer its names."""
    if any(member != name for name, member in written.__members__.items()):
        raise NotCovered(f"{of.name} has other names than values")


def _unless_null(value: Value, text: str) -> str:
    return f"case when {value.sql} is null then 'null' else {text} end" if value.nullable else text
