"""The same work on this engine and on ML Metadata, in turn, and the table that comes of it.

A round is a block of calls of theirs and a block of the same calls of ours. Each system makes its
calls as its own Python clients do, in a process of its own, and times each by itself; what a call
is given is made before. Medians are over all calls, ratios over the rounds.
"""

from __future__ import annotations

import base64
import gc
import json
import math
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sizes import SMALL
from lineage.mlmd.messages import Message, message
from tests.mlmd.systems import interpreter

BLOCK = 0.02
"""How long a block of calls should take, in seconds."""
LARGEST_BLOCK = 100
SMALLEST_BLOCK = 5
"""Of calls that take less than `SLOW`: the first after the other system's finds cold caches."""
SLOW = 0.2
BUDGET = 0.5
"""How long a system is asked for one row, in seconds, once there are `FEWEST` rounds."""
FEWEST = 5
MOST = 25


class Peer:
    """ML Metadata, in its process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, *line: object) -> Any:
        """Have a method of `peer.Peer` called."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"ML Metadata ended at {line!r:.200}"
        said = json.loads(answer)
        assert not isinstance(said, dict), f"ML Metadata, of {line!r:.200}: {said}"
        return said

    def open(self, path: Path | str = "") -> None:
        """Let the peer go on with the store in a file, or with an empty one in memory."""
        self.do("open", str(path))

    def ask(self, call: str, *requests: dict[str, Any]) -> tuple[list[float], Message]:
        """Return what each call took, in seconds, and the last response."""
        kind = message(f"{call}Request")
        asked = [base64.b64encode(kind(**each).SerializeToString()).decode() for each in requests]
        times, last = self.do("ask", call, *asked)
        response = message(f"{call}Response").FromString(base64.b64decode(last))
        return [each / 1e9 for each in times], response


