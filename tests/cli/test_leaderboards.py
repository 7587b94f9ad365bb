"""Tables of runs and models, of found nodes and of compared models, on a page of 80 characters."""

import csv
from io import StringIO
from pathlib import Path

import pytest

import lineage
from lineage.cli.grids import GridColumn, grid
from tests.cli.conftest import Shell


class Fit(lineage.Train):
    depth: int
    description: str = "the same long text in every run, which takes a line of its own"


class Clf(lineage.Model):
    pass


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty runs, each with a model of its own and two metrics."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lineage.db"
    with lineage.connect(path) as store, store.transaction():
        for number in range(20):
            data = lineage.Dataset(uri=f"s3://lake/churn/day-{number % 2}.csv", digest="ab" * 32)
            metrics = lineage.Metrics(custom_properties={"auc": number / 7, "loss": 1 - number / 7})
            model = Clf(uri=f"s3://models/churn/version-{number}/model.onnx")
            run = Fit(name=f"fit {number}", depth=number % 5, state="COMPLETE")
            store.record(run, inputs=data, outputs=[model, metrics])
    return path


def test_runs_fit_a_page_and_name_what_did_not(shell: Shell, board: Path) -> None:
    answer = shell("runs", "Fit", "--order", "metrics.auc desc", "--limit", "3")
    assert answer.code == 0
    table, _, rest = answer.out.partition("\n\n")
    above, titles, *rows = table.splitlines()
    assert above.split() == ["metrics", "parameters"]
    # What is the same in all rows, such as the state, gives way.
    assert titles.split() == ["RUN", "name", "auc", "loss", "depth", "data"]
    assert [row.split()[0] for row in rows] == ["execution:20", "execution:19", "execution:18"]
    assert rows[0].split()[3:6] == ["2.714", "-1.714", "4"]
    assert max(map(len, table.splitlines())) <= 80
    assert "parameters.description" in rest
    assert answer.err.startswith("lineage: there are more: add --page ")
    token = answer.err.split()[-1]
    second = shell("runs", "Fit", "--order", "metrics.auc desc", "--limit", "3", "--page", token)
    assert [row.split()[0] for row in second.out.splitlines()[2:5]] == [
        "execution:17",
        "execution:16",
        "execution:15",
    ]


def test_runs_as_csv_and_as_a_document(shell: Shell, board: Path) -> None:
    where = ["--where", "parameters.depth = 4 and metrics.auc > 1"]
    header, *rows = csv.reader(StringIO(shell("runs", *where, "--csv").out))
    assert header[:2] == ["id", "name"]
    assert [row[0] for row in rows] == ["20", "15", "10"]
    document = shell("runs", *where, "--json", "--columns", "metrics.auc, data,`x`").err
    assert "there is no column" in document
    document = shell("runs", *where, "--json", "--columns", "id,metrics.auc, data").json
    assert document["columns"] == ["id", "metrics.auc", "data"]
    assert document["rows"][0] == {
        "id": 20,
        "metrics.auc": 19 / 7,
        "data": ["s3://lake/churn/day-1.csv"],
    }
    both = shell("runs", "--json", "--csv")
    assert (both.code, both.out) == (2, "")


def test_models_and_nothing(shell: Shell, board: Path) -> None:
    answer = shell("models", "--order", "metrics.loss", "--limit", "1")
    assert answer.out.splitlines()[2].split()[0] == "artifact:41"
    assert shell("models", "--where", "metrics.auc > 9").out == "No models found.\n"
    nothing = shell("runs", "--where", "metrics.acu > 9").out
    assert nothing.startswith("No runs found.\n")
    assert "there are metrics.auc" in nothing
    assert shell("runs", "--where", "metric.auc > 9").code == 4


def test_find_prints_a_column_a_property(shell: Shell, board: Path) -> None:
    lines = shell("find", "Fit", "--limit", "2").out.splitlines()
    assert lines[0].split()[:5] == ["NODE", "TYPE", "NAME", "STATE", "depth"]
    assert lines[1].split()[:6] == ["execution:1", "Fit", "fit", "0", "COMPLETE", "0"]
    assert lines[-1] == "Without description; --json has all."
    header, model = shell("find", "Clf", "--limit", "1").out.splitlines()
    assert header.split() == ["NODE", "TYPE", "URI", "CREATED"]
    assert model.split()[:3] == ["artifact:2", "Clf", "s3://model…/version-0/model.onnx"]


def test_comparisons_fit_a_page(shell: Shell, board: Path) -> None:
    models = [f"artifact:{each}" for each in (2, 5, 7, 9)]
    for count in (1, 2, 3, 4):
        answer = shell("compare", *models[:count])
        assert answer.code == 0
        assert max(map(len, answer.out.partition("\n\n")[0].splitlines())) <= 80, count
    turned = shell("compare", *models).out
    assert turned.splitlines()[1].split()[:2] == ["MODEL", "NAME"]
    assert [line.split()[0] for line in turned.splitlines()[2:6]] == models
    assert [line.split()[1] for line in turned.splitlines()[2:6]] == ["…0…", "…1…", "…2…", "…3…"]
    assert "The same in all" in turned


def test_twenty_models_are_compared(shell: Shell, board: Path) -> None:
    with lineage.connect(board, readonly=True) as store:
        models = [str(model.key) for model in store.find(Clf)]
        frame = store.compare(*models).to_pandas()
    assert frame.index.tolist() == models
    assert frame["parameters.depth"].tolist() == [number % 5 for number in range(20)]
    page = shell("compare", *models).out.partition("\n\n")[0].splitlines()
    assert len(page) == 22
    assert max(map(len, page)) <= 80


def test_columns_are_chosen_by_rank_and_printed_in_order() -> None:
    columns = [
        GridColumn("one", ["x" * 30], 2),
        GridColumn("two", ["y" * 30], 0),
        GridColumn("three", ["z" * 30], 3),
        GridColumn("four", ["w"], 4, family="some"),
    ]
    lines, left_out = grid(columns)
    assert left_out == ["three"]
    assert [line.split() for line in lines] == [
        ["some"],
        ["one", "two", "four"],
        ["x" * 30, "y" * 30, "w"],
    ]
    assert grid(columns, whole=True)[1] == []
