"""Given, when, then: sentences about the domain over a real in-memory CRM, shipped to embedders.

def test_an_archived_customer_takes_no_tag(scenario):
    scenario.given(register, archive).when(TagCustomer(...)).then_rejected("customer.archived")
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from crm_core.crm import Crm
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.events import Event
from crm_core.kernel.ids import SeededIds
from crm_core.kernel.messages import SYSTEM, Actor, Command, Receipt

__all__ = ["Scenario"]

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")


class Scenario:
    """A CRM of its own, at 2026-01-05 09:00 UTC (a Monday), whose clock moves when told to."""

    def __init__(self, actor: Actor = SYSTEM) -> None:
        self.clock = ManualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.crm = Crm.in_memory(clock=self.clock, ids=SeededIds(1, self.clock))
        self.actor = actor
        self._runner = asyncio.Runner()
        self._refusal: CrmError | None = None
        self._receipt: Receipt | None = None

    # --- past ---------------------------------------------------------------------------------

    def given(self, *commands: Command) -> Self:
        """Executes commands that must succeed."""
        for command in commands:
            self._run(self.crm.execute(command, actor=self.actor))
        return self

    def later(self, **step: float) -> Self:
        """Moves the clock, by `days=2` for example."""
        self.clock.advance(timedelta(**step))
        return self

    # --- request ------------------------------------------------------------------------------

    def when(self, command: Command, **sending: Any) -> Self:
        """Executes a command and remembers what came of it; `sending` as for `Crm.execute`."""
        self._refusal = self._receipt = None
        actor = sending.pop("actor", self.actor)
        try:
            self._receipt = self._run(self.crm.execute(command, actor=actor, **sending))
        except CrmError as refusal:
            self._refusal = refusal
        return self

    # --- outcome ------------------------------------------------------------------------------

    def then(self, *expected: type[Event], **fields: Any) -> Self:
        """The command recorded events of exactly these classes; the fields are of the last one."""
        assert self._refusal is None, f"refused: {self._refusal}"
        events = self.recorded
        assert [type(event) for event in events] == list(expected), events
        for name, value in fields.items():
            assert getattr(events[-1], name) == value, (name, getattr(events[-1], name))
        return self

    def then_nothing(self) -> Self:
        """The command was accepted and recorded nothing."""
        return self.then()

    def then_rejected(self, code: str, **parameters: Any) -> Self:
        """The command was refused with this code and, among others, these parameters."""
        assert self._refusal is not None, f"accepted, and recorded {self.recorded}"
        assert self._refusal.code == code, self._refusal
        for name, value in parameters.items():
            assert self._refusal.parameters[name] == value, self._refusal
        return self

    @property
    def receipt(self) -> Receipt:
        assert self._receipt is not None, f"refused: {self._refusal}"
        return self._receipt

    @property
    def recorded(self) -> list[Event]:
        """The events that the last command recorded."""
        if self._receipt is None or not self._receipt.event_ids:
            return []
        return self._run(self._events(self._receipt))

    def record(self, kind: type[A], record_id: UUID) -> A:
        """The record as it stands."""
        return self._run(self.crm.get(kind, record_id))

    def close(self) -> None:
        self._runner.close()

    async def _events(self, receipt: Receipt) -> list[Event]:
        first = receipt.position - len(receipt.event_ids)
        pages = self.crm.events(after=first, up_to=receipt.position)
        return [event.data async for page in pages for event in page]

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)
