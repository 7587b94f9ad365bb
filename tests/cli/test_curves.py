"""`lineage series`: the points of a metric, as text, CSV and JSON."""

import csv
import json
import math
from io import StringIO
from pathlib import Path

import pytest

import lineage
from tests.cli.conftest import Shell


@pytest.fixture
def logged(shell: Shell) -> Path:
    """A run that logged a loss of 30 steps, two of them no numbers, beside what it measured on two data sets."""
    with lineage.connect("lineage.db") as store:
        data = store.put([lineage.Dataset(uri="s3://a"), lineage.Dataset(uri="s3://b")])
        with store.run(lineage.Train()) as run:
            for step in range(30):
                run.log_metrics(loss=math.nan if step in (3, 29) else 1 / (step + 1), step=step)
            for number, each in enumerate(data):
                run.log_metrics(auc=number / 2, step=0, on=run.input(each))
            run.output(lineage.Model(uri="s3://m"))
    return Path("lineage.db")


def test_the_last_points_are_printed(shell: Shell, logged: Path) -> None:
    answer = shell("series", "s3://m", "loss")
    title, header, *lines, more = answer.out.splitlines()
    assert title.startswith("loss  █")
    assert header.split() == ["STEP", "VALUE", "TIME"]
    assert [line.split()[0] for line in lines] == [str(step) for step in range(10, 30)]
    assert lines[-1].split()[1] == "nan"
    assert more == "The last 20 of 30 points; --csv has all."
    assert max(map(len, answer.out.splitlines())) <= 80


def test_csv_and_json_have_all_points(shell: Shell, logged: Path) -> None:
    rows = list(csv.DictReader(StringIO(shell("series", "execution:1", "loss", "--csv").out)))
    assert [int(row["step"]) for row in rows] == [*range(30)]
    assert float(rows[1]["value"]) == 0.5
    assert math.isnan(float(rows[3]["value"]))
    document = shell("series", "execution:1", "loss", "--json").json
    assert (document["name"], document["logged"], len(document["points"])) == ("loss", 30, 30)
    assert document["points"][3]["value"] == {"float": "nan"}
    assert json.dumps(document["points"][0]["step"]) == "0"
    assert len(shell("series", "execution:1", "loss", "--json", "--limit", "2").json["points"]) == 2


def test_of_several_one_is_named(shell: Shell, logged: Path) -> None:
    answer = shell("series", "execution:1", "auc")
    assert answer.code == 4
    assert "say which by of= or on=" in answer.err
    assert "0.5" in shell("series", "execution:1", "auc", "--on", "s3://b").out


def test_what_was_not_logged_is_not_found(shell: Shell, logged: Path) -> None:
    answer = shell("series", "execution:1", "accuracy")
    assert answer.code == 3
    assert "there are: auc, loss" in answer.err
    assert shell("series", "execution:1", "loss", "--as-of", "1").code == 3
    assert shell("series", "execution:1", "loss", "--csv", "--json").code == 2
