"""An export: a ledger as files that anybody can check with the script that lies beside them.

    manifest.json                what there is, with the digest of every file
    events/000000000001.ndjson   CloudEvents, a line each (see lines.py); a file a segment
    leaves/000000000001.bin      their leaf hashes, 32 bytes each: they name the event that is wrong
    checkpoints, checkpoint      what was signed on the way, and last
    crm_verify.py                the verifier

Beside the folder, where asked for, lie the wrapped keys (`FOLDER.keys`), which end sooner than the
events and are useless without the root key.

Personal fields stay sealed. What is written is whole or not there, so an export that was broken
off goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec

from crm_core.audit import crm_verify
from crm_core.audit.crm_verify import FORMAT, Manifest, canonical_json, segment_name
from crm_core.audit.lines import event_of_line, line_of
from crm_core.audit.log import NOTE_STEP_EVENTS, AuditLog
from crm_core.kernel.collecting import collector_paused
from crm_core.kernel.errors import Rejected
from crm_core.ledger.records import StoredEvent
from crm_core.privacy.key_store import TenantKey, WrappedKeys

__all__ = ["Export", "export", "verifier_script"]

SEGMENT_EVENTS = 10_000
_PART = "export.part.json"

Progress = Callable[[int, int], None]


class _Part(msgspec.Struct):
    """What an unfinished export is of."""

    tenant: UUID
    origin: str
    after: int
    size: int
    note: str


async def export(
    audit: AuditLog,
    tenant_id: UUID,
    folder: Path,
    *,
    after: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Writes the events after a position, up to the last checkpoint; goes on with what it began.

    Raises Rejected `export.exists` where the folder holds a whole one, `export.other` where it
    holds the beginning of another one, `export.nothing_new`.
    """
    part = await _begun(audit, tenant_id, folder, after)
    for first in range(part.after + 1, part.size + 1, SEGMENT_EVENTS):
        count = min(SEGMENT_EVENTS, part.size - first + 1)
        await _write_segment(audit, tenant_id, folder, first, count)
        if progress is not None:
            progress(first - 1 + count, part.size)
    notes = await audit.store.notes(
        tenant_id, part.origin, after=after, step=NOTE_STEP_EVENTS, up_to=part.size - 1
    )
    _write(folder / "checkpoints", "".join([*notes, part.note]).encode())
    _write(folder / "checkpoint", part.note.encode())
    _write(folder / "crm_verify.py", verifier_script())
    manifest = canonical_json(
        {
            "format": FORMAT,
            "tenant": str(tenant_id),
            "origin": part.origin,
            "after": part.after,
            "size": part.size,
            "segment": SEGMENT_EVENTS,
            "frontier": [node.hex() for node in await audit.frontier(tenant_id, after)],
            "keys": [str(key) for key in audit.verifiers(tenant_id)],
            "files": await asyncio.to_thread(_digests, folder),
        }
    )
    _write(folder / "manifest.json", manifest)
    (folder / _PART).unlink()
    return Manifest(manifest)


async def _begun(audit: AuditLog, tenant_id: UUID, folder: Path, after: int) -> _Part:
    if (folder / "manifest.json").exists():
        raise Rejected("export.exists", folder=str(folder))
    path = folder / _PART
    if path.exists():
        part = msgspec.json.decode(path.read_bytes(), type=_Part)
        if (part.tenant, part.after, part.origin) != (tenant_id, after, audit.origin(tenant_id)):
            raise Rejected("export.other", folder=str(folder))
        return part
    if _in_use(folder):
        raise Rejected("export.folder_in_use", folder=str(folder))
    checkpoint = await audit.checkpoint(tenant_id)
    if checkpoint.size <= after:
        raise Rejected("export.nothing_new", signed=checkpoint.size)
    for name in ("events", "leaves"):
        (folder / name).mkdir(parents=True)
    part = _Part(tenant_id, checkpoint.origin, after, checkpoint.size, checkpoint.note)
    _write(path, msgspec.json.encode(part))
    return part


