"""Ids that other systems have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import strawberry

from crm_core.kernel.aggregate import HeldKey, external_key

__all__ = ["ExternalId", "ExternalIdInput"]


@strawberry.type(description="The id that another system has for a record.")
class ExternalId:
    system: str
    id: str

    @classmethod
    def all_of(cls, pairs: Iterable[tuple[str, str]]) -> list[Self]:
        return [cls(system=system, id=known) for system, known in pairs]


@strawberry.input(description="The id that another system has for a record.")
class ExternalIdInput:
    system: str
    id: str

    def key_of(self, kind: str) -> HeldKey:
        """The unique key that a record of the kind holds by it."""
        return external_key(kind, self.system, self.id)
