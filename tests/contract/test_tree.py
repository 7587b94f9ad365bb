"""Merkle trees, beside the definition of RFC 9162 and its published examples."""

from hashlib import sha256

import pytest

from lineage.contract.backend import EMPTY
from lineage.contract.tree import (
    NO_TREE,
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf,
    root,
    root_by_path,
    root_of,
    subtree,
    subtrees,
    whole_subtrees,
)
from lineage.errors import Corrupt
from lineage.testing.oracle import completed, tree_hash

DATA = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243")]
DATA += [bytes.fromhex("5051525354555657"), bytes.fromhex("606162636465666768696a6b6c6d6e6f")]
PUBLISHED = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Of the reference implementation of Certificate Transparency."""


@pytest.mark.parametrize("size", PUBLISHED)
def test_root_is_the_published_one(size: int) -> None:
    assert root(DATA[:size]).hex() == PUBLISHED[size]


@pytest.mark.parametrize("size", range(40))
def test_root_is_as_defined(size: int) -> None:
    leaves = [bytes([each]) * each for each in range(size)]
    assert root(leaves) == tree_hash(leaves)


def test_tree_over_heads_grows_as_defined() -> None:
    tree, digests = NO_TREE, []
    assert tree.root == tree_hash(digests)
    for number in range(1, 70):
        digests.append(sha256(bytes([number])).digest())
        tree, nodes = tree.grown(digests[-1])
        assert (tree.number, tree.digest) == (number, digests[-1])
        assert nodes == completed(digests)
        assert tree.root == tree_hash(digests)
        sizes = [(last - (1 << height), last) for last, height in subtrees(number)]
        assert list(tree.roots) == [tree_hash(digests[start:last]) for start, last in sizes]
        assert [start for start, _ in sizes] == [0, *(last for _, last in sizes[:-1])]
        assert sizes[-1][1] == number


def test_subtree_is_read_from_the_head_that_completed_it() -> None:
    nodes = b"".join(bytes([each]) * 32 for each in range(3))
    head = EMPTY._replace(number=8, digest=bytes(32), nodes=nodes)
    assert subtree(head, 0) == leaf(bytes(32))
    assert [subtree(head, height)[0] for height in (1, 2, 3)] == [0, 1, 2]
    for lost in (nodes[:-1], nodes[:64], b""):
        with pytest.raises(Corrupt, match="transaction 8 has lost inner nodes"):
            subtree(head._replace(nodes=lost), 3)


INCLUSIONS = {
    (0, 1): [],
    (0, 8): ["96a296d2", "5f083f0a", "6b47aaf2"],
    (5, 8): ["bc1a0643", "ca854ea1", "d37ee418"],
    (2, 3): ["fac54203"],
    (1, 5): ["6e340b9c", "5f083f0a", "bc1a0643"],
}
"""The published proofs of inclusion, by index from 0 and size; the first bytes of each node."""
CONSISTENCIES = {
    (1, 1): [],
    (1, 8): ["96a296d2", "5f083f0a", "6b47aaf2"],
    (6, 8): ["0ebc5d34", "ca854ea1", "d37ee418"],
    (2, 5): ["5f083f0a", "bc1a0643"],
}
"""The published proofs of consistency, by the two sizes."""


def starts(path: list[bytes]) -> list[str]:
    return [node.hex()[:8] for node in path]


def test_paths_are_the_published_ones() -> None:
    node = whole_subtrees(DATA)
    for (index, size), expected in INCLUSIONS.items():
        assert starts(inclusion_path(index, size, node)) == expected
    for (first, size), expected in CONSISTENCIES.items():
        assert starts(consistency_path(first, size, node)) == expected


def test_paths_prove_what_is_so_and_nothing_else() -> None:
    leaves = [bytes([each]) for each in range(23)]
    node, other = whole_subtrees(leaves), bytes(32)
    for size in range(1, 24):
        whole = root(leaves[:size])
        assert root_of(size, node) == whole
        for index in range(size):
            path = inclusion_path(index, size, node)
            assert root_by_path(leaves[index], index, size, path) == whole
            assert root_by_path(b"other", index, size, path) != whole
            wrong = [path[:-1]] * bool(path) + [[*path, other], [other, *path[1:]]] * (size > 1)
            assert whole not in [root_by_path(leaves[index], index, size, each) for each in wrong]
            elsewhere = (index + 1) % size if size > 1 else 1
            assert root_by_path(leaves[index], elsewhere, size, path) != whole
        for first in range(1, size + 1):
            path, before = consistency_path(first, size, node), root(leaves[:first])
            assert is_consistent(first, before, size, whole, path)
            assert not is_consistent(first, other, size, whole, path)
            assert not is_consistent(first, before, size, other, path)
            assert not is_consistent(first, before, size, whole, [*path, other])
            for place in range(len(path)):
                bad = [*path[:place], other, *path[place + 1 :]]
                assert not is_consistent(first, before, size, whole, bad)
                assert not is_consistent(first, before, size, whole, path[:place])
    assert root_by_path(leaves[0], -1, 3, []) is None
    assert root_by_path(leaves[0], 3, 3, []) is None
    assert not is_consistent(0, other, 3, other, [])
    assert not is_consistent(4, other, 3, other, [])
