"""What of MLflow a lineage store has already, by external ids: found, made, and brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lineage.contract.backend import External
from lineage.contract.transaction import Author, Transaction
from lineage.errors import AlreadyExists, NotFound
from lineage.model.entities import Artifact, Execution, ExecutionState, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import STATE_NUMBERS
from lineage.recording.endings import further
from lineage.store import Store

__all__ = ["Nodes"]

MESSAGE = "mirrored from MLflow"
"""The message of every transaction."""


class Nodes:
    """The nodes of one lineage store that stand for things of MLflow."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.author = Author(store.actor, MESSAGE)

    @contextmanager
    def locked(self) -> Iterator[Transaction]:
        """Begin a transaction in which what was read is still so when it is written."""
        backend = self.store.backend
        with backend.transaction(
            actor=self.author.actor, message=self.author.message
        ) as transaction:
            transaction.lock()
            yield transaction

    def key(self, kind: Kind, external_id: str) -> NodeKey | None:
        """Return the live node of an external id."""
        reference = External(kind, external_id)
        rows = self.store.backend.lookup([reference])[reference]
        return rows[0].key if rows else None

    def put(self, node: Node) -> NodeKey:
        """Make a node, or bring the one of its external id up to date; return its key.

        What is there keeps what is not given, and an execution's state only moves up.
        """
        assert node.external_id is not None
        with self.locked():
            key = self.key(node.kind, node.external_id)
            if key is None:
                return self.store.put(node, message=MESSAGE).key
            self._update(key, node)
        return key

    def _update(self, key: NodeKey, node: Node) -> None:
        stored = self.store.get(key)
        changes: dict[str, Any] = {
            "properties": {**stored.properties, **node.properties},
            "custom_properties": {**stored.custom_properties, **node.custom_properties},
        }
        if node.name is not None:
            changes["name"] = node.name
        if isinstance(node, Execution) and isinstance(stored, Execution):
            changes["state"] = _moved_up(stored.state, node.state)
        elif isinstance(node, Artifact) and isinstance(stored, Artifact):
            changes |= {"state": node.state or stored.state, "uri": node.uri or stored.uri}
        self.store.update(stored.replace(**changes), message=MESSAGE)

    def say(self, key: NodeKey, said: Mapping[str, object], *, name: str | None = None) -> None:
        """Give a node custom properties more, in place of those it has; None takes one away. A `name` is another one."""
        with self.locked():
            node = self.store.get(key)
            kept = {
                each: value for each, value in node.custom_properties.items() if each not in said
            }
            more = {each: value for each, value in said.items() if value is not None}
            changed = node.replace(custom_properties={**kept, **more}, name=name or node.name)
            self.store.update(changed, message=MESSAGE)

    def named(self, node: Node, names: tuple[str, ...]) -> NodeKey:
        """Return the node of an external id, or make it under the first name that is free."""
        assert node.external_id is not None
        for name in names:
            key = self.key(node.kind, node.external_id)
            if key is not None:
                return key
            try:
                return self.store.put(node.replace(name=name), message=MESSAGE).key
            except AlreadyExists:
                continue
        raise NotFound(f"none of the names {', '.join(names)} is free")

    def deleted(self, cls: type[Node], external_id: str) -> NodeKey | None:
        """Return the node of an external id that was deleted last."""
        quoted = external_id.replace("\\", "\\\\").replace("'", "\\'")
        found = self.store.find(cls, f"gone AND external_id = '{quoted}'")
        return max((node.key for node in found), default=None)


def _moved_up(
    stored: ExecutionState | None, reported: ExecutionState | None
) -> ExecutionState | None:
    if reported is None or stored is None:
        return reported or stored
    number = further(STATE_NUMBERS[stored], STATE_NUMBERS[reported])
    return next(state for state in (stored, reported) if STATE_NUMBERS[state] == number)
