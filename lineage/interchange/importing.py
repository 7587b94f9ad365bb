"""Importing: what a format reads, checked wholly and then written.

A large file is written in parts, a transaction each, whose marks say which part of which file
they are: an import that was interrupted goes on when it is run again.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from lineage.answers.notebook import Part
from lineage.contract.backend import Backend
from lineage.contract.format import Reading, format_of_suffix, loader
from lineage.contract.registry import Registry, registry
from lineage.contract.transaction import Author, Transaction
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.model.canonical import decode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, Batch, EdgeKind, EdgeRow, Head, NodeRow, TypeRow
from lineage.model.schema import AnyType, conform
from lineage.model.system import OWN_CLASSES, SYSTEM_TYPES
from lineage.progress import Progress, Report
from lineage.recording.edges import find_circle, stamp_edge
from lineage.recording.nodes import check_distinct, check_free, stamp
from lineage.recording.types import check_type, put_type

__all__ = [
    "Imported",
    "ReadGraph",
    "import_graph",
    "marked",
    "read_file",
    "read_graph",
    "write_graph",
]

T = TypeVar("T")
BATCH_RECORDS = 100_000
"""How many records one transaction writes at most."""


@dataclass(frozen=True, slots=True)
class Imported(Part):
    """How many types, nodes and edges an import wrote, and in which transactions.

    `losses` has a sentence for each kind of thing that could not be kept. From a database there are also
    updates of nodes that came before, and how many records were compared in the end with where they
    came from (0 where it changed all the while).
    """

    types: int
    nodes: int
    edges: int
    transactions: tuple[int, ...]
    updates: int = 0
    verified: int = 0
    losses: tuple[str, ...] = ()


def import_graph(
    backend: Backend,
    source: IO[bytes],
    format: str,
    author: Author,
    *,
    new_ids: bool = False,
    progress: Report | None = None,
) -> Imported:
    """Write the graph that a file holds; see docs/formats.md for what happens to ids.

    The file is checked wholly before the first row is written. Ids stay, which needs an empty
    store, or one that holds nothing but earlier parts of this very file; all else is `Invalid`.
    With `new_ids` all is written in one transaction as new nodes, and types are merged by name; a
    name or an external id that is taken is `AlreadyExists`.
    """
    loader(format)
    _check_can_write(backend, new_ids=new_ids)
    with _rewound(source) as file:
        digest = _digest(file)
        if not new_ids and _is_finished(backend, digest):
            return Imported(0, 0, 0, ())
        read = _read(file, format, digest)
    return write_graph(backend, read, author, new_ids=new_ids, progress=progress)


def read_graph(source: IO[bytes], format: str) -> ReadGraph:
    """Return the graph that a file holds, wholly checked, for `write_graph`; it needs no store."""
    loader(format)
    with _rewound(source) as file:
        digest = _digest(file)
        return _read(file, format, digest)


def write_graph(
    backend: Backend,
    read: ReadGraph,
    author: Author,
    *,
    new_ids: bool = False,
    progress: Report | None = None,
) -> Imported:
    """Write what `read_graph` returned, as `import_graph` does.

    `progress` is told of the records before each part and at the end.
    """
    _check_can_write(backend, new_ids=new_ids)
    tell = progress or (lambda _: None)
    done = (_write_new if new_ids else _write_kept)(backend, read, author, tell)
    return replace(done, losses=read.losses)


def _check_can_write(backend: Backend, *, new_ids: bool) -> None:
    backend.refuse_readonly()
    if backend.in_transaction and not new_ids:
        raise Invalid(
            "an import that keeps ids writes transactions of its own; call it outside of one, or give new_ids=True"
        )


def read_file(
    source: str | Path | IO[bytes], format: str | None, read: Callable[[IO[bytes], str], T]
) -> T:
    """Return what `read(file, format)` returns for a file by name, or for an open one.

    Without a format it is that of the suffix; an open file needs one. A file that is not there is
    `NotFound`, one that cannot be opened `Invalid`.
    """
    if not isinstance(source, str | os.PathLike):
        if format is None:
            raise Invalid("an open file has no suffix that tells the format; name the format")
        return read(source, format)
    name = format or format_of_suffix(str(source))
    loader(name)
    with _opened(Path(source)) as file:
        return read(file, name)


def _opened(path: Path) -> IO[bytes]:
    if path.is_char_device():
        raise Invalid(f"{path} is a device, which may never end; give a file")
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error


@contextmanager
def _rewound(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give a file that can be read twice."""
    if source.seekable():
        yield source
        return
    from shutil import copyfileobj
    from tempfile import TemporaryFile

    with TemporaryFile() as copy:
        copyfileobj(source, copy)
        copy.seek(0)
        yield copy


def _digest(file: IO[bytes]) -> str:
    """Return sha256 of the rest of a file, and go back to where it was."""
    start = file.tell()
    hashed = sha256()
    while piece := file.read(1 << 20):
        hashed.update(piece)
    file.seek(start)
    return hashed.hexdigest()


