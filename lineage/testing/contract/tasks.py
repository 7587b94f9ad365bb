"""Tasks of one event loop, in turns on one thread: each has its own transactions, and none waits for itself."""

# ruff: noqa: PT012 - a transaction that fails is a block

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import ExitStack
from types import ModuleType
from typing import TypeVar

import pytest

from lineage.contract.backend import Backend
from lineage.contract.owner import current_owner
from lineage.errors import Conflict, Invalid
from lineage.model.entities import Artifact, Execution
from lineage.model.keys import Kind
from lineage.store import Store
from lineage.testing.builders import moment_of, writing

T = TypeVar("T")


class Broken(Exception):
    """What a caller's own code raises."""


def put(store: Store, name: str) -> Artifact:
    return store.put(Artifact(type="lineage.Model", name=name))


def names(store: Store) -> list[str | None]:
    return [each.name for each in store.find(Artifact)]


def beside(writer: Callable[[asyncio.Event], Awaitable[None]], other: Callable[[], T]) -> T:
    """Call a function in a task of its own, while another waits to be told that it may go on; return its answer."""

    async def call() -> T:
        return other()

    async def both() -> T:
        told = asyncio.Event()
        first = asyncio.ensure_future(writer(told))
        await asyncio.sleep(0)
        try:
            return await asyncio.create_task(call())
        finally:
            told.set()
            await first

    return asyncio.run(both())


def test_write_of_another_task_neither_joins_nor_waits(store: Store) -> None:
    tries: list[int] = []

    def count(own: Store) -> None:
        tries.append(1)
        put(own, "counted")

    async def fail(told: asyncio.Event) -> None:
        with pytest.raises(Broken), store.transaction():
            put(store, "lost")
            await told.wait()
            raise Broken

    def write() -> None:
        # The usual patience would be half a minute for each.
        for attempt in (lambda: put(store, "joined"), lambda: store.transact(count)):
            with pytest.raises(Conflict, match="another task") as refused:
                attempt()
            assert not refused.value.retryable

    beside(fail, write)
    assert len(tries) == 1
    assert names(store) == []
    put(store, "after")
    assert names(store) == ["after"]
    assert len(store.log()) == 1


def test_what_a_task_was_told_is_stored_stays(store: Store) -> None:
    """Whoever is refused tries again later, and what anybody was told is stored is."""
    told: list[str] = []

    async def attempt(name: str, *, fails: bool) -> None:
        with store.transaction():
            await asyncio.sleep(0)
            put(store, name)
            await asyncio.sleep(0)
            if fails:
                raise Broken

    async def write(name: str, *, fails: bool) -> None:
        while True:
            try:
                await attempt(name, fails=fails)
            except Conflict:
                await asyncio.sleep(0)
            except Broken:
                return
            else:
                told.append(name)
                return

    async def all_of_them() -> None:
        await asyncio.gather(*(write(str(each), fails=each % 2 == 0) for each in range(6)))

    asyncio.run(all_of_them())
    assert sorted(told) == ["1", "3", "5"]
    assert names(store) == told
    assert [entry.number for entry in store.log()] == [3, 2, 1]


def test_reads_of_other_tasks_see_what_is_committed(store: Store) -> None:
    backend = store.backend
    with writing(backend, actor="ann", message="told") as new:
        data, run = new.artifact(name="old"), new.execution()
        new.edge(data, run)
        gone = new.artifact(name="gone")
    with writing(backend) as new:
        new.delete(gone)

    def seen() -> object:
        return moment_of(backend), backend.versions(gone), backend.log()

    before = seen()

    async def write(told: asyncio.Event) -> None:
        with writing(backend) as new:
            new.update(data, name="new")
            new.end(new.joined(data, run).key)
            new.type(Kind.CONTEXT, "Late")
            new.context(name="late")
            new.delete(run)
            new.transaction.purge([gone])
            new.transaction.purge_heads([1])
            after = seen()
            assert after != before
            await told.wait()
            assert seen() == after

    def read() -> None:
        assert seen() == before
        assert [row.name for row in backend.find(Kind.ARTIFACT)] == ["old"]
        assert backend.log()[-1].message == "told"
        assert (backend.now(), backend.pin(), backend.in_transaction) == (2, 2, False)
        assert backend.check() == []
        with backend.transaction() as own:
            assert backend.nodes([data])[data].name == "old"
            assert own.snapshot() == 2

    beside(write, read)
    assert backend.now() == 3
    assert backend.check() == []


def test_tasks_that_read_keep_a_moment_each(store: Store) -> None:
    put(store, "first")

    async def look(turns: list[asyncio.Event]) -> None:
        with store.transaction():
            seen = names(store)
            turns[0].set()
            await turns[1].wait()
            assert names(store) == seen

    async def in_turns() -> None:
        early, late, end = (asyncio.Event() for _ in range(3))
        first = asyncio.create_task(look([early, end]))
        await early.wait()
        put(store, "second")
        second = asyncio.create_task(look([late, end]))
        await late.wait()
        put(store, "third")
        end.set()
        await asyncio.gather(first, second)

    asyncio.run(in_turns())
    assert names(store) == ["first", "second", "third"]


