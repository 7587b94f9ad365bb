"""Runs within runs: how steps are recorded, shown, and tied to the data that their parents read."""

import pytest

import lineage
from lineage.model.entities import Association, Context, Execution, ParentContext
from lineage.model.keys import Kind, NodeKey
from lineage.model.system import RUN_ID, RunContext
from lineage.queries.nesting import Nesting
from lineage.queries.reader import Reader
from lineage.recording.run import Run
from lineage.store import Store


class Sweep(lineage.Process):
    """A search that trains in steps."""


class Fit(lineage.Train):
    """A training."""


class Table(lineage.Dataset):
    """Data."""


class Net(lineage.Model):
    """A model."""


def run(store: Store, execution: Execution) -> Run[Execution]:
    return store.run(execution, environment=False)


@pytest.fixture
def swept(store: Store) -> Store:
    """A search that read a data set, two of whose steps train; the third reads a data set of its own."""
    with run(store, Sweep(name="sweep")) as sweep:
        sweep.input(Table(name="lake"), use="train")
        for name in ("a", "b"):
            with sweep.step(Fit(name=name)) as step:
                step.output(Net(name=name))
        with sweep.step(Fit(name="c")) as step:
            step.input(Table(name="own"))
            step.output(Net(name="c"))
        sweep.output(Net(name="best"))
    return store


def key(store: Store, text: str) -> NodeKey:
    return store.key_of(text)


def data(store: Store, node: str) -> list[tuple[str | None, str | None, str | None]]:
    """Return the data sets of a node: name, use, and the name of the parent that read it."""
    found = []
    for each in store.show(node).datasets:
        by = None if each.by is None else store.get(each.by).name
        found.append((each.node.name, each.use, by))
    return found


# What is recorded


def test_a_run_and_its_steps_share_a_context_of_executions_alone(swept: Store) -> None:
    sweep = swept.get("Sweep:sweep")
    (context,) = swept.find(RunContext)
    assert context.parent == context.name == sweep.custom_properties[RUN_ID]
    rows = swept.backend.edges([context.key])
    assert sorted(row.target for row in rows) == [
        key(swept, f"execution:{n}") for n in (1, 2, 3, 4)
    ]
    assert swept.check() == []


def test_a_run_without_steps_has_no_such_context(store: Store) -> None:
    with run(store, Sweep(name="s")) as sweep:
        pass
    assert RUN_ID not in sweep.execution.custom_properties
    assert store.find(Context).items == ()


def test_the_context_of_a_steps_own_steps_is_a_child(store: Store) -> None:
    with run(store, Sweep()) as one, one.step(Sweep()) as two, two.step(Sweep()) as three:
        with three.step(Fit()):
            pass
        with one.step(Fit()):
            pass
    outer, middle, inner = store.find(RunContext)
    edges = store.backend.edges([outer.key, middle.key, inner.key])
    parents = [row[:2] for row in edges if row.source.kind is row.target.kind]
    assert parents == [(outer.key, middle.key), (middle.key, inner.key)]
    assert one.execution == store.get(Sweep, one.key)
    assert [each.key for each in store.show(one.key).steps] == [two.key, NodeKey(Kind.EXECUTION, 5)]
    assert [each.key for each in store.show(three.key).part_of] == [two.key]


def test_a_step_of_what_was_deleted_is_recorded_alone_and_says_so(store: Store) -> None:
    with run(store, Sweep()) as sweep:
        step = sweep.step(Fit())
        store.delete(sweep.key)
        with step:
            assert step.notes == ("execution:1 was deleted, so that execution:2 is no step of it",)
        store.restore(sweep.key)
        with sweep.step(Fit()) as again:
            pass
    assert store.show(step.key).part_of == ()
    assert [each.key for each in store.show(again.key).part_of] == [sweep.key]


