"""Data that was read after what was asked about had been written."""

import lineage
from lineage.store import Store


class Table(lineage.Dataset):
    """Data."""


class Net(lineage.Model):
    """A model."""


def listed(store: Store, node: str = "Net:m") -> list[tuple[str | None, bool]]:
    return [(each.node.name, each.late) for each in store.show(node).datasets]


def test_what_was_read_too_late_is_listed_last_and_said(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        run.output(Net(name="m"))
        run.input(Table(name="late"), use="train")
        run.output(Net(name="n"))
    store.record(lineage.Train(), inputs=store.get(Table, "late").key, outputs=Net(name="o"))
    assert listed(store) == [("late", True)]
    assert "artifact:2 was read after artifact:1 was written" in store.show("Net:m").notes
    assert listed(store, "Net:n") == [("late", False)]
    assert not any("was read after" in note for note in store.show("Net:n").notes)
    # A program that says what it read after what it wrote is as usual as a stream.
    assert {each.model.name for each in store.peers("Net:m").models} == {"n", "o"}
    assert store.key_of("Table:late") in store.upstream("Net:m").keys


def test_others_come_first(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        run.input(Table(name="test"), use="test")
        run.output(Net(name="m"))
        run.input(Table(name="late"), use="train")
    assert listed(store) == [("test", False), ("late", True)]


def test_while_the_run_goes_on_it_is_no_training_data(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        run.output(Net(name="m"))
        run.input(Table(name="late"))
        store.record(lineage.Train(), inputs=Table(name="late"), outputs=Net(name="o"))
        assert store.peers("Net:m").models == ()
        said = "artifact:2 was read after artifact:1 was written: it was no data to train on"
        assert said in store.show("Net:m").notes
    assert len(store.peers("Net:m").models) == 1


def test_nor_where_both_times_were_given(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        run.input(Table(name="late"), time="2026-03-01T10:00:00Z")
        run.input(Table(name="early"), time="2026-03-01T08:00:00Z")
        run.output(Net(name="m"), time="2026-03-01T09:00:00Z")
    for name in ("late", "early"):
        store.record(lineage.Train(), inputs=Table(name=name), outputs=Net(name=f"of {name}"))
    assert listed(store) == [("early", False), ("late", True)]
    assert [each.model.name for each in store.peers("Net:m").models] == ["of early"]


def test_another_run_may_have_read_it_in_time(store: Store) -> None:
    with store.run(lineage.Train(), environment=False) as first:
        model = first.output(Net(name="m"))
        late = first.input(Table(name="late"))
    with store.run(lineage.Train(), environment=False) as second:
        second.input(late)
        second.output(model)
    assert listed(store) == [("late", False)]
    assert listed(store.at(3)) == [("late", True)]


def test_what_was_announced_before_counts_when_it_is_written(store: Store) -> None:
    run = store.put(lineage.Train())
    net, table = store.put([Net(name="m"), Table(name="d")])
    for kind, node, hour in (("PENDING_OUTPUT", net, 8), ("INPUT", table, 9), ("OUTPUT", net, 10)):
        time = f"2026-03-01T{hour:02}:00:00Z"
        store.put(lineage.Event(artifact=node.key, execution=run.key, type=kind, time=time))
    assert listed(store) == [("d", False)]


def test_of_the_data_a_model_is_no_peer_that_was_written_before_it_was_read(store: Store) -> None:
    for name, read in (("before", "10"), ("after", "08")):
        with store.run(lineage.Train(), environment=False) as run:
            run.input(Table(name="data"), time=f"2026-03-01T{read}:00:00Z")
            run.output(Net(name=name), time="2026-03-01T09:00:00Z")
    answer = store.peers("Table:data")
    assert [each.model.name for each in answer.models] == ["after"]
    assert (
        "the models artifact:2 are left out: the data was read after they were written"
        in answer.notes
    )
    with store.run(lineage.Train(), environment=False) as again:
        again.input(store.key_of("Table:data"))
        again.output(store.key_of("Net:before"))
    assert {each.model.name for each in store.peers("Table:data").models} == {"before", "after"}
