"""What must hold of the stored state of any aggregate, whatever its history."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.kernel.events import Event
from crm_core.ledger.event_store import fold
from crm_core.ledger.state import StateForm, state_form_of


def require_stored_states_stand(history: Sequence[Event], form: StateForm | None = None) -> None:
    """After each event, the state read back is the one folded, and goes on like it."""
    whole = fold(history)
    assert whole is not None
    form = form or state_form_of(type(whole))
    aggregate = None
    for number, event in enumerate(history, start=1):
        aggregate = event.mutate(aggregate)
        read = form.decode(form.encode(aggregate), aggregate.id, aggregate.version)
        assert vars(read) == vars(aggregate)
        assert fold(history[number:], read) == whole
