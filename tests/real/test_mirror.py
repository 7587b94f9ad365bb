"""MLflow, mirrored: the real one in an environment of its own, and what is in the lineage store afterwards."""

import re
import subprocess
from pathlib import Path

import pytest

import lineage
from lineage.integrations.mlflow import MlflowModel, MlflowRun
from tests.tree import ROOT

pytestmark = pytest.mark.real
MLFLOW = ROOT / ".ci" / "mlflow" / "venv" / "bin" / "python"
PAGE = (ROOT / "docs" / "coming-from.md").read_text()
LINE = 'from lineage.integrations.mlflow import mirror; mirror("lineage.db")\n'
BEGINNING = """
import mlflow
from lineage.integrations.mlflow import mirror
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("wine")
client = mlflow.MlflowClient()
"""


def run(program: str, folder: Path) -> str:
    """Run a program with the real MLflow, in a folder, and return what it prints."""
    done = subprocess.run(
        [MLFLOW, "-W", "ignore", "-c", program],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "GIT_PYTHON_REFRESH": "quiet",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "is not recorded" not in done.stderr
    return done.stdout


def mirrored(program: str, folder: Path) -> lineage.Store:
    """Run a program that mirrors into `lineage.db`, and return that store."""
    run(
        f"{BEGINNING}\nmirrored = mirror('lineage.db')\n{program}\nassert not mirrored.notes, mirrored.notes",
        folder,
    )
    return lineage.connect(folder / "lineage.db", readonly=True)


def test_the_script_of_the_page_is_recorded_by_one_line_more(tmp_path: Path) -> None:
    (script,) = re.findall(r"^```py\n(import mlflow\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert LINE in PAGE
    printed = run(script.replace("import mlflow\n", f"import mlflow\n{LINE}", 1), tmp_path)
    assert "'max_depth'" in printed
    with lineage.connect(tmp_path / "lineage.db", readonly=True) as store:
        answer = store.show("models:/wine@production")
        assert answer.parameters == {"max_depth": 8, "n_estimators": 20, "random_state": 0}
        assert [(each.node.uri, each.purpose) for each in answer.datasets] == [
            ((tmp_path / "train.csv").as_uri(), lineage.Purpose.TRAINING),
            ((tmp_path / "test.csv").as_uri(), lineage.Purpose.EVALUATION),
        ]
        assert {each.name: each.on and each.on.uri for each in answer.metrics} == dict.fromkeys(
            ("accuracy", "f1"), (tmp_path / "test.csv").as_uri()
        )
        assert [each.state for each in answer.runs] == [lineage.ExecutionState.COMPLETE]
        assert answer.frameworks["scikit-learn"]
        assert answer.notes == ()
        assert len(store.peers("models:/wine@production").models) == 2
        assert len(store.runs("mlflow.Run", "parameters.max_depth > 1").rows) == 2
        assert store.check() == []


def test_runs_within_runs_series_and_states(tmp_path: Path) -> None:
    store = mirrored(
        """
from threading import Thread
with mlflow.start_run(run_name="search") as search:
    for depth in (1, 2):
        with mlflow.start_run(run_name="trial", nested=True):
            mlflow.log_param("depth", depth)
            for step in range(20):
                mlflow.log_metric("loss", 1 / (step + depth), step=step)
            mlflow.log_metrics({"acc": .5, "loss": 0.01}, step=20)
            mlflow.set_tag("team", "blue")
            mlflow.set_tag("gone", "soon")
            mlflow.delete_tag("gone")
try:
    with mlflow.start_run(run_name="bad"):
        mlflow.log_param("depth", "auto")
        raise ValueError
except ValueError:
    pass
other = client.create_run(search.info.experiment_id, run_name="by a client")
threads = [Thread(target=client.log_metric, args=(other.info.run_id, f"m{n}", n)) for n in range(4)]
[each.start() for each in threads]; [each.join() for each in threads]
client.log_metric(other.info.run_id, "later", 1.5, synchronous=False).wait()
client.set_terminated(other.info.run_id, "KILLED")
going = client.create_run(search.info.experiment_id, run_name="going")
client.log_metric(going.info.run_id, "loss", 3.0, step=7)
deleted = client.create_run(search.info.experiment_id, run_name="deleted")
client.delete_run(deleted.info.run_id)
again = client.create_run(search.info.experiment_id, run_name="again")
client.delete_run(again.info.run_id)
client.restore_run(again.info.run_id)
""",
        tmp_path,
    )
    with store:
        runs = {str(each.name).rpartition(" ")[0]: each for each in store.find(MlflowRun)}
        assert {name: str(each.state) for name, each in runs.items()} == {
            "search": "COMPLETE",
            "trial": "COMPLETE",
            "bad": "FAILED",
            "by a client": "CANCELED",
            "going": "RUNNING",
            "again": "RUNNING",
        }
        trial = store.show(runs["trial"])
        assert trial.parameters == {"depth": 2}
        assert trial.node.custom_properties["mlflow.tag.team"] == "blue"
        assert "mlflow.tag.gone" not in trial.node.custom_properties
        assert len(store.show(runs["search"]).steps) == 2
        curve = store.series(runs["trial"], "loss")
        assert [point.step for point in curve] == [*range(21)]
        assert [point.value for point in store.series(runs["going"], "loss")] == [3.0]
        assert store.show(runs["bad"]).parameters == {"depth": "auto"}
        measured = {each.name: each.value for each in store.show(runs["by a client"]).metrics}
        assert measured == {"m0": 0, "m1": 1, "m2": 2, "m3": 3, "later": 1.5}


def test_the_registry(tmp_path: Path) -> None:
    store = mirrored(
        """
class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input): return model_input
ids = []
for number in (1, 2):
    with mlflow.start_run():
        model = mlflow.initialize_logged_model(name="echo", tags={"n": str(number)})
        mlflow.log_outputs([mlflow.entities.LoggedModelOutput(model.model_id, 0)])
        mlflow.finalize_logged_model(model.model_id, "READY")
        mlflow.log_metric("auc", number, model_id=model.model_id)
        ids.append(model.model_id)
client.create_registered_model("dev")
versions = [client.create_model_version("dev", f"models:/{each}", model_id=each) for each in ids]
client.set_registered_model_alias("dev", "champion", versions[0].version)
client.set_registered_model_alias("dev", "champion", versions[1].version)
client.set_registered_model_alias("dev", "old", versions[0].version)
client.delete_registered_model_alias("dev", "old")
copy = client.copy_model_version("models:/dev/2", "prod")
client.set_registered_model_alias("prod", "live", copy.version)
client.transition_model_version_stage("prod", copy.version, "Production")
client.delete_model_version("dev", "1")
with mlflow.start_run():
    failed = mlflow.initialize_logged_model(name="failed")
    mlflow.finalize_logged_model(failed.model_id, "FAILED")
""",
        tmp_path,
    )
    with store:
        held = {each.name: each.node.custom_properties["registered_as"] for each in store.aliases()}
        assert held == {
            "models:/dev@champion": ["dev/2", "prod/1"],
            "models:/prod@live": ["dev/2", "prod/1"],
            "models:/prod@Production": ["dev/2", "prod/1"],
        }
        assert len(store.alias_history("models:/dev", "champion")) == 2
        models = {
            each.custom_properties.get("mlflow.tag.n"): each for each in store.find(MlflowModel)
        }
        assert "registered_as" not in models["1"].custom_properties
        assert {name: str(each.state) for name, each in models.items()} == {
            "1": "LIVE",
            "2": "LIVE",
            None: "ABANDONED",
        }
        answer = store.show("models:/prod@live")
        assert [(each.name, each.value) for each in answer.metrics] == [("auc", 2.0)]


def test_what_began_before_is_brought_in_whole(tmp_path: Path) -> None:
    store = mirrored(
        """
mirrored.close()
with mlflow.start_run(run_name="before") as run:
    mlflow.log_param("depth", 3)
    mlflow.log_metric("acc", .25)
    data = mlflow.data.from_numpy(__import__("numpy").zeros((2, 2)), name="zeros")
    mlflow.log_input(data, context="training")
    with mirror("lineage.db") as mirrored:
        assert mirror("./lineage.db") is mirrored
        mlflow.log_metric("f1", .5)
mlflow.log_metric("unheard", 1, run_id=run.info.run_id)
import mlflow.tracking._tracking_service.utils as utils
assert not [name for name in vars(utils._get_store()) if name in ("log_metric", "create_run")]
""",
        tmp_path,
    )
    with store:
        (run,) = store.find(MlflowRun)
        answer = store.show(run)
        assert answer.parameters == {"depth": 3}
        assert {each.name: each.value for each in answer.metrics} == {"acc": 0.25, "f1": 0.5}
        (data,) = store.find("mlflow.Dataset")
        assert data.custom_properties["mlflow.name"] == "zeros"
        assert str(run.state) == "RUNNING"


def test_nothing_of_ours_reaches_the_training(tmp_path: Path) -> None:
    printed = run(
        f"""{BEGINNING}
import logging, os
logging.getLogger("lineage").setLevel(logging.CRITICAL)
mirrored = mirror("lineage.db")
with mlflow.start_run() as run:
    mlflow.log_metric("first", 1.0)
    mirrored.store.backend.close()
    for number in range(10):
        mlflow.log_metric("loss", number, step=number)
    mlflow.log_param("depth", 3)
assert client.get_run(run.info.run_id).data.params == {{"depth": "3"}}
print(len(client.get_metric_history(run.info.run_id, "loss")), mirrored.notes[0])
""",
        tmp_path,
    )
    assert printed.startswith("10 MLflow's log_")
    assert "is not recorded: Invalid" in printed


def test_an_experiment_goes_with_its_runs_and_comes_back(tmp_path: Path) -> None:
    store = mirrored(
        """
with mlflow.start_run() as run: pass
number = run.info.experiment_id
client.delete_experiment(number)
client.restore_experiment(number)
client.rename_experiment(number, "port")
gone = client.create_experiment("gone")
client.create_run(gone)
client.delete_experiment(gone)
""",
        tmp_path,
    )
    with store:
        assert [each.name for each in store.find("mlflow.Experiment")] == ["port"]
        assert len(store.find(MlflowRun)) == 1


def test_the_page_is_followed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integrations" / "mlflow.md").read_text()
    program = "\n".join(re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    run(program, tmp_path)
    assert (tmp_path / "lineage.db").exists()
