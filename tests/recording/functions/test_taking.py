"""What of a call's arguments and results is recorded, and what is left out with a word."""

import dataclasses
import enum
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypedDict

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.recording.functions.declared import Declared, declared_by
from lineage.store import Store
from tests.runs import state_of

if TYPE_CHECKING:
    from nowhere import Nothing  # type: ignore[import-not-found]  # what is there for type checkers alone


class Table(lineage.Dataset):
    rows: int = 0


class Daily(lineage.Dataset):
    day: int


class Report(lineage.Statistics):
    pass


class Mode(enum.Enum):
    FAST = "fast"


@dataclasses.dataclass
class Config:
    depth: int
    api_key: str = "s3cret"


class Opaque:
    pass


class Raises:
    __pydantic_serializer__ = None

    @property
    def dtype(self) -> str:
        raise ZeroDivisionError


def taken(store: Store, *values: object, **named: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the parameters of a call with some arguments, and what was said of it."""
    notes: list[str] = []

    @store.step("Takes")
    def takes(
        *values: object, run: lineage.Run[lineage.Execution] | None = None, **named: object
    ) -> None:
        assert run is not None
        notes.extend(run.notes)

    takes(*values, **named)
    return dict(store.show(store.find("Takes")[-1].key).parameters), tuple(notes)


def test_plain_values_are_parameters(embedded: Store) -> None:
    values = {
        "a": 1,
        "b": 2.5,
        "c": "text",
        "d": True,
        "e": None,
        "f": Mode.FAST,
        "g": np.float32(0.5),
        "h": Path("data/raw.csv"),
        "i": [1, (2, 3)],
        "j": {"x": {1, 2}},
        "k": Decimal("1.5"),
        "l": Config(3),
        "m": float("nan"),
    }
    parameters, notes = taken(embedded, **values)
    assert parameters.pop("m") != parameters.get("m")
    assert parameters == {
        "a": 1,
        "b": 2.5,
        "c": "text",
        "d": True,
        "f": "fast",
        "g": 0.5,
        "h": "data/raw.csv",
        "i": [1, [2, 3]],
        "j": {"x": [1, 2]},
        "k": "1.5",
        "l": {"depth": 3, "api_key": "***"},
    }
    assert notes == ()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Opaque(), "an object of type Opaque"),
        (2**70, "does not fit in 64 bits"),
        (iter([1]), "it can be read but once"),
        (b"bytes", "give text"),
        ([object()], "an object of type object"),
        ("x" * 200_000, "more than 100,000 characters"),
        ([0] * 20_000, "10,000 values"),
        ([[0] * 5_000] * 3, "10,000 values"),
        (["x" * 60_000] * 2, "more than 100,000 characters"),
        ("\ud800", "lone surrogate"),
        (Raises(), "it cannot be read"),
        (np.zeros(3), "is a frame"),
        (pd.DataFrame({"a": [1]}), "is a frame"),
        (pl.DataFrame({"a": [1]}), "is a frame"),
        (lineage.Train(), "a new execution"),
        (lambda: None, "an object of type function"),
        (Opaque, "an object of type"),
    ],
)
def test_what_cannot_be_stored_is_said(embedded: Store, value: object, why: str) -> None:
    parameters, [note] = taken(embedded, 1, odd=value)
    assert parameters == {"values": [1]}
    assert note.startswith("the argument odd is left out: ")
    assert why in note


def test_list_that_holds_itself_is_left_out(embedded: Store) -> None:
    endless: list[object] = []
    endless.append(endless)
    parameters, [note] = taken(embedded, odd=endless)
    assert (parameters, "10,000 values" in note) == ({}, True)


@pytest.mark.parametrize(
    "name", ["error_type", "lineage.tags", "password", "aws_secret", "auth_token"]
)
def test_names_that_are_not_for_parameters(embedded: Store, name: str) -> None:
    parameters, [note] = taken(embedded, **{name: "x"})
    assert parameters == {}
    assert note.startswith(f"the argument {name} is left out: ")


def test_passwords_in_urls_are_not_kept(embedded: Store) -> None:
    parameters, _ = taken(embedded, url="postgres://ann:pw@host/db", more=["https://a:b@c/"])
    assert parameters == {"url": "postgres://ann:***@host/db", "more": ["https://a:***@c/"]}


def test_nodes_are_known_by_their_keys(embedded: Store) -> None:
    run = embedded.record("Other").execution
    parameters, notes = taken(embedded, run_of=run, key=run.key)
    assert parameters == {"run_of": str(run.key), "key": ["execution", run.key.id]}
    assert notes == ()


def test_artifacts_in_containers_are_inputs(embedded: Store) -> None:
    a, b, c, d = embedded.put([Table(name=name) for name in "abcd"])

    class Pair(NamedTuple):
        left: Table
        right: object

    embedded.step("Takes")(lambda *tables, pair, by_name, **more: None)(
        a, [b], pair=Pair(c, None), by_name={"x": d, 7: a, (1, 2): b}, late=c.key
    )
    (run,) = embedded.find("Takes")
    paths = {path: event.artifact for event in embedded.events(run.key) for path in event.paths}
    assert paths == {
        ("tables", 0): a.key,
        ("tables", 1, 0): b.key,
        ("pair", "left"): c.key,
        ("by_name", "x"): d.key,
        ("by_name", 7): a.key,
        ("by_name", "(1, 2)"): b.key,
        ("late",): c.key,
    }
    assert embedded.show(run.key).parameters == {}


def test_words_say_what_for(embedded: Store) -> None:
    train, test = embedded.put([Table(name="a"), Table(name="b")])
    embedded.step("Fit")(lambda x_train, test: None)(train, test)
    (run,) = embedded.find("Fit")
    uses = {event.use: event.purpose for event in embedded.events(run.key)}
    assert uses == {"x_train": "training", "test": "evaluation"}


def test_function_gets_what_the_caller_gave(embedded: Store) -> None:
    table, items, frame = Table(uri="s3://a"), [1], pd.DataFrame({"a": [1]})
    got: list[object] = []
    embedded.step("Takes")(lambda *values: got.extend(values))(table, items, frame)
    assert all(one is other for one, other in zip(got, (table, items, frame), strict=True))
    assert table.id is None


def test_declared_frames_are_known_by_content(embedded: Store) -> None:
    @embedded.step("Load")
    def load() -> Annotated[pd.DataFrame, Table]:
        return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    @embedded.step("Fit")
    def fit(x: Annotated[object, Table], y: list[int]) -> float:
        return 0.5

    frame = load()
    assert fit(pl.from_pandas(frame), [1, 2]) == 0.5
    (table,) = embedded.find(Table)
    assert (table.rows, table.digest) == (2, Table.from_frame(frame).digest)
    assert [each.node.key for each in embedded.show(embedded.find("Fit")[0].key).datasets] == [
        table.key
    ]


def test_declared_frame_that_cannot_be_digested(
    embedded: Store, caplog: pytest.LogCaptureFixture
) -> None:
    odd = pd.DataFrame({"fine": [1], "odd": [object()]})

    @embedded.step("Takes")
    def takes(frame: Annotated[pd.DataFrame, Table]) -> None:
        raise AssertionError

    with pytest.raises(Invalid, match=r"frame: .*odd"):
        takes(odd)
    assert embedded.find(lineage.Execution) == []
    notes: list[lineage.Run[lineage.Execution]] = []

    @embedded.step("Gives")
    def gives(run: lineage.Run[lineage.Execution] | None = None) -> Annotated[pd.DataFrame, Table]:
        assert run is not None
        notes.append(run)
        return odd

    with caplog.at_level(logging.WARNING, "lineage"):
        assert gives() is odd
    [note] = notes[0].notes
    assert note.startswith("the result is left out: ")
    assert "odd" in note
    assert notes[0].execution.state == "COMPLETE"
    assert note in caplog.text


def test_declared_path_has_to_be_there(embedded: Store, tmp_path: Path) -> None:
    @embedded.step("Takes")
    def takes(path: Annotated[Path, Table]) -> Annotated[Path, Table]:
        return path.with_suffix(".none")

    with pytest.raises(NotFound, match="path: there is no file"):
        takes(tmp_path / "none")
    assert embedded.find(lineage.Execution) == []
    (tmp_path / "a").write_text("1")
    with pytest.raises(NotFound, match="the result: there is no file"):
        takes(tmp_path / "a")
    (run,) = embedded.find("Takes")
    assert state_of(run) == "FAILED"
    assert embedded.show(run.key).outputs == ()


def test_declared_uri_is_known_by_its_place(embedded: Store) -> None:
    raw = embedded.put(Table(uri="s3://lake/raw", rows=3))

    @embedded.step("Takes")
    def takes(place: Annotated[str, Table]) -> Annotated[str, Table]:
        return "s3://lake/clean"

    assert takes("s3://lake/raw") == "s3://lake/clean"
    clean = embedded.find(Table, "uri = 's3://lake/clean'")[0]
    assert [each.node.key for each in embedded.show(clean).datasets] == [raw.key]


def test_declaration_with_fields(embedded: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")

    @embedded.step("Takes")
    def takes(path: Annotated[Path, Daily(day=3)]) -> Annotated[Path, Report]:
        return path

    takes(tmp_path / "a")
    (daily,), (report,) = embedded.find(Daily), embedded.find(Report)
    assert (daily.day, daily.digest) == (3, report.custom_properties["digest"])
    assert report.uri == daily.uri


def test_declaration_that_nothing_fills_is_refused(embedded: Store) -> None:
    def takes(path: Annotated[Path, Daily]) -> None: ...
    def gives() -> tuple[int, Annotated[Path, Daily]]: ...  # type: ignore[empty-body]  # for its annotation
    def both(x: Annotated[Path, Table] | Annotated[str, Report]) -> None: ...
    def kind(x: Annotated[Path, lineage.Artifact]) -> None: ...

    stored = embedded.put(Table())

    def old(x: Annotated[Path, stored]) -> None: ...

    for function, message in (
        (takes, "path: Daily: nothing fills day"),
        (gives, "return: Daily: nothing fills day"),
        (both, "x: .*several artifacts"),
        (kind, "x: .*an artifact needs a type"),
        (old, "x: artifact:1 is stored"),
    ):
        with pytest.raises(Invalid, match=message):
            embedded.step(function)


class Pair(NamedTuple):
    left: Annotated[Path, Table]
    right: int


class Named(TypedDict):
    train: Annotated[Path, Table]


class Tree(NamedTuple):
    children: "list[Tree]"


TABLE = Declared(artifact=Table)


@pytest.mark.parametrize(
    ("annotation", "declared"),
    [
        (Annotated[Path, Table], TABLE),
        (Annotated[Path, "a word", Table], TABLE),
        (Annotated[Path, Table] | None, TABLE),
        (list[Annotated[Path, Table]], Declared(each=TABLE)),
        (tuple[Annotated[Path, Table], ...], Declared(each=TABLE)),
        (tuple[int, Annotated[Path, Table]], Declared(parts={1: TABLE})),
        (dict[str, list[Annotated[Path, Table]]], Declared(each=Declared(each=TABLE))),
        (Pair, Declared(parts={"left": TABLE})),
        (Named, Declared(parts={"train": TABLE})),
        (Tree, None),
        (int, None),
        ("text", None),
        (Iterator[Annotated[Path, Table]], None),
        (Table, None),
        (tuple[()], None),
        (list, None),
    ],
)
def test_what_annotations_declare(annotation: object, declared: Declared | None) -> None:
    assert declared_by(annotation) == declared


def test_results_in_containers(embedded: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")

    @embedded.step("Gives")
    def gives() -> tuple[Pair, Named, list[Table]]:
        return (
            Pair(tmp_path / "a", 3),
            {"train": tmp_path / "a"},
            [Table(name="x"), Table(name="y")],
        )

    pair, named, tables = gives()
    assert (pair, named) == (Pair(tmp_path / "a", 3), {"train": tmp_path / "a"})
    (run,) = embedded.find("Gives")
    paths = sorted(path for event in embedded.events(run.key) for path in event.paths)
    assert paths == [(0, "left"), (1, "train"), (2, 0), (2, 1)]
    assert [embedded.get(Table, each.key) for each in tables] == tables


@pytest.mark.parametrize(
    ("result", "note"),
    [
        (3, None),
        ([1, "a"], None),
        (None, None),
        (np.float64(3), None),
        (Opaque(), "the result, of type Opaque, is left out"),
        (pd.DataFrame({"a": [1]}), "the result, of type DataFrame, is left out"),
        (Path("a"), "a path without a declared type"),
    ],
)
def test_results_that_are_not_recorded(embedded: Store, result: object, note: str | None) -> None:
    runs: list[lineage.Run[lineage.Execution]] = []

    @embedded.step("Gives")
    def gives(run: lineage.Run[lineage.Execution] | None = None) -> object:
        assert run is not None
        runs.append(run)
        return result

    assert gives() is result
    said = " ".join(runs[0].notes)
    assert note in said if note else not said


def test_texts_of_annotations_are_resolved_late(embedded: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    space: dict[str, Any] = {"lineage": lineage, "Path": Path, "Annotated": Annotated, "notes": []}
    exec(
        "from __future__ import annotations\n"
        "def late(path: Annotated[Path, Later], none: Nowhere = 1, run: lineage.Run = None) -> None:\n"
        "    notes.extend(run.notes)\n",
        space,
    )
    step = embedded.step(space["late"])
    space["Later"] = Table
    step(tmp_path / "a")
    assert len(embedded.find(Table)) == 1
    assert space["notes"] == [
        "the annotation of none cannot be resolved, and what it declares is not recorded"
    ]


def test_annotation_for_type_checkers_alone_does_not_hinder(embedded: Store) -> None:
    def takes(value: "Nothing", path: "Annotated[Path, Table] | None" = None) -> int:
        return 1

    assert embedded.step(takes)(3) == 1
    assert embedded.show(embedded.find(lineage.Execution)[0].key).parameters == {"value": 3}


def test_annotation_of_a_class_inside_a_function_is_found_where_it_is_held(embedded: Store) -> None:
    class Local(lineage.Dataset):
        pass

    def gives() -> "Annotated[str, Local]":
        Local()
        return "s3://a"

    embedded.step(gives)()
    assert [each.uri for each in embedded.find(Local)] == ["s3://a"]


def test_what_is_left_out_is_logged_once(embedded: Store, caplog: pytest.LogCaptureFixture) -> None:
    step: Any = embedded.step("Takes")(lambda odd: None)
    with caplog.at_level(logging.INFO, "lineage"):
        for _ in range(3):
            step(Opaque())
    assert caplog.text.count("the argument odd is left out") == 1
