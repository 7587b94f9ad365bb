"""Mirrors what MLflow logs into a lineage store, as it is logged.

    from lineage.integrations.mlflow import mirror

    mirror("lineage.db")

before the first run of a script is all: each run, its parameters, metrics, data sets and models, and what becomes of
them in the registry, is recorded here by the call that records it there. `mapping` says what is what.
"""

from lineage.integrations.mlflow.mapping import (
    MlflowDataset,
    MlflowExperiment,
    MlflowModel,
    MlflowRun,
)
from lineage.integrations.mlflow.mirroring import Mirror, mirror

__all__ = [
    "Mirror",
    "MlflowDataset",
    "MlflowExperiment",
    "MlflowModel",
    "MlflowRun",
    "mirror",
]
