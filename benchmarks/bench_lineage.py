"""Upstream and downstream in traces of several sizes, beside ML Metadata and graph libraries.

Small answers in stores of four sizes, the closure of most of a store, and answers of many sizes.
Whole answers of ML Metadata's are of nodes and events, as ours are: its contexts are not asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import lineage
from benchmarks import references
from benchmarks.beside import TABLE, Peer, Side, asked, measured, race, timed
from benchmarks.stores import Stores, fill
from benchmarks.traces import WINDOW, Trace
from lineage import Kind, Limits, NodeKey
from lineage.graph import Direction, Subgraph
from lineage.mlmd.messages import Message, message

NUMBERS = {Direction.UPSTREAM: 1, Direction.DOWNSTREAM: 2}
HOPS = 8
UNLIMITED = Limits(nodes=None)
WHOLE = ["artifacts", "executions", "events"]
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
        TABLE.add(group, workload, self.backend, raced.ours, raced.theirs, raced.ratios, **more)
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


def client(peer: Peer, question: dict[str, Any]) -> Side:
    """Return the peer's side: the method of its client, which asks several calls."""
    wire = message("LineageSubgraphQueryOptions")(**question).SerializeToString()
    encoded = base64.b64encode(wire).decode()

    def side(numbers: range) -> tuple[list[float], Any]:
        times, last = peer.do("lineage", encoded, WHOLE, len(numbers))
        graph = message("LineageGraph").FromString(base64.b64decode(last))
        return [each / 1e9 for each in times], graph

    return side


def looked_at(graph: Subgraph) -> Subgraph:
    """Return an answer once its nodes and edges are made."""
    assert graph.nodes
    assert graph.edges
    return graph


def ids(keys: Iterable[NodeKey]) -> Ids:
    return {(key.kind, key.id) for key in keys}


def their_ids(graph: Message) -> Ids:
    return {(Kind.ARTIFACT, each.id) for each in graph.artifacts} | {
        (Kind.EXECUTION, each.id) for each in graph.executions
    }


def ask_both(
    place: Place, group: str, start: NodeKey, direction: Direction, limits: Limits
) -> Ids:
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
        client(place.peer, question),
    )
    assert ids(whole.keys) == ids(node.key for node in whole.nodes) == their_ids(graph)
    assert len(whole.edges) == len(graph.events)
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
        ):
            times, answer = measured(ask, rounds=50)
            assert len(answer.keys) == 2 + 2 * WINDOW
            more = {"size": trace.nodes, "answer": len(answer.keys)}
            TABLE.add("upstream of the last model", f"{what}, in 2M", "file", times, **more)


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
    """Let both walk in turn, two rounds; return our answer and what the peer tells of its own."""
    our_times: list[float] = []
    their_times = []
    answer, told = None, []
    for _ in range(2):
        took, *told = place.peer.do("downstream", place.trace.first_span.id, whole)
        their_times.append(took / 1e9)
        answer = None  # the one before is no part of what is measured
        times, answer = measured(call, rounds=1)
        our_times += times
    ratios = [theirs / ours for ours, theirs in zip(our_times, their_times, strict=True)]
    more = {"peer": place.beside, "size": place.trace.nodes, "answer": place.trace.closure}
    TABLE.add(CLOSURE, what, place.backend, our_times, their_times, ratios, **more)
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
        TABLE.add("answers of a size", f"{count:,} nodes downstream", "file", times, **more)


# The limit


@at(LARGEST[1])
def bench_references(place: Place) -> None:
    """The same ids from graphs that hold nothing but ids, which others walk."""
    pairs, first = references.pairs(place.store)
    walk = place.store.backend.walk
    for name, build in references.REFERENCES.items():
        times, ask = measured(lambda build=build: build(pairs), rounds=1)
        TABLE.facts[f"milliseconds to build the graph of {name}"] = times[0] * 1e3
        for direction, start in (
            (Direction.UPSTREAM, place.trace.last_cold_model),
            (Direction.DOWNSTREAM, place.trace.first_span),
        ):
            raced = race(
                timed(
                    lambda _, start=start: [start],
                    lambda s, direction=direction: walk(
                        s, direction, limits=UNLIMITED, edges=False
                    ),
                ),
                timed(
                    lambda _, start=start: references.number(start, first),
                    lambda n, direction=direction: ask(n, direction),
                ),
            )
            keys = raced.answers[0].keys
            found = {int(each) for each in raced.answers[1]}
            assert found | {references.number(start, first)} == {
                references.number(key, first) for key in keys
            }
            question = "24 nodes upstream" if direction is Direction.UPSTREAM else "the closure"
            TABLE.add(
                "beside graphs of ids",
                f"{question}, ids only",
                "memory",
                raced.ours,
                raced.theirs,
                raced.ratios,
                peer=name,
                size=place.trace.nodes,
                answer=len(keys),
            )


