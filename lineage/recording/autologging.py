"""What `lineage.autolog` returns, and how runs reach it: by its name, for it is far above them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from types import TracebackType
from typing import NamedTuple, Protocol, Self, cast

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey
from lineage.recording.handle import Handle

__all__ = ["Autologged", "Autologging", "autologging"]

_HOME = "lineage.integrations.autolog"


class Autologged(NamedTuple):
    """A call that was recorded by itself."""

    run: NodeKey
    """The execution's key."""
    model: Artifact | None
    """The model that it made; None where it made none."""
    estimator: str
    """What was called: the name of an estimator's class, or of a function."""


class Autologging(Protocol):
    """A block in which calls of machine learning libraries are recorded: `with lineage.autolog(store) as autolog:`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is not recorded, or otherwise than it might seem; each once."""

    @property
    def recorded(self) -> tuple[Autologged, ...]:
        """What was recorded, in the order in which the calls ended."""

    def model(self, fitted: object) -> Artifact:
        """Return the artifact that a fitted object is; `NotFound` where its fit was not recorded in this store."""

    def __enter__(self) -> Self:
        """Begin to record what is called in this context."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record no more."""


def autologging(
    backend: Backend,
    author: Author,
    *,
    only: str | Iterable[str] | None,
    run: Handle | None = None,
) -> Autologging:
    """Return what records in a store, as steps of a run where one is given; `Invalid` for a name that is none."""
    make = cast(Callable[..., Autologging], import_module(_HOME).Autolog)
    return make(backend, author, only=only, run=run)
