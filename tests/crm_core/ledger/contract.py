"""What every ledger must do. `test_memory.py` and `test_postgres.py` hold theirs to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from crm_core.kernel.clock import ManualClock
from crm_core.kernel.errors import CommandReused, ConditionFailed, Rejected, VersionConflict
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM, Actor, ActorKind
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.limits import APPEND_EVENTS_MAX, EVENT_BYTES_MAX
from crm_core.ledger.records import (
    Append,
    Appended,
    Claim,
    Expected,
    ExpectedVersion,
    NewEvent,
    StreamAppend,
    TagCondition,
    TrackingMark,
)
from crm_core.ledger.selection import Selection

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT, OTHER = uuid4(), uuid4()


def event(data: bytes = b"{}", **fields: object) -> NewEvent:
    return NewEvent(
        event_id=new_id(), type="test.thing.happened", schema_version=1, data=data, **fields
    )


def stream(
    stream_id: UUID, expected: ExpectedVersion, *events: NewEvent, kind: str = "test.thing"
) -> StreamAppend:
    return StreamAppend(kind, stream_id, expected, events or (event(),))


def command(*streams: StreamAppend, command_id: UUID | None = None, **fields: object) -> Append:
    command_id = command_id or new_id()
    return Append(
        command_id=command_id, actor=SYSTEM, correlation_id=command_id, streams=streams, **fields
    )


async def held(ledger: Ledger, tenant_id: UUID = TENANT) -> UUID | None:
    """Who holds the one key of these tests."""
    return (await ledger.holders(tenant_id, [("email", b"k")])).get(("email", b"k"))


class LedgerContract:
    """Mix into a test class that has a `ledger` and a `clock` fixture."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(START)

    async def one(self, ledger: Ledger, append: Append, tenant: UUID = TENANT) -> Appended:
        (outcome,) = await ledger.append(tenant, [append])
        assert isinstance(outcome, Appended), outcome
        return outcome

    # --- positions and versions ----------------------------------------------------------------

    async def test_positions_and_versions_are_gapless_from_1(self, ledger: Ledger) -> None:
        first, second = uuid4(), uuid4()
        await self.one(ledger, command(stream(first, Expected.NONE, event(), event())))
        await self.one(ledger, command(stream(second, Expected.NONE), stream(first, 2)))
        page = await ledger.page(TENANT, after=0, limit=10)
        assert [e.position for e in page] == [1, 2, 3, 4]
        assert [(e.stream_id, e.version) for e in page] == [
            (first, 1),
            (first, 2),
            (second, 1),
            (first, 3),
        ]

    async def test_an_empty_ledger_ends_at_0(self, ledger: Ledger) -> None:
        head = await ledger.head(TENANT)
        assert (head.position, head.recorded_at) == (0, None)
        assert await ledger.page(TENANT, after=0, limit=10) == []
        assert await ledger.heads() == {}

    async def test_tenants_have_ledgers_of_their_own(self, ledger: Ledger) -> None:
        record = uuid4()
        await self.one(ledger, command(stream(record, Expected.NONE)))
        await self.one(ledger, command(stream(record, Expected.NONE)), tenant=OTHER)
        assert await ledger.heads() == {TENANT: 1, OTHER: 1}
        assert [e.tenant_id for e in await ledger.page(OTHER, after=0, limit=9)] == [OTHER]

    async def test_no_position_is_skipped(self, ledger: Ledger) -> None:
        """A reader that tails the ledger while many write sees every position once, in order."""
        seen: list[int] = []

        async def write(writer: int) -> None:
            for _ in range(20):
                await self.one(ledger, command(stream(uuid4(), Expected.NONE, event(), event())))
                await asyncio.sleep(0.001 * (writer % 3))

        async def tail() -> None:
            while len(seen) < 8 * 20 * 2:
                after = seen[-1] if seen else 0
                seen.extend(e.position for e in await ledger.page(TENANT, after=after, limit=50))
                await asyncio.sleep(0)

        async with asyncio.timeout(30):
            await asyncio.gather(tail(), *(write(writer) for writer in range(8)))
        assert seen == list(range(1, len(seen) + 1))

    # --- expected versions ---------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("there", "expected", "fits"),
        [
            (0, Expected.NONE, True),
            (1, Expected.NONE, False),
            (0, Expected.EXISTS, False),
            (2, Expected.EXISTS, True),
            (0, Expected.ANY, True),
            (2, Expected.ANY, True),
            (2, 2, True),
            (2, 1, False),
            (2, 3, False),
        ],
    )
    async def test_a_stream_must_be_as_expected(
        self, ledger: Ledger, there: int, expected: ExpectedVersion, fits: bool
    ) -> None:
        record = uuid4()
        if there:
            events = [event() for _ in range(there)]
            await self.one(ledger, command(stream(record, Expected.NONE, *events)))
        (outcome,) = await ledger.append(TENANT, [command(stream(record, expected))])
        assert isinstance(outcome, Appended) is fits
        assert (await ledger.head(TENANT)).position == there + (1 if fits else 0)

    async def test_a_conflict_says_what_was_expected_and_what_is(self, ledger: Ledger) -> None:
        record = uuid4()
        await self.one(ledger, command(stream(record, Expected.NONE)))
        (outcome,) = await ledger.append(TENANT, [command(stream(record, 7))])
        assert isinstance(outcome, VersionConflict)
        assert str(outcome) == (
            f"Wrong expected version: 7 (stream: test.thing/{record}, stream version: 1)"
        )

    async def test_a_conflict_names_what_the_caller_had_not_seen(self, ledger: Ledger) -> None:
        record = uuid4()
        await self.one(ledger, command(stream(record, Expected.NONE, event(), event())))
        unseen = [event(), event()]
        await self.one(ledger, command(stream(uuid4(), Expected.NONE), stream(record, 2, *unseen)))
        (outcome,) = await ledger.append(TENANT, [command(stream(record, 2))])
        assert isinstance(outcome, VersionConflict)
        assert [(e.version, e.position, e.type, e.event_id) for e in outcome.between] == [
            (3, 4, "test.thing.happened", unseen[0].event_id),
            (4, 5, "test.thing.happened", unseen[1].event_id),
        ]

    async def test_a_conflict_names_at_most_a_hundred(self, ledger: Ledger) -> None:
        record = uuid4()
        events = [event() for _ in range(150)]
        await self.one(ledger, command(stream(record, Expected.NONE, *events)))
        (outcome,) = await ledger.append(TENANT, [command(stream(record, Expected.NONE))])
        assert isinstance(outcome, VersionConflict)
        assert [e.version for e in outcome.between] == list(range(1, 101))
        assert outcome.actual == 150

    async def test_of_racing_writers_one_wins(self, ledger: Ledger) -> None:
        record = uuid4()
        await self.one(ledger, command(stream(record, Expected.NONE)))
        outcomes = await asyncio.gather(
            *(ledger.append(TENANT, [command(stream(record, 1))]) for _ in range(20))
        )
        won = [outcome for (outcome,) in outcomes if isinstance(outcome, Appended)]
        assert len(won) == 1
        assert [e.version for e in await ledger.stream(TENANT, [record])] == [1, 2]

    async def test_a_conflict_in_one_stream_stores_none_of_the_others(self, ledger: Ledger) -> None:
        (outcome,) = await ledger.append(
            TENANT, [command(stream(uuid4(), Expected.NONE), stream(uuid4(), Expected.EXISTS))]
        )
        assert isinstance(outcome, VersionConflict)
        assert (await ledger.head(TENANT)).position == 0

    async def test_a_refused_append_harms_no_other_of_its_batch(self, ledger: Ledger) -> None:
        record = uuid4()
        outcomes = await ledger.append(
            TENANT,
            [
                command(stream(record, Expected.NONE)),
                command(stream(record, Expected.NONE)),
                command(stream(record, 1)),
            ],
        )
        assert [isinstance(outcome, Appended) for outcome in outcomes] == [True, False, True]
        assert [e.version for e in await ledger.stream(TENANT, [record])] == [1, 2]

    async def test_a_stream_that_is_named_twice_was_at_one_version(self, ledger: Ledger) -> None:
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        for second, fits in ((Expected.NONE, True), (1, False)):
            record = uuid4()
            (outcome,) = await ledger.append(
                TENANT, [command(stream(record, Expected.NONE), stream(record, second))]
            )
            assert isinstance(outcome, Appended) is fits

    async def test_a_decision_can_rest_on_a_stream_that_it_does_not_change(
        self, ledger: Ledger
    ) -> None:
        read, written = uuid4(), uuid4()
        await self.one(ledger, command(stream(read, Expected.NONE)))
        guarded = StreamAppend("test.thing", read, 1, ())
        await self.one(ledger, command(stream(written, Expected.NONE), guarded))
        await self.one(ledger, command(stream(read, 1)))
        (outcome,) = await ledger.append(TENANT, [command(stream(written, 1), guarded)])
        assert isinstance(outcome, VersionConflict)

    # --- time ----------------------------------------------------------------------------------

    async def test_recorded_at_rises_strictly_even_when_the_clock_goes_back(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        for step in (0, 0, -3600, 7200, -60):
            clock.advance(timedelta(seconds=step))
            await self.one(ledger, command(stream(uuid4(), Expected.NONE, event(), event())))
        times = [e.recorded_at for e in await ledger.page(TENANT, after=0, limit=20)]
        assert times == sorted(set(times))

    async def test_a_moment_has_a_position(self, ledger: Ledger, clock: ManualClock) -> None:
        for _ in range(5):
            await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
            clock.advance(timedelta(minutes=1))
        asked = [START - timedelta(seconds=1), START, START + timedelta(seconds=90), clock.now()]
        assert [await ledger.position_at(TENANT, moment) for moment in asked] == [0, 1, 2, 5]
        assert await ledger.position_at(OTHER, START) == 0

    # --- the envelope --------------------------------------------------------------------------

    async def test_an_event_comes_back_as_it_was_stored(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        subject, happened = uuid4(), START - timedelta(days=400)
        data = b'{"z":1,"a":"\\u00e9 \xf0\x9f\x8c\x8d"}'
        new = event(data, effective_at=happened, subject_ids=(subject,), tags=("region:eu", "vip"))
        append = Append(
            command_id=uuid4(),
            actor=Actor(ActorKind.RULE, "rule-7", on_behalf_of="user-1"),
            correlation_id=uuid4(),
            causation_id=uuid4(),
            reason="import:sales",
            streams=(stream(uuid4(), Expected.NONE, new),),
        )
        await self.one(ledger, append)
        (stored,) = await ledger.page(TENANT, after=0, limit=1)
        assert stored.data == data
        assert (stored.event_id, stored.type, stored.schema_version) == (new.event_id, new.type, 1)
        assert (stored.subject_ids, stored.tags) == (new.subject_ids, new.tags)
        assert (stored.effective_at, stored.happened_at) == (happened, happened)
        assert (stored.recorded_at, stored.recorded_at.tzinfo) == (clock.now(), UTC)
        assert (stored.actor, stored.reason) == (append.actor, append.reason)
        assert (stored.command_id, stored.correlation_id, stored.causation_id) == (
            append.command_id,
            append.correlation_id,
            append.causation_id,
        )

    async def test_lists_of_the_envelope_keep_every_character(self, ledger: Ledger) -> None:
        tags = ('a "quoted" one', "a,b", r"back\slash", "{braces}", "null", "")
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, event(tags=tags))))
        (stored,) = await ledger.page(TENANT, after=0, limit=1)
        assert stored.tags == tags

    async def test_an_event_id_is_given_once(self, ledger: Ledger) -> None:
        given = event()
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, given)))
        for again in ((given,), (twice := event(), twice)):
            (outcome,) = await ledger.append(
                TENANT, [command(stream(uuid4(), Expected.NONE, *again))]
            )
            assert isinstance(outcome, Rejected)
            assert outcome.code == "ledger.event_exists"
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, given)), tenant=OTHER)
        assert (await ledger.head(TENANT)).position == 1

    @pytest.mark.parametrize(
        ("new", "limit"),
        [
            ([event(b"x" * (EVENT_BYTES_MAX + 1))], EVENT_BYTES_MAX),
            ([event() for _ in range(APPEND_EVENTS_MAX + 1)], APPEND_EVENTS_MAX),
        ],
    )
    async def test_what_is_too_large_is_refused_alone(
        self, ledger: Ledger, new: list[NewEvent], limit: int
    ) -> None:
        refused, stored = await ledger.append(
            TENANT,
            [
                command(stream(uuid4(), Expected.NONE, *new)),
                command(stream(uuid4(), Expected.NONE)),
            ],
        )
        assert isinstance(refused, Rejected)
        assert refused.code.endswith("_too_large")
        assert limit in refused.parameters.values()
        assert isinstance(stored, Appended)

    async def test_a_version_that_no_stream_reaches_is_a_conflict(self, ledger: Ledger) -> None:
        for expected in (2**31 - 1, 2**40, -1):
            (outcome,) = await ledger.append(TENANT, [command(stream(uuid4(), expected))])
            assert isinstance(outcome, VersionConflict), expected

    # --- commands, claims, conditions ----------------------------------------------------------

    async def test_a_command_sent_twice_has_one_effect(self, ledger: Ledger) -> None:
        sent = command(stream(uuid4(), Expected.NONE), command_id=uuid4(), fingerprint=b"same")
        first = await self.one(ledger, sent)
        again = await self.one(ledger, sent)
        assert again.replayed
        assert (again.event_ids, again.last_position) == (first.event_ids, first.last_position)
        assert (await ledger.head(TENANT)).position == 1
        assert set(await ledger.results(TENANT, [sent.command_id, uuid4()])) == {sent.command_id}

    async def test_a_command_id_is_not_for_another_command(self, ledger: Ledger) -> None:
        command_id = uuid4()
        await self.one(
            ledger,
            command(stream(uuid4(), Expected.NONE), command_id=command_id, fingerprint=b"one"),
        )
        (outcome,) = await ledger.append(
            TENANT,
            [command(stream(uuid4(), Expected.NONE), command_id=command_id, fingerprint=b"two")],
        )
        assert isinstance(outcome, CommandReused)

    async def test_a_unique_key_has_one_holder_until_it_is_released(self, ledger: Ledger) -> None:
        ada, bob = uuid4(), uuid4()
        mine, theirs = Claim("email", b"k", ada), Claim("email", b"k", bob)
        await self.one(ledger, command(stream(ada, Expected.NONE), take=(mine,)))
        assert await held(ledger) == ada
        refused = command(stream(bob, Expected.NONE), take=(theirs,))
        (outcome,) = await ledger.append(TENANT, [refused])
        assert isinstance(outcome, Rejected)
        assert outcome.parameters == {"kind": "email", "holder_id": str(ada)}
        await self.one(ledger, command(stream(ada, 1), release=(mine,)))
        await self.one(ledger, refused)
        assert await held(ledger) == bob
        assert await held(ledger, OTHER) is None

    async def test_a_key_moves_between_records_in_one_append(self, ledger: Ledger) -> None:
        ada, bob = uuid4(), uuid4()
        mine, theirs = Claim("email", b"k", ada), Claim("email", b"k", bob)
        await self.one(ledger, command(stream(ada, Expected.NONE), take=(mine,)))
        moving = command(stream(bob, Expected.NONE), release=(mine,), take=(theirs,))
        await self.one(ledger, moving)
        assert await held(ledger) == bob

    async def test_a_key_is_given_back_by_nobody_but_its_holder(self, ledger: Ledger) -> None:
        ada, bob = uuid4(), uuid4()
        mine, theirs = Claim("email", b"k", ada), Claim("email", b"k", bob)
        await self.one(ledger, command(stream(ada, Expected.NONE), take=(mine,)))
        stealing = command(stream(bob, Expected.NONE), release=(theirs,), take=(theirs,))
        (outcome,) = await ledger.append(TENANT, [stealing])
        assert isinstance(outcome, Rejected)
        assert outcome.code == "claim.taken"
        assert await held(ledger) == ada

    async def test_an_append_takes_a_key_for_one_record(self, ledger: Ledger) -> None:
        ada, bob = uuid4(), uuid4()
        both = (Claim("email", b"k", ada), Claim("email", b"k", bob))
        (outcome,) = await ledger.append(TENANT, [command(stream(ada, Expected.NONE), take=both)])
        assert isinstance(outcome, Rejected)
        assert outcome.parameters == {"kind": "email", "holder_id": str(ada)}
        assert await held(ledger) is None

    async def test_of_racing_claims_one_wins(self, ledger: Ledger) -> None:
        async def claim() -> Appended | Exception:
            record = uuid4()
            taken = command(stream(record, Expected.NONE), take=(Claim("email", b"k", record),))
            (outcome,) = await ledger.append(TENANT, [taken])
            return outcome

        outcomes = await asyncio.gather(*(claim() for _ in range(20)))
        assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1

    async def test_a_condition_fails_once_its_tags_were_recorded(self, ledger: Ledger) -> None:
        tags = ("course:7", "student:1")
        tagged = command(stream(uuid4(), Expected.NONE, event(tags=(*tags, "extra"))))
        await self.one(ledger, tagged)
        for after, fits in ((0, False), (1, True)):
            condition = TagCondition(tags, after)
            append = command(stream(uuid4(), Expected.NONE), condition=condition)
            (outcome,) = await ledger.append(TENANT, [append])
            assert isinstance(outcome, Appended) is fits, outcome
        assert isinstance(
            (await self._under(ledger, TagCondition(("course:7",), 0)))[0], ConditionFailed
        )
        assert isinstance((await self._under(ledger, TagCondition(("course:8",), 0)))[0], Appended)

    async def _under(self, ledger: Ledger, condition: TagCondition) -> Sequence[object]:
        append = command(stream(uuid4(), Expected.NONE), condition=condition)
        return await ledger.append(TENANT, [append])

    # --- tracking ------------------------------------------------------------------------------

    async def test_a_mark_is_kept_with_the_events_that_follow_from_it(self, ledger: Ledger) -> None:
        assert await ledger.tracked(TENANT, "orders") is None
        followed = command(stream(uuid4(), Expected.NONE), tracking=TrackingMark("orders", 7))
        assert (await self.one(ledger, followed)).last_position == 1
        assert await ledger.tracked(TENANT, "orders") == 7
        assert await ledger.tracked(TENANT, "returns") is None
        assert await ledger.tracked(OTHER, "orders") is None

    async def test_what_is_followed_may_lead_to_no_event(self, ledger: Ledger) -> None:
        nothing = await self.one(ledger, command(tracking=TrackingMark("orders", 7)))
        assert (nothing.event_ids, nothing.last_position) == ((), 0)
        assert await ledger.tracked(TENANT, "orders") == 7

    @pytest.mark.parametrize("position", [6, 7, 0])
    async def test_a_mark_lies_beyond_the_last_or_nothing_is_stored(
        self, ledger: Ledger, position: int
    ) -> None:
        record = uuid4()
        first = command(stream(record, Expected.NONE), tracking=TrackingMark("orders", 7))
        await self.one(ledger, first)
        again = command(stream(record, 1), tracking=TrackingMark("orders", position))
        (outcome,) = await ledger.append(TENANT, [again])
        assert isinstance(outcome, Rejected)
        assert outcome.code == "ledger.already_tracked"
        assert outcome.parameters == {"upstream": "orders", "position": position, "last": 7}
        assert (await ledger.head(TENANT)).position == 1

    async def test_a_refused_append_leaves_no_mark(self, ledger: Ledger) -> None:
        conflict = command(stream(uuid4(), 5), tracking=TrackingMark("orders", 7))
        (outcome,) = await ledger.append(TENANT, [conflict])
        assert isinstance(outcome, VersionConflict)
        assert await ledger.tracked(TENANT, "orders") is None

    async def test_the_marks_of_a_batch_follow_each_other(self, ledger: Ledger) -> None:
        positions = (7, 9, 8, 9, 12)
        outcomes = await ledger.append(
            TENANT, [command(tracking=TrackingMark("orders", position)) for position in positions]
        )
        fits = [isinstance(outcome, Appended) for outcome in outcomes]
        assert fits == [True, True, False, False, True]
        assert await ledger.tracked(TENANT, "orders") == 12

    async def test_of_racing_followers_one_deals_with_a_position(self, ledger: Ledger) -> None:
        async def follow() -> Appended | Exception:
            mark = TrackingMark("orders", 1)
            append = command(stream(uuid4(), Expected.NONE), tracking=mark)
            (outcome,) = await ledger.append(TENANT, [append])
            return outcome

        outcomes = await asyncio.gather(*(follow() for _ in range(20)))
        assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
        assert (await ledger.head(TENANT)).position == 1

    # --- reading -------------------------------------------------------------------------------

    async def test_a_page_is_bounded_and_filtered(self, ledger: Ledger) -> None:
        other = NewEvent(event_id=new_id(), type="test.thing.other", schema_version=1, data=b"{}")
        record = uuid4()
        await self.one(
            ledger, command(stream(record, Expected.NONE, event(), other, event(), event()))
        )
        found = await ledger.page(
            TENANT, after=1, limit=2, up_to=4, selection=Selection(types=["test.thing.happened"])
        )
        assert [e.position for e in found] == [3, 4]
        assert [e.position for e in await ledger.page(TENANT, after=0, limit=2)] == [1, 2]
        after = await ledger.stream(TENANT, [record], after_version=2, up_to=3)
        assert [e.version for e in after] == [3]
        part = await ledger.stream(TENANT, [record], after_version=1, up_to_version=3)
        assert [e.version for e in part] == [2, 3]
        assert await ledger.last_version(TENANT, record) == 4
        assert await ledger.last_version(TENANT, uuid4()) == 0

    async def test_who_waits_is_woken_by_an_append(self, ledger: Ledger) -> None:
        waiting = asyncio.create_task(ledger.wait(TENANT, after=0, seconds=5))
        await asyncio.sleep(0.05)
        await self.one(ledger, command(stream(uuid4(), Expected.NONE)))
        async with asyncio.timeout(1):
            assert await waiting == 1
        assert await ledger.wait(TENANT, after=1, seconds=0.05) == 1

    # --- replay --------------------------------------------------------------------------------

    async def test_events_are_restored_as_they_were(
        self, ledger: Ledger, clock: ManualClock
    ) -> None:
        await self.one(ledger, command(stream(uuid4(), Expected.NONE, event(), event(b"[1]"))))
        events = await ledger.page(TENANT, after=0, limit=10)
        clock.advance(timedelta(days=1))
        moved = [_in(OTHER, e) for e in events]
        await ledger.restore(OTHER, moved[:1])
        await ledger.restore(OTHER, moved[1:], [Claim("email", b"k", moved[0].stream_id)])
        assert await ledger.page(OTHER, after=0, limit=10) == moved
        assert await held(ledger, OTHER) == moved[0].stream_id
        with pytest.raises(Rejected, match=r"ledger\.gap"):
            await ledger.restore(OTHER, moved)


def _in(tenant_id: UUID, stored: object) -> object:
    return replace(stored, tenant_id=tenant_id)
