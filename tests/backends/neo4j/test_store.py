"""A store in Neo4j beside others: strangers' graphs, processes, servers that are killed, lost answers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import lineage
from lineage import Artifact, Context, Dataset, Execution, Model, Store
from lineage.backends.neo4j import backend
from lineage.backends.neo4j.connections import Work
from lineage.errors import BackendError, Conflict, Corrupt, LineageError, NotFound, Unavailable
from tests.actors import Actor, pair
from tests.backends.files import in_thread, models
from tests.servers import Neo4jServer, round_trips


@pytest.fixture
def store(neo4j_server: Neo4jServer) -> Iterator[Store]:
    with lineage.connect(neo4j_server.url, actor="ann") as store:
        yield store


def contents(server: Neo4jServer) -> list[object]:
    """Return everything in a database, its constraints and indexes too."""
    return [
        server.run("MATCH (n) RETURN labels(n), properties(n) ORDER BY elementId(n)"),
        server.run("MATCH ()-[r]->() RETURN type(r), properties(r) ORDER BY elementId(r)"),
        server.run("SHOW CONSTRAINTS YIELD name"),
        server.run("SHOW INDEXES YIELD name"),
    ]


def test_thread_does_not_wait_for_itself(neo4j_server: Neo4jServer, store: Store) -> None:
    with lineage.connect(neo4j_server.url) as other:
        with store.transaction():
            pair(store, "first")
            with pytest.raises(Conflict, match="another connection"):
                pair(other, "refused")
        pair(other, "second")
        assert models(store) == ["first", "second"]


# Opening


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("CREATE (:Person {name: 'Ann'})-[:KNOWS]->(:Person)", "another graph .Person."),
        ("CREATE ()", "another graph .nodes without a label."),
        ("CREATE (:LineageStore {name: 'lineage', format: 4})", "format 4.*upgrade"),
        (
            "CREATE (:LineageStore {name: 'lineage', format: 1})",
            "format 1, which was never released; make a new store",
        ),
        ("CREATE (:LineageStore), (:LineageStore)", "2 stores"),
    ],
)
def test_graph_of_somebody_else_is_refused_untouched(
    graph: str, said: str, readonly: bool, neo4j_server: Neo4jServer
) -> None:
    neo4j_server.run(graph)
    before = contents(neo4j_server)
    with pytest.raises(Corrupt, match=said) as caught:
        lineage.connect(neo4j_server.url, readonly=readonly)
    assert neo4j_server.password not in str(caught.value)
    assert contents(neo4j_server) == before


def test_reading_makes_nothing(neo4j_server: Neo4jServer) -> None:
    neo4j_server.drop_schema(all=True)
    before = contents(neo4j_server)
    with pytest.raises(NotFound, match="holds no store"):
        lineage.connect(neo4j_server.url, readonly=True)
    assert contents(neo4j_server) == before


def test_many_processes_make_one_store(neo4j_server: Neo4jServer) -> None:
    neo4j_server.drop_schema(all=True)
    with ExitStack() as stack:
        actors = [stack.enter_context(Actor("create", n)) for n in range(4)]
        assert {actor.said() for actor in actors} == {"ready"}
        for actor in actors:
            actor.tell(neo4j_server.url)
        assert max(int(actor.said()) for actor in actors) == 4
    assert neo4j_server.run("MATCH (s:LineageStore) RETURN s.number") == [[4]]
    with lineage.connect(neo4j_server.url, readonly=True) as store:
        assert store.check() == []


# Writers


def test_processes_lose_and_double_nothing(neo4j_server: Neo4jServer) -> None:
    writers, quota = 6, 15
    lineage.connect(neo4j_server.url).close()
    with ExitStack() as stack:
        actors = [
            stack.enter_context(Actor("write", neo4j_server.url, n, quota)) for n in range(writers)
        ]
        assert {actor.said() for actor in actors} == {"ready"}
        for actor in actors:
            actor.tell()
        assert {actor.said() for actor in actors} == {"done"}
    with lineage.connect(neo4j_server.url) as store:
        assert store.check() == []
        log = store.log()
        assert [entry.number for entry in log] == list(range(writers * quota, 0, -1))
        assert Counter(entry.actor for entry in log) == {str(n): quota for n in range(writers)}
        assert sorted(map(str, models(store))) == sorted(
            f"{writer}/{turn}" for writer in range(writers) for turn in range(quota)
        )


def test_writer_that_is_killed_lets_go(neo4j_server: Neo4jServer) -> None:
    lineage.connect(neo4j_server.url).close()
    with Actor("hold", neo4j_server.url) as actor:
        assert actor.said() == "holding"
        actor.kill()
    with lineage.connect(neo4j_server.url) as store:
        pair(store, "after")
        assert models(store) == ["after"]
        assert store.check() == []


def test_recording_a_run_takes_seven_round_trips(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Trainer(lineage.Train):
        learning_rate: float

    class Experiment(lineage.Context):
        pass

    def record(turn: int) -> None:
        store.record(
            Trainer(learning_rate=0.1, name=f"run {turn}"),
            inputs=[Dataset(uri="s3://a"), Dataset(uri="s3://b", name="b")],
            outputs=[Model(uri=f"s3://m/{turn}"), Model(name=f"m {turn}")],
            within=[Experiment(name="churn")],
        )

    record(0)
    record(1)
    with round_trips(caplog) as trips:
        record(2)
    # Four, and three more for what is at the URI that has no name: who wrote it when, its content,
    # and whether it is in the context already.
    assert trips() == 7
    assert (len(store.find(Artifact)), len(store.find(Execution)), len(store.find(Context))) == (
        8,
        3,
        1,
    )


def test_tree_over_heads_takes_no_round_trip(
    store: Store, neo4j_server: Neo4jServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever wrote last: what it takes to go on comes with the lock."""
    store.put(Dataset(uri="s3://a"))
    counts = set()
    with lineage.connect(neo4j_server.url, actor="bob") as other:
        other.put(Dataset(uri="s3://a"))
        for writer in (store, other, other, store, store, other):
            with round_trips(caplog) as trips:
                writer.put(Dataset(uri="s3://a"))
            counts.add(trips())
        assert len(counts) == 1
        assert other.backend.now() == 8
    assert store.check() == []


