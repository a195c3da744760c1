"""Reports: what they are of, how they are asked, and how they are drawn."""

from __future__ import annotations

from crm_projections.reporting.chart import Chart, vega_lite
from crm_projections.reporting.kept import KeptAnswers
from crm_projections.reporting.labels import Names, label, labelled
from crm_projections.reporting.past import LATEST, STEPS_TAKEN, Past, past_of
from crm_projections.reporting.question import (
    PERIODS,
    Question,
    among,
    in_days,
    in_period,
    in_sight,
    period_start,
    team_of,
)
from crm_projections.reporting.report import Report, answer

__all__ = [
    "LATEST",
    "PERIODS",
    "STEPS_TAKEN",
    "Chart",
    "KeptAnswers",
    "Names",
    "Past",
    "Question",
    "Report",
    "among",
    "answer",
    "in_days",
    "in_period",
    "in_sight",
    "label",
    "labelled",
    "past_of",
    "period_start",
    "team_of",
    "vega_lite",
]
