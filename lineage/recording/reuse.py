"""Whether a step was done before: by the newest run of its type, parameters, inputs and code that counts.

Two steps are the same if their types are, if all their parameters are strictly equal (also those that were
logged later), if they read the same by the same paths, and if their code has one digest, or none. What they read
is the same if it has one telling digest, wherever it lies and whatever its type; if it has one digest that tells less
and one URI; else if it is one artifact. The run is COMPLETE, or of no state that says otherwise, and is there; so is all
that it wrote, whole and not withdrawn, but for its metrics and series, which are no outputs to go on with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Generic, NamedTuple, TypeAlias, cast

from lineage.answers.notebook import Part
from lineage.contract.backend import Backend, External, Named, Order
from lineage.contract.batches import batched
from lineage.contract.lookups import with_external_id, with_name
from lineage.contract.registry import Registry, registry
from lineage.contract.standing import Weight, is_pending, is_withdrawn, weight_of
from lineage.contract.transaction import Author
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS
from lineage.errors import Invalid, NotFound, excerpt
from lineage.filters.tree import (
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Operator,
    all_of,
)
from lineage.model.canonical import decode, same
from lineage.model.contents import digest_in, digest_of, is_telling
from lineage.model.entities import Artifact, Execution, ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import is_own_property
from lineage.model.paths import Path, distinct_paths, paths_of
from lineage.model.rows import INPUT_KINDS, EdgeKind, EdgeRow, NodeRow, entities_of, entity_of
from lineage.model.schema import AnyType, conform
from lineage.model.system import WHY, Metrics, Series
from lineage.model.values import Properties, Value
from lineage.recording.identity import warn_of
from lineage.recording.record import (
    Artifacts,
    Contexts,
    ExecutionT_co,
    Placed,
    Recorded,
    given_nodes,
    node_of_kind,
    record,
    to_execution,
)
from lineage.recording.types import type_by_name, type_by_node

__all__ = ["CODE", "Done", "Reused", "done_before", "placed", "record_cached", "reused"]

CODE: Final = "lineage.code"
"""The custom property of an execution that holds the digest of the code that it ran."""
MOST_ALIKE: Final = 1_000
"""How many artifacts with one digest are looked at, the first by id."""
MOST_READERS: Final = 1_000
"""Up to how many readers of an input are read at once; where there are more, runs are looked for by their type."""
MOST_CANDIDATES: Final = 10_000
"""How many runs, the last by id, are looked at."""
BATCH_RUNS: Final = 256

_Content: TypeAlias = str | tuple[str, str] | NodeKey
"""What an artifact is known by: a telling digest, another digest and the URI, else its key."""
_Reads: TypeAlias = Counter[tuple[Path, _Content]]


@dataclass(frozen=True, slots=True)
class Reused(Part, Generic[ExecutionT_co]):
    """A step that was done before: the `run` that did it, and its `outputs` by id, all of which are there.

    `cached` is the run of state CACHED that was recorded of its being reused, where one was; `notes` say where not
    everything was looked at, and what recording said.
    """

    run: ExecutionT_co
    outputs: tuple[Artifact, ...]
    cached: ExecutionT_co | None = None
    notes: tuple[str, ...] = ()


class Done(NamedTuple):
    """The rows of a run that did a step, and of what it wrote, by id, each with its event."""

    run: NodeRow
    outputs: tuple[tuple[EdgeRow, NodeRow], ...]
    notes: tuple[str, ...]


def placed(artifacts: Artifacts) -> list[Placed]:
    """Return inputs as they are given to `store.reuse`, each with its path; `Invalid` for what is no artifact."""
    return [
        Placed(path, cast(Artifact | NodeKey, node_of_kind(node, Kind.ARTIFACT, "input")))
        for path, node in given_nodes(artifacts)
    ]


def done_before(
    backend: Backend,
    execution: Execution | str,
    *,
    params: Properties,
    inputs: Sequence[Placed],
    code: str | None,
    as_of: int | None = None,
) -> Done | None:
    """Return the newest run that did a step, that counts, and whose outputs are all there; None where none is.

    `Invalid` for an input without digest that is not stored: nobody can say that it is the same. `NotFound` for
    the key of one that is not there. Where nothing is found and not everything was looked at, a warning is logged.
    """
    as_of = backend.pin(as_of)
    known = registry(backend, as_of)
    wanted = _wanted(backend, inputs, as_of)
    begun = to_execution(execution)
    node_type = (
        type_by_name(known, Kind.EXECUTION, execution)
        if isinstance(execution, str)
        else type_by_node(known, begun)
    )
    if node_type is None or wanted is None:
        return None
    step = _Step(node_type, _parameters(node_type, begun, params), code, wanted)
    finder = _Finder(backend, known, as_of)
    for rows in finder.candidates(step):
        reads = finder.reads([row.key for row in rows])
        for row in rows:
            outputs = finder.outputs(row.key) if reads[row.key] == step.inputs else None
            if outputs is not None:
                return Done(row, outputs, tuple(finder.notes))
    warn_of(finder.notes)
    return None


def record_cached(
    backend: Backend,
    done: Done,
    execution: ExecutionT_co | str,
    author: Author,
    *,
    params: Properties,
    inputs: Sequence[Placed],
    code: str | None,
    within: Contexts = (),
) -> Recorded[ExecutionT_co]:
    """Record a run of state CACHED that reads the inputs and has the outputs of the run that did the step."""
    own = {} if code is None else {CODE: code}
    outputs = [Placed(path, row.key) for edge, row in done.outputs for path in _paths(edge)]
    return record(
        backend,
        execution,
        author,
        params=Properties({**params, **own}),
        inputs=inputs,
        outputs=outputs,
        within=within,
        state=ExecutionState.CACHED,
    )


def reused(
    backend: Backend,
    done: Done,
    cls: type[ExecutionT_co],
    cached: Recorded[ExecutionT_co] | None = None,
    *,
    as_of: int | None = None,
) -> Reused[ExecutionT_co]:
    """Return a step that was done before, as entities."""
    types = registry(backend, as_of).by_id
    outputs = entities_of([row for _, row in done.outputs], types)
    run = cast(ExecutionT_co, entity_of(done.run, types, cls))
    notes = done.notes if cached is None else (*done.notes, *cached.notes)
    execution = None if cached is None else cached.execution
    return Reused(run, cast(tuple[Artifact, ...], tuple(outputs)), execution, notes)


def _parameters(
    node_type: AnyType, execution: Execution, params: Properties
) -> Mapping[str, Value]:
    """Return the parameters that a run of a step would have, as they would be stored."""
    given = {**execution.properties}
    custom = {**execution.custom_properties}
    for name, value in params.items():
        (given if name in node_type.properties else custom)[name] = value
    stored = decode(conform(node_type, Properties(given)))
    return _without_own(stored, custom)


def _without_own(
    properties: Mapping[str, Value], custom: Mapping[str, Value]
) -> Mapping[str, Value]:
    """Return the parameters among an execution's properties."""
    kept = {
        name: value
        for name, value in custom.items()
        if not is_own_property(name) and name not in WHY
    }
    return {**kept, **properties}


