"""Compiles a query to one statement, by what its fields say they read.

The arguments go through the same functions as in the resolvers. What no statement gives has a place
in the answer that its resolver fills. Whatever would be an error is not compiled here, so that
errors have one origin: Strawberry's own way.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)

from crm_api.graphql.as_of import as_of_from
from crm_api.graphql.compiled.connections import ConnectionShape
from crm_api.graphql.compiled.kept import require_settled
from crm_api.graphql.compiled.noted import noted
from crm_api.graphql.compiled.places import (
    LinkedRecord,
    Place,
    RecordField,
    ReportField,
    RootField,
    marked,
    marked_for,
)
from crm_api.graphql.compiled.plan import LateHolder, LateId, LatePosition, Plan, plan_of
from crm_api.graphql.compiled.reader import Reader
from crm_api.graphql.compiled.selection import (
    Given,
    NotCovered,
    Selected,
    Selections,
    definition_of,
    field_of,
    name_of,
    reads_of,
    type_name,
)
from crm_api.graphql.compiled.values import ValueShapes
from crm_api.graphql.connection import window_of
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import parsed, required_uuid
from crm_api.graphql.noting import personal_names
from crm_api.graphql.reading import (
    AnyNode,
    Column,
    Link,
    LinkedList,
    Listed,
    Money,
    One,
    Pairs,
    Reported,
)
from crm_api.graphql.records import RecordKind
from crm_api.graphql.registry import kind_of_name, kind_of_type
from crm_core import NOW, CrmError
from crm_core.personal import PERSONAL_KINDS
from crm_projections.reading import Order
from crm_projections.reading.trees import (
    Listing,
    Sql,
    Tree,
    Value,
    Values,
    constant,
    json_object,
)

__all__ = ["compile_query"]


def compile_query(given: Given, reader: Reader, late: frozenset[str]) -> Plan:
    """The plan for these values of the variables; those of the `late` ones may change.

    Raises NotCovered.
    """
    try:
        return _Compiler(given.with_late(late), reader).plan()
    except (CrmError, GraphQLError) as error:
        raise NotCovered(str(error)) from error


class _Compiler:
    def __init__(self, selections: Selections, reader: Reader) -> None:
        self._selections = selections
        self._reader = reader
        self._tree = Tree(reader.tenant_id, reader.sight)
        self._values = ValueShapes(selections, self._tree, self._member)
        self._positions: list[int | LatePosition] = []
        self._places: list[Place] = []

    def plan(self) -> Plan:
        root, fields = self._selections.root()
        members = [(key, self._root_member(root, selected)) for key, selected in fields]
        positions, places = tuple(self._positions), tuple(self._places)
        if all(isinstance(place, RootField) for place in places) and len(places) == len(members):
            frame = ",".join(f'"{key}":{marked(at)}' for at, (key, _) in enumerate(members))
            return Plan(None, (), positions, places, f'{{"data":{{{frame}}}}}'.encode())
        whole = json_object([("data", json_object(members))])
        statement = Sql(f"select {whole.text}", whole.parameters)
        return plan_of(statement, self._reader.sight, positions, places)

    # --- the root ---------------------------------------------------------------------------------

    def _root_member(self, root: GraphQLObjectType, selected: Selected) -> Sql:
        known = len(self._places)
        try:
            return self._root_field(root, selected)
        except NotCovered:
            del self._places[known:]
            field_of(root, selected)  # introspection is the executor's
            return constant(marked(self._place(RootField(root, selected))))

    def _place(self, place: Place) -> int:
        self._places.append(place)
        return len(self._places) - 1

    def _root_field(self, root: GraphQLObjectType, selected: Selected) -> Sql:
        if name_of(selected) == "__typename":
            return type_name(root)
        field = field_of(root, selected)
        arguments = self._selections.arguments(field, selected)
        self._require_present(selected, arguments)
        match reads_of(field):
            case One(name):
                kind = self._required(name)
                return self._record(kind, self._named(kind, field, selected, arguments), selected)
            case Listed(name, order):
                kind = self._required(name)
                return self._connection(
                    field, selected, self._listing(kind, arguments, order), kind
                )
            case AnyNode():
                found = parsed(arguments["id"])
                node_kind = kind_of_type(found.type_name) if found else None
                if node_kind is None:
                    raise NotCovered("the id names no record")
                key = self._id(selected, arguments["id"], None)
                return self._record(node_kind, key, selected)
            case Reported(name, kept_by):
                self._required(name)
                of = get_named_type(field.type)
                assert isinstance(of, GraphQLObjectType), "a report"
                require_settled(of, selected, self._selections)
                return constant(marked(self._place(ReportField(root, selected, kept_by))))
            case _:
                raise NotCovered(name_of(selected))

    def _required(self, name: str) -> RecordKind:
        if name not in self._reader.kinds:
            raise NotCovered(f"{name} may not be read")
        return _kind(name)

    def _require_present(self, selected: Selected, arguments: dict[str, Any]) -> None:
        """The past is folded from events; read-your-writes is waited for."""
        if as_of_from(arguments.get("as_of"), arguments.get("effective_at")) != NOW:
            raise NotCovered("the past")
        late = self._selections.late_variable(selected, "minPosition")
        position = LatePosition(late) if late else arguments.get("min_position")
        if position:
            self._positions.append(position)

    def _named(
        self, kind: RecordKind, field: GraphQLField, selected: Selected, arguments: dict[str, Any]
    ) -> Sql:
        """The key of the record that the arguments name, by its id or a unique key."""
        by = arguments.get("by")
        if by is not None and not by.id:
            return Sql("%s::uuid", (LateHolder(field, selected),))
        text = arguments["id"] if by is None else by.id
        return self._id(selected, text, kind.type_name)

    def _id(self, selected: Selected, text: str, of: str | None) -> Sql:
        late = self._selections.late_variable(selected, "id") or self._selections.late_variable(
            selected, "by"
        )
        return Sql("%s::uuid", (LateId(late, of) if late else required_uuid(text, of),))

    # --- records ----------------------------------------------------------------------------------

    def _record(self, kind: RecordKind, key: Sql, selected: Selected) -> Sql:
        """The record with this key; null where there is none, or none to be seen."""
        if kind.name not in self._reader.kinds:
            return constant("null")
        if kind.table is None:
            raise NotCovered(f"there is no read model of {kind.name}")
        return self._tree.one(kind.table, key, lambda values: self._row(kind, values, selected))

    def _row(self, kind: RecordKind, values: Values, selected: Selected) -> Sql:
        key = values[kind.graphql_type.KEY]
        own = {"uuid": key, "id": self._tree.global_id(kind.type_name, key)}
        of = self._selections.type(kind.type_name)
        shape = json_object(
            (name, self._record_member(kind, of, {**values, **own}, part))
            for name, part in self._selections.of(of, selected)
        )
        if not self._reader.is_noted or kind.name not in PERSONAL_KINDS:
            return shape
        personal = personal_names(of, kind.name)
        asked = any(name_of(part) in personal for _, part in self._selections.of(of, selected))
        return noted(kind.name, key, shape, personal=asked)

    def _record_member(
        self, kind: RecordKind, of: GraphQLObjectType, values: Values, selected: Selected
    ) -> Sql:
        known = len(self._places)
        try:
            return self._member(of, values, selected)
        except NotCovered:
            del self._places[known:]
            place = self._place(RecordField(of, selected, kind))
            return marked_for(place, values["uuid"])

    def _member(self, of: GraphQLObjectType, values: Values, selected: Selected) -> Sql:
        if name_of(selected) == "__typename":
            return type_name(of)
        field = field_of(of, selected)
        match reads_of(field):
            case None:
                definition = definition_of(field)
                value = values.get(definition.python_name)
                if definition.base_resolver is not None or value is None:
                    raise NotCovered(f"{of.name}.{definition.python_name}")
                return self._values.value(field.type, value, selected)
            case Column(name):
                return self._values.value(field.type, values[name], selected)
            case Money(amount, currency):
                return self._values.money(field.type, values[amount], values[currency], selected)
            case Pairs(column, names):
                return self._values.pairs(field.type, values[column], names, selected)
            case Link(name, column):
                if isinstance(field.type, GraphQLNonNull):
                    raise NotCovered("a link that cannot be null")
                kind = _kind(name)
                if kind.table is None and name in self._reader.kinds:
                    return marked_for(self._place(LinkedRecord(of, selected, kind)), values[column])
                return self._record(kind, Sql(values[column].sql), selected)
            case LinkedList(name, column, order):
                kind, arguments = _kind(name), self._selections.arguments(field, selected)
                listing = self._listing(kind, arguments, order, column, values["uuid"])
                if name not in self._reader.kinds:
                    return constant("null")
                return self._connection(field, selected, listing, kind)
            case other:
                raise NotCovered(repr(other))

    # --- lists ------------------------------------------------------------------------------------

    def _listing(
        self,
        kind: RecordKind,
        arguments: dict[str, Any],
        order: Order,
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
        self, field: GraphQLField, selected: Selected, listing: Listing, kind: RecordKind
    ) -> Sql:
        of = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        assert isinstance(of, GraphQLObjectType), "a connection"

        def node(values: Values, selected: Selected) -> Sql:
            return self._row(kind, values, selected)

        return ConnectionShape(self._selections, of, node).sql(self._tree, listing, selected)


def _kind(name: str) -> RecordKind:
    kind = kind_of_name(name)
    assert kind is not None, f"{name} is a kind of record"
    return kind
