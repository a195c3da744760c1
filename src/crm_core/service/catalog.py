"""What the service context offers."""

from __future__ import annotations

from crm_core.kernel.context import Context, commands_in
from crm_core.service.ticket import commands
from crm_core.service.ticket.ticket import Ticket

CONTEXT = Context(name="service", aggregates=(Ticket,), commands=commands_in(commands))
