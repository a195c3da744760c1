"""Asking for what vouches for the ledger. For those who may audit events."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from crm_api.graphql.context import Info, require
from crm_api.graphql.fields import resolver
from crm_api.graphql.scalars import Position
from crm_api.graphql.types.proof import AuditCheckpoint, AuditConsistency, AuditProof
from crm_core import Invalid, NotFound

__all__ = ["ProofQueries"]


@strawberry.type
class ProofQueries:
    @resolver("The last signed checkpoint over the ledger.")
    async def audit_checkpoint(self, info: Info) -> AuditCheckpoint | None:
        context = await require(info, "event", "audit")
        audit = context.services.audit
        signed = await audit.checkpoint(context.tenant_id)
        return AuditCheckpoint.of(signed, audit.verifiers(context.tenant_id))

    @resolver(
        "That an event is in what was signed; name it by its position or its UUID. Null where there"
        " is no such event."
    )
    async def audit_proof(
        self,
        info: Info,
        position: Position | None = strawberry.UNSET,
        event_id: Annotated[
            UUID | None, strawberry.argument(description="The event's UUID.")
        ] = strawberry.UNSET,
    ) -> AuditProof | None:
        context = await require(info, "event", "audit")
        audit = context.services.audit
        if bool(position) == bool(event_id):
            raise Invalid("position", "give either `position` or `eventId`")
        try:
            if event_id:
                position = Position(await audit.position_of(context.tenant_id, event_id))
            assert position, "one of the two was given"
            proof = await audit.prove(context.tenant_id, position)
        except NotFound:
            return None
        return AuditProof.of(proof, audit.verifiers(context.tenant_id))

    @resolver("That the log of one size begins with that of an earlier one.")
    async def audit_consistency(
        self,
        info: Info,
        from_size: Annotated[Position, strawberry.argument(name="from")],
        to_size: Annotated[
            Position | None,
            strawberry.argument(name="to", description="The last checkpoint's, if not given."),
        ] = strawberry.UNSET,
    ) -> AuditConsistency | None:
        context = await require(info, "event", "audit")
        audit = context.services.audit
        to = to_size or (await audit.checkpoint(context.tenant_id)).size
        return AuditConsistency.of(await audit.consistency(context.tenant_id, from_size, to))
