"""Rows of `ledger.event` as stored events: the hot path of every reader."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from crm_core.kernel.collecting import collector_paused
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.records import StoredEvent

__all__ = ["stored_events"]


def stored_events(answer: PGresult, tenant_id: UUID) -> list[StoredEvent]:
    """The events of a statement that selects EVENT_COLUMNS, in binary format."""

    def event(row: Any) -> StoredEvent:
        (position, event_id, stream_type, stream_id, version, type_, schema_version, recorded_at,
         effective_at, kind, actor_id, on_behalf_of, command_id, correlation_id, causation_id,
         reason, subject_ids, tags, data) = row  # fmt: skip
        return StoredEvent(
            tenant_id, position, event_id, stream_type, stream_id, version, type_, schema_version,
            recorded_at, effective_at, _actor(kind, actor_id, on_behalf_of), command_id,
            correlation_id, causation_id, reason, tuple(subject_ids), tuple(tags), data,
        )  # fmt: skip

    loading = Transformer()
    loading.set_pgresult(answer)
    with collector_paused():
        return loading.load_rows(0, answer.ntuples, event)


@lru_cache(10_000)
def _actor(kind: str, actor_id: str, on_behalf_of: str | None) -> Actor:
    return Actor(ActorKind(kind), actor_id, on_behalf_of)
