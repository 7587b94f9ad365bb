"""Writing a whole trace into an empty store, beside ML Metadata and bare SQLite; and what it takes there.

What both are given, entities and messages, is made before: the calls alone are timed. ML Metadata
gets nodes and edges in calls of a thousand; ours the same, and also run by run as pipelines write.
"""

from __future__ import annotations

import gc
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import lineage
from benchmarks.beside import TABLE, Peer, Raced
from benchmarks.footprint import footprint
from benchmarks.plain import plain
from benchmarks.sizes import SMALL, TRACES
from benchmarks.stores import BATCH_ROWS, Stores, fill
from benchmarks.traces import TYPES, write_trace
from lineage import Artifact, Execution
from lineage.contract.walking import Direction
from lineage.model.entities import Entity, Node
from lineage.model.rows import edge_of

GROUP = "bulk ingest"
THOUSAND = "in calls of a thousand"
ROUNDS = {"8k": 1 if SMALL else 3, "80k": 1}


class Watched:
    """A store that says how long writing took, without what makes the entities."""

    def __init__(self, store: lineage.Store) -> None:
        self._store = store
        self.spent = 0.0

    def put(self, given: Sequence[Entity]) -> Any:
        return self._timed(self._store.put, given)

    @contextmanager
    def transaction(self, *, message: str = "") -> Iterator[Watched]:
        with ExitStack() as stack:
            self._timed(stack.enter_context, self._store.transaction(message=message))
            yield self
            self._timed(stack.close)

    def _timed(self, call: Callable[..., Any], *given: Any) -> Any:
        began = time.perf_counter()
        answer = call(*given)
        self.spent += time.perf_counter() - began
        return answer


def in_parts(source: lineage.Store) -> list[list[Entity]]:
    """Return all nodes as new ones and all edges, in the order of `fill`; nodes get the same ids."""
    found: list[list[Entity]] = []
    keys = []
    for cls in (Artifact, Execution, lineage.Context):
        nodes: list[Node] = [*source.find(cls)]
        keys += [node.key for node in nodes]
        found.append([each.replace(id=None, create_time=None, update_time=None) for each in nodes])
    edges = source.backend.edges(keys, Direction.DOWNSTREAM)
    found.append([edge_of(row) for row in edges])
    return [part[n : n + BATCH_ROWS] for part in found for n in range(0, len(part), BATCH_ROWS)]


def newest(peer: Peer, call: str) -> Any:
    """Return the last hundred nodes."""
    options = {"max_result_size": 100, "order_by_field": {"field": 3, "is_asc": False}}
    return peer.ask(call, {"options": options})[1]


@pytest.mark.parametrize("backend", ["file", "memory"])
@pytest.mark.parametrize("size", ROUNDS)
def bench_ingest(stores: Stores, peer: Peer, tmp_path: Path, size: str, backend: str) -> None:
    path, trace = stores.trace(size)
    ways = {THOUSAND: Raced(), "run by run": Raced()}
    with lineage.connect(path, readonly=True) as source:
        parts = in_parts(source)
        for number in range(ROUNDS[size]):
            made = tmp_path / f"{number}.mlmd"
            peer.open(made if backend == "file" else "")
            theirs = fill(peer, source)
            for way, raced in ways.items():
                url = tmp_path / f"{number} {way}.db" if backend == "file" else "memory:"
                with lineage.connect(url) as store:
                    raced.add(_write(store, size, parts if way == THOUSAND else None), theirs)
                    _compare(store, source, peer)
    more = {"size": trace.nodes}
    for way, raced in ways.items():
        TABLE.add(GROUP, f"a trace of {size}, {way}", backend, raced, **more)
    if backend == "file":
        bare = Raced(ways[THOUSAND].ours, _bare(path, tmp_path, ROUNDS[size]))
        workload = f"a trace of {size}, the same rows"
        TABLE.add(GROUP, workload, backend, bare, peer="bare sqlite3", **more)
        fact = f"bytes per node in a file of {size}: ML Metadata's, written by its own calls"
        TABLE.facts[fact] = made.stat().st_size / trace.nodes


def _compare(store: lineage.Store, source: lineage.Store, peer: Peer) -> None:
    """Compare what was written with the peer's last nodes, and with the edges of the source."""
    for cls, call in ((Artifact, "GetArtifacts"), (Execution, "GetExecutions")):
        last = store.find(cls, order_by="id", descending=True, limit=100)
        assert plain(last) == plain(newest(peer, call))
    assert _edges(store) == _edges(source)


def _write(store: lineage.Store, size: str, parts: list[list[Entity]] | None) -> float:
    """Write a trace, from entities or as its runs are made; return the seconds that calls took."""
    watched = Watched(store)
    gc.collect()
    if parts is None:
        write_trace(watched, TRACES[size])  # type: ignore[arg-type]
    else:
        watched.put(TYPES)
        for part in parts:
            watched.put(part)
    return watched.spent


def _edges(store: lineage.Store) -> int:
    keys = [row.key for kind in lineage.Kind for row in store.backend.find(kind)]
    return len(store.backend.edges(keys, Direction.DOWNSTREAM))


def _bare(path: Path, folder: Path, rounds: int) -> list[float]:
    """Insert a file's rows into the same tables, in one transaction; return the seconds."""
    tables, statements = _content(path)
    times = []
    for number in range(rounds):
        times.append(_insert(folder / f"{number} bare.db", statements, tables))
        assert _content(folder / f"{number} bare.db")[0] == tables
    return times


def _content(path: Path) -> tuple[dict[str, list[tuple[Any, ...]]], list[str]]:
    """Return the rows of each table, and the statements that make the tables and their indexes."""
    file = sqlite3.connect(path)
    made = file.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    ).fetchall()
    tables = {
        name: file.execute(f"SELECT * FROM {name}").fetchall()
        for kind, name, _ in made
        if kind == "table" and not name.startswith("sqlite_")
    }
    file.close()
    return tables, [sql for _, name, sql in made if not name.startswith("sqlite_")]


def _insert(path: Path, statements: list[str], tables: dict[str, list[tuple[Any, ...]]]) -> float:
    gc.collect()
    began = time.perf_counter()
    file = sqlite3.connect(path, isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=FULL")
    file.execute("BEGIN IMMEDIATE")
    for statement in statements:
        file.execute(statement)
    for name, rows in tables.items():
        if rows:
            places = ", ".join("?" * len(rows[0]))
            file.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
    file.execute("COMMIT")
    took = time.perf_counter() - began
    file.close()
    return took


@pytest.mark.parametrize("size", ["8k", "80k", "268k"])
def bench_file_size(stores: Stores, size: str) -> None:
    """History and digests included; ML Metadata's has neither."""
    path, trace = stores.trace(size)
    for whose, file in (("ours", path), ("ML Metadata's", stores.of_peer(size))):
        fact = f"bytes per node in a file of {size}: {whose}"
        TABLE.facts[fact] = file.stat().st_size / trace.nodes
        assert TABLE.facts[fact] > 0


def bench_memory(stores: Stores) -> None:
    """Beside a graph of NetworkX's and its dictionaries, with neither history nor indexes."""
    path, trace = stores.trace("80k")
    warm, _ = stores.trace("8k")
    ours, theirs = (footprint(whose, warm, path) / trace.nodes for whose in ("ours", "theirs"))
    TABLE.facts["bytes per node in memory: ours"] = ours
    TABLE.facts["bytes per node in memory: NetworkX's"] = theirs
    TABLE.facts["memory per node, times NetworkX's"] = ours / theirs
    assert theirs > 0
