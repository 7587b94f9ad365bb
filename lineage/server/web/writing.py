"""Writing: runs, nodes, tags, notes, aliases, and what ends; each request is one transaction in the caller's name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias, cast

from lineage.contract.registry import registry
from lineage.contract.transaction import Author
from lineage.errors import Invalid, Stale
from lineage.formats.documents import values_of
from lineage.model.canonical import unescape
from lineage.model.entities import Artifact, Execution, ExecutionState, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import Path
from lineage.model.rows import entity_of
from lineage.queries.naming import asked as named
from lineage.recording.described import described, type_meant
from lineage.recording.nodes import live_rows
from lineage.recording.record import given_nodes
from lineage.recording.run import Run
from lineage.server.refusal import Refusal
from lineage.server.web.arguments import Faulty
from lineage.server.web.bodies import (
    Aliased,
    Changed,
    Deleted,
    Described,
    Item,
    Measured,
    More,
    Noted,
    Purged,
    Put,
    Ran,
    Referred,
    Restored,
    Said,
    Tagged,
    Unlinked,
)
from lineage.server.web.call import Call
from lineage.server.web.idempotency import Key, key_of
from lineage.server.web.written import Written, written_in
from lineage.store import Store

__all__ = [
    "alias",
    "delete",
    "extend",
    "note",
    "purge",
    "put",
    "record",
    "restore",
    "tag",
    "unalias",
    "unlink",
    "update",
]

EXAMPLE: Final = '{"type": "Model", "uri": "s3://models/7"}'
_Placed: TypeAlias = list[tuple[Path, Artifact | NodeKey]]
_NUMBER = re.compile(r'"([0-9]{1,18})"', re.ASCII)


class _Work:
    """What a request does in its transaction, and what is to be said of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.notes: list[str] = []

    def key(self, given: str | Referred) -> NodeKey:
        """Return the node that is named."""
        text = given if isinstance(given, str) else given.ref
        meant = named(self.store.backend, [text])
        self.notes += meant.remarks
        return meant.keys[0]

    def node(self, given: Described, kind: Kind | None = None) -> Node:
        """Return the new node that is described, whose type is there then."""
        wanted = kind if given.kind is None else Kind(given.kind)
        if kind not in (None, wanted):
            raise Invalid(f"a node of kind {wanted} was given, where {kind}s are")
        node_type = type_meant(
            self.store.backend,
            given.type,
            Author(self.store.actor),
            example=EXAMPLE,
            kind=wanted,
            version=given.type_version,
        )
        properties, custom = map(values_of, (given.properties, given.custom_properties))
        return described(node_type, given.fields(), properties, custom)

    def some(self, given: list[Item] | dict[str, Item], kind: Kind) -> Any:
        """Return what a list or an object gives, as `store.record` takes it."""
        if isinstance(given, dict):
            return {name: self._item(item, kind) for name, item in given.items()}
        return [self._item(item, kind) for item in given]

    def _item(self, item: Item, kind: Kind) -> Node | NodeKey:
        return self.node(item, kind) if isinstance(item, Described) else self.key(item)


def _written(call: Call, asked: Said | Purged, act: Callable[[_Work], object]) -> Written:
    """Do something in one transaction, unless a request with the same key did; return what was written."""
    header = call.headers.get("idempotency-key")
    if header is None:
        return _once(call, asked, act, None)
    key = key_of(header, call.caller.name, call.address, asked.model_dump())
    return call.keys.once(key, lambda: _once(call, asked, act, key))


def _once(
    call: Call, asked: Said | Purged, act: Callable[[_Work], object], key: Key | None
) -> Written:
    backend, work = call.present.backend, _Work(call.present)
    with (
        call.present.transaction(message=asked.reason),
        backend.transaction() as transaction,  # which is the same
    ):
        transaction.lock()
        number = None if key is None else call.keys.written(backend, key)
        if number is None:
            if key is not None:
                transaction.mark = key.mark
            act(work)
    if transaction.committed:
        number = transaction.number
    notes = tuple(dict.fromkeys(work.notes))
    return Written(None, notes=notes) if number is None else written_in(backend, number, notes)


def record(call: Call, asked: Ran) -> Written:
    """Record a run with what it read and wrote; one that is RUNNING goes on with PATCH."""
    given = asked.execution
    if asked.state == ExecutionState.RUNNING and asked.ended is not None:
        raise Faulty("ended", "ended: what is RUNNING has not ended")

    def act(work: _Work) -> None:
        described = Described(type=given) if isinstance(given, str) else given
        execution = cast(Execution, work.node(described, Kind.EXECUTION))
        recorded = work.store.record(
            execution if asked.state is None else execution.replace(state=asked.state),
            params=values_of(asked.params),
            inputs=work.some(asked.inputs, Kind.ARTIFACT),
            outputs=work.some(asked.outputs, Kind.ARTIFACT),
            within=work.some(asked.within, Kind.CONTEXT),
            started=asked.started,
            ended=asked.ended,
            tags=asked.tags,
            note=asked.note,
        )
        work.notes += recorded.notes

    return _written(call, asked, act)


