"""The stored bytes of every event class at every version, and what they are read as for ever.

    make golden     # adds what is missing, and changes nothing that is there

`events/` has whole streams, so that they can be folded; it is never edited, and `SHA256SUMS` holds
it to that (`sha256sum -c` as well). `states/` has what each stream comes to. It is written once
too, but it may be edited when the state of an aggregate is declared anew: events are for ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from crm_core import SYSTEM, Crm, CrmError, ManualClock, RecordedEvent
from crm_core.catalog import AGGREGATES
from crm_core.kernel.aggregate import Aggregate
from crm_core.kernel.events import EVENT_CLASSES
from crm_core.kernel.ids import SeededIds
from crm_core.ledger.codec import EventForm, form_of, resolve
from crm_core.ledger.event_store import fold
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.cipher import Cipher
from golden.stories import START, everything
from golden.values import shown

HERE = Path(__file__).parent

Pair = tuple[str, int]  # a type and a schema version
Forms = Callable[[StoredEvent], EventForm]


class GoldenCipher(Cipher):
    """One key for everybody, and for each place always the same nonce: for these files only."""

    def __init__(self) -> None:
        super().__init__(hashlib.sha256(b"golden").digest())

    def seal(self, plaintext: bytes, place: bytes) -> bytes:
        nonce = hashlib.sha256(place).digest()[:12]
        return nonce + self._aead.encrypt(nonce, plaintext, place)


CIPHER = GoldenCipher()


class GoldenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`data` is the exact stored text, `value` what it is read as, by field."""

    type: str
    schema_version: int
    version: int
    position: int
    event_id: UUID
    recorded_at: datetime
    effective_at: datetime | None
    subject_ids: tuple[UUID, ...]
    data: str
    value: dict[str, Any]


