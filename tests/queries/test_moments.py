"""What changed in a lineage between two moments, under every backend, against two lineages that are read apart."""

import pickle
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage import Limits
from lineage.contract.walking import Direction
from lineage.errors import Invalid, LineageError, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeRow, edge_key
from lineage.queries.moments import Changed
from lineage.queries.view import lineage_of
from lineage.store import Store


class Night(lineage.Context):
    """A night's runs."""


def told(answer: Changed) -> dict[str, str]:
    return {str(each.node.key): each.what for each in answer.nodes}


def edges_told(answer: Changed) -> list[tuple[str, str, str]]:
    keys = [(each.what, edge_key(each.edge)) for each in answer.edges]
    return [(what, str(key.source), str(key.target)) for what, key in keys]


def fields(answer: Changed) -> dict[tuple[str, str], tuple[object, object]]:
    return {
        (str(each.node.key), change.field): (change.left, change.right)
        for each in answer.nodes
        for change in each.changes
    }


class World(NamedTuple):
    """A lake, and a model of it, in one transaction each."""

    store: Store
    lake: lineage.Dataset
    model: lineage.Model


@pytest.fixture
def world(store: Store) -> World:
    lake = store.put(lineage.Dataset(uri="s3://lake", custom_properties={"rows": 10, "old": True}))
    made = store.record(lineage.Train(name="fit"), inputs=[lake], outputs=[lineage.Model(name="m")])
    return World(store, lake, made.outputs[0])


def test_nothing_changed(world: World) -> None:
    store, lake, _ = world
    for answer in (store.since(lake, since=2), store.at(1).since(lake, since=1)):
        assert (answer.nodes, answer.edges, answer.notes) == ((), (), ())
        assert answer.truncated == ((), ())
    assert store.since(lake, since=2).unchanged == 3
    assert (store.since(lake, since=2).since, store.since(lake, since=2).number) == (2, 2)


def test_what_is_new(world: World) -> None:
    store, lake, _ = world
    answer = store.since(lake, since=1)
    assert told(answer) == {"artifact:2": "new", "execution:1": "new"}
    assert edges_told(answer) == [
        ("new", "artifact:1", "execution:1"),
        ("new", "execution:1", "artifact:2"),
    ]
    assert answer.unchanged == 1
    assert [node.key for node in answer.starts] == [lake.key]


def test_fields_go_by_the_names_of_blame(world: World) -> None:
    store, lake, model = world
    custom = {"rows": 11, "new": [1]}
    store.update(lake.replace(uri="s3://sea", custom_properties=custom))
    store.update(model.replace(name="churn", state=lineage.ArtifactState.LIVE))
    answer = store.since(model, since=2)
    assert told(answer) == {"artifact:1": "changed", "artifact:2": "changed"}
    assert fields(answer) == {
        ("artifact:1", "uri"): ("s3://lake", "s3://sea"),
        ("artifact:1", "custom_properties.new"): (None, [1]),
        ("artifact:1", "custom_properties.old"): (True, None),
        ("artifact:1", "custom_properties.rows"): (10, 11),
        ("artifact:2", "name"): ("m", "churn"),
        ("artifact:2", "state"): (None, "LIVE"),
    }
    store.update(store.get(model).replace(name="m", state=None))
    assert told(store.since(model, since=2)) == {"artifact:1": "changed"}, "it is as it was"
    assert fields(store.at(4).since(model, since=3)) == {
        ("artifact:2", "name"): ("m", "churn"),
        ("artifact:2", "state"): (None, "LIVE"),
    }


def test_deleted_restored_and_purged(world: World) -> None:
    store, lake, model = world
    store.delete(model)
    assert told(store.since(lake, since=2)) == {"artifact:2": "deleted"}
    assert told(store.since(lake, since=2, gone=False)) == {"artifact:2": "deleted"}
    assert edges_told(store.since(lake, since=2, gone=False)) == []
    store.restore(model.key)
    assert told(store.since(lake, since=3)) == {"artifact:2": "restored"}
    assert told(store.since(lake, since=3, gone=False)) == {"artifact:2": "restored"}
    assert store.since(lake, since=2).nodes == ()
    store.purge(store.get(model.key), reason="asked to")
    answer = store.since(lake, since=2)
    assert told(answer) == {"artifact:2": "purged"}
    assert answer.nodes[0].changes == (), "nobody knows what it was"
    assert told(store.at(3).since(lake, since=2)) == {"artifact:2": "purged"}, "of any moment"
    assert told(store.since(lake, since=0))["artifact:2"] == "new"
    assert store.since(lake, since=5).nodes == ()


