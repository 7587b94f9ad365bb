"""The run handle: what is stored when, how runs end, and what cannot be lost."""

# ruff: noqa: PT012 - how a run's block is left is what counts

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lineage
from lineage.contract.walking import Direction
from lineage.errors import AlreadyExists, Invalid, NotFound, Unavailable
from lineage.model.entities import (
    Artifact,
    Association,
    Attribution,
    Context,
    Edge,
    Event,
    EventType,
    Execution,
    ExecutionState,
)
from lineage.model.keys import NodeKey
from lineage.model.rows import edge_of
from lineage.model.system import Asset, Environment, Metrics
from lineage.recording import run as run_module
from lineage.store import Store
from tests.actors import Actor


class Dataset(lineage.Dataset):
    day: int = 0


class Model(lineage.Model):
    version: int = 0


class Trainer(lineage.Train):
    rate: float = 0.1


class Experiment(Context):
    note: str = ""


def edges(store: Store, *keys: NodeKey) -> list[Edge]:
    rows = store.backend.edges(keys, Direction.BOTH, as_of=store.as_of)
    return [edge_of(row) for row in rows]


def contexts_of(store: Store, key: NodeKey) -> list[NodeKey]:
    """Return what a node belongs to, but for the contexts of runs and their steps."""
    found = [
        each.context for each in edges(store, key) if isinstance(each, Attribution | Association)
    ]
    return [each for each in found if store.get(each).type != "lineage.Run"]


# What is stored when


def test_a_run_is_stored_as_it_goes_on(store: Store) -> None:
    run = store.run(Trainer(rate=0.5), within=Experiment(name="churn"), message="first")
    assert store.backend.now() == 0
    with run:
        assert store.get(Trainer, run.key) == run.execution
        assert (run.execution.rate, run.execution.state) == (0.5, "RUNNING")
        data = run.input(Dataset(uri="s3://1", day=1))
        assert store.get(Dataset, data.key) == data
        model = run.output(Model(uri="s3://m", version=7), path=("model", 0))
        assert store.get(Model, model.key) == model
        assert {each.key for each in store.upstream(model).nodes} == {
            model.key,
            run.key,
            data.key,
        }
        metrics = run.log_metrics(accuracy=0.9)
        assert store.get(Metrics, metrics.key) == metrics
    assert run.execution == store.get(Trainer, run.key)
    assert run.execution.state is ExecutionState.COMPLETE
    assert [
        (each.artifact, each.type, each.path)
        for each in edges(store, run.key)
        if isinstance(each, Event)
    ] == [
        (data.key, EventType.INPUT, ()),
        (model.key, EventType.OUTPUT, ("model", 0)),
        (metrics.key, EventType.OUTPUT, ()),
    ]
    assert [each.message for each in store.log()] == ["first"] * 5
    assert store.check() == []


def test_everything_belongs_to_the_contexts_and_only_the_run_to_its_environment(
    store: Store,
) -> None:
    with store.run(Trainer(), within=[Experiment(name="a"), Experiment(name="b")]) as run:
        data = run.input(Dataset(uri="1"))
        model = run.output(Model(uri="m"))
        metrics = run.log_metrics(loss=1)
    first, second = (store.get(Experiment, name).key for name in "ab")
    (environment,) = store.find(Environment)
    for key in (data.key, model.key, metrics.key):
        assert contexts_of(store, key) == [first, second]
    assert contexts_of(store, run.key) == sorted([first, second, environment.key])
    assert environment.python is not None
    assert "pydantic" in environment.custom_properties


def test_environment_of_record_is_the_runs_alone(store: Store) -> None:
    """Also where it is given by hand."""
    done = store.record(
        Trainer(), outputs=[Model(uri="m")], within=[Environment(name="e"), Experiment(name="a")]
    )
    environment, experiment = (each.key for each in done.contexts)
    assert contexts_of(store, done.outputs[0].key) == [experiment]
    assert contexts_of(store, done.execution.key) == [environment, experiment]


