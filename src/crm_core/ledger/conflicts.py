"""What a caller whose version was not the right one had not seen."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from crm_core.kernel.errors import Intervening, VersionConflict
from crm_core.ledger.ledger import Ledger

__all__ = ["name_the_intervening"]


async def name_the_intervening(ledger: Ledger, tenant_id: UUID, outcomes: Iterable[object]) -> None:
    """Fills in `between` of the conflicts among these outcomes."""
    for outcome in outcomes:
        if isinstance(outcome, VersionConflict) and not outcome.between:
            outcome.between = await _between(ledger, tenant_id, outcome)


async def _between(
    ledger: Ledger, tenant_id: UUID, conflict: VersionConflict
) -> tuple[Intervening, ...]:
    seen = conflict.expected if isinstance(conflict.expected, int) else 0
    last = min(conflict.actual, seen + VersionConflict.BETWEEN_MAX)
    if last <= seen:
        return ()
    stream_id = UUID(conflict.stream.rpartition("/")[2])
    events = await ledger.stream(tenant_id, [stream_id], after_version=seen, up_to_version=last)
    return tuple([Intervening(e.version, e.position, e.type, e.event_id) for e in events])
