"""What is known of one node, as the questions that people ask about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from lineage.answers.log import PURGED, LogEntry
from lineage.contract.roles import Role
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.marks import is_own_property, note_of, tags_of
from lineage.queries.facts import Linked, Metric, Source
from lineage.queries.peers import Peers
from lineage.queries.summary import Summary
from lineage.queries.versions import Versions
from lineage.server.web.arguments import Walked
from lineage.server.web.pages.frame import Frame
from lineage.server.web.pages.markup import Html, element, joined
from lineage.server.web.pages.parts import (
    facts,
    named,
    node_link,
    notes,
    properties,
    section,
    several,
    time,
    value,
)

__all__ = ["Known", "entry_line", "head", "known", "questions", "values"]

MOST: Final = 5
"""How many things of a sort stand beside a picture."""
MOST_COMPARED: Final = 20
MOST_EVENTS: Final = 200
"""How many things of a sort stand on a page of their own."""

T = TypeVar("T")


class Known(NamedTuple):
    """What is known of a node, and how much of it is shown: of each sort so many."""

    frame: Frame
    summary: Summary
    peers: Peers | None
    versions: Versions | None
    log: Sequence[LogEntry]
    most: int

    @property
    def node(self) -> Node:
        """The node."""
        return self.summary.node


def known(frame: Frame, reference: str, asked: Walked, *, is_whole: bool = False) -> Known:
    """Return what is known of a node: in short, or the whole of it."""
    store, options = frame.call.store, asked.options()
    key = store.key_of(reference)
    summary = store.show(key, **options)
    most = MOST_EVENTS if is_whole else MOST
    has_peers = summary.role in (Role.MODEL, Role.DATASET)
    peers = store.peers(key, **options) if has_peers else None
    versions = store.versions(key) if key.kind is Kind.ARTIFACT else None
    return Known(frame, summary, peers, versions, store.log(key, limit=most), most)


def head(of: Known) -> Html:
    """Return what a node is, in a line or two, and what is to be known before anything else is believed."""
    node, role = of.node, of.summary.role
    state = getattr(node, "state", None)
    kind = [node.type, str(node.key)]
    kind += [f"taken for {role.words}"] if role and role.value not in node.type.lower() else []
    kind += [str(state)] if state and str(state) != "UNKNOWN" else []
    lines = [element("p", " · ".join(kind), class_="kind")]
    if node.gone:
        lines.append(element("p", _gone(of), class_="says"))
    if of.summary.aliases:
        pointed = joined((element("b", each) for each in of.summary.aliases), ", ")
        lines.append(element("p", "Aliases: ", pointed))
    return joined(lines)


def _gone(of: Known) -> str:
    backend, key = of.frame.call.store.backend, of.node.key
    row = backend.nodes([key], as_of=of.frame.call.number)[key]
    if row.salt is None:
        return "It was purged: nothing is left of it but its key, its type and its times. What it led to stands."
    return "It was deleted: this is what it said last. What it led to stands."


def questions(of: Known, level: int = 3) -> Html:
    """Return the answers to what people ask about a node; a question that it has no answer to is left out."""
    parts: list[tuple[str, str, Html]] = [
        ("fed", "What fed it?", _datasets(of)),
        ("made", "What made it?", _made(of)),
        ("read", "What did it read and write?", _events(of)),
        ("metrics", "How good is it?", _metrics(of)),
        ("peers", "What else was trained on that data?", _peers(of)),
        ("compare", "How do these compare?", _comparison(of)),
        ("impact", "What breaks if it changes?", _impact(of)),
        ("then", "What did we know then?", _moments(of)),
        ("who", "Who changed what?", _who(of)),
    ]
    return joined(
        section(title, content or None, id_=f"q-{name}", level=level)
        for name, title, content in parts
    )


def values(of: Known, level: int = 3) -> Html:
    """Return what the node says of itself, and what is around it."""
    node = of.node
    said = [
        (name, value(getattr(node, name)))
        for name in ("name", "uri", "external_id")
        if getattr(node, name, None)
    ]
    said += [("tags", value(", ".join(tags)))] if (tags := tags_of(node.custom_properties)) else []
    said += [("note", value(note))] if (note := note_of(node.custom_properties)) else []
    free = {
        name: each for name, each in node.custom_properties.items() if not is_own_property(name)
    }
    said += [("created", time(node.create_time)), ("updated", time(node.update_time))]
    around = (
        ("Read by", "readers", of.summary.readers),
        ("Belongs to", "contexts", of.summary.contexts),
        ("Part of", "parents", of.summary.part_of),
        ("Steps", "steps", of.summary.steps),
        ("Members", "members", of.summary.members),
    )
    parts = [
        section("What it says", facts(said), id_="says", level=level),
        section(
            "Properties",
            properties({**node.properties, **free}) or None,
            id_="properties",
            level=level,
        ),
        *(
            section(title, _nodes(of, nodes) or None, id_=id_, level=level)
            for title, id_, nodes in around
        ),
        section("Versions", _versions(of) or None, id_="other-versions", level=level)
        if of.most == MOST
        else Html(),
        section("Notes", notes(of.summary.notes) or None, id_="remarks", level=level),
    ]
    return joined(parts)


def _listed(of: Known, items: Sequence[T], line: Callable[[T], Html]) -> Html:
    """Return the first of some things as a list, and how many more there are, which a page of the node's own has."""
    if not items:
        return Html()
    lines = [element("li", line(each)) for each in items[: of.most]]
    more = len(items) - len(lines)
    if more > 0:
        whole = element("a", "all of it", href=of.frame.details(of.node.key))
        said = element("li", f"and {more:,} more: ", whole, class_="muted")
        lines.append(said if of.most == MOST else element("li", f"and {more:,} more"))
    return element("ul", *lines)


