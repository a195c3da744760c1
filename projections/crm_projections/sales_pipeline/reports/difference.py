"""What made the pipeline of one past into that of another? A waterfall that sums exactly.

The way between two pasts is cut into steps: from how an opportunity stood to how it stood next.
Each step's effect on the open pipeline is given to one or more changes, without a rest. So changes
add up: those from a to b and those from b to c are those from a to c, change by change, as long as
one clock moves.

Where both clocks move, what was learned by the end about the moment of the beginning comes first,
as one change of its own, RESTATED; then what happened between the moments, as known at the end.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from crm_projections.reporting import Chart, Report
from crm_projections.sales_pipeline.projection import SalesPipeline
from crm_projections.sales_pipeline.reports.question import (
    IN_SCOPE,
    RECORDS_ONLY,
    SalesQuestion,
)

__all__ = ["DIFFERENCE", "PipelineChange", "PipelineDiffRow"]


class PipelineChange(StrEnum):
    """What changes an open pipeline, in the order of the waterfall."""

    START = "START"  # the pipeline at the beginning
    RESTATED = "RESTATED"  # what was learned later about the beginning
    NEW = "NEW"
    REOPENED = "REOPENED"
    TRANSFERRED = "TRANSFERRED"  # to or from another group, or into or out of the filter
    REPRICED = "REPRICED"
    MOVED = "MOVED"  # to another stage
    REESTIMATED = "REESTIMATED"  # another probability in the same stage
    SLIPPED = "SLIPPED"  # expected to close on a later day; changes no sum
    ADVANCED = "ADVANCED"  # expected to close on an earlier day; changes no sum
    WON = "WON"
    LOST = "LOST"
    ARCHIVED = "ARCHIVED"
    END = "END"  # the pipeline at the end


class PipelineDiffRow(Struct, frozen=True, kw_only=True):
    """One change, per group and currency; START and END are the pipeline itself.

    `changes` is how often it happened, `deals`, `amount` and `weighted` what it added to the open
    pipeline. `balance` is the amount after it.
    """

    key: str | None
    currency: str
    change: PipelineChange
    changes: int
    deals: int
    amount: Decimal
    weighted: Decimal
    balance: Decimal


_VERSIONS: Final = f"""
    select opportunity_id, recorded_from, recorded_to, effective_from, effective_to,
           {{key}} as key, currency, status, (pipeline_id, stage_id) as place, close_date,
           closed_at, probability, coalesce(amount, 0) as amount,
           round(coalesce(amount, 0) * probability / 100, 4) as weighted,
           {IN_SCOPE} as in_scope, status in ('OPEN', 'ON_HOLD') as is_open,
           status in ('OPEN', 'ON_HOLD') and {IN_SCOPE} as seen
      from read_model.opportunity_period where tenant_id = %(tenant)s"""
"""Every stretch of every opportunity; `seen`: it is part of the pipeline that is asked about."""


def _known(position: str, version: str) -> str:
    """Whether a version was believed at a position."""
    return (
        f"{version}.recorded_from <= %({position})s"
        f" and ({version}.recorded_to is null or {version}.recorded_to > %({position})s)"
    )


def _about(moment: str, version: str) -> str:
    """Whether a version is about a moment."""
    return (
        f"{version}.effective_from <= %({moment})s"
        f" and ({version}.effective_to is null or {version}.effective_to > %({moment})s)"
    )


_PAIR: Final = ", ".join(
    f"was.{name} as was_{name}, new.{name} as new_{name}"
    for name in (
        "key", "status", "place", "close_date", "closed_at", "probability", "amount", "weighted",
        "in_scope", "is_open", "seen",
    )
)  # fmt: skip

_STEPS: Final = f"""
    select %(since_moment)s < %(moment)s as restated, new.currency, {_PAIR}
      from version as new left join version as was
           on was.opportunity_id = new.opportunity_id
           and was.recorded_to = new.recorded_from and {_about("since_moment", "was")}
     where new.recorded_from > %(since_position)s and new.recorded_from <= %(position)s
       and {_about("since_moment", "new")}
    union all
    select false, new.currency, {_PAIR}
      from version as new left join version as was
           on was.opportunity_id = new.opportunity_id
           and was.effective_to = new.effective_from and {_known("position", "was")}
     where new.effective_from > %(since_moment)s and new.effective_from <= %(moment)s
       and {_known("position", "new")}"""
"""Two versions of an opportunity, one after the other, for each step of the way.

