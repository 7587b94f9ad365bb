"""A store in memory, on NetworkX."""

from lineage.backends.memory.backend import MemoryBackend

__all__ = ["MemoryBackend"]
