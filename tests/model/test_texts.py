"""Texts and values for people are one harmless line, and cost no more than what is shown."""

import math
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import excerpt
from lineage.model.entities import Artifact
from lineage.model.texts import printable, shown
from lineage.model.values import ProtoAny

LARGE = "\x1b" * 10_000_000
"""Escaping all of it takes seconds and hundreds of megabytes."""


def test_every_character_that_acts_is_escaped() -> None:
    acting = {"Cc", "Cs", "Zl", "Zp"}
    fillers = "\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0"
    for number in range(sys.maxunicode + 1):
        char = chr(number)
        line = printable(char)
        if unicodedata.category(char) in acting:
            assert line.isascii(), hex(number)
            assert line.startswith("\\"), hex(number)
        elif line != char and not 0xE0000 <= number < 0xE0080:
            assert unicodedata.category(char) == "Cf" or char in fillers, hex(number)


@pytest.mark.parametrize(
    "char", ["\u200b", "\u202e", "\u2066", "\u2069", "\ufeff", "\u00ad", "\U000e0041", "\u061c"]
)
def test_characters_that_turn_or_hide_are_escaped(char: str) -> None:
    assert char not in printable(f"a{char}b")


@pytest.mark.parametrize("text", ["", "ünï", "日本", "שלום", "a\\b", "<b>&'\"", "\U0001f600"])
def test_plain_text_stays(text: str) -> None:
    assert printable(text) == text


@given(st.text(), st.integers(1, 20))
def test_limit_holds_and_cuts_no_escape(text: str, limit: int) -> None:
    whole, cut = printable(text), printable(text, limit=limit)
    assert len(cut) <= limit
    if len(whole) <= limit:
        assert cut == whole
    else:
        assert cut.endswith("…")
        kept = [printable(text[:count]) for count in range(len(text) + 1)]
        fitting = [line for line in kept if len(line) < limit]
        assert cut[:-1] == max(fitting, key=len)


def test_large_texts_are_cut_first() -> None:
    node = Artifact(type="Dataset", properties={"note": LARGE, "struct": [LARGE, {"k": LARGE}]})
    huge = node.properties["struct"]
    for line in (printable(LARGE, limit=60), shown(LARGE), shown(huge)):
        assert len(line) <= 60
        assert "\\x1b" in line
        assert line.endswith("…")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (None, ""),
        ("a\nb", "a\\nb"),
        (True, "true"),
        (2**63 - 1, "9223372036854775807"),
        (0.1, "0.1"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": [1, None, "x", False]}, '{"a": [1, null, "x", false]}'),
        ([[[[1]]], [[[]]]], "[[[[…]]], [[[]]]]"),
        (list(range(30)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …"),
        (
            ProtoAny("type.googleapis.com/a.B", b"\x00" * 2048),
            "type.googleapis.com/a.B (2,048 bytes)",
        ),
        (Artifact, "<class 'lineage.model.entities.Artifact'>"),
    ],
)
def test_any_value_is_shown_in_a_line(value: object, line: str) -> None:
    assert shown(value) == line


@pytest.mark.parametrize(("count", "whole"), [(20, True), (21, False)])
def test_struct_is_cut_only_where_something_is_left_out(count: int, whole: bool) -> None:
    assert ("…" not in shown([1] * count, limit=200)) is whole
    assert ("…" not in shown(dict.fromkeys(map(str, range(count)), 1), limit=500)) is whole


def test_number_that_python_cannot_write_is_told_by_its_size() -> None:
    assert shown({"n": 10**6000}) == '{"n": a number of 19,932 bits}'


def test_an_excerpt_is_had_of_any_value() -> None:
    class Text(str):
        __slots__ = ()

        def __getitem__(self, _: object) -> str:
            raise ValueError("no part of it")

    class Odd:
        def __repr__(self) -> str:
            return Text("odd")

    assert excerpt(Odd()) == "<Odd>"
    assert excerpt("a" * 200, 5) == "'aaaa"
