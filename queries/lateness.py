"""Data that a run read only after it had written what was asked about, as streams do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.contract.standing import Weight
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeRow
from lineage.queries.reader import Reader

__all__ = ["late_inputs"]


def late_inputs(
    reader: Reader, outputs: Iterable[EdgeRow], inputs: Iterable[EdgeRow]
) -> Mapping[NodeKey, bool]:
    """Return the inputs of runs that each of them read after its output; True where it cannot have served for it.

    That is where the run still goes on, or where both times were given by who recorded them: other
    times only say in which order a program said what it did.
    """
    written: dict[NodeKey, EdgeRow] = {}
    for row in outputs:
        known = written.get(row.source)
        if known is None or _is_after(reader, row, known):
            written[row.source] = row  # an output that was announced may be written later
    late: dict[NodeKey, list[bool]] = {}
    in_time = set()
    for row in inputs:
        output = written.get(row.target)
        if output is None or not _is_after(reader, row, output):
            in_time.add(row.source)
            continue
        goes_on = reader.weight(row.target) is Weight.OPEN
        sure = goes_on or (_is_given(reader, row) and _is_given(reader, output))
        late.setdefault(row.source, []).append(sure)
    return {key: all(sure) for key, sure in late.items() if key not in in_time}


def _is_after(reader: Reader, row: EdgeRow, output: EdgeRow) -> bool:
    if row.time is None and output.time is None:
        return row.first > output.first  # as their transactions' times are, which need not be read
    return _moment(reader, row) > _moment(reader, output)


def _moment(reader: Reader, row: EdgeRow) -> int:
    return reader.time_of(row.first) if row.time is None else row.time


def _is_given(reader: Reader, row: EdgeRow) -> bool:
    """Whether an event's time is another than that of the transaction that wrote it."""
    return row.time is not None and row.time != reader.time_of(row.first)
