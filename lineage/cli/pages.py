"""Answers as pages for people: lines of printable text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING

from lineage.answers.labels import label
from lineage.cli.output import bold, several
from lineage.cli.tables import fields, headline, node_cells, table, time_text, type_of, value_text
from lineage.contract.roles import Role
from lineage.formats.documents import LONGEST_PATH
from lineage.model.entities import Artifact, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import (
    DETAILS_PREFIX,
    is_own_property,
    note_of,
    tags_of,
    without_marks,
)
from lineage.model.paths import dotted
from lineage.model.system import RUN_ID
from lineage.model.texts import printable
from lineage.queries.libraries import libraries_of

if TYPE_CHECKING:  # a command needs the classes of its own answer only
    from lineage.queries.differences import Diff, Difference
    from lineage.queries.impact import Affected, Impact
    from lineage.queries.paths import Paths
    from lineage.queries.peers import Peer, Peers
    from lineage.queries.summary import Linked, Source, Summary
    from lineage.queries.versions import Versions

__all__ = ["difference", "impact", "notes", "part", "paths", "peers", "summary", "versions"]

NODE = ("NODE", "TYPE", "NAME", "STATE")
PAGE = 80
VALUE = 500
"""A page on one node has room for long values, such as the message of an error."""
MOST_LINES = 25
"""How much of one section of a page is shown, so that the others are seen."""
DEPLOYMENTS = 5
"""How many deployments of one artifact are told."""
STEPS = 7
"""A reason of more steps than this is shown without its middle."""
_TIMES = {"create_time": "created", "update_time": "updated"}


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a title and its lines; nothing where there are none."""
    found = list(lines)
    if found:
        yield ""
        yield bold(title)
        yield from found


