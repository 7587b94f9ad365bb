"""Answers as JSON: exact values, every kind of thing, valid text."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lineage
from lineage.contract.walking import Cut, Limits
from lineage.errors import Invalid
from lineage.formats.documents import json_text, plain, values_of
from lineage.queries.differences import FieldChange
from lineage.store import Store
from tests.runs import two_runs

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(documents, st.sampled_from([None, 2]))
def test_text_is_ascii_and_reads_back(document: Any, indent: int | None) -> None:
    text = json_text(document, indent=indent)
    assert text.isascii()
    assert text.isprintable() or indent is not None
    assert json.loads(text, parse_constant=pytest.fail) == document


structs = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(),
    st.lists(structs),
    st.dictionaries(st.text(), structs),
    st.sampled_from(
        [{"float": "nan"}, {"struct": "1"}, {"any": ["a", ""]}, {"any": []}, {"struct": 1}, {}]
    ),
    st.builds(lineage.ProtoAny, st.text(), st.binary()),
)


@given(st.dictionaries(st.text(), values))
def test_the_values_of_a_node_read_back(given_values: dict[str, Any]) -> None:
    node = lineage.Artifact(type="T", custom_properties=given_values)
    document = json.loads(json_text(plain(node)))
    again = node.replace(custom_properties=values_of(document["custom_properties"]))
    assert again == node


def test_null_is_no_value_and_what_is_none_is_refused() -> None:
    assert values_of({"a": None, "b": 1}) == {"b": 1}
    for bad in (2**64, {"struct": "{"}, {"struct": '{"a":1,"a":2}'}, {"any": ["a", "!"]}, "\ud800"):
        with pytest.raises(Invalid):
            values_of({"a": bad})


def test_numbers_beyond_json_read_back() -> None:
    assert json.loads(json_text([math.inf, -math.inf])) == [math.inf, -math.inf]
    assert json.loads(json_text(math.nan)) == {"float": "nan"}


def test_control_character_that_is_ascii_is_escaped() -> None:
    assert json_text({"\x7f": "a\x7f"}) == r'{"\u007f": "a\u007f"}'


@pytest.mark.parametrize("indent", [None, 2])
def test_layout_is_that_of_the_standard_library(indent: int | None) -> None:
    document = {"a": [1, {"b": [], "c": {}}], "d": "é"}
    assert json_text(document, indent=indent) == json.dumps(document, indent=indent)


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (math.nan, {"float": "nan"}),
        (math.inf, math.inf),
        ({"a": [1, None]}, {"a": [1, None]}),
        (lineage.ProtoAny("type/x", b"\x00"), {"any": ["type/x", "AA=="]}),
        (2**63 - 1, 2**63 - 1),
        (None, None),
        ("text", "text"),
    ],
)
def test_values_stand_as_at_rest_but_structs_as_themselves(value: Any, stands: Any) -> None:
    assert plain(FieldChange("f", value, None)) == {"field": "f", "left": stands, "right": None}


def test_answers_become_dictionaries_and_lists(store: Store) -> None:
    two_runs(store)
    answer = plain(store.upstream("artifact:2", limits=Limits(hops=1)))
    assert answer["truncated"] == {"limit": "hops", "frontier": ["execution:1"]}
    assert [each["id"] for each in answer["nodes"]] == ["artifact:2", "execution:1"]
    assert plain(Cut("nodes", ())) == {"limit": "nodes", "frontier": []}
    assert plain({store.key_of("artifact:1"): store.log()[0].time}) == {
        "artifact:1": plain(store.log()[0].time)
    }


def test_every_answer_of_a_store_is_a_document(store: Store) -> None:
    two_runs(store)
    for answer in (
        store.show("artifact:2"),
        store.show("context:1"),
        store.peers("artifact:2"),
        store.compare("artifact:2", "artifact:3"),
        store.impact("artifact:1"),
        store.paths("artifact:1", "artifact:2"),
        store.diff("artifact:2", "artifact:3"),
        store.versions("artifact:2"),
        store.log(),
        store.types(),
        list(store.changes()),
    ):
        assert json.loads(json_text(plain(answer)))


def test_values_of_parameters_and_metrics_stand_as_at_rest(store: Store) -> None:
    message = lineage.ProtoAny("type/x", b"\x00")
    values: dict[str, Any] = {"any": message, "nan": math.nan, "list": [1, None]}
    run, scores = lineage.Train(custom_properties=values), lineage.Metrics(custom_properties=values)
    model = store.record(run, outputs=[lineage.Model(), scores]).outputs[0]
    stands = {"any": {"any": ["type/x", "AA=="]}, "nan": {"float": "nan"}, "list": [1, None]}
    answer = plain(store.show(model))
    assert answer["parameters"] == stands
    assert {each["name"]: each["value"] for each in answer["metrics"]} == stands


def test_path_of_a_long_chain_is_left_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    two_runs(store)
    monkeypatch.setattr("lineage.formats.documents.LONGEST_PATH", 1)
    affected = plain(store.impact("artifact:1"))["affected"]
    assert [each["path"] for each in affected] == [None, None]
