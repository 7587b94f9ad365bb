"""Going on with a run that is recorded already."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import lineage
from lineage.errors import Invalid, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.store import Store


class Fit(lineage.Train):
    """A training."""


class Net(lineage.Model):
    """A model."""


class Experiment(lineage.Context):
    """Runs."""


@pytest.fixture
def job(store: Store) -> Store:
    """A run of a driver, which stays RUNNING, within an experiment."""
    store.run(Fit(external_id="job"), within=Experiment(name="e"), environment=False).__enter__()
    return store


def state(store: Store) -> tuple[str | None, str | None]:
    """Return the run's state, and the type of the error that it died of."""
    run = store.get(Fit, 1)
    return run.state, run.custom_properties.get("error_type")


def test_a_worker_records_in_its_drivers_run(job: Store) -> None:
    with job.extend("job", message="worker 1") as run:
        data = run.input(lineage.Dataset(name="d"), use="train")
        run.output(Net(name="m"))
    assert run.key == NodeKey(Kind.EXECUTION, 1)
    assert state(job) == ("RUNNING", None)
    shown = job.show("Net:m")
    assert [source.node.key for source in shown.datasets] == [data.key]
    assert [context.name for context in shown.contexts] == ["e"]
    assert job.log(limit=1)[0].message == "worker 1"
    assert job.check() == []


def test_it_ends_the_run_where_it_is_told_to(job: Store) -> None:
    with job.extend("job", end=True) as run:
        assert run.execution.state == "RUNNING"
    assert (run.execution.state, state(job)) == ("COMPLETE", ("COMPLETE", None))


def test_a_block_that_raises_fails_the_run(job: Store) -> None:
    with pytest.raises(ZeroDivisionError), job.extend("job"):
        _ = 1 / 0
    assert state(job) == ("FAILED", "ZeroDivisionError")
    with job.extend("job"):
        pass
    assert state(job) == ("FAILED", "ZeroDivisionError")


def test_states_only_move_up(job: Store) -> None:
    with pytest.raises(ZeroDivisionError), job.extend("job"):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), job.extend("job"):
        raise KeyboardInterrupt
    assert state(job) == ("CANCELED", "KeyboardInterrupt")  # of equals the later one
    with job.extend("job", end=True):
        pass
    assert state(job)[0] == "COMPLETE"
    before = job.backend.now()
    with pytest.raises(ZeroDivisionError), job.extend("job"):
        _ = 1 / 0
    assert state(job)[0] == "COMPLETE"
    assert job.backend.now() == before


@pytest.mark.parametrize("stored", ["NEW", "RUNNING", None, "UNKNOWN", "COMPLETE", "CACHED"])
def test_an_end_goes_before_what_is_below_it(store: Store, stored: Any) -> None:
    store.put(Fit(external_id="job", state=stored))
    with store.extend("job", end=True):
        pass
    assert state(store)[0] == "COMPLETE"


def test_metrics_go_on_in_the_artifacts_that_the_run_has(job: Store) -> None:
    model = job.put(Net(name="m"))
    with job.extend("job") as run:
        plain = run.log_metrics(loss=1.0)
        first = run.log_metrics(auc=0.5, of=model)
    with job.extend(run.key) as again:
        assert again.log_metrics(loss=0.5).key == plain.key
        assert again.log_metrics(f1=0.4, of=model).custom_properties == {"auc": 0.5, "f1": 0.4}
        assert again.log_metrics(f1=0.3, of=model.key).key == first.key
    assert job.get(lineage.Metrics, plain.key).custom_properties == {"loss": 0.5}
    assert len(job.find(lineage.Metrics)) == 2


def test_steps_of_an_extended_run(job: Store) -> None:
    with job.extend("job") as run, run.step(Fit()) as step:
        pass
    assert [each.key for each in job.show(run.key).steps] == [step.key]


