"""Models side by side: stores made by hand, whose tables are known."""

import builtins
import math
import pickle
from typing import Any

import pytest

import lineage
from lineage.contract.walking import Limits
from lineage.errors import Invalid, MissingExtra, NotFound
from lineage.model.entities import Artifact, Association, Attribution
from lineage.model.keys import Kind, NodeKey
from lineage.model.system import Asset, Environment
from lineage.queries.comparison import Comparison, Row, compare
from lineage.store import Store
from lineage.testing.builders import writing


class Lake(lineage.Dataset):
    day: int = 0


class Net(lineage.Model):
    size: float = 0.0


class Fit(lineage.Train):
    rate: float = 0.0


def table(store: Store, *texts: str, **options: Any) -> Comparison:
    return compare(store.backend, [store.key_of(text) for text in texts], **options)


def rows(answer: Comparison, section: str) -> dict[str, tuple[Any, ...]]:
    return {row.name: row.values for row in answer.rows if row.section == section}


class Forest(lineage.Train):
    trees: int = 0


class Woods(lineage.Model):
    size: float = 0.0


def test_what_two_kinds_of_model_say_of_themselves_stands_in_one_row(store: Store) -> None:
    for name, train, cls in (("net", Fit(), Net), ("woods", Forest(), Woods)):
        scores = lineage.Metrics(custom_properties={"accuracy": 0.9})
        store.record(train, outputs=[cls(name=name, size=4.0), scores])
    answer = table(store, "Net:net", "Woods:woods")
    assert rows(answer, "metrics") == {
        "accuracy (training)": (0.9, 0.9),
        "size (model)": (4.0, 4.0),
    }
    assert not any(row.differs for row in answer.rows if row.section == "metrics")


def test_what_models_say_of_themselves(store: Store) -> None:
    """Numbers with a point are their metrics; the rest tells what they are."""
    for name, framework in (("a", "1.5"), ("b", "1.6")):
        own = {"framework": {"name": "sklearn", "version": framework}, "depth": 3, "auc": 0.5}
        store.record(lineage.Train(), outputs=lineage.Model(name=name, custom_properties=own))
    rows = table(store, "lineage.Model:a", "lineage.Model:b").rows
    assert [(r.name, r.values, r.differs) for r in rows if r.section == "properties"] == [
        ("framework.version", ("1.5", "1.6"), True),
        ("depth", (3, 3), False),
        ("framework.name", ("sklearn", "sklearn"), False),
    ]


def in_environment(store: Store, execution: lineage.Execution, name: str, **said: Any) -> None:
    libraries = said.pop("libraries", {})
    where = store.put(Environment(name=name, custom_properties=libraries, **said))
    store.put(Association(context=where.key, execution=execution.key))


def two_models(store: Store) -> Store:
    """Record two trainings on two versions of a lake and on one of words, and an evaluation each."""
    words = Lake(uri="s3://words", digest="sha256:" + "7" * 64)
    for n in (1, 2):
        free = {"tree": {"depth": 2 + n, "leaf": {"min": 1}}, "seed": 4}
        fit = store.record(
            Fit(name=f"fit {n}", rate=n / 10, custom_properties=free),
            inputs={"train": Lake(uri="s3://lake", day=n), "words": words},
            outputs=[
                Net(name=f"n{n}", size=8.0),
                lineage.Metrics(custom_properties={"loss": n / 2}),
            ],
        )
        store.record(
            lineage.Evaluate(),
            inputs=Net(name=f"n{n}"),
            outputs=lineage.Metrics(custom_properties={"auc": 0.5}),
        )
        libraries = {"scikit-learn": "1.5", "numpy": f"{n}.0", "attrs": "24"}
        commit = {"python": "3.11.2", "git_commit": "abc", "git_clean": n == 1}
        in_environment(store, fit.execution, f"sha256:{n}", libraries=libraries, **commit)
    return store


