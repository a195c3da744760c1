"""What can happen to a role."""

from __future__ import annotations

from crm_core.access.rights import Rule
from crm_core.kernel.events import Created, Event


class RoleDefined(Created):
    TOPIC = "identity.role.defined"
    name: str
    rules: tuple[Rule, ...]


class RoleRedefined(Event):
    """Holds for all who have the role, at once."""

    TOPIC = "identity.role.redefined"
    rules: tuple[Rule, ...]


class RoleRetired(Event):
    """Gives nothing any more, to whoever has it."""

    TOPIC = "identity.role.retired"
