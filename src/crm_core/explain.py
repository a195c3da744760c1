"""Why a field has its value: the event that set it, the command and actor, and their cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crm_core.as_of import AsOf
from crm_core.fields import FieldHistory
from crm_core.kernel.aggregate import AGGREGATE_CLASSES, state_parts
from crm_core.kernel.errors import Rejected
from crm_core.kernel.messages import ActorKind
from crm_core.ledger.event_store import RecordedEvent

__all__ = [
    "Explanation", "FieldOrigin", "Step", "cause_of", "field_origin", "field_origins", "source_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """A field, its value (None for nothing), and the event that made it so.

    Without an event it never had another value than none.
    """

    field: str
    value: Any
    event: RecordedEvent | None


@dataclass(frozen=True, slots=True)
class Step:
    """An event and what led to it. Its envelope names the command, the actor and the reason.

    `cause` is the event that the command was a consequence of. It is None where the command had
    no cause in the ledger: a person's own decision, an import, or a message from elsewhere, whose
    id is `event.stored.causation_id`.
    """

    event: RecordedEvent
    cause: Step | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """value ← event ← command ← rule or user ← cause, and on, as a chain of steps."""

    record_id: UUID
    record_type: str
    field: str
    value: Any
    step: Step | None


def field_origins(events: Iterable[RecordedEvent], as_of: AsOf) -> list[FieldOrigin]:
    """Where each field that has a value in this past of one stream has it from, by name."""
    history = FieldHistory(events, as_of)
    return [
        FieldOrigin(field, history.fields[field], history.changed_by[field][-1])
        for field in sorted(history.fields)
    ]


def field_origin(events: Sequence[RecordedEvent], field: str, as_of: AsOf) -> FieldOrigin | None:
    """Where one field has its value from, or has lost it by; None where there was no record.

    Raises Rejected `explain.unknown_field`.
    """
    history = FieldHistory(events, as_of)
    if not history.known:
        return None
    parts = state_parts(AGGREGATE_CLASSES[events[0].record_type])
    known = sorted(part for part in parts if not part.startswith("_"))
    if field not in known:
        raise Rejected("explain.unknown_field", field=field, known=known)
    changes = history.changed_by[field]
    return FieldOrigin(field, history.fields.get(field), changes[-1] if changes else None)


def cause_of(event: RecordedEvent, earlier: Iterable[RecordedEvent]) -> Step:
    """The chain that leads to the event, through the events of its journey that came before it.

    A causation id names an event, or a command: then its first event stands for it.
    """
    by_id: dict[UUID, RecordedEvent] = {}
    for found in earlier:
        by_id.setdefault(found.stored.command_id, found)
        by_id[found.event_id] = found
    chain = [event]
    while (causation_id := chain[-1].stored.causation_id) is not None:
        cause = by_id.get(causation_id)
        # Nothing is caused by what came later: such an id is a sender's own invention.
        if cause is None or cause.position >= chain[-1].position:
            break
        chain.append(cause)
    step: Step | None = None
    for link in reversed(chain):
        step = Step(link, step)
    assert step is not None
    return step


def source_of(event: RecordedEvent) -> str | None:
    """From which system it came, as exactly as it is known: `import:sales:accounts.csv:12` names
    file and line. None for what was decided here.
    """
    if event.actor.kind in (ActorKind.IMPORT, ActorKind.INTEGRATION):
        return event.stored.reason or event.actor.id
    return None
