"""The paths of an event as text and as tuples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import Invalid
from lineage.model.paths import Path, distinct_paths, first_path, paths_of, paths_text, with_path

steps = st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
paths = st.lists(st.lists(steps, max_size=3).map(tuple), max_size=4)


@given(paths)
def test_text_is_read_as_it_was_written(several: list[Path]) -> None:
    text = paths_text(several)
    assert paths_of(text) == distinct_paths(several)
    assert first_path(text) == (several[0] if several else ())
    assert paths_text(paths_of(text)) == text


@pytest.mark.parametrize(
    ("several", "text"),
    [
        ([], None),
        ([()], None),
        ([(), ()], None),
        ([("train", 0)], '["train",0]'),
        ([("train",), ()], '["train"]'),
        ([("a",), ("a",)], '["a"]'),
        ([("a",), (0,), ("a",)], '[["a"],[0]]'),
        ([(), ("eval",)], '[[],["eval"]]'),
        ([("ä\n",)], '["ä\\n"]'),
    ],
)
def test_text_of_paths(several: list[Path], text: str | None) -> None:
    assert paths_text(several) == text


def test_a_use_more() -> None:
    assert with_path(None, ()) is None
    assert with_path(None, ("a",)) == '[[],["a"]]'
    assert with_path('["a"]', ()) == with_path('["a"]', ("a",)) == '["a"]'
    assert with_path('["a"]', ("b", 1)) == '[["a"],["b",1]]'
    assert with_path('[["a"],["b",1]]', ("b", 1)) == '[["a"],["b",1]]'


@pytest.mark.parametrize("text", ["{}", "7", '[["a"],7]', '["a",["b"]]', "[1.5]", "[null]", "["])
def test_text_that_holds_no_paths(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - `Invalid`, or the parser's own
        paths_of(text)
    assert issubclass(Invalid, ValueError)
