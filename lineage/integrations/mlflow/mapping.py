"""What each thing that MLflow keeps is here: its external id, its type, its properties.

It reads values alone, does no I/O and knows nothing of how they were come by, so that what is mirrored as it is
logged and what is imported later are the same nodes. External ids are

    mlflow:experiment:ID:CREATED        mlflow:run:ID        mlflow:model:ID
    mlflow:dataset:ID:CREATED:DIGEST:NAME

where `ID:CREATED` is the data set's experiment. The number of an experiment is one of a small server's, and
begins at 1 on each, so that the millisecond of its creation goes with it. A data set has no id that MLflow tells: what
it knows one by is the experiment, the digest and the name.

What is a parameter in MLflow is one here. All else that is said of a run is a custom property whose name begins with
`mlflow.`, which is no parameter: MLflow's own tags as they are called, and the user's as `mlflow.tag.NAME`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import PurePosixPath
from typing import Protocol

from lineage.contract.plugins import shown_url
from lineage.errors import Invalid
from lineage.model.entities import ArtifactState, Context, Execution, ExecutionState
from lineage.model.marks import is_own_property
from lineage.model.system import WHY, Dataset, Model
from lineage.model.times import from_micros
from lineage.model.values import Value, to_value

__all__ = [
    "ALIASED_STAGES",
    "MODEL",
    "PARENT",
    "REGISTERED_AS",
    "MlflowDataset",
    "MlflowExperiment",
    "MlflowModel",
    "MlflowRun",
    "asset_of",
    "dataset_asset",
    "dataset_id",
    "dataset_node",
    "execution_state",
    "experiment_id",
    "experiment_names",
    "measured_name",
    "model_id",
    "model_node",
    "model_of_version",
    "parameters",
    "run_facts",
    "run_id",
    "run_name",
    "run_node",
    "tag_name",
    "tags",
    "use_of",
    "version_name",
]

MODEL = "mlflow.LoggedModel"
"""The type of a model that was logged."""
PARENT = "mlflow.parentRunId"
"""The tag that names the run that a run is nested in."""
REGISTERED_AS = "registered_as"
"""The custom property of a model that lists its versions in the registry, as in `wine/3`."""
ALIASED_STAGES = ("Production", "Staging")
"""The stages of the registry that are aliases here."""
_LEFT_OUT = frozenset({"mlflow.log-model.history", "mlflow.modelVersions"})
"""Tags that repeat at length what is recorded otherwise."""
_USE = "mlflow.data.context"
_STATES = {
    "RUNNING": ExecutionState.RUNNING,
    "SCHEDULED": ExecutionState.NEW,
    "FINISHED": ExecutionState.COMPLETE,
    "FAILED": ExecutionState.FAILED,
    "KILLED": ExecutionState.CANCELED,
}
_MODEL_STATES = {
    "PENDING": ArtifactState.PENDING,
    "READY": ArtifactState.LIVE,
    "FAILED": ArtifactState.ABANDONED,
}
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(?:\d+\.\d*|\.?\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_ZEROS = re.compile(r"-?0\d", re.ASCII)


class MlflowExperiment(Context, type="mlflow.Experiment"):
    """An experiment of MLflow."""


class MlflowRun(Execution, type="mlflow.Run", base="lineage.Process"):
    """A run of MLflow. What it wrote says whether it was a training: that is not known when it begins."""


class MlflowDataset(Dataset, type="mlflow.Dataset", base="lineage.Dataset"):
    """A data set that a run of MLflow read. Its digest is MLflow's, of eight characters: it tells versions of one name apart, and no more."""


class MlflowModel(Model, type=MODEL, base="lineage.Model"):
    """A model that was logged to MLflow."""


class ExperimentLike(Protocol):
    """What is read of MLflow's `Experiment`."""

    experiment_id: str
    name: str
    creation_time: int | None


class RunInfoLike(Protocol):
    """What is read of MLflow's `RunInfo`; times are milliseconds since 1970."""

    run_id: str
    run_name: str | None
    user_id: str | None
    status: str
    start_time: int | None
    end_time: int | None
    artifact_uri: str | None


