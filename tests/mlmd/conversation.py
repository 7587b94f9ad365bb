"""What a pipeline says to ML Metadata, through the unchanged client: each method at least once.

Run by the interpreter that has the package: with HOST:PORT as its argument it talks to a server there,
without to the package's own store. It prints what every method returned or raised, as JSON.
"""

import inspect
import json
import sys

from google.protobuf import json_format
from ml_metadata import errors, proto
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as messages

TIMES = {"createTimeSinceEpoch", "lastUpdateTimeSinceEpoch", "millisecondsSinceEpoch"}
STARTING = messages.LineageSubgraphQueryOptions.StartingNodes
ENDING = messages.LineageSubgraphQueryOptions.EndingNodes


def opened(address):
    if address is None:
        config = proto.ConnectionConfig()
        config.sqlite.SetInParent()
        return metadata_store.MetadataStore(config)
    host, _, port = address.rpartition(":")
    return metadata_store.MetadataStore(proto.MetadataStoreClientConfig(host=host, port=int(port)))


class Noting:
    """A client that notes what each method did."""

    def __init__(self, client):
        self.client = client
        self.notes = []
        self.called = set()

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.called.add(name)
            try:
                result = getattr(self.client, name)(*arguments, **options)
            except errors.StatusError as error:
                self.notes.append([name, type(error).__name__])
                return None
            self.notes.append([name, plain(result)])
            return result

        return call


def plain(result):
    if hasattr(result, "DESCRIPTOR"):
        return without_times(json_format.MessageToDict(result))
    if isinstance(result, (list, tuple)):
        return [plain(each) for each in result]
    return result


def without_times(content):
    if isinstance(content, dict):
        return {key: "a time" if key in TIMES else without_times(content[key]) for key in content}
    if isinstance(content, list):
        return [without_times(each) for each in content]
    return content


def types(store):
    for kind, cls in (
        ("artifact", proto.ArtifactType),
        ("execution", proto.ExecutionType),
        ("context", proto.ContextType),
    ):
        put = getattr(store, f"put_{kind}_type")
        one = cls(name=f"{kind}s", properties={"day": messages.INT, "split": messages.STRING})
        put(one)
        put(one)
        more = cls(name=f"{kind}s", properties={"day": messages.INT, "score": messages.DOUBLE})
        put(more)
        put(more, can_add_fields=True)
        put(more, can_add_fields=True, can_omit_fields=True)
        put(cls(name=f"{kind}s", properties={"day": messages.STRING}), can_omit_fields=True)
        put(cls(name=f"{kind}s", version="v2", external_id=f"{kind} type"))
        put(cls())
        get = getattr(store, f"get_{kind}_type")
        get(f"{kind}s")
        get(f"{kind}s", "v2")
        get("nobody")
        getattr(store, f"get_{kind}_types")()
        getattr(store, f"get_{kind}_types_by_id")([10, 99, 14])
        by_external_ids = getattr(store, f"get_{kind}_types_by_external_ids")
        by_external_ids([f"{kind} type"])
        by_external_ids(["nobody"])
        by_external_ids([""])


def nodes(store):
    artifact = proto.Artifact(type_id=10, uri="s3://data", name="train", external_id="e1", state=2)
    artifact.properties["day"].int_value = 3
    artifact.custom_properties["note"].string_value = "naïve"
    artifact.custom_properties["shape"].struct_value.update({"rows": 3, "tags": ["a", None, True]})
    artifact.custom_properties["fine"].bool_value = True
    artifact.custom_properties["any"].proto_value.Pack(proto.Artifact(name="packed"))
    store.put_artifacts([artifact])
    store.put_artifacts([artifact])
    store.put_artifacts([proto.Artifact(name="untyped")])
    store.put_artifacts([proto.Artifact(type_id=99)])
    store.put_artifacts([proto.Artifact(type_id=10, id=77)])
    wrong = proto.Artifact(type_id=10)
    wrong.properties["score"].int_value = 1
    store.put_artifacts([wrong])
    (stored,) = store.get_artifacts_by_id([1])
    stored.state = proto.Artifact.DELETED
    stored.uri = "s3://other"
    store.put_artifacts([stored], field_mask_paths=["state"])
    store.get_artifacts_by_id([1, 1, 5])
    store.put_executions([proto.Execution(type_id=12, name="run", last_known_state=2)])
    store.put_executions(
        [proto.Execution(id=1, type_id=12, last_known_state=3)],
        field_mask_paths=["last_known_state"],
    )
    store.put_contexts([proto.Context(type_id=14, name="study"), proto.Context(type_id=14)])
    store.put_contexts([proto.Context(type_id=14, name="study")])
    store.put_contexts([proto.Context(type_id=14, name="trial", external_id="c2")])
    store.put_contexts([proto.Context(id=2, type_id=14, name="second")], field_mask_paths=["name"])
    store.put_events([proto.Event(artifact_id=1, execution_id=1, type=proto.Event.INPUT)])
    store.put_events([proto.Event(artifact_id=1, execution_id=1, type=proto.Event.INPUT)])
    store.put_events([proto.Event(artifact_id=9, execution_id=1, type=proto.Event.INPUT)])
    store.put_attributions_and_associations(
        [proto.Attribution(artifact_id=1, context_id=1)],
        [proto.Association(execution_id=1, context_id=1)],
    )
    store.put_parent_contexts([proto.ParentContext(child_id=2, parent_id=1)])
    store.put_parent_contexts([proto.ParentContext(child_id=2, parent_id=1)])
    store.put_parent_contexts([proto.ParentContext(child_id=1, parent_id=2)])


