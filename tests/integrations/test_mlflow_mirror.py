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
        def get_store(self) -> object:
            return object()

    monkeypatch.setitem(sys.modules, "mlflow", module("mlflow", __version__="3.stand-in"))
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
