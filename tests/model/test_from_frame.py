"""Data sets that describe data in memory: `Dataset.from_frame`."""

from typing import Any

import pandas as pd
import polars as pl
import pytest
from pydantic import Field

import lineage
from lineage.digests.frames import describe
from lineage.errors import Invalid
from lineage.model import system
from lineage.store import Store

FRAME = pd.DataFrame({"id": [1, 2], "name": ["a", None]})


class Table(lineage.Dataset):
    rows: int
    split: str | None = None


class Whole(lineage.Dataset):
    size: int = Field(alias="rows")
    columns: list[str]
    types: list[str]


class Counted(lineage.Dataset):
    columns: int


def test_from_frame_describes_data() -> None:
    made = lineage.Dataset.from_frame(FRAME, uri="s3://lake/users", name="users")
    assert made.digest == describe(FRAME).digest
    assert (made.uri, made.name) == ("s3://lake/users", "users")
    shown = {"rows": 2, "columns": ["id", "name"], "types": ["integer", "text"]}
    assert made.custom_properties == shown
    assert lineage.Dataset.from_frame(FRAME).uri is None


def test_properties_of_the_class_take_what_they_declare() -> None:
    table = Table.from_frame(FRAME, split="train")
    assert (type(table), table.rows, table.split) == (Table, 2, "train")
    assert table.custom_properties.keys() == {"columns", "types"}
    whole = Whole.from_frame(FRAME)
    assert whole.properties == {
        "rows": 2,
        "columns": ["id", "name"],
        "types": ["integer", "text"],
        "digest": whole.digest,
    }
    assert whole.custom_properties == {}
    assert Counted.from_frame(FRAME).columns == 2


def test_what_is_given_is_kept() -> None:
    made = Table.from_frame(FRAME, rows=7, custom_properties={"types": "mine", "note": "x"})
    assert made.rows == 7
    assert made.custom_properties == {"types": "mine", "note": "x", "columns": ["id", "name"]}


def test_of_many_columns_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "MOST_COLUMNS", 3)
    frame = pl.DataFrame({f"c{number}": [number] for number in range(5)})
    made = lineage.Dataset.from_frame(frame)
    assert made.custom_properties["columns"] == ["c0", "c1", "c2"]
    assert made.custom_properties["types"] == ["integer"] * 3
    assert Counted.from_frame(frame).columns == 5


def test_series_without_a_name_has_no_columns() -> None:
    custom = lineage.Dataset.from_frame(pl.Series([1.5])).custom_properties
    assert custom == {"rows": 1, "types": ["float"]}


def test_same_data_is_one_artifact_whichever_library_holds_it(store: Store) -> None:
    keys = []
    for frame in (
        FRAME,
        pl.DataFrame({"id": [1, 2], "name": ["a", None]}),
        FRAME.head(1),
        FRAME.copy(),
    ):
        data = lineage.Dataset.from_frame(frame, uri="s3://lake/users")
        keys.append(store.record(lineage.Train(), inputs=data).inputs[0].key)
    assert keys[0] == keys[1] == keys[3] != keys[2]


def test_progress_of_a_frame_is_reported() -> None:
    told: list[lineage.Progress] = []
    Table.from_frame(FRAME, progress=told.append)
    assert told == [lineage.Progress("digesting", 2, 2)]


@pytest.mark.parametrize(
    ("frame", "fields", "message"),
    [
        (FRAME, {"digest": "x"}, "Dataset: 'x': the digest is that of what is there; leave it out"),
        ([1, 2], {}, r"\[1, 2\] is no frame"),
        (pd.DataFrame({"x": [object()]}), {}, "column 'x': .* which has no digest"),
    ],
)
def test_bad_frames_and_fields_are_refused(
    frame: Any, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        lineage.Dataset.from_frame(frame, **fields)


def test_models_are_not_made_from_frames() -> None:
    assert not hasattr(lineage.Model, "from_frame")
    with pytest.raises(TypeError, match="'from_frame' has its own meaning"):

        class Bad(lineage.Dataset):
            from_frame: str = ""  # type: ignore[assignment]
