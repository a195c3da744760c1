"""Rows on two clocks: what was believed, from which position on, about which time.

A record's past is a row of segments on the effective clock. An event changes some fields from the
moment it happened on, up to where a later fact has set them again; so history that arrives late
lands where it belongs. Each change closes the versions of the segments that it revises at its
position and opens new ones. The belief at position P about moment T is the one row with

    recorded_from <= P < recorded_to  and  effective_from <= T < effective_to

(SQL:2011 calls the two application time and system time.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec.structs import replace

from crm_core import RecordedEvent
from crm_projections.rows import Rows
from crm_projections.tables import Row, Table

__all__ = ["BELIEVED_SQL", "KNOWN_SQL", "TemporalRow", "change", "revise"]

KNOWN_SQL: Final = """
    tenant_id = %(tenant)s
    and recorded_from <= %(position)s
    and (recorded_to is null or recorded_to > %(position)s)
"""
"""The condition on a temporal table for what was believed at a position, about all times."""

BELIEVED_SQL: Final = f"""{KNOWN_SQL}
    and effective_from <= %(moment)s
    and (effective_to is null or effective_to > %(moment)s)
"""
"""The condition on a temporal table for what was believed at a position about a moment."""


class TemporalRow(Row, frozen=True, kw_only=True):
    """A version of a segment; None stands for "until further notice" in the two ends.

    `facts` names the fields that were set at the segment's beginning.
    """

    recorded_from: int
    recorded_to: int | None = None
    effective_from: datetime
    effective_to: datetime | None = None
    facts: tuple[str, ...] = ()


T = TypeVar("T", bound=TemporalRow)


def revise(
    segments: Sequence[T], position: int, at: datetime, changes: Mapping[str, Any]
) -> Iterator[T]:
    """The rows to write when an event at this position says what held from `at` on.

    `segments` are the rows that are believed now, in the order of their time. A moment before the
    record began is taken as its beginning.
    """
    at = max(at, segments[0].effective_from)
    left = dict(changes)
    for segment in segments:
        ends = segment.effective_to
        if ends is not None and ends <= at:
            continue
        if not left:
            return
        is_cut = segment.effective_from < at  # the first one that is touched, in two
        held: dict[str, Any] = {"recorded_from": position}
        if is_cut:
            held |= {"effective_from": at, "facts": tuple(sorted(left))}
        elif segment.effective_from == at:
            held["facts"] = tuple(sorted({*segment.facts, *left}))
        else:  # a later fact has set some of the fields again: they stay from here on
            left = {name: value for name, value in left.items() if name not in segment.facts}
            if not left:
                return
        if segment.recorded_from < position:
            yield replace(segment, recorded_to=position)
        if is_cut:
            yield replace(segment, recorded_from=position, effective_to=at)
        yield replace(segment, **held, **left)


def change(
    rows: Rows, table: Table[T], record_id: UUID, event: RecordedEvent, changes: Mapping[str, Any]
) -> None:
    """Says that these fields of a record hold from when the event happened on."""
    believed = [row for row in rows.group(table, record_id) if row.recorded_to is None]
    believed.sort(key=lambda row: row.effective_from)
    for row in revise(believed, event.position, event.happened_at, changes):
        rows.put(table, row)
