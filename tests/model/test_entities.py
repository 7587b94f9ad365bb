"""Entities: frozen values that compare by content, and classes as types."""

from __future__ import annotations

import copy
import enum
import math
import pickle
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from pydantic import BaseModel, Field, PrivateAttr, field_validator, model_validator

import lineage
from lineage.errors import Invalid
from lineage.model.canonical import encode
from lineage.model.entities import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Entity,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ParentContext,
)
from lineage.model.keys import LARGEST_ID, Kind, NodeKey, TypeName
from lineage.model.system import type_of
from lineage.model.values import Properties, ProtoAny
from tests.model.test_values import maps

KINDS: list[type[Artifact | Execution | Context]] = [Artifact, Execution, Context]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Optimizer(BaseModel):
    name: str = "adam"
    betas: tuple[float, float] = (0.9, 0.999)


class Model(lineage.Model):
    """MLMD's own example has a model with properties called name and version."""

    title: str = Field(alias="name")
    release: int | None = Field(default=None, alias="version")
    accuracy: Annotated[float, lineage.Indexed()] = 0.5
    deployed: bool = False
    loss: Literal["mse", "mae"] = "mse"
    colour: Colour | None = None
    trained: datetime | None = None
    day: date | None = None
    optimizer: Optimizer = Optimizer()
    layers: list[int] = Field(default_factory=list)
    message: ProtoAny | None = None
    threads: ClassVar[int] = 8
    _cache: int = PrivateAttr(default=7)


class Deep(Model, type="DeepModel", version="2"):
    depth: int = 1


# Entities


