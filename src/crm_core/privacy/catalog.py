"""What the protection of personal data offers as records and commands."""

from __future__ import annotations

from crm_core.kernel.context import Context, commands_in
from crm_core.privacy.disclosure import commands as disclosure
from crm_core.privacy.disclosure.disclosure import Disclosure
from crm_core.privacy.erasure import commands as erasure
from crm_core.privacy.erasure.erasure import Erasure

CONTEXT = Context(
    name="privacy",
    aggregates=(Erasure, Disclosure),
    commands=(*commands_in(erasure), *commands_in(disclosure)),
)
