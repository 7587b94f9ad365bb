"""What is the same thing to two models: the rows of slots, and the two questions that follow them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.contract.backend import Backend
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import path_text
from lineage.model.rows import EdgeKey
from lineage.model.system import Asset
from lineage.queries.alignment import Slot, line_up
from lineage.queries.comparison import compare
from lineage.queries.differences import FieldChange, diff
from lineage.store import Store
from lineage.testing.builders import MODEL, Writer, writing


def slot(number: int, **said: Any) -> Slot:
    given = {"type": "Lake", "uri": None, "name": None, "asset": None, "paths": (), "distance": 2}
    return Slot(NodeKey(Kind.ARTIFACT, number), **{**given, **said})


def test_the_surest_sign_of_a_place_wins() -> None:
    asset = NodeKey(Kind.CONTEXT, 1)
    pairs = [
        (slot(1, paths=(("train",),)), slot(2, paths=(("train",),), type="Table")),
        (slot(3, asset=asset), slot(4, asset=asset, uri="s3://4")),
        (slot(5, paths=(("only here",),)), slot(5)),
        (slot(6, uri="s3://4"), slot(7, uri="s3://4")),
        (slot(14, name="n"), slot(15, name="n")),
        (slot(8, distance=4), slot(9, distance=4)),
        (slot(10), slot(11, distance=6)),
        (slot(12, type="Other"), None),
        (None, slot(13, type="Another")),
    ]
    left = [one for one, _ in pairs if one is not None]
    right = [two for _, two in pairs if two is not None][::-1]
    assert [tuple(row) for row in line_up([left, right])] == pairs
    assert line_up([left]) == [[each] for each in left]
    assert line_up([[], []]) == line_up([]) == []


slots = st.fixed_dictionaries(
    {
        "uri": st.sampled_from([None, "", "u", "v"]),
        "name": st.sampled_from([None, "n"]),
        "paths": st.lists(st.sampled_from([(), ("a",), ("b",)]), unique=True, max_size=2).map(
            tuple
        ),
        "distance": st.integers(1, 2),
        "type": st.sampled_from(["Lake", "Table"]),
    }
)
columns = st.dictionaries(st.integers(1, 6), slots, max_size=5)


def test_what_joins_two_models_joins_any_number() -> None:
    data = [slot(number, type="T", uri="u", distance=number % 3) for number in range(20)]
    assert line_up([[each] for each in data]) == [data]


def test_third_model_joins_what_two_have_no_sign_for() -> None:
    one = slot(1, type="T", asset=NodeKey(Kind.CONTEXT, 1))
    other = slot(2, type="U", paths=(("train",),))
    between = slot(3, type="V", asset=NodeKey(Kind.CONTEXT, 1), paths=(("train",),))
    assert len(line_up([[one], [other]])) == 2
    assert line_up([[one], [other], [between]]) == [[one, other, between]]


def test_two_of_one_model_never_share_a_row() -> None:
    left, right = slot(1, type="T", uri="u"), slot(2, type="T", uri="u")
    shared = slot(3, type="T", uri="u")
    assert line_up([[left, right], [shared]]) == [[left, shared], [right, None]]


def test_thousands_of_one_type_are_lined_up_in_order() -> None:
    columns = [[slot(place * 2 + side, type="T") for place in range(5_000)] for side in (0, 1)]
    assert line_up(columns) == [list(pair) for pair in zip(*columns, strict=True)]


@given(st.lists(columns, max_size=3))
def test_every_place_is_in_one_row(drawn: list[dict[int, Any]]) -> None:
    given = [[slot(number, **said) for number, said in column.items()] for column in drawn]
    found = line_up(given)
    for number, column in enumerate(given):
        met = [row[number] for row in found if row[number] is not None]
        assert sorted(met, key=repr) == sorted(column, key=repr)
    assert all(len(row) == len(given) and any(row) for row in found)


def test_first_path_goes_before_others() -> None:
    both = slot(1, paths=(("train",), ("eval",)))
    train, evaluation = slot(2, paths=(("train",),)), slot(3, paths=(("eval",),))
    assert line_up([[both], [evaluation, train]]) == [[both, train], [None, evaluation]]
    assert line_up([[both], [slot(4, type="Other"), evaluation]])[0] == [both, evaluation]
    nowhere = slot(5, type="T", paths=((), ("eval",))), slot(6, type="U", paths=((), ("test",)))
    assert line_up([[each] for each in nowhere]) == [[nowhere[0], None], [None, nowhere[1]]]


# Two questions

Ends = tuple[NodeKey | None, NodeKey | None]
NEXT = {"asset": "path", "path": "uri", "uri": "name", "name": "key"}
"""The sign that comes after each."""


class Inputs:
    """Two runs on two data sets each, and the model of each run."""

    def __init__(self, new: Writer) -> None:
        self.new = new
        self.types = [
            new.type(Kind.ARTIFACT, "Lake", version=version, base="lineage.Dataset")
            for version in ("1", "2")
        ]
        self.assets: dict[str, NodeKey] = {}
        self.models: list[NodeKey] = []
        self.data: list[list[NodeKey]] = []
        self.events: list[EdgeKey] = []

    def model(self, *data: NodeKey | int, **said: tuple[str, str]) -> None:
        """Write a run, its model and its data: what is no key yet is an artifact of that type."""
        run, model, keys = self.new.execution(), self.new.artifact(MODEL), []
        for place, each in enumerate(data):
            own = {sign: values[place] for sign, values in said.items()}
            asset, path = own.pop("asset", None), own.pop("path", None)
            # Of a content of its own, so that any two differ.
            content = {"n": len(self.data) * 2 + place}
            key = self.new.artifact(each, custom=content, **own) if isinstance(each, int) else each
            text = None if path is None else path_text((path, 0))
            self.events.append(self.new.edge(key, run, path=text))
            if asset is not None:
                self.new.edge(self.asset(asset), key)
            keys.append(key)
        self.new.edge(run, model)
        self.models.append(model)
        self.data.append(keys)

    def asset(self, name: str) -> NodeKey:
        if name not in self.assets:
            self.assets[name] = Store(self.new.backend).put(Asset(name=name)).key
        return self.assets[name]


def paired(backend: Backend, models: Sequence[NodeKey], as_of: int | None = None) -> set[Ends]:
    """Return which data stands where which other does, to both questions alike."""
    table = compare(backend, models, as_of=as_of)
    rows = {
        tuple(None if said is None else key_in(str(said)) for said in row.values)
        for row in table.rows
        if row.section == "data"
    }
    answer = diff(backend, *models, as_of=as_of)
    found = {
        (key_of(each.left), key_of(each.right))
        for each in answer.differences
        if len(each.place) == 3
    }
    assert found == rows
    return found


def key_of(node: Node | None) -> NodeKey | None:
    return None if node is None else node.key


def key_in(said: str) -> NodeKey:
    """Return the key in what a comparison shows of an artifact."""
    return NodeKey.parse(re.findall(r"artifact:\d+", said)[-1])


def unsay(backend: Backend, inputs: Inputs, sign: str) -> None:
    """Take a sign away from all data."""
    if sign == "asset":
        Store(backend).delete(*inputs.assets.values())
        return
    with writing(backend) as new:
        for event in inputs.events:
            if sign == "path":
                new.edge_update(event, None)
            else:
                new.update(event.source, **{sign: None})


@pytest.mark.parametrize("sign", NEXT)
def test_sign_goes_before_the_next(sign: str, backend: Backend) -> None:
    """By the sign each side's first is the other's second; by the next one it is the other's first."""
    straight = {} if NEXT[sign] == "key" else {NEXT[sign]: ("x", "y")}
    with writing(backend) as new:
        inputs = Inputs(new)
        for kind, said in zip(inputs.types, (("a", "b"), ("b", "a")), strict=True):
            inputs.model(kind, kind, **straight, **{sign: said})
    (one, two), (three, four) = inputs.data
    number = backend.now()
    assert paired(backend, inputs.models) == {(one, four), (two, three)}
    unsay(backend, inputs, sign)
    assert paired(backend, inputs.models) == {(one, three), (two, four)}
    assert paired(backend, inputs.models, as_of=number) == {(one, four), (two, three)}


