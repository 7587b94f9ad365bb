"""The rules of writing nodes: what is unique, updates and masks, deletion and purging."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from lineage.contract.backend import Backend, External, Named, Reference
from lineage.contract.batches import batched
from lineage.contract.registry import Registry
from lineage.contract.standing import Weight, weight_of
from lineage.contract.transaction import Author, Transaction
from lineage.errors import AlreadyExists, Invalid, NotFound, Stale, excerpt
from lineage.model.canonical import decode, encode
from lineage.model.entities import ExecutionState, Node
from lineage.model.keys import Kind, NodeKey, TypeName
from lineage.model.rows import STATE_NUMBERS, Batch, NodeRow
from lineage.model.schema import AnyType, conform
from lineage.model.system import Alias
from lineage.model.texts import printable
from lineage.model.times import from_micros, to_micros
from lineage.recording.types import TypeFinder

__all__ = [
    "ENDINGS",
    "check_distinct",
    "check_free",
    "check_named",
    "delete_nodes",
    "end_runs",
    "live_rows",
    "move_uris",
    "node_row",
    "purge_nodes",
    "put_nodes",
    "references_of",
    "restore_nodes",
    "stamp",
    "update_node",
]

ENDINGS: Final = (
    ExecutionState.COMPLETE,
    ExecutionState.FAILED,
    ExecutionState.CANCELED,
    ExecutionState.CACHED,
)
"""The states in which a run has ended."""
BATCH_ROWS: Final = 10_000
"""How many nodes are written at a time where there may be very many."""
SINCE: Final = NodeRow._fields.index("since")
"""What of a row comes before this says which node it is, and what."""


def stamp(transaction: Transaction, row: tuple[Any, ...], *, gone: bool = False) -> NodeRow:
    """Return a row as the version that a locked transaction writes, with a salt of its own.

    Of the row counts what comes before `since`, from the key to the time of the update. A version
    that is `gone` is deleted by the transaction that writes it.
    """
    number = transaction.number
    until = number if gone else None
    return NodeRow._make((*row[:SINCE], number, transaction.salt(), None, until, gone))


def node_row(transaction: Transaction, node_type: AnyType, node: Node) -> NodeRow:
    """Return a new node's row; its id is the next one. The transaction must be locked."""
    assert node_type.id is not None
    now = transaction.time
    key = NodeKey(node.kind, transaction.next_id(node.kind))
    return stamp(transaction, (key, node_type.id, *_content(node_type, node), now, now))


def _content(
    node_type: AnyType, node: Node
) -> tuple[str | None, str | None, str | None, int | None, str, str]:
    """Return what a node's row says of it, from the name to the custom properties."""
    fields = vars(node)
    state = fields.get("state")
    return (
        fields["name"],
        fields["external_id"],
        fields.get("uri"),
        None if state is None else STATE_NUMBERS[state],
        conform(node_type, fields["properties"]),
        encode(fields["custom_properties"]),
    )


def check_named(node: Node) -> None:
    """Raise `Invalid` for a context without a name."""
    if node.kind is Kind.CONTEXT and not node.name:
        raise Invalid(f"a context needs a name, and this {node.type} has none")


def put_nodes(backend: Backend, nodes: Sequence[Node], author: Author) -> list[NodeRow]:
    """Write new nodes; a taken name or external id is `AlreadyExists`."""
    for node in nodes:
        check_named(node)
        if node.id is not None:
            raise Invalid(
                f"{node.key} is stored already; change it with update, or copy it with replace(id=None)"
            )
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        types = TypeFinder(backend, transaction)
        rows = [node_row(transaction, types.of(node), node) for node in nodes]
        check_free(backend, rows, types.known)
        transaction.write(Batch(nodes=rows))
    return rows


def check_free(backend: Backend, rows: Iterable[NodeRow], types: Registry) -> None:
    """Raise `AlreadyExists` where a row's name or external id belongs to another node, or to two rows.

    The rows are written together, so that one may take what another lets go.
    """
    together = list(rows)
    wanted = check_distinct(together, types)
    if not wanted:
        return
    changing = {row.key for row in together}
    for reference, found in backend.lookup(wanted.keys()).items():
        for other in found:
            if other.key not in changing:
                raise AlreadyExists(
                    f"{other.key} has {_in_words(reference, types)} already; use it, or choose another"
                )


