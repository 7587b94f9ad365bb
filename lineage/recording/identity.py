"""Which stored node is meant: how inputs, outputs and contexts of a run find themselves again.

An input is the first match of id, external id, name within its type, URI with an equal digest; else the newest
artifact of its type and URI that has all the given fields (a class's defaults are not given); else it is new. Where
a digest is all that says which one it is, and tells contents apart, it is found by that alone, wherever it is. With a
digest, a system class such as `lineage.Dataset` stands for every type based on it. An output is new, unless id,
external id, name, URI and digest, or a digest alone, say otherwise. A context is known by id, external id or name. Of
several at a URI, or with a digest, the newest is the one written last by a run that counts (`standing`). A name that
is given is that of what is found at a URI, too; an id and an external id decide alone. What is found is used as it
is stored: reuse never changes a node.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lineage.contract.backend import Backend, External, Named, Reference
from lineage.contract.batches import batched
from lineage.contract.standing import newest_first, remarks_on
from lineage.contract.transaction import Transaction
from lineage.contract.writings import AtUri, Writing
from lineage.errors import AlreadyExists, Invalid, excerpt
from lineage.model.canonical import decode, same
from lineage.model.contents import digest_in, digest_of, is_telling
from lineage.model.entities import Artifact, Node, property_fields
from lineage.model.keys import NodeKey
from lineage.model.marks import without_marks
from lineage.model.rows import STATE_NUMBERS, NodeRow
from lineage.model.schema import AnyType, conform
from lineage.model.values import Value
from lineage.recording.nodes import check_named, live_rows, node_row
from lineage.recording.types import TypeFinder

__all__ = ["Settled", "Wanted", "settle", "warn_of"]

BATCH_WRITINGS = 64
"""How many writings at a URI are looked at before more are read."""
MOST_WITH_DIGEST = 1_000
"""How many artifacts with one digest are looked at, the first by id: every empty file has one digest."""
_LOGGER = logging.getLogger("lineage")


class Wanted:
    """A node that a run names, by its key or as an entity, which may be stored already.

    `role` is what it is to the run: "execution", "input", "output" or "context". One that is `named` was given by
    the name of its type, which is made where there is none, and then has as properties what that declares.
    """

    __slots__ = ("entity", "key", "named", "role")

    def __init__(self, node: Node | NodeKey, role: str, *, named: bool = False) -> None:
        self.role = role
        self.named = named
        self.entity: Node | None = None
        self.key: NodeKey | None = None
        if isinstance(node, NodeKey):
            self.key = node
        else:
            self.entity = node
            self.key = None if node.id is None else node.key


@dataclass(slots=True)
class Settled:
    """The rows of a run's nodes, in the order they were wanted, and what has to be written.

    `notes` say in sentences where a rule decided which node is meant, and it might surprise.
    """

    rows: list[NodeRow]
    new: list[NodeRow]
    types: TypeFinder
    notes: tuple[str, ...]

    def replace(self, old: NodeRow, new: NodeRow) -> None:
        """Put another row in the place of one that is still to be written."""
        for rows in (self.rows, self.new):
            rows[rows.index(old)] = new


def warn_of(notes: Iterable[str]) -> None:
    """Log what has to be said of a recording, once it is stored."""
    for note in notes:
        _LOGGER.warning("%s", note)


def settle(
    backend: Backend,
    transaction: Transaction,
    wanted: Sequence[Wanted],
    *,
    reader: NodeKey | None = None,
) -> Settled:
    """Find or make every wanted node; write nothing yet but types.

    All look-ups by name and external id go in one call. `reader` is the execution that reads inputs.
    """
    types = TypeFinder(backend, transaction)
    for each in wanted:
        if each.named and each.entity is not None:
            each.entity = _of_type(types.named(each.entity.kind, each.entity.type), each.entity)
    by_key = [each.key for each in wanted if each.key is not None]
    stored = live_rows(backend, by_key) if by_key else {}
    asked = [_references(types, each, stored) for each in wanted]
    references = {reference for some in asked for reference in some}
    found = backend.lookup(references) if references else {}
    maker = _Maker(backend, transaction, types, found, reader)
    rows = [
        maker.row(each, some) if each.key is None else maker.stored(each, stored[each.key])
        for each, some in zip(wanted, asked, strict=True)
    ]
    return Settled(rows, maker.new, types, tuple(dict.fromkeys(maker.notes)))


def _of_type(node_type: AnyType, node: Node) -> Node:
    """Return a node that has as properties what its type declares, and the rest as custom ones."""
    values = node.custom_properties
    return node.replace(
        type_version=node_type.version,
        properties={name: values[name] for name in values if name in node_type.properties},
        custom_properties={
            name: values[name] for name in values if name not in node_type.properties
        },
    )


def _references(
    types: TypeFinder, wanted: Wanted, stored: Mapping[NodeKey, NodeRow]
) -> list[Reference]:
    """Return what a node that is not given by its id may be known by, the surest first."""
    node = wanted.entity
    if wanted.key is not None:
        if node is not None:
            _check_class(types, node, stored[wanted.key])
        return []
    assert node is not None
    check_named(node)
    node_type = types.of(node)
    assert node_type.id is not None
    references: list[Reference] = []
    if node.external_id is not None:
        references.append(External(node.kind, node.external_id))
    if node.name is not None:
        references.append(Named(node_type.id, node.name))
    return references


def _check_class(types: TypeFinder, node: Node, row: NodeRow) -> None:
    """Raise `Invalid` for an entity whose id is that of a node which its class cannot be."""
    if row.type_id not in types.known.ids(type(node)):
        stored = types.known.by_id[row.type_id].type_name
        raise Invalid(f"{row.key} is a {stored}, not a {type(node).__name__}")


def _digest(node: Node) -> str | None:
    """Return the digest of an artifact's content, where one was recorded."""
    return digest_in(node.properties, node.custom_properties)


