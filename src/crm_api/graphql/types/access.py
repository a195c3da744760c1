"""Teams, roles, shares, keys, sessions and the tenant in answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self, cast
from uuid import UUID

import strawberry

from crm_api.graphql.context import Info
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.links import linked
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_api.graphql.types.user import USER, User
from crm_core.access.rights import Rule, Scope
from crm_core.identity import ApiKey as ApiKeyAggregate
from crm_core.identity import Role as RoleAggregate
from crm_core.identity import Session as SessionAggregate
from crm_core.identity import Share as ShareAggregate
from crm_core.identity import ShareLevel
from crm_core.identity import Team as TeamAggregate
from crm_core.identity import Tenant as TenantAggregate
from crm_core.identity.session.events import SessionEnd

__all__ = ["API_KEY", "ROLE", "SESSION", "SHARE", "TEAM", "TENANT"]

for _enum in (Scope, ShareLevel, SessionEnd):
    graphql_enum(_enum)


@strawberry.type(description="A stretch of time in which a user was of a team.")
class Membership:
    since: datetime
    until: datetime | None = strawberry.field(description="Null while it lasts.")
    user_id: strawberry.Private[UUID]
    record: strawberry.Private[Any]

    @resolver("Who.")
    async def user(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.user_id, self.record.as_of))


@strawberry.type(description="People who work together, below another team perhaps.")
class Team(Record):
    KEY = "id"

    name: str
    is_dissolved: bool

    @resolver("Memberships, past ones too, in the order in which they began.")
    def memberships(self) -> list[Membership]:
        return [
            Membership(since=m.since, until=m.until, user_id=m.user_id, record=self)
            for m in self.row.memberships
        ]

    @resolver("The team above.")
    async def parent(self, info: Info) -> Team | None:
        return cast("Team | None", await linked(info, TEAM, self.row.parent_id, self.as_of))


@strawberry.type(description="What a role allows on a kind of record: on whose, and what of them.")
class AccessRule:
    kind: str
    actions: list[str] = strawberry.field(description="`*` is every one.")
    scope: Scope
    withheld: list[str] = strawberry.field(description="Groups of fields that it does not show.")

    @classmethod
    def all_of(cls, rules: Iterable[Rule]) -> list[Self]:
        return [
            cls(
                kind=rule.kind,
                actions=list(rule.actions),
                scope=rule.scope,
                withheld=list(rule.withheld),
            )
            for rule in rules
        ]


@strawberry.type(description="A role that is there from the beginning.")
class BuiltInRole:
    name: str
    rules: list[AccessRule]


@strawberry.type(description="A name for a set of rules. Built-in roles are not records.")
class Role(Record):
    KEY = "id"

    name: str
    is_retired: bool

    @resolver("What it allows, to all who have it.")
    def rules(self) -> list[AccessRule]:
        return AccessRule.all_of(self.row.rules)


@strawberry.type(description="One record, opened to one user or team.")
class Share(Record):
    KEY = "id"

    shared_id: UUID = strawberry.field(description="The record.")
    principal_id: UUID = strawberry.field(description="The user or the team.")
    level: ShareLevel
    until: datetime | None = strawberry.field(description="When it ends by itself.")
    is_revoked: bool


@strawberry.type(description="What a program signs in with. The secret was shown once.")
class ApiKey(Record):
    KEY = "id"

    name: str
    scopes: list[str] = strawberry.field(description="Such as `customer.read`, `customer.*`.")
    expires_at: datetime
    only_trusted: bool = strawberry.field(description="It asks by trusted documents only.")
    is_revoked: bool

    @resolver("For whom it acts.")
    async def user(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.user_id, self.as_of))


@strawberry.type(description="A user who has signed in somewhere.")
class Session(Record):
    KEY = "id"

    expires_at: datetime
    ended: SessionEnd | None = strawberry.field(description="Why it ended; null while it lasts.")

    @resolver("Who has signed in.")
    async def user(self, info: Info) -> User | None:
        return cast("User | None", await linked(info, USER, self.row.user_id, self.as_of))

    @resolver("As whom, where it is another.")
    async def impersonated(self, info: Info) -> User | None:
        found = await linked(info, USER, self.row.impersonated_id, self.as_of)
        return cast("User | None", found)


@strawberry.type(description="The company whose CRM this is.")
class Tenant(Record):
    KEY = "id"

    name: str
    is_suspended: bool


TEAM = RecordKind(Team, TeamAggregate)
ROLE = RecordKind(Role, RoleAggregate)
SHARE = RecordKind(Share, ShareAggregate)
API_KEY = RecordKind(ApiKey, ApiKeyAggregate)
SESSION = RecordKind(Session, SessionAggregate)
TENANT = RecordKind(Tenant, TenantAggregate)
