"""The erasure in answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

import strawberry

from crm_api.graphql.enums import graphql_enum
from crm_api.graphql.fields import resolver
from crm_api.graphql.records import RecordKind
from crm_api.graphql.types.node import Record
from crm_core.privacy import Erasure as ErasureAggregate
from crm_core.privacy import ErasureStatus, StoreReceipt

__all__ = ["ERASURE", "Erasure"]

graphql_enum(ErasureStatus)


@strawberry.type(description="What one store did to forget.")
class ErasureReceipt:
    store: str
    count: int
    note: str

    @classmethod
    def of(cls, receipt: StoreReceipt) -> Self:
        return cls(store=receipt.store, count=receipt.count, note=receipt.note)


@strawberry.type(description="A request to forget somebody, and the proof that it was done.")
class Erasure(Record):
    KEY = "id"

    status: ErasureStatus
    subject_ids: list[UUID] = strawberry.field(
        description="Who is erased: the customer that was named, and all that are merged with it."
    )

    @resolver("What each store did; empty until it is completed.")
    def receipts(self) -> list[ErasureReceipt]:
        receipts: Sequence[Any] = self.row.receipts
        return [ErasureReceipt.of(receipt) for receipt in receipts]


ERASURE = RecordKind(Erasure, ErasureAggregate)
