"""How two lineages differ, by hand and by what must hold of any two."""

import math
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage
from lineage.backends.memory.backend import MemoryBackend
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits
from lineage.errors import Invalid, NotFound
from lineage.model.entities import Artifact, Execution
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Asset, Environment
from lineage.queries.differences import Diff, diff
from lineage.store import Store
from lineage.testing.builders import chain, writing

key = NodeKey.parse


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    pass


class Trainer(lineage.Train):
    rate: float = 0.1


class Tuner(lineage.Train):
    pass


def told(answer: Diff) -> list[tuple[Any, ...]]:
    """Return each change as (place, field, left, right), and what is on one side only by key."""
    return [
        row
        for each in answer.differences
        for row in (
            [("/".join(each.place), c.field, c.left, c.right) for c in each.changes]
            or [("/".join(each.place), *(n and str(n.key) for n in (each.left, each.right)))]
        )
    ]


def train(store: Store, inputs: Any, run: Execution | None = None, **options: Any) -> NodeKey:
    """Record a run that writes a nameless model."""
    recorded = store.record(run or Trainer(), inputs=inputs, outputs=[Model()], **options)
    return recorded.outputs[0].key


def test_parameters_data_and_libraries_differ(store: Store) -> None:
    train_set = [store.put(Dataset(uri="s3://lake", day=day)) for day in (1, 2)]
    test_set = store.put(Dataset(name="held out"))
    models = [
        train(
            store,
            {"train": data.key, "test": test_set.key},
            Trainer(rate=rate, custom_properties={"note": "x"}),
            within=Environment(name=f"e{data.id}", python="3.11", custom_properties=libraries),
        )
        for data, rate, libraries in zip(
            train_set,
            (0.1, 0.2),
            ({"numpy": "1.26", "torch": "2.1", "rich": "15"}, {"numpy": "2.0", "rich": "15"}),
            strict=True,
        )
    ]
    answer = store.diff(*models)
    assert told(answer) == [
        ("Model/Trainer", "properties.rate", 0.1, 0.2),
        ("Model/Trainer", "environment.numpy", "1.26", "2.0"),
        ("Model/Trainer", "environment.torch", "2.1", None),
        ("Model/Trainer/Dataset train", "properties.day", 1, 2),
    ]
    assert answer.shared == (test_set.key,)
    assert (answer.left.key, answer.right.key) == tuple(models)
    assert answer.truncated == (None, None)
    mirrored = store.diff(*reversed(models))
    assert told(mirrored) == [(place, what, b, a) for place, what, a, b in told(answer)]


def test_node_and_itself_do_not_differ(store: Store) -> None:
    model = train(store, [Dataset(name="lake")])
    answer = store.diff(model, model)
    assert answer.differences == ()
    assert len(answer.shared) == 3


def test_equal_content_is_no_difference(store: Store) -> None:
    models = [
        train(store, [store.put(Dataset(uri="s3://lake", custom_properties={"nan": math.nan})).key])
        for _ in range(2)
    ]
    answer = store.diff(*models)
    assert (answer.differences, answer.shared) == ((), ())


@pytest.mark.parametrize(
    ("left", "right", "changes"),
    [
        ({"name": "a"}, {"name": "b"}, [("name", "a", "b")]),
        ({"uri": "a"}, {}, [("uri", "a", None)]),
        ({"state": "LIVE"}, {"state": "PENDING"}, [("state", "LIVE", "PENDING")]),
        ({"external_id": "a"}, {"external_id": "b"}, []),
        (
            {"custom_properties": {"b": 1, "a": "x" * 10_000_000}},
            {"custom_properties": {"b": 1.0}},
            [("custom_properties.a", "x" * 10_000_000, None), ("custom_properties.b", 1, 1.0)],
        ),
        (
            {"custom_properties": {"s": {"a": [1], "b": 2}}},
            {"custom_properties": {"s": {"b": 2, "a": [1]}}},
            [],
        ),
        (
            {"custom_properties": {"type": 1, "x.y": True}},
            {"custom_properties": {"type": True, "x.y": True}},
            [("custom_properties.type", 1, True)],
        ),
    ],
)
def test_fields_that_are_compared(
    left: dict[str, Any], right: dict[str, Any], changes: list[Any], store: Store
) -> None:
    keys = [store.put(Artifact(type="lineage.Dataset", **each)).key for each in (left, right)]
    answer = store.diff(*keys)
    assert [row[1:] for row in told(answer)] == changes


def test_types_are_compared_with_their_versions(store: Store) -> None:
    for version in ("1", "2"):
        store.put(lineage.ArtifactType(name="Card", version=version))
    keys = [store.put(Artifact(type="Card", type_version=v)).key for v in ("1", "2")]
    assert told(store.diff(*keys)) == [("Card", "type", "Card@1", "Card@2")]


