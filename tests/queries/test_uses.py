"""What data was used for: training, evaluation, a base; and what that makes of the questions."""

from __future__ import annotations

import pytest

import lineage
from lineage.model.purposes import Purpose
from lineage.store import Store


class Table(lineage.Dataset):
    pass


class Net(lineage.Model):
    pass


class Fit(lineage.Train):
    pass


def trained(store: Store, name: str, **inputs: str) -> None:
    """Record a training that reads data sets by their names, each in the place of its keyword."""
    with store.run(Fit(), environment=False) as run:
        for path, data in inputs.items():
            run.input(Table(name=data), path=path)
        run.output(Net(name=name))


def purposes(store: Store, node: str = "Net:m") -> list[tuple[str | None, str | None]]:
    return [(each.node.name, each.purpose) for each in store.show(node).datasets]


def test_training_data_comes_first(store: Store) -> None:
    trained(store, "m", test="a", other="b", train="c", init="d")
    assert purposes(store) == [
        ("c", Purpose.TRAINING),
        ("b", None),
        ("a", Purpose.EVALUATION),
        ("d", Purpose.BASE),
    ]
    uses = {each.node.name: (each.use, each.paths) for each in store.show("Net:m").datasets}
    assert uses["c"] == ("train", (("train",),))
    assert uses["b"] == ("other", (("other",),))


def test_one_data_set_for_two_uses_stands_once(store: Store) -> None:
    with store.run(Fit(), environment=False) as run:
        data = run.input(Table(name="d"), use="eval")
        assert run.input(data, use="train", path="x").key == data.key
        run.output(Net(name="m"))
    (source,) = store.show("Net:m").datasets
    assert (source.use, source.purpose) == ("eval", Purpose.TRAINING)
    assert source.paths == (("eval",), ("train", "x"))
    (event,) = store.events("Table:d")
    assert (event.path, event.paths) == (("eval",), (("eval",), ("train", "x")))
    assert (event.use, event.purpose) == ("eval", Purpose.TRAINING)
    before = store.at(store.backend.now() - 3)
    assert [each.paths for each in before.show("execution:1").datasets] == [(("eval",),)]


@pytest.mark.parametrize("use", ["values", "baseline_model", "testimonials", "train_test", "7"])
def test_words_that_decide_nothing(store: Store, use: str) -> None:
    trained(store, "m", **{use: "d"})
    assert purposes(store) == [("d", None)]
    assert store.show("Net:m").datasets[0].use == use


def test_data_further_up_has_the_purpose_of_what_it_leads_to(store: Store) -> None:
    with store.run(lineage.Transform(), environment=False) as run:
        run.input(Table(name="raw"))
        run.output(Table(name="clean"))
        run.output(Table(name="held out"))
    with store.run(lineage.Transform(), environment=False) as run:
        run.input(Table(name="labels"))
        held = run.input(Table(name="held out"))
        run.output(Table(name="scored"))
    trained(store, "m", train="clean", test="scored")
    assert dict(purposes(store)) == {
        "clean": "training",
        "raw": "training",
        "scored": "evaluation",
        "held out": "evaluation",
        "labels": "evaluation",
    }
    assert {each.node.name: each.use for each in store.show("Net:m").datasets}["raw"] is None
    assert held.name == "held out"


def test_base_model_lends_its_purpose_to_its_data(store: Store) -> None:
    trained(store, "base", train="old")
    with store.run(Fit(), environment=False) as run:
        run.input(Net(name="base"), use="pretrained")
        run.input(Table(name="new"), use="train")
        run.output(Net(name="m"))
    assert purposes(store) == [("new", "training"), ("old", "base")]


def test_only_data_and_models_have_a_purpose(store: Store) -> None:
    with store.run(lineage.Transform(), environment=False) as run:
        run.input(Table(name="d"))
        statistics = run.output(lineage.Statistics(name="s"))
    with store.run(Fit(), environment=False) as run:
        run.input(statistics, use="test")
        run.output(Net(name="m"))
    assert purposes(store) == [("d", None)]