class _Step(NamedTuple):
    """What has to be equal."""

    type: AnyType
    parameters: Mapping[str, Value]
    code: str | None
    inputs: _Reads

    def was_done_by(self, row: NodeRow) -> bool:
        """Whether a run is there, did what it did, and has this type, these parameters and this code."""
        if row.gone or row.type_id != self.type.id or weight_of(row.state) is not Weight.DONE:
            return False
        custom = decode(row.custom)
        if custom.get(CODE) != self.code:
            return False
        stored = _without_own(decode(row.properties), custom)
        return stored.keys() == self.parameters.keys() and all(
            same(stored[name], value) for name, value in self.parameters.items()
        )


class _Finder:
    """Reads the runs of a store, at one moment."""

    def __init__(self, backend: Backend, known: Registry, as_of: int | None) -> None:
        self._backend = backend
        self._as_of = as_of
        self._logged = known.ids(Metrics) | known.ids(Series)
        self.notes: list[str] = []

    def candidates(self, step: _Step) -> Iterator[list[NodeRow]]:
        """Yield the runs that have a step's type, parameters and code, the last by id first, in batches."""
        rows = self._runs(step)
        for some in batched(islice(rows, MOST_CANDIDATES), BATCH_RUNS):
            alike = [row for row in some if step.was_done_by(row)]
            if alike:
                yield alike
        if next(rows, None) is not None:
            self.notes.append(f"only the last {MOST_CANDIDATES:,} runs of the step were looked at")

    def _runs(self, step: _Step) -> Iterator[NodeRow]:
        """Yield the runs that read the input with the fewest readers, or any where that has very many or there is none."""
        fewest: list[NodeKey] | None = None
        least = MOST_READERS + 1
        for content in {content for _, content in step.inputs}:
            keys = self._alike(content)
            count = self._count(keys, least)
            if fewest is None or count < least:
                fewest, least = keys, count
        if fewest is None or least > MOST_READERS:
            yield from self._by_type(step, fewest)
            return
        edges = self._edges(fewest, Direction.DOWNSTREAM, INPUT_KINDS)
        readers = sorted({edge.target for edge in edges}, reverse=True)
        for some in batched(readers, BATCH_RUNS):
            rows = self._backend.nodes(some, as_of=self._as_of)
            yield from (rows[key] for key in some)

    def _by_type(self, step: _Step, read: Sequence[NodeKey] | None) -> Iterator[NodeRow]:
        """Yield the live runs of a step's type, of those that read some artifacts where these are given."""
        assert step.type.id is not None
        of_type = Compare(Column(Field.TYPE_ID), Operator.EQ, step.type.id)
        reads: Filter | None = None
        if read is not None:
            ids = tuple(sorted(key.id for key in read))
            reads = Exists(Neighbour.EVENTS, "e", In(Column(Field.ARTIFACT_ID, "e"), ids))
        after: tuple[int, int] | None = None
        while True:
            rows = self._backend.find(
                Kind.EXECUTION,
                all_of(of_type, reads),
                order=Order(descending=True),
                after=after,
                limit=BATCH_RUNS,
                as_of=self._as_of,
            )
            yield from rows
            if len(rows) < BATCH_RUNS:
                return
            after = (rows[-1].key.id, rows[-1].key.id)

    def _count(self, keys: Iterable[NodeKey], enough: int) -> int:
        """Return how many events read artifacts, no further than it takes to have enough."""
        total = 0
        for key in keys:
            counts = self._backend.edge_counts(key, as_of=self._as_of)
            total += sum(
                count.number + count.is_capped
                for (side, kind), count in counts.items()
                if side is Direction.DOWNSTREAM and kind in INPUT_KINDS
            )
            if total >= enough:
                break
        return total

    def _alike(self, content: _Content) -> list[NodeKey]:
        """Return the artifacts that have a content."""
        if isinstance(content, NodeKey):
            return [content]
        digest = content if isinstance(content, str) else content[0]
        rows = self._backend.with_digests([digest], limit=MOST_ALIKE, as_of=self._as_of)[digest]
        if len(rows) == MOST_ALIKE:
            self.notes.append(
                f"only the first {MOST_ALIKE:,} artifacts with the digest {excerpt(digest)} were looked at"
            )
        return [row.key for row in rows if _content(row) == content]

    def reads(self, runs: Sequence[NodeKey]) -> Mapping[NodeKey, _Reads]:
        """Return what each of some runs read, by which paths."""
        edges = self._edges(runs, Direction.UPSTREAM, INPUT_KINDS)
        rows = self._backend.nodes({edge.source for edge in edges}, as_of=self._as_of)
        paths: dict[tuple[NodeKey, NodeKey], list[Path]] = defaultdict(list)
        for edge in edges:
            paths[edge.target, edge.source] += _paths(edge)
        found: dict[NodeKey, _Reads] = {run: Counter() for run in runs}
        for (run, artifact), some in paths.items():
            for path in distinct_paths(some) or ((),):
                found[run][path, _content(rows[artifact])] += 1
        return found

    def outputs(self, run: NodeKey) -> tuple[tuple[EdgeRow, NodeRow], ...] | None:
        """Return what a run wrote; None where some of it is gone, withdrawn or not whole."""
        edges = self._edges([run], Direction.DOWNSTREAM, OUTPUT_KINDS)
        rows = self._backend.nodes({edge.target for edge in edges}, as_of=self._as_of)
        written = [
            (edge, rows[edge.target])
            for edge in edges
            if rows[edge.target].type_id not in self._logged
        ]
        kinds: dict[NodeKey, set[EdgeKind]] = defaultdict(set)
        for edge, row in written:
            kinds[row.key].add(edge.kind)
        for _, row in written:
            if row.gone or is_withdrawn(row.state) or is_pending(row.state, kinds[row.key]):
                return None
        return tuple(written)

    def _edges(
        self, keys: Sequence[NodeKey], direction: Direction, kinds: frozenset[EdgeKind]
    ) -> list[EdgeRow]:
        return self._backend.edges(keys, direction, kinds=kinds, as_of=self._as_of)


