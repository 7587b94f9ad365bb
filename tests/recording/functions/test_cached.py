"""Calls that were made before: given back, and recorded as CACHED."""

import asyncio
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest

import lineage
from lineage.errors import Invalid
from lineage.store import Store
from tests.runs import state_of, uri_of


class Table(lineage.Dataset):
    rows: int = 0


FACTOR = 2
CALLS: deque[object] = deque()  # no plain value, and so no part of the code


@pytest.fixture(autouse=True)
def calls() -> Iterator[None]:
    CALLS.clear()
    yield
    CALLS.clear()


def states(store: Store) -> list[str]:
    return [str(run.state) for run in store.find(lineage.Execution)]


def scaled(values: list[int], factor: int = 1) -> dict[str, Any]:
    CALLS.append(values)
    return {
        "values": [FACTOR * factor * value for value in values],
        "of": (None, "text", 0.5, True),
    }


def copied(path: Annotated[Path, Table], suffix: str) -> Annotated[Path, Table]:
    CALLS.append(path)
    target = path.with_suffix(suffix)
    target.write_text(path.read_text())
    return target


def split(table: Table, at: int) -> tuple[Table, dict[str, Table], lineage.NodeKey]:
    CALLS.append(at)
    return Table(uri="s3://a", rows=at), {"rest": Table(uri="s3://b")}, table.key


def test_plain_result_is_given_back(store: Store) -> None:
    step = store.step("Scale", cache=True)(scaled)
    first = step([1, 2])
    assert step([1, 2]) == first == {"values": [2, 4], "of": (None, "text", 0.5, True)}
    assert step([1, 2], factor=3)["values"] == [6, 12]
    assert step(values=[1, 2], factor=1) == first
    assert len(CALLS) == 2
    assert states(store) == ["COMPLETE", "CACHED", "COMPLETE", "CACHED"]
    done, cached, *_ = store.find("Scale")
    assert store.show(cached.key).parameters == store.show(done.key).parameters
    assert cached.custom_properties["lineage.code"] == done.custom_properties["lineage.code"]
    assert store.check() == []


def test_files_are_given_back_while_they_are_the_same(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("1")
    step = store.step("Copy", cache=True)(copied)
    target = step(source, ".out")
    assert step(source, ".out") == target == tmp_path / "a.out"
    assert len(CALLS) == 1
    cached = store.find("Copy")[-1]
    assert [uri_of(each.node) for each in store.show(cached.key).outputs] == [target.as_uri()]
    target.write_text("changed")
    step(source, ".out")
    assert len(CALLS) == 2
    target.unlink()
    step(source, ".out")
    source.write_text("2")
    step(source, ".out")
    assert len(CALLS) == 4
    assert states(store) == ["COMPLETE", "CACHED", *["COMPLETE"] * 3]


def test_artifacts_are_given_back_of_their_class(store: Store) -> None:
    raw = store.put(Table(uri="s3://raw"))
    step = store.step("Split", cache=True)(split)
    step(raw, 1)
    result = step(raw, 1)
    # What the call read comes back, and so no result of a run is all that there is of it.
    assert len(CALLS) == 2

    @store.step("Halve", cache=True)
    def halve(table: Table) -> tuple[Table, dict[str, Table]]:
        CALLS.append(table)
        return Table(uri="s3://left", rows=3), {"rest": Table(uri="s3://right")}

    first = halve(raw)
    again = halve(raw)
    assert (again, type(again[0]), len(CALLS)) == (first, Table, 3)
    assert result[0].rows == 1
    store.delete(first[0])
    assert halve(raw) != first
    assert len(CALLS) == 4


def test_code_that_changed_is_called(embedded: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    step = embedded.step("Scale", cache=True)(scaled)
    step([1])
    monkeypatch.setattr(f"{__name__}.FACTOR", 5)
    assert step([1])["values"] == [5]
    assert states(embedded) == ["COMPLETE", "COMPLETE"]


def test_failed_call_is_made_again(embedded: Store) -> None:
    @embedded.step("Fails", cache=True)
    def fails() -> int:
        CALLS.append(None)
        if len(CALLS) == 1:
            raise ZeroDivisionError
        return 7

    with pytest.raises(ZeroDivisionError):
        fails()
    assert (fails(), fails(), len(CALLS)) == (7, 7, 2)
    assert states(embedded) == ["FAILED", "COMPLETE", "CACHED"]


def test_cached_call_is_a_step_of_the_run_around(embedded: Store) -> None:
    step = embedded.step("Scale", cache=True)(scaled)
    step([1])
    with embedded.run("Whole") as whole:
        step([1])
        embedded.step("Inner")(lambda: None)()
    steps = [each.type for each in embedded.show(whole.key).steps]
    assert steps == ["Scale", "Inner"]
    assert state_of(embedded.find("Scale")[1]) == "CACHED"


def test_coroutine_is_cached(embedded: Store) -> None:
    @embedded.step("Work", cache=True)
    async def work(x: int) -> int:
        CALLS.append(x)
        await asyncio.sleep(0)
        return x + 1

    assert [asyncio.run(work(1)) for _ in range(2)] == [2, 2]
    assert len(CALLS) == 1


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(pd.DataFrame({"a": [1]}), id="frame"),
        pytest.param(object(), id="object"),
        pytest.param(Path("a"), id="path without declaration"),
        pytest.param({1: 2}, id="keys that are no texts"),
        pytest.param("x" * 200_000, id="too long"),
    ],
)
def test_results_that_cannot_be_given_back(embedded: Store, result: object) -> None:
    runs: list[lineage.Run[lineage.Execution]] = []

    @embedded.step("Gives", cache=True)
    def gives(run: lineage.Run[lineage.Execution] | None = None) -> object:
        assert run is not None
        CALLS.append(None)
        runs.append(run)
        return result

    gives()
    gives()
    assert len(CALLS) == 2
    assert "cannot be given back" in " ".join(runs[0].notes)
    assert states(embedded) == ["COMPLETE", "COMPLETE"]


def test_arguments_that_cannot_be_compared(embedded: Store) -> None:
    @embedded.step("Takes", cache=True)
    def takes(value: object) -> int:
        CALLS.append(value)
        return 1

    for value in (object(), Table(uri="s3://a"), pd.DataFrame({"a": [1]})):
        assert (takes(value), takes(value)) == (1, 1)
    assert len(CALLS) == 6
    assert set(states(embedded)) == {"COMPLETE"}


def test_function_without_source_is_called(embedded: Store) -> None:
    space: dict[str, Any] = {"CALLS": CALLS}
    exec("def nameless(x):\n    CALLS.append(x)\n    return x\n", space)
    step = embedded.step("Takes", cache=True)(space["nameless"])
    assert (step(1), step(1), len(CALLS)) == (1, 1, 2)


def test_what_cannot_be_cached(embedded: Store) -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def agenerator() -> Any:
        yield 1

    class Pipeline:
        def method(self) -> None: ...

    for function, message in (
        (generator, "is a generator"),
        (agenerator, "is a generator"),
        (Pipeline.method, "depends on its object"),
    ):
        with pytest.raises(Invalid, match=message):
            embedded.step(cache=True)(function)


def test_newer_process_gives_back_what_an_older_one_did(tmp_path: Path) -> None:
    for _ in range(2):
        with lineage.connect(tmp_path / "lineage.db") as store:
            assert store.step("Scale", cache=True)(scaled)([1])["values"] == [2]
    assert len(CALLS) == 1