class GoldenStream(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: UUID
    stream_type: str
    stream_id: UUID
    events: tuple[GoldenEvent, ...]

    @property
    def pairs(self) -> set[Pair]:
        return {(event.type, event.schema_version) for event in self.events}

    def stored(self) -> list[StoredEvent]:
        """The events as they lie in a ledger."""
        return [
            StoredEvent(
                tenant_id=self.tenant_id,
                position=event.position,
                event_id=event.event_id,
                stream_type=self.stream_type,
                stream_id=self.stream_id,
                version=event.version,
                type=event.type,
                schema_version=event.schema_version,
                recorded_at=event.recorded_at,
                effective_at=event.effective_at,
                actor=SYSTEM,
                command_id=event.event_id,
                correlation_id=event.event_id,
                causation_id=None,
                reason=None,
                subject_ids=event.subject_ids,
                tags=(),
                data=event.data.encode(),
            )
            for event in self.events
        ]


# --- what must hold -------------------------------------------------------------------------------


def streams(folder: Path = HERE) -> dict[str, GoldenStream]:
    """The golden streams, by the names of their files."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=GoldenStream)
        for path in sorted((folder / "events").glob("*.json"))
    }


def missing(folder: Path = HERE) -> set[Pair]:
    """The event classes of the product without golden bytes of their present version."""
    there = {pair for stream in streams(folder).values() for pair in stream.pairs}
    records = tuple(f"{topic}." for topic in AGGREGATES)
    ours = {topic: known for topic, known in EVENT_CLASSES.items() if topic.startswith(records)}
    return {(topic, known.class_version) for topic, known in ours.items()} - there


def misread(stream: GoldenStream, forms: Forms = resolve) -> list[str]:
    """What is not read as it always was."""
    complaints = []
    for event, stored in zip(stream.events, stream.stored(), strict=True):
        try:
            value = shown_event(forms(stored), stored)
        except CrmError as error:
            complaints.append(str(error))
            continue
        # A field that came later is not in the file.
        known = {name: value.get(name, "gone") for name in event.value}
        if known != event.value:
            complaints.append(f"{event.type} v{event.schema_version}: {value} != {event.value}")
    return complaints


def rewritten(stream: GoldenStream) -> list[str]:
    """What the present classes would store as other bytes."""
    return [
        stored.type
        for stored in stream.stored()
        if stored.schema_version == resolve(stored).version and _encoded(stored) != stored.data
    ]


def edited(folder: Path = HERE) -> list[str]:
    """The files of `events/` that are not what the register says: changed, gone, or unknown."""
    registered = _register(folder)
    there = _digests(folder)
    return sorted(
        name for name in registered.keys() | there.keys() if registered.get(name) != there.get(name)
    )


def folded(stream: GoldenStream, cipher: Cipher | None = CIPHER) -> Aggregate:
    aggregate = fold(resolve(stored).decode(stored, cipher) for stored in stream.stored())
    assert aggregate is not None
    return aggregate


def expected_state(name: str, folder: Path = HERE) -> dict[str, Any]:
    state: dict[str, Any] = msgspec.json.decode((folder / "states" / f"{name}.json").read_bytes())
    return state


# --- in the terms of the files -------------------------------------------------------------------


def shown_event(form: EventForm, stored: StoredEvent) -> dict[str, Any]:
    event = form.decode(stored, CIPHER)
    return {name: shown(getattr(event, name)) for name in form.names}


def shown_state(aggregate: Aggregate) -> dict[str, Any]:
    return {"version": aggregate.version, **shown(aggregate)}


def _encoded(stored: StoredEvent) -> bytes:
    form = resolve(stored)
    event = form.decode(stored, CIPHER)
    return form.encode(event, stored.event_id, stored.tenant_id, CIPHER)


# --- adding what is missing -----------------------------------------------------------------------


def add_missing(folder: Path = HERE) -> list[str]:
    """Writes the streams of the story that have what is missing; the names of the new files."""
    if edited(folder):
        sys.exit(f"golden files are never edited; restore {', '.join(edited(folder))}")
    wanted = missing(folder)
    added = []
    for events in asyncio.run(_told()):
        stream = _golden(events)
        if not stream.pairs & wanted:
            continue
        wanted -= stream.pairs
        name = _free_name(stream.stream_type, folder)
        _write(folder / "events" / f"{name}.json", stream)
        _write(folder / "states" / f"{name}.json", shown_state(folded(stream)))
        added.append(name)
    if added:
        lines = [f"{digest}  {name}" for name, digest in sorted(_digests(folder).items())]
        (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    if wanted:
        sys.exit(
            f"nothing in tests/golden/stories.py records {sorted(wanted)}: let it happen there"
        )
    return added


async def lived(heard: Callable[[RecordedEvent], None] = lambda event: None) -> Crm:
    """A CRM in which the whole story has happened; each event was heard as it was recorded."""
    clock = ManualClock(START)
    crm = Crm.in_memory(clock=clock, ids=SeededIds(1, clock))
    for number, command in enumerate(everything()):
        now = clock.advance(timedelta(hours=1))
        late = number % 3 == 0  # some things are entered half an hour after they happened
        effective_at = now - timedelta(minutes=30) if late else None
        before = await crm.position()
        await crm.execute(command, actor=SYSTEM, effective_at=effective_at)
        async for page in crm.events(after=before):
            for event in page:
                heard(event)
    return crm


async def _told() -> Iterable[list[RecordedEvent]]:
    """The streams of the story, each whole, with the words of those who are erased later."""
    by_stream: dict[UUID, list[RecordedEvent]] = {}
    await lived(lambda event: by_stream.setdefault(event.record_id, []).append(event))
    return by_stream.values()


def _golden(events: list[RecordedEvent]) -> GoldenStream:
    first = events[0].stored
    unread = GoldenStream(
        tenant_id=first.tenant_id,
        stream_type=first.stream_type,
        stream_id=first.stream_id,
        events=tuple(_sealed_anew(event) for event in events),
    )
    values = [shown_event(resolve(stored), stored) for stored in unread.stored()]
    read = [replace(e, value=value) for e, value in zip(unread.events, values, strict=True)]
    return replace(unread, events=tuple(read))


def _sealed_anew(event: RecordedEvent) -> GoldenEvent:
    """The event under the golden key, not read yet."""
    stored = event.stored
    form = form_of(type(event.data))
    return GoldenEvent(
        type=stored.type,
        schema_version=stored.schema_version,
        version=stored.version,
        position=stored.position,
        event_id=stored.event_id,
        recorded_at=stored.recorded_at,
        effective_at=stored.effective_at,
        subject_ids=stored.subject_ids,
        data=form.encode(event.data, stored.event_id, stored.tenant_id, CIPHER).decode(),
        value={},
    )


def _free_name(stream_type: str, folder: Path) -> str:
    taken = len(list((folder / "events").glob(f"{stream_type}-*.json")))
    return f"{stream_type}-{taken + 1}"


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as file:  # x: what is there is never written over
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _register(folder: Path) -> dict[str, str]:
    path = folder / "SHA256SUMS"
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _digests(folder: Path) -> dict[str, str]:
    return {
        f"events/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "events").glob("*.json")
    }


if __name__ == "__main__":
    print("\n".join(f"added {name}" for name in add_missing()) or "Nothing is missing.")
