"""Writes docs/command-line.md out of the commands: `python -m lineage.cli.reference > FILE`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typer.main import get_command

from lineage.answers.log import LogEntry, NodeEntry
from lineage.answers.view import Mark, MarkEdge, View
from lineage.cli.aliases import Aliases
from lineage.cli.app import (
    COMMANDS,
    DEBUG,
    FAILED,
    INTERRUPTED,
    NO_PATH,
    READER_GONE,
    USAGE,
    Command,
    command_line,
)
from lineage.cli.curves import Logged
from lineage.cli.files import Exported
from lineage.cli.history import Faults, Log, Types
from lineage.cli.proving import Proven
from lineage.errors import ENDINGS
from lineage.formats.documents import LONGEST_PATH, keys_of
from lineage.interchange.copying import Copied
from lineage.interchange.importing import Imported
from lineage.proofs.verifying import Verified
from lineage.queries.aliases import Held, Tenure
from lineage.queries.blame import Blame, Blamed
from lineage.queries.comparison import Comparison, Row
from lineage.queries.differences import Diff, Difference, FieldChange
from lineage.queries.find import Page
from lineage.queries.impact import Affected, Impact
from lineage.queries.inventory import Holdings, Info, Overview
from lineage.queries.moments import Changed, EdgeChange, NodeChange
from lineage.queries.paths import Paths
from lineage.queries.peers import Peer, Peers
from lineage.queries.search import Hits
from lineage.queries.summary import Linked, Metric, Source, Summary
from lineage.queries.tables.table import Table
from lineage.queries.versions import Versions

__all__ = ["reference"]

_WALK = {"": ["nodes", "edges", "copies", "notes", "truncated", "number", "matches"]}
_ANSWERS: Mapping[str, Mapping[str, type | list[str]]] = {
    "show": {"": Summary, "datasets": Source, "metrics": Metric, "inputs, outputs": Linked},
    "peers": {"": Peers, "models": Peer},
    "compare": {"": Comparison, "rows": Row},
    "find": {"": Page},
    "runs": {"": Table, "rows": ["the table's columns"]},
    "models": {"": Table, "rows": ["the table's columns"]},
    "series": {"": Logged, "points": ["step", "value", "time"]},
    "search": {"": Hits},
    "upstream": _WALK,
    "downstream": _WALK,
    "view": {"": View, "marks": Mark, "edges": MarkEdge},
    "impact": {"": Impact, "affected": Affected},
    "path": {"": Paths},
    "diff": {"": Diff, "differences": Difference, "changes": FieldChange},
    "since": {"": Changed, "nodes": NodeChange, "edges": EdgeChange, "changes": FieldChange},
    "versions": {"": Versions},
    "alias": {"": Aliases, "aliases": Held, "history": Tenure},
    "ls": {"": Overview, "types": Holdings},
    "info": {"": Info},
    "blame": {"": Blame, "fields": Blamed},
    "types": {"": Types},
    "log": {"": Log, "entries": LogEntry, "entries of a node": NodeEntry},
    "export": {"": Exported},
    "import": {"": Imported},
    "copy": {"": Copied},
    "check": {"": Faults},
    "prove": {"": Proven},
    "verify": {"": Verified},
    "serve": {"": ["mlmd", "http"]},
    "ui": {"": ["http"]},
    "token": {"": ["token", "line"]},
    "run": {"": ["run", "code"]},
    "put": {"": ["put"]},
    "tag": {"": ["tagged"]},
    "note": {"": ["noted"]},
    "end": {"": ["ended"]},
    "delete": {"": ["deleted"]},
    "purge": {"": ["purged"], "an actor": ["purged_transactions"]},
    "restore": {"": ["restored"]},
    "unlink": {"": ["ended"]},
    "move-uri": {"": ["moved"]},
    "demo": {"": ["store"]},
}
"""What the document of each command is made of, and the parts of it that are documents too."""

_HEAD = f"""# The command line

<!-- Written by `python -m lineage.cli.reference`; a test compares. -->

`lineage COMMAND --help` shows the same as this page. The examples are about the store that
`lineage demo` makes.

**The store** is named with `--store`, else by `LINEAGE_STORE`; else it is `lineage.db` in this
folder. Commands that read never make one.

