#!/usr/bin/env python3
"""Checks an export of a CRM's ledger, a case file, or a proof, on any machine.

One file: Python 3.11 or later and the package `cryptography`, nothing else. What is checked, and
every format, is in docs/guides/audit-format.md of the project that this came from. It believes
nothing that is not computed here from the bytes at hand and the keys that you give.

Exit codes: 0 all of it holds; 1 something was tampered with or is broken (it is named); 2 it could
not be read; 3 all of it fits together, but no key was given, so nobody vouches for it.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import gc
import hashlib
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "crm-export/v1"
CASE_FORMAT = "crm-case/v1"
PROOF_FORMAT = "c2sp.org/tlog-proof@v1"
EMPTY_ROOT = hashlib.sha256().digest()
SEGMENT_EVENTS_MAX = 20_000
BATCH_EVENTS = 64  # looked at in one go; so few that Python looks for no garbage among them
NOTE_BYTES_MAX = 64_000
CASE_BYTES_MAX = 1 << 30  # of a case file, unpacked
sha256 = hashlib.sha256


class Finding(Exception):
    """Something that does not hold: at which position (None: not at one), and what it is."""

    def __init__(self, code: str, says: str, position: int | None = None) -> None:
        super().__init__(says)
        self.code, self.says, self.position = code, says, position

    def __str__(self) -> str:
        where = "" if self.position is None else f"position {self.position}: "
        return f"{where}{self.says} ({self.code})"

    def __reduce__(self) -> tuple[type[Finding], tuple[str, str, int | None]]:
        return Finding, (self.code, self.says, self.position)


# --- the tree (RFC 9162, 2.1) ---------------------------------------------------------------------


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def folded(nodes: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees, given the largest first."""
    if not nodes:
        return EMPTY_ROOT
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


class Frontier:
    """The perfect subtrees of a growing tree: all that its root is made of."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """`nodes`: the subtrees of a tree of that size, the largest first."""
        self.size = size
        left = iter(reversed(nodes))
        self._pending = [
            next(left) if size >> height & 1 else None for height in range(size.bit_length())
        ]

    def copy(self) -> Frontier:
        return Frontier(self.size, [node for node in reversed(self._pending) if node is not None])

    def extend(self, leaves: Sequence[bytes]) -> None:
        self.size += len(leaves)
        height = 0
        while leaves:
            if height == len(self._pending):
                self._pending.append(None)
            held = self._pending[height]
            row = list(leaves) if held is None else [held, *leaves]
            self._pending[height] = row.pop() if len(row) % 2 else None
            pairs = iter(row)
            leaves = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]
            height += 1

    def root(self) -> bytes:
        return folded([node for node in reversed(self._pending) if node is not None])


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the leaf hash is at that index (from 0) of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, made = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            made = node_hash(sibling, made)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            made = node_hash(made, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and made == root


def verify_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree of the new size begins with that of the old one (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 <= old < new:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_made = new_made = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_made, new_made = node_hash(sibling, old_made), node_hash(sibling, new_made)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_made = node_hash(new_made, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old_made == old_root and new_made == new_root


# --- signed checkpoints (C2SP signed-note, tlog-checkpoint) ---------------------------------------


class VerifierKey:
    """A public key with the name it signs under: `name+id+base64(0x01 || Ed25519 key)`."""

    def __init__(self, name: str, public: bytes) -> None:
        self.name, self.public = name, public
        self.id = sha256(name.encode() + b"\n\x01" + public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        name, _, rest = text.strip().partition("+")
        named, _, encoded = rest.partition("+")
        raw = _base64(encoded)
        if not name or raw is None or len(raw) != 33 or raw[0] != 1:
            raise Finding("key.malformed", f"{text[:100]!r} is no verifier key (Ed25519)")
        key = cls(name, raw[1:])
        if key.id.hex() != named:
            raise Finding("key.malformed", f"the key {name} has not the id {named[:20]!r}")
        return key

    def __str__(self) -> str:
        encoded = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    def accepts(self, signature: bytes, text: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


class Checkpoint:
    """What a log signed: its origin, its size, its root."""

    def __init__(self, origin: str, size: int, root: bytes, note: str) -> None:
        self.origin, self.size, self.root, self.note = origin, size, root, note

    @classmethod
    def parse(cls, note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
        """Raises Finding unless a signature by one of the keys holds, and none by them fails."""
        text = signed_text(note, keys)
        body = text.split("\n")
        root = _base64(body[2]) if len(body) == 4 else None
        if root is None or len(root) != 32 or not re.fullmatch(r"0|[1-9]\d{0,18}", body[1], re.A):
            raise Finding("checkpoint.malformed", "the checkpoint is not origin, size and root")
        return cls(body[0], int(body[1]), root, note)


def signed_text(note: str, keys: Sequence[VerifierKey]) -> str:
    """What the note says; raises Finding unless one of the keys signed it, and none of their
    signatures fails.
    """
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not note.endswith("\n") or len(note) > NOTE_BYTES_MAX:
        raise Finding("checkpoint.malformed", "this is no signed checkpoint")
    text += "\n"
    known = {(key.name, key.id): key for key in keys}
    held = False
    for line in lines[:-1].split("\n"):
        signed = re.fullmatch(r"— (\S+) ([A-Za-z0-9+/=]+)", line)
        raw = _base64(signed[2]) if signed else None
        if signed is None or raw is None or len(raw) < 5:
            raise Finding("checkpoint.malformed", "a signature line is malformed")
        key = known.get((signed[1], raw[:4]))
        if key is not None:
            if not key.accepts(raw[4:], text.encode()):
                raise Finding("checkpoint.forged", f"the signature by {key.name} is not valid")
            held = True
    if not held:
        raise Finding("checkpoint.unsigned", "no key that you trust has signed the checkpoint")
    return text


def _base64(text: str) -> bytes | None:
    """What canonical base64 stands for, or None."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


