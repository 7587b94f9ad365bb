"""The store, the front door of the engine: `connect` opens one, its methods do everything else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, cast, overload

from typing_extensions import override

from lineage.answers.log import transaction_known_at
from lineage.answers.notebook import fields_html
from lineage.contract.backend import Backend
from lineage.contract.kept import KeptDigest
from lineage.contract.plugins import backend_factory, shown_url, store_address
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, current_actor
from lineage.contract.walking import Limits
from lineage.errors import Invalid, LineageError, excerpt
from lineage.model.entities import Entity, Execution, Node
from lineage.model.keys import NodeKey
from lineage.model.marks import Marks, noted, tagged, to_note, to_tags
from lineage.model.notebook import Shown
from lineage.model.rows import entity_of
from lineage.model.system import SYSTEM_NAMES
from lineage.model.values import to_text
from lineage.moving import Moving
from lineage.progress import Report
from lineage.queries.naming import Reference
from lineage.reading import Reading
from lineage.recording.autologging import Autologging, autologging
from lineage.recording.extension import Extension
from lineage.recording.marking import Change, change_custom
from lineage.recording.named import to_parameters
from lineage.recording.nodes import (
    end_runs,
    update_node,
)
from lineage.recording.put import put
from lineage.recording.record import Artifacts, Contexts, ExecutionT, Recorded, record
from lineage.recording.recovering import Recovery
from lineage.recording.run import Run
from lineage.removing import Removing
from lineage.reusing import Reusing
from lineage.stepping import Stepping
from lineage.viewing import Viewing

if TYPE_CHECKING:
    from lineage.interchange.copying import Copied
    from lineage.interchange.importing import Imported
    from lineage.proofs.bundle import Proof

__all__ = ["Store", "autolog", "connect"]

NodeT = TypeVar("NodeT", bound=Node)
EntityT = TypeVar("EntityT", bound=Entity)
T = TypeVar("T")
ATTEMPTS = 5
LATEST = 5
"""How many transactions a store that shows itself lists."""


def connect(
    url: str | Path = "lineage.db",
    *,
    readonly: bool = False,
    actor: str | None = None,
    clock: Callable[[], int] | None = None,
    far_future: bool = False,
) -> Store:
    """Open the store at a URL: a path or `sqlite:PATH` (a file, made if need be), or `memory:`.

    `actor` is who writes: by default LINEAGE_ACTOR, else the user of the operating system. `clock`
    returns microseconds since 1970. A transaction more than a year ahead of the machine's own clock is
    `Invalid`, unless `far_future` or LINEAGE_FAR_FUTURE=1 says that it is meant.
    """
    address = store_address(url)
    factory = backend_factory(address)
    backend = factory(address, readonly=readonly, clock=clock)
    if not isinstance(backend, Backend):
        raise Invalid(f"the backend of {shown_url(address)} is not a lineage Backend")
    if far_future:
        backend.clock.far_future = True
    return Store(backend, actor=actor, url=shown_url(address))


def autolog(store: Store, *, only: str | Iterable[str] | None = None) -> Autologging:
    """Return a block in which calls of machine learning libraries are recorded: `with lineage.autolog(store):`.

    A fit becomes a run in the store: a step of the one that goes on around it, if there is one. `only` names the
    libraries that are recorded, by their modules, as in `only="sklearn"`; else all are that can be.
    Threads and tasks that begin no such block themselves, or are not begun inside of one, record nothing. Whatever of the
    recording fails, the calls are made as they would be without it; `notes` then say what is missing.
    """
    if not isinstance(cast(object, store), Store) or store.as_of is not None:
        raise Invalid(
            f"{excerpt(store)} cannot be recorded in; give a store of the present, as in "
            "lineage.autolog(lineage.connect('lineage.db'))"
        )
    return autologging(store.backend, Author(store.actor), only=only)


class Store(Shown, Reading, Viewing, Moving, Removing, Reusing, Stepping):
    """A lineage store: of the present, or as `at` returns it, read-only, of an earlier moment."""

    def __init__(
        self,
        backend: Backend,
        *,
        actor: str | None = None,
        as_of: int | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(backend, as_of=as_of)
        self.actor = to_text(actor or current_actor())
        self.url = type(backend).__name__ if url is None else url
        """Where the store is, as it may be shown: without a password."""
        self._recovery = Recovery(backend)

    @override
    def __repr__(self) -> str:
        as_of = "" if self.as_of is None else f" as of transaction {self.as_of}"
        return f"<Store {self.url}{as_of}>"

    @override
    def _html(self) -> str:
        types, log = self.types(), self.log(limit=LATEST)
        own = [str(each.type_name) for each in types if each.name not in SYSTEM_NAMES[each.kind]]
        number = log[0].number if log else 0
        facts = [
            ("transactions", f"{number:,}"),
            ("types", ", ".join(own) or "none but the system's"),
        ]
        parts = [fields_html(repr(self)[1:-1], facts)]
        return "\n".join([*parts, log._repr_html_()] if log else parts)

    # Writing

    @overload
    def put(
        self,
        item: EntityT,
        *,
        message: str = "",
        can_add: bool = False,
        can_omit: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> EntityT: ...
    @overload
    def put(
        self,
        item: Iterable[EntityT],
        *,
        message: str = "",
        can_add: bool = False,
        can_omit: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> list[EntityT]: ...
    def put(
        self,
        item: EntityT | Iterable[EntityT],
        *,
        message: str = "",
        can_add: bool = False,
        can_omit: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
    ) -> EntityT | list[EntityT]:
        """Write something new, or many things in one transaction, and return it as it is stored.

        Nodes are always new: a taken name or external id is `AlreadyExists`. Of edges, an event
        that exists is `AlreadyExists`. A type that exists is changed, if `can_add` (properties
        that the stored one lacks) and `can_omit` (properties that it has beyond these) allow it. `tags` and
        `note` are for each of the nodes.
        """
        single = isinstance(item, Entity)
        stored = put(
            self.backend,
            [item] if single else _several(item),
            self._author(message),
            can_add=can_add,
            can_omit=can_omit,
            marks=Marks.of(tags, note),
        )
        answer = cast(list[EntityT], stored)
        return answer[0] if single else answer

    @overload
    def record(
        self,
        execution: ExecutionT,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        outputs: Artifacts = (),
        within: Contexts = (),
        started: datetime | str | None = None,
        ended: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Recorded[ExecutionT]: ...
    @overload
    def record(
        self,
        execution: str,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        outputs: Artifacts = (),
        within: Contexts = (),
        started: datetime | str | None = None,
        ended: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Recorded[Execution]: ...
    def record(
        self,
        execution: Execution | str,
        *,
        params: Mapping[str, object] | None = None,
        inputs: Artifacts = (),
        outputs: Artifacts = (),
        within: Contexts = (),
        started: datetime | str | None = None,
        ended: datetime | str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Recorded[Execution]:
        """Write a finished run, what it read and wrote and what it belongs to, in one transaction.

        An input or context that is stored already (by id, external id, name, URI and digest, or
        a digest alone; an input also by URI and equal properties) is used as it is; outputs are new unless identified.
        Inputs were read when the run `started`, and outputs written when it `ended`, or else now. The tags and the
        note are the execution's. `run` says what a text for an execution, and `params`, are.
        """
        return record(
            self.backend,
            execution,
            self._author(message),
            inputs=inputs,
            outputs=outputs,
            within=within,
            started=started,
            ended=ended,
            params=to_parameters(params, {}),
            marks=Marks.of(tags, note),
        )

    @overload
    def run(
        self,
        execution: ExecutionT,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        environment: bool = True,
        details: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Run[ExecutionT]: ...
    @overload
    def run(
        self,
        execution: str,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        environment: bool = True,
        details: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Run[Execution]: ...
    def run(
        self,
        execution: Execution | str,
        *,
        params: Mapping[str, object] | None = None,
        within: Contexts = (),
        environment: bool = True,
        details: bool = False,
        tags: Iterable[str] = (),
        note: str | None = None,
        message: str = "",
    ) -> Run[Execution]:
        """Record a run while it goes on: `with store.run(Trainer(...)) as run:`.

        The run is stored as RUNNING on entry; each `run.input` and `run.output` is stored when it
        returns. On exit the run is COMPLETE, after an exception FAILED, with its type and message,
        after an interrupt CANCELED; exceptions always propagate. `environment` says whether
        the Python, platform, commit and library versions are recorded too; the tags and the note are the execution's.
        `details` keeps command, host, seeds and uncommitted changes of the code with the run.
        A text is the name of the execution's type, which is made where there is none. `params` are properties of the
        execution, as far as its type declares them, and custom properties else.
        """
        author, marks = self._author(message), Marks.of(tags, note)
        return Run(
            self.backend,
            execution,
            author,
            params=to_parameters(params, {}),
            within=within,
            environment=environment,
            with_details=details,
            marks=marks,
        )

    def extend(
        self, run: str | NodeKey | Execution, *, end: bool = False, message: str = ""
    ) -> Run[Execution]:
        """Go on with a recorded run, named by its external id: `with store.extend("job-17") as run:`.

        A driver and its workers, or the messages START and COMPLETE, so record one run. Leaving the block
        changes nothing, unless it raises or is told to `end` the run; then the state only moves up, from
        NEW over RUNNING, and FAILED or CANCELED, to COMPLETE or CACHED. `NotFound` where there is no such run.
        """
        return Extension(self.backend, run, self._author(message), ends=end)

    def update(
        self, node: NodeT, *, fields: Collection[str] | None = None, message: str = ""
    ) -> NodeT:
        """Replace a stored node's content with this one's, or only some `fields` of it.

        `Stale` where the stored node is newer than the one given: get it again first. Fields are
        `name`, `external_id`, `uri`, `state`, `properties`, `custom_properties`, `properties.<name>`
        and `custom_properties.<name>`.
        """
        row = update_node(self.backend, node, self._author(message), fields=fields)
        return cast(NodeT, entity_of(row, registry(self.backend).by_id, type(node)))

    def tag(
        self, node: Reference, *tags: str, remove: Iterable[str] = (), message: str = ""
    ) -> Node:
        """Give a node tags, and take some away; return it as it is stored then.

        A tag is a word or a few, such as "nightly"; filters find it by `'nightly' IN tags`. Tags that it has
        already, and those to `remove` that it has not, change nothing. Of a URI or an asset it is the newest version.
        """
        author, more, fewer = self._author(message), to_tags(tags), to_tags(remove)
        if both := set(more).intersection(fewer):
            raise Invalid(f"the tag {excerpt(min(both))} is both to be given and to be taken away")
        return self._change_custom(node, author, lambda custom: tagged(custom, more, fewer))

    def note(self, node: Reference, note: str | None, *, message: str = "") -> Node:
        """Give a node a note, in place of the one that it has, or None to take that away; return it as it is then.

        Filters look into notes by `note LIKE '%word%'`. Of a URI or an asset it is the newest version.
        """
        author, checked = self._author(message), to_note(note)
        return self._change_custom(node, author, lambda custom: noted(custom, checked))

    def _change_custom(self, node: Reference, author: Author, change: Change) -> Node:
        with self.backend.transaction(actor=author.actor, message=author.message):
            row = change_custom(self.backend, self._asked(node).keys[0], author, change)
        cls = type(node) if isinstance(node, Node) else None
        return entity_of(row, registry(self.backend).by_id, cls)

    def end(self, *runs: Reference, state: str, message: str = "") -> None:
        """Give runs that died without a word, and so stayed RUNNING, the state in which they ended.

        That is COMPLETE, FAILED, CANCELED or CACHED. `Invalid` for a run that has ended, and for what
        is no execution.
        """
        keys = self._asked(*runs).keys
        end_runs(self.backend, keys, state, self._author(message))

    @contextmanager
    def transaction(self, *, message: str = "") -> Iterator[Self]:
        """Make everything that the block writes one transaction: all of it or nothing.

        Never retried: where another writer was faster, it is a `Conflict`. Inside another
        transaction it joins that one.
        """
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message):
            yield self

    def transact(self, function: Callable[[Self], T], *, message: str = "") -> T:
        """Call `function(store)` in a transaction, and again, up to five times, if that may help.

        It is a plain function: one whose answer has to be awaited has not run yet when the transaction ends,
        and is `Invalid`.
        """
        author = self._author(message)
        for attempt in range(ATTEMPTS):
            try:
                with self.backend.transaction(
                    actor=author.actor, message=author.message
                ) as transaction:
                    if attempt:
                        transaction.lock()
                    return _done(function(self))
            except LineageError as error:
                # Inside another transaction only that one as a whole can be tried again.
                last = attempt == ATTEMPTS - 1 or self.backend.in_transaction
                if last or not error.retryable:
                    raise
        raise AssertionError

    # History

    def at(self, moment: datetime | date | str | int) -> Store:
        """Return this store as it was: read-only, after the last transaction at or before a moment.

        A moment is a transaction's number, an aware time, or a day, which means its end in UTC. What had
        *happened* by a moment is what `happened_by` of a question says.
        """
        number = transaction_known_at(self.backend, moment, as_of=self.as_of)
        return Store(self.backend, actor=self.actor, as_of=number, url=self.url)

    # The store as a whole

    def export_to(
        self, target: str | Path | IO[bytes], *, format: str | None = None
    ) -> tuple[str, ...]:
        """Write the whole store to a file; return a sentence for each thing that the format lost.

        The format is that of the file's suffix, unless given. CSV is two files, of `graph.csv` `graph.nodes.csv`
        and `graph.edges.csv`.
        """
        from lineage.interchange.exporting import batches, export_file

        return export_file(
            target,
            format,
            lambda: batches(self.backend, as_of=self.as_of),
            apart_from=self.backend.files,
        )

    def import_from(
        self,
        source: str | Path | IO[bytes],
        *,
        format: str | None = None,
        new_ids: bool = False,
        message: str = "",
        progress: Report | None = None,
    ) -> Imported:
        """Write the graph that a file holds, checked wholly before; ids stay, which needs an empty store.

        With `new_ids` the nodes become new ones of a store that may hold others. A database (`mlmd`)
        is followed: another call brings what is new there. `progress` is told of records written
        and, from a database, verified.
        """
        from lineage.interchange.mirroring import import_from

        author = self._author(message)
        return import_from(self.backend, source, format, author, new_ids=new_ids, progress=progress)

    def copy_to(self, target: Store, *, progress: Report | None = None) -> Copied:
        """Write this store's transactions that a copy lacks, with ids and history; read them back.

        The target is empty, or holds what an earlier copy wrote; else nothing is written. `progress`
        is told of transactions copied, then of those verified.
        """
        from lineage.interchange.copying import copy

        if not isinstance(cast(object, target), Store) or target.as_of is not None:
            raise Invalid(
                f"{excerpt(target)} is no store to write to; give one that connect opened"
            )
        return copy(self.backend, target.backend, as_of=self.as_of, progress=progress)

    def check(self, *, digest: str | None = None) -> list[str]:
        """Read everything and return a sentence for each thing that is not as it was written.

        A `digest` that was kept elsewhere, such as `17:9f3c…`, is compared with that transaction's: so a
        history that was cut short or written anew is noticed, which by itself is sound. `Invalid` for one
        of another form.
        """
        kept = None if digest is None else KeptDigest.parse(digest)
        faults = self.backend.check()
        other = None if kept is None else kept.fault(self.backend)
        return faults if other is None else [*faults, other]

    def prove(
        self,
        node: Reference,
        *,
        limits: Limits = Limits(nodes=1_000),
        earlier: int | None = None,
        key: str | Path | None = None,
    ) -> Proof:
        """Return what is recorded of a node and of all it was made from, as a proof that stands alone.

        `lineage.verify` checks it without a store. With `earlier` it also proves that history went on from that
        transaction; `key` is a PEM file with the Ed25519 key that signs it. It is of this moment, and bounded
        by `limits`, which it says; `docs/proof.md` tells what it proves, and what it does not.
        """
        from lineage.proofs.proving import prove

        asked = self._asked(node).keys[0]
        as_of = self.as_of
        return prove(self.backend, asked, limits=limits, earlier=earlier, key_file=key, as_of=as_of)

    def close(self) -> None:
        """Close the store; on one that `at` returned, nothing happens."""
        if self.as_of is None:
            self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _author(self, message: str) -> Author:
        if self.as_of is not None:
            raise Invalid(
                f"this is the store as of transaction {self.as_of}, which cannot be changed"
            )
        author = Author(self.actor, to_text(message))
        self._recovery.before_writing(author)
        return author


def _done(answer: T) -> T:
    """Return what a function answered; `Invalid` where it has yet to run."""
    if hasattr(answer, "__await__"):
        if hasattr(answer, "close"):
            answer.close()  # or Python warns that it was never awaited
        raise Invalid(
            "transact was given a function that has to be awaited, and would run after the transaction's end; give a "
            "plain function"
        )
    return answer


def _several(items: Any) -> list[Any]:
    """Return the items of an iterable, or the one thing that is given; the caller checks what they are."""
    return list(items) if isinstance(items, Iterable) else [items]
