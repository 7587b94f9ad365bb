"""LIKE against its definition: every place that a pattern may have come to, one character after the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.filters import like as module
from lineage.filters.like import like, pieces
from lineage.testing.oracle import is_like

CHARACTERS = "ab\n\0\U0001f600"
TEXTS = st.text(CHARACTERS, max_size=12)
PATTERNS = st.text(f"{CHARACTERS}__%%%", max_size=10)


@pytest.fixture(params=[False, True], ids=["short pieces", "long pieces"], scope="module")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether every piece is long to the module, and is looked for a place at a time."""
    is_long: bool = request.param
    return is_long


@given(texts=st.lists(TEXTS, min_size=5, max_size=5), pattern=PATTERNS)
def test_like_agrees_with_its_definition(long: bool, texts: list[str], pattern: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if long:
            patch.setattr(module, "SHORT", 1)
            patch.setattr(module, "PLACES", 1)
        matches = like(pattern)
        for text in [*texts, pattern, pattern.replace("%", "ab"), pattern.replace("_", "b")]:
            assert matches(text) == is_like(text, pattern), (text, pattern)


@pytest.mark.parametrize("length", [module.SHORT // 2, module.SHORT * 30])
@pytest.mark.parametrize("before", [0, 1, module.PLACES - 1, module.PLACES, module.PLACES * 7])
def test_the_first_place_of_a_piece_is_found_wherever_it_is(length: int, before: int) -> None:
    piece = "x" + "a_" * length + "b"
    text = "a" * before + "x" + "ab" * length + "b"
    assert like(f"%{piece}%")(text)
    assert like(f"%{piece}")(text)
    assert not like(f"%{piece}_%")(text)
    assert not like(f"%{piece}%{piece}")(text)
    assert like(f"%{piece}%{piece}")(text + text)


def test_long_texts_and_patterns() -> None:
    text = "a" * 200_000
    assert not like("%a" * 1_000 + "%b")(text)
    assert not like(f"%{'a_' * 15_000}b%")(text)
    assert not like(f"%{'ab_' * 10_000}c%")("ab" * 100_000)
    assert like("%a_" * 20_000)(text)
    assert like("_%" * 30_000)(text)
    assert not like("_%" * 30_000)(text[:29_999])


def test_runs_of_percent_signs_are_one() -> None:
    assert pieces("%%a_%%%b") == ["", "a_", "b"]
    assert pieces("a_") == ["a_"]
    assert pieces("%%") == ["", ""]