First along the recorded clock, about the moment of the beginning; then along the effective one, as
known at the end. Where one clock stands still, its part is empty.
"""

_CASES: Final = """
    select restated, currency, was_key, new_key, was_status, new_status, was_amount, new_amount,
           was_weighted, new_weighted, was_is_open,
           round(new_amount * was_probability / 100, 4) as repriced_weighted,
           was_place <> new_place as moved, was_probability <> new_probability as reestimated,
           was_close_date < new_close_date as slipped,
           was_close_date > new_close_date as advanced,
           new_key is distinct from was_key as transferred,
           new_seen and was_seen is not true as enters,
           new_seen and was_seen as stays,
           was_seen and new_is_open and not new_seen as departs,
           was_seen and not new_is_open as leaves,
           not new_is_open and new_in_scope and (was_status is null
               or was_status <> 'ARCHIVED' and not was_is_open and was_closed_at <> new_closed_at)
               as passes
      from step"""
"""What a step is to the pipeline. `passes`: it came and went at one moment."""

_EFFECTS: Final = (
    """
    select currency, case when restated then 'RESTATED' else change end as change, key, deals,
           amount, weighted
      from ("""
    + _CASES
    + """) as step
     cross join lateral (values
        (enters, new_key, case when was_status is null then 'NEW' when was_is_open
            then 'TRANSFERRED' else 'REOPENED' end, 1, new_amount, new_weighted),
        ((stays or leaves) and was_amount <> new_amount, was_key, 'REPRICED', 0,
            new_amount - was_amount, repriced_weighted - was_weighted),
        (stays and moved, was_key, 'MOVED', 0, 0, new_weighted - repriced_weighted),
        (stays and reestimated and not moved, was_key, 'REESTIMATED', 0, 0,
            new_weighted - repriced_weighted),
        (stays and slipped, was_key, 'SLIPPED', 0, 0, 0),
        (stays and advanced, was_key, 'ADVANCED', 0, 0, 0),
        (stays and transferred, was_key, 'TRANSFERRED', -1, -new_amount, -new_weighted),
        (stays and transferred, new_key, 'TRANSFERRED', 1, new_amount, new_weighted),
        (departs, was_key, 'TRANSFERRED', -1, -was_amount, -was_weighted),
        (leaves, was_key, new_status, -1, -new_amount, -repriced_weighted),
        (passes, new_key, case when was_status is null then 'NEW' else 'REOPENED' end, 1,
            new_amount, new_weighted),
        (passes, new_key, new_status, -1, -new_amount, -new_weighted)
     ) as effect (applies, key, change, deals, amount, weighted)
     where applies"""
)
"""What a step adds to the pipeline, as one or more changes, without a rest."""


def _sql(question: SalesQuestion) -> str:
    order = ", ".join(f"'{change.value}'" for change in PipelineChange)
    ends = (("START", "since_position", "since_moment"), ("END", "position", "moment"))
    pipelines = "".join(
        f"""
            union all
            select currency, '{change}', key, 1, amount, weighted from version
             where seen and {_known(position, "version")} and {_about(moment, "version")}"""
        for change, position, moment in ends
    )
    return f"""
        with version as not materialized ({_VERSIONS.format(key=question.key("opened_at"))}
        ), step as not materialized ({_STEPS}
        ), counted as (
            select key, currency, change, count(*) as changes, sum(deals)::bigint as deals,
                   sum(amount) as amount, sum(weighted) as weighted,
                   array_position(array[{order}], change) as place
              from ({_EFFECTS}{pipelines}) as effect
             group by 1, 2, 3
        )
        select key, currency, change, changes, deals, amount, weighted,
               case change when 'END' then amount else sum(amount) over
                   (partition by key, currency order by place) end as balance
          from counted
         order by key, currency collate "C", place
        """


DIFFERENCE: Final = Report(
    name="pipeline-diff",
    title="What changed the pipeline",
    definition="The open pipeline: opportunities that are open or held. A change is counted each"
    " time it happened; what it added to the number of deals, to their amount and to their weighted"
    " amount is exact, so the beginning and all changes sum to the end. A deal that was reopened"
    " comes back with what it is worth then.",
    period_of=None,
    kind="opportunity",
    kept_by=SalesPipeline,
    question=SalesQuestion,
    row=PipelineDiffRow,
    sql=_sql,
    chart=Chart(across="change", up="balance", rise="amount"),
    groups=RECORDS_ONLY,
    compares=True,
)
