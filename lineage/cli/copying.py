"""A store into another store: copy, which is also the backup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.options import AsJson, AsOf, at
from lineage.cli.output import several
from lineage.cli.progress import told
from lineage.contract.files import is_one_of
from lineage.contract.plugins import parse_url, shown_url, store_file
from lineage.errors import Invalid
from lineage.interchange.copying import Copied
from lineage.progress import terminal_line
from lineage.store import connect

__all__ = ["copy"]


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The store: a path or a URL.")],
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="Where to; made if need be, or an earlier copy."),
    ],
    *,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Copy a store into another, with ids and all history.

    Each transaction is read back from there. Called again, it copies what is new, and what an
    interruption left.
    """
    if _is_one_place(source, target):
        raise Invalid(f"SOURCE and TARGET are both {shown_url(source)}; name two places")
    with (
        terminal_line("copying…", quiet=as_json) as line,
        connect(source, readonly=True) as original,
    ):
        wanted = at(original, as_of)
        # A source or a moment that is not there makes no target.
        with connect(target) as other:
            answer = wanted.copy_to(other, progress=told(line, "transactions"))
    output.deliver(answer, _copied, as_json=as_json)


def _is_one_place(source: str, target: str) -> bool:
    if parse_url(source) == parse_url(target):
        return True
    original, file = store_file(source), store_file(target)
    return original is not None and file is not None and is_one_of(file, [original])


def _copied(answer: Copied) -> Iterator[str]:
    first, last, records = answer.after + 1, answer.number, answer.records
    if answer.transactions:
        numbers = f"transaction {last}" if first == last else f"transactions {first} to {last}"
        yield f"Copied {numbers} with {several(records, 'record')}, and read all of it back."
    else:
        yield f"Nothing to copy: the target has everything up to transaction {last}."
    yield f"The digest of both is {last}:{answer.digest}."
