"""How much one append may bring."""

from __future__ import annotations

from crm_core.kernel.errors import Rejected
from crm_core.ledger.records import Append

__all__ = ["APPEND_EVENTS_MAX", "EVENT_BYTES_MAX", "too_large"]

EVENT_BYTES_MAX = 2**20  # of one event's data
APPEND_EVENTS_MAX = 10_000


def too_large(append: Append) -> Rejected | None:
    """The refusal of an append that breaks a limit; None where it keeps them."""
    if append.size > APPEND_EVENTS_MAX:
        return Rejected("ledger.append_too_large", events=append.size, events_max=APPEND_EVENTS_MAX)
    for stream in append.streams:
        for event in stream.events:
            if len(event.data) > EVENT_BYTES_MAX:
                return Rejected(
                    "ledger.event_too_large", bytes=len(event.data), bytes_max=EVENT_BYTES_MAX
                )
    return None
