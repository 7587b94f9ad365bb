"""The demo: train real models, record each run, and ask the store where they came from.

Run it with `python -m lineage.demo [STORE]`; the store is `lineage.db` here unless named. The data
set, a table of wines, comes with scikit-learn.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lineage

if TYPE_CHECKING:
    import numpy

__all__ = ["main"]


class Dataset(lineage.Dataset):
    """A table of wines."""

    rows: int
    columns: int


class Model(lineage.Model):
    """A classifier."""

    algorithm: str


class Scores(lineage.Metrics):
    """How well a classifier does on wines that it has not seen."""

    accuracy: float


class Split(lineage.Transform):
    """Setting some rows aside for testing."""

    test_share: float
    seed: int


class Trainer(lineage.Train):
    """Fitting a classifier."""

    algorithm: str
    parameters: dict[str, float]


class Evaluation(lineage.Evaluate):
    """Trying a classifier on the rows that were set aside."""


class Experiment(lineage.Context):
    """A question under study."""

    goal: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the demo in a store and print what can be asked of it."""
    parser = argparse.ArgumentParser(prog="python -m lineage.demo", description=__doc__)
    parser.add_argument(
        "store", nargs="?", default="lineage.db", help="where to record (default: %(default)s)"
    )
    url = parser.parse_args(arguments).store
    try:
        import sklearn  # noqa: F401
    except ImportError:
        print("The demo needs scikit-learn: pip install 'lineage-graph[demo]'", file=sys.stderr)
        return 1
    try:
        with lineage.connect(url) as store, tempfile.TemporaryDirectory() as folder:
            models = list(train(store, Path(folder)))
            print(f"Recorded {len(models)} trainings and their evaluations in {url}.\n")
            report(store, models)
    except lineage.LineageError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def train(store: lineage.Store, folder: Path) -> Iterator[Model]:
    """Split the data once, train and evaluate three classifiers, and record every step."""
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    features, labels = load_wine(return_X_y=True)
    parts = train_test_split(features, labels, test_size=0.3, random_state=0, stratify=labels)
    experiment = Experiment(name="wine-quality", goal="tell three cultivars apart")
    split = store.record(
        Split(test_share=0.3, seed=0),
        inputs={"raw": table("wine", features, folder)},
        outputs={
            "train": table("wine-train", parts[0], folder),
            "test": table("wine-test", parts[1], folder),
        },
        within=experiment,
        message="split the wines",
    )
    training, testing = split.outputs
    candidates: list[tuple[Any, dict[str, float]]] = [
        (LogisticRegression, {"C": 1.0, "max_iter": 10_000}),
        (KNeighborsClassifier, {"n_neighbors": 5}),
        (DecisionTreeClassifier, {"max_depth": 3, "random_state": 0}),
    ]
    for classifier, parameters in candidates:
        name = classifier.__name__
        fitted = classifier(**parameters).fit(parts[0], parts[2])
        run = store.record(
            Trainer(algorithm=name, parameters=parameters),
            inputs=[training.key],
            outputs=[Model(uri=f"models/{name}.pickle", algorithm=name)],
            within=experiment,
            message=f"train {name}",
        )
        model = store.get(Model, run.outputs[0].key)
        store.record(
            Evaluation(),
            inputs={"model": model.key, "test": testing.key},
            outputs=[Scores(accuracy=fitted.score(parts[1], parts[3]))],
            within=experiment,
            message=f"evaluate {name}",
        )
        yield model


def table(name: str, values: numpy.ndarray, folder: Path) -> Dataset:
    """Write an array to a file and describe it; equal content is one artifact, whenever it is recorded."""
    path = folder / f"{name}.csv"
    path.write_text(
        "\n".join(",".join(map(repr, row)) for row in values.tolist()), encoding="utf-8"
    )
    rows, columns = values.shape
    return Dataset(
        uri=f"data/{path.name}",
        digest=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        rows=rows,
        columns=columns,
    )


def report(store: lineage.Store, models: Sequence[Model]) -> None:
    """Print each model's data, what one data set led to, and the log."""
    print("Which data sets was each model trained on?")
    for model in models:
        data = store.upstream(model, type=Dataset).matches
        scores = store.downstream(model, type=Scores).matches
        print(f"  {model.key}  {model.algorithm} (accuracy {scores[0].accuracy:.3f})")
        for each in data:
            print(f"      {each.key}  {each.uri}, {each.rows} rows")
    first, source = models[0], "data/wine.csv"
    print(f"\nUpstream of {first.uri}, nearest first:")
    print_nodes(store.upstream(first))
    print("\nDownstream of data/wine.csv, nearest first:")
    print_nodes(store.downstream(source))
    print("\nThe log, newest first:")
    for entry in store.log(limit=10):
        print(
            f"  {entry.number:>3}  {entry.time:%Y-%m-%d %H:%M:%S}  {entry.actor}: {entry.message}"
        )


def print_nodes(answer: lineage.Subgraph) -> None:
    """Print a subgraph's nodes, indented by their distance."""
    for node in answer.nodes:
        hops = answer.distances[node.key]
        said = getattr(node, "uri", None) or node.name or node.properties.get("algorithm", "")
        print(f"  {'  ' * hops}{node.key}  {node.type} {said}".rstrip())
    if answer.truncated:
        print(f"  … cut by the limit on {answer.truncated.limit}")


if __name__ == "__main__":
    sys.exit(main())
