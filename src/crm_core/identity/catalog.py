"""What the identity context offers."""

from __future__ import annotations

from crm_core.identity.api_key import commands as api_key
from crm_core.identity.api_key.api_key import ApiKey
from crm_core.identity.role import commands as role
from crm_core.identity.role.role import Role
from crm_core.identity.session import commands as session
from crm_core.identity.session.session import Session
from crm_core.identity.share import commands as share
from crm_core.identity.share.share import Share
from crm_core.identity.team import commands as team
from crm_core.identity.team.team import Team
from crm_core.identity.tenant import commands as tenant
from crm_core.identity.tenant.tenant import Tenant
from crm_core.identity.user import commands as user
from crm_core.identity.user import leaving, passkeys, sent_codes, sign_in
from crm_core.identity.user.user import User
from crm_core.kernel.context import Context, commands_in

_OF_SIGNING_IN = (passkeys, sent_codes, sign_in)

CONTEXT = Context(
    name="identity",
    aggregates=(Tenant, User, Team, Role, Share, ApiKey, Session),
    commands=tuple(
        command
        for module in (
            tenant,
            user,
            leaving,
            passkeys,
            sent_codes,
            sign_in,
            team,
            role,
            share,
            api_key,
            session,
        )
        for command in commands_in(module)
    ),
)
