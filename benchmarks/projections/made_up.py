"""A made-up ledger of any size, copied straight into PostgreSQL: about 50,000 events a second.

Of a hundred records 18 are customers, 14 opportunities, 16 tickets and 52 interactions; of the
events, about 30, 27, 29 and 14. Hundreds of records are under way at a time, so that a page of the
ledger holds events of many streams. Personal fields are sealed under a key for each customer, as
the write path seals them. The same seed makes the same company, but for ids and keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from crm_core.customers.customer import events as customers
from crm_core.engagement.interaction import events as engagement
from crm_core.kernel.events import Created, Event
from crm_core.kernel.ids import tenant_id_of
from crm_core.kernel.values import Money
from crm_core.ledger.codec import form_of
from crm_core.ledger.postgres.careful import EVENT_COLUMNS
from crm_core.privacy.cipher import Cipher
from crm_core.privacy.keys import InMemoryKeyStore, Keyring
from crm_core.sales.opportunity import events as sales
from crm_core.sales.pipeline.events import ForecastCategory, PipelineDefined
from crm_core.sales.pipeline.standard import STANDARD_STAGES
from crm_core.service.ticket import events as service

__all__ = ["make_ledger"]

Facts: TypeAlias = Iterator[tuple[type[Event], dict[str, Any]]]

_SEED = 7
_UNDER_WAY = 400  # streams at a time
_START = datetime(2024, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=7)

_TYPES = (
    "uuid", "int8", "uuid", "text", "uuid", "int4", "text", "int2", "timestamptz", "timestamptz",
    "text", "text", "text", "uuid", "uuid", "uuid", "text", "uuid[]", "text[]", "bytea",
)  # fmt: skip


async def make_ledger(url: str, events: int, *, root_key: bytes, tenant: str = "main") -> None:
    """Fills the tenant's empty ledger. `url` names the database as its owner."""
    tenant_id = tenant_id_of(tenant)
    company = Company(tenant_id)
    vault = InMemoryKeyStore()
    keyring = Keyring(root_key, vault)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        last = _START
        with cursor.copy(
            f"copy ledger.event (tenant_id, {EVENT_COLUMNS}) from stdin (format binary)"
        ) as copy:
            copy.set_types(_TYPES)
            for position in range(1, events + 1):
                last = _START + position * _STEP
                if len(company.under_way) < _UNDER_WAY // 2:
                    company.ciphers |= await keyring.for_sealing(tenant_id, company.begin())
                copy.write_row(company.next_row(position, last))
        cursor.execute("insert into ledger.head values (%s, %s, %s)", [tenant_id, events, last])
        keys = await vault.all_keys(tenant_id)
        assert keys.tenant is not None
        cursor.execute(
            "insert into vault.tenant_key (tenant_id, wrapped) values (%s, %s)",
            [tenant_id, keys.tenant.wrapped],
        )
        with cursor.copy(
            "copy vault.subject_key (tenant_id, subject_id, wrapped) from stdin"
        ) as copy:
            for subject_id, wrapped in keys.subjects.items():
                copy.write_row((tenant_id, subject_id, wrapped))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze ledger.event")


class Story:
    """A record under way: its facts to come, and how many were told."""

    __slots__ = ("facts", "id", "kind", "subject_id", "version")

    def __init__(self, kind: str, id: UUID, subject_id: UUID, facts: Facts) -> None:
        self.kind, self.id, self.subject_id, self.facts = kind, id, subject_id, facts
        self.version = 0