@pytest.mark.parametrize("cls", KINDS)
def test_plain_node_needs_a_type(cls: type[Artifact]) -> None:
    for missing in ({}, {"type": ""}):
        with pytest.raises(Invalid, match=rf"{cls.__name__}\(type='Model'\)"):
            cls(**missing)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Artifact(type=5), "Artifact: type: 5 is not a string"),
        (lambda: Artifact(type="T", name=b"x"), "name: b'x' is not a string"),
        (lambda: Artifact(type="T", uri="\ud800"), "uri: .* lone surrogate"),
        (lambda: Artifact(type="T", nope=1), r"nope: Extra inputs .*\(given 1\)"),
        (lambda: Artifact(type="T", state="SOLD"), "state: .*'LIVE'.* \\(given 'SOLD'\\)"),
        (lambda: Artifact(type="T", state=ExecutionState.RUNNING), "state: Input should be"),
        (lambda: Execution(type="T", uri="u"), "Execution: uri: Extra inputs"),
        (lambda: Context(type="T", state="LIVE"), "Context: state: Extra inputs"),
        (lambda: Artifact(type="T", id=0), "id: 0 is not an id"),
        (lambda: Artifact(type="T", id=True), "id: True is not an id"),
        (lambda: Artifact(type="T", id=LARGEST_ID), "is not an id"),
        (lambda: Artifact(type="T", create_time="now"), "create_time: 'now' is not a time"),
        (lambda: Artifact(type="T", properties=[1]), r"properties: \[1\] is not a mapping"),
        (lambda: Artifact(type="T", custom_properties={"a": 2**63}), "'a': 9223372036854775808"),
        (lambda: Event(artifact="artifact:1", type="INPUT"), "execution: Field required"),
        (
            lambda: Event(artifact="execution:1", execution="execution:1", type="INPUT"),
            "Event: artifact: execution:1 is not an artifact",
        ),
        (
            lambda: Event(artifact="artifact:1", execution="execution:1", type="EATS"),
            "type: .*'INPUT'.* \\(given 'EATS'\\)",
        ),
        (
            lambda: Event(artifact="artifact:1", execution="execution:1", type="INPUT", path="in"),
            "path: .*given 'in'",
        ),
        (lambda: Attribution(context="context:1", artifact="context:1"), "is not an artifact"),
        (lambda: Association(context="context:1", execution=5), "execution: 5 is not a node's key"),
        (lambda: ParentContext(child="artifact:1", parent="context:1"), "is not a context"),
    ],
)
def test_bad_field_is_named_with_its_value(make: Callable[[], Entity], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        make()


@pytest.mark.parametrize("step", [1.5, True, None, 2**63, b"x", "\ud800"])
def test_path_is_made_of_indices_and_keys(step: object) -> None:
    event = Event(
        artifact="artifact:1", execution="execution:2", type="INPUT", path=["in", 0, -(2**63)]
    )
    assert event.path == ("in", 0, -(2**63))
    with pytest.raises(Invalid, match=r"path\.0: "):
        Event(artifact="artifact:1", execution="execution:2", type="INPUT", path=[step])


def test_fields_and_properties_are_frozen() -> None:
    node = Artifact(type="T", properties={"a": 1})
    with pytest.raises(ValueError, match="frozen"):
        node.name = "x"
    with pytest.raises(ValueError, match="frozen"):
        del node.name
    with pytest.raises(TypeError, match=r"node\.replace"):
        node.properties["a"] = 2  # type: ignore[index]
    given = {"b": 1}
    copied = Artifact(type="T", custom_properties=given)
    given["b"] = 2
    assert copied.custom_properties == {"b": 1}


def test_nodes_compare_by_content() -> None:
    node = Artifact(type="T", name="n", properties={"loss": math.nan, "a": [1, math.nan]})
    assert node == Artifact(type="T", name="n", properties={"a": [1, math.nan], "loss": math.nan})
    assert node != node.replace(name="m")
    assert node != Execution(type="T", name="n", properties=node.properties)
    assert Context(type="T") != Execution(type="T")
    assert node != "n"
    assert Model(title="a") == Model(title="a")
    assert Model(title="a") != Model(title="b")
    assert Model(title="a") != Artifact(type="Model", properties=Model(title="a").properties)
    ones = [Artifact(type="T", custom_properties={"v": one}) for one in (1, 1.0, True, "1", [1])]
    assert all((a == b) is (a is b) for a in ones for b in ones)


@pytest.mark.parametrize("cls", [*KINDS, Model])
def test_nodes_are_not_hashable_but_their_keys_are(cls: type[Artifact]) -> None:
    assert not issubclass(cls, Hashable)
    node = Artifact(type="T", id=3)
    with pytest.raises(TypeError, match="unhashable type: 'Artifact'"):
        hash(node)
    assert {node.key: 1} == {NodeKey(Kind.ARTIFACT, 3): 1}


def test_key_of_what_is_not_stored_is_refused() -> None:
    with pytest.raises(Invalid, match="this T is not stored yet"):
        _ = Artifact(type="T").key


COMPLETE = Model(
    title="churn",
    release=2,
    accuracy=math.nan,
    colour=Colour.RED,
    trained=NOON,
    day=date(2026, 3, 1),
    layers=[1, 2],
    message=ProtoAny("type.example/M", b"\xff\x00"),
    custom_properties={"note": {"a": [None, math.inf]}},
    uri="s3://models/1",
    state=ArtifactState.LIVE,
)

EDGES = [
    Event(artifact="artifact:1", execution="execution:2", type="INPUT", path=("in", 0), time=NOON),
    Attribution(context="context:1", artifact="artifact:1"),
    Association(context="context:1", execution="execution:1"),
    ParentContext(child="context:1", parent="context:2"),
]


@pytest.mark.parametrize(
    "entity",
    [Artifact(type="T", id=3), Execution(type="T"), Context(type="T"), COMPLETE, Deep(title="d")],
    ids=lambda each: type(each).__name__,
)
def test_nodes_are_pickled_and_copied(entity: Artifact) -> None:
    for other in (pickle.loads(pickle.dumps(entity)), copy.copy(entity), copy.deepcopy(entity)):
        assert other == entity
        assert repr(other) == repr(entity)
        with pytest.raises(TypeError):
            other.custom_properties["a"] = 1  # type: ignore[index]


@pytest.mark.parametrize("edge", EDGES, ids=lambda each: type(each).__name__)
def test_edges_are_hashed_pickled_and_written_as_json(edge: Entity) -> None:
    assert {edge, pickle.loads(pickle.dumps(edge))} == {edge}
    assert type(edge).model_validate_json(edge.model_dump_json()) == edge
    assert type(edge)(**edge.model_dump()) == edge


def test_edge_takes_keys_in_any_form() -> None:
    made = {
        Attribution(context=context, artifact="artifact:1")
        for context in ("context:1", NodeKey(Kind.CONTEXT, 1), ("context", 1), ["context", 1])
    }
    assert len(made) == 1


@pytest.mark.parametrize("type", EventType)
def test_event_types_say_which_way_data_flows(type: EventType) -> None:
    assert type.is_output is ("OUTPUT" in type)


@given(maps, maps)
def test_any_properties_are_equal_to_themselves(
    properties: dict[str, Any], custom: dict[str, Any]
) -> None:
    node = Artifact(type="T", properties=properties, custom_properties=custom)
    assert pickle.loads(pickle.dumps(node)) == node == copy.deepcopy(node)
    assert (node == node.replace(custom_properties=properties)) is (
        encode(node.properties) == encode(node.custom_properties)
    )


def test_repr_is_short_however_long_the_values_are() -> None:
    long = "x" * 10_000
    node = Artifact(type="T", name=long, properties={"a": {"b": [1] * 10_000}, "c": "short"})
    assert len(repr(node)) < 1_200
    assert "'c': 'short'" in repr(node)


def test_repr_shows_what_was_given() -> None:
    assert repr(Artifact(type="T", id=3, properties={"a": 1}, create_time=NOON)) == (
        "Artifact(id=3, type='T', properties={'a': 1})"
    )
    assert repr(Deep(title="d", name="n")).startswith("Deep(name='n', title='d', accuracy=0.5,")


def test_empty_version_is_none() -> None:
    class Empty(Artifact, version=""):
        pass

    assert Artifact(type="T", type_version="").type_version is None
    assert Empty().type_version is None
    assert Empty.type_name == TypeName("Empty")


# Replacing


def test_replace_makes_a_valid_copy() -> None:
    node = Artifact(type="T", name="n", properties={"a": 1})
    assert node.replace(name=None, uri="u") == Artifact(type="T", uri="u", properties={"a": 1})
    assert node.name == "n"
    for bad in ({"name": 5}, {"nope": 1}):
        with pytest.raises(Invalid):
            node.replace(**bad)


@pytest.mark.parametrize(
    "changed",
    [
        lambda node, **changes: node.replace(**changes),
        lambda node, **changes: node.model_copy(update=changes),
    ],
    ids=["replace", "model_copy"],
)
def test_replaced_field_of_a_class_is_a_replaced_property(changed: Callable[..., Model]) -> None:
    node = changed(Model(title="a", id=3), accuracy=1, name="n")
    assert (node.title, node.accuracy, node.name, node.id) == ("a", 1.0, "n", 3)
    assert node.properties["accuracy"] == 1.0
    with pytest.raises(Invalid, match="accuracy: '1' is not of type float"):
        changed(node, accuracy="1")


def stored(cls: type[Any], properties: dict[str, Any], **fields: Any) -> Any:
    plain = Artifact(type="Model", id=1, properties=properties, **fields)
    return cls.stored(dict(vars(plain)))


def test_field_that_was_not_recorded_is_none_and_stays_so() -> None:
    node = stored(Model, {"accuracy": 0.9, "unknown": "kept"})
    assert (node.title, node.accuracy, node.optimizer) == (None, 0.9, None)
    for other in (node.replace(uri="u"), node.model_copy(), pickle.loads(pickle.dumps(node))):
        assert type(other) is Model
        assert (other.id, other.title, other.accuracy) == (1, None, 0.9)  # type: ignore[comparison-overlap]
        assert other.properties == {"accuracy": 0.9, "unknown": "kept"}
    changed = node.replace(title="t", accuracy=None)
    assert changed.properties == {"name": "t", "unknown": "kept"}
    assert changed.accuracy is None
    for bad, says in (
        ({"title": 5}, "Model: title: 5 is not of type str"),
        ({"layers": ["x"]}, "layers"),
        ({"nope": 1}, "nope"),
        ({"name": 5}, "name: 5"),
        ({"loss": "max"}, "loss"),
    ):
        with pytest.raises(Invalid, match=says):
            node.replace(**bad)


def test_property_that_the_class_lacks_is_kept() -> None:
    node = stored(Model, {**COMPLETE.properties, "unknown": 1})
    assert node.replace(title="t").properties == {**COMPLETE.properties, "name": "t", "unknown": 1}


def test_stored_value_that_does_not_fit_the_class_is_named() -> None:
    with pytest.raises(Invalid, match=r"Model\.loss: the stored value does not fit .*'max'"):
        stored(Model, {"loss": "max"})


def test_private_attributes_are_there_in_what_is_read() -> None:
    assert stored(Model, {})._cache == Model(title="a")._cache == 7


# Classes as types


def test_fields_are_properties_under_their_aliases() -> None:
    assert COMPLETE.properties == {
        "name": "churn",
        "version": 2,
        "accuracy": COMPLETE.accuracy,
        "deployed": False,
        "loss": "mse",
        "colour": "red",
        "trained": "2026-03-01T12:00:00Z",
        "day": "2026-03-01",
        "optimizer": {"name": "adam", "betas": [0.9, 0.999]},
        "layers": [1, 2],
        "message": ProtoAny("type.example/M", b"\xff\x00"),
    }
    assert COMPLETE.name is None
    assert Model(title="t", name="n").name == "n"
    with pytest.raises(Invalid, match="version: Extra inputs"):
        Model(title="t", version=1)


def test_what_is_read_has_the_fields_types() -> None:
    again = stored(Model, COMPLETE.properties, uri=COMPLETE.uri, state=COMPLETE.state)
    assert (again.colour, again.trained, again.day) == (Colour.RED, NOON, date(2026, 3, 1))
    assert (again.optimizer, again.layers, again.message) == (
        Optimizer(),
        [1, 2],
        COMPLETE.message,
    )


def test_class_keywords_set_the_type() -> None:
    assert Deep.type_name == TypeName("DeepModel", "2")
    assert str(Deep.type_name) == "DeepModel@2"
    node = Deep(title="d")
    assert (node.type, node.type_version) == ("DeepModel", "2")
    assert node.properties["depth"] == 1
    assert node.properties["name"] == "d"
    assert type_of(Deep).base == Deep.base_type == "lineage.Model"

    class Grown(Deep, base="lineage.Dataset"):
        pass

    assert Grown.type_name == TypeName("Grown")
    assert type_of(Grown).base == "lineage.Dataset"
    assert type_of(Grown).properties == type_of(Deep).properties


@pytest.mark.parametrize("given", [{"type": "DeepModel"}, {"type_version": "2"}])
def test_class_may_be_told_its_own_type(given: dict[str, str]) -> None:
    assert Deep(title="d", **given) == Deep(title="d")
    for field in given:
        with pytest.raises(Invalid, match=f"its type is DeepModel@2; leave {field} out"):
            Deep(title="d", **{field: "Other"})


class Strict(Artifact):
    flag: bool | None = None
    count: int | None = None
    ratio: float | None = None
    text: str | None = None


class Five(enum.StrEnum):
    FIVE = "5"


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("ratio", 1, 1.0),
        ("ratio", 2**63 - 1, 2.0**63),
        ("ratio", Level.LOW, 1.0),
        ("count", np.int64(3), 3),
        ("count", Level.LOW, 1),
        ("flag", np.bool_(True), True),
        ("text", Five.FIVE, "5"),
        ("text", np.str_("x"), "x"),
        ("count", None, None),
    ],
    ids=repr,
)
def test_what_plain_fields_take(field: str, given: object, value: object) -> None:
    node = Strict(**{field: given})
    assert getattr(node, field) == value
    assert type(getattr(node, field)) is type(value)
    assert node.properties == ({} if value is None else {field: value})


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("flag", 1),
        ("flag", "true"),
        ("flag", 0.0),
        ("count", True),
        ("count", 1.0),
        ("count", "5"),
        ("count", Five.FIVE),
        ("count", np.float64(1)),
        ("ratio", True),
        ("ratio", "5"),
        ("ratio", 10**400),
        ("ratio", 2**63),
        ("text", 5),
        ("text", b"5"),
        ("text", True),
        ("text", Level.LOW),
        ("text", "\ud800"),
        ("count", 2**63),
    ],
    ids=repr,
)
def test_plain_fields_are_strict(field: str, given: object) -> None:
    with pytest.raises(Invalid, match=f"^Strict: {field}: "):
        Strict(**{field: given})