@contextmanager
def peer_process() -> Iterator[Peer]:
    """Run ML Metadata."""
    command = [str(interpreter()), str(Path(__file__).with_name("peer.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Peer(process)
        finally:
            process.kill()


@dataclass
class Row:
    """A line of the table: medians in seconds, and the quartiles of the rounds' ratios."""

    group: str
    workload: str
    backend: str
    ours: float
    theirs: float | None = None
    low: float | None = None
    high: float | None = None
    peer: str = "ML Metadata"
    size: int | None = None
    answer: int | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as fast ours is."""
        return None if self.theirs is None else self.theirs / self.ours


@dataclass
class Raced:
    """What a race gave: each call's time, the rounds' ratios and the last answers."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    answers: tuple[Any, Any] = (None, None)

    def add(self, ours: float, theirs: float) -> None:
        """Add a round of one call each."""
        self.ours.append(ours)
        self.theirs.append(theirs)
        self.ratios.append(theirs / ours)


EIGHT = [
    "insert and update types",
    "insert and update nodes",
    "attributions and associations",
    "events",
    "read types",
    "read nodes",
    "read through contexts",
    "read events",
    "record an execution",
]
"""The groups of ML Metadata's own benchmark, and recording."""


@dataclass
class Table:
    """All that one run measured; `facts` are no times, `about` says what was measured on."""

    rows: list[Row] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    def add(self, group: str, workload: str, backend: str, raced: Raced, **more: Any) -> None:
        """Add what was measured of one workload."""
        row = Row(group, workload, backend, statistics.median(raced.ours), **more)
        if raced.theirs:
            row.theirs = statistics.median(raced.theirs)
        if len(raced.ratios) > 1:
            row.low, _, row.high = statistics.quantiles(raced.ratios, n=4, method="inclusive")
        self.rows.append(row)

    def group_means(self, backend: str) -> dict[str, float]:
        """Return the geometric mean of the ratios of each of the `EIGHT` in a backend."""
        found = {
            group: [row.ratio for row in self.rows if (row.group, row.backend) == (group, backend)]
            for group in EIGHT
        }
        return {
            group: statistics.geometric_mean(filter(None, ratios))
            for group, ratios in found.items()
            if ratios
        }

    def slowest(self, backend: str) -> Row:
        """Return the row with the lowest ratio among the `EIGHT` in a backend."""
        rows = [row for row in self.rows if row.group in EIGHT and row.backend == backend]
        return min(rows, key=lambda row: row.ratio or math.inf)

    def as_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Table:
        """Return what `as_json` was of."""
        said = json.loads(text)
        return cls([Row(**row) for row in said["rows"]], said["facts"], said["about"])


Side = Callable[[range], tuple[list[float], Any]]
"""Makes the calls of these numbers; returns what each took, in seconds, and the last answer."""


def race(ours: Side, theirs: Side, *, largest: int = LARGEST_BLOCK) -> Raced:
    """Let two sides do the same calls in turn, a block each, until there are enough rounds."""
    raced = Raced()
    warm = [side(range(2))[0][-1] for side in (theirs, ours)]
    least = SMALLEST_BLOCK if max(warm) < SLOW else 1
    size = 2 if SMALL else max(least, min(largest, int(BLOCK / max(warm))))
    done = 2
    while not _enough(raced, len(raced.ratios)):
        numbers = range(done, done := done + size)
        their_times, their_answer = theirs(numbers)
        our_times, our_answer = ours(numbers)
        raced.theirs += their_times
        raced.ours += our_times
        raced.ratios.append(statistics.median(their_times) / statistics.median(our_times))
        raced.answers = (our_answer, their_answer)
    return raced


def _enough(raced: Raced, rounds: int) -> bool:
    if SMALL:
        return rounds >= 2
    spent = max(sum(raced.ours), sum(raced.theirs))
    return rounds >= MOST or (rounds >= FEWEST and spent >= BUDGET)


def timed(prepare: Callable[[int], Any], call: Callable[[Any], Any]) -> Side:
    """Return our side: `call` is timed, what `prepare` makes of a call's number is not."""

    def side(numbers: range) -> tuple[list[float], Any]:
        given = [prepare(number) for number in numbers]
        times = []
        answer = None
        gc.collect(1)  # all of it takes seconds beside a large store in memory
        for each in given:
            began = time.perf_counter()
            answer = call(each)
            times.append(time.perf_counter() - began)
        return times, answer

    return side


def asked(peer: Peer, call: str, fields: Callable[[int], dict[str, Any]]) -> Side:
    """Return the peer's side of a race: one of ML Metadata's calls."""
    return lambda numbers: peer.ask(call, *(fields(number) for number in numbers))


def measured(call: Callable[[], Any], rounds: int = 5) -> tuple[list[float], Any]:
    """Call something some times; return what each took, and the last answer."""
    return timed(lambda _: None, lambda _: call())(range(1 if SMALL else rounds))


TABLE = Table()


def table_lines(table: Table) -> Iterator[str]:
    """Return the table as lines of text; times in milliseconds."""
    if not table.rows:
        return
    yield ""
    yield f"{'workload':62} {'backend':12} {'ours ms':>10} {'theirs ms':>10} {'ratio':>7}  quartiles     beside"
    for row in table.rows:
        line = f"{f'{row.group}: {row.workload}':62.62} {row.backend:12} {row.ours * 1e3:10.3f}"
        if row.theirs is not None and row.ratio is not None:
            spread = "" if row.low is None else f"{row.low:.2f}–{row.high:.2f}"
            line += f" {row.theirs * 1e3:10.3f} {row.ratio:7.2f}  {spread:13} {row.peer}"
        yield line
    for name, value in table.facts.items():
        yield f"{name}: {value:,.2f}"
    for backend in ("memory", "file"):
        means = table.group_means(backend)
        if means:
            slowest = table.slowest(backend)
            yield (
                f"{len(means)} of the eight and recording, {backend}: geometric mean "
                f"{statistics.geometric_mean(means.values()):.2f}, at least {slowest.ratio:.2f} "
                f"({slowest.group}: {slowest.workload})"
            )
