"""What the generated clients stand on: one call, lists by pages, and events that are followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID, uuid4

import httpx2
import msgspec

from crm_client.errors import ApiError, Unreachable, UserError, refused
from crm_client.transport import Http, InProcess, Transport

__all__ = [
    "Asking", "Command", "Done", "Follow", "Id", "Link", "Listing", "Page", "Pages", "PlannedEvent",
    "Read", "Receipt",
]  # fmt: skip

T = TypeVar("T")
R = TypeVar("R")


class _Selectable(Protocol):
    FIELDS: ClassVar[str]


K = TypeVar("K", bound=_Selectable)

Id = str | UUID
"""A record's global id, or its bare UUID."""

PAGE_ITEMS_MAX = 100
_PAUSES_SECONDS = (0.1, 0.5, 2.0)  # before what may be sent again is
_PAUSE_SECONDS_MAX = 5.0  # between two tries to go on following
_NODES = {"ids": "[ID!]!", "asOf": "AsOf", "minPosition": "Position"}
_PASSING = {"UNAVAILABLE", "THROTTLED", "PROJECTION_LAGGING"}


class Link(msgspec.Struct, frozen=True, rename={"typename": "__typename"}):
    """Another record; `client.get(Customer, link.id)` reads it."""

    typename: str
    id: str

    FIELDS: ClassVar[str] = "__typename id"


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """That the command was executed; `replayed`, that it had been before."""

    command_id: UUID
    event_ids: list[str]
    position: int
    replayed: bool

    FIELDS: ClassVar[str] = "commandId eventIds position replayed"


class PlannedEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event that a dry run would record."""

    type: str
    record_uuid: UUID

    FIELDS: ClassVar[str] = "type recordUuid"


class Done(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """What a command has done: its receipt, and the record as it left it, where you may see it.
    After a dry run, `planned_events` instead of a receipt.
    """

    receipt: Receipt | None
    planned_events: list[PlannedEvent] | None
    record: T | None = None
    user_errors: list[UserError] = []


class Page(msgspec.Struct, Generic[T], frozen=True):
    """`end_cursor` is where the next page begins; None where there is none."""

    nodes: list[T]
    end_cursor: str | None


# --- the forms of documents -----------------------------------------------------------------------


class _Operation(Generic[T]):
    """A document of one field, `result`, and how its answer is read."""

    kind = "query"

    def __init__(self, field: str, arguments: Mapping[str, str], selection: str, of: Any) -> None:
        self.field = field
        self.arguments = arguments
        self.selection = selection
        self.of = of

    @cached_property
    def document(self) -> str:
        name = self.field[0].upper() + self.field[1:]
        return f"{self.kind} {name}{_declared(self.arguments)} {{ result: {self._called} }}"

    @property
    def _called(self) -> str:
        passed = ", ".join(f"{name}: ${name}" for name in self.arguments)
        selection = f" {{ {self.selection} }}" if self.selection else ""
        return f"{self.field}({passed}){selection}" if passed else f"{self.field}{selection}"

    @cached_property
    def answers(self) -> msgspec.json.Decoder[_Answer[_Result[T]]]:
        of: Any = _Answer[_Result[self.of]]  # type: ignore[name-defined]  # a type only at run time
        return msgspec.json.Decoder(of)


def _declared(arguments: Mapping[str, str]) -> str:
    declared = ", ".join(f"${name}: {of}" for name, of in arguments.items())
    return f"({declared})" if declared else ""


class Read(_Operation[T]):
    """A query that is answered at once."""


class Command(_Operation[Done[T]]):
    """A mutation whose payload has the record in `record`, where it has one."""

    kind = "mutation"

    def __init__(self, field: str, of: str, record: str, selection: str, answer: Any) -> None:
        shown = f"record: {record} {{ {selection} }} " if record else ""
        super().__init__(
            field,
            {"input": of},
            f"{shown}receipt {{ {Receipt.FIELDS} }} plannedEvents {{ {PlannedEvent.FIELDS} }}"
            f" userErrors {{ {UserError.FIELDS} }}",
            answer,
        )


class Follow(_Operation[T]):
    kind = "subscription"


class Listing(Generic[T]):
    """A list that is read by pages; of a record (`owner` is its type), or of all there is."""

    def __init__(
        self, field: str, arguments: Mapping[str, str], selection: str, of: Any, owner: str = ""
    ) -> None:
        paged = {"first": "Int!", "after": "String"}
        nodes = f"nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }}"
        self.pages: Read[_Connection[T] | None]
        self.pages = self._read(field, {**arguments, **paged}, nodes, _Connection[of], owner)
        self.count: Read[_Count | None]
        self.count = self._read(field, {**arguments, "first": "Int!"}, "totalCount", _Count, owner)

    @staticmethod
    def _read(
        field: str, arguments: Mapping[str, str], selection: str, of: Any, owner: str
    ) -> Read[Any]:
        if not owner:
            return Read(field, arguments, selection, of | None)
        return _OfRecord(owner, field, arguments, selection, of)


class _OfRecord(Read[T]):
    """A field of the record that `$id` names."""

    def __init__(
        self, owner: str, field: str, arguments: Mapping[str, str], selection: str, of: Any
    ) -> None:
        super().__init__(field, arguments, selection, _Owner[of | None] | None)
        self._owner = owner

    @cached_property
    def document(self) -> str:
        name = self._owner + self.field[0].upper() + self.field[1:]
        declared = _declared({"id": "ID!", **self.arguments})
        return (
            f"query {name}{declared} {{ result: node(id: $id) {{"
            f" ... on {self._owner} {{ field: {self._called} }} }} }}"
        )


class _Result(msgspec.Struct, Generic[T], frozen=True):
    result: T


class _Answer(msgspec.Struct, Generic[T], frozen=True):
    data: T | None = None
    errors: list[dict[str, Any]] = []


class _Failed(msgspec.Struct, frozen=True):
    errors: list[dict[str, Any]] = []


class _Owner(msgspec.Struct, Generic[T], frozen=True):
    field: T | None = None


class _PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None


class _Connection(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    nodes: list[T]
    page_info: _PageInfo


class _Count(msgspec.Struct, frozen=True, rename="camel"):
    total_count: int | None


_failures = msgspec.json.Decoder(_Failed)


# --- pages ----------------------------------------------------------------------------------------


class Pages(Generic[T]):
    """A list to go through with `async for`, or page by page."""

    def __init__(
        self,
        page: Callable[[int, str | None], Awaitable[Page[T]]],
        count: Callable[[], Awaitable[int | None]],
    ) -> None:
        self._page = page
        self._count = count

    async def __aiter__(self) -> AsyncIterator[T]:
        after: str | None = None
        while True:
            page = await self._page(PAGE_ITEMS_MAX, after)
            for node in page.nodes:
                yield node
            after = page.end_cursor
            if after is None:
                return

    async def page(self, first: int = 50, after: str | None = None) -> Page[T]:
        """At most 100 items after the cursor."""
        return await self._page(first, after)

    async def total_count(self) -> int | None:
        """Exact up to 10,000, which stands for more; None for a list without an end."""
        return await self._count()


# --- asking ---------------------------------------------------------------------------------------


class Asking:
    """Sends again what is safe to be sent again: reads, and commands, each under a key of its own.

    Reads show what this client has written: they ask for its last `position`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.position = 0

    @classmethod
    def connect(cls, address: str, token: str) -> Self:
        """A client of the server at this address. `token`: of a sign-in, or an API key."""
        return cls(Http.to(address, token))

    @classmethod
    async def sign_in(
        cls, address: str, email: str, password: str, code: str | None = None
    ) -> Self:
        """A client for this user, as long as the session lasts. Raises ApiError, Unreachable."""
        given = {"email": email, "password": password} | ({} if code is None else {"code": code})
        async with httpx2.AsyncClient(base_url=address) as http:
            try:
                response = await http.post("/login", json=given)
            except httpx2.TransportError as error:
                raise Unreachable(type(error).__name__) from error
        answer = response.json()
        if "errors" in answer:
            raise ApiError(answer["errors"])
        return cls.connect(address, answer["token"])

    @classmethod
    def in_process(cls, app: Callable[..., Any], token: str) -> Self:
        """The same over an ASGI application in this process: `create_app(services)`."""
        return cls(Http.within(InProcess(app), token))

    async def close(self) -> None:
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, *, into: type[T]
    ) -> T:
        """The data of a document of your own, as the msgspec.Struct (or other type) `into`.

        It is sent once. Raises ApiError, Unreachable.
        """
        body = await self._transport.ask(document, dict(variables or {}))
        _raise_errors(body)
        of: Any = _Answer[into]  # type: ignore[valid-type]  # a type only at run time
        data: T | None = msgspec.json.decode(body, type=of).data
        assert data is not None, "an answer without errors has data"
        return data

    async def get(self, kind: type[K], id: str, *, as_of: msgspec.Struct | None = None) -> K | None:
        """The record of this kind with this global id, such as a Link's; None where there is none.

        `as_of`: an AsOf, for the past. `get(Customer, opportunity.customer.id)`
        """
        (found,) = await self.get_many(kind, [id], as_of=as_of)
        return found

    async def get_many(
        self, kind: type[K], ids: Sequence[str], *, as_of: msgspec.Struct | None = None
    ) -> list[K | None]:
        """See `get`; in the order of the ids, at most 100."""
        name = kind.__name__
        of_kind = f"__typename ... on {name} {{ {kind.FIELDS} }}"
        nodes: Read[list[dict[str, Any] | None]]
        nodes = Read("nodes", _NODES, of_kind, list[dict[str, Any] | None])
        found = await self._read(nodes, {"ids": ids, "asOf": as_of})
        return [
            msgspec.convert(node, kind) if node and node["__typename"] == name else None
            for node in found
        ]

    async def _read(self, read: Read[T], given: Mapping[str, Any]) -> T:
        variables = _given(given)
        if self.position and "minPosition" in read.arguments and not variables.get("asOf"):
            variables.setdefault("minPosition", self.position)
        return await self._answered(read, variables)

    async def _execute(self, command: Command[R], given: Mapping[str, Any]) -> Done[R]:
        variables = _given(given)
        if not variables.get("dryRun"):
            variables.setdefault("idempotencyKey", uuid4().hex)
        done = await self._answered(command, {"input": variables})
        if done.user_errors:
            raise refused(done.user_errors)
        if done.receipt is not None:
            self.position = max(self.position, done.receipt.position)
        return done

    def _pages(self, listing: Listing[T], given: Mapping[str, Any]) -> Pages[T]:
        async def page(first: int, after: str | None) -> Page[T]:
            asked = {**given, "first": first, "after": after}
            found = _inner(await self._read(listing.pages, asked))
            if found is None:
                return Page([], None)
            info = found.page_info
            return Page(found.nodes, info.end_cursor if info.has_next_page else None)

        async def count() -> int | None:
            found = _inner(await self._read(listing.count, {**given, "first": 1}))
            return None if found is None else found.total_count

        return Pages(page, count)

    async def _follow(self, follow: Follow[T], given: Mapping[str, Any]) -> AsyncIterator[T]:
        """Goes on after the last position whenever the connection breaks, with growing pauses.
        Ends when the server says so, with the token for one. Raises ApiError.
        """
        variables = _given(given)
        if "after" not in variables:
            variables["after"] = (await self._answered(_HEAD, {})).head
        pause = _PAUSES_SECONDS[0]
        while True:
            try:
                async for body in self._transport.follow(follow.document, variables):
                    item = _decoded(follow, body)
                    variables["after"] = getattr(item, "position", variables["after"])
                    pause = _PAUSES_SECONDS[0]
                    yield item
            except Unreachable:
                pass
            except ApiError as error:
                if error.code not in _PASSING:
                    raise
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    async def _answered(self, operation: _Operation[T], variables: dict[str, Any]) -> T:
        for pause in _PAUSES_SECONDS:
            try:
                body = await self._transport.ask(operation.document, variables)
                return _decoded(operation, body)
            except Unreachable:
                pass
            except ApiError as error:
                if error.code not in _PASSING:
                    raise
            await asyncio.sleep(pause)
        return _decoded(operation, await self._transport.ask(operation.document, variables))


class _Head(msgspec.Struct, frozen=True):
    head: int


_HEAD: Read[_Head] = Read("projectionStatus", {}, "head", _Head)


def _given(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given; None stands for what was not."""
    return {name: value for name, value in given.items() if value is not None}


def _decoded(operation: _Operation[T], body: bytes) -> T:
    _raise_errors(body)
    data = operation.answers.decode(body).data
    assert data is not None, "an answer without errors has data"
    return data.result


def _raise_errors(body: bytes) -> None:
    """Raises ApiError, or Unreachable where a proxy answered that knows no GraphQL."""
    try:
        errors = _failures.decode(body).errors
    except msgspec.DecodeError:
        raise Unreachable("the answer is not one of GraphQL") from None
    if errors:
        raise ApiError(errors)


def _inner(found: Any) -> Any:
    """The field of a record, where the list was one's."""
    return found.field if isinstance(found, _Owner) else found
