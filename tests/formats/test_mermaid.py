"""Mermaid flowcharts, read by Mermaid's own parser."""

import io
from collections.abc import Iterator

import pytest

import lineage
from lineage.contract.format import Dumper
from lineage.formats import mermaid
from lineage.interchange.exporting import batches
from lineage.model.texts import printable
from lineage.store import Store
from lineage.testing.builders import chain, eventful, writing
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE
from tests.formats import readers


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return mermaid


@pytest.fixture
def store() -> Iterator[Store]:
    """A store of one kind will do: formats never see it, and each look at a picture takes seconds."""
    with lineage.connect("memory:") as store:
        yield store


def picture(store: Store) -> tuple[bytes, tuple[str, ...]]:
    target = io.BytesIO()
    losses = mermaid.dump(batches(store.backend), target)
    return target.getvalue(), tuple(losses)


def test_hostile_labels_stay_labels(store: Store) -> None:
    store.put([lineage.Model(name=name) for name in HOSTILE])
    store.put(lineage.ContextType(name="- `x`\n"))
    store.put([lineage.Context(type="- `x`\n", name=name) for name in HOSTILE])
    text, losses = picture(store)
    assert losses == ()
    found = readers.mermaid(text)
    assert found["tags"] == []
    assert found["markdown"] == ["paragraph", "text"]
    lines = {node: said for node, said, _ in found["nodes"]}
    assert len(lines) == 2 * len(HOSTILE)
    for number, name in enumerate(HOSTILE, start=1):
        said = printable(name, limit=60)
        assert lines[f"a{number}"] == ["lineage.Model", said]
        assert lines[f"c{number}"] == [r"- `x`\n", said]


def test_classes_edges_and_direction(store: Store) -> None:
    eventful(store.backend)
    found = readers.mermaid(picture(store)[0])
    assert found["direction"] == "LR"
    classes = {node: names for node, _, names in found["nodes"]}
    assert classes["e1"] == ["execution"]
    assert classes["a1"] == ["gone"]
    assert classes["c1"] == ["context"]
    assert ["a1", "e1", "normal", ""] in found["edges"]
    assert ["a1", "e1", "normal", "DECLARED_INPUT"] in found["edges"]
    assert ["c1", "e1", "dotted", ""] in found["edges"]


def test_plain_words_stay_readable(store: Store) -> None:
    store.put(lineage.Model(name="my-model_v2.csv, the 2nd/3"))
    assert b'a1("lineage.Model<br/>my-model_v2.csv, the 2nd/3"):::artifact\n' in picture(store)[0]


def test_more_than_mermaid_draws_is_told(store: Store) -> None:
    chain(store.backend, 501)
    assert picture(store)[1] == ()
    keys = chain(store.backend, 2)
    with writing(store.backend) as new:
        new.path(keys[1], keys[0])
    assert picture(store)[1] == (
        "the picture has 502 edges, and Mermaid draws 500 at most by default: "
        "set its maxEdges higher, or export less",
    )
    store.put([lineage.Model(name="\U0001f600" * 50 + str(n)) for n in range(500)])
    text, losses = picture(store)
    units = len(text.decode().encode("utf-16-le")) // 2  # as JavaScript counts
    assert losses[0].startswith(f"the picture has {units} characters")
