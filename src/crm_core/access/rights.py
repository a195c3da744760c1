"""Rights: which actions on which records, and which of their fields; denied by default.

`Rights` is the one object that is asked on every path. Its two readers are `Reach.includes` for a
record at hand and `crm_projections.reading.sights` for SQL; a property test holds them equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from uuid import UUID

from msgspec import Struct

from crm_core.access.records import FIELD_GROUPS
from crm_core.kernel.errors import Denied

__all__ = [
    "ADMIN",
    "ALL_RIGHTS",
    "BUILT_IN_ROLES",
    "EVERYTHING",
    "NOBODY",
    "NOTHING",
    "NO_RIGHTS",
    "READ",
    "Circle",
    "Reach",
    "Rights",
    "Rule",
    "Scope",
]

ANY: Final = "*"
READ: Final = "read"


class Scope(StrEnum):
    """Whose records a rule is about. Each of the first three includes those before it."""

    OWN = "OWN"
    TEAM = "TEAM"  # of a member of a team of the user's
    TEAM_TREE = "TEAM_TREE"  # of a member of such a team, or of one below it
    SHARED = "SHARED"  # shared with the user or a team of the user's
    ALL = "ALL"


class Rule(Struct, frozen=True, kw_only=True):
    """Allows these actions on a kind of record, `*` for every one; within its scope only.

    `withheld` names groups of fields (`crm_core.access.records`) that the rule does not show.
    """

    kind: str
    actions: tuple[str, ...]
    scope: Scope = Scope.ALL
    withheld: tuple[str, ...] = ()

    def allows(self, kind: str, action: str) -> bool:
        return self.kind in (kind, ANY) and (action in self.actions or ANY in self.actions)


@dataclass(frozen=True, slots=True)
class Reach:
    """The records of one kind that something may be done to: these owners', and these."""

    everything: bool = False
    owners: frozenset[UUID] = frozenset()
    records: frozenset[UUID] = frozenset()

    def includes(self, record_id: UUID, owner_id: UUID | None) -> bool:
        """Whether the record is among them."""
        return self.everything or owner_id in self.owners or record_id in self.records

    def __or__(self, other: Reach) -> Reach:
        if self.everything or other.everything:
            return EVERYTHING
        return Reach(False, self.owners | other.owners, self.records | other.records)


EVERYTHING: Final = Reach(everything=True)
NOTHING: Final = Reach()


@dataclass(frozen=True, slots=True)
class Circle:
    """The people around a user, as they stand at some moment: what scopes are measured by."""

    own: frozenset[UUID] = frozenset()
    team: frozenset[UUID] = frozenset()
    team_tree: frozenset[UUID] = frozenset()
    shared_to_read: frozenset[UUID] = frozenset()
    shared_to_write: frozenset[UUID] = frozenset()
    _reaches: dict[tuple[Scope, bool], Reach] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def reach(self, scope: Scope, action: str) -> Reach:
        """The same object each time: a wide one is dear to make, and to compare with another."""
        key = (scope, action == READ)
        found = self._reaches.get(key)
        if found is None:
            found = self._reaches[key] = self._reckoned(scope, action)
        return found

    def _reckoned(self, scope: Scope, action: str) -> Reach:
        match scope:
            case Scope.OWN:
                return Reach(owners=self.own)
            case Scope.TEAM:
                return Reach(owners=_and(self.own, self.team))
            case Scope.TEAM_TREE:
                return Reach(owners=_and(self.own, _both(self.team, self.team_tree)))
            case Scope.SHARED if action == READ:
                return Reach(records=self.shared_to_read | self.shared_to_write)
            case Scope.SHARED:
                return Reach(records=self.shared_to_write)
            case Scope.ALL:
                return EVERYTHING


def _and(own: frozenset[UUID], others: frozenset[UUID]) -> frozenset[UUID]:
    """Both; the others as they are where one is among them, so that all of them have one object."""
    return others if own <= others else own | others


@lru_cache(maxsize=256)
def _both(team: frozenset[UUID], tree: frozenset[UUID]) -> frozenset[UUID]:
    return team | tree


NOBODY: Final = Circle()