# --- events ---------------------------------------------------------------------------------------

_ID = "(?s:.{36})"  # what it is, and where its dashes are, is looked at below, for all ids at once
_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{6})Z"


def _head_of(text: str) -> re.Pattern[bytes]:
    """What stands before the data of an event, given the expression for a JSON string.

    `(?:x|)` is `(?:x)?`, but is taken in less time.
    """
    return re.compile(
        (
            rf'{{"specversion":"1\.0","id":"({_ID})","source":"urn:uuid:({_ID})","type":"({text})"'
            rf',"subject":"({text})/({_ID})","time":"{_TIME}","datacontenttype":"application/json"'
            r',"position":"([1-9]\d{0,18})","streamversion":([1-9]\d{0,9})'
            rf',"schemaversion":(\d{{1,5}})(?:,"effectivetime":"{_TIME}"|)'
            rf',"actorkind":"({text})","actorid":"({text})"(?:,"onbehalfof":"({text})"|)'
            rf',"commandid":"({_ID})","correlationid":"({_ID})"'
            rf'(?:,"causationid":"({_ID})"|)(?:,"reason":"({text})"|)'
            r'(?:,"subjectids":"([^"]*)"|)'
            rf'(?:,"tags":"({text})"|),"data_base64":"'
        ).encode()
    )


_PLAIN_HEAD = _head_of('[^"]*')  # in half the time, where no string has an escape
_HEAD = _head_of(r'[^"\\]*(?:\\.[^"\\]*)*')
_CONTROL = re.compile(rb"[\x00-\x1f]")
_FIXED = struct.Struct(">xB16sQ32sIHqBq32s16s32s20s3I")  # behind the byte of a leaf
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - both sides are UTC
_NO_ID = bytes(16)


def leaf_of_line(line: bytes) -> tuple[bytes, int, bytes]:
    """Leaf hash, position and tenant of an event as it stands in an export; raises Finding.

    The line has one form only: whoever changes a byte of it changes what it says, or breaks it.
    """
    [leaf], [position], [tenant] = _leaves_of_lines([line + b"\n"])
    return leaf, position, tenant


def _leaves_of_lines(lines: Sequence[bytes]) -> tuple[list[bytes], list[int], list[bytes]]:
    """The same of many lines with their ends, whose ids are looked at in one go: a Finding is
    about one of them, and whoever wants to know which has to ask for each one alone.
    """
    leaves, positions, tenants = [], [], []
    try:
        written, taken = _taken_apart(lines)
        ids = _ids(written)
        at = 0  # the place in `ids`
        for digest, (
            _, tenant, kind, stream_kind, _, minute, second, position, version, schema, effective,
            effective_second, actor_kind, actor_id, on_behalf_of, _, _, causation, reason, subjects,
            tags,
        ) in taken:  # fmt: skip
            texts, lengths = _texts(stream_kind, kind, actor_kind, actor_id, on_behalf_of)
            reason_text = b"" if reason is None else _plain(reason)
            labels, label_count = (b"", 0) if tags is None else _labels(tags)
            subject_count = 0 if subjects is None else (len(subjects) + 1) // 37
            more = at + 64
            end = behind = more + 16 * subject_count
            if causation is not None:
                behind += 16
            place = int(position)
            record = _FIXED.pack(
                1, _tenant(tenant), place, ids[at : at + 32], int(version), int(schema),
                _microseconds(minute, second),
                (effective is not None) | (causation is not None) << 1
                | (on_behalf_of is not None) << 2 | (reason is not None) << 3,
                0 if effective is None else _microseconds(effective, effective_second),
                ids[at + 32 : more], _NO_ID if causation is None else ids[end:behind],
                digest, lengths, len(reason_text), subject_count, label_count,
            )  # fmt: skip
            leaves.append(sha256(record + texts + reason_text + ids[more:end] + labels).digest())
            positions.append(place)
            tenants.append(tenant)
            at = behind
    except UnicodeDecodeError:
        raise Finding("event.malformed", "the event is no UTF-8") from None
    except (ValueError, struct.error, binascii.Error):
        raise Finding("event.malformed", "a value of the event is not of the form") from None
    return leaves, positions, tenants


