"""The demo: train real models, record every step, and ask the store what people ask of one.

Run it with `lineage demo`, or `python -m lineage.cli.demo [STORE]`; the store is `lineage.db` here
unless named. The data, a table of wines, comes with scikit-learn.
"""

from __future__ import annotations

import argparse
import contextlib
import pickle
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import lineage
from lineage.contract.plugins import shown_url
from lineage.errors import excerpt

if TYPE_CHECKING:
    import numpy

__all__ = ["main", "tell"]

DEFAULT_STORE = "lineage.db"
StepT = TypeVar("StepT", bound=lineage.Execution)
Part: TypeAlias = "tuple[Dataset, numpy.ndarray, numpy.ndarray]"
"""A stored table, its features and its labels."""


class Dataset(lineage.Dataset):
    """A table of wines."""

    rows: int
    split: str = "all"


class Model(lineage.Model):
    """A classifier that tells three cultivars apart."""

    algorithm: str


class Scores(lineage.Metrics):
    """How well a classifier does on wines that it has not seen."""

    accuracy: float
    errors: int


class Endpoint(lineage.Artifact):
    """Where a model serves."""


class Ingest(lineage.Process):
    """Fetching a table from where it is kept."""

    source: str


class Split(lineage.Transform):
    """Setting some rows aside for testing."""

    test_share: float
    seed: int


class Training(lineage.Train):
    """Fitting a classifier."""

    algorithm: str
    parameters: dict[str, int | float]


class Evaluation(lineage.Evaluate):
    """Trying a classifier on the rows that were set aside."""


class Deployment(lineage.Deploy):
    """Putting a model where it serves."""

    target: str


class Experiment(lineage.Context):
    """A question under study."""

    goal: str


class Told(NamedTuple):
    """What there is to ask about; `before` is the last moment without the second delivery of data."""

    data: lineage.NodeKey
    models: tuple[Model, ...]
    newest: Model
    deployed: Model
    failed: lineage.NodeKey
    before: int


def recall(store: lineage.Store) -> Told:
    """Return what the demo recorded in a store."""
    first, second, *_ = store.versions("data/wine.csv").artifacts
    *models, newest = store.find(Model)
    return Told(
        data=first.key,
        models=tuple(models),
        newest=newest,
        deployed=store.upstream(store.get(Endpoint, "wine"), type=Model).matches[0],
        failed=store.find(Training, "state = 'FAILED'")[0].key,
        before=store.log(second)[-1].number - 1,
    )


