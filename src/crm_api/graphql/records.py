"""The kinds of records, and where each is read from: its row, or its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm_core import AsOf, RecordedEvent
from crm_core.as_of import fold_as_of
from crm_core.kernel.aggregate import Aggregate
from crm_projections.projection import Projection, project_past
from crm_projections.tables import Table

if TYPE_CHECKING:
    from crm_api.graphql.types.node import Record

__all__ = ["AggregateView", "RecordKind"]


class AggregateView:
    """An aggregate under the names that rows have."""

    def __init__(self, aggregate: Aggregate, events: Sequence[RecordedEvent]) -> None:
        self.aggregate = aggregate
        self.created_at = aggregate.created_on
        self.updated_at = aggregate.modified_on

    def __getattr__(self, name: str) -> Any:
        if name == "aggregate":
            raise AttributeError(name)
        return getattr(self.aggregate, name)


@dataclass(frozen=True, eq=False, slots=True)
class RecordKind:
    """`aggregate` gives the events; `table`, kept by `projection`, the present row.

    The past of a kind with a table is that projection over the record's own events; a kind without
    one is read from its aggregate, now and then, through `view` if there is more to see.
    """

    graphql_type: type[Record]
    aggregate: type[Aggregate]
    projection: Projection | None = None
    table: Table[Any] | None = None
    view: type[AggregateView] = AggregateView

    @property
    def name(self) -> str:
        """The kind as rights and commands name it: `customer`."""
        return self.aggregate.TOPIC.rpartition(".")[2]

    @property
    def type_name(self) -> str:
        return self.graphql_type.__name__

    def folded(self, events: Sequence[RecordedEvent], as_of: AsOf) -> Record | None:
        """The record as these events of its stream make it, or None where it was not there yet."""
        if not events or events[0].record_type != self.aggregate.TOPIC:
            return None
        known = [event for event in events if as_of.includes(event)]
        if not known:
            return None
        # Other records have other versions: seen from here, this past ends at a position.
        past = AsOf(
            position=known[-1].position if as_of.version is not None else as_of.position,
            time=as_of.time,
            effective_at=as_of.effective_at,
        )
        if self.projection is None or self.table is None:
            aggregate = fold_as_of(known, as_of)
            return (
                None
                if aggregate is None
                else self.graphql_type.of(self.view(aggregate, known), past)
            )
        row = project_past(self.projection, known, as_of).get(self.table, events[0].record_id)
        return None if row is None else self.graphql_type.of(row, past)
