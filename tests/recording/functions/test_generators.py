"""Decorated generators: recorded as they go on, and otherwise as they were."""

import asyncio
import gc
import inspect
import itertools
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import aclosing, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import pytest

import lineage
from lineage.recording.current import current
from lineage.store import Store
from tests.runs import state_of


class Table(lineage.Dataset):
    pass


WORD: ContextVar[str] = ContextVar("word", default="")


def states(store: Store) -> list[str]:
    return [str(run.state) for run in store.find(lineage.Execution)]


def test_values_are_recorded_as_they_are_yielded(store: Store, tmp_path: Path) -> None:
    @store.step("Load")
    def load(days: int) -> Generator[Annotated[Path, Table], None, Annotated[Path, Table]]:
        path = tmp_path
        for day in range(days):
            path = tmp_path / f"{day}.csv"
            path.write_text(str(day))
            yield path
        return path

    assert inspect.isgeneratorfunction(load)
    values = load(2)
    assert store.find(lineage.Execution) == []
    assert next(values) == tmp_path / "0.csv"
    (run,) = store.find("Load")
    assert (state_of(run), len(store.find(Table))) == ("RUNNING", 1)
    assert next(values) == tmp_path / "1.csv"
    with pytest.raises(StopIteration) as end:
        next(values)
    assert end.value.value == tmp_path / "1.csv"
    paths = {path for event in store.events(run.key) for path in event.paths}
    assert paths == {(0,), (1,), ("return",)}
    assert (states(store), len(store.find(Table))) == (["COMPLETE"], 2)


def test_consumer_gets_artifacts_as_they_are_stored(embedded: Store) -> None:
    @embedded.step("Load")
    def load() -> Iterator[Table]:
        yield from (Table(uri=f"s3://{number}") for number in range(3))

    assert [*load()] == embedded.find(Table)


def test_generator_that_yields_for_ever(embedded: Store) -> None:
    @embedded.step("Load")
    def load() -> Iterator[Table | int]:
        for number in itertools.count():
            yield Table() if number < 3 else number

    assert sum(each for each in itertools.islice(load(), 10_000) if isinstance(each, int)) > 0
    gc.collect()
    assert (states(embedded), len(embedded.find(Table))) == (["COMPLETE"], 3)


def test_endless_generator_remembers_the_last_artifacts(embedded: Store) -> None:
    runs: list[Any] = []

    @embedded.step("Load")
    def load(run: lineage.Run[lineage.Execution] | None = None) -> Iterator[Table]:
        runs.append(run)
        while True:
            yield Table()

    with embedded.transaction():
        for _ in itertools.islice(load(), 1_100):
            pass
    assert len(runs[0]._remembered) == 1_000
    assert len(runs[0].notes) == 0


def test_what_is_sent_and_thrown_arrives(embedded: Store) -> None:
    def talk() -> Generator[object, Any, str]:
        try:
            got = yield "first"
        except KeyError as error:
            got = yield repr(error)
        return f"got {got}"

    for function in (talk, embedded.step("Talk")(talk)):
        talking = function()
        assert talking.send(None) == "first"
        assert talking.throw(KeyError("x")) == "KeyError('x')"
        with pytest.raises(StopIteration) as end:
            talking.send(7)
        assert end.value.value == "got 7"
        with pytest.raises(StopIteration):
            next(talking)
    assert states(embedded) == ["COMPLETE"]


def test_endings(embedded: Store) -> None:
    closed = []

    @embedded.step("Load")
    def load(fails: bool = False) -> Generator[int]:
        try:
            yield 1
            if fails:
                raise ZeroDivisionError
            yield 2
        finally:
            closed.append(fails)

    first = load()
    next(first)
    first.close()
    with pytest.raises(ZeroDivisionError):
        [*load(fails=True)]
    thrown = load()
    next(thrown)
    with pytest.raises(KeyError):
        thrown.throw(KeyError)
    load().close()
    assert states(embedded) == ["COMPLETE", "FAILED", "FAILED"]
    assert closed == [False, True, False]


