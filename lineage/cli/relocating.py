"""`lineage move-uri`: a bucket or a folder that is somewhere else now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.options import HERE, Actor, AsJson, Message, StoreUrl, Yes, ask, open_to_write
from lineage.model.texts import printable
from lineage.queries.uris import UriMoves

__all__ = ["move_uri"]

LISTED = 20
"""How many of the moves are listed before the question."""


def move_uri(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="The place as it is recorded, such as s3://lake.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Where that is now.")],
    *,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge", help="Where artifacts are at NEW already, make all versions of the same."
        ),
    ] = False,
    message: Message = "",
    actor: Actor = None,
    yes: Yes = False,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Give artifacts at a moved place their new URIs.

    It is all artifacts whose URI is OLD, or goes on after it with a /, in one transaction; their history keeps
    what they were called.
    """
    with open_to_write(store, actor) as opened:
        planned = opened.uri_moves(old, new, merge=merge)
        count = output.several(len(planned.moves), "artifact")
        ask(_lines(planned), planned.notes, f"Move {count}", yes=yes)
        moved = opened.move_uri(old, new, merge=merge, message=message)
    line = f"moved {output.several(len(moved.moves), 'artifact')}"
    output.deliver({"moved": moved.keys}, lambda _: [line], as_json=as_json)


def _lines(planned: UriMoves) -> Iterator[str]:
    for each in planned.moves[:LISTED]:
        yield f"{each.key}  {printable(each.old, limit=60)} → {printable(each.new, limit=60)}"
    if len(planned.moves) > LISTED:
        yield f"and {len(planned.moves) - LISTED} more"