def test_steps_that_were_rolled_back_are_none(store: Store) -> None:
    with run(store, Sweep()) as sweep:
        with pytest.raises(ZeroDivisionError), store.transaction(), sweep.step(Fit()):
            raise ZeroDivisionError
        assert store.find(RunContext).items == ()
        with sweep.step(Fit()) as step:
            pass
    assert [each.key for each in store.show(sweep.key).steps] == [step.key]
    assert store.check() == []


# What is shown


def test_steps_and_what_they_are_part_of_are_shown_and_their_contexts_are_not(swept: Store) -> None:
    shown = swept.show("Sweep:sweep")
    assert [each.name for each in shown.steps] == ["a", "b", "c"]
    assert (shown.part_of, shown.contexts, dict(shown.parameters)) == ((), (), {})
    shown = swept.show("Fit:a")
    assert [each.name for each in shown.part_of] == ["sweep"]
    assert (shown.steps, shown.contexts) == ((), ())
    before = swept.at(2)
    assert before.show("Sweep:sweep").steps == ()


# What steps work on


def test_a_step_that_read_no_data_asks_its_parent(swept: Store) -> None:
    assert data(swept, "Net:a") == [("lake", "train", "sweep")]
    assert data(swept, "Fit:a") == [("lake", "train", "sweep")]
    (source,) = swept.show("Net:a").datasets
    assert (source.distance, source.purpose) == (2, lineage.Purpose.TRAINING)
    said = "execution:2 read no data set; what its parent execution:1 read counts: artifact:1"
    assert said in swept.show("Net:a").notes


def test_walks_along_events_name_what_they_do_not_follow(swept: Store) -> None:
    said = (
        "execution:2 read no data set; what its parent execution:1 read is not followed here: artifact:1",
    )
    assert swept.upstream("Net:a").notes == said
    assert swept.upstream("Net:c").notes == swept.upstream("Net:best").notes == ()
    way = swept.paths("Table:lake", "Net:a")
    assert (way.shortest, way.subgraph.notes) == ((), said)
    assert swept.paths("Table:lake", "Net:best").subgraph.notes == ()
    assert swept.downstream("Table:lake").notes == (
        "execution:2, execution:3 read no data set; what their parent execution:1 read is not followed here: artifact:1",
    )
    assert swept.at(2).downstream("Table:lake").notes == ()


def test_differences_of_steps_are_also_in_what_their_parents_read(swept: Store) -> None:
    with run(swept, Sweep(name="again")) as sweep:
        sweep.input(Table(name="pond"), use="train")
        with sweep.step(Fit(name="a2")) as step:
            step.output(Net(name="a2"))
    answer = swept.diff("Net:a", "Net:a2")
    data = answer.differences[-1]
    assert tuple(data.place) == ("Net", "Fit", "Table train")
    assert [(c.field, c.left, c.right) for c in data.changes] == [("name", "lake", "pond")]
    assert [note.split(" read ")[0] for note in answer.notes] == [
        str(swept.key_of("Fit:a")),
        str(step.key),
    ]
    assert swept.diff("Net:a", "Net:b").shared == (swept.key_of("Table:lake"),)
    assert swept.diff("Net:c", "Net:best").notes == ()


def test_one_that_did_does_not(swept: Store) -> None:
    assert data(swept, "Net:c") == [("own", None, None)]
    assert not any("parent" in note for note in swept.show("Net:c").notes)
    assert data(swept, "Net:best") == [("lake", "train", None)]


def test_before_the_parent_read_anything_there_is_nothing_to_ask_for(store: Store) -> None:
    with run(store, Sweep(name="s")) as sweep:
        with sweep.step(Fit()) as step:
            step.output(Net(name="m"))
        number = store.backend.now()
        sweep.input(Table(name="late"))
    assert data(store.at(number), "Net:m") == []
    assert data(store, "Net:m") == [("late", None, "s")]


