"""Upstream and downstream in traces of several sizes, beside ML Metadata and graph libraries.

Small answers in stores of four sizes, the closure of most of a store, and answers of many sizes.
Whole answers are nodes and events on both sides. ML Metadata's client, where it is told nothing,
asks for the nodes' contexts as well: those rows have them on both sides.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

import lineage
from benchmarks import references
from benchmarks.beside import TABLE, Peer, Raced, Side, asked, measured, race, timed
from benchmarks.stores import Stores, fill
from benchmarks.traces import WINDOW, Trace
from lineage import Context, Kind, Limits, NodeKey
from lineage.answers.subgraph import Subgraph
from lineage.contract.walking import Direction
from lineage.filters.tree import Column, Field, In
from lineage.mlmd.messages import Message, message
from lineage.model.entities import Edge
from lineage.model.rows import EdgeKind, edge_of

NUMBERS = {Direction.UPSTREAM: 1, Direction.DOWNSTREAM: 2}
HOPS = 8
UNLIMITED = Limits(nodes=None)
WHOLE = ["artifacts", "executions", "events"]
WITH_CONTEXTS = [*WHOLE, "contexts", "attributions", "associations"]
MEMBERS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION})
Ids = set[tuple[Kind, int]]
LARGEST = [("268k", "file"), ("268k", "memory")]


def at(*places: tuple[str, str]) -> pytest.MarkDecorator:
    """Measure at these places alone."""
    return pytest.mark.parametrize("place", places, indirect=True, ids="-".join, scope="module")


@dataclass
class Place:
    """A trace in a store of ours and of the peer's; `beside` says where the peer's is."""

    size: str
    backend: str
    store: lineage.Store
    trace: Trace
    peer: Peer
    beside: str = "ML Metadata"

    def race(self, group: str, workload: str, ours: Side, theirs: Side) -> tuple[Any, Any]:
        """Let both do the same, keep what it took and return the last answers."""
        raced = race(ours, theirs)
        count = len(raced.answers[0].keys)
        more = {"peer": self.beside, "size": self.trace.nodes, "answer": count}
        workload = f"{workload}, in {self.size}"
        TABLE.add(group, workload, self.backend, raced, **more)
        return raced.answers


@pytest.fixture(
    scope="module",
    params=[(size, backend) for size in ("8k", "80k", "268k") for backend in ("file", "memory")],
    ids="-".join,
)
def place(request: pytest.FixtureRequest, stores: Stores, peer: Peer) -> Iterator[Place]:
    """ML Metadata's own store in memory takes too long to fill where it is large: its file it is."""
    size, backend = request.param
    path, trace = stores.trace(size)
    with lineage.connect(path, readonly=True) if backend == "file" else stores.memory(size) as ours:
        if (size, backend) == ("8k", "memory"):
            peer.open()
            fill(peer, ours)
            yield Place(size, backend, ours, trace, peer)
        else:
            peer.open(stores.of_peer(size))
            beside = "ML Metadata" if backend == "file" else "ML Metadata, file"
            yield Place(size, backend, ours, trace, peer, beside)


def options(start: NodeKey, direction: Direction, hops: int) -> dict[str, Any]:
    """Return a question as ML Metadata takes it."""
    return {
        "starting_artifacts": {"filter_query": f"id = {start.id}"},
        "direction": NUMBERS[direction],
        "max_num_hops": hops,
    }


def client(peer: Peer, question: dict[str, Any], parts: list[str]) -> Side:
    """Return the peer's side: the method of its client, which asks several calls."""
    wire = message("LineageSubgraphQueryOptions")(**question).SerializeToString()
    encoded = base64.b64encode(wire).decode()

    def side(numbers: range) -> tuple[list[float], Any]:
        times, last = peer.do("lineage", encoded, parts, len(numbers))
        graph = message("LineageGraph").FromString(base64.b64decode(last))
        return [each / 1e9 for each in times], graph

    return side


def looked_at(graph: Subgraph) -> Subgraph:
    """Return an answer once its nodes and edges are made."""
    assert graph.nodes
    assert graph.edges
    return graph


