"""Says in sentences what was not recorded around a node, what was left out and what was concluded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from lineage.answers.labels import LISTED, listed
from lineage.contract.roles import Role
from lineage.contract.standing import (
    Weight,
    ending_of,
    is_pending,
    purged_writer,
    written_by_failures,
)
from lineage.contract.walking import Cut, Direction
from lineage.model.keys import Kind, NodeKey
from lineage.model.texts import printable
from lineage.queries.copies import remarks_on_twins
from lineage.queries.facts import Facts
from lineage.queries.libraries import imported_frameworks, is_framework
from lineage.queries.nesting import Inherited
from lineage.queries.reader import Reader

__all__ = [
    "behind_failures",
    "concluded",
    "cut_short",
    "deleted_among",
    "inherited",
    "purged_among",
    "remarks",
    "standing_of_runs",
]


def remarks(found: Facts) -> tuple[str, ...]:
    """Return the notes of a summary."""
    if found.key.kind is Kind.CONTEXT:
        return (*_gone(found), *_too_many(found))
    return (
        *_gone(found),
        *_roles(found),
        *_runs(found),
        *_twins(found),
        *_environment(found),
        *_datasets(found),
        *inherited(found.inherited),
        *_late(found),
        *_metrics(found),
        *_too_many(found),
    )


def concluded(reader: Reader, keys: Iterable[NodeKey]) -> list[str]:
    """Return a sentence for each of the nodes' types whose role only its name tells."""
    types = {reader.row(key).type_id for key in keys}
    told = []
    for number in sorted(types):
        role = reader.roles.of(number)
        if role is not None and reader.roles.by_name(number):
            name = printable(reader.types.by_id[number].name, limit=80)
            told.append(f"{name} is taken for {role.words} by its name")
    return told


def cut_short(what: str, cut: Cut | None) -> list[str]:
    """Return what to say of a search that a limit cut, if one did."""
    return [] if cut is None else [f"{what} was cut by the limit of {cut.limit}"]


def _gone(found: Facts) -> Iterator[str]:
    row = found.reader.row(found.key)
    if row.salt is None:
        yield f"{found.key} was purged: its key, its type, its times and its edges are what is left"
    elif row.gone:
        yield f"{found.key} was deleted; this is what it was"


def _roles(found: Facts) -> Iterator[str]:
    if found.role is None and found.key.kind is Kind.ARTIFACT:
        name = printable(found.reader.type(found.key).name, limit=80)
        yield (
            f"nothing says what {name} is, so that metrics by those who read {found.key} are not looked "
            f"for; give the type a base, such as {Role.MODEL.base}"
        )
    metrics = found.measurements
    sources = (source.node.key for source in found.sources)
    yield from concluded(found.reader, (found.key, *sources, *metrics))


def _runs(found: Facts) -> Iterator[str]:
    if found.run is None:
        yield f"no run is recorded that wrote {found.key}"
        yield from standing_of_runs(found)
        return
    row = found.reader.row(found.run)
    if found.run != found.key and row.gone and row.salt is not None:
        yield f"{found.run}, the run that wrote {found.origin}, was deleted"
    yield from standing_of_runs(found)
    if not found.parameters and found.role is not Role.DATASET:
        yield f"{found.run} recorded no parameters"


def _twins(found: Facts) -> list[str]:
    """Return what to say of artifacts upstream that nobody wrote, and whose twins runs wrote."""
    return remarks_on_twins(
        found.reader,
        found.upstream,
        found.hops,
        Direction.UPSTREAM,
        through_copies=found.through_copies,
    )