def test_what_lies_before_the_parents_data_counts_too(store: Store) -> None:
    with run(store, lineage.Transform()) as cleaning:
        cleaning.input(Table(name="raw"))
        clean = cleaning.output(Table(name="clean"))
    with run(store, Sweep(name="s")) as sweep:
        sweep.input(clean)
        with sweep.step(Fit()) as step:
            step.output(Net(name="m"))
    assert data(store, "Net:m") == [("clean", None, "s"), ("raw", None, None)]
    assert [each.distance for each in store.show("Net:m").datasets] == [2, 4]
    assert [each.node.name for each in store.impact("Table:raw").affected] == ["m", "clean"]


def test_a_parent_that_read_none_asks_its_own(store: Store) -> None:
    with run(store, Sweep(name="outer")) as outer:
        outer.input(Table(name="lake"))
        with outer.step(Sweep(name="inner")) as inner, inner.step(Fit()) as step:
            step.input(Net(name="base"))  # which is no data set
            step.output(Net(name="m"))
    assert data(store, "Net:m") == [("lake", None, "outer")]
    assert [each.node.name for each in store.impact("Table:lake").affected] == ["m"]


def test_what_a_parent_read_of_its_own_steps_is_no_data_of_theirs(store: Store) -> None:
    with run(store, Sweep(name="s")) as sweep:
        sweep.input(Table(name="lake"))
        with sweep.step(Fit(name="one")) as step:
            scores = step.output(Table(name="scores"))
            step.output(Net(name="m"))
        sweep.input(scores)
        sweep.output(Net(name="best"))
    assert data(store, "Net:m") == [("lake", None, "s")]
    assert {name for name, *_ in data(store, "Net:best")} == {"lake", "scores"}
    affected = store.impact("Table:scores").affected
    assert [(each.node.name, each.by_parent) for each in affected] == [("best", False)]


def test_a_parent_that_was_deleted_or_purged_still_read(
    swept: Store,
) -> None:
    swept.delete("Sweep:sweep")
    (source,) = swept.show("Net:a").datasets
    assert source.by == NodeKey(Kind.EXECUTION, 1)
    swept.purge(NodeKey(Kind.EXECUTION, 1), reason="law")
    (source,) = swept.show("Net:a").datasets
    assert source.by == NodeKey(Kind.EXECUTION, 1)
    assert len(swept.show(NodeKey(Kind.EXECUTION, 1)).steps) == 0  # its own properties are erased


# The way forward


def test_impact_and_peers_reach_what_silent_steps_made(swept: Store) -> None:
    affected = swept.impact("Table:lake").affected
    assert [(each.node.name, each.distance, each.by_parent) for each in affected] == [
        ("a", 2, True),
        ("b", 2, True),
        ("best", 2, False),
    ]
    lake, step, net = key(swept, "Table:lake"), key(swept, "Fit:a"), key(swept, "Net:a")
    assert [*affected[0].path] == [lake, step, net]
    peers = swept.peers("Net:a")
    assert [(each.model.name, each.by_parent) for each in peers.models] == [
        ("b", True),
        ("best", False),
    ]
    assert any("their parent execution:1 read counts: artifact:1" in each for each in peers.notes)
    assert swept.impact("Table:own").affected[0].by_parent is False
    assert swept.impact("Table:own").notes == ()


def test_a_cut_impact_keeps_silent_steps_with_what_they_made(swept: Store) -> None:
    cut = {
        nodes: swept.impact("Table:lake", limits=lineage.Limits(nodes=nodes)) for nodes in (5, 6)
    }
    assert [each.node.name for each in cut[5].affected] == ["a", "best"]
    assert cut[5].truncated == ("nodes", (key(swept, "Table:lake"),))
    assert cut[6].truncated == ("nodes", (key(swept, "Fit:b"),))