def _taken_apart(lines: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, tuple[Any, ...]]]]:
    """The ids of all records, as they are written, side by side; and of each the digest of its data
    and all that stands before the data.
    """
    ids, taken = [], []
    for line in lines:
        found = (_HEAD if b"\\" in line else _PLAIN_HEAD).match(line)
        if found is None or not line.endswith(b'"}\n', found.end()):
            raise Finding("event.malformed", "this is no event of the export's form")
        encoded = line[found.end() : -3]
        data = binascii.a2b_base64(encoded, strict_mode=True)
        if encoded[-1:] == b"=":  # the bits that the last character has to spare must be zero
            last = data[len(data) // 3 * 3 :]
            if binascii.b2a_base64(last, newline=False) != encoded[-4:]:
                raise ValueError
        parts = found.groups()
        ids.append(parts[0] + parts[4] + parts[15] + parts[16])
        causation, subjects = parts[17], parts[19]
        if subjects is not None:
            count = (len(subjects) + 1) // 37
            if len(subjects) != 37 * count - 1 or subjects[36::37] != b" " * (count - 1):
                raise ValueError
            ids.append(subjects.replace(b" ", b""))
        if causation is not None:
            ids.append(causation)
        taken.append((sha256(data).digest(), parts))
    return b"".join(ids), taken


def _ids(text: bytes) -> bytes:
    """The bytes of ids, side by side; ValueError where one is not written 8-4-4-4-12."""
    digits, count = text.replace(b"-", b""), len(text) // 36
    dashes = text[8::36] + text[13::36] + text[18::36] + text[23::36]
    if dashes != b"-" * (4 * count) or len(digits) != 32 * count or digits != digits.lower():
        raise ValueError
    return binascii.unhexlify(digits)


@lru_cache(maxsize=4)
def _tenant(text: bytes) -> bytes:
    return _ids(text)


def _microseconds(minute: bytes, second: bytes) -> int:
    return _minute(minute) + int(second.replace(b".", b""))


@lru_cache(maxsize=10_000)  # neighbours in a ledger are often of one minute
def _minute(text: bytes) -> int:
    since: timedelta = datetime.fromisoformat(text.decode()) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000


@lru_cache(maxsize=10_000)  # … and of one kind, and by one actor
def _texts(*texts: bytes | None) -> tuple[bytes, bytes]:
    """The texts of JSON strings side by side, and how long each is; an absent one is empty."""
    plain = [b"" if text is None else _plain(text) for text in texts]
    return b"".join(plain), struct.pack(f">{len(plain)}I", *map(len, plain))


def _plain(text: bytes) -> bytes:
    """A JSON string's text; ValueError where it could have been written in another way."""
    if b"\\" not in text:
        text.decode()
        if _CONTROL.search(text):
            raise ValueError
        return text
    said = f'"{text.decode()}"'
    plain = json.loads(said)
    if json.dumps(plain, ensure_ascii=False) != said:
        raise ValueError
    return str(plain).encode()


def _labels(text: bytes) -> tuple[bytes, int]:
    """Each with its length before it, and how many they are."""
    plain = _plain(text).decode()
    labels = json.loads(plain)
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) for label in labels)
        or json.dumps(labels, ensure_ascii=False, separators=(",", ":")) != plain
    ):
        raise ValueError
    encoded = [label.encode() for label in labels]
    return b"".join([struct.pack(">I", len(label)) + label for label in encoded]), len(encoded)


Leaves: TypeAlias = "tuple[bytes, Finding | None, bytes]"

# --- an export ------------------------------------------------------------------------------------


def segment_name(folder: str, first: int) -> str:
    """The file of the segment that begins at a position, in `events` or `leaves`."""
    return f"{folder}/{first:012d}." + ("ndjson" if folder == "events" else "bin")


