"""How MLflow is listened to, of a stand-in for it that has the same stores and registries of stores, and nothing else."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lineage.errors import MissingExtra
from lineage.integrations.mlflow import mirror
from lineage.store import Store

TRACKING = "mlflow.tracking._tracking_service.registry"
REGISTRY = "mlflow.tracking._model_registry.registry"


class Tracking:
    """A tracking store of one experiment."""

    def __init__(self) -> None:
        self.runs: dict[str, SimpleNamespace] = {}

    def get_experiment(self, number: str) -> SimpleNamespace:
        return SimpleNamespace(experiment_id=number, name="wine", creation_time=1, tags={})

    def get_run(self, run_id: str) -> SimpleNamespace:
        return self.runs[run_id]

    def create_run(self, experiment_id: str, run_id: str, tags: dict[str, str]) -> SimpleNamespace:
        info = SimpleNamespace(
            run_id=run_id,
            run_name=run_id,
            experiment_id=experiment_id,
            user_id="ann",
            status="RUNNING",
            start_time=1,
            end_time=None,
            artifact_uri=None,
        )
        data = SimpleNamespace(tags=tags, params={}, metrics={})
        self.runs[run_id] = SimpleNamespace(info=info, data=data, inputs=None, outputs=None)
        return self.runs[run_id]

    def update_run_info(self, run_id: str, run_status: str) -> SimpleNamespace:
        info: SimpleNamespace = self.runs[run_id].info
        info.status, info.end_time = run_status, 2
        return info

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        self.runs[run_id].data.params |= {each.key: each.value for each in params}
        if any(each.value == "refused" for each in params):
            raise KeyError("refused")

    def get_logged_model(self, model_id: str) -> SimpleNamespace:
        if model_id == "m-unheard-of":
            raise AttributeError(model_id)
        return SimpleNamespace(
            model_id=model_id,
            name=model_id,
            artifact_location=f"s3://models/{model_id}",
            model_type=None,
            status="READY",
            params={},
            tags={},
        )

    def log_outputs(self, run_id: str, models: Any) -> None:
        """Nothing that is told later."""

    def delete_logged_model(self, model_id: str) -> None:
        """Nothing that is told later."""


class Registered:
    """A store of registered models, each of whose versions is the model that it is named after."""

    def create_model_version(
        self, name: str, model_id: str | None, run_id: str | None = None
    ) -> Any:
        return self.get_model_version(name, model_id, run_id)

    def get_model_version(self, name: str, version: Any, run_id: str | None = None) -> Any:
        return SimpleNamespace(
            name=name, version=version, source=None, model_id=version, run_id=run_id
        )

    def transition_model_version_stage(self, name: str, version: str, stage: str) -> Any:
        found = self.get_model_version(name, version)
        found.current_stage = stage
        return found

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Nothing that is told later."""

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Nothing that is told later."""

    def delete_model_version(self, name: str, version: str) -> None:
        """Nothing that is told later."""

    def delete_registered_model(self, name: str) -> None:
        """Nothing that is told later."""


def metric(key: str, value: float, step: int = 0, model: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(
        key=key, value=value, step=step, model_id=model, dataset_name=None, dataset_digest=None
    )


def param(key: str, value: str) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value)


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


@pytest.fixture
def tracking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The registry by which MLflow finds the one tracking store that it has."""
    only = Tracking()

    class TrackingStoreRegistry:
        def get_store(self) -> Tracking:
            return only

    class ModelRegistryStoreRegistry:
        versions = Registered()

        def get_store(self) -> Registered:
            return self.versions

    names = {"__version__": "3.stand-in", "MlflowClient": lambda: only}
    monkeypatch.setitem(sys.modules, "mlflow", module("mlflow", **names))
    for name, cls in ((TRACKING, TrackingStoreRegistry), (REGISTRY, ModelRegistryStoreRegistry)):
        monkeypatch.setitem(sys.modules, name, module(name, **{cls.__name__: cls}))
    return TrackingStoreRegistry()


def test_a_run_from_call_to_call(store: Store, tracking: Any) -> None:
    with mirror(store) as mirrored:
        mlflow = tracking.get_store()
        mlflow.create_run("1", "parent", {})
        mlflow.create_run("1", "child", {"mlflow.parentRunId": "parent", "team": "blue"})
        mlflow.log_batch("child", params=[param("depth", "3")], metrics=[metric("loss", 0.5)])
        mlflow.log_batch("child", [metric("loss", 0.25, 1), metric("loss", 0.125, 2)])
        mlflow.update_run_info("child", "FINISHED")
        mlflow.update_run_info("parent", "FAILED")
    assert mirrored.notes == ()
    child, parent = store.show("mlflow.Run:child (child)"), store.show("mlflow.Run:parent (parent)")
    assert child.parameters == {"depth": 3}
    assert [(point.step, point.value) for point in store.series(child.node, "loss")] == [
        (0, 0.5),
        (1, 0.25),
        (2, 0.125),
    ]
    assert [str(each.node.state) for each in (child, parent)] == ["COMPLETE", "FAILED"]  # type: ignore[attr-defined]
    assert len(parent.steps) == 1