def test_two_models_side_by_side(store: Store) -> None:
    answer = table(two_models(store), "Net:n1", "Net:n2")
    created = [run.create_time for run in store.find(Fit)]
    assert [(row.section, row.name, row.values) for row in answer.rows if row.differs] == [
        ("data", "train", ("s3://lake (artifact:1)", "s3://lake (artifact:6)")),
        ("parameters", "rate", (0.1, 0.2)),
        ("parameters", "tree.depth", (3, 4)),
        ("metrics", "loss (training)", (0.5, 1.0)),
        ("frameworks", "numpy", ("1.0", "2.0")),
        ("run", "git clean", (True, False)),
        ("run", "created", tuple(f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in created if each)),
        ("run", "run", ("fit 1", "fit 2")),
    ]
    assert [row.name for row in answer.rows if row.formal] == ["created", "run"]
    assert [row.formal for row in answer.rows[-2:]] == [True, True]
    assert [(row.section, row.name, row.values[0]) for row in answer.rows if not row.differs] == [
        ("data", "words", "s3://words (sha256:777777777777)"),
        ("parameters", "seed", 4),
        ("parameters", "tree.leaf.min", 1),
        ("metrics", "auc (lineage.Evaluate)", 0.5),
        ("metrics", "size (model)", 8.0),
        ("frameworks", "python", "3.11.2"),
        ("frameworks", "scikit-learn", "1.5"),
        ("run", "git commit", "abc"),
        ("run", "state", "COMPLETE"),
        ("run", "type", "Fit"),
    ]
    assert [model.name for model in answer.models] == ["n1", "n2"]
    assert (answer.notes, answer.truncated) == ((), (None, None))
    assert answer.number == store.backend.now()
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_one_model_alone_or_twice_has_no_differences(store: Store) -> None:
    two_models(store)
    alone, twice = table(store, "Net:n1"), table(store, "Net:n1", "Net:n1")
    assert not any(row.differs for row in (*alone.rows, *twice.rows))
    assert [row.values for row in twice.rows] == [row.values * 2 for row in alone.rows]


def test_absent_differs_and_so_does_another_type(store: Store) -> None:
    nan = float("nan")
    for name, free in (
        (
            "a",
            {
                "same": nan,
                "x": 1,
                "flag": True,
                "map": {"": [1]},
                "deep": {"a": {"b": {"c": {"d": 1}}}},
            },
        ),
        ("b", {"same": nan, "x": 1.0, "flag": 1, "map": {"": [1.0]}, "only": math.inf}),
    ):
        store.record(lineage.Train(custom_properties=free), outputs=Net(name=name))
    answer = table(store, "Net:a", "Net:b")
    assert rows(answer, "parameters") == {
        "deep.a.b.c": ({"d": 1}, None),
        "flag": (True, 1),
        "map.": ([1], [1.0]),
        "only": (None, math.inf),
        "x": (1, 1.0),
        "same": pytest.approx((nan, nan), nan_ok=True),
    }
    assert {row.name for row in answer.rows if row.section == "parameters" and not row.differs} == {
        "same"
    }


def test_what_was_not_recorded_is_said_and_none(store: Store) -> None:
    two_models(store)
    store.put(Net(name="n3"))
    answer = table(store, "Net:n1", "Net:n3")
    assert rows(answer, "frameworks") == {"scikit-learn": ("1.5", None), "python": ("3.11.2", None)}
    assert rows(answer, "run")["type"] == ("Fit", None)
    assert answer.notes == (
        "no run is recorded that wrote artifact:10",
        "no data set is recorded upstream of artifact:10",
    )
    assert rows(table(store, "Net:n3"), "data") == {}


def test_what_is_no_model_is_compared_with_a_note(store: Store) -> None:
    answer = table(two_models(store), "artifact:1", "Net:n1")
    assert answer.notes[0] == "artifact:1 is not a model, it is a data set"
    with pytest.raises(Invalid, match="execution:1 is not an artifact"):
        table(store, "Net:n1", "execution:1")
    with pytest.raises(Invalid, match="nothing to compare"):
        table(store)
    with pytest.raises(NotFound, match="there is no artifact:99"):
        compare(store.backend, [NodeKey(Kind.ARTIFACT, 99)])


def test_the_newest_of_several_values_is_compared(store: Store) -> None:
    two_models(store)
    metrics = lineage.Metrics(custom_properties={"auc": 0.7})
    store.record(lineage.Evaluate(), inputs=Net(name="n1"), outputs=metrics)
    answer = table(store, "Net:n1", "Net:n2")
    assert rows(answer, "metrics")["auc (lineage.Evaluate)"] == (0.7, 0.5)
    assert answer.notes == (
        "artifact:3 has 2 values of auc (lineage.Evaluate); the first, of the newest run, is compared, "
        "and not 0.5 in artifact:5",
    )


def test_history_and_deleted_data(store: Store) -> None:
    two_models(store)
    before = store.backend.now()
    store.delete("artifact:1")
    assert rows(table(store, "Net:n1"), "data")["train"] == ("s3://lake (artifact:1), deleted",)
    then = table(store, "Net:n1", as_of=before)
    assert rows(then, "data")["train"] == ("s3://lake (artifact:1)",)
    with pytest.raises(NotFound):
        table(store, "Net:n2", as_of=2)


def test_a_cut_search_is_said_for_each_model(store: Store) -> None:
    two_models(store)
    store.put(Net(name="n3"))
    answer = table(store, "Net:n1", "Net:n3", limits=Limits(hops=1))
    assert [cut and cut.limit for cut in answer.truncated] == ["hops", None]
    assert "the search for data sets was cut by the limit of hops" in answer.notes[0]


