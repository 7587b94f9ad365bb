"""Digests of data in memory: frames, arrays and data sets, whichever library holds them.

A frame's digest is `frame:` and the SHA-256, in hexadecimal digits, of these lines in UTF-8, each ended by a line feed:

    table <number of rows>
    <name in JSON, ASCII alone> <type> <hexadecimal digits of the column's digest>      for each column, in order

What a column's digest is, and which types there are, says `lineage.digests.columns`. A column by itself (a series, or an array of one
dimension) has `series` for `table`, and its line no name; an array of more or of no dimensions `array` and its
shape (`array 3 4`), and one line for all its values in the order of its indices, the last one fastest; a
sparse matrix `sparse` and its shape, and one line for the list of each row's `index` and `value` of what is not zero.

So the same data has the same digest in pandas, polars and Arrow, and whichever way it is stored or cut into chunks. Order counts, of
rows and of columns; so do names, and the class of a type, but not its width: integers are another thing than floats.
Row labels (pandas' index) do not count: the others have none. In a column of floats NaN and null are one.
Categories and dictionaries count as the values they stand for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from lineage.digests.tables import Table, is_known, table_of
from lineage.progress import Progress, Report, terminal_line

__all__ = ["Frame", "describe", "is_frame"]

LARGE = 2**25
"""From how many values on a terminal shows how far it is: 256 MiB of numbers."""


class Frame(NamedTuple):
    """What is said of a frame: its digest, how many rows it has, and its columns' names and types in order.

    An array of several dimensions has no names, and one type; a series has one name, which may be empty.
    """

    digest: str
    rows: int
    columns: tuple[str, ...]
    types: tuple[str, ...]


def describe(frame: object, *, progress: Report | None = None) -> Frame:
    """Return a frame's digest (see this module), its number of rows, its columns and their types.

    It takes frames and series of pandas, polars and Arrow, and whatever else has Arrow's C stream,
    such as a relation of DuckDB; arrays of NumPy, and what becomes one, such as tensors; sparse
    matrices of SciPy; data sets of Hugging Face; and data sets with a length whose items are numbers,
    texts, bytes, arrays, and tuples and dicts of them. None of these libraries is imported.

    `progress` is told of rows after each slice, and once at the end; without it, much data shows a line where stderr is a
    terminal. Invalid for what cannot be digested, with the column.

    >>> class Squares:
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, at):
    ...         return at, at**2
    >>> describe(Squares()).types
    ('integer', 'integer')
    """
    table = table_of(frame)
    rows = 0
    with _reporting(table, progress) as tell:
        for rows in table.parts:
            if rows != table.total:
                tell(Progress("digesting", rows, table.total))
        tell(Progress("digesting", rows, rows if table.total is None else table.total))
    types = tuple(column.type for column in table.columns)
    return Frame(f"frame:{_digest(table, rows)}", rows, tuple(table.names), types)


def is_frame(obj: object) -> bool:
    """Whether an object is data by its class or by its protocol, so that `describe` reads it.

    A data set that only has a length and items is none here, for many other things have them, too; one of
    `torch.utils.data` is.
    """
    return is_known(obj)


def _digest(table: Table, rows: int) -> str:
    heading = table.heading
    lines = [f"{heading} {rows}" if heading in ("table", "series") else heading]
    for at, column in enumerate(table.columns):
        name = f"{json.dumps(table.names[at])} " if heading == "table" else ""
        lines.append(f"{name}{column.type} {column.digest().hex()}")
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


@contextmanager
def _reporting(table: Table, report: Report | None) -> Iterator[Report]:
    """Yield what is told of progress: the caller's function, or the line of a terminal for much data."""
    if report is not None:
        yield report
        return
    quiet = table.total is None or table.total * len(table.columns) < LARGE
    with terminal_line("digesting a frame…", quiet=quiet) as line:

        def tell(progress: Progress) -> None:
            whole = "" if progress.total is None else f" of {progress.total:,}"
            say = line.say if progress.done == progress.total else line.may_say
            say(f"digesting a frame… {progress.done:,}{whole} rows")

        yield tell
