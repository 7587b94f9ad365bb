"""Autolog by itself: whom it records, that each call is made once whatever of ours fails, and what it leaves behind."""

import asyncio
import functools
import os
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy
import pytest

import lineage
from lineage.contract.plugins import integration_names, integration_object
from lineage.store import Store
from tests.integrations.conftest import INTEGRATION, LIBRARY

DATA = numpy.arange(6.0).reshape(3, 2)
MORE = numpy.ones(3)


def runs(store: Store) -> list[str]:
    """Return type and state of each execution, in order."""
    return [f"{run.type} {vars(run)['state']}" for run in store.find(lineage.Execution)]


def test_call_becomes_a_run(toy: Any, store: Store) -> None:
    with lineage.autolog(store) as autolog:
        fitted = toy.fit(DATA, depth=3)
    ((run, model, name),) = autolog.recorded
    assert (name, autolog.notes) == ("fit", ())
    assert model is not None
    assert autolog.model(fitted).key == model.key == store.get(model).key
    shown = store.show(run)
    assert runs(store) == ["toy.Fit COMPLETE"]
    assert shown.parameters == {"depth": 2, "width": 7}
    (data,) = shown.inputs
    assert data.paths == (("train", "data"),)
    assert data.node.properties["digest"] == lineage.Dataset.from_frame(DATA).digest
    assert [
        (each.name, each.value, each.of and each.of.key)
        for each in shown.metrics
        if each.name == "fitted"
    ] == [("fitted", 1, model.key)]
    assert [point.value for point in store.series(run, "loss")] == [1.0]


def test_nothing_is_replaced_outside_of_a_block(toy: Any, embedded: Store) -> None:
    before = toy.fit
    with lineage.autolog(embedded):
        assert toy.fit is not before
        with lineage.autolog(embedded):
            pass
        assert toy.fit is not before
    assert toy.fit is before
    toy.fit(DATA)
    assert runs(embedded) == []


def test_what_was_replaced_by_others_meanwhile_stays(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded):
        ours = toy.fit
        toy.fit = functools.partial(ours)
    toy.fit(DATA)
    assert toy.calls
    assert runs(embedded) == []


def test_call_is_a_step_of_the_run_that_goes_on(toy: Any, store: Store) -> None:
    with lineage.autolog(store), store.run("Experiment") as run:
        toy.fit(DATA)
        with run.step("Part") as part:
            toy.fit(DATA)
    of_run, of_part = store.show(run.key), store.show(part.key)
    assert [each.type for each in of_run.steps] == ["toy.Fit", "Part"]
    assert [each.type for each in of_part.steps] == ["toy.Fit"]


def test_run_names_itself_as_the_parent(toy: Any, embedded: Store) -> None:
    with embedded.run("One") as one, embedded.run("Other"), one.autolog():
        toy.fit(DATA)
        with embedded.run("Inner") as inner:
            toy.fit(DATA)
    assert [each.type for each in embedded.show(one.key).steps] == ["toy.Fit"]
    assert [each.type for each in embedded.show(inner.key).steps] == ["toy.Fit"]


def test_run_that_has_ended_takes_no_autolog(embedded: Store) -> None:
    with embedded.run("One") as run:
        pass
    with pytest.raises(lineage.Invalid, match="has ended"):
        run.autolog()


def test_unknown_data_were_made_by_the_run_around(toy: Any, store: Store) -> None:
    with store.run("Split") as run, run.autolog():
        source = run.input(lineage.Dataset(uri="s3://lake/rows"))
        known = run.input(lineage.Dataset.from_frame(MORE))
        toy.fit(DATA)
        toy.fit(MORE)
    first, second = store.show(run.key).steps
    above = {node.key for node in store.upstream(first).nodes}
    assert source.key in above
    assert [each.node.key for each in store.show(second).inputs] == [known.key]
    assert [each.node.properties["digest"] for each in store.show(run.key).outputs] == [
        lineage.Dataset.from_frame(DATA).digest
    ]


