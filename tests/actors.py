"""What other processes do to a store: `python -m tests.actors ROLE PATH …`, and their handle.

An actor speaks and listens line by line. `said` and the end of an `Actor`'s block wait for it;
one that hangs is killed in the end, which fails the test that waits.
"""

import contextlib
import importlib
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Self

from pydantic_core.core_schema import CoreSchema, any_schema

import lineage
from lineage import Dataset, Execution, Model, Train
from lineage.contract import backend
from lineage.progress import Progress
from tests.tree import ROOT

DEADLINE = 120


class Actor:
    """A process that plays a role; at the end of the block it must have ended well or been killed."""

    def __init__(self, role: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.actors", role, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(DEADLINE, self._kill_all)
        self._watchdog.daemon = True
        self._watchdog.start()

    def _kill_all(self) -> None:
        """Kill it and the children that it forked, which would keep the pipe open."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def said(self) -> str:
        """Return the next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.endswith("\n"), f"the actor stopped in the middle of {line!r}"
        return line[:-1]

    def rest(self) -> list[str]:
        """Return all lines until the end; the last one of a killed actor may be cut."""
        assert self._process.stdout is not None
        return self._process.stdout.read().split("\n")[:-1]

    def tell(self, line: str = "go on") -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it as a power cut would: with no chance to tidy up."""
        self._process.kill()
        assert self._process.wait() == -9

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        with self._process, contextlib.ExitStack() as last:
            last.callback(self._watchdog.cancel)
            if failure is not None:
                self._process.kill()
                return
            assert self._process.stdin is not None
            self._process.stdin.close()
            assert self._process.wait() in (0, -9)


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def listen() -> str:
    return sys.stdin.readline().strip()


def pair(store: lineage.Store, name: str) -> None:
    """Write a transaction of a run, its output, and the edge between them."""
    store.record(Train(name=name), outputs=[Model(name=name)])


# Roles


def write(path: str, actor: str, quota: str) -> None:
    """Write a number of transactions, once told to begin."""
    store = lineage.connect(path, actor=actor)
    say("ready")
    listen()
    for turn in range(int(quota)):
        pair(store, f"{actor}/{turn}")
    say("done")


def copy(source: str, target: str, pause: str) -> None:
    """Copy a store, each transaction made durable by itself, and stop after so many of them."""
    backend.BATCH_RECORDS = 1  # type: ignore[misc]

    def stop(progress: Progress) -> None:
        if progress.done == int(pause):
            say(progress.done)
            listen()

    with lineage.connect(source, readonly=True) as store, lineage.connect(target) as other:
        store.copy_to(other, progress=stop)


def create(actor: str) -> None:
    """Open each store that is named, which may not be there yet, and write a transaction."""
    say("ready")
    while url := listen():
        with lineage.connect(url, actor=actor) as store:
            pair(store, actor)
            number = store.backend.now()
        say(number)
        say("ready")


def stream(path: str, actor: str) -> None:
    """Write transactions for ever, and say each one that was acknowledged."""
    store = lineage.connect(path, actor=actor)
    turn = 0
    while True:
        pair(store, f"{actor}/{turn}")
        say(f"{actor}/{turn}")
        turn += 1


def bulk(path: str) -> None:
    """Write far more than fits SQLite's cache in one transaction, and do not end it."""
    store = lineage.connect(path)
    with store.transaction():
        for part in range(1000):
            store.put([Dataset(uri="x" * 4000) for _ in range(1000)])
            say(part)


def hold(path: str) -> None:
    """Keep a transaction open until told to go on."""
    store = lineage.connect(path)
    with store.transaction():
        pair(store, "held")
        say("holding")
        listen()
    say("done")


def purge(path: str, key: str) -> None:
    """Purge a node, but be killed between the commit and the tidying up."""
    store = lineage.connect(path)
    tidying: Any = store.backend._tidying  # type: ignore[attr-defined]
    tidying.after_commit = lambda _: os.kill(os.getpid(), 9)
    store.purge(key, reason="a request")


# Forks; in the child, `say` and `listen` go on as in the parent


def child(function: Callable[[], object]) -> int:
    """Run a function in a forked child, which ends as a script does; return its id."""
    process = os.fork()
    if not process:
        function()
        sys.exit()
    return process


def end_of(process: int) -> int:
    """Wait for a child; return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def fork_idle(path: str) -> None:
    """Share an open store with a child, close it, and let the child write after that."""
    store = lineage.connect(path)
    pair(store, "before")
    closed, close = os.pipe()

    def play() -> None:
        pair(store, "child")
        say("child wrote")
        os.read(closed, 1)
        pair(store, "child again")
        say("child wrote again")

    process = child(play)
    listen()
    pair(store, "parent")
    store.close()
    os.write(close, b"!")
    say(end_of(process))


def fork_pool(path: str, children: str, quota: str) -> None:
    """Share an open store with several children, which write at the same time as the parent."""
    store = lineage.connect(path)
    pair(store, "before")

    def play(name: str) -> None:
        for turn in range(int(quota)):
            pair(store, f"{name}/{turn}")

    processes = [child(lambda name=str(number): play(name)) for number in range(int(children))]  # type: ignore[misc]
    play("parent")
    say([end_of(process) for process in processes])


def fork_inside(path: str) -> None:
    """Fork inside a transaction that is larger than SQLite's cache."""
    store = lineage.connect(path)

    def try_all() -> None:
        for use in (
            lambda: pair(store, "child"),
            lambda: store.find(Dataset),
            lambda: lineage.connect(path),
            store.backend.commit,
        ):
            try:
                use()
            except lineage.Invalid as error:
                say(f"Invalid: {error}")
        store.backend.rollback()
        store.close()

    with store.transaction():
        store.put([Dataset(uri="x" * 4000) for _ in range(5000)])
        say(end_of(child(try_all)))
        pair(store, "parent")
    say(len(store.find(Dataset)))


def fork_beside(path: str) -> None:
    """Fork while another thread is inside a transaction; then write while the child lives."""
    store = lineage.connect(path)
    inside, go_on = threading.Event(), threading.Event()

    def hold_on() -> None:
        with store.transaction():
            pair(store, "thread")
            inside.set()
            go_on.wait(DEADLINE)

    thread = threading.Thread(target=hold_on)
    thread.start()
    inside.wait(DEADLINE)
    stay, leave = os.pipe()

    def wait() -> None:
        os.read(stay, 1)

    process = child(wait)
    go_on.set()
    thread.join()
    pair(store, "parent")
    say("written")
    os.write(leave, b"!")
    say(end_of(process))


def fork_while_others_read(path: str) -> None:
    """Fork again and again while threads read and write."""
    store = lineage.connect(path)
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            store.find(Execution)

    def write() -> None:
        turn = 0
        while not over.is_set():
            pair(store, f"thread/{turn}")
            turn += 1

    threads = [threading.Thread(target=each) for each in (read, read, write)]
    for thread in threads:
        thread.start()
    ends = []
    for turn in range(4):

        def play(turn: int = turn) -> None:
            with contextlib.suppress(lineage.Invalid):  # where the fork was inside a transaction
                pair(store, f"child/{turn}")

        ends.append(end_of(child(play)))
    over.set()
    for thread in threads:
        thread.join()
    say(ends)


def fork_while_another_builds(path: str) -> None:
    """Fork while a thread builds the validator of a class, which Pydantic does under a lock."""
    begun, released = threading.Event(), threading.Event()

    class Slow:
        @classmethod
        def __get_pydantic_core_schema__(cls, *_: object) -> CoreSchema:
            begun.set()
            released.wait(DEADLINE)
            return any_schema()

    class Table(Dataset):
        columns: Slow

    def build() -> None:
        with contextlib.suppress(lineage.Invalid):
            Table(columns=Slow())

    thread = threading.Thread(target=build)
    thread.start()
    begun.wait(DEADLINE)
    threading.Timer(0.2, released.set).start()
    say([end_of(child(lambda: Model(uri=path)))])
    thread.join()


# Without the rights of root


def runner(path: str) -> None:
    """Begin a run, record in it, and wait to be killed in the middle."""
    with lineage.connect(path) as store, store.run(Train()) as run:
        run.input(Dataset(uri="in"))
        run.output(Model(uri="out"))
        say(str(run.key))
        sys.stdin.readline()


def become_nobody() -> None:
    """Give up the rights of root, having imported everything, which may be out of reach later."""
    with lineage.connect("memory:") as store:
        pair(store, "any")
        store.find(Model)
    importlib.import_module("lineage.backends.sqlite.backend")
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def read_shut(path: str) -> None:
    """Read a store in a shut folder, and try to write to it."""
    become_nobody()
    with lineage.connect(path, readonly=True) as store:
        say([each.name for each in store.find(Model)])
        complain(lambda: pair(store, "refused"))
    complain(lambda: pair(lineage.connect(path), "refused"))


def fill(path: str) -> None:
    """Write large transactions, so that the log is moved into the file again and again, until killed."""
    with lineage.connect(path) as store:
        for turn in itertools.count():
            store.put([Dataset(uri=f"{turn}/{each}/{'x' * 300}") for each in range(60)])
            say(turn)


def read_shut_again(path: str) -> None:
    """Read a store in a shut folder, and again whenever told to."""
    become_nobody()
    with lineage.connect(path, readonly=True) as store:
        say([each.name for each in store.find(Model)])
        while listen():
            try:
                say([store.backend.now(), len(store.find(Model).items), store.check()])
            except lineage.LineageError as error:
                say(f"{type(error).__name__} {error}")


def read_unreadable(path: str) -> None:
    """Try to read a store that is out of reach."""
    become_nobody()
    for readonly in (True, False):
        complain(lambda readonly=readonly: lineage.connect(path, readonly=readonly))  # type: ignore[misc]


def complain(function: Callable[[], object]) -> None:
    try:
        function()
    except lineage.LineageError as error:
        say(type(error).__name__)


if __name__ == "__main__":
    assert sqlite3.threadsafety
    globals()[sys.argv[1]](*sys.argv[2:])
