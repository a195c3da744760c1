"""What can be asked of a role."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from crm_core.access.rights import BUILT_IN_ROLES, Rule, Scope
from crm_core.identity.role.role import Role, role_id
from crm_core.kernel.errors import Rejected
from crm_core.kernel.messages import Command, Work
from crm_core.kernel.values import Code

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^(\*|[a-z][a-z_]*)$")]
Words = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=100)]
FewWords = Annotated[tuple[Word, ...], Meta(max_length=20)]


class RoleRule(Rule, frozen=True, kw_only=True):
    """What a role allows on a kind of record: actions, `*` for all; on whose records; and groups of
    fields that it does not show.
    """

    kind: Word
    actions: Words
    scope: Scope = Scope.ALL
    withheld: FewWords = ()


Rules = Annotated[tuple[RoleRule, ...], Meta(max_length=200)]


class OnRole(Command, frozen=True, kw_only=True):
    TARGET = "role_id"
    name: Code

    @property
    def role_id(self) -> UUID:
        return role_id(self.name)


class DefineRole(OnRole, frozen=True, kw_only=True):
    """Says what a role allows; a role that is there is defined anew, for all who have it."""

    NAME = "role.define"
    rules: Rules

    async def handle(self, work: Work) -> None:
        rules = tuple(map(_plain, self.rules))
        await work.require_cover(rules)
        role = await work.find(Role, self.role_id)
        if role is None:
            work.add(Role.define(work.at, name=self.name, rules=rules))
        else:
            role.redefine(rules)


class RetireRole(OnRole, frozen=True, kw_only=True):
    """Ends a role: it gives nothing any more, whoever has it."""

    NAME = "role.retire"

    async def handle(self, work: Work) -> None:
        (await work.load(Role, self.role_id)).retire()


async def rules_of(work: Work, name: str) -> tuple[Rule, ...]:
    """What the role allows, by what is recorded. Raises Rejected `user.unknown_role`."""
    role = await work.find(Role, role_id(name))
    if role is not None and not role.is_retired:
        return role.rules
    if role is None and name in BUILT_IN_ROLES:
        return BUILT_IN_ROLES[name]
    raise Rejected("user.unknown_role", role=name, known=sorted(BUILT_IN_ROLES))


def _plain(rule: RoleRule) -> Rule:
    return Rule(kind=rule.kind, actions=rule.actions, scope=rule.scope, withheld=rule.withheld)