def test_data_without_a_run_around_are_inputs_alone(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded):
        toy.fit(DATA)
        toy.fit(DATA)
    (data,) = embedded.find(lineage.Dataset)
    assert len(embedded.show(data).readers) == 2


# Whom it records


def test_innermost_of_a_store_records_and_every_store_does(toy: Any, embedded: Store) -> None:
    with (
        lineage.connect("memory:") as other,
        lineage.autolog(embedded) as outer,
        lineage.autolog(other) as elsewhere,
        lineage.autolog(embedded) as inner,
    ):
        toy.fit(DATA)
        assert [len(each.recorded) for each in (outer, elsewhere, inner)] == [0, 1, 1]
        assert runs(other) == runs(embedded) == ["toy.Fit COMPLETE"]
    assert len(toy.calls) == 1


def test_innermost_decides_what_is_recorded(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded), lineage.autolog(embedded, only=["sklearn"]):
        toy.fit(DATA)
    assert runs(embedded) == []
    with lineage.autolog(embedded, only="toy"):
        toy.fit(DATA)
    assert runs(embedded) == ["toy.Fit COMPLETE"]


@pytest.mark.parametrize("only", ["torch", ["sklearn", "torch"], 7])
def test_library_that_is_not_recorded_is_refused(embedded: Store, only: Any) -> None:
    with pytest.raises(lineage.Invalid, match=r"there are .*sklearn"):
        lineage.autolog(embedded, only=only)


@pytest.mark.parametrize("store", ["lineage.db", None])
def test_what_is_no_store_is_refused(store: Any) -> None:
    with pytest.raises(lineage.Invalid, match="give a store of the present"):
        lineage.autolog(store)


def test_store_of_the_past_is_refused(embedded: Store) -> None:
    embedded.put(lineage.Dataset(uri="a"))
    with pytest.raises(lineage.Invalid, match="give a store of the present"):
        lineage.autolog(embedded.at(1))


def test_block_is_entered_once(embedded: Store) -> None:
    autolog = lineage.autolog(embedded)
    with autolog:
        pass
    with pytest.raises(lineage.Invalid, match="entered before"):
        autolog.__enter__()