def test_a_cut_impact_keeps_the_first_of_what_a_silent_step_made(store: Store) -> None:
    with run(store, Sweep(name="sweep")) as sweep:
        lake = sweep.input(Table(name="lake"), use="train")
        with sweep.step(Fit(name="fit")) as step:
            for place in range(12):
                step.output(Net(name=f"{place}"))
    answer = store.impact(lake, limits=lineage.Limits(nodes=5))
    assert [each.node.name for each in answer.affected] == ["0", "1"]
    assert answer.truncated == ("nodes", (step.execution.key,))


def test_the_walks_of_data_itself_stay_as_recorded(swept: Store) -> None:
    assert key(swept, "Table:lake") not in swept.upstream("Net:a").keys
    assert key(swept, "Net:a") not in swept.downstream("Table:lake").keys


def test_an_impact_of_a_moment_before_the_steps(swept: Store) -> None:
    assert swept.at(2).impact("Table:lake").affected == ()


# Odd ones, by hand: as MLMD's clients and imports may write them


def tie(store: Store, parent: Execution, *steps: Execution) -> None:
    """Make executions the steps of another one that has an identity."""
    identity = parent.custom_properties[RUN_ID]
    context = store.put(RunContext(name=identity, parent=identity))
    for each in (parent, *steps):
        store.put(Association(context=context.key, execution=each.key))


def known(store: Store, name: str) -> Execution:
    return store.put(Sweep(name=name, custom_properties={RUN_ID: f"id of {name}"}))


def test_circles_of_parents_end(store: Store) -> None:
    one, two = known(store, "one"), known(store, "two")
    tie(store, one, two)
    tie(store, two, one)
    store.record(Fit(), inputs=Table(name="t"), outputs=Net(name="x"))
    net = store.put(Net(name="m"))
    store.put(lineage.Event(artifact=net.key, execution=one.key, type="OUTPUT"))
    assert store.show("Net:m").datasets == ()
    assert [each.key for each in store.show(one.key).part_of] == [two.key]
    assert [each.key for each in store.show(one.key).steps] == [two.key]
    lake = store.put(Table(name="lake"))
    store.put(lineage.Event(artifact=lake.key, execution=two.key, type="INPUT"))
    assert data(store, "Net:m") == [("lake", None, "two")]
    assert [each.node.name for each in store.impact(lake.key).affected] == ["m"]


def test_a_run_that_is_its_own_step_is_none(store: Store) -> None:
    one = known(store, "one")
    tie(store, one)
    shown = store.show(one.key)
    assert (shown.steps, shown.part_of, shown.datasets) == ((), (), ())


def test_two_parents_are_both_asked(store: Store) -> None:
    one, two, step = known(store, "one"), known(store, "two"), store.put(Fit())
    for parent in (one, two):
        tie(store, parent, step)
        read = store.put(Table(name=parent.name))
        store.put(lineage.Event(artifact=read.key, execution=parent.key, type="INPUT"))
    assert [source.by for source in store.show(step.key).datasets] == [one.key, two.key]
    assert [each.key for each in store.show(step.key).part_of] == [one.key, two.key]


def test_a_context_whose_parent_is_not_among_its_runs_says_nothing(store: Store) -> None:
    step = store.put(Fit())
    for parent in ("nobody", None):
        context = store.put(RunContext(name=f"{parent}", parent=parent))
        store.put(Association(context=context.key, execution=step.key))
    outer, inner = store.find(RunContext)
    store.put(ParentContext(parent=outer.key, child=inner.key))
    shown = store.show(step.key)
    assert (shown.part_of, shown.datasets, shown.contexts) == ((), (), ())


def test_the_parent_is_found_among_hundreds_of_steps(store: Store) -> None:
    steps = store.put([Fit() for _ in range(250)])
    parent = known(store, "late")  # it has the last key, as after an import
    tie(store, parent, *steps)
    lake = store.put(Table(name="lake"))
    store.put(lineage.Event(artifact=lake.key, execution=parent.key, type="INPUT"))
    assert [source.by for source in store.show(steps[0].key).datasets] == [parent.key]
    shown = store.show(parent.key, limits=lineage.Limits(nodes=20))
    assert [each.key for each in shown.steps] == [step.key for step in steps[:20]]
    assert len(store.show(parent.key).steps) == 250


