"""A page of a list in the shape that a query asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from graphql import GraphQLObjectType

from crm_api.graphql.compiled.selection import (
    NotCovered,
    Selected,
    Selections,
    inner_type,
    name_of,
    type_name,
)
from crm_api.graphql.connection import CountPrecision
from crm_projections.reading.trees import Listing, PageOf, Sql, Tree, Values, json_object

__all__ = ["ConnectionShape"]


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    """`of` is the connection's type; `node` gives the shape of a row."""

    selections: Selections
    of: GraphQLObjectType
    node: Callable[[Values, Selected], Sql]

    def sql(self, tree: Tree, listing: Listing, selected: Selected) -> Sql:
        parts = list(self.selections.of(self.of, selected))
        is_probed = any(name_of(part) == "pageInfo" for _, part in parts)

        def shape(page: PageOf) -> Sql:
            return json_object((key, self._part(page, part)) for key, part in parts)

        return tree.page(replace(listing, is_probed=is_probed), shape)

    def _part(self, page: PageOf, selected: Selected) -> Sql:
        match name_of(selected):
            case "__typename":
                return type_name(self.of)
            case "nodes":
                return page.items(self.node(page.values, selected))
            case "edges":
                edge = inner_type(self.of, "edges")
                members = self.selections.of(edge, selected)
                return page.items(
                    json_object((key, self._edge(edge, page, member)) for key, member in members)
                )
            case "pageInfo":
                info = inner_type(self.of, "pageInfo")
                members = self.selections.of(info, selected)
                return json_object((key, _page_info(info, page, member)) for key, member in members)
            case "totalCount":
                return page.total()
            case "totalCountPrecision":
                names = (CountPrecision.EXACT.name, CountPrecision.AT_LEAST.name)
                return page.is_exact(*(f'"{name}"' for name in names))
            case name:
                raise NotCovered(name)

    def _edge(self, of: GraphQLObjectType, page: PageOf, selected: Selected) -> Sql:
        match name_of(selected):
            case "__typename":
                return type_name(of)
            case "cursor":
                return page.cursor()
            case "node":
                return self.node(page.values, selected)
            case name:
                raise NotCovered(name)


def _page_info(of: GraphQLObjectType, page: PageOf, selected: Selected) -> Sql:
    match name_of(selected):
        case "__typename":
            return type_name(of)
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
