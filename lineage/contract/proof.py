r"""The digest chain: what proves that history was not changed since.

`+` joins bytes, and names of fields are those of `lineage.model.rows`. JSON has no spaces and is in UTF-8; its
texts escape the quotation mark, the backslash and what is below U+0020 alone, as `\b \t \n \f \r` or `\u00xx` in
small letters. Digests in it are small hexadecimal digits.

**A transaction.** Its digest is the sha256 of::

    (
        history
        + author
        + root
        + JSON[
            "transaction",
            number,
            time,
            records,
            schema,
            types,
            artifacts,
            executions,
            contexts,
            edges,
            mark,
        ]
    )

The first three are 32 bytes each. `history` and `root` are roots of RFC 9162's trees (`lineage.contract.tree`): of the
one whose leaves are the digests of all transactions before, so that one digest proves each of them by a short path, and
of the one whose leaves are the lines of the transaction's records. `author` is sha256(salt + JSON
[actor,message]), with 16 random bytes of salt: a purge erases all three and keeps this digest, and without the
salt nobody can try out what was erased.

**A line** is one JSON array, without a newline. They come in this order, each kind in the order of its keys
(types by id, nodes by kind and id with kinds as texts, edges by source, target and kind)::

    ["type",kind,{…}]
    ["ended",source,target,edge kind]
    ["node",key,type,created,updated,content]          a new node
    ["update",key,type,created,updated,content]        a new version of one
    ["edge",source,target,edge kind,time,paths,order,first]
    ["edge update",source,target,edge kind,time,paths,order,first]
    ["deleted",key]
    ["purged",key]
    ["purged head",number]

A key, a source or a target is a text such as "artifact:12"; an edge's kind is its number, its time an integer or
null, its paths the JSON that is stored or null. `content` is the digest sha256(salt + JSON
[name,external_id,uri,state,properties,custom]), the last two being texts of canonical JSON: so a purge
can erase a node's content and its salt, too.

A type is an object of all its fields, null where there is nothing: id, name, version, description, external_id,
properties (an object, its names sorted), base, indexed (a sorted array), create_time, update_time (RFC 3339,
`…:03Z` or `…:03.120000Z`), for an execution's type also input_type and output_type. These two are the user's JSON:
numbers with a fraction or exponent have the fewest digits that read back the same, and an exponent (`1e+16`,
`1e-6`) from 1e16 on and below 1e-5.

**Heads.** Of the tree over all heads, number n completes an inner node for each zero that n ends in when it is
written in binary; they are stored with it, the lowest first, so that neither the next digest nor a path reads more of
history than its logarithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import product

from pydantic_core import to_json

from lineage.contract.tree import NO_DIGEST, NO_TREE, HeadTree, root
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Commit, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow

__all__ = [
    "NO_DIGEST",
    "Chain",
    "author_digest",
    "author_text",
    "content_digest",
    "content_text",
    "faults",
    "is_edge_row",
    "is_node_row",
    "own_text",
    "purged",
    "purged_head",
    "record_lines",
    "seal",
]


def content_digest(row: NodeRow) -> bytes:
    """Return the digest of a version's content: the stored one where the content was purged.

    Where there is content beside it, a stored digest proves nothing: `Chain` says so of such a row.
    """
    if row.digest is not None:
        return row.digest
    salt = row[11]
    assert salt is not None
    return sha256(salt + content_text(row)).digest()


def content_text(row: NodeRow) -> bytes:
    """Return what a version's digest covers beside its salt."""
    return to_json(row[2:8])


def purged(row: NodeRow) -> NodeRow:
    """Return the version without content and salt, and with their digest instead."""
    return row._replace(
        name=None,
        external_id=None,
        uri=None,
        state=None,
        properties="{}",
        custom="{}",
        salt=None,
        digest=content_digest(row),
    )


def author_digest(head: Head) -> bytes:
    """Return the digest of a transaction's actor and message: the stored one where they were purged."""
    if head.salt is None:
        return head.author or NO_DIGEST
    return sha256(head.salt + author_text(head)).digest()


def author_text(head: Head) -> bytes:
    """Return what the digest of a transaction's author covers beside its salt."""
    return to_json((head.actor, head.message))


def purged_head(head: Head) -> Head:
    """Return a transaction's row without actor, message and salt, and with their digest instead."""
    return head._replace(actor="", message="", salt=None, author=author_digest(head))


def seal(history: bytes, commit: Commit) -> bytes:
    """Return the digest of a transaction; `history` is the root of the tree over the heads before it."""
    records = root(map(str.encode, record_lines(commit)))
    parts = history, author_digest(commit.head), records, own_text(commit.head)
    return sha256(b"".join(parts)).digest()


