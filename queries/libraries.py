"""Tells which of an environment's libraries are machine-learning frameworks."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.model.entities import Context
from lineage.model.system import Environment

__all__ = ["frameworks_of", "imported_frameworks", "is_framework", "libraries_of"]

FRAMEWORKS = frozenset(
    {
        "autogluon",
        "catboost",
        "chainer",
        "detectron2",
        "diffusers",
        "fastai",
        "flax",
        "gensim",
        "h2o",
        "jax",
        "keras",
        "lightgbm",
        "lightning",
        "mxnet",
        "onnx",
        "onnxruntime",
        "optax",
        "paddlepaddle",
        "peft",
        "prophet",
        "pyspark",
        "pytorch-lightning",
        "river",
        "scikit-learn",
        "sentence-transformers",
        "spacy",
        "statsmodels",
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-macos",
        "tf-keras",
        "timm",
        "torch",
        "torchvision",
        "transformers",
        "trl",
        "vllm",
        "xgboost",
        "xgboost-cpu",
    }
)
"""Names of distributions, in lower case and with hyphens."""


def is_framework(library: str) -> bool:
    """Whether a distribution of this name is a machine-learning framework.

    >>> is_framework("Scikit_Learn"), is_framework("numpy")
    (True, False)
    """
    return library.lower().replace("_", "-").replace(".", "-") in FRAMEWORKS


def libraries_of(environment: Context | None) -> Mapping[str, str]:
    """Return the versions of an environment's libraries, by name."""
    recorded = {} if environment is None else environment.custom_properties
    return {name: recorded[name] for name in sorted(recorded) if isinstance(recorded[name], str)}


def imported_frameworks(environment: Environment | None) -> Mapping[str, str]:
    """Return the versions of the known frameworks that the run's own code is known to hold, by name."""
    held = () if environment is None else environment.imports or ()
    return {name: said for name, said in _known(environment).items() if name in held}


def frameworks_of(environment: Environment | None) -> Mapping[str, str]:
    """Return the versions of the frameworks that a run used, by name: the known ones that its own code holds.

    Where it holds none, or nobody knows what it holds, all known ones in use; else all libraries.
    """
    found = imported_frameworks(environment) or _known(environment)
    return found or libraries_of(environment)


def _known(environment: Environment | None) -> Mapping[str, str]:
    return {name: said for name, said in libraries_of(environment).items() if is_framework(name)}
