"""Keys of nodes: their text, their order, and what is none."""

from __future__ import annotations

import pytest

from lineage.errors import Invalid
from lineage.model.entities import (
    Artifact,
)
from lineage.model.keys import LARGEST_ID, Kind, NodeKey, to_key, to_kind


@pytest.mark.parametrize("text", ["artifact:1", "execution:12", f"context:{LARGEST_ID - 1}"])
def test_key_is_read_from_its_text(text: str) -> None:
    key = NodeKey.parse(text)
    assert str(key) == text
    assert to_key(text) == to_key(key) == to_key([key.kind.value, key.id]) == key
    assert type(to_key(NodeKey(key.kind.value, key.id)).kind) is Kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "artifact",
        "artifact:",
        "artifact:0",
        "artifact:-1",
        "artifact: 1",
        "artifact:1 ",
        "artifact:1:2",
        "artifact:1.0",
        "artifact:\u0661",
        "Artifact:1",
        "node:1",
        f"artifact:{LARGEST_ID}",
        "artifact:" + "9" * 5000,
    ],
)
def test_other_text_is_no_key(text: str) -> None:
    with pytest.raises(Invalid, match="is not a node's key"):
        NodeKey.parse(text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        (),
        ("artifact",),
        ("artifact", 0),
        ("artifact", True),
        ("artifact", "1"),
        ("artifact", LARGEST_ID),
        ("node", 1),
        ([], 1),
        NodeKey(Kind.ARTIFACT, -1),
        NodeKey("node", 1),
        Artifact(type="T", id=1),
    ],
)
def test_what_is_no_key(value: object) -> None:
    with pytest.raises(Invalid, match=r"is not a node's key|is not an id"):
        to_key(value)


def test_keys_sort_by_kind_and_id() -> None:
    texts = ["artifact:2", "artifact:10", "context:1", "execution:1"]
    assert [str(key) for key in sorted(map(NodeKey.parse, reversed(texts)))] == texts


def test_kind_is_one_of_three() -> None:
    assert to_kind("context") is Kind.CONTEXT
    with pytest.raises(Invalid, match="'node' is not a kind of node; there are artifact"):
        to_kind("node")