def test_two_at_once(job: Store) -> None:
    def work(number: int) -> None:
        with job.extend("job", end=number == 1) as run:
            run.output(Net(name=f"m{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(job.show(NodeKey(Kind.EXECUTION, 1)).outputs) == 3
    assert state(job) == ("COMPLETE", None)
    assert job.check() == []


def test_the_driver_may_end_after_its_workers(store: Store) -> None:
    with store.run(Fit(external_id="job"), environment=False) as driver:
        with store.extend("job") as worker:
            worker.output(Net(name="m"))
        assert driver.key == worker.key
    assert state(store) == ("COMPLETE", None)


REFUSED: dict[str, tuple[type[Exception], str, Callable[[Store], object]]] = {
    "unknown": (
        NotFound,
        "no execution with the external id 'nobody'",
        lambda it: it.extend("nobody"),
    ),
    "no key of one": (
        NotFound,
        "there is no execution:9",
        lambda it: it.extend(NodeKey(Kind.EXECUTION, 9)),
    ),
    "not stored": (Invalid, "is not stored yet", lambda it: it.extend(Fit())),
    "no execution": (
        Invalid,
        "must be an execution",
        lambda it: it.extend(NodeKey(Kind.ARTIFACT, 1)),
    ),
    "in the past": (Invalid, "cannot be changed", lambda it: it.at(1).extend("job")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_extended(job: Store, case: str) -> None:
    error, says, attempt = REFUSED[case]
    before = job.backend.now()
    with pytest.raises(error, match=says):
        attempt(job)
    assert job.backend.now() == before


def test_a_run_that_is_gone(job: Store) -> None:
    extension = job.extend("job")
    job.delete(NodeKey(Kind.EXECUTION, 1))
    with pytest.raises(NotFound, match="execution:1 was deleted"):
        extension.__enter__()
    with pytest.raises(NotFound, match="no execution with the external id"):
        job.extend("job")


def test_it_is_entered_once(job: Store) -> None:
    with job.extend("job") as run:
        pass
    with pytest.raises(Invalid, match=r"entered before; store.extend"):
        run.__enter__()
    with pytest.raises(Invalid, match="has ended"):
        run.output(Net(name="m"))


def test_a_block_that_does_nothing_writes_nothing(store: Store) -> None:
    with store.run(Fit(external_id="job"), environment=False) as driver:
        driver.output(Net(name="m"))
        driver.input(lineage.Dataset(name="t"), use="test")
        driver.log_metrics(auc=0.5)
        before = store.backend.now()
        with store.extend("job"):
            pass
        with pytest.raises(SystemExit), store.extend("job"):
            raise SystemExit(0)
        assert (store.backend.now(), state(store)[0]) == (before, "RUNNING")
        driver.output(Net(name="n"))  # which makes it two models
    assert store.find(lineage.Measurement).items == ()


def test_why_it_failed_goes_when_it_ends_well(job: Store) -> None:
    with pytest.raises(ZeroDivisionError), job.extend("job"):
        _ = 1 / 0
    with job.extend("job", end=True):
        pass
    assert state(job) == ("COMPLETE", None)


def test_a_driver_that_ends_well_goes_before_its_workers_failure(store: Store) -> None:
    with store.run(Fit(external_id="job"), environment=False):
        with pytest.raises(ZeroDivisionError), store.extend("job"):
            _ = 1 / 0
        assert state(store) == ("FAILED", "ZeroDivisionError")
    assert state(store) == ("COMPLETE", None)


def test_what_somebody_else_says_of_a_run_that_goes_on_stays(store: Store) -> None:
    with store.run(Fit(external_id="job"), environment=False) as run:
        store.update(run.execution.replace(state="CANCELED"))
    assert state(store) == ("CANCELED", None)


def test_the_drivers_end_says_what_its_workers_metrics_were_measured_of(store: Store) -> None:
    with store.run(lineage.Evaluate(external_id="job"), environment=False) as run:
        model = run.input(Net(name="m"))
        data = run.input(lineage.Dataset(name="test"), use="test")
        with store.extend("job") as worker:
            worker.log_metrics(accuracy=0.9)
        assert [metric.of for metric in store.show(model).metrics] == [None]
    [metric] = store.show(model).metrics
    assert metric.of is not None
    assert metric.on is not None
    assert (metric.of.key, metric.on.key) == (model.key, data.key)


def test_a_workers_metrics_are_no_artifact_of_a_users_own_type(embedded: Store) -> None:
    class Report(lineage.Metrics):
        pages: int = 1

    with embedded.run(lineage.Train(external_id="job")) as run:
        report = run.output(Report())
        with embedded.extend("job") as worker:
            assert worker.log_metrics(loss=0.5).key != report.key
    assert not embedded.get(report.key).custom_properties
