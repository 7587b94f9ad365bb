"""Graphs in and out of files: export, import; and the demo, which fills a store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import IO, Annotated, TypeAlias, cast

import typer

from lineage.answers.view import BUDGET, View
from lineage.cli import output
from lineage.cli.escaping import Harmless
from lineage.cli.options import (
    HERE,
    MOST_NODES,
    Actor,
    AsJson,
    AsOf,
    Budget,
    By,
    Format,
    Hops,
    Message,
    Nodes,
    OfDownstream,
    OfUpstream,
    OpenGroups,
    Seconds,
    Show,
    Shown,
    StoreUrl,
    direction,
    limits,
    named,
    open_to_read,
    open_to_write,
    quiet_grpc,
    usage,
)
from lineage.cli.output import several
from lineage.cli.progress import counted, told
from lineage.contract.files import refuse_one_of
from lineage.contract.format import Batches, Database, connector, draws, dumper, format_of_suffix
from lineage.contract.plugins import shown_url, store_file
from lineage.contract.transaction import Author
from lineage.contract.walking import Cut, Direction, Limits
from lineage.interchange import exporting
from lineage.interchange.exporting import export_file, file_names, writable, write_file
from lineage.interchange.importing import Imported, read_file, read_graph, write_graph
from lineage.interchange.mirroring import follow, opened
from lineage.model.keys import NodeKey
from lineage.model.texts import printable
from lineage.model.values import to_text
from lineage.progress import Line, on_terminal, terminal_line
from lineage.queries.view import lineage_of
from lineage.store import Store

__all__ = ["demo", "export", "import_"]

WHOLE = "node-link"
"""The format of a pipe: the one that loses nothing."""
NO_TEXT = frozenset({"mlmd", "png"})
"""Formats that a terminal does not get."""


ExportFile: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", help="Where to; - is stdout.", show_default=False)
]
From: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="NODE", help="Only the lineage of this node; may be repeated."),
]
Highlight: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NODE",
        help="In a picture, dim all but what leads to this node and what it leads to; of several, all but the ways "
        "between them.",
    ),
]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where, in which files, what the format could not hold, and which limit cut each lineage."""

    file: str
    files: Sequence[str]
    format: str
    losses: Collection[str]
    truncated: Collection[Cut]
    number: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What a picture shows of a lineage, and as how many marks."""

    budget: int = BUDGET
    show: Shown = Shown.ALL
    by: str = ""
    opened: Collection[str] = ()
    highlight: Collection[str] = ()


def export(
    file: ExportFile = "-",
    *,
    format: Format = None,
    from_: From = None,
    upstream: OfUpstream = False,
    downstream: OfDownstream = False,
    budget: Budget = BUDGET,
    show: Show = Shown.ALL,
    by: By = "",
    open_: OpenGroups = None,
    highlight: Highlight = None,
    store: StoreUrl = HERE,
    as_of: AsOf = None,
    as_json: AsJson = False,
    hops: Hops = None,
    nodes: Nodes = MOST_NODES,
    seconds: Seconds = None,
) -> None:
    """Write the store, or the lineage of a node, to a file.

    In a picture alike nodes are one, as view shows them. What the format cannot hold is said. A
    pipe gets node-link JSON, which loses nothing, unless another format is named. CSV is two
    files: of graph.csv graph.nodes.csv and graph.edges.csv.
    """
    if as_json and file == "-":
        raise usage("--json tells what was written to a FILE: name one")
    if (upstream or downstream) and not from_:
        raise usage("--upstream and --downstream are of a node: name one with --from")
    bounds = limits(hops, nodes, seconds)
    notation = format or (WHOLE if file == "-" else format_of_suffix(file))
    way = direction(upstream=upstream, downstream=downstream)
    look = _Look(budget, show, by, tuple(open_ or ()), tuple(highlight or ()))
    is_picture = bool(from_) and draws(notation)
    if look != _Look() and not is_picture:
        raise usage(
            "--budget, --show, --by, --open and --highlight are of a picture of a lineage: name a node "
            "with --from, and a format that draws, such as svg"
        )
    with open_to_read(store, as_of) as opened:
        number = opened.as_of or 0
        keys = [named(opened, each) for each in from_ or ()]
        if is_picture:
            view = _view(opened, keys, way, bounds, look)
            lit = [named(opened, each) for each in look.highlight]
            losses = _write_picture(opened, file, notation, view, lit)
            cuts = view.truncated
        else:
            batches = _batches(opened, keys, way, bounds)
            losses = _write_counted(opened, file, notation, batches, quiet=as_json)
            cuts = batches.cuts
    files = () if file == "-" else tuple(str(each) for each in file_names(file, notation))
    _tell(Exported(file, files, notation, losses, cuts, number), as_json=as_json)


def _tell(answer: Exported, *, as_json: bool) -> None:
    for cut in answer.truncated:
        output.note_cut(cut, of="the lineage")
    for loss in answer.losses:
        output.note(loss)
    if answer.file != "-":
        output.deliver(answer, _exported, as_json=as_json)


def _view(store: Store, keys: list[NodeKey], way: Direction, bounds: Limits, look: _Look) -> View:
    return store.view(
        *keys,
        direction=way,
        limits=bounds,
        budget=look.budget,
        show=look.show.value,
        by=look.by,
        opened=tuple(look.opened),
    )


def _batches(store: Store, keys: list[NodeKey], way: Direction, bounds: Limits) -> Batches:
    """Return the lineage of nodes, or the whole store where none is named, as a stream."""
    if not keys:
        return exporting.batches(store.backend, as_of=store.as_of)
    return lineage_of(store.backend, keys, way, limits=bounds, as_of=store.as_of).batches()


def _write_picture(
    store: Store, file: str, notation: str, view: View, highlight: list[NodeKey]
) -> tuple[str, ...]:
    def write(target: IO[bytes], name: str) -> Collection[str]:
        return view.draw(name, target, highlight=highlight)

    if file == "-":
        return _to_stdout(notation, write)
    return write_file(file, notation, write, apart_from=store.backend.files)


def _write_counted(
    store: Store, file: str, notation: str, batches: Batches, *, quiet: bool
) -> tuple[str, ...]:
    # A graph on a terminal is its own progress.
    hidden = quiet or (file == "-" and on_terminal(sys.stdout))
    with terminal_line("writing…", quiet=hidden) as line:
        stream = counted(batches, line)
        if file != "-":
            return export_file(file, notation, lambda: stream, apart_from=store.backend.files)
        return _to_stdout(notation, lambda target, name: dumper(name).dump(stream, target))


def _exported(answer: Exported) -> Iterator[str]:
    yield f"Wrote {printable(' and '.join(answer.files))} as {answer.format}, as of transaction {answer.number}."


_Write: TypeAlias = Callable[[IO[bytes], str], Collection[str]]
"""Writes to a file in a format, and returns what that could not hold."""


def _to_stdout(notation: str, write: _Write) -> tuple[str, ...]:
    dumper(notation)
    if notation in NO_TEXT and on_terminal(sys.stdout):
        raise usage(f"{notation} is no text that a terminal shows: name a FILE")
    with writable("stdout"):
        sys.stdout.flush()
        target = Harmless(sys.stdout.buffer, notation, on_terminal=on_terminal(sys.stdout))
        losses = tuple(write(cast(IO[bytes], target), notation))
        target.finish()
    return losses


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file, or - for stdin; with --format mlmd a SQLite file, or grpc://HOST:PORT.",
        ),
    ],
    *,
    format: Format = None,
    new_ids: Annotated[
        bool,
        typer.Option("--new-ids", help="Give the nodes new ids, in a store that holds others."),
    ] = False,
    message: Message = "",
    actor: Actor = None,
    store: StoreUrl = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the graph that a file holds into a store.

    The store is made if need be. A file is checked wholly before anything is written. ML
    Metadata's databases are followed: another import brings what is new there.
    """
    quiet_grpc()
    if (place := store_file(store)) is not None:
        refuse_one_of(source, [place], "imported into itself")
    text = to_text(message)
    target = partial(open_to_write, store, actor, creates=True)
    with terminal_line("reading…", quiet=as_json) as line:
        if format is not None and (database := connector(format)) is not None:
            with opened(database, source, new_ids=new_ids) as there:
                answer = _follow(there, format, target, text, line)
        else:
            answer = _import(source, format, target, text, line, new_ids=new_ids)
    for loss in answer.losses:
        output.note(loss)
    output.deliver(answer, _imported, as_json=as_json)


