"""What an opportunity is, by its events, and what it must be for a decision to be taken."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, assert_never
from uuid import UUID

from crm_core.kernel.aggregate import Aggregate, HeldKey, external_key
from crm_core.kernel.errors import Rejected
from crm_core.kernel.events import OptionalPersonalText, PersonalText
from crm_core.kernel.values import Money
from crm_core.sales.figures import ZERO
from crm_core.sales.opportunity import events as e
from crm_core.sales.opportunity.entering import known_of
from crm_core.sales.opportunity.events import OpportunityStatus as Status
from crm_core.sales.opportunity.lines import Line, require_amount
from crm_core.sales.pipeline.events import ForecastCategory, GateField

CLOSED: Final = frozenset({Status.WON, Status.LOST})

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Events are stamped by the ledger, a little after the decision, and clocks of machines differ.
_CLOCKS_APART_MAX = timedelta(minutes=1)


class OpportunityState(Aggregate):
    """The part of `Opportunity` that never decides."""

    name: PersonalText = ""
    status: Status = Status.OPEN
    customer_id: UUID | None = None
    owner_id: UUID = UUID(int=0)
    pipeline_id: UUID = UUID(int=0)
    pipeline_version: int = 0
    stage_id: str | None = None  # none once closed in a pipeline without closing stages
    last_stage: str | None = None  # that it was closed from
    moved_at: datetime = _LONG_AGO  # when its stage or status last changed
    stage_probability: Decimal = ZERO
    probability: Decimal = ZERO
    forecast_category: ForecastCategory = ForecastCategory.PIPELINE
    currency: str = ""
    amount: Money | None = None
    lines: dict[UUID, Line] = field(default_factory=dict)
    close_date: date | None = None
    held_until: date | None = None
    next_step: OptionalPersonalText = None
    next_step_due_on: date | None = None
    contact_roles: set[tuple[UUID, e.ContactRole]] = field(default_factory=set)
    competitors: dict[str, e.CompetitorStatus] = field(default_factory=dict)
    splits: tuple[e.TeamSplit, ...] = ()
    external_ids: set[tuple[str, str]] = field(default_factory=set)

    @property
    def subject_id(self) -> UUID:
        """What is written about a deal goes with its customer's key."""
        return self.customer_id or self.id

    def held_keys(self) -> frozenset[HeldKey]:
        """An opportunity that is not archived holds its external ids."""
        if self.status is Status.ARCHIVED:
            return frozenset()
        return frozenset(external_key("opportunity", *link) for link in self.external_ids)

    # --- state --------------------------------------------------------------------------------

    def when(self, event: Any) -> None:
        match event:
            case e.OpportunityOpened():
                self.name, self.customer_id = event.name, event.customer_id
                self.owner_id, self.currency = event.owner_id, event.currency
                self.amount, self.close_date = event.amount, event.close_date
                self._stand(event, event.stage_id, Status.OPEN)
            case e.OpportunityCustomerSet():
                self.customer_id = event.customer_id
            case e.StageChanged() | e.PipelineChanged():
                self._stand(event, event.to_stage, Status.OPEN)
            case e.OpportunityWon():
                self.amount, self.last_stage = event.final_amount, event.last_stage
                self._stand(event, event.stage_id, Status.WON)
            case e.OpportunityLost():
                self.last_stage = event.last_stage
                self._stand(event, event.stage_id, Status.LOST)
            case e.OpportunityReopened():
                self.last_stage = None
                self._stand(event, event.stage_id, Status.OPEN)
            case e.OpportunityHeld():
                self.held_until = event.until
                self._be(event, Status.ON_HOLD)
            case e.OpportunityResumed():
                self.held_until = None
                self._be(event, Status.OPEN)
            case e.OpportunityArchived():
                self._be(event, Status.ARCHIVED)
            case e.AmountSet():
                self.amount = event.amount
            case e.LineAdded() | e.LineChanged():
                self.lines[event.line_id] = Line(
                    event.product_id,
                    event.unit_price,
                    event.quantity,
                    event.discount_percent,
                    event.tax_code,
                )
                self.amount = event.amount
            case e.LineRemoved():
                self.lines.pop(event.line_id, None)
                self.amount = event.amount
            case e.CloseDateChanged():
                self.close_date = event.to_date
            case e.ProbabilityOverridden() | e.ProbabilityOverrideCleared():
                self.probability = event.probability
            case e.ForecastCategorySet():
                self.forecast_category = event.forecast_category
            case e.NextStepSet():
                self.next_step, self.next_step_due_on = event.text, event.due_on
            case e.ContactRoleAdded():
                self.contact_roles.add((event.customer_id, event.role))
            case e.ContactRoleRemoved():
                self.contact_roles.discard((event.customer_id, event.role))
            case e.CompetitorAdded() | e.CompetitorStatusSet():
                self.competitors[event.competitor] = event.status
            case e.OpportunityOwnerAssigned():
                self.owner_id = event.to_owner_id
            case e.TeamSplitsSet():
                self.splits = event.splits
            case e.OpportunityExternalIdLinked():
                self.external_ids.add((event.system, event.external_id))
            case e.OpportunityExternalIdUnlinked():
                self.external_ids.discard((event.system, event.external_id))
            case _:
                assert_never(event)

    def _stand(self, event: Any, stage_id: str | None, status: Status) -> None:
        self.stage_id = stage_id
        self.pipeline_id, self.pipeline_version = event.pipeline_id, event.pipeline_version
        self.probability = self.stage_probability = event.probability
        self.forecast_category = event.forecast_category
        self._be(event, status)

    def _be(self, event: Any, status: Status) -> None:
        self.status = status
        self.moved_at = max(self.moved_at, event.timestamp)

    # --- guards -------------------------------------------------------------------------------

    def require_present(self) -> None:
        if self.status is Status.ARCHIVED:
            raise Rejected("opportunity.archived", opportunity_id=str(self.id))

    def require_undecided(self) -> None:
        self.require_present()
        if self.status in CLOSED:
            raise Rejected(
                "opportunity.closed", opportunity_id=str(self.id), status=self.status.value
            )

    def require_open(self) -> str:
        """The stage that it is in."""
        self.require_undecided()
        if self.status is Status.ON_HOLD:
            raise Rejected("opportunity.on_hold", opportunity_id=str(self.id))
        assert self.stage_id is not None, "an open opportunity is in a stage"
        return self.stage_id

    def require_in_order(self) -> None:
        """No stage is left before it was entered, so that the times in them tile its life."""
        if self.at < self.moved_at - _CLOCKS_APART_MAX:
            raise Rejected("opportunity.before_last_move", last_move_at=self.moved_at)

    def require_free_amount(self, amount: Money) -> None:
        require_amount(amount, self.currency)
        if self.lines:
            raise Rejected("opportunity.amount_from_lines", opportunity_id=str(self.id))

    def known(self, amount: Money | None) -> frozenset[GateField]:
        return known_of(
            amount=amount,
            close_date=self.close_date,
            customer_id=self.customer_id,
            next_step=self.next_step,
            has_lines=bool(self.lines),
            has_decision_maker=any(
                role is e.ContactRole.DECISION_MAKER for _, role in self.contact_roles
            ),
        )

    def line(self, line_id: UUID) -> Line:
        line = self.lines.get(line_id)
        if line is None:
            raise Rejected("opportunity.no_such_line", line_id=str(line_id))
        return line
