"""What types are, by their base and by their name."""

import pytest

import lineage
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.model.keys import Kind
from lineage.model.rows import TypeRow
from lineage.model.schema import TYPE_CLASSES
from lineage.model.system import SYSTEM_TYPES
from lineage.store import Store
from lineage.testing.builders import writing

BY_NAME: dict[str, dict[Role | None, list[str]]] = {
    "artifact": {
        Role.DATASET: [
            "Dataset",
            "TrainingDataset",
            "system.Dataset",
            "dataset",
            "raw_dataset",
            "DataSet",
            "data_set",
            "a-dataset",
            "CSVDataset",
            "ä.dataset",
        ],
        Role.MODEL: ["Model", "my_model", "system.Model", "MLModel", "DatasetModel", "x2Model"],
        Role.METRICS: ["ClassificationMetrics", "metrics"],
        Role.STATISTICS: ["ExampleStatistics", "my.statistics"],
        None: [
            "Supermodel",
            "Models",
            "model2",
            "Modell",
            "mymodel",
            "",
            "Model\n",
            "MODEL",
            "Trainer",
            "ModelEvaluation",
            "Examples",
            "émodel",
        ],
    },
    "execution": {
        Role.TRAIN: ["Trainer", "train", "tfx.Training", "ModelTrain", "my_training"],
        Role.TRANSFORM: ["Transform", "DatasetTransformer"],
        Role.PROCESS: ["PreProcess", "pre_processor"],
        Role.EVALUATE: ["Evaluator", "evaluate", "ModelEvaluation"],
        Role.DEPLOY: ["Pusher", "Deployment", "DeployModelDeployer", "deploy"],
        None: ["Constrain", "strain", "train_model", "Model", "Dataset", "preprocess"],
    },
    "context": {None: ["Model", "Experiment", "Dataset", "Trainer"]},
}


@pytest.mark.parametrize("kind", BY_NAME)
def test_the_end_of_the_name_tells_where_no_base_does(kind: str, store: Store) -> None:
    expected = [(name, role) for role, names in BY_NAME[kind].items() for name in names if name]
    with writing(store.backend) as new:
        ids = [new.type(Kind(kind), name) for name, _ in expected]
    roles = Roles(registry(store.backend))
    assert [
        (name, roles.of(number)) for number, (name, _) in zip(ids, expected, strict=True)
    ] == expected
    assert [roles.by_name(each) for each in ids] == [role is not None for _, role in expected]


def test_a_base_tells_more_than_a_name(store: Store) -> None:
    put = store.put(
        [
            lineage.ArtifactType(name="Metrics", base="lineage.Model"),
            lineage.ArtifactType(name="Weights", base="lineage.Model"),
            lineage.ExecutionType(name="Fit", base="lineage.Train"),
            lineage.ArtifactType(name="Model"),
        ]
    )
    roles = Roles(registry(store.backend))
    ids = [each.id or 0 for each in put]
    assert [roles.of(each) for each in ids] == [Role.MODEL, Role.MODEL, Role.TRAIN, Role.MODEL]
    assert [roles.by_name(each) for each in ids] == [False, False, False, True]
    assert roles.ids(Role.MODEL) == {2, ids[0], ids[1], ids[3]}


def test_every_system_type_is_its_role(store: Store) -> None:
    roles = Roles(registry(store.backend))
    assert [roles.of(number) for number in range(1, 10)] == list(Role)
    assert [role.base for role in Role] == [each.name for each in SYSTEM_TYPES]
    assert not any(roles.by_name(number) for number in range(1, 10))
    assert [roles.ids(role) for role in Role] == [{number} for number in range(1, 10)]


def test_a_huge_name_is_read_at_once() -> None:
    from lineage.contract.registry import Registry

    types = [
        TYPE_CLASSES[Kind.ARTIFACT](id=10, name="Model" * 2_000_000 + "s"),
        TYPE_CLASSES[Kind.ARTIFACT](id=11, name="_" * 10_000_000 + "model"),
    ]
    roles = Roles(Registry([TypeRow(each, 1) for each in types]))
    assert [roles.of(10), roles.of(11)] == [None, Role.MODEL]
