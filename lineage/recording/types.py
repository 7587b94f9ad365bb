"""The rules of writing types, and the type that a node of a class has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from lineage.contract.backend import Backend
from lineage.contract.registry import Registry, registry
from lineage.contract.transaction import Author, Transaction
from lineage.errors import AlreadyExists, Invalid
from lineage.model.entities import Node
from lineage.model.keys import Kind, TypeName
from lineage.model.rows import NODE_CLASSES, Batch, TypeRow
from lineage.model.schema import TYPE_CLASSES, AnyType, evolve
from lineage.model.system import OWN_CLASSES, SYSTEM_NAMES, is_reserved, type_of
from lineage.model.times import from_micros

__all__ = [
    "TypeFinder",
    "check_type",
    "put_type",
    "put_types",
    "type_by_name",
    "type_by_node",
    "unchanged_types",
]


def put_types(
    backend: Backend,
    types: Sequence[AnyType],
    author: Author,
    *,
    can_add: bool = False,
    can_omit: bool = False,
) -> list[AnyType]:
    """Write types, new or evolved by the rules of `schema.evolve`; return them as they are stored.

    Where nothing is to be written, nobody is waited for: programs put their types at every start.
    """
    same = unchanged_types(backend, types, can_add=can_add, can_omit=can_omit)
    if same is not None:
        return same
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        return [
            put_type(backend, transaction, each, can_add=can_add, can_omit=can_omit)
            for each in types
        ]


def unchanged_types(
    backend: Backend, types: Sequence[AnyType], *, can_add: bool, can_omit: bool
) -> list[AnyType] | None:
    """Return the stored types if all of these are stored so; None if any is to be written.

    It reads, and takes no lock. After one that is to be written none is looked at: what they may say
    depends on it.
    """
    known = registry(backend)
    same: list[AnyType] = []
    for given in types:
        stored = _unchanged(known, given, can_add=can_add, can_omit=can_omit)
        if stored is None:
            return None
        same.append(stored)
    return same


def _unchanged(known: Registry, given: AnyType, *, can_add: bool, can_omit: bool) -> AnyType | None:
    """Return the stored type where putting this one changes nothing; raise as `put_type` does."""
    stored = known.by_name.get((given.kind, given.name, given.version))
    check_type(given, stored)
    if stored is None:
        return None
    if stored.name in SYSTEM_NAMES[stored.kind] or _is_own(stored):
        # Another version of the library may have described its own types in other words.
        ours = given.name in OWN_CLASSES and given == type_of(OWN_CLASSES[given.name])
        if not ours and evolve(stored, given, can_add=can_add, can_omit=True) is not stored:
            raise Invalid(
                f"type {stored.name} is a system type and does not change; base a type of yours on it"
            )
        return stored
    same = evolve(stored, given, can_add=can_add, can_omit=can_omit) is stored
    return stored if same else None


def put_type(
    backend: Backend, transaction: Transaction, given: AnyType, *, can_add: bool, can_omit: bool
) -> AnyType:
    """Write a type in a locked transaction, new or evolved, and return it as it is stored."""
    known, now = registry(backend), from_micros(transaction.time)
    same = _unchanged(known, given, can_add=can_add, can_omit=can_omit)
    if same is not None:
        return same
    stored = known.by_name.get((given.kind, given.name, given.version))
    if stored is None:
        evolved = _timed(given, id=transaction.next_id(None), create_time=now)
    else:
        evolved = evolve(stored, given, can_add=can_add, can_omit=can_omit)
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


def type_by_name(known: Registry, kind: Kind, name: str) -> AnyType | None:
    """Return the type without a version that has a name, else the only one; None where there is none.

    `Invalid` where there are several.
    """
    types = known.of(kind, name)
    for each in types:
        if each.version is None or len(types) == 1:
            return each
    if types:
        versions = ", ".join(str(each.type_name) for each in types)
        raise Invalid(
            f"there are {versions}; give a node of one of them, as in {NODE_CLASSES[kind].__name__}(type={name!r}, "
            f"type_version={types[-1].version!r})"
        )
    return None


def type_by_node(known: Registry, node: Node) -> AnyType | None:
    """Return the type that a node would be written with, which has all the fields of its class.

    None where nothing of that name is stored; `Invalid` where the class is at odds with what is.
    """
    cls = type(node)
    stored = known.by_name.get((node.kind, node.type, node.type_version))
    if stored is None or cls.type_name is None or _COVERED.get(cls) is stored:
        return stored
    try:
        return evolve(stored, type_of(cls), can_add=True, can_omit=True)
    except AlreadyExists as error:
        raise Invalid(str(error)) from error


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

    def named(self, kind: Kind, name: str) -> AnyType:
        """Return the type of a name, which is written where there is none.

        It is the one without a version, else the only one; `Invalid` where there are several.
        """
        known = type_by_name(self.known, kind, name)
        if known is not None:
            return known
        given = TYPE_CLASSES[kind](name=name)
        made = put_type(self._backend, self._transaction, given, can_add=True, can_omit=True)
        self.known = registry(self._backend)
        return made

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
