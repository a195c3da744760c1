"""The questions about opportunities. A new one is a file and a line here."""

from __future__ import annotations

from typing import Any, Final

from crm_projections.reporting import Report
from crm_projections.sales_pipeline.reports.ageing import AGEING
from crm_projections.sales_pipeline.reports.difference import DIFFERENCE
from crm_projections.sales_pipeline.reports.figures import FIGURES
from crm_projections.sales_pipeline.reports.forecast import FORECAST
from crm_projections.sales_pipeline.reports.funnel import FUNNEL
from crm_projections.sales_pipeline.reports.outcomes import OUTCOMES
from crm_projections.sales_pipeline.reports.pipeline import PIPELINE
from crm_projections.sales_pipeline.reports.question import SalesGroup, SalesQuestion
from crm_projections.sales_pipeline.reports.stage_time import STAGE_TIME

__all__ = [
    "AGEING",
    "DIFFERENCE",
    "FIGURES",
    "FORECAST",
    "FUNNEL",
    "OUTCOMES",
    "PIPELINE",
    "SALES_REPORTS",
    "STAGE_TIME",
    "SalesGroup",
    "SalesQuestion",
]

SALES_REPORTS: Final[tuple[Report[SalesQuestion, Any], ...]] = (
    PIPELINE,
    FORECAST,
    DIFFERENCE,
    FUNNEL,
    FIGURES,
    OUTCOMES,
    STAGE_TIME,
    AGEING,
)
