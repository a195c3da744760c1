"""What can be asked of a team."""

from __future__ import annotations

from uuid import UUID

from msgspec import field

from crm_core.identity.team.team import DEPTH_MAX, Team
from crm_core.identity.user.user import User
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Name


class OnTeam(Command, frozen=True, kw_only=True):
    TARGET = "team_id"


class CreateTeam(OnTeam, frozen=True, kw_only=True):
    """Makes a team, at the top or below another one."""

    NAME = "team.create"
    team_id: UUID = field(default_factory=new_id)
    name: Name
    parent_id: UUID | None = None

    async def handle(self, work: Work) -> None:
        above = await _up_from(work, self.parent_id)
        work.add(Team.create(self.team_id, work.at, name=self.name, above=above))


class RenameTeam(OnTeam, frozen=True, kw_only=True):
    """Gives a team another name."""

    NAME = "team.rename"
    team_id: UUID
    name: Name

    async def handle(self, work: Work) -> None:
        (await work.load(Team, self.team_id)).rename(self.name)


class MoveTeam(OnTeam, frozen=True, kw_only=True):
    """Puts a team, with all below it, below another one; at the top, if none is named."""

    NAME = "team.move"
    team_id: UUID
    parent_id: UUID | None = None

    async def handle(self, work: Work) -> None:
        team = await work.load(Team, self.team_id)
        team.move(await _up_from(work, self.parent_id))


class AddTeamMember(OnTeam, frozen=True, kw_only=True):
    """Makes a user a member of a team, from now on or from when it happened."""

    NAME = "team.add_member"
    team_id: UUID
    user_id: UUID

    async def handle(self, work: Work) -> None:
        team = await work.load(Team, self.team_id)
        (await work.load(User, self.user_id)).require_present()
        team.add_member(self.user_id)


class RemoveTeamMember(OnTeam, frozen=True, kw_only=True):
    """Ends a user's membership of a team."""

    NAME = "team.remove_member"
    team_id: UUID
    user_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Team, self.team_id)).remove_member(self.user_id)


class DissolveTeam(OnTeam, frozen=True, kw_only=True):
    """Ends a team and the memberships of it; teams below it stay."""

    NAME = "team.dissolve"
    team_id: UUID

    async def handle(self, work: Work) -> None:
        (await work.load(Team, self.team_id)).dissolve()


async def _up_from(work: Work, team_id: UUID | None) -> list[Team]:
    """The team and those above it, up to the root. The decision rests on all of them."""
    above: list[Team] = []
    while team_id is not None:
        team = await work.load(Team, team_id)
        if team in above or len(above) > DEPTH_MAX:
            raise Rejected("team.too_deep", limit=DEPTH_MAX)
        work.guard(team)
        above.append(team)
        team_id = team.parent_id
    return above
