"""What a principal could see in a span, and did read, is what a look at each moment finds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from crm_core import (
    NOW,
    SYSTEM,
    Actor,
    ActorKind,
    Command,
    Crm,
    CrmError,
    Invalid,
    ManualClock,
    NotFound,
    RecordedEvent,
    Rejected,
)
from crm_core.access.records import kind_of
from crm_core.as_of import fold_as_of, folding
from crm_core.audit.reads import How, Read, ReadLog, ReadMode
from crm_core.breach import CouldSee, breach_scope, reach
from crm_core.customers.customer.commands import AssignCustomerOwner, MergeCustomers, RegisterPerson
from crm_core.engagement.interaction.commands import LogInteraction
from crm_core.engagement.interaction.events import InteractionChannel, InteractionDirection
from crm_core.identity import (
    ActivateUser,
    AddTeamMember,
    CreateTeam,
    DefineRole,
    GrantRole,
    GrantShare,
    InviteUser,
    IssueApiKey,
    MoveTeam,
    RemoveTeamMember,
    RevokeApiKey,
    RevokeRole,
    RevokeShare,
    RoleRule,
    Scope,
    SuspendUser,
)
from crm_core.identity.directory import Directory
from crm_core.identity.session.commands import EndSession, OpenSession
from crm_core.identity.session.events import SessionEnded, SessionOpened
from crm_core.ledger.postgres.connections import open_pool
from crm_core.personal import PERSONAL_KINDS
from crm_core.service.ticket.commands import AssignTicket, OpenTicket
from crm_core.service.ticket.events import TicketChannel, TicketType
from crm_core.warrant import owner_found
from golden.stories import START

USERS = [UUID(int=n) for n in range(1, 5)]
TEAMS = [UUID(int=n) for n in range(11, 14)]
KEY = UUID(int=20)
CUSTOMERS = [UUID(int=n) for n in range(31, 36)]
TICKETS = [UUID(int=n) for n in range(41, 44)]
CALLS = [UUID(int=n) for n in range(51, 54)]
SCOPES = {"own": Scope.OWN, "team": Scope.TEAM, "tree": Scope.TEAM_TREE, "shared": Scope.SHARED}
ROLES = (*SCOPES, "all", "feed", "lead")
DIGEST = "0" * 64


def beginnings() -> list[Command]:
    """Users with a role each, of whom the last may act as some others; teams and customers."""
    customers = RoleRule(kind="customer", actions=("read",))
    feed = RoleRule(kind="event", actions=("read",))
    others = RoleRule(kind="user", actions=("impersonate",))
    scoped = {
        name: tuple(
            RoleRule(kind=kind, actions=("read",), scope=scope)
            for kind in ("customer", "ticket", "interaction")
        )
        for name, scope in SCOPES.items()
    }
    rules = {**scoped, "all": (customers,), "feed": (feed,)}
    rules["lead"] = (others, *(rule for name in SCOPES for rule in rules[name]))
    return [
        *(DefineRole(name=name, rules=of) for name, of in rules.items()),
        *(InviteUser(user_id=user, name="N") for user in USERS),
        *(ActivateUser(user_id=user) for user in USERS),
        *(
            GrantRole(user_id=user, role=role)
            for user, role in zip(USERS, ("own", "shared", "tree", "lead"), strict=True)
        ),
        *(CreateTeam(team_id=team, name=f"T{team.int}") for team in TEAMS),
        *(RegisterPerson(customer_id=customer, name="C") for customer in CUSTOMERS[:3]),
    ]


class Story:
    """Anything that may happen to users, teams, shares, keys, sessions and owners, by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = ManualClock(START)
        self.crm = Crm.in_memory(clock=self.clock)
        self._shares: list[UUID] = []
        self._sessions: list[UUID] = []

    async def told(self, steps: int) -> list[RecordedEvent]:
        for command in beginnings():
            await self._do(command)
        for _ in range(steps):
            await self._do(self._anything())
        return [event async for page in self.crm.events() for event in page]

    async def _do(self, command: Command) -> None:
        self.clock.advance(timedelta(minutes=self.chance.randrange(1, 60)))
        with suppress(CrmError):  # it may make no sense now: nothing happens
            await self.crm.execute(command, SYSTEM)

    def _anything(self) -> Command:
        one = self.chance.choice
        user, team, customer = one(USERS), one(TEAMS), one(CUSTOMERS)
        soon = self.clock.now() + timedelta(hours=self.chance.randrange(1, 12))
        record = one([*CUSTOMERS, *TICKETS, *CALLS])
        share = GrantShare(
            record_id=record, principal_id=one([user, team]), until=one([None, soon])
        )
        session = OpenSession(
            user_id=user, digest=DIGEST, expires_at=soon, impersonated_id=one([None, *USERS])
        )
        self._shares.append(share.share_id)
        self._sessions.append(session.session_id)
        makers: list[Command] = [
            RegisterPerson(customer_id=customer, name="C"),
            OpenTicket(
                ticket_id=one(TICKETS), subject="S", customer_id=customer,
                channel=TicketChannel.WEB, type=TicketType.QUESTION,
            ),
            LogInteraction(
                interaction_id=one(CALLS), customer_id=customer, channel=InteractionChannel.CALL,
                direction=InteractionDirection.INBOUND, body="B",
            ),
            AssignCustomerOwner(customer_id=customer, owner_id=user),
            AssignTicket(ticket_id=one(TICKETS), assignee_id=user),
            MergeCustomers(customer_id=customer, loser_ids=(one(CUSTOMERS),)),
        ]  # fmt: skip
        rights: list[Command] = [
            GrantRole(user_id=user, role=one(ROLES)),
            RevokeRole(user_id=user, role=one(ROLES)),
            AddTeamMember(team_id=team, user_id=user),
            RemoveTeamMember(team_id=team, user_id=user),
            MoveTeam(team_id=team, parent_id=one(TEAMS)),
            SuspendUser(user_id=user),
            ActivateUser(user_id=user),
            share,
            share,
            RevokeShare(share_id=one(self._shares)),
            IssueApiKey(
                key_id=KEY, name="K", user_id=user, digest=DIGEST,
                scopes=(one(["customer.*", "*.read", "event.read"]),), expires_at=soon,
            ),
            RevokeApiKey(key_id=KEY),
            session,
            EndSession(session_id=one(self._sessions)),
        ]  # fmt: skip
        return one([*makers, *makers, *rights])


