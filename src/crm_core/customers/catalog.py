"""What the customers context offers."""

from __future__ import annotations

from crm_core.customers.customer import commands
from crm_core.customers.customer.customer import Customer
from crm_core.kernel.context import Context, commands_in

CONTEXT = Context(name="customers", aggregates=(Customer,), commands=commands_in(commands))
