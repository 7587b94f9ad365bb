"""What a boosting library's own data sets were made from: a matrix that no longer holds what it was given.

Such a matrix is told by the artifacts of what its constructor got (the digests of the frame, of the label, …), which
are taken when it is made, and remembered for as long as it lives.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lineage.digests.frames import is_frame
from lineage.errors import Invalid
from lineage.integrations.calls import Call
from lineage.model.system import Dataset

__all__ = ["Sources", "data_of"]

_OPTIONS = re.compile(r"[?#]")


class Sources:
    """What the matrices of one library were made from."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names of the constructor's arguments that are data; the first is the matrix itself."""
        self._names = tuple(names)
        self._by_matrix: WeakKeyDictionary[object, Mapping[str, Dataset]] = WeakKeyDictionary()

    def made(self, call: Call) -> Generator[None, None, None]:
        """Describe a call of the constructor, which is no run: what it was given is remembered."""
        yield
        self._remember(call, call.args[0], call.arguments.get)

    def read(
        self, call: Call, matrix: object, use: str, held: Callable[[str], object] | None = None
    ) -> None:
        """Record what a matrix was made from as inputs of a call: by the constructor's names, below a use.

        Of a matrix that is not remembered what it still holds is taken; where that is nothing, a note says so.
        """
        if matrix not in self._by_matrix and held is not None:
            self._remember(call, matrix, held)
        artifacts = self._by_matrix.get(matrix, {})
        if self._names[0] not in artifacts:
            call.note(
                f"{call.library}: what a {type(matrix).__name__} was made from is not known, since it was not made of data "
                "with a digest inside the block; it is no input of what reads it. Make it inside the block"
            )
        for name, artifact in artifacts.items():
            call.input(artifact, use=use, path=name)

    def _remember(self, call: Call, matrix: object, given: Callable[[str], object]) -> None:
        values = {name: given(name) for name in self._names}
        if values[self._names[0]] is None:
            return
        artifacts = {
            name: call.attempt(f"the {name} of a {type(matrix).__name__}", _described, value)
            for name, value in values.items()
            if value is not None
        }
        self._by_matrix[matrix] = {
            name: artifact for name, artifact in artifacts.items() if artifact is not None
        }


def data_of(value: Any) -> object:
    """Return data that have a digest; of a list the array that a library makes of it; None for what is none."""
    if is_frame(value) or hasattr(value, "tocsr"):
        data: object = value
        return data
    if isinstance(value, list | tuple) and value:
        array: object = sys.modules["numpy"].asarray(value)
        return array
    return None


def _described(value: object) -> Dataset:
    """Return what a matrix was given as an artifact; `Invalid` for what has no digest, such as an iterator of batches."""
    if isinstance(value, str | PathLike):
        return Dataset.from_path(_file(value))
    data = data_of(value)
    if data is None:
        raise Invalid(f"a {type(value).__name__} has no digest; record it by hand")
    return Dataset.from_frame(data)


def _file(path: str | PathLike[str]) -> str | PathLike[str]:
    """Return a path without the options that XGBoost takes behind it, as in `train.txt?format=libsvm`."""
    if isinstance(path, str) and not Path(path).exists():
        return _OPTIONS.split(path, maxsplit=1)[0]
    return path
