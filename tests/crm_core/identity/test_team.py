"""Teams as sentences: a tree without a circle, and who was a member from when to when."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core import CrmError
from crm_core.identity import (
    AddTeamMember,
    CreateTeam,
    DeactivateUser,
    DissolveTeam,
    InviteUser,
    MoveTeam,
    RemoveTeamMember,
    RenameTeam,
    Team,
)
from crm_core.identity.team import events as e
from crm_core.kernel.messages import SYSTEM
from crm_core.testing import Scenario

EUROPE, ITALY, TURIN = UUID(int=1), UUID(int=2), UUID(int=3)
ROSA = UUID(int=11)

europe = CreateTeam(team_id=EUROPE, name="Europe")
italy = CreateTeam(team_id=ITALY, name="Italy", parent_id=EUROPE)
turin = CreateTeam(team_id=TURIN, name="Turin", parent_id=ITALY)
rosa = InviteUser(user_id=ROSA, name="Rosa Luz")
rosa_joins = AddTeamMember(team_id=ITALY, user_id=ROSA)
rosa_leaves = RemoveTeamMember(team_id=ITALY, user_id=ROSA)


def test_a_team_lies_below_another(scenario: Scenario) -> None:
    scenario.given(europe).when(italy).then(e.TeamCreated, name="Italy", parent_id=EUROPE)


def test_a_team_cannot_get_below_itself(scenario: Scenario) -> None:
    scenario.given(europe, italy, turin)
    for parent in (EUROPE, ITALY, TURIN):
        scenario.when(MoveTeam(team_id=EUROPE, parent_id=parent))
        scenario.then_rejected("team.below_itself", team_id=str(EUROPE))
    scenario.when(MoveTeam(team_id=TURIN, parent_id=EUROPE)).then(e.TeamMoved)
    scenario.when(MoveTeam(team_id=TURIN)).then(e.TeamMoved, to_parent_id=None)


def test_teams_are_not_endlessly_deep(scenario: Scenario) -> None:
    scenario.given(CreateTeam(team_id=UUID(int=100), name="0"))
    for depth in range(1, 20):
        above = UUID(int=99 + depth)
        scenario.given(CreateTeam(team_id=UUID(int=100 + depth), name="n", parent_id=above))
    scenario.when(CreateTeam(name="n", parent_id=UUID(int=119)))
    scenario.then_rejected("team.too_deep", limit=20)


def test_below_a_team_that_is_not_there_is_nothing(scenario: Scenario) -> None:
    scenario.when(italy).then_rejected("record.not_found")
    scenario.given(europe, DissolveTeam(team_id=EUROPE))
    scenario.when(italy).then_rejected("team.dissolved")


def test_a_member_joins_once_and_leaves_once(scenario: Scenario) -> None:
    scenario.given(europe, italy, rosa).when(rosa_joins).then(e.MemberJoined, user_id=ROSA)
    scenario.when(rosa_joins).then_nothing()
    scenario.when(rosa_leaves).then(e.MemberLeft)
    scenario.when(rosa_leaves).then_nothing()


def test_only_a_user_who_is_there_joins(scenario: Scenario) -> None:
    scenario.given(europe, italy).when(rosa_joins).then_rejected("record.not_found")
    scenario.given(rosa, DeactivateUser(user_id=ROSA))
    scenario.when(rosa_joins).then_rejected("user.deactivated")


def test_memberships_are_periods_that_do_not_overlap(scenario: Scenario) -> None:
    scenario.given(europe, italy, rosa)
    scenario.later(days=1)
    first = scenario.clock.now()
    scenario.given(rosa_joins).later(days=30).given(rosa_leaves).later(days=30)
    scenario.when(rosa_joins, effective_at=first + timedelta(days=10))
    scenario.then_rejected("team.overlapping_membership", user_id=str(ROSA))
    scenario.given(rosa_joins)
    scenario.when(rosa_leaves, effective_at=first + timedelta(days=45))
    scenario.then_rejected("team.left_before_joining")
    then, now = scenario.record(Team, ITALY).memberships
    assert (then.since, then.until) == (first, first + timedelta(days=30))
    assert (now.since, now.until) == (first + timedelta(days=60), None)


def test_a_dissolved_team_has_no_members_and_takes_none(scenario: Scenario) -> None:
    scenario.given(europe, italy, rosa, rosa_joins, DissolveTeam(team_id=ITALY))
    assert not scenario.record(Team, ITALY).member_ids
    for command in (rosa_joins, rosa_leaves, RenameTeam(team_id=ITALY, name="X"),
                    MoveTeam(team_id=ITALY)):  # fmt: skip
        scenario.when(command).then_rejected("team.dissolved")


TEAMS = [UUID(int=n) for n in range(1, 6)]
moves = st.tuples(st.sampled_from(TEAMS), st.one_of(st.none(), st.sampled_from(TEAMS)))


@settings(max_examples=60)
@given(st.lists(moves, max_size=25))
def test_the_tree_has_no_circle_whatever_is_moved(moved: list[tuple[UUID, UUID | None]]) -> None:
    scenario = Scenario()
    scenario.given(*(CreateTeam(team_id=team, name="T") for team in TEAMS))
    for team, parent in moved:
        scenario.when(MoveTeam(team_id=team, parent_id=parent))
    parents = {team: scenario.record(Team, team).parent_id for team in TEAMS}
    for team in TEAMS:
        seen: set[UUID] = set()
        at: UUID | None = team
        while at is not None:
            assert at not in seen, parents
            seen.add(at)
            at = parents[at]
    scenario.close()


async def test_two_moves_at_once_make_no_circle() -> None:
    """Each is fine alone; both together would be a circle. The teams above are guarded."""
    import asyncio

    from crm_core import Crm

    async with Crm.in_memory() as crm:
        for team in (EUROPE, ITALY):
            await crm.execute(CreateTeam(team_id=team, name="T"), SYSTEM)
        outcomes = await asyncio.gather(
            crm.execute(MoveTeam(team_id=EUROPE, parent_id=ITALY), SYSTEM),
            crm.execute(MoveTeam(team_id=ITALY, parent_id=EUROPE), SYSTEM),
            return_exceptions=True,
        )
    (refusal,) = [outcome for outcome in outcomes if isinstance(outcome, CrmError)]
    assert refusal.code == "team.below_itself"
