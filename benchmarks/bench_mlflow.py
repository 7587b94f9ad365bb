"""MLflow beside ours, on its own store in SQLite: how long a run takes to record, and the leaderboard.

`make real` runs it, in the environment of the real MLflow.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lineage
from benchmarks.sizes import SMALL
from tests.tree import ROOT

MLFLOW = ROOT / ".ci" / "mlflow" / "venv" / "bin" / "python"
RECORDED = 3 if SMALL else 30
"""How many runs each records."""
RUNS = 100 if SMALL else 1_000
"""How many runs are on the leaderboard."""
TRIES = 5

THEIRS = """
import sys, time
import mlflow, mlflow.data, pandas

mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("churn")
frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
data = mlflow.data.from_pandas(frame, source="data.csv", name="data")
for number, _ in enumerate(sys.stdin):
    begin = time.perf_counter()
    with mlflow.start_run():
        mlflow.log_params({"depth": number, "rate": 0.1, "seed": 0})
        mlflow.log_input(data, context="training")
        mlflow.log_metrics({"auc": 0.9, "loss": 0.1})
    print(time.perf_counter() - begin, flush=True)
"""
"""Records a run for each line that it is given, and tells how many seconds that took."""

BOARD = """
import time
import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("churn")
client = MlflowClient()
home = mlflow.get_experiment_by_name("churn").experiment_id
for number in range(RUNS):
    run = client.create_run(home)
    parameters = [Param("depth", str(number)), Param("rate", "0.1"), Param("seed", "0")]
    metrics = [Metric("auc", number * 7919 % RUNS / RUNS, 0, 0), Metric("loss", 0.1, 0, 0)]
    client.log_batch(run.info.run_id, metrics=metrics, params=parameters)
times = []
for _ in range(TRIES):
    begin = time.perf_counter()
    board = mlflow.search_runs(order_by=["metrics.auc DESC"], max_results=RUNS)
    times.append(time.perf_counter() - begin)
assert len(board) == RUNS and board["params.depth"][0] == BEST
print(min(times))
"""


def bench_recording_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In turn, so that all meet the same machine."""
    store = lineage.connect(tmp_path / "lineage.db")
    times: dict[str, list[float]] = {"MLflow": [], "store.run": [], "store.record": []}
    with subprocess.Popen(
        [MLFLOW, "-c", THEIRS],
        cwd=tmp_path,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        for number in range(RECORDED):
            peer.stdin.write("another\n")
            peer.stdin.flush()
            times["MLflow"].append(float(peer.stdout.readline()))
            times["store.run"].append(run_on(store, number))
            times["store.record"].append(finished(store, number))
    with capsys.disabled():
        for name, each in times.items():
            fastest, median = 1e3 * min(each), 1e3 * statistics.median(each)
            sys.stdout.write(f"\n{name}: {fastest:.1f} ms at best, {median:.1f} as a rule")
        sys.stdout.write("\n")
    assert len(store.runs()) == 2 * RECORDED
    assert store.runs(limit=1)[0]["metrics.auc"] == 0.9


def bench_leaderboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both make one pandas frame of the runs, with their parameters and metrics, the best first."""
    best = next(number for number in range(RUNS) if number * 7919 % RUNS == RUNS - 1)
    program = BOARD.replace("RUNS", str(RUNS)).replace("TRIES", str(TRIES))
    command = [MLFLOW, "-c", program.replace("BEST", repr(str(best)))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = float(done.stdout)

    store = lineage.connect(tmp_path / "lineage.db")
    with store.transaction():
        for number in range(RUNS):
            scores = {"auc": number * 7919 % RUNS / RUNS, "loss": 0.1}
            store.record(fit(number), outputs=lineage.Metrics(custom_properties=scores))
    times, boards = [], []
    for _ in range(TRIES):
        begin = time.perf_counter()
        boards.append(store.runs(lineage.Train, order="metrics.auc desc", limit=RUNS).to_pandas())
        times.append(time.perf_counter() - begin)
    assert len(boards[-1]) == RUNS
    assert boards[-1]["parameters.depth"][0] == best
    ours = min(times)
    with capsys.disabled():
        sys.stdout.write(f"\nleaderboard: MLflow {1e3 * theirs:.0f} ms, ours {1e3 * ours:.0f} ms\n")


def run_on(store: lineage.Store, number: int) -> float:
    """Record a run while it goes on, as theirs does: four transactions, each on the disk when its call returns."""
    begin = time.perf_counter()
    with store.run(fit(number)) as run:
        run.input(lineage.Dataset(uri="data.csv", digest="a" * 64), use="train")
        run.log_metrics(auc=0.9, loss=0.1)
    return time.perf_counter() - begin


def finished(store: lineage.Store, number: int) -> float:
    """Record the same run when it is over, in one transaction."""
    begin = time.perf_counter()
    data = lineage.Dataset(uri="data.csv", digest="a" * 64)
    scores = lineage.Metrics(custom_properties={"auc": 0.9, "loss": 0.1})
    store.record(fit(number), inputs={"train": data}, outputs=scores)
    return time.perf_counter() - begin


def fit(number: int) -> lineage.Train:
    return lineage.Train(custom_properties={"depth": number, "rate": 0.1, "seed": 0})
