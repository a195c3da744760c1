"""The schema as a whole: what is committed is what is served, and all of it fits together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    validate_schema,
)

import crm_api
from crm_api.graphql.arguments.audit import AuditOrder, AuditWhere
from crm_api.graphql.arguments.customer import CustomerOrder, CustomerWhere
from crm_api.graphql.arguments.opportunity import OpportunityOrder, OpportunityWhere
from crm_api.graphql.arguments.product import ProductOrder, ProductWhere
from crm_api.graphql.arguments.ticket import TicketOrder, TicketWhere
from crm_api.graphql.registry import KINDS
from crm_api.schema import print_sdl, schema
from crm_core.catalog import AGGREGATES
from crm_projections.audit_trail.projection import AUDIT
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.sales_pipeline.tables import OPPORTUNITIES, PRODUCTS
from crm_projections.tables import Table
from crm_projections.ticket_queue.projection import TICKETS

COMMITTED = Path(crm_api.__file__ or "").parents[2] / "schema.graphql"
TYPES = schema._schema.type_map


def test_the_committed_schema_is_what_the_code_serves() -> None:
    served = print_sdl() + "\n"
    assert served == COMMITTED.read_text("utf-8"), "run `make schema` and commit the result"


def test_the_sdl_describes_a_valid_schema() -> None:
    assert validate_schema(build_schema(print_sdl())) == []


def test_every_aggregate_has_its_type() -> None:
    assert {kind.aggregate.TOPIC for kind in KINDS} == set(AGGREGATES)


def test_every_record_can_be_fetched_again_and_has_a_history() -> None:
    for kind in KINDS:
        of = TYPES[kind.type_name]
        assert isinstance(of, GraphQLObjectType)
        assert {"Node", "Record"} <= {interface.name for interface in of.interfaces}
        assert {"id", "uuid", "version", "createdAt", "updatedAt", "history"} <= set(of.fields)


@pytest.mark.parametrize(
    ("where", "order", "table"),
    [
        (CustomerWhere, CustomerOrder, CUSTOMERS),
        (OpportunityWhere, OpportunityOrder, OPPORTUNITIES),
        (TicketWhere, TicketOrder, TICKETS),
        (ProductWhere, ProductOrder, PRODUCTS),
        (AuditWhere, AuditOrder, AUDIT),
    ],
)
def test_filters_and_orders_name_columns_of_their_table(
    where: Any, order: Any, table: Table[Any]
) -> None:
    columns = set(table.column_names)
    fields = {field.python_name for field in where.__strawberry_definition__.fields}
    assert fields - {"and_", "or_", "not_"} <= columns
    (field,) = [f for f in order.__strawberry_definition__.fields if f.python_name == "field"]
    assert {value.value for value in field.type.values} <= columns


def test_connections_are_as_relay_has_them() -> None:
    info = TYPES["PageInfo"]
    assert isinstance(info, GraphQLObjectType)
    assert {name: str(field.type) for name, field in info.fields.items()} == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }
    for name, of in TYPES.items():
        if name.endswith("Connection"):
            assert isinstance(of, GraphQLObjectType)
            node = name.removesuffix("Connection")
            assert str(of.fields["edges"].type) == f"[{node}Edge!]!"
            assert str(of.fields["pageInfo"].type) == "PageInfo!"


def test_every_payload_has_the_same_head() -> None:
    for name, of in TYPES.items():
        if name.endswith("Payload") and isinstance(of, GraphQLObjectType):
            assert [interface.name for interface in of.interfaces] == ["MutationPayload"], name


def test_every_type_and_root_field_is_described() -> None:
    silent = [
        name
        for name, of in TYPES.items()
        if isinstance(of, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
        and not name.startswith("__")
        and not name.endswith(("Connection", "Edge", "Payload"))
        and not of.description
    ]
    assert silent == []
    for root in ("Query", "Mutation", "Subscription"):
        of = TYPES[root]
        assert isinstance(of, GraphQLObjectType)
        assert [name for name, field in of.fields.items() if not field.description] == []


def test_no_enum_is_empty_or_oddly_named() -> None:
    for value in re.findall(r"^enum \w+ \{\n([^}]+)\}", print_sdl(), re.MULTILINE):
        names = [line.strip() for line in value.splitlines() if line.strip()]
        assert names
