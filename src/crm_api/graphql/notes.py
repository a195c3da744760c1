"""What one operation shows of which records: noted as it is answered, recorded before it is."""

from __future__ import annotations

from uuid import UUID

from graphql import FieldNode, OperationDefinitionNode

from crm_api.tracing import trace_id
from crm_core.audit.reads import How, Read, Record
from crm_core.kernel.messages import Actor

__all__ = ["Notes", "name_of_operation"]


class Notes:
    """`takes_all`: whether every record that is shown is noted. It is of some readers from the
    beginning, and of the others once they ask for what matters. `asked` remembers, by their places
    in the document, of which objects something personal is asked for.
    """

    def __init__(self, *, takes_all: bool) -> None:
        self.takes_all = takes_all
        self.asked: dict[tuple[str | int, ...], bool] = {}
        self._matters = False
        self._records: dict[Record, bool] = {}

    def matters(self) -> None:
        """The operation asks for something of which every request is recorded."""
        self.takes_all = self._matters = True

    def add(self, kind: str, record_id: UUID, *, personal: bool) -> None:
        """A record is shown; `personal`, where a personal field of it is asked for."""
        if self.takes_all:
            record = (kind, record_id)
            self._records[record] = personal or self._records.get(record, False)

    def taken(
        self, actor: Actor, operation: OperationDefinitionNode, how: How | None
    ) -> Read | None:
        """What was noted since it was taken last, as a request; None where nothing is to be
        recorded. `how`: if it is not by the operation.
        """
        if not self._records and not self._matters:
            return None
        records, self._records = self._records, {}
        how = how or How(operation.operation.value)
        return Read(actor, how, name_of_operation(operation), records, trace_id())


def name_of_operation(operation: OperationDefinitionNode) -> str:
    """Its name, or the fields it asks for where it has none."""
    if operation.name is not None:
        return operation.name.value
    fields = operation.selection_set.selections
    return " ".join(field.name.value for field in fields if isinstance(field, FieldNode))