def inherited(hops: Iterable[Inherited], *, followed: bool = True) -> Iterator[str]:
    """Yield which steps are taken to have read what their parents did, or where that is not followed, which are not."""
    means = "counts" if followed else "is not followed here"
    data: dict[tuple[NodeKey, NodeKey], list[NodeKey]] = {}
    for hop in hops:
        data.setdefault((hop.parent, hop.step), []).append(hop.data)
    steps: dict[tuple[NodeKey, ...], list[NodeKey]] = {}
    for (parent, step), keys in data.items():
        steps.setdefault((parent, *keys), []).append(step)
    for (parent, *keys), alike in islice(steps.items(), LISTED):
        none = f"{listed(alike)} read no data set"
        yield f"{none}; what {'its' if len(alike) == 1 else 'their'} parent {parent} read {means}: {listed(keys)}"
    if len(steps) > LISTED:
        yield f"so it is with the steps of {len(steps) - LISTED} more parents"


def standing_of_runs(found: Facts) -> Iterator[str]:
    """Yield what the states of the runs that wrote an artifact make of the answer."""
    reader, key, run = found.reader, found.origin, found.run
    if key.kind is not Kind.ARTIFACT:
        return
    if is_pending(reader.row(key).state, [row.kind for row in found.before.edges]):
        yield f"{key} is pending: it may not be whole yet"
    if run is None:
        return
    by_weight: dict[Weight, list[NodeKey]] = {weight: [] for weight in Weight}
    for each in found.runs:
        by_weight[reader.weight(each)].append(each)
    counting = [each for each in found.runs if each not in by_weight[Weight.FAILED]]
    is_cached = reader.weight(run) is Weight.CACHED
    if len(counting) > 1:
        worked = " that did the work" if by_weight[Weight.CACHED] and not is_cached else ""
        yield (
            f"{len(counting)} runs wrote {key}; the parameters and the environment are those "
            f"of {run}, the newest{worked}"
        )
        yield from _read_by_each(found, counting)
    if is_cached:
        yield f"{run}, which wrote {key}, was CACHED: the run that did the work is not recorded"
    if reader.weight(run) is Weight.OPEN:
        yield f"{key} was written by {reader.open_since(run)}"
    purged = [each for each in counting if reader.row(each).salt is None]
    yield from (purged_writer(key, each) for each in purged[:LISTED])
    failed = by_weight[Weight.FAILED]
    ending = ending_of(*(reader.row(each).state for each in failed))
    if failed and not counting:
        yield f"{key} was written by {listed(failed)} alone, which {ending}"
    elif failed:
        yield f"{listed(failed)} wrote {key} too, but {ending}: what counts is {run}"


def _read_by_each(found: Facts, runs: Sequence[NodeKey]) -> Iterator[str]:
    """Yield which data each of several runs read, where it is not the same."""
    read: dict[NodeKey, list[NodeKey]] = {run: [] for run in runs}
    for row in found.reader.neighbours(runs, Direction.UPSTREAM, found.limits).edges:
        read[row.target].append(row.source)
    if len({tuple(sorted(set(keys))) for keys in read.values()}) > 1:
        told = (
            f"{run} read {listed(sorted(set(keys))) or 'nothing'}" for run, keys in read.items()
        )
        yield "; ".join(islice(told, LISTED))


def deleted_among(keys: Sequence[NodeKey], *, listed_too: bool) -> list[str]:
    """Return what to say of the deleted nodes of an answer, or of those that are left out of it."""
    if not keys:
        return []
    count = "1 deleted node is" if len(keys) == 1 else f"{len(keys)} deleted nodes are"
    return [f"{count} {'among the answer' if listed_too else 'left out'}: {listed(keys)}"]


def behind_failures(what: str, keys: Iterable[NodeKey]) -> list[str]:
    """Return what to say of nodes that only runs which failed lead to."""
    told = listed(keys)
    return [f"nothing but runs that failed leads to {what} {told}"] if told else []


def purged_among(reader: Reader, keys: Iterable[NodeKey]) -> list[str]:
    """Return what to say of runs among some nodes whose states were purged with them."""
    runs = [key for key in keys if key.kind is Kind.EXECUTION]
    reader.read(runs)
    told = listed(key for key in runs if reader.row(key).salt is None)
    return [f"whether {told} failed is not known any more, for it was purged"] if told else []


