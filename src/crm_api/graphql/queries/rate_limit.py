"""Asking what asking costs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.fields import resolver

__all__ = ["RateLimitQueries"]


@strawberry.type(description="How much you may ask for; `extensions.cost` of every answer has it.")
class RateLimit:
    limit: int = strawberry.field(description="The points that there are at most.")
    cost: int = strawberry.field(description="The points that this operation costs.")
    remaining: int = strawberry.field(description="The points that are left.")
    restore_rate: int = strawberry.field(description="The points that come back in a second.")
    reset_at: datetime = strawberry.field(description="When all of them are there again.")


@strawberry.type
class RateLimitQueries:
    @resolver("What this operation costs, and what is left; null on a websocket.")
    def rate_limit(
        self,
        info: Info,
        dry_run: Annotated[
            bool,
            strawberry.argument(
                description="Only reckons: nothing is charged, and no other field is answered."
            ),
        ] = False,
    ) -> RateLimit | None:
        charge = info.context.charge
        if charge is None:
            return None
        return RateLimit(
            limit=charge.allowance.maximum,
            cost=charge.requested,
            remaining=charge.left,
            restore_rate=charge.allowance.restored,
            reset_at=charge.full_at,
        )
