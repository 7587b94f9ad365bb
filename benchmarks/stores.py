"""The stores that are measured: each trace in a file, in memory, and the same in ML Metadata."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lineage
from benchmarks.beside import Peer
from benchmarks.sizes import TRACES
from benchmarks.traces import Trace, write_trace
from lineage import Kind
from lineage.contract.walking import Direction
from lineage.mlmd.conversion import fill_event, fill_node, type_message
from lineage.mlmd.messages import Message, message
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow
from lineage.model.system import SYSTEM_TYPES

KEPT = Path(__file__).parents[1] / ".benchmarks" / "ml-metadata"
BATCH_ROWS = 1_000
"""How many nodes or edges a call to the peer writes, where many are to be written."""


class Stores:
    """Stores by the size of their trace, each made when it is first asked for.

    Those of the peer are kept from one run to the next, by the size and the program that made them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Trace] = {}

    def trace(self, size: str) -> tuple[Path, Trace]:
        """Return the file with a trace, and what it is asked about."""
        path = self._folder / f"{size}.db"
        if size not in self._made:
            with lineage.connect(path) as store:
                self._made[size] = write_trace(store, TRACES[size])
        return path, self._made[size]

    def memory(self, size: str) -> lineage.Store:
        """Return a new store in memory with a trace."""
        store = lineage.connect("memory:")
        with lineage.connect(self.trace(size)[0], readonly=True) as file:
            file.copy_to(store)
        return store

    @contextmanager
    def copies(self, size: str, peer: Peer, folder: Path) -> Iterator[lineage.Store]:
        """Open copies of both systems' files with a trace, to write into."""
        path, _ = self.trace(size)
        shutil.copy(path, folder / "lineage.db")
        shutil.copy(self.of_peer(size), folder / "mlmd.db")
        peer.open(folder / "mlmd.db")
        with lineage.connect(folder / "lineage.db") as store:
            yield store

    def of_peer(self, size: str) -> Path:
        """Return a file of ML Metadata's with a trace."""
        program = Path(__file__).with_name("traces.py")
        return kept(f"{TRACES[size]}", program, self.trace(size)[0])


def kept(name: str, program: Path, source: Path) -> Path:
    """Return a file of ML Metadata's with what `program` wrote to a file of ours."""
    digest = hashlib.sha256(program.read_bytes()).hexdigest()[:12]
    path = KEPT / f"{digest}-{name}.db"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".new")
        made.unlink(missing_ok=True)
        with lineage.connect(source, readonly=True) as store:
            assert store.export_to(made, format="mlmd") == ()
        made.rename(path)
    return path


def fill(peer: Peer, store: lineage.Store) -> float:
    """Write a whole store into the peer's, which is empty, by its own calls; return the seconds they took."""
    types = {each.id: each for each in store.types() if each.id is not None}
    backend = store.backend
    spent = 0.0
    for each in types.values():
        if each.id is not None and each.id > len(SYSTEM_TYPES):
            wire = type_message(each)
            wire.ClearField("id")
            spent += _ask(peer, f"Put{each.kind.capitalize()}Type", {f"{each.kind}_type": wire})
    keys = []
    for kind in Kind:
        rows = backend.find(kind)
        keys += [row.key for row in rows]
        for part in _parts(rows):
            wires = [_new(row, types) for row in part]
            spent += _ask(peer, f"Put{kind.capitalize()}s", {f"{kind}s": wires})
    edges = backend.edges(keys, Direction.DOWNSTREAM)
    events = [row for row in edges if row.kind < EdgeKind.ATTRIBUTION]
    for part in _parts(events):
        spent += _ask(peer, "PutEvents", {"events": [_event(row) for row in part]})
    for part in _parts([row for row in edges if row.kind >= EdgeKind.ATTRIBUTION]):
        spent += _ask(peer, "PutAttributionsAndAssociations", _members(part))
    return spent


def _ask(peer: Peer, call: str, fields: dict[str, Any]) -> float:
    return sum(peer.ask(call, fields)[0])


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


def _new(row: NodeRow, types: Any) -> Message:
    """Return a node as it is put for the first time."""
    wire = message(row.key.kind.capitalize())()
    fill_node(wire, row, types)
    wire.ClearField("id")
    wire.ClearField("type")
    return wire


def _event(row: EdgeRow) -> Message:
    wire = message("Event")()
    fill_event(wire, row)
    return wire


def _members(rows: Iterable[EdgeRow]) -> dict[str, list[dict[str, int]]]:
    fields: dict[str, list[dict[str, int]]] = {"attributions": [], "associations": []}
    for row in rows:
        name, end = (
            ("attributions", "artifact_id")
            if row.kind is EdgeKind.ATTRIBUTION
            else ("associations", "execution_id")
        )
        fields[name].append({"context_id": row.source.id, end: row.target.id})
    return fields
