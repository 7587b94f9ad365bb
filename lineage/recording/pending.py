"""Points that a run has logged and not yet stored: in memory, and in a spool where the store has a place for one."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import uuid4

from lineage.contract.spool import header_of, open_spool, subject_line
from lineage.contract.subjects import Subject
from lineage.model.keys import NodeKey
from lineage.model.points import Points

__all__ = ["Pending", "Spool", "lock_spool", "remove_spool"]

_LOGGER = logging.getLogger("lineage")


class Pending:
    """What is to be stored next: points, and the newest value of each name, by what they were measured of and on."""

    __slots__ = ("newest", "points")

    def __init__(self) -> None:
        self.points: dict[Subject, dict[str, Points]] = {}
        self.newest: dict[Subject, dict[str, int | float]] = {}

    def __bool__(self) -> bool:
        return bool(self.points or self.newest)

    def add(
        self, subject: Subject, step: int, values: Mapping[str, int | float], time: int
    ) -> None:
        """Take a point of each of some metrics."""
        points = self.points.get(subject)
        if points is None:
            points = self.points.setdefault(subject, {})
            self.newest[subject] = {}
        for name, value in values.items():
            named = points.get(name)
            if named is None:
                named = points[name] = Points()
            named.append(step, value, time)
        self.newest[subject].update(values)

    def follow(self, older: Pending) -> None:
        """Put what could not be stored before what has come since."""
        for subject, points in older.points.items():
            mine = self.points.setdefault(subject, {})
            for name, some in points.items():
                if name in mine:
                    some.extend(mine[name])
                mine[name] = some
            newest = self.newest.get(subject, {})
            self.newest[subject] = {**older.newest.get(subject, {}), **newest}

    def supersede(self, subject: Subject, names: Mapping[str, object]) -> None:
        """Forget the newest values of some metrics, in whose place newer ones are stored."""
        newest = self.newest.get(subject)
        if newest:
            for name in names:
                newest.pop(name, None)


class Spool:
    """One run's file of points, locked while whoever writes it lives; a fork's child gets none of it."""

    def __init__(self, folder: Path, run: NodeKey, created: int) -> None:
        self.name, self._handle = _made(folder)
        self.path = folder / self.name
        self.size = 0
        self._subjects: dict[Subject, int] = {}
        self._names: dict[tuple[Subject, str], int] = {}
        # A run that is forgotten in the middle is one whose writer is gone.
        self._close = weakref.finalize(self, _close, self._handle)
        self._write(header_of(run, created))

    def add(
        self, subject: Subject, step: int, values: Mapping[str, int | float], time: int
    ) -> None:
        """Write a line, and before it what its numbers stand for; `OSError` where there is no room."""
        new, cells = "", []
        for name, value in values.items():
            number = self._names.get((subject, name))
            if number is None:
                new += self._named(subject, name)
                number = self._names[subject, name]
            cells.append(f"{number}={value!r}")
        self._write(f"{new}P {step} {time} {' '.join(cells)}\n")

    def supersede(self, subject: Subject, names: Iterable[str]) -> None:
        """Write that other values than the last ones here are the newest of some names."""
        for name in names:
            if (number := self._names.get((subject, name))) is not None:
                self._write(f"D {number}\n")

    def _named(self, subject: Subject, name: str) -> str:
        line = ""
        if subject not in self._subjects:
            self._subjects[subject] = len(self._subjects)
            line = subject_line(self._subjects[subject], subject)
        number = self._names[subject, name] = len(self._names)
        return f"{line}N {number} {self._subjects[subject]} {json.dumps(name)}\n"

    def _write(self, text: str) -> None:
        data = text.encode()
        written = os.write(self._handle, data)
        if written != len(data):
            raise OSError(f"{written} of {len(data)} bytes were written to {self.path}")
        self.size += written

    def close(self, *, remove: bool) -> None:
        """Let go of the file, and remove it where all of it is stored."""
        if remove:
            remove_spool(self.path)
        self._close()


def _made(folder: Path) -> tuple[str, int]:
    """Return the name of a new file and its handle, locked."""
    while True:
        folder.mkdir(exist_ok=True)
        name = uuid4().hex
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            handle = os.open(folder / name, flags, 0o666)
        except FileNotFoundError:  # another run's end removed the folder just now
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody takes it for one that is left over
            os.close(handle)
            continue
        if os.fstat(handle).st_nlink:
            return name, handle
        os.close(handle)


def _close(handle: int) -> None:
    os.close(handle)


def lock_spool(path: Path) -> Callable[[], None] | None:
    """Return what lets go of a spool that nobody writes any more, once it is locked; None where somebody does."""
    try:
        handle = open_spool(path)
    except OSError:  # it is stored by now, or somebody else's
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    if not os.fstat(handle).st_nlink:  # who had the lock before has stored it
        os.close(handle)
        return None
    return lambda: os.close(handle)


def remove_spool(path: Path) -> None:
    """Remove a spool, and its folder with the last one; one that cannot be removed is stored, and does no harm."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _LOGGER.warning("%s is stored, but could not be removed: %s", path, error)
        return
    try:
        path.parent.rmdir()
    except OSError:  # there are others
        return
