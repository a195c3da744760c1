"""Asking who could see what, now and at any past moment."""

from __future__ import annotations

import asyncio
from typing import Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.as_of import AsOfArgument, as_of_from
from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid
from crm_api.graphql.types.user import USER, User
from crm_core import NotFound
from crm_core.access.rights import Reach

__all__ = ["AccessQueries"]


@strawberry.type(name="Reach", description="The records of a kind that somebody may read.")
class KindReach:
    kind: str
    everything: bool
    owner_ids: list[UUID] = strawberry.field(description="The records of these users.")
    record_ids: list[UUID] = strawberry.field(description="And these, which were shared.")

    @classmethod
    def of(cls, kind: str, reach: Reach) -> Self:
        return cls(
            kind=kind,
            everything=reach.everything,
            owner_ids=sorted(reach.owners),
            record_ids=sorted(reach.records),
        )


@strawberry.type
class AccessQueries:
    @resolver(
        "Who may read a record, or could as of a past; by their ids. Null where there was no"
        " record. For those who may audit events."
    )
    async def who_could_see(
        self, info: Info, id: strawberry.ID, as_of: AsOfArgument = strawberry.UNSET
    ) -> list[User] | None:
        context = await require(info, "event", "audit")
        context.matters()
        past = as_of_from(as_of, None)
        try:
            user_ids = await context.services.crm.who_could_see(required_uuid(id), past)
        except NotFound:
            return None
        found = await asyncio.gather(*(context.loaders.folded(USER, key) for key in user_ids))
        return [cast("User", user) for user in found if user is not None]

    @resolver(
        "What a user may read, or could as of a past, by kind; kinds without any are left out. For"
        " those who may audit events."
    )
    async def what_could_user_see(
        self, info: Info, user_id: strawberry.ID, as_of: AsOfArgument = strawberry.UNSET
    ) -> list[KindReach] | None:
        context = await require(info, "event", "audit")
        of = required_uuid(user_id, "User")
        notes = context.matters()
        if notes is not None:
            notes.add("user", of, personal=False)
        reaches = await context.services.crm.what_could_user_see(of, as_of_from(as_of, None))
        return [KindReach.of(kind, reach) for kind, reach in reaches.items()]