def test_types_go_by_their_names_where_they_have_no_base(store: Store) -> None:
    with writing(store.backend) as new:
        data, model = new.type(Kind.ARTIFACT, "my_dataset"), new.type(Kind.ARTIFACT, "system.Model")
        new.path(new.artifact(data), new.execution(properties={"a": 1}), new.artifact(model))
    answer = table(store, "artifact:2")
    assert (rows(answer, "data"), rows(answer, "parameters")) == (
        {"my_dataset": ("artifact:1",)},
        {"a": (1,)},
    )
    assert "system.Model is taken for a model by its name" in answer.notes


# Which data stands where


def test_versions_of_one_asset_share_a_row(store: Store) -> None:
    assets = store.put([Asset(name="east"), Asset(name="west")])
    for n, order in ((1, (0, 1)), (2, (1, 0))):
        lakes = store.put([Lake(uri=f"s3://{n}/{each}") for each in order])
        for lake, each in zip(lakes, order, strict=True):
            store.put(Attribution(context=assets[each].key, artifact=lake.key))
        store.record(Fit(), inputs=[lake.key for lake in lakes], outputs=Net(name=f"n{n}"))
    assert rows(table(store, "Net:n1", "Net:n2"), "data") == {
        "Lake east": ("s3://1/0 (artifact:1)", "s3://2/0 (artifact:5)"),
        "Lake west": ("s3://1/1 (artifact:2)", "s3://2/1 (artifact:4)"),
    }


def test_several_rows_of_one_type_are_numbered(store: Store) -> None:
    for n in (1, 2):
        lakes = [Lake(uri="s3://same"), Lake(uri=f"s3://{n}"), *[Lake(name="more")] * (n == 2)]
        store.record(Fit(), inputs=lakes, outputs=Net(name=f"n{n}"))
    assert rows(table(store, "Net:n1", "Net:n2"), "data") == {
        "Lake": ("s3://same (artifact:1)", "s3://same (artifact:1)"),
        "Lake (2)": ("s3://1 (artifact:2)", "s3://2 (artifact:4)"),
        "Lake (3)": (None, "more (artifact:5)"),
    }


def test_same_data_read_in_another_place_differs(store: Store) -> None:
    one, two = store.put([Lake(uri="a"), Lake(uri="b")])
    for name, paths in (("straight", ("train", "test")), ("swapped", ("test", "train"))):
        inputs = dict(zip(paths, (one.key, two.key), strict=True))
        store.record(Fit(rate=0.1, name=name), inputs=inputs, outputs=Net(name=name))
    assert rows(table(store, "Net:straight", "Net:swapped"), "data") == {
        "train": ("a (artifact:1) as train", "a (artifact:1) as test"),
        "test": ("b (artifact:2) as test", "b (artifact:2) as train"),
    }


def test_data_read_in_several_ways_is_told_with_all(store: Store) -> None:
    lake = store.put(Lake(uri="lake"))
    for name, uses in (
        ("both", ("train", "eval")),
        ("back", ("eval", "train")),
        ("one", ("eval",)),
    ):
        with store.run(Fit(name=name)) as run:
            for use in uses:
                run.input(lake, use=use)
            run.output(Net(name=name))
    assert rows(table(store, "Net:both", "Net:one"), "data") == {
        "train": ("lake (artifact:1) as train, eval", "lake (artifact:1) as eval"),
    }
    assert rows(table(store, "Net:both", "Net:back"), "data") == {
        "train": ("lake (artifact:1)",) * 2
    }


# In the hand


def test_a_frame_of_pandas(store: Store) -> None:
    answer = table(two_models(store), "Net:n1", "Net:n2")
    frame = answer.to_pandas()
    assert frame.index.tolist() == ["artifact:3", "artifact:7"]
    assert frame.index.name == "model"
    assert list(frame.columns) == [f"{row.section}.{row.name}" for row in answer.rows]
    assert frame["parameters.rate"].tolist() == [0.1, 0.2]
    assert frame["parameters.rate"].dtype == float
    assert table(store, "Net:n1", "Net:n1").to_pandas().shape[0] == 2
    assert Comparison((), (), (), (), 0).to_pandas().shape == (0, 0)


def test_without_pandas_the_answer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"lineage-graph\[pandas\]"):
        Comparison((), (), (), (), 0).to_pandas()


def test_a_notebook_shows_hostile_text_escaped_and_long_tables_cut(store: Store) -> None:
    evil = {"<script>": "<b>\x1b[31m\u202e", "long": "x" * 10_000_000}
    store.record(lineage.Train(custom_properties=evil), outputs=Net(name="<i>"))
    html = table(store, "Net:<i>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "\x1b" not in html
    assert len(html) < 10_000
    model = Artifact(type="Net", id=1)
    many = tuple(Row("parameters", str(n), (None,), differs=False) for n in range(500))
    html = Comparison((model,), many, (), (None,), 1)._repr_html_()
    assert "450 more" in html
    assert html.count("<tr>") < 60
