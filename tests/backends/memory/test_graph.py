"""What the graph in memory is to those who read it with NetworkX."""

from lineage.backends.memory.backend import MemoryBackend
from lineage.testing.builders import writing


def test_what_networkx_converted_is_forgotten_with_each_commit() -> None:
    with MemoryBackend() as backend:
        # Where NetworkX keeps a graph as another of its backends has it.
        backend.graph.__networkx_cache__["backends"] = {"another": object()}
        with writing(backend) as new:
            new.artifact()
        assert not backend.graph.__networkx_cache__
