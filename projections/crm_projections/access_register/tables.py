"""The rows of the access register. Each key is `id`, as the aggregates have it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from crm_core.identity import ShareLevel
from crm_core.identity.user.state import UserStatus
from crm_projections.tables import Row, Table

__all__ = [
    "API_KEYS", "ROLES", "SHARES", "TEAMS", "USERS",
    "ApiKeyRow", "RegisterRow", "RoleRow", "ShareRow", "TeamRow", "UserRow",
]  # fmt: skip


class RegisterRow(Row, frozen=True, kw_only=True):
    id: UUID
    created_at: datetime


class UserRow(RegisterRow, frozen=True, kw_only=True):
    """`email` is null once the user was erased, as `name` is."""

    name: str | None
    email: str | None
    office: str | None
    manager_id: UUID | None
    status: UserStatus = UserStatus.INVITED
    roles: tuple[str, ...] = ()


class TeamRow(RegisterRow, frozen=True, kw_only=True):
    """`member_ids` are those of now; the periods are the team's own."""

    name: str
    parent_id: UUID | None
    member_ids: tuple[UUID, ...] = ()
    is_dissolved: bool = False


class RoleRow(RegisterRow, frozen=True, kw_only=True):
    name: str
    is_retired: bool = False


class ShareRow(RegisterRow, frozen=True, kw_only=True):
    shared_id: UUID
    principal_id: UUID
    level: ShareLevel
    until: datetime | None
    is_revoked: bool = False


class ApiKeyRow(RegisterRow, frozen=True, kw_only=True):
    """Without the digest of the secret: nobody is to look for it."""

    name: str
    user_id: UUID
    scopes: tuple[str, ...]
    expires_at: datetime
    is_revoked: bool = False


_BY_AGE = "created_at, id"

USERS = Table(
    "user",
    UserRow,
    key=("id",),
    about=("id",),
    erased=lambda row, _: replace(row, name=None, email=None),
    indexes=(_BY_AGE, "name, id"),
)
TEAMS = Table("team", TeamRow, key=("id",), indexes=("name, id", "parent_id"))
ROLES = Table("role", RoleRow, key=("id",), indexes=("name, id",))
SHARES = Table(
    "share", ShareRow, key=("id",), indexes=(_BY_AGE, "shared_id", "principal_id")
)  # fmt: skip
API_KEYS = Table("api_key", ApiKeyRow, key=("id",), indexes=(_BY_AGE, "user_id"))