def test_an_environment_by_hand_is_the_runs_alone(store: Store) -> None:
    mine = Environment(name="mine", python="3.12")
    with store.run(Trainer(), within=[mine, Experiment(name="a")], environment=False) as run:
        model = run.output(Model(uri="m"))
        with run.step(lineage.Process()) as step:
            pass
    experiment = store.get(Experiment, "a").key
    assert contexts_of(store, model.key) == [experiment]
    assert contexts_of(store, step.key) == [experiment]
    assert contexts_of(store, run.key) == sorted([store.get(Environment, "mine").key, experiment])


def test_two_runs_share_one_environment(store: Store) -> None:
    for _ in range(2):
        with store.run(Trainer()):
            pass
    assert len(store.find(Environment)) == 1
    assert len(store.find(Execution, "contexts_e.type = 'lineage.Environment'")) == 2


def test_no_environment_where_none_is_wanted(store: Store) -> None:
    with store.run(Trainer(), environment=False) as run, run.step(lineage.Process()):
        pass
    assert [each.type for each in store.find(Context)] == ["lineage.Run"]


def test_libraries_imported_meanwhile_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Environment(name="before", python="3.11")
    after = Environment(name="after", python="3.11", custom_properties={"sklearn": "1.9"})
    monkeypatch.setattr(run_module, "capture", lambda: before)
    with store.run(Trainer()) as run:
        monkeypatch.setattr(run_module, "capture", lambda: after)
        with run.step(lineage.Process()) as step:
            pass
    for key in (run.key, step.key):
        (environment,) = contexts_of(store, key)
        assert store.get(environment).name == "after"
    assert contexts_of(store.at(1), run.key) == [store.get(Environment, "before").key]


def test_environment_that_somebody_took_away_does_not_keep_a_run_from_ending(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "capture", lambda: Environment(name="before"))
    with store.run(Trainer()) as run:
        (before,) = contexts_of(store, run.key)
        store.delete(Association(context=before, execution=run.key))
        monkeypatch.setattr(run_module, "capture", lambda: Environment(name="after"))
    assert run.execution.state == "COMPLETE"
    assert contexts_of(store, run.key) == [store.get(Environment, "after").key]


def test_inputs_are_reused_and_outputs_are_new(store: Store) -> None:
    with store.run(Trainer()) as first:
        data = first.input(Dataset(uri="1", day=1))
        model = first.output(Model(uri="m"))
    with store.run(Trainer()) as second:
        assert second.input(Dataset(uri="1", day=1)) == data
        assert second.input(Dataset(uri="1", day=2)).key != data.key
        assert second.input(model.key) == store.get(model.key)
        assert second.input(model) == model
        assert second.output(Model(uri="m")).key != model.key


def test_again_is_no_other_event(store: Store) -> None:
    with store.run(Trainer()) as run:
        data = run.input(Dataset(uri="1"), path="train")
        before = store.backend.now()
        assert run.input(data, path="train") == data
        assert run.input(Dataset(uri="1"), path="train") == data
        assert store.backend.now() == before
        model = run.output(Model(uri="m"))
        assert run.output(model) == model
        assert run.input(model) == model  # a run may read what it wrote
    assert len([each for each in edges(store, run.key) if isinstance(each, Event)]) == 3


def test_assets(store: Store) -> None:
    with store.run(Trainer(), within=Experiment(name="churn")) as run:
        data = run.input(Dataset(uri="1"), asset="wine")
        first = run.output(Model(uri="m/1"), asset="quality")
        second = run.output(Model(uri="m/2"), asset="quality")
    wine, quality = (store.get(Asset, name).key for name in ("wine", "quality"))
    churn = store.get(Experiment, "churn").key
    assert contexts_of(store, data.key) == sorted([wine, churn])
    assert contexts_of(store, first.key) == contexts_of(store, second.key)
    assert contexts_of(store, first.key) == sorted([quality, churn])
    assert quality not in contexts_of(store, run.key)
    assert store.versions(second).artifacts == (store.get(first.key), store.get(second.key))


def test_metrics_are_one_artifact_whose_history_stays(store: Store) -> None:
    with store.run(Trainer()) as run:
        first = run.log_metrics({"val/loss": 0.5, "épée": 1}, accuracy=0.8)
        number = store.backend.now()
        second = run.log_metrics(accuracy=0.9)
        assert run.log_metrics(accuracy=0.9) == second
    assert first.key == second.key
    assert second.custom_properties == {"val/loss": 0.5, "épée": 1, "accuracy": 0.9}
    assert store.at(number).get(Metrics, first.key) == first
    assert len(store.find(Metrics)) == 1


