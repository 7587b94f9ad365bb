"""Tells which artifacts are versions of one thing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from lineage.answers.conversions import nodes_frame
from lineage.answers.notebook import node_cells
from lineage.contract.backend import Backend
from lineage.contract.standing import Standing
from lineage.contract.walking import Direction
from lineage.filters.tree import And, Column, Compare, Field, In, Operator
from lineage.model.entities import Artifact, Context
from lineage.model.keys import Kind, NodeKey
from lineage.model.notebook import ROWS, Shown, html_answer
from lineage.model.rows import EdgeKind
from lineage.model.system import Asset
from lineage.queries.reader import Reader

if TYPE_CHECKING:
    import pandas

__all__ = ["Versions", "assets_of", "versions", "versions_of"]


@dataclass(frozen=True, slots=True)
class Versions(Shown):
    """The artifacts of one type that share an asset or, without one, a URI; the newest last.

    The newest is the one written last by a run that counts, see `standing`. Those that no run wrote
    that counts come before all others. `notes` name them, and say what else decided.
    """

    artifacts: tuple[Artifact, ...]
    asset: Context | None
    notes: tuple[str, ...]
    number: int

    @property
    def current(self) -> Artifact:
        """The newest version."""
        return self.artifacts[-1]

    def to_pandas(self) -> pandas.DataFrame:
        """Return a pandas frame with a row for each version and a column for each property, the newest last."""
        return nodes_frame(self.artifacts)

    @override
    def _html(self) -> str:
        count = len(self.artifacts)
        caption = f"{count} versions as of transaction {self.number}, the newest last"
        rows = [(*node_cells(each), each.create_time) for each in self.artifacts[:ROWS]]
        header = ("key", "type", "label", "created")
        return html_answer(caption, header, rows, more=count - len(rows), notes=self.notes)


def versions(backend: Backend, key: NodeKey, *, as_of: int | None = None) -> Versions:
    """Return all versions of what an artifact is a version of; of itself alone, where nothing says more.

    Types of one name are one type here, whatever their versions. Deleted artifacts are left out,
    but for the one asked about; a deleted asset counts as none. Of several assets it is the first
    by key. `NotFound` where there is no such artifact, `Invalid` for what is no artifact.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     for day in (1, 2):
    ...         lake = lineage.Dataset(uri="s3://lake", custom_properties={"day": day})
    ...         _ = store.record(lineage.Process(), outputs=lake)
    ...     answer = versions(store.backend, store.key_of("s3://lake"))
    >>> [artifact.custom_properties["day"] for artifact in answer.artifacts]
    [1, 2]
    """
    reader = Reader(backend, as_of)
    reader.check_artifacts((key,), "only artifacts have versions")
    asset = assets_of(reader, (key,)).get(key)
    standings = _standings(reader, key, asset)
    return Versions(
        artifacts=tuple(reader.artifact(each.artifact) for each in standings),
        asset=None if asset is None else reader.context(asset),
        notes=tuple(reader.remarks_on(standings[-1])),
        number=reader.number,
    )


def assets_of(reader: Reader, keys: Collection[NodeKey]) -> Mapping[NodeKey, NodeKey]:
    """Return the asset of each artifact that has one: the first by key that was not deleted."""
    rows = reader.edges(keys, Direction.UPSTREAM, {EdgeKind.ATTRIBUTION})
    reader.read(row.source for row in rows)
    found: dict[NodeKey, NodeKey] = {}
    for row in rows:  # by source, so that the first stays
        is_asset = reader.type(row.source).type_name == Asset.type_name
        if is_asset and not reader.gone(row.source):
            found.setdefault(row.target, row.source)
    return found


def versions_of(reader: Reader, key: NodeKey, asset: NodeKey | None) -> list[NodeKey]:
    """Return the versions of an artifact whose asset is known, the newest last, itself among them."""
    return [each.artifact for each in _standings(reader, key, asset)]


def _standings(reader: Reader, key: NodeKey, asset: NodeKey | None) -> list[Standing]:
    own = reader.type(key).name
    if asset is not None:
        rows = reader.edges((asset,), Direction.DOWNSTREAM, {EdgeKind.ATTRIBUTION})
        members = [row.target for row in rows]
        reader.read(members)
        found = [each for each in members if reader.type(each).name == own]
    else:
        found = _at_the_uri(reader, key)
    kept = {each for each in found if not reader.gone(each)} | {key}
    standings = [*reader.newest_first(kept)][::-1]
    return sorted(standings, key=lambda each: not reader.gone(each.artifact))


def _at_the_uri(reader: Reader, key: NodeKey) -> list[NodeKey]:
    """Return the artifacts of the same type and URI, without those that belong to an asset."""
    uri = reader.row(key).uri
    if not uri:
        return []
    ids = reader.types.ids(reader.type(key).name, Kind.ARTIFACT)
    of_type = In(Column(Field.TYPE_ID), tuple(sorted(ids)))
    found = reader.find_artifacts(And((of_type, Compare(Column(Field.URI), Operator.EQ, uri))))
    elsewhere = assets_of(reader, found)
    return [each for each in found if each not in elsewhere]