def _environment(found: Facts) -> Iterator[str]:
    if found.run is None:
        return
    if found.environment is None:
        subject = str(found.key) if found.run == found.key else f"the run that wrote {found.origin}"
        yield f"{subject} recorded no environment"
    elif not any(map(is_framework, found.libraries)):
        yield f"no known framework is among the libraries of {found.environment.key}"
    elif (
        found.environment.imports is not None
        and len(found.frameworks) > 1
        and not imported_frameworks(found.environment)
    ):
        yield (
            "the run's own code holds no known framework; given are those that were in use, of "
            f"{found.environment.key}"
        )
    if len(found.environments) > 1:
        yield f"{found.run} has several environments ({listed(found.environments)}); the newest is given"


def _datasets(found: Facts) -> Iterator[str]:
    cut = found.upstream.cut
    yield from cut_short("the search for data sets", cut)
    near = {*found.runs, found.key}
    yield from purged_among(found.reader, (key for key in found.upstream.keys if key not in near))
    failed = [source.node.key for source in found.sources if source.failed]
    yield from behind_failures("the data", failed)
    if found.failed_runs:
        states = {
            key: found.reader.row(key).state
            for key in found.upstream.keys
            if key.kind is Kind.EXECUTION
        }
        whole = found.upstream.cut is None
        told = written_by_failures(states, found.upstream_edges, whole=whole)
        yield from (told[key] for key in [*told][:LISTED] if key != found.key)
    if not found.sources and cut is None and found.role is not Role.DATASET:
        yield f"no data set is recorded upstream of {found.key}"


def _failed_metrics(found: Facts) -> Iterator[str]:
    failed = {metric.run.key for metric in found.metrics if metric.failed and metric.run}
    if failed:
        ending = ending_of(*(found.reader.row(run).state for run in failed))
        yield f"some metrics of {found.key} are by {listed(sorted(failed))}, which {ending}"


def _metrics(found: Facts) -> Iterator[str]:
    if found.role is Role.MODEL and not found.metrics:
        yield f"no metrics of {found.key} are recorded"
    yield from _failed_metrics(found)
    deleted = [key for key in found.measurements if found.reader.gone(key)]
    if deleted:
        yield f"the metrics {listed(deleted)} were deleted, and are left out"
    if found.role is not Role.MODEL:
        return
    measured = found.measuring_whatever
    for run in found.runs:
        models = found.models_of(run)
        if len(models) > 1 and run in measured:
            yield f"{run} wrote {len(models)} models ({listed(models)}); its metrics may be of another"
        elif len(models) > 1:
            yield f"{run} wrote {len(models)} models ({listed(models)})"
    for run in found.evaluators:
        models = list(found.inputs_of_evaluators.get(run, ()))
        if len(models) > 1 and run in measured:
            yield f"{run} read {len(models)} models ({listed(models)}); its metrics may be of another"
    if found.other_trainings:
        yield (
            f"the metrics by {listed(found.other_trainings)} are left out: each read {found.key} to "
            f"train something else"
        )


def _late(found: Facts) -> Iterator[str]:
    for key, sure in islice(found.late_inputs.items(), LISTED):
        after = f"{key} was read after {found.key} was written"
        yield f"{after}: it was no data to train on" if sure else after


def _too_many(found: Facts) -> Iterator[str]:
    most = found.limits.nodes
    if found.before.cut:
        yield f"more than {most} nodes lead to {found.key}; only the first are looked at"
    if found.after.cut:
        yield f"more than {most} nodes follow {found.key}; only the first are looked at"
    if found.is_outputs_cut:
        yield f"the runs around {found.key} wrote more than {most} nodes; only the first are looked at"
    if found.has_more_members:
        yield f"{found.key} has more than {most} members; only the first are given and counted"
    count = len(found.containing)
    if most is not None and count > most:
        yield f"{found.key} has {count} contexts; only the first {most} are given"
