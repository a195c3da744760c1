"""Whatever is changed in an export or in the database is found, and its place is named."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest

from crm_core.audit import crm_verify
from crm_core.audit.crm_verify import (
    Checkpoint,
    Finding,
    Frontier,
    VerifierKey,
    canonical_json,
    segment_name,
    verify_export,
)
from crm_core.audit.lines import line_of
from crm_core.audit.record import leaf_of
from crm_core.audit.signing import AuditKeys, checkpoint_text, new_key_line

from .events import TENANT, made_event

SIZE, SEGMENT, SIGNED_EVERY = 60, 20, 15
ORIGIN = f"crm/{TENANT}"
KEYS = AuditKeys.parse(new_key_line())
VKEYS = [str(key) for key in KEYS.verifiers(ORIGIN)]
LINES = [line_of(made_event(position)).encode() for position in range(1, SIZE + 1)]
LEAVES = [leaf_of(made_event(position)) for position in range(1, SIZE + 1)]

Files = dict[str, bytes]


def root(leaves: list[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def note(size: int) -> str:
    return KEYS.signed(ORIGIN, checkpoint_text(ORIGIN, size, root(LEAVES[:size])))


NOTES = {size: note(size) for size in range(SIGNED_EVERY, SIZE + 1, SIGNED_EVERY)}


def packed(lines: list[bytes], leaves: list[bytes], size: int, notes: list[str]) -> Files:
    """An export with all that anybody without the signing key can make fit."""
    files: Files = {"checkpoints": "".join(notes).encode(), "crm_verify.py": b"#"}
    for first in range(1, size + 1, SEGMENT):
        part = slice(first - 1, first - 1 + SEGMENT)
        files[segment_name("events", first)] = b"".join(line + b"\n" for line in lines[part])
        files[segment_name("leaves", first)] = b"".join(leaves[part])
    files["manifest.json"] = canonical_json(
        {
            "format": crm_verify.FORMAT, "tenant": str(TENANT), "origin": ORIGIN, "after": 0,
            "size": size, "segment": SEGMENT, "frontier": [], "keys": VKEYS,
            "files": {name: sha256(content).hexdigest() for name, content in files.items()},
        }
    )  # fmt: skip
    return files


GOOD = packed(LINES, LEAVES, SIZE, list(NOTES.values()))


def test_the_untouched_export_holds() -> None:
    verdict = verify_export(GOOD, VKEYS, [NOTES[SIZE]])
    assert verdict.checkpoint.size == SIZE
    assert verdict.signers == [ORIGIN]


# --- mutations: each returns the export and the position that has to be named, if it is one -----

Mutation = Callable[[random.Random], tuple[Files, int | None]]


def flip_a_bit(dice: random.Random) -> tuple[Files, int | None]:
    """Of any file, its digest not mended."""
    name = dice.choice(sorted(GOOD))
    content = bytearray(GOOD[name])
    at = dice.randrange(len(content))
    content[at] ^= 1 << dice.randrange(8)
    named = None
    if name.startswith("events"):
        first = int(name[7:19])
        named = first + GOOD[name][:at].count(b"\n")
    return {**GOOD, name: bytes(content)}, named


def change_an_event(dice: random.Random) -> tuple[Files, int]:
    """A byte of an event; the manifest made to fit."""
    at = dice.randrange(SIZE)
    line = bytearray(LINES[at])
    place = dice.randrange(len(line))
    line[place] = dice.choice([byte for byte in range(32, 127) if byte != line[place]])
    return packed([*LINES[:at], bytes(line), *LINES[at + 1 :]], LEAVES, SIZE, all_notes()), at + 1


def rewrite_an_event(dice: random.Random) -> tuple[Files, int]:
    """Another event in its place, and the leaf hash, tree and manifest made to fit: a fork.

    Nobody who has only the export can say more than between which checkpoints it is.
    """
    at = dice.randrange(SIZE)
    line = LINES[at].replace(b'"actorid":"crm"', b'"actorid":"c%03d"' % dice.randrange(1000))
    leaf = crm_verify.leaf_of_line(line)[0]
    leaves = [*LEAVES[:at], leaf, *LEAVES[at + 1 :]]
    named = at // SIGNED_EVERY * SIGNED_EVERY + 1
    return packed([*LINES[:at], line, *LINES[at + 1 :]], leaves, SIZE, all_notes()), named


def delete_an_event(dice: random.Random) -> tuple[Files, int]:
    at = dice.randrange(SIZE)
    lines, leaves = LINES[:at] + LINES[at + 1 :], LEAVES[:at] + LEAVES[at + 1 :]
    return packed(lines, leaves, SIZE, all_notes()), at + 1


def renumber_after_a_deletion(dice: random.Random) -> tuple[Files, int]:
    """The later events moved up, renumbered and hashed again."""
    at = dice.randrange(SIZE - 1)
    lines = LINES[:at]
    for position, line in enumerate(LINES[at + 1 :], start=at + 1):
        old = b'"position":"%d"' % (position + 1)
        lines.append(line.replace(old, b'"position":"%d"' % position))
    leaves = [crm_verify.leaf_of_line(line)[0] for line in lines]
    named = at // SIGNED_EVERY * SIGNED_EVERY + 1
    notes = [NOTES[size] for size in NOTES if size < SIZE]
    return packed(lines[:45], leaves[:45], 45, notes), named


def insert_an_event(dice: random.Random) -> tuple[Files, int]:
    at = dice.randrange(SIZE)
    of = dice.randrange(SIZE)
    lines = [*LINES[:at], LINES[of], *LINES[at:]]
    leaves = [*LEAVES[:at], LEAVES[of], *LEAVES[at:]]
    return packed(lines, leaves, SIZE, all_notes()), at + 1 + (of == at)


def swap_two_events(dice: random.Random) -> tuple[Files, int]:
    one, other = sorted(dice.sample(range(SIZE), 2))
    lines, leaves = list(LINES), list(LEAVES)
    lines[one], lines[other] = lines[other], lines[one]
    leaves[one], leaves[other] = leaves[other], leaves[one]
    return packed(lines, leaves, SIZE, all_notes()), one + 1


def truncate(dice: random.Random) -> tuple[Files, int]:
    size = dice.randrange(1, SIZE)
    return packed(LINES[:size], LEAVES[:size], size, all_notes()), size + 1


def roll_back(dice: random.Random) -> tuple[Files, int]:
    """All of it as it was, signature and all: only who kept a later checkpoint can know."""
    size = dice.choice([size for size in NOTES if size < SIZE])
    notes = [NOTES[earlier] for earlier in NOTES if earlier <= size]
    return packed(LINES[:size], LEAVES[:size], size, notes), size + 1


def sign_with_another_key(dice: random.Random) -> tuple[Files, None]:
    other = AuditKeys.parse(new_key_line())
    forged = other.signed(ORIGIN, checkpoint_text(ORIGIN, SIZE, root(LEAVES)))
    return packed(LINES, LEAVES, SIZE, [forged]), None


def cut_a_file(dice: random.Random) -> tuple[Files, int | None]:
    name = dice.choice(sorted(GOOD))
    if dice.random() < 0.3:
        return {other: content for other, content in GOOD.items() if other != name}, None
    return {**GOOD, name: GOOD[name][: dice.randrange(len(GOOD[name]))]}, None


def change_a_leaf(dice: random.Random) -> tuple[Files, int]:
    at = dice.randrange(SIZE)
    return packed(LINES, [*LEAVES[:at], dice.randbytes(32), *LEAVES[at + 1 :]], SIZE,
                  all_notes()), at + 1  # fmt: skip


def all_notes() -> list[str]:
    return list(NOTES.values())


MUTATIONS: dict[Mutation, int] = {
    flip_a_bit: 1_800, change_an_event: 1_800, rewrite_an_event: 1_200, delete_an_event: 900,
    insert_an_event: 900, swap_two_events: 900, truncate: 500, roll_back: 300,
    renumber_after_a_deletion: 400, sign_with_another_key: 100, cut_a_file: 400,
    change_a_leaf: 400,
}  # fmt: skip


def missed(mutation: Mutation, times: int) -> Iterator[str]:
    """What was not found, or not where it is."""
    dice = random.Random(mutation.__name__)
    for turn in range(times):
        files, position = mutation(dice)
        try:
            verify_export(files, VKEYS, [NOTES[SIZE]])
        except Finding as finding:
            if position is not None and finding.position != position:
                yield f"{mutation.__name__} {turn}: at {position}, said {finding}"
        else:
            yield f"{mutation.__name__} {turn}: not found"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_mutation_of_an_export_is_found_and_named(mutation: Mutation) -> None:
    assert list(missed(mutation, MUTATIONS[mutation])) == []


def test_there_are_ten_thousand_with_those_of_the_database() -> None:
    assert sum(MUTATIONS.values()) + 500 >= 10_000


# --- the planted bugs: a verifier that believes is caught -----------------------------------------


def test_a_verifier_that_believes_the_leaf_hashes_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def believing(
        files: Files, name: str, first: int, count: int, tenant: str
    ) -> tuple[bytes, None, bytes]:
        leaves = files[segment_name("leaves", first)]
        return leaves[: count * 32], None, sha256(files[name]).digest()

    monkeypatch.setattr(crm_verify, "_leaves", believing)
    assert list(missed(change_an_event, 20))


def test_a_verifier_that_believes_the_signature_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Checkpoint,
        "parse",
        classmethod(
            lambda cls, text, keys: cls(
                text.split("\n")[0],
                int(text.split("\n")[1]),
                base64.b64decode(text.split("\n")[2]),
                text,
            )
        ),
    )
    assert list(missed(sign_with_another_key, 20))


def test_a_verifier_that_believes_the_root_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_verify, "_check_root", lambda *_: None)
    assert list(missed(rewrite_an_event, 20))


def test_a_verifier_that_believes_the_size_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes an export for whole because its own checkpoint fits."""
    honest = crm_verify.verify_export
    monkeypatch.setitem(
        globals(), "verify_export", lambda files, keys, seen: honest(files, keys, [])
    )
    assert list(missed(roll_back, 20))


