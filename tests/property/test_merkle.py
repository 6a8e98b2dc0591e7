"""Merkle trees: the definition of RFC 9162 word for word, against the code that answers from whole subtrees."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit import merkle

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAVES = [b"", *(bytes([n]) * (n % 7 + 1) for n in range(1, 70))]
SIZES = st.integers(1, len(LEAVES))


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Hash a list as section 2.1.1 says."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def nodes(level: int, position: int) -> bytes:
    start = position << level
    assert start + (1 << level) <= len(LEAVES)
    return tree_hash(LEAVES[start : start + (1 << level)])


def test_the_published_vectors_hold() -> None:
    # The leaves and roots of the test data of Certificate Transparency.
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    frontier = merkle.Frontier()
    assert frontier.root() == merkle.EMPTY
    for n, each in enumerate(data, 1):
        frontier.add(merkle.leaf_hash(bytes.fromhex(each)))
        if n in roots:
            assert frontier.root().hex() == roots[n]


@given(SIZES)
def test_roots_are_those_of_the_definition(size: int) -> None:
    frontier = merkle.Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(merkle.leaf_hash(leaf))
    assert frontier.root() == merkle.root(size, nodes) == tree_hash(LEAVES[:size])


@given(SIZES)
def test_what_a_leaf_completes_is_every_whole_subtree_that_ends_there(size: int) -> None:
    place = size - 1
    found = {(level, position): node for level, position, node in _completed(place)}
    expected = {
        (level, place >> level): nodes(level, place >> level)
        for level in range(1, 8)
        if (place + 1) % (1 << level) == 0
    }
    assert found == expected


def _completed(place: int) -> list[tuple[int, int, bytes]]:
    return list(merkle.completed(place, merkle.leaf_hash(LEAVES[place]), nodes))


@given(SIZES, st.data())
def test_inclusion_is_proved_of_what_is_there_and_of_nothing_else(size: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(place, size, nodes)
    leaf, root = merkle.leaf_hash(LEAVES[place]), tree_hash(LEAVES[:size])
    assert merkle.root_of_inclusion(leaf, place, size, proof) == root
    assert merkle.root_of_inclusion(merkle.leaf_hash(b"another"), place, size, proof) != root
    assert merkle.root_of_inclusion(leaf, place, size, [*proof, root]) is None
    assert merkle.root_of_inclusion(leaf, size, size, proof) is None
    if proof:
        n = data.draw(st.integers(0, len(proof) - 1))
        assert merkle.root_of_inclusion(leaf, place, size, proof[:n] + proof[n + 1 :]) != root
        assert merkle.root_of_inclusion(leaf, place, size, [*proof[:n], root, *proof[n + 1 :]]) != root
        other = data.draw(st.integers(0, size - 1).filter(lambda found: found != place))
        assert merkle.root_of_inclusion(leaf, other, size, proof) != root


@given(SIZES, st.data())
def test_consistency_is_proved_of_beginnings_and_of_nothing_else(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    proof = merkle.consistency(first, size, nodes)
    old, new = (first, tree_hash(LEAVES[:first])), (size, tree_hash(LEAVES[:size]))
    assert merkle.is_consistent(old, new, proof)
    assert not merkle.is_consistent((first, merkle.EMPTY), new, proof)
    assert not merkle.is_consistent(old, (size, merkle.EMPTY), proof)
    assert not merkle.is_consistent(old, new, [*proof, merkle.EMPTY])
    if proof:
        n = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.is_consistent(old, new, proof[:n] + proof[n + 1 :])
        assert not merkle.is_consistent(old, new, [*proof[:n], merkle.EMPTY, *proof[n + 1 :]])


@given(SIZES)
def test_there_is_no_proof_of_what_cannot_be(size: int) -> None:
    for place in (size, -1):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion(place, size, nodes)
    for first in (0, size + 1):
        with pytest.raises(ValueError, match="no beginning"):
            merkle.consistency(first, size, nodes)
