"""Runs and models as tables: what each column is, how it sorts and filters, and the pages."""

import csv
import math
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage import NodeKey
from lineage.errors import Invalid, NotFound
from lineage.model.marks import NOTE, TAGS
from lineage.queries.tables import question as module
from lineage.queries.tables.table import Table
from lineage.store import Store
from lineage.testing.builders import Clock
from tests.conftest import BACKENDS


class Fit(lineage.Train):
    depth: int
    rate: float | None = None


class Check(lineage.Evaluate):
    pass


class Data(lineage.Dataset):
    pass


class Clf(lineage.Model):
    pass


TRAIN, TEST = Data(uri="s3://train"), Data(uri="s3://test")


WAYS = (module.FEW, 0)
"""Around how many nodes is read by their keys: both ways of reading must come to the same."""


def fill(store: Store) -> Store:
    """Record five runs: the deeper, the better on the test data and the worse on the training data."""
    for depth in range(5):
        custom = {"optimizer": "adam" if depth % 2 else depth, "lineage.own": "x"}
        with store.run(Fit(name=f"fit {depth}", depth=depth, custom_properties=custom)) as run:
            train, test = run.input(TRAIN, path=["train"]), run.input(TEST, path=["test", 0])
            model = run.output(Clf(uri=f"s3://m/{depth}"))
            run.log_metrics(auc=depth / 10, of=model, on=test)
            run.log_metrics(auc=1 - depth / 10, of=model, on=train)
            run.log_metrics(loss=math.nan if depth == 3 else float(depth))
    return store


@pytest.fixture(scope="module")
def board(shared: Store) -> Store:
    """The runs in a store of each kind, which tests only read."""
    return fill(shared)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The runs in a store that a test may change: what it does with them is the engine's, and no backend's."""
    with BACKENDS[request.param](tmp_path, Clock()) as backend:
        yield fill(Store(backend, actor="ann"))


def ids(table: Table) -> list[int]:
    return [row.key.id for row in table]


def test_a_row_says_what_a_run_read_wrote_and_measured(board: Store) -> None:
    (row,) = board.runs(Fit, "name = 'fit 4'")
    assert row.key == NodeKey.parse("execution:5")
    assert row.node == board.get("execution:5")
    expected = {
        "id": 5,
        "name": "fit 4",
        "state": "COMPLETE",
        "metrics.auc": 0.6,
        "metrics.loss": 4.0,
        "parameters.depth": 4,
        "parameters.optimizer": 4,
        "data": ("s3://train", "s3://test"),
        "model": ("s3://m/4",),
    }
    assert {name: row[name] for name in expected} == expected
    assert row["create_time"] == row.node.create_time
    assert row["duration"] == pytest.approx(
        (row.node.update_time - row.node.create_time).total_seconds()  # type: ignore[operator]  # a stored node has both
    )
    assert set(row) == {*expected, "create_time", "duration"}


FILTERS: list[tuple[str, list[int]]] = [
    ("metrics.auc > 0.7 and parameters.depth < 2", [2, 1]),
    ("metrics.auc@test >= 0.3", [5, 4]),
    ("metrics.auc@test > metrics.auc", []),
    ("metrics.auc@`test.0` = 0.2 or state = 'FAILED'", [3]),
    ("metrics.auc@train > 0.75", [3, 2, 1]),
    ("metrics.auc@dev is null", [5, 4, 3, 2, 1]),
    ("not metrics.loss < 2", [5, 4, 3]),
    ("metrics.loss = 'text'", []),
    ("parameters.optimizer = 'adam'", [4, 2]),
    ("parameters.optimizer >= 2", [5, 3]),
    ("parameters.rate is null and parameters.depth in (0, 4)", [5, 1]),
    ("parameters.depth = metrics.loss and not parameters.depth = 0", [5, 3, 2]),
    ("parameters.`lineage.own` is not null", []),
    ("data = 's3://test' and model like '%/3'", [4]),
    ("'s3://m/1' in model", [2]),
    ("not model = 's3://m/1'", [5, 4, 3, 1]),
    ("duration >= 0 and name != 'fit 0'", [5, 4, 3, 2]),
    ("events_0.artifact_id = 1 and metrics.loss < 1", [1]),
    ("not (events_0.artifact_id = 99 or metrics.loss < 3) and id < 5", [4]),
    ("create_time > '2020-01-01T00:00:00Z' and properties.depth = 2", [3]),
]


def test_columns_filter_on_every_backend(board: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neo4j plans each shape of a condition for a second, so that a few must do."""
    for few in WAYS:
        monkeypatch.setattr(module, "FEW", few)
        for where, found in FILTERS[:6]:
            assert (where, ids(board.runs(Fit, where))) == (where, found)


