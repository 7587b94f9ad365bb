"""Answers the questions about one node: what it was made from, how, by what, and what came of it.

For a model: which data sets it was trained on (1), which parameters (2), what its metrics are (3),
which run created it (4) and which version of which framework (7). `summary` answers all at once
and says in its notes what was not recorded; each is also a function of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from typing_extensions import override

from lineage.answers.curves import CurveSummary
from lineage.answers.notebook import node_cells, nodes_html
from lineage.answers.subgraph import Copy
from lineage.contract.backend import Backend
from lineage.contract.roles import Role
from lineage.contract.walking import Cut, Limits
from lineage.model.entities import Context, Execution, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import is_own_property, note_of, tags_of
from lineage.model.notebook import ROWS, Shown, html_answer, safely
from lineage.model.system import Environment
from lineage.model.values import Value
from lineage.queries.aliases import aliases_of
from lineage.queries.facts import Facts, Linked, Metric, Source
from lineage.queries.notes import remarks
from lineage.queries.reader import Reader
from lineage.queries.series import curves_of

__all__ = [
    "Linked",
    "Metric",
    "Source",
    "Sources",
    "Summary",
    "datasets",
    "environment",
    "frameworks",
    "metrics",
    "parameters",
    "runs",
    "summary",
]


class Sources(NamedTuple):
    """The data sets that a node was made from, nearest first and by key, and where a limit cut the search."""

    found: tuple[Source, ...]
    truncated: Cut | None

    def _repr_html_(self) -> str:
        cut = f"; cut by {self.truncated.limit}" if self.truncated else ""
        caption = f"{len(self.found):,} data sets{cut}"
        return safely(lambda: nodes_html(caption, [each.node for each in self.found]), "Sources")


@dataclass(frozen=True, slots=True)
class Summary(Shown):
    """What is known of a node as of transaction `number`.

    `runs` wrote it, newest first; `parameters`, `environment` and `frameworks` are those of the
    newest run, or of the node itself, if it is an execution. `inputs` and `outputs` are an
    execution's, `readers` the executions that read an artifact, `members` what belongs to a
    context, and its `contexts` are parents and children; `steps` are the parts of an execution that are
    executions themselves, `part_of` those that it is a step of; all by key. `member_counts` says how many
    members there are of each type, by its name, the most first; where there are `more_members` than the limit
    of nodes, of those within it. `copies` are the hops through
    copies upstream, of which the first one's runs answer for an artifact that nobody wrote. `aliases` are those
    that hold an artifact, such as `churn@production`. `series` are what the newest run logged by steps, by
    name. `notes` say in sentences what
    was not recorded and what was only concluded. `truncated` says where a limit cut the search for
    data sets.
    """

    node: Node
    role: Role | None
    runs: tuple[Execution, ...]
    parameters: Mapping[str, Value]
    datasets: tuple[Source, ...]
    metrics: tuple[Metric, ...]
    environment: Environment | None
    frameworks: Mapping[str, str]
    contexts: tuple[Context, ...]
    inputs: tuple[Linked, ...]
    outputs: tuple[Linked, ...]
    readers: tuple[Execution, ...]
    members: tuple[Node, ...]
    notes: tuple[str, ...]
    truncated: Cut | None
    number: int
    copies: tuple[Copy, ...] = ()
    steps: tuple[Execution, ...] = ()
    part_of: tuple[Execution, ...] = ()
    member_counts: Mapping[str, int] = field(default_factory=dict)
    more_members: bool = False
    series: tuple[CurveSummary, ...] = ()
    aliases: tuple[str, ...] = ()

    @override
    def _html(self) -> str:
        lines = self._lines()
        rows = list(islice(lines, ROWS))
        state = getattr(self.node, "state", None)
        said = " ".join([*node_cells(self.node), *([] if state is None else [str(state)])])
        caption = f"{said} as of transaction {self.number}"
        header = ("what", "which", "value")
        return html_answer(caption, header, rows, more=sum(1 for _ in lines))

    def _lines(self) -> Iterator[tuple[str, str, object]]:
        """Yield what a notebook shows, a line each: what it is, its name, its value."""
        for note in self.notes:  # first, lest the cap hide what was not recorded
            yield "note", "", note
        yield from _marks(self.node, self.aliases)
        for name, value in {**self.node.properties, **self.node.custom_properties}.items():
            if not is_own_property(name):
                yield "property", name, value
        for source in self.datasets:
            yield _line("data", source.node)
        yield from self._values()
        yield from self._around()

    def _values(self) -> Iterator[tuple[str, str, object]]:
        for name, value in self.parameters.items():
            yield "parameter", name, value
        for metric in self.metrics:
            yield "metric", metric.name, metric.value
        for curve in self.series:
            yield "series", curve.name, curve.sparkline
        for library, version in self.frameworks.items():
            yield "library", library, version

    def _around(self) -> Iterator[tuple[str, str, object]]:
        linked = (("input", self.inputs), ("output", self.outputs))
        around = [(what, link.node) for what, links in linked for link in links]
        named = (
            ("run", self.runs),
            ("step", self.steps),
            ("part of", self.part_of),
            ("reader", self.readers),
            ("context", self.contexts),
        )
        around += [
            (what, node) for what, nodes in (*named, ("member", self.members)) for node in nodes
        ]
        for what, node in around:
            yield _line(what, node)


def _marks(node: Node, aliases: Sequence[str]) -> Iterator[tuple[str, str, object]]:
    for alias in aliases:
        yield "alias", alias, ""
    if tags := tags_of(node.custom_properties):
        yield "tags", "", ", ".join(tags)
    if note := note_of(node.custom_properties):
        yield "own note", "", note


def _line(what: str, node: Node) -> tuple[str, str, str]:
    return what, str(node.key), " ".join(node_cells(node)[1:])


def summary(
    backend: Backend,
    key: NodeKey,
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Summary:
    """Return what is known of a node; `NotFound` where there is none.

    Through copies, for an artifact that nobody wrote the runs answer that wrote one with its digest, those
    that count first; the search for data sets goes on from all of these.

    The limits are those of the search for data sets; of neighbours and members there are no more
    than the limit of nodes, the first by key, and a note says so.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     _ = store.record(
    ...         lineage.Train(custom_properties={"depth": 3}),
    ...         inputs=lineage.Dataset(uri="s3://lake/1"),
    ...         outputs=lineage.Model(name="churn"),
    ...     )
    ...     answer = summary(store.backend, store.key_of("lineage.Model:churn"))
    >>> answer.datasets[0].node.uri, dict(answer.parameters)
    ('s3://lake/1', {'depth': 3})
    >>> answer.notes
    ('the run that wrote artifact:2 recorded no environment', 'no metrics of artifact:2 are recorded')
    """
    reader = Reader(backend, as_of, happened_by)
    found = Facts(reader, key, limits, through_copies=through_copies)
    found.prefetch()
    members = _members(found)
    execution = key.kind is Kind.EXECUTION
    return Summary(
        node=found.reader.node(key),
        role=found.role,
        runs=_executions(found, found.runs),
        parameters=found.parameters,
        datasets=found.sources,
        metrics=found.metrics,
        environment=found.environment,
        frameworks=found.frameworks,
        contexts=found.contexts,
        inputs=found.linked(found.before.edges) if execution else (),
        outputs=found.linked(found.after.edges) if execution else (),
        readers=_executions(found, sorted(found.readers)),
        members=members,
        member_counts=dict(Counter(node.type for node in members).most_common()),
        more_members=found.has_more_members,
        copies=found.hops,
        steps=_executions(found, found.steps),
        part_of=_executions(found, found.parents),
        series=curves_of(backend, found, live=as_of is None),
        notes=remarks(found),
        truncated=found.upstream.cut,
        number=found.reader.number,
        aliases=_aliases(found),
    )


def datasets(
    backend: Backend,
    key: NodeKey,
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    as_of: int | None = None,
) -> Sources:
    """Return the data sets that an artifact or an execution was made from, nearest first (question 1).

    The node itself is not among them; those of a model that it was made from are.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     run = store.record(
    ...         lineage.Train(),
    ...         inputs=lineage.Dataset(name="lake"),
    ...         outputs=lineage.Model(name="m"),
    ...     )
    ...     answer = datasets(store.backend, run.outputs[0].key)
    >>> [(source.node.name, source.distance) for source in answer.found], answer.truncated
    ([('lake', 2)], None)
    """
    found = _found(backend, key, limits, as_of, through_copies=through_copies)
    return Sources(found.sources, found.upstream.cut)


def parameters(
    backend: Backend, key: NodeKey, *, through_copies: bool = False, as_of: int | None = None
) -> Mapping[str, Value]:
    """Return the properties of an execution, or of the newest that wrote an artifact (question 2).

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     train = lineage.Train(custom_properties={"rate": 0.1})
    ...     run = store.record(train, outputs=lineage.Model())
    ...     dict(parameters(store.backend, run.outputs[0].key))
    {'rate': 0.1}
    """
    return _found(backend, key, Limits(), as_of, through_copies=through_copies).parameters


def metrics(
    backend: Backend,
    key: NodeKey,
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    as_of: int | None = None,
) -> tuple[Metric, ...]:
    """Return the metrics of a model, or those that an execution wrote (question 3).

    First what the model's own runs wrote in metrics artifacts, then what executions wrote that
    read the model and made no other, newest first; last the model's own floats.
    No more than the limit of nodes are looked at; `summary` says where there are more.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     run = store.record(lineage.Train(), outputs=lineage.Model())
    ...     scores = lineage.Metrics(custom_properties={"accuracy": 0.93})
    ...     _ = store.record(lineage.Evaluate(), inputs=run.outputs, outputs=scores)
    ...     found = metrics(store.backend, run.outputs[0].key)
    >>> [(each.name, each.value, each.run.type) for each in found]
    [('accuracy', 0.93, 'lineage.Evaluate')]
    """
    return _found(backend, key, limits, as_of, through_copies=through_copies).metrics


def runs(
    backend: Backend,
    key: NodeKey,
    *,
    limits: Limits = Limits(),
    through_copies: bool = False,
    as_of: int | None = None,
) -> tuple[Execution, ...]:
    """Return the executions that wrote an artifact, newest first by event, then by id (question 4).

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     run = store.record(lineage.Train(name="nightly"), outputs=lineage.Model())
    ...     [each.name for each in runs(store.backend, run.outputs[0].key)]
    ['nightly']
    """
    found = _found(backend, key, limits, as_of, through_copies=through_copies)
    return _executions(found, found.runs)


def environment(
    backend: Backend, key: NodeKey, *, through_copies: bool = False, as_of: int | None = None
) -> Environment | None:
    """Return where an execution ran, or the newest that wrote an artifact; None where not recorded.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     run = store.record(lineage.Train(), outputs=lineage.Model())
    ...     print(environment(store.backend, run.outputs[0].key))
    None
    """
    return _found(backend, key, Limits(), as_of, through_copies=through_copies).environment


def frameworks(
    backend: Backend, key: NodeKey, *, through_copies: bool = False, as_of: int | None = None
) -> Mapping[str, str]:
    """Return the versions of the frameworks that made a node, by name (question 7).

    Those of the environment's libraries that are known as machine-learning frameworks and that the run's own
    code holds; where it holds none, all known ones, and where none is known, all libraries. Empty where no environment was recorded.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     run = store.record(lineage.Train(), outputs=lineage.Model())
    ...     dict(frameworks(store.backend, run.outputs[0].key))
    {}
    """
    return _found(backend, key, Limits(), as_of, through_copies=through_copies).frameworks


def _found(
    backend: Backend, key: NodeKey, limits: Limits, as_of: int | None, *, through_copies: bool
) -> Facts:
    return Facts(Reader(backend, as_of), key, limits, through_copies=through_copies)


def _executions(found: Facts, keys: Collection[NodeKey]) -> tuple[Execution, ...]:
    found.reader.read(keys)
    return tuple(found.reader.execution(key) for key in keys)


def _aliases(found: Facts) -> tuple[str, ...]:
    if found.key.kind is not Kind.ARTIFACT:
        return ()
    held = aliases_of(found.reader, (found.key,))
    return tuple(each.name or "" for each in held.get(found.key, ()))


def _members(found: Facts) -> tuple[Node, ...]:
    found.reader.read(found.members)
    return tuple(found.reader.node(key) for key in found.members)
