"""Rights: an object and an action, granted by roles, denied by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crm_core.kernel.errors import Denied

__all__ = ["ALL_RIGHTS", "NO_RIGHTS", "ROLES", "Rights", "rights_of_roles"]

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Rights:
    """The actions an actor may take on each kind of object; `*` stands for every one."""

    actions: Mapping[str, frozenset[str]]

    def allow(self, kind: str, action: str) -> bool:
        """Whether the action on that kind of object is granted. What is not granted is denied."""
        for granted in (self.actions.get(kind), self.actions.get(_ANY)):
            if granted is not None and (action in granted or _ANY in granted):
                return True
        return False

    def require(self, kind: str, action: str) -> None:
        """Raises Denied unless the action is granted."""
        if not self.allow(kind, action):
            raise Denied(f"{kind}.{action}")


def _rights(**actions: str) -> Rights:
    return Rights(
        MappingProxyType({kind: frozenset(words.split()) for kind, words in actions.items()})
    )


ALL_RIGHTS = Rights(MappingProxyType({_ANY: frozenset({_ANY})}))
NO_RIGHTS = Rights(MappingProxyType({}))

ROLES: Mapping[str, Rights] = MappingProxyType(
    {
        "admin": ALL_RIGHTS,
        "sales": _rights(
            customer="*", opportunity="*", interaction="*", task="*",
            pipeline="read", product="read", ticket="read open comment", user="read",
        ),
        "service": _rights(
            customer="*", ticket="*", interaction="*", task="*",
            opportunity="read", pipeline="read", product="read", user="read",
        ),
        "privacy": _rights(
            personal_data="*", customer="read", opportunity="read", ticket="read",
            interaction="read", task="read", erasure="read", user="read",
        ),
        "auditor": Rights(MappingProxyType({_ANY: frozenset({"read", "audit"})})),
    }
)  # fmt: skip


def rights_of_roles(roles: Iterable[str]) -> Rights:
    """The union of what the roles grant: one more role never takes anything away."""
    united: dict[str, frozenset[str]] = {}
    for role in roles:
        for kind, actions in ROLES.get(role, NO_RIGHTS).actions.items():
            united[kind] = united.get(kind, frozenset()) | actions
    return Rights(MappingProxyType(united))
