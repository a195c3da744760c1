"""G8: the ledger in memory and the one in PostgreSQL do what a plain model of a ledger does.

Hypothesis appends whatever it likes, to several tenants, in batches: with every expected version,
unique keys taken and given back, command ids sent again, conditions on tags, marks, event ids given
twice, and a clock that goes back. After each step all that can be read must be what the model has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from crm_core import ManualClock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.admission import Admission
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.memory import InMemoryLedger
from crm_core.ledger.postgres.connections import open_pool
from crm_core.ledger.postgres.ledger import PostgresLedger
from crm_core.ledger.records import (
    Append,
    Appended,
    Claim,
    Expected,
    Head,
    NewEvent,
    StoredEvent,
    StreamAppend,
    TagCondition,
    TrackingMark,
)
from crm_core.ledger.selection import Page

from . import numbers
from .ledger_model import Kept, Refusal, Stored, TenantModel

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = (b"one", b"two")
TAGS = ("red", "round")
LOG = "orders"

# --- what Hypothesis makes appends of: small numbers, so that they meet


def seldom(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), st.none(), strategy)


places = st.integers(0, 2)
claims = st.lists(st.tuples(st.sampled_from(KEYS), places), max_size=2)
appends = st.fixed_dictionaries(
    {
        "streams": st.lists(
            st.tuples(
                places,
                st.one_of(st.sampled_from(Expected), st.integers(0, 4)),
                st.lists(st.sampled_from([(), TAGS[:1], TAGS]), max_size=2),
            ),
            max_size=3,
        ),
        "command": seldom(st.tuples(places, st.sampled_from([b"this", b"that"]))),
        "take": seldom(claims),
        "release": seldom(claims),
        "condition": seldom(st.tuples(st.sampled_from([TAGS[:1], TAGS]), st.integers(0, 8))),
        "mark": seldom(st.integers(1, 5)),
        "repeats_an_event": seldom(st.just(True)),
    }
)


class LedgerMachine(RuleBasedStateMachine):
    """Three tenants of a ledger, and the models of them."""

    opens: ClassVar[Callable[[], tuple[Ledger, ManualClock]]]
    waits: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.clock = type(self).opens()
        self.models = {uuid4(): TenantModel() for _ in range(3)}
        self.tenants = list(self.models)
        self.streams = [uuid4() for _ in range(3)]
        self.holders = [uuid4() for _ in range(3)]
        self.commands = [uuid4() for _ in range(3)]

    @rule(tenant=places, batch=st.lists(appends, min_size=1, max_size=3))
    def append(self, tenant: int, batch: list[dict[str, Any]]) -> None:
        tenant_id = self.tenants[tenant]
        model = self.models[tenant_id]
        sent = [self.made(model, drawn) for drawn in batch]
        outcomes = type(self).waits(self.ledger.append(tenant_id, sent))
        for append, outcome in zip(sent, outcomes, strict=True):
            assert_is(outcome, append, model.append(append, self.clock.now()))
        type(self).waits(self.assert_reads_as(tenant_id, model))

    @rule(seconds=st.sampled_from([-3600, -1, 1, 3600]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def made(self, model: TenantModel, drawn: dict[str, Any]) -> Append:
        """The append that was drawn, as numbers of streams, holders and so on."""
        streams = [
            StreamAppend(
                "test.thing",
                self.streams[place],
                expected,
                tuple(
                    NewEvent(
                        event_id=uuid4(), type="test.thing.happened", schema_version=1,
                        data=b"{}", tags=tags,
                    )
                    for tags in events
                ),
            )
            for place, expected, events in drawn["streams"]
        ]  # fmt: skip
        if drawn["repeats_an_event"] and model.log:
            again = StreamAppend("test.thing", uuid4(), Expected.ANY, (model.log[0].event,))
            streams.append(again)
        place, fingerprint = drawn["command"] or (None, None)
        command_id = uuid4() if place is None else self.commands[place]
        take, release = (
            tuple(Claim("key", key, self.holders[place]) for key, place in drawn[name] or ())
            for name in ("take", "release")
        )
        return Append(
            command_id=command_id,
            actor=SYSTEM,
            correlation_id=command_id,
            streams=tuple(streams),
            fingerprint=fingerprint,
            take=take,
            release=release,
            condition=drawn["condition"] and TagCondition(*drawn["condition"]),
            tracking=drawn["mark"] and TrackingMark(LOG, drawn["mark"]),
        )

    async def assert_reads_as(self, tenant_id: UUID, model: TenantModel) -> None:
        """Every way of reading the tenant's ledger gives what the model has."""
        ledger, log = self.ledger, model.log
        page = await ledger.page(tenant_id, after=0, limit=1_000)
        assert [as_kept(event) for event in page] == log
        assert [event.position for event in page] == list(range(1, len(log) + 1))
        half = len(log) // 2
        assert [*await ledger.page(tenant_id, after=half, limit=2)] == page[half : half + 2]
        head = await ledger.head(tenant_id)
        assert (head.position, head.recorded_at) == (
            len(log),
            log[-1].recorded_at if log else None,
        )
        heads = await ledger.heads()
        assert {t: heads.get(t, 0) for t in self.models} == {
            t: len(m.log) for t, m in self.models.items()
        }
        two = self.streams[:2]
        assert await ledger.stream(tenant_id, two) == [e for e in page if e.stream_id in two]
        assert await ledger.last_version(tenant_id, two[0]) == model.version(two[0])
        keys = [("key", key) for key in KEYS]
        assert await ledger.holders(tenant_id, keys) == model.holders
        results = await ledger.results(tenant_id, self.commands)
        assert {c: (r.fingerprint, r.event_ids, r.last_position) for c, r in results.items()} == {
            c: (fingerprint, first.event_ids, first.last_position)
            for c, (fingerprint, first) in model.commands.items()
        }
        assert await ledger.tracked(tenant_id, LOG) == model.marks.get(LOG)
        if log:
            moment = log[half].recorded_at
            assert await ledger.position_at(tenant_id, moment) == half + 1


