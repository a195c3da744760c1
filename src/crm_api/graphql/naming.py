"""Which record the argument `by` names: by its id, or by a unique key that it holds now."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from crm_api.graphql.ids import required_uuid
from crm_core import Crm
from crm_core.kernel.aggregate import HeldKey

__all__ = ["By", "named"]


class By(Protocol):
    """`unique_key` is None where the id is given."""

    @property
    def id(self) -> str | None: ...

    def unique_key(self) -> HeldKey | None: ...


async def named(crm: Crm, by: By, type_name: str) -> UUID | None:
    """The record's id; None where nothing holds the key. Raises Refused where it is no id."""
    if by.id:
        return required_uuid(by.id, type_name)
    key = by.unique_key()
    return None if key is None else await crm.holder(*key)