def _read(file: IO[bytes], format: str, digest: str) -> ReadGraph:
    graph = _Graph()
    stream = loader(format).load(file)
    for batch in stream:
        graph.add(batch)
    graph.check()
    return ReadGraph(graph, digest, tuple(stream.losses) if isinstance(stream, Reading) else ())


class ReadGraph(NamedTuple):
    """What a file holds, checked, the sha256 of the file, and what the format could not keep of it."""

    graph: _Graph
    digest: str
    losses: tuple[str, ...]


class _Graph:
    """All that a file holds, and the rules that it must keep by itself."""

    def __init__(self) -> None:
        self.types: dict[int, AnyType] = {}
        self.nodes: dict[NodeKey, NodeRow] = {}
        self.edges: dict[tuple[object, ...], EdgeRow] = {}

    def add(self, batch: Batch) -> None:
        """Take what a format read; nothing may be there twice."""
        for row in batch.types:
            if row.type.id is None or self.types.setdefault(row.type.id, row.type) is not row.type:
                raise Invalid(f"{row.type.kind} type {row.type.type_name} has no id of its own")
        for node in batch.nodes:
            if self.nodes.setdefault(node.key, node) is not node:
                raise Invalid(f"there are two nodes {node.key}")
        for edge in batch.edges:
            if self.edges.setdefault(edge[:3], edge) is not edge:
                raise Invalid(
                    f"there are two edges {edge.kind.name} from {edge.source} to {edge.target}"
                )

    def check(self) -> None:
        """Raise `Invalid`, or `AlreadyExists` for a name that two have, for what a store refuses."""
        self._check_types()
        for row in self.nodes.values():
            self._check_node(row)
        types = Registry([TypeRow(each, 0) for each in self.types.values()])
        check_distinct((row for row in self.nodes.values() if not _is_ended(row)), types)
        for edge in self.edges.values():
            self._check_edge(edge)
        self._check_acyclic()

    def _check_types(self) -> None:
        own = [each for number, each in self.types.items() if number > len(SYSTEM_TYPES)]
        for each in own:
            check_type(each, None)
        for what in ("type_name", "external_id"):
            seen = Counter(
                (each.kind if what == "type_name" else "", getattr(each, what))
                for each in own
                if getattr(each, what) is not None
            )
            for (_, value), count in seen.items():
                if count > 1:
                    raise AlreadyExists(
                        f"two types have the {what.replace('_', ' ')} {value!s:.80}"
                    )
        for system in SYSTEM_TYPES:
            given = self.types.get(system.id or 0, system)
            if (given.kind, given.type_name) != (system.kind, system.type_name):
                raise Invalid(f"type {given.type_name} has the id {given.id} of {system.name}")

    def _check_node(self, row: NodeRow) -> None:
        node_type = self.types.get(row.type_id)
        if node_type is None or node_type.kind is not row.key.kind:
            raise Invalid(f"{row.key}: there is no {row.key.kind} type with id {row.type_id}")
        if row.key.kind is Kind.CONTEXT and not row.name and not _is_ended(row):
            raise Invalid(f"{row.key}: a context needs a name")
        if row.properties != "{}":
            try:
                conform(node_type, decode(row.properties))
            except Invalid as error:
                raise Invalid(f"{row.key}: {error}") from error

    def _check_edge(self, edge: EdgeRow) -> None:
        place = f"the edge {edge.kind.name} from {edge.source} to {edge.target}"
        if EDGE_ENDS[edge.kind] != (edge.source.kind, edge.target.kind):
            raise Invalid(f"{place} joins the wrong kinds of node")
        for end in (edge.source, edge.target):
            if end not in self.nodes:
                raise Invalid(f"{place}: there is no {end}")

    def _check_acyclic(self) -> None:
        circle = find_circle(edge for edge in self.edges.values() if edge.kind is EdgeKind.PARENT)
        if circle:
            way = " > ".join(map(str, circle))
            raise Invalid(f"parents form a cycle: {way:.300}; leave one of these edges out")

    def records(self) -> list[TypeRow | NodeRow | EdgeRow]:
        """Return all that is to be written, types but for the system's and nodes in key order, edges as the file has them."""
        types = [TypeRow(self.types[n], 0) for n in sorted(self.types) if n > len(SYSTEM_TYPES)]
        nodes = [self.nodes[key] for key in sorted(self.nodes)]
        return [*types, *nodes, *self.edges.values()]


def _is_ended(row: NodeRow) -> bool:
    """Whether a node is to be deleted at once; one without content can be nothing else."""
    return row.gone or row.salt is None


_MARK = re.compile(r"sha256:([0-9a-f]{64}), part ([0-9]+) of ([0-9]+)")


class _Mark(NamedTuple):
    """Which part of which file a transaction wrote."""

    digest: str
    part: int
    parts: int

    def __str__(self) -> str:
        return f"sha256:{self.digest}, part {self.part} of {self.parts}"


def _mark_of(head: Head) -> _Mark | None:
    """Return what a transaction's mark says; None for one that wrote no part of a file."""
    found = _MARK.fullmatch(head.mark)
    return None if found is None else _Mark(found[1], int(found[2]), int(found[3]))


