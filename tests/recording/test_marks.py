"""Tags and notes: given in every way, changed, found, refused, and no part of what a node is."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.marks import LONGEST_NOTE, MOST_TAGS, NOTE, TAGS, note_of, tags_of
from lineage.store import Store


class Data(lineage.Dataset):
    day: int = 1


class Net(lineage.Model):
    tags_: list[str] = Field(default=[], alias="tags")


class Fit(lineage.Train):
    rate: float


def marks(store: Store, node: Any) -> tuple[tuple[str, ...], str | None]:
    stored = store.get(node.key)
    return tags_of(stored.custom_properties), note_of(stored.custom_properties)


def found(store: Store, kind: str, where: str) -> list[lineage.NodeKey]:
    return [each.key for each in store.find(kind, where)]


def test_every_way_to_write_a_node_takes_them(store: Store) -> None:
    data, other = store.put([Data(uri="a"), Data(uri="b")], tags=("b", "a", "b"), note="both")
    with store.run(Fit(rate=1.0), tags={"nightly"}, note="n") as run:
        assert run.input(data, tags=["golden"]).key == data.key
        net = run.output(Net(uri="m", tags_=["own"]), tags=["x"], note="m")
        with run.step(Fit(rate=2.0), tags=["part"]) as step:
            pass
    done = store.record(Fit(rate=3.0), tags=["done"], note="d")
    assert marks(store, data) == (("a", "b", "golden"), "both")
    assert marks(store, other) == (("a", "b"), "both")
    assert marks(store, run) == (("nightly",), "n")
    assert marks(store, step) == (("part",), None)
    assert marks(store, net) == (("x",), "m")
    assert store.get(Net, net.key).tags_ == ["own"]
    assert marks(store, done.execution) == (("done",), "d")
    assert found(store, "artifact", "'golden' IN tags") == [data.key]
    assert found(store, "artifact", "'own' IN tags") == []
    assert found(store, "execution", "TAGS LIKE 'night%' OR Note = 'd'") == [
        run.key,
        done.execution.key,
    ]
    assert found(store, "execution", "note IS NULL") == [step.key]
    assert found(store, "execution", "NOT 'part' IN tags AND tags IS NOT NULL") == [
        run.key,
        done.execution.key,
    ]
    assert found(store, "artifact", "note != uri") == [data.key, other.key]


def test_they_change_and_history_keeps_them(embedded: Store) -> None:
    net = embedded.put(Net(uri="m"))
    tagged = embedded.tag(net, "b", "a")
    assert type(tagged) is Net
    assert tagged == embedded.get(Net, net.key)
    before = embedded.backend.now()
    assert tags_of(embedded.tag(net.key, "c", remove=["a", "never"]).custom_properties) == (
        "b",
        "c",
    )
    assert note_of(embedded.note("m", "text").custom_properties) == "text"
    unchanged = embedded.backend.now()
    embedded.tag(net, "b", remove=["a"])
    embedded.note(net, "text")
    assert embedded.backend.now() == unchanged
    embedded.note(net, None)
    embedded.tag(net, remove=["b", "c"])
    assert not embedded.get(net.key).custom_properties
    assert marks(embedded.at(before), net) == (("a", "b"), None)
    assert [entry.changed for entry in embedded.log(net)][:2] == [
        (f"custom_properties.{TAGS}",),
        (f"custom_properties.{NOTE}",),
    ]


def test_they_do_not_say_which_artifact_it_is(embedded: Store) -> None:
    with embedded.run(Fit(rate=1.0)) as run:
        first = run.input(Data(uri="a", day=2), tags=["x"])
        assert run.input(Data(uri="a", day=2), tags=["y"], note="n").key == first.key
        copied = Data(uri="a", day=2, custom_properties={TAGS: ["z"]})
        assert run.input(copied).key == first.key
    assert marks(embedded, first) == (("x", "y"), "n")


def test_they_are_no_parameters_and_name_nothing(embedded: Store) -> None:
    with embedded.run(Fit(rate=1.0), tags=["x"], note="n") as run:
        net = run.output(lineage.Model(uri="m"), note="seen")
        nameless = run.output(lineage.Model(), tags=["y"])
    answer = embedded.show(net)
    assert dict(answer.parameters) == {"rate": 1.0}
    assert {row.name for row in embedded.compare(net, nameless).rows}.isdisjoint({TAGS, NOTE})
    differences = embedded.diff(net, nameless).differences
    assert {change.field for each in differences for change in each.changes} == {"uri"}
    assert "seen" in answer._repr_html_()


REFUSED: list[tuple[str, Callable[[Store, Any], object], str]] = [
    ("one text", lambda it, node: it.run(Fit(rate=1.0), tags="nightly"), "give several texts"),
    ("no texts", lambda it, node: it.run(Fit(rate=1.0), tags=5), "give several texts"),
    ("a number", lambda it, node: it.tag(node, 5), "5 is not a string"),
    ("an empty one", lambda it, node: it.tag(node, ""), "the tag '' is empty"),
    ("a blank one", lambda it, node: it.tag(node, " x"), "begins or ends with a space"),
    ("two lines", lambda it, node: it.tag(node, "a\nb"), "cannot be printed"),
    ("half a character", lambda it, node: it.tag(node, "\ud800"), "lone surrogate"),
    ("a long one", lambda it, node: it.tag(node, "x" * 201), "has 201 characters of 200"),
    ("both ways", lambda it, node: it.tag(node, "a", remove=["a"]), "both to be given and"),
    ("many", lambda it, node: it.tag(node, *map(str, range(MOST_TAGS))), "100 tags at most"),
    ("many new ones", lambda it, node: it.put(Data(), tags=map(str, range(101))), "100 tags"),
    ("no note", lambda it, node: it.note(node, " "), "the note is empty"),
    ("a number as note", lambda it, node: it.note(node, 5), "5 is not a string"),
    ("a long note", lambda it, node: it.note(node, "x" * (LONGEST_NOTE + 1)), "keep it in a file"),
    (
        "a type",
        lambda it, node: it.put(lineage.ArtifactType(name="T"), tags=["x"]),
        "takes no tags",
    ),
    ("the past", lambda it, node: it.at(1).tag(node, "x"), "cannot be changed"),
]


@pytest.mark.parametrize(
    ("write", "message"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_what_is_no_mark_is_refused_and_nothing_written(
    write: Callable[[Store, Any], object], message: str
) -> None:
    store = lineage.connect("memory:")
    node = store.put(Data(uri="a"), tags=["one"])
    number = store.backend.now()
    with pytest.raises(Invalid, match=message):
        write(store, node)
    assert store.backend.now() == number


def test_of_what_is_gone_they_are_refused(embedded: Store) -> None:
    node = embedded.put(Data(uri="a"))
    embedded.delete(node)
    with pytest.raises(NotFound, match="was deleted"):
        embedded.tag(node, "x")
    with pytest.raises(NotFound, match="there is no artifact:99"):
        embedded.note("artifact:99", "x")


def test_what_strangers_wrote_there_is_read_as_none() -> None:
    assert tags_of({TAGS: "nightly"}) == tags_of({TAGS: {"a": 1}}) == ()
    assert note_of({NOTE: ["x"]}) is None
