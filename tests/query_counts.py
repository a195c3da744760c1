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
    look, following, streams, head = (
        ledger._look,
        ledger._following,
        ledger.stream,
        ledger.head,
    )

    async def counted_look(*given: Any) -> Any:
        counts["looks"] += 1
        return await look(*given)

    async def counted_head(*given: Any) -> Any:
        counts["looks"] += 1
        return await head(*given)

    async def counted_following(*given: Any) -> Any:
        return _counted(await following(*given))

    async def counted_streams(*given: Any, **named: Any) -> Any:
        return _counted(await streams(*given, **named))

    def _counted(found: Any) -> Any:
        counts["reads"] += 1
        counts["events"] += len(found)
        return found

    monkeypatch.setattr(ledger._signal, "_look", counted_look)
    monkeypatch.setattr(ledger, "head", counted_head)
    monkeypatch.setattr(ledger, "_following", counted_following)
    monkeypatch.setattr(ledger, "stream", counted_streams)
    return counts
