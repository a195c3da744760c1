"""Connections as Relay's specification has them, over keyset pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import strawberry

from crm_api.graphql.fields import resolver
from crm_core import Rejected
from crm_projections.reading import Count, Page, Window
from crm_projections.tables import Row

__all__ = [
    "After",
    "Before",
    "Connection",
    "First",
    "Last",
    "PageInfo",
    "page_of",
    "sliced",
    "window_of",
]

N = TypeVar("N")
R = TypeVar("R", bound=Row)
T = TypeVar("T")

First: TypeAlias = Annotated[
    int | None, strawberry.argument(description="This many from the beginning; at most 100.")
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what follows this cursor.")
]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description="This many from the end; at most 100.")
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what precedes this cursor.")
]


def window_of(first: First, after: After, last: Last, before: Before) -> Window:
    """The window that these arguments describe; raises Rejected with a code under `paging.`"""
    return Window(
        first=_given(first), after=_given(after), last=_given(last), before=_given(before)
    )


def _given(value: T | None) -> T | None:
    return None if value is strawberry.UNSET else value


@strawberry.enum(description="How far a count can be believed.")
class CountPrecision(Enum):
    EXACT = "EXACT"
    AT_LEAST = "AT_LEAST"


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="An item of a list, and the cursor that names its place.")
class Edge(Generic[N]):
    cursor: str
    node: N


Counting: TypeAlias = Callable[[], Awaitable[Count]]


@strawberry.type(description="A page of a list. `first` or `last` is required, at most 100.")
class Connection(Generic[N]):
    edges: list[Edge[N]]
    page_info: PageInfo
    _counting: strawberry.Private[Counting | None]

    @resolver("The items of the page, without their cursors.")
    def nodes(self) -> list[N]:
        return [edge.node for edge in self.edges]

    @resolver(
        "How many items the whole list has, exact up to 10,000; counted when asked for,"
        " null for a list without an end."
    )
    async def total_count(self) -> int | None:
        return None if self._counting is None else (await self._counting()).rows

    @resolver("Whether `totalCount` is exact.")
    async def total_count_precision(self) -> CountPrecision | None:
        if self._counting is None:
            return None
        exact = (await self._counting()).is_exact
        return CountPrecision.EXACT if exact else CountPrecision.AT_LEAST


def page_of(page: Page[R], node: Callable[[R], N], counting: Counting) -> Connection[N]:
    """A page of rows as a connection."""
    edges = [
        Edge(cursor=cursor, node=node(row))
        for cursor, row in zip(page.cursors, page.rows, strict=True)
    ]
    return connected(edges, page.has_next, page.has_previous, counting)


def sliced(
    items: Sequence[T], window: Window, key: Callable[[T], int], node: Callable[[T], N]
) -> Connection[N]:
    """A page of a list that is at hand as a whole, in the order of a number that each item has."""
    left = [
        item
        for item in items
        if (window.after is None or key(item) > _number(window.after))
        and (window.before is None or key(item) < _number(window.before))
    ]
    taken = left[-window.size :] if window.backwards else left[: window.size]
    taken = taken if window.size else []
    more = len(left) > len(taken)

    async def counting() -> Count:
        return Count(len(items), is_exact=True)

    return connected(
        [Edge(cursor=_cursor(key(item)), node=node(item)) for item in taken],
        window.before is not None if window.backwards else more,
        more if window.backwards else window.after is not None,
        counting,
    )


def connected(
    edges: list[Edge[Any]], has_next: bool, has_previous: bool, counting: Counting | None
) -> Connection[Any]:
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        _counting=counting,
    )


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"n{number}".encode()).rstrip(b"=").decode()


def _number(cursor: str) -> int:
    try:
        raw = base64.b64decode((cursor + "=" * (-len(cursor) % 4)).encode("ascii"), b"-_", True)
        if len(raw) <= 20 and raw.startswith(b"n") and raw[1:].isdigit():
            return int(raw[1:])
    except (binascii.Error, UnicodeEncodeError):
        pass
    raise Rejected("paging.bad_cursor")
