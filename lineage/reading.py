"""What a store can be asked: nodes, walks, questions and its log, of the present or of an earlier moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar, cast, overload

from lineage.answers.log import (
    Change,
    Log,
    LogEntry,
    NodeEntry,
    change_of,
    entries,
    entries_of,
)
from lineage.answers.log_filters import LogFilter
from lineage.answers.sequences import Events, Types
from lineage.answers.subgraph import Subgraph
from lineage.contract.backend import Backend
from lineage.contract.registry import node_class, registry
from lineage.contract.subjects import Subject
from lineage.contract.walking import Limits
from lineage.errors import Invalid, excerpt
from lineage.filters.tree import Filter
from lineage.model.entities import Event, Node
from lineage.model.keys import LARGEST_ID, Kind, NodeKey, to_kind
from lineage.model.rows import EVENT_KINDS, edge_of
from lineage.model.times import Moment, last_instant
from lineage.model.values import to_text
from lineage.queries import naming, provenance
from lineage.queries.find import Page, find, get, get_named, order_of
from lineage.queries.naming import Reference
from lineage.queries.search import Hits, search

if TYPE_CHECKING:
    from lineage.answers.curves import Curve
    from lineage.queries.aliases import Held, Tenure
    from lineage.queries.blame import Blame
    from lineage.queries.comparison import Comparison
    from lineage.queries.differences import Diff
    from lineage.queries.impact import Impact
    from lineage.queries.inventory import Info, Overview
    from lineage.queries.paths import Paths
    from lineage.queries.peers import Peers
    from lineage.queries.summary import Summary
    from lineage.queries.tables.table import Table
    from lineage.queries.versions import Versions

__all__ = ["Reading"]

NodeT = TypeVar("NodeT", bound=Node)


class Reading:
    """What a store can be asked; the answers are of the moment `as_of`, or of the present."""

    def __init__(self, backend: Backend, *, as_of: int | None = None) -> None:
        self.backend = backend
        self.as_of = as_of

    # Nodes and walks

    @overload
    def get(self, wanted: type[NodeT], reference: int | Reference) -> NodeT: ...
    @overload
    def get(self, wanted: Reference) -> Node: ...
    def get(
        self, wanted: type[NodeT] | Reference, reference: int | Reference | None = None
    ) -> Node:
        """Return one node: by key, by `kind:id`, `Type:name`, URI or alias; of a class also by id or name.

        `NotFound` where there is none, or where it was deleted.
        """
        if not isinstance(wanted, type):
            return get(self.backend, self.key_of(wanted), as_of=self.as_of)
        cls = node_class(wanted)
        if reference is None:
            raise Invalid(f"get({cls.__name__}, …) needs an id, a name or a key")
        if type(reference) is str:
            return get_named(self.backend, cls, reference, as_of=self.as_of)
        if type(reference) is int:
            key = NodeKey(cls.kind, reference)
        else:
            key = self.key_of(cast(Reference, reference))
        return get(self.backend, key, cls, as_of=self.as_of)

    @overload
    def find(
        self,
        wanted: type[NodeT],
        where: str | Filter | None = None,
        *,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
        nested: bool = False,
    ) -> Page[NodeT]: ...
    @overload
    def find(
        self,
        wanted: str,
        where: str | Filter | None = None,
        *,
        kind: Kind | None = None,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
        nested: bool = False,
    ) -> Page[Node]: ...
    def find(
        self,
        wanted: type[Node] | str,
        where: str | Filter | None = None,
        *,
        kind: Kind | None = None,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
        nested: bool = False,
    ) -> Page[Node]:
        """Return the nodes of a class, a kind or a type that a filter accepts.

        `wanted` is `Artifact`, `Execution`, `Context` or a subclass, a kind such as "artifact", or a
        type's name such as "Model" or "Model@2"; the name of a system type stands for every type
        based on it. `kind` says which, where types of several kinds have one name; without it that
        is `Invalid`. `NotFound` where there is no such type. `order_by` is `id`, `create_time` or
        `update_time`. With a `limit` the answer is a page, whose `next` goes in as
        `page` for the one after it; all pages are of the moment of the first. With `nested`, what is in a context
        (`contexts_a`) is also what is in the contexts within it.
        """
        target = to_text(wanted) if isinstance(wanted, str) else node_class(wanted)
        _check_count("limit", limit)
        return find(
            self.backend,
            target,
            where,
            order=order_of(order_by, descending=descending),
            limit=limit,
            page=page,
            as_of=self.as_of,
            kind=None if kind is None else to_kind(kind),
            nested=nested,
        )

    def search(self, text: str, *, kind: Kind | None = None, limit: int | None = 50) -> Hits:
        """Return the node that a text names, and those whose name, URI or last part of the URI (`churn.csv`) begins with it.

        First comes what it names by key, `Type:name` or alias, then what has this very text; of the rest contexts come
        before artifacts, and executions last, each in the order of these texts, which `texts` of the answer are. Capital and
        small letters differ. The answer says whether a `limit` has `truncated` it; None is no limit. `kind` asks for nodes
        of one kind. `Invalid` for an empty text.
        """
        _check_count("limit", limit)
        return search(
            self.backend,
            to_text(text),
            kind=None if kind is None else to_kind(kind),
            limit=limit,
            as_of=self.as_of,
        )

    def events(self, *nodes: Reference) -> Events:
        """Return the events of some artifacts and executions, each once, by source, target and type."""
        keys = self._asked(*nodes).keys
        rows = self.backend.edges(keys, kinds=EVENT_KINDS, as_of=self.as_of)
        return Events(tuple(cast(Event, edge_of(row)) for row in rows))

    def types(self, kind: Kind | None = None, *, name: str | None = None) -> Types:
        """Return the types by id, the nine system types first; with a name all versions of one."""
        known = registry(self.backend, self.as_of)
        return Types(tuple(known.of(None if kind is None else to_kind(kind), name)))

    @overload
    def upstream(
        self,
        *of: Reference,
        type: type[NodeT],
        limits: Limits = ...,
        through_copies: bool = ...,
        inputs: bool = ...,
        gone: bool = ...,
        happened_by: Moment | None = ...,
    ) -> Subgraph[NodeT]: ...
    @overload
    def upstream(
        self,
        *of: Reference,
        type: str | None = None,
        limits: Limits = ...,
        through_copies: bool = ...,
        inputs: bool = ...,
        gone: bool = ...,
        happened_by: Moment | None = ...,
    ) -> Subgraph[Node]: ...
    def upstream(
        self,
        *of: Reference,
        type: type[Node] | str | None = None,
        limits: Limits = Limits(),
        through_copies: bool = False,
        inputs: bool = False,
        gone: bool = True,
        happened_by: Moment | None = None,
    ) -> Subgraph[Node]:
        """Return everything that the nodes were made from, however indirectly.

        `type` marks the answer's `matches`; it does not disconnect the answer. `through_copies`, here and
        below, goes on from an artifact that nobody wrote to those with its digest that runs wrote. In place of
        a context the walk begins at its runs, and at its artifacts that these do not merely read, unless
        `inputs` are wanted. Deleted nodes are walked through; without `gone` ones, here and below, they are not in the answer, and counted
        in its notes. `happened_by`, here and below, leaves out events that happened later, by their own
        times: what had happened by then, as it is known now, or by `at` was known at another moment. A URI or an asset
        then means what had been written last by that time.
        """
        asked = self._asked(*of, happened_by=_micros(happened_by))
        walk = partial(provenance.upstream, self.backend, asked.keys, type=type, limits=limits)
        return walk(
            through_copies=through_copies,
            inputs=inputs,
            gone=gone,
            happened_by=_micros(happened_by),
            as_of=self.as_of,
        ).saying(asked.remarks)

    @overload
    def downstream(
        self,
        *of: Reference,
        type: type[NodeT],
        limits: Limits = ...,
        through_copies: bool = ...,
        inputs: bool = ...,
        gone: bool = ...,
        happened_by: Moment | None = ...,
    ) -> Subgraph[NodeT]: ...
    @overload
    def downstream(
        self,
        *of: Reference,
        type: str | None = None,
        limits: Limits = ...,
        through_copies: bool = ...,
        inputs: bool = ...,
        gone: bool = ...,
        happened_by: Moment | None = ...,
    ) -> Subgraph[Node]: ...
    def downstream(
        self,
        *of: Reference,
        type: type[Node] | str | None = None,
        limits: Limits = Limits(),
        through_copies: bool = False,
        inputs: bool = False,
        gone: bool = True,
        happened_by: Moment | None = None,
    ) -> Subgraph[Node]:
        """Return everything that was made from the nodes, however indirectly."""
        asked = self._asked(*of, happened_by=_micros(happened_by))
        walk = partial(provenance.downstream, self.backend, asked.keys, type=type, limits=limits)
        return walk(
            through_copies=through_copies,
            inputs=inputs,
            gone=gone,
            happened_by=_micros(happened_by),
            as_of=self.as_of,
        ).saying(asked.remarks)

    # Questions: each is imported when it is first asked, so that importing the library is quick

    def show(
        self,
        node: Reference,
        *,
        limits: Limits = Limits(),
        through_copies: bool = False,
        happened_by: Moment | None = None,
    ) -> Summary:
        """Return what is known of a node; of a model its data, parameters, metrics, run and frameworks.

        What was not recorded is said in the answer's `notes`.
        """
        from lineage.queries.summary import summary

        asked = self._asked(node, happened_by=_micros(happened_by))
        answer = partial(summary, self.backend, *asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(
            answer(through_copies=through_copies, happened_by=_micros(happened_by))
        )

    def peers(
        self,
        node: Reference,
        *,
        any_version: bool = False,
        limits: Limits = Limits(),
        through_copies: bool = False,
        inputs: bool = False,
        gone: bool = True,
        happened_by: Moment | None = None,
    ) -> Peers:
        """Return the models trained on a data set; of a model, the others trained on its data.

        With `any_version` other versions of the data count too. Of a context it is the data in it, as for `upstream`.
        """
        from lineage.queries.peers import peers

        asked = self._asked(node, happened_by=_micros(happened_by))
        answer = partial(peers, self.backend, *asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(
            answer(
                any_version=any_version,
                through_copies=through_copies,
                inputs=inputs,
                gone=gone,
                happened_by=_micros(happened_by),
            )
        )

    def compare(
        self,
        *models: Reference,
        limits: Limits = Limits(),
        through_copies: bool = False,
        happened_by: Moment | None = None,
    ) -> Comparison:
        """Return a table of models: data, parameters, metrics, frameworks, run; differences first."""
        from lineage.queries.comparison import compare

        asked = self._asked(*models, happened_by=_micros(happened_by))
        answer = partial(compare, self.backend, asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(
            answer(through_copies=through_copies, happened_by=_micros(happened_by))
        )

    def impact(
        self,
        *of: Reference,
        limits: Limits = Limits(),
        through_copies: bool = False,
        inputs: bool = False,
        gone: bool = True,
        happened_by: Moment | None = None,
    ) -> Impact:
        """Return every artifact made from the nodes, with the reason; what is deployed comes first.

        In place of a context it begins where `downstream` does.
        """
        from lineage.queries.impact import impact

        asked = self._asked(*of, happened_by=_micros(happened_by))
        answer = partial(impact, self.backend, asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(
            answer(
                through_copies=through_copies,
                inputs=inputs,
                gone=gone,
                happened_by=_micros(happened_by),
            )
        )

    def paths(
        self,
        one: Reference,
        other: Reference,
        *,
        limits: Limits = Limits(),
        happened_by: Moment | None = None,
    ) -> Paths:
        """Return the ways that data took between two nodes, and a shortest one."""
        from lineage.queries.paths import paths

        ends = self._asked(one, other, happened_by=_micros(happened_by)).keys
        return paths(
            self.backend, *ends, limits=limits, happened_by=_micros(happened_by), as_of=self.as_of
        )

    def diff(
        self,
        left: Reference,
        right: Reference,
        *,
        limits: Limits = Limits(),
        happened_by: Moment | None = None,
    ) -> Diff:
        """Return how what two nodes were made from differs, nearest first."""
        from lineage.queries.differences import diff

        ends = self._asked(left, right, happened_by=_micros(happened_by)).keys
        return diff(
            self.backend, *ends, limits=limits, happened_by=_micros(happened_by), as_of=self.as_of
        )

    def versions(self, artifact: Reference) -> Versions:
        """Return the versions of what an artifact is a version of, oldest first."""
        from lineage.queries.versions import versions

        return versions(self.backend, self.key_of(artifact), as_of=self.as_of)

    # Tables

    def runs(
        self,
        wanted: type[Node] | str | None = None,
        where: str | Filter | None = None,
        *,
        order: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Table:
        """Return runs as a table: their states, parameters, metrics, data, models and durations.

        `wanted` is a class, a type or a kind of executions, and all of them where it is left out. `where` and `order` take the
        columns of `find`'s filters and those of the table: `parameters.depth`, `metrics.auc` (the newest value that
        the run wrote), `metrics.auc@test` (the newest on data that the run read for this use), `duration` in
        seconds, `data`, `model`, `tags` and `note`. `order` is one column or several with commas between, each with
        `desc` for the highest first: numbers come before texts and both before flags; what is absent, or NaN, comes last, and ties go by
        id. Without it the newest run comes first. `columns` are those to show; without them, those that the runs of the page have.
        Pages are as for `find`: all are of the moment of the first. `NotFound` where there is no such type,
        `Invalid` for what is no column.
        """
        from lineage.queries.tables.question import Question, runs

        _check_count("limit", limit)
        question = Question(_table_of(wanted), where, order, columns, limit, page)
        return runs(self.backend, question, as_of=self.as_of)

    def models(
        self,
        wanted: type[Node] | str | None = None,
        where: str | Filter | None = None,
        *,
        order: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        page: str | None = None,
    ) -> Table:
        """Return models as a table: as `runs` does, a row for each model.

        Without `wanted` these are the artifacts of all types that are models. `parameters`, `data` and `run` are of the newest run that
        made the model; `metrics` are claimed for it, or written by a run that made or read it and
        are claimed for no other, or else its own floats. `asset` is what it is a version of.
        """
        from lineage.queries.tables.question import Question, models

        _check_count("limit", limit)
        question = Question(_table_of(wanted), where, order, columns, limit, page)
        return models(self.backend, question, as_of=self.as_of)

    def aliases(self, asset: str | None = None) -> tuple[Held, ...]:
        """Return the aliases that hold something, of an asset or of all, by the names of asset and alias."""
        from lineage.queries.aliases import aliases

        return aliases(self.backend, asset, as_of=self.as_of)

    def alias_history(self, asset: str, alias: str) -> tuple[Tenure, ...]:
        """Return what an alias held and when, newest first; `NotFound` where there never was such an alias."""
        from lineage.queries.aliases import alias_history

        return alias_history(self.backend, asset, alias, as_of=self.as_of)

    def overview(self, type: str | None = None, *, newest: int = 3) -> Overview:
        """Return how many live nodes there are of each type, or of one, and the newest of them.

        `type` is a type's name, or a kind; `NotFound` where there is none of that name.
        """
        from lineage.queries.inventory import overview

        _check_count("newest", newest)
        named = None if type is None else to_text(type)
        return overview(self.backend, named, newest=newest, as_of=self.as_of)

    def info(self) -> Info:
        """Return the store as a whole: how much it holds, its last transaction and digest, its size, its backend."""
        from lineage.queries.inventory import info

        return info(self.backend, as_of=self.as_of)

    def series(
        self,
        node: Reference,
        name: str,
        *,
        of: Reference | None = None,
        on: Reference | None = None,
    ) -> Curve:
        """Return what a run, or the newest run that wrote an artifact, logged by steps under a name, such as "loss".

        Of a run that goes on it has what is logged so far. Of several models or data sets `of` and `on` say which;
        `NotFound` where nothing was logged, and `Invalid` where it is not said which.
        """
        from lineage.queries.series import series

        subject = Subject(*(None if each is None else self.key_of(each) for each in (of, on)))
        return series(self.backend, self.key_of(node), name, subject=subject, as_of=self.as_of)

    # History

    def blame(self, node: Reference) -> Blame:
        """Return who gave each field of a node the value that it has, when and why; what is gone is told as well."""
        from lineage.queries.blame import blame

        return blame(self.backend, self.key_of(node), as_of=self.as_of)

    @overload
    def log(
        self,
        node: None = None,
        *,
        limit: int | None = ...,
        before: int | None = ...,
        actor: str | None = ...,
        since: Moment | None = ...,
        until: Moment | None = ...,
        type: type[Node] | str | None = ...,
        text: str | None = ...,
    ) -> Log[LogEntry]: ...
    @overload
    def log(
        self,
        node: Reference,
        *,
        limit: int | None = ...,
        before: int | None = ...,
        actor: str | None = ...,
        since: Moment | None = ...,
        until: Moment | None = ...,
        type: type[Node] | str | None = ...,
        text: str | None = ...,
    ) -> Log[NodeEntry]: ...
    def log(
        self,
        node: Reference | None = None,
        *,
        limit: int | None = None,
        before: int | None = None,
        actor: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        type: type[Node] | str | None = None,
        text: str | None = None,
    ) -> Log[LogEntry] | Log[NodeEntry]:
        """Return the transactions, newest first; of one node those that wrote or deleted it.

        The entries of a node tell what each `changed`, and that it was deleted or lives again. All conditions
        that are given hold: before the number `before`, of an `actor`, at or after `since` and at or before
        `until` (a day is whole), with nodes of a `type` (a class, a kind or a name; not of one node), and with
        a `text` in the message. Where nobody gave a message, `summary` says what was written.
        """
        _check_count("limit", limit)
        _check_count("before", before)
        wanted = LogFilter(actor, since, until, type, text)
        if node is None:
            return entries(self.backend, wanted, limit=limit, before=before, as_of=self.as_of)
        key = self.key_of(node)
        return entries_of(self.backend, key, wanted, limit=limit, before=before, as_of=self.as_of)

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Yield what each transaction after that number wrote, oldest first: the store's change feed."""
        commits = self.backend.changes(after)
        last = self.backend.now() if self.as_of is None else self.as_of
        known = takewhile(lambda commit: commit.head.number <= last, commits)
        return (change_of(self.backend, commit) for commit in known)

    def key_of(self, reference: Reference) -> NodeKey:
        """Return the key of an entity, or of what `kind:id`, `Type:name`, a URI, an asset or `ASSET@ALIAS` names."""
        return self._asked(reference).keys[0]

    def _asked(self, *references: Reference, happened_by: int | None = None) -> naming.Asked:
        return naming.asked(self.backend, references, happened_by=happened_by, as_of=self.as_of)


def _table_of(wanted: type[Node] | str | None) -> type[Node] | str | None:
    """Return what a table is of, checked."""
    if wanted is None:
        return None
    return to_text(wanted) if isinstance(wanted, str) else node_class(wanted)


def _check_count(name: str, number: object) -> None:
    """Raise `Invalid` for what is not a whole number that a backend can take."""
    if number is not None and not (type(number) is int and 0 < number < LARGEST_ID):
        raise Invalid(f"{name}={excerpt(number)}: give a whole number, 1 or more, or None for all")


def _micros(happened_by: Moment | None) -> int | None:
    return None if happened_by is None else last_instant(happened_by)