def test_same_artifact_goes_before_its_path(backend: Backend) -> None:
    with writing(backend) as new:
        inputs = Inputs(new)
        inputs.model(*[inputs.types[0]] * 2, path=("x", "y"))
        inputs.model(*inputs.data[0], path=("y", "x"))
    [one, two], _ = inputs.data
    number = backend.now()
    assert paired(backend, inputs.models) == {(one, one), (two, two)}
    answer = diff(backend, *inputs.models)
    assert [(each.place[2:], *each.changes) for each in answer.differences] == [
        (("Lake x.0",), FieldChange("path", "x.0", "y.0")),
        (("Lake y.0",), FieldChange("path", "y.0", "x.0")),
    ]
    unsay(backend, inputs, "path")
    assert diff(backend, *inputs.models).differences == ()
    assert diff(backend, *inputs.models, as_of=number) == replace(answer, number=number)


@pytest.mark.parametrize(("other", "is_paired"), [("Lake", True), ("Table", False)])
def test_what_no_sign_joins_goes_by_its_type(other: str, is_paired: bool, backend: Backend) -> None:
    with writing(backend) as new:
        inputs = Inputs(new)
        own, another = inputs.types[0], new.type(Kind.ARTIFACT, "Table", base="lineage.Dataset")
        inputs.model(own, path=("here", ""), uri=("u", ""), name=("n", ""))
        kind = own if other == "Lake" else another
        inputs.model(kind, path=("there", ""), uri=("v" if is_paired else "u", ""), name=("m", ""))
    [one], [two] = inputs.data
    assert paired(backend, inputs.models) == (
        {(one, two)} if is_paired else {(one, None), (None, two)}
    )


@pytest.mark.parametrize("sign", ["asset", "path"])
def test_asset_and_path_join_what_is_of_two_types(sign: str, backend: Backend) -> None:
    with writing(backend) as new:
        inputs = Inputs(new)
        inputs.model(inputs.types[0], **{sign: ("a", "")})
        inputs.model(new.type(Kind.ARTIFACT, "Table", base="lineage.Dataset"), **{sign: ("a", "")})
    [one], [two] = inputs.data
    assert paired(backend, inputs.models) == {(one, two)}


def test_two_of_one_run_are_never_paired_with_one(backend: Backend) -> None:
    with writing(backend) as new:
        inputs = Inputs(new)
        inputs.model(*[inputs.types[0]] * 2, uri=("u", "u"))
        inputs.model(inputs.types[0], uri=("u", ""))
    (one, two), [three] = inputs.data
    assert paired(backend, inputs.models) == {(one, three), (two, None)}