def assert_is(outcome: Appended | CrmError, append: Append, expected: Stored | Refusal) -> None:
    match expected:
        case Refusal(codes):
            assert isinstance(outcome, CrmError), (outcome, codes)
            assert outcome.code in codes
        case Stored():
            assert outcome == Appended(
                append.command_id,
                expected.event_ids,
                expected.last_position,
                expected.recorded_at,
                expected.replayed,
            )


def as_kept(event: StoredEvent) -> Kept:
    new = NewEvent(
        event_id=event.event_id,
        type=event.type,
        schema_version=event.schema_version,
        data=event.data,
        effective_at=event.effective_at,
        subject_ids=event.subject_ids,
        tags=event.tags,
    )
    return Kept(event.stream_id, event.version, event.recorded_at, event.command_id, new)


# --- the ledgers


def hold_to_the_model(
    opens: Callable[[], tuple[Ledger, ManualClock]],
    waits: Callable[[Coroutine[Any, Any, Any]], Any],
    **chosen: Any,
) -> None:
    class Machine(LedgerMachine):
        pass

    Machine.opens, Machine.waits = staticmethod(opens), staticmethod(waits)
    run_state_machine_as_test(
        Machine, settings=settings(deadline=None, report_multiple_bugs=False, **chosen)
    )


def in_memory(kind: type[InMemoryLedger] = InMemoryLedger) -> tuple[Ledger, ManualClock]:
    clock = ManualClock(START)
    return kind(clock), clock


def test_the_ledger_in_memory_does_what_the_model_does() -> None:
    with asyncio.Runner() as runner:
        hold_to_the_model(
            in_memory,
            runner.run,
            max_examples=numbers.MODEL_EXAMPLES_IN_MEMORY,
            stateful_step_count=15,
        )