def marked(backend: Backend, author: Author, mark: str) -> AbstractContextManager[Transaction]:
    """Open the transaction of a part of an import; its message is the author's, or says what it is."""
    message = author.message or f"import of {mark}"
    return backend.transaction(actor=author.actor, message=message, mark=mark)


def _write_kept(backend: Backend, read: ReadGraph, author: Author, tell: Report) -> Imported:
    graph, digest, _ = read
    records = graph.records()
    parts = -(-len(records) // BATCH_RECORDS)
    heads = backend.log(limit=1)
    first = _parts_done(heads[0], digest, parts) if heads else 0
    numbers = []
    for part in range(first + 1, parts + 1):
        tell(Progress("writing", (part - 1) * BATCH_RECORDS, len(records)))
        with marked(backend, author, str(_Mark(digest, part, parts))) as transaction:
            last = transaction.lock()
            if (_parts_done(last, digest, parts) if last.number else 0) != part - 1:
                raise Invalid(
                    "the store is being filled from this file by another import; let it finish"
                )
            _write(
                transaction,
                records[(part - 1) * BATCH_RECORDS : part * BATCH_RECORDS],
                graph.nodes.keys(),
            )
        numbers.append(transaction.number)
    tell(Progress("writing", len(records), len(records)))
    counts = Counter(map(type, records[first * BATCH_RECORDS :]))
    return Imported(counts[TypeRow], counts[NodeRow], counts[EdgeRow], tuple(numbers))


def _is_finished(backend: Backend, digest: str) -> bool:
    """Whether a store holds this whole file and nothing else."""
    for last in backend.log(limit=1):
        return _mark_of(last) == (digest, last.number, last.number)
    return False


def _parts_done(last: Head, digest: str, parts: int) -> int:
    """Return how many parts of this file a store holds; `Invalid` where it holds anything else."""
    # Each part was written where it is the transaction of its own number, so all before it were parts too.
    if _mark_of(last) == (digest, last.number, parts):
        return last.number
    raise Invalid(
        "ids are kept only in an empty store, or in one that holds nothing but this very file; this one has "
        f"{last.number} other transactions: import with new_ids=True, or into a new store"
    )


def _write(
    transaction: Transaction,
    records: Sequence[TypeRow | NodeRow | EdgeRow],
    there: Collection[NodeKey],
) -> None:
    """Write rows under a transaction's number; `there` are all the nodes that edges may join."""
    number = transaction.number
    types = [row._replace(since=number) for row in records if isinstance(row, TypeRow)]
    nodes = [
        stamp(transaction, row, gone=_is_ended(row)) for row in records if isinstance(row, NodeRow)
    ]
    edges = [
        stamp_edge(transaction, row.key, row.time, row.paths)
        for row in records
        if isinstance(row, EdgeRow)
    ]
    transaction.write(Batch(types=types, nodes=nodes, edges=edges), live=there)
    purged = [row.key for row in records if isinstance(row, NodeRow) and row.salt is None]
    if purged:
        transaction.purge(purged)


def _write_new(backend: Backend, read: ReadGraph, author: Author, tell: Report) -> Imported:
    graph, digest, _ = read
    total = len(graph.records())
    tell(Progress("writing", 0, total))
    with marked(backend, author, f"sha256:{digest} with new ids") as transaction:
        transaction.lock()
        type_ids, written = _merge_types(backend, transaction, graph)
        keys = {
            key: NodeKey(key.kind, transaction.next_id(key.kind)) for key in sorted(graph.nodes)
        }
        nodes = [
            graph.nodes[key]._replace(key=keys[key], type_id=type_ids[graph.nodes[key].type_id])
            for key in keys
        ]
        check_free(backend, (row for row in nodes if not _is_ended(row)), registry(backend))
        edges = [
            row._replace(source=keys[row.source], target=keys[row.target])
            for row in graph.edges.values()
        ]
        if nodes:
            _write(transaction, [*nodes, *edges], keys.values())
    tell(Progress("writing", total, total))
    numbers = (transaction.number,) if written or nodes else ()
    return Imported(written, len(nodes), len(edges), numbers)


def _merge_types(
    backend: Backend, transaction: Transaction, graph: _Graph
) -> tuple[dict[int, int], int]:
    """Write the types that are new or say more; return the id of each here, and how many were written."""
    ids: dict[int, int] = {each.id or 0: each.id or 0 for each in SYSTEM_TYPES}
    written = 0
    for number, given in sorted(graph.types.items()):
        if number not in ids:
            known = registry(backend).by_name.get((given.kind, given.name, given.version))
            said = given if known is None else _merged(given)
            stored = put_type(backend, transaction, said, can_add=True, can_omit=True)
            ids[number] = stored.id or 0
            written += stored is not known
    return ids, written


def _merged(given: AnyType) -> AnyType:
    """Return what a type says to one that is there; one of ours is described by this library alone."""
    if given.name not in OWN_CLASSES:
        return given
    return given.replace(description=None, external_id=None, indexed=())
