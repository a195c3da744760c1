"""What can happen to an opportunity.

Every event carries the new values whole: after one that can change the amount, `amount` is the
opportunity's amount; after one that can change the stage, `probability` and `forecast_category` are
the opportunity's. A reader needs no earlier event, and no pipeline, to know how it stands.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from crm_core.kernel.events import Created, Event, OptionalPersonalText, PersonalText
from crm_core.kernel.values import Money
from crm_core.sales.pipeline.events import ForecastCategory


class OpportunityStatus(StrEnum):
    OPEN = "OPEN"
    ON_HOLD = "ON_HOLD"
    WON = "WON"
    LOST = "LOST"
    ARCHIVED = "ARCHIVED"


class ContactRole(StrEnum):
    """What a person has to say in the customer's decision."""

    DECISION_MAKER = "DECISION_MAKER"
    EVALUATOR = "EVALUATOR"
    INFLUENCER = "INFLUENCER"
    USER = "USER"
    OTHER = "OTHER"


class CompetitorStatus(StrEnum):
    ACTIVE = "ACTIVE"
    LEADING = "LEADING"
    ELIMINATED = "ELIMINATED"
    WON = "WON"


class TeamSplit(Struct, frozen=True, kw_only=True):
    """A user's share of an opportunity, in percent."""

    user_id: UUID
    percent: Decimal


class OpportunityOpened(Created):
    TOPIC = "sales.opportunity.opened"
    name: PersonalText
    customer_id: UUID | None
    owner_id: UUID
    source: str | None
    product_id: UUID | None
    currency: str
    amount: Money | None
    close_date: date | None
    pipeline_id: UUID
    pipeline_version: int
    stage_id: str
    probability: Decimal
    forecast_category: ForecastCategory


class OpportunityCustomerSet(Event):
    TOPIC = "sales.opportunity.customer_set"
    adopts = True
    from_customer_id: UUID | None
    customer_id: UUID


# --- the way through the pipeline -----------------------------------------------------------------


class StageChanged(Event):
    """The probability and the category are the new stage's: what was set by hand ends with it."""

    TOPIC = "sales.opportunity.stage_changed"
    from_stage: str
    to_stage: str
    pipeline_id: UUID
    pipeline_version: int
    probability: Decimal
    forecast_category: ForecastCategory
    reason: OptionalPersonalText


class PipelineChanged(Event):
    TOPIC = "sales.opportunity.pipeline_changed"
    from_pipeline_id: UUID
    from_stage: str
    to_stage: str
    pipeline_id: UUID
    pipeline_version: int
    probability: Decimal
    forecast_category: ForecastCategory


class OpportunityWon(Event):
    """`stage_id` is the pipeline's first stage of class WON, if it has one."""

    TOPIC = "sales.opportunity.won"
    final_amount: Money | None
    order_id: UUID | None
    last_stage: str
    stage_id: str | None
    pipeline_id: UUID
    pipeline_version: int
    probability: Decimal
    forecast_category: ForecastCategory


class OpportunityLost(Event):
    """`stage_id` is the pipeline's first stage of class LOST, if it has one."""

    TOPIC = "sales.opportunity.lost"
    reason_code: str
    competitor: str | None
    amount: Money | None
    last_stage: str
    stage_id: str | None
    pipeline_id: UUID
    pipeline_version: int
    probability: Decimal
    forecast_category: ForecastCategory


class OpportunityReopened(Event):
    """Back in the stage that it was closed from, or in what stands for that stage by now."""

    TOPIC = "sales.opportunity.reopened"
    from_status: OpportunityStatus
    stage_id: str
    pipeline_id: UUID
    pipeline_version: int
    probability: Decimal
    forecast_category: ForecastCategory
    reason: PersonalText


class OpportunityHeld(Event):
    TOPIC = "sales.opportunity.held"
    until: date | None


class OpportunityResumed(Event):
    TOPIC = "sales.opportunity.resumed"


class OpportunityArchived(Event):
    TOPIC = "sales.opportunity.archived"
    from_status: OpportunityStatus
    last_stage: str
    reason: OptionalPersonalText


# --- the money ------------------------------------------------------------------------------------


class AmountSet(Event):
    TOPIC = "sales.opportunity.amount_set"
    amount: Money
    from_amount: Money | None


class LineAdded(Event):
    """`line_total` is quantity x unit price less the discount; `amount` is the sum of all lines."""

    TOPIC = "sales.opportunity.line_added"
    line_id: UUID
    product_id: UUID
    unit_price: Money
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None
    line_total: Money
    amount: Money


class LineChanged(Event):
    TOPIC = "sales.opportunity.line_changed"
    line_id: UUID
    product_id: UUID
    unit_price: Money
    quantity: Decimal
    discount_percent: Decimal
    tax_code: str | None
    line_total: Money
    amount: Money


class LineRemoved(Event):
    """After the last line the amount is zero, and can be set by hand again."""

    TOPIC = "sales.opportunity.line_removed"
    line_id: UUID
    amount: Money


# --- the forecast ---------------------------------------------------------------------------------


class CloseDateChanged(Event):
    TOPIC = "sales.opportunity.close_date_changed"
    from_date: date | None
    to_date: date
    reason: OptionalPersonalText


class ProbabilityOverridden(Event):
    TOPIC = "sales.opportunity.probability_overridden"
    probability: Decimal
    from_probability: Decimal
    reason: OptionalPersonalText


class ProbabilityOverrideCleared(Event):
    """`probability` is the default that the stage had when the opportunity entered it."""

    TOPIC = "sales.opportunity.probability_override_cleared"
    probability: Decimal
    from_probability: Decimal


class ForecastCategorySet(Event):
    TOPIC = "sales.opportunity.forecast_category_set"
    forecast_category: ForecastCategory
    from_category: ForecastCategory


class NextStepSet(Event):
    """What is to be done next, and by when; None once nothing is planned."""

    TOPIC = "sales.opportunity.next_step_set"
    text: OptionalPersonalText
    due_on: date | None


# --- the people -----------------------------------------------------------------------------------


class ContactRoleAdded(Event):
    """A person of the customer's takes part in the decision."""

    TOPIC = "sales.opportunity.contact_role_added"
    customer_id: UUID
    role: ContactRole


class ContactRoleRemoved(Event):
    TOPIC = "sales.opportunity.contact_role_removed"
    customer_id: UUID
    role: ContactRole


class CompetitorAdded(Event):
    TOPIC = "sales.opportunity.competitor_added"
    competitor: str
    status: CompetitorStatus


class CompetitorStatusSet(Event):
    TOPIC = "sales.opportunity.competitor_status_set"
    competitor: str
    status: CompetitorStatus


class OpportunityOwnerAssigned(Event):
    TOPIC = "sales.opportunity.owner_assigned"
    from_owner_id: UUID
    to_owner_id: UUID


class TeamSplitsSet(Event):
    """All shares at once; they sum to 100, or there are none."""

    TOPIC = "sales.opportunity.team_splits_set"
    splits: tuple[TeamSplit, ...]


class OpportunityExternalIdLinked(Event):
    TOPIC = "sales.opportunity.external_id_linked"
    system: str
    external_id: str


class OpportunityExternalIdUnlinked(Event):
    TOPIC = "sales.opportunity.external_id_unlinked"
    system: str
    external_id: str
