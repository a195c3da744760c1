"""Holds a ledger in its database against its tree and what was signed of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from crm_core.audit.crm_verify import Checkpoint, Finding, Frontier
from crm_core.audit.log import AuditLog
from crm_core.audit.record import leaf_of
from crm_core.kernel.errors import Rejected

__all__ = ["check_ledger"]

_PAGE_EVENTS = 2_000

Progress = Callable[[int, int], None]


async def check_ledger(
    audit: AuditLog,
    tenant_id: UUID,
    signed: Sequence[Checkpoint],
    progress: Progress | None = None,
) -> None:
    """Raises Finding at the first position that is not what these checkpoints were signed over.

    Every event is hashed again. The tree in the database is not believed: it says which event
    differs, and the signed root whether it is the event or the tree. Where both were changed, the
    place is known between two checkpoints.
    """
    by_size = sorted(signed, key=lambda checkpoint: checkpoint.size)
    frontier, differs, good = Frontier(), None, 0
    for checkpoint in by_size:
        while frontier.size < checkpoint.size:
            leaves = await _leaves(audit, tenant_id, frontier.size, checkpoint.size)
            if differs is None:
                differs = await _first_difference(audit, tenant_id, frontier.size + 1, leaves)
            if len(leaves) < min(_PAGE_EVENTS, checkpoint.size - frontier.size):
                missing = frontier.size + 1 + len(leaves)
                if differs is not None:
                    raise Finding("event.changed", "the event is not what was signed", differs)
                raise Finding("event.missing", "the ledger has no event here", missing)
            frontier.extend(leaves)
            if progress is not None:
                progress(frontier.size, by_size[-1].size)
        if frontier.root() != checkpoint.root:
            if differs is not None:
                raise Finding("event.changed", "the event is not what was signed", differs)
            raise Finding(
                "root.wrong",
                f"events and tree from here to {checkpoint.size} were changed together",
                good + 1,
            )
        good = checkpoint.size
    if differs is not None:
        raise Finding("leaf.wrong", "the tree is damaged here, the event is whole", differs)


async def _leaves(audit: AuditLog, tenant_id: UUID, after: int, size: int) -> list[bytes]:
    """The leaf hashes of the next events, computed, as far as there is no gap."""
    count = min(_PAGE_EVENTS, size - after)
    page = await audit.ledger.page(tenant_id, after=after, limit=count, up_to=size)
    return [
        leaf_of(event)
        for position, event in enumerate(page, start=after + 1)
        if event.position == position
    ]


async def _first_difference(
    audit: AuditLog, tenant_id: UUID, first: int, leaves: list[bytes]
) -> int | None:
    try:
        held = await audit.leaves(tenant_id, first, len(leaves))
    except Rejected:  # a tile is missing
        return first
    for offset, leaf in enumerate(leaves):
        if held[offset * 32 : offset * 32 + 32] != leaf:
            return first + offset
    return None
