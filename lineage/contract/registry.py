"""The types of a store at one moment, by id and by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from weakref import WeakKeyDictionary

from lineage.contract.backend import Backend
from lineage.errors import Corrupt, Invalid, NotFound, excerpt
from lineage.model.entities import Node
from lineage.model.keys import Kind, TypeName
from lineage.model.rows import TypeRow
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_NAMES

__all__ = ["Registry", "node_class", "registry"]


def node_class(wanted: object) -> type[Node]:
    """Return a class of nodes; raise `Invalid` for anything else."""
    if isinstance(wanted, type) and issubclass(wanted, Node) and wanted is not Node:
        return wanted
    raise Invalid(f"{excerpt(wanted)} is not Artifact, Execution, Context or a subclass of one")


class _ById(dict[int, AnyType]):
    """Types by id; one that a node has, and that is not there, is damage."""

    def __missing__(self, number: int) -> AnyType:
        raise Corrupt(f"type {number} is missing; run a check of the store")


class Registry:
    """An immutable index over the types that a backend answered with.

    It is made of the one before it, if there is one, as few types change at a time.
    """

    def __init__(self, rows: Sequence[TypeRow], before: Registry | None = None) -> None:
        self.rows = rows
        self._ids: dict[tuple[type[Node] | str, Kind | None], frozenset[int]] = {}
        self.by_id = _ById()
        self.by_name: dict[tuple[Kind, str, str | None], AnyType] = {}
        """The types by kind, name and version."""
        changed = None if before is None else _changed(before.rows, rows)
        if before is None or changed is None:
            changed, new = [], rows
        else:
            self.by_id.update(before.by_id)
            self.by_name.update(before.by_name)
            new = rows[len(before.rows) :]
        # All old names go before any new one comes, which may be the old name of another type.
        for old, _ in changed:
            del self.by_name[old.kind, old.name, old.version]
        for each in (*(now for _, now in changed), *(row.type for row in new)):
            self._add(each)

    def _add(self, each: AnyType) -> None:
        assert each.id is not None
        self.by_id[each.id] = each
        self.by_name[each.kind, each.name, each.version] = each

    @cached_property
    def by_external_id(self) -> Mapping[str, AnyType]:
        """The types that have an external id, which is unique among all kinds."""
        return {
            each.external_id: each for each in self.by_id.values() if each.external_id is not None
        }

    @cached_property
    def _of(self) -> Mapping[tuple[Kind | None, str | None], Sequence[AnyType]]:
        """The types by what `of` is given."""
        found: dict[tuple[Kind | None, str | None], list[AnyType]] = {}
        for each in self.by_id.values():
            for place in product((None, each.kind), (None, each.name)):
                found.setdefault(place, []).append(each)
        return found

    def of(self, kind: Kind | None = None, name: str | None = None) -> Sequence[AnyType]:
        """Return the types, by id, of a kind, or of any; with a name all versions of one."""
        return self._of.get((kind, name), ())

    def named(self, kind: Kind, name: str, version: str | None = None) -> AnyType:
        """Return a type by its name; raise `NotFound` with the names that there are."""
        found = self.by_name.get((kind, name, version))
        if found is None:
            known = ", ".join(
                sorted(str(t.type_name) for t in self.by_id.values() if t.kind is kind)
            )
            article = "a" if kind is Kind.CONTEXT else "an"
            raise NotFound(
                f"there is no {kind} type {TypeName(name, version)}; put {article} {kind.capitalize()}Type first, or "
                f"use a class (there are: {known:.500})"
            )
        return found

    def meant(self, text: str) -> frozenset[int]:
        """Return the ids of the types that a name means to people; raise `NotFound` where there is none.

        The name of a system type stands for every type based on it, `Model@2` for one version.
        """
        system = any(text in names for names in SYSTEM_NAMES.values())
        found = frozenset(
            number
            for number, each in self.by_id.items()
            if text in (each.name, str(each.type_name)) or (system and each.base == text)
        )
        if not found:
            known = ", ".join(sorted({each.name for each in self.by_id.values()}))
            raise NotFound(f"there is no type {excerpt(text)}; there are {known:.500}")
        return found

    def ids(self, wanted: type[Node] | str, kind: Kind | None = None) -> frozenset[int]:
        """Return the ids of the types that a class or a name stands for.

        A name stands for every version of it, a class for its own, and a system class such as
        `lineage.Model` for every type based on it. A plain kind stands for all of its types.
        """
        if not isinstance(wanted, str):
            node_class(wanted)
        known = self._ids.get((wanted, kind))
        if known is None:
            known = self._ids[wanted, kind] = self._ids_of(wanted, kind)
        return known

    def _ids_of(self, wanted: type[Node] | str, kind: Kind | None) -> frozenset[int]:
        if isinstance(wanted, str):
            chosen = [t for t in self.by_id.values() if t.name == wanted and kind in (None, t.kind)]
        elif (name := node_class(wanted).type_name) is None:
            chosen = [t for t in self.by_id.values() if t.kind is wanted.kind]
        else:
            chosen = [
                t
                for t in self.by_id.values()
                if t.kind is wanted.kind and (t.type_name == name or t.base == name.name)
            ]
        return frozenset(t.id for t in chosen if t.id is not None)


BATCH_TYPES = 64
"""How many types are compared at once, which is quick where they are the same objects."""
_LAST: WeakKeyDictionary[Backend, Registry] = WeakKeyDictionary()


def registry(backend: Backend, as_of: int | None = None) -> Registry:
    """Return the types of a backend; the same object while they do not change."""
    rows = backend.types(as_of=as_of)
    known = _LAST.get(backend)
    if known is None or known.rows is not rows:
        known = _LAST[backend] = Registry(rows, known)
    return known


def _changed(
    before: Sequence[TypeRow], rows: Sequence[TypeRow]
) -> list[tuple[AnyType, AnyType]] | None:
    """Return the types that are not what they were, each beside its successor.

    None where a type is gone, or another one has its place: nothing is known of the rest then.
    """
    if len(before) > len(rows):
        return None
    found = []
    for start in range(0, len(before), BATCH_TYPES):
        some, others = before[start : start + BATCH_TYPES], rows[start : start + BATCH_TYPES]
        if some != others[: len(some)]:
            pairs = zip(some, others, strict=False)
            found += [(old.type, new.type) for old, new in pairs if old is not new]
    return found if all(old.id == new.id for old, new in found) else None