def _paths(edge: EdgeRow) -> tuple[Path, ...]:
    """Return the paths of an event, of which there is always one, if only one without steps."""
    return paths_of(edge.paths) or ((),)


def _content(row: NodeRow) -> _Content:
    return _told_content(digest_of(row), row.uri) or row.key


def _told_content(digest: str | None, uri: str | None) -> str | tuple[str, str] | None:
    """Return the content that a digest and a URI tell; None where it takes the artifact itself."""
    if digest is None or is_telling(digest):
        return digest
    return None if uri is None else (digest, uri)


def _wanted(backend: Backend, inputs: Sequence[Placed], as_of: int | None) -> _Reads | None:
    """Return what a step reads by which paths; None where something of it is not there, and so was never read."""
    keys = {
        node if isinstance(node, NodeKey) else node.key for _, node in inputs if _is_stored(node)
    }
    rows = backend.nodes(keys, as_of=as_of)
    for key in keys:
        if key not in rows or rows[key].gone:
            raise NotFound(f"there is no {key}, which a step is to read")
    paths: dict[object, list[Path]] = defaultdict(list)
    contents: dict[object, _Content] = {}
    for path, node in inputs:
        which = _identity(node)
        if which not in contents:
            content = _content_of(backend, node, rows, as_of)
            if content is None:
                return None
            contents[which] = content
        paths[which].append(path)
    wanted: _Reads = Counter()
    for which, some in paths.items():
        for path in distinct_paths(some) or ((),):
            wanted[path, contents[which]] += 1
    return wanted


