"""The points of a metric that a run logged by steps: series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from lineage.answers.curves import Curve, Point
from lineage.cli import output
from lineage.cli.options import HERE, AsJson, AsOf, NodeText, StoreUrl, named, open_to_read, usage
from lineage.cli.tables import table, time_text
from lineage.model.texts import printable

__all__ = ["Logged", "series"]

LAST = 20
"""How many points are printed where it is not said how many: the last ones."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A metric and its points, in the order in which they were logged."""

    name: str
    points: Sequence[Point]
    logged: int
    """How many points there are, printed or not."""


def series(
    node: NodeText,
    name: Annotated[str, typer.Argument(metavar="METRIC", help="What was logged, such as loss.")],
    *,
    of: Annotated[
        str | None,
        typer.Option("--of", metavar="NODE", help="The model that it was measured of."),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="NODE", help="The data that it was measured on."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="Only the last N points; 20 if not --csv or --json."
        ),
    ] = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, of all points.")] = False,
) -> None:
    """Print what a run logged step by step.

    Of an artifact it is what the newest run that wrote it logged; of a run that goes on, what is there so far.
    """
    if as_json and as_csv:
        raise usage("--json and --csv: give one of them")
    with open_to_read(store, as_of) as opened:
        curve = opened.series(
            named(opened, node),
            name,
            of=None if of is None else named(opened, of),
            on=None if on is None else named(opened, on),
        )
    most = limit or (len(curve) if as_csv or as_json else LAST)
    answer = Logged(name, curve[-most:], len(curve))
    if as_csv:
        output.say(_csv(answer))
    else:
        output.deliver(answer, lambda each: _lines(each, curve), as_json=as_json)


def _csv(answer: Logged) -> Iterator[str]:
    yield "step,value,time"
    for step, value, time in answer.points:
        yield f"{step},{value!r},{time.isoformat(timespec='milliseconds')}"


def _lines(answer: Logged, curve: Curve) -> Iterator[str]:
    yield output.bold(f"{printable(answer.name, limit=60)}  {curve.sparkline()}")
    rows = [[str(step), repr(value), time_text(time)] for step, value, time in answer.points]
    yield from table(("STEP", "VALUE", "TIME"), rows, indent="  ")
    if answer.logged > len(answer.points):
        yield f"The last {len(answer.points):,} of {answer.logged:,} points; --csv has all."
