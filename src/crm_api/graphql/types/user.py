"""The user in answers."""

from __future__ import annotations

from typing import cast

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.owned import HandOver, OwnedRecords
from crm_core.identity.user.state import UserStatus
from crm_core.identity.user.user import User as UserAggregate

__all__ = ["USER", "User"]

graphql_enum(UserStatus)


@strawberry.type(description="A person who signs in.")
class User(Record):
    KEY = "id"

    name: str | None = strawberry.field(description="Null once the user was erased.")
    email: str | None = strawberry.field(description="The name to sign in with.")
    status: UserStatus
    office: str | None

    @resolver("What the user may do, as names of roles, in order.")
    def roles(self) -> list[str]:
        return sorted(self.row.roles)

    @resolver("Whom the user reports to.")
    async def manager(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.manager_id, self.as_of))

    @resolver("What the user has to hand over on leaving, or still has.")
    def owned_records(self) -> OwnedRecords:
        return OwnedRecords(of=self)

    @resolver("Where the records of a user who left go; null where that was not said.")
    def hand_over(self) -> HandOver | None:
        row = self.row
        if row.successor_id is None and row.ticket_queue is None:
            return None
        return HandOver(
            of=self, ticket_queue=row.ticket_queue, is_completed=not row.is_handing_over
        )


USER = RecordKind(User, UserAggregate)