def test_edges_that_ended_and_what_they_led_to(world: World) -> None:
    store, lake, model = world
    store.unlink(lake, "execution:1")
    answer = store.since(lake, since=2)
    assert told(answer) == {"artifact:2": "unreached", "execution:1": "unreached"}
    assert edges_told(answer) == [("ended", "artifact:1", "execution:1")]
    assert told(store.since(model, since=2)) == {"artifact:1": "unreached"}
    assert told(store.since(model, since=2, direction="downstream")) == {}
    store.update(lake.replace(name="far"))
    answer = store.since(model, since=2)
    assert [(each.what, len(each.changes)) for each in answer.nodes] == [("unreached", 1)]
    with store.extend(store.get("execution:1")) as run:
        run.input(lake.key)
    answer = store.since(model, since=3)
    assert told(answer) == {"artifact:1": "reached"}
    assert edges_told(answer) == [("new", "artifact:1", "execution:1")]
    (again,) = store.since(model, since=2).edges
    assert (again.what, [change.field for change in again.changes]) == ("changed", ["time"])


def test_a_path_more_changes_an_edge(world: World) -> None:
    store, lake, _ = world
    with store.extend(store.get("execution:1")) as run:
        run.input(lake.key, path="train")
    answer = store.since(lake, since=2)
    assert edges_told(answer) == [("changed", "artifact:1", "execution:1")]
    (change,) = answer.edges[0].changes
    assert (change.field, change.left, change.right) == ("path", None, "-, train")


def test_a_node_that_was_made_between(world: World) -> None:
    store, lake, model = world
    answer = store.since(model, since=1)
    assert told(answer) == {"artifact:2": "new", "execution:1": "new", "artifact:1": "reached"}
    assert answer.notes == (
        "artifact:2 was made after transaction 1: nothing led to or from it then",
    )
    assert told(store.since(model, lake, since=1)) == {"artifact:2": "new", "execution:1": "new"}
    answer = store.since(model, lake, since=0)
    assert set(told(answer).values()) == {"new"}
    assert answer.notes[0].startswith("artifact:2, artifact:1 were made after transaction 0")


def test_a_context_begins_at_its_members(world: World) -> None:
    store, lake, _ = world
    night = store.put(Night(name="1"))
    with store.run(lineage.Train(name="more"), within=night) as run:
        run.input(lake)
    answer = store.since(night, since=3)
    assert told(answer) == {"execution:2": "new", "artifact:1": "reached"}
    assert ("new", "context:1", "execution:2") in edges_told(answer)
    store.update(store.get(night).replace(name="one"))
    assert fields(store.since(night, since=store.backend.now() - 1)) == {
        ("context:1", "name"): ("1", "one")
    }
    view = store.since(night, since=3).view(by="Night")
    assert {mark.role for mark in view.marks} == {"new", "changed"}


def test_what_a_limit_cut_off_is_no_change(world: World) -> None:
    store, lake, _ = world
    answer = store.since(lake, since=1, limits=Limits(hops=1))
    assert told(answer) == {"execution:1": "new"}
    assert ([*answer.truncated[0]], [cut.limit for cut in answer.truncated[1]]) == ([], ["hops"])
    store.record(lineage.Process(), inputs=[lake], outputs=[lineage.Model(name="other")])
    for number in (1, 2):
        store.put(lineage.Dataset(name=f"unread {number}"))
    store.unlink(lake, "execution:1")
    answer = store.since(lake, since=2, limits=Limits(hops=1))
    assert told(answer) == {"execution:2": "new"}
    assert any("execution:1 is in one lineage" in note for note in answer.notes)
    assert edges_told(answer) == [
        ("new", "artifact:1", "execution:2"),
        ("ended", "artifact:1", "execution:1"),
    ]


def test_moments_are_those_of_at(world: World) -> None:
    store, lake, _ = world
    first = store.log()[-1].time
    assert store.since(lake, since=first).since == 1
    assert store.since(lake, since=first.isoformat()).since == 1
    assert store.since(lake, since="1970-01-01").since == 0
    with pytest.raises(NotFound, match="there is no transaction 9 yet"):
        store.since(lake, since=9)
    with pytest.raises(NotFound, match="as of transaction 1; it does not know 2"):
        store.at(1).since(lake, since=2)
    with pytest.raises(NotFound, match="there is no artifact:9"):
        store.since("artifact:9", since=1)
    with pytest.raises(NotFound, match="artifact:2"):
        store.at(1).since("artifact:2", since=1)
    with pytest.raises(Invalid, match="is not a time"):
        store.since(lake, since="soon")
    with pytest.raises(Invalid):
        store.since(lake, since=1, direction="sideways")


