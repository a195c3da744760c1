"""The same without `await`: a loop in a background thread does the asking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Generic, Self, TypeVar

import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal

from crm_client.asking import Asking, Command, Done, Follow, K, Listing, Page, Pages, Read

__all__ = ["SyncAsking", "SyncPages"]

T = TypeVar("T")
R = TypeVar("R")


class SyncPages(Generic[T]):
    """See `Pages`."""

    def __init__(self, portal: BlockingPortal, pages: Pages[T]) -> None:
        self._portal = portal
        self._pages = pages

    def __iter__(self) -> Iterator[T]:
        return _each(self._portal, self._pages.__aiter__())

    def page(self, first: int = 50, after: str | None = None) -> Page[T]:
        return _called(self._portal, self._pages.page(first, after))

    def total_count(self) -> int | None:
        return _called(self._portal, self._pages.total_count())


class SyncAsking:
    """See `Asking`. A context manager, safe to use from many threads."""

    def __init__(self, opened: Callable[[], Coroutine[Any, Any, Asking]]) -> None:
        with ExitStack() as opening:
            self._portal = opening.enter_context(start_blocking_portal())
            self._asking: Asking = self._portal.call(opened)
            self._open = opening.pop_all()

    @classmethod
    def connect(cls, address: str, token: str) -> Self:
        async def opened() -> Asking:
            return Asking.connect(address, token)

        return cls(opened)

    @classmethod
    def sign_in(cls, address: str, email: str, password: str, code: str | None = None) -> Self:
        return cls(lambda: Asking.sign_in(address, email, password, code))

    def close(self) -> None:
        with self._open:
            self._portal.call(self._asking.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def position(self) -> int:
        return self._asking.position

    def ask(self, document: str, variables: Mapping[str, Any] | None = None, *, into: type[T]) -> T:
        return _called(self._portal, self._asking.ask(document, variables, into=into))

    def get(self, kind: type[K], id: str, *, as_of: msgspec.Struct | None = None) -> K | None:
        """See `Asking.get`."""
        (found,) = self.get_many(kind, [id], as_of=as_of)
        return found

    def get_many(
        self, kind: type[K], ids: Sequence[str], *, as_of: msgspec.Struct | None = None
    ) -> list[K | None]:
        """See `Asking.get_many`."""
        return _called(self._portal, self._asking.get_many(kind, ids, as_of=as_of))

    def _read(self, read: Read[T], given: Mapping[str, Any]) -> T:
        return _called(self._portal, self._asking._read(read, given))

    def _execute(self, command: Command[R], given: Mapping[str, Any]) -> Done[R]:
        return _called(self._portal, self._asking._execute(command, given))

    def _pages(self, listing: Listing[T], given: Mapping[str, Any]) -> SyncPages[T]:
        return SyncPages(self._portal, self._asking._pages(listing, given))

    def _follow(self, follow: Follow[T], given: Mapping[str, Any]) -> Iterator[T]:
        return _each(self._portal, self._asking._follow(follow, given))


def _each(portal: BlockingPortal, items: AsyncIterator[T]) -> Iterator[T]:
    while (item := _called(portal, _next(items))) is not None:
        yield item


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


def _called(portal: BlockingPortal, coroutine: Coroutine[Any, Any, T]) -> T:
    async def awaited() -> T:
        return await coroutine

    answer: T = portal.call(awaited)
    return answer
