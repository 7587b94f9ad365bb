"""What ends in a store, and what comes back: deleted and restored nodes, ended edges, content and names that are erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.errors import Invalid
from lineage.model.entities import Edge, EventType
from lineage.model.keys import NodeKey
from lineage.queries import naming
from lineage.queries.naming import Reference, asked
from lineage.recording.edges import end_edge_between, end_edges
from lineage.recording.nodes import delete_nodes, purge_nodes, restore_nodes
from lineage.recording.writer import Writer

if TYPE_CHECKING:
    from lineage.queries.actors import ActorRemoval
    from lineage.queries.removal import Removal

__all__ = ["Removing"]


class Removing(Writer):
    """The part of a store in which somebody takes things away, or brings them back."""

    def delete(
        self,
        *things: Reference | Edge,
        all_versions: bool = False,
        runs: bool = False,
        message: str = "",
    ) -> Removal:
        """End nodes and edges; return which nodes, and what stays.

        A node's edges stay, and walks go on through it; its name is free, and `restore` brings it back.
        A URI or an asset's name that several artifacts share is `Invalid`, unless `all_versions` of it
        are meant. With `runs` each context goes with the contexts within it and their runs.
        """
        author = self._author(message)
        edges = [each for each in things if isinstance(each, Edge)]
        nodes = [each for each in things if not isinstance(each, Edge)]
        with self.backend.transaction(actor=author.actor, message=author.message):
            end_edges(self.backend, edges, author)
            removed = self.removal(*nodes, all_versions=all_versions, runs=runs)
            delete_nodes(self.backend, removed.keys, author)
        return removed

    def restore(self, *nodes: Reference, runs: bool = False, message: str = "") -> list[NodeKey]:
        """Bring deleted nodes back as they were last, and return their keys; they are named by key.

        What was purged is gone for good, and a node is not restored while another one has its name:
        `Invalid` and `AlreadyExists`. With `runs` a context comes with what went when it did.
        """
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message):
            keys = asked(self.backend, nodes).keys
            if runs:
                from lineage.queries.removal import gone_with

                keys = gone_with(self.backend, keys)
            restore_nodes(self.backend, keys, author)
        return list(dict.fromkeys(keys))

    def unlink(
        self,
        source: Reference,
        target: Reference,
        *,
        type: EventType | str | None = None,
        message: str = "",
    ) -> Edge:
        """End the edge between two nodes, such as an input that was recorded by mistake, and return it.

        It may be given from either end, and stays in the history. Of a URI or an asset it is the version
        that has one. `type` says which event; where there are several edges, that is `Invalid`.
        """
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message):
            some, others = (naming.every(self.backend, each) for each in (source, target))
            return end_edge_between(self.backend, some, others, type, author)

    def purge(self, *nodes: Reference, reason: str, all_versions: bool = False) -> Removal:
        """Erase nodes' content for good, in every version; key, type, times and edges stay.

        The log keeps who did so and the reason, which must not be empty. Return the nodes as they were,
        and what stays. A URI or an asset's name means what it means to `delete`.
        """
        author = self._author(reason)
        _check_reason(reason)
        with self.backend.transaction(actor=author.actor, message=author.message):
            removed = self.removal(*nodes, all_versions=all_versions, erases=True)
            purge_nodes(self.backend, removed.keys, author)
        return removed

    def purge_actor(self, actor: str, *, reason: str) -> ActorRemoval:
        """Erase an actor's whole name from the log, and the messages of all that they wrote, for good.

        Digests prove that nothing else was changed, and the log keeps who did so, which cannot be the
        same name, and the reason. Return the transactions, and in notes what is not reached. `NotFound`
        where none names the actor.
        """
        from lineage.queries.actors import actor_removal

        author = self._author(reason)
        _check_reason(reason)
        with self.backend.transaction(actor=author.actor, message=author.message) as transaction:
            transaction.lock()
            removed = actor_removal(self.backend, actor, by=author.actor, reason=reason)
            transaction.purge_heads(removed.transactions)
        return removed

    def removal(
        self,
        *nodes: Reference,
        all_versions: bool = False,
        runs: bool = False,
        erases: bool = False,
    ) -> Removal:
        """Return what `delete`, or `purge` which `erases`, would take away, and what would stay."""
        from lineage.queries.removal import removal

        return removal(self.backend, nodes, all_versions=all_versions, runs=runs, erases=erases)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("a purge needs a reason, which the log keeps")
