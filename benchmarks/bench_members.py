"""A context of sixty thousand members read by pages, beside ML Metadata, and a run with a thousand steps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import lineage
from benchmarks.beside import TABLE, Peer, Raced, asked, measured, race, timed
from benchmarks.plain import plain
from benchmarks.sizes import SMALL
from benchmarks.stores import BATCH_ROWS, kept
from benchmarks.traces import TYPES
from lineage import Association, Context, Execution, Kind, NodeKey

MEMBERS = 300 if SMALL else 60_000
STEPS = 20 if SMALL else 1_000
PAGE = 100
CONTEXT = NodeKey(Kind.CONTEXT, 1)


def write(store: lineage.Store) -> None:
    """Write a context with executions in it, of two types in turn."""
    store.put(TYPES)
    store.put(Context(type="PipelineRun", name="all"))
    for start in range(0, MEMBERS, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, MEMBERS))
        with store.transaction():
            runs = store.put([Execution(type=("Ingest", "Trainer")[n % 2]) for n in numbers])
            store.put([Association(context=CONTEXT, execution=run.key) for run in runs])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("members") / "lineage.db"
    with lineage.connect(path) as store:
        write(store)
    return path


@pytest.fixture(scope="module", params=["file", "memory"])
def store(request: pytest.FixtureRequest, written: Path) -> Iterator[lineage.Store]:
    with lineage.connect(written, readonly=True) as file:
        if request.param == "file":
            yield file
        else:
            with lineage.connect("memory:") as memory:
                file.copy_to(memory)
                yield memory


def bench_first_page(
    store: lineage.Store,
    peer: Peer,
    written: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    shutil.copy(kept(f"members-{MEMBERS}", Path(__file__), written), tmp_path / "mlmd.db")
    peer.open(tmp_path / "mlmd.db")
    backend = request.node.callspec.params["store"]
    text = f"contexts_a.id = {CONTEXT.id}"
    options = {"max_result_size": PAGE, "order_by_field": {"field": 3, "is_asc": True}}
    raced = race(
        timed(lambda _: text, lambda text: store.find(Execution, text, limit=PAGE)),
        asked(
            peer, "GetExecutionsByContext", lambda _: {"context_id": CONTEXT.id, "options": options}
        ),
    )
    ours, theirs = raced.answers
    assert plain(ours) == plain(theirs)
    beside = "ML Metadata" if backend == "file" else "ML Metadata, file"
    TABLE.add("a context", "100 of its members", backend, raced, peer=beside, size=MEMBERS)


def bench_page_in_the_middle(store: lineage.Store, request: pytest.FixtureRequest) -> None:
    """A page that begins where the one before ended, in the order of ids."""
    text = f"contexts_a.id = {CONTEXT.id}"
    half = store.find(Execution, f"{text} AND id <= {MEMBERS // 2}", descending=True, limit=1)
    first = store.find(Execution, text, limit=MEMBERS // 2)
    times, answer = measured(
        lambda: store.find(Execution, text, limit=PAGE, page=first.next), rounds=50
    )
    assert [each.id for each in answer] == [(half[0].id or 0) + n for n in range(1, PAGE + 1)]
    more = {"size": MEMBERS, "answer": PAGE}
    backend = request.node.callspec.params["store"]
    TABLE.add("a context", "100 of its members, from the middle", backend, Raced(times), **more)


def bench_show(store: lineage.Store, request: pytest.FixtureRequest) -> None:
    """What the context holds, counted by type within the default limit."""
    times, answer = measured(lambda: store.show(CONTEXT), rounds=3)
    assert sum(answer.member_counts.values()) == min(MEMBERS, 10_000)
    backend = request.node.callspec.params["store"]
    TABLE.add("a context", "show, at the default limit", backend, Raced(times), size=MEMBERS)


@pytest.mark.parametrize("backend", ["file", "memory"])
def bench_run_with_steps(backend: str, tmp_path: Path) -> None:
    """A search of many steps, each of which reads nothing and writes a model."""
    url = "memory:" if backend == "memory" else tmp_path / "steps.db"
    with lineage.connect(url) as store:
        with (
            store.transaction(),
            store.run(lineage.Train(name="search"), environment=False) as search,
        ):
            search.input(lineage.Dataset(name="data"), use="train")
            for number in range(STEPS):
                with search.step(lineage.Train()) as step:
                    step.output(lineage.Model(name=f"m{number}"))
        for workload, node, steps in (
            ("show of the run", str(search.key), STEPS),
            ("show of a step's model", "lineage.Model:m7", 0),
        ):
            times, answer = measured(lambda node=node: store.show(node), rounds=10)
            assert len(answer.steps) == steps
            TABLE.add("a run with steps", workload, backend, Raced(times), size=2 * STEPS)
        times, impact = measured(lambda: store.impact("lineage.Dataset:data"), rounds=5)
        assert len(impact.affected) == STEPS
        TABLE.add("a run with steps", "impact of its data", backend, Raced(times), size=2 * STEPS)