def own_text(head: Head) -> bytes:
    """Return what a transaction's digest covers of its own row, but for its author."""
    numbers = (head.number, head.time, head.records, head.schema)
    counters = (head.types, head.artifacts, head.executions, head.contexts, head.edges)
    return to_json(("transaction", *numbers, *counters, head.mark))


class Chain:
    """A history as it is read and judged: from its beginning, or after what is taken for right.

    `tree` is the one over the heads so far, `number` the last transaction's. A digest may stand in the place
    of what was erased, but then a later transaction, or the same, must have purged it: `erased` and
    `erased_heads` are what none has so far, nodes with the transaction that first wrote one so.
    After a transaction that is missing nobody can say what later digests cover: they are not compared.
    """

    def __init__(self, tree: HeadTree = NO_TREE) -> None:
        self.tree = tree
        self.number = tree.number
        self.erased: dict[NodeKey, int] = {}
        self.erased_heads: set[int] = set()
        self._after = tree.number
        self._other_tree: HeadTree | None = None
        """After a fault: the tree if the records were right, and the digest beside them was changed."""
        self._has_gap = False
        self._anonymous: set[int] = set()
        """Transactions that no longer say who wrote them."""

    def follow(self, commit: Commit) -> list[str]:
        """Go on by a transaction; return a sentence for each thing that is not as it was sealed."""
        head, number = commit.head, self.number + 1
        sentences = []
        if head.number != number:
            sentences.append(
                f"transaction {number} is missing, so that nothing proves those after it"
            )
            self._has_gap = True
        fault = _fault(commit)
        if fault:
            self.tree, self._other_tree = self.tree.grown(head.digest)[0], None
        elif not self._has_gap:
            fault = self._fault_of_seal(commit)
        if fault:
            sentences.append(f"transaction {head.number}{fault}")
        self.number = head.number
        if head.author is not None:
            self._anonymous.add(head.number)
        if not fault:
            self._note_erased(commit)
        self.note_purges(commit.purged, commit.purged_heads)
        return sentences

    def _fault_of_seal(self, commit: Commit) -> str:
        """Grow the tree by a transaction; return what is wrong with its digests, as the rest of a sentence."""
        head, before = commit.head, self.tree
        if self._other_tree is not None and seal(self._other_tree.root, commit) == head.digest:
            before = self._other_tree
        sealed = seal(before.root, commit)
        self.tree, nodes = before.grown(head.digest)
        self._other_tree = None if sealed == head.digest else before.grown(sealed)[0]
        if self._other_tree is not None:
            return ": its own row or one of its records was changed since it was written"
        if head.nodes != nodes:
            return " has other inner nodes of the tree over heads than it completed"
        return ""

    def audit(self, commit: Commit) -> list[str]:
        """Go on as `follow` does, in a store as it is now: what a transaction has purged must be erased there."""
        return self.follow(commit) + self._faults_of_purges(commit)

    def _note_erased(self, commit: Commit) -> None:
        number = commit.head.number
        for row in (*commit.batch.nodes, *commit.batch.updates):
            if row.digest is not None:
                self.erased.setdefault(row.key, number)
        if commit.head.author is not None:
            self.erased_heads.add(number)

    def note_purges(self, nodes: Iterable[NodeKey], heads: Iterable[int]) -> None:
        """Take note of what a transaction has purged: nodes, and heads that come before it."""
        for key in nodes:
            self.erased.pop(key, None)
        self.erased_heads.difference_update(heads)

    def _faults_of_purges(self, commit: Commit) -> list[str]:
        number, sentences = commit.head.number, []
        for each in commit.purged_heads:
            purge = f"transaction {number} purged transaction {each}"
            if not 0 < each < number:
                sentences.append(f"{purge}, which does not come before it")
            elif each > self._after and each not in self._anonymous:
                sentences.append(f"{purge}, which still says who wrote it")
        return sentences

    def unexplained(self) -> Iterator[str]:
        """Yield a sentence for each thing that was erased, though no transaction so far has purged it.

        So does a copy that ends before the purge, which nothing there can prove.
        """
        for key, number in self.erased.items():
            yield (
                f"{key}, as transaction {number} wrote it, has lost its content, and no transaction up to {self.number} "
                f"purged it"
            )
        for number in sorted(self.erased_heads):
            yield f"transaction {number} has lost who wrote it, and no transaction up to {self.number} purged that"


def _fault(commit: Commit) -> str:
    """Return what is wrong with a transaction by itself, as the rest of a sentence; empty if nothing is."""
    head = commit.head
    records = (*commit.batch, *commit[2:])
    written = sum(map(len, records))
    if written != head.records:
        return f" wrote {head.records} records, but {written} are there"
    if head.salt is None and head.author is None:
        return " has lost its salt, so that nothing proves who wrote it"
    if head.author is not None and head != purged_head(head):
        return " says who wrote it, but that was purged"
    if misread := next(_misread(commit), None):
        return f": {misread}"
    return ""


