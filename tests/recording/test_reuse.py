"""Whether a step was done before: what has to be the same, whose run it is, and what is recorded of it."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from pydantic import Field

import lineage
from lineage.errors import AlreadyExists, Invalid, LineageError, NotFound
from lineage.model.entities import Artifact, ArtifactState, Context, Execution, ExecutionState
from lineage.model.keys import NodeKey
from lineage.model.schema import ArtifactType, ExecutionType
from lineage.model.values import NO_PROPERTIES
from lineage.recording import reuse as reusing
from lineage.recording.functions.source import code_digest
from lineage.recording.record import Placed
from lineage.recording.reuse import CODE, done_before, placed
from lineage.store import Store

TELLING = "sha256:" + "0a" * 32
OTHER = "sha256:" + "0b" * 32


class Table(lineage.Dataset):
    day: int | None = None


class Net(lineage.Model):
    depth: int | None = None


class Fit(lineage.Train):
    rate: float = 0.1
    depth: int | None = None


class Experiment(Context):
    pass


def fit(
    store: Store,
    execution: Execution | str = "Fit",
    *,
    inputs: Any = (),
    outputs: Any = (),
    code: str | None = None,
    **params: object,
) -> Execution:
    """Record a run and return its execution."""
    with store.run(execution, params=params) as run:
        for path, node in placed(inputs):
            run.input(node, path=path)
        for path, node in placed(outputs):
            run.output(node, path=path)
        if code is not None:
            run.keep({CODE: code})
    return run.execution


def doer(store: Store, execution: Execution | str = "Fit", **asked: Any) -> NodeKey | None:
    """Return the run that did a step."""
    found = store.reuse(execution, **asked)
    return None if found is None else found.run.key


def test_step_that_was_done_is_found_with_its_outputs(store: Store) -> None:
    run = fit(
        store,
        Fit(depth=3),
        inputs={"train": Table(uri="s3://a", digest=TELLING)},
        outputs=[Net(uri="s3://net", depth=3), Net(uri="s3://other")],
    )
    found = store.reuse(Fit(depth=3), inputs={"train": Table(uri="s3://b", digest=TELLING)})
    assert found is not None
    assert (found.run, found.cached, found.notes) == (run, None, ())
    assert [each.uri for each in found.outputs] == ["s3://net", "s3://other"]
    assert found.run.depth == 3


def test_step_without_inputs_or_outputs_is_one_too(store: Store) -> None:
    run = fit(store, depth=3)
    found = store.reuse("Fit", params={"depth": 3})
    assert found is not None
    assert (found.run.key, found.outputs) == (run.key, ())


def test_nothing_is_found_in_an_empty_store(store: Store) -> None:
    assert store.reuse(Fit()) is store.reuse("Fit", inputs=Table(digest=TELLING)) is None


# The same parameters

DIFFERENT: dict[str, tuple[Execution | str, dict[str, object]]] = {
    "another value": (Fit(depth=4), {"seed": 1}),
    "another value of a default": (Fit(depth=3, rate=0.2), {"seed": 1}),
    "one less": (Fit(depth=3), {}),
    "one less that is declared": (Fit(), {"seed": 1}),
    "one more": (Fit(depth=3), {"seed": 1, "fold": 0}),
    "a float for an int": (Fit(depth=3), {"seed": 1.0}),
    "a bool for an int": (Fit(depth=3), {"seed": True}),
    "another type": (lineage.Train(), {"seed": 1, "depth": 3, "rate": 0.1}),
    "a type that is not there": ("Fit2", {"seed": 1, "depth": 3, "rate": 0.1}),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_other_parameters_are_another_step(store: Store, case: str) -> None:
    fit(store, Fit(depth=3), seed=1)
    execution, params = DIFFERENT[case]
    assert store.reuse(execution, params=params) is None


def test_parameters_are_the_same_wherever_they_are_given(store: Store) -> None:
    run = fit(store, Fit(depth=3), seed=1)
    assert doer(store, Fit(), params={"depth": 3, "seed": 1}) == run.key
    assert doer(store, "Fit", params={"rate": 0.1, "depth": 3, "seed": 1}) == run.key
    assert doer(store, Fit(depth=3, custom_properties={"seed": 1})) == run.key


def test_whole_number_of_a_declared_float_is_that_float(store: Store) -> None:
    run = fit(store, Fit(rate=1))
    assert doer(store, Fit(rate=1.0)) == run.key
    assert doer(store, "Fit", params={"rate": 1}) == run.key


def test_nan_is_equal_to_itself_and_structs_by_their_content(store: Store) -> None:
    run = fit(store, loss=float("nan"), grid={"a": [1], "b": 2})
    assert doer(store, params={"grid": {"b": 2, "a": [1]}, "loss": float("nan")}) == run.key
    assert doer(store, params={"grid": {"b": 2, "a": [1.0]}, "loss": float("nan")}) is None


def test_what_was_logged_later_is_a_parameter_and_marks_are_none(store: Store) -> None:
    with store.run("Fit", tags=("nightly",), note="slow", details=True) as run:
        run.log_params(depth=3)
    assert doer(store, params={"depth": 3}) == run.key
    assert doer(store) is None


def test_field_that_the_class_has_got_meanwhile_is_another_step(store: Store) -> None:
    run = fit(store, Fit())

    class Wider(lineage.Train, type="Fit"):
        rate: float = 0.1
        seed: int = 0

    class Silent(lineage.Train, type="Fit"):
        rate: float = 0.1
        seed: int | None = None

    assert store.reuse(Wider()) is None
    assert doer(store, Silent()) == run.key
    assert store.types() == store.at(store.backend.now()).types()  # nothing was written


def test_versions_of_a_type_are_types(store: Store) -> None:
    store.put([ExecutionType(name="Clean", version="1"), ExecutionType(name="Clean", version="2")])
    done = fit(store, Execution(type="Clean", type_version="1"))
    assert doer(store, Execution(type="Clean", type_version="1")) == done.key
    assert store.reuse(Execution(type="Clean", type_version="2")) is None
    with pytest.raises(Invalid, match=r"there are Clean@1, Clean@2; give a node of one of them"):
        store.reuse("Clean")


# The same inputs


def test_inputs_are_the_same_by_a_telling_digest_whatever_else(store: Store) -> None:
    run = fit(store, inputs=[Table(uri="s3://a", name="a", day=1, digest=TELLING)])
    plain = Artifact(type="lineage.Dataset", custom_properties={"digest": TELLING})
    for same in (Table(digest=TELLING), lineage.Model(uri="s3://b", digest=TELLING), plain):
        assert doer(store, inputs=same) == run.key
    assert doer(store, inputs=[Table(uri="s3://a", name="a", day=1, digest=OTHER)]) is None


def test_digest_that_tells_little_needs_the_same_uri(store: Store) -> None:
    run = fit(store, inputs=[Table(uri="s3://a", digest="v1")])
    assert doer(store, inputs=[Table(uri="s3://a", digest="v1", day=5)]) == run.key
    assert doer(store, inputs=[Table(uri="s3://b", digest="v1")]) is None
    assert doer(store, inputs=[Table(uri="s3://a", digest="v2")]) is None


def test_artifact_without_digest_is_the_same_as_itself_alone(store: Store) -> None:
    table, twin = store.put([Table(uri="s3://a"), Table(uri="s3://a")])
    run = fit(store, inputs=[table])
    assert doer(store, inputs=table) == doer(store, inputs=table.key) == run.key
    assert doer(store, inputs=twin) is None


def test_artifact_is_found_by_its_name_and_external_id(store: Store) -> None:
    table = store.put(Table(name="users", external_id="x"))
    run = fit(store, inputs=[table])
    for same in (Table(name="users"), Table(external_id="x"), Table(name="users", external_id="x")):
        assert doer(store, inputs=same) == run.key
    assert doer(store, inputs=Table(name="others")) is None
    assert doer(store, inputs=Net(name="users")) is None
    assert doer(store, inputs=Table(external_id="y")) is None


def test_paths_are_part_of_the_inputs(store: Store) -> None:
    one, other = Table(uri="s3://a", digest=TELLING), Table(uri="s3://b", digest=OTHER)
    run = fit(store, inputs={"train": one, "test": other})
    assert doer(store, inputs={"test": other, "train": one}) == run.key
    assert doer(store, inputs={"train": other, "test": one}) is None
    assert doer(store, inputs=[one, other]) is None
    assert doer(store, inputs={"train": one}) is None
    assert doer(store, inputs={"train": one, "test": other, "base": other}) is None


def test_artifact_that_is_read_twice_is_so_in_both(store: Store) -> None:
    table = store.put(Table(uri="s3://a", digest=TELLING))
    with store.run("Fit") as run:
        run.input(table)
        run.input(table, use="train")
        run.input(table, use="test")
    assert doer(store, inputs={"train": table, "test": table}) is None
    asked = [Placed(path, table) for path in ((), ("train",), ("test",))]
    done = done_before(store.backend, "Fit", params=NO_PROPERTIES, inputs=asked, code=None)
    assert done is not None
    assert done.run.key == run.key


def test_copies_count_as_often_as_they_are_read(store: Store) -> None:
    copies = [Table(uri=uri, digest=TELLING) for uri in ("s3://a", "s3://b")]
    run = fit(store, inputs=copies)
    assert doer(store, inputs=copies) == run.key
    assert doer(store, inputs=copies[:1]) is None
    assert doer(store, inputs=[copies[0], copies[0]]) is None


def test_input_with_the_fewest_readers_leads_to_the_run(store: Store) -> None:
    hub = store.put(Table(uri="s3://hub", digest=TELLING))
    for day in range(5):
        fit(store, inputs=[hub, Table(uri=f"s3://{day}", digest=f"sha256:{day:064x}")])
    read = [Table(digest=f"sha256:{2:064x}"), Table(digest=TELLING)]
    assert doer(store, inputs=read) == NodeKey.parse("execution:3")


def test_input_with_very_many_readers_is_no_hindrance(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reusing, "MOST_READERS", 2)
    monkeypatch.setattr(reusing, "BATCH_RUNS", 2)
    hub = store.put(Table(uri="s3://hub", digest=TELLING))
    runs = [fit(store, inputs=[hub], depth=depth) for depth in range(7)]
    fit(store, depth=1)
    fit(store, "Other", inputs=[hub], depth=1)
    assert doer(store, inputs=[hub], params={"depth": 1}) == runs[1].key
    assert doer(store, inputs=[hub], params={"depth": 8}) is None


# The same code


def test_code_is_that_which_the_run_keeps(store: Store) -> None:
    digest = code_digest(doer)
    assert digest is not None
    plain, coded = fit(store), fit(store, code=digest)
    assert doer(store, code=doer) == doer(store, code=digest) == coded.key
    assert doer(store) == plain.key
    assert doer(store, code=fit) is None


# Which run


def test_newest_run_that_did_it_is_taken(store: Store) -> None:
    runs = [fit(store, outputs=[Net(uri=f"s3://{number}")]) for number in range(3)]
    assert doer(store) == runs[2].key
    store.delete(runs[2])
    assert doer(store) == runs[1].key


@pytest.mark.parametrize("state", ExecutionState)
def test_run_counts_and_is_over(store: Store, state: ExecutionState) -> None:
    done = fit(store)
    other = store.put(Execution(type="Fit", state=state))
    is_done = state in (ExecutionState.COMPLETE, ExecutionState.UNKNOWN)
    assert doer(store) == (other.key if is_done else done.key)


def test_run_that_raised_is_not_taken(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.run("Fit"):
        _ = 1 / 0
    assert store.reuse("Fit") is None
    with store.run("Fit"):
        assert store.reuse("Fit") is None


def test_cached_run_leads_to_the_one_that_did_the_work(store: Store) -> None:
    done = fit(store, outputs=[Net(uri="s3://net")])
    for _ in range(2):
        found = store.reuse("Fit", record=True)
        assert found is not None
        assert found.run.key == done.key
    store.delete(done)
    assert store.reuse("Fit") is None


@pytest.mark.parametrize(
    "state",
    [
        ArtifactState.DELETED,
        ArtifactState.MARKED_FOR_DELETION,
        ArtifactState.ABANDONED,
        ArtifactState.PENDING,
    ],
)
def test_run_whose_output_is_withdrawn_or_not_whole_is_passed_over(
    store: Store, state: ArtifactState
) -> None:
    older = fit(store, outputs=[Net(uri="s3://1")])
    fit(store, outputs=[Net(uri="s3://2", state=state), Net(uri="s3://3")])
    assert doer(store) == older.key


def test_run_whose_output_is_deleted_or_purged_is_passed_over(store: Store) -> None:
    older, newer = (fit(store, outputs=[Net(uri=uri)]) for uri in ("s3://1", "s3://2"))
    store.delete("s3://2")
    assert doer(store) == older.key
    store.restore(NodeKey.parse("artifact:2"))
    assert doer(store) == newer.key
    store.purge("s3://2", reason="asked to")
    assert doer(store) == older.key
    store.purge(older, reason="asked to")
    assert store.reuse("Fit") is None


def test_output_that_is_only_pending_is_not_whole(store: Store) -> None:
    run, net = store.put([Execution(type="lineage.Train"), Net(uri="s3://net")])
    store.put(lineage.Event(artifact=net.key, execution=run.key, type="PENDING_OUTPUT"))
    assert store.reuse(lineage.Train()) is None
    store.put(lineage.Event(artifact=net.key, execution=run.key, type="OUTPUT"))
    assert doer(store, lineage.Train()) == run.key


def test_metrics_and_series_are_no_outputs(store: Store) -> None:
    with store.run("Fit") as run:
        net = run.output(Net(uri="s3://net"))
        run.log_metrics(loss=0.5)
        run.log_metrics(loss=0.5, step=1)
    found = store.reuse("Fit")
    assert found is not None
    assert [each.key for each in found.outputs] == [net.key]
    store.delete(*(each.key for each in store.find(lineage.Metrics)))
    assert doer(store) == run.key


# At another moment


def test_store_of_the_past_knows_what_was_done_then(store: Store) -> None:
    table = store.put(Table(name="users", uri="s3://a"))
    before = store.backend.now()
    first = fit(store, inputs=[table], outputs=[Net(uri="s3://1")])
    between = store.backend.now()
    second = fit(store, inputs=[table], outputs=[Net(uri="s3://2")])
    last = store.backend.now()
    store.delete(table, second)
    asked = {"inputs": Table(name="users")}
    assert doer(store.at(before), **asked) is None
    assert doer(store.at(between), **asked) == first.key
    assert doer(store.at(last), **asked) == second.key
    assert doer(store, **asked) is None
    with pytest.raises(Invalid, match=r"the store as of transaction .* cannot be changed"):
        store.at(last).reuse("Fit", record=True, **cast(Any, asked))


def test_types_and_outputs_are_those_of_the_moment(store: Store) -> None:
    fit(store, Fit(), outputs=[Net(uri="s3://1")])
    number = store.backend.now()
    store.update(store.get(Net, 1).replace(uri="s3://2"))
    found, then = store.reuse(Fit()), store.at(number).reuse(Fit())
    assert found is not None
    assert then is not None
    assert (found.outputs[0].uri, then.outputs[0].uri) == ("s3://2", "s3://1")
    assert store.at(0).reuse(Fit()) is None


def test_transaction_sees_its_own_runs(store: Store) -> None:
    with store.transaction():
        run = store.record(Fit(), inputs=Table(digest=TELLING)).execution
        found = store.reuse(Fit(), inputs=Table(digest=TELLING), record=True)
        assert found is not None
        assert found.run.key == run.key
    assert len(store.log()) == 1


# What is recorded


def test_reuse_is_recorded_as_a_cached_run(store: Store) -> None:
    table = Table(uri="s3://a", digest=TELLING)
    with store.run(Fit(depth=3), params={"seed": 1}) as run:
        run.input(table, use="train")
        run.output(Net(uri="s3://net"), path=("nets", 0))
        run.log_metrics(loss=0.5)
        run.keep({CODE: "sha256:1"})
    found = store.reuse(
        Fit(depth=3),
        params={"seed": 1},
        inputs={"train": table},
        code="sha256:1",
        record=True,
        within=Experiment(name="churn"),
        message="again",
    )
    assert found is not None
    assert found.cached is not None
    assert store.log(limit=1)[0].message == "again"
    cached = store.get(Fit, found.cached.key)
    assert cached.state == ExecutionState.CACHED
    assert cached.properties == run.execution.properties
    assert cached.custom_properties == {"seed": 1, CODE: "sha256:1"}
    summary = store.show(cached.key)
    [read], [written] = summary.inputs, summary.outputs
    assert (store.get(Table, read.node.key).uri, read.paths) == ("s3://a", (("train",),))
    assert (store.get(Net, written.node.key).uri, written.paths) == ("s3://net", (("nets", 0),))
    assert [each.name for each in summary.contexts] == ["churn"]
    assert len(store.find(Table)) == len(store.find(Net)) == len(store.find(lineage.Metrics)) == 1
    assert store.check() == []


def test_nothing_is_recorded_where_nothing_was_done(store: Store) -> None:
    fit(store, depth=3)
    before = store.backend.now()
    assert store.reuse("Fit", params={"depth": 4}, record=True) is None
    assert store.reuse("Other", record=True) is None
    assert store.reuse("Fit", params={"depth": 3}) is not None
    assert store.backend.now() == before


def test_run_that_is_recorded_may_have_a_name(store: Store) -> None:
    fit(store, Fit(name="nightly 1"))
    found = store.reuse(Fit(name="nightly 2"), record=True)
    assert found is not None
    assert found.cached is not None
    assert found.cached.name == "nightly 2"
    with pytest.raises(AlreadyExists, match="the name 'nightly 1' already"):
        store.reuse(Fit(name="nightly 1"), record=True)


def test_what_is_noted_of_the_recording_is_in_the_answer(store: Store) -> None:
    plain = store.put(lineage.Dataset(uri="s3://a", digest=TELLING))
    fit(store, inputs=[plain])
    found = store.reuse("Fit", inputs=Table(uri="s3://a", digest=TELLING), record=True)
    assert found is not None
    [note] = found.notes
    assert note.startswith(f"{plain.key} has the same URI and digest")


# What is not looked at is said


def test_bounds_are_said(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = fit(store, inputs=[Table(uri="s3://0", digest=TELLING)], depth=0)
    for number in range(1, 6):
        fit(store, inputs=[Table(uri=f"s3://{number}", digest=TELLING)], depth=number)
    asked: dict[str, Any] = {"inputs": Table(digest=TELLING), "params": {"depth": 0}}
    monkeypatch.setattr(reusing, "MOST_ALIKE", 2)
    found = store.reuse("Fit", **asked)
    assert found is not None
    assert found.run.key == first.key
    assert found.notes == (
        f"only the first 2 artifacts with the digest {TELLING!r} were looked at",
    )
    monkeypatch.setattr(reusing, "MOST_ALIKE", 1_000)
    monkeypatch.setattr(reusing, "MOST_CANDIDATES", 5)
    assert store.reuse("Fit", **asked) is None
    assert caplog.messages == ["only the last 5 runs of the step were looked at"]


REFUSED: dict[str, tuple[type[LineageError], str, Callable[[Store], object]]] = {
    "an input that nothing tells": (
        Invalid,
        "nobody can say that .* is what was read before: give its digest",
        lambda it: it.reuse("Fit", inputs=Table(uri="s3://a")),
    ),
    "an input with a short digest and no URI": (
        Invalid,
        "nobody can say",
        lambda it: it.reuse("Fit", inputs=Table(digest="v1")),
    ),
    "an input that is not there": (
        NotFound,
        "there is no artifact:9, which a step is to read",
        lambda it: it.reuse("Fit", inputs=NodeKey.parse("artifact:9")),
    ),
    "an input that is no artifact": (
        Invalid,
        "each input must be an artifact or its key",
        lambda it: it.reuse("Fit", inputs=cast(Any, [Fit()])),
    ),
    "no execution": (Invalid, "cannot be recorded", lambda it: it.reuse(cast(Any, Table()))),
    "a name that is none": (Invalid, "is no name of a type", lambda it: it.reuse("s3://a")),
    "a run": (
        Invalid,
        "execution:1 is recorded already",
        lambda it: it.reuse(it.put(Fit())),
    ),
    "a state": (
        Invalid,
        "a run sets its state by itself; leave CACHED out",
        lambda it: it.reuse(Fit(state=ExecutionState.CACHED)),
    ),
    "a parameter of the engine's own": (
        Invalid,
        "'lineage.code': names that begin with 'lineage.'",
        lambda it: it.reuse("Fit", params={CODE: "x"}),
    ),
    "a value that the type does not allow": (
        Invalid,
        "property 'depth' of type Fit is INT, not STRING",
        lambda it: [it.put(Fit()), it.reuse("Fit", params={"depth": "3"})],
    ),
    "a context of nothing": (
        Invalid,
        "within= and message= are of the run that is recorded",
        lambda it: it.reuse("Fit", within=Experiment(name="churn")),
    ),
    "a message of nothing": (
        Invalid,
        "give record=True, too",
        lambda it: it.reuse("Fit", message="again"),
    ),
    "an empty digest of code": (Invalid, "is empty", lambda it: it.reuse("Fit", code=" ")),
    "code that is none": (
        Invalid,
        "code=7: give the function",
        lambda it: it.reuse("Fit", code=cast(Any, 7)),
    ),
    "code without source": (
        Invalid,
        "code=.* has no digest, as its source",
        lambda it: it.reuse("Fit", code=len),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_argument_is_refused(store: Store, case: str) -> None:
    error, words, call = REFUSED[case]
    store.put(ArtifactType(name="T"))
    with pytest.raises(error, match=words):
        call(store)


def test_class_at_odds_with_its_stored_type_is_refused(store: Store) -> None:
    fit(store, Fit())

    class Other(lineage.Train, type="Fit"):
        rate: str = Field(default="fast")

    with pytest.raises(
        Invalid, match="type Fit: property 'rate' is DOUBLE and cannot become STRING"
    ):
        store.reuse(Other())
