"""Which runs go on in a context: by store, thread and task, whoever leaves them where."""

import asyncio
import threading
from contextvars import copy_context

import pytest

import lineage
from lineage.recording.current import current
from lineage.store import Store


def going_on(store: Store) -> lineage.NodeKey | None:
    run = current(store.backend)
    return None if run is None else run.key


def test_innermost_run_goes_on(embedded: Store) -> None:
    assert going_on(embedded) is None
    with embedded.run("Outer") as outer:
        assert going_on(embedded) == outer.key
        with embedded.run("Inner") as inner:
            assert going_on(embedded) == inner.key
        with outer.step("Step") as step:
            assert going_on(embedded) == step.key
        assert going_on(embedded) == outer.key
    assert going_on(embedded) is None


def test_run_within_a_run_is_no_step_of_it(embedded: Store) -> None:
    with embedded.run("Outer") as outer, embedded.run("Inner") as inner:
        pass
    assert embedded.show(outer.key).steps == ()
    assert embedded.show(inner.key).part_of == ()


def test_failed_run_goes_on_no_longer(embedded: Store) -> None:
    with pytest.raises(KeyError), embedded.run("Outer"):
        raise KeyError
    assert going_on(embedded) is None


def test_run_that_cannot_begin_does_not_go_on(embedded: Store) -> None:
    with pytest.raises(lineage.NotFound):
        embedded.run("Outer", within=lineage.NodeKey(lineage.Kind.CONTEXT, 99)).__enter__()
    assert going_on(embedded) is None


def test_extended_run_goes_on(embedded: Store) -> None:
    with embedded.run(lineage.Train(external_id="job")) as run, embedded.extend("job") as worker:
        assert current(embedded.backend) is worker
        assert worker.key == run.key


def test_stores_do_not_see_each_others_runs(embedded: Store) -> None:
    with lineage.connect("memory:") as other, embedded.run("Here") as here:
        assert going_on(other) is None
        with other.run("There") as there:
            assert (going_on(embedded), going_on(other)) == (here.key, there.key)


def test_another_thread_begins_without(embedded: Store) -> None:
    seen = []
    with embedded.run("Outer"):
        thread = threading.Thread(target=lambda: seen.append(going_on(embedded)))
        thread.start()
        thread.join()
    assert seen == [None]


def test_tasks_have_runs_of_their_own(embedded: Store) -> None:
    async def work(name: str) -> bool:
        with embedded.run(name) as run:
            await asyncio.sleep(0)
            return going_on(embedded) == run.key

    async def both() -> bool:
        return all(await asyncio.gather(work("A"), work("B")))

    assert asyncio.run(both())


def test_block_that_is_left_in_another_context_goes_on_nowhere(embedded: Store) -> None:
    run = embedded.run("Outer")
    run.__enter__()
    elsewhere = copy_context()
    elsewhere.run(run.__exit__, None, None, None)
    assert going_on(embedded) is None
    assert elsewhere.run(going_on, embedded) is None
