"""What things of MLflow are here, of values alone."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lineage.integrations.mlflow import mapping
from lineage.model.entities import ArtifactState, ExecutionState

WINE = SimpleNamespace(experiment_id="1", name="wine", creation_time=1_700_000_000_000, tags={})


def info(**fields: Any) -> SimpleNamespace:
    whole = {
        "run_id": "0123456789abcdef",
        "run_name": "forest",
        "user_id": "ann",
        "status": "RUNNING",
        "start_time": 1_700_000_000_123,
        "end_time": None,
        "artifact_uri": "/data/mlruns/1",
    }
    return SimpleNamespace(**{**whole, **fields})


def dataset(**fields: Any) -> SimpleNamespace:
    whole = {
        "name": "train",
        "digest": "2eca9bec",
        "source_type": "local",
        "source": '{"uri": "train.csv"}',
        "schema": None,
        "profile": None,
    }
    return SimpleNamespace(**{**whole, **fields})


def model(**fields: Any) -> SimpleNamespace:
    whole = {
        "model_id": "m-0123456789abcdef",
        "name": "forest",
        "artifact_location": "s3://models/7",
        "model_type": None,
        "status": "READY",
        "params": {"depth": "3"},
        "tags": {},
    }
    return SimpleNamespace(**{**whole, **fields})


def test_a_run() -> None:
    node = mapping.run_node(
        info(), {"mlflow.source.name": "a.py", "mlflow.user": "bob", "team": "blue"}
    )
    assert (node.name, node.external_id) == ("forest (01234567)", "mlflow:run:0123456789abcdef")
    assert node.state is ExecutionState.RUNNING
    assert node.custom_properties == {
        "mlflow.source.name": "a.py",
        "mlflow.tag.team": "blue",
        "mlflow.user": "ann",
        "mlflow.runName": "forest",
        "mlflow.start": "2023-11-14T22:13:20.123000Z",
        "mlflow.artifact_uri": "file:///data/mlruns/1",
    }


def test_a_run_without_a_name_has_none() -> None:
    assert mapping.run_node(info(run_name=None), {}).name is None
    assert mapping.run_node(info(run_name=""), {}).name is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SCHEDULED", ExecutionState.NEW),
        ("FINISHED", ExecutionState.COMPLETE),
        ("FAILED", ExecutionState.FAILED),
        ("KILLED", ExecutionState.CANCELED),
        ("UNHEARD OF", None),
    ],
)
def test_states(status: str, state: ExecutionState | None) -> None:
    assert mapping.execution_state(status) is state


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0", 0),
        ("007", "007"),
        ("-07.5", "-07.5"),
        ("0.10", 0.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", "1e999"),
        ("nan", "nan"),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("True", "True"),
        ("", ""),
        ("9" * 18, 999_999_999_999_999_999),
        ("9" * 19, 1e19),
    ],
)
def test_numbers_are_numbers(text: str, value: object) -> None:
    (found,) = mapping.parameters({"a": text}).values()
    assert (found, type(found)) == (value, type(value))


def test_names_that_mean_something_here_are_put_aside() -> None:
    assert mapping.parameters({"lineage.tags": "a", "error_type": "b"}) == {
        "mlflow.param.lineage.tags": "a",
        "mlflow.param.error_type": "b",
    }
    assert mapping.measured_name("lineage.auc") == "mlflow.metric.lineage.auc"
    assert mapping.measured_name("auc") == "auc"


def test_tags_that_repeat_the_record_are_left_out() -> None:
    assert mapping.tags({"mlflow.log-model.history": "[…]", "mlflow.modelVersions": "[…]"}) == {}


def test_experiments_of_two_servers_are_two() -> None:
    other = SimpleNamespace(experiment_id="1", name="wine", creation_time=1_800_000_000_000)
    old = SimpleNamespace(experiment_id="1", name="wine", creation_time=None)
    assert len({mapping.experiment_id(each) for each in (WINE, other, old)}) == 3
    assert mapping.experiment_names(WINE)[:2] == ("wine", "wine (1)")


def test_a_dataset() -> None:
    node = mapping.dataset_node(WINE, dataset(profile='{"num_rows": 124}', schema="no JSON"))
    assert node.external_id == "mlflow:dataset:1:1700000000000:2eca9bec:train"
    assert (node.uri, node.digest) == ("train.csv", "mlflow:2eca9bec")
    assert node.custom_properties["mlflow.profile"] == {"num_rows": 124}
    assert node.custom_properties["mlflow.schema"] == "no JSON"


@pytest.mark.parametrize(
    ("kind", "source", "uri"),
    [
        ("local", {"uri": "/data/a b.csv"}, "file:///data/a%20b.csv"),
        (
            "http",
            {"url": "https://ann:secret@example.com/a.csv"},
            "https://ann:***@example.com/a.csv",
        ),
        ("hugging_face", {"path": "imdb"}, "hf://datasets/imdb"),
        ("delta_table", {"path": "s3://lake/churn"}, "s3://lake/churn"),
        ("code", {"tags": {"mlflow.user": "ann"}}, None),
        ("delta_table", {"path": 7}, None),
    ],
)
def test_where_a_dataset_is(kind: str, source: object, uri: str | None) -> None:
    node = mapping.dataset_node(WINE, dataset(source_type=kind, source=json.dumps(source)))
    assert node.uri == uri


def test_a_source_that_is_no_json() -> None:
    assert mapping.dataset_node(WINE, dataset(source="s3://lake/churn")).uri == "s3://lake/churn"
    assert mapping.dataset_node(WINE, dataset(source="churn")).uri is None
    assert mapping.dataset_node(WINE, dataset(source="")).uri is None


def test_what_a_dataset_is_for() -> None:
    tag = SimpleNamespace(key="mlflow.data.context", value="training")
    assert mapping.use_of([SimpleNamespace(key="other", value="x"), tag]) == "training"
    assert mapping.use_of([]) is None


def test_a_model() -> None:
    node = mapping.model_node(model())
    assert (node.name, node.uri) == ("forest (m-01234567)", "s3://models/7")
    assert node.external_id == "mlflow:model:m-0123456789abcdef"
    assert node.state is ArtifactState.LIVE
    assert node.custom_properties == {"mlflow.name": "forest", "mlflow.params": {"depth": 3}}
    assert mapping.model_node(model(status="PENDING")).state is ArtifactState.PENDING
    assert mapping.model_node(model(status="FAILED")).state is ArtifactState.ABANDONED
    assert mapping.model_node(model(status="UNSPECIFIED", name=None)).state is None


@pytest.mark.parametrize(
    ("model_id", "source", "found"),
    [
        ("m-1", "models:/dev/2", "m-1"),
        (None, "models:/m-2", "m-2"),
        (None, "models:/dev/2", None),
        (None, "runs:/17/model", None),
        (None, None, None),
    ],
)
def test_the_model_of_a_version(
    model_id: str | None, source: str | None, found: str | None
) -> None:
    version = SimpleNamespace(name="wine", version="1", source=source, model_id=model_id)
    assert mapping.model_of_version(version) == found