def test_required_field_is_required() -> None:
    with pytest.raises(Invalid, match="Model: title: Field required"):
        Model()
    with pytest.raises(Invalid, match="Model: title: "):
        Model(title=None)


def test_properties_of_a_class_are_given_as_fields() -> None:
    with pytest.raises(Invalid, match="give its properties as fields"):
        Model(title="t", properties={"accuracy": 1.0})


def test_validators_of_a_class_say_what_is_wrong() -> None:
    class Checked(Artifact):
        count: int

        @field_validator("count")
        @classmethod
        def positive(cls, count: int) -> int:
            if count < 1:
                raise ValueError("must be positive")
            return count

        @model_validator(mode="after")
        def small(self) -> Checked:
            if self.count > 9:
                raise ValueError("must be small")
            return self

    assert Checked(count=5).properties == {"count": 5}
    with pytest.raises(Invalid, match="Checked: count: must be positive"):
        Checked(count=0)
    with pytest.raises(Invalid, match="Checked: must be small"):
        Checked(count=5).replace(count=10)


def test_class_of_a_function_sees_its_names() -> None:
    class Shade(enum.Enum):
        DARK = 1

    class Local(Artifact):
        shade: Shade

    assert Local(shade=Shade.DARK).properties == {"shade": 1}
    assert type_of(Local).properties == {"shade": "INT"}