def test_interrupt_right_after_the_lock_lets_go(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("WriteBuffer", "head_row"):
        pair(store, f"before {name}")
        monkeypatch.setattr(backend, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            pair(store, "interrupted")
        monkeypatch.undo()
        assert "interrupted" not in models(store)
    in_thread(lambda: pair(store, "from another thread"))
    assert models(store)[-1] == "from another thread"


@pytest.mark.parametrize("lost", ["LineageStore", "LineageGate"])
def test_store_without_its_own_nodes_is_corrupt(
    lost: str, store: Store, neo4j_server: Neo4jServer
) -> None:
    neo4j_server.run(f"MATCH (s:{lost}) DELETE s")
    with pytest.raises(Corrupt, match="holds 0 stores"):
        pair(store, "a")
    assert neo4j_server.run("MATCH (n:LineageNode) RETURN n") == []


# A connection that breaks


def test_server_that_is_killed_keeps_what_it_acknowledged(neo4j_container: Neo4jServer) -> None:
    with lineage.connect(neo4j_container.url) as store:
        pair(store, "before")
        with pytest.raises(LineageError), store.transaction():  # noqa: PT012
            pair(store, "interrupted")
            assert models(store) == ["before", "interrupted"]
            neo4j_container.stop()
            models(store)
        with pytest.raises(Unavailable):
            store.find(Model)
        neo4j_container.start()
        assert models(store) == ["before"]
        pair(store, "after")
        assert models(store) == ["before", "after"]
        assert store.backend.now() == 2
        assert store.check() == []


def test_commit_whose_answer_is_lost_took_place(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Work.commit

    def lose(self: Work) -> None:
        commit(self)
        raise Unavailable("the connection broke")

    monkeypatch.setattr(Work, "commit", lose)
    pair(store, "once")
    monkeypatch.undo()
    assert models(store) == ["once"]
    assert store.backend.now() == 1


def test_commit_that_did_not_arrive_may_be_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, losses = Work.commit, [True]

    def lose(self: Work) -> None:
        if losses.pop() if losses else False:
            self.cut()
            raise Unavailable("the connection broke")
        commit(self)

    monkeypatch.setattr(Work, "commit", lose)
    with pytest.raises(Unavailable):
        pair(store, "lost")
    losses.append(True)
    store.transact(lambda own: pair(own, "again"))
    assert models(store) == ["again"]
    assert store.check() == []


def test_commit_that_nobody_knows_of_is_not_to_be_repeated(
    neo4j_container: Neo4jServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "RECONNECT", 0.1)
    with lineage.connect(neo4j_container.url) as store:
        store.backend.lock_timeout = 2.0

        def lose(self: Work) -> None:
            neo4j_container.stop()
            raise Unavailable("the connection broke")

        monkeypatch.setattr(Work, "commit", lose)
        with pytest.raises(BackendError, match="look at the log") as caught:
            pair(store, "unknown")
        assert not caught.value.retryable
        monkeypatch.undo()
        neo4j_container.start()
        assert models(store) == []


# Readers


def test_readers_never_see_half_a_transaction(store: Store) -> None:
    """Each transaction swaps the edges of a hub, whose number a reader must find at any moment."""
    hub = store.put(Execution(type="lineage.Train"))
    many = 20
    first = store.record(
        Execution(type="lineage.Train"), outputs=[Dataset(uri=f"s3://{n}") for n in range(many)]
    )
    events = store.put(
        [
            lineage.Event(artifact=each.key, execution=hub.key, type=lineage.EventType.INPUT)
            for each in first.outputs
        ]
    )
    done = threading.Event()

    def swap() -> None:
        held = list(events)
        while not done.is_set():
            with store.transaction():
                gone, held = held[:5], held[5:]
                store.delete(*gone)
                fresh = store.put([Dataset(uri="s3://fresh") for _ in gone])
                held += store.put(
                    [
                        lineage.Event(
                            artifact=each.key, execution=hub.key, type=lineage.EventType.INPUT
                        )
                        for each in fresh
                    ]
                )

    writer = threading.Thread(target=swap)
    writer.start()
    try:
        deadline, reads = time.monotonic() + 8, 0
        while time.monotonic() < deadline or reads < 20:
            answer = store.upstream(hub, limits=lineage.Limits(hops=1))
            assert len(answer) == many + 1
            assert len(answer.edges) == many
            reads += 1
    finally:
        done.set()
        writer.join()
    assert store.check() == []