class Manifest:
    """What an export says of itself; nothing of it is believed."""

    def __init__(self, raw: bytes) -> None:
        try:
            held = json.loads(raw)
            if canonical_json(held) != raw or set(held) != {
                "format", "tenant", "origin", "after", "size", "segment", "frontier", "keys",
                "files",
            }:  # fmt: skip
                raise ValueError
            self.tenant = str(UUID(held["tenant"]))
            self.origin = str(held["origin"])
            self.after, self.size, self.segment = (
                _whole(held[name]) for name in ("after", "size", "segment")
            )
            self.frontier = [_digest(node) for node in held["frontier"]]
            self.keys = [str(key) for key in held["keys"]]
            self.files = {str(name): _digest(held["files"][name]) for name in held["files"]}
            if held["format"] != FORMAT or held["tenant"] != self.tenant:
                raise ValueError
            if not 0 <= self.after <= self.size or not 0 < self.segment <= SEGMENT_EVENTS_MAX:
                raise ValueError
            if len(self.frontier) != self.after.bit_count():
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Finding("manifest.malformed", "the manifest is not of the form") from None

    @property
    def segments(self) -> list[tuple[int, int]]:
        """The first position of each segment, and how many events it holds."""
        return [
            (after + 1, min(self.segment, self.size - after))
            for after in range(self.after, self.size, self.segment)
        ]


def canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError
    return value


def _digest(text: str) -> bytes:
    raw = bytes.fromhex(text)
    if len(raw) != 32 or raw.hex() != text:
        raise ValueError
    return raw