# Pairing


def test_inputs_are_paired_by_asset_then_uri_then_age(store: Store) -> None:
    asset = store.put(Asset(name="churn"))

    def inputs(day: int, order: list[str]) -> list[NodeKey]:
        own = {
            "asset": Dataset(uri=f"s3://{day}", day=day),
            "uri": Dataset(uri="s3://same", day=day),
            "age": Dataset(day=day),
        }
        made = {mark: store.put(own[mark]).key for mark in order}
        store.put(lineage.Attribution(context=asset.key, artifact=made["asset"]))
        return list(made.values())

    models = [
        train(store, inputs(1, ["age", "uri", "asset"])),
        train(store, inputs(2, ["asset", "age", "uri"])),
    ]
    answer = store.diff(*models)
    day = ("Model/Trainer/Dataset", "properties.day", 1, 2)
    uri = ("Model/Trainer/Dataset", "uri", "s3://1", "s3://2")
    assert told(answer) == [day, day, uri, day]
    pairs = [
        (each.left and each.left.id, each.right and each.right.id) for each in answer.differences
    ]
    assert pairs == [(1, 6), (2, 7), (3, 5)]


def test_same_name_is_paired_among_others(backend: Backend) -> None:
    with writing(backend) as new:
        name_of = {}
        models = []
        for kind in (new.type(Kind.ARTIFACT, "A"), new.type(Kind.ARTIFACT, "A", version="2")):
            run, model = new.execution(), new.artifact()
            for name in ("one", "two", f"only {kind}") if not models else (f"only {kind}", "two"):
                data = new.artifact(kind, name=name)
                name_of[data] = name
                new.edge(data, run)
            new.edge(run, model)
            models.append(model)
    answer = diff(backend, *models)
    pairs = [
        tuple(node and name_of[node.key] for node in (each.left, each.right))
        for each in answer.differences
    ]
    assert pairs == [("one", "only 11"), ("two", "two"), ("only 10", None)]
    assert [c.field for c in answer.differences[1].changes] == ["type"]


def test_paths_tell_inputs_apart(store: Store) -> None:
    data = [store.put(Dataset(name=name)).key for name in ("one", "two", "three", "four")]
    models = [
        train(store, {"train": a, "test": b}) for a, b in (data[:2], data[3:1:-1], data[1::-1])
    ]
    assert told(store.diff(*models[:2])) == [
        ("Model/Trainer/Dataset test", "name", "two", "three"),
        ("Model/Trainer/Dataset train", "name", "one", "four"),
    ]
    assert told(store.diff(models[0], models[2])) == [
        ("Model/Trainer/Dataset test", "path", "test", "train"),
        ("Model/Trainer/Dataset train", "path", "train", "test"),
    ]
    with_path, without = train(store, {"train": data[0]}), train(store, [data[0]])
    answer = store.diff(with_path, without)
    assert told(answer) == [("Model/Trainer/Dataset train", "path", "train", None)]
    assert [each.left == each.right for each in answer.differences] == [True]


def test_all_paths_of_an_input_are_told(backend: Backend) -> None:
    texts = ('[["train"],["eval",0]]', '[["eval",0],["train"]]', '["eval",0]')
    with writing(backend) as new:
        data, runs = new.artifact(name="lake"), [new.execution() for _ in texts]
        for run, text in zip(runs, texts, strict=True):
            new.edge(data, run, path=text)
    assert told(diff(backend, runs[0], runs[2])) == [
        ("lineage.Train/lineage.Dataset train", "path", "train, eval.0", "eval.0")
    ]
    assert diff(backend, *runs[:2]).differences == ()


def test_events_of_other_kinds_are_told(backend: Backend) -> None:
    """The plainest event of each counts: that more was declared or pending is no difference."""
    with writing(backend) as new:
        data = new.artifact()
        runs, models = [new.execution() for _ in range(3)], [new.artifact() for _ in range(3)]
        for run, model in zip(runs, models, strict=True):
            new.edge(data, run, EdgeKind.DECLARED_INPUT)
            new.edge(run, model, EdgeKind.PENDING_OUTPUT)
        for run, model in zip(runs[1:], models[1:], strict=True):
            new.edge(data, run)
            new.edge(run, model)
        new.edge(runs[2], models[2], EdgeKind.DECLARED_OUTPUT)
    place = "lineage.Dataset/lineage.Train (pending output)"
    assert told(diff(backend, *models[:2])) == [
        (place, "event", "PENDING_OUTPUT", "OUTPUT"),
        (f"{place}/lineage.Dataset (declared input)", "event", "DECLARED_INPUT", "INPUT"),
    ]
    assert diff(backend, *models[1:]).differences == ()


