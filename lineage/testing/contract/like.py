"""LIKE with a beginning that an index may serve: the same answers, whatever the characters are."""

import pytest

from lineage.contract.backend import Backend
from lineage.filters.tree import Column, Field, Like, like_pattern
from lineage.model.keys import Kind
from lineage.testing.builders import writing

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
        matches = like_pattern(pattern).fullmatch
        expected = [uri for uri in URIS if matches(uri)]
        assert [getattr(row, field.value) for row in found] == expected, pattern
