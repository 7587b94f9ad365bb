"""Ending runs that died without a word: end."""

from __future__ import annotations

from typing import Annotated

import typer

from lineage.cli import output
from lineage.cli.options import (
    HERE,
    Actor,
    AsJson,
    Message,
    NodeTexts,
    StoreUrl,
    named,
    open_to_write,
)
from lineage.recording.nodes import ENDINGS

__all__ = ["end"]


def end(
    runs: NodeTexts,
    *,
    state: Annotated[
        str,
        typer.Option(
            "--state",
            metavar="STATE",
            help=f"How it ended: {', '.join(ENDINGS)}.",
            show_default=False,
        ),
    ],
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """End runs that died without a word.

    Such a run stays RUNNING, and counts as if it went on.
    """
    with open_to_write(store, actor) as opened:
        keys = list(dict.fromkeys(named(opened, each) for each in runs))
        opened.end(*keys, state=state, message=message)
    output.deliver(
        {"ended": keys}, lambda answer: (f"ended {key}" for key in answer["ended"]), as_json=as_json
    )
