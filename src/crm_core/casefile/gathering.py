"""Gathers the events of a record or subject with proofs, rights and a page, into one ZIP file."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from crm_core.access.records import kind_of
from crm_core.audit.crm_verify import CASE_FORMAT, canonical_json, case_text, proof_name
from crm_core.audit.export import verifier_script
from crm_core.audit.log import AuditLog, Inclusion
from crm_core.audit.readers import readers_of
from crm_core.audit.reads import How, Read, ReadLog
from crm_core.casefile.page import page_of
from crm_core.crm import Crm
from crm_core.identity.directory import Directory
from crm_core.kernel.errors import NotFound
from crm_core.kernel.messages import Actor, ActorKind
from crm_core.ledger.event_store import RecordedEvent
from crm_core.ledger.selection import Selection
from crm_core.privacy import DisclosureKind, RecordDisclosure
from crm_core.sales import Opportunity

__all__ = ["case_file", "write_case_file"]

_POLICIES = ("identity.role", "privacy.retention")
_POLICIES_OF_DEALS = ("sales.pipeline",)


async def write_case_file(
    crm: Crm,
    audit: AuditLog,
    read_log: ReadLog,
    record_id: UUID,
    path: Path,
    actor: Actor,
    *,
    hidden: Collection[str] = (),
) -> int:
    """Writes what `case_file` gives as a ZIP; how many events are in it.

    Raises FileExistsError before anything is gathered or recorded.
    """
    if await asyncio.to_thread(path.exists):
        raise FileExistsError(path)
    files = await case_file(crm, audit, read_log, record_id, actor, hidden=hidden)
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return sum(name.startswith("proofs/") for name in files)


async def case_file(
    crm: Crm,
    audit: AuditLog,
    read_log: ReadLog,
    record_id: UUID,
    actor: Actor,
    *,
    hidden: Collection[str] = (),
) -> dict[str, bytes]:
    """The files of a case by name, `hidden` fields shown to nobody.

    Whole streams: the record's, those with events about it as a subject, and those of the users
    who acted and of the policies that there are. That it left is recorded for each subject in it,
    by commands of the actor's, and as a read: raises Denied without the right
    `personal_data.export`, NotFound, what `AuditLog.prove` raises, and what `ReadLog` does.
    """
    await audit.integrate(crm.tenant_id)
    checkpoint = await audit.sign(crm.tenant_id)
    events = await _events_about(crm, record_id, checkpoint.size)
    policies = await _policies(crm, events, checkpoint.size)
    whole = sorted([*events, *policies], key=lambda event: event.position)
    proofs = [await audit.prove(crm.tenant_id, event.position) for event in whole]
    rights = await _rights(crm, events)
    reads = await readers_of(read_log, {event.record_id for event in events})
    files = {proof_name(proof.event.position): proof.text.encode() for proof in proofs}
    files["rights.json"] = _json(rights)
    files["reads.json"] = _json(reads)
    files["crm_verify.py"] = verifier_script()
    files["index.html"] = page_of(
        events, policies, rights, reads, checkpoint, audit.verifiers(crm.tenant_id), hidden
    )
    files["case.json"] = canonical_json(
        {
            "format": CASE_FORMAT,
            "tenant": str(crm.tenant_id),
            "origin": checkpoint.origin,
            "about": f"{events[0].record_type}/{record_id}",
            "size": checkpoint.size,
            "positions": [event.position for event in whole],
            "streams": _streams(proofs),
            "keys": [str(key) for key in audit.verifiers(crm.tenant_id)],
            "files": {name: sha256(content).hexdigest() for name, content in files.items()},
        }
    )
    signed = case_text(checkpoint.origin, files["case.json"])
    files["case.sig"] = audit.signer.keys.signed(checkpoint.origin, signed).encode()
    await _disclose(crm, events, checkpoint.size, actor)
    shown = {(kind_of(event.record_type), event.record_id): False for event in policies}
    shown |= {(kind_of(event.record_type), event.record_id): True for event in events}
    await read_log.record(Read(actor, How.CASE_FILE, "caseFile", shown))
    return files


async def _disclose(crm: Crm, events: Sequence[RecordedEvent], up_to: int, actor: Actor) -> None:
    """One for each subject, so that the erasure of any of them names this copy."""
    for subject_id in sorted({id for event in events for id in event.stored.subject_ids}):
        leaving = RecordDisclosure(
            kind=DisclosureKind.CASE_FILE, subject_id=subject_id, up_to=up_to
        )
        await crm.execute(leaving, actor)


async def _events_about(crm: Crm, record_id: UUID, up_to: int) -> list[RecordedEvent]:
    streams = {record_id}
    async for page in crm.events(Selection(subject_id=record_id), up_to=up_to):
        streams |= {event.record_id for event in page}
    events = await crm.store.stream(crm.tenant_id, streams, up_to=up_to)
    own = [event for event in events if event.record_id == record_id]
    if not own:
        raise NotFound("record", record_id)
    return [*own, *(event for event in events if event.record_id != record_id)]


async def _policies(crm: Crm, events: Sequence[RecordedEvent], up_to: int) -> list[RecordedEvent]:
    """The streams of the users who acted, of the roles and retention policies, and for deals of the
    pipelines, but for what is in the case itself.
    """
    streams = {
        UUID(event.actor.id) for event in events if event.actor.kind is ActorKind.USER
    }  # fmt: skip
    has_deals = any(event.record_type == Opportunity.TOPIC for event in events)
    categories = (*_POLICIES, *(_POLICIES_OF_DEALS if has_deals else ()))
    async for page in crm.events(Selection(categories=categories), up_to=up_to):
        streams |= {event.record_id for event in page}
    streams -= {event.record_id for event in events}
    return await crm.store.stream(crm.tenant_id, streams, up_to=up_to) if streams else []


async def _rights(crm: Crm, events: Sequence[RecordedEvent]) -> list[dict[str, Any]]:
    """What each event's actor was allowed to do just before it, by all that was recorded then."""
    directory, rights = Directory(), []
    pages = crm.events(Selection(categories=["identity"]), up_to=max(e.position for e in events))
    identity = [event async for page in pages for event in page]
    at = 0
    for event in sorted(events, key=lambda event: event.position):
        while at < len(identity) and identity[at].position < event.position:
            directory.apply(identity[at].record_id, identity[at].data)
            at += 1
        rules = directory.rights(event.actor, event.recorded_at).rules
        rights.append(
            {
                "position": event.position,
                "actor": {"kind": event.actor.kind.value, "id": event.actor.id},
                "rules": msgspec.to_builtins(rules),
            }
        )
    return rights


def _streams(proofs: Sequence[Inclusion]) -> dict[str, int]:
    """How many events each stream has."""
    return {
        f"{proof.event.stream_type}/{proof.event.stream_id}": proof.event.version
        for proof in proofs
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
