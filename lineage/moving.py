"""What moves in a store: aliases from one version to another, and URIs with the bucket that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.queries.naming import Reference, asked
from lineage.recording.aliases import give_alias, take_alias
from lineage.recording.nodes import move_uris
from lineage.recording.writer import Writer

if TYPE_CHECKING:
    from lineage.queries.aliases import Held
    from lineage.queries.uris import UriMoves

__all__ = ["Moving"]


class Moving(Writer):
    """The part of a store in which somebody moves names about."""

    def alias(
        self,
        asset: str,
        alias: str,
        node: Reference | None,
        *,
        deployed: bool | None = None,
        message: str = "",
    ) -> Held | None:
        """Let an alias of an asset, such as `production`, hold an artifact, or nothing; return what it holds.

        It holds one at a time, keeps its history, and names its artifact as `churn@production`. The asset is made,
        and the artifact becomes its version, where it is not; a version of another asset is `Invalid`. What
        `production`, `champion`, `live` and aliases that are `deployed` hold counts as deployed.
        """
        author = self._author(message)
        if node is None:
            take_alias(self.backend, asset, alias, author)
            return None
        from lineage.queries.aliases import held_by

        key = asked(self.backend, [node]).keys[0]
        give_alias(self.backend, asset, alias, key, author, deployed=deployed)
        return held_by(self.backend, f"{asset}@{alias}")

    def move_uri(self, old: str, new: str, *, merge: bool = False, message: str = "") -> UriMoves:
        """Give the artifacts at a place and below it, such as a bucket, their URIs at another; return which.

        It is all one transaction. Below is what goes on with a `/`. `NotFound` where nothing is there, and
        `Invalid` where others are at the new URIs already, unless they are to `merge` into versions of the same.
        What the artifacts were called before stays in their history.
        """
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message) as transaction:
            transaction.lock()
            planned = self.uri_moves(old, new, merge=merge)
            move_uris(self.backend, transaction, {each.key: each.new for each in planned.moves})
        return planned

    def uri_moves(self, old: str, new: str, *, merge: bool = False) -> UriMoves:
        """Return what `move_uri` would move, and where it would refuse to."""
        from lineage.queries.uris import uri_moves

        return uri_moves(self.backend, old, new, merge=merge)
