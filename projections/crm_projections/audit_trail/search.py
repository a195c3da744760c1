"""Full-text search over the audit trail, by what may be kept as words and no more.

Nothing personal is indexed for it. A word is looked for in types, actors and reasons of envelopes,
which hold nothing personal, and in the names of records and users as they are held now, from which
an erased name is gone. A word is found anywhere in a text, in any case, so languages that put no
spaces between words need no cutting into pairs.

Few different types, actors and sources lie behind very many entries. So a word is compared with
each different value, of which the index knows, and the trail is asked for the values that have it
(docs/decisions/0032-a-word-is-looked-up-before-the-trail-is-asked.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from crm_core import Crm, Rejected, Selection
from crm_core.identity.user.events import UserInvited
from crm_core.kernel.events import plain
from crm_projections.audit_trail.projection import AUDIT
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

__all__ = ["NAMED_KINDS", "WORDS_MAX", "names_of_users", "search_filter"]

WORDS_MAX: Final = 10
VALUES_MAX: Final = 10_000  # of a column; where there are more, the trail itself is looked through

_NAMED: dict[str, tuple[Table[Any], str]] = {
    "customer": (CUSTOMERS, "name"),
    "opportunity": (OPPORTUNITIES, "name"),
    "ticket": (TICKETS, "subject"),
}
NAMED_KINDS = frozenset(_NAMED)
_LINE = re.compile(r"(.*):([0-9]+)", re.DOTALL)  # the end of a reason that begins with a source


async def search_filter(
    reads: Reads, text: str, kinds: Collection[str], users: Mapping[UUID, str]
) -> Filter:
    """The entries in which every word of the text is found; names of these kinds, and of these
    users, only.

    Raises Rejected `query.too_many_words`, or `query.name_too_common` where a word is in the names
    of more than 100 records of a kind.
    """
    words = text.split()
    if len(words) > WORDS_MAX:
        raise Rejected("query.too_many_words", limit=WORDS_MAX)
    search = _Search(
        reads,
        sorted(kinds),
        users,
        types=await reads.values(AUDIT, "type", VALUES_MAX),
        actors=await reads.values(AUDIT, "actor_id", VALUES_MAX),
        sources=await reads.values(AUDIT, "source", VALUES_MAX),
    )
    return All(tuple([await search.found(word) for word in words]))


async def names_of_users(crm: Crm) -> dict[UUID, str]:
    """What users are called, name and address, who are not erased."""
    names: dict[UUID, str] = {}
    async for page in crm.events(Selection(types=(UserInvited.TOPIC,))):
        for event in page:
            assert isinstance(event.data, UserInvited)
            called = (plain(event.data.name), plain(event.data.email))
            names[event.record_id] = " ".join(name for name in called if name)
    return names


@dataclass(frozen=True)
class _Search:
    """`types`, `actors` and `sources` are all that there are; None, where those are too many."""

    reads: Reads
    kinds: Sequence[str]
    users: Mapping[UUID, str]
    types: Sequence[str] | None
    actors: Sequence[str] | None
    sources: Sequence[str] | None

    async def found(self, word: str) -> Filter:
        """The entries in which the word is."""
        called = [user_id for user_id, name in self.users.items() if _is_in(word, name)]
        acting = tuple(map(str, called))
        records = [*called]
        for kind in self.kinds:
            records += await _named(self.reads, kind, word)
        return Either(
            (
                *_having("type", self.types, word),
                *_having("actor_id", self.actors, word),
                *self._of_reasons(word),
                *_one_of("actor_id", acting),
                *_one_of("on_behalf_of", acting),
                *_one_of("record_id", records),
                *_with_id(word),
            )
        )

    def _of_reasons(self, word: str) -> Iterable[Filter]:
        if self.sources is None:
            return [Comparison("reason", Operator.CONTAINS, word)]
        found = [*_having("source", self.sources, word)]
        line = _LINE.fullmatch(word)
        if line is not None:
            ending, number = line.groups()
            sources = [s for s in self.sources if s.casefold().endswith(ending.casefold())]
            reasons = [f"{source}:{number}" for source in sources]
            if sources:
                found.append(All((*_one_of("source", sources), *_one_of("reason", reasons))))
        return found


def _having(column: str, values: Sequence[str] | None, word: str) -> Iterable[Filter]:
    if values is None:
        return [Comparison(column, Operator.CONTAINS, word)]
    return _one_of(column, [value for value in values if _is_in(word, value)])


def _one_of(column: str, values: Sequence[Any]) -> Iterable[Filter]:
    return [Comparison(column, Operator.IN, tuple(values))] if values else []


def _is_in(word: str, text: str) -> bool:
    return word.casefold() in text.casefold()


def _with_id(word: str) -> Iterable[Filter]:
    """Entries of this record, about this subject, of this command or of this journey."""
    try:
        id = UUID(word)
    except ValueError:
        return []
    columns = ("record_id", "subject_id", "command_id", "correlation_id")
    return [Comparison(column, Operator.EQ, id) for column in columns]


async def _named(reads: Reads, kind: str, word: str) -> list[UUID]:
    table, column = _NAMED[kind]
    page = await reads.page(
        table, Window(first=PAGE_MAX), where=Comparison(column, Operator.CONTAINS, word)
    )
    if page.has_next:
        raise Rejected("query.name_too_common", limit=PAGE_MAX)
    (key,) = table.key
    return [getattr(row, key) for row in page.rows]
