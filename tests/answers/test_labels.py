"""What a node is called is one harmless line, and costs no more than what is shown."""

import math

import pytest

from lineage.answers.labels import label
from lineage.model.entities import Artifact, Context, Execution, Node


def test_large_properties_are_cut_first() -> None:
    line = label(Artifact(type="Dataset", properties={"note": "\x1b" * 10_000_000}))
    assert len(line) <= 60
    assert "\\x1b" in line
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Artifact(type="T", name="lake", uri="s3://x"), "lake"),
        (Artifact(type="T", name="", uri="s3://x"), "s3://x"),
        (Artifact(type="T", name="\x1b[2Jx"), "\\x1b[2Jx"),
        (Execution(type="T", custom_properties={"a": 1, "b": [1], "c": "x"}), "a=1, c=x"),
        (
            Execution(
                type="T", properties={"a": True, "b": math.nan}, custom_properties={"c": 1, "d": 2}
            ),
            "a=true, b=nan, c=1",
        ),
        (
            Execution(
                type="T",
                custom_properties={"error_type": "OSError", "error_message": "no", "rate": 0.5},
            ),
            "rate=0.5",
        ),
        (Context(type="T", name="x" * 99), "x" * 59 + "…"),
        (
            Artifact(type="T", uri=f"s3://{'deep/' * 99}train.csv"),
            "s3://deep/deep/deep/…" + "deep/deep/deep/deep/deep/deep/train.csv",
        ),
        (Artifact(type="T", uri="s3://" + "x" * 55), "s3://" + "x" * 55),
        (Execution(type="T", external_id="run 1"), "run 1"),
        (Execution(type="T"), ""),
    ],
)
def test_label_is_what_people_call_a_node(node: Node, said: str) -> None:
    assert label(node) == said