def test_metrics_go_on_in_a_new_artifact_after_their_deletion(store: Store) -> None:
    with store.run(Trainer()) as run:
        store.delete(run.log_metrics(loss=1))
        assert run.log_metrics(accuracy=1).custom_properties == {"accuracy": 1}


@pytest.mark.parametrize(
    "bad", [{}, {"a": "0.9"}, {"a": True}, {"a": [1]}, {1: 2}, {"a": None}, "ab", [1], 5]
)
def test_what_is_no_metric(bad: Any, store: Store) -> None:
    with store.run(Trainer(), environment=False) as run:
        before = store.backend.now()
        with pytest.raises(Invalid):
            run.log_metrics(bad)
        assert store.backend.now() == before


def test_numbers_of_numpy_are_metrics(store: Store) -> None:
    numpy = pytest.importorskip("numpy")
    with store.run(Trainer()) as run:
        metrics = run.log_metrics(a=numpy.float32(0.5), b=numpy.int64(3), c=float("nan"))
    assert metrics == store.get(Metrics, metrics.key)
    assert type(metrics.custom_properties["b"]) is int


def test_steps_are_runs_in_the_same_contexts(store: Store) -> None:
    with store.run(Trainer(), within=Experiment(name="a")) as run:
        with run.step(lineage.Transform(), within=Experiment(name="b"), message="split") as step:
            data = step.output(Dataset(uri="1"))
            with step.step(lineage.Process()) as inner:
                pass
        run.input(data)
    a, b = (store.get(Experiment, name).key for name in "ab")
    assert set(contexts_of(store, run.key)) & {a, b} == {a}
    assert {a, b} <= set(contexts_of(store, step.key))
    assert {a, b} <= set(contexts_of(store, inner.key))
    assert {each.message for each in store.log(step.key)} == {"split"}


# Endings


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class Odd(Exception):
    pass


def cancelled() -> BaseException:
    return asyncio.CancelledError("stopped")


