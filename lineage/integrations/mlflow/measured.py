"""Metrics of one run of MLflow: newest values, and series of those that are logged by steps.

MLflow gives every metric a step, which is 0 where none was said. So a value at step 0 is a newest value alone, until
its name is logged at another step: then both are points of a series. When a model is logged, MLflow logs what the
run had measured at that step once more, as the model's: then what was said of no model is said of that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lineage.contract.subjects import Subject
from lineage.integrations.mlflow import mapping
from lineage.integrations.mlflow.handle import MirroredRun
from lineage.integrations.mlflow.nodes import MESSAGE, Nodes
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.model.system import Metrics

__all__ = ["Measured"]

Newest = Mapping[Subject, Mapping[str, float]]
Points = Mapping[tuple[Subject, int], Mapping[str, float]]


class Measured:
    """What one run measures, as long as it goes on."""

    def __init__(self, run: MirroredRun, nodes: Nodes) -> None:
        self._run = run
        self._nodes = nodes
        self._first: dict[tuple[Subject, str], float] = {}
        self._series: set[tuple[Subject, str]] = set()
        self._of_no_model: dict[tuple[NodeKey | None, str], tuple[int, float]] = {}
        self._unclaimed: dict[NodeKey | None, NodeKey] = {}
        self._read: set[tuple[NodeKey, str | None]] = set()

    def reads(self, key: NodeKey, *, use: str | None = None) -> None:
        """Record that the run reads what it measured, unless it wrote or read it anyway."""
        if (key, use) in self._read:
            return
        run = self._run.key
        events = [EdgeKey(run, key, EdgeKind.OUTPUT), EdgeKey(key, run, EdgeKind.INPUT)]
        if use is not None or not self._nodes.store.backend.existing_edges(events):
            self._run.input(key, use=use)
        self._read.add((key, use))

    def log(self, metrics: Iterable[Any], subject_of: Callable[[Any], Subject]) -> None:
        """Record metrics in their order, each of what `subject_of` it says."""
        newest: dict[Subject, dict[str, float]] = defaultdict(dict)
        points: dict[tuple[Subject, int], dict[str, float]] = defaultdict(dict)
        again: dict[Subject, set[str]] = defaultdict(set)
        for metric in metrics:
            subject, name = subject_of(metric), mapping.measured_name(metric.key)
            step, value = metric.step, float(metric.value)
            if self._is_said_again(subject, name, step, value):
                newest[subject][name] = value
                again[subject].add(name)
            elif step > 0 or (step == 0 and (subject, name) in self._series):
                self._begin_series(points, subject, name)
                points[subject, step][name] = value
            else:
                newest[subject][name] = self._first[subject, name] = value
        for subject, names in again.items():
            self._claim(subject, names)
        self._store(newest, points)

    def _is_said_again(self, subject: Subject, name: str, step: int, value: float) -> bool:
        """Whether the run measured just that of no model before, and it is now said of one."""
        if subject.model is None:
            self._of_no_model[subject.data, name] = step, value
            return False
        return self._of_no_model.get((subject.data, name)) == (step, value)

    def _begin_series(
        self, points: dict[tuple[Subject, int], dict[str, float]], subject: Subject, name: str
    ) -> None:
        """Let a series begin with the value at step 0 that seemed to be the only one."""
        if (subject, name) not in self._series:
            self._series.add((subject, name))
            if (first := self._first.get((subject, name))) is not None:
                points[subject, 0][name] = first

    def _store(self, newest: Newest, points: Points) -> None:
        for (model, data), values in newest.items():
            stored = self._run.log_metrics(values, of=model, on=data)
            if model is None:
                self._unclaimed[data] = stored.key
        for ((model, data), step), values in points.items():
            self._run.log_metrics(values, of=model, on=data, step=step)

    def _claim(self, subject: Subject, names: set[str]) -> None:
        """Let newest values of no model be a model's, all of them if may be; those of a series stay with it."""
        assert subject.model is not None
        going = {name for name in names if (Subject(None, subject.data), name) not in self._series}
        key = self._unclaimed.get(subject.data)
        if key is None or not going:
            return
        store = self._nodes.store
        left = store.get(Metrics, key).custom_properties.keys() - going
        if not left and self._run.now_of(subject.model, subject.data):
            del self._unclaimed[subject.data]
        elif left:
            self._nodes.say(key, dict.fromkeys(going))
        else:
            del self._unclaimed[subject.data]
            store.delete(key, message=MESSAGE)
