"""What a run logged by steps: its curves, and what is told of them."""

from __future__ import annotations

from lineage.answers.curves import Curve, CurveSummary
from lineage.answers.series import curve_of, points_of
from lineage.contract.backend import Backend
from lineage.contract.spool import folder_of
from lineage.contract.subjects import Subject
from lineage.contract.walking import Limits
from lineage.errors import NotFound
from lineage.model.keys import NodeKey
from lineage.model.system import Series
from lineage.queries.facts import Facts
from lineage.queries.reader import Reader

__all__ = ["curves_of", "series"]


def series(
    backend: Backend,
    key: NodeKey,
    name: str,
    *,
    subject: Subject,
    as_of: int | None = None,
) -> Curve:
    """Return what a run, or the newest run that wrote an artifact, logged by steps under a name.

    `NotFound` where nobody did, and `Invalid` where it was of and on several and it is not said which.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     with store.run(lineage.Train()) as run:
    ...         for step in range(3):
    ...             run.log_metrics(loss=1 / (step + 1), step=step)
    ...         model = run.output(lineage.Model())
    ...     [point.step for point in series(store.backend, model.key, "loss", subject=Subject())]
    [0, 1, 2]
    """
    run = Facts(Reader(backend, as_of), key, Limits()).run
    if run is None:
        raise NotFound(f"nothing says which run wrote {key}, and so what was logged by steps")
    points = points_of(backend, run, as_of=as_of, live=as_of is None)
    return curve_of(points, name, subject, run)


def curves_of(backend: Backend, facts: Facts, *, live: bool) -> tuple[CurveSummary, ...]:
    """Return what is told of the series of the run that made a node, or that it is, by name."""
    folder = folder_of(backend) if live else None
    is_live = folder is not None and folder.exists()
    if facts.run is None or not (is_live or facts.reader.types.ids(Series)):
        return ()
    found = points_of(backend, facts.run, as_of=facts.reader.number, live=is_live)
    curves = [Curve(name, points) for named in found.values() for name, points in named.items()]
    return tuple(each.summary() for each in sorted(curves, key=lambda each: each.name) if each)
