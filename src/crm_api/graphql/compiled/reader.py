"""Who reads, as far as a plan depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from crm_api.graphql.registry import readable_kinds
from crm_core.access.rights import Rights
from crm_projections.reading import EVERYTHING, Sight

__all__ = ["Reader"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: the tenant, the kinds of records that may be read, how much of them is seen, and
    whether the answer notes what it shows (see `noted`).

    Readers with the same `likeness` share their plans; each is answered by the ids of his own.
    """

    tenant_id: UUID
    kinds: frozenset[str]
    sight: Sight
    is_noted: bool
    likeness: object

    @property
    def seen(self) -> object:
        """Equal for readers who see the same: all who see everything of what they may read."""
        return self.kinds, self.sight

    @classmethod
    @lru_cache(maxsize=10_000)
    def of(cls, tenant_id: UUID, rights: Rights, is_noted: bool) -> Reader:
        """With these rights, which are the same object until they change."""
        kinds, sight = readable_kinds(rights), Sight(rights)
        if sight.is_whole:
            return cls(tenant_id, kinds, EVERYTHING, is_noted, (kinds, is_noted))
        return cls(tenant_id, kinds, sight, is_noted, (kinds, is_noted, sight.likeness))
