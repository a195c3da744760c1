"""What every resolver of one request knows: the services, who asks, and in which language."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import strawberry

from crm_api.graphql.errors import ErrorCode, Refused
from crm_api.graphql.loading import Loaders
from crm_api.graphql.notes import Notes
from crm_api.graphql.scalars import Position
from crm_api.messages import Language
from crm_api.services import Services
from crm_api.tokens import Session
from crm_core import Actor
from crm_core.access.rights import Rights
from crm_core.audit.reads import How
from crm_projections.registry import PROJECTIONS

if TYPE_CHECKING:
    from crm_api.http.allowance import Charge
    from crm_api.http.refusals import HttpRefusal

__all__ = ["Context", "Executed", "Info", "require"]

WAIT_SECONDS = 2.0  # for a read model to reach `minPosition`
LOOK_SECONDS = 0.05  # where that was waited for already
_SHOWN = [projection.name for projection in PROJECTIONS]  # what others bring is not shown here


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of the operation's only command: its payload, or what the resolver raised."""

    payload: Any
    error: Exception | None

    def again(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.payload


@dataclass(eq=False)
class Context:
    """`connection_params` is what a websocket's client sent when it connected; `refused`, why it
    may ask for nothing there, though it is known: then there is no session. `has_waited` says that
    the read models have had their time in this request. `notes` are of the records that the
    operation shows, where that may have to be recorded; `how` it is read, if not by its operation.
    What was `executed` is not executed again where the answer is begun anew.
    """

    services: Services
    language: Language = Language.EN
    session: Session | None = None
    connection_params: dict[str, Any] = field(default_factory=dict)
    has_waited: bool = False
    charge: Charge | None = None
    notes: Notes | None = None
    how: How | None = None
    executed: Executed | None = None
    refused: HttpRefusal | None = None
    loaders: Loaders = field(init=False)
    _rights: Rights | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _written: Position | None = None
    _catching_up: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.services.crm, self.services.reads, self.rights)

    def for_operation(self) -> Context:
        """The same request, at the beginning of one of its operations; a websocket has many."""
        return replace(self, _rights=None, _asking=asyncio.Lock(), _written=None, _catching_up=None)

    @property
    def tenant_id(self) -> UUID:
        return self.services.crm.tenant_id

    @property
    def actor(self) -> Actor:
        """Who asks. Raises Refused `auth.required` where the token is missing or over."""
        session = self.session
        if session is None or not self.services.tokens.is_valid(session):
            raise Refused(ErrorCode.UNAUTHENTICATED, "auth.required")
        return session.actor

    def matters(self) -> Notes | None:
        """Has the request recorded, and what it shows from here on, unless nothing is recorded."""
        if self.notes is not None:
            self.notes.matters()
        return self.notes

    async def rights(self) -> Rights:
        """What the actor may do: asked once in an operation, so that all of it agrees."""
        if self._rights is None:
            async with self._asking:
                if self._rights is None:
                    self._rights = await self._asked_rights()
        return self._rights

    async def _asked_rights(self) -> Rights:
        """Raises Refused `auth.required` where the session was ended meanwhile."""
        actor, session = self.actor, self.session
        if session is None or not await self.services.credentials.is_good(session):
            raise Refused(ErrorCode.UNAUTHENTICATED, "auth.required")
        return await self.services.crm.rights(self.tenant_id, actor)

    async def present_rights(self) -> Rights:
        """What the actor may do by now, in an operation that goes on."""
        self._rights = None
        return await self.rights()

    async def wait_for(self, position: Position | None) -> None:
        """Waits until the read models show this position; raises Lagging after 2 seconds."""
        if position:
            seconds = LOOK_SECONDS if self.has_waited else WAIT_SECONDS
            await self.services.runner.wait_for(
                self.tenant_id, position, seconds=seconds, names=_SHOWN
            )

    def wrote(self, position: Position) -> None:
        """The operation has recorded something: what it reads from now on has to show it."""
        self._written, self._catching_up = position, None

    async def see_own_writes(self) -> None:
        """Waits until the read models show what this operation has recorded; raises Lagging."""
        if self._written is None:
            return
        if self._catching_up is None:
            self._catching_up = asyncio.ensure_future(self.wait_for(self._written))
        await asyncio.shield(self._catching_up)


Info: TypeAlias = strawberry.Info[Context, None]


async def require(
    info: Info, kind: str, action: str = "read", *, min_position: Position | None = None
) -> Context:
    """The request's context, once the right is there and the read models are far enough.

    Raises Denied or Lagging.
    """
    context = info.context
    (await context.rights()).require(kind, action)
    await context.wait_for(min_position)
    return context
