"""Points that are not in the store yet: a file for each run that logs some, in a folder beside the store.

Each line is written when its point is logged, so that they outlive their process. The run's own end puts them into
the store, or else the next writer, who sees by the lock on the file that whoever wrote it is gone:

    lineage-spool 1 execution:5 1767225600000000    the run, and its `created` time, which tells it from another's
    S 0 artifact:3 -                                what number 0 was measured of and on, where that was said
    N 0 0 "loss"                                    the name that number 0 is, for that
    P 17 1767225601000 0=0.25                       a step, milliseconds since 1970, and values by their names' numbers
    D 0                                             names whose newest value is another by now, stored without a step

A line that was cut off, by a kill or a full disk, is no line. What else is in the folder is somebody's: it is neither
read nor removed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from lineage.contract.backend import Backend
from lineage.contract.subjects import Subject
from lineage.errors import Invalid, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.marks import is_own_property
from lineage.model.points import LATEST, Points
from lineage.model.values import to_text

__all__ = [
    "Spooled",
    "SpooledRun",
    "folder_of",
    "header_of",
    "is_unbegun",
    "open_spool",
    "read_spool",
    "run_of",
    "spooled_for",
    "subject_line",
]

_MAGIC = "lineage-spool 1"
LONGEST_HEADER = 100
_LARGEST = 2**63 - 1
_NAME = re.compile("[0-9a-f]{32}")
_HEADER = re.compile(rf"{_MAGIC} execution:(\d{{1,18}}) (\d{{1,18}})")


def folder_of(backend: Backend) -> Path | None:
    """Return the folder for the spools of a store that is kept in a file; None for any other."""
    files = backend.files
    return files[0].with_name(f"{files[0].name}-spool") if files else None


class SpooledRun(NamedTuple):
    """The run that a spool is of, and when that was made: a key alone may be another's in another file."""

    key: NodeKey
    created: int


class Spooled(NamedTuple):
    """What a spool holds: of which run, and points and newest values by subject and name.

    `size` is how many bytes of the file that is. It is not whole where a line is damaged, which says nothing, and
    neither does what comes after it, for that may mean other names.
    """

    run: SpooledRun
    points: dict[Subject, dict[str, Points]]
    newest: dict[Subject, dict[str, int | float]]
    size: int
    is_whole: bool = True


def header_of(run: NodeKey, created: int) -> str:
    """Return the first line of a run's spool."""
    return f"{_MAGIC} {run} {created}\n"


def subject_line(number: int, subject: Subject) -> str:
    """Return the line that says what a number stands for."""
    model, data = ("-" if key is None else str(key) for key in subject)
    return f"S {number} {model} {data}\n"


def open_spool(path: Path) -> int:
    """Return the handle of a file to read; `OSError` for what is no plain file.

    A pipe would be waited for, and what a link leads to is not in the folder.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return handle


def read_spool(path: Path, *, after: int = 0) -> Spooled | None:
    """Return what a spool holds after so many of its bytes; None for a file that is no spool, or is not there."""
    try:
        with os.fdopen(open_spool(path), "rb") as file:
            data = file.read()
    except OSError:  # it was put into the store meanwhile, or is somebody else's
        return None
    whole = data.rfind(b"\n") + 1
    header, *lines = data[:whole].split(b"\n")
    run = _run_in(header)
    if run is None:
        return None
    begin = len(header) + 1
    spooled = Spooled(run, {}, {}, begin)
    size = begin + _read(lines[:-1], spooled, after - begin)
    return spooled._replace(size=size, is_whole=size == whole)


def run_of(path: Path) -> SpooledRun | None:
    """Return which run a spool is of; None for a file that is no spool, or is not there."""
    try:
        return _run_in(_first_line(path).removesuffix(b"\n"))
    except OSError:
        return None


def is_unbegun(path: Path) -> bool:
    """Whether a file is what is left of a spool whose writer died before its first line was whole."""
    return _NAME.fullmatch(path.name) is not None and b"\n" not in _first_line(path)


def _first_line(path: Path) -> bytes:
    with os.fdopen(open_spool(path), "rb") as file:
        return file.readline(LONGEST_HEADER)


def _run_in(header: bytes) -> SpooledRun | None:
    found = _HEADER.fullmatch(header.decode(errors="replace"))
    if found is None:
        return None
    return SpooledRun(NodeKey(Kind.EXECUTION, int(found[1])), int(found[2]))


_Names: TypeAlias = dict[str, tuple[Subject, str, Points]]


def _read(lines: list[bytes], spooled: Spooled, after: int) -> int:
    """Read what comes after so many bytes of some lines; return how many bytes come before a damaged one, or are all."""
    subjects: dict[str, Subject] = {}
    names: _Names = {}
    at = 0
    for line in lines:
        end = at + len(line) + 1
        try:
            what, *rest = line.decode().split(" ", 3)
            if what == "S":
                subjects[rest[0]] = Subject(_key(rest[1]), _key(rest[2]))
            elif what == "N":
                names[rest[0]] = (subjects[rest[1]], _name(" ".join(rest[2:])), Points())
            elif end > after:
                _read_news(what, rest, names, spooled)
        except (Invalid, LookupError, ValueError):
            return at
        at = end
    return at


def _read_news(what: str, rest: list[str], names: _Names, spooled: Spooled) -> None:
    """Read a line that is to be stored, as what comes before it may be already."""
    if what == "P":
        _read_point(rest, names, spooled)
    elif what == "D":
        subject, name, _ = names[rest[0]]
        spooled.newest.get(subject, {}).pop(name, None)


def _read_point(rest: list[str], names: _Names, spooled: Spooled) -> None:
    step, time = _whole(rest[0], 0, _LARGEST), _whole(rest[1], 0, LATEST)
    cells = [each.partition("=") for each in rest[2].split(" ")]
    # All of a line is read before any of it counts.
    for (subject, name, points), value in [
        (names[number], _value(text)) for number, _, text in cells
    ]:
        points.append(step, value, time)
        if len(points) == 1:
            spooled.points.setdefault(subject, {})[name] = points
            spooled.newest.setdefault(subject, {})
        spooled.newest[subject][name] = value


def _whole(text: str, least: int, most: int) -> int:
    """Return a number that `Points` has room for; whatever stands in a file may be damaged."""
    number = int(text)
    if not least <= number <= most:
        raise Invalid(f"{text:.40} is not from {least} to {most}")
    return number


def _value(text: str) -> int | float:
    return _whole(text, -_LARGEST - 1, _LARGEST) if text.lstrip("-").isdigit() else float(text)


def _name(text: str) -> str:
    name = to_text(json.loads(text))
    if is_own_property(name):
        raise Invalid(f"{excerpt(name)} is no metric")
    return name


def _key(text: str) -> NodeKey | None:
    key = None if text == "-" else NodeKey.parse(text)
    if key is not None and key.kind is not Kind.ARTIFACT:
        raise Invalid(f"nothing is measured of {key}")
    return key


def spooled_for(folder: Path, run: NodeKey, created: int) -> Iterator[tuple[str, Path]]:
    """Yield the names and the paths of a run's spools, by name."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # there is none, or not for us
        return
    begin = header_of(run, created).encode()
    for path in paths:
        try:
            with os.fdopen(open_spool(path), "rb") as file:
                is_run = file.read(len(begin)) == begin
        except OSError:
            continue
        if is_run:
            yield path.name, path