@dataclass(frozen=True, slots=True, eq=False)
class Rights:
    """What an actor may do: the union of the rules, cut down to what an API key is `limited_to`.

    One more rule never takes anything away.
    """

    rules: tuple[Rule, ...]
    circle: Circle = NOBODY
    limited_to: tuple[str, ...] | None = None
    _reaches: dict[tuple[str, str, str | None], Reach] = field(default_factory=dict, repr=False)

    @property
    def is_nothing(self) -> bool:
        return not self.rules

    def allow(self, kind: str, action: str) -> bool:
        """Whether the action is granted on any record of the kind there might be."""
        return self._within_limit(kind, action) and any(
            rule.allows(kind, action) for rule in self.rules
        )

    def require(self, kind: str, action: str) -> None:
        """Raises Denied unless the action is granted."""
        if not self.allow(kind, action):
            raise Denied(f"{kind}.{action}")

    def reach(self, kind: str, action: str = READ, *, showing: str | None = None) -> Reach:
        """The records that the action is granted on; with `showing`, this group of fields too."""
        key = (kind, action, showing)
        found = self._reaches.get(key)
        if found is None:
            found = self._reaches[key] = self._united(kind, action, showing)
        return found

    def _united(self, kind: str, action: str, showing: str | None) -> Reach:
        united = NOTHING
        if self._within_limit(kind, action):
            for rule in self.rules:
                if rule.allows(kind, action) and showing not in rule.withheld:
                    reach = self.circle.reach(rule.scope, action)
                    united = reach if united is NOTHING else united | reach
        return united

    def withheld(self, kind: str) -> Mapping[str, Reach]:
        """The groups of fields that are not shown everywhere, and where they are shown."""
        whole = self.reach(kind)
        shown = {group: self.reach(kind, showing=group) for group in FIELD_GROUPS.get(kind, ())}
        return {group: reach for group, reach in shown.items() if reach != whole}

    def hidden_fields(self, kind: str, record_id: UUID, owner_id: UUID | None) -> frozenset[str]:
        """The fields of a record in reach that are not shown of it."""
        return frozenset(
            field
            for group, shown in self.withheld(kind).items()
            if not shown.includes(record_id, owner_id)
            for field in FIELD_GROUPS[kind][group]
        )

    def cover(self, rules: Iterable[Rule]) -> bool:
        """Whether nothing in the rules goes beyond these rights: who grants gives what is theirs.

        It errs on the side of no: it looks for one rule that is as wide.
        """
        return self.limited_to is None and all(
            any(_is_within(rule, own) for own in self.rules) for rule in rules
        )

    def _within_limit(self, kind: str, action: str) -> bool:
        return self.limited_to is None or not {
            f"{kind}.{action}", f"{kind}.{ANY}", f"{ANY}.{action}", f"{ANY}.{ANY}",
        }.isdisjoint(self.limited_to)  # fmt: skip


_WIDTH = {Scope.OWN: 1, Scope.TEAM: 2, Scope.TEAM_TREE: 3, Scope.ALL: 4}


def _is_within(rule: Rule, own: Rule) -> bool:
    """Whether one rule is as wide as another: the same records, fields and actions, or more."""
    as_wide = own.scope in (rule.scope, Scope.ALL) or (
        rule.scope in _WIDTH and _WIDTH.get(own.scope, 0) >= _WIDTH[rule.scope]
    )
    return (
        as_wide
        and own.kind in (rule.kind, ANY)
        and (ANY in own.actions or set(rule.actions) <= set(own.actions))
        and set(own.withheld) <= set(rule.withheld)
    )


def _rules(**actions: str) -> tuple[Rule, ...]:
    return tuple(Rule(kind=kind, actions=tuple(words.split())) for kind, words in actions.items())


_ONESELF: Final = (
    Rule(
        kind="user",
        actions=(
            "set_password",
            "enrol_totp",
            "confirm_totp",
            "remove_totp",
            "turn_on_sent_codes",
            "turn_off_sent_codes",
            "register_passkey",
            "remove_passkey",
            "issue_key",
            "unlink_identity",
        ),
        scope=Scope.OWN,
    ),
    Rule(kind="api_key", actions=(READ, "issue", "revoke"), scope=Scope.OWN),
    Rule(kind="session", actions=(READ, "end"), scope=Scope.OWN),
    Rule(kind="share", actions=(READ,), scope=Scope.SHARED),
)
"""What everybody with a built-in role may do with the own account, and see of what was shared."""

_FILES_IN: Final = (
    Rule(kind="bulk_operation", actions=(READ, "import", "cancel"), scope=Scope.OWN),
)
"""Each row of a file needs its own right. Carrying records away is granted by name only."""

ADMIN: Final = "admin"

BUILT_IN_ROLES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        ADMIN: (Rule(kind=ANY, actions=(ANY,)),),
        "sales": _ONESELF + _FILES_IN + _rules(
            customer="*", opportunity="*", interaction="*", task="*",
            pipeline="read", product="read", ticket="read open comment",
            user="read", team="read", role="read",
        ),
        "service": _ONESELF + _FILES_IN + _rules(
            customer="*", ticket="*", interaction="*", task="*",
            opportunity="read", pipeline="read", product="read",
            user="read", team="read", role="read",
        ),
        "privacy": _ONESELF + _rules(
            personal_data="*", customer="read", opportunity="read", ticket="read",
            interaction="read", task="read", erasure="read",
            user="read", team="read", role="read",
        ),
        "auditor": (*_ONESELF, Rule(kind=ANY, actions=(READ, "audit"))),
    }
)  # fmt: skip
"""Roles that are there from the beginning; a tenant may define all but `admin` anew."""

ALL_RIGHTS: Final = Rights(BUILT_IN_ROLES[ADMIN])
NO_RIGHTS: Final = Rights(())