def part(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a section of a page that has others: of a long one the first lines."""
    found = list(lines)
    left_out = len(found) - MOST_LINES
    if left_out > 1:
        found[MOST_LINES:] = [f"  … and {left_out} more; --json has all"]
    yield from section(title, found)


def notes(said: Sequence[str]) -> Iterator[str]:
    """Yield what was not recorded, or only concluded."""
    yield from section("Notes", (f"  {printable(each)}" for each in said))


def _values(values: Mapping[str, object]) -> Iterator[str]:
    shown = [(name, value_text(values[name], limit=VALUE)) for name in values]
    yield from fields([(printable(name, limit=40), value) for name, value in shown])


def _nodes(nodes: Iterable[Node]) -> Iterator[str]:
    yield from table(("",) * len(NODE), [node_cells(node) for node in nodes], indent="  ")


def _linked(links: Sequence[Linked]) -> Iterator[str]:
    rows = [
        [*node_cells(each.node), each.event, printable(dotted(each.paths), limit=40)]
        for each in links
    ]
    yield from table(("",) * 6, rows, indent="  ")


def _content(node: Node, aliases: Sequence[str]) -> Iterator[str]:
    """Yield what a node says of itself, and which aliases hold it."""
    pairs = [
        (name, value_text(getattr(node, name)))
        for name in ("name", "uri", "external_id")
        if getattr(node, name, None) is not None
    ]
    pairs += [("alias", printable(each, limit=PAGE)) for each in aliases]
    if tags := tags_of(node.custom_properties):
        pairs.append(("tags", printable(", ".join(tags), limit=VALUE)))
    if note := note_of(node.custom_properties):
        pairs.append(("note", value_text(note, limit=VALUE)))
    pairs += [(said, time_text(getattr(node, name))) for name, said in _TIMES.items()]
    yield from fields(pairs)


def summary(answer: Summary, *, environment: bool = False) -> Iterator[str]:
    """Yield what is known of a node; with the whole `environment`, also all its libraries."""
    node = answer.node
    role = "" if answer.role is None else f"  ({answer.role})"
    yield bold(headline(node) + role)
    yield from _content(node, answer.aliases)
    custom = node.custom_properties.items()
    free = {name: value for name, value in custom if not is_own_property(name)}
    yield from part("Properties", _values({**node.properties, **free}))
    yield from part("Details", _values(_details(node)))
    yield from part("Made by", _runs(answer))
    yield from part("Parameters", _values(answer.parameters))
    yield from part("Data sets", _datasets(answer))
    yield from part("Metrics", _metrics(answer))
    yield from part("Series", _series(answer))
    yield from part("Environment", _environment(answer))
    yield from part("Frameworks", _values(answer.frameworks))
    if environment:
        yield from part("Libraries", _values(libraries_of(answer.environment)))
    yield from part("Part of", _nodes(answer.part_of))
    yield from part("Steps", _nodes(answer.steps))
    yield from part("Inputs", _linked(answer.inputs))
    yield from part("Outputs", _linked(answer.outputs))
    yield from part("Read by", _nodes(answer.readers))
    around = "Parents and children" if node.key.kind is Kind.CONTEXT else "Belongs to"
    yield from part(around, _nodes(answer.contexts))
    yield from part(_members_title(answer), _nodes(answer.members))
    yield from notes(answer.notes)


def _details(node: Node) -> Mapping[str, object]:
    """Return what the engine keeps of how a run was started."""
    own = without_marks(node.custom_properties).items()
    return {
        name.removeprefix(DETAILS_PREFIX): value
        for name, value in own
        if is_own_property(name) and name != RUN_ID
    }


def _members_title(answer: Summary) -> str:
    """Return the heading of a context's members, with how many of which types they are."""
    more = "+" if answer.more_members else ""
    counts = [
        f"{number:,}{more} {printable(name, limit=40)}"
        for name, number in answer.member_counts.items()
    ]
    return f"Members: {', '.join(counts)}" if counts else "Members"


def _runs(answer: Summary) -> Iterator[str]:
    rows = [[*node_cells(run), time_text(run.create_time)] for run in answer.runs]
    yield from table(("",) * 5, rows, indent="  ")


def _marked(each: Source | Peer | Affected) -> str:
    """Return the marks of data by its purpose, and of what only evaluation, failed runs or parents lead to."""
    purpose = getattr(each, "purpose", None)
    reader = getattr(each, "by", None)
    marks = [
        *([purpose] if purpose else []),
        *(["evaluation"] if getattr(each, "evaluated", False) else []),
        *(["failed"] if each.failed else []),
        *([f"by {reader}, its parent"] if reader else []),
        *(["too late"] if getattr(each, "late", False) else []),
        *(["by a parent"] if getattr(each, "by_parent", False) else []),
        *(printable(said, limit=PAGE) for said in getattr(each, "deployed_as", ())),
    ]
    return "".join(f", {mark}" for mark in marks)


def _datasets(answer: Summary) -> Iterator[str]:
    rows = [
        [*node_cells(each.node), f"{several(each.distance, 'edge')} away{_marked(each)}"]
        for each in answer.datasets
    ]
    yield from table(("",) * 5, rows, indent="  ")


def _metrics(answer: Summary) -> Iterator[str]:
    rows = [
        [
            printable(each.name, limit=40),
            value_text(each.value),
            str(each.artifact.key),
            "" if each.on is None else f"on {label(each.on) or each.on.key}",
            "" if each.run is None else f"by {each.run.key} {type_of(each.run)}",
        ]
        for each in answer.metrics
    ]
    if not any(each.on for each in answer.metrics):
        rows = [[*row[:3], row[-1]] for row in rows]
    yield from table(("",) * len(rows[0]) if rows else (), rows, indent="  ")


def _series(answer: Summary) -> Iterator[str]:
    rows = [
        [
            printable(each.name, limit=40),
            each.sparkline,
            value_text(each.last),
            f"{several(each.points, 'point')}, steps {each.first_step:,} to {each.last_step:,}",
        ]
        for each in answer.series
    ]
    yield from table(("",) * 4, rows, indent="  ")


def _environment(answer: Summary) -> Iterator[str]:
    if answer.environment is not None:
        yield from fields([("node", str(answer.environment.key))])
        yield from _values(answer.environment.properties)


def peers(answer: Peers) -> Iterator[str]:
    """Yield the models that were trained on the same data."""
    yield bold(f"{several(len(answer.models), 'model')} trained on the data of {answer.of.key}")
    yield from section("Data sets", _nodes(answer.datasets))
    rows = [
        [*node_cells(each.model), str(each.dataset), f"{each.distance}{_marked(each)}"]
        for each in answer.models
    ]
    yield from section("Models", table((*NODE, "TRAINED ON", "EDGES"), rows, indent="  "))
    yield from notes(answer.notes)


def impact(answer: Impact) -> Iterator[str]:
    """Yield what is affected, what is deployed first, each with its reason."""
    starts = ", ".join(str(each.key) for each in answer.starts)
    count = several(len(answer.affected), "artifact is", "artifacts are")
    verb = "changes" if len(answer.starts) == 1 else "change"
    yield bold(f"{count} affected if {starts} {verb}")
    for title, group in groupby(answer.affected, _group):
        yield from section(title, (line for each in group for line in _affected(answer, each)))
    yield from notes(answer.notes)


def _group(affected: Affected) -> str:
    if affected.failed:
        return "Through failed runs alone"
    if affected.evaluated:
        return "Through evaluation alone"
    if affected.deployed:
        return "Deployed"
    return "Models" if affected.role is Role.MODEL else "Others"


def _affected(answer: Impact, affected: Affected) -> Iterator[str]:
    yield f"  {headline(affected.node)}  {several(affected.distance, 'edge')} away{_marked(affected)}"
    for key in affected.deployments[:DEPLOYMENTS]:
        yield f"      deployed by {headline(answer.nodes[key])}"
    if len(affected.deployments) > DEPLOYMENTS:
        yield f"      and by {len(affected.deployments) - DEPLOYMENTS} more"
    yield from _reason(_chain(answer, affected))


def _reason(steps: Sequence[str]) -> Iterator[str]:
    """Yield the steps in as few lines as a page's width allows."""
    line = "      because"
    for position, step in enumerate(steps):
        following = f" → {step}" if position else f" {step}"
        if position and len(line) + len(following) > PAGE:
            yield line
            line = " " * 12
        line += following
    yield line


def _chain(answer: Impact, affected: Affected) -> list[str]:
    """Return the steps from what changed to the artifact, of many only the ends."""
    half = STEPS // 2
    left_out = affected.distance + 1 - 2 * half
    if left_out < 2:
        return [_step(key, answer) for key in affected.path]
    last = [*islice(reversed(affected.path), half)][::-1]
    if affected.distance <= LONGEST_PATH:
        first = [*islice(affected.path, half)]
    else:  # to read each long path from its beginning takes time that grows with its length
        first = [each.key for each in answer.starts] if len(answer.starts) == 1 else []
        left_out = affected.distance + 1 - len(first) - half
    begin, end = ([_step(key, answer) for key in keys] for keys in (first, last))
    return [*begin, f"({left_out} more)", *end]


def _step(key: NodeKey, answer: Impact) -> str:
    return f"{key} {type_of(answer.nodes[key])}" if key in answer.nodes else str(key)


def paths(answer: Paths) -> Iterator[str]:
    """Yield the chain of a shortest way, the source first."""
    if not answer.shortest:
        # A cut answer found none within its limits, which is not the same as none.
        found = "was found" if answer.subgraph.truncated else "is recorded"
        yield f"No flow of data between {answer.source} and {answer.target} {found}."
        yield from notes(answer.subgraph.notes)
        return
    nodes = {node.key: node for node in answer.subgraph.nodes}
    count = several(len(answer.shortest) - 1, "edge")
    yield bold(f"From {answer.source} to {answer.target}: {count}")
    rows = [
        ["→" if position else "", *node_cells(nodes[key])]
        for position, key in enumerate(answer.shortest)
    ]
    yield from table(("",) * 5, rows, indent="  ")
    total = several(len(answer.subgraph.nodes), "node")
    yield f"All ways together have {total} and {several(len(answer.subgraph.edges), 'edge')}."


def difference(answer: Diff) -> Iterator[str]:
    """Yield how two lineages differ, nearest first: `-` is the left one, `+` the right one."""
    yield bold(f"- {headline(answer.left)}")
    yield bold(f"+ {headline(answer.right)}")
    for each in answer.differences:
        yield from _difference(each)
    yield ""
    count = several(len(answer.differences), "place differs", "places differ")
    yield f"{count}; {several(len(answer.shared), 'node is', 'nodes are')} in both."
    yield from notes(answer.notes)


def _difference(each: Difference) -> Iterator[str]:
    yield ""
    yield bold(f"@ {' < '.join(_place(each.place))}")
    if each.left is not None:
        yield f"- {headline(each.left)}"
    if each.right is not None:
        yield f"+ {headline(each.right)}"
    for change in each.changes:
        name = printable(change.field, limit=60)
        yield f"    - {name} = {value_text(change.left)}"
        yield f"    + {name} = {value_text(change.right)}"


def _place(place: Sequence[str]) -> Iterator[str]:
    """Yield the steps of a place, of many only the last."""
    left_out = len(place) - STEPS if len(place) > STEPS + 1 else 0
    if left_out:
        yield f"({left_out} more)"
    for step in [*islice(reversed(place), len(place) - left_out)][::-1]:
        yield printable(step, limit=60)


def versions(answer: Versions) -> Iterator[str]:
    """Yield the versions of one thing, the newest last."""
    count = several(len(answer.artifacts), "version")
    asset = "" if answer.asset is None else f" of {label(answer.asset) or answer.asset.key}"
    yield bold(count + asset)
    yield from table(
        ("VERSION", *NODE, "URI", "CREATED"),
        [[str(number), *_version(each)] for number, each in enumerate(answer.artifacts, start=1)],
        indent="  ",
    )
    yield from notes(answer.notes)


def _version(artifact: Artifact) -> list[str]:
    uri = "" if artifact.uri is None else printable(artifact.uri, limit=60)
    key, type_name, called, state = node_cells(artifact)
    # The URI has a column of its own, and need not stand for a name as well.
    name = called if artifact.name or not uri else ""
    return [key, type_name, name, state, uri, time_text(artifact.create_time)]