def _is_stored(node: Artifact | NodeKey) -> bool:
    return isinstance(node, NodeKey) or node.id is not None


def _identity(node: Artifact | NodeKey) -> object:
    """Return what one artifact has in common with itself where it is read in several ways."""
    if isinstance(node, NodeKey):
        return node
    if node.id is not None:
        return node.key
    digest = digest_in(node.properties, node.custom_properties)
    return node.type, node.type_version, node.name, node.external_id, node.uri, digest


def _content_of(
    backend: Backend,
    node: Artifact | NodeKey,
    rows: Mapping[NodeKey, NodeRow],
    as_of: int | None,
) -> _Content | None:
    """Return the content of an input; None where it has a name or an external id that no artifact has."""
    if isinstance(node, NodeKey):
        return _content(rows[node])
    if node.id is not None:
        return _content(rows[node.key])
    digest = digest_in(node.properties, node.custom_properties)
    told = _told_content(digest, node.uri)
    if told is not None:
        return told
    if node.name is None and node.external_id is None:
        raise Invalid(
            f"nobody can say that {excerpt(node)} is what was read before: give its digest, as from_path does, or an artifact "
            "of the store, as store.key_of returns it"
        )
    found = _named(backend, node, as_of)
    return None if found is None else _content(found)


def _named(backend: Backend, node: Artifact, as_of: int | None) -> NodeRow | None:
    """Return the stored artifact of an external id, or of a name within its type."""
    wheres: list[Filter | None] = []
    if node.external_id is not None:
        wheres.append(with_external_id(External(node.kind, node.external_id)))
    node_type = type_by_node(registry(backend, as_of), node)
    if node.name is not None and node_type is not None and node_type.id is not None:
        wheres.append(with_name(Named(node_type.id, node.name)))
    for where in wheres:
        for row in backend.find(Kind.ARTIFACT, where, limit=1, as_of=as_of):
            return row
    return None