def test_evaluation_that_says_nothing_reads_evaluation_data(store: Store) -> None:
    trained(store, "m", train="a")
    with store.run(lineage.Evaluate(), environment=False) as run:
        run.input(Net(name="m"))
        run.input(Table(name="test"))
        run.input(Table(name="spare"), use="lookup")
        run.log_metrics(accuracy=0.9)
    assert dict(purposes(store, "execution:2")) == {
        "test": "evaluation",
        "a": None,
        "spare": None,
    }


def test_shared_test_set_makes_no_peers(store: Store) -> None:
    trained(store, "a", train="one", test="shared")
    trained(store, "b", train="two", test="shared")
    answer = store.peers("Net:a")
    assert [each.name for each in answer.datasets] == ["one"]
    assert answer.models == ()
    asked = store.peers("Table:shared")
    assert asked.models == ()
    assert any("nothing but evaluation leads to them" in note for note in asked.notes)


def test_shared_training_data_does(store: Store) -> None:
    trained(store, "a", train="shared", test="one")
    trained(store, "b", train="shared", test="two")
    trained(store, "c", fit="two", eval="shared")
    answer = store.peers("Net:a")
    assert [each.model.name for each in answer.models] == ["b"]
    assert any("the models artifact:6 are left out" in note for note in answer.notes)


def test_data_without_a_purpose_counts_and_is_said(store: Store) -> None:
    trained(store, "a", data="shared")
    trained(store, "b", data="shared")
    answer = store.peers("Net:a")
    assert [each.model.name for each in answer.models] == ["b"]
    assert "nothing says what artifact:1 was for; it counts as training data" in answer.notes


def test_model_that_was_only_evaluated_has_no_training_data(store: Store) -> None:
    trained(store, "a", test="t")
    answer = store.peers("Net:a")
    assert (answer.datasets, answer.models) == ((), ())
    assert "execution:1 read artifact:1 to evaluate, and no data to train on" in answer.notes


def test_impact_puts_what_evaluation_alone_reaches_last(store: Store) -> None:
    trained(store, "other", test="d")
    trained(store, "mine", train="d")
    answer = store.impact("Table:d")
    assert [(each.node.name, each.evaluated) for each in answer.affected] == [
        ("mine", False),
        ("other", True),
    ]
    assert "nothing but evaluation leads to the artifacts artifact:2" in answer.notes


def test_impact_of_what_was_evaluated_and_trained_on_is_plain(store: Store) -> None:
    with store.run(Fit(), environment=False) as run:
        run.input(Table(name="d"), use="test")
        run.input(Table(name="d"), use="train")
        run.output(Net(name="m"))
    assert [each.evaluated for each in store.impact("Table:d").affected] == [False]


def test_path_of_an_output_says_nothing_of_a_use(store: Store) -> None:
    with store.run(lineage.Transform(), environment=False) as run:
        run.input(Table(name="raw"))
        held = run.output(Table(name="part"), path="val")
    with store.run(Fit(), environment=False) as run:
        run.input(held, use="train")
        run.output(Net(name="best"), path="best_val")
    for name in ("raw", "part"):
        answer = store.peers(f"Table:{name}")
        assert [each.model.name for each in answer.models] == ["best"]
        assert not any("left out" in note for note in answer.notes)


def test_validation_data_does_not_hide_what_a_base_was_trained_on(store: Store) -> None:
    trained(store, "base", train="e")
    with store.run(Fit(), environment=False) as run:
        run.input(Net(name="base"), use="base")
        run.input(Table(name="t"), use="eval")
        run.output(Net(name="tuned"))
    answer = store.peers("Net:tuned")
    assert [each.name for each in answer.datasets] == ["e"]
    assert [each.model.name for each in answer.models] == ["base"]
