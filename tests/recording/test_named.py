"""Types that are made as they are used, and parameters that come with a run or later."""

from collections.abc import Callable
from typing import Any

import pytest

import lineage
from lineage.errors import Invalid
from lineage.model.keys import Kind
from lineage.store import Store


class Fit(lineage.Train):
    depth: int
    rate: float | None = None


class Table(lineage.Dataset):
    rows: int


def test_types_are_made_as_they_are_used(store: Store) -> None:
    with store.run("Train", params={"depth": 3}, tags=["x"]) as run:
        data = run.input("Data", uri="s3://lake", rows=7, use="train")
        assert run.input("Data", uri="s3://lake", rows=7).key == data.key
        assert run.input("Data", uri="s3://lake", rows=8).key != data.key
        model = run.output("Model", uri="m", name="churn", state="LIVE", depth=None, note="n")
        with run.step("Score", params={"k": 1}) as step:
            step.input(model)
    done = store.record("Train", params={"depth": 4}, inputs=[data])
    assert [
        each.name for each in store.types() if (each.id or 0) > 9 and each.name[0].isupper()
    ] == [
        "Train",
        "Data",
        "Model",
        "Score",
    ]
    assert (type(run.execution), run.execution.custom_properties["depth"]) == (
        lineage.Execution,
        3,
    )
    assert (model.name, model.state, model.uri) == ("churn", "LIVE", "m")
    assert dict(data.custom_properties) == {"rows": 7}
    assert dict(store.show(model).parameters) == {"depth": 3}
    assert done.execution.state == "COMPLETE"
    assert dict(store.show(done.execution).parameters) == {"depth": 4}
    assert store.show(step.key).part_of[0].key == run.key


def test_of_a_type_that_is_there_properties_are_what_it_declares(embedded: Store) -> None:
    embedded.put(Table(rows=1))
    with embedded.run(Fit(depth=1), params={"depth": 2, "batch": 8}) as run:
        table = run.input("Table", uri="t", rows=5, day="monday")
        run.input(Table(uri="t", rows=5))
        run.output("lineage.Model", digest="sha256:00", rows=1)
    assert run.execution.depth == 2
    assert dict(run.execution.custom_properties) == {"batch": 8}
    assert (dict(table.properties), dict(table.custom_properties)) == (
        {"rows": 5},
        {"day": "monday"},
    )
    assert embedded.get(Table, table.id).rows == 5
    assert len(embedded.show(run.key).inputs) == 1
    assert embedded.find(lineage.Model)[0].digest == "sha256:00"
    with embedded.run("Fit", params={"depth": 3, "rate": 1}) as named:
        pass
    assert embedded.get(Fit, named.key.id).rate == 1.0


def test_of_several_versions_the_plain_one_is_meant_else_the_only_one(embedded: Store) -> None:
    embedded.put(lineage.ArtifactType(name="Plot", version="1"))
    with embedded.run("Fit") as run:
        assert run.output("Plot", uri="a").type_version == "1"
        embedded.put(lineage.ArtifactType(name="Plot", version="2"))
        with pytest.raises(Invalid, match=r"there are Plot@1, Plot@2; give a node of one"):
            run.output("Plot", uri="b")
        embedded.put(lineage.ArtifactType(name="Plot"))
        assert run.output("Plot", uri="c").type_version is None


def test_parameters_come_at_any_time(embedded: Store) -> None:
    with embedded.run(Fit(depth=1, external_id="job")) as run:
        run.log_params(rate=0.5, units=[64, 32])
        run.log_params({"data/split": "a", "depth": 2}, skipped=None)
        before = embedded.backend.now()
        run.log_params(depth=2)
        assert embedded.backend.now() == before
        with embedded.extend("job") as worker:
            worker.log_params(worker=True)
    assert (run.execution.depth, run.execution.rate) == (2, 0.5)
    assert dict(embedded.show(run.key).parameters) == {
        "depth": 2,
        "rate": 0.5,
        "units": [64, 32],
        "data/split": "a",
        "worker": True,
    }
    assert embedded.find("execution", "properties.depth = 2 AND custom_properties.worker = TRUE")
    with pytest.raises(Invalid, match="has ended"):
        run.log_params(depth=3)


REFUSED: list[tuple[str, Callable[[Store, Any], object], str]] = [
    ("no value", lambda it, run: run.log_params(), "needs a value"),
    ("no mapping", lambda it, run: run.log_params(5), "holds no parameters"),
    ("another type", lambda it, run: run.log_params(depth="deep"), "'depth' of type Fit is INT"),
    ("an own name", lambda it, run: run.log_params({"lineage.x": 1}), "are the engine's own"),
    ("why it ended", lambda it, run: run.log_params(error_type=1), "why a run did not end well"),
    ("no text", lambda it, run: run.log_params({1: 1}), "1 is not a string"),
    ("no params", lambda it, run: it.run("Fit", params=[1]), "holds no parameters"),
    ("own params", lambda it, run: it.run("Fit", params={"lineage.tags": 1}), "engine's own"),
    ("a URI", lambda it, run: run.input("s3://lake/x"), r"is no name of a type; .*'Model', uri="),
    ("a key", lambda it, run: run.input("artifact:1"), "is no name of a type"),
    ("a path", lambda it, run: run.output("data/x.csv"), "is no name of a type"),
    ("nothing", lambda it, run: run.output(" "), "is no name of a type"),
    ("a reserved type", lambda it, run: run.output("lineage.Own"), "are reserved"),
    ("an own property", lambda it, run: run.output("T", **{"lineage.note": 1}), "engine's own"),
    ("fields of a node", lambda it, run: run.output(Table(rows=1), uri="x"), "uri= goes with"),
    ("no state", lambda it, run: run.output("T", state="?"), "state"),
    ("no execution", lambda it, run: it.run(5), "give an execution, or the name"),
    ("no type of a run", lambda it, run: it.record("a:b"), "is no name of a type"),
]


@pytest.mark.parametrize(
    ("write", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_no_name_and_no_parameter_is_refused(
    write: Callable[[Store, Any], object], message: str
) -> None:
    store = lineage.connect("memory:")
    with store.run(Fit(depth=1)) as run:
        number, types = store.backend.now(), len(store.types())
        with pytest.raises(Invalid, match=message):
            write(store, run)
        assert (store.backend.now(), len(store.types())) == (number, types)
    assert store.types(Kind.EXECUTION, name="Fit")[0].properties["depth"] == "INT"


def test_what_a_rollback_undid_is_made_again(embedded: Store) -> None:
    def once() -> None:
        with embedded.transaction(), embedded.run("Once") as run:
            run.output("Thing", uri="x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once()
    assert not embedded.types(name="Thing")
    with embedded.run("Once") as run:
        run.output("Thing", uri="x")
    assert [each.uri for each in embedded.find(lineage.Artifact, "type = 'Thing'")] == ["x"]
