"""The rules of a role."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from crm_core.access.records import FIELD_GROUPS, is_owned, kind_of
from crm_core.access.rights import ADMIN, Rule, Scope
from crm_core.identity.role import events as e
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, Aggregate
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import derived_id

NOT_RECORDS = frozenset({"*", "event", "projection"})
"""What rights name beside kinds of records: all, the feed of events, the state of the readers."""


def role_id(name: str) -> UUID:
    """The id of the role of this name, the same in every tenant: a name is one role."""
    return derived_id(UUID(int=0), "role", name)


class Role(Aggregate):
    TOPIC = "identity.role"

    name: str = ""
    rules: tuple[Rule, ...] = ()
    is_retired: bool = False

    @classmethod
    def define(cls, at: datetime, *, name: str, rules: Iterable[Rule]) -> Role:
        if name == ADMIN:
            raise Rejected("role.built_in", role=name)
        return cls.start(e.RoleDefined, role_id(name), at, name=name, rules=_checked(rules))

    def redefine(self, rules: Iterable[Rule]) -> None:
        """Takes a retired role up again as well."""
        checked = _checked(rules)
        if checked != self.rules or self.is_retired:
            self.record(e.RoleRedefined, rules=checked)

    def retire(self) -> None:
        if not self.is_retired:
            self.record(e.RoleRetired)

    def when(self, event: Any) -> None:
        match event:
            case e.RoleDefined():
                self.name, self.rules = event.name, event.rules
            case e.RoleRedefined():
                self.rules, self.is_retired = event.rules, False
            case e.RoleRetired():
                self.is_retired = True
            case _:
                assert_never(event)


def _checked(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Raises Rejected for a rule that could never mean what it says."""
    known = set(map(kind_of, AGGREGATE_CLASSES)) | NOT_RECORDS
    checked = tuple(rules)
    for rule in checked:
        if rule.kind not in known:
            raise Rejected("role.unknown_kind", kind=rule.kind, known=sorted(known))
        if rule.scope not in (Scope.ALL, Scope.SHARED) and not is_owned(rule.kind):
            raise Rejected("role.kind_has_no_owner", kind=rule.kind, scope=rule.scope.value)
        groups = FIELD_GROUPS.get(rule.kind, {})
        for group in rule.withheld:
            if group not in groups:
                raise Rejected(
                    "role.unknown_fields", kind=rule.kind, fields=group, known=sorted(groups)
                )
    return checked