def test_within_a_transaction_the_later_moment_is_what_it_wrote(world: World) -> None:
    store, lake, _ = world
    with store.transaction():
        store.update(lake.replace(name="unsaid"))
        store.record(lineage.Train(name="now"), inputs=[lake.key])
        answer = store.since(lake, since=2)
        assert told(answer) == {"execution:2": "new", "artifact:1": "changed"}
    assert told(store.since(lake, since=2)) == told(answer)


def test_pictures_have_both(world: World) -> None:
    store, lake, _ = world
    store.unlink(lake, "execution:1")
    store.update(lake.replace(name="far"))
    for number in range(12):
        store.record(lineage.Train(), inputs=[lake.key], outputs=[lineage.Model(name=f"n{number}")])
    answer = store.since(lake, since=2)
    view = answer.view(budget=8)
    roles = {mark.label: mark.role for mark in view.marks}
    assert roles == {
        "far": "changed",
        "fit": "ended",
        "m": "ended",
        "Train ×12": "new",
        "Model ×12": "new",
    }
    assert "edges since transaction 2: 24 new, 1 ended" in view.notes
    picture = view.to_svg()
    assert "Changes of far" in picture
    assert "deleted, or no longer reached" in picture
    assert answer.view(show="artifacts").show == "artifacts"
    assert len(view.open_whole().marks) == 27
    with pytest.raises(Invalid):
        answer.view(budget=1)


def test_answers_are_values(world: World) -> None:
    store, lake, _ = world
    store.update(lake.replace(name="far"))
    answer = store.since(lake, since=1)
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert "name" in answer._repr_html_()
    assert "artifact:1 → execution:1 INPUT" in answer._repr_html_()


def test_as_a_frame(embedded: Store) -> None:
    lake = embedded.put(lineage.Dataset(name="lake"))
    embedded.record(lineage.Train(), inputs=[lake])
    embedded.update(lake.replace(name="far"))
    frame = embedded.since(lake, since=1).to_pandas()
    assert [*frame.columns] == [
        *("what", "of", "key", "target", "type", "field", "before", "after")
    ]
    assert [*frame.what] == ["new", "changed", "new"]
    assert [*frame.key] == ["execution:1", "artifact:1", "artifact:1"]
    assert frame.after[1] == "far"


# Random histories

STEP = st.tuples(st.integers(0, 9), st.integers(0, 7), st.integers(0, 7))


def do(store: Store, step: tuple[int, int, int]) -> None:
    """Write something at random; what cannot be done is left."""
    what, one, other = step
    artifact, execution = NodeKey(Kind.ARTIFACT, one + 1), NodeKey(Kind.EXECUTION, other + 1)
    try:
        if what <= 1:
            inputs = [artifact] if artifact in store.backend.nodes([artifact]) else []
            store.record(
                lineage.Train(),
                inputs=inputs,
                outputs=[lineage.Model(custom_properties={"x": other})],
            )
        elif what == 2:
            node = store.get(artifact)
            store.update(node.replace(name=f"n{one}{other}", custom_properties={"x": other % 3}))
        elif what == 3:
            store.delete((artifact, execution)[other % 2])
        elif what == 4:
            store.restore((artifact, execution)[other % 2])
        elif what == 5:
            store.unlink(artifact, execution)
        elif what == 6:
            store.purge(artifact, reason="asked to")
        elif what == 7:
            event = lineage.Event(
                artifact=artifact, execution=execution, type="INPUT", path=(f"p{one % 2}",)
            )
            store.put(event)
        elif what == 8:
            store.put(lineage.Event(artifact=artifact, execution=execution, type="OUTPUT"))
        else:
            store.put(lineage.Dataset(name=f"d{other}"))
    except LineageError:
        return


def said(store: Store, number: int, key: NodeKey) -> Mapping[str, object]:
    """Return what a node said at a moment, as `blame` knows it."""
    if number == 0:
        return {}
    fields = store.at(number).blame(key).fields
    return {each.field: each.value for each in fields if each.value is not None}


