"""Which call of MLflow's stores is recorded as what; each method here has the name of the one that it records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.integrations.mlflow.models import Models, Registry
from lineage.integrations.mlflow.runs import Runs
from lineage.integrations.mlflow.watching import Call

__all__ = ["METHODS", "Recorder"]

Given = Mapping[str, Any]
"""The arguments of a call, by the names of its parameters."""


class _Tracking:
    """Calls of a tracking store: `store` is it, and what it returned is the `result`."""

    def __init__(self, runs: Runs, models: Models) -> None:
        self._runs = runs
        self._models = models

    def create_run(self, store: Any, _: Given, result: Any) -> None:
        self._runs.create(result, store)

    def update_run_info(self, store: Any, given: Given, result: Any) -> None:
        self._runs.update(self._runs.heard_of(given["run_id"], store), result)

    def delete_run(self, store: Any, given: Given, _: Any) -> None:
        self._runs.delete(given["run_id"], store)

    def restore_run(self, _store: Any, given: Given, _: Any) -> None:
        self._runs.restore(given["run_id"])

    def log_batch(self, store: Any, given: Given, _: Any) -> None:
        run = self._runs.heard_of(given["run_id"], store)
        self._runs.told(run, given["metrics"], given["params"], given["tags"])

    def log_metric(self, store: Any, given: Given, _: Any) -> None:
        self._runs.told(self._runs.heard_of(given["run_id"], store), [given["metric"]], [], [])

    def log_param(self, store: Any, given: Given, _: Any) -> None:
        self._runs.told(self._runs.heard_of(given["run_id"], store), [], [given["param"]], [])

    def set_tag(self, store: Any, given: Given, _: Any) -> None:
        self._runs.told(self._runs.heard_of(given["run_id"], store), [], [], [given["tag"]])

    def delete_tag(self, store: Any, given: Given, _: Any) -> None:
        self._runs.forget_tag(self._runs.heard_of(given["run_id"], store), given["key"])

    def log_inputs(self, store: Any, given: Given, _: Any) -> None:
        run = self._runs.heard_of(given["run_id"], store)
        self._runs.read(run, given.get("datasets"), given.get("models"))

    def log_outputs(self, store: Any, given: Given, _: Any) -> None:
        self._runs.wrote(self._runs.heard_of(given["run_id"], store), given["models"])

    def delete_experiment(self, store: Any, given: Given, _: Any) -> None:
        self._runs.delete_experiment(given["experiment_id"], store)

    def restore_experiment(self, store: Any, given: Given, _: Any) -> None:
        self._runs.restore_experiment(given["experiment_id"], store)

    def rename_experiment(self, store: Any, given: Given, _: Any) -> None:
        self._runs.rename_experiment(given["experiment_id"], store)

    def create_logged_model(self, _store: Any, _: Given, result: Any) -> None:
        self._models.put(result)

    def finalize_logged_model(self, _store: Any, _: Given, result: Any) -> None:
        self._models.put(result)

    def set_logged_model_tags(self, store: Any, given: Given, _: Any) -> None:
        self._models.put(store.get_logged_model(given["model_id"]))

    def delete_logged_model_tag(self, store: Any, given: Given, _: Any) -> None:
        self._models.forget_tag(given["model_id"], given["key"], store)

    def log_logged_model_params(self, store: Any, given: Given, _: Any) -> None:
        self._models.put(store.get_logged_model(given["model_id"]))

    def delete_logged_model(self, _store: Any, given: Given, _: Any) -> None:
        self._models.delete(given["model_id"])


class _Registered:
    """Calls of a store of the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create_model_version(self, _store: Any, _: Given, result: Any) -> None:
        self._registry.register(result)

    def copy_model_version(self, _store: Any, _: Given, result: Any) -> None:
        self._registry.register(result)

    def delete_model_version(self, _store: Any, given: Given, _: Any) -> None:
        self._registry.delete_version(given["name"], given["version"])

    def transition_model_version_stage(self, _store: Any, _: Given, result: Any) -> None:
        self._registry.stage(result)

    def delete_registered_model(self, _store: Any, given: Given, _: Any) -> None:
        self._registry.delete(given["name"])

    def set_registered_model_alias(self, store: Any, given: Given, _: Any) -> None:
        version = store.get_model_version(given["name"], given["version"])
        self._registry.alias(version, given["alias"])

    def delete_registered_model_alias(self, _store: Any, given: Given, _: Any) -> None:
        self._registry.take_alias(given["name"], given["alias"])


METHODS = tuple(
    name for cls in (_Tracking, _Registered) for name in vars(cls) if not name.startswith("_")
)
"""The methods of MLflow's stores whose calls are recorded."""


class Recorder:
    """Records one call at a time."""

    def __init__(self, runs: Runs, models: Models, registry: Registry) -> None:
        self._runs = runs
        self._parts = (_Tracking(runs, models), _Registered(registry))

    def record(self, call: Call) -> None:
        """Record a call of one of `METHODS`."""
        for part in self._parts:
            if (method := getattr(part, call.name, None)) is not None:
                method(call.store, call.given(), call.result)

    def forget(self, call: Call) -> None:
        """Bring in anew what a call was about, when it is heard of next."""
        if isinstance(run_id := call.given().get("run_id"), str):
            self._runs.forget(run_id)
