"""Questions to the read models: a row, rows, a page, a count. A value never becomes SQL text."""

from __future__ import annotations

from crm_projections.reading.filters import (
    All,
    Comparison,
    Either,
    Filter,
    Not,
    Operator,
)
from crm_projections.reading.ordering import Order
from crm_projections.reading.pipeline import NotAnswered, Pipelines
from crm_projections.reading.reads import COUNT_EXACT_MAX, Count, Reads
from crm_projections.reading.sights import EVERYTHING, Sight
from crm_projections.reading.walk import Page, list_of
from crm_projections.reading.window import PAGE_MAX, Window

__all__ = [
    "COUNT_EXACT_MAX",
    "EVERYTHING",
    "PAGE_MAX",
    "All",
    "Comparison",
    "Count",
    "Either",
    "Filter",
    "Not",
    "NotAnswered",
    "Operator",
    "Order",
    "Page",
    "Pipelines",
    "Reads",
    "Sight",
    "Window",
    "list_of",
]