class Naive:
    """The answer from two lineages that are read apart, with every row of either moment."""

    def __init__(
        self, store: Store, start: NodeKey, earlier: int, later: int, direction: Direction
    ):
        every = [NodeKey(kind, number) for kind in Kind for number in range(1, 60)]
        backend = store.backend
        self.then = backend.nodes(every, as_of=earlier)
        self.now = backend.nodes(every, as_of=later)
        known = [start] if start in self.then else []
        graphs = [
            lineage_of(backend, starts, direction, as_of=number) if starts else None
            for starts, number in ((known, earlier), ([start], later))
        ]
        self.before, self.after = (
            {row.key for row in graph.nodes} if graph else set[NodeKey]() for graph in graphs
        )
        self.edges = {row.key for graph in graphs if graph for row in graph.edges}
        self.edges_then, self.edges_now = (
            {row.key: row for row in backend.edges(every, as_of=number)}
            for number in (earlier, later)
        )
        self.said = {
            key: (said(store, earlier, key), said(store, later, key))
            for key in self.then
            if key in self.before | self.after
        }

    def nodes(self) -> Iterator[tuple[NodeKey, str]]:
        for key in sorted(self.before | self.after):
            if (what := self.what(key)) is not None:
                yield key, what

    def what(self, key: NodeKey) -> str | None:
        if key not in self.then:
            return "new"
        was, there = not self.then[key].gone, not self.now[key].gone
        if was and not there:
            return "purged" if self.now[key].salt is None else "deleted"
        if there and not was:
            return "restored"
        if key not in self.before:
            return "reached"
        if key not in self.after:
            return "unreached"
        return "changed" if self.changes(key) else None

    def changes(self, key: NodeKey) -> dict[str, tuple[object, object]]:
        if self.now[key].salt is None:
            return {}
        old, new = self.said[key]
        return {
            name: (old.get(name), new.get(name))
            for name in {*old, *new}
            if old.get(name) != new.get(name)
        }

    def edges_told(self) -> set[tuple[str, EdgeKey]]:
        found = set()
        for key in self.edges:
            one, other = self.edges_then.get(key), self.edges_now.get(key)
            if one is None or other is None:
                found.add(("new" if one is None else "ended", key))
            elif _content(one) != _content(other):
                found.add(("changed", key))
        return found


def _content(row: EdgeRow) -> tuple[Any, ...]:
    return row.paths, row.time


def compare(store: Store, start: NodeKey, earlier: int, later: int, direction: Direction) -> None:
    naive = Naive(store, start, earlier, later, direction)
    answer = store.at(later).since(start, since=earlier, direction=direction)
    assert {(each.node.key, each.what) for each in answer.nodes} == {*naive.nodes()}
    for each in answer.nodes:
        changes = {change.field: (change.left, change.right) for change in each.changes}
        assert changes == (naive.changes(each.node.key) if each.what != "new" else {})
    assert {(each.what, edge_key(each.edge)) for each in answer.edges} == naive.edges_told()
    assert answer.unchanged + len(answer.nodes) == len(naive.before | naive.after)
    drawn = [key for mark in answer.view().marks for key in mark.keys]
    assert sorted(drawn) == sorted(naive.before | naive.after)


@settings(max_examples=60)
@given(st.lists(STEP, min_size=3, max_size=25), st.data())
def test_random_histories(steps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    with lineage.connect("memory:") as store:
        store.put(lineage.Dataset(name="first"))
        for step in steps:
            do(store, step)
        last = store.backend.now()
        later = data.draw(st.integers(1, last))
        earlier = data.draw(st.integers(0, later))
        keys = [
            NodeKey(kind, number)
            for kind in (Kind.ARTIFACT, Kind.EXECUTION)
            for number in range(1, 30)
        ]
        start = data.draw(st.sampled_from(sorted(store.backend.nodes(keys, as_of=later))))
        compare(store, start, earlier, later, data.draw(st.sampled_from(Direction)))


def test_a_random_history_on_every_backend(store: Store) -> None:
    draw = random.Random(7)
    store.put(lineage.Dataset(name="first"))
    for _ in range(40):
        do(store, (draw.randrange(10), draw.randrange(8), draw.randrange(8)))
    last = store.backend.now()
    start = NodeKey(Kind.ARTIFACT, 1)
    for earlier in range(0, last, 5):
        for later in range(max(earlier, 1), last + 1, 7):
            compare(store, start, earlier, later, Direction.BOTH)
