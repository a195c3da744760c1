"""One sale, told step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from crm_core.demo.companies import Company, company_id
from crm_core.demo.contacts import Talk, log_talk
from crm_core.demo.offer import list_price, money
from crm_core.demo.people import people_of, person_id
from crm_core.demo.staff import ANNA, DAVIDE, DAVIDE_LEAVES, TOMMASO
from crm_core.demo.story import END, Colleague, Story
from crm_core.kernel.messages import Command
from crm_core.sales.opportunity import commands as c
from crm_core.sales.opportunity.events import CompetitorStatus, ContactRole, TeamSplit
from crm_core.sales.pipeline.events import ForecastCategory

__all__ = ["Deal"]

_STEP: Final = 0.004  # a working day; some two minutes


class Deal:
    """The owner does one thing after the other; `waits` and `on` let time pass in between."""

    def __init__(
        self, story: Story, key: str, name: str, company: Company, owner: Colleague, day: float
    ) -> None:
        self.id = story.id("deal", key)
        self.company = company
        self.day = day
        self._story = story
        self._name = name
        self._owner = owner
        self._lines = 0
        self._close_on = day

    # --- time ---------------------------------------------------------------------------------

    def waits(self, days: float) -> bool:
        """Time passes; False where the story ends meanwhile. What Davide leaves is handed over."""
        arrives = self.day + days
        if self._owner is DAVIDE and arrives > DAVIDE_LEAVES + 0.1:
            self._owner = TOMMASO
            heir_id = self._story.user_id(TOMMASO)
            handed_over = c.AssignOpportunityOwner(opportunity_id=self.id, owner_id=heir_id)
            self.day = max(self.day, DAVIDE_LEAVES)
            self._tell(handed_over, ANNA)
        self.day = max(self.day, arrives)
        return self.day < END

    def on(self, day: float) -> None:
        """The next step is taken on that day of the story."""
        assert day >= self.day, f"{self._name}: day {day} is over"
        self.waits(day - self.day)

    # --- the course of it ---------------------------------------------------------------------

    def opens(self, *, source: str, close_in: float, code: str | None = None) -> None:
        self._close_on = self.day + close_in
        self._tell(
            c.OpenOpportunity(
                opportunity_id=self.id,
                name=self._name,
                customer_id=company_id(self._story, self.company),
                pipeline_id=self._story.id("pipeline"),
                currency=self.company.currency,
                owner_id=self._story.user_id(self._owner),
                product_id=None if code is None else self._story.id("product", code),
                source=source,
                close_date=self._story.date(self._close_on),
            )
        )

    def moves(self, stage_id: str, reason: str | None = None) -> None:
        self._tell(c.MoveStage(opportunity_id=self.id, stage_id=stage_id, reason=reason))

    def wins(self) -> None:
        self._tell(c.WinOpportunity(opportunity_id=self.id))

    def loses(self, reason_code: str, competitor: str | None = None) -> None:
        self._tell(
            c.LoseOpportunity(
                opportunity_id=self.id, reason_code=reason_code, competitor=competitor
            )
        )

    def reopens(self, reason: str) -> None:
        self._tell(c.ReopenOpportunity(opportunity_id=self.id, reason=reason))

    def holds(self, days: float) -> None:
        until = self._story.date(self.day + days)
        self._tell(c.HoldOpportunity(opportunity_id=self.id, until=until))

    def resumes(self) -> None:
        self._tell(c.ResumeOpportunity(opportunity_id=self.id))

    def archives(self, reason: str) -> None:
        self._tell(c.ArchiveOpportunity(opportunity_id=self.id, reason=reason))

    # --- money and forecast -------------------------------------------------------------------

    def is_worth(self, euros: int) -> None:
        amount = money(euros, self.company.currency)
        self._tell(c.SetAmount(opportunity_id=self.id, amount=amount))

    def offers(self, code: str, quantity: int, discount: int = 0) -> UUID:
        """The line, at the list price of the customer's currency."""
        self._lines += 1
        line_id = self._story.id("line", self.id, self._lines)
        currency = self.company.currency
        self._tell(
            c.AddLine(
                opportunity_id=self.id,
                line_id=line_id,
                product_id=self._story.id("product", code),
                quantity=Decimal(quantity),
                unit_price=None if currency == "EUR" else list_price(code, currency),
                discount_percent=Decimal(discount),
            )
        )
        return line_id

    def discounts(self, line_id: UUID, percent: int) -> None:
        self._tell(
            c.ChangeLine(opportunity_id=self.id, line_id=line_id, discount_percent=Decimal(percent))
        )

    def slips(self, days: float, reason: str) -> None:
        """The decision is expected that much later than so far."""
        self._close_on += days
        close_date = self._story.date(self._close_on)
        self._tell(c.SetCloseDate(opportunity_id=self.id, close_date=close_date, reason=reason))

    def doubts(self, percent: int, reason: str) -> None:
        self._tell(
            c.OverrideProbability(
                opportunity_id=self.id, probability=Decimal(percent), reason=reason
            )
        )

    def forecasts(self, category: ForecastCategory) -> None:
        self._tell(c.SetForecastCategory(opportunity_id=self.id, forecast_category=category))

    def plans(self, text: str, in_days: float) -> None:
        due_on = self._story.date(self.day + in_days)
        self._tell(c.SetNextStep(opportunity_id=self.id, text=text, due_on=due_on))

    # --- people -------------------------------------------------------------------------------

    def involves(self, role: ContactRole, number: int = 0) -> None:
        """Somebody at the company has a part in the decision, by order of acquaintance."""
        known = people_of(self._story, self.company, self.day)
        if number < len(known):
            customer_id = person_id(self._story, known[number])
            self._tell(c.AddContactRole(opportunity_id=self.id, customer_id=customer_id, role=role))

    def meets(self, competitor: str, status: CompetitorStatus = CompetitorStatus.ACTIVE) -> None:
        self._tell(c.AddCompetitor(opportunity_id=self.id, competitor=competitor, status=status))

    def sees(self, competitor: str, status: CompetitorStatus) -> None:
        self._tell(
            c.SetCompetitorStatus(opportunity_id=self.id, competitor=competitor, status=status)
        )

    def is_shared(self, splits: dict[Colleague, int]) -> None:
        shares = tuple(
            TeamSplit(user_id=self._story.user_id(who), percent=Decimal(percent))
            for who, percent in splits.items()
        )
        self._tell(c.SetTeamSplits(opportunity_id=self.id, splits=shares))

    def talks(self, talk: Talk) -> None:
        """Somebody speaks with the company about it."""
        log_talk(self._story, self.day, self._owner, self.company, talk, opportunity_id=self.id)
        self.day += _STEP

    def _tell(self, command: Command, who: Colleague | None = None) -> None:
        self._story.tell(self.day, who or self._owner, command)
        self.day += _STEP
