"""The page of a case file: plain HTML that opens offline and needs no script to be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from crm_core.audit.crm_verify import Checkpoint, VerifierKey, proof_name
from crm_core.engagement.interaction.events import InteractionRedacted
from crm_core.explain import source_of
from crm_core.kernel.events import Event, Redacted, own_fields, personal_mark
from crm_core.ledger.event_store import RecordedEvent

__all__ = ["page_of"]

_pages = Environment(
    loader=PackageLoader("crm_core.casefile", "."), autoescape=True, undefined=StrictUndefined
)


def page_of(
    events: Sequence[RecordedEvent],
    policies: Sequence[RecordedEvent],
    rights: Sequence[Mapping[str, Any]],
    reads: Mapping[str, Any],
    checkpoint: Checkpoint,
    keys: Sequence[VerifierKey],
    hidden: Collection[str],
) -> bytes:
    """The page in UTF-8. Of policies, only what is personal to nobody is shown;
    what was said in a redacted interaction is shown no more."""
    rules = {entry["position"]: entry["rules"] for entry in rights}
    ordered = sorted(events, key=lambda event: event.position)
    redacted = {event.record_id for event in events if isinstance(event.data, InteractionRedacted)}

    def hidden_in(event: RecordedEvent) -> set[str]:
        words = _sealed(type(event.data)) if event.record_id in redacted else set()
        return words.union(hidden)

    return (
        _pages.get_template("page.html.j2")
        .render(
            about=f"{events[0].record_type} {events[0].record_id}",
            events=[_shown(event, hidden_in(event), rules[event.position]) for event in ordered],
            policies=[_shown(event, _sealed(type(event.data)), []) for event in policies],
            reads=reads["says"],
            readers=_readers(reads["reads"]),
            checkpoint=checkpoint,
            key=keys[0],
        )
        .encode()
    )


def _readers(reads: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Who read anything that is in the case, and by which way: in how many requests, and when
    first and last.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for read in reads:
        at = read["recorded_at"]
        who = f"{read['actor']['kind'].lower()} {read['actor']['id']}"
        behalf, how, operation = read["on_behalf_of"], read["how"], read["operation"]
        reader = found.setdefault(
            (who, behalf or "", how, operation),
            {"who": who, "on_behalf_of": behalf, "how": f"{how} {operation}",
             "first": at, "times": 0},
        )  # fmt: skip
        reader["last"] = at
        reader["times"] += 1
    return list(found.values())


def _shown(
    event: RecordedEvent, hidden: Collection[str], rules: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    stored = event.stored
    return {
        "position": event.position,
        "type": event.type,
        "record": f"{event.record_type} {event.record_id}",
        "version": event.version,
        "recorded": event.recorded_at.isoformat(sep=" ", timespec="seconds"),
        "happened": event.happened_at.isoformat(sep=" ", timespec="seconds"),
        "actor": f"{event.actor.kind.value.lower()} {event.actor.id}",
        "on_behalf_of": event.actor.on_behalf_of,
        "source": source_of(event) or stored.reason,
        "command": stored.command_id,
        "cause": stored.causation_id,
        "proof": proof_name(event.position),
        "fields": [
            (name, _value(getattr(event.data, name)), name in _sealed(type(event.data)))
            for name in own_fields(type(event.data))
            if name not in hidden
        ],
        "rules": [
            f"{rule['kind']}: {', '.join(rule['actions'])} ({rule['scope'].lower()})"
            for rule in rules
        ],
    }


def _sealed(event_class: type[Event]) -> set[str]:
    return {name for name, of in own_fields(event_class).items() if personal_mark(of) is not None}


def _value(value: Any) -> str:
    if isinstance(value, Redacted):
        return "erased"
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value, enc_hook=lambda _: "erased", order="deterministic").decode()
