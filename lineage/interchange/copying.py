"""Copying a store into another: its transactions as they are, read back from where they were written.

History, ids, times, salts and digests stay, so that the copy answers every question about every
moment as its source does, and goes on where it ended: the same call, made again, writes what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lineage.answers.notebook import Part
from lineage.contract.backend import EMPTY, Backend
from lineage.contract.files import is_one_of
from lineage.contract.proof import Chain
from lineage.errors import Conflict, Corrupt, Invalid, LineageError, NotFound
from lineage.model.rows import Commit, Head
from lineage.progress import Progress, Report

__all__ = ["Copied", "copy"]


@dataclass(frozen=True, slots=True)
class Copied(Part):
    """What a copy wrote: the transactions after number `after`, up to `number`.

    `digest` is the last one's, in hexadecimal; both stores have it. `verified` transactions were
    read back from the target, and are what the source has.
    """

    transactions: int
    records: int
    nodes: int
    after: int
    number: int
    digest: str
    verified: int


def copy(
    source: Backend,
    target: Backend,
    *,
    as_of: int | None = None,
    progress: Report | None = None,
) -> Copied:
    """Write what a target lacks of a source, up to a transaction or its last one; read it back.

    The target must be empty or hold the beginning of the source's history, which the digests tell;
    else nothing is written, and it is `Invalid`. So is a target that is ahead of the source. An
    interruption leaves whole transactions, and the next copy goes on after them. A transaction
    that is not as it was sealed is `Corrupt`, in the source before it is written. Others may write
    to the source meanwhile.
    """
    _check_usable(source, target)
    reached = _head(target, target.now())
    last = _head(source, source.now() if as_of is None else as_of)
    _check_beginning(source, target, reached, last)
    tell = progress or (lambda _: None)
    total = last.number - reached.number
    if total:
        commits = _sealed(source, source, reached, last)
        _write(_Counted(commits, "copying", total, tell), target)
    written = _Counted(_sealed(target, source, reached, last), "verifying", total, tell)
    for _ in written:
        pass
    return Copied(
        transactions=total,
        records=written.records,
        nodes=written.nodes,
        after=reached.number,
        number=last.number,
        digest=last.digest.hex(),
        verified=written.transactions,
    )


class _Counted:
    """A stream of transactions that tells, whenever one was taken care of, how far it is."""

    def __init__(
        self,
        commits: Iterable[Commit],
        stage: str,
        total: int,
        tell: Report,
    ) -> None:
        self._commits = commits
        self._total = total
        self._tell = tell
        self._stage = stage
        self.transactions = self.records = self.nodes = 0
        self.given: int | None = None
        """The number of the transaction that was given out and is not taken care of yet."""

    def __iter__(self) -> Iterator[Commit]:
        self._say()
        for commit in self._commits:
            self.given = commit.head.number
            yield commit
            self.given = None
            self.transactions += 1
            self.records += commit.head.records
            self.nodes += len(commit.batch.nodes)
            self._say()

    def _say(self) -> None:
        self._tell(Progress(self._stage, self.transactions, self._total))


def _check_usable(source: Backend, target: Backend) -> None:
    if source is target or any(is_one_of(file, source.files) for file in target.files):
        raise Invalid("source and target are the same store; copy into another one")
    target.refuse_readonly()
    if source.in_transaction or target.in_transaction:
        raise Invalid("a copy is of whole transactions; copy outside of one")


def _head(backend: Backend, number: int) -> Head:
    """Return a transaction's row; `NotFound` for one that is not there yet."""
    head = next(iter(backend.log(before=number + 1, limit=1)), EMPTY)
    if head.number != number:
        raise NotFound(f"there is no transaction {number}; the last one is {backend.now()}")
    return head


def _check_beginning(source: Backend, target: Backend, reached: Head, last: Head) -> None:
    """Raise where what the target has is not the beginning of what is to be copied."""
    common = min(reached.number, last.number)
    if _head(target, common).digest != _head(source, common).digest:
        first = _first_difference(source, target, common)
        raise Invalid(
            f"the target, with {reached.number} transactions, is no copy of the source: "
            f"transaction {first} is another one there; copy into an empty store"
        )
    if reached.number > last.number:
        raise Invalid(
            f"the target is ahead: it has {reached.number} transactions, and the {last.number} to copy "
            f"are the first of them; is the copy meant the other way round?"
        )


def _first_difference(source: Backend, target: Backend, differs: int) -> int:
    """Return the first number at which two histories differ; at `differs` they do.

    A digest covers all that came before it, so that half of the rest need not be looked at.
    """
    same = 0
    while differs - same > 1:
        middle = (same + differs) // 2
        if _head(source, middle).digest == _head(target, middle).digest:
            same = middle
        else:
            differs = middle
    return differs


def _write(commits: _Counted, target: Backend) -> None:
    try:
        target.replay(commits)
    except Invalid as error:
        now = target.now()
        if commits.given is None or now < commits.given:
            raise
        # Somebody else wrote a transaction of the number that was to be written.
        raise Conflict(
            f"others wrote to the target meanwhile, which has {now} transactions now; copy again"
        ) from error


def _sealed(backend: Backend, source: Backend, reached: Head, last: Head) -> Iterator[Commit]:
    """Yield the transactions of the source or the target after one up to another; `Corrupt` for what is not as it was sealed."""
    role = "source" if backend is source else "target"
    commits = backend.changes(reached.number)
    chain = Chain(backend.head_tree(reached))
    while reached.number < last.number:
        try:
            commit = next(commits, None)
            fault = _fault(commit, chain, last)
        except LineageError:
            raise
        except (ValueError, TypeError, LookupError) as error:  # what damaged rows lead to
            raise _damaged(role, f"transaction {reached.number + 1} cannot be read") from error
        if commit is None or fault:
            raise _damaged(role, fault)
        yield commit
        reached = commit.head
    if (fault := next(chain.unexplained(), "")) and not _is_purged_later(source, chain):
        raise _damaged(role, fault)


def _is_purged_later(source: Backend, chain: Chain) -> bool:
    """Whether all that has lost its content was purged by transactions after those that were copied."""
    for commit in source.changes(chain.number):
        chain.note_purges(commit.purged, commit.purged_heads)
    return next(chain.unexplained(), None) is None


def _fault(commit: Commit | None, chain: Chain, last: Head) -> str:
    """Return what is wrong with the next transaction of a history; empty if nothing is."""
    if commit is None:
        return f"transaction {chain.number + 1} is missing"
    if commit.head.number == last.number and commit.head.digest != last.digest:
        return f"transaction {last.number} is another one than was to be copied"
    return "; ".join(chain.follow(commit))


def _damaged(role: str, fault: str) -> Corrupt:
    if role == "source":
        return Corrupt(f"the source is damaged: {fault}; run a check of it")
    return Corrupt(
        f"the target does not hold what was written there: {fault}; copy into a new store"
    )
