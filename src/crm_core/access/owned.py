"""What users own that is still somebody's work: asked before one leaves, and to hand it over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from crm_core.access.rights import Reach

__all__ = ["Owned", "OwnedRecord", "OwnedRecords"]


class OwnedRecord(NamedTuple):
    """A record that is open (`crm_core.access.records.OPEN_STATUSES`), as it was looked at."""

    kind: str
    record_id: UUID
    owner_id: UUID
    version: int


class OwnedRecords(Protocol):
    """Knows what is whose: the ledger by itself, or read models where there are any."""

    async def count(
        self, owner_id: UUID, within: Mapping[str, Reach], without: Collection[UUID] = ()
    ) -> dict[str, int]:
        """How many open records of each kind are the user's, as far as these reaches go, all those
        `without` left out; kinds of which there are none are absent.

        Raises Lagging where it does not know yet all that is recorded.
        """

    async def page(
        self, owner_ids: Collection[UUID], *, after: tuple[str, UUID] | None, limit: int
    ) -> list[OwnedRecord]:
        """The open records of these users, by kind and id, behind a kind and an id.

        Raises Lagging as `count` does, on the first page.
        """


@dataclass(frozen=True, slots=True)
class Owned:
    """By kind, how many open records a user has to hand over, and how many of them whoever asks may
    see. `owner_ids`: the user, and those who left before and whose records are on their way there.
    """

    owner_ids: frozenset[UUID]
    all: Mapping[str, int]
    seen: Mapping[str, int]
