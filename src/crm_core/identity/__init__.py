"""Identity: who uses the CRM, how they prove it, and what they may do."""

from __future__ import annotations

from crm_core.access.rights import Rule, Scope
from crm_core.identity.api_key.api_key import ApiKey
from crm_core.identity.api_key.commands import IssueApiKey, RevokeApiKey
from crm_core.identity.breached import BreachedPasswords
from crm_core.identity.directory import Directory
from crm_core.identity.role.commands import DefineRole, RetireRole, RoleRule
from crm_core.identity.role.role import Role
from crm_core.identity.session.commands import EndSession, OpenSession, RotateSession
from crm_core.identity.session.session import Session
from crm_core.identity.share.commands import GrantShare, RevokeShare
from crm_core.identity.share.events import ShareLevel
from crm_core.identity.share.share import Share
from crm_core.identity.team.commands import (
    AddTeamMember,
    CreateTeam,
    DissolveTeam,
    MoveTeam,
    RemoveTeamMember,
    RenameTeam,
)
from crm_core.identity.team.team import Team
from crm_core.identity.tenant.commands import OnboardTenant, ResumeTenant, SuspendTenant
from crm_core.identity.tenant.tenant import Tenant
from crm_core.identity.user.commands import (
    ActivateUser,
    ConfirmTotp,
    EnrolTotp,
    EraseUser,
    GrantRole,
    InviteUser,
    NoteFailedSignIn,
    NoteSignInLocked,
    RemoveTotp,
    RevokeRole,
    SetPassword,
    SuspendUser,
    UseCode,
)
from crm_core.identity.user.leaving import CompleteHandOver, DeactivateUser, HandOverRecords
from crm_core.identity.user.passkeys import RegisterPasskey, RemovePasskey, UsePasskey
from crm_core.identity.user.sent_codes import (
    NoteCodeSent,
    TurnOffSentCodes,
    TurnOnSentCodes,
    UseSentCode,
)
from crm_core.identity.user.sign_in import LinkIdentity, UnlinkIdentity
from crm_core.identity.user.state import Passkey, UserStatus
from crm_core.identity.user.user import User

__all__ = [
    "ActivateUser",
    "AddTeamMember",
    "ApiKey",
    "BreachedPasswords",
    "CompleteHandOver",
    "ConfirmTotp",
    "CreateTeam",
    "DeactivateUser",
    "DefineRole",
    "Directory",
    "DissolveTeam",
    "EndSession",
    "EnrolTotp",
    "EraseUser",
    "GrantRole",
    "GrantShare",
    "HandOverRecords",
    "InviteUser",
    "IssueApiKey",
    "LinkIdentity",
    "MoveTeam",
    "NoteCodeSent",
    "NoteFailedSignIn",
    "NoteSignInLocked",
    "OnboardTenant",
    "OpenSession",
    "Passkey",
    "RegisterPasskey",
    "RemovePasskey",
    "RemoveTeamMember",
    "RemoveTotp",
    "RenameTeam",
    "ResumeTenant",
    "RetireRole",
    "RevokeApiKey",
    "RevokeRole",
    "RevokeShare",
    "Role",
    "RoleRule",
    "RotateSession",
    "Rule",
    "Scope",
    "Session",
    "SetPassword",
    "Share",
    "ShareLevel",
    "SuspendTenant",
    "SuspendUser",
    "Team",
    "Tenant",
    "TurnOffSentCodes",
    "TurnOnSentCodes",
    "UnlinkIdentity",
    "UseCode",
    "UsePasskey",
    "UseSentCode",
    "User",
    "UserStatus",
]
