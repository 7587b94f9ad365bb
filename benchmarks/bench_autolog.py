"""What autolog adds to a grid search of scikit-learn: 24 fits, their trials recorded in a file."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV

import lineage
from benchmarks.sizes import SMALL

TREES = 5 if SMALL else 50
ROUNDS = 1 if SMALL else 5
GRID = {"max_depth": [2, 4, 8, 16], "min_samples_leaf": [1, 4]}
MOST = 0.05
"""How much longer the search may take, as a share of what it takes by itself."""


def search() -> float:
    """Return how long a grid search of 24 fits takes."""
    features, labels = load_digits(return_X_y=True)
    forest = RandomForestClassifier(TREES, random_state=0)
    began = perf_counter()
    GridSearchCV(forest, GRID, cv=3, refit=False).fit(features, labels)
    return perf_counter() - began


def bench_grid_search(tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "lineage.db") as store:
        search()
        plain, recorded = [], []
        for _ in range(ROUNDS):  # by turns, so that a slow moment of the machine meets both
            plain.append(search())
            with lineage.autolog(store) as autolog:
                recorded.append(search())
            assert (len(autolog.recorded), autolog.notes) == (1, ())
            assert len(store.show(autolog.recorded[0].run).steps) == 8
    share = min(recorded) / min(plain) - 1
    print(f"24 fits take {min(plain):.2f} s, and {share:+.1%} with autolog")  # noqa: T201  # what a reader of `make bench` looks for
    assert SMALL or share <= MOST
