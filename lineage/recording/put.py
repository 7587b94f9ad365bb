"""Every rule of writing: types, property checks, uniqueness, updates and masks, deletion.

Each function runs in the thread's transaction or in one of its own, takes the write lock first
and checks everything before the first row is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, Literal, NamedTuple, get_args
from weakref import WeakKeyDictionary

from lineage.answers.subgraph import Direction
from lineage.contract.backend import Backend, External, Named, Reference
from lineage.contract.registry import Registry, registry
from lineage.contract.transaction import Transaction
from lineage.errors import AlreadyExists, Invalid, NotFound, Stale
from lineage.model.entities import Edge, Entity, Kind, Node, NodeKey, TypeName
from lineage.model.rows import (
    EVENT_KINDS,
    STATE_NUMBERS,
    Batch,
    EdgeKind,
    EdgeRow,
    NodeRow,
    TypeRow,
    as_stored,
    edge_key,
    edge_place,
    entities_of,
    path_text,
)
from lineage.model.schema import (
    OWN_CLASSES,
    SYSTEM_NAMES,
    AnyType,
    NodeType,
    conform,
    evolve,
    is_reserved,
    type_of,
)
from lineage.model.values import decode, encode, from_micros, to_micros

__all__ = [
    "Author",
    "TypeFinder",
    "check_distinct",
    "check_free",
    "check_named",
    "check_type",
    "conform",
    "delete",
    "edge_row",
    "end_edges",
    "live",
    "new_edges",
    "node_row",
    "purge",
    "put",
    "put_edges",
    "put_nodes",
    "put_type",
    "put_types",
    "references_of",
    "update",
]


class Author(NamedTuple):
    """Who writes, and what they say about it."""

    actor: str
    message: str = ""


# Anything


def put(
    backend: Backend,
    items: Sequence[Any],
    author: Author,
    *,
    can_add: bool = False,
    can_omit: bool = False,
) -> list[Entity]:
    """Write types, then nodes, then edges, in one transaction; return each as it is stored, in order."""
    parts: tuple[list[Any], list[Any], list[Any]] = [], [], []
    for cls, same in groupby(items, type):
        part, group = _part(cls), list(same)
        if part is None:
            raise Invalid(
                f"{group[0]!r:.80} cannot be put; give types, artifacts, executions, contexts or edges"
            )
        parts[part].extend(group)
    types, nodes, edges = parts
    with backend.transaction(actor=author.actor, message=author.message):
        stored: list[Sequence[Entity]] = [[], [], []]
        if types:
            stored[0] = put_types(backend, types, author, can_add=can_add, can_omit=can_omit)
        if nodes:
            rows = put_nodes(backend, nodes, author)
            known = registry(backend).by_id
            stored[1] = [
                each
                for cls, group in groupby(zip(rows, nodes, strict=True), lambda pair: type(pair[1]))
                for each in entities_of([row for row, _ in group], known, cls)
            ]
        if edges:
            stored[2] = list(map(as_stored, edges, put_edges(backend, edges, author)))
    if sum(map(bool, stored)) == 1:
        return [*chain(*stored)]
    left = [*map(iter, stored)]
    return [next(left[_part(type(each)) or 0]) for each in items]


_PARTS: WeakKeyDictionary[type, int] = WeakKeyDictionary()
"""In which part of a batch a class's objects are written: as types, nodes or edges."""


def _part(cls: type) -> int | None:
    part = _PARTS.get(cls)
    if part is None:
        bases = ((NodeType,), (Node,), get_args(Edge))
        part = next((place for place, some in enumerate(bases) if issubclass(cls, some)), None)
        if part is not None:
            _PARTS[cls] = part
    return part


# Types


def put_types(
    backend: Backend,
    types: Sequence[AnyType],
    author: Author,
    *,
    can_add: bool = False,
    can_omit: bool = False,
) -> list[AnyType]:
    """Write types, new or evolved by the rules of `schema.evolve`; return them as they are stored."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        return [
            put_type(backend, transaction, each, can_add=can_add, can_omit=can_omit)
            for each in types
        ]


def put_type(
    backend: Backend, transaction: Transaction, given: AnyType, *, can_add: bool, can_omit: bool
) -> AnyType:
    """Write a type in a locked transaction, new or evolved, and return it as it is stored."""
    known, now = registry(backend), from_micros(transaction.time)
    stored = known.by_name.get((given.kind, given.name, given.version))
    check_type(given, stored)
    if stored is not None and (stored.name in SYSTEM_NAMES[stored.kind] or _is_own(stored)):
        # Another version of the library may have described its own types in other words.
        ours = given.name in OWN_CLASSES and given == type_of(OWN_CLASSES[given.name])
        if not ours and evolve(stored, given, can_add=can_add, can_omit=True) is not stored:
            raise Invalid(
                f"type {stored.name} is a system type and does not change; base a type of yours on it"
            )
        return stored
    if stored is None:
        evolved = _timed(given, id=transaction.next_id(None), create_time=now)
    else:
        evolved = evolve(stored, given, can_add=can_add, can_omit=can_omit)
        if evolved is stored:
            return stored
    if evolved.external_id is not None:
        taken = known.by_external_id.get(evolved.external_id)
        if taken is not None and taken.id != evolved.id:
            raise AlreadyExists(
                f"the external id {evolved.external_id!r} is taken by {taken.kind} type {taken.type_name}"
            )
    evolved = _timed(evolved, update_time=now)
    transaction.write(Batch(types=[TypeRow(evolved, transaction.number)]))
    return evolved


def _timed(given: AnyType, **own: Any) -> AnyType:
    """Return a type with what is the store's to set, which is valid like all the rest."""
    return type(given).of_valid({**vars(given), **own}, given.model_fields_set | own.keys())