**A node** is named by its key, such as `artifact:12`, by type and name, such as `Model:churn`, by a
URI or the name of an asset, which mean their newest artifact (where there are older ones, stderr says so), or
by an alias, such as `churn@production`. A name that fits nodes of several types is refused, and the message lists them.

**A moment** for `--as-of` is a transaction's number, a day (its end in UTC), or a time
such as `2026-03-01T12:00:00Z`. Every answer is of one moment.

**Walks are bounded** by `--hops`, `--nodes` and `--seconds`. stderr says where a limit cut an answer and
how to raise it, and so does `truncated` in JSON.

**For people** text is plain: no colours in a pipe or where `NO_COLOR` is set. Names cannot act on
the terminal: what is invisible or turns text around is shown as an escape, and long texts are cut.

**For programs** `--json` prints one document in ASCII (`lineage run` on stderr, for stdout is the command's), an error as `{{"error": {{"type", "message"}}}}`
on stderr. Nodes, edges, types and values stand as in node-link JSON, but structs as themselves: keys
of nodes are text, times RFC 3339, NaN is `{{"float": "nan"}}`, and infinities are `1e999`, which every reader takes for one.

`lineage --install-completion` makes the shell complete commands, options, types and formats.

## How it ends

| number | what happened |
|---|---|
| 0 | all is well |
| {FAILED} | `check` found faults, a deletion was not confirmed, or something unexpected happened; `{DEBUG}=1` shows where |
| {USAGE} | the command was not called right |
"""

_TAIL = f"""| {NO_PATH} | `path` found no flow of data between the two; stderr says where a limit may be why |
| {INTERRUPTED} | interrupted (Ctrl-C) |
| {READER_GONE} | the reader of a pipe left, as `head` does |
"""


def reference() -> str:
    """Return the page on the command line, in Markdown."""
    codes = [
        f"| {ending.exit_code} | `{error.__name__}`: {_line(error)} |\n"
        for error, ending in ENDINGS.items()
    ]
    built: Any = get_command(command_line())
    sections = [_section(each, built.commands[each.name].params) for each in COMMANDS]
    return "".join([_HEAD, *codes, _TAIL, *sections])


def _line(error: type) -> str:
    said = inspect.getdoc(error) or ""
    return said.splitlines()[0].rstrip(".")


def _section(command: Command, parameters: Sequence[Any]) -> str:
    said = inspect.getdoc(command.function) or ""
    arguments = " ".join(_shown(each) for each in parameters if _is_argument(each))
    usage = f"lineage {command.name} {arguments}".rstrip()
    rows = "".join(f"| `{_shown(each)}` | {_said(each)} |\n" for each in parameters)
    examples = "\n".join(command.examples)
    keys = " ".join(_keys(command.name))
    return (
        f"\n## lineage {command.name}\n\n{said}\n\n```text\n{usage} [OPTIONS]\n```\n\n"
        f"| argument or option | what it says |\n|---|---|\n{rows}\n"
        f"```sh\n{examples}\n```\n\nJSON: {keys}\n"
    )


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _shown(parameter: Any) -> str:
    """Return how a parameter is written."""
    if _is_argument(parameter):
        return str(parameter.metavar) if parameter.required else f"[{parameter.metavar}]"
    choices = parameter.type_descriptor.choices or ()
    # Not `|`, which would end the cell of a table.
    metavar = parameter.metavar or "/".join(str(each.value) for each in choices)
    return f"{parameter.opts[0]} {metavar}".rstrip()


def _said(parameter: Any) -> str:
    said = str(parameter.help)
    if parameter.envvar:
        said += f" Environment: `{parameter.envvar}`."
    if parameter.show_default and parameter.default not in (None, False, ""):
        said += f" Default: `{parameter.default}`."
    return said


def _keys(name: str) -> Iterator[str]:
    for place, answer in _ANSWERS[name].items():
        keys = keys_of(answer) if isinstance(answer, type) else answer
        listed = ", ".join(f"`{key}`" for key in keys)
        yield f"{listed}." if not place else f"Each of {place}: {listed}."
        if answer is Affected:
            yield f"The path is `null` beyond {LONGEST_PATH} edges: ask `lineage path`."
        if answer is Difference:
            yield f"The place is `null` beyond {LONGEST_PATH} steps."


if __name__ == "__main__":
    sys.stdout.write(reference())