def check_distinct(rows: Iterable[NodeRow], types: Registry) -> dict[Reference, NodeKey]:
    """Return which row has each name and external id; raise `AlreadyExists` where two have one."""
    wanted: dict[Reference, NodeKey] = {}
    for row in rows:
        for reference in references_of(row):
            if wanted.setdefault(reference, row.key) != row.key:
                raise AlreadyExists(f"two nodes are given {_in_words(reference, types)}")
    return wanted


def references_of(row: NodeRow) -> list[Reference]:
    """Return what a node must have for itself: its name within its type, its external id in its kind."""
    found: list[Reference] = []
    if row.name is not None:
        found.append(Named(row.type_id, row.name))
    if row.external_id is not None:
        found.append(External(row.key.kind, row.external_id))
    return found


def _in_words(reference: Reference, types: Registry) -> str:
    if isinstance(reference, Named):
        return (
            f"the name {excerpt(reference.name)} of type {types.by_id[reference.type_id].type_name}"
        )
    assert isinstance(reference, External)
    return f"the external id {excerpt(reference.external_id)}"


def live_rows(backend: Backend, keys: Collection[NodeKey]) -> Mapping[NodeKey, NodeRow]:
    """Return live nodes; raise `NotFound` for one that never was or is gone."""
    rows = backend.nodes(keys)
    for key in keys:
        row = rows.get(key)
        if row is None:
            raise NotFound(f"there is no {key}")
        if row.gone:
            raise NotFound(f"{key} was deleted in transaction {row.until}")
    return rows


Mask = Collection[str]


_PLAIN_FIELDS = {
    Kind.ARTIFACT: ("name", "external_id", "uri", "state"),
    Kind.EXECUTION: ("name", "external_id", "state"),
    Kind.CONTEXT: ("name", "external_id"),
}


_MAPS: tuple[tuple[Literal["properties", "custom"], str], ...] = (
    ("properties", "properties"),
    ("custom", "custom_properties"),
)


def update_node(
    backend: Backend, node: Node, author: Author, *, fields: Mask | None = None
) -> NodeRow:
    """Replace a stored node's content, or only the given fields of it; return the row as stored.

    Fields are `name`, `external_id`, `uri`, `state`, `properties`, `custom_properties` and, for one
    property, `properties.<name>` or `custom_properties.<name>`; a property that is named but absent
    is removed. `Stale` where the stored node is newer than the one given. Nothing is written where
    nothing changes.
    """
    if not isinstance(node, Node):
        raise Invalid(f"{excerpt(node)} cannot be updated; give a node that get or find returned")
    key = node.key
    _check_mask(node, fields)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        stored = live_rows(backend, [key])[key]
        if node.update_time is not None and stored.updated > to_micros(node.update_time):
            raise Stale(
                f"{key} was changed at {from_micros(stored.updated)}; get it again, then update that"
            )
        types = TypeFinder(backend, transaction)
        node_type = types.known.by_id[stored.type_id]
        if node_type.type_name != TypeName(node.type, node.type_version):
            raise Invalid(f"{key} is a {node_type.type_name} and cannot become a {node.type}")
        if type(node).type_name == node_type.type_name:
            node_type = types.of(node)
        changed = _changed(stored, node_type, node, fields)
        if changed == stored:
            return stored
        if key.kind is Kind.CONTEXT and not changed.name:
            raise Invalid(f"{key}: a context needs a name")
        if stored.type_id in types.known.ids(Alias) and _names(changed) != _names(stored):
            raise Invalid(
                f"{key} is the alias {printable(stored.name or str(key), limit=80)}, and stays so; make another with alias, "
                "and take this one away"
            )
        if references_of(changed) != references_of(stored):
            check_free(backend, [changed], types.known)
        changed = stamp(transaction, changed._replace(updated=transaction.time))
        transaction.write(Batch(updates=[changed]))
        return changed


def _names(alias: NodeRow) -> tuple[object, ...]:
    """Return what an alias is called, as a whole and in its parts."""
    properties = decode(alias.properties)
    return alias.name, properties.get("asset"), properties.get("alias")