NAMES_TAKEN = [
    "name",
    "uri",
    "state",
    "id",
    "type",
    "type_version",
    "kind",
    "key",
    "properties",
    "custom_properties",
    "external_id",
    "create_time",
    "update_time",
    "gone",
    "replace",
    "stored",
    "type_name",
    "base_type",
    "copy",
    "json",
    "schema",
    "model_dump",
    "model_fields",
]


@pytest.mark.parametrize("name", NAMES_TAKEN)
@pytest.mark.parametrize("base", [Artifact, lineage.Train, Context])
@pytest.mark.parametrize("body", ["{name}: str", "{name}: str = 'x'"])
def test_field_that_collides_is_refused_with_the_way_out(
    name: str, base: type[Artifact], body: str
) -> None:
    program = f"class Colliding(base):\n    {body.format(name=name)}"
    with pytest.raises(TypeError, match=rf"`{name}_: \.\.\. = Field\(alias='{name}'\)`"):
        exec(program, {"base": base})


def test_kind_is_not_a_field_even_without_annotation() -> None:
    with pytest.raises(TypeError, match=r"Colliding\.kind"):
        exec("class Colliding(base):\n    kind = 'csv'", {"base": Artifact})


def test_two_fields_are_not_one_property() -> None:
    with pytest.raises(TypeError, match="Twice: a and b are both the property 'x'"):

        class Twice(Artifact):
            a: int = Field(alias="x")
            b: int = Field(alias="x")


def test_properties_of_a_class_take_part_in_equality_even_where_unknown() -> None:
    one = stored(Model, {"name": "a", "unknown": 1})
    assert one != stored(Model, {"name": "a", "unknown": 2})
    assert one == stored(Model, {"name": "a", "unknown": 1})
    assert isinstance(one.properties, Properties)