class Folder(Mapping[str, bytes]):
    """The files of a folder by their names in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __getitem__(self, name: str) -> bytes:
        path = self.root / name
        if not path.is_file():
            raise KeyError(name)
        return path.read_bytes()

    def open(self, name: str) -> BinaryIO:
        """To read it piece by piece."""
        path = self.root / name
        if not path.is_file():
            raise KeyError(name)
        return path.open("rb", buffering=1 << 17)

    def __iter__(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            if path.is_file():
                yield path.relative_to(self.root).as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Verdict:
    """What was checked and held."""

    def __init__(self, manifest: Manifest, checkpoint: Checkpoint, signers: list[str]) -> None:
        self.manifest, self.checkpoint, self.signers = manifest, checkpoint, signers


def verify_export(
    files: Mapping[str, bytes],
    keys: Sequence[str] = (),
    seen: Sequence[str] = (),
    jobs: int = 1,
) -> Verdict:
    """Raises Finding, at the first position that does not hold; else says what was checked.

    `keys`: the verifier keys that you trust; without any, those that the export itself names.
    `seen`: checkpoints that you kept from elsewhere or earlier; the export must continue them.
    """
    manifest = Manifest(_file(files, "manifest.json"))
    listed = [VerifierKey.parse(key) for key in manifest.keys]
    trusted = [VerifierKey.parse(key) for key in keys] or listed
    signed = _checkpoints(files, manifest, trusted)
    earlier = [Checkpoint.parse(note, trusted) for note in seen]
    for checkpoint in earlier:
        if checkpoint.origin != manifest.origin:
            raise Finding("seen.other_log", f"{checkpoint.origin} is another log's checkpoint")
    within = [checkpoint for checkpoint in earlier if checkpoint.size <= manifest.size]
    digests = _check_tree(files, manifest, [*signed, *within], jobs)
    for checkpoint in earlier:
        if checkpoint.size > manifest.size:
            raise Finding(
                "export.rolled_back",
                f"a checkpoint over {checkpoint.size} events was seen, the export ends before",
                manifest.size + 1,
            )
    _check_files(files, manifest, digests)
    signers = [key.name for key in trusted if f"— {key.name} " in signed[-1].note]
    return Verdict(manifest, signed[-1], signers)


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    try:
        return files[name]
    except KeyError:
        raise Finding("file.missing", f"the file {name} is missing") from None


def _checkpoints(
    files: Mapping[str, bytes], manifest: Manifest, trusted: Sequence[VerifierKey]
) -> list[Checkpoint]:
    """Those of the export by size; the last one is over all of it."""
    try:
        text = _file(files, "checkpoints").decode()
    except UnicodeDecodeError:
        raise Finding("checkpoint.malformed", "the checkpoints are no UTF-8") from None
    # Notes one after the other: each begins with the origin, after the signatures of the last.
    starts = [found.start() for found in re.finditer(r"^(?!— ).+\n\d+\n.+\n\n— ", text, re.M)]
    if not starts or starts[0] != 0:
        raise Finding("checkpoint.malformed", "there is no checkpoint")
    notes = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    found = [Checkpoint.parse(note, trusted) for note in notes]
    for checkpoint in found:
        if checkpoint.origin != manifest.origin:
            raise Finding("checkpoint.other_log", f"{checkpoint.origin} is another log")
    sizes = [checkpoint.size for checkpoint in found]
    if sizes != sorted(set(sizes)):
        raise Finding("checkpoint.order", "the checkpoints do not rise")
    if sizes[-1] != manifest.size:
        raise Finding(
            "export.truncated",
            f"{sizes[-1]} events were signed, the export says {manifest.size}",
            min(sizes[-1], manifest.size) + 1,
        )
    return found


def _check_tree(
    files: Mapping[str, bytes], manifest: Manifest, signed: Sequence[Checkpoint], jobs: int
) -> dict[str, bytes]:
    """Computes the tree from the events, and holds it against the leaves and what was signed; the
    digests of the files that were read for it.

    The leaves of the export only serve to say which event it is that does not fit: who changes
    both is caught by the root, between two checkpoints.
    """
    events = listed = Frontier(manifest.after, manifest.frontier)
    by_size: dict[int, list[Checkpoint]] = {}
    for checkpoint in signed:
        by_size.setdefault(checkpoint.size, []).append(checkpoint)
    good = 0
    digests: dict[str, bytes] = {}
    differs: int | None = None
    for checkpoint in by_size.pop(manifest.after, []):
        if checkpoint.root != events.root():
            raise Finding("frontier.wrong", "what came before is not what was signed")
        good = manifest.after
    for first, leaves, broken, expected in _segments(files, manifest, jobs, digests):
        made, held = _hashes(leaves), expected[: len(leaves)]
        if differs is None and leaves != held:
            pairs = enumerate(zip(made, _hashes(held), strict=False), start=first)
            differs = next((position for position, (one, other) in pairs if one != other), None)
            listed = events.copy()  # from here on they go different ways
        before, end = first - 1, first - 1 + len(made)
        for cut in [*sorted(size for size in by_size if before < size < end), end]:
            part = slice(events.size - before, cut - before)
            events.extend(made[part])
            if listed is not events:
                listed.extend(_hashes(expected)[part])
            for checkpoint in by_size.pop(cut, []):
                _check_root(checkpoint, events.root(), listed.root(), good, differs)
                good = cut
        if broken is not None:
            if differs is not None:
                raise Finding("event.changed", "event and leaf hash differ", differs)
            raise broken
    if by_size:
        size = min(by_size)
        raise Finding("seen.before", f"a checkpoint over {size} events lies before this export")
    if differs is not None:
        raise Finding("leaf.wrong", "the listed leaf hash is not that of the event", differs)
    return digests


def _hashes(raw: bytes) -> list[bytes]:
    return [raw[at : at + 32] for at in range(0, len(raw), 32)]


def _check_root(
    checkpoint: Checkpoint, events: bytes, listed: bytes, good: int, differs: int | None
) -> None:
    if events == checkpoint.root:
        return
    if listed == checkpoint.root and differs is not None:
        raise Finding("event.changed", "the event is not the one that was signed", differs)
    if differs is not None:
        raise Finding("event.changed", "neither event nor leaf hash is what was signed", differs)
    raise Finding(
        "root.wrong",
        f"the events from here to {checkpoint.size} are not those that were signed",
        good + 1,
    )


def _segments(
    files: Mapping[str, bytes], manifest: Manifest, jobs: int, digests: dict[str, bytes]
) -> Iterator[tuple[int, bytes, Finding | None, bytes]]:
    """First position, the leaves of the events as far as they are whole, and the leaves that are
    listed. The files' digests are put in where the files are read.
    """
    # A worker makes no cycles, and ends soon: to look for garbage is time lost.
    pool = ProcessPoolExecutor(jobs, initializer=gc.disable) if jobs > 1 else None
    try:
        work = (
            (segment_name("events", first), first, count, manifest.tenant)
            for first, count in manifest.segments
        )
        root = files.root if isinstance(files, Folder) else None
        if pool is not None and root is not None:
            made = pool.map(_leaves_in_file, ((str(root), *item) for item in work))
        else:
            made = (_leaves(files, *item) for item in work)
        for (first, count), (leaves, broken, digest) in zip(manifest.segments, made, strict=True):
            digests[segment_name("events", first)] = digest
            name = segment_name("leaves", first)
            listed = _file(files, name)
            digests[name] = sha256(listed).digest()
            if broken is None and len(listed) != count * 32:
                place = first + min(count - 1, len(listed) // 32)
                broken = Finding("leaf.missing", "the listed leaf hash is missing", place)
            yield first, leaves, broken, listed
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _leaves_in_file(work: tuple[str, str, int, int, str]) -> Leaves:
    root, *item = work
    return _leaves(Folder(Path(root)), *item)  # type: ignore[arg-type]


def _leaves(files: Mapping[str, bytes], name: str, first: int, count: int, tenant: str) -> Leaves:
    """The leaf hashes as far as the events are whole, what is wrong after them, and the digest of
    the file.
    """
    leaves: list[bytes] = []
    digest = sha256()
    expected = tenant.encode()
    try:
        with _opened(files, name) as stream:
            while lines := list(islice(stream, min(BATCH_EVENTS, count - len(leaves)))):
                digest.update(b"".join(lines))
                cut_off = lines[-1][-1:] != b"\n" and lines.pop()
                try:
                    leaves += _whole_leaves(lines, first + len(leaves), expected)
                except Finding:  # one of them is bad: which is the first?
                    for line in lines:
                        leaves += _whole_leaves([line], first + len(leaves), expected)
                if cut_off:
                    break
            if len(leaves) < count:
                raise Finding("event.missing", "the event is missing or cut off")
            if stream.read(1):
                raise Finding("event.too_many", "the export does not end here")
    except Finding as finding:
        broken = Finding(finding.code, finding.says, first + len(leaves))
        return b"".join(leaves), broken, digest.digest()
    return b"".join(leaves), None, digest.digest()


def _whole_leaves(lines: Sequence[bytes], first: int, tenant: bytes) -> list[bytes]:
    """The leaf hashes of the events at these positions; a Finding is about one of them."""
    leaves, positions, tenants = _leaves_of_lines(lines)
    for expected, position, of in zip(
        range(first, first + len(lines)), positions, tenants, strict=True
    ):
        if position != expected:
            missing = "missing" if position > expected else "doubled"
            raise Finding(f"event.{missing}", f"here stands the event of position {position}")
        if of != tenant:
            raise Finding("event.other_tenant", "the event is of another tenant")
    return leaves


def _opened(files: Mapping[str, bytes], name: str) -> BinaryIO:
    if not isinstance(files, Folder):
        return BytesIO(_file(files, name))
    try:
        return files.open(name)
    except KeyError:
        raise Finding("file.missing", f"the file {name} is missing") from None


def _check_files(
    files: Mapping[str, bytes], manifest: Manifest, digests: Mapping[str, bytes]
) -> None:
    wanted = {
        segment_name(f, first) for f in ("events", "leaves") for first, _ in manifest.segments
    }
    if not wanted <= set(manifest.files):
        raise Finding("manifest.malformed", "the manifest does not list every segment")
    _check_digests(files, manifest.files, {"manifest.json"}, digests)


def _check_digests(
    files: Mapping[str, bytes],
    listed: Mapping[str, bytes],
    beside: set[str],
    known: Mapping[str, bytes],
) -> None:
    """`known`: the digests of files that were read before."""
    for name in sorted(set(files) - set(listed) - beside):
        raise Finding("file.unknown", f"the file {name} does not belong here")
    for name, digest in listed.items():
        if (known.get(name) or sha256(_file(files, name)).digest()) != digest:
            raise Finding("file.changed", f"the file {name} is not the one that was exported")


# --- proofs of one event, and of growth -----------------------------------------------------------


def verify_proof(text: str, keys: Sequence[str]) -> tuple[Checkpoint, str]:
    """The checkpoint that vouches for the event in this proof, and the event; raises Finding."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    extra = _base64(lines[1][6:]) if len(lines) > 2 and lines[1].startswith("extra ") else None
    index = re.fullmatch(r"index (0|[1-9]\d{0,18})", lines[2], re.A) if len(lines) > 2 else None
    if not blank or lines[0] != PROOF_FORMAT or extra is None or index is None:
        raise Finding("proof.malformed", "this is no proof of an event")
    proof = [_base64(line) for line in lines[3:]]
    if not all(proof) or any(len(node) != 32 for node in proof if node):
        raise Finding("proof.malformed", "a hash of the proof is malformed")
    checkpoint = Checkpoint.parse(note, [VerifierKey.parse(key) for key in keys])
    leaf, position, _ = leaf_of_line(extra)
    if int(index[1]) != position - 1:
        raise Finding("proof.other_event", f"the proof is for {int(index[1]) + 1}", position)
    nodes = [node for node in proof if node is not None]
    if not verify_inclusion(leaf, position - 1, checkpoint.size, nodes, checkpoint.root):
        raise Finding("event.changed", "the event is not in what was signed", position)
    return checkpoint, extra.decode()