def test_any_column_filters(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for few in WAYS:
        monkeypatch.setattr(module, "FEW", few)
        for where, found in FILTERS:
            assert (where, ids(store.runs(Fit, where))) == (where, found)


ORDERS: list[tuple[str | None, list[int]]] = [
    (None, [5, 4, 3, 2, 1]),
    ("id", [1, 2, 3, 4, 5]),
    ("metrics.auc desc", [1, 2, 3, 4, 5]),
    ("metrics.auc@test desc", [5, 4, 3, 2, 1]),
    ("metrics.loss", [1, 2, 3, 5, 4]),
    ("metrics.loss desc", [5, 3, 2, 1, 4]),
    ("parameters.depth desc", [5, 4, 3, 2, 1]),
    ("parameters.optimizer", [1, 3, 5, 2, 4]),
    ("parameters.optimizer desc", [5, 3, 1, 4, 2]),
    ("parameters.optimizer, id desc", [1, 3, 5, 4, 2]),
    ("name desc", [5, 4, 3, 2, 1]),
    ("state, model desc", [5, 4, 3, 2, 1]),
    ("type", [1, 2, 3, 4, 5]),
    ("metrics.none desc", [5, 4, 3, 2, 1]),
    ("create_time", [1, 2, 3, 4, 5]),
]


def test_any_column_sorts(board: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for few in WAYS:
        monkeypatch.setattr(module, "FEW", few)
        for order, found in ORDERS:
            assert (order, ids(board.runs(Fit, order=order))) == (order, found)


def test_pages_are_of_the_moment_of_the_first(store: Store) -> None:
    orders = ["metrics.loss desc", "id", "update_time desc", "parameters.optimizer"]
    whole = {order: ids(store.runs(Fit, order=order)) for order in orders}
    pages = {order: store.runs(Fit, order=order, limit=2) for order in orders}
    with store.run(Fit(depth=9)) as run:
        run.log_metrics(loss=2.5)
    store.delete("execution:2")
    for order, page in pages.items():
        found = ids(page)
        while page.next is not None:
            page = store.runs(Fit, order=order, limit=2, page=page.next)  # noqa: PLW2901  # until the last
            found += ids(page)
        assert found == whole[order]
        assert len(store.runs(Fit, order=order)) == 5


def test_a_page_of_another_question_is_refused(store: Store) -> None:
    page = store.runs(Fit, order="metrics.auc", limit=2).next
    for wrong in ({"order": "metrics.loss"}, {"order": "metrics.auc", "where": "id > 1"}):
        with pytest.raises(Invalid, match="another question"):
            store.runs(Fit, page=page, **wrong)
    with pytest.raises(Invalid, match="not a page token"):
        store.runs(Fit, page="nonsense")
    with pytest.raises(Invalid, match="this is as of 1"):
        store.at(1).runs(Fit, order="metrics.auc", page=page)


def test_what_a_condition_is_about_is_shown(board: Store) -> None:
    table = board.runs(
        Fit, "metrics.auc@test > 0.3 and metrics.loss > 0", order="metrics.auc@train"
    )
    assert table.columns[5:9] == (
        "metrics.auc@train",
        "metrics.auc@test",
        "metrics.loss",
        "metrics.auc",
    )
    assert table.column("metrics.auc@test") == [0.4]


def test_a_page_after_what_was_purged_is_refused(store: Store) -> None:
    page = store.runs(Fit, order="parameters.depth", limit=2).next
    store.delete("execution:1")
    assert ids(store.runs(Fit, order="parameters.depth", page=page)) == [3, 4, 5]
    store.purge("execution:1", reason="test")
    with pytest.raises(Invalid, match="as after a purge"):
        store.runs(Fit, order="parameters.depth", page=page)


def test_columns_that_were_asked_for(board: Store) -> None:
    names = [
        "metrics.auc@test",
        "PARAMETERS.depth",
        "tags",
        "properties.depth",
        "metrics.none",
        "uri",
    ]
    with pytest.raises(Invalid, match="there is no column 'uri'"):
        board.runs(Fit, columns=names)
    table = board.runs(Fit, columns=names[:-1], limit=1)
    assert table.columns == (
        "metrics.auc@test",
        "parameters.depth",
        "tags",
        "properties.depth",
        "metrics.none",
    )
    assert dict(table[0]) == dict(zip(table.columns, [0.4, 4, None, 4, None], strict=True))


def test_an_earlier_moment(store: Store) -> None:
    number = store.backend.now()
    store.delete("execution:1")
    with store.run(Fit(depth=7)) as run:
        run.log_metrics(auc=2.0)
    assert ids(store.runs(Fit, order="metrics.auc desc")) == [6, 2, 3, 4, 5]
    assert ids(store.at(number).runs(Fit, order="metrics.auc desc")) == [1, 2, 3, 4, 5]
    assert store.at(number).runs(Fit).number == number


def test_runs_that_were_deleted_or_purged(store: Store) -> None:
    store.delete("execution:2")
    store.purge("execution:3", reason="test")
    assert ids(store.runs(order="metrics.auc desc")) == [1, 4, 5]
    gone = store.runs(where="gone = true", order="metrics.auc desc")
    assert ids(gone) == [2, 3]
    assert [row["metrics.auc"] for row in gone] == [0.9, 0.8]
    assert [row["parameters.depth"] for row in gone] == [1, None]


def test_deleted_data_is_in_no_column_which_is_said(store: Store) -> None:
    store.delete("artifact:2")
    table = store.runs(Fit, "name = 'fit 1'")
    assert table[0]["data"] == ("s3://train",)
    assert table.notes == ("artifact:2 is deleted, and in no column",)


def test_runs_of_several_types(store: Store) -> None:
    with store.run(Check(custom_properties={"depth": "deep"})) as run:
        run.log_metrics(auc=0.55)
    table = store.runs(order="parameters.depth desc")
    assert table.columns[:3] == ("id", "type", "name")
    assert ids(table) == [5, 4, 3, 2, 1, 6]
    assert "parameters.depth has values of several types: numbers, then texts" in table.notes
    assert ids(store.runs(where="parameters.depth = 'deep'")) == [6]
    assert ids(store.runs("Check")) == ids(store.runs("lineage.Evaluate")) == [6]
    assert ids(store.runs("execution", "metrics.auc < 0.65")) == [6, 5]


def test_what_no_run_has_is_said_with_what_is_near(board: Store) -> None:
    assert board.runs(Fit, order="metrics.acu").notes == (
        "nothing here has metrics.acu; there are metrics.auc",
    )
    table = board.runs(Fit, "metrics.lozz > 1")
    assert (ids(table), table.notes) == (
        [],
        ("nothing here has metrics.lozz; there are metrics.loss",),
    )


def test_an_empty_store() -> None:
    with lineage.connect("memory:") as store:
        for table in (store.runs(), store.models(), store.runs(Fit, "metrics.a > 1", order="data")):
            assert (len(table), table.next, table.notes) == (0, None, ())
        assert list(store.runs().to_pandas().columns) == ["id", "name", "state", "create_time"]
        with pytest.raises(NotFound, match="there is no type 'Fit'"):
            store.runs("Fit")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"where": "metric.auc > 1"}, "did you mean metrics.<name>?"),
    ({"where": "stat = 'x'"}, "did you mean state?"),
    ({"where": "metrics > 1"}, "metrics needs a name"),
    ({"where": "metrics.auc@ > 1"}, "the name of a column"),
    ({"where": "metrics.@x > 1"}, "the name of a column"),
    ({"where": "parameters.depth@test > 1"}, "a use of data follows a metric"),
    ({"where": "state@test = 1"}, "only a metric is measured on data of a use"),
    ({"where": "duration > 'x'"}, "duration is compared with a number"),
    ({"where": "data > data"}, "compared with texts"),
    ({"where": "metrics.auc > contexts_a.id"}, "not compared with one of a neighbour"),
    ({"where": 5}, "is not a filter"),
    ({"order": "metrics.auc down"}, "asc, desc, ',' or the end"),
    ({"order": "contexts_a.name"}, "nothing is sorted by"),
    ({"order": "gone"}, "nothing is sorted by"),
    ({"order": 5}, "is not an order"),
    ({"order": ""}, "order='': "),
    ({"columns": ["id", "metrics"]}, "columns='metrics': "),
    ({"columns": "id"}, "give a list of names"),
    ({"columns": ["id desc"]}, "no single column"),
    ({"limit": 0}, "limit=0"),
    ({"wanted": Clf}, "is a type of artifacts, and runs are executions"),
]