def check_type(given: AnyType, stored: AnyType | None) -> None:
    """Raise `Invalid` for a reserved name, an unknown base, or an index on what is no property."""
    if stored is None and is_reserved(given.name) and not _is_own(given):
        raise Invalid(
            f"type {given.type_name}: names that begin with 'lineage.' or 'mlmd.' are reserved"
        )
    if given.base is not None and given.base not in SYSTEM_NAMES[given.kind]:
        there = ", ".join(SYSTEM_NAMES[given.kind]) or "none"
        raise Invalid(
            f"type {given.type_name}: {given.base!r} is no base type of {given.kind}s; there are: {there}"
        )
    missing = set(given.indexed).difference(given.properties, stored.properties if stored else ())
    if missing:
        raise Invalid(
            f"type {given.type_name}: {min(missing)!r} is to be indexed but is not a property"
        )


def _is_own(given: AnyType) -> bool:
    """Whether this is a type of the library's own, just as it should be."""
    own = OWN_CLASSES.get(given.name)
    if own is None or (own.kind, given.version) != (given.kind, None):
        return False
    return given.properties == type_of(own).properties


_COVERED: WeakKeyDictionary[type[Node], AnyType] = WeakKeyDictionary()
"""For each class the stored type that is known to have all of its fields."""


class TypeFinder:
    """Finds the stored types of nodes in one transaction; a class's type is written where it is new."""

    def __init__(self, backend: Backend, transaction: Transaction) -> None:
        self._backend = backend
        self._transaction = transaction
        self.known = registry(backend)
        self._of_class: dict[type[Node], AnyType] = {}

    def of(self, node: Node) -> AnyType:
        """Return the node's type, which has all the fields of the node's class."""
        cls = type(node)
        if cls.type_name is None:
            return self.known.named(cls.kind, node.type, node.type_version)
        found = self._of_class.get(cls)
        if found is None:
            found = self._of_class[cls] = self._registered(cls, cls.type_name)
        return found

    def _registered(self, cls: type[Node], name: TypeName) -> AnyType:
        stored = self.known.by_name.get((cls.kind, *name))
        if stored is not None and _COVERED.get(cls) is stored:
            return stored
        try:
            stored = put_type(
                self._backend, self._transaction, type_of(cls), can_add=True, can_omit=True
            )
        except AlreadyExists as error:
            raise Invalid(str(error)) from error
        self.known = registry(self._backend)
        _COVERED[cls] = stored
        return stored


# Nodes


def node_row(transaction: Transaction, node_type: AnyType, node: Node) -> NodeRow:
    """Return a new node's row; its id is the next one. The transaction must be locked."""
    assert node_type.id is not None
    now = transaction.time
    return NodeRow(
        NodeKey(node.kind, transaction.next_id(node.kind)),
        node_type.id,
        *_content(node_type, node),
        now,
        now,
        transaction.number,
        transaction.salt(),
    )


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
        return f"the name {reference.name!r:.80} of type {types.by_id[reference.type_id].type_name}"
    assert isinstance(reference, External)
    return f"the external id {reference.external_id!r:.80}"


def live(backend: Backend, keys: Collection[NodeKey]) -> Mapping[NodeKey, NodeRow]:
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