def verify_growth(text: str, seen: str, keys: Sequence[str]) -> Checkpoint:
    """The checkpoint in this proof, which continues the one that you kept; raises Finding."""
    head, blank, note = text.partition("\n\n")
    size, *lines = head.split("\n")
    nodes = [_base64(line) for line in lines]
    if not blank or not re.fullmatch(r"old (0|[1-9]\d{0,18})", size, re.A):
        raise Finding("proof.malformed", "this is no proof that one checkpoint continues another")
    if any(node is None or len(node) != 32 for node in nodes):
        raise Finding("proof.malformed", "a hash of the proof is malformed")
    trusted = [VerifierKey.parse(key) for key in keys]
    old, new = Checkpoint.parse(seen, trusted), Checkpoint.parse(note, trusted)
    if old.origin != new.origin:
        raise Finding("seen.other_log", f"{old.origin} is another log's checkpoint")
    if size != f"old {old.size}":
        raise Finding("proof.other_size", f"the proof is for {size[4:]} events, not {old.size}")
    proof = [node for node in nodes if node is not None]
    if not verify_consistency(old.size, old.root, new.size, new.root, proof):
        raise Finding("seen.not_continued", f"the first {old.size} events are not those of then")
    return new


# --- a case file ----------------------------------------------------------------------------------


