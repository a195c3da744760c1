"""The rules of an opportunity: what it decides when it is asked for something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from crm_core.kernel.errors import Invalid, Rejected
from crm_core.kernel.values import Money
from crm_core.sales.figures import FULL, ZERO, percentage, positive_quantity
from crm_core.sales.opportunity import events as e
from crm_core.sales.opportunity.entering import (
    first_open,
    known_of,
    open_stage,
    require_gates,
    require_next,
    standing,
)
from crm_core.sales.opportunity.events import OpportunityStatus as Status
from crm_core.sales.opportunity.lines import Line, require_amount, sum_of
from crm_core.sales.opportunity.state import CLOSED, OpportunityState
from crm_core.sales.pipeline.events import ForecastCategory, StageClass
from crm_core.sales.pipeline.pipeline import Pipeline
from crm_core.sales.product.product import Product

LINES_MAX = 500
CONTACT_ROLES_MAX = 100
COMPETITORS_MAX = 50


class Opportunity(OpportunityState):
    TOPIC = "sales.opportunity"

    # --- opening ------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        opportunity_id: UUID,
        at: datetime,
        *,
        name: str,
        pipeline: Pipeline,
        stage_id: str | None,
        owner_id: UUID,
        currency: str,
        customer_id: UUID | None = None,
        product: Product | None = None,
        source: str | None = None,
        amount: Money | None = None,
        close_date: date | None = None,
    ) -> Opportunity:
        """Without a stage it enters the first open one; its gates hold there as well."""
        pipeline.require_active()
        if product is not None:
            product.require_active()
        if amount is not None:
            require_amount(amount, currency)
        definition = pipeline.current
        stage = first_open(definition) if stage_id is None else open_stage(definition, stage_id)
        require_gates(
            stage, known_of(amount=amount, close_date=close_date, customer_id=customer_id)
        )
        return cls.start(
            e.OpportunityOpened,
            opportunity_id,
            at,
            name=name.strip(),
            customer_id=customer_id,
            owner_id=owner_id,
            source=source,
            product_id=None if product is None else product.id,
            currency=currency,
            amount=amount,
            close_date=close_date,
            stage_id=stage.id,
            **standing(definition, stage),
        )

    def set_customer(self, customer_id: UUID) -> None:
        self.require_present()
        if customer_id != self.customer_id:
            self.record(
                e.OpportunityCustomerSet,
                from_customer_id=self.customer_id,
                customer_id=customer_id,
            )

    # --- the way through the pipeline ---------------------------------------------------------

    def move_stage(self, pipeline: Pipeline, stage_id: str, reason: str | None) -> None:
        """To an open stage that may follow and whose gates are met."""
        here = self.require_open()
        if stage_id == here:
            return
        stage = open_stage(pipeline.current, stage_id)
        require_next(pipeline, here, stage)
        require_gates(stage, self.known(self.amount))
        self.require_in_order()
        self.record(
            e.StageChanged,
            from_stage=here,
            to_stage=stage.id,
            reason=reason,
            **standing(pipeline.current, stage),
        )

    def transfer(self, pipeline: Pipeline, stage_map: Mapping[str, str]) -> None:
        """`stage_map` says which stage of the other pipeline follows which of this one."""
        here = self.require_open()
        pipeline.require_active()
        if pipeline.id == self.pipeline_id:
            raise Rejected("opportunity.same_pipeline", pipeline_id=str(pipeline.id))
        if here not in stage_map:
            raise Rejected("opportunity.stage_not_mapped", stage_id=here)
        stage = open_stage(pipeline.current, stage_map[here])
        require_gates(stage, self.known(self.amount))
        self.require_in_order()
        self.record(
            e.PipelineChanged,
            from_pipeline_id=self.pipeline_id,
            from_stage=here,
            to_stage=stage.id,
            **standing(pipeline.current, stage),
        )

    def win(self, pipeline: Pipeline, final_amount: Money | None, order_id: UUID | None) -> None:
        """For the amount it has, if no final one is named; with lines, for their sum."""
        here = self.require_open()
        if final_amount is not None and final_amount != self.amount:
            self.require_free_amount(final_amount)
        amount = final_amount or self.amount
        stage = pipeline.current.first(StageClass.WON)
        if stage is not None:
            require_next(pipeline, here, stage)
            require_gates(stage, self.known(amount))
        self.require_in_order()
        self.record(
            e.OpportunityWon,
            final_amount=amount,
            order_id=order_id,
            last_stage=here,
            stage_id=None if stage is None else stage.id,
            pipeline_id=self.pipeline_id,
            pipeline_version=pipeline.current.version,
            probability=FULL,
            forecast_category=ForecastCategory.CLOSED,
        )

    def lose(self, pipeline: Pipeline, reason_code: str, competitor: str | None) -> None:
        """From any open stage, whichever may follow it: a customer can say no at any time."""
        here = self.require_open()
        stage = pipeline.current.first(StageClass.LOST)
        if stage is not None:
            require_gates(stage, self.known(self.amount))
        self.require_in_order()
        self.record(
            e.OpportunityLost,
            reason_code=reason_code,
            competitor=competitor,
            amount=self.amount,
            last_stage=here,
            stage_id=None if stage is None else stage.id,
            pipeline_id=self.pipeline_id,
            pipeline_version=pipeline.current.version,
            probability=ZERO,
            forecast_category=ForecastCategory.OMITTED,
        )

    def reopen(self, pipeline: Pipeline, reason: str) -> None:
        """Back to the stage that it was closed from, or to what stands for that one by now."""
        self.require_present()
        if self.last_stage is None or self.status not in CLOSED:
            raise Rejected("opportunity.not_closed", opportunity_id=str(self.id))
        stage = pipeline.current.stage(pipeline.present(self.last_stage))
        self.require_in_order()
        self.record(
            e.OpportunityReopened,
            from_status=self.status,
            stage_id=stage.id,
            reason=reason,
            **standing(pipeline.current, stage),
        )

    def hold(self, until: date | None) -> None:
        """It stays in its stage, and its stage's clock runs on."""
        self.require_undecided()
        if until is not None and until < self.at.date():
            raise Rejected("opportunity.hold_ends_in_past", until=until)
        if self.status is Status.ON_HOLD and until == self.held_until:
            return
        self.require_in_order()
        self.record(e.OpportunityHeld, until=until)

    def resume(self) -> None:
        self.require_undecided()
        if self.status is Status.OPEN:
            raise Rejected("opportunity.not_on_hold", opportunity_id=str(self.id))
        self.require_in_order()
        self.record(e.OpportunityResumed)

    def archive(self, reason: str | None) -> None:
        """Takes it out of all work, for good; its external ids are free for another."""
        self.require_present()
        self.require_in_order()
        self.record(
            e.OpportunityArchived,
            from_status=self.status,
            last_stage=self.last_stage if self.status in CLOSED else self.stage_id,
            reason=reason,
        )

    # --- the money ----------------------------------------------------------------------------

    def set_amount(self, amount: Money) -> None:
        """Only without lines; with lines the amount is their sum."""
        self.require_undecided()
        self.require_free_amount(amount)
        if amount != self.amount:
            self.record(e.AmountSet, amount=amount, from_amount=self.amount)

    def add_line(
        self,
        line_id: UUID,
        product: Product,
        *,
        unit_price: Money | None,
        quantity: Decimal,
        discount_percent: Decimal,
        tax_code: str | None,
    ) -> None:
        """At the product's list price, if no other is named. The amount is the lines' sum then."""
        self.require_undecided()
        product.require_active()
        if line_id in self.lines:
            raise Rejected("opportunity.line_id_used", line_id=str(line_id))
        if len(self.lines) >= LINES_MAX:
            raise Rejected("opportunity.too_many_lines", limit=LINES_MAX)
        line = Line(
            product.id,
            unit_price or product.list_price,
            positive_quantity(quantity, "quantity"),
            percentage(discount_percent, "discount_percent"),
            tax_code,
        )
        self._put_line(e.LineAdded, line_id, line)

    def change_line(
        self,
        line_id: UUID,
        *,
        unit_price: Money | None,
        quantity: Decimal | None,
        discount_percent: Decimal | None,
        tax_code: str | None,
    ) -> None:
        """What is not named stays as it is."""
        self.require_undecided()
        old = self.line(line_id)
        line = Line(
            old.product_id,
            unit_price or old.unit_price,
            old.quantity if quantity is None else positive_quantity(quantity, "quantity"),
            old.discount_percent
            if discount_percent is None
            else percentage(discount_percent, "discount_percent"),
            tax_code or old.tax_code,
        )
        if line != old:
            self._put_line(e.LineChanged, line_id, line)

    def remove_line(self, line_id: UUID) -> None:
        """After the last line the amount is zero, and can be set by hand again."""
        self.require_undecided()
        self.line(line_id)
        rest = [line for held, line in self.lines.items() if held != line_id]
        self.record(e.LineRemoved, line_id=line_id, amount=sum_of(rest, self.currency))

    def _put_line(
        self, event_class: type[e.LineAdded | e.LineChanged], line_id: UUID, line: Line
    ) -> None:
        require_amount(line.unit_price, self.currency)
        self.record(
            event_class,
            line_id=line_id,
            product_id=line.product_id,
            unit_price=line.unit_price,
            quantity=line.quantity,
            discount_percent=line.discount_percent,
            tax_code=line.tax_code,
            line_total=line.total,
            amount=sum_of((self.lines | {line_id: line}).values(), self.currency),
        )

    # --- the forecast -------------------------------------------------------------------------

    def set_close_date(self, close_date: date, reason: str | None) -> None:
        """A date in the past is taken: such an opportunity has slipped, and is listed so."""
        self.require_undecided()
        if close_date != self.close_date:
            self.record(
                e.CloseDateChanged, from_date=self.close_date, to_date=close_date, reason=reason
            )

    def override_probability(self, probability: Decimal, reason: str | None) -> None:
        """Until it is cleared, or the opportunity leaves its stage."""
        self.require_undecided()
        probability = percentage(probability, "probability")
        if probability != self.probability:
            self.record(
                e.ProbabilityOverridden,
                probability=probability,
                from_probability=self.probability,
                reason=reason,
            )

    def clear_probability_override(self) -> None:
        self.require_undecided()
        if self.probability != self.stage_probability:
            self.record(
                e.ProbabilityOverrideCleared,
                probability=self.stage_probability,
                from_probability=self.probability,
            )

    def set_forecast_category(self, category: ForecastCategory) -> None:
        """Until the opportunity leaves its stage; closed is what only a won one is."""
        self.require_undecided()
        if category is ForecastCategory.CLOSED:
            raise Rejected("opportunity.category_is_closing", forecast_category=category.value)
        if category is not self.forecast_category:
            self.record(
                e.ForecastCategorySet,
                forecast_category=category,
                from_category=self.forecast_category,
            )

    def set_next_step(self, text: str | None, due_on: date | None) -> None:
        self.require_undecided()
        if text is None and due_on is not None:
            raise Invalid("text", "is needed where there is a date")
        if (text, due_on) != (self.next_step, self.next_step_due_on):
            self.record(e.NextStepSet, text=text, due_on=due_on)

    # --- the people ---------------------------------------------------------------------------

    def add_contact_role(self, customer_id: UUID, role: e.ContactRole) -> None:
        self.require_present()
        if (customer_id, role) in self.contact_roles:
            return
        if len(self.contact_roles) >= CONTACT_ROLES_MAX:
            raise Rejected("opportunity.too_many_contact_roles", limit=CONTACT_ROLES_MAX)
        self.record(e.ContactRoleAdded, customer_id=customer_id, role=role)

    def remove_contact_role(self, customer_id: UUID, role: e.ContactRole) -> None:
        self.require_present()
        if (customer_id, role) not in self.contact_roles:
            raise Rejected(
                "opportunity.no_such_contact_role", customer_id=str(customer_id), role=role.value
            )
        self.record(e.ContactRoleRemoved, customer_id=customer_id, role=role)

    def add_competitor(self, competitor: str, status: e.CompetitorStatus) -> None:
        self.require_present()
        if competitor in self.competitors:
            raise Rejected("opportunity.competitor_exists", competitor=competitor)
        if len(self.competitors) >= COMPETITORS_MAX:
            raise Rejected("opportunity.too_many_competitors", limit=COMPETITORS_MAX)
        self.record(e.CompetitorAdded, competitor=competitor, status=status)

    def set_competitor_status(self, competitor: str, status: e.CompetitorStatus) -> None:
        self.require_present()
        if competitor not in self.competitors:
            raise Rejected("opportunity.no_such_competitor", competitor=competitor)
        if status is not self.competitors[competitor]:
            self.record(e.CompetitorStatusSet, competitor=competitor, status=status)

    def assign_owner(self, owner_id: UUID) -> None:
        self.require_present()
        if owner_id != self.owner_id:
            self.record(
                e.OpportunityOwnerAssigned, from_owner_id=self.owner_id, to_owner_id=owner_id
            )

    def set_team_splits(self, splits: Sequence[e.TeamSplit]) -> None:
        """All shares at once: they sum to 100, or there are none."""
        self.require_present()
        shares = {s.user_id: percentage(s.percent, "splits.percent") for s in splits}
        if len(shares) < len(splits):
            raise Rejected("opportunity.split_twice")
        if ZERO in shares.values():
            raise Invalid("splits.percent", "must be above 0")
        total = sum(shares.values(), ZERO)
        if shares and total != FULL:
            raise Rejected("opportunity.splits_not_100", total=total)
        stored = tuple(e.TeamSplit(user_id=u, percent=percent) for u, percent in shares.items())
        if stored != self.splits:
            self.record(e.TeamSplitsSet, splits=stored)

    # --- unique keys --------------------------------------------------------------------------

    def link_external_id(self, system: str, external_id: str) -> None:
        self.require_present()
        if (system, external_id) not in self.external_ids:
            self.record(e.OpportunityExternalIdLinked, system=system, external_id=external_id)

    def unlink_external_id(self, system: str, external_id: str) -> None:
        self.require_present()
        if (system, external_id) in self.external_ids:
            self.record(e.OpportunityExternalIdUnlinked, system=system, external_id=external_id)
