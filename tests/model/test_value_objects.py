"""Sets and mappings inside models and dataclasses that become values."""

import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pydantic.dataclasses
import pytest
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, RootModel, computed_field

from lineage.errors import Invalid
from lineage.model.values import (
    ProtoAny,
    to_value,
)

ints = st.integers(-(2**63), 2**63 - 1)
texts = st.text() | st.text(alphabet='\x00\x01\x02"\\{:u10\U0001f600')
anys = st.builds(ProtoAny, texts, st.binary())
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
trees = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10
)
structs = trees.filter(lambda tree: isinstance(tree, dict | list))
values = st.booleans() | ints | st.floats() | texts | anys | structs
maps = st.dictionaries(texts, values, max_size=5)

SURROGATE = "\ud800"


WORDS = {f"word {number}" for number in range(20)}
SORTED = sorted(WORDS)


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Note:
    tags: set[str]


@dataclass(frozen=True, slots=True)
class Frozen:
    tags: frozenset[str]


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")

    tags: set[str] = Field(alias="allTags")
    notes: list[Note] = []
    by_name: dict[int, set[str]] = {}
    layers: list[int] = [3, 1, 2]
    text: Annotated[set[str], PlainSerializer(len)] = set()
    hidden: set[str] = Field(WORDS, exclude=True)

    @computed_field(alias="loudTags")
    def loud(self) -> set[str]:
        return {tag.upper() for tag in self.tags}


class Crossed(BaseModel):
    one: set[str] = Field(serialization_alias="two")
    two: list[int] = Field(serialization_alias="one")


class Words(RootModel[frozenset[str]]):
    pass


@pydantic.dataclasses.dataclass
class Checked:
    tags: set[str] = Field(serialization_alias="t")


class Holder(BaseModel):
    shapes: dict[str, Shape | Words | Note]
    frozen: frozenset[Frozen] = frozenset()


SHAPE = Shape(allTags=WORDS, notes=[Note(WORDS)], by_name={7: WORDS}, text=WORDS, more=[WORDS])
STORED = {
    "allTags": SORTED,
    "notes": [{"tags": SORTED}],
    "by_name": {"7": SORTED},
    "layers": [3, 1, 2],
    "text": 20,
    "more": [SORTED],
    "loudTags": [word.upper() for word in SORTED],
}


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (Note(WORDS), {"tags": SORTED}),
        (SHAPE, STORED),
        (Words(frozenset(WORDS)), SORTED),
        (Checked(WORDS), {"t": SORTED}),
        (Crossed(one=WORDS, two=[2, 1]), {"two": SORTED, "one": [2, 1]}),
        ([{"a": (SHAPE, Note(WORDS))}], [{"a": [STORED, {"tags": SORTED}]}]),
        (deque([WORDS]), [SORTED]),
        (
            Holder(
                shapes={"a": SHAPE, "b": Words(frozenset(WORDS)), "c": Note(WORDS)},
                frozen={Frozen(frozenset({word})) for word in WORDS} | {Frozen(frozenset(WORDS))},
            ),
            {
                "shapes": {"a": STORED, "b": SORTED, "c": {"tags": SORTED}},
                "frozen": [{"tags": SORTED}, *({"tags": [word]} for word in SORTED)],
            },
        ),
        ({Frozen(frozenset({word})) for word in WORDS}, [{"tags": [word]} for word in SORTED]),
    ],
)
def test_set_in_an_object_is_stored_sorted(raw: object, stored: object) -> None:
    assert to_value(raw) == stored


def test_objects_themselves_stay_as_they_are() -> None:
    shape = SHAPE.model_copy(deep=True)
    to_value(shape)
    assert shape == SHAPE
    assert isinstance(shape.tags, set)


class Keys(BaseModel):
    by: Mapping[int | str | Colour, Any]
    few: Annotated[
        dict[str, int], PlainSerializer(lambda given: {"total": sum(given.values())})
    ] = {}


@dataclass
class Loose:
    by: dict[Any, Any]


@pytest.mark.parametrize("cls", [Keys, Loose])
@pytest.mark.parametrize("by", [{1: "a", "1": "b"}, {"x": {Colour.RED: 1, "red": 2}}])
def test_mapping_in_an_object_whose_keys_are_one_text_is_invalid(cls: Any, by: Any) -> None:
    for raw in (cls(by=by), [cls(by=by)], cls(by={"y": [cls(by=by)]})):
        with pytest.raises(Invalid, match=r"two keys of .* are one text"):
            to_value(raw)
    assert to_value([cls(by={1: "a", "2": "b"}).by]) == [{"1": "a", "2": "b"}]


def test_serializer_may_leave_keys_out() -> None:
    assert to_value(Keys(by={}, few={"a": 1, "b": 2})) == {"by": {}, "few": {"total": 3}}
