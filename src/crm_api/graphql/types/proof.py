"""What vouches for the ledger: checkpoints, and proofs against them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Self
from uuid import UUID

import strawberry

from crm_api.graphql.scalars import Position
from crm_core.audit.crm_verify import Checkpoint, VerifierKey
from crm_core.audit.log import Consistency, Inclusion

__all__ = ["AuditCheckpoint", "AuditConsistency", "AuditProof"]


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@strawberry.type(description="A signed statement of how many events there are, and of their root.")
class AuditCheckpoint:
    origin: str = strawberry.field(description="Which log it is of.")
    size: Position = strawberry.field(description="The last position that it vouches for.")
    root_hash: str = strawberry.field(description="RFC 9162 tree over the events, in base64.")
    note: str = strawberry.field(description="As it was signed: C2SP tlog-checkpoint.")
    keys: list[str] = strawberry.field(
        description="Keys that sign, or did. Who verifies has them from elsewhere."
    )

    @classmethod
    def of(cls, checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> Self:
        return cls(
            origin=checkpoint.origin,
            size=Position(checkpoint.size),
            root_hash=base64_of(checkpoint.root),
            note=checkpoint.note,
            keys=[str(key) for key in keys],
        )


@strawberry.type(description="That an event is in what was signed.")
class AuditProof:
    event_uuid: UUID
    position: Position
    record: str = strawberry.field(
        description="What is hashed, in base64: every field of the envelope, the data's digest."
    )
    leaf_hash: str = strawberry.field(description="In base64.")
    hashes: list[str] = strawberry.field(
        description="From the leaf's sibling to the root's child, in base64."
    )
    checkpoint: AuditCheckpoint
    text: str = strawberry.field(description="All of it as a C2SP tlog-proof, for `crm_verify.py`.")

    @classmethod
    def of(cls, proof: Inclusion, keys: Iterable[VerifierKey]) -> Self:
        return cls(
            event_uuid=proof.event.event_id,
            position=Position(proof.event.position),
            record=base64_of(proof.record),
            leaf_hash=base64_of(proof.leaf),
            hashes=[base64_of(node) for node in proof.hashes],
            checkpoint=AuditCheckpoint.of(proof.checkpoint, keys),
            text=proof.text,
        )


@strawberry.type(description="That the log of one size begins with that of another.")
class AuditConsistency:
    from_size: Position
    from_root_hash: str
    to_size: Position
    to_root_hash: str
    hashes: list[str] = strawberry.field(description="RFC 9162, 2.1.4; in base64.")

    @classmethod
    def of(cls, proof: Consistency) -> Self:
        return cls(
            from_size=Position(proof.old),
            from_root_hash=base64_of(proof.old_root),
            to_size=Position(proof.new),
            to_root_hash=base64_of(proof.new_root),
            hashes=[base64_of(node) for node in proof.hashes],
        )
