"""Which fields of a kind of record are personal: by the marks in its events and in its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from crm_core.access.records import FIELD_GROUPS, kind_of
from crm_core.catalog import AGGREGATES
from crm_core.kernel.aggregate import state_parts
from crm_core.kernel.events import EVENT_CLASSES, own_fields, personal_mark

__all__ = ["PERSONAL_KINDS", "personal_fields"]


@cache
def personal_fields(kind: str) -> frozenset[str]:
    """Names of fields of the record, its events and its row; none for kinds without a mark.

    A group of fields that rules can withhold is as personal as any of it: an e-mail address is
    taken from the contact points.
    """
    marked: set[str] = set()
    for topic, aggregate in AGGREGATES.items():
        if kind_of(topic) == kind:
            marked.update(_marked(state_parts(aggregate)))
            marked.update(
                name
                for of, event in EVENT_CLASSES.items()
                if of.startswith(f"{topic}.")
                for name in _marked(own_fields(event))
            )
    for group in FIELD_GROUPS.get(kind, {}).values():
        if not marked.isdisjoint(group):
            marked.update(group)
    return frozenset(marked)


def _marked(parts: Any) -> Iterator[str]:
    return (name for name, of in parts.items() if _is_marked(of))


def _is_marked(of: Any) -> bool:
    """Whether the mark is on the type, or on a part of it, however deep."""
    if personal_mark(of) is not None or any(map(_is_marked, get_args(of))):
        return True
    is_struct = isinstance(of, type) and (is_dataclass(of) or issubclass(of, msgspec.Struct))
    return is_struct and any(map(_is_marked, get_type_hints(of, include_extras=True).values()))


PERSONAL_KINDS = frozenset(kind for kind in map(kind_of, AGGREGATES) if personal_fields(kind))
"""The kinds of records that say something of somebody."""