def proof_name(position: int) -> str:
    return f"proofs/{position:012d}.tlog-proof"


def case_text(origin: str, case: bytes) -> str:
    """What is signed of a case: unlike a checkpoint, its second line is no number."""
    return f"{origin}\ncase {sha256(case).hexdigest()}\n"


class Case:
    """What a case file says of itself; nothing of it is believed."""

    def __init__(self, raw: bytes) -> None:
        try:
            held = json.loads(raw)
            if canonical_json(held) != raw or set(held) != {
                "format", "tenant", "origin", "about", "size", "positions", "streams", "keys",
                "files",
            }:  # fmt: skip
                raise ValueError
            self.tenant, self.origin = str(UUID(held["tenant"])), str(held["origin"])
            self.about, self.size = str(held["about"]), _whole(held["size"])
            self.positions = [_whole(position) for position in held["positions"]]
            self.streams = {str(name): _whole(held["streams"][name]) for name in held["streams"]}
            self.keys = [str(key) for key in held["keys"]]
            self.files = {str(name): _digest(held["files"][name]) for name in held["files"]}
            if held["format"] != CASE_FORMAT or held["tenant"] != self.tenant:
                raise ValueError
            if self.positions != sorted(set(self.positions)) or not self.positions:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Finding("case.malformed", "case.json is not of the form") from None


