"""Finding nodes by filters, twenty a page, beside ML Metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import lineage
from benchmarks.beside import TABLE, Peer, asked, race, timed
from benchmarks.plain import plain
from benchmarks.stores import Stores, fill
from benchmarks.traces import TYPES
from lineage import Artifact

LIMIT = 20
FILTERS = {
    "by an indexed property": "properties.version.int_value = 7",
    "by a property without an index, few": "properties.day.int_value = 7",
    "by a property without an index, many": "properties.accuracy.double_value > 0.905",
    "by a property without an index, none": "properties.accuracy.double_value > 0.95",
    "by a context's name": "contexts_a.name = 'cold/3'",
    "by an execution's id": "events_e.execution_id = 50",
    "by a beginning of the URI": "uri LIKE 's3://models/cold/3/%'",
    "by type and part of the URI": "type = 'Model' AND uri LIKE '%/cold/3/1'",
    "by type": "type = 'PushedModel'",
}


@pytest.fixture(scope="module", params=[("8k", "memory"), ("268k", "file")], ids="-".join)
def store(
    request: pytest.FixtureRequest,
    stores: Stores,
    peer: Peer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[lineage.Store]:
    """A trace with an index of ours; the peer has the same nodes open."""
    size, backend = request.param
    folder: Path = tmp_path_factory.mktemp("filters")
    if backend == "memory":
        with stores.memory(size) as store:
            peer.open()
            fill(peer, store)
            store.put(TYPES[1].replace(indexed=["version"]))
            yield store
    else:
        with stores.copies(size, peer, folder) as store:
            store.put(TYPES[1].replace(indexed=["version"]))
            yield store


@pytest.mark.parametrize("what", FILTERS)
def bench_filter(
    request: pytest.FixtureRequest, store: lineage.Store, peer: Peer, what: str
) -> None:
    size, backend = request.node.callspec.params["store"]
    text = FILTERS[what]
    options = {"max_result_size": LIMIT, "filter_query": text}
    raced = race(
        timed(lambda _: text, lambda text: store.find(Artifact, text, limit=LIMIT)),
        asked(peer, "GetArtifacts", lambda _: {"options": options}),
    )
    ours, theirs = map(plain, raced.answers)
    assert ours == theirs
    assert bool(ours) != what.endswith("none")
    TABLE.add("filters", f"{what}, in {size}", backend, raced, answer=len(ours))