def extend(call: Call, asked: More) -> Written:
    """Record what a run read, wrote and measured since, and how it ended; its state only moves up."""

    def act(work: _Work) -> None:
        store, key = work.store, work.key(call.node)
        inputs, outputs = (_placed(work, each) for each in (asked.inputs, asked.outputs))
        measured = [_measured(work, each) for each in asked.metrics]
        with ExitStack() as stack:
            run = stack.enter_context(store.extend(key, end=asked.state == ExecutionState.COMPLETE))
            try:
                _extend(run, asked, inputs, outputs, measured)
            except BaseException:
                stack.pop_all()  # all of it is rolled back: no end of the run is to be recorded
                raise
        if asked.state not in (None, ExecutionState.COMPLETE):
            store.end(key, state=asked.state)
        work.notes += run.notes

    return _written(call, asked, act)


def _extend(
    run: Run[Execution],
    asked: More,
    inputs: _Placed,
    outputs: _Placed,
    measured: Sequence[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for path, artifact in inputs:
        run.input(artifact, path=path)
    for path, artifact in outputs:
        run.output(artifact, path=path)
    if asked.params:
        run.log_params(values_of(asked.params))
    for values, options in measured:
        run.log_metrics(values, **options)


def _placed(work: _Work, given: list[Item] | dict[str, Item]) -> _Placed:
    """Return artifacts, each with its place among what the run reads or writes."""
    some = given_nodes(work.some(given, Kind.ARTIFACT))
    return cast(_Placed, [*some])


def _measured(work: _Work, given: Measured) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that were measured, and of what."""
    options = {
        name: work.key(each)
        for name, each in (("of", given.of), ("on", given.on))
        if each is not None
    }
    return values_of(given.values), options if given.step is None else {
        **options,
        "step": given.step,
    }


def put(call: Call, asked: Put) -> Written:
    """Write new nodes; a taken name or external id is refused."""

    def act(work: _Work) -> None:
        nodes = [work.node(each) for each in asked.nodes]
        work.store.put(nodes, tags=asked.tags, note=asked.note)

    return _written(call, asked, act)


def update(call: Call, asked: Changed) -> Written:
    """Change some fields of a node; `If-Match` has the number of its newest version, its `since`, in quotes."""
    since = _matched(call)

    def act(work: _Work) -> None:
        store, key = work.store, work.key(call.node)
        row = live_rows(store.backend, [key])[key]
        if since not in (None, row.since):
            raise Stale(
                f"{key} is as transaction {row.since} wrote it, not as {since} did; get it again, then change that"
            )
        node = entity_of(row, registry(store.backend).by_id)
        changes: dict[str, object] = {**asked.fields()}
        fields = [*changes]
        for name in ("properties", "custom_properties"):
            given = getattr(asked, name)
            changes[name] = values_of(given)
            fields += [f"{name}.{unescape(each)}" for each in given]
        store.update(node.replace(**changes), fields=fields)

    return _written(call, asked, act)


def _matched(call: Call) -> int | None:
    """Return the version that a change is of; None for whichever there is."""
    header = call.headers.get("if-match")
    if header is None:
        raise Refusal(
            "PRECONDITION_REQUIRED",
            'If-Match is missing: get the node, and send its `since` in quotes, as in If-Match: "63"; or * for '
            "whichever version there is",
        )
    if header.strip() == "*":
        return None
    found = _NUMBER.fullmatch(header.strip())
    if found is None:
        raise Faulty("If-Match", f'If-Match: {header[:80]!r} is no number in quotes, as in "63"')
    return int(found[1])


def tag(call: Call, asked: Tagged) -> Written:
    """Give a node tags, and take some away."""
    return _written(
        call,
        asked,
        lambda work: work.store.tag(work.key(call.node), *asked.add, remove=asked.remove),
    )


def note(call: Call, asked: Noted) -> Written:
    """Give a node a note in place of the one that it has, or take that away."""
    return _written(call, asked, lambda work: work.store.note(work.key(call.node), asked.note))


def alias(call: Call, asked: Aliased) -> Written:
    """Let an alias of an asset hold an artifact."""
    asset, name = call.path["asset"], call.path["alias"]
    return _written(
        call,
        asked,
        lambda work: work.store.alias(asset, name, work.key(asked.node), deployed=asked.deployed),
    )


def unalias(call: Call, asked: Said) -> Written:
    """Take an alias away, so that it holds nothing."""
    asset, name = call.path["asset"], call.path["alias"]
    return _written(call, asked, lambda work: work.store.alias(asset, name, None))


def delete(call: Call, asked: Deleted) -> Written:
    """End nodes; their past and their edges stay, and they can be restored."""

    def act(work: _Work) -> None:
        removed = work.store.delete(*asked.nodes, all_versions=asked.all_versions, runs=asked.runs)
        work.notes += removed.notes

    return _written(call, asked, act)


def restore(call: Call, asked: Restored) -> Written:
    """Bring deleted nodes back as they were last."""
    return _written(call, asked, lambda work: work.store.restore(*asked.nodes, runs=asked.runs))


def unlink(call: Call, asked: Unlinked) -> Written:
    """End the edge between two nodes; it stays in the history."""
    return _written(
        call,
        asked,
        lambda work: work.store.unlink(asked.source, asked.target, type=asked.type),
    )


def purge(call: Call, asked: Purged) -> Written:
    """Erase the content of nodes for good, in every version; the log keeps the reason."""

    def act(work: _Work) -> None:
        removed = work.store.purge(
            *asked.nodes, reason=asked.reason, all_versions=asked.all_versions
        )
        work.notes += removed.notes

    return _written(call, asked, act)