class Zip(Mapping[str, bytes]):
    """The files of a ZIP archive by their names in it."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        entries = self._archive.infolist()
        if sum(entry.file_size for entry in entries) > CASE_BYTES_MAX:
            raise Finding("case.too_large", f"it unpacks to more than {CASE_BYTES_MAX} bytes")
        self._names = {entry.filename for entry in entries}
        if len(self._names) < len(entries):
            raise Finding("file.doubled", "a name stands twice in the archive")

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        try:
            return self._archive.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise Finding("file.changed", f"the file {name} is damaged") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def verify_case(files: Mapping[str, bytes], keys: Sequence[str] = ()) -> Case:
    """Raises Finding, at the first position that does not hold; else says what was checked.

    Each event is in what was signed; in every stream none is missing up to its last one here; all
    else in the file is what the log's key signed. `keys` as for an export.
    """
    case = Case(_file(files, "case.json"))
    trusted = list(keys) or case.keys
    seen: dict[str, int] = {}
    for position in case.positions:
        try:
            _check_case_event(files, case, position, trusted, seen)
        except Finding as finding:
            raise Finding(finding.code, finding.says, position) from None
    if seen != case.streams:
        raise Finding("case.malformed", "the streams of the case are not those of its events")
    _check_digests(files, case.files, {"case.json", "case.sig"}, {})
    try:
        note = _file(files, "case.sig").decode()
    except UnicodeDecodeError:
        raise Finding("case.forged", "the signature of the case is no UTF-8") from None
    said = signed_text(note, [VerifierKey.parse(key) for key in trusted])
    if said != case_text(case.origin, _file(files, "case.json")):
        raise Finding("case.forged", "the signature is not over this case")
    return case


def _check_case_event(
    files: Mapping[str, bytes], case: Case, position: int, keys: Sequence[str], seen: dict[str, int]
) -> None:
    try:
        text = _file(files, proof_name(position)).decode()
    except UnicodeDecodeError:
        raise Finding("proof.malformed", "the proof is no UTF-8") from None
    checkpoint, line = verify_proof(text, keys)
    event = json.loads(line)
    if int(event["position"]) != position:
        raise Finding("proof.other_event", f"the proof is for {event['position']}")
    if event["source"] != f"urn:uuid:{case.tenant}" or checkpoint.origin != case.origin:
        raise Finding("event.other_tenant", "the event is of another log")
    stream, version = event["subject"], event["streamversion"]
    if version != seen.get(stream, 0) + 1:
        missing = seen.get(stream, 0) + 1
        raise Finding(
            "event.missing", f"before this event, version {missing} of {stream} is missing"
        )
    seen[stream] = version


# --- for people -----------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="crm_verify.py",
        description="Checks an export of a CRM's ledger, a case file, the proof of one event, or"
        " that one checkpoint continues another.",
        epilog="Exit codes: 0 it holds; 1 it does not, and what is wrong is named; 2 it cannot be"
        " read; 3 it fits together, but no --key was given, so nobody vouches for it.",
    )
    parser.add_argument("what", type=Path, help="an export's folder, a case file, or a proof")
    parser.add_argument(
        "--key", action="append", default=[], metavar="VKEY",
        help="a verifier key that you got from elsewhere than the export; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--seen", action="append", default=[], type=Path, metavar="FILE",
        help="a checkpoint that you kept; the export must continue it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, help="processes to use (1)")
    asked = parser.parse_args(arguments)
    try:
        if asked.what.is_dir():
            seen = [path.read_text() for path in asked.seen]
            verdict = verify_export(Folder(asked.what), asked.key, seen, asked.jobs)
            _print_export(verdict, bool(asked.key), len(seen))
        elif zipfile.is_zipfile(asked.what):
            _print_case(verify_case(Zip(asked.what), asked.key), bool(asked.key))
        else:
            if not asked.key:
                parser.error("a proof is checked against a --key")
            text = asked.what.read_text()
            if text.startswith("old "):
                if len(asked.seen) != 1:
                    parser.error("such a proof is checked against one --seen checkpoint")
                new = verify_growth(text, asked.seen[0].read_text(), asked.key)
                print(f"  [OK]    the {new.size:,} events that {new.origin} signed continue it")
            else:
                _print_proof(*verify_proof(text, asked.key))
    except Finding as finding:
        print(f"  [BAD]   {finding}", file=sys.stderr)
        return 1
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    return 0 if asked.key else 3


def _print_export(verdict: Verdict, vouched: bool, seen: int) -> None:
    manifest, root = verdict.manifest, base64.b64encode(verdict.checkpoint.root).decode()
    before = f"  ({manifest.after:,} earlier ones by their hashes)" if manifest.after else ""
    by = ", ".join(verdict.signers) if vouched else "a key that the export itself names"
    print(f"  tenant     {manifest.tenant}")
    print(f"  events     {manifest.after + 1:,} to {manifest.size:,}{before}")
    print("                │  each one hashed, in order, none missing")
    print(f"  root       {root}")
    print(f"                │  signed by {by}")
    print(f"  checkpoint {verdict.checkpoint.origin}, {verdict.checkpoint.size:,} events")
    if seen:
        print(f"                │  continues {seen} checkpoint(s) that you kept")
    print("  [OK]    nothing was changed, added, taken out or moved" if vouched else
          "  [?]     it fits together, but nobody vouches for it: give --key")  # fmt: skip


def _print_case(case: Case, vouched: bool) -> None:
    print(f"  case       {case.about}")
    print(f"  events     {len(case.positions):,} in {len(case.streams):,} streams")
    print("                │  each one in what was signed, none missing in between")
    print(f"  log        {case.origin}, {case.size:,} events when the case was made")
    print("  [OK]    all of the file is what the log's key signed" if vouched else
          "  [?]     it fits together, but nobody vouches for it: give --key")  # fmt: skip


def _print_proof(checkpoint: Checkpoint, line: str) -> None:
    event = json.loads(line)
    print(f"  event      {event['id']}  {event['type']}")
    print(f"             position {event['position']}, recorded {event['time']}, by "
          f"{event['actorkind']} {event['actorid']}")  # fmt: skip
    print(f"  data       {base64.b64decode(event['data_base64']).decode(errors='replace')[:200]}")
    print(f"  [OK]    it is in the {checkpoint.size:,} events that {checkpoint.origin} signed")


if __name__ == "__main__":
    sys.exit(main())
