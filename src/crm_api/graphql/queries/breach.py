"""Asking what a breach concerns: whom to tell when somebody's access was misused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from crm_api.graphql.connection import After, Connection, Edge, First, connected, window_of
from crm_api.graphql.context import Info, require
from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.ids import required_uuid, uuid_of
from crm_api.graphql.queries.event import position_of
from crm_core import NotFound, Rejected
from crm_core.audit.reads import ReadMode
from crm_core.breach import BreachScope, breach_scope

__all__ = ["BreachQueries"]

graphql_enum(ReadMode)


@strawberry.type(name="ReadModeChange", description="What was recorded of reads, from a moment on.")
class ModeInForce:
    since: datetime
    mode: ReadMode


@strawberry.type(description="A record that was shown to the principal.")
class ReadRecord:
    kind: str = strawberry.field(description="Such as `customer`.")
    record_uuid: UUID
    subject_uuids: list[UUID] = strawberry.field(
        description="The customers and users whom the record says something of."
    )
    first_at: datetime
    last_at: datetime
    times: int = strawberry.field(description="In so many requests.")
    personal: bool = strawberry.field(description="A personal field of it was asked for.")


@strawberry.type(description="A record that was in the principal's reach.")
class VisibleRecord:
    kind: str = strawberry.field(description="Such as `customer`.")
    record_uuid: UUID
    subject_uuids: list[UUID] = strawberry.field(
        description="The customers and users whom the record says something of."
    )
    first_at: datetime = strawberry.field(description="The first moment of the span.")
    last_at: datetime = strawberry.field(description="The last; maybe not without a break.")


@strawberry.type(name="BreachScope", description="What a principal could and did read in a span.")
class Breach:
    scope: strawberry.Private[BreachScope]

    @resolver("What was recorded: the mode that the span begins with, and those that followed.")
    async def modes(self) -> list[ModeInForce]:
        return [ModeInForce(since=of.since, mode=of.mode) for of in await self.scope.modes()]

    @resolver("Whether every read of something personal in the span is in the log.")
    async def is_whole(self) -> bool:
        return await self.scope.is_whole()

    @resolver("What was read, by the log; as somebody else too, and by the user's keys.")
    async def did_read(
        self, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Connection[ReadRecord]:
        window = window_of(first, after, None, None)
        start = None if window.after is None else uuid_of(window.after)
        if window.after is not None and start is None:
            raise Rejected("paging.bad_cursor")
        found = await self.scope.did_read(window.size + 1, start)
        edges = [
            Edge(
                cursor=str(of.record_id),
                node=ReadRecord(
                    kind=of.kind,
                    record_uuid=of.record_id,
                    subject_uuids=list(of.subject_ids),
                    first_at=of.first,
                    last_at=of.last,
                    times=of.times,
                    personal=of.personal,
                ),
            )
            for of in found[: window.size]
        ]
        return connected(edges, len(found) > window.size, start is not None, None)

    @resolver("What was in reach at any moment, by the rights of that moment.")
    async def could_see(
        self, first: First = strawberry.UNSET, after: After = strawberry.UNSET
    ) -> Connection[VisibleRecord]:
        window = window_of(first, after, None, None)
        start = position_of(window.after)
        found = await self.scope.could_see(window.size + 1, start)
        edges = [
            Edge(
                cursor=str(of.position),
                node=VisibleRecord(
                    kind=of.kind,
                    record_uuid=of.record_id,
                    subject_uuids=list(of.subject_ids),
                    first_at=of.first,
                    last_at=of.last,
                ),
            )
            for of in found[: window.size]
        ]
        return connected(edges, len(found) > window.size, start > 0, None)


@strawberry.type
class BreachQueries:
    @resolver(
        "What a user or an API key could see and did read in a span, both ends included; null where"
        " there is no such principal. For those who may audit events."
    )
    async def breach_scope(
        self,
        info: Info,
        principal_id: Annotated[
            strawberry.ID, strawberry.argument(description="Of a user or an API key.")
        ],
        since: Annotated[datetime, strawberry.argument(name="from")],
        until: Annotated[datetime, strawberry.argument(name="to")],
    ) -> Breach | None:
        context = await require(info, "event", "audit")
        notes, services = context.matters(), context.services
        try:
            scope = await breach_scope(
                services.crm, services.read_log, required_uuid(principal_id), since, until
            )
        except NotFound:
            return None
        if notes is not None:
            notes.add(scope.principal_kind, UUID(scope.principal.id), personal=False)
        return Breach(scope=scope)
