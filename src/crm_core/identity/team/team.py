"""The rules of a team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from crm_core.identity.team import events as e
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.errors import Rejected

DEPTH_MAX = 20  # teams above each other
# What is recorded in one microsecond is told apart by the next ones: "now" may be a little earlier
# than the last moment of the ledger.
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Membership:
    """A stretch of time in which a user was of the team; `until` is None while it lasts."""

    user_id: UUID
    since: datetime
    until: datetime | None = None


class Team(Aggregate):
    TOPIC = "identity.team"

    name: str = ""
    parent_id: UUID | None = None
    memberships: list[Membership] = field(default_factory=list)
    is_dissolved: bool = False

    @classmethod
    def create(cls, team_id: UUID, at: datetime, *, name: str, above: Sequence[Team] = ()) -> Team:
        """`above` are the teams over it, the nearest first."""
        _check_depth(above, 1)
        parent_id = above[0].id if above else None
        return cls.start(e.TeamCreated, team_id, at, name=name.strip(), parent_id=parent_id)

    def rename(self, name: str) -> None:
        self._require_there()
        if name.strip() != self.name:
            self.record(e.TeamRenamed, name=name.strip())

    def move(self, above: Sequence[Team]) -> None:
        """Under the first of these teams, which are in order up to the root; to the top if none."""
        self._require_there()
        if any(team.id == self.id for team in above):
            raise Rejected("team.below_itself", team_id=str(self.id), parent_id=str(above[0].id))
        _check_depth(above, 1)
        parent_id = above[0].id if above else None
        if parent_id != self.parent_id:
            self.record(e.TeamMoved, from_parent_id=self.parent_id, to_parent_id=parent_id)

    def add_member(self, user_id: UUID) -> None:
        self._require_there()
        if user_id in self.member_ids:
            return
        left = self._left_at(user_id)
        if left is not None and self.at + _SLACK < left:
            raise Rejected("team.overlapping_membership", user_id=str(user_id), until=left)
        self.record(e.MemberJoined, user_id=user_id)

    def remove_member(self, user_id: UUID) -> None:
        self._require_there()
        present = next((m for m in self.memberships if m.user_id == user_id and not m.until), None)
        if present is None:
            return
        if self.at + _SLACK < present.since:
            raise Rejected("team.left_before_joining", user_id=str(user_id), since=present.since)
        self.record(e.MemberLeft, user_id=user_id)

    def dissolve(self) -> None:
        """Teams below it stay; they are below nothing by it."""
        if not self.is_dissolved:
            self.record(e.TeamDissolved)

    @property
    def member_ids(self) -> frozenset[UUID]:
        """Who is of the team now."""
        return frozenset(m.user_id for m in self.memberships if m.until is None)

    def _require_there(self) -> None:
        if self.is_dissolved:
            raise Rejected("team.dissolved", team_id=str(self.id))

    def when(self, event: Any) -> None:
        match event:
            case e.TeamCreated():
                self.name, self.parent_id = event.name, event.parent_id
            case e.TeamRenamed():
                self.name = event.name
            case e.TeamMoved():
                self.parent_id = event.to_parent_id
            case e.MemberJoined():
                left = self._left_at(event.user_id)
                since = event.timestamp if left is None else max(event.timestamp, left)
                self.memberships.append(Membership(event.user_id, since))
            case e.MemberLeft():
                self._end(event.timestamp, event.user_id)
            case e.TeamDissolved():
                self.is_dissolved = True
                self._end(event.timestamp)
            case _:
                assert_never(event)

    def _left_at(self, user_id: UUID) -> datetime | None:
        """When the user left last."""
        ends = [m.until for m in self.memberships if m.user_id == user_id and m.until]
        return max(ends, default=None)

    def _end(self, at: datetime, user_id: UUID | None = None) -> None:
        """Ends what lasts: of one user, or of all."""
        self.memberships = [
            replace(m, until=max(at, m.since))
            if m.until is None and user_id in (None, m.user_id)
            else m
            for m in self.memberships
        ]


def _check_depth(above: Sequence[Team], more: int) -> None:
    if above and above[0].is_dissolved:
        raise Rejected("team.dissolved", team_id=str(above[0].id))
    if len(above) + more > DEPTH_MAX:
        raise Rejected("team.too_deep", limit=DEPTH_MAX)
