"""A tenant's ledger as a transparency log: integrating, signing, proving."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from uuid import UUID

from crm_core.audit.crm_verify import (
    EMPTY_ROOT,
    PROOF_FORMAT,
    Checkpoint,
    Finding,
    VerifierKey,
    verify_consistency,
    verify_inclusion,
)
from crm_core.audit.lines import line_of
from crm_core.audit.record import leaf_of, record_of
from crm_core.audit.signing import AuditKeys, Memory, checkpoint_text
from crm_core.audit.store import AuditStore
from crm_core.audit.tree import (
    Edge,
    Tile,
    Tiles,
    consistency_ranges,
    edge_tiles,
    inclusion_ranges,
    tiles_of,
)
from crm_core.kernel.errors import NotFound, Rejected, SetupError
from crm_core.ledger.ledger import Ledger
from crm_core.ledger.records import StoredEvent

__all__ = ["NOTE_STEP_EVENTS", "AuditLog", "Consistency", "Inclusion", "Signer"]

NOTE_STEP_EVENTS = 1_000  # between two checkpoints that are handed out with the last one

_BATCH_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Signer:
    """Keys, and the memory of what they signed; both outside the database."""

    keys: AuditKeys
    memory: Memory
    name: str = "crm"
    """What a log's origin begins with; the tenant's id follows."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That an event is in what a checkpoint vouches for. `hashes`: leaf's sibling first."""

    event: StoredEvent
    leaf: bytes
    hashes: list[bytes]
    checkpoint: Checkpoint

    @property
    def record(self) -> bytes:
        return record_of(self.event)

    @property
    def text(self) -> str:
        """A C2SP tlog-proof, with the event as it stands in exports as its extra data."""
        extra = base64.b64encode(line_of(self.event).encode()).decode()
        lines = [PROOF_FORMAT, f"extra {extra}", f"index {self.event.position - 1}"]
        lines += [base64.b64encode(node).decode() for node in self.hashes]
        return "\n".join([*lines, "", self.checkpoint.note])


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of size `new` begins with that of size `old`."""

    old: int
    old_root: bytes
    new: int
    new_root: bytes
    hashes: list[bytes]

    @property
    def holds(self) -> bool:
        return verify_consistency(self.old, self.old_root, self.new, self.new_root, self.hashes)

    def text(self, note: str) -> str:
        """As a C2SP tlog-witness takes it; `note` is the checkpoint over the new tree."""
        hashes = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.hashes)
        return f"old {self.old}\n{hashes}\n{note}"


class AuditLog:
    """The audit of a ledger in PostgreSQL, for all its tenants. Without a signer it only grows."""

    def __init__(self, ledger: Ledger, store: AuditStore, signer: Signer | None) -> None:
        self.ledger = ledger
        self.store = store
        self._signer = signer

    @property
    def signer(self) -> Signer:
        """Raises SetupError `audit_key.missing`."""
        if self._signer is None:
            raise SetupError(
                "audit_key.missing",
                "set CRM_AUDIT_KEY_FILE; `crm audit new-key` prints a fresh key for it",
            )
        return self._signer

    @property
    def signs(self) -> bool:
        return self._signer is not None

    def origin(self, tenant_id: UUID) -> str:
        return f"{self.signer.name}/{tenant_id}"

    def verifiers(self, tenant_id: UUID) -> list[VerifierKey]:
        """The public keys that the tenant's checkpoints are signed with, or were."""
        return self.signer.keys.verifiers(self.origin(tenant_id))

    # --- growing ------------------------------------------------------------------------------

    async def integrate(self, tenant_id: UUID) -> int:
        """Adds what the ledger has gained to the tree; the tree's size then.

        Safe in many processes at once: one of them adds, the others let it. Raises Rejected
        `audit.gap` where a position is missing in the ledger.
        """
        while True:
            async with self.store.growing(tenant_id) as growing:
                if growing is None:
                    return await self.store.size(tenant_id)
                stored = await self.ledger.page(tenant_id, after=growing.size, limit=_BATCH_EVENTS)
                if not stored:
                    return growing.size
                is_all = len(stored) < _BATCH_EVENTS  # what comes meanwhile is for the next time
                for position, event in enumerate(stored, start=growing.size + 1):
                    if event.position != position:
                        raise Rejected("audit.gap", position=position)
                edge = Edge(growing.size, await growing.tiles(edge_tiles(growing.size)))
                changed = edge.extend([leaf_of(event) for event in stored])
                await growing.grow(edge.size, changed)
            if is_all:
                return edge.size

    async def sign(self, tenant_id: UUID) -> Checkpoint:
        """Signs the tree as it is, unless it contradicts what was signed before.

        Raises Rejected `audit.rolled_back` or `audit.forked` then, and signs nothing.
        """
        origin, keys = self.origin(tenant_id), self.verifiers(tenant_id)
        memory = self.signer.memory
        async with memory.held(origin) as path:
            earlier = [memory.last(path, keys), await self._last_in_store(tenant_id)]
            size = await self.store.size(tenant_id)
            root = await self._consistent_root(tenant_id, size, earlier)
            if earlier[0] is not None and earlier[0].size == size:
                signed = earlier[0]
            else:
                note = self.signer.keys.signed(origin, checkpoint_text(origin, size, root))
                memory.remember(path, note)
                signed = Checkpoint.parse(note, keys)
        await self.store.keep_note(tenant_id, origin, size, signed.note)
        return signed

    async def _consistent_root(
        self, tenant_id: UUID, size: int, earlier: list[Checkpoint | None]
    ) -> bytes:
        head = (await self.ledger.head(tenant_id)).position
        root = EMPTY_ROOT
        for last in filter(None, earlier):
            if min(size, head) < last.size:
                raise Rejected("audit.rolled_back", signed=last.size, found=min(size, head))
        if head < size:
            raise Rejected("audit.rolled_back", signed=size, found=head)
        if size:
            (root,) = await self._proof(tenant_id, [(0, size)], size)
        for last in filter(None, earlier):
            hashes = await self._proof(tenant_id, consistency_ranges(last.size, size), size)
            if not Consistency(last.size, last.root, size, root, hashes).holds:
                raise Rejected("audit.forked", signed=last.size)
        return root

    async def _last_in_store(self, tenant_id: UUID) -> Checkpoint | None:
        note = await self.store.last_note(tenant_id, self.origin(tenant_id))
        if note is None:
            return None
        try:
            return Checkpoint.parse(note, self.verifiers(tenant_id))
        except Finding:
            return None  # not by a key that we know: it binds nobody

    # --- proving ------------------------------------------------------------------------------

    async def checkpoint(self, tenant_id: UUID) -> Checkpoint:
        """The last signed one. Raises Rejected `audit.no_checkpoint`."""
        found = await self._last_in_store(tenant_id)
        if found is None:
            raise Rejected("audit.no_checkpoint")
        return found

    async def checkpoints(self, tenant_id: UUID) -> list[Checkpoint]:
        """What was signed, by rising size, as far as it stands with our keys: the last one of the
        signer's memory, and of those in the database one for every thousand events.
        """
        origin, keys = self.origin(tenant_id), self.verifiers(tenant_id)
        async with self.signer.memory.held(origin) as path:
            last = self.signer.memory.last(path, keys)
        found = {} if last is None else {last.size: last}
        for note in await self.store.notes(
            tenant_id, origin, after=0, step=NOTE_STEP_EVENTS, up_to=2**62
        ):
            with contextlib.suppress(Finding):
                checkpoint = Checkpoint.parse(note, keys)
                found.setdefault(checkpoint.size, checkpoint)
        return [found[size] for size in sorted(found)]

    async def prove(self, tenant_id: UUID, position: int) -> Inclusion:
        """That the event at the position is in the last signed checkpoint.

        Raises NotFound, Rejected `audit.not_signed_yet`, or `audit.event_changed` where the ledger
        holds something else than was signed.
        """
        checkpoint = await self.checkpoint(tenant_id)
        found = await self.ledger.page(tenant_id, after=position - 1, limit=1, up_to=position)
        if position < 1 or not found:
            raise NotFound("event", str(position))
        if position > checkpoint.size:
            raise Rejected("audit.not_signed_yet", position=position, signed=checkpoint.size)
        (event,) = found
        ranges = inclusion_ranges(position - 1, checkpoint.size)
        hashes = await self._proof(tenant_id, ranges, checkpoint.size)
        leaf = leaf_of(event)
        if not verify_inclusion(leaf, position - 1, checkpoint.size, hashes, checkpoint.root):
            raise Rejected("audit.event_changed", position=position)
        return Inclusion(event, leaf, hashes, checkpoint)

    async def position_of(self, tenant_id: UUID, event_id: UUID) -> int:
        """Raises NotFound."""
        position = await self.store.position_of(tenant_id, event_id)
        if position is None:
            raise NotFound("event", event_id)
        return position

    async def consistency(self, tenant_id: UUID, old: int, new: int) -> Consistency:
        """Raises Rejected `audit.no_such_size`."""
        size = await self.store.size(tenant_id)
        if not 0 <= old <= new <= size:
            raise Rejected("audit.no_such_size", first=old, second=new, size=size)
        hashes = await self._proof(tenant_id, consistency_ranges(old, new), size)
        roots = [
            (await self._proof(tenant_id, [(0, of)], size))[0] if of else EMPTY_ROOT
            for of in (old, new)
        ]
        return Consistency(old, roots[0], new, roots[1], hashes)

    async def frontier(self, tenant_id: UUID, size: int) -> list[bytes]:
        """The perfect subtrees of the tree of that size, the largest first."""
        wanted = tiles_of([(0, size)])
        return Tiles(await self._tiles(tenant_id, wanted)).nodes((0, size))

    async def leaves(self, tenant_id: UUID, first: int, count: int) -> bytes:
        """The leaf hashes from a position on, as they are in the tree, side by side."""
        low, high = first - 1, first - 1 + count
        wanted = [(0, index) for index in range(low >> 8, (high + 255) >> 8)]
        tiles = await self._tiles(tenant_id, wanted)
        skipped = (low & 255) * 32
        return b"".join(tiles[tile] for tile in wanted)[skipped : skipped + count * 32]

    async def _proof(
        self, tenant_id: UUID, ranges: list[tuple[int, int]], size: int
    ) -> list[bytes]:
        tiles = Tiles(await self._tiles(tenant_id, tiles_of(ranges)))
        try:
            return tiles.proof(ranges)
        except ValueError:
            raise Rejected("audit.tree_broken", size=size) from None

    async def _tiles(self, tenant_id: UUID, wanted: set[Tile] | list[Tile]) -> dict[Tile, bytes]:
        found = await self.store.tiles(tenant_id, wanted)
        missing = [tile for tile in wanted if tile not in found]
        if missing:
            level, index = missing[0]
            raise Rejected("audit.tile_missing", level=level, index=index)
        return found
