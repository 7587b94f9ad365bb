"""Reads what runs logged by steps, from the store and from the spools of those that go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.answers.curves import Curve
from lineage.contract.backend import Backend
from lineage.contract.spool import folder_of, read_spool, spooled_for
from lineage.contract.subjects import Subject, written_by_subject
from lineage.errors import Invalid, NotFound, excerpt
from lineage.model.canonical import decode
from lineage.model.keys import NodeKey
from lineage.model.points import Points
from lineage.model.rows import NodeRow
from lineage.model.system import Series

__all__ = [
    "PointsBySubject",
    "bytes_stored",
    "curve_of",
    "curves_in",
    "join",
    "points_of",
    "spools_in",
]

PointsBySubject = dict[Subject, dict[str, Points]]


def curves_in(row: NodeRow) -> dict[str, Points]:
    """Return the points that a series holds, by name; `Corrupt` where it holds something else."""
    curves = decode(row.properties or "{}").get("curves")
    if not isinstance(curves, Mapping):
        return {}
    return {name: Points.unpacked(struct) for name, struct in curves.items()}


def spools_in(row: NodeRow) -> dict[str, int]:
    """Return how many bytes of which spools a series holds."""
    spools = decode(row.properties or "{}").get("spools")
    return {
        name: size
        for name, size in (spools.items() if isinstance(spools, Mapping) else ())
        if type(size) is int
    }


def points_of(
    backend: Backend,
    run: NodeKey,
    *,
    as_of: int | None = None,
    live: bool = True,
    apart_from: str | None = None,
) -> PointsBySubject:
    """Return all points of a run: what is stored, and `live` what is in its spools, but for one, after that."""
    written = written_by_subject(backend, run, Series, as_of=as_of)
    keys = [key for key, _ in written.values()]
    rows = backend.nodes(keys, as_of=as_of) if keys else {}
    found = {subject: curves_in(rows[key]) for subject, (key, _) in written.items()}
    folder = folder_of(backend) if live else None
    if folder is None or not folder.exists():
        return found
    row, stored = backend.nodes([run])[run], _bytes_in(rows.values())
    for name, path in spooled_for(folder, run, row.created):
        spooled = None if name == apart_from else read_spool(path, after=stored.get(name, 0))
        if spooled is not None:
            join(found, spooled.points)
    return found


def bytes_stored(backend: Backend, run: NodeKey) -> dict[str, int]:
    """Return how many bytes of which spools of a run are stored by now."""
    written = written_by_subject(backend, run, Series)
    return _bytes_in(backend.nodes([key for key, _ in written.values()]).values())


def _bytes_in(rows: Iterable[NodeRow]) -> dict[str, int]:
    stored: dict[str, int] = {}
    for row in rows:
        for name, size in spools_in(row).items():
            stored[name] = max(size, stored.get(name, 0))
    return stored


def join(points: PointsBySubject, more: Mapping[Subject, Mapping[str, Points]]) -> None:
    """Add further points to those of the same name and subject."""
    for subject, named in more.items():
        mine = points.setdefault(subject, {})
        for name, some in named.items():
            mine.setdefault(name, Points()).extend(some)


def curve_of(points: PointsBySubject, name: str, subject: Subject, run: NodeKey) -> Curve:
    """Return the curve of a name, of what was measured of and on, as far as that is given.

    `NotFound` where there is none, and `Invalid` where there are several.
    """
    fitting = [
        each
        for each, named in points.items()
        if name in named
        and all(asked in (None, part) for asked, part in zip(subject, each, strict=True))
    ]
    if not fitting:
        names = sorted({each for named in points.values() for each in named})
        raise NotFound(
            f"{run} logged no {excerpt(name)} by steps{_there_are(names)}"
            f"{' of and on what is given' if subject.parts else ''}"
        )
    if len(fitting) > 1:
        told = "; ".join(_said(each) for each in fitting)
        raise Invalid(
            f"{run} logged {excerpt(name)} of and on several ({told}); say which by of= or on="
        )
    return Curve(name, points[fitting[0]][name])


def _there_are(names: Iterable[str]) -> str:
    text = ", ".join(names)
    return f" (there are: {text:.500})" if text else ""


def _said(subject: Subject) -> str:
    parts = (
        f"of {subject.model}" if subject.model else "",
        f"on {subject.data}" if subject.data else "",
    )
    return " ".join(filter(None, parts)) or "of and on nothing in particular"