_Target: TypeAlias = Callable[[], AbstractContextManager[Store]]


def _import(
    file: str, format: str | None, target: _Target, message: str, line: Line, *, new_ids: bool
) -> Imported:
    # The file is read first: one that is not there, or is malformed, makes no store.
    if file == "-":
        graph = read_graph(sys.stdin.buffer, format or WHOLE)
    else:
        graph = read_file(file, format, read_graph)
    with target() as opened_store:
        line.say("writing…")
        return write_graph(
            opened_store.backend,
            graph,
            Author(opened_store.actor, message),
            new_ids=new_ids,
            progress=told(line, "records"),
        )


def _follow(source: Database, format: str, target: _Target, message: str, line: Line) -> Imported:
    with target() as opened_store:
        author = Author(opened_store.actor, message)
        answer = follow(
            opened_store.backend, source, format, author, progress=told(line, "records")
        )
    if not answer.verified:
        output.note("the source changed all the while, so that nothing was compared; import again")
    return answer


def _imported(answer: Imported) -> Iterator[str]:
    numbers = answer.transactions
    if not numbers:
        yield "Nothing to write: the store has all of it."
    else:
        written = [several(answer.types, "type"), several(answer.nodes, "node")]
        written += [several(answer.updates, "update")] if answer.updates else []
        where = f"transaction {numbers[0]}"
        if len(numbers) > 1:
            where = f"transactions {numbers[0]} to {numbers[-1]}"
        yield f"Wrote {', '.join(written)} and {several(answer.edges, 'edge')} in {where}."
    if answer.verified:
        yield f"All {answer.verified:,} records were compared with where they came from."


def demo(*, store: StoreUrl = HERE, as_json: AsJson = False) -> int:
    """Train models, record them, and ask where they came from."""
    from lineage.cli.demo import tell

    if not as_json:
        return tell(store)
    with redirect_stdout(sys.stderr):
        code = tell(store)
    if code == 0:
        output.print_json({"store": shown_url(store)})
    return code
