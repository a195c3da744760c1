"""A report's rows as a picture: a complete Vega-Lite 5 specification, its data inlined.

See https://vega.github.io/vega-lite/docs/spec.html. Numbers are plain JSON numbers here; the exact
amounts are in the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from crm_projections.reporting.question import PERIODS, Question

if TYPE_CHECKING:
    from crm_projections.reporting.report import Report

__all__ = ["Chart", "vega_lite"]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars: `across` the category, `up` the measure, `color` a second category; all name fields.

    With a group, its label takes the place of `across`, which becomes the color. A bar begins at 0,
    or lower than its end by what the field `rise` says.
    """

    across: str = "label"
    up: str
    color: str | None = None
    rise: str | None = None


def vega_lite(
    report: Report[Any, Any], question: Question, lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The specification; `lines` are the labelled rows."""
    chart = report.chart
    values = [{name: _number(value) for name, value in line.items()} for line in lines]
    across, color = _categories(chart, question)
    encoding: dict[str, Any] = {
        "x": {
            "field": across,
            "type": _kind(across, question),
            "sort": None,
            "title": _title(across),
        },
        "y": {"field": chart.up, "type": "quantitative", "title": _title(chart.up)},
        "tooltip": [{"field": name, "title": _title(name)} for name in _shown(values)],
    }
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "title": report.title,
        "description": report.definition,
        "data": {"values": values},
        "mark": "bar",
        "encoding": encoding,
    }
    if color is not None:
        encoding["color"] = {"field": color, "type": "nominal", "title": _title(color)}
    if chart.rise is not None:
        spec["transform"] = [{"calculate": f"datum.{chart.up} - datum.{chart.rise}", "as": "begin"}]
        encoding["y2"] = {"field": "begin"}
    elif not _adds_up(report, chart.up):
        encoding["y"]["stack"] = None
        if color is not None:
            encoding["xOffset"] = {"field": color, "type": "nominal"}
    if len({line.get("currency") for line in values}) > 1:
        encoding["row"] = {"field": "currency", "type": "nominal", "title": _title("currency")}
        spec["resolve"] = {"scale": {"y": "independent"}}
    return spec


def _categories(chart: Chart, question: Question) -> tuple[str, str | None]:
    if question.grouped_by == "ALL" or chart.across == "label":
        return chart.across, chart.color
    return "label", chart.across


def _kind(across: str, question: Question) -> str:
    """Periods are in order, but are no moments: a moment would be drawn in the viewer's zone."""
    return "ordinal" if across == "label" and question.grouped_by in PERIODS else "nominal"


def _adds_up(report: Report[Any, Any], measure: str) -> bool:
    """Amounts and counts of parts sum to the whole; shares and means, which are floats, do not."""
    return "float" not in str(get_type_hints(report.row)[measure])


def _shown(values: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in values[0] if not name.endswith("_id")] if values else []


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
