"""Who writes into a store: what the parts of it that write have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author

__all__ = ["Writer"]


class Writer(ABC):
    """A part of a store that writes in somebody's name; of an earlier moment, where `as_of` is one, it does not."""

    backend: Backend
    as_of: int | None

    @abstractmethod
    def _author(self, message: str) -> Author:
        """Return who writes and why; `Invalid` of a store of the past."""
