"""The query behind a page of selected events; each criterion holds before the limit counts.

Every way in follows an index that has the ledger's order behind what is selected, or finds so few
events that they can be sorted (tests/crm_core/ledger/test_indexes.py looks at the plans).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from crm_core.ledger.postgres.careful import EVENT_COLUMNS
from crm_core.ledger.selection import Selection

__all__ = ["Query", "page_query"]


class Query(NamedTuple):
    """A text with named parameters, and these."""

    text: str
    parameters: dict[str, Any]


_WITHIN = "tenant_id = %(tenant)s and position > %(after)s and position <= %(up_to)s"

_CRITERIA = {
    "stream_id": "stream_id = %(stream_id)s",
    "correlation_id": "correlation_id = %(correlation_id)s",
    "subject_id": "subject_ids @> array[%(subject_id)s]",
    "tags": "tags @> %(tags)s::text[]",
    "types": 'type collate "C" = any(%(types)s::text[])',
    "prefixes": "exists (select from unnest(%(prefixes)s::text[]) as begin(of_type)"
    " where starts_with(type, of_type))",
}

_TAGGED = (
    "ledger.tags_of(tenant_id, tags) @> ledger.tags_of(%(tenant)s, %(tags)s::text[])"
    " and tags <> '{}'"
)


def page_query(
    tenant_id: UUID, selection: Selection, *, after: int, up_to: int, limit: int
) -> Query:
    """The first `limit` selected events after one position and up to another, by position."""
    given = {name: getattr(selection, name) for name in _CRITERIA}
    given = {name: _parameter(value) for name, value in given.items() if value is not None}
    match given:
        case {"stream_id": _}:
            text = _first(given, order="version")  # the same order, and the one of the index
        case {"correlation_id": _}:
            text = _first(given)
        case {"subject_id": _, **others}:
            text = _first_about_subject(others)
        case {"tags": _, **others}:
            text = _first(others, _TAGGED)
        case {"types": types, "prefixes": prefixes}:
            given["types"] = [name for name in types if name.startswith(tuple(prefixes))]
            text = _first_of_types(_TYPES)
        case {"types": _}:
            text = _first_of_types(_TYPES)
        case _:
            text = _first_of_types(_TYPES_OF_CATEGORIES)
    bounds = {"tenant": tenant_id, "after": after, "up_to": up_to, "limit": limit}
    return Query(text, given | bounds)


def _parameter(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _first(criteria: Collection[str], *also: str, order: str = "position") -> str:
    where = " and ".join([_WITHIN, *(_CRITERIA[name] for name in criteria), *also])
    return (
        f"select {EVENT_COLUMNS} from ledger.event where {where} order by {order} limit %(limit)s"
    )


def _first_about_subject(others: Collection[str]) -> str:
    """Nearly every event has one subject, the first; the second arm is for those with more."""
    main = _first(others, "subject_ids[1] = %(subject_id)s", "subject_ids <> '{}'")
    further = _first(
        [*others, "subject_id"], "cardinality(subject_ids) > 1", "subject_ids[1] <> %(subject_id)s"
    )
    return (
        f"select {EVENT_COLUMNS} from (({main}) union all ({further})) as found"
        " order by position limit %(limit)s"
    )


_TYPES = "select unnest(%(types)s::text[]) as type"

# From each type to the next one by the index: as many steps as there are types, not events.
_TYPES_OF_CATEGORIES = """
    with recursive found (prefix, type) as (
        select prefix, prefix from unnest(%(prefixes)s::text[]) as prefix
        union all
        select prefix, (select e.type from ledger.event as e
                         where e.tenant_id = %(tenant)s and e.type collate "C" > found.type
                           and e.type collate "C" < left(prefix, -1) || '/'  -- what follows on '.'
                         order by e.type collate "C" limit 1)
          from found where type is not null)
    select distinct type from found where type is not null
"""


def _first_of_types(types: str) -> str:
    """The next events of each type, merged: no estimate of how frequent a type is can mislead."""
    return f"""
select {EVENT_COLUMNS} from ledger.event
 where tenant_id = %(tenant)s and position = any(array(
    select next.position from ({types}) as wanted, lateral (
        select position from ledger.event
         where {_WITHIN} and type collate "C" = wanted.type
         order by position limit %(limit)s) as next
     order by next.position limit %(limit)s))
 order by position
"""
