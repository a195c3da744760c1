"""Every context of the product: the module list."""

from __future__ import annotations

from crm_core.customers.catalog import CONTEXT as CUSTOMERS
from crm_core.engagement.catalog import CONTEXT as ENGAGEMENT
from crm_core.exchange.catalog import CONTEXT as EXCHANGE
from crm_core.identity.catalog import CONTEXT as IDENTITY
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.messages import Command
from crm_core.privacy.catalog import CONTEXT as PRIVACY
from crm_core.privacy.erasure.commands import Erases
from crm_core.sales.catalog import CONTEXT as SALES
from crm_core.service.catalog import CONTEXT as SERVICE

__all__ = ["AGGREGATES", "COMMANDS", "CONTEXTS", "ERASING"]

CONTEXTS = (CUSTOMERS, SALES, SERVICE, ENGAGEMENT, IDENTITY, PRIVACY, EXCHANGE)

AGGREGATES: dict[str, type[Aggregate]] = {
    aggregate.TOPIC: aggregate for context in CONTEXTS for aggregate in context.aggregates
}
COMMANDS: dict[str, type[Command]] = {
    command.NAME: command for context in CONTEXTS for command in context.commands
}
ERASING: dict[str, type[Erases]] = {  # by the kind that they erase: `customer`
    name.partition(".")[0]: command
    for name, command in COMMANDS.items()
    if issubclass(command, Erases)
}