def update(backend: Backend, node: Node, author: Author, *, fields: Mask | None = None) -> NodeRow:
    """Replace a stored node's content, or only the given fields of it; return the row as stored.

    Fields are `name`, `external_id`, `uri`, `state`, `properties`, `custom_properties` and, for one
    property, `properties.<name>` or `custom_properties.<name>`; a property that is named but absent
    is removed. `Stale` where the stored node is newer than the one given. Nothing is written where
    nothing changes.
    """
    if not isinstance(node, Node):
        raise Invalid(f"{node!r:.80} cannot be updated; give a node that get or find returned")
    key = node.key
    _check_mask(node, fields)
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        stored = live(backend, [key])[key]
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
        if references_of(changed) != references_of(stored):
            check_free(backend, [changed], types.known)
        salt = transaction.salt()
        changed = NodeRow(*changed[:9], transaction.time, transaction.number, salt)
        transaction.write(Batch(updates=[changed]))
        return changed


def _check_mask(node: Node, fields: Mask | None) -> None:
    known = (*_PLAIN_FIELDS[node.kind], "properties", "custom_properties")
    if isinstance(fields, str) or not isinstance(fields, Collection | None):
        raise Invalid(f"fields={fields!r:.80}: give a collection of names, such as ['name']")
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
    return stored._replace(**changes)  # type: ignore[arg-type]


def delete(backend: Backend, keys: Sequence[NodeKey], author: Author) -> None:
    """End nodes; their edges stay, and their names are free again."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        distinct = list(dict.fromkeys(keys))
        live(backend, distinct)
        transaction.delete(distinct)


def purge(backend: Backend, keys: Sequence[NodeKey], author: Author) -> None:
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


# Edges


def put_edges(backend: Backend, edges: Sequence[Edge], author: Author) -> list[EdgeRow]:
    """Write edges and return their rows.

    An event that exists is `AlreadyExists`; other edges, which say no more than that they exist,
    may be put again.
    """
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        rows = [edge_row(transaction, edge) for edge in edges]
        transaction.write(Batch(edges=new_edges(backend, transaction, rows)))
    return rows


def edge_row(transaction: Transaction, edge: Edge) -> EdgeRow:
    """Return an edge's row; an event that says no time happened now."""
    place = edge_place(edge)
    if place[2] not in EVENT_KINDS:
        return EdgeRow(*place, None, None, transaction.number)
    fields = vars(edge)
    time, path = fields["time"], fields["path"]
    micros = transaction.time if time is None else to_micros(time)
    return EdgeRow(*place, micros, path_text(path) if path else None, transaction.number)


def new_edges(
    backend: Backend,
    transaction: Transaction,
    rows: Sequence[EdgeRow],
    fresh: Collection[NodeKey] = (),
) -> list[EdgeRow]:
    """Return the rows that are to be written, after every check that edges need.

    `fresh` are nodes about to be written, which have no edges yet.
    """
    taken: set[tuple[object, ...]] = set()
    unsure = []
    for row in rows:
        if transaction.wrote_edge(row):
            taken.add(row[:3])
        elif not (row.source in fresh or row.target in fresh or transaction.made_end(row)):
            unsure.append(row.key)
    if unsure:
        taken.update(backend.existing_edges(unsure))
    wanted: dict[tuple[object, ...], EdgeRow] = {}
    for row in rows:
        key = row[:3]
        if key not in taken and key not in wanted:
            wanted[key] = row
        elif row.kind < EdgeKind.ATTRIBUTION:
            raise AlreadyExists(
                f"there is an event {row.kind.name} from {row.source} to {row.target} already"
            )
    parents = [row for row in wanted.values() if row.kind is EdgeKind.PARENT]
    if parents:
        _check_acyclic(backend, parents)
    return list(wanted.values())


def _check_acyclic(backend: Backend, rows: Sequence[EdgeRow]) -> None:
    """Raise `Invalid` where new parents would make a context its own ancestor."""
    parents: dict[NodeKey, set[NodeKey]] = {}
    for row in rows:
        parents.setdefault(row.target, set()).add(row.source)
    frontier = {row.source for row in rows}
    seen: set[NodeKey] = set()
    while frontier:
        seen |= frontier
        above = backend.edges(frontier, Direction.UPSTREAM, kinds={EdgeKind.PARENT})
        for row in above:
            parents.setdefault(row.target, set()).add(row.source)
        frontier = {row.source for row in above} - seen
    for row in rows:
        ancestors, reached = {row.source}, [row.source]
        while reached:
            more = parents.get(reached.pop(), set()) - ancestors
            ancestors |= more
            reached.extend(more)
        if row.target in ancestors:
            raise Invalid(
                f"{row.source} cannot be a parent of {row.target}, which is its ancestor or itself"
            )


def end_edges(backend: Backend, edges: Sequence[Edge], author: Author) -> None:
    """End edges; one that does not exist is `NotFound`."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        keys = list(dict.fromkeys(edge_key(edge) for edge in edges))
        there = backend.existing_edges(keys)
        for key in keys:
            if key not in there:
                raise NotFound(
                    f"there is no {key.kind.name} edge from {key.source} to {key.target}"
                )
        transaction.end(keys)