def test_cancellation_rolls_back(store: Store) -> None:
    async def write() -> None:
        with store.transaction():
            put(store, "lost")
            await asyncio.sleep(60)

    async def record() -> None:
        with store.run(Execution(type="lineage.Train", name="cut"), environment=False):
            await asyncio.sleep(60)

    async def cancel() -> None:
        for work in (write, record):
            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            put(store, f"after {work.__name__}")

    asyncio.run(cancel())
    assert names(store) == ["after write", "after record"]
    assert [str(run.state) for run in store.find(Execution)] == ["CANCELED"]


def test_tasks_and_threads_inherit_no_transaction(store: Store) -> None:
    store.backend.lock_timeout = 0.01

    async def child() -> bool:
        with pytest.raises(Conflict, match="another task"):
            put(store, "refused")
        return store.backend.in_transaction

    def in_thread() -> bool:
        with pytest.raises(Conflict) as refused:
            put(store, "refused")
        assert refused.value.retryable
        return store.backend.in_transaction

    async def parent() -> None:
        with store.transaction():
            put(store, "own")
            assert not await asyncio.create_task(child())
            assert not await asyncio.to_thread(in_thread)
            with store.transaction():
                put(store, "joined")

    async def callback() -> None:
        answers: list[bool] = []
        with store.transaction():
            put(store, "third")
            asyncio.get_running_loop().call_soon(
                lambda: answers.append(store.backend.in_transaction)
            )
            await asyncio.sleep(0)
        assert answers == [False]

    asyncio.run(parent())
    asyncio.run(callback())
    assert names(store) == ["own", "joined", "third"]
    assert len(store.log()) == 2


def test_loop_inside_a_transaction_is_not_part_of_it(store: Store) -> None:
    async def write() -> None:
        put(store, "refused")

    with store.transaction():
        put(store, "own")
        with pytest.raises(Conflict, match="another task"):
            asyncio.run(write())
    assert names(store) == ["own"]


def test_transaction_of_another_task_is_not_used(store: Store) -> None:
    async def use() -> None:
        with store.backend.transaction() as own:
            own.lock()

            async def steal() -> None:
                for verb in (own.lock, own.snapshot, own.commit):
                    with pytest.raises(Invalid, match="task"):
                        verb()

            await asyncio.create_task(steal())
            put(store, "own")

    asyncio.run(use())
    assert names(store) == ["own"]


def test_block_that_ends_in_another_task_is_undone(store: Store) -> None:
    """A generator is finalized wherever it is let go of, and a fixture may be left in another task."""

    async def entered(stack: ExitStack) -> None:
        stack.enter_context(store.transaction())
        put(store, "lost")

    async def left(stack: ExitStack) -> None:
        with pytest.raises(Invalid, match="task"):
            stack.close()
        put(store, "stored")

    async def numbers() -> AsyncIterator[int]:
        with store.transaction():
            put(store, "lost, too")
            yield 1

    async def in_turns() -> None:
        stack = ExitStack()
        await asyncio.create_task(entered(stack))
        await asyncio.create_task(left(stack))
        async for _ in numbers():
            break  # the loop closes the generator, in a task of its own
        await asyncio.sleep(0.01)
        put(store, "stored, too")

    asyncio.run(in_turns())
    assert names(store) == ["stored", "stored, too"]


def test_task_that_ended_inside_a_block_holds_up_nobody(store: Store) -> None:
    stack = ExitStack()

    async def enter() -> None:
        stack.enter_context(store.transaction())
        put(store, "lost")

    asyncio.run(enter())
    put(store, "stored")
    with pytest.raises(Invalid, match="task"):
        stack.close()
    assert names(store) == ["stored"]


def test_block_that_ends_in_another_thread_is_not_joined_any_more(store: Store) -> None:
    def numbers() -> Generator[int, None, None]:
        with store.transaction():
            put(store, "lost")
            yield 1

    given = numbers()
    next(given)
    thread = threading.Thread(target=given.close)
    thread.start()
    thread.join()
    put(store, "stored")
    assert names(store) == ["stored"]
    assert len(store.log()) == 1


def test_function_that_has_to_be_awaited_is_refused(store: Store) -> None:
    async def write(own: Store) -> None:
        put(own, "late")

    with pytest.raises(Invalid, match="awaited"):
        _ = store.transact(write)
    assert store.log() == []


def test_tasks_of_trio_are_told_apart(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """By its one documented function for that; this stands in for a library that the tests do without."""
    trio, tasks = ModuleType("trio.lowlevel"), [object(), object()]

    def current_task() -> object:
        if not tasks:
            raise RuntimeError("must be called from async context")
        return tasks[0]

    trio.current_task = current_task  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trio.lowlevel", trio)
    with pytest.raises(Invalid, match="task"), writing(backend) as new:
        new.artifact()
        tasks.reverse()
        with pytest.raises(Conflict, match="another task"), writing(backend) as other:
            other.artifact()
    tasks.clear()
    assert current_owner().task is None
    assert backend.now() == 0