@pytest.mark.parametrize(
    ("error", "state", "kind", "message"),
    [
        (ValueError("no\nway"), "FAILED", "ValueError", "no\nway"),
        (Odd("a\ud800b"), "FAILED", f"{__name__}.Odd", "a\\ud800b"),
        (KeyError("k"), "FAILED", "KeyError", "'k'"),
        (LookupError("x" * 10_000), "FAILED", "LookupError", "x" * 10_000),
        (ValueError("x" * 20_000), "FAILED", "ValueError", "x" * 10_000 + "…"),
        (
            Unspeakable(),
            "FAILED",
            f"{__name__}.Unspeakable",
            "(its message cannot be read: RuntimeError)",
        ),
        (
            ExceptionGroup("two", [ValueError("a")]),
            "FAILED",
            "ExceptionGroup",
            "two (1 sub-exception)",
        ),
        (SystemExit(2), "FAILED", "SystemExit", "2"),
        (KeyboardInterrupt(), "CANCELED", "KeyboardInterrupt", ""),
        (GeneratorExit(), "CANCELED", "GeneratorExit", ""),
        (cancelled(), "CANCELED", "asyncio.exceptions.CancelledError", "stopped"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 50 else type(value).__name__,
)
def test_exceptions_propagate_and_are_kept(
    error: BaseException, state: str, kind: str, message: str, store: Store
) -> None:
    with (
        pytest.raises(type(error)) as caught,
        store.run(Trainer(), environment=False) as run,
    ):
        run.input(Dataset(uri="1"))
        raise error
    assert caught.value is error
    assert run.execution == store.get(Trainer, run.key)
    assert run.execution.state == state
    assert run.execution.custom_properties == {"error_type": kind, "error_message": message}
    assert run.execution.rate == 0.1


@pytest.mark.parametrize("code", [None, 0])
def test_a_program_that_exits_well_completes(code: int | None, store: Store) -> None:
    with pytest.raises(SystemExit), store.run(Trainer()) as run:
        raise SystemExit(code)
    assert run.execution.state == "COMPLETE"
    assert run.execution.custom_properties == {}


def test_failure_to_record_a_failure_is_attached(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        pytest.raises(ValueError, match="mine") as caught,
        store.run(Trainer()) as run,
    ):
        store.delete(run.key)
        raise ValueError("mine")
    (note,) = caught.value.__notes__
    assert note.startswith(f"lineage could not record that {run.key} ended as FAILED: NotFound: ")
    assert caplog.messages == [f"{run.key} could not be recorded as FAILED"]


class FrozenError(Exception):
    """One that takes no note, as a frozen dataclass does not."""

    def add_note(self, _: str) -> None:
        raise AttributeError("__notes__")


def test_an_error_that_takes_no_note_wins_too(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(FrozenError), store.run(Trainer(), environment=False) as run:
        store.delete(run.key)
        raise FrozenError
    assert caplog.messages == [f"{run.key} could not be recorded as FAILED"]


class Incomparable:
    def __eq__(self, _: object) -> bool:
        raise ArithmeticError

    __hash__ = None  # type: ignore[assignment]


def test_whatever_a_program_exits_with_is_kept(store: Store) -> None:
    with pytest.raises(SystemExit), store.run(Trainer(), environment=False) as run:
        raise SystemExit(Incomparable())
    assert run.execution.state == "FAILED"


def test_failure_to_record_the_end_is_the_callers(store: Store) -> None:
    with pytest.raises(NotFound, match="was deleted"), store.run(Trainer()) as run:
        store.delete(run.key)


def test_a_state_that_somebody_set_stays(store: Store) -> None:
    with store.run(Trainer()) as run:
        cached = run.execution.replace(state=ExecutionState.CACHED)
        store.update(cached)
    assert store.get(Trainer, run.key).state == "CACHED"
    assert run.execution.state == "CACHED"


def test_an_update_meanwhile_is_kept(store: Store) -> None:
    with store.run(Trainer()) as run:
        store.update(run.execution.replace(custom_properties={"gpu": "a100"}, name="seven"))
    assert run.execution.name == "seven"
    assert run.execution.custom_properties == {"gpu": "a100"}
    assert run.execution.state == "COMPLETE"


# Transactions around runs


def test_a_run_inside_a_transaction_is_part_of_it(store: Store) -> None:
    with store.transaction(message="all"), store.run(Trainer()) as run:
        model = run.output(Model(uri="m"))
        run.log_metrics(a=1)
        run.log_metrics(b=2)
    assert store.backend.now() == 1
    assert run.execution.state == "COMPLETE"
    assert len(store.upstream(model).nodes) == 2
    (metrics,) = store.find(Metrics)
    assert metrics.custom_properties == {"a": 1, "b": 2}


def test_nothing_is_left_of_a_refused_call(store: Store) -> None:
    with store.run(Trainer()) as run:
        before = store.backend.now()
        with pytest.raises(NotFound):
            run.input(NodeKey(lineage.Kind.ARTIFACT, 99))
        with pytest.raises(Invalid, match="each output must be an artifact"):
            run.output(Trainer())
        with pytest.raises(Invalid, match="not a string"):
            run.output(Model(uri="m"), asset=7)
        with pytest.raises(Invalid, match="neither an index"):
            run.output(Model(uri="m"), path=(1.5,))
        store.put(Model(name="taken", external_id="x"))
        assert run.output(Model(name="taken")).external_id == "x"
    assert store.backend.now() == before + 3
    assert len(store.find(Artifact)) == 1


# What a run refuses


def past(store: Store) -> None:
    store.put(Dataset(uri="1"))
    with store.at(1).run(Trainer()):
        pass


REFUSED: dict[str, tuple[Callable[[Store], object], str]] = {
    "an artifact": (lambda store: store.run(Model()), "give an execution"),
    "a state": (lambda store: store.run(Trainer(state="FAILED")), "leave FAILED out"),
    "no context": (lambda store: store.run(Trainer(), within=Model()), "must be a context"),
    "the past": (past, "cannot be changed"),
    "not entered": (lambda store: store.run(Trainer()).input(Dataset(uri="1")), "enter it"),
    "no step yet": (lambda store: store.run(Trainer()).step(Trainer()), "enter it"),
    "no key yet": (lambda store: store.run(Trainer()).key, "has not begun"),
}


@pytest.mark.parametrize(("do", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(do: Callable[[Store], object], message: str, store: Store) -> None:
    with pytest.raises(Invalid, match=message):
        do(store)
    assert store.find(Execution) == lineage.Page(())


def test_a_run_is_entered_once_and_ends(store: Store) -> None:
    with store.run(Trainer()) as run:
        pass
    with pytest.raises(Invalid, match="was entered before"), run:
        pass
    for late in (
        lambda: run.input(Dataset(uri="1")),
        lambda: run.output(Model()),
        lambda: run.log_metrics(a=1),
        lambda: run.step(Trainer()),
    ):
        with pytest.raises(Invalid, match="has ended"):
            late()
    assert store.get(Trainer, run.key).state == "COMPLETE"


@pytest.mark.parametrize("message", [5, "\udcff"])
def test_the_message_of_a_step_is_a_text(message: Any, store: Store) -> None:
    with (
        store.run(Trainer(), environment=False) as run,
        pytest.raises(Invalid, match=r"not a string|lone surrogate"),
    ):
        run.step(Trainer(), message=message)


def test_a_taken_name_begins_no_run(store: Store) -> None:
    store.put(Trainer(name="nightly"))
    with pytest.raises(AlreadyExists), store.run(Trainer(name="nightly")):
        pytest.fail("the run began")  # pragma: no cover


# Threads and processes


def test_threads_record_in_one_run(store: Store) -> None:
    with store.run(Trainer()) as run, ThreadPoolExecutor(4) as pool:

        def work(number: int) -> None:
            run.input(Dataset(uri="shared"))
            run.input(Dataset(uri=f"{number}"))
            run.output(Model(uri="m"))
            run.log_metrics({f"m{number}": number})

        list(pool.map(work, range(12)))
    assert len(store.find(Dataset)) == 13
    assert len(store.find(Model)) == 12
    (metrics,) = store.find(Metrics)
    assert metrics.custom_properties == {f"m{number}": number for number in range(12)}
    assert run.execution.state == "COMPLETE"
    assert store.check() == []


def test_what_a_thread_committed_is_known_when_the_next_one_writes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock goes with the backend's commit, before the thread that committed goes on."""
    commit, between = store.backend.commit, []
    with store.run(Trainer()) as run, ThreadPoolExecutor(1) as pool:

        def commit_and_be_overtaken() -> None:
            monkeypatch.setattr(store.backend, "commit", commit)
            commit()
            between.append(pool.submit(run.log_metrics, b=2).result(60))

        monkeypatch.setattr(store.backend, "commit", commit_and_be_overtaken)
        first = run.log_metrics(a=1)
    assert [each.key for each in between] == [first.key]
    assert between[0].custom_properties == {"a": 1, "b": 2}


def test_threads_run_side_by_side(store: Store) -> None:
    barrier = threading.Barrier(4)

    def work(number: int) -> Model:
        with store.run(Trainer(), within=Experiment(name="all")) as run:
            barrier.wait(60)
            run.input(Dataset(uri=f"{number}"))
            return run.output(Model(version=number))

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(work, range(4)))
    for number, model in enumerate(models):
        (data,) = store.upstream(model, type=Dataset).matches
        assert (model.version, data.uri) == (number, f"{number}")
    assert len(store.find(Experiment)) == 1


def test_a_killed_process_leaves_a_running_run(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Actor("runner", path) as actor:
        key = actor.said()
        actor.kill()
    with lineage.connect(path) as store:
        run = store.get(key)
        assert isinstance(run, Execution)
        assert run.state == "RUNNING"
        assert {each.key.kind for each in store.downstream(run).nodes} == {"artifact", "execution"}
        assert store.find(Execution, "state = 'RUNNING'")[0] == run
        assert store.check() == []


def test_a_store_that_fails_at_the_end_lets_the_users_error_win(tmp_path: Path) -> None:
    store = lineage.connect(tmp_path / "a.db")
    with pytest.raises(ValueError, match="mine") as caught, store.run(Trainer()):
        store.close()
        raise ValueError("mine")
    assert "the store is closed" in caught.value.__notes__[0]
    assert not isinstance(caught.value, Unavailable)