class _Maker:
    """Matches what look-ups found, and makes rows for the rest."""

    def __init__(
        self,
        backend: Backend,
        transaction: Transaction,
        types: TypeFinder,
        found: dict[Reference, list[NodeRow]],
        reader: NodeKey | None,
    ) -> None:
        self._backend = backend
        self._transaction = transaction
        self._types = types
        self._found = found
        self._reader = reader
        self.new: list[NodeRow] = []
        self.notes: list[str] = []

    def stored(self, wanted: Wanted, row: NodeRow) -> NodeRow:
        """Return the row of a node that is given by its id, whatever name is given beside it."""
        self._note_name(wanted.entity, row)
        return row

    def row(self, wanted: Wanted, references: Iterable[Reference]) -> NodeRow:
        """Return the stored or the new row of a node."""
        node = wanted.entity
        assert node is not None
        for reference in references:
            match = next(self._named(reference), None)
            if match is not None:
                self._check(wanted, node, match)
                self._note_name(node, match)
                self._note_content(node, match)
                return match
        if isinstance(node, Artifact):
            match = self._by_content(node, wanted.role)
            if match is not None:
                return match
        row = node_row(self._transaction, self._types.of(node), node)
        self.new.append(row)
        return row

    def _note_name(self, node: Node | None, row: NodeRow) -> None:
        if node is not None and node.name not in (None, row.name):
            kept = "has no name" if row.name is None else f"is named {excerpt(row.name)}"
            self.notes.append(
                f"{row.key} {kept}, and the name {excerpt(node.name)} that was given beside its id is not stored"
            )

    def _note_content(self, node: Node, row: NodeRow) -> None:
        """Say where what a name or an external id decided has another URI or digest than was given."""
        if not isinstance(node, Artifact):
            return
        for what, given, kept in (
            ("URI", node.uri, row.uri),
            ("digest", _digest(node), digest_of(row)),
        ):
            if given is not None and kept is not None and given != kept:
                self.notes.append(
                    f"{row.key} is taken by its name or external id, though its {what} is another than was given"
                )

    def _named(self, reference: Reference) -> Iterator[NodeRow]:
        """Yield the nodes that a reference names, this run's own new ones included."""
        for row in reversed(self.new):
            if _is_named(row, reference):
                yield row
        yield from self._found.get(reference, ())

    def _by_content(self, node: Artifact, role: str) -> NodeRow | None:
        """Return the stored artifact of a node's URI, or of its digest where that is all that is known of it."""
        if node.uri is not None:
            return self._at_uri(node, role)
        digest = _digest(node)
        if digest is None or node.name is not None or node.external_id is not None:
            return None
        return self._with_digest(node, digest, role) if is_telling(digest) else None

    def _with_digest(self, node: Artifact, digest: str, role: str) -> NodeRow | None:
        """Return the newest artifact of fitting type with a digest, wherever it is."""
        type_ids = self._fitting_types(node)
        for row in reversed(self.new):
            if row.type_id in type_ids and digest_of(row) == digest:
                return row
        found = self._backend.with_digests([digest], limit=MOST_WITH_DIGEST)[digest]
        rows = {row.key: row for row in found if row.type_id in type_ids}
        for standing in newest_first(self._backend.writings(rows) if rows else ()):
            if role == "input":
                self.notes += remarks_on(self._backend, standing, reader=self._reader)
            return rows[standing.artifact]
        return None

    def _at_uri(self, node: Artifact, role: str) -> NodeRow | None:
        """Return the newest artifact of fitting type and URI with equal content; an output needs a digest."""
        assert node.uri is not None
        if role != "input" and _digest(node) is None:
            return None
        fits, type_ids = self._equals(node), self._fitting_types(node)
        for row in reversed(self.new):
            if row.type_id in type_ids and row.uri == node.uri and fits(row):
                return row
        rows: dict[NodeKey, NodeRow] = {}
        # Content that is known to be the same is looked for in all types, to tell where only the type is another.
        anywhere = role == "input" and _digest(node) is not None
        writings = self._backend.writings(AtUri(node.uri, None if anywhere else type_ids))
        other: NodeRow | None = None
        for standing in newest_first(self._fitting(writings, fits, rows)):
            row = rows[standing.artifact]
            if row.type_id in type_ids:
                if role == "input":
                    self.notes += remarks_on(self._backend, standing, reader=self._reader)
                return row
            other = other or row
        if other is not None:
            stored = self._types.known.by_id[other.type_id].type_name
            self.notes.append(
                f"{other.key} has the same URI and digest, but is a {stored} and not a {node.type}: another artifact "
                f"is made, to which its lineage does not lead; to read the one that is there, give "
                f"store.key_of({str(other.key)!r}) or a node of its type"
            )
        return None

    def _fitting_types(self, node: Artifact) -> frozenset[int]:
        """Return the types of which an artifact at a node's URI may be it: its own, or those based on it."""
        type_id = self._types.of(node).id
        assert type_id is not None
        if _digest(node) is None or type(node).type_name is None:
            return frozenset((type_id,))
        return self._types.known.ids(type(node)) | {type_id}

    def _fitting(
        self,
        writings: Iterable[Writing],
        fits: Callable[[NodeRow], bool],
        rows: dict[NodeKey, NodeRow],
    ) -> Iterator[Writing]:
        """Yield the writings of artifacts that fit, whose rows are put into `rows`."""
        others: set[NodeKey] = set()
        for some in batched(writings, BATCH_WRITINGS):
            unread = {each.artifact for each in some}.difference(rows, others)
            for key, row in self._backend.nodes(unread).items():
                if fits(row):
                    rows[key] = row
                else:
                    others.add(key)
            yield from (each for each in some if each.artifact in rows)

    def _equals(self, node: Artifact) -> Callable[[NodeRow], bool]:
        """Return what tells whether a stored artifact has an equal digest or, without one, equal given fields."""
        digest = _digest(node)
        properties = decode(conform(self._types.of(node), _given(node)))
        custom = without_marks(node.custom_properties)

        def fits(row: NodeRow) -> bool:
            if node.name not in (None, row.name) or node.external_id not in (None, row.external_id):
                return False
            if digest is not None:
                return digest_of(row) == digest
            return (
                (node.state is None or STATE_NUMBERS[node.state] == row.state)
                and _has(decode(row.properties), properties)
                and _has(decode(row.custom), custom)
            )

        return fits

    def _check(self, wanted: Wanted, node: Node, row: NodeRow) -> None:
        """Raise for a match that cannot be used: a run is new, and a type stays what it is."""
        if wanted.role == "execution":
            same = "name" if node.name is not None and node.name == row.name else "external id"
            raise AlreadyExists(
                f"{row.key} has the {same} {excerpt(getattr(node, same.replace(' ', '_')))} already, and a run is always a "
                f"new one: leave its {same} out, or choose another"
            )
        if row.type_id != self._types.of(node).id:
            stored = self._types.known.by_id[row.type_id].type_name
            raise Invalid(
                f"{row.key}, which is found by its external id, is a {stored} and not a {node.type}"
            )


def _is_named(row: NodeRow, reference: Reference) -> bool:
    if isinstance(reference, External):
        return (row.key.kind, row.external_id) == reference
    return (row.type_id, row.name) == reference


def _given(node: Artifact) -> dict[str, Value]:
    """Return the declared properties that were given: of a class, not the defaults of its fields."""
    fields = property_fields(type(node))
    defaults = {field.alias for name, field in fields.items() if name not in node.model_fields_set}
    return {name: value for name, value in node.properties.items() if name not in defaults}


def _has(stored: Mapping[str, Value], given: Mapping[str, Value]) -> bool:
    """Whether all given values are stored just so."""
    return all(name in stored and same(stored[name], value) for name, value in given.items())