def _misread(commit: Commit) -> Iterator[str]:
    """Yield what could pass for something else than it is in the texts that are digested."""
    if tuple(map(type, commit.head)) not in _HEAD_TYPES:
        yield "its own row is none"
    for row in (*commit.batch.nodes, *commit.batch.updates):
        if not is_node_row(row):
            yield f"the row of {row.key} is none, or has content beside the digest that stands for it"
    for edge in (*commit.batch.edges, *commit.batch.edge_updates):
        if not is_edge_row(edge):
            yield f"the row of the edge from {edge.source} to {edge.target} is none"


def is_node_row(row: NodeRow) -> bool:
    """Whether a version is one as it is written: its fields have their types, and a digest stands for content alone."""
    plain = tuple(map(type, row[:13])) in _NODE_TYPES and _is_key(row[0])
    return plain and (row[12] is None or row[6:8] == ("{}", "{}"))


def is_edge_row(row: EdgeRow) -> bool:
    """Whether a version of an edge is one as it is written: its fields have their types, and its paths are a list."""
    plain = tuple(map(type, row[:8])) in _EDGE_TYPES and _is_key(row[0]) and _is_key(row[1])
    return plain and (row[4] is None or row[4].startswith("["))


def _is_key(key: NodeKey) -> bool:
    return type(key[0]) is Kind and type(key[1]) is int


_NONE = type(None)
_NODE_TYPES = {
    (NodeKey, int, *texts, state, str, str, int, int, int, bytes, _NONE)
    for *texts, state in product((str, _NONE), (str, _NONE), (str, _NONE), (int, _NONE))
} | {(NodeKey, int, *4 * (_NONE,), str, str, int, int, int, _NONE, bytes)}
"""The types of a row's fields up to its digest: with a salt, or of a purged one without content."""
_HEAD_TYPES = {
    (int, int, str, str, bytes, *7 * (int,), str, *secret, bytes)
    for secret in ((bytes, _NONE), (_NONE, bytes))
}
_EDGE_TYPES = {
    (NodeKey, NodeKey, EdgeKind, time, paths, int, int, int)
    for time, paths in product((int, _NONE), (str, _NONE))
}


def faults(commits: Iterable[Commit], *, after: HeadTree = NO_TREE) -> Iterator[str]:
    """Yield a sentence for each transaction of a history that is not as it was sealed, and for what is unexplained.

    The history is whole, or follows transactions that are taken for right.
    """
    chain = Chain(after)
    for commit in commits:
        yield from chain.audit(commit)
    yield from chain.unexplained()


_KINDS = {kind: kind.value for kind in Kind}
"""As plain strings, which are put into a text several times faster than an enumeration's members."""
_EDGES = {kind: str(int(kind)) for kind in EdgeKind}


def record_lines(commit: Commit) -> Iterator[str]:
    """Yield the lines of a transaction's records, in the order of the tree's leaves."""
    for row in commit.batch.types:
        yield _type_line(row)
    for key in commit.ended:
        yield f'["ended",{_edge_key(key)}]'
    for node in commit.batch.nodes:
        yield _node_line("node", node)
    for node in commit.batch.updates:
        yield _node_line("update", node)
    for edge in commit.batch.edges:
        yield _edge_line("edge", edge)
    for edge in commit.batch.edge_updates:
        yield _edge_line("edge update", edge)
    for name, keys in (("deleted", commit.deleted), ("purged", commit.purged)):
        for kind, number in keys:
            yield f'["{name}","{_KINDS[kind]}:{number}"]'
    for number in commit.purged_heads:
        yield f'["purged head",{number}]'


def _node_line(name: str, row: NodeRow) -> str:
    (kind, number), type_id, *_, created, updated = row[:10]
    content = content_digest(row).hex()
    return f'["{name}","{_KINDS[kind]}:{number}",{type_id},{created},{updated},"{content}"]'


def _edge_line(name: str, row: EdgeRow) -> str:
    time, paths, _, order, first = row[3:8]
    shown = "null" if time is None else time
    return f'["{name}",{_edge_key(row)},{shown},{paths or "null"},{order},{first}]'


def _edge_key(key: EdgeKey | EdgeRow) -> str:
    (source_kind, source), (target_kind, target), kind = key[:3]
    one, other = _KINDS[source_kind], _KINDS[target_kind]
    return f'"{one}:{source}","{other}:{target}",{_EDGES[kind]}'


def _type_line(row: TypeRow) -> str:
    content = ("type", row.type.kind, row.type.model_dump(mode="json"))
    return to_json(content).decode()