def test_the_ledger_in_postgres_does_what_the_model_does(database_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = ManualClock(START)
        ledger = PostgresLedger(runner.run(open_pool(database_url, "crm_app")), clock)
        hold_to_the_model(
            lambda: (ledger, clock),
            runner.run,
            max_examples=numbers.MODEL_EXAMPLES_IN_POSTGRES,
            stateful_step_count=10,
        )
        runner.run(ledger.close())


# --- planted bugs: the same machine must show them


class AnyVersionWillDo(Admission):
    def _refusal(self, append: Append) -> CrmError | None:
        streams = tuple(replace(stream, expected=Expected.ANY) for stream in append.streams)
        return super()._refusal(replace(append, streams=streams))


class CommandsAreForgotten(Admission):
    def admit(self, append: Append) -> Appended | CrmError:
        return super().admit(replace(append, fingerprint=None))


class KeysAreNeverGivenBack(Admission):
    def _move_claims(self, append: Append) -> None:
        super()._move_claims(replace(append, release=()))


class KeysAreTakenFromTheirHolders(Admission):
    def _refusal(self, append: Append) -> CrmError | None:
        return super()._refusal(replace(append, take=()))


class ConditionsAreIgnored(Admission):
    def _refusal(self, append: Append) -> CrmError | None:
        return super()._refusal(replace(append, condition=None))


class MarksGoBack(Admission):
    def _refusal(self, append: Append) -> CrmError | None:
        return super()._refusal(replace(append, tracking=None))


class WhatIsRefusedLeavesATrace(Admission):
    def admit(self, append: Append) -> Appended | CrmError:
        outcome = super().admit(append)
        if isinstance(outcome, CrmError):
            self._move_claims(append)
        return outcome


class TimeGoesBack(Admission):
    def _store(self, append: Append, stream: StreamAppend) -> None:
        self.head = Head(self.head.position, None)
        super()._store(append, stream)


@pytest.mark.parametrize(
    "planted",
    [
        AnyVersionWillDo,
        CommandsAreForgotten,
        KeysAreNeverGivenBack,
        KeysAreTakenFromTheirHolders,
        ConditionsAreIgnored,
        MarksGoBack,
        WhatIsRefusedLeavesATrace,
        TimeGoesBack,
    ],
)
def test_a_ledger_with_another_rule_is_caught(
    planted: type[Admission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_core.ledger.memory.Admission", planted)
    assert_is_caught(InMemoryLedger)


class TenantsShareStreams(InMemoryLedger):
    async def stream(self, tenant_id: UUID, *args: Any, **options: Any) -> list[StoredEvent]:
        found = []
        for tenant in list(self._tenants):
            found += await super().stream(tenant, *args, **options)
        return found


class TheSecondPageBeginsTooLate(InMemoryLedger):
    async def page(self, tenant_id: UUID, *, after: int, **options: Any) -> Page[StoredEvent]:
        return await super().page(tenant_id, after=after and after + 1, **options)


class TheLastEventIsLost(InMemoryLedger):
    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Appended | CrmError]:
        outcomes = await super().append(tenant_id, appends)
        if len(self._tenants[tenant_id].events) > 5:
            del self._tenants[tenant_id].events[-1]
        return outcomes


@pytest.mark.parametrize(
    "planted", [TenantsShareStreams, TheSecondPageBeginsTooLate, TheLastEventIsLost]
)
def test_a_ledger_that_reads_or_keeps_wrongly_is_caught(planted: type[InMemoryLedger]) -> None:
    assert_is_caught(planted)


def assert_is_caught(kind: type[InMemoryLedger]) -> None:
    with asyncio.Runner() as runner, pytest.raises(AssertionError):
        hold_to_the_model(
            lambda: in_memory(kind),
            runner.run,
            max_examples=5_000,  # it ends with the first that finds the bug
            stateful_step_count=15,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
        )
