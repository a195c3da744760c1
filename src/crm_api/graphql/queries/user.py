"""Asking for users."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.arguments.access import UserOrder, UserWhere
from crm_api.graphql.as_of import AsOfArgument, EffectiveAt, MinPosition, as_of_from
from crm_api.graphql.connection import After, Before, Connection, First, Last, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.graphql.fields import resolver
from crm_api.graphql.filters import filter_of, order_of
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.links import folded_list
from crm_api.graphql.types.user import USER, User
from crm_core.identity.user.state import UserStatus
from crm_projections.access_register.tables import USERS
from crm_projections.reading import Order

__all__ = ["UserQueries"]


@strawberry.type
class UserQueries:
    @resolver("Who asks: the user of the bearer token, or for whom it acts.")
    async def viewer(self, info: Info) -> User | None:
        actor = info.context.actor
        user_id = required_uuid(actor.on_behalf_of or actor.id)
        found = cast("User | None", await info.context.loaders.stored(USER, user_id))
        if found is None or found.status is not UserStatus.ACTIVE:
            raise Refused(ErrorCode.UNAUTHENTICATED, "auth.required")
        return found

    @resolver("A user, by id.")
    async def user(
        self,
        info: Info,
        id: strawberry.ID,
        as_of: AsOfArgument = strawberry.UNSET,
        effective_at: EffectiveAt = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> User | None:
        context = await require(info, "user", min_position=min_position)
        user_id, past = required_uuid(id, "User"), as_of_from(as_of, effective_at)
        return cast("User | None", await context.loaders.folded(USER, user_id, past))

    @resolver("Users, in the order in which they were invited unless ordered otherwise.")
    async def users(
        self,
        info: Info,
        where: UserWhere | None = strawberry.UNSET,
        order_by: list[UserOrder] | None = strawberry.UNSET,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        min_position: MinPosition = strawberry.UNSET,
    ) -> Connection[User] | None:
        await require(info, "user", min_position=min_position)
        window = window_of(first, after, last, before)
        order = order_of(order_by, Order("created_at"))
        return await folded_list(info, USER, USERS, window, filter_of(where), order)
