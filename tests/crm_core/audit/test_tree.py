"""The tree is the one of RFC 9162: two implementations that nobody here wrote say the same."""

from __future__ import annotations

from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofbundle import merkle as proofbundle

from crm_core.audit.crm_verify import Frontier, node_hash, verify_consistency, verify_inclusion
from crm_core.audit.tree import Edge, Tiles, consistency_ranges, inclusion_ranges, tiles_of

SIZES = st.integers(1, 700)


def entries(size: int) -> list[bytes]:
    return [index.to_bytes(4, "big") for index in range(size)]


def leaves(size: int) -> list[bytes]:
    return [sha256(b"\x00" + entry).digest() for entry in entries(size)]


def grown(size: int, *cuts: int) -> tuple[Edge, dict[tuple[int, int], bytes]]:
    """A tree that was appended to in pieces, each by an edge that was loaded from its tiles."""
    tiles: dict[tuple[int, int], bytes] = {}
    done = 0
    for cut in sorted({*(cut for cut in cuts if cut < size), size}):
        edge = Edge(done, tiles)
        tiles |= edge.extend(leaves(size)[done:cut])
        done = cut
    return Edge(size, tiles), tiles


@given(SIZES, st.lists(SIZES, max_size=4))
def test_the_root_is_the_same_however_the_leaves_came(size: int, cuts: list[int]) -> None:
    edge, tiles = grown(size, *cuts)
    theirs = pymerkle.InmemoryTree.init_from_entries(entries(size), algorithm="sha256")
    assert edge.root() == theirs.get_state()
    assert edge.root() == proofbundle.merkle_tree_hash(entries(size))
    streamed = Frontier()
    for cut in [*sorted(cut for cut in cuts if cut < size), size]:
        streamed.extend(leaves(size)[streamed.size : cut])
    assert streamed.root() == Tiles(tiles).root((0, size)) == edge.root()


@given(SIZES, st.data())
def test_inclusion_proofs_are_theirs_and_hold(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    _, tiles = grown(700)
    ranges = inclusion_ranges(index, size)
    proof = Tiles({tile: tiles[tile] for tile in tiles_of(ranges)}).proof(ranges)
    assert proof == proofbundle.inclusion_proof(entries(size), index)
    theirs = pymerkle.InmemoryTree.init_from_entries(entries(size), algorithm="sha256")
    assert proof == theirs.prove_inclusion(index + 1, size).path[1:]
    leaf, root = leaves(size)[index], theirs.get_state()
    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(node_hash(leaf, leaf), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, [*proof, leaf], root)
    assert not proof or not verify_inclusion(leaf, index, size, proof[:-1], root)


@given(SIZES, SIZES)
def test_consistency_proofs_are_theirs_and_hold(first: int, second: int) -> None:
    old, new = sorted((first, second))
    _, tiles = grown(700)
    ranges = consistency_ranges(old, new)
    held = Tiles({tile: tiles[tile] for tile in tiles_of([*ranges, (0, old), (0, new)])})
    proof, old_root, new_root = held.proof(ranges), held.root((0, old)), held.root((0, new))
    assert proof == proofbundle.consistency_proof(entries(new), old)
    theirs = pymerkle.InmemoryTree.init_from_entries(entries(new), algorithm="sha256")
    assert (old_root, new_root) == (theirs.get_state(old), theirs.get_state())
    assert verify_consistency(old, old_root, new, new_root, proof)
    other = sha256(b"another past").digest()
    assert not verify_consistency(old, other, new, new_root, proof)
    assert not verify_consistency(old, old_root, new, other, proof)
    assert proofbundle.verify_consistency(old, new, proof, old_root, new_root)


def test_an_edge_that_lacks_hashes_is_refused() -> None:
    _, tiles = grown(300)
    with pytest.raises(ValueError, match="lacks hashes"):
        Edge(300, tiles | {(0, 1): tiles[0, 1][:-32]})


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert Edge().root() == Frontier().root() == sha256().digest()
