"""Tags, notes, series, details and what a transaction did, as commands show them."""

from pathlib import Path

import lineage
from tests.cli.conftest import Shell


class Fit(lineage.Train):
    depth: int


def test_show_and_log_tell_what_a_run_recorded(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with (
        lineage.connect(path) as store,
        store.run(Fit(depth=3), tags=["nightly", "a"], note="two\nlines", details=True) as run,
    ):
        run.input(lineage.Dataset(uri="data/churn.csv"))
        for step in range(20):
            run.log_metrics(loss=1 / (step + 1), step=step)
        run.log_params(rate=0.5)
    url = ("--store", str(path))
    page = shell("show", str(run.key), *url).out
    assert "tags     a, nightly" in page
    assert "note     two\\nlines" in page
    assert "lineage.tags" not in page
    assert "20 points, steps 0 to 19" in page
    assert "loss  █▄▃▂▂▂▂▂▁" in page
    assert "Details" in page
    document = shell("show", str(run.key), *url, "--json").json
    assert document["series"][0]["points"] == 20
    assert document["series"][0]["last"] == 0.05
    assert document["parameters"] == {"depth": 3, "rate": 0.5}
    lines = shell("log", *url).out.splitlines()
    assert [line.split("…  ")[1].strip() for line in lines[1:]] == [
        "end Fit as COMPLETE, log loss in Fit",
        "change rate of Fit execution:1",
        "input data/churn.csv to Fit",
        "begin Fit",
    ]
    assert (
        shell("log", *url, "--json").json["entries"][2]["summary"] == "input data/churn.csv to Fit"
    )
    found = shell("find", "execution", "'nightly' in tags and note like '%lines'", *url, "--json")
    assert [each["id"] for each in found.json["items"]] == ["execution:1"]
