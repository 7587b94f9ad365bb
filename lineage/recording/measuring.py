"""What a run measures: newest values in artifacts of metrics, and what it logs by steps in series."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from typing import NamedTuple, cast, overload

from lineage.answers.curves import Curve
from lineage.answers.series import curve_of, curves_in, join, points_of, spools_in
from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.spool import folder_of
from lineage.contract.subjects import Subject, written_by_subject
from lineage.contract.transaction import Author, Transaction
from lineage.errors import Invalid, LineageError, excerpt
from lineage.model.canonical import decode, encode
from lineage.model.entities import Artifact
from lineage.model.keys import NodeKey
from lineage.model.marks import is_own_property
from lineage.model.points import MOST_POINTS, Points
from lineage.model.rows import NodeRow, entity_of
from lineage.model.system import Metrics, Series
from lineage.model.values import Properties, to_properties, to_value
from lineage.recording.handle import Handle
from lineage.recording.measurements import claim, completed, subject_of
from lineage.recording.nodes import live_rows
from lineage.recording.pending import Pending, Spool

__all__ = ["Measuring", "Written"]

_LOGGER = logging.getLogger("lineage")
_NOTHING = Subject()
FIRST_POINTS = 16
"""Without a spool points are stored at the first, then at this many, and then each time they have doubled."""
MOST_SPOOLS = 64
"""Of how many spools a series remembers that they are in it; each is removed once it is stored."""


class Written(NamedTuple):
    """Metrics that a run wrote, what says what they are for, and in which transaction: None is one of the past.

    After a rollback others get their ids.
    """

    key: NodeKey
    context: NodeKey | None
    transaction: Transaction | None


class Measuring(Handle):
    """The part of a run that logs metrics."""

    def __init__(self, backend: Backend, author: Author) -> None:
        super().__init__(backend, author)
        self._metrics: dict[Subject, Written] = {}
        self._series: dict[Subject, Written] = {}
        self._subjects: dict[tuple[str | None, ...], Subject] = {}
        self._drop_points()

    @property
    def is_spooling(self) -> bool:
        """Whether points wait in a file, which goes once the run's end is stored."""
        return self._spool is not None

    def _own_points(self) -> None:
        """Leave the points of the process that forked this one to that."""
        if self._process != os.getpid():
            self._drop_points()

    def _drop_points(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._pending = Pending()
        self._logged, self._due = 0, 1
        self._spool: Spool | None = None
        self._may_spool = True

    @overload
    def log_metrics(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        of: Artifact | NodeKey | None = None,
        on: Artifact | NodeKey | None = None,
        step: None = None,
        **more: object,
    ) -> Metrics: ...
    @overload
    def log_metrics(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        of: Artifact | NodeKey | None = None,
        on: Artifact | NodeKey | None = None,
        step: int,
        **more: object,
    ) -> None: ...
    def log_metrics(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        of: Artifact | NodeKey | None = None,
        on: Artifact | NodeKey | None = None,
        step: int | None = None,
        **more: object,
    ) -> Metrics | None:
        """Record measurements; return the artifact that holds all of them so far of that model and data.

        Values are numbers. A name that is given again replaces the value; history keeps the old. They are
        measured `of` a model, and `on` a data set. What is left out is, when the run ends, its only model
        and its only evaluation data; where there are several, or none, nothing is claimed.

        With a `step`, a whole number from 0, the values are also points of a series, in the order of the
        calls; `run.series` and `store.series` return it. Then nothing is returned, and nothing is written into the
        store for each step: points and newest values are stored together, at the end of the run or, where the
        store is no file, at doubling intervals. In a file's spool they outlive the process meanwhile.
        """
        if step is not None:
            self._log_points(self._checked_subject(of, on), _step(step), _numbers(values, more))
            return None
        self._check_open()
        measured = _numbers(values, more)
        with self._transaction() as transaction:
            transaction.lock()
            live_rows(self._backend, [self.key])
            subject = subject_of(self._backend, of, on)
            stored = self._store_metrics(transaction, subject, measured)
        self._own_points()
        with self._guard:
            self._pending.supersede(subject, measured)
            self._write_line(lambda spool: spool.supersede(subject, measured))
        return cast(Metrics, entity_of(stored, registry(self._backend).by_id, Metrics))

    def series(
        self,
        name: str,
        *,
        of: Artifact | NodeKey | None = None,
        on: Artifact | NodeKey | None = None,
    ) -> Curve:
        """Return what was logged by steps under a name, by this handle and by others of the run.

        `NotFound` where nothing was, and `Invalid` where it was of several models or on several data sets, and
        it is not said which.
        """
        self._check_not_undone()
        subject = subject_of(self._backend, of, on)
        self._own_points()
        own = None if self._spool is None else self._spool.name
        with self._guard:
            points = points_of(self._backend, self.key, apart_from=own)
            join(points, self._pending.points)
        return curve_of(points, name, subject, self.key)

    def _checked_subject(
        self, of: Artifact | NodeKey | None, on: Artifact | NodeKey | None
    ) -> Subject:
        """Return what is measured of and on, for which the store is asked once."""
        if of is None and on is None:
            return _NOTHING
        asked = tuple(None if each is None else str(_key_of(each)) for each in (of, on))
        subject = self._subjects.get(asked)
        if subject is None:
            subject = self._subjects[asked] = subject_of(self._backend, of, on)
        return subject

    def _log_points(self, subject: Subject, step: int, values: Properties) -> None:
        """Take a point of each metric, and store what there is where it is time to."""
        self._check_open()
        self._check_not_undone()
        self._own_points()
        time = time_ns() // 1_000_000
        with self._guard:
            self._pending.add(subject, step, values, time)
            self._logged += 1
            if self._spool is None:
                self._begin_spool()
            self._write_line(lambda spool: spool.add(subject, step, values, time))
        if self._spool is None and self._logged >= self._due and not self._backend.in_transaction:
            self._due = max(FIRST_POINTS, 2 * self._logged)
            self._store_early()

    def _begin_spool(self) -> None:
        """Make a spool, unless the store has no place for one, or may yet undo that the run began."""
        if not self._may_spool or self._backend.in_transaction:
            return
        folder = folder_of(self._backend)
        if folder is None or self._logged > 1:
            self._may_spool = False
            return
        created = self._backend.nodes([self.key])[self.key].created
        try:
            self._spool = Spool(folder, self.key, created)
        except OSError as error:
            self._without_spool(error)

    def _write_line(self, write: Callable[[Spool], None]) -> None:
        """Write into the spool, if there is one; where it cannot be written the training goes on without."""
        spool = self._spool
        if spool is None:
            return
        try:
            write(spool)
        except OSError as error:
            spool.close(remove=True)  # all of its points are in memory
            self._spool = None
            self._without_spool(error)

    def _without_spool(self, error: OSError) -> None:
        self._may_spool = False
        said = (
            f"points that {self.key} logs are kept in memory alone, for their spool cannot be written ({error.strerror or error}); "
            "they are stored at doubling intervals and at its end"
        )
        self.remark([said])
        _LOGGER.warning("%s", said)

    def _store_early(self) -> None:
        """Store what was logged so far; what cannot be stored now, but may be later, waits for then."""
        try:
            with self._transaction() as transaction:
                transaction.lock()
                self._store_points(transaction)
        except LineageError as error:
            if not error.retryable:
                raise
            _LOGGER.warning("points of %s are stored later: %s", self.key, error)

    def _store_points(self, transaction: Transaction) -> None:
        """Store points and newest values in a locked transaction; where it fails they wait for the next."""
        self._own_points()
        with self._guard:
            pending, self._pending = self._pending, Pending()
        spool = self._spool
        try:
            self.store(transaction, pending, {} if spool is None else {spool.name: spool.size})
        except BaseException:
            with self._guard:
                self._pending.follow(pending)
            raise

    def store(self, transaction: Transaction, pending: Pending, spools: Mapping[str, int]) -> None:
        """Store points and newest values in a locked transaction, and with them how much of which spools they are."""
        for subject, newest in pending.newest.items():
            if newest:
                self._store_metrics(transaction, subject, newest)
        for subject, points in pending.points.items():
            self._store_series(transaction, subject, points, spools)

    def _let_points_go(self, *, stored: bool) -> None:
        """Remove the spool, where all of it is stored; else the next writer stores the rest."""
        self._own_points()
        if self._spool is not None:
            self._spool.close(remove=stored)
            self._spool = None

    def _store_metrics(
        self, transaction: Transaction, subject: Subject, measured: Mapping[str, int | float]
    ) -> NodeRow:
        row = self._known(self._metrics, subject, transaction)
        if row is not None:
            custom = encode({**decode(row.custom), **measured})
            return self._changed(transaction, row, row._replace(custom=custom))
        stored = self._add(Metrics(custom_properties=measured), "output")
        context = None
        if subject.parts:
            context = claim(self._backend, transaction, stored.key, subject)
        self._metrics[subject] = Written(stored.key, context, transaction)
        return self._backend.nodes([stored.key])[stored.key]

    def _store_series(
        self,
        transaction: Transaction,
        subject: Subject,
        points: Mapping[str, Points],
        spools: Mapping[str, int],
    ) -> None:
        row = self._known(self._series, subject, transaction)
        if row is None:  # another handle of the run may have begun a series
            self._know_what_is_stored(Series, self._series)
            row = self._known(self._series, subject, transaction)
        curves = {} if row is None else curves_in(row)
        left = 0
        for name, some in points.items():
            left += curves.setdefault(name, Points()).extend(some)
        if left:
            said = (
                f"{left:,} points of {self.key} are left out: of one name {MOST_POINTS:,} are kept"
            )
            self.remark([said])
            _LOGGER.warning("%s", said)
        known = {} if row is None else spools_in(row)
        kept = [*{**{name: known[name] for name in known if name not in spools}, **spools}.items()]
        series = Series(
            curves={name: some.packed() for name, some in curves.items()},
            spools=dict(kept[-MOST_SPOOLS:]),
        )
        if row is not None:
            self._changed(transaction, row, row._replace(properties=encode(series.properties)))
            return
        stored = self._add(series, "output")
        context = None
        if subject.parts:
            metrics = self._metrics.get(subject)
            known_context = None if metrics is None else metrics.context
            context = claim(self._backend, transaction, stored.key, subject, known_context)
        self._series[subject] = Written(stored.key, context, transaction)

    def _know_what_is_stored(self, cls: type[Artifact], known: dict[Subject, Written]) -> None:
        """Find the metrics, or the series, that the run has already."""
        for subject, (key, context) in written_by_subject(self._backend, self.key, cls).items():
            known[subject] = Written(key, context, None)

    def _known(
        self, written: Mapping[Subject, Written], subject: Subject, transaction: Transaction
    ) -> NodeRow | None:
        """Return what this run wrote for a subject, unless it was rolled back or deleted."""
        if subject not in written:
            return None
        key, _, writer = written[subject]
        if writer is not None and writer is not transaction and not writer.committed:
            return None
        row = self._backend.nodes([key]).get(key)
        return None if row is None or row.gone else row

    def _complete_claims(self, transaction: Transaction) -> None:
        """Say of metrics, also of those that workers wrote, what they were measured of and on, where nobody said it."""
        for subject, (key, context) in written_by_subject(self._backend, self.key, Metrics).items():
            if all(subject):
                continue
            whole = completed(self._backend, subject, self.key)
            if whole != subject and (subject.parts or all(whole)):
                claim(self._backend, transaction, key, whole, context)


def _key_of(given: Artifact | NodeKey) -> object:
    return given.key if isinstance(given, Artifact) else given


def _step(step: object) -> int:
    number = step if type(step) is int else to_value(step)
    if type(number) is not int or not 0 <= number < 2**63:
        raise Invalid(f"step={excerpt(step)}: give a whole number from 0, as in step=17")
    return number


def _numbers(values: Mapping[str, object] | None, more: Mapping[str, object]) -> Properties:
    if not isinstance(values, Mapping | None):
        raise Invalid(f"{excerpt(values)} holds no metrics; give a mapping of names to numbers")
    checked = to_properties({**(values or {}), **more})
    for name, value in checked.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(
                f"the metric {excerpt(name)} is {excerpt(value)}, not a number; describe it in an artifact of its own"
            )
    for name in checked:
        if is_own_property(name):
            raise Invalid(
                f"{excerpt(name)}: names that begin with 'lineage.' are the engine's own; choose another"
            )
    if not checked:
        raise Invalid("log_metrics needs a value, as in run.log_metrics(accuracy=0.93)")
    return checked