# --- forms ----------------------------------------------------------------------------------------


def test_the_first_of_two_bad_places_is_the_one_that_is_named() -> None:
    changed = LINES[2].replace(b'"actorid":"crm"', b'"actorid":"eve"')
    files = packed([*LINES[:2], changed, *LINES[3:9], *LINES[10:]], LEAVES, SIZE, all_notes())
    with pytest.raises(Finding, match=r"position 3: .*event\.changed"):
        verify_export(files, VKEYS)


def test_a_key_whose_id_is_not_its_own_is_refused() -> None:
    name, named, encoded = VKEYS[0].split("+", 2)
    with pytest.raises(Finding, match=r"key\.malformed"):
        VerifierKey.parse(f"{name}+{'0' * len(named)}+{encoded}")


def test_one_bad_signature_by_a_known_key_spoils_the_checkpoint() -> None:
    """C2SP signed-note: even beside a good one."""
    good = NOTES[SIZE]
    line = good.splitlines(keepends=True)[-1]
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[-1] ^= 1
    bad = f"— {ORIGIN} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(Finding, match=r"checkpoint\.forged"):
        Checkpoint.parse(good + bad, KEYS.verifiers(ORIGIN))
    stranger = f"— witness.example {base64.b64encode(bytes(68)).decode()}\n"
    assert Checkpoint.parse(good + stranger, KEYS.verifiers(ORIGIN)).size == SIZE


