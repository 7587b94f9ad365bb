"""Pictures of answers, beside what their commands print."""

from __future__ import annotations

from collections.abc import Collection
from typing import IO, Annotated, Protocol, TypeAlias

import typer

from lineage.answers.view import View
from lineage.cli import output
from lineage.cli.options import usage
from lineage.contract.format import draws, format_of_suffix
from lineage.interchange.exporting import write_file
from lineage.model.texts import printable
from lineage.store import Store

__all__ = ["Picture", "check_picture", "draw"]

Picture: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--picture",
        metavar="FILE",
        help="Draw the answer, too: to FILE.svg, FILE.png or FILE.html.",
    ),
]


class Viewed(Protocol):
    """An answer that can be shown in few marks."""

    def view(self) -> View:
        """Return it as a view."""
        ...


def check_picture(file: str | None) -> None:
    """Refuse a file whose suffix stands for no picture, before anything is asked."""
    if file is not None and not draws(format_of_suffix(file)):
        raise usage(f"--picture {printable(file, limit=200)}: end it in .svg, .png or .html")


def draw(store: Store, answer: Viewed, file: str | None) -> None:
    """Write an answer's picture, where one is asked for, and say so."""
    if file is None:
        return
    view = answer.view()

    def write(target: IO[bytes], name: str) -> Collection[str]:
        return view.draw(name, target)

    for loss in write_file(file, None, write, apart_from=store.backend.files):
        output.note(loss)
    output.note(f"wrote {printable(file)}")
