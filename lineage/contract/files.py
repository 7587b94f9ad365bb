"""The files that a store is kept in, and whether a path leads to one of them, by whatever name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from lineage.errors import Invalid

__all__ = ["is_one_of", "refuse_one_of"]


def is_one_of(place: str | Path | int, files: Iterable[Path]) -> bool:
    """Whether a path, or the number of an open file, is one of these files, which need not be there.

    Two names are one file where device and inode are the same, whatever links and mounts lead there. A file
    that is not there yet has neither; it is told by its folder and its name, where case is no difference,
    because in some folders it is none. What is in a folder that is one of them is one, too.
    """
    wanted = {mark for file in files for mark in _marks(file)}
    marks = {*_marks(place)}
    if not isinstance(place, int) and "\0" not in str(place):
        marks.update(_marks(Path(os.path.realpath(place)).parent))
    return not wanted.isdisjoint(marks)


def refuse_one_of(target: str | Path | IO[bytes], files: Iterable[Path], purpose: str) -> None:
    """Raise `Invalid` where a path, or an open file, is one of these; `purpose` is what was to be done with it."""
    if isinstance(target, str | os.PathLike):
        place: str | Path | int = target
    else:
        try:
            place = target.fileno()
        except (AttributeError, OSError):  # it has none, as one in memory
            return
    if is_one_of(place, files):
        name = target if isinstance(target, str | os.PathLike) else getattr(target, "name", target)
        raise Invalid(
            f"{name!s:.200} is the store itself, or one of the files beside it that belong to it, and is not "
            f"{purpose}; name another file"
        )


def _marks(place: str | Path | int) -> Iterable[tuple[object, ...]]:
    """Yield what tells a file: its device and inode, and those of its folder with its name."""
    status = _status(place)
    if status is not None:
        yield status.st_dev, status.st_ino
    if not isinstance(place, int) and "\0" not in str(place):
        folder, name = os.path.split(os.path.realpath(place))
        within = _status(folder)
        if within is not None:
            yield within.st_dev, within.st_ino, name.casefold()


def _status(place: str | Path | int) -> os.stat_result | None:
    try:
        return os.stat(place)  # noqa: PTH116  # it may be a number
    except (OSError, ValueError):  # not there, not to be reached, or no path at all
        return None