async def _write_segment(
    audit: AuditLog, tenant_id: UUID, folder: Path, first: int, count: int
) -> None:
    events = folder / segment_name("events", first)
    if events.exists():
        return
    leaves = await audit.leaves(tenant_id, first, count)
    stored = await audit.ledger.page(
        tenant_id, after=first - 1, limit=count, up_to=first - 1 + count
    )
    _write(folder / segment_name("leaves", first), leaves)
    text = await asyncio.to_thread(_lines, stored)
    await asyncio.to_thread(_write, events, text)


def _in_use(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def verifier_script() -> bytes:
    return Path(crm_verify.__file__).read_bytes()


def _lines(stored: Sequence[StoredEvent]) -> bytes:
    return "".join([line_of(event) + "\n" for event in stored]).encode()


def _write(path: Path, content: bytes) -> None:
    """All of the file or nothing: it takes its name when it is whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _PART and path.suffix != ".new"
    }


def keys_of_export(folder: Path) -> Path:
    """Where the wrapped keys are that were exported with a folder."""
    return folder.with_name(folder.name + ".keys")


def write_keys(folder: Path, keys: WrappedKeys) -> Path:
    """Writes the wrapped keys beside the folder of an export, for this user's eyes; the file."""
    file = keys_of_export(folder)
    file.touch(mode=0o600)
    file.write_bytes(
        canonical_json(
            {
                "tenant": _encoded(keys.tenant.wrapped) if keys.tenant else None,
                "blind": _encoded(keys.tenant.blind) if keys.tenant else None,
                "version": keys.tenant.version if keys.tenant else 1,
                "subjects": {str(s): _encoded(key) for s, key in keys.subjects.items()},
            }
        )
    )
    return file


def _encoded(key: bytes | None) -> str | None:
    return None if key is None else base64.b64encode(key).decode()


class Export:
    """An export to read from; check it with `crm_verify.verify_export` first."""

    def __init__(self, folder: Path) -> None:
        """Raises Rejected `export.unreadable` where there is none."""
        self._folder = folder
        try:
            self.manifest = Manifest((folder / "manifest.json").read_bytes())
        except (OSError, crm_verify.Finding) as error:
            raise Rejected("export.unreadable", folder=str(folder)) from error
        self.tenant_id = UUID(self.manifest.tenant)

    def keys(self) -> WrappedKeys | None:
        """The wrapped keys, where the export has them: beside it, or in it, of earlier ones."""
        beside, within = keys_of_export(self._folder), self._folder / "keys.json"
        path = beside if beside.exists() else within
        if not path.exists():
            return None
        held = json.loads(path.read_bytes())
        wrapped = _decoded(held["tenant"])
        return WrappedKeys(
            # Exports from before keys could be replaced have neither of the two.
            None
            if wrapped is None
            else TenantKey(wrapped, held.get("version", 1), blind=_decoded(held.get("blind"))),
            {UUID(subject): _decoded(key) for subject, key in held["subjects"].items()},
        )

    async def pages(self, up_to: int) -> AsyncIterator[list[StoredEvent]]:
        """The events by position, in bounded memory: the next file is read meanwhile."""
        firsts = [first for first, _ in self.manifest.segments if first <= up_to]
        reading: deque[asyncio.Task[list[StoredEvent]]] = deque()
        try:
            for first in firsts:
                reading.append(asyncio.create_task(asyncio.to_thread(self._page, first, up_to)))
                if len(reading) > 1:
                    yield await reading.popleft()
            for last in reading:
                yield await last
        finally:
            for unread in reading:
                unread.cancel()

    def event_at(self, position: int) -> StoredEvent:
        after, segment = self.manifest.after, self.manifest.segment
        first = after + (position - after - 1) // segment * segment + 1
        return self._page(first, position)[-1]

    def _page(self, first: int, up_to: int) -> list[StoredEvent]:
        lines = (self._folder / segment_name("events", first)).read_bytes().split(b"\n")
        count = min(len(lines) - 1, up_to - first + 1)
        with collector_paused():
            return [event_of_line(line) for line in lines[:count]]


def _decoded(key: str | None) -> bytes | None:
    return None if key is None else base64.b64decode(key)
