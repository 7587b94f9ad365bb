"""LIKE: the same answers, whatever the characters are, and none that takes for ever."""

from random import Random

import pytest

from lineage.contract.backend import Backend
from lineage.filters.tree import Column, Field, Like, PropertyColumn
from lineage.model.keys import Kind
from lineage.testing.builders import writing
from lineage.testing.oracle import is_like

URIS = [
    "",
    "a",
    "a/1",
    "a/1\U0010ffff",
    "a/10",
    "a/2",
    "a\ud7ff",
    "a\ud7ffb",
    "a\ue000",
    "a\U0010ffff",
    "a\U0010ffff\U0010ffffb",
    "b",
    "A/1",
    "%",
    "\U0010ffff",
    "\U0010ffffx",
    "a*b",
    "a?b",
    "a[b]c",
    "a[^b]c",
    "]",
    "a\nb",
    "a\0b",
    "a\0",
    "\0",
    "x" * 5_000,
]
PATTERNS = [
    *URIS,
    *(f"{uri}%" for uri in URIS),
    *(f"{uri}_" for uri in URIS),
    "a/%0",
    "a_1%",
    "%1",
    "%]%",
    "%[%",
    "%*%",
    "%?b",
    "%\0%",
    "a%b",
    "a_b",
    "%%_%%",
    "%é_",
    "_" * 5_000,
    "%" * 5_000,
]


@pytest.mark.parametrize("field", [Field.URI, Field.NAME, Field.EXTERNAL_ID])
def test_like_finds_what_begins_so(backend: Backend, field: Field) -> None:
    with writing(backend) as new:
        for uri in URIS:
            new.write(nodes=[new.row(Kind.ARTIFACT, **{field.value: uri})])
        new.artifact()
    for pattern in PATTERNS:
        found = backend.find(Kind.ARTIFACT, Like(Column(field), pattern))
        expected = [uri for uri in URIS if is_like(uri, pattern)]
        assert [getattr(row, field.value) for row in found] == expected, pattern


def test_like_agrees_with_its_definition_on_drawn_patterns(backend: Backend) -> None:
    draw = Random(20)

    def drawn(alphabet: str) -> str:
        return "".join(draw.choices(alphabet, k=draw.randrange(9)))

    texts = sorted({drawn("ab\n\U0001f600") for _ in range(80)} | {"ab" * 8})
    with writing(backend) as new:
        for text in texts:
            new.write(nodes=[new.row(Kind.ARTIFACT, uri=text, custom={"p": text})])
    columns = (Column(Field.URI), PropertyColumn("p", custom=True))
    for _ in range(40):
        pattern = drawn("ab\n\U0001f600__%%%")
        expected = [text for text in texts if is_like(text, pattern)]
        for column in columns:
            found = [row.uri for row in backend.find(Kind.ARTIFACT, Like(column, pattern))]
            assert found == expected, (column, pattern)


TEXTS = ["a" * 500, "a" * 5_000, "a" * 20_000, "a" * 20_000 + "b"]
HOSTILE = {
    "%a" * 12 + "%b": [20_001],
    "%a_" * 12 + "%b": [20_001],
    "%a" * 400 + "%b": [20_001],
    "%a" * 2_000 + "%b": [20_001],
    f"a%{'_a%' * 1_500}b": [20_001],
    f"%{'a' * 6_000}b%": [20_001],
    f"%{'a_' * 400}b%": [20_001],
    f"%{'a_' * 2_000}c%": [],
    f"{'%_a' * 1_500}%": [5_000, 20_000, 20_001],
    "_%" * 900: [5_000, 20_000, 20_001],
}
"""Patterns that can be laid upon the texts in countless ways, and the lengths of what they are like."""


def test_like_ends_where_there_are_countless_ways_to_try(backend: Backend) -> None:
    """It need not be measured: what tries them would not be through in a lifetime."""
    with writing(backend) as new:
        for text in TEXTS:
            new.write(
                nodes=[
                    new.row(Kind.ARTIFACT, uri=text, properties={"p": text}, custom={"p": [text]})
                ]
            )
    columns = (Column(Field.URI), PropertyColumn("p"), PropertyColumn("p", custom=True))
    for pattern, expected in HOSTILE.items():
        for column in columns:
            found = [
                len(row.uri or "") for row in backend.find(Kind.ARTIFACT, Like(column, pattern))
            ]
            assert found == expected, (column, pattern[:20])