class DatasetLike(Protocol):
    """What is read of MLflow's entity `Dataset`; source, schema and profile are JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None


class LoggedModelLike(Protocol):
    """What is read of MLflow's `LoggedModel`."""

    model_id: str
    name: str | None
    artifact_location: str | None
    model_type: str | None
    status: object
    params: Mapping[str, str]
    tags: Mapping[str, str]


class VersionLike(Protocol):
    """What is read of the registry's `ModelVersion`."""

    name: str
    version: object
    source: str | None
    model_id: str | None


class TagLike(Protocol):
    """A key and a value: a tag, a parameter."""

    key: str
    value: str


def experiment_id(experiment: ExperimentLike) -> str:
    """Return the external id of an experiment."""
    return f"mlflow:experiment:{_experiment(experiment)}"


def _experiment(experiment: ExperimentLike) -> str:
    created = experiment.creation_time
    return f"{experiment.experiment_id}{'' if created is None else f':{created}'}"


def experiment_names(experiment: ExperimentLike) -> tuple[str, ...]:
    """Return what an experiment may be called, the best first: the name may be that of another one, of a server's or of the past."""
    name = experiment.name
    return tuple(
        dict.fromkeys(
            (
                name,
                f"{name} ({experiment.experiment_id})",
                f"{name} ({_experiment(experiment)})",
            )
        )
    )


def run_id(mlflow_id: str) -> str:
    """Return the external id of a run."""
    return f"mlflow:run:{mlflow_id}"


def run_name(info: RunInfoLike) -> str | None:
    """Return what a run is called: runs of MLflow may share a name, and ours may not."""
    return f"{info.run_name} ({info.run_id[:8]})" if info.run_name else None


def run_node(info: RunInfoLike, own_tags: Mapping[str, str]) -> MlflowRun:
    """Return a run, without its parameters."""
    return MlflowRun(
        name=run_name(info),
        external_id=run_id(info.run_id),
        state=execution_state(info.status),
        custom_properties={**tags(own_tags), **run_facts(info)},
    )


def run_facts(info: RunInfoLike) -> dict[str, Value]:
    """Return what MLflow says of a run beside its tags."""
    said = {
        "mlflow.runName": info.run_name,
        "mlflow.user": info.user_id,
        "mlflow.start": _time(info.start_time),
        "mlflow.end": _time(info.end_time),
        "mlflow.artifact_uri": info.artifact_uri and _place(info.artifact_uri),
    }
    return {name: value for name, value in said.items() if value}


def execution_state(status: str) -> ExecutionState | None:
    """Return the state that a status is; None for one that is unknown."""
    return _STATES.get(str(status))


def _time(milliseconds: int | None) -> str | None:
    if not milliseconds:
        return None
    return from_micros(milliseconds * 1000).isoformat().replace("+00:00", "Z")


def parameters(given: Mapping[str, str]) -> dict[str, Value]:
    """Return parameters, numbers where MLflow's text is one.

    A name that means something else here is put behind `mlflow.param.`.

    >>> parameters({"depth": "3", "rate": "1e-3", "build": "007", "lineage.a": "b"})
    {'depth': 3, 'rate': 0.001, 'build': '007', 'mlflow.param.lineage.a': 'b'}
    """
    return {
        f"mlflow.param.{name}" if _is_taken(name) else name: _number(str(value))
        for name, value in given.items()
    }


def _is_taken(name: str) -> bool:
    return is_own_property(name) or name in WHY