@pytest.mark.parametrize("raw", [b"\x01", b"\t", b"\x00"])
def test_a_control_character_that_is_not_escaped_is_no_second_form_of_an_event(raw: bytes) -> None:
    """Of a line with no escape at all, too: it is taken apart by a simpler expression."""
    for line in (LINES[0], LINES[0].replace(b'"actorid":"', b'"actorid":"\\"')):
        changed = line.replace(b'"actorid":"', b'"actorid":"' + raw)
        with pytest.raises(Finding, match=r"event\.malformed"):
            crm_verify.leaf_of_line(changed)


def test_ids_of_wrong_lengths_that_add_up_are_no_second_form_of_an_event() -> None:
    """The ids are looked at side by side, so each one's length has to be held by itself."""
    head, _, rest = LINES[0].partition(b'","correlationid":"')
    with pytest.raises(Finding, match=r"event\.malformed"):
        crm_verify.leaf_of_line(head + rest[:1] + b'","correlationid":"' + rest[1:])


def test_what_one_event_lacks_is_not_made_up_for_by_the_next_one() -> None:
    """The ids of many events are looked at side by side: those of each have to be whole."""
    for at in (0, 2):  # with one subject, and with more
        before, key, rest = LINES[at].partition(b'"subjectids":"')
        ids, _, behind = rest.partition(b'"')
        shorter = before + key + ids[:-1] + b'"' + behind
        before, key, rest = LINES[at + 1].partition(b'"subjectids":"')
        longer = before + key + ids[-1:] + rest
        files = packed([*LINES[:at], shorter, longer, *LINES[at + 2 :]], LEAVES, SIZE, all_notes())
        with pytest.raises(Finding, match=rf"position {at + 1}: .*event\.malformed"):
            verify_export(files, VKEYS)


def test_subjects_are_apart_by_one_space_each() -> None:
    before, key, rest = LINES[0].partition(b'"subjectids":"')
    one, behind = rest[:36], rest[36:]
    assert crm_verify.leaf_of_line(before + key + one + b" " + one + behind)
    for ids in (one + b"-" + one, one[:35] + b" " + one[35:] + one, one + b"  " + one,
                b" " + one, one + b" ", one + one, b""):  # fmt: skip
        with pytest.raises(Finding, match=r"event\.malformed"):
            crm_verify.leaf_of_line(before + key + ids + behind)


WRONG_MOMENTS = [
    "24:00:00.000000", "09:60:00.000000", "09:00:60.000000", "09:00:00.00000 ", "09:00:0_.000000",
    "09:00:00,000000",
]  # fmt: skip


@pytest.mark.parametrize("moment", WRONG_MOMENTS)
def test_a_moment_that_no_clock_shows_is_no_event(moment: str) -> None:
    before, key, rest = LINES[0].partition(b'"time":"2026-01-05T')
    with pytest.raises(Finding, match=r"event\.malformed"):
        crm_verify.leaf_of_line(before + key + moment.encode() + rest[15:])


def test_the_quote_before_the_data_is_not_the_one_behind_it() -> None:
    head = LINES[0].rpartition(b'"data_base64":"')[0] + b'"data_base64":"'
    assert crm_verify.leaf_of_line(head + b'"}')
    with pytest.raises(Finding, match=r"event\.malformed"):
        crm_verify.leaf_of_line(head + b"}")