def _versions(of: Known) -> Html:
    if of.versions is None or len(of.versions.artifacts) < 2:
        return Html()
    return _nodes(of, of.versions.artifacts[::-1])


def _nodes(of: Known, nodes: Sequence[Node]) -> Html:
    return _listed(of, nodes, lambda node: node_link(of.frame, node))


def _datasets(of: Known) -> Html:
    def line(each: Source) -> Html:
        said = [several(each.distance, "edge") + " away"]
        said += [str(each.purpose)] if each.purpose else []
        said += ["through failed runs alone"] if each.failed else []
        said += ["read too late"] if each.late else []
        return joined([node_link(of.frame, each.node), element("small", f" · {', '.join(said)}")])

    cut = of.summary.truncated
    return joined(
        [
            _listed(of, of.summary.datasets, line),
            element("p", f"The search was cut by its limit of {cut.limit}.", class_="muted")
            if cut
            else Html(),
        ]
    )


def _made(of: Known) -> Html:
    summary = of.summary
    libraries = dict(summary.frameworks)
    python = summary.environment.properties.get("python") if summary.environment else None
    if python:
        libraries["python"] = str(python)
    parameters = {
        name: each for name, each in summary.parameters.items() if not is_own_property(name)
    }
    is_own = of.node.kind is Kind.EXECUTION
    parts = [
        _listed(
            of,
            summary.runs,
            lambda run: joined([node_link(of.frame, run), Html(" "), time(run.create_time)]),
        ),
        _titled("Parameters", properties(parameters) if not is_own else Html()),
        _titled("Libraries", properties(libraries)),
    ]
    return joined(parts)


def _titled(title: str, content: Html) -> Html:
    return joined([element("p", title, class_="title"), content]) if content else Html()


def _events(of: Known) -> Html:
    def line(each: Linked) -> Html:
        said = "" if each.event in ("INPUT", "OUTPUT") else f" {each.event}"
        return joined([node_link(of.frame, each.node), element("small", said)])

    return joined(
        [
            _titled("Read", _listed(of, of.summary.inputs, line)),
            _titled("Wrote", _listed(of, of.summary.outputs, line)),
        ]
    )


