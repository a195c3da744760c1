"""What can happen to a team."""

from __future__ import annotations

from uuid import UUID

from crm_core.kernel.events import Created, Event


class TeamCreated(Created):
    TOPIC = "identity.team.created"
    name: str
    parent_id: UUID | None


class TeamRenamed(Event):
    TOPIC = "identity.team.renamed"
    name: str


class TeamMoved(Event):
    TOPIC = "identity.team.moved"
    from_parent_id: UUID | None
    to_parent_id: UUID | None


class MemberJoined(Event):
    """From when it happened on, on the effective clock, the user is of the team."""

    TOPIC = "identity.team.member_joined"
    user_id: UUID


class MemberLeft(Event):
    TOPIC = "identity.team.member_left"
    user_id: UUID


class TeamDissolved(Event):
    """Its members are of no team by it any more."""

    TOPIC = "identity.team.dissolved"
