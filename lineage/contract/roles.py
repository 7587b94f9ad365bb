"""Tells which types are data sets, models, metrics, trainings, and so on.

A type's base type says so. Where it has none, a name that ends in one of the role's words does,
and answers then say that they went by the name.
"""

from __future__ import annotations

import re
from enum import StrEnum

from lineage.contract.registry import Registry
from lineage.model.keys import Kind
from lineage.model.paths import paths_of
from lineage.model.purposes import Purpose, purposes_of, use_of
from lineage.model.rows import EdgeRow
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_NAMES

__all__ = ["Role", "Roles", "role_of"]


class Role(StrEnum):
    """What a node is to machine learning: one for each system type."""

    DATASET = "dataset"
    MODEL = "model"
    METRICS = "metrics"
    STATISTICS = "statistics"
    TRAIN = "train"
    TRANSFORM = "transform"
    PROCESS = "process"
    EVALUATE = "evaluate"
    DEPLOY = "deploy"

    @property
    def base(self) -> str:
        """The name of the system type that gives a type this role."""
        return f"lineage.{self.value.capitalize()}"

    @property
    def words(self) -> str:
        """What people call a node of this role, with its article."""
        return _WORDS[self]


_WORDS = {
    Role.DATASET: "a data set",
    Role.MODEL: "a model",
    Role.METRICS: "metrics",
    Role.STATISTICS: "statistics",
    Role.TRAIN: "a training",
    Role.TRANSFORM: "a transformation",
    Role.PROCESS: "a processing",
    Role.EVALUATE: "an evaluation",
    Role.DEPLOY: "a deployment",
}
_ENDINGS = {
    Role.DATASET: ("Dataset", "DataSet"),
    Role.MODEL: ("Model",),
    Role.METRICS: ("Metrics",),
    Role.STATISTICS: ("Statistics",),
    Role.TRAIN: ("Train", "Trainer", "Training"),
    Role.TRANSFORM: ("Transform", "Transformer"),
    Role.PROCESS: ("Process", "Processor"),
    Role.EVALUATE: ("Evaluate", "Evaluator", "Evaluation"),
    Role.DEPLOY: ("Deploy", "Deployer", "Deployment", "Pusher"),
}
_OF_BASE = {role.base: role for role in Role}
_OF_WORD = {
    spelling: role
    for role, words in _ENDINGS.items()
    for word in words
    for spelling in (word, word.lower())
} | {"data_set": Role.DATASET}
# A capital begins a word wherever it stands, a small letter only where no letter is before it.
_ENDING = re.compile(
    "(?:{}|(?<![^\\W\\d_])(?:{}))\\Z".format(
        "|".join(sorted((w for w in _OF_WORD if w[0].isupper()), key=len, reverse=True)),
        "|".join(sorted((w for w in _OF_WORD if w[0].islower()), key=len, reverse=True)),
    )
)


class Roles:
    """The roles of a store's types, at one moment.

    By name, `TrainingDataset`, `system.Model` and `my_model` are a data set and models;
    `Supermodel`, `Models` and `model2` are nothing. Only artifacts are data sets, models, metrics
    and statistics, and only executions are the rest.
    """

    def __init__(self, types: Registry) -> None:
        self._types = types

    def of(self, type_id: int) -> Role | None:
        """Return the role of a type; None where nothing says it."""
        return role_of(self._types.by_id[type_id])

    def ids(self, role: Role) -> frozenset[int]:
        """Return the ids of all types of a role."""
        return frozenset(number for number in self._types.by_id if self.of(number) is role)

    def by_name(self, type_id: int) -> bool:
        """Whether nothing but the type's name says its role."""
        known = self._types.by_id[type_id]
        return _by_base(known) is None and _by_name(known) is not None

    def purpose(self, event: EdgeRow, artifact: int, execution: int) -> Purpose | None:
        """Return the purpose of an input, given the ids of the types of its ends.

        Only data and models have one. Data that an evaluation reads without a word is evaluation data.
        """
        role = self.of(artifact) if event.source.kind is Kind.ARTIFACT else None
        if role not in (Role.DATASET, Role.MODEL):
            return None
        purposes = purposes_of(event.uses)
        if purposes:
            return purposes[0]
        is_silent = role is Role.DATASET and use_of(paths_of(event.paths)) is None
        return Purpose.EVALUATION if is_silent and self.of(execution) is Role.EVALUATE else None


def role_of(known: AnyType) -> Role | None:
    """Return the role of a type; None where nothing says it."""
    return _by_base(known) or _by_name(known)


def _by_base(known: AnyType) -> Role | None:
    own = known.name if known.name in SYSTEM_NAMES[known.kind] else None
    return _OF_BASE.get(known.base or own or "")


def _by_name(known: AnyType) -> Role | None:
    found = _ENDING.search(known.name)
    role = None if found is None else _OF_WORD[found[0]]
    return role if role is not None and role.base in SYSTEM_NAMES[known.kind] else None
