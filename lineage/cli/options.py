"""Options that commands share, and what they stand for: a store, a moment, limits, nodes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, Annotated, TypeAlias, cast

import typer

from lineage.cli import output
from lineage.cli.completion import complete_formats, complete_kinds, complete_types
from lineage.cli.variables import set_here
from lineage.contract.files import refuse_one_of
from lineage.contract.walking import Direction, Limits
from lineage.errors import NotFound
from lineage.model.keys import NodeKey
from lineage.model.times import last_instant
from lineage.progress import on_terminal
from lineage.queries.naming import every, meant
from lineage.store import Store, connect

__all__ = [
    "HERE",
    "MOST_NODES",
    "NODE",
    "Actor",
    "AsJson",
    "AsOf",
    "Budget",
    "By",
    "Format",
    "HappenedBy",
    "Hops",
    "Inputs",
    "KindOrType",
    "Message",
    "NoGone",
    "NodeText",
    "NodeTexts",
    "Nodes",
    "OfDownstream",
    "OfUpstream",
    "OpenGroups",
    "Seconds",
    "Show",
    "Shown",
    "StoreUrl",
    "ThroughCopies",
    "TypeText",
    "Yes",
    "ask",
    "at",
    "direction",
    "limits",
    "moment_of",
    "named",
    "open_to_read",
    "open_to_write",
    "quiet_grpc",
    "spelled",
    "usage",
]

HERE = "lineage.db"
NOT_CONFIRMED = 1
"""How a command ends where the answer to its question was no."""
MOST_NODES = Limits().nodes or 0

NODE = "A node: kind:id, Type:name, a URI or an asset (its newest version), or ASSET@ALIAS."
NodeText: TypeAlias = Annotated[str, typer.Argument(metavar="NODE", help=NODE)]
NodeTexts: TypeAlias = Annotated[list[str], typer.Argument(metavar="NODE...", help=NODE)]
KindOrType: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="KIND_OR_TYPE",
        help="artifact, execution, context, or a type's name.",
        autocompletion=complete_kinds,
    ),
]
TypeText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Show only nodes of this type.",
        autocompletion=complete_types,
    ),
]
StoreUrl: TypeAlias = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="LINEAGE_STORE",
        show_envvar=True,
        show_default=True,
        help="The store: a path or a URL.",
    ),
]
AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="MOMENT",
        help="Ask the store as it was: a transaction's number, a day, or an RFC 3339 time.",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Hops: TypeAlias = Annotated[
    int | None, typer.Option("--hops", metavar="N", min=0, help="Go at most this many edges far.")
]
Nodes: TypeAlias = Annotated[
    int,
    typer.Option(
        "--nodes",
        metavar="N",
        min=0,
        show_default=True,
        help="Stop at this many nodes; 0 is no limit.",
    ),
]
Seconds: TypeAlias = Annotated[
    float | None,
    typer.Option("--seconds", metavar="S", min=0, help="Stop after this many seconds."),
]
ThroughCopies: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--through-copies",
        help="Go on from what no run wrote to what runs wrote with the same digest.",
    ),
]
HappenedBy: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--happened-by",
        metavar="MOMENT",
        help="Leave out events that happened later: a day, or an RFC 3339 time.",
    ),
]
Inputs: TypeAlias = Annotated[
    bool,
    typer.Option("--inputs", help="Of a context, begin also at what its runs merely read."),
]
NoGone: TypeAlias = Annotated[
    bool, typer.Option("--no-gone", help="Leave out deleted nodes, and say how many.")
]


class Shown(StrEnum):
    """What a view shows of the nodes."""

    ALL = "all"
    ARTIFACTS = "artifacts"
    EXECUTIONS = "executions"


Budget: TypeAlias = Annotated[
    int,
    typer.Option("--budget", metavar="N", show_default=True, help="Marks at most."),
]
Show: TypeAlias = Annotated[
    Shown,
    typer.Option("--show", show_default=True, help="What is a mark; the rest are edges."),
]
By: TypeAlias = Annotated[
    str,
    typer.Option(
        "--by",
        metavar="WHAT",
        help="Put together what a run, or a context of this type, holds; versions; or a folder.",
        show_default=False,
    ),
]
OpenGroups: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--open",
        metavar="ID",
        help="Open this group: 100 of it, or as ID=25, ID=all; may be repeated.",
    ),
]
OfUpstream: TypeAlias = Annotated[
    bool, typer.Option("--upstream", help="Of the lineage only what the node was made from.")
]
OfDownstream: TypeAlias = Annotated[
    bool, typer.Option("--downstream", help="Of the lineage only what was made from the node.")
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="The notation; left out, what the file's suffix stands for.",
        autocompletion=complete_formats,
    ),
]
Message: TypeAlias = Annotated[
    str, typer.Option("--message", metavar="TEXT", help="Why, for the log.")
]
Actor: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--actor",
        metavar="NAME",
        envvar="LINEAGE_ACTOR",
        show_envvar=True,
        help="Who writes; left out, you.",
    ),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def usage(message: str) -> typer.BadParameter:
    """Return the error of a command that was not called right."""
    return typer.BadParameter(message)


@contextmanager
def open_to_read(url: str, as_of: str | None = None) -> Iterator[Store]:
    """Open a store for reading, at one moment: all that a command says is of it."""
    try:
        store = connect(url, readonly=True)
    except NotFound as error:
        raise NotFound(f"{error}; name one with --store or LINEAGE_STORE") from error
    with store:
        _refuse_output_into(store)
        yield at(store, as_of)


def at(store: Store, as_of: str | None) -> Store:
    """Return a store as of what `--as-of` says, else of now; say which transaction a time or a day means."""
    moment = store.backend.now() if as_of is None else moment_of(as_of)
    past = store.at(moment)
    if isinstance(moment, str):
        output.note(f"{moment[:80]} means transaction {past.as_of}")
    return past


def moment_of(text: str) -> int | str:
    """Return a moment as a store takes it: a transaction's number, or the text of a day or a time."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text


