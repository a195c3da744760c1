"""How users, teams, roles, shares and API keys are filtered and ordered."""

from __future__ import annotations

from enum import Enum

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.filters import (
    BooleanComparator,
    Comparator,
    DateTimeComparator,
    EnumComparator,
    IDComparator,
    ListComparator,
    OrderDirection,
    StringComparator,
    Where,
)
from crm_api.graphql.ids import required_uuid
from crm_core.identity import ShareLevel
from crm_core.identity.user.state import UserStatus

__all__ = [
    "ApiKeyOrder", "ApiKeyWhere", "RoleOrder", "RoleWhere", "ShareOrder", "ShareWhere",
    "TeamOrder", "TeamWhere", "UserOrder", "UserWhere",
]  # fmt: skip

graphql_enum(UserStatus)
graphql_enum(ShareLevel)


@strawberry.input(description="Which record must be on a list of records.")
class IDListComparator(Comparator):
    contains: strawberry.ID | None = strawberry.UNSET

    def taken(self, value: strawberry.ID) -> str:
        return str(required_uuid(value))


@strawberry.input(description="Which users; all that is given must hold.")
class UserWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    email: StringComparator | None = strawberry.UNSET
    status: EnumComparator[UserStatus] | None = strawberry.UNSET
    office: StringComparator | None = strawberry.UNSET
    manager_id: IDComparator | None = strawberry.UNSET
    roles: ListComparator | None = strawberry.UNSET
    created_at: DateTimeComparator | None = strawberry.UNSET
    and_: list[UserWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[UserWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: UserWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What users can be ordered by.")
class UserOrderField(Enum):
    NAME = "name"
    EMAIL = "email"
    CREATED_AT = "created_at"


@strawberry.input(description="By what users are ordered.")
class UserOrder:
    field: UserOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which teams; all that is given must hold.")
class TeamWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    parent_id: IDComparator | None = strawberry.UNSET
    member_ids: IDListComparator | None = strawberry.field(
        default=strawberry.UNSET, description="Who is of the team now."
    )
    is_dissolved: BooleanComparator | None = strawberry.UNSET
    and_: list[TeamWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[TeamWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: TeamWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What teams can be ordered by.")
class TeamOrderField(Enum):
    NAME = "name"
    CREATED_AT = "created_at"


@strawberry.input(description="By what teams are ordered.")
class TeamOrder:
    field: TeamOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which roles; all that is given must hold.")
class RoleWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    is_retired: BooleanComparator | None = strawberry.UNSET
    and_: list[RoleWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[RoleWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: RoleWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What roles can be ordered by.")
class RoleOrderField(Enum):
    NAME = "name"
    CREATED_AT = "created_at"


@strawberry.input(description="By what roles are ordered.")
class RoleOrder:
    field: RoleOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which shares; all that is given must hold.")
class ShareWhere(Where):
    shared_id: IDComparator | None = strawberry.UNSET
    principal_id: IDComparator | None = strawberry.UNSET
    level: EnumComparator[ShareLevel] | None = strawberry.UNSET
    until: DateTimeComparator | None = strawberry.UNSET
    is_revoked: BooleanComparator | None = strawberry.UNSET
    and_: list[ShareWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[ShareWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: ShareWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What shares can be ordered by.")
class ShareOrderField(Enum):
    CREATED_AT = "created_at"
    UNTIL = "until"


@strawberry.input(description="By what shares are ordered.")
class ShareOrder:
    field: ShareOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which API keys; all that is given must hold.")
class ApiKeyWhere(Where):
    name: StringComparator | None = strawberry.UNSET
    user_id: IDComparator | None = strawberry.UNSET
    scopes: ListComparator | None = strawberry.UNSET
    expires_at: DateTimeComparator | None = strawberry.UNSET
    is_revoked: BooleanComparator | None = strawberry.UNSET
    and_: list[ApiKeyWhere] | None = strawberry.field(name="and", default=strawberry.UNSET)
    or_: list[ApiKeyWhere] | None = strawberry.field(name="or", default=strawberry.UNSET)
    not_: ApiKeyWhere | None = strawberry.field(name="not", default=strawberry.UNSET)


@strawberry.enum(description="What API keys can be ordered by.")
class ApiKeyOrderField(Enum):
    NAME = "name"
    CREATED_AT = "created_at"
    EXPIRES_AT = "expires_at"


@strawberry.input(description="By what API keys are ordered.")
class ApiKeyOrder:
    field: ApiKeyOrderField
    direction: OrderDirection = OrderDirection.ASC