def test_two_nodes_met_again_in_other_ways_are_not_compared_again(backend: Backend) -> None:
    with writing(backend) as new:
        models = []
        for name, path in (("a", "x"), ("b", "y")):
            data, model = new.artifact(name=name), new.artifact()
            half, run = new.artifact(uri="half", custom={"of": name}), new.execution()
            new.edge(data, run, path='["x"]')
            new.edge(half, run)
            new.edge(run, model)
            new.path((first := new.execution()), half)
            new.edge(data, first, path=f'["{path}"]')
            models.append(model)
    place = "lineage.Dataset/lineage.Train"
    assert told(diff(backend, *models)) == [
        (f"{place}/lineage.Dataset", "custom_properties.of", "a", "b"),
        (f"{place}/lineage.Dataset x", "name", "a", "b"),
        (f"{place}/lineage.Dataset/lineage.Train/lineage.Dataset x", "path", "x", "y"),
    ]


def test_path_of_an_output_does_not_tell_runs_apart(backend: Backend) -> None:
    with writing(backend) as new:
        other = new.type(Kind.EXECUTION, "Other")
        models = []
        for kinds in ((None, other), (other, None)):
            model = new.artifact()
            for kind in kinds:
                run = new.execution(kind, custom={"model": model.id})
                new.edge(run, model, path='["model"]')
            models.append(model)
    assert [row[0] for row in told(diff(backend, *models))] == [
        "lineage.Dataset/Other model",
        "lineage.Dataset/lineage.Train model",
    ]


def test_what_has_no_counterpart_is_told_once(store: Store) -> None:
    lake, extra = store.put(Dataset(name="lake")), store.put(Dataset(name="extra"))
    store.record(lineage.Transform(), inputs=[Dataset(name="raw")], outputs=[extra.key])
    models = [train(store, [lake.key, extra.key]), train(store, [lake.key])]
    answer = store.diff(*models)
    assert told(answer) == [("Model/Trainer/Dataset", "artifact:2", None)]
    assert answer.differences[0].changes == ()
    assert told(store.diff(*reversed(models))) == [("Model/Trainer/Dataset", None, "artifact:2")]


def test_runs_of_other_types_are_still_compared(store: Store) -> None:
    one, two = (store.put(Dataset(uri="s3://lake", day=day)).key for day in (1, 2))
    models = [train(store, [one]), train(store, [two], Tuner())]
    assert told(store.diff(*models)) == [
        ("Model/Trainer", "type", "Trainer", "Tuner"),
        ("Model/Trainer", "properties.rate", 0.1, None),
        ("Model/Trainer/Dataset", "properties.day", 1, 2),
    ]


def test_versions_of_one_line_stop_where_both_lines_are(store: Store) -> None:
    models = [train(store, [Dataset(name="lake")])]
    for number in range(1, 20):
        run, model = Trainer(), Model(name=f"v{number}")
        recorded = store.record(run, inputs=[models[-1]], outputs=[model])
        models.append(recorded.outputs[0].key)
    answer = store.diff(models[18], models[19])
    assert told(answer) == [
        ("Model", "name", "v18", "v19"),
        ("Model/Trainer/Model", "name", "v17", "v18"),
    ]
    assert len(answer.shared) == 39


def test_cycles_end(store: Store) -> None:
    for name in ("a", "b"):
        data = Dataset(name=name)
        for _ in range(2):
            store.record(Trainer(), inputs=[data], outputs=[data])
    answer = store.diff("Dataset:a", "Dataset:b")
    assert told(answer) == [("Dataset", "name", "a", "b")]


def test_other_kinds_of_events_are_named(backend: Backend) -> None:
    with writing(backend) as new:
        runs = []
        for name in ("a", "b"):
            data, run = new.artifact(name=name), new.execution()
            new.edge(data, run, EdgeKind.DECLARED_INPUT, path='["in\\u001b",0]')
            runs.append(run)
    assert told(diff(backend, *runs)) == [
        ("lineage.Train/lineage.Dataset in\\x1b.0 (declared input)", "name", "a", "b")
    ]


# Environments, moments, what is gone


def test_environment_of_one_run_alone_is_one_change(store: Store) -> None:
    environment = Environment(name="sha256:1", python="3.11", custom_properties={"numpy": "2"})
    models = [train(store, (), within=within) for within in (environment, ())]
    assert told(store.diff(*models)) == [("Model/Trainer", "environment", "sha256:1", None)]
    both = [models[0], train(store, (), within=environment)]
    assert told(store.diff(*both)) == []
    runs = [key("execution:1"), key("execution:2")]
    assert told(store.diff(*runs)) == [("Trainer", "environment", "sha256:1", None)]