@contextmanager
def open_to_write(url: str, actor: str | None, *, creates: bool = False) -> Iterator[Store]:
    """Open a store for writing; only a command that `creates` makes one where there is none."""
    if not creates:
        with open_to_read(url):
            pass
    with connect(url, actor=actor) as store:
        _refuse_output_into(store)
        yield store


def _refuse_output_into(store: Store) -> None:
    """Raise where a shell sends the output into the store, as with `>> lineage.db`."""
    refuse_one_of(cast(IO[bytes], sys.stdout), store.backend.files, "where the output can go")


def direction(*, upstream: bool, downstream: bool) -> Direction:
    """Return which way a walk goes: both, unless one is chosen."""
    if upstream == downstream:
        return Direction.BOTH
    return Direction.UPSTREAM if upstream else Direction.DOWNSTREAM


def limits(hops: int | None, nodes: int, seconds: float | None) -> Limits:
    """Return what the options of a walk say."""
    if seconds is not None and not seconds >= 0:
        raise usage(f"--seconds {seconds}: give a number, 0 or more")
    return Limits(hops=hops, nodes=nodes or None, seconds=seconds)


def named(store: Store, text: str, happened_by: str | None = None) -> NodeKey:
    """Return the node that a text names; say so where it was a URI of several artifacts."""
    mean = partial(
        meant,
        store.backend,
        happened_by=None if happened_by is None else last_instant(happened_by),
        as_of=store.as_of,
    )
    try:
        found = mean(text)
    except NotFound:
        uri = _uri_of_file(text)
        if uri is None:
            raise
        found = mean(uri)
    if found.others:
        listed = ", ".join(map(str, found.others))
        more = " and older ones" if found.more else ""
        output.note(
            f"{text[:200]}: the newest is {found.key}; it is also the {found.shares} of {listed}{more}"
        )
    for remark in found.notes:
        output.note(remark)
    return found.key


def spelled(store: Store, text: str) -> str:
    """Return a text that names nodes as it is recorded: what is only a file's path, as its URI."""
    try:
        every(store.backend, text)
    except NotFound:
        uri = _uri_of_file(text)
        if uri is None:
            raise
        return uri
    return text


def _uri_of_file(text: str) -> str | None:
    """Return the URI of a file that is there: files are recorded by it, and nobody likes to type it."""
    # Any text may be given, also what is no path, for which `Path.exists` raises.
    return Path(text).resolve().as_uri() if os.path.exists(text) else None  # noqa: PTH110


def quiet_grpc() -> None:
    """Keep gRPC, which is about to be loaded, from writing to stderr what our errors say as well."""
    set_here("GRPC_VERBOSITY", "NONE")


def ask(lines: Iterable[str], notes: Iterable[str], what: str, *, yes: bool) -> None:
    """Tell what a command is about to do and what stays, and ask, unless somebody said yes before."""
    if not yes:
        if not on_terminal(sys.stdin):
            raise usage("there is no terminal to ask on: add --yes")
        for line in lines:
            sys.stderr.write(f"{line}\n")
    for each in notes:
        output.note(each)
    if not yes and not typer.confirm(f"{what}?", err=True):
        raise typer.Exit(NOT_CONFIRMED)
