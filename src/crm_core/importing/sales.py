"""The "CRM Sales Opportunities" data set: accounts, products, agents, and how their deals went.

Its past is told by `effective_at`: an opportunity opens in the stage "engaging" on the day it was
engaged, and is won or lost on the day it closed (midnight, UTC). Those that are still in
"prospecting" have no day, so they open when they are imported. Amounts are US dollars.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from uuid import UUID

from crm_core.customers.customer.commands import (
    RegisterOrganization,
    SetOrganizationProfile,
    SetParentOrganization,
)
from crm_core.identity.user.commands import InviteUser
from crm_core.importing.plan import NoteKind, Plan
from crm_core.importing.tables import Line, read_table
from crm_core.kernel.ids import derived_id
from crm_core.kernel.values import Money
from crm_core.sales.opportunity.commands import (
    LinkOpportunityExternalId,
    LoseOpportunity,
    OpenOpportunity,
    WinOpportunity,
)
from crm_core.sales.pipeline.standard import standard_pipeline
from crm_core.sales.product.commands import AddProduct

__all__ = ["plan_sales"]

NAME = "sales"
SYSTEM = "crm-sales-opportunities"
CURRENCY = "USD"

_ACCOUNTS = ("account", "sector", "year_established", "revenue", "employees", "office_location",
             "subsidiary_of")  # fmt: skip
_PRODUCTS = ("product", "series", "sales_price")
_TEAMS = ("sales_agent", "manager", "regional_office")
_PIPELINE = ("opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date",
             "close_date", "close_value")  # fmt: skip

_SPELLINGS = {"technolgy": "technology", "GTXPro": "GTX Pro"}


def plan_sales(folder: Path, tenant_id: UUID) -> Plan:
    """Reads the folder's four files; raises SetupError where one of them cannot be read."""
    accounts = read_table(folder / "accounts.csv", _ACCOUNTS)
    products = read_table(folder / "products.csv", _PRODUCTS)
    teams = read_table(folder / "sales_teams.csv", _TEAMS)
    pipeline = read_table(folder / "sales_pipeline.csv", _PIPELINE)
    planner = _Planner(Plan(NAME), tenant_id)
    for file in (accounts, products, teams, pipeline):
        planner.plan.rows.update(line.file for line in file)
    planner.accounts(accounts)
    planner.products(products)
    planner.agents(teams)
    planner.opportunities(pipeline)
    return planner.plan


class Unusable(Exception):
    """The row cannot be taken; the text says why."""


