"""What the sales context offers."""

from __future__ import annotations

from crm_core.kernel.context import Context, commands_in
from crm_core.sales.opportunity import commands as opportunity
from crm_core.sales.opportunity.opportunity import Opportunity
from crm_core.sales.pipeline import commands as pipeline
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.product import commands as product
from crm_core.sales.product.product import Product

CONTEXT = Context(
    name="sales",
    aggregates=(Pipeline, Opportunity, Product),
    commands=(*commands_in(pipeline), *commands_in(opportunity), *commands_in(product)),
)
