"""What holds of customers whatever is asked of them, in any order (domain.md 2.1)."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from crm_core import REDACTED, SYSTEM, Command, Crm, Invalid, NotFound, Rejected, Request
from crm_core.customers.customer.customer import Customer, CustomerStatus
from crm_core.ledger.codec import form_of
from crm_core.ledger.event_store import fold
from crm_core.privacy.cipher import sealing_under
from stored_states import require_stored_states_stand
from strategies import MERGE_STORY, ORGANIZATIONS, PEOPLE, customer_commands


async def live(commands: list[Command]) -> tuple[Crm, list[Customer]]:
    """A CRM after these commands, each accepted or refused, and its customers."""
    crm = Crm.in_memory()
    await crm.execute_many([Request(command=command, actor=SYSTEM) for command in commands])
    found = []
    for customer_id in PEOPLE + ORGANIZATIONS:
        try:
            found.append(await crm.get(Customer, customer_id))
        except NotFound:
            continue
    return crm, found


@given(st.lists(customer_commands(), max_size=25))
def test_each_type_of_contact_point_has_exactly_one_primary(commands: list[Command]) -> None:
    _, customers = asyncio.run(live(commands))
    for customer in customers:
        types = {point.type for point in customer.points.values()}
        primaries = Counter(point.type for point in customer.points.values() if point.primary)
        assert primaries == dict.fromkeys(types, 1)


@given(st.lists(customer_commands(), max_size=25))
def test_claims_are_the_keys_of_active_customers_one_to_one(commands: list[Command]) -> None:
    async def check() -> None:
        crm, customers = await live(commands)
        held = [(key, customer.id) for customer in customers for key in customer.held_keys()]
        assert len({key for key, _ in held}) == len(held)
        for key, holder_id in held:
            assert await crm.holder(*key) == holder_id
        for email in ("a@example.com", "b@example.com", "c@example.com"):
            holder = await crm.holder("email", email)
            assert holder in {None, *(who for key, who in held if key.value == email)}

    asyncio.run(check())


@given(st.lists(customer_commands(), max_size=25))
def test_merges_lead_to_a_root_that_is_its_own(commands: list[Command]) -> None:
    _, customers = asyncio.run(live(commands))
    by_id = {customer.id: customer for customer in customers}
    for customer in customers:
        steps = 0
        while customer.status is CustomerStatus.MERGED:
            assert customer.survivor_id is not None
            customer = by_id[customer.survivor_id]
            steps += 1
            assert steps <= len(customers)
        assert customer.survivor_id is None


@given(st.lists(customer_commands(), max_size=25))
def test_no_organization_is_its_own_ancestor(commands: list[Command]) -> None:
    _, customers = asyncio.run(live(commands))
    parents = {customer.id: customer.parent_id for customer in customers}
    for start in parents:
        above, seen = parents[start], set()
        while above is not None:
            assert above != start
            assert above not in seen
            seen.add(above)
            above = parents[above]


@given(st.lists(customer_commands(), max_size=25))
def test_a_batch_decides_as_one_by_one_would(commands: list[Command]) -> None:
    async def outcomes(batch: int) -> list[str]:
        crm = Crm.in_memory()
        codes = []
        for start in range(0, len(commands), batch):
            part = [Request(command=x, actor=SYSTEM) for x in commands[start : start + batch]]
            for outcome in await crm.execute_many(part):
                codes.append(getattr(outcome, "code", "accepted"))
        return codes

    assert asyncio.run(outcomes(100)) == asyncio.run(outcomes(1))


@given(st.lists(customer_commands(), max_size=25))
def test_every_event_survives_encode_and_decode(commands: list[Command]) -> None:
    async def check() -> None:
        crm, _ = await live(commands)
        async for page in crm.events():
            for event in page:
                form = form_of(type(event.data))
                assert form.decode(event.stored, await _cipher(crm, event)) == event.data

    asyncio.run(check())


@given(st.lists(customer_commands(), max_size=25))
@example(MERGE_STORY)
def test_a_customer_is_folded_without_what_was_erased(commands: list[Command]) -> None:
    async def check() -> None:
        crm, known = await live(commands)
        for customer in known:
            await crm.store.keyring.destroy(crm.tenant_id, customer.id)
        for customer in known:
            erased = fold(event.data for event in await crm.history(customer.id))
            assert isinstance(erased, Customer)
            assert (erased.name, erased.held_keys()) == (REDACTED, frozenset())
            for name in ("version", "status", "tags", "parent_id", "survivor_id", "lifecycle"):
                assert getattr(erased, name) == getattr(customer, name)

    asyncio.run(check())


@given(st.lists(customer_commands(), max_size=25))
@example(MERGE_STORY)
def test_its_stored_state_stands_for_what_it_was_folded_from(commands: list[Command]) -> None:
    async def check() -> None:
        crm, customers = await live(commands)
        for customer in customers:
            require_stored_states_stand([e.data for e in await crm.history(customer.id)])

    asyncio.run(check())


@given(customer_commands())
def test_a_refused_command_leaves_no_trace(command: Command) -> None:
    async def check() -> None:
        crm = Crm.in_memory()
        try:
            await crm.execute(command, actor=SYSTEM)
        except (Rejected, NotFound, Invalid):
            assert await crm.position() == 0

    asyncio.run(check())


async def _cipher(crm: Crm, event: object) -> object:
    stored = event.stored  # type: ignore[attr-defined]
    ciphers = await crm.store.keyring.for_opening(stored.tenant_id, stored.subject_ids)
    return sealing_under(stored.subject_ids, ciphers)
