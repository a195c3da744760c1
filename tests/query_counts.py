"""How often a CRM asks its database, by the kind of question."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from crm_core import Crm
from crm_core.ledger.postgres.ledger import PostgresLedger

__all__ = ["count_queries"]


def count_queries(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts `looks` at heads, `reads` of events, and the `events` read, from now on."""
    counts: Counter[str] = Counter()
    ledger = crm.store.ledger
    assert isinstance(ledger, PostgresLedger)
    look, events, head = ledger._look, ledger._events, ledger.head

    async def counted_look(*given: Any) -> Any:
        counts["looks"] += 1
        return await look(*given)

    async def counted_head(*given: Any) -> Any:
        counts["looks"] += 1
        return await head(*given)

    async def counted_events(*given: Any, **named: Any) -> Any:
        counts["reads"] += 1
        found = await events(*given, **named)
        counts["events"] += len(found)
        return found

    monkeypatch.setattr(ledger._signal, "_look", counted_look)
    monkeypatch.setattr(ledger, "head", counted_head)
    monkeypatch.setattr(ledger, "_events", counted_events)
    return counts