class Company:
    def __init__(self, tenant_id: UUID) -> None:
        self.ciphers: dict[UUID, Cipher] = {}
        self._tenant_id = tenant_id
        self._random = Random(_SEED)
        self._ids = _ids()
        self._users = [next(self._ids) for _ in range(40)]
        self._products = [next(self._ids) for _ in range(20)]
        self._customers: list[UUID] = []
        self._pipeline_id = next(self._ids)
        pipeline = Story(
            "sales.pipeline", self._pipeline_id, self._pipeline_id, iter([self._pipeline()])
        )
        self.under_way = [pipeline]

    def begin(self) -> list[UUID]:
        """Starts more records; the customers among them, who need keys."""
        new = [self._story() for _ in range(_UNDER_WAY)]
        self.under_way += new
        return [story.id for story in new if story.kind == "customers.customer"]

    def next_row(self, position: int, at: datetime) -> tuple[Any, ...]:
        """The next event of one of the records that are under way."""
        while True:
            place = int(self._random.random() * len(self.under_way))
            story = self.under_way[place]
            fact = next(story.facts, None)
            if fact is not None:
                return self._row(story, *fact, position, at)
            self.under_way[place] = self.under_way[-1]
            self.under_way.pop()

    def _row(
        self,
        story: Story,
        event_class: type[Event],
        values: dict[str, Any],
        position: int,
        at: datetime,
    ) -> tuple[Any, ...]:
        story.version += 1
        form = form_of(event_class)
        event = object.__new__(event_class)
        event.__dict__.update(values, originator_id=story.id)
        event_id, command_id = next(self._ids), next(self._ids)
        cipher = self.ciphers.get(story.subject_id)
        actor = str(self._users[position % len(self._users)])
        return (
            self._tenant_id, position, event_id, story.kind, story.id, story.version, form.topic,
            form.version, at, at - timedelta(hours=1) if position % 5 == 0 else None, "USER", actor,
            None, command_id, command_id, None, None, [story.subject_id], [],
            form.encode(event, event_id, self._tenant_id, cipher),
        )  # fmt: skip

    # --- records --------------------------------------------------------------------------------

    def _story(self) -> Story:
        chance = self._random.random()
        if chance < 0.18 or not self._customers:
            id = next(self._ids)
            self._customers.append(id)
            return Story("customers.customer", id, id, self._customer())
        if chance < 0.32:
            return self._about("sales.opportunity", self._opportunity)
        if chance < 0.48:
            return self._about("service.ticket", self._ticket)
        return self._about("engagement.interaction", self._talk)

    def _about(self, kind: str, facts: Callable[[UUID], Facts]) -> Story:
        customer_id = self._random.choice(self._customers[-5_000:])
        return Story(kind, next(self._ids), customer_id, facts(customer_id))

    def _customer(self) -> Facts:
        name = self._name()
        yield customers.CustomerRegistered, {
            "kind": self._random.choice(list(customers.CustomerKind)), "name": name,
            "source": "web",
        }  # fmt: skip
        for type_, value in (
            (customers.ContactPointType.EMAIL, f"{name.replace(' ', '.').lower()}@example.com"),
            (customers.ContactPointType.PHONE, f"+3902{self._random.randrange(10**7):07}"),
        ):
            yield customers.ContactPointAdded, {
                "point_id": next(self._ids), "type": type_, "value": value, "label": "work",
            }  # fmt: skip
        yield customers.CustomerOwnerAssigned, {"from_owner_id": None, "to_owner_id": self._user()}
        yield (
            customers.AddressSet,
            {
                "label": "billing",
                "address": customers.Address(lines=("Via Roma 1",), city="Torino", country="IT"),
            },
        )
        yield customers.CustomerTagged, {"tag": self._random.choice(("vip", "press", "fleet"))}
        if self._random.random() < 0.3:
            yield customers.CustomerRenamed, {"name": self._name()}
        if self._random.random() < 0.4:
            yield customers.LifecycleChanged, {
                "from_lifecycle": customers.Lifecycle.PROSPECT,
                "to_lifecycle": customers.Lifecycle.ACTIVE, "reason": None,
            }  # fmt: skip

    def _pipeline(self) -> tuple[type[Created], dict[str, Any]]:
        return PipelineDefined, {
            "name": "Standard", "pipeline_version": 1, "stages": STANDARD_STAGES,
        }  # fmt: skip

    def _opportunity(self, customer_id: UUID) -> Facts:
        amount = Money(Decimal(self._random.randrange(1_000, 90_000)), "EUR")
        yield sales.OpportunityOpened, {
            "name": f"Deal with {self._name()}", "customer_id": customer_id,
            "owner_id": self._user(), "source": "web",
            "product_id": self._random.choice(self._products), "currency": "EUR",
            "amount": amount, "close_date": date(2025, 6, 30),
            **self._stage(0), "stage_id": "prospecting",
        }  # fmt: skip
        yield sales.StageChanged, self._move(0)
        yield sales.AmountSet, {"amount": amount + amount, "from_amount": amount}
        yield sales.StageChanged, self._move(1)
        yield sales.NextStepSet, {"text": self._sentence(6), "due_on": date(2025, 5, 1)}
        yield sales.CloseDateChanged, {
            "from_date": date(2025, 6, 30), "to_date": date(2025, 7, 31), "reason": None,
        }  # fmt: skip
        yield sales.StageChanged, self._move(2)
        if self._random.random() < 0.5:
            yield sales.OpportunityWon, {
                "final_amount": amount + amount, "order_id": None, "last_stage": "negotiation",
                **self._stage(4), "stage_id": "won",
            }  # fmt: skip
        elif self._random.random() < 0.6:
            yield sales.OpportunityLost, {
                "reason_code": "price", "competitor": None, "amount": amount + amount,
                "last_stage": "negotiation", **self._stage(5), "stage_id": "lost",
            }  # fmt: skip

    def _stage(self, place: int) -> dict[str, Any]:
        stage = STANDARD_STAGES[place]
        return {
            "pipeline_id": self._pipeline_id, "pipeline_version": 1,
            "probability": stage.probability,
            "forecast_category": ForecastCategory(stage.forecast_category),
        }  # fmt: skip

    def _move(self, place: int) -> dict[str, Any]:
        return {
            "from_stage": STANDARD_STAGES[place].id, "to_stage": STANDARD_STAGES[place + 1].id,
            "reason": None, **self._stage(place + 1),
        }  # fmt: skip

    def _ticket(self, customer_id: UUID) -> Facts:
        cycle = {"cycle": 1, "cycle_started_at": _START}
        agent = self._user()
        yield service.TicketOpened, {
            "subject": self._sentence(7), "customer_id": customer_id,
            "channel": service.TicketChannel.EMAIL, "type": service.TicketType.INCIDENT,
            "priority": service.TicketPriority.NORMAL, "product": "engine", "follow_up_of": None,
        }  # fmt: skip
        yield service.TicketQueued, {
            "from_queue": None, "to_queue": "first line", "from_assignee_id": None,
        }  # fmt: skip
        yield service.TicketAssigned, {"from_assignee_id": None, "to_assignee_id": agent}
        yield service.TicketStarted, {}
        for is_first in (True, False):
            yield service.CommentAdded, {
                "visibility": service.CommentVisibility.PUBLIC,
                "author_kind": service.CommentAuthorKind.AGENT, "body": self._sentence(30),
                "is_first_public_reply": is_first, **cycle,
            }  # fmt: skip
        if self._random.random() < 0.7:
            yield service.TicketResolved, {
                "code": "fixed", "summary": self._sentence(8), "assignee_id": agent, **cycle,
            }  # fmt: skip
            yield service.TicketClosed, {"cycle": 1}

    def _talk(self, customer_id: UUID) -> Facts:
        yield engagement.InteractionLogged, {
            "customer_id": customer_id, "channel": engagement.InteractionChannel.EMAIL,
            "direction": engagement.InteractionDirection.INBOUND, "subject": self._sentence(6),
            "body": self._sentence(40), "opportunity_id": None, "ticket_id": None,
            "duration_seconds": None, "outcome": None,
            "visibility": engagement.InteractionVisibility.RECORD, "participant_ids": (),
            "message_id": None,
        }  # fmt: skip
        chance = self._random.random()
        if chance < 0.02:
            yield engagement.InteractionRedacted, {"reason": "asked by the customer"}

    # --- words ----------------------------------------------------------------------------------

    def _user(self) -> UUID:
        return self._random.choice(self._users)

    def _name(self) -> str:
        return f"{self._random.choice(_GIVEN)} {self._random.choice(_FAMILY)}"

    def _sentence(self, words: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=words))


def _ids() -> Iterator[UUID]:
    """Version 7 ids (RFC 9562), which rise as those of a running system do."""
    milliseconds = int(_START.timestamp() * 1000)
    while True:
        random = os.urandom(10 * 1024)
        for place in range(0, len(random), 10):
            milliseconds += 1
            low = int.from_bytes(random[place : place + 10], "big")
            yield UUID(
                int=milliseconds << 80
                | 0x7 << 76
                | (low >> 62 & 0xFFF) << 64
                | 0b10 << 62
                | low & 0x3FFF_FFFF_FFFF_FFFF
            )


_GIVEN = ("Ada", "Bruno", "Chiara", "Dario", "Elena", "Fabio", "Giulia", "Hugo", "Irma", "Zoë")
_FAMILY = ("Ferri", "Grasso", "Lindqvist", "Marchetti", "Novak", "Olsen", "Ricci", "Weiß", "Zhou")
_WORDS = (
    "the", "engine", "stops", "after", "an", "hour", "and", "we", "need", "a", "new", "offer",
    "before", "friday", "please", "call", "back", "about", "délai", "the", "invoice", "is", "right",
)  # fmt: skip
