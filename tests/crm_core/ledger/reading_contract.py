"""What reading must do in every ledger: what is selected, in order, none skipped, none doubled."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import SYSTEM
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import Append, Appended, Expected, NewEvent, StoredEvent, StreamAppend
from crm_core.ledger.selection import EVERYTHING, Page, Selection

HERE, THERE = UUID(int=0xA), UUID(int=0xB)
EVENTS = 240

# Names that a careless prefix, pattern or collation takes for one another.
TYPES = ("sales.opportunity.opened", "sales.opportunity.won", "sales.opportunity_line.added",
         "sales.product.added", "sales2.product.added", "Sales.product.added",
         "service.ticket.opened", "service.ticket.reply.added", "s%.x.y", "sales")  # fmt: skip
CATEGORIES = ("sales", "sales.opportunity", "service", "service.ticket", "service.ticket.reply",
              "s%", "Sales", "sale", "nothing")  # fmt: skip
TAGS = ("vip", "region:eu", "region:us", "late")
STREAMS, SUBJECTS, JOURNEYS = (
    tuple(UUID(int=kind << 32 | number) for number in range(6)) for kind in (1, 2, 3)
)


def some(options: tuple[str, ...], unknown: str) -> st.SearchStrategy[tuple[str, ...] | None]:
    one = st.sampled_from([*options, unknown])
    return st.none() | st.lists(one, min_size=1, max_size=3).map(tuple)


def one_of(ids: tuple[UUID, ...]) -> st.SearchStrategy[UUID | None]:
    return st.none() | st.sampled_from([*ids, UUID(int=99)])


selections = st.builds(
    Selection,
    categories=some(CATEGORIES, "test"),
    types=some(TYPES, "sales.opportunity"),
    tags=some(TAGS, "v"),
    stream_id=one_of(STREAMS),
    subject_id=one_of(SUBJECTS),
    correlation_id=one_of(JOURNEYS),
)
# All at once select next to nothing: mostly, only one or two things are asked for.
narrowed = st.one_of(
    *(st.builds(Selection, **{name: strategy}) for name, strategy in {
        "categories": some(CATEGORIES, "test"),
        "types": some(TYPES, "sales.opportunity"),
        "tags": some(TAGS, "v"),
        "stream_id": one_of(STREAMS),
        "subject_id": one_of(SUBJECTS),
        "correlation_id": one_of(JOURNEYS),
    }.items()),
    st.builds(Selection, categories=some(CATEGORIES, "test"), types=some(TYPES, "x")),
    st.builds(Selection, types=some(TYPES, "x"), subject_id=one_of(SUBJECTS)),
    selections,
)  # fmt: skip


def made_up(random: Random) -> Append:
    """One event with anything in its envelope."""
    event = NewEvent(
        event_id=new_id(),
        type=random.choice(TYPES),
        schema_version=1,
        data=b"{}",
        tags=tuple(random.sample(TAGS, random.choice((0, 0, 1, 2)))),
        subject_ids=tuple(random.sample(SUBJECTS, random.choice((0, 1, 1, 1, 2, 3)))),
    )
    stream = StreamAppend("any.kind", random.choice(STREAMS), Expected.ANY, (event,))
    return Append(
        command_id=new_id(),
        actor=SYSTEM,
        correlation_id=random.choice(JOURNEYS),
        streams=(stream,),
    )


async def fill(ledger: Ledger, events: int = EVENTS) -> None:
    """The same kinds of events for two tenants, so that a reader that mixes them up is seen."""
    random = Random(7)
    for tenant in (HERE, THERE):
        outcomes = await ledger.append(tenant, [made_up(random) for _ in range(events)])
        assert all(isinstance(outcome, Appended) for outcome in outcomes)


async def walk(
    ledger: Ledger, selection: Selection, *, after: int = 0, up_to: int | None = None, limit: int
) -> tuple[list[StoredEvent], int]:
    """All pages one after another, and how far the last one has looked."""
    found: list[StoredEvent] = []
    while True:
        page = await ledger.page(HERE, after=after, limit=limit, up_to=up_to, selection=selection)
        assert len(page) <= limit
        assert after <= page.scanned_to
        assert not page or after < page[0].position <= page[-1].position <= page.scanned_to
        found += page
        after = page.scanned_to
        if len(page) < limit:
            return found, after


async def require_whole_walks(ledger: Ledger, draw: Callable[[Any], Any]) -> None:
    """What the property below says, of one example."""
    selection = draw(narrowed)
    after = draw(st.integers(0, EVENTS + 5))
    up_to = draw(st.none() | st.integers(0, EVENTS + 5))
    limit = draw(st.integers(1, 12) | st.just(1000))
    end = EVENTS if up_to is None else min(up_to, EVENTS)
    everything = await ledger.page(HERE, after=0, limit=1000)
    found, scanned_to = await walk(ledger, selection, after=after, up_to=up_to, limit=limit)
    assert found == [
        event for event in everything if after < event.position <= end and selection.selects(event)
    ]
    assert scanned_to == max(after, end)


class ReadingContract:
    """Mix into a test class that has a `ledger` fixture."""

    @settings(  # one filled ledger for all examples: they only read; and it is held by two classes
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
    )
    @given(data=st.data())
    async def test_a_walk_gives_what_is_selected_in_order_none_skipped_none_doubled(
        self, ledger: Ledger, data: st.DataObject
    ) -> None:
        if not (await ledger.head(HERE)).position:
            await fill(ledger)
        await require_whole_walks(ledger, data.draw)

    @pytest.mark.parametrize(
        ("selection", "positions"),
        [
            (EVERYTHING, [1, 2, 3, 4, 5]),
            (Selection(categories=["sales"]), [1, 2, 3]),
            (Selection(categories=["sales.opportunity"]), [1, 2]),
            (Selection(categories=["sales.product", "service"]), [3, 4]),
            (Selection(types=["sales.opportunity.won", "service.ticket.opened"]), [2, 4]),
            (Selection(categories=["sales"], types=["service.ticket.opened"]), []),
            (Selection(tags=["vip"]), [1, 3]),
            (Selection(tags=["vip", "late"]), [3]),
            (Selection(subject_id=SUBJECTS[0]), [1, 4]),
            (Selection(subject_id=SUBJECTS[1]), [4, 5]),
            (Selection(stream_id=STREAMS[0]), [1, 2]),
            (Selection(correlation_id=JOURNEYS[1]), [2, 5]),
            (Selection(correlation_id=JOURNEYS[1], types=["sales2.product.added"]), [5]),
        ],
    )
    async def test_each_criterion_selects(
        self, ledger: Ledger, selection: Selection, positions: list[int]
    ) -> None:
        for type_, tags, subjects, stream, journey in (
            ("sales.opportunity.opened", ("vip",), (0,), 0, 0),
            ("sales.opportunity.won", (), (), 0, 1),
            ("sales.product.added", ("late", "vip"), (), 1, 0),
            ("service.ticket.opened", (), (1, 0), 2, 0),
            ("sales2.product.added", ("late",), (1,), 3, 1),
        ):
            event = NewEvent(
                event_id=new_id(), type=type_, schema_version=1, data=b"{}", tags=tags,
                subject_ids=tuple(SUBJECTS[number] for number in subjects),
            )  # fmt: skip
            append = Append(
                command_id=new_id(), actor=SYSTEM, correlation_id=JOURNEYS[journey],
                streams=(StreamAppend("a.b", STREAMS[stream], Expected.ANY, (event,)),),
            )  # fmt: skip
            await ledger.append(HERE, [append])
        found, scanned_to = await walk(ledger, selection, limit=10)
        assert [event.position for event in found] == positions
        assert scanned_to == 5

    async def test_a_page_says_how_far_it_has_looked(self, ledger: Ledger) -> None:
        await fill(ledger)
        nothing = Selection(types=["never.recorded.by_anybody"])
        page = await ledger.page(HERE, after=0, limit=10, selection=nothing)
        assert (page, page.scanned_to) == ([], EVENTS)
        page = await ledger.page(HERE, after=0, limit=10, up_to=100, selection=nothing)
        assert page.scanned_to == 100
        page = await ledger.page(HERE, after=EVENTS + 3, limit=10, selection=nothing)
        assert page.scanned_to == EVENTS + 3

    async def test_who_selects_after_the_limit_is_found_out(self, ledger: Ledger) -> None:
        """The property would catch a ledger that fills a page first and selects from it then."""

        class Careless:
            head = ledger.head

            async def page(self, tenant_id: UUID, **asked: Any) -> Page[StoredEvent]:
                selection = asked.pop("selection", EVERYTHING)
                page = await ledger.page(tenant_id, **asked)
                return Page(filter(selection.selects, page), page.scanned_to)

        await fill(ledger)
        chosen = iter([Selection(categories=["service"]), 0, None, 10])
        with pytest.raises(AssertionError):
            await require_whole_walks(Careless(), lambda _: next(chosen))  # type: ignore[arg-type]
