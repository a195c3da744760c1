"""What the protection of personal data offers as records and commands."""

from __future__ import annotations

from crm_core.kernel.context import Context, commands_in
from crm_core.privacy.erasure import commands
from crm_core.privacy.erasure.erasure import Erasure

CONTEXT = Context(name="privacy", aggregates=(Erasure,), commands=commands_in(commands))