CANDIDATES: list[tuple[str, str, dict[str, int | float]]] = [
    ("logistic", "LogisticRegression", {"C": 1.0, "max_iter": 10_000}),
    ("logistic-weak", "LogisticRegression", {"C": 0.001, "max_iter": 10_000}),
    ("tree", "DecisionTreeClassifier", {"max_depth": 2, "random_state": 0}),
]
"""Name, class and parameters of what is tried."""
EVALUATIONS = len(CANDIDATES) + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what `lineage demo` does; return how it ended."""
    from lineage.cli.app import main as cli

    parser = argparse.ArgumentParser(prog="python -m lineage.cli.demo", description=__doc__)
    parser.add_argument(
        "store", nargs="?", default=DEFAULT_STORE, help="where to record (default: %(default)s)"
    )
    return cli(["demo", "--store", parser.parse_args(arguments).store])


def tell(url: str) -> int:
    """Record the demo in a store, then print each question with the command that asks it again.

    Returns 0, or the highest number that a command ended with.
    """
    if url.startswith("memory:"):
        raise lineage.Invalid(
            f"{excerpt(shown_url(url))}: each command of the demo opens the store anew, which is empty then; give a path"
        )
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise lineage.MissingExtra(
            f"the demo needs scikit-learn ({error}): pip install 'lineage-graph[demo]'"
        ) from error
    with lineage.connect(url) as store, tempfile.TemporaryDirectory() as folder:
        # A second time it only asks again: equal content would be the same artifacts of other runs.
        if len(store.find(Evaluation, "state = 'COMPLETE'")) < EVALUATIONS:
            Laboratory(store, Path(folder)).study()
        told = recall(store)
    print(
        f"{shown_url(url)} has six trainings (two of them failed), their data and evaluations; the files were temporary.\n"
        f"The best of the first three on the test rows, {told.deployed.key}, is deployed. Then it was trained\n"
        f"again on a second, larger delivery of data: {told.newest.key}. A retry of that failed."
    )
    if shutil.which("lineage") is None:
        print(f"The command `lineage` below is {Path(sys.executable).parent / 'lineage'} here.")
    code = max(ask(question, command, url) for question, command in questions(told))
    print(f"\nTo go on asking in a browser: {_command(['ui'], url)}")
    return code


class Laboratory:
    """Does the work and records it, step by step."""

    def __init__(self, store: lineage.Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.experiment = Experiment(name="wine", goal="tell three cultivars apart")

    def study(self) -> None:
        """Train on a first delivery of data, deploy the best, and train again on the whole."""
        first = self.fetch(120)
        training, old = self.split(first)
        models = [self.train(*each, training) for each in CANDIDATES]
        scores = [self.evaluate(each, old) for each in models]
        best = max(range(len(models)), key=lambda place: scores[place].accuracy)
        self.deploy(models[best][0])
        with contextlib.suppress(ValueError):
            self.train("logistic-wrong", "LogisticRegression", {"C": -1.0}, training)
        training, testing = self.split(self.fetch(178))
        newest = self.train(*CANDIDATES[best], training)
        self.evaluate(newest, testing)
        with contextlib.suppress(TimeoutError):
            self.train_again(newest[0], CANDIDATES[best], training)
        self.measure(newest, {"old": old, "new": testing})

    def fetch(self, rows: int) -> Part:
        """Read the first wines of a shuffled table and keep them as a file."""
        from sklearn.datasets import load_wine
        from sklearn.utils import shuffle

        features, labels = shuffle(*load_wine(return_X_y=True), random_state=0)
        with self.run(Ingest(source="sklearn.datasets.load_wine")) as run:
            data = self.table("wine", features[:rows], labels[:rows])
            return run.output(data, asset="wine"), features[:rows], labels[:rows]

    def split(self, data: Part) -> tuple[Part, Part]:
        """Set a third of the rows aside for testing."""
        from sklearn.model_selection import train_test_split

        stored, features, labels = data
        with self.run(Split(test_share=0.3, seed=0)) as run:
            run.input(stored)
            parts = train_test_split(
                features, labels, test_size=0.3, random_state=0, stratify=labels
            )
            made = []
            for name, x, y in (("train", *parts[::2]), ("test", *parts[1::2])):
                table = self.table(f"wine-{name}", x, y, split=name)
                made.append((run.output(table, path=name, asset=f"wine-{name}"), x, y))
        return made[0], made[1]

    def train(
        self, name: str, algorithm: str, parameters: dict[str, int | float], data: Part
    ) -> tuple[Model, Any]:
        """Fit a classifier and keep it as a file."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier
        from threadpoolctl import threadpool_limits

        classes = {cls.__name__: cls for cls in (LogisticRegression, DecisionTreeClassifier)}
        stored, features, labels = data
        with self.run(Training(algorithm=algorithm, parameters=parameters)) as run:
            run.input(stored, use="train")
            # Of ten thousand small steps, several threads spend most on waiting for each other: ten times as much.
            with threadpool_limits(1):
                fitted = classes[algorithm](**parameters).fit(features, labels)
            path = self.folder / f"{name}.pickle"
            path.write_bytes(pickle.dumps(fitted))
            model = Model.from_path(path, uri=f"models/{path.name}", algorithm=algorithm)
            run.log_metrics(training_accuracy=fitted.score(features, labels))
            return run.output(model, asset=f"wine-{name}-model"), fitted

    def train_again(
        self, model: Model, candidate: tuple[str, str, dict[str, int | float]], data: Part
    ) -> None:
        """Write a model once more, in a run that then fails: it is the other one that made the model."""
        _, algorithm, parameters = candidate
        with self.run(Training(algorithm=algorithm, parameters=parameters)) as run:
            run.input(data[0], use="train")
            run.output(model)
            raise TimeoutError("the machine was taken away")

    def evaluate(self, model: tuple[Model, Any], data: Part) -> Scores:
        """Count how often a model is right on rows that it has not seen."""
        stored, features, labels = data
        with self.run(Evaluation()) as run:
            run.input(model[0], path="model")
            run.input(stored, use="test")
            errors = int((model[1].predict(features) != labels).sum())
            return run.output(Scores(accuracy=1 - errors / len(labels), errors=errors))

    def measure(self, model: tuple[Model, Any], tests: Mapping[str, Part]) -> None:
        """Measure a model on the test rows of both deliveries, which must not be mixed up."""
        with self.run(Evaluation()) as run:
            run.input(model[0], path="model")
            for name, (stored, features, labels) in tests.items():
                data = run.input(stored, use="test", path=name)
                run.log_metrics(accuracy=model[1].score(features, labels), of=model[0], on=data)

    def deploy(self, model: Model) -> None:
        """Put a model where it serves."""
        with self.run(Deployment(target="production")) as run:
            run.input(model)
            run.output(Endpoint(name="wine", uri="https://wine.example/predict"))

    def run(self, step: StepT) -> lineage.Run[StepT]:
        """Begin a step of the experiment."""
        return self.store.run(step, within=self.experiment, message=type(step).__doc__ or "")

    def table(
        self, name: str, features: numpy.ndarray, labels: numpy.ndarray, *, split: str = "all"
    ) -> Dataset:
        """Write a table to a file and describe it; equal content is one artifact, however often."""
        path = self.folder / f"{name}.csv"
        rows = [*zip(features.tolist(), labels.tolist(), strict=True)]
        path.write_text(
            "\n".join(",".join(map(repr, [*values, label])) for values, label in rows),
            encoding="utf-8",
        )
        return Dataset.from_path(path, uri=f"data/{path.name}", rows=len(rows), split=split)