def _check_mask(node: Node, fields: Mask | None) -> None:
    known = (*_PLAIN_FIELDS[node.kind], "properties", "custom_properties")
    if isinstance(fields, str) or not isinstance(fields, Collection | None):
        raise Invalid(f"fields={excerpt(fields)}: give a collection of names, such as ['name']")
    for name in fields or ():
        if name not in known and not str(name).startswith(("properties.", "custom_properties.")):
            raise Invalid(
                f"{name!r} is not a field of {node.kind}s; there are {', '.join(known)}, and properties.<name>"
            )


def _changed(stored: NodeRow, node_type: AnyType, node: Node, fields: Mask | None) -> NodeRow:
    """Return the stored row with the given node's content in it, as far as the mask goes."""
    if fields is None:
        content = _content(node_type, node)
        times = (stored.created, stored.updated, stored.since, stored.salt)
        return NodeRow(stored.key, stored.type_id, *content, *times)
    changes: dict[str, object] = {}
    for name in _PLAIN_FIELDS[node.kind]:
        if name in fields:
            value = getattr(node, name)
            changes[name] = STATE_NUMBERS[value] if name == "state" and value is not None else value
    for column, name in _MAPS:
        given = getattr(node, name)
        named = {field.partition(".")[2] for field in fields if field.startswith(f"{name}.")}
        if name not in fields:
            if not named:
                continue
            merged = {k: v for k, v in decode(getattr(stored, column)).items() if k not in named}
            given = {**merged, **{k: v for k, v in given.items() if k in named}}
        changes[column] = conform(node_type, given) if column == "properties" else encode(given)
    # The names are columns of a row, and the values were checked when the node was made.
    return stored._replace(**changes)  # type: ignore[arg-type]


def move_uris(backend: Backend, transaction: Transaction, uris: Mapping[NodeKey, str]) -> None:
    """Give live artifacts other URIs, in a locked transaction."""
    for keys in batched(uris, BATCH_ROWS):
        rows = live_rows(backend, keys)
        moved = [
            stamp(transaction, rows[key]._replace(uri=uris[key], updated=transaction.time))
            for key in keys
        ]
        transaction.write(Batch(updates=moved))


def end_runs(backend: Backend, keys: Sequence[NodeKey], state: str, author: Author) -> None:
    """Give executions that have not ended the state in which they did; `Invalid` for any other."""
    if state not in ENDINGS:
        raise Invalid(f"no run ends as {excerpt(state)}; give one of {', '.join(ENDINGS)}")
    for key in keys:
        if key.kind is not Kind.EXECUTION:
            raise Invalid(f"{key} is no execution, and nothing else ends")
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        rows = live_rows(backend, keys)
        for key, row in rows.items():
            if weight_of(row.state) is not Weight.OPEN:
                raise Invalid(f"{key} is not running; change its state with update")
        number, time = STATE_NUMBERS[ExecutionState(state)], transaction.time
        ended = [
            stamp(transaction, rows[key]._replace(state=number, updated=time))
            for key in dict.fromkeys(keys)
        ]
        transaction.write(Batch(updates=ended))


def delete_nodes(backend: Backend, keys: Sequence[NodeKey], author: Author) -> None:
    """End nodes; their edges stay, and their names are free again."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        distinct = list(dict.fromkeys(keys))
        live_rows(backend, distinct)
        transaction.delete(distinct)


def restore_nodes(backend: Backend, keys: Sequence[NodeKey], author: Author) -> None:
    """Let deleted nodes live again as they were last; a taken name or external id is `AlreadyExists`."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        distinct = list(dict.fromkeys(keys))
        rows = backend.nodes(distinct)
        for key in distinct:
            if key not in rows:
                raise NotFound(f"there is no {key}")
            if not rows[key].gone:
                raise Invalid(f"{key} is not deleted")
        again = [
            stamp(transaction, rows[key]._replace(updated=transaction.time)) for key in distinct
        ]
        check_free(backend, again, TypeFinder(backend, transaction).known)
        transaction.write(Batch(updates=again))


def purge_nodes(backend: Backend, keys: Sequence[NodeKey], author: Author) -> None:
    """Erase nodes' content in every version, for good; those that are live are deleted first."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        distinct = list(dict.fromkeys(keys))
        rows = backend.nodes(distinct)
        for key in distinct:
            if key not in rows:
                raise NotFound(f"there is no {key}")
        alive = [key for key in distinct if not rows[key].gone]
        if alive:
            transaction.delete(alive)
        transaction.purge(distinct)