class InContexts(NamedTuple):
    """An answer with the contexts of its nodes."""

    graph: Subgraph
    memberships: list[Edge]
    contexts: Sequence[Context]

    @property
    def keys(self) -> Sequence[NodeKey]:
        return self.graph.keys


def in_contexts(store: lineage.Store, graph: Subgraph) -> InContexts:
    """Return an answer with the contexts of its nodes, all looked at."""
    rows = store.backend.edges(looked_at(graph).keys, Direction.UPSTREAM, kinds=MEMBERS)
    numbers = tuple(sorted({row.source.id for row in rows}))
    contexts = store.find(Context, In(Column(Field.ID), numbers))
    return InContexts(graph, [edge_of(row) for row in rows], contexts)


def ids(keys: Iterable[NodeKey]) -> Ids:
    return {(key.kind, key.id) for key in keys}


def their_ids(graph: Message) -> Ids:
    return {(Kind.ARTIFACT, each.id) for each in graph.artifacts} | {
        (Kind.EXECUTION, each.id) for each in graph.executions
    }


def ask_both(place: Place, group: str, start: NodeKey, direction: Direction, limits: Limits) -> Ids:
    """Race for the ids alone and for the whole answer; return the ids."""
    question = options(start, direction, limits.hops or 20)
    request = {
        "lineage_subgraph_query_options": question,
        "read_mask": {"paths": ["artifacts", "executions"]},
    }
    walk = place.store.backend.walk
    ours, theirs = place.race(
        group,
        "ids only",
        timed(lambda _: [start], lambda s: walk(s, direction, limits=limits, edges=False)),
        asked(place.peer, "GetLineageSubgraph", lambda _: request),
    )
    assert ids(ours.keys) == their_ids(theirs.lineage_subgraph)
    follow = place.store.upstream if direction is Direction.UPSTREAM else place.store.downstream
    whole, graph = place.race(
        group,
        "whole",
        timed(lambda _: start, lambda s: looked_at(follow(s, limits=limits))),
        client(place.peer, question, WHOLE),
    )
    assert ids(whole.keys) == ids(node.key for node in whole.nodes) == their_ids(graph)
    assert len(whole.edges) == len(graph.events)
    found, graph = place.race(
        group,
        "whole, with contexts",
        timed(lambda _: start, lambda s: in_contexts(place.store, follow(s, limits=limits))),
        client(place.peer, question, WITH_CONTEXTS),
    )
    assert {each.id for each in found.contexts} == {each.id for each in graph.contexts}
    assert len(found.memberships) == len(graph.attributions) + len(graph.associations)
    return ids(ours.keys)


def bench_upstream(place: Place) -> None:
    """The model, its training, eleven spans and their ingestions: 24 nodes."""
    start = place.trace.last_cold_model
    found = ask_both(
        place, "upstream of the last model", start, Direction.UPSTREAM, Limits(hops=20)
    )
    assert len(found) == 2 + 2 * WINDOW


def bench_downstream(place: Place) -> None:
    """As far as eight hops, which both can be told."""
    limits = Limits(hops=HOPS, nodes=None)
    start = place.trace.first_span
    ask_both(place, "8 hops downstream of the first span", start, Direction.DOWNSTREAM, limits)


def bench_upstream_of_two_million(stores: Stores) -> None:
    """Ours alone, for the curve."""
    path, trace = stores.trace("2M")
    start = trace.last_cold_model
    with lineage.connect(path, readonly=True) as store:
        walk = store.backend.walk
        for what, ask in (
            ("ids only", lambda: walk([start], Direction.UPSTREAM, edges=False)),
            ("whole", lambda: looked_at(store.upstream(start))),
            ("whole, with contexts", lambda: in_contexts(store, store.upstream(start))),
        ):
            times, answer = measured(ask, rounds=50)
            assert len(answer.keys) == 2 + 2 * WINDOW
            more = {"size": trace.nodes, "answer": len(answer.keys)}
            TABLE.add("upstream of the last model", f"{what}, in 2M", "file", Raced(times), **more)


# The closure


