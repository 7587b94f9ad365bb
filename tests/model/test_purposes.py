"""Which words of a path say what something was used for, and which do not."""

import pytest

from lineage.model.paths import Path
from lineage.model.purposes import EVERY_USE, Purpose, mask_of, purpose_of, purposes_of
from lineage.model.rows import EdgeKind, uses_of

TRAINING, EVALUATION, BASE = Purpose


@pytest.mark.parametrize(
    ("step", "purpose"),
    [
        *((word, TRAINING) for word in ("train", "training", "fit", "TRAIN", "Training")),
        *((word, TRAINING) for word in ("training_data", "X_train", "XTrain", "train2", "y-train")),
        *((word, TRAINING) for word in ("train/2026", "trainData", "data.fit", "dataTrain", "_train_")),
        *((word, EVALUATION) for word in ("eval", "evaluation", "val", "valid", "validation")),
        *((word, EVALUATION) for word in ("dev", "test", "testing", "holdout", "testData", "X_val")),
        *((word, BASE) for word in ("base", "pretrained", "checkpoint", "init", "teacher")),
        *((word, BASE) for word in ("baseModel", "checkpoint-7", "pretrained_model")),
        *((word, TRAINING) for word in ("train_and_train", "fit_the_training", "train_big_set")),
        *((word, None) for word in ("values", "baseline_model", "testimonials", "train_test")),
        *((word, None) for word in ("", "7", "data", "Xtrain", "trainer", "latest", "my_train_set")),
        *((word, None) for word in ("base_eval", "testTrain", "trains", "ätrain", "_", "contest")),
    ],
)  # fmt: skip
def test_word_decides(step: str, purpose: Purpose | None) -> None:
    assert purpose_of((step,)) is purpose
    assert purpose_of((step, "test", 0)) is purpose


@pytest.mark.parametrize("path", [(), (0,), (0, "train"), (-1, "test")])
def test_without_a_word_nothing_is_said(path: Path) -> None:
    assert purpose_of(path) is None


def test_mask_is_of_all_paths() -> None:
    assert [purpose.bit for purpose in Purpose] == [1, 2, 4]
    assert EVERY_USE == 7
    assert mask_of(None) == mask_of('["values"]') == mask_of("[0]") == 0
    assert mask_of('["train",0]') == 1
    assert mask_of('[["train"],["eval"],["x_train"]]') == 3
    assert mask_of('[[],["teacher"],["dev"]]') == 6
    assert purposes_of(0) == ()
    assert purposes_of(6) == (EVALUATION, BASE)
    assert purposes_of(7) == tuple(Purpose)


@pytest.mark.parametrize("kind", EdgeKind)
def test_only_inputs_are_used(kind: EdgeKind) -> None:
    expected = 2 if kind.name.endswith("INPUT") else 0
    assert uses_of(kind, '["test"]') == uses_of(int(kind), '["test"]') == expected
    assert uses_of(kind, None) == 0
