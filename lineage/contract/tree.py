"""Merkle trees as RFC 9162 (2.1.1) has them: over the records of a transaction, and over heads.

A leaf is sha256(0x00 + data), an inner node sha256(0x01 + left + right), and the root over nothing is sha256
of nothing. The left subtree of n leaves has the largest power of two below n. That is the same as to
pair the nodes of each level from the left, and to take one that is left over to the next as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from lineage.errors import Corrupt
from lineage.model.rows import Head

__all__ = [
    "NODE_BYTES",
    "NO_DIGEST",
    "NO_TREE",
    "HeadTree",
    "WholeSubtree",
    "consistency_path",
    "inclusion_path",
    "is_consistent",
    "leaf",
    "root",
    "root_by_path",
    "root_of",
    "subtree",
    "subtrees",
    "whole_subtrees",
]

NO_DIGEST: Final = bytes(32)
"""The digest of number 0, the empty store."""
NODE_BYTES: Final = 32

WholeSubtree: TypeAlias = Callable[[int, int], bytes]
"""What gives the root of a whole subtree by its last leaf, which is counted from 1, and its height."""


def leaf(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(b"\0" + data).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over the data of some leaves, in their order."""
    nodes = [sha256(b"\0" + data).digest() for data in leaves]
    if not nodes:
        return sha256().digest()
    while len(nodes) > 1:
        rest = nodes[-1:] if len(nodes) % 2 else []
        # In one expression, without calls of our own: a transaction may have a million records.
        nodes = [
            sha256(b"\1" + left + right).digest()
            for left, right in zip(nodes[::2], nodes[1::2], strict=False)
        ]
        nodes += rest
    return nodes[0]


class HeadTree(NamedTuple):
    """The tree over the heads up to a number, as far as it takes to go on.

    `digest` is that head's, and `roots` are those of the whole subtrees, the largest first: one for each
    bit of the number that is set.
    """

    number: int = 0
    digest: bytes = NO_DIGEST
    roots: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root over all of them."""
        node = self.roots[-1] if self.roots else sha256().digest()
        for each in self.roots[-2::-1]:
            node = _inner(each, node)
        return node

    def grown(self, digest: bytes) -> tuple[HeadTree, bytes]:
        """Return the tree with the next head, and the inner nodes that this one completes, lowest first.

        These are one for each zero that the head's number ends in when it is written in binary.

        >>> tree, nodes = HeadTree().grown(bytes(32))
        >>> tree.number, nodes
        (1, b'')
        >>> tree, nodes = tree.grown(bytes(32))
        >>> tree.number, nodes == tree.roots[0]
        (2, True)
        """
        number, node, nodes = self.number + 1, leaf(digest), b""
        kept, rest = len(self.roots), number
        while not rest & 1:
            kept, rest = kept - 1, rest >> 1
            node = sha256(b"\1" + self.roots[kept] + node).digest()
            nodes += node
        return HeadTree(number, digest, (*self.roots[:kept], node)), nodes


NO_TREE: Final = HeadTree()
"""The tree over no heads."""


def subtree(head: Head, height: int) -> bytes:
    """Return the root of the whole subtree of a height that a head completed.

    `Corrupt` where it is not stored.
    """
    if height == 0:
        return leaf(head.digest)
    node = head.nodes[(height - 1) * NODE_BYTES : height * NODE_BYTES]
    if len(node) != NODE_BYTES:
        raise Corrupt(
            f"transaction {head.number} has lost inner nodes of the tree over heads; run a check of the store"
        )
    return node


def subtrees(number: int) -> Iterator[tuple[int, int]]:
    """Yield the last head and the height of each whole subtree of the tree over the first heads.

    >>> list(subtrees(13))
    [(8, 3), (12, 2), (13, 0)]
    """
    last = 0
    for height in reversed(range(number.bit_length())):
        if number >> height & 1:
            last += 1 << height
            yield last, height


def whole_subtrees(leaves: Iterable[bytes]) -> WholeSubtree:
    """Return what gives the roots of the whole subtrees over the data of some leaves."""
    levels = [[leaf(data) for data in leaves]]
    while len(levels[-1]) > 1:
        level = levels[-1]
        levels.append([_inner(*pair) for pair in zip(level[::2], level[1::2], strict=False)])
    return lambda last, height: levels[height][(last >> height) - 1]


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _split(size: int) -> int:
    """Return the largest power of two below a size of 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def root_of(size: int, node: WholeSubtree) -> bytes:
    """Return the root over the first leaves of a tree whose whole subtrees are there."""
    return _range_root(0, size, node) if size else sha256().digest()


def _range_root(start: int, end: int, node: WholeSubtree) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        return node(end, size.bit_length() - 1)
    middle = start + _split(size)
    return _inner(_range_root(start, middle, node), _range_root(middle, end, node))


def inclusion_path(index: int, size: int, node: WholeSubtree) -> list[bytes]:
    """Return the proof that a leaf, counted from 0, is in the tree over the first leaves (RFC 9162, 2.1.3.1)."""
    start, end = 0, size
    path = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return path[::-1]


def root_by_path(data: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion path leads to from a leaf; None for a path that leads to none.

    RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    number, last, node = index, size - 1, leaf(data)
    for each in path:
        if not last:
            return None
        if number & 1 or number == last:
            node = _inner(each, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = _inner(node, each)
        number, last = number >> 1, last >> 1
    return None if last else node


def consistency_path(first: int, size: int, node: WholeSubtree) -> list[bytes]:
    """Return the proof that the tree over the first leaves goes on as a larger one (RFC 9162, 2.1.4.1)."""
    start, end, is_whole = 0, size, True
    path: list[bytes] = []
    while first and first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_range_root(start, end, node))
    return path[::-1]


def is_consistent(
    first: int, first_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether a path proves that a tree of some leaves goes on as a larger or equal one (RFC 9162, 2.1.4.2).

    The tree over no leaves goes on as any.
    """
    if not 0 <= first <= size:
        return False
    if first == 0:
        return not path and first_root == sha256().digest()
    if first == size:
        return not path and first_root == root
    whole = [first_root, *path] if first & (first - 1) == 0 else [*path]
    if not whole:
        return False
    number, last = first - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = whole[0]
    for each in whole[1:]:
        if not last:
            return False
        if number & 1 or number == last:
            old, new = _inner(each, old), _inner(each, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = _inner(new, each)
        number, last = number >> 1, last >> 1
    return not last and (old, new) == (first_root, root)
