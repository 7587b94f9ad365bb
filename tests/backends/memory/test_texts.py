"""The order of texts that the memory backend searches: made at the first search, and kept without what was purged."""

from lineage.backends.memory.backend import MemoryBackend
from lineage.backends.memory.graph import TimedGraph
from lineage.model.keys import Kind
from lineage.testing.builders import writing


def names(graph: TimedGraph) -> list[str]:
    return [text for text, _ in graph.by_text(Kind.ARTIFACT, "name")]


def test_texts_are_sorted_at_the_first_search_and_kept() -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            new.artifact(name="b")
        assert backend.graph.texts is None
        assert len(backend.beginning_with("b")) == 1
        kept = backend.graph.texts
        with writing(backend) as new:
            new.update(new.artifact(name="a"), name="c")
        assert len(backend.beginning_with("a")) == 0
        assert len(backend.beginning_with("c")) == 1
        assert backend.graph.texts is kept
        assert names(backend.graph) == ["a", "b", "c"]


def test_many_versions_are_merged_in_order() -> None:
    with MemoryBackend() as backend:
        for start in (1, 0):
            with writing(backend) as new:
                keys = [new.artifact(name=f"{number:04}") for number in range(start, 600, 2)]
            assert backend.beginning_with("0", limit=1)[0].name == f"{start:04}"
            assert len(names(backend.graph)) == len(keys) * (2 - start)
        assert names(backend.graph) == [f"{number:04}" for number in range(600)]


def test_purge_leaves_no_text_behind() -> None:
    with MemoryBackend() as backend:
        with writing(backend) as new:
            key = new.artifact(name="secret")
            new.artifact(name="stays")
        assert len(backend.beginning_with("s")) == 2
        with writing(backend) as new:
            new.purge(new.deleted(key))
        assert names(backend.graph) == ["stays"]
