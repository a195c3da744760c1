"""Listing teams, roles, shares and API keys: what makes up who may do what."""

from __future__ import annotations

import strawberry

from crm_api.graphql.arguments.access import (
    ApiKeyOrder,
    ApiKeyWhere,
    RoleOrder,
    RoleWhere,
    ShareOrder,
    ShareWhere,
    TeamOrder,
    TeamWhere,
)
from crm_api.graphql.as_of import MinPosition
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.links import folded_list
from crm_api.graphql.types.access import (
    API_KEY,
    ROLE,
    SHARE,
    TEAM,
    AccessRule,
    ApiKey,
    BuiltInRole,
    Role,
    Share,
    Team,
)
from crm_core.access.rights import BUILT_IN_ROLES
from crm_projections.access_register.tables import API_KEYS, ROLES, SHARES, TEAMS
from crm_projections.reading import Order

__all__ = ["GrantedQueries"]


@strawberry.type
class GrantedQueries:
    @resolver("Teams that there are or were, by their names unless ordered otherwise.")
    async def teams(
        self,
        info: Info,
        where: TeamWhere | None = strawberry.UNSET,
        order_by: list[TeamOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Team] | None:
        await require(info, "team", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("name"))
        return await folded_list(info, TEAM, TEAMS, window, filter_of(where), order)

    @resolver("Roles that were defined here, by their names unless ordered otherwise.")
    async def roles(
        self,
        info: Info,
        where: RoleWhere | None = strawberry.UNSET,
        order_by: list[RoleOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Role] | None:
        await require(info, "role", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("name"))
        return await folded_list(info, ROLE, ROLES, window, filter_of(where), order)

    @resolver("Shares, in the order in which they were granted unless ordered otherwise.")
    async def shares(
        self,
        info: Info,
        where: ShareWhere | None = strawberry.UNSET,
        order_by: list[ShareOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[Share] | None:
        await require(info, "share", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("created_at"))
        return await folded_list(info, SHARE, SHARES, window, filter_of(where), order)

    @resolver("API keys, in the order in which they were issued unless ordered otherwise.")
    async def api_keys(
        self,
        info: Info,
        where: ApiKeyWhere | None = strawberry.UNSET,
        order_by: list[ApiKeyOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[ApiKey] | None:
        await require(info, "api_key", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("created_at"))
        return await folded_list(info, API_KEY, API_KEYS, window, filter_of(where), order)

    @resolver(
        "The roles that are there from the beginning. Of the same name, one of `roles` counts."
    )
    async def built_in_roles(self, info: Info) -> list[BuiltInRole] | None:
        await require(info, "role")
        return [
            BuiltInRole(name=name, rules=AccessRule.all_of(rules))
            for name, rules in BUILT_IN_ROLES.items()
        ]
