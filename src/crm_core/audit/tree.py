"""The Merkle tree of RFC 9162 as tiles of 256 hashes: appending, roots, proofs. Pure.

Tiles as in C2SP tlog-tiles: the tile (level, index) holds the hashes of up to 256 perfect subtrees
of 256**level leaves each. A tile that is not full holds a prefix of what it will hold, so the tiles
of a tree are enough for every smaller tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from crm_core.audit.crm_verify import folded, node_hash

__all__ = [
    "Edge",
    "Tile",
    "Tiles",
    "consistency_ranges",
    "edge_tiles",
    "inclusion_ranges",
    "tiles_of",
]

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_HASHES = 1 << TILE_HEIGHT

Tile: TypeAlias = tuple[int, int]  # level, index in the level
Range: TypeAlias = tuple[int, int]  # leaves from, to (exclusive), from 0


class Edge:
    """The right edge of a tree: the tiles that are not full. All that appending needs."""

    def __init__(self, size: int = 0, tiles: Mapping[Tile, bytes] | None = None) -> None:
        self.size = size
        self._levels: list[list[bytes]] = []
        for tile in edge_tiles(size):
            width = (size >> TILE_HEIGHT * tile[0]) % TILE_HASHES
            held = (tiles or {}).get(tile, b"")
            if len(held) < width * HASH_BYTES:
                raise ValueError(f"the tile {tile} lacks hashes for {size} leaves")
            self._levels.append(_split(held)[:width])

    def extend(self, leaves: Sequence[bytes]) -> dict[Tile, bytes]:
        """Appends leaf hashes; the tiles that changed, with all that they hold now."""
        changed: dict[Tile, bytes] = {}
        added, level, size = list(leaves), 0, self.size
        while added:
            if level == len(self._levels):
                self._levels.append([])
            held = self._levels[level] + added
            index = size >> TILE_HEIGHT
            added = []
            while len(held) >= TILE_HASHES:
                full, held = held[:TILE_HASHES], held[TILE_HASHES:]
                changed[level, index] = b"".join(full)
                added.append(_perfect_root(full))
                index += 1
            if held:
                changed[level, index] = b"".join(held)
            self._levels[level] = held
            level, size = level + 1, size >> TILE_HEIGHT
        self.size += len(leaves)
        return changed

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        return folded([node for held in reversed(self._levels) for node in _perfect_parts(held)])


def edge_tiles(size: int) -> list[Tile]:
    """The place of the tile that is being filled in every level of a tree of that size."""
    found = []
    level = 0
    while size >> TILE_HEIGHT * level:
        found.append((level, size >> TILE_HEIGHT * (level + 1)))
        level += 1
    return found


class Tiles:
    """Subtree hashes out of tiles; `tiles_of` says which ones are needed."""

    def __init__(self, tiles: Mapping[Tile, bytes]) -> None:
        self._tiles = tiles

    def root(self, leaves: Range) -> bytes:
        """The Merkle tree hash of a range that the tree's own recursion makes."""
        return folded(self.nodes(leaves))

    def nodes(self, leaves: Range) -> list[bytes]:
        """The hashes of the range's perfect subtrees, the largest first."""
        return [self._node(height, index) for height, index in _perfect(leaves)]

    def proof(self, ranges: Iterable[Range]) -> list[bytes]:
        return [self.root(leaves) for leaves in ranges]

    def _node(self, height: int, index: int) -> bytes:
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        at = first % TILE_HASHES * HASH_BYTES
        held = self._tiles[level, first >> TILE_HEIGHT][at : at + (HASH_BYTES << above)]
        if len(held) != HASH_BYTES << above:
            raise ValueError(f"the tile {(level, first >> TILE_HEIGHT)} lacks hashes")
        return _perfect_root(_split(held))


def tiles_of(ranges: Iterable[Range]) -> set[Tile]:
    """The tiles that hold what the hashes of these ranges are made of."""
    return {
        (height // TILE_HEIGHT, (index << height % TILE_HEIGHT) >> TILE_HEIGHT)
        for leaves in ranges
        for height, index in _perfect(leaves)
    }


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes prove that a leaf is in a tree (RFC 9162, 2.1.3.1)."""
    low, high, found = 0, size, []
    while high - low > 1:
        middle = low + _split_size(high - low)
        if index < middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    return found[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The subtrees whose hashes prove that a tree begins with another (RFC 9162, 2.1.4.1)."""
    if old in (0, new):
        return []
    low, high, found = 0, new, []
    while old != high:
        middle = low + _split_size(high - low)
        if old <= middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    if low:
        found.append((low, high))
    return found[::-1]


def _split_size(width: int) -> int:
    """The largest power of two below the width."""
    return 1 << (width - 1).bit_length() - 1


def _perfect(leaves: Range) -> Iterator[tuple[int, int]]:
    """The perfect subtrees of a range, the largest first: height and index in that height."""
    low, high = leaves
    while low < high:
        height = (high - low).bit_length() - 1
        yield height, low >> height
        low += 1 << height


def _perfect_parts(hashes: Sequence[bytes]) -> Iterator[bytes]:
    for height, index in _perfect((0, len(hashes))):
        yield _perfect_root(hashes[index << height : (index + 1) << height])


def _perfect_root(hashes: Sequence[bytes]) -> bytes:
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [node_hash(left, right) for left, right in zip(pairs, pairs, strict=True)]
    return hashes[0]


def _split(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
