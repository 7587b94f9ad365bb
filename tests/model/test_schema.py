"""Types: what they may declare, how they evolve, and which there are from the start."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Collection
from typing import Annotated, Any

import pytest
from pydantic import Field

import lineage
from lineage.errors import AlreadyExists, Invalid, LineageError
from lineage.model.entities import Artifact, Context, Execution, Node
from lineage.model.keys import Kind
from lineage.model.schema import (
    TYPE_CLASSES,
    AnyType,
    ArtifactType,
    ContextType,
    ExecutionType,
    Indexed,
    evolve,
)
from lineage.model.system import OWN_CLASSES, SYSTEM_NAMES, SYSTEM_TYPES, is_reserved, type_of
from lineage.store import Store
from lineage.testing.builders import everything

MODEL = ArtifactType(name="Model", properties={"a": "INT", "b": "STRING"}, base="lineage.Model")


# What a type may be


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "name: Field required"),
        ({"name": ""}, "a type needs a name"),
        ({"name": 5}, "5 is not a string"),
        ({"name": "\ud800"}, "surrogate"),
        ({"name": "T", "properties": ["a"]}, r"\['a'\] is not a mapping of property names"),
        (
            {"name": "T", "properties": {"a": "int"}},
            "'a': 'int' is not a value type; there are INT, ",
        ),
        ({"name": "T", "properties": {"a": int}}, "'a': <class 'int'> is not a value type"),
        ({"name": "T", "properties": {"a": []}}, r"'a': \[\] is not a value type"),
        ({"name": "T", "properties": {"a": "INT", 1: "INT"}}, "1 is not a string"),
        ({"name": "T", "properties": {"\ud800": "INT"}}, "surrogate"),
        ({"name": "T", "indexed": "a"}, "'a' is not a collection of property names"),
        ({"name": "T", "indexed": [1]}, "1 is not a string"),
        ({"name": "T", "input_type": {}}, "input_type: Extra inputs"),
        ({"name": "T", "nope": 1}, "nope: Extra inputs"),
    ],
)
def test_bad_type_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=f"^ArtifactType: .*{says}"):
        ArtifactType(**fields)


@pytest.mark.parametrize("value", [object(), float("nan"), {"a": [float("inf")]}, b"\xff"])
def test_signature_of_an_execution_type_is_json(value: object) -> None:
    signature = {"any": [None, 1.5, "x"], "none": None, "big": 2**64}
    assert ExecutionType(name="T", input_type=signature).input_type == signature
    with pytest.raises(Invalid, match="output_type: "):
        ExecutionType(name="T", output_type=value)


def test_type_is_frozen_compares_by_content_and_pickles() -> None:
    other = ArtifactType(
        name="Model", base="lineage.Model", properties={"b": "STRING", "a": "INT"}, version=""
    )
    assert other == MODEL
    assert list(other.properties) == ["a", "b"]
    assert pickle.loads(pickle.dumps(other)) == MODEL
    assert ArtifactType(name="T") != ContextType(name="T")  # type: ignore[comparison-overlap]
    with pytest.raises(TypeError, match="frozen"):
        other.properties["c"] = lineage.ValueType.INT  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        other.name = "x"
    assert other.replace(version="2").type_name == ("Model", "2")


def test_version_is_part_of_the_name_and_empty_is_none() -> None:
    assert str(MODEL.type_name) == "Model"
    assert str(MODEL.replace(version="2").type_name) == "Model@2"
    assert ArtifactType(name="T", version="").version is None


# System types


def test_system_types_have_mlmds_ids_in_mlmds_order() -> None:
    names = [
        "Dataset",
        "Model",
        "Metrics",
        "Statistics",
        "Train",
        "Transform",
        "Process",
        "Evaluate",
        "Deploy",
    ]
    assert [each.name for each in SYSTEM_TYPES] == [f"lineage.{name}" for name in names]
    assert [each.id for each in SYSTEM_TYPES] == list(range(1, 10))
    assert [each.kind for each in SYSTEM_TYPES] == [Kind.ARTIFACT] * 4 + [Kind.EXECUTION] * 5
    assert SYSTEM_NAMES[Kind.CONTEXT] == ()


def test_store_begins_with_the_system_types(store: Store) -> None:
    assert store.types() == list(SYSTEM_TYPES)
    assert store.types(Kind.CONTEXT) == []
    assert [each.id for each in store.types(Kind.EXECUTION)] == [5, 6, 7, 8, 9]
    assert store.types("artifact") == store.types(Kind.ARTIFACT)
    with pytest.raises(Invalid, match="'node' is not a kind"):
        store.types("node")


def test_system_types_are_what_their_classes_stand_for() -> None:
    for stored in SYSTEM_TYPES:
        made = type_of(getattr(lineage, stored.name.removeprefix("lineage."))).replace(id=stored.id)
        assert (stored, repr(stored)) == (made, repr(made))
        assert stored.model_dump_json() == made.model_dump_json()
        assert pickle.loads(pickle.dumps(stored)) == made
        assert stored.replace(description="d") == made.replace(description="d")


def test_import_builds_no_validators() -> None:
    code = (
        "import lineage; from lineage.model.schema import TYPE_CLASSES; from pydantic_core import SchemaValidator\n"
        "classes = [*TYPE_CLASSES.values(), lineage.Model, lineage.Train, lineage.Context, lineage.Event]\n"
        "print([isinstance(vars(cls)['__pydantic_validator__'], SchemaValidator) for cls in classes])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == f"{[False] * 7}\n"


STORED: dict[str, Any] = {
    "id": 12,
    "name": "T<script>",
    "version": "2",
    "description": "d\x00\n",
    "external_id": "x",
    "properties": {"b": "INT", "": "STRUCT", "\u202e": "PROTO"},
    "base": "lineage.Train",
    "indexed": ["b", ""],
    "create_time": "2026-03-01T12:00:00.000001Z",
    "update_time": "2026-03-01T13:00:00+01:00",
    "input_type": {"any": [None, 1.5, 2**70, "\x00"]},
    "output_type": [],
}


@pytest.mark.parametrize("omitted", [(), ("id", "version", "properties"), STORED.keys() - {"name"}])
@pytest.mark.parametrize("cls", TYPE_CLASSES.values())
def test_type_is_read_as_it_was_written(cls: type[AnyType], omitted: Collection[str]) -> None:
    fields = {name: value for name, value in STORED.items() if name in cls.model_fields}
    given = cls(**{name: value for name, value in fields.items() if name not in omitted})
    text = given.model_dump_json(exclude_none=True)
    read = cls.read(text)
    assert (read, repr(read)) == (given, repr(given))
    assert read.model_dump_json(exclude_none=True) == text
    assert vars(read) == vars(cls.model_validate_json(text))
    assert read.replace(name="U") == given.replace(name="U")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        '{"name":""}',
        '{"name":5}',
        '{"name":"T","nope":1}',
        '{"name":"T","input_type":1}',
        '{"name":"T","id":0}',
        '{"name":"T","id":"1"}',
        '{"name":"T","version":[]}',
        '{"name":"T","description":1}',
        '{"name":"T","base":{}}',
        '{"name":"T","properties":["a"]}',
        '{"name":"T","properties":{"a":"int"}}',
        '{"name":"T","indexed":"a"}',
        '{"name":"T","create_time":"yesterday"}',
        '{"name":"T","create_time":"2026-03-01T12:00:00"}',
    ],
)
def test_what_validation_refuses_is_not_read(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of ours, of Pydantic or of its JSON parser
        ArtifactType.model_validate_json(text)
    with pytest.raises(ValueError):  # noqa: PT011
        ArtifactType.read(text)


@pytest.mark.parametrize(("name", "cls"), OWN_CLASSES.items())
def test_types_of_our_own_come_when_they_are_needed(
    name: str, cls: type[Node], store: Store
) -> None:
    assert cls.type_name == (name, None)
    store.put(cls(name="n"))
    (stored,) = store.types(cls.kind, name=name)
    of_kind = TYPE_CLASSES[cls.kind]
    assert stored.replace(id=None, create_time=None, update_time=None) == type_of(cls)
    with pytest.raises(Invalid, match="is a system type and does not change"):
        store.put(of_kind(name=stored.name, properties={"x": "INT"}), can_add=True, can_omit=True)
    with pytest.raises(Invalid, match="reserved"):
        store.put(of_kind(name=stored.name, version="2"))


@pytest.mark.parametrize("name", ["lineage.Model", "lineage.", "mlmd.Model", "mlmd.x"])
def test_reserved_names(name: str) -> None:
    assert is_reserved(name)
    assert not is_reserved(name.replace(".", ""))
    assert not is_reserved(f"my.{name}")


# Classes


class Trainer(lineage.Train, version="2"):
    """Trains.

    The rest is for readers of the code.
    """

    rate: float
    epochs: Annotated[int, Indexed()] = 1
    score: Annotated[float, Indexed] | None = None
    flavour: str = Field(default="", alias="kind")


def test_class_stands_for_a_type() -> None:
    assert type_of(Trainer) == ExecutionType(
        name="Trainer",
        version="2",
        description="Trains.",
        base="lineage.Train",
        properties={"rate": "DOUBLE", "epochs": "INT", "score": "DOUBLE", "kind": "STRING"},
        indexed=["epochs", "score"],
    )


def test_class_without_docstring_has_no_description() -> None:
    class Silent(Trainer):
        pass

    assert type_of(Silent).description is None


@pytest.mark.parametrize("cls", [Artifact, Execution, Context])
def test_kind_is_not_a_type(cls: type[Node]) -> None:
    with pytest.raises(Invalid, match=f"{cls.__name__} is a kind, not a type"):
        type_of(cls)


@pytest.mark.parametrize(
    ("parent", "base"),
    [(Artifact, "Model"), (Artifact, "lineage.Train"), (Context, "lineage.Model"), (Artifact, "")],
)
def test_base_is_a_system_type_of_the_kind(store: Store, parent: type[Node], base: str) -> None:
    class Based(parent, base=base):  # type: ignore[valid-type, misc]
        pass

    for attempt in (
        lambda: store.put(Based(name="n")),
        lambda: store.put(TYPE_CLASSES[parent.kind](name="T", base=base)),
    ):
        with pytest.raises(Invalid, match=f"'{base}' is (not a|no) base type of {parent.kind}s"):
            attempt()
    assert store.types() == list(SYSTEM_TYPES)


# Evolution


def changed(**changes: Any) -> ArtifactType:
    return MODEL.replace(**changes)


EVOLUTIONS: dict[str, tuple[ArtifactType, dict[str, bool], ArtifactType | type[LineageError]]] = {
    "the same": (MODEL, {}, MODEL),
    "a property more": (changed(properties={**MODEL.properties, "c": "INT"}), {}, AlreadyExists),
    "a property more, allowed": (
        changed(properties={**MODEL.properties, "c": "INT"}),
        {"can_add": True},
        changed(properties={**MODEL.properties, "c": "INT"}),
    ),
    "a property less": (changed(properties={"a": "INT"}), {}, AlreadyExists),
    "a property less, allowed": (changed(properties={"a": "INT"}), {"can_omit": True}, MODEL),
    "one more and one less": (
        changed(properties={"a": "INT", "c": "INT"}),
        {"can_add": True, "can_omit": True},
        changed(properties={**MODEL.properties, "c": "INT"}),
    ),
    "one more and one less, half allowed": (
        changed(properties={"a": "INT", "c": "INT"}),
        {"can_add": True},
        AlreadyExists,
    ),
    "another value type": (
        changed(properties={"a": "DOUBLE", "b": "STRING"}),
        {"can_add": True, "can_omit": True},
        AlreadyExists,
    ),
    "no base": (changed(base=None), {}, MODEL),
    "another base": (changed(base="lineage.Dataset"), {}, Invalid),
    "a description": (changed(description="d"), {}, changed(description="d")),
    "an external id": (changed(external_id="x"), {}, changed(external_id="x")),
    "an index": (changed(indexed=["a"]), {}, changed(indexed=["a"])),
}


@pytest.mark.parametrize("case", EVOLUTIONS)
def test_evolution(case: str) -> None:
    given, allowed, expected = EVOLUTIONS[case]
    if isinstance(expected, ArtifactType):
        evolved = evolve(MODEL, given, **allowed)
        assert evolved == expected
        assert (evolved is MODEL) is (expected == MODEL)
    else:
        with pytest.raises(expected, match="Model"):
            evolve(MODEL, given, **allowed)


@pytest.mark.parametrize("case", EVOLUTIONS)
def test_evolution_of_a_stored_type(case: str, store: Store) -> None:
    given, allowed, expected = EVOLUTIONS[case]
    stored = store.put(MODEL)
    before = everything(store.backend)
    if isinstance(expected, ArtifactType):
        evolved = store.put(given, **allowed)
        assert evolved.replace(create_time=None, update_time=None, id=None) == expected
        assert evolved.id == stored.id
        assert store.types()[-1] == evolved
        assert (everything(store.backend) == before) is (expected == MODEL)
        assert store.at(1).types()[-1] == stored
    else:
        with pytest.raises(expected):
            store.put(given, **allowed)
        assert everything(store.backend) == before


def test_description_external_id_and_index_stay_where_left_out(store: Store) -> None:
    full = store.put(changed(description="d", external_id="x", indexed=["a"]))
    assert store.put(MODEL) == full
    assert store.types()[-1] == full


@pytest.mark.parametrize("kind", Kind)
def test_types_of_a_name_differ_by_kind_and_version(kind: Kind, store: Store) -> None:
    cls = TYPE_CLASSES[kind]
    types = store.put([cls(name="T"), cls(name="T", version="2", properties={"a": "INT"})])
    others = store.put([each(name="T") for each in TYPE_CLASSES.values()])
    assert [each.id for each in types] == [10, 11]
    assert sorted(each.id or 0 for each in others) == [10, 12, 13]
    assert store.put(types) == types
    assert store.backend.now() == 2


def test_same_type_twice_in_one_call_is_one(store: Store) -> None:
    first, second = store.put(
        [ArtifactType(name="T"), ArtifactType(name="T", properties={"a": "INT"})], can_add=True
    )
    assert first.id == second.id == 10
    assert store.types()[-1].properties == {"a": "INT"}
    assert len(store.types()) == 10


def taken(store: Store) -> Callable[[], object]:
    store.put(ExecutionType(name="Other", external_id="x"))
    return lambda: store.put(changed(external_id="x"))


REFUSED: dict[str, tuple[type[LineageError], str, Callable[[Store], Callable[[], object]]]] = {
    "a reserved name": (
        Invalid,
        "type lineage.Novel: names that begin",
        lambda store: lambda: store.put(ArtifactType(name="lineage.Novel")),
    ),
    "a reserved name of MLMD": (
        Invalid,
        "type mlmd.Model: names",
        lambda store: lambda: store.put(ArtifactType(name="mlmd.Model")),
    ),
    "a system type of another kind": (
        Invalid,
        "type lineage.Model: names",
        lambda store: lambda: store.put(ContextType(name="lineage.Model")),
    ),
    "another version of a system type": (
        Invalid,
        "type lineage.Model@2: names",
        lambda store: lambda: store.put(ArtifactType(name="lineage.Model", version="2")),
    ),
    "more properties of a system type": (
        Invalid,
        "is a system type",
        lambda store: (
            lambda: store.put(
                ArtifactType(name="lineage.Model", properties={"a": "INT"}), can_add=True
            )
        ),
    ),
    "an index over nothing": (
        Invalid,
        "'c' is to be indexed but is not a property",
        lambda store: lambda: store.put(changed(indexed=["a", "c"])),
    ),
    "a taken external id, of another kind": (
        AlreadyExists,
        "'x' is taken by execution type Other",
        taken,
    ),
    "an external id twice": (
        AlreadyExists,
        "'x' is taken",
        lambda store: (
            lambda: store.put(
                [changed(external_id="x"), ContextType(name="Other", external_id="x")]
            )
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_type_that_is_refused_leaves_no_trace(case: str, store: Store) -> None:
    error, says, attempt = REFUSED[case]
    act = attempt(store)
    before = everything(store.backend)
    with pytest.raises(error, match=says):
        act()
    assert everything(store.backend) == before


def test_system_type_may_be_put_as_it_is(store: Store) -> None:
    given: list[AnyType] = [ArtifactType(name="lineage.Model", base=None), SYSTEM_TYPES[4]]
    assert store.put(given, can_omit=True) == [SYSTEM_TYPES[1], SYSTEM_TYPES[4]]
    assert store.log() == []


def test_index_may_be_asked_for_later(store: Store) -> None:
    store.put(MODEL)
    indexed = ArtifactType(name="Model", indexed=["b"])
    assert store.put(indexed, can_omit=True).indexed == ("b",)


def test_signature_of_an_execution_type_is_kept_as_it_is(store: Store) -> None:
    signature = {"any": [None, 1.5, "\x00"], "none": None, "big": 2**64, "": {}}
    given = ExecutionType(name="T", input_type=signature, output_type=[1])
    stored = store.put(given)
    assert stored.input_type == signature
    assert store.put(ExecutionType(name="T", output_type="x")).input_type == signature
    assert store.types()[-1].output_type == "x"  # type: ignore[union-attr]
    assert store.at(1).types()[-1] == stored


# Classes that change, as they do in a notebook


def model(line: str) -> type[Artifact]:
    """Return a class `Model` with this field, as a cell of a notebook that is run again makes it."""
    cell: dict[str, Any] = {"lineage": lineage}
    exec(f"class Model(lineage.Model):\n    {line}", cell)
    cls: type[Artifact] = cell["Model"]
    return cls


def test_class_is_registered_at_its_first_write(store: Store) -> None:
    store.put(Trainer(rate=0.1))
    stored = store.types()[-1]
    assert (stored.id, stored.type_name, stored.base) == (10, ("Trainer", "2"), "lineage.Train")
    assert stored.properties == type_of(Trainer).properties
    assert stored.description == "Trains."
    store.put(Trainer(rate=0.2))
    assert store.backend.now() == 2
    assert next(store.changes(1)).types == ()


def test_redefined_class_adds_and_omits_fields(store: Store) -> None:
    first, second = model("depth: int = 1"), model("width: int = 1")
    old = store.put(first())
    new = store.put(second())
    assert store.types()[-1].properties == {"depth": "INT", "digest": "STRING", "width": "INT"}
    assert len(store.types()) == 10
    assert store.get(second, old.key).width is None  # type: ignore[attr-defined]
    assert store.get(first, new.key).depth is None  # type: ignore[attr-defined]
    again = store.put(first())
    assert again.type == old.type
    assert len(store.find(second)) == 3


def test_redefined_class_keeps_value_types(store: Store) -> None:
    store.put(model("depth: int = 1")())
    before = everything(store.backend)
    with pytest.raises(Invalid, match=r"property 'depth' is INT and cannot become DOUBLE.*version"):
        store.put(model("depth: float = 1")())
    assert everything(store.backend) == before


def test_class_and_type_of_one_name_are_one(store: Store) -> None:
    store.put(ArtifactType(name="Model", properties={"extra": "INT"}))
    store.put(model("depth: int = 1")())
    plain = store.put(Artifact(type="Model", properties={"depth": 2, "extra": 3}))
    assert store.types()[-1].base == "lineage.Model"
    assert [each.depth for each in store.find(model("depth: int = 1"))] == [1, 2]  # type: ignore[attr-defined]
    assert store.get(plain.key).properties == {"depth": 2, "extra": 3}


@pytest.mark.parametrize("name", ["lineage.Novel", "mlmd.Model"])
def test_class_with_a_reserved_name_is_refused(name: str, store: Store) -> None:
    class Reserved(Artifact, type=name):
        pass

    with pytest.raises(Invalid, match=f"type {name}: names that begin"):
        store.put(Reserved())
    with pytest.raises(Invalid, match=f"type {name}: names that begin"):
        store.record(lineage.Train(), inputs=[Reserved()])
    assert store.log() == []


def test_class_registered_in_what_rolled_back_is_registered_again(store: Store) -> None:
    class Passing(Context):
        note: str = ""

    def fail() -> None:
        with store.transaction():
            store.put(Passing(name="a"))
            raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert store.types(Kind.CONTEXT) == []
    assert store.put(Passing(name="a")).id == 1
    assert len(store.types(Kind.CONTEXT)) == 1
