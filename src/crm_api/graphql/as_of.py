"""The past as an argument."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from crm_api.graphql.scalars import Position
from crm_core import NOW, AsOf

__all__ = [
    "NOW",
    "AsOfArgument",
    "AsOfInput",
    "EffectiveAt",
    "MinPosition",
    "PastInput",
    "as_of_from",
]


@strawberry.input(
    name="AsOf", one_of=True, description="A point in the past, by what was recorded until then."
)
class AsOfInput:
    position: Position | None = strawberry.field(
        default=strawberry.UNSET, description="Up to and including this place in the ledger."
    )
    time: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="What had been recorded by this moment."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The record after this many of its events."
    )


@strawberry.input(
    name="Past", description="A past on one clock or on both; without either, the present."
)
class PastInput:
    as_of: AsOfInput | None = strawberry.field(
        default=strawberry.UNSET, description="By what was recorded until then."
    )
    effective_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only what had happened by this moment, whenever it was recorded.",
    )

    def as_of_past(self) -> AsOf:
        """Raises Invalid where it makes no sense."""
        return as_of_from(self.as_of, self.effective_at)


AsOfArgument: TypeAlias = Annotated[
    AsOfInput | None, strawberry.argument(description="The past to read; the present, if none.")
]
EffectiveAt: TypeAlias = Annotated[
    datetime | None,
    strawberry.argument(
        description="Only what had happened by this moment, whenever it was recorded."
    ),
]
MinPosition: TypeAlias = Annotated[
    Position | None,
    strawberry.argument(
        description="Waits up to 2 seconds until the read models show this position; else"
        " PROJECTION_LAGGING."
    ),
]


def as_of_from(as_of: AsOfInput | None, effective_at: datetime | None) -> AsOf:
    """The past that the arguments name; raises Invalid where they make no sense."""
    moment = effective_at or None
    if not as_of:
        return AsOf(effective_at=moment) if moment else NOW
    return AsOf(
        position=_given(as_of.position),
        time=as_of.time or None,
        version=_given(as_of.version),
        effective_at=moment,
    )


def _given(number: int | None) -> int | None:
    return None if number is strawberry.UNSET else number
