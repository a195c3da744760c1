"""Identity: who uses the CRM, how they prove it, and their roles."""

from __future__ import annotations

from crm_core.identity.user.commands import (
    ActivateUser,
    DeactivateUser,
    GrantRole,
    InviteUser,
    RevokeRole,
    SetPassword,
    SuspendUser,
)
from crm_core.identity.user.user import (
    User,
    UserStatus,
)

__all__ = [
    "ActivateUser",
    "DeactivateUser",
    "GrantRole",
    "InviteUser",
    "RevokeRole",
    "SetPassword",
    "SuspendUser",
    "User",
    "UserStatus",
]