class Brute:
    """Looks at every record at every moment at which anything may have changed."""

    def __init__(self, events: Sequence[RecordedEvent]) -> None:
        self._events = events
        ends = {
            at
            for event in events
            for name in ("until", "expires_at")
            if (at := getattr(event.data, name, None)) is not None
        }
        self._moments = sorted({event.recorded_at for event in events} | ends)

    async def could_see(
        self, principal: Actor, since: datetime, until: datetime
    ) -> dict[UUID, tuple[datetime, datetime]]:
        moments = sorted({since, until, *(m for m in self._moments if since < m < until)})
        found: dict[UUID, tuple[datetime, datetime]] = {}
        for moment, next_one in zip(moments, [*moments[1:], until], strict=True):
            for record_id in await self._seen_at(principal, moment):
                first, _ = found.get(record_id, (moment, moment))
                found[record_id] = (first, next_one)
        return found

    async def _seen_at(self, principal: Actor, at: datetime) -> list[UUID]:
        known = [event for event in self._events if event.recorded_at <= at]
        directory, sessions = Directory(), dict[UUID, SessionOpened]()
        streams: dict[UUID, list[RecordedEvent]] = {}
        for event in known:
            directory.apply(event.record_id, event.data)
            streams.setdefault(event.record_id, []).append(event)
            if isinstance(event.data, SessionOpened):
                sessions[event.record_id] = event.data
            elif isinstance(event.data, SessionEnded):
                del sessions[event.record_id]
        actors = [principal] + [
            Actor(ActorKind.USER, principal.id, str(of.impersonated_id))
            for session_id, of in sessions.items()
            if str(of.user_id) == principal.id
            and of.impersonated_id is not None
            and directory.session(session_id, at) is not None
        ]
        seen = []
        for record_id in streams:
            record = fold_as_of(streams[record_id], NOW)
            assert record is not None
            kind = kind_of(record.TOPIC)

            async def find(wanted: UUID) -> Any:
                return fold_as_of(streams[wanted], NOW) if wanted in streams else None

            owner_id = await owner_found(record, find)
            for actor in actors:
                rights = directory.rights(actor, at)
                of_all = rights.allow("event", "read")
                if kind in PERSONAL_KINDS and (
                    of_all or rights.reach(kind).includes(record_id, owner_id)
                ):
                    seen.append(record_id)
        return seen


async def compared(seed: int) -> int:
    """How many records were in reach, the same by both; principals and spans by chance."""
    story = Story(seed)
    events = await story.told(90)
    brute, log = Brute(events), cast("ReadLog", None)  # is not asked for what could be seen
    records = 0
    for _ in range(6):
        first, last = sorted(story.chance.sample(range(len(events)), 2))
        since, until = events[first].recorded_at, events[last].recorded_at
        until += timedelta(minutes=story.chance.randrange(0, 300))
        principal_id = story.chance.choice([*USERS, KEY])
        try:
            scope = await breach_scope(story.crm, log, principal_id, since, until)
        except NotFound:
            assert principal_id == KEY
            continue
        found = await everything(scope)
        expected = await brute.could_see(scope.principal, since, until)
        assert {of.record_id: (of.first, of.last) for of in found} == expected
        records += len(expected)
    return records


async def everything(scope: Any) -> list[CouldSee]:
    found: list[CouldSee] = []
    while page := await scope.could_see(3, found[-1].position if found else 0):
        found += page
    return found


@pytest.mark.parametrize("seed", range(25))
async def test_what_could_be_seen_is_what_a_look_at_every_moment_finds(seed: int) -> None:
    await compared(seed)


async def test_the_stories_are_worth_looking_at() -> None:
    assert sum([await compared(seed) for seed in range(100, 105)]) > 40


