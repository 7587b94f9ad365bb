"""The types of a store as they are known: after what was undone, and beside other writers."""

from pathlib import Path

import pytest

import lineage
from lineage import Artifact, ArtifactType, Kind
from lineage.errors import Corrupt
from lineage.filters.tree import Column, Compare, Field, Operator
from lineage.model.rows import edge_of
from lineage.store import Store
from tests.backends.files import change


def named(name: str, **properties: str) -> ArtifactType:
    return ArtifactType(name=name, properties={"x": "INT", **properties})


def undone(store: Store, *types: ArtifactType) -> None:
    """Write types, look at them, and roll back."""

    def write() -> None:
        with store.transaction():
            store.put(types)
            store.put(Artifact(type=types[0].name))
            raise LookupError

    with pytest.raises(LookupError):
        write()


def test_ids_of_undone_types_go_to_others(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with lineage.connect(path) as one, lineage.connect(path) as other:
        undone(one, named("A"), named("B"))
        other.put([named("B"), named("C")])
        assert [each.name for each in one.types()][-2:] == ["B", "C"]
        one.put(Artifact(type="B", name="new"))
        assert one.put(named("B")).id == 10
        other.put(named("B", y="INT"), can_add=True)
        assert set(one.types(name="B")[0].properties) == {"x", "y"}
        assert len(one.types()) == 11
        assert one.check() == []


def test_types_swap_their_places(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with lineage.connect(path) as one, lineage.connect(path) as other:
        undone(one, named("A"), named("B"), named("C"))
        other.put([named("C"), named("A"), named("B"), named("D")])
        for name, number in (("C", 10), ("A", 11), ("B", 12), ("D", 13)):
            assert [each.id for each in one.types(name=name)] == [number]


def test_class_of_a_node_whose_type_is_gone_cannot_be_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with lineage.connect(path) as store:
        store.put(Artifact(type="lineage.Model"))
    change(path, "UPDATE node SET type = 77")
    with lineage.connect(path) as store, pytest.raises(Corrupt):
        store.get(lineage.Model, 1)


def test_find_is_of_one_moment_where_a_type_comes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    with lineage.connect(path) as one, lineage.connect(path) as other:
        other.put([lineage.ContextType(name="Old"), lineage.ContextType(name="Kept")])
        other.put(lineage.Context(type="Old", name="c"))
        types, moved = one.backend.types, False

        def then_move(*, as_of: int | None = None) -> object:
            nonlocal moved
            found = types(as_of=as_of)
            if not moved:
                moved = True
                with other.transaction():
                    other.delete("Old:c")
                    other.put(lineage.ContextType(name="New"))
                    other.put(lineage.Context(type="New", name="c"))
            return found

        monkeypatch.setattr(one.backend, "types", then_move)
        where = Compare(Column(Field.NAME), Operator.EQ, "c")
        assert [row.name for row in one.backend.find(Kind.CONTEXT, where)] == ["c"]
        assert moved


def test_damaged_edges_are_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with lineage.connect(path) as store:
        run = store.record(lineage.Train(), outputs=[lineage.Model()], within=[])
        key = run.execution.key
    change(path, f"UPDATE edge SET time = {2**62}")
    with lineage.connect(path) as store, pytest.raises(Corrupt):
        store.events(key)
    change(path, "UPDATE edge SET time = 5, kind = 8")
    with lineage.connect(path) as store:
        (row,) = store.backend.edges([key])
        with pytest.raises(Corrupt):
            edge_of(row)
