"""What everyday questions say of a file in which somebody changed values: an answer, or that it is damaged."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import lineage
from lineage.errors import Corrupt, LineageError
from lineage.store import Store

QUESTIONS: dict[str, Callable[[Store], object]] = {
    "runs": lambda store: store.runs("Fit").to_csv(),
    "models": lambda store: store.models()._repr_html_(),
    "overview": lambda store: store.overview(),
    "info": lambda store: store.info(),
    "blame": lambda store: [store.blame(each) for each in ("execution:1", "artifact:2")],
    "log": lambda store: store.log(),
    "aliases": lambda store: (store.aliases(), store.alias_history("c", "production")),
    "show": lambda store: store.show("c@production"),
    "series": lambda store: store.series("execution:1", "loss"),
    "tags": lambda store: store.tag("artifact:1", "one"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "lineage.db"
    with lineage.connect(path) as store:
        data = store.put(lineage.Dataset(uri="d"))
        with store.run("Fit", params={"depth": 1}, tags=("t",)) as run:
            run.input(data, use="train")
            model = run.output(lineage.Model(uri="m"))
            run.log_metrics(loss=1, step=0)
            run.log_metrics(auc=1)
        store.alias("c", "production", model)
    return path


@pytest.mark.parametrize(
    ("change", "noticed_by"),
    [
        ("UPDATE type SET since = 9223372036854775807", {"blame", "overview"}),
        ("UPDATE node_past SET since = 9223372036854775807", {"blame"}),
        ("UPDATE node_past SET custom = '[1]'", {"log"}),
        ("UPDATE node_past SET custom = '{\"a\":'", {"log"}),
        ("UPDATE node SET custom = '5'", {"runs", "show", "tags"}),
        ("UPDATE node SET custom = '{\"a\":{}}'", {"runs", "show", "tags"}),
        ("UPDATE node SET properties = 'x'", {"aliases", "series"}),
        ("UPDATE node SET state = 9223372036854775807", {"log"}),
        ("UPDATE edge SET paths = 'x'", {"show"}),
        ("UPDATE edge SET since = -1", {"aliases"}),
    ],
)
def test_what_cannot_be_read_is_said_to_be_damaged(
    whole: Path, tmp_path: Path, change: str, noticed_by: set[str]
) -> None:
    path = tmp_path / "lineage.db"
    shutil.copy(whole, path)
    with closing(sqlite3.connect(path)) as sql, sql:
        assert sql.execute(change).rowcount
    noticed = set()
    with lineage.connect(path) as store:
        for name, question in QUESTIONS.items():
            try:
                question(store)
            except LineageError as error:  # a type that is not read is also one that is not there
                if isinstance(error, Corrupt):
                    noticed.add(name)
        assert noticed >= noticed_by
        assert store.check()
