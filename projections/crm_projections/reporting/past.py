"""Which past a report is of: what was known at a position, about a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from crm_core import AsOf, Crm, Invalid

__all__ = ["LATEST", "STEPS_TAKEN", "Past", "past_of"]

LATEST: Final = datetime.max.replace(tzinfo=UTC)

STEPS_TAKEN: Final = """tenant_id = %(tenant)s
    and position <= %(position)s and happened_at <= %(moment)s"""
"""The condition on a table of steps for those that were known then and had happened by then."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was known at `position` about `moment` (None: about the latest).

    Ages and waits are measured up to `until`: the moment, or else the recording of the position.
    So a report asked for again as of its position says the same to the byte. It is None only
    before the first event.
    """

    position: int
    moment: datetime | None = None
    until: datetime | None = None

    @property
    def known(self) -> AsOf:
        """What was recorded, for the names of things: an imported past is older than they are."""
        return AsOf(position=self.position)

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "moment": self.moment or LATEST,
            "until": self.until,
        }


async def past_of(crm: Crm, as_of: AsOf, *, present: int) -> Past:
    """The past that is asked for, as a position; `present` is how far the read model is by now.

    Raises Invalid for a version: only a single record has one.
    """
    if as_of.version is not None:
        raise Invalid("as_of.version", "is of a single record; a report takes a position or a time")
    if as_of.position is None and as_of.time is None:
        position = present
    else:
        position = min(await crm.position(as_of), await crm.position())
    return Past(position, as_of.effective_at, as_of.effective_at or await _recorded(crm, position))


async def _recorded(crm: Crm, position: int) -> datetime | None:
    stored = await crm.store.ledger.page(crm.tenant_id, after=position - 1, up_to=position, limit=1)
    return stored[0].recorded_at if stored else None
