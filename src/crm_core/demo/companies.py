"""The organisations that buy from Officine Faro, or might. All of them are made up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from crm_core.customers.customer.commands import (
    AddContactPoint,
    AssignCustomerOwner,
    ChangeLifecycle,
    LinkExternalId,
    RegisterOrganization,
    SetAddress,
    SetOrganizationProfile,
    SetParentOrganization,
    TagCustomer,
)
from crm_core.customers.customer.events import Address, ContactPointType, Lifecycle
from crm_core.demo.phones import phone
from crm_core.demo.staff import ANNA, CHIARA, DAVIDE, DAVIDE_LEAVES, TOMMASO
from crm_core.demo.story import Colleague, Story
from crm_core.kernel.messages import Command
from crm_core.kernel.values import Money

__all__ = ["COMPANIES", "Company", "company_id", "owner_at", "tell_companies", "tell_lifecycles"]

_OLD_CUSTOMERS_UNTIL = 4.0  # whoever was registered by then had bought before


class Company(NamedTuple):
    """`day`: when it was registered. `million`: its revenue in a year, in euros."""

    key: str
    day: float
    owner: Colleague
    name: str
    sector: str
    founded: int
    employees: int
    million: str
    address: tuple[str, str, str, str]
    tags: str = ""
    parent: str | None = None
    source: str = "old customer list"

    @property
    def currency(self) -> str:
        """What it pays in."""
        return _CURRENCIES.get(self.country, "EUR")

    @property
    def country(self) -> str:
        return self.address[3]


_CURRENCIES = {"GB": "GBP", "US": "USD", "NG": "USD", "IN": "USD", "SE": "SEK", "NO": "NOK",
               "CN": "CNY", "JP": "JPY"}  # fmt: skip

COMPANIES: Final = {
    company.key: company
    for company in (
        Company("meridiana", 1.10, CHIARA, "Gruppo Caffè Meridiana S.p.A.", "Café chain",
                1987, 420, "31.5", ("Via della Rocca 114", "10123", "Torino", "IT"),
                "cafe key-account"),
        Company("meridiana-milano", 1.20, CHIARA, "Meridiana Milano S.r.l.", "Café chain",
                2004, 130, "9.8", ("Via Tre Colombe 8", "20121", "Milano", "IT"),
                "cafe", "meridiana"),
        Company("meridiana-lyon", 1.30, DAVIDE, "Meridiana Lyon SAS", "Café chain",
                2019, 24, "1.9", ("12 rue du Chat Gris", "69002", "Lyon", "FR"),
                "cafe export", "meridiana"),
        Company("ateneo", 1.40, TOMMASO, "Ristorazione Ateneo Soc. Coop.", "Canteens",
                1974, 610, "22.0", ("Via dei Compassi 31", "40126", "Bologna", "IT"),
                "canteen public-sector"),
        Company("vallechiara", 1.50, TOMMASO, "Ospedale Vallechiara", "Hospital",
                1958, 940, "74.0", ("Piazza delle Erbe Alte 1", "12100", "Cuneo", "IT"),
                "canteen public-sector"),
        Company("portadacqua", 1.60, CHIARA, "Bistrot Porta d'Acqua S.n.c.", "Restaurant",
                2011, 14, "0.8", ("Vico del Rimorchio 5", "16126", "Genova", "IT"), "restaurant"),
        Company("segnalibro", 1.70, CHIARA, "Librerie Segnalibro S.r.l.", "Bookshops with cafés",
                1996, 85, "7.4", ("Corso Porta Carta 40", "37121", "Verona", "IT"), "cafe"),
        Company("valmadonna", 1.80, TOMMASO, "Bar Sport Valmadonna", "Bar",
                1969, 3, "0.2", ("Strada del Pozzo 2", "15122", "Alessandria", "IT"), "bar"),
        Company("sonnleitner", 2.20, DAVIDE, "Bäckerei Sonnleitner GmbH", "Bakeries",
                1952, 210, "14.2", ("Kornblumengasse 17", "10999", "Berlin", "DE"),
                "bakery export"),
        Company("canut", 2.40, DAVIDE, "Les Cafés du Canut SARL", "Roastery",
                2008, 31, "3.6", ("4 montée des Navettes", "69001", "Lyon", "FR"),
                "roastery export"),
        Company("harrow", 2.60, TOMMASO, "Harrow & Finch Coffee Ltd", "Café chain",
                2013, 175, "12.9", ("61 Lamplighter Row", "SE1 0ZZ", "London", "GB"),
                "cafe key-account export"),
        Company("harrow-north", 2.80, TOMMASO, "Harrow & Finch North Ltd", "Café chain",
                2018, 60, "4.1", ("9 Weir Bank", "LS1 0ZZ", "Leeds", "GB"), "cafe export",
                "harrow"),
        Company("lindholm", 3.20, DAVIDE, "Lindholm Rosteri AB", "Roastery",
                2010, 44, "5.2", ("Kvarnvågen 3", "111 20", "Stockholm", "SE"),
                "roastery export"),
        Company("tejo", 3.50, DAVIDE, "Cafés do Tejo Alto Lda", "Roastery",
                1991, 58, "6.0", ("Rua dos Marinheiros 77", "1200-001", "Lisboa", "PT"),
                "roastery export"),
        Company("nordlys", 9.30, TOMMASO, "Nordlys Hotelldrift AS", "Hotels",
                1979, 1_150, "128.0", ("Tollbodkaia 20", "0150", "Oslo", "NO"),
                "hotel key-account export", source="Fiera del Bar"),
        Company("nordlys-bergen", 22.2, TOMMASO, "Nordlys Brygge Bergen AS", "Hotels",
                1998, 140, "16.5", ("Sildebrygga 4", "5003", "Bergen", "NO"),
                "hotel export", "nordlys", "referral"),
        Company("nordlys-strand", 41.6, TOMMASO, "Nordlys Strand Stockholm AB", "Hotels",
                2006, 190, "21.0", ("Strandpiren 11", "111 30", "Stockholm", "SE"),
                "hotel export", "nordlys", "referral"),
        Company("chenfan", 14.4, CHIARA, "上海晨帆咖啡有限公司", "Café chain",
                2015, 820, "46.0", ("静安区灯塔路88号", "200040", "上海", "CN"),
                "cafe key-account export", source="Fiera del Bar"),
        Company("chenfan-hangzhou", 58.3, CHIARA, "杭州晨帆湖畔咖啡有限公司", "Café chain",
                2021, 95, "5.5", ("西湖区柳岸街6号", "310013", "杭州", "CN"),
                "cafe export", "chenfan", "referral"),
        Company("kontor", 19.7, DAVIDE, "Kaffeekontor Alsterufer KG", "Roastery",
                1968, 72, "8.8", ("Speicherstieg 9", "20457", "Hamburg", "DE"),
                "roastery export", source="website"),
        Company("thistlewick", 27.5, TOMMASO, "Thistlewick Bakehouse Ltd", "Bakeries",
                2016, 38, "2.4", ("5 Oatcake Close", "EH1 0ZZ", "Edinburgh", "GB"),
                "bakery export", source="website"),
        Company("aubrac", 33.4, DAVIDE, "Pâtisserie Aubrac SARL", "Bakeries",
                2001, 22, "1.7", ("30 rue du Four Bleu", "75011", "Paris", "FR"),
                "bakery export", source="referral"),
        Company("kamome", 49.2, CHIARA, "株式会社かもめ珈琲", "Café chain",
                1983, 160, "11.0", ("中区灯台通り7-2", "231-0002", "横浜市", "JP"),
                "cafe export", source="Fiera del Bar"),
        Company("okonkwo", 66.8, TOMMASO, "Okonkwo Hospitality Ltd", "Hotels",
                2009, 340, "18.0", ("14 Lagoon Crescent", "101241", "Lagos", "NG"),
                "hotel export", source="website"),
        Company("sahyadri", 83.3, CHIARA, "Sahyadri Heritage Stays Pvt Ltd", "Hotels",
                2012, 260, "9.3", ("27 Banyan Court", "411001", "Pune", "IN"),
                "hotel export", source="website"),
        Company("redlantern", 104.6, CHIARA, "Red Lantern Roasters Inc.", "Roastery",
                2017, 27, "3.1", ("210 Cooperage Street", "11201", "New York", "US"),
                "roastery export", source="referral"),
    )
}  # fmt: skip


def company_id(story: Story, company: Company) -> UUID:
    return story.id("company", company.key)


def owner_at(company: Company, day: float) -> Colleague:
    """Who looks after it on that day."""
    return TOMMASO if company.owner is DAVIDE and day >= DAVIDE_LEAVES else company.owner


def tell_companies(story: Story) -> None:
    """Anna brings the old customers over in the first week; others come along the way."""
    for number, company in enumerate(COMPANIES.values()):
        is_old = company.day < _OLD_CUSTOMERS_UNTIL
        who = ANNA if is_old else company.owner
        for minutes, command in enumerate(_introduction(story, company, number)):
            story.tell(company.day + 0.002 * minutes, who, command)
        if company.owner is DAVIDE:
            handed_over = AssignCustomerOwner(
                customer_id=company_id(story, company), owner_id=story.user_id(TOMMASO)
            )
            story.tell(DAVIDE_LEAVES + 0.001 * number, ANNA, handed_over)


def tell_lifecycles(story: Story, first_wins: dict[str, float]) -> None:
    """A prospect becomes a customer with the first sale. `first_wins`: the day of it, by key."""
    for company in COMPANIES.values():
        day = first_wins.get(company.key)
        if company.day >= _OLD_CUSTOMERS_UNTIL and day is not None:
            won = ChangeLifecycle(customer_id=company_id(story, company), to=Lifecycle.ACTIVE)
            story.tell(day + 0.01, owner_at(company, day), won)


def _introduction(story: Story, company: Company, number: int) -> Iterator[Command]:
    customer_id = company_id(story, company)
    is_old = company.day < _OLD_CUSTOMERS_UNTIL
    street, postal_code, city, country = company.address
    yield RegisterOrganization(customer_id=customer_id, name=company.name, source=company.source)
    yield SetOrganizationProfile(
        customer_id=customer_id,
        sector=company.sector,
        founded_year=company.founded,
        annual_revenue=Money(Decimal(company.million) * 1_000_000, "EUR"),
        employees=company.employees,
        location=f"{city}, {country}",
    )
    address = Address(lines=(street,), postal_code=postal_code, city=city, country=country)
    yield SetAddress(customer_id=customer_id, address=address)
    yield AddContactPoint(
        customer_id=customer_id,
        point_id=story.id("website", company.key),
        type=ContactPointType.WEBSITE,
        value=f"https://{company.key}.example.com",
    )
    switchboard = phone(country, number)
    if switchboard is not None:
        yield AddContactPoint(
            customer_id=customer_id,
            point_id=story.id("switchboard", company.key),
            type=ContactPointType.PHONE,
            value=switchboard,
            label="switchboard",
        )
    for tag in company.tags.split():
        yield TagCustomer(customer_id=customer_id, tag=tag)
    yield AssignCustomerOwner(customer_id=customer_id, owner_id=story.user_id(company.owner))
    if company.parent is not None:
        parent_id = company_id(story, COMPANIES[company.parent])
        yield SetParentOrganization(customer_id=customer_id, parent_id=parent_id)
    if is_old:
        yield LinkExternalId(
            customer_id=customer_id, system="ledger-2009", external_id=f"C{number + 1001}"
        )
        yield ChangeLifecycle(customer_id=customer_id, to=Lifecycle.ACTIVE)
