"""Tells which of an environment's libraries are machine-learning frameworks."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.model.entities import Context

__all__ = ["is_framework", "libraries_of"]

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