def _number(text: str) -> Value:
    if _ZEROS.match(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and isfinite(number := float(text)):
        return number
    return text


def measured_name(name: str) -> str:
    """Return the name of a metric; one that means something else here is put behind `mlflow.metric.`."""
    return f"mlflow.metric.{name}" if is_own_property(name) else name


def tags(given: Mapping[str, str]) -> dict[str, Value]:
    """Return tags as custom properties, but for those that repeat what is recorded otherwise."""
    return {tag_name(name): str(value) for name, value in given.items() if name not in _LEFT_OUT}


def tag_name(name: str) -> str:
    """Return the name of the custom property that holds a tag.

    >>> tag_name("mlflow.source.name"), tag_name("team")
    ('mlflow.source.name', 'mlflow.tag.team')
    """
    return name if name.startswith("mlflow.") else f"mlflow.tag.{name}"


def dataset_id(experiment: ExperimentLike, name: str, digest: str) -> str:
    """Return the external id of a data set of an experiment."""
    return f"mlflow:dataset:{_experiment(experiment)}:{digest}:{name}"


def dataset_asset(experiment: ExperimentLike, name: str) -> str:
    """Return the asset whose versions the data sets of a name are, within an experiment."""
    return f"{experiment.name}/{name}"


def dataset_node(experiment: ExperimentLike, dataset: DatasetLike) -> MlflowDataset:
    """Return a data set; its URI is what its source says, as it says it."""
    said = {
        "mlflow.name": dataset.name,
        "mlflow.source_type": dataset.source_type,
        "mlflow.schema": _parsed(dataset.schema),
        "mlflow.profile": _parsed(dataset.profile),
    }
    return MlflowDataset(
        external_id=dataset_id(experiment, dataset.name, dataset.digest),
        uri=_source_uri(dataset),
        digest=f"mlflow:{dataset.digest}",
        custom_properties={name: value for name, value in said.items() if value is not None},
    )


def _source_uri(dataset: DatasetLike) -> str | None:
    source = _parsed(dataset.source)
    if not isinstance(source, Mapping):
        return _place(dataset.source) if dataset.source and "://" in dataset.source else None
    place = next((source[key] for key in ("uri", "url", "path") if source.get(key)), None)
    if not isinstance(place, str):
        return None
    return f"hf://datasets/{place}" if dataset.source_type == "hugging_face" else _place(place)


def _place(text: str) -> str:
    """Return a URI without the password in it; of a whole path, the `file:` URI."""
    return PurePosixPath(text).as_uri() if text.startswith("/") else shown_url(text)


def _parsed(text: str | None) -> Value | None:
    """Return what JSON says, as far as it can be stored; else the text."""
    if not text:
        return None
    try:
        return to_value(json.loads(text))
    except (ValueError, RecursionError, Invalid):
        return text


def use_of(input_tags: Iterable[TagLike]) -> str | None:
    """Return what a run read a data set for, as `mlflow.log_input(…, context="training")` says it."""
    return next((tag.value for tag in input_tags if tag.key == _USE and tag.value), None)


def model_id(mlflow_id: str) -> str:
    """Return the external id of a logged model."""
    return f"mlflow:model:{mlflow_id}"


def model_node(model: LoggedModelLike) -> MlflowModel:
    """Return a logged model, in the state that its status is."""
    said: dict[str, object] = {
        "mlflow.name": model.name,
        "mlflow.model_type": model.model_type,
        "mlflow.params": parameters(model.params or {}),
        **tags(model.tags or {}),
    }
    place = model.artifact_location
    return MlflowModel(
        name=f"{model.name} ({model.model_id[:10]})" if model.name else None,
        external_id=model_id(model.model_id),
        uri=place and _place(place),
        state=_MODEL_STATES.get(str(model.status)),
        custom_properties={name: value for name, value in said.items() if value},
    )


def asset_of(registered_model: str) -> str:
    """Return the asset that a registered model is, named as MLflow's own URI of it."""
    return f"models:/{registered_model}"


def version_name(registered_model: str, version: object) -> str:
    """Return a version of a registered model as `registered_as` lists it."""
    return f"{registered_model}/{version}"


def model_of_version(version: VersionLike) -> str | None:
    """Return the id of the logged model that a version is; None where MLflow knows none.

    A copy of a version names another version as its source, and the model of that by its id.
    """
    if version.model_id:
        return version.model_id
    place = (version.source or "").removeprefix("models:/")
    return (
        place if place != version.source and place.startswith("m-") and "/" not in place else None
    )
