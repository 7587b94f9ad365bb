"""What the tests of SQLite's files share: small stores, and looks at files behind SQLite's back."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import lineage
from lineage import Model, Store
from tests.actors import pair

T = TypeVar("T")


def made(url: Path | str) -> Path:
    """Make a store with one transaction, close it, and return where it is."""
    with lineage.connect(url) as store:
        pair(store, "first")
    return Path(str(url).removeprefix("sqlite:").partition("?")[0])


def models(store: Store) -> list[str | None]:
    """Return the names of the models in a store, which `pair` gives."""
    return [each.name for each in store.find(Model)]


def around(path: Path) -> dict[str, bytes]:
    """Return everything in a file's folder.

    To be called only while no store is open there in this process: to close a file drops all locks
    that the process has on it.
    """
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def door(path: Path) -> closing[sqlite3.Connection]:
    """Open a file in a connection of one's own, where each statement commits."""
    return closing(sqlite3.connect(path, isolation_level=None))


def change(path: Path, *statements: str) -> None:
    """Run statements in a connection of one's own."""
    with door(path) as own:
        for statement in statements:
            own.execute(statement)


def inside(store: Store) -> sqlite3.Connection:
    """Return the connection that a store has for this thread."""
    backend: Any = store.backend
    connection: sqlite3.Connection = backend._file.connection
    return connection


def in_thread(function: Callable[[], T]) -> T:
    """Return what a function returns in another thread, or raise what it raises there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()