def test_gone_nodes_are_passed_and_said(store: Store) -> None:
    lakes = [store.put(Dataset(uri="s3://lake", day=day)).key for day in (1, 1)]
    models = [train(store, [lake]) for lake in lakes]
    store.delete("execution:1")
    store.delete(lakes[1])
    answer = store.diff(*models)
    assert told(answer) == [
        ("Model/Trainer", "gone", True, False),
        ("Model/Trainer/Dataset", "gone", False, True),
    ]
    assert store.at(answer.number - 2).diff(*models).differences == ()


def test_cut_lineages_differ_only_in_what_was_seen(backend: Backend) -> None:
    with writing(backend) as new:
        models = []
        for count in (2, 5):
            run, model = new.execution(), new.artifact()
            for number in range(count):
                new.edge(new.artifact(name=f"{len(models)} {number}"), run)
            new.edge(run, model)
            models.append(model)
    assert len(diff(backend, *models).differences) == 5
    answer = diff(backend, *models, limits=Limits(nodes=4))
    assert answer.truncated[0] is None
    assert answer.truncated[1] is not None
    assert answer.differences == ()
    assert "cut by nodes" in answer._repr_html_()


def test_answer_is_a_value(store: Store) -> None:
    models = [train(store, [Dataset(name=name)]) for name in ("a", "b")]
    answer = store.diff(*models)
    store.close()
    assert pickle.loads(pickle.dumps(answer)) == answer


@pytest.mark.parametrize(
    ("left", "right", "error", "says"),
    [
        ("artifact:1", "execution:1", Invalid, "artifact:1 and execution:1 are of different kinds"),
        ("artifact:1", "artifact:9", NotFound, "there is no artifact:9"),
        ("artifact:9", "artifact:1", NotFound, "there is no artifact:9"),
        ("context:1", "context:1", Invalid, "data does not flow through contexts"),
    ],
)
def test_what_cannot_be_compared(
    left: str, right: str, error: type[Exception], says: str, backend: Backend
) -> None:
    chain(backend, 2)
    with pytest.raises(error, match=says):
        diff(backend, key(left), key(right))


def test_notebook_shows_it_escaped(store: Store) -> None:
    models = [train(store, [Dataset(name=name)]) for name in ("<script>", "b" * 1_000_000)]
    html = store.diff(*models)._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert len(html) < 2_000
    many = [
        train(
            store, [store.put(Dataset(custom_properties=dict.fromkeys(map(str, range(60)), n))).key]
        )
        for n in (1, 2)
    ]
    assert "and 10 more" in store.diff(*many)._repr_html_()
    lonely = [train(store, [Dataset(name="c")]), train(store, ())]
    assert "artifact:9 c" in store.diff(*lonely)._repr_html_()


ends = st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())


@settings(max_examples=150, suppress_health_check=[*HealthCheck])
@given(st.lists(ends, max_size=16), st.integers(0, 4), st.integers(0, 4), st.integers(1, 10))
def test_what_holds_of_any_two(
    events: list[tuple[int, int, bool]], left: int, right: int, room: int
) -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            artifacts = [new.artifact(name=f"a{number}") for number in range(5)]
            executions = [new.execution(name=f"e{number}") for number in range(5)]
            for a, e, out in dict.fromkeys(events):
                pair = (artifacts[a], executions[e])
                new.edge(*(pair[::-1] if out else pair))
        one, other = artifacts[left], artifacts[right]
        walks = [set(backend.walk([each], Direction.UPSTREAM).keys) for each in (one, other)]
        answer = diff(backend, one, other)
        assert set(answer.shared) == walks[0] & walks[1]
        pairs = [
            (each.left and each.left.key, each.right and each.right.key)
            for each in answer.differences
        ]
        assert len(set(pairs)) == len(pairs)
        assert all(a != b and (a is None or a in walks[0]) for a, b in pairs)
        assert all(b is None or b in walks[1] for _, b in pairs)
        assert ((one, other) in pairs) == (one != other)
        mirrored = diff(backend, other, one).differences
        assert {(b, a) for a, b in pairs} == {
            (each.left and each.left.key, each.right and each.right.key) for each in mirrored
        }
        # Every node has a name of its own, so what only one lineage has is told, if its reader is.
        met = {each for pair in pairs for each in pair}
        for row in backend.edges(list(walks[0] - walks[1]), Direction.DOWNSTREAM):
            if row.target in walks[0] - walks[1] and (row.target, None) not in pairs:
                assert row.target not in met or row.source in met
        cut = diff(backend, one, other, limits=Limits(nodes=room))
        if cut.truncated == (None, None):
            assert cut == answer
