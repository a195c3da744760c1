"""The people at the companies. All of them are made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from crm_core.customers.customer.commands import (
    AddContactPoint,
    EndAffiliation,
    GrantConsent,
    RegisterPerson,
    StartAffiliation,
    VerifyContactPoint,
    WithdrawConsent,
)
from crm_core.customers.customer.events import ConsentBasis, ConsentChannel, ContactPointType
from crm_core.demo.companies import COMPANIES, Company, company_id, owner_at
from crm_core.demo.phones import phone
from crm_core.demo.story import END, Story
from crm_core.kernel.messages import Command

__all__ = ["PEOPLE", "Person", "people_of", "person_id", "tell_people"]


class Person(NamedTuple):
    mailbox: str
    name: str
    company: str
    role: str


PEOPLE: Final = tuple(
    Person(*(part.strip() for part in line.split("|")))
    for line in """
    giulia.ferri      | Giulia Ferri        | meridiana        | Head of purchasing
    renato.valsecchi  | Renato Valsecchi    | meridiana        | Managing director
    samira.haddad     | Samira Haddad       | meridiana        | Head of coffee
    luca.brambati     | Luca Brambati       | meridiana-milano | Store manager
    yusra.abdi        | Yusra Abdi          | meridiana-milano | Head barista
    camille.perrault  | Camille Perrault    | meridiana-lyon   | Store manager
    theo.garnier      | Théo Garnier        | meridiana-lyon   | Head barista
    franca.monari     | Franca Monari       | ateneo           | Purchasing manager
    ivan.petrov       | Иван Петров         | ateneo           | Maintenance
    beppe.armando     | Giuseppe Armando    | vallechiara      | Canteen manager
    lucia.dho         | Lucia Dho           | vallechiara      | Procurement officer
    nadia.canepa      | Nadia Canepa        | portadacqua      | Owner
    elia.sanguineti   | Elia Sanguineti     | portadacqua      | Chef
    marta.zanon       | Marta Zanon         | segnalibro       | Managing director
    olek.shevchuk     | Олександр Шевчук    | segnalibro       | Café manager
    piero.robotti     | Piero Robotti       | valmadonna       | Owner
    anneliese.sonn    | Anneliese Sonnleitner | sonnleitner    | Managing director
    kemal.yildirim    | Kemal Yıldırım      | sonnleitner      | Head of shops
    jonas.brandt      | Jonas Brandt        | sonnleitner      | Purchasing manager
    solene.mercier    | Solène Mercier      | canut            | Owner
    bakary.traore     | Bakary Traoré       | canut            | Roaster
    imogen.finch      | Imogen Finch        | harrow           | Managing director
    dev.raman         | Dev Raman           | harrow           | Head of operations
    chloe.asante      | Chloé Asante        | harrow           | Head barista
    owen.pritchard    | Owen Pritchard      | harrow-north     | Area manager
    saoirse.nolan     | Saoirse Nolan       | harrow-north     | Maintenance
    maja.lindholm     | Maja Lindholm       | lindholm         | Owner
    elias.berg        | Elias Berg          | lindholm         | Technical sales
    ines.caldeira     | Inês Caldeira       | tejo             | Managing director
    rui.fontes        | Rui Fontes          | tejo             | Roaster
    astrid.haugland   | Astrid Haugland     | nordlys          | Chief financial officer
    mikkel.johansen   | Mikkel Johansen     | nordlys          | Head of purchasing
    aino.saarinen     | Aino Saarinen       | nordlys          | Head of food and drink
    sigrid.myhre      | Sigrid Myhre        | nordlys-bergen   | Hotel manager
    tuan.nguyen       | Nguyễn Anh Tuấn     | nordlys-bergen   | Bar manager
    greta.ekblad      | Greta Ekblad        | nordlys-strand   | Hotel manager
    amina.warsame     | Amina Warsame       | nordlys-strand   | Breakfast chef
    wei.zhang         | 张伟                | chenfan          | 总经理
    na.li             | 李娜                | chenfan          | 采购经理
    fang.wang         | 王芳                | chenfan          | 咖啡总监
    jing.liu          | 刘静                | chenfan-hangzhou | 店长
    hao.chen          | 陈浩                | chenfan-hangzhou | 设备主管
    friederike.holm   | Friederike Holm     | kontor           | Partner
    tarek.mansour     | طارق منصور          | kontor           | Roaster
    fiona.mackay      | Fiona MacKay        | thistlewick      | Owner
    callum.reid       | Callum Reid         | thistlewick      | Shop manager
    delphine.roux     | Delphine Roux       | aubrac           | Owner
    hoa.tran          | Trần Thị Hoa        | aubrac           | Pastry chef
    ken.sato          | 佐藤健              | kamome           | 代表取締役
    yuki.mori         | 森由紀              | kamome           | 購買担当
    ngozi.okonkwo     | Ngozi Okonkwo       | okonkwo          | Managing director
    femi.balogun      | Fẹ́mi Balógun        | okonkwo          | Head of food and drink
    asha.kulkarni     | Asha Kulkarni       | sahyadri         | Managing director
    rohan.deshmukh    | Rohan Deshmukh      | sahyadri         | Purchasing manager
    maya.goldfarb     | Maya Goldfarb       | redlantern       | Owner
    luis.santiago     | Luis Santiago       | redlantern       | Head roaster
    """.strip().splitlines()
)

_FIRST_PER_COMPANY: Final = {person.company: person for person in reversed(PEOPLE)}
# Who went where, and when.
_MOVES: Final = (("rui.fontes", 118.4, "canut", "Head roaster"),)


def person_id(story: Story, person: Person) -> UUID:
    return story.id("person", person.mailbox)


def people_of(story: Story, company: Company, day: float) -> list[Person]:
    """Those at the company whom we know on that day, the first acquaintance first."""
    return [
        person
        for person in PEOPLE
        if person.company == company.key and known_since(story, person) < day
    ]


def known_since(story: Story, person: Person) -> float:
    """The first acquaintance comes with the company, others in the weeks that follow."""
    day = COMPANIES[person.company].day + 0.05
    if person is _FIRST_PER_COMPANY[person.company]:
        return day
    return min(day + story.chance("met", person.mailbox).uniform(0.5, 30), END - 10)


def tell_people(story: Story) -> None:
    for number, person in enumerate(PEOPLE):
        chance = story.chance("person", person.mailbox)
        day = known_since(story, person)
        company = COMPANIES[person.company]
        who = owner_at(company, day)
        for minutes, command in enumerate(_introduction(story, person, company, number, chance)):
            story.tell(day + 0.002 * minutes, who, command)
        _tell_consents(story, person, company, day + 0.1, chance)
    _tell_moves(story)


def _introduction(
    story: Story, person: Person, company: Company, number: int, chance: Random
) -> Iterator[Command]:
    customer_id = person_id(story, person)
    yield RegisterPerson(customer_id=customer_id, name=person.name, source=company.source)
    email_id = story.id("mailbox", person.mailbox)
    yield AddContactPoint(
        customer_id=customer_id,
        point_id=email_id,
        type=ContactPointType.EMAIL,
        value=f"{person.mailbox}@example.{chance.choice(('net', 'org'))}",
        label="work",
    )
    direct = phone(company.country, len(COMPANIES) + number)
    if direct is not None:
        yield AddContactPoint(
            customer_id=customer_id,
            point_id=story.id("direct", person.mailbox),
            type=ContactPointType.PHONE,
            value=direct,
            label="direct",
        )
    yield StartAffiliation(
        customer_id=customer_id,
        affiliation_id=story.id("affiliation", person.mailbox),
        organization_id=company_id(story, company),
        role=person.role,
    )
    if chance.random() < 0.5:
        yield VerifyContactPoint(customer_id=customer_id, point_id=email_id)


_EVIDENCE: Final = (
    "Ticked the box on the form at Fiera del Bar",
    "Confirmed by the link in our e-mail",
    "Signed the visitors' book at the works",
    "Asked for it on the telephone; noted by us",
)


def _tell_consents(
    story: Story, person: Person, company: Company, day: float, chance: Random
) -> None:
    """Half agree to the newsletter, some of them for a year only; some think better of it."""
    customer_id = person_id(story, person)
    if chance.random() < 0.3:
        for_service = GrantConsent(
            customer_id=customer_id,
            channel=ConsentChannel.PHONE,
            purpose="service",
            basis=ConsentBasis.CONTRACT,
            evidence="Maintenance contract, section 4",
        )
        story.tell(day, owner_at(company, day), for_service)
    if chance.random() < 0.55:
        granted_on = min(day + chance.uniform(0.2, 20), END - 1)
        is_for_a_year = chance.random() < 0.2
        newsletter = GrantConsent(
            customer_id=customer_id,
            channel=ConsentChannel.EMAIL,
            purpose="newsletter",
            basis=ConsentBasis.CONSENT,
            evidence=chance.choice(_EVIDENCE),
            expires_at=story.at(granted_on) + timedelta(days=365) if is_for_a_year else None,
        )
        story.tell(granted_on, owner_at(company, granted_on), newsletter)
        withdrawn_on = granted_on + chance.uniform(15, 120)
        if chance.random() < 0.4 and withdrawn_on < END:
            story.tell(
                withdrawn_on,
                None,
                WithdrawConsent(
                    customer_id=customer_id, channel=ConsentChannel.EMAIL, purpose="newsletter"
                ),
                reason="unsubscribe-link",
            )


def _tell_moves(story: Story) -> None:
    by_mailbox = {person.mailbox: person for person in PEOPLE}
    for mailbox, day, to, role in _MOVES:
        person = by_mailbox[mailbox]
        customer_id = person_id(story, person)
        left = EndAffiliation(
            customer_id=customer_id, affiliation_id=story.id("affiliation", mailbox)
        )
        story.tell(day, owner_at(COMPANIES[to], day), left)
        joined = StartAffiliation(
            customer_id=customer_id,
            affiliation_id=story.id("affiliation", mailbox, to),
            organization_id=company_id(story, COMPANIES[to]),
            role=role,
        )
        story.tell(day + 0.01, owner_at(COMPANIES[to], day), joined)
