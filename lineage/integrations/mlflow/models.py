"""Models that were logged to MLflow, and what its registry says of them: versions, aliases and stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineage.contract.walking import Direction
from lineage.errors import NotFound
from lineage.integrations.mlflow import mapping
from lineage.integrations.mlflow.mapping import MODEL, MlflowModel
from lineage.integrations.mlflow.nodes import MESSAGE, Nodes
from lineage.model.entities import Attribution
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind
from lineage.model.system import Asset
from lineage.recording.aliases import give_alias, take_alias

__all__ = ["Models", "Registry"]


class Models:
    """What was recorded of logged models."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def known(self, mlflow_id: str, source: Any) -> NodeKey:
        """Return a model; one that is not known is asked of a `source`, a store or a client of MLflow."""
        key = self._nodes.key(Kind.ARTIFACT, mapping.model_id(mlflow_id))
        return key or self.put(source.get_logged_model(mlflow_id))

    def put(self, model: Any) -> NodeKey:
        """Record a model, or how it is by now."""
        return self._nodes.put(mapping.model_node(model))

    def forget_tag(self, mlflow_id: str, name: str, source: Any) -> None:
        """Take a tag away."""
        self._nodes.say(self.known(mlflow_id, source), {mapping.tag_name(name): None})

    def delete(self, mlflow_id: str) -> None:
        """Delete a model, if it is known."""
        key = self._nodes.key(Kind.ARTIFACT, mapping.model_id(mlflow_id))
        if key is not None:
            self._nodes.store.delete(key, message=MESSAGE)


class Registry:
    """What was recorded of the registry: an asset for each registered model, and aliases of it."""

    def __init__(
        self, nodes: Nodes, models: Models, client: Callable[[], Any], note: Callable[[str], None]
    ) -> None:
        self._nodes = nodes
        self._models = models
        self._client = client
        self._note = note

    def register(self, version: Any) -> NodeKey | None:
        """Make a model a version of its registered model; return it, or None where it is no logged model."""
        key = self._model_of(version)
        name = mapping.version_name(version.name, version.version)
        if key is None:
            self._note(
                f"version {name} of the registry is no model that was logged with MLflow 3, and is not recorded"
            )
            return None
        listed = self._versions_of(key)
        if name not in listed:
            self._nodes.say(key, {mapping.REGISTERED_AS: [*listed, name]})
            asset = self._asset(version.name) or self._nodes.store.put(
                Asset(name=mapping.asset_of(version.name)), message=MESSAGE
            )
            self._nodes.store.put(Attribution(context=asset.key, artifact=key), message=MESSAGE)
        return key

    def _model_of(self, version: Any) -> NodeKey | None:
        mlflow_id = mapping.model_of_version(version)
        if mlflow_id is not None:
            return self._models.known(mlflow_id, self._client())
        return self._only_model_of(version.run_id) if version.run_id else None

    def _only_model_of(self, run_id: str) -> NodeKey | None:
        """Return the model that a run wrote, if it wrote one."""
        run = self._nodes.key(Kind.EXECUTION, mapping.run_id(run_id))
        if run is None:
            return None
        written = self._nodes.store.backend.edges(
            [run], Direction.DOWNSTREAM, kinds={EdgeKind.OUTPUT}
        )
        found = [self._nodes.store.get(edge.target) for edge in written]
        models = [node.key for node in found if node.type == MODEL]
        return models[0] if len(models) == 1 else None

    def _versions_of(self, key: NodeKey) -> list[str]:
        listed = self._nodes.store.get(key).custom_properties.get(mapping.REGISTERED_AS)
        return list(listed) if isinstance(listed, list) else []

    def _asset(self, registered_model: str) -> Asset | None:
        try:
            return self._nodes.store.get(Asset, mapping.asset_of(registered_model))
        except NotFound:
            return None

    def alias(self, version: Any, alias: str) -> None:
        """Let an alias hold a version, in the place of what it held."""
        key = self.register(version)
        if key is not None:
            asset, nodes = mapping.asset_of(version.name), self._nodes
            # A version that was copied from one registered model to another is a version of both.
            give_alias(nodes.store.backend, asset, alias, key, nodes.author, of_others=True)

    def take_alias(self, registered_model: str, alias: str) -> None:
        """Let an alias hold nothing, whether it held something or not."""
        asset, nodes = mapping.asset_of(registered_model), self._nodes
        try:
            take_alias(nodes.store.backend, asset, alias, nodes.author)
        except NotFound:
            return

    def stage(self, version: Any) -> None:
        """Record the stage of a version: those in use are aliases, which hold the version that came last."""
        key = self.register(version)
        if key is None:
            return
        for stage in mapping.ALIASED_STAGES:
            if stage == version.current_stage:
                self.alias(version, stage)
            elif any(
                held.alias == stage and held.node.key == key
                for held in self._nodes.store.aliases(mapping.asset_of(version.name))
            ):
                self.take_alias(version.name, stage)

    def delete_version(self, registered_model: str, version: object) -> None:
        """Take a version out of its registered model; the model itself stays."""
        name = mapping.version_name(registered_model, version)
        for key in self._registered_as(name):
            left = [each for each in self._versions_of(key) if each != name]
            self._nodes.say(key, {mapping.REGISTERED_AS: left or None})
            asset = self._asset(registered_model)
            if asset is None or any(each.rpartition("/")[0] == registered_model for each in left):
                continue
            for held in self._nodes.store.aliases(mapping.asset_of(registered_model)):
                if held.node.key == key:
                    self.take_alias(registered_model, held.alias)
            self._nodes.store.unlink(asset.key, key, message=MESSAGE)

    def _registered_as(self, name: str) -> list[NodeKey]:
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        where = f"'{quoted}' IN custom_properties.{mapping.REGISTERED_AS}"
        try:
            return [node.key for node in self._nodes.store.find(MlflowModel, where)]
        except NotFound:
            return []

    def delete(self, registered_model: str) -> None:
        """Delete a registered model, and take away its aliases."""
        asset = self._asset(registered_model)
        if asset is None:
            return
        for held in self._nodes.store.aliases(mapping.asset_of(registered_model)):
            self.take_alias(registered_model, held.alias)
        self._nodes.store.delete(asset.key, message=MESSAGE)
