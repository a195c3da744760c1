"""Who there is and what they may do, folded from the identity context's events in their order.

Nothing else is asked: folded up to an earlier position it says what was so then, by the same rules.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crm_core.access.rights import (
    ADMIN,
    ALL_RIGHTS,
    BUILT_IN_ROLES,
    NO_RIGHTS,
    Circle,
    Rights,
    Rule,
)
from crm_core.identity.api_key import events as key
from crm_core.identity.role import events as role
from crm_core.identity.session import events as session
from crm_core.identity.share import events as share
from crm_core.identity.team import events as team
from crm_core.identity.tenant import events as tenant
from crm_core.identity.user import events as user
from crm_core.identity.user.state import UserStatus
from crm_core.kernel.events import Event
from crm_core.kernel.messages import Actor, ActorKind

__all__ = ["Directory", "HandOver", "KnownKey", "KnownSession"]


@dataclass(slots=True)
class _User:
    status: UserStatus
    roles: set[str]
    successor_id: UUID | None = None
    ticket_queue: str | None = None
    is_handing_over: bool = False


@dataclass(slots=True)
class _Team:
    parent_id: UUID | None
    members: set[UUID]


@dataclass(frozen=True, slots=True)
class KnownKey:
    key_id: UUID
    user_id: UUID
    digest: str
    scopes: tuple[str, ...]
    expires_at: datetime
    only_trusted: bool

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.API_KEY, str(self.key_id), on_behalf_of=str(self.user_id))


@dataclass(frozen=True, slots=True)
class KnownSession:
    user_id: UUID
    opened_at: datetime
    expires_at: datetime
    impersonated_id: UUID | None
    is_strong: bool

    @property
    def actor(self) -> Actor:
        """Who acts is whoever signed in; as whom, if it is another, is said beside it."""
        on_behalf_of = None if self.impersonated_id is None else str(self.impersonated_id)
        return Actor(ActorKind.USER, str(self.user_id), on_behalf_of)


@dataclass(frozen=True, slots=True)
class HandOver:
    """Where the records of a user who left go: to the one who is there now, of all who followed."""

    successor_id: UUID | None
    ticket_queue: str | None
    is_completed: bool


class Directory:
    """The users, teams, roles, shares, keys and sessions of one tenant."""

    def __init__(self) -> None:
        self.is_suspended = False
        self._users: dict[UUID, _User] = {}
        self._teams: dict[UUID, _Team] = {}
        self._joined: dict[UUID, list[UUID]] = {}  # a user's teams, in the order of joining
        self._people: dict[frozenset[UUID], tuple[frozenset[UUID], frozenset[UUID]]] = {}
        self._roles: dict[UUID, tuple[str, tuple[Rule, ...]]] = {}  # those that are defined here
        self._rules: dict[str, tuple[Rule, ...]] = dict(BUILT_IN_ROLES)
        self._shares: dict[UUID, share.ShareGranted] = {}
        self._shared_with: dict[UUID, set[UUID]] = {}
        self._keys: dict[UUID, KnownKey] = {}
        self._sessions: dict[UUID, KnownSession] = {}
        self._sessions_kept = 1_000
        self._linked: dict[tuple[str, str], UUID] = {}

    # --- asking -------------------------------------------------------------------------------

    def rights(self, actor: Actor, at: datetime) -> Rights:
        """What the actor may do at the moment; nothing, unless it is known and let in."""
        match actor.kind:
            case ActorKind.SYSTEM | ActorKind.IMPORT:
                return ALL_RIGHTS
            case ActorKind.USER if actor.on_behalf_of is None:
                return self._of_user(_uuid(actor.id), at)
            case ActorKind.USER:
                return self._impersonating(_uuid(actor.id), _uuid(actor.on_behalf_of), at)
            case ActorKind.API_KEY:
                return self._of_key(_uuid(actor.id), at)
            case _:
                return NO_RIGHTS

    def holds_until(self, at: datetime) -> datetime | None:
        """When rights next change by time alone: the first end of a share or a key after `at`."""
        ends = [s.until for s in self._shares.values() if s.until is not None and s.until > at]
        ends.extend(k.expires_at for k in self._keys.values() if k.expires_at > at)
        return min(ends, default=None)

    def active_users(self) -> list[UUID]:
        """Everybody who is let in, in the order of the ids."""
        return sorted(i for i, u in self._users.items() if u.status is UserStatus.ACTIVE)

    def administrators(self) -> frozenset[UUID]:
        """Who is let in and may do everything."""
        return frozenset(i for i in self.active_users() if ADMIN in self._users[i].roles)

    def has_left(self, user_id: UUID) -> bool:
        """Whether this is a user who was deactivated; an id of nobody has not."""
        known = self._users.get(user_id)
        return known is not None and known.status is UserStatus.DEACTIVATED

    def hand_overs(self) -> dict[UUID, HandOver]:
        """By user who left, where the records go, if that was said."""
        return {
            user_id: HandOver(*self._heir(known), is_completed=not known.is_handing_over)
            for user_id, known in self._users.items()
            if known.status is UserStatus.DEACTIVATED
            and (known.successor_id is not None or known.ticket_queue is not None)
        }

    def owners_before(self, user_id: UUID) -> frozenset[UUID]:
        """The user, and those who left and whose records go there."""
        return frozenset({user_id}) | {
            left for left, to in self.hand_overs().items() if to.successor_id == user_id
        }

    def _heir(self, known: _User) -> tuple[UUID | None, str | None]:
        """The first who has not left, of those who followed, and the first queue that was named."""
        successor_id, queue, seen = known.successor_id, known.ticket_queue, set[UUID]()
        while successor_id is not None and self.has_left(successor_id):
            if successor_id in seen:
                return None, queue
            seen.add(successor_id)
            followed = self._users[successor_id]
            successor_id, queue = followed.successor_id, queue or followed.ticket_queue
        return successor_id, queue

    def teams(self) -> dict[UUID, UUID]:
        """The team of each user who is in one; of several, the one joined first."""
        return {user_id: joined[0] for user_id, joined in self._joined.items() if joined}

    def key(self, key_id: UUID, digest: str, at: datetime) -> KnownKey | None:
        """The key with this id and this digest of its secret, if it is good for something."""
        known = self._keys.get(key_id)
        if known is None or not hmac.compare_digest(known.digest, digest):
            return None
        return known if at < known.expires_at and self._is_in(known.user_id) else None

    def session(self, session_id: UUID, at: datetime) -> KnownSession | None:
        """The session, if it goes on and its people are let in."""
        known = self._sessions.get(session_id)
        if known is None or at >= known.expires_at or not self._is_in(known.user_id):
            return None
        if known.impersonated_id is not None and not self._is_in(known.impersonated_id):
            return None
        return known

    def sessions(self, user_id: UUID, at: datetime) -> dict[UUID, KnownSession]:
        """Those of a user that go on, by their ids; impersonations of others are among them."""
        own = [i for i, known in self._sessions.items() if known.user_id == user_id]
        found = ((session_id, self.session(session_id, at)) for session_id in own)
        return {session_id: known for session_id, known in found if known is not None}

    def impersonations(self, actor: Actor, at: datetime) -> list[KnownSession]:
        """The sessions that go on in which a user, acting for itself, acts as somebody else."""
        user_id = _uuid(actor.id)
        own = {} if user_id is None else self.sessions(user_id, at)
        return [known for known in own.values() if known.impersonated_id is not None]

    def linked(self, issuer: str, subject: str) -> UUID | None:
        """The user whom this provider knows by this name, if the user is let in."""
        user_id = self._linked.get((issuer, subject))
        return user_id if user_id is not None and self._is_in(user_id) else None

    def _is_in(self, user_id: UUID) -> bool:
        known = self._users.get(user_id)
        return not self.is_suspended and known is not None and known.status is UserStatus.ACTIVE

    def _of_user(self, user_id: UUID | None, at: datetime) -> Rights:
        if user_id is None or not self._is_in(user_id):
            return NO_RIGHTS
        rules = tuple(
            rule
            for name in sorted(self._users[user_id].roles)
            for rule in self._rules.get(name, ())
        )
        return Rights(rules, self._circle(user_id, at)) if rules else NO_RIGHTS

    def _impersonating(self, user_id: UUID | None, other_id: UUID | None, at: datetime) -> Rights:
        """Those of the other, for one who may impersonate, and may all that the other may."""
        own, others = self._of_user(user_id, at), self._of_user(other_id, at)
        if other_id is None or not own.reach("user", "impersonate").includes(other_id, other_id):
            return NO_RIGHTS
        return others if own.cover(others.rules) else NO_RIGHTS

    def _of_key(self, key_id: UUID | None, at: datetime) -> Rights:
        known = None if key_id is None else self._keys.get(key_id)
        if known is None or at >= known.expires_at:
            return NO_RIGHTS
        users = self._of_user(known.user_id, at)
        return NO_RIGHTS if users.is_nothing else Rights(users.rules, users.circle, known.scopes)

    def _circle(self, user_id: UUID, at: datetime) -> Circle:
        teams = frozenset(self._joined.get(user_id, ()))
        team, team_tree = self._around(teams)
        shares = {
            share_id: self._shares[share_id]
            for principal in (user_id, *teams)
            for share_id in self._shared_with.get(principal, ())
        }
        alive = {i: s for i, s in shares.items() if s.until is None or at < s.until}
        return Circle(
            own=frozenset({user_id}),
            team=team,
            team_tree=team_tree,
            shared_to_read=_records(alive, share.ShareLevel.READ),
            shared_to_write=_records(alive, share.ShareLevel.WRITE),
        )

    def _around(self, teams: frozenset[UUID]) -> tuple[frozenset[UUID], frozenset[UUID]]:
        """The people in these teams, and in these or below: the same objects for all of them."""
        around = self._people.get(teams)
        if around is None:
            tree = teams.union(self._below(set(teams)))
            around = self._people[teams] = (self._members(teams), self._members(tree))
        return around

    def _members(self, teams: Iterable[UUID]) -> frozenset[UUID]:
        return frozenset(member for i in teams for member in self._teams[i].members)

    def _below(self, teams: set[UUID]) -> Iterator[UUID]:
        """The teams under these; a team whose parent was dissolved is at the top."""
        seen, level = set(teams), teams
        while level:
            level = {i for i, known in self._teams.items() if known.parent_id in level} - seen
            seen |= level
            yield from level

    # --- folding ------------------------------------------------------------------------------

    def apply(self, record_id: UUID, event: Event) -> None:
        """What the event changes; those of other contexts change nothing."""
        match event:
            case tenant.TenantSuspended():
                self.is_suspended = True
            case tenant.TenantResumed():
                self.is_suspended = False
            case key.ApiKeyIssued():
                self._keys[record_id] = KnownKey(
                    record_id,
                    event.user_id,
                    event.digest,
                    event.scopes,
                    event.expires_at,
                    event.only_trusted,
                )
            case key.ApiKeyRevoked():
                self._keys.pop(record_id, None)
            case session.SessionOpened():
                self._forget_sessions_before(event.timestamp)
                self._sessions[record_id] = KnownSession(
                    event.user_id,
                    event.timestamp,
                    event.expires_at,
                    event.impersonated_id,
                    event.is_strong,
                )
            case session.SessionEnded():
                self._sessions.pop(record_id, None)
            case share.ShareGranted():
                self._shares[record_id] = event
                self._shared_with.setdefault(event.principal_id, set()).add(record_id)
            case share.ShareRevoked():
                granted = self._shares.pop(record_id)
                self._shared_with[granted.principal_id].discard(record_id)
            case _:
                self._apply_to_user(record_id, event)
                self._apply_to_team(record_id, event)
                self._apply_to_role(record_id, event)

    def _forget_sessions_before(self, at: datetime) -> None:
        """Those that have run out, each time that there are twice as many as were left."""
        if len(self._sessions) >= self._sessions_kept:
            self._sessions = {i: s for i, s in self._sessions.items() if s.expires_at > at}
            self._sessions_kept = max(1_000, 2 * len(self._sessions))

    def _apply_to_user(self, user_id: UUID, event: Event) -> None:
        match event:
            case user.UserInvited():
                self._users[user_id] = _User(UserStatus.INVITED, set())
            case user.UserActivated():
                self._users[user_id].status = UserStatus.ACTIVE
            case user.UserSuspended():
                self._leave(user_id, UserStatus.SUSPENDED)
            case user.UserDeactivated():
                self._leave(user_id, UserStatus.DEACTIVATED)
                self._unlink(user_id)
            case user.HandOverBegun():
                known = self._users[user_id]
                known.successor_id, known.ticket_queue = event.successor_id, event.ticket_queue
                known.is_handing_over = True
            case user.HandOverCompleted():
                self._users[user_id].is_handing_over = False
            case (
                user.PasswordSet()
                | user.TotpConfirmed()
                | user.TotpRemoved()
                | user.PasskeyRegistered()
                | user.PasskeyRemoved()
                | user.SentCodesTurnedOn()
                | user.SentCodesTurnedOff()
            ):
                self._end_sessions(user_id)
            case user.RoleGranted():
                self._users[user_id].roles.add(event.role)
            case user.RoleRevoked():
                self._users[user_id].roles.discard(event.role)
            case user.IdentityLinked() if isinstance(event.subject, str):
                self._linked[event.issuer, event.subject] = user_id
            case user.IdentityUnlinked():
                self._unlink(user_id, event.issuer)

    def _unlink(self, user_id: UUID, issuer: str | None = None) -> None:
        """At one issuer, or at all."""
        self._linked = {
            key: linked_id
            for key, linked_id in self._linked.items()
            if linked_id != user_id or issuer not in (None, key[0])
        }

    def _leave(self, user_id: UUID, status: UserStatus) -> None:
        self._users[user_id].status = status
        self._end_sessions(user_id)

    def _end_sessions(self, user_id: UUID) -> None:
        """A user who is kept out, or proves otherwise who it is, signs in anew."""
        for session_id, known in list(self._sessions.items()):
            if user_id in (known.user_id, known.impersonated_id):
                del self._sessions[session_id]

    def _apply_to_team(self, team_id: UUID, event: Event) -> None:
        self._people.clear()
        match event:
            case team.TeamCreated():
                self._teams[team_id] = _Team(event.parent_id, set())
            case team.TeamMoved():
                self._teams[team_id].parent_id = event.to_parent_id
            case team.MemberJoined():
                self._teams[team_id].members.add(event.user_id)
                self._joined.setdefault(event.user_id, []).append(team_id)
            case team.MemberLeft():
                self._teams[team_id].members.discard(event.user_id)
                self._joined[event.user_id].remove(team_id)
            case team.TeamDissolved():
                for user_id in self._teams.pop(team_id).members:
                    self._joined[user_id].remove(team_id)

    def _apply_to_role(self, role_id: UUID, event: Event) -> None:
        match event:
            case role.RoleDefined():
                self._roles[role_id] = (event.name, event.rules)
                self._rules[event.name] = event.rules
            case role.RoleRedefined():
                name, _ = self._roles[role_id]
                self._rules[name] = event.rules
            case role.RoleRetired():
                name, _ = self._roles[role_id]
                self._rules[name] = ()


def _records(shares: Mapping[UUID, share.ShareGranted], level: share.ShareLevel) -> frozenset[UUID]:
    """What was shared, and the shares themselves: who was given one may know of it."""
    return frozenset(
        record_id
        for share_id, granted in shares.items()
        if granted.level is level
        for record_id in (granted.shared_id, share_id)
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