@dataclass
class _Planner:
    plan: Plan
    tenant_id: UUID

    def __post_init__(self) -> None:
        self.account_ids: dict[str, UUID] = {}
        self.product_ids: dict[str, UUID] = {}
        self.agent_ids: dict[str, UUID] = {}

    def _id(self, kind: str, name: str) -> UUID:
        return derived_id(self.tenant_id, "import", NAME, kind, name)

    def _clean(self, line: Line, column: str) -> str:
        value = line[column]
        mended = _SPELLINGS.get(value, value)
        if mended != value:
            self.plan.note(NoteKind.CLEANED, line, f'"{value}" is "{mended}"', column)
        return mended

    def _refuse(self, line: Line, why: Unusable) -> None:
        self.plan.note(NoteKind.REFUSED, line, str(why))

    # --- accounts, products, agents -----------------------------------------------------------

    def accounts(self, lines: list[Line]) -> None:
        for line in lines:
            name = line["account"]
            if not name:
                self._refuse(line, Unusable("the account has no name"))
                continue
            try:
                profile = self._profile(line, self._id("account", name))
            except Unusable as why:
                self._refuse(line, why)
                continue
            self.account_ids[name] = profile.customer_id
            key = f"account/{name}"
            register = RegisterOrganization(
                customer_id=profile.customer_id, name=name, source=SYSTEM
            )
            self.plan.add(line, register, key=key)
            self.plan.add(line, profile, key=key)
        for line in lines:
            self._subsidiary(line)

    def _profile(self, line: Line, customer_id: UUID) -> SetOrganizationProfile:
        return SetOrganizationProfile(
            customer_id=customer_id,
            sector=self._clean(line, "sector") or None,
            founded_year=_whole(line, "year_established"),
            annual_revenue=_millions(line, "revenue"),
            employees=_whole(line, "employees"),
            location=line["office_location"] or None,
        )

    def _subsidiary(self, line: Line) -> None:
        parent, name = line["subsidiary_of"], line["account"]
        if not parent or name not in self.account_ids:
            return
        if parent not in self.account_ids:
            self._refuse(line, Unusable(f'the parent "{parent}" is no account'))
            return
        command = SetParentOrganization(
            customer_id=self.account_ids[name], parent_id=self.account_ids[parent]
        )
        self.plan.add(line, command, key=f"account/{name}")

    def products(self, lines: list[Line]) -> None:
        for line in lines:
            name = self._clean(line, "product")
            try:
                price = _money(line, "sales_price")
            except Unusable as why:
                self._refuse(line, why)
                continue
            if price is None:
                self._refuse(line, Unusable("the product has no price"))
                continue
            product_id = self.product_ids[name] = self._id("product", name)
            command = AddProduct(
                product_id=product_id,
                name=name,
                code=re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower(),
                series=line["series"] or None,
                list_price=price,
            )
            self.plan.add(line, command, key=f"product/{name}")

    def agents(self, lines: list[Line]) -> None:
        managers: dict[str, UUID] = {}
        for line in lines:
            manager = line["manager"]
            if manager and manager not in managers:
                managers[manager] = self._id("manager", manager)
                invite = InviteUser(
                    user_id=managers[manager], name=manager, office=line["regional_office"] or None
                )
                self.plan.add(line, invite, key=f"manager/{manager}")
            agent = line["sales_agent"]
            if not agent:
                self._refuse(line, Unusable("the agent has no name"))
                continue
            self.agent_ids[agent] = self._id("agent", agent)
            invite = InviteUser(
                user_id=self.agent_ids[agent],
                name=agent,
                manager_id=managers.get(manager),
                office=line["regional_office"] or None,
            )
            self.plan.add(line, invite, key=f"agent/{agent}")

    # --- opportunities ------------------------------------------------------------------------

    def opportunities(self, lines: list[Line]) -> None:
        if not lines:
            return
        pipeline_id = self._id("pipeline", "standard")
        self.plan.add(lines[0], standard_pipeline(pipeline_id), key="pipeline/standard")
        for line in lines:
            try:
                self._opportunity(line, pipeline_id)
            except Unusable as why:
                self._refuse(line, why)

    def _opportunity(self, line: Line, pipeline_id: UUID) -> None:
        external_id, stage = line["opportunity_id"], line["deal_stage"]
        if not external_id:
            raise Unusable("the opportunity has no id")
        if stage not in ("Prospecting", "Engaging", "Won", "Lost"):
            raise Unusable(f'the stage "{stage}" is unknown')
        engaged, closed = _day(line, "engage_date"), _day(line, "close_date")
        value = _money(line, "close_value")
        if stage != "Prospecting" and engaged is None:
            raise Unusable("an engaged opportunity needs an engage_date")
        if stage in ("Won", "Lost") and (closed is None or value is None):
            raise Unusable("a closed opportunity needs a close_date and a close_value")
        if engaged is not None and closed is not None and closed < engaged:
            raise Unusable("the opportunity closed before it was engaged")
        opening = self._opening(line, pipeline_id, is_engaged=engaged is not None)
        key, opportunity_id = f"opportunity/{external_id}", opening.opportunity_id
        self.plan.add(line, opening, key=key, effective_at=engaged)
        link = LinkOpportunityExternalId(
            opportunity_id=opportunity_id, system=SYSTEM, external_id=external_id
        )
        self.plan.add(line, link, key=key, effective_at=engaged)
        match stage:
            case "Won":
                won = WinOpportunity(opportunity_id=opportunity_id, final_amount=value)
                self.plan.add(line, won, key=key, effective_at=closed)
            case "Lost":
                lost = LoseOpportunity(opportunity_id=opportunity_id, reason_code="not-stated")
                self.plan.add(line, lost, key=key, effective_at=closed)

    def _opening(self, line: Line, pipeline_id: UUID, *, is_engaged: bool) -> OpenOpportunity:
        product, account, agent = self._clean(line, "product"), line["account"], line["sales_agent"]
        if product not in self.product_ids:
            raise Unusable(f'the product "{product}" is not in the product list')
        if agent not in self.agent_ids:
            raise Unusable("the agent is not in the list of teams")
        if account and account not in self.account_ids:
            raise Unusable(f'the account "{account}" is not in the list of accounts')
        if not account:
            self.plan.note(NoteKind.MAPPED, line, "no account: opened without a customer")
        return OpenOpportunity(
            opportunity_id=self._id("opportunity", line["opportunity_id"]),
            name=f"{product} for {account}" if account else product,
            customer_id=self.account_ids.get(account),
            pipeline_id=pipeline_id,
            stage_id="engaging" if is_engaged else "prospecting",
            currency=CURRENCY,
            owner_id=self.agent_ids[agent],
            product_id=self.product_ids[product],
            source=SYSTEM,
        )


def _day(line: Line, column: str) -> datetime | None:
    if not line[column]:
        return None
    try:
        return datetime.strptime(line[column], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Unusable(f"{column} is no day such as 2017-01-31") from None


def _whole(line: Line, column: str) -> int | None:
    if not line[column]:
        return None
    if not line[column].isdecimal():
        raise Unusable(f"{column} is no whole number")
    return int(line[column])


def _decimal(line: Line, column: str) -> Decimal | None:
    if not line[column]:
        return None
    try:
        number = Decimal(line[column])
    except InvalidOperation:
        raise Unusable(f"{column} is no number") from None
    if not number.is_finite() or number < 0:
        raise Unusable(f"{column} must not be negative")
    return number


def _money(line: Line, column: str) -> Money | None:
    number = _decimal(line, column)
    return None if number is None else Money(Money.rounded(number, CURRENCY), CURRENCY)


def _millions(line: Line, column: str) -> Money | None:
    number = _decimal(line, column)
    return None if number is None else Money(Money.rounded(number * 10**6, CURRENCY), CURRENCY)
