"""Who read some records, as files that leave tell it: a case file, a subject's own data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from crm_core.audit.reads import ModeChange, ReadLog, ReadMode, RecordedRead

__all__ = ["readers_of"]


async def readers_of(log: ReadLog, record_ids: Collection[UUID]) -> dict[str, Any]:
    """`recorded` (whether anything was ever recorded), what it `says` in words, the `modes` that
    were in force and since when, and the `reads`, request by request, in their order. Ids only.

    Raises Rejected `reads.too_many`.
    """
    modes = await log.modes()
    return {
        "recorded": bool(modes),
        "says": _says(modes),
        "modes": [{"since": change.since.isoformat(), "mode": change.mode} for change in modes],
        "reads": [_told(read) for read in await log.of(record_ids)],
    }


def _says(modes: Sequence[ModeChange]) -> str:
    if not modes:
        return "reads: not recorded"
    kept = "; ".join(f"{_KEPT[mode]} since {since:%Y-%m-%d %H:%M} UTC" for since, mode in modes)
    return f"What was recorded: {kept}. Nothing is known of the time before."


_KEPT = {
    ReadMode.OFF: "nothing",
    ReadMode.MATTERS: "impersonators, exports and auditors only",
    ReadMode.ALL: "every read of something personal",
}


def _told(recorded: RecordedRead) -> dict[str, Any]:
    read = recorded.read
    return {
        "recorded_at": recorded.recorded_at.isoformat(),
        "actor": {"kind": read.actor.kind, "id": read.actor.id},
        "on_behalf_of": read.actor.on_behalf_of,
        "how": read.how,
        "operation": read.operation,
        "request_id": read.request_id,
        "records": [
            {"kind": kind, "id": str(record_id), "personal": personal}
            for (kind, record_id), personal in read.records.items()
        ],
    }
