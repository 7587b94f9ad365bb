"""Merkle trees as RFC 9162 (2.1.1) has them: over the records of a transaction, and over heads.

A leaf is sha256(0x00 + data), an inner node sha256(0x01 + left + right), and the root over nothing is sha256
of nothing. The left subtree of n leaves has the largest power of two below n. That is the same as to
pair the nodes of each level from the left, and to take one that is left over to the next as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from lineage.errors import Corrupt
from lineage.model.rows import Head

__all__ = ["NODE_BYTES", "NO_DIGEST", "NO_TREE", "HeadTree", "leaf", "root", "subtree", "subtrees"]

NO_DIGEST: Final = bytes(32)
"""The digest of number 0, the empty store."""
NODE_BYTES: Final = 32


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