def _metrics(of: Known) -> Html:
    def line(each: Metric) -> Html:
        said = ["failed"] if each.failed else []
        parts = [element("bdi", each.name), " ", element("b", value(each.value))]
        if each.on is not None:
            parts.append(
                joined(
                    [
                        " on ",
                        element(
                            "a",
                            element("bdi", named(each.on)),
                            href=of.frame.node(each.on.key),
                        ),
                    ]
                )
            )
        if each.run is not None:
            link = element("a", f"{each.run.type} {each.run.id}", href=of.frame.node(each.run.key))
            parts.append(joined([" by ", link]))
        return joined([*parts, *(f", {each}" for each in said)])

    series = [
        element("li", element("bdi", each.name), " ", each.sparkline, " ", value(each.last))
        for each in of.summary.series[: of.most]
    ]
    return joined([_listed(of, of.summary.metrics, line), element("ul", *series) if series else ""])


def _peers(of: Known) -> Html:
    if of.peers is None:
        return Html()
    models = [each.model for each in of.peers.models if each.model.key != of.node.key]
    return _nodes(of, models) or element("p", "Nothing that is recorded.", class_="muted")


def _comparison(of: Known) -> Html:
    """Return a link to how the models of the same data compare; of a model with this one, and its other versions."""
    if of.peers is None:
        return Html()
    keys = [each.model.key for each in of.peers.models if not each.model.gone]
    if of.summary.role is Role.MODEL:
        others = [each.key for each in reversed(of.versions.artifacts)] if of.versions else []
        keys = [*dict.fromkeys((of.node.key, *keys, *others))]
    if len(keys) < 2:
        return Html()
    keys = keys[:MOST_COMPARED]
    links = [element("a", f"Compare {len(keys)} models", href=of.frame.link("/compare", ids=keys))]
    if of.summary.role is Role.MODEL:
        left = of.frame.link("/diff", left=keys[1], right=keys[0])
        links.append(element("a", f"Why it differs from {keys[1]}", href=left))
    return element("p", joined(links, " · "))


def _impact(of: Known) -> Html:
    if of.node.kind is Kind.CONTEXT and not of.summary.members:
        return Html()
    link = of.frame.link("/impact", of=of.node.key)
    return element("p", element("a", "What is affected, and why", href=link))


def _moments(of: Known) -> Html:
    """Return links to the node as it was at each time that it changed, and after all that."""
    key = of.node.key
    lines = [
        element(
            "li",
            element(
                "a", time(each.time), href=of.frame.link("/lineage", focus=key, as_of=each.number)
            ),
            " · ",
            element(
                "a",
                "what changed since",
                href=of.frame.link("/lineage", focus=key, since=each.number),
            ),
        )
        for each in of.log[: of.most]
        if each.number != of.frame.call.number
    ]
    hint = "Any other day, time or transaction goes above, under “As of”."
    return joined([element("ul", *lines) if lines else "", element("p", hint, class_="muted")])


def _who(of: Known) -> Html:
    fields = of.frame.details(of.node.key) + "#fields"
    link = element("p", element("a", "Field by field", href=fields))
    return joined([_listed(of, of.log, lambda each: entry_line(of.frame, each)), link])


def entry_line(frame: Frame, entry: LogEntry) -> Html:
    """Return one transaction in a line."""
    changed: Iterable[str] = getattr(entry, "changed", ())
    parts: Iterator[str | Html] = iter(
        [
            element("a", time(entry.time), href=frame.link(f"/log/{entry.number}")),
            " by ",
            element("bdi", PURGED if entry.purged else entry.actor),
            f": {', '.join(list(changed)[:MOST])}" if changed else "",
            " — " if entry.message or entry.summary else "",
            element("bdi", entry.message or entry.summary),
        ]
    )
    return joined(parts)
