"""Copies: artifacts that no run wrote, with the digest of ones that runs wrote."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection

import pytest

import lineage
from lineage.contract.walking import Direction, Walk, walk_levels
from lineage.errors import Invalid, NotFound
from lineage.model.contents import digest_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, EdgeRow
from lineage.queries import copies, summary
from lineage.store import Store

DIGEST = "sha256:" + "0a" * 32
OTHER = "sha256:" + "0b" * 32
SHORT = "0a0a0a0a"


class Table(lineage.Dataset):
    pass


class Net(lineage.Model):
    pass


class Registered(lineage.Model):
    pass


class Fit(lineage.Train):
    pass


class Load(lineage.Process):
    pass


class Experiment(lineage.Context):
    pass


def content(digest: str = DIGEST) -> dict[str, str]:
    return {"digest": digest}


def trained(store: Store, name: str, data: NodeKey, digest: str = DIGEST) -> NodeKey:
    """Record a training that writes a model with a digest; return the model."""
    with store.run(Fit(name=f"fit {name}"), environment=False) as run:
        run.input(data)
        return run.output(Net(name=name, custom_properties=content(digest))).key


def put(store: Store, artifact: lineage.Artifact) -> NodeKey:
    return store.put(artifact).key


@pytest.fixture
def original(store: Store) -> NodeKey:
    """A model that a run wrote, whose digest others may have."""
    return trained(store, "m", put(store, Table(name="d")))


@pytest.fixture
def registered(store: Store, original: NodeKey) -> NodeKey:
    """A copy of that in a registry."""
    return put(store, Registered(uri="registry://m/1", custom_properties=content()))


def said_of(store: Store, key: NodeKey) -> list[str]:
    """Return the notes of `show` that speak of digests, which those of the walk upstream agree with."""
    told, walked = (
        [note for note in notes if "digest" in note]
        for notes in (store.show(key).notes, store.upstream(key).notes)
    )
    assert told == walked
    return told


def test_artifact_without_a_producer_names_its_twin(
    store: Store, original: NodeKey, registered: NodeKey
) -> None:
    assert said_of(store, registered) == [
        f"{registered}, which no recorded run wrote, has the digest of {original}, which execution:1 wrote",
        "the answer stops where only a digest is shared; with --through-copies, in Python through_copies=True, it goes on",
    ]
    assert said_of(store, original) == []
    assert f"no run is recorded that wrote {registered}" in store.show(registered).notes
    assert store.upstream(registered).keys == [registered]
    assert store.upstream(registered).copies == ()
    (told, _) = [note for note in store.downstream(original).notes if "digest" in note]
    assert told == f"{registered}, which no recorded run wrote, has the digest of {original}"


def test_twins_are_those_of_the_moment(
    store: Store, original: NodeKey, registered: NodeKey
) -> None:
    before = store.backend.now()
    assert said_of(store.at(before - 1), original) == []
    store.delete(original)
    assert said_of(store, registered) == []
    assert f"the digest of {original}" in said_of(store.at(before), registered)[0]
    with store.run(Load(), environment=False) as run:
        run.output(store.get(registered))
    assert said_of(store, registered) == []
    assert store.at(before).upstream(registered, through_copies=True).copies == (
        (original, registered),
    )


def test_deleted_copy_still_has_its_twin(
    store: Store, original: NodeKey, registered: NodeKey
) -> None:
    store.delete(registered)
    assert f"the digest of {original}" in said_of(store, registered)[0]
    assert store.upstream(registered, through_copies=True).keys[:2] == [registered, original]
    assert store.downstream(original, through_copies=True).copies == ()


def test_purged_artifact_is_no_twin(store: Store, original: NodeKey, registered: NodeKey) -> None:
    before = store.backend.now()
    store.delete(original)
    store.purge(original, reason="asked for")
    assert said_of(store.at(before), registered) == []


@pytest.mark.parametrize(
    ("digest", "counts"),
    [
        (SHORT, False),
        ("md5:" + "0a" * 16, True),
        ("0A" * 16, True),
        ("md5:" + "0a" * 15 + "0", False),
        ("etag:" + "x" * 22, True),
        ("x" * 21, False),
        ("version of last week, or so", False),
        ("", False),
    ],
)
def test_short_digests_count_at_one_type_and_uri_alone(
    store: Store, digest: str, counts: bool
) -> None:
    run = store.record(Load(), outputs=Table(name="a", uri="u", custom_properties=content(digest)))
    near = put(store, Table(name="b", uri="u", custom_properties=content(digest)))
    elsewhere = put(store, Table(name="c", uri="v", custom_properties=content(digest)))
    typed = put(store, Net(name="d", uri="u", custom_properties=content(digest)))
    made = f"the digest of {run.outputs[0].key}, which execution:1 wrote"
    assert made in said_of(store, near)[0]
    assert (made in "".join(said_of(store, elsewhere))) is counts
    assert (made in "".join(said_of(store, typed))) is counts
    store.record(Load(), outputs=Table(name="e", custom_properties=content(digest)))
    nowhere = put(store, Table(name="f", custom_properties=content(digest)))
    assert bool(said_of(store, nowhere)) is counts


def test_digests_are_compared_as_written(store: Store, original: NodeKey) -> None:
    assert store.get(original).custom_properties["digest"] == DIGEST
    for text in (DIGEST.upper(), DIGEST.removeprefix("sha256:"), f" {DIGEST}"):
        assert said_of(store, put(store, Net(custom_properties=content(text)))) == []


def test_twin_that_only_a_failed_run_wrote_is_named_so(store: Store) -> None:
    failed = lineage.ExecutionState.FAILED
    run = store.record(Fit(state=failed), inputs=Table(), outputs=Net(custom_properties=content()))
    bad = run.outputs[0].key
    copy = put(store, Registered(custom_properties=content()))
    assert said_of(store, copy)[0] == (
        f"{copy}, which no recorded run wrote, has the digest of {bad}, though {bad} was written by execution:1, "
        f"which FAILED"
    )
    through = store.show(copy, through_copies=True)
    assert [run.key for run in through.runs] == [run.execution.key]
    assert any(f"{bad} was written by execution:1 alone, which FAILED" in n for n in through.notes)
    good = trained(store, "good", put(store, Table()))
    assert f"the digest of {good}, {bad}, which runs wrote" in said_of(store, copy)[0]
    assert [run.name for run in store.show(copy, through_copies=True).runs] == ["fit good"]


def test_hundreds_of_twins_are_counted(store: Store) -> None:
    empty = content("sha256:" + "e3" * 32)
    with store.transaction():
        for number in range(130):
            data = Table(uri=f"written/{number}", custom_properties=empty)
            store.record(Load(), outputs=data)
        unwritten = [
            put(store, Table(uri=f"put/{number}", custom_properties=empty)) for number in range(130)
        ]
    said = said_of(store, unwritten[0])[0]
    assert said.count("artifact:") == 21
    assert ", and 110 more, which runs wrote" in said
    through = store.upstream(*unwritten, through_copies=True, limits=lineage.Limits(nodes=300))
    assert (len(through), through.truncated is not None) == (300, True)
    assert len([note for note in through.notes if "digest" in note]) == 6
    assert all(note.count("artifact:") <= 21 for note in through.notes)
    whole = store.downstream("artifact:1", through_copies=True)
    assert {*whole.keys} == {NodeKey(Kind.ARTIFACT, 1), *unwritten}


def test_of_too_many_twins_the_first_are_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "COMPARED", 3)
    first = [put(store, Table(custom_properties=content())) for _ in range(2)]
    run = store.record(Load(), outputs=Table(uri="s3://made", custom_properties=content()))
    made = run.outputs[0].key
    late = put(store, Table(custom_properties=content()))
    assert f"the digest of {made}, which execution:1 wrote" in said_of(store, late)[0]
    through = store.downstream(made, through_copies=True)
    assert (through.keys[0], {*through.keys[1:]}) == (made, {*first})
    assert f"3 artifacts or more have the digest of {made}" in through.notes[-1]
    with store.transaction():
        store.delete(made)
        alike = [put(store, Table(custom_properties=content())) for _ in range(3)]
        store.record(Load(), outputs=Table(uri="s3://made", custom_properties=content()))
    assert "the digest of 3 others or more" in said_of(store, alike[0])[0]
    assert store.upstream(late, through_copies=True).keys == [late]


def test_walks_go_on_through_copies(store: Store, original: NodeKey, registered: NodeKey) -> None:
    with store.run(lineage.Deploy(name="release"), environment=False) as run:
        run.input(store.get(registered))
    up = store.upstream("lineage.Deploy:release", through_copies=True)
    assert [str(key) for key in up.keys] == [
        "execution:2",
        str(registered),
        str(original),
        "execution:1",
        "artifact:1",
    ]
    assert up.copies == ((original, registered),)
    assert [*up.distances.values()] == [0, 1, 2, 3, 4]
    assert len(up.edges) == 3
    assert up.notes == (
        f"{registered}, which no recorded run wrote, is taken for a copy of {original}, which has the same digest",
    )
    down = store.downstream("artifact:1", through_copies=True)
    assert [*down.keys] == [*up.keys][::-1]
    assert down.copies == up.copies
    assert store.downstream("artifact:1").keys == [*down.keys][:3]
    assert {*store.downstream(registered, through_copies=True).keys} == {
        registered,
        original,
        NodeKey(Kind.EXECUTION, 2),
    }


def test_questions_answer_through_copies(
    store: Store, original: NodeKey, registered: NodeKey
) -> None:
    other = trained(store, "other", NodeKey(Kind.ARTIFACT, 1), OTHER)
    with store.run(lineage.Evaluate(), environment=False) as run:
        run.input(store.get(registered))
        run.log_metrics(accuracy=0.9)
    plain = store.show(registered)
    assert (plain.runs, plain.datasets, plain.copies) == ((), (), ())
    through = store.show(registered, through_copies=True)
    assert [run.name for run in through.runs] == ["fit m"]
    assert [source.node.name for source in through.datasets] == ["d"]
    assert [metric.name for metric in through.metrics] == ["accuracy"]
    alone = [
        question(store.backend, registered, through_copies=True)
        for question in (summary.runs, summary.metrics, summary.parameters, summary.environment)
    ]
    assert alone == [through.runs, through.metrics, through.parameters, through.environment]
    found = summary.datasets(store.backend, registered, through_copies=True)
    assert found == (through.datasets, None)
    assert through.copies == ((original, registered),)
    assert not any(f"wrote {registered}" in note for note in through.notes)
    assert store.peers(registered).models == ()
    assert any(f"the digest of {original}" in note for note in store.peers(registered).notes)
    peers = store.peers(registered, through_copies=True)
    assert [peer.model.key for peer in peers.models] == [other]
    assert any("taken for a copy" in note for note in peers.notes)
    table = store.compare(registered, other, through_copies=True)
    [data] = [row.values for row in table.rows if row.section == "data"]
    assert data == ("d (artifact:1)", "d (artifact:1)")
    assert any("taken for a copy" in note for note in table.notes)
    [missing] = [
        row.values for row in store.compare(registered, other).rows if row.section == "data"
    ]
    assert missing == (None, "d (artifact:1)")


def test_impact_goes_on_to_copies(store: Store, original: NodeKey, registered: NodeKey) -> None:
    with store.run(lineage.Deploy(name="release"), environment=False) as run:
        run.input(store.get(registered))
    plain = store.impact("Table:d")
    assert [each.node.key for each in plain.affected] == [original]
    impact = store.impact("Table:d", through_copies=True)
    assert [each.node.key for each in impact.affected] == [registered, original]
    first = impact.affected[0]
    assert (first.distance, [*first.path]) == (
        3,
        [NodeKey(Kind.ARTIFACT, 1), NodeKey(Kind.EXECUTION, 1), original, registered],
    )
    assert [str(key) for key in first.deployments] == ["execution:2"]
    assert impact.copies == ((original, registered),)
    assert any("taken for a copy" in note for note in impact.notes)


def test_limits_may_cut_before_the_twin(
    store: Store, original: NodeKey, registered: NodeKey
) -> None:
    for limits in (lineage.Limits(nodes=1), lineage.Limits(hops=0)):
        cut = store.upstream(registered, through_copies=True, limits=limits)
        assert (cut.keys, cut.copies) == ([registered], ())
        assert cut.truncated is not None
        assert cut.truncated.frontier == (registered,)
        assert f"has the digest of {original}" in cut.notes[0]
        assert not any("only through copies" in note for note in cut.notes)
    near = store.upstream(registered, through_copies=True, limits=lineage.Limits(hops=1))
    assert near.keys == [registered, original]
    assert near.truncated == ("hops", (original,))


def test_copies_in_a_circle_end(store: Store) -> None:
    one = trained(store, "one", put(store, Table(custom_properties=content(OTHER))))
    copy = put(store, Registered(custom_properties=content()))
    with store.run(Load(), environment=False) as run:
        run.input(store.get(copy))
        back = run.output(Table(uri="s3://back", custom_properties=content(OTHER))).key
    up = store.upstream(one, through_copies=True)
    down = store.downstream(one, through_copies=True)
    assert {*up.keys} == {*down.keys}
    assert {*up.copies} == {*down.copies} == {(one, copy), (back, NodeKey(Kind.ARTIFACT, 1))}
    assert up.truncated is down.truncated is None


def test_what_does_not_walk_is_refused_through_copies_as_well(store: Store) -> None:
    context = store.put(Experiment(name="x"))
    assert store.upstream(context, through_copies=True).keys == []
    assert store.show(context, through_copies=True).copies == ()
    with pytest.raises(NotFound):
        store.upstream("artifact:99", through_copies=True)
    with pytest.raises(Invalid, match="hops=-1"):
        store.upstream(put(store, Table()), through_copies=True, limits=lineage.Limits(hops=-1))


def random_graph(store: Store, seed: int) -> list[NodeKey]:
    """Record tables, many of them with one of a few digests; return them, some of them deleted."""
    generator = random.Random(seed)
    tables: list[NodeKey] = []
    with store.transaction():
        for _ in range(40):
            digest = generator.choice(("", "", *(f"{letter * 22}" for letter in "xyz")))
            table = Table(custom_properties=content(digest))
            if generator.random() < 0.6:
                inputs = generator.sample(tables, min(len(tables), generator.randrange(3)))
                tables.append(store.record(Load(), inputs=inputs, outputs=table).outputs[0].key)
            else:
                tables.append(put(store, table))
        for key in generator.sample(tables, 4):
            store.delete(key)
    return tables


class Flows:
    """All events of a graph, and the hops through copies as more of them."""

    def __init__(self, store: Store, tables: list[NodeKey]) -> None:
        self.events = store.backend.edges(tables, kinds=EVENT_KINDS)
        rows = store.backend.nodes(tables)
        self.gone = {key for key, row in rows.items() if row.gone}
        written = {row.target for row in self.events}
        self.hops = [
            (one, other)
            for one in tables
            for other in tables
            if one in written and other not in written
            if len(digest_of(rows[one]) or "") > 1
            and digest_of(rows[one]) == digest_of(rows[other])
        ]

    def walk(self, start: NodeKey, direction: Direction, limits: lineage.Limits) -> Walk:
        """Walk level by level, through copies as through events."""
        hops = self._downstream(start)
        if direction is Direction.UPSTREAM:
            hops = [hop for hop in self.hops if hop[0] not in self.gone]
        steps = [EdgeRow(*ends, EdgeKind.INPUT, None, None, 0, 0, 0) for ends in hops]
        own = 0 if direction is Direction.DOWNSTREAM else 1

        def expand(keys: Collection[NodeKey]) -> list[EdgeRow]:
            return [row for row in (*self.events, *steps) if row[own] in keys]

        return walk_levels([start], expand, direction, limits=limits, edges=True)

    def _downstream(self, start: NodeKey) -> list[tuple[NodeKey, NodeKey]]:
        back = [hop[::-1] for hop in self.hops if hop[1] == start and hop[0] not in self.gone]
        return [*back, *(hop for hop in self.hops if hop[1] not in self.gone)]


@pytest.mark.parametrize("direction", [Direction.UPSTREAM, Direction.DOWNSTREAM])
def test_walks_through_copies_equal_the_reference(store: Store, direction: Direction) -> None:
    tables = random_graph(store, 7)
    flows, hopped = Flows(store, tables), 0
    for start, nodes, hops in itertools.product(tables[::4], (6, 10_000), (None, 3)):
        limits = lineage.Limits(nodes=nodes, hops=hops)
        expected = flows.walk(start, direction, limits)
        walk = store.upstream if direction is Direction.UPSTREAM else store.downstream
        answer = walk(start, through_copies=True, limits=limits)
        assert answer.keys == expected.keys
        assert answer.truncated == expected.cut
        assert len(answer.edges) + len(answer.copies) == len(expected.edges)
        hopped += len(answer.copies)
    assert hopped > 10
