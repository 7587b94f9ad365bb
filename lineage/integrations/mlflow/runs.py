"""Runs of MLflow that go on, or did: what they read, wrote and were told, recorded as MLflow is told it.

A run is known from its creation. One that began before, or elsewhere, or of which something could not be recorded, is
brought in whole where it is heard of next, from MLflow itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lineage.contract.subjects import Subject, written_by_subject
from lineage.errors import AlreadyExists
from lineage.integrations.mlflow import mapping
from lineage.integrations.mlflow.handle import MirroredRun
from lineage.integrations.mlflow.mapping import MlflowExperiment, MlflowRun
from lineage.integrations.mlflow.measured import Measured
from lineage.integrations.mlflow.models import Models
from lineage.integrations.mlflow.nodes import MESSAGE, Nodes
from lineage.model.entities import Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.system import Metrics
from lineage.recording.environment import capture
from lineage.recording.steps import add_step

__all__ = ["Runs"]

_ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


class Open:
    """A run that is not over: where it is told of here and in MLflow, and what it measured."""

    def __init__(
        self, run: MirroredRun, tracking: Any, experiment: Any, measured: Measured
    ) -> None:
        self.run = run
        self.tracking = tracking
        self.experiment = experiment
        self.measured = measured


class Runs:
    """What was recorded of MLflow's runs."""

    def __init__(self, nodes: Nodes, models: Models) -> None:
        self._nodes = nodes
        self._models = models
        self._open: dict[str, Open] = {}
        self._experiments: WeakKeyDictionary[Any, dict[str, tuple[Any, NodeKey]]] = (
            WeakKeyDictionary()
        )

    def forget(self, run_id: str) -> None:
        """Bring a run in again where it is heard of next."""
        self._open.pop(run_id, None)

    def let_go(self) -> None:
        """Store what runs that go on have logged; they may go on afterwards."""
        while self._open:
            _, each = self._open.popitem()
            each.run.end(None)

    def create(self, run: Any, tracking: Any) -> None:
        """Record a run that begins here and now, and where it does."""
        self._take(run, tracking, begins=True)

    def heard_of(self, run_id: str, tracking: Any) -> Open:
        """Return a run that goes on; one that is not known, or not well, is brought in whole."""
        known = self._open.get(run_id)
        return known or self._take(tracking.get_run(run_id), tracking, begins=False)

    def _take(self, run: Any, tracking: Any, *, begins: bool) -> Open:
        info = run.info
        experiment, context = self._experiment(info.experiment_id, tracking)
        node = mapping.run_node(info, run.data.tags)
        node = node.replace(
            custom_properties={**node.custom_properties, **mapping.parameters(run.data.params)}
        )
        taken = MirroredRun(self._nodes.store, self._recorded(node, context, begins=begins))
        taken.begin()
        measured = Measured(taken, self._nodes)
        found = self._open[info.run_id] = Open(taken, tracking, experiment, measured)
        self.join(found, run.data.tags.get(mapping.PARENT))
        if run.inputs is not None:
            self.read(found, run.inputs.dataset_inputs, run.inputs.model_inputs)
        if run.outputs is not None:
            self.wrote(found, run.outputs.model_outputs)
        self._catch_up(found, run.data.metrics)
        return found

    def _recorded(self, node: MlflowRun, context: NodeKey, *, begins: bool) -> NodeKey:
        assert node.external_id is not None
        if self._nodes.key(Kind.EXECUTION, node.external_id) is None:
            within: list[Context | NodeKey] = [context, *([capture()] if begins else [])]
            try:
                return self._nodes.store.record(node, within=within, message=MESSAGE).execution.key
            except AlreadyExists:  # another process was faster
                pass
        return self._nodes.put(node)

    def _experiment(self, experiment_id: str, tracking: Any) -> tuple[Any, NodeKey]:
        known = self._experiments.setdefault(tracking, {})
        if experiment_id not in known:
            experiment = tracking.get_experiment(experiment_id)
            names = mapping.experiment_names(experiment)
            node = MlflowExperiment(
                name=names[0],
                external_id=mapping.experiment_id(experiment),
                custom_properties=mapping.tags(experiment.tags),
            )
            known[experiment_id] = experiment, self._nodes.named(node, names)
        return known[experiment_id]

    def _catch_up(self, found: Open, metrics: Mapping[str, float]) -> None:
        """Record the newest values of metrics that were logged before, and unheard of."""
        backend = self._nodes.store.backend
        written = written_by_subject(backend, found.run.key, Metrics).values()
        names = {
            name
            for key, _ in written
            for name in self._nodes.store.get(Metrics, key).custom_properties
        }
        missed = {mapping.measured_name(name): value for name, value in metrics.items()}
        if missed := {name: value for name, value in missed.items() if name not in names}:
            found.run.log_metrics(missed)

    def join(self, found: Open, parent_id: str | None) -> None:
        """Make a run a step of the one that it is nested in, if it is."""
        if not parent_id:
            return
        parent = self.heard_of(parent_id, found.tracking)
        if parent is not found:
            with self._nodes.locked() as transaction:
                add_step(self._nodes.store.backend, transaction, parent.run.key, found.run.key)

    def read(self, found: Open, data: Iterable[Any] | None, models: Iterable[Any] | None) -> None:
        """Record that a run reads data sets, for what it says, and models."""
        for each in data or ():
            dataset = each.dataset
            key = self._dataset(found.experiment, dataset)
            asset = mapping.dataset_asset(found.experiment, dataset.name)
            found.run.input(key, use=mapping.use_of(each.tags), asset=asset)
        for each in models or ():
            found.run.input(self._models.known(each.model_id, found.tracking))

    def _dataset(self, experiment: Any, dataset: Any) -> NodeKey:
        node = mapping.dataset_node(experiment, dataset)
        if dataset.source_type == "local" and node.uri and "://" not in node.uri:
            node = node.replace(uri=Path(node.uri).resolve().as_uri())
        assert node.external_id is not None
        return self._nodes.key(Kind.ARTIFACT, node.external_id) or self._nodes.put(node)

    def wrote(self, found: Open, models: Iterable[Any] | None) -> None:
        """Record that a run wrote models."""
        for each in models or ():
            found.run.output(self._models.known(each.model_id, found.tracking))

    def told(
        self, found: Open, metrics: Iterable[Any], params: Iterable[Any], tags: Iterable[Any]
    ) -> None:
        """Record what a run was told, all at once."""
        own = {each.key: each.value for each in tags}
        said = {
            **mapping.parameters({each.key: each.value for each in params}),
            **mapping.tags(own),
        }
        if said:
            found.run.log_params(said)
        self.join(found, own.get(mapping.PARENT))
        found.measured.log(metrics, lambda metric: self._subject(found, metric))

    def _subject(self, found: Open, metric: Any) -> Subject:
        """Return the model and the data set that a metric is of; both are then the run's own."""
        model, data = None, None
        if metric.model_id is not None:
            model = self._models.known(metric.model_id, found.tracking)
            found.measured.reads(model)
        if metric.dataset_digest is not None:
            experiment = found.experiment
            name, digest = metric.dataset_name, metric.dataset_digest
            data = self._nodes.key(Kind.ARTIFACT, mapping.dataset_id(experiment, name, digest))
            if data is not None:
                found.measured.reads(data, use="eval")
        return Subject(model, data)

    def update(self, found: Open, info: Any) -> None:
        """Record what a run is called, and that it ended."""
        facts = mapping.run_facts(info)
        self._nodes.say(found.run.key, facts, name=mapping.run_name(info))
        if str(info.status) in _ENDED:
            self._open.pop(info.run_id, None)
            found.run.end(mapping.execution_state(info.status))
        else:
            self._nodes.put(
                MlflowRun(
                    external_id=mapping.run_id(info.run_id),
                    state=mapping.execution_state(info.status),
                )
            )

    def forget_tag(self, found: Open, name: str) -> None:
        """Take a tag away."""
        self._nodes.say(found.run.key, {mapping.tag_name(name): None})

    def delete(self, run_id: str, tracking: Any) -> None:
        """Delete a run: MLflow keeps it, and so do we."""
        found = self._open.pop(run_id, None)
        if found is not None:
            found.run.end(None)
        key = self._nodes.key(Kind.EXECUTION, mapping.run_id(run_id))
        if key is None:
            key = self.heard_of(run_id, tracking).run.key
            self._open.pop(run_id).run.end(None)
        self._nodes.store.delete(key, message=MESSAGE)

    def restore(self, run_id: str) -> None:
        """Bring a deleted run back."""
        key = self._nodes.deleted(MlflowRun, mapping.run_id(run_id))
        if key is not None:
            self._nodes.store.restore(key, message=MESSAGE)

    def delete_experiment(self, experiment_id: str, tracking: Any) -> None:
        """Delete an experiment and its runs, as MLflow does."""
        self.let_go()
        _, key = self._experiment(experiment_id, tracking)
        self._experiments[tracking].pop(experiment_id)
        self._nodes.store.delete(key, runs=True, message=MESSAGE)

    def restore_experiment(self, experiment_id: str, tracking: Any) -> None:
        """Bring a deleted experiment back, with the runs that went with it."""
        external_id = mapping.experiment_id(tracking.get_experiment(experiment_id))
        key = self._nodes.deleted(MlflowExperiment, external_id)
        if key is not None:
            self._nodes.store.restore(key, runs=True, message=MESSAGE)

    def rename_experiment(self, experiment_id: str, tracking: Any) -> None:
        """Give an experiment the name that it has now, or the next best one that is free."""
        _, key = self._experiment(experiment_id, tracking)
        experiment = tracking.get_experiment(experiment_id)
        self._experiments[tracking][experiment_id] = experiment, key
        for name in mapping.experiment_names(experiment):
            try:
                self._nodes.say(key, {}, name=name)
            except AlreadyExists:
                continue
            return
