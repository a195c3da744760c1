"""Keeps one row a user, team, role, share and API key: what their lists are filtered and sorted by.

What a record of the lists shows comes from its events, which are never behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_core.identity.api_key import events as key
from crm_core.identity.role import events as role
from crm_core.identity.share import events as share
from crm_core.identity.team import events as team
from crm_core.identity.user import events as user
from crm_core.identity.user.state import UserStatus
from crm_core.kernel.events import Event, plain
from crm_projections.access_register.tables import (
    API_KEYS,
    ROLES,
    SHARES,
    TEAMS,
    USERS,
    ApiKeyRow,
    RegisterRow,
    RoleRow,
    ShareRow,
    TeamRow,
    UserRow,
)
from crm_projections.projection import Projection
from crm_projections.rows import Rows
from crm_projections.tables import Table

__all__ = ["AccessRegister"]

_TABLES: dict[str, Table[Any]] = {
    "identity.user": USERS,
    "identity.team": TEAMS,
    "identity.role": ROLES,
    "identity.share": SHARES,
    "identity.api_key": API_KEYS,
}
"""By the type of the record's stream."""

_STATUS_AFTER = {
    user.UserActivated: UserStatus.ACTIVE,
    user.UserSuspended: UserStatus.SUSPENDED,
    user.UserDeactivated: UserStatus.DEACTIVATED,
}


class AccessRegister(Projection):
    name = "access_register"
    version = 1
    tables = tuple(_TABLES.values())
    reads: ClassVar[tuple[str, ...]] = tuple(f"{topic}." for topic in _TABLES)
    by_stream = True

    def needs(self, event: RecordedEvent) -> Iterable[tuple[Table[Any], UUID]]:
        table = _TABLES.get(event.record_type)
        return () if table is None else [(table, event.record_id)]

    def apply(self, event: RecordedEvent, rows: Rows) -> None:
        table = _TABLES[event.record_type]
        row = rows.get(table, event.record_id)
        changed = _begun(event) if row is None else _changed(event.data, row)
        if changed is not row:
            rows.put(table, changed)


def _begun(event: RecordedEvent) -> RegisterRow:
    at, record_id = event.happened_at, event.record_id
    match event.data:
        case user.UserInvited() as fact:
            return UserRow(
                id=record_id, created_at=at, name=plain(fact.name), email=plain(fact.email),
                office=fact.office, manager_id=fact.manager_id,
            )  # fmt: skip
        case team.TeamCreated() as fact:
            return TeamRow(id=record_id, created_at=at, name=fact.name, parent_id=fact.parent_id)
        case role.RoleDefined() as fact:
            return RoleRow(id=record_id, created_at=at, name=fact.name)
        case share.ShareGranted() as fact:
            return ShareRow(
                id=record_id, created_at=at, shared_id=fact.shared_id,
                principal_id=fact.principal_id, level=fact.level, until=fact.until,
            )  # fmt: skip
        case key.ApiKeyIssued() as fact:
            return ApiKeyRow(
                id=record_id, created_at=at, name=fact.name, user_id=fact.user_id,
                scopes=fact.scopes, expires_at=fact.expires_at,
            )  # fmt: skip
        case _:
            raise LookupError(event.type)


def _changed(fact: Event, row: RegisterRow) -> RegisterRow:
    """The row after the fact; the row itself where a list cannot tell."""
    match row:
        case UserRow():
            return _user_changed(fact, row)
        case TeamRow():
            return _team_changed(fact, row)
        case RoleRow():
            return replace(row, is_retired=isinstance(fact, role.RoleRetired))
        case ShareRow() | ApiKeyRow():
            return replace(row, is_revoked=True)
        case _:
            raise LookupError(type(row).__name__)


def _user_changed(fact: Event, row: UserRow) -> UserRow:
    match fact:
        case user.UserActivated() | user.UserSuspended() | user.UserDeactivated():
            return replace(row, status=_STATUS_AFTER[type(fact)])
        case user.RoleGranted():
            return replace(row, roles=tuple(sorted({*row.roles, fact.role})))
        case user.RoleRevoked():
            return replace(row, roles=tuple(name for name in row.roles if name != fact.role))
        case _:
            return row


def _team_changed(fact: Event, row: TeamRow) -> TeamRow:
    match fact:
        case team.TeamRenamed():
            return replace(row, name=fact.name)
        case team.TeamMoved():
            return replace(row, parent_id=fact.to_parent_id)
        case team.MemberJoined():
            return replace(row, member_ids=(*row.member_ids, fact.user_id))
        case team.MemberLeft():
            left = tuple(member for member in row.member_ids if member != fact.user_id)
            return replace(row, member_ids=left)
        case team.TeamDissolved():
            return replace(row, is_dissolved=True, member_ids=())
        case _:
            return row
