"""Merkle trees as RFC 9162 (and RFC 6962 before it) defines them, over SHA-256: roots, proofs, and checking them.

Whoever makes a proof needs the hashes of whole subtrees only, and asks for them one by one (`Nodes`), so that a tree in
a database is as good as one in memory. Whoever checks a proof needs nothing but the proof.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Nodes: TypeAlias = "Callable[[int, int], bytes]"
"""Gives the hash of the whole subtree over the leaves from `position << level` up to the next multiple."""

EMPTY = hashlib.sha256().digest()
"""The root of the tree without leaves."""


def leaf_hash(content: bytes) -> bytes:
    """Give the hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of a node with two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The root of a tree that grows by one leaf after the other, in memory that hardly grows with it."""

    def __init__(self) -> None:
        """Begin without leaves."""
        self.size = 0
        self._whole: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        node, position = leaf, self.size
        while position & 1:
            node = node_hash(self._whole.pop(), node)
            position >>= 1
        self._whole.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Give the root of the tree as it is."""
        return _joined(self._whole)


def completed(place: int, leaf: bytes, nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """Give what becomes whole with the leaf at `place`: level, position and hash of each subtree above it."""
    node, level, position = leaf, 0, place
    while position & 1:
        node = node_hash(nodes(level, position - 1), node)
        level, position = level + 1, position >> 1
        yield level, position, node


def root(size: int, nodes: Nodes) -> bytes:
    """Give the root of the tree of the first `size` leaves."""
    return _range(0, size, nodes)


def inclusion(place: int, size: int, nodes: Nodes) -> list[bytes]:
    """Give the proof that the leaf at `place` is in the tree of the first `size` leaves.

    Raises:
        ValueError: there is no such leaf in that tree.

    """
    if not 0 <= place < size:
        raise ValueError(f"no leaf {place} in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if place < middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency(first: int, second: int, nodes: Nodes) -> list[bytes]:
    """Give the proof that the tree of the first `first` leaves is the beginning of that of the first `second`.

    Raises:
        ValueError: the first tree is empty or larger than the second.

    """
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} is no beginning of one of {second}")
    path, start, end, is_whole = [], 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(start, middle, nodes))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_range(start, end, nodes))
    return path[::-1]


def root_of_inclusion(leaf: bytes, place: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Give the root that a proof of inclusion leads to (RFC 9162, 2.1.3.2); None when it is no such proof."""
    if not 0 <= place < size:
        return None
    position, last, found = place, size - 1, leaf
    for each in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            found = node_hash(each, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, each)
        position, last = position >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(first: tuple[int, bytes], second: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Tell whether a proof of consistency leads from one tree (size, root) to another (RFC 9162, 2.1.4.2)."""
    (size, first_root), (end, second_root) = first, second
    if size == end:
        return not proof and first_root == second_root
    if not 0 < size < end:
        return False
    path = list(proof) if size & (size - 1) else [first_root, *proof]
    if not path:
        return False
    position, last = size - 1, end - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, each)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """Give the largest power of two below `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _range(start: int, end: int, nodes: Nodes) -> bytes:
    """Give the hash over leaves; `start` is a multiple of the power of two that holds them all."""
    return _joined(list(_whole(start, end, nodes)))


def _whole(start: int, end: int, nodes: Nodes) -> Iterator[bytes]:
    """Give the whole subtrees that make up a range, from the left."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield nodes(level, start >> level)
        start += 1 << level


def _joined(whole: Iterable[bytes]) -> bytes:
    """Join whole subtrees of shrinking size: each stands to the left of all that comes after it."""
    found = None
    for each in reversed(list(whole)):
        found = each if found is None else node_hash(each, found)
    return EMPTY if found is None else found