def test_the_registry_from_call_to_call(store: Store, tracking: Any) -> None:
    registry = vars(sys.modules[REGISTRY])["ModelRegistryStoreRegistry"]()
    with mirror(store) as mirrored:
        mlflow, registered = tracking.get_store(), registry.get_store()
        mlflow.create_run("1", "run", {})
        mlflow.log_outputs("run", [SimpleNamespace(model_id="m-1")])
        mlflow.log_batch("run", [metric("auc", 0.5)])
        mlflow.log_batch("run", [metric("auc", 0.5, model="m-1")])
        for name, model in (("dev", "m-1"), ("dev", "m-2"), ("prod", "m-2")):
            registered.create_model_version(name, model)
        for alias, model in (("champion", "m-1"), ("champion", "m-2"), ("old", "m-1")):
            registered.set_registered_model_alias("dev", alias, model)
        registered.delete_registered_model_alias("dev", "unheard of")
        registered.set_registered_model_alias("prod", "live", "m-2")
        registered.transition_model_version_stage("prod", "m-2", "Production")
        held = {each.name: each.node.uri for each in store.aliases()}
        registered.transition_model_version_stage("prod", "m-2", "Archived")
        registered.delete_model_version("dev", "m-1")
        registered.delete_registered_model("prod")
        mlflow.delete_logged_model("m-1")
    assert mirrored.notes == ()
    assert held == {
        "models:/dev@champion": "s3://models/m-2",
        "models:/dev@old": "s3://models/m-1",
        "models:/prod@live": "s3://models/m-2",
        "models:/prod@Production": "s3://models/m-2",
    }
    assert [each.name for each in store.aliases()] == ["models:/dev@champion"]
    (left,) = store.find("mlflow.LoggedModel")
    assert left.custom_properties["registered_as"] == ["dev/m-2", "prod/m-2"]
    assert len(store.find("lineage.Metrics")) == 1


def test_a_version_without_a_logged_model_is_one_note(store: Store, tracking: Any) -> None:
    registry = vars(sys.modules[REGISTRY])["ModelRegistryStoreRegistry"]()
    with mirror(store) as mirrored:
        registry.get_store().create_model_version("wine", None, "unheard of")
    assert mirrored.notes == (
        "version wine/None of the registry is no model that was logged with MLflow 3, and is not recorded",
    )


def test_once_closed_nothing_is_heard_and_all_is_as_it_was(store: Store, tracking: Any) -> None:
    original = type(tracking).get_store
    with mirror(store):
        assert mirror(store) is mirror(store)
        mlflow = tracking.get_store()
        assert "log_batch" in vars(mlflow)
    assert type(tracking).get_store is original
    assert vars(mlflow).keys() == {"runs"}
    mlflow.create_run("1", "unheard", {})
    assert store.info().transactions == 0


def test_what_mlflow_refuses_is_its_own_error_and_is_not_recorded(
    store: Store, tracking: Any
) -> None:
    with mirror(store) as mirrored:
        mlflow = tracking.get_store()
        mlflow.create_run("1", "run", {})
        with pytest.raises(KeyError, match="refused"):
            mlflow.log_batch("run", params=[param("depth", "refused")])
    assert mirrored.notes == ()
    assert store.show("mlflow.Run:run (run)").parameters == {}


def test_what_cannot_be_recorded_is_a_note_and_the_rest_follows(
    store: Store, tracking: Any
) -> None:
    with mirror(store) as mirrored:
        mlflow = tracking.get_store()
        mlflow.create_run("1", "run", {})
        mlflow.log_batch("run", [metric("loss", 0.5, model="m-unheard-of")], [param("depth", "3")])
        mlflow.log_batch("run", [metric("acc", 0.5)])
    (note,) = mirrored.notes
    assert note.startswith("MLflow's log_batch is not recorded: AttributeError")
    answer = store.show("mlflow.Run:run (run)")
    assert answer.parameters == {"depth": 3}
    assert [each.name for each in answer.metrics] == ["acc"]


def test_a_version_that_moved_its_hook_is_one_note(
    store: Store, tracking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, REGISTRY, module(REGISTRY))
    original = type(tracking).get_store
    with mirror(store) as mirrored:
        assert type(tracking).get_store is original
    assert mirrored.notes == (
        "MLflow 3.stand-in has no mlflow.tracking._model_registry.registry.ModelRegistryStoreRegistry.get_store, "
        "by which it is mirrored; MLflow 3.17 has it",
    )


def test_without_mlflow_it_is_said_how_to_install_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match="pip install mlflow"):
        mirror(store)