def test_calls_inside_of_a_call_are_parts_of_it(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        toy.fit(DATA, callbacks=[lambda _: toy.fit(MORE)])
    assert len(toy.calls) == 2
    assert len(autolog.recorded) == 1


def test_calls_inside_of_a_step_are_steps_of_it(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        assert toy.search(lambda number: bool(toy.fit(DATA)) + number, 2) == [1, 2]
    search = autolog.recorded[-1].run
    trials = embedded.show(search).steps
    assert [each.custom_properties["number"] for each in trials] == [0, 1]
    assert [len(embedded.show(each).steps) for each in trials] == [1, 1]
    assert [each.metrics[0].value for each in map(embedded.show, trials)] == [1, 2]


def test_step_in_a_thread_of_its_own_is_recorded(toy: Any, embedded: Store) -> None:
    def in_thread(number: int) -> int:
        thread = threading.Thread(target=work[number])
        thread.start()
        thread.join()
        return number

    work: dict[int, Callable[[], object]] = {}
    with lineage.autolog(embedded) as autolog:
        toy.search(in_thread, 0)
        work[0] = lambda: toy.fit(DATA)  # a thread of the user's own records nothing
        toy.search(in_thread, 1)
    assert [each.estimator for each in autolog.recorded] == ["search", "trial", "search"]


def test_another_thread_and_a_task_from_outside_record_nothing(toy: Any, embedded: Store) -> None:
    outside = copy_context()
    with lineage.autolog(embedded):
        thread = threading.Thread(target=toy.fit, args=(DATA,))
        thread.start()
        thread.join()
        outside.run(toy.fit, DATA)
        assert runs(embedded) == []
        copy_context().run(toy.fit, DATA)
    assert runs(embedded) == ["toy.Fit COMPLETE"]


def test_each_thread_has_its_own_blocks(toy: Any, embedded: Store) -> None:
    def work(number: int) -> None:
        barrier.wait()
        with lineage.autolog(embedded) as autolog:
            for _ in range(3):
                toy.fit(DATA + number)
        recorded[number] = len(autolog.recorded)

    barrier, recorded = threading.Barrier(4), dict[int, int]()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    before = toy.fit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorded == dict.fromkeys(range(4), 3)
    assert runs(embedded) == ["toy.Fit COMPLETE"] * 12
    assert toy.fit is before


def test_tasks_begun_inside_record(toy: Any, embedded: Store) -> None:
    async def fit() -> None:
        toy.fit(DATA)

    async def main() -> None:
        outside = asyncio.create_task(late())
        with lineage.autolog(embedded):
            await asyncio.create_task(fit())
            begun.set()
            await outside

    async def late() -> None:
        await begun.wait()
        toy.fit(DATA)

    begun = asyncio.Event()
    asyncio.run(main())
    assert runs(embedded) == ["toy.Fit COMPLETE"]


def test_forked_process_records(toy: Any, tmp_path: Path) -> None:
    with lineage.connect(tmp_path / "store.db") as store:
        with store.run("Parent") as run, run.autolog():
            child = os.fork()
            if not child:
                try:
                    toy.fit(DATA)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            toy.fit(MORE)
        assert [each.type for each in store.show(run.key).steps] == ["toy.Fit"] * 2


def test_block_that_is_left_in_another_context_records_no_more(toy: Any, embedded: Store) -> None:
    autolog = lineage.autolog(embedded)
    autolog.__enter__()
    copy_context().run(autolog.__exit__, None, None, None)
    toy.fit(DATA)
    assert runs(embedded) == []


# The user's call, whatever of ours fails


def test_exception_of_the_call_is_the_users(toy: Any, store: Store) -> None:
    error = KeyError("mine")
    with lineage.autolog(store) as autolog:
        with pytest.raises(KeyError) as caught:
            toy.fit(DATA, error=error)
        assert caught.value is error
        assert not hasattr(error, "__notes__")
        with pytest.raises(KeyboardInterrupt):
            toy.fit(DATA, error=KeyboardInterrupt())
        with pytest.raises(StopIteration):
            toy.fit(DATA, error=StopIteration())
    assert [each.model for each in autolog.recorded] == [None] * 3
    assert runs(store) == ["toy.Fit FAILED", "toy.Fit CANCELED", "toy.Fit FAILED"]
    assert len(toy.calls) == 3


@pytest.mark.parametrize(
    ("part", "instead", "says"),
    [
        ("    call.begin(Fit()", "    1 / 0\n    call.begin(Fit()", "ZeroDivisionError"),
        ("    yield\n    call.model", "    yield\n    1 / 0\n    call.model", "ZeroDivisionError"),
        (
            "call.model(call.result, FittedModel())",
            "call.model(call.result, 7)",
            "each output must be an artifact",
        ),
        ('{"fitted": 1}', '{"fitted": "well"}', "not a number"),
        ('call.arguments["data"]', "object()", "object"),
        ("    yield\n    call.model", "    return\n    yield\n    call.model", None),
        ('call.log_metrics({"fitted": 1}', 'yield\n    call.log_metrics({"fitted": 1}', None),
    ],
)
def test_call_is_made_once_whatever_the_integration_does(
    install: Callable[..., None], embedded: Store, part: str, instead: str, says: str | None
) -> None:
    assert part in INTEGRATION
    install(integration=INTEGRATION.replace(part, instead, 1))
    import toy

    with lineage.autolog(embedded) as autolog:
        assert isinstance(toy.fit(DATA, depth=5), toy.Fitted)
    assert [depth for _, depth in toy.calls] == [5]
    assert len(autolog.notes) == (says is not None)
    assert says is None or says in autolog.notes[0]


def test_store_that_fails_takes_nothing_from_the_call_nor_from_other_stores(
    toy: Any, embedded: Store
) -> None:
    closed = lineage.connect("memory:")
    with lineage.autolog(closed) as first, lineage.autolog(embedded) as second:
        closed.close()
        for _ in range(2):
            assert isinstance(toy.fit(DATA), toy.Fitted)
    assert len(first.notes) == 1
    assert "toy: the call of fit is not recorded" in first.notes[0]
    assert first.recorded == ()
    assert (second.notes, len(second.recorded)) == ((), 2)


def test_store_that_fails_during_the_call_is_noted(toy: Any, tmp_path: Path) -> None:
    store = lineage.connect(tmp_path / "store.db")
    close = store.close
    with lineage.autolog(store) as autolog:
        assert isinstance(toy.fit(DATA, callbacks=[lambda _: [close()]]), toy.Fitted)
    assert autolog.notes
    with lineage.connect(tmp_path / "store.db") as again:
        assert runs(again) == ["toy.Fit RUNNING"]


def test_call_in_a_transaction_of_the_users_is_a_part_of_it(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        with pytest.raises(KeyError), embedded.transaction():
            toy.search({}.__getitem__, toy.fit(DATA) and 1)
        assert runs(embedded) == []
        with embedded.transaction():
            toy.fit(DATA)
    assert runs(embedded) == ["toy.Fit COMPLETE"]
    assert autolog.notes == ()


# Libraries as they come


def test_library_that_is_imported_inside_is_recorded(
    install: Callable[..., None], embedded: Store
) -> None:
    install()
    before = [*sys.meta_path]
    with lineage.autolog(embedded):
        assert "toy" not in sys.modules
        import toy

        toy.fit(DATA)
    assert runs(embedded) == ["toy.Fit COMPLETE"]
    assert sys.meta_path == before
    toy.fit(DATA)
    assert len(runs(embedded)) == 1


def test_library_that_fails_to_import_fails_as_ever(
    install: Callable[..., None], embedded: Store
) -> None:
    install(library="1 / 0")
    with lineage.autolog(embedded) as autolog, pytest.raises(ZeroDivisionError):
        import toy  # noqa: F401
    assert autolog.notes == ()


@pytest.mark.parametrize(
    ("library", "integration"),
    [
        (LIBRARY.replace("def search", "def searched"), INTEGRATION),
        (LIBRARY, f"{INTEGRATION}\n\ndef hooks():\n    raise LookupError('moved')\n"),
        (LIBRARY, "1 / 0"),
        (LIBRARY, ""),
    ],
)
def test_library_that_has_moved_its_hooks_is_noted_once(
    install: Callable[..., None],
    embedded: Store,
    library: str,
    integration: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(library, integration)
    import toy

    with lineage.autolog(embedded) as autolog:
        assert isinstance(toy.fit(DATA), toy.Fitted)
    (note,) = autolog.notes
    assert note.startswith("toy 3.1 has not all the functions that are recorded")
    assert [each.message for each in caplog.records] == [note]


def test_integrations_are_found_by_name(install: Callable[..., None]) -> None:
    assert "sklearn" in integration_names()
    install(integration="hooks = 7")
    assert "toy" in integration_names()
    with pytest.raises(lineage.BackendError, match="no hooks to call"):
        integration_object("toy")
    with pytest.raises(lineage.Invalid, match="no integration records 'torch'"):
        integration_object("torch")


def test_model_that_was_not_recorded_is_not_found(toy: Any, embedded: Store) -> None:
    with lineage.autolog(embedded) as autolog:
        fitted = toy.fit(DATA)
        assert autolog.model(fitted).type == "toy.Model"
        with pytest.raises(lineage.NotFound, match="Fitted is no model that was recorded here"):
            autolog.model(toy.Fitted())
        with pytest.raises(lineage.NotFound):
            autolog.model(7)


def test_models_go_with_their_objects(toy: Any, embedded: Store) -> None:
    from lineage.integrations.models import models_of

    with lineage.autolog(embedded):
        fitted = toy.fit(DATA)
        assert models_of(embedded.backend).of(fitted) is not None
        number = id(fitted)
        del fitted
        assert number not in models_of(embedded.backend)._by_id
