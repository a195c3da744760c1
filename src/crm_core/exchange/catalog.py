"""What the exchange of much at once offers as records and commands."""

from __future__ import annotations

from crm_core.exchange.bulk_operation import commands
from crm_core.exchange.bulk_operation.operation import BulkOperation
from crm_core.kernel.context import Context, commands_in

CONTEXT = Context(name="exchange", aggregates=(BulkOperation,), commands=commands_in(commands))
