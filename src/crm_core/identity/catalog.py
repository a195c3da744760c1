"""What the identity context offers."""

from __future__ import annotations

from crm_core.identity.user import commands
from crm_core.identity.user.user import User
from crm_core.kernel.context import Context, commands_in

CONTEXT = Context(name="identity", aggregates=(User,), commands=commands_in(commands))