CLOSURE = "everything downstream of the first span"


@at(*LARGEST)
def bench_closure(place: Place) -> None:
    """Most of the store; ML Metadata has no call for it, so its client walks level by level."""
    start, store = place.trace.first_span, place.store
    walk = store.backend.walk
    for what, whole, call in (
        (
            "ids only",
            False,
            lambda: walk([start], Direction.DOWNSTREAM, limits=UNLIMITED, edges=False),
        ),
        ("whole", True, lambda: store.downstream(start, limits=UNLIMITED)),
        (
            "whole, every node and edge looked at",
            True,
            lambda: looked_at(store.downstream(start, limits=UNLIMITED)),
        ),
    ):
        answer, told = _race_closure(place, what, call, whole=whole)
        assert len(answer.keys) == place.trace.closure
        kinds = [
            [key.id for key in answer.keys if key.kind is kind]
            for kind in (Kind.ARTIFACT, Kind.EXECUTION)
        ]
        assert told == [*map(len, kinds), *map(sum, kinds)]


def _race_closure(
    place: Place, what: str, call: Callable[[], Any], *, whole: bool
) -> tuple[Any, list[int]]:
    """Let both walk in turn; return our answer and what the peer tells of its own."""
    raced = Raced()
    answer, told = None, []
    for _ in range(1 if "looked at" in what else 2):  # which takes long
        took, *told = place.peer.do("downstream", place.trace.first_span.id, whole)
        answer = None  # the one before is no part of what is measured
        times, answer = measured(call, rounds=1)
        raced.add(times[0], took / 1e9)
    more = {"peer": place.beside, "size": place.trace.nodes, "answer": place.trace.closure}
    TABLE.add(CLOSURE, what, place.backend, raced, **more)
    return answer, told


# The cost of an answer


@at(LARGEST[0])
def bench_answers(place: Place) -> None:
    """Ours alone, in the largest store: what an answer costs by how many nodes it has."""
    for count in (10, 100, 1_000, 10_000, 100_000):
        limits = Limits(nodes=min(count, place.trace.closure))
        start = place.trace.first_span
        times, answer = measured(
            lambda limits=limits, start=start: place.store.downstream(start, limits=limits),
            rounds=max(3, 10_000 // count),
        )
        assert len(answer) == limits.nodes
        more = {"size": place.trace.nodes, "answer": len(answer)}
        TABLE.add("answers of a size", f"{count:,} nodes downstream", "file", Raced(times), **more)


# The limit


@pytest.fixture(scope="module")
def numbered(place: Place) -> tuple[references.Pairs, int]:
    return references.pairs(place.store)


@at(LARGEST[1])
@pytest.mark.parametrize("name", references.REFERENCES)
def bench_references(place: Place, numbered: tuple[references.Pairs, int], name: str) -> None:
    """The same ids from graphs that hold nothing but ids, which others walk."""
    pairs, first = numbered
    times, ask = measured(lambda: references.REFERENCES[name](pairs), rounds=1)
    TABLE.facts[f"milliseconds to build the graph of {name}"] = times[0] * 1e3
    for question, direction, start in (
        ("24 nodes upstream, ids only", Direction.UPSTREAM, place.trace.last_cold_model),
        ("the closure, ids only", Direction.DOWNSTREAM, place.trace.first_span),
    ):
        raced = _race_reference(place, ask, start, direction, first)
        keys = raced.answers[0].keys
        numbers = {references.number(key, first) for key in keys}
        begin = references.number(start, first)
        assert numbers == {begin, *map(int, raced.answers[1])}
        more = {"peer": name, "size": place.trace.nodes, "answer": len(keys)}
        TABLE.add("beside graphs of ids", question, "memory", raced, **more)


def _race_reference(
    place: Place, ask: references.Ask, start: NodeKey, direction: Direction, first: int
) -> Raced:
    walk = place.store.backend.walk
    return race(
        timed(
            lambda _: [start],
            lambda starts: walk(starts, direction, limits=UNLIMITED, edges=False),
        ),
        timed(lambda _: references.number(start, first), lambda n: ask(n, direction)),
    )
