"""Full-text search over the audit trail, by what may be kept as words and no more.

Nothing personal is indexed for it: a word is looked for in types, reasons and actors of envelopes,
which hold nothing personal, and in the names of records as their own read models hold them, from
which an erased name is gone. A word is found anywhere in a text, in any case, so languages that put
no spaces between words need no cutting into pairs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from crm_core import Rejected
from crm_projections.customer_directory.projection import CUSTOMERS
from crm_projections.reading import (
    PAGE_MAX,
    All,
    Comparison,
    Either,
    Filter,
    Operator,
    Reads,
    Window,
)
from crm_projections.sales_pipeline.tables import OPPORTUNITIES
from crm_projections.tables import Table
from crm_projections.ticket_queue.projection import TICKETS

__all__ = ["NAMED_KINDS", "WORDS_MAX", "search_filter"]

WORDS_MAX = 10

_NAMED: dict[str, tuple[Table[Any], str]] = {
    "customer": (CUSTOMERS, "name"),
    "opportunity": (OPPORTUNITIES, "name"),
    "ticket": (TICKETS, "subject"),
}
NAMED_KINDS = frozenset(_NAMED)
_ENVELOPE = ("type", "reason", "actor_id")


async def search_filter(reads: Reads, text: str, kinds: Collection[str]) -> Filter:
    """The entries in which every word of the text is found; names of these kinds only.

    Raises Rejected `query.too_many_words`, or `query.name_too_common` where a word is in the names
    of more than 100 records of a kind.
    """
    words = text.split()
    if len(words) > WORDS_MAX:
        raise Rejected("query.too_many_words", limit=WORDS_MAX)
    return All(tuple([await _found(reads, word, kinds) for word in words]))


async def _found(reads: Reads, word: str, kinds: Collection[str]) -> Filter:
    named = [key for kind in sorted(kinds) for key in await _named(reads, kind, word)]
    return Either(
        (
            *(Comparison(column, Operator.CONTAINS, word) for column in _ENVELOPE),
            *((Comparison("record_id", Operator.IN, tuple(named)),) if named else ()),
        )
    )


async def _named(reads: Reads, kind: str, word: str) -> list[Any]:
    table, column = _NAMED[kind]
    page = await reads.page(
        table, Window(first=PAGE_MAX), where=Comparison(column, Operator.CONTAINS, word)
    )
    if page.has_next:
        raise Rejected("query.name_too_common", limit=PAGE_MAX)
    (key,) = table.key
    return [getattr(row, key) for row in page.rows]