def test_generator_that_does_not_let_itself_be_closed_fails(embedded: Store) -> None:
    @embedded.step("Load")
    def load() -> Generator[int]:
        with suppress(GeneratorExit):
            yield 1
        yield 2

    values = load()
    next(values)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        values.close()
    assert states(embedded) == ["FAILED"]


def test_run_goes_on_in_the_generator_alone(embedded: Store) -> None:
    inner: Any = embedded.step("Inner")(lambda: None)

    @embedded.step("Load")
    def load() -> Iterator[str]:
        inner()
        yield WORD.get()
        yield WORD.get()

    values = load()
    WORD.set("a")
    assert next(values) == "a"
    assert current(embedded.backend) is None
    inner()
    WORD.set("b")
    assert next(values) == "b"  # of the consumer's context, as it is without us
    (run,) = embedded.find("Load")
    first, second = embedded.find("Inner")
    assert [each.key for each in embedded.show(run.key).steps] == [first.key]
    with pytest.raises(StopIteration):
        next(values)
    assert embedded.show(second.key).part_of == ()


def test_arguments_that_do_not_fit(embedded: Store) -> None:
    step: Any = embedded.step("Load")(_count)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        next(step())
    assert embedded.find(lineage.Execution) == []


def _count(number: int) -> Iterator[int]:
    yield from range(number)


def test_generator_that_is_collected_after_the_store_was_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with lineage.connect("memory:") as store:
        values = store.step("Load")(_count)(3)
        next(values)
    with caplog.at_level(logging.INFO, "lineage"):
        del values
        gc.collect()
    assert caplog.text == ""


def test_generator_that_outlives_the_program_says_nothing(tmp_path: Path) -> None:
    program = (
        "import lineage\n"
        "store = lineage.connect('lineage.db')\n"
        "@store.step\n"
        "def count():\n"
        "    yield 1\n"
        "    yield 2\n"
        "values = count()\n"
        "print(next(values))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_async_generators(store: Store) -> None:
    @store.step("Load")
    async def load(number: int, fails: bool = False) -> AsyncIterator[Table]:
        for each in range(number):
            await asyncio.sleep(0)
            yield Table(uri=f"s3://{each}")
        if fails:
            raise ZeroDivisionError

    async def consume() -> list[Table]:
        whole = [each async for each in load(2)]
        async with aclosing(load(5)) as values:
            async for _ in values:
                assert current(store.backend) is None
                break
        with pytest.raises(ZeroDivisionError):
            [each async for each in load(0, fails=True)]
        return whole

    assert inspect.isasyncgenfunction(load)
    whole = asyncio.run(consume())
    assert [store.get(Table, each.key) for each in whole] == whole
    assert states(store) == ["COMPLETE", "COMPLETE", "FAILED"]
    assert len(store.find(Table)) == 3


def test_async_generator_is_sent_and_thrown_into(embedded: Store) -> None:
    async def talk() -> Any:
        try:
            got = yield "first"
        except KeyError:
            got = yield "caught"
        yield got

    async def consume(function: Any) -> list[object]:
        talking = function()
        first = await talking.asend(None)
        return [
            first,
            await talking.athrow(KeyError()),
            await talking.asend(7),
            await anext(talking, "end"),
        ]

    plain = asyncio.run(consume(talk))
    assert (
        asyncio.run(consume(embedded.step("Talk")(talk))) == plain == ["first", "caught", 7, "end"]
    )
    assert states(embedded) == ["COMPLETE"]


def test_generator_may_back_a_context_manager(embedded: Store) -> None:
    from contextlib import contextmanager

    @contextmanager
    @embedded.step("Opens")
    def opens() -> Iterator[int]:
        yield 1

    with opens() as value:
        assert value == 1
    assert states(embedded) == ["COMPLETE"]
    with pytest.raises(KeyError), opens():
        raise KeyError
    assert states(embedded) == ["COMPLETE", "FAILED"]
