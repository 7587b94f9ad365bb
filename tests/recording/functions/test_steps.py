"""Calls of decorated functions as runs: what they are, what they are parts of, and how they end."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest

import lineage
from lineage.errors import Invalid
from lineage.store import Store
from lineage.testing.builders import elsewhere
from tests.runs import state_of


class Table(lineage.Dataset):
    rows: int = 0


class Clean(lineage.Transform):
    threshold: float
    name_of_column: str = "age"


class Experiment(lineage.Context):
    pass


def the_run(store: Store, of: str = "") -> lineage.Execution:
    (run,) = store.find(of or lineage.Execution)
    assert isinstance(run, lineage.Execution)
    return run


def inputs(store: Store, run: lineage.Execution) -> dict[tuple[int | str, ...], lineage.NodeKey]:
    events = [each for each in store.events(run.key) if not each.type.is_output]
    return {path: each.artifact for each in events for path in each.paths or ((),)}


def outputs(store: Store, run: lineage.Execution) -> dict[tuple[int | str, ...], lineage.NodeKey]:
    events = [each for each in store.events(run.key) if each.type.is_output]
    return {path: each.artifact for each in events for path in each.paths or ((),)}


def test_call_is_a_run(store: Store, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("1\n2\n")

    @store.step(Clean, within=Experiment(name="churn"), tags=("nightly",))
    def clean(
        source: Annotated[Path, Table], threshold: float, *, mode: str = "fast"
    ) -> Annotated[Path, Table]:
        target = tmp_path / "clean.csv"
        target.write_text("2\n")
        return target

    assert clean(raw, 0.5) == tmp_path / "clean.csv"
    (run,) = store.find(Clean)
    assert (run.threshold, run.name_of_column, run.state) == (0.5, "age", "COMPLETE")
    assert store.show(run.key).parameters == {
        "threshold": 0.5,
        "name_of_column": "age",
        "mode": "fast",
    }
    read, wrote = (
        store.get(Table, key)
        for key in (*inputs(store, run).values(), *outputs(store, run).values())
    )
    assert (read.uri, wrote.uri) == (raw.as_uri(), (tmp_path / "clean.csv").as_uri())
    assert read == store.find(Table, f"uri = '{raw.as_uri()}'")[0]
    assert read.properties["digest"] == Table.from_path(raw).digest
    assert [*inputs(store, run)] == [("source",)]
    assert [each.name for each in store.show(run.key).contexts] == ["churn"]
    assert [each.key for each in store.find(Clean, "'nightly' IN tags")] == [run.key]
    assert store.check() == []


def test_artifacts_lead_from_call_to_call(store: Store) -> None:
    @store.step
    def load() -> Table:
        return Table(uri="s3://lake/raw")

    @store.step("Split")
    def split(table: Table) -> tuple[Table, dict[str, Table]]:
        return Table(uri="s3://lake/train"), {"test": Table(uri="s3://lake/test")}

    raw = load()
    train, others = split(raw)
    assert raw == store.find(Table, "uri = 's3://lake/raw'")[0]
    run = the_run(store, "Split")
    assert inputs(store, run) == {("table",): raw.key}
    assert outputs(store, run) == {(0,): train.key, (1, "test"): others["test"].key}
    assert [each.node.uri for each in store.show(train).datasets] == ["s3://lake/raw"]
    assert the_run(store, "test_artifacts_lead_from_call_to_call.load").state == "COMPLETE"


def test_call_within_a_run_is_a_step_of_it(store: Store) -> None:
    @store.step("Part")
    def part(depth: int) -> int:
        return 1 if depth == 0 else 1 + part(depth - 1)

    with store.run("Whole", within=Experiment(name="churn")) as whole:
        assert part(2) == 3
    first, second, third = (each.key for each in store.find("Part"))
    steps = {
        parent: [each.key for each in store.show(parent).steps]
        for parent in (whole.key, first, second, third)
    }
    assert steps == {whole.key: [first], first: [second], second: [third], third: []}
    assert [each.name for each in store.show(third).contexts if each.type == "Experiment"] == [
        "churn"
    ]


def test_call_elsewhere_is_no_step(embedded: Store) -> None:
    part = embedded.step("Part")(lambda: None)
    with lineage.connect("memory:") as other, embedded.run("Whole") as whole, other.run("Other"):
        elsewhere(part)
        other.step("Part")(lambda: None)()
        assert len(other.find("Part")) == 1
    assert embedded.show(whole.key).steps == ()
    assert len(embedded.find("Part")) == 1


def test_run_inside_a_call_is_no_step(embedded: Store) -> None:
    @embedded.step("Outer")
    def outer() -> None:
        with embedded.run("Inner"):
            pass

    outer()
    assert embedded.show(the_run(embedded, "Outer").key).steps == ()


def test_exception_is_the_callers(store: Store) -> None:
    error = ZeroDivisionError("no data")

    @store.step("Fails")
    def fails() -> None:
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        fails()
    assert caught.value is error
    run = the_run(store, "Fails")
    assert run.state == "FAILED"
    assert run.custom_properties["error_message"] == "no data"
    with pytest.raises(KeyboardInterrupt):
        store.step("Stopped")(_interrupted)()
    assert the_run(store, "Stopped").state == "CANCELED"


def _interrupted() -> None:
    raise KeyboardInterrupt


def test_function_stays_what_it_was(embedded: Store) -> None:
    def plain(a: int, /, b: str = "x", *more: float, c: bool = True, **rest: int) -> str:
        """Say it."""
        return f"{a}{b}{more}{c}{rest}"

    step = embedded.step(plain)
    assert (step.__name__, step.__doc__, step.__module__) == ("plain", "Say it.", __name__)
    assert inspect.signature(step) == inspect.signature(plain)
    assert inspect.unwrap(step) is plain
    assert step(1, "y", 2.5, c=False, d=4) == plain(1, "y", 2.5, c=False, d=4)
    run = embedded.find(lineage.Execution)[0]
    assert embedded.show(run.key).parameters == {
        "a": 1,
        "b": "y",
        "more": [2.5],
        "c": False,
        "d": 4,
    }


def test_arguments_that_do_not_fit_are_no_run(embedded: Store) -> None:
    def plain(a: int) -> int:
        return a

    step: Any = embedded.step(plain)
    messages = []
    for function in (plain, step):
        with pytest.raises(TypeError) as caught:
            function()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert embedded.find(lineage.Execution) == []


def test_methods(embedded: Store) -> None:
    class Pipeline:
        size = 3

        @embedded.step("Method")
        def method(self, x: int) -> int:
            return self.size + x

        @embedded.step("Class")
        @classmethod
        def of_class(cls, x: int) -> int:
            return cls.size * x

        @classmethod
        @embedded.step("Within")
        def within(cls, x: int) -> int:
            return cls.size - x

        @embedded.step("Static")
        @staticmethod
        def static(x: int) -> int:
            return -x

        @embedded.step
        def named(self) -> None: ...

    pipeline = Pipeline()
    assert (pipeline.method(1), pipeline.of_class(2), pipeline.within(3)) == (4, 6, 0)
    assert (Pipeline.static(4), pipeline.static(5)) == (-4, -5)
    pipeline.named()
    runs = {run.type: embedded.show(run.key).parameters for run in embedded.find(lineage.Execution)}
    assert runs == {
        "Method": {"x": 1},
        "Class": {"x": 2},
        "Within": {"x": 3},
        "Static": {"x": 5},
        "test_methods.Pipeline.named": {},
    }
    bound = embedded.step("Bound")(pipeline.method)
    assert bound(6) == 9
    (outer,) = embedded.find("Bound")
    assert embedded.show(outer.key).parameters == {"x": 6}
    assert [each.type for each in embedded.show(outer.key).steps] == ["Method"]


def test_coroutines(store: Store) -> None:
    @store.step("Work")
    async def work(name: str) -> str:
        await asyncio.sleep(0)
        await rest(name)
        return name.upper()

    @store.step("Rest")
    async def rest(name: str) -> None:
        await asyncio.sleep(0)

    async def both() -> list[str]:
        return [*await asyncio.gather(work("a"), work("b"))]

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(both()) == ["A", "B"]
    for run in store.find("Work"):
        ((step,),) = (store.show(run.key).steps,)
        assert store.show(step.key).parameters == store.show(run.key).parameters
        assert state_of(run) == "COMPLETE"


def test_cancelled_coroutine_is_canceled(embedded: Store) -> None:
    @embedded.step("Waits")
    async def waits() -> None:
        await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert the_run(embedded, "Waits").state == "CANCELED"


def test_run_of_the_call_is_an_argument(store: Store) -> None:
    @store.step("Fit")
    def fit(depth: int, run: lineage.Run[lineage.Execution] | None = None) -> lineage.Model:
        assert run is not None
        model = run.output(lineage.Model(uri="s3://models/1"), path="final")
        for step in range(3):
            run.log_metrics(loss=1 / (step + 1), step=step)
        return model

    model = fit(3)
    run = the_run(store, "Fit")
    assert model.key in outputs(store, run).values()
    assert len(store.series(run.key, "loss")) == 3
    assert [each.value for each in store.show(model).metrics] == [pytest.approx(1 / 3)]
    assert store.show(run.key).parameters == {"depth": 3}
    with store.run("Other") as other:
        assert fit(4, other).uri == "s3://models/1"
    assert len(store.series(other.key, "loss")) == 3


def test_what_the_function_records_is_not_recorded_twice(embedded: Store) -> None:
    @embedded.step("Fit")
    def fit(*, run: lineage.Run[Any]) -> tuple[Table, Table]:
        given = Table(uri="s3://lake/a")
        stored = run.output(given)
        return given, stored

    one, other = fit()
    assert one == other
    assert embedded.find(Table) == [one]


def test_artifact_that_comes_back_was_not_written(embedded: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1")
    other = embedded.put(Table(uri="s3://lake/other"))

    @embedded.step("Check")
    def check(
        table: Table, file: Annotated[Path, Table]
    ) -> tuple[Table, Annotated[Path, Table], Table]:
        return table, file, other

    back, file, stored = check(Table(uri="s3://lake/a"), path)
    run = the_run(embedded, "Check")
    assert outputs(embedded, run) == {(2,): other.key}
    assert back.key == inputs(embedded, run)["table",]
    assert (file, stored) == (path, other)


def test_template_has_fields(embedded: Store) -> None:
    step = embedded.step(Clean(threshold=0.25, custom_properties={"team": "growth"}))
    step(lambda name_of_column, more: None)("height", 1)
    (run,) = embedded.find(Clean)
    assert embedded.show(run.key).parameters == {
        "threshold": 0.25,
        "name_of_column": "height",
        "team": "growth",
        "more": 1,
    }


def test_declared_field_is_checked(embedded: Store) -> None:
    @embedded.step(Clean)
    def clean(threshold: object) -> None: ...

    with pytest.raises(Invalid, match="threshold: 'high' is not of type float"):
        clean("high")
    assert embedded.find(lineage.Execution) == []


@pytest.mark.parametrize(
    ("decorate", "message"),
    [
        (lambda store: store.step(7), "neither a function nor"),
        (lambda store: store.step(int), "int is no class of executions"),
        (lambda store: store.step(lineage.Execution), "a kind, not a type"),
        (lambda store: store.step("s3://a/b"), "is no name of a type"),
        (lambda store: store.step(lineage.Train(name="a")), "leave name out"),
        (lambda store: store.step(lineage.Train(external_id="a")), "leave external_id out"),
        (lambda store: store.step(lineage.Train(state="FAILED")), "leave state out"),
        (lambda store: store.step(lambda: None), "has no name"),
        (lambda store: store.step("A")(7), "7 is no function"),
        (lambda store: store.step("A")(property(lambda _: None)), "<property .* is no function"),
        (lambda store: store.step("A", within=Table()), "each context must be"),
        (lambda store: store.step("A", tags="nightly"), "several texts"),
        (lambda store: store.step(Clean)(lambda: None), "no argument is named threshold"),
        (lambda store: store.step("A")(type), "<class 'type'> is no function"),
        (lambda store: store.at(0).step("A"), "cannot be changed"),
    ],
)
def test_what_cannot_be_a_step(
    embedded: Store, decorate: Callable[[Store], object], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        decorate(embedded)
    assert embedded.find(lineage.Execution) == []


def test_run_that_is_given_by_position_alone_is_refused(embedded: Store) -> None:
    def plain(run: lineage.Run[lineage.Execution], /) -> None: ...

    with pytest.raises(Invalid, match="the run of the call is given by name"):
        embedded.step(plain)


def test_input_that_cannot_be_recorded_is_no_run(embedded: Store) -> None:
    @embedded.step("Reads")
    def reads(table: Table) -> None:
        raise AssertionError

    gone = embedded.put(Table())
    embedded.delete(gone)
    with pytest.raises(lineage.NotFound):
        reads(gone)
    assert embedded.find(lineage.Execution) == []
    with embedded.run("After") as run:
        assert run.key.id == 1
        embedded.step("Inner")(lambda: None)()
    assert len(embedded.show(run.key).steps) == 1


def test_threads_have_runs_of_their_own(store: Store) -> None:
    @store.step("Part")
    def part(number: int) -> Table:
        return Table(uri=f"s3://lake/{number}")

    threads = [threading.Thread(target=part, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = store.find("Part")
    assert sorted(store.show(run.key).parameters["number"] for run in runs) == [*range(8)]
    assert {state_of(run) for run in runs} == {"COMPLETE"}
    assert all(len(outputs(store, run)) == 1 for run in runs)


def test_call_in_a_transaction_goes_with_it(embedded: Store) -> None:
    part = embedded.step("Part")(_table)

    def undone() -> None:
        with embedded.transaction():
            part()
            raise KeyError

    with pytest.raises(KeyError):
        undone()
    assert embedded.find(lineage.Execution) == []
    before = embedded.backend.now()
    with embedded.transaction():
        part()
        part()
    assert embedded.backend.now() == before + 1
    assert [state_of(run) for run in embedded.find("Part")] == ["COMPLETE", "COMPLETE"]


def _table() -> Table:
    return Table()


def test_begin_and_end_are_one_transaction_each(embedded: Store) -> None:
    part: Any = embedded.step("Part")(lambda table: Table(uri="s3://b"))
    part(Table(uri="s3://a"))
    before = embedded.backend.now()
    part(Table(uri="s3://a"))
    assert embedded.backend.now() == before + 2


def test_environment_may_be_left_out(embedded: Store) -> None:
    embedded.step("A", environment=False)(lambda: None)()
    assert embedded.find(lineage.Environment) == []
    embedded.step("A")(lambda: None)()
    assert len(embedded.find(lineage.Environment)) == 1


def test_run_keeps_the_digest_of_its_code(embedded: Store) -> None:
    step = embedded.step("Part")(_table)
    step()
    kept = the_run(embedded).custom_properties["lineage.code"]
    assert kept.startswith("sha256:")
    assert embedded.show(the_run(embedded).key).parameters == {}