def test_bad_input() -> None:
    """Nothing of it depends on a backend."""
    with lineage.connect("memory:") as store:
        store.record(Fit(depth=1), outputs=Clf(uri="s3://m"))
        for asked, says in WRONG:
            with pytest.raises(Invalid) as caught:
                store.runs(**asked)
            assert says in str(caught.value)


def test_find_has_no_columns_of_tables(store: Store) -> None:
    with pytest.raises(Invalid, match="there is no column 'metrics'"):
        store.find(Fit, "metrics.auc > 1")
    with pytest.raises(Invalid, match="'@' is not part of filters"):
        store.find(Fit, "properties.depth@x > 1")


def test_tags_and_notes_are_columns(store: Store) -> None:
    marks = {TAGS: ["nightly"], NOTE: "so far the best"}
    store.record(Fit(depth=1, custom_properties=marks))
    (row,) = store.runs(where="'nightly' in tags and note like '%best'")
    assert (row["tags"], row["note"]) == (["nightly"], "so far the best")
    assert [name for name in row if name.startswith("parameters")] == ["parameters.depth"]


def test_a_run_recorded_at_once_has_no_duration(store: Store) -> None:
    stored = store.record(Fit(depth=1)).execution
    (row,) = store.runs(where=f"id = {stored.id}", columns=["duration"])
    assert row["duration"] is None
    assert ids(store.runs(Fit, "duration is null")) == [stored.id]