def test_limits_hold_on_the_ways_through_parents(swept: Store) -> None:
    answer = swept.impact("Table:lake", limits=lineage.Limits(nodes=3))
    assert answer.truncated is not None
    assert answer.truncated.limit == "nodes"
    answer = swept.impact("Table:lake", limits=lineage.Limits(hops=1))
    assert (answer.affected, answer.truncated and answer.truncated.limit) == ((), "hops")


def test_properties_that_were_copied_do_not_take_another_runs_steps(store: Store) -> None:
    with run(store, Sweep(name="one", custom_properties={"lr": 1})) as one, one.step(Fit()):
        pass
    copied = store.get(one.key).custom_properties
    with run(store, Sweep(name="two", custom_properties=copied)) as two:
        two.input(Table(name="own"))
        with two.step(Fit()) as step:
            step.output(Net(name="m"))
    assert [each.name for each in store.show(step.key).part_of] == ["two"]
    assert len(store.show(one.key).steps) == len(store.show(two.key).steps) == 1
    assert data(store, "Net:m") == [("own", None, "two")]


def test_a_run_that_lost_its_identity_is_still_the_parent(swept: Store) -> None:
    sweep = swept.get("Sweep:sweep")
    swept.update(sweep.replace(custom_properties={"lr": 1}))
    assert data(swept, "Net:a") == [("lake", "train", "sweep")]


def test_steps_go_on_when_what_held_them_was_deleted(store: Store) -> None:
    class Experiment(lineage.Context):
        pass

    sweep = Sweep()
    begun = store.run(sweep, within=Experiment(name="e"), environment=False)
    with begun as outer, outer.step(Sweep()) as middle:
        store.delete(*store.find(RunContext), store.get(Experiment, "e"))
        with middle.step(Fit()) as inner:
            inner.output(Net(name="m"))
        middle.input(Table(name="t"))
    assert inner.execution.state == middle.execution.state == "COMPLETE"
    assert [each.key for each in store.show(inner.key).part_of] == [middle.key]
    assert store.check() == []


def test_what_a_parent_read_of_a_grandchild_is_no_data_of_its_steps(store: Store) -> None:
    with run(store, Sweep(name="p")) as parent:
        with parent.step(Sweep()) as middle, middle.step(Fit()) as inner:
            made = inner.output(Table(name="made"))
        parent.input(made)
        with parent.step(Fit()) as other:
            other.output(Net(name="m"))
    assert store.show(made).datasets == ()
    assert data(store, "Net:m") == []


def test_no_data_and_no_step_is_lost_where_they_are_very_many(store: Store) -> None:
    for name in "ab":
        with store.transaction(), run(store, Sweep(name=name)) as sweep:
            for number in range(15):
                sweep.input(Table(name=f"{name}{number}"))
            for number in range(15):
                with sweep.step(Fit(name=f"{name}{number}")) as step:
                    step.output(Net(name=f"{name}{number}"))
    nets = store.find(Net).items
    final = store.record(Fit(), inputs=[net.key for net in nets], outputs=Net(name="final"))
    few = lineage.Limits(nodes=100)  # of 225 pairs twice
    shown = store.show(final.outputs[0], limits=few)
    assert (len(shown.datasets), shown.truncated) == (30, None)
    tables = [table.key for table in store.find(Table)]
    affected = store.impact(*tables, limits=few).affected
    assert {each.node.name for each in affected} == {"final", *(net.name for net in nets)}
    pairs = Nesting(Reader(store.backend, None), lineage.Limits(nodes=20))
    assert len(pairs.inherited_by([key(store, f"Fit:a{n}") for n in range(15)])) == 29