def questions(told: Told) -> Iterator[tuple[str, list[str]]]:
    """Yield what people ask, and the arguments of the command that answers."""
    newest, data = str(told.newest.uri), str(told.data)
    models = [str(each.key) for each in told.models]
    yield (
        "1-4, 7. Which data was this model trained on? With which parameters and results?\n"
        "        Which run created it, on which version of which framework?",
        ["show", newest],
    )
    yield "5. Which models have been trained on the first delivery of data?", ["peers", data]
    yield "And on the rows that were set aside for testing?", ["peers", "data/wine-test.csv"]
    yield "6. How do the models compare?", ["compare", *models, str(told.newest.key)]
    yield "The first delivery of data turns out to be wrong: what is affected?", ["impact", data]
    yield (
        "Why is the new model different from the one that is deployed?",
        [
            "diff",
            str(told.deployed.key),
            str(told.newest.key),
        ],
    )
    yield "Which trainings failed?", ["find", "Training", "state = 'FAILED'"]
    yield "And why?", ["show", str(told.failed)]
    yield (
        "Which models were there before the second delivery of data?",
        [
            "peers",
            "data/wine.csv",
            "--any-version",
            "--as-of",
            str(told.before),
        ],
    )
    yield "All of that as a picture,", ["export", "lineage.svg", "--from", data]
    yield (
        "and as a page to search and click through, without a network:",
        ["export", "lineage.html"],
    )


def ask(question: str, command: list[str], url: str) -> int:
    """Print a question, the command that asks it, and the answer; return its exit code."""
    from lineage.cli.app import main as cli

    print(f"\n{question}\n$ {_command(command, url)}\n", flush=True)
    return cli([*command, "--store", url])


def _command(arguments: list[str], url: str) -> str:
    """Return a command as it is typed."""
    stored = [] if url == DEFAULT_STORE else ["--store", shown_url(url)]
    return " ".join(map(_quoted, ["lineage", *arguments, *stored]))


def _quoted(word: str) -> str:
    """Write an argument as people would; shlex does so too, but for quotes inside of quotes."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


if __name__ == "__main__":
    sys.exit(main())