@pytest.mark.parametrize("forgotten", ["shares run out", "owners change", "impersonation"])
async def test_a_scope_that_forgets_something_is_caught(
    forgotten: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    match forgotten:
        case "shares run out":
            monkeypatch.setattr(reach, "_next_end", lambda *_: None)
        case "owners change":
            monkeypatch.setattr(reach, "folding", lambda *given: list(folding(*given))[-1:])
        case _:
            monkeypatch.setattr(Directory, "impersonations", lambda *_: [])

    async def compare() -> None:
        for seed in range(60):
            await compared(seed)

    with pytest.raises(AssertionError):
        await compare()


# --- what was read --------------------------------------------------------------------------------


async def test_what_was_read_is_what_a_look_at_every_row_finds(crm: Crm, database_url: str) -> None:
    chance = random.Random(7)
    pool = await open_pool(database_url, "crm_app", size=2)
    log = ReadLog(pool, crm.tenant_id, ReadMode.ALL)
    for command in beginnings():
        await crm.execute(command, SYSTEM)
    ticket = OpenTicket(
        ticket_id=TICKETS[0], subject="S", customer_id=CUSTOMERS[0],
        channel=TicketChannel.WEB, type=TicketType.QUESTION,
    )  # fmt: skip
    await crm.execute(ticket, SYSTEM)
    records = [*(("customer", of) for of in CUSTOMERS[:3]), ("ticket", TICKETS[0])]
    readers = [
        Actor.user(USERS[0]),
        Actor(ActorKind.API_KEY, str(KEY), str(USERS[0])),
        Actor(ActorKind.USER, str(USERS[0]), str(USERS[1])),
        Actor(ActorKind.USER, str(USERS[1]), str(USERS[0])),
    ]
    for _ in range(60):
        shown = chance.sample(records, chance.randrange(len(records) + 1))
        read = Read(
            chance.choice(readers), How.QUERY, "q", {of: chance.random() < 0.3 for of in shown}
        )
        await log.record(read)
    rows = await log.of([record_id for _, record_id in records])
    since, until = rows[10].recorded_at, rows[-10].recorded_at
    scope = await breach_scope(crm, log, USERS[0], since, until)
    expected: dict[UUID, tuple[datetime, datetime, int, bool]] = {}
    for recorded in rows:
        at, actor = recorded.recorded_at, recorded.read.actor
        if not since <= at <= until or actor == readers[3]:
            continue
        for (_, record_id), personal in recorded.read.records.items():
            first, _, times, ever = expected.get(record_id, (at, at, 0, False))
            expected[record_id] = (first, at, times + 1, ever or personal)
    found = [*await scope.did_read(3), *await scope.did_read(3, CUSTOMERS[2])]
    assert {of.record_id: (of.first, of.last, of.times, of.personal) for of in found} == expected
    assert len(found) == 4
    assert found[-1].subject_ids == (CUSTOMERS[0],)
    assert [of.record_id for of in found] == sorted(expected)
    await pool.close()


async def test_the_log_of_a_span_is_whole_where_all_was_recorded_all_the_time(
    crm: Crm, database_url: str
) -> None:
    pool = await open_pool(database_url, "crm_app", size=1)
    await crm.execute(InviteUser(user_id=USERS[0], name="N"), SYSTEM)
    for mode in (ReadMode.MATTERS, ReadMode.ALL, ReadMode.OFF, ReadMode.ALL):
        await ReadLog(pool, crm.tenant_id, mode).begin()
    log = ReadLog(pool, crm.tenant_id)
    matters, one, off, other = [change.since for change in await log.modes()]

    async def told(since: datetime, until: datetime) -> tuple[list[ReadMode], bool]:
        scope = await breach_scope(crm, log, USERS[0], since, until)
        return [change.mode for change in await scope.modes()], await scope.is_whole()

    blink = timedelta(microseconds=1)
    assert await told(one, off - blink) == ([ReadMode.ALL], True)
    assert await told(one, off) == ([ReadMode.ALL, ReadMode.OFF], False)
    assert await told(one - blink, one) == ([ReadMode.MATTERS, ReadMode.ALL], False)
    assert await told(other + blink, datetime.max.replace(tzinfo=UTC)) == ([ReadMode.ALL], True)
    assert await told(matters - blink, matters - blink) == ([], False)
    await pool.close()


async def test_a_span_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(0)
    events = await story.told(0)
    crm, log, since = story.crm, cast("ReadLog", None), events[0].recorded_at
    with pytest.raises(Invalid, match="not before"):
        await breach_scope(crm, log, USERS[0], since, since - timedelta(seconds=1))
    with pytest.raises(Invalid, match="time zone"):
        await breach_scope(crm, log, USERS[0], since.replace(tzinfo=None), since)
    with pytest.raises(NotFound):
        await breach_scope(crm, log, CUSTOMERS[0], since, since)
    monkeypatch.setattr(reach, "CHANGES_MAX", 5)
    scope = await breach_scope(crm, log, USERS[0], since, story.clock.now())
    with pytest.raises(Rejected, match=r"breach\.span_too_long"):
        await scope.could_see(1)