def test_a_mark_after_the_end_makes_no_run_longer(store: Store) -> None:
    before = store.runs(Fit, "id = 3", columns=["duration"])[0]["duration"]
    run = store.get("execution:3")
    marked = {**run.custom_properties, TAGS: ["late"]}
    store.update(run.model_copy(update={"custom_properties": marked}))
    (row,) = store.runs(Fit, "id = 3", columns=["duration", "tags"])
    assert (row["duration"], row["tags"]) == (before, ["late"])
    assert ids(store.runs(Fit, f"duration = {before!r} and id = 3")) == [3]


def test_frames_have_the_columns(store: Store) -> None:
    frame = store.runs(Fit, order="id").to_pandas()
    assert list(frame["parameters.depth"]) == [0, 1, 2, 3, 4]
    assert str(frame["metrics.auc"].dtype) == "float64"
    assert str(frame["create_time"].dtype) == "datetime64[us, UTC]"
    assert list(frame["data"]) == ["s3://train; s3://test"] * 5
    assert list(frame["parameters.optimizer"]) == [0, "adam", 2, "adam", 4]
    table = store.runs(Fit, order="id").to_arrow()
    assert table.column_names == list(frame.columns)
    assert table.column("parameters.depth").to_pylist() == [0, 1, 2, 3, 4]
    assert math.isnan(table.column("metrics.loss").to_pylist()[3])


def test_csv_reads_back(store: Store, tmp_path: Path) -> None:
    names = ["id", "metrics.auc", "metrics.loss", "data", "parameters.rate", "note"]
    store.record(Fit(depth=1, custom_properties={NOTE: 'two\nlines, "quoted"'}))
    text = store.runs(Fit, order="id desc", columns=names).to_csv(tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text() == text
    header, newest, *rows = csv.reader(StringIO(text))
    assert header == names
    assert newest == ["6", "", "", "", "", 'two\nlines, "quoted"']
    assert rows[1] == ["4", "0.7", "nan", "s3://train; s3://test", "", ""]
    assert float(rows[0][1]) == store.runs(Fit, "id = 5")[0]["metrics.auc"]


def test_models_have_what_was_measured_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.run(Check()) as run:
        run.input(store.get("artifact:3"))
        test = run.input(TEST, path=["holdout"])
        run.log_metrics(auc=0.05, recall=0.5)
    assert test.id == 2
    store.put(Clf(uri="s3://by-hand", custom_properties={"auc": 0.99, "version": 3}))
    for few in WAYS:
        monkeypatch.setattr(module, "FEW", few)
        check_models(store)
    with pytest.raises(Invalid, match="is a type of executions, and models are artifacts"):
        store.models(Fit)


def check_models(store: Store) -> None:
    table = store.models(order="metrics.auc desc")
    assert [row["metrics.auc"] for row in table] == [0.99, 0.9, 0.8, 0.7, 0.6, 0.05]
    assert [row["uri"] for row in table][:2] == ["s3://by-hand", "s3://m/1"]
    assert [row["run"] for row in table] == [None, *(f"fit {each}" for each in (1, 2, 3, 4, 0))]
    assert [row["parameters.depth"] for row in table] == [None, 1, 2, 3, 4, 0]
    assert table[-1]["data"] == ("s3://train", "s3://test")
    assert [row["uri"] for row in store.models(Clf, "metrics.auc@holdout < 1")] == ["s3://m/0"]
    assert [row["uri"] for row in store.models(where="parameters.depth = 2 or run = 'fit 3'")] == [
        "s3://m/3",
        "s3://m/2",
    ]
    first, *_ = store.models(where="data like '%test'", order="run")
    assert first["uri"] == "s3://m/0"


def test_models_of_assets(store: Store) -> None:
    with store.run(Fit(depth=1)) as run:
        run.output(Clf(uri="s3://m/v2"), asset="churn")
    assert [row["uri"] for row in store.models(where="asset = 'churn'")] == ["s3://m/v2"]
    assert store.models(order="asset")[0]["asset"] == "churn"