def runs(store):
    step = proto.Event.Path.Step
    model = proto.Artifact(type_id=10, uri="s3://model", name="model", external_id="m")
    made = proto.Event(
        type=proto.Event.OUTPUT, path=proto.Event.Path(steps=[step(key="model"), step(index=0)])
    )
    execution = proto.Execution(type_id=12, name="second run", last_known_state=3)
    execution.properties["split"].string_value = "all"
    context = proto.Context(type_id=14, name="study")
    store.put_execution(execution, [(model, made)], [context])
    store.put_execution(execution, [(model, made)], [context], reuse_context_if_already_exist=True)
    store.put_execution(
        proto.Execution(type_id=12),
        [(model, proto.Event(type=proto.Event.INPUT))],
        [proto.Context(id=2, type_id=14)],
        reuse_context_if_already_exist=True,
        reuse_artifact_if_already_exist_by_external_id=True,
        force_reuse_context=True,
        force_update_time=True,
    )
    store.put_lineage_subgraph(
        [proto.Execution(type_id=12, name="third run")],
        [proto.Artifact(type_id=10, uri="s3://report")],
        [proto.Context(type_id=14, name="study")],
        [
            (0, 0, proto.Event(type=proto.Event.OUTPUT)),
            (0, None, proto.Event(type=proto.Event.INPUT, artifact_id=1)),
        ],
        reuse_context_if_already_exist=True,
    )


def reading(store):
    lists = metadata_store.ListOptions
    for kind in ("artifact", "execution", "context"):
        every = getattr(store, f"get_{kind}s")
        every()
        every(lists(limit=1))
        every(lists(limit=2, is_asc=False))
        every(lists(order_by=metadata_store.OrderByField.ID, filter_query="id > 1"))
        every(lists(filter_query="no_such_column = 1"))
        every(lists(limit=-1))
        getattr(store, f"get_{kind}s_by_id")([2, 1])
        by_type = getattr(store, f"get_{kind}s_by_type")
        by_type(f"{kind}s")
        by_type("nobody")
        by_name = getattr(store, f"get_{kind}_by_type_and_name")
        by_name(f"{kind}s", "study" if kind == "context" else "run")
        by_name("nobody", "nothing")
        by_external_ids = getattr(store, f"get_{kind}s_by_external_ids")
        by_external_ids(["m", "c2"])
        by_external_ids(["nobody"])
    store.get_artifacts_by_uri("s3://model")
    store.get_artifacts_and_types_by_artifact_ids([1])
    store.get_events_by_artifact_ids([1, 2])
    store.get_events_by_execution_ids([1, 99])
    for number in (1, 2, 99):
        store.get_artifacts_by_context(number)
        store.get_executions_by_context(number)
        store.get_contexts_by_artifact(number)
        store.get_contexts_by_execution(number)
        store.get_parent_contexts_by_context(number)
        store.get_children_contexts_by_context(number)
    options = messages.LineageSubgraphQueryOptions
    for given in (
        options(starting_artifacts=STARTING(filter_query="uri = 's3://model'")),
        options(
            starting_executions=STARTING(filter_query="id = 4"),
            max_num_hops=20,
            direction=options.UPSTREAM,
            ending_artifacts=ENDING(filter_query="id = 1", include_ending_nodes=True),
        ),
        options(starting_artifacts=STARTING(filter_query="id = 99")),
        options(),
    ):
        store.get_lineage_subgraph(given)
        store.get_lineage_subgraph(given, ["artifacts", "events"])


def main():
    store = Noting(opened(*sys.argv[1:] or [None]))
    for part in (types, nodes, runs, reading):
        part(store)
    methods = {
        name
        for name, _ in inspect.getmembers(metadata_store.MetadataStore, inspect.isfunction)
        if name.startswith(("get_", "put_"))
    }
    assert methods == store.called, methods ^ store.called
    json.dump(store.notes, sys.stdout)


if __name__ == "__main__":
    main()
