"""A pipeline that records runs through the unchanged client: `pipeline.py HOST:PORT NAME RUNS`.

Run by the interpreter that has the package. It asks for what it wrote, and fails where that is not so.
"""

import sys

from ml_metadata import proto
from ml_metadata.metadata_store import metadata_store


def main(address, name, runs):
    host, _, port = address.rpartition(":")
    store = metadata_store.MetadataStore(proto.MetadataStoreClientConfig(host=host, port=int(port)))
    model = store.put_artifact_type(proto.ArtifactType(name="Model"))
    train = store.put_execution_type(proto.ExecutionType(name="Train"))
    study = store.put_context_type(proto.ContextType(name="Study"))
    contexts = [
        proto.Context(type_id=study, name="shared"),
        proto.Context(type_id=study, name=name),
    ]
    for number in range(int(runs)):
        made = proto.Artifact(type_id=model, name=f"{name} {number}", uri=f"s3://{name}/{number}")
        store.put_execution(
            proto.Execution(type_id=train, name=f"{name} {number}"),
            [(made, proto.Event(type=proto.Event.OUTPUT))],
            contexts,
            reuse_context_if_already_exist=True,
        )
    found = store.get_context_by_type_and_name("Study", name)
    assert len(store.get_artifacts_by_context(found.id)) == int(runs)
    assert len(store.get_executions_by_context(found.id)) == int(runs)


if __name__ == "__main__":
    main(*sys.argv[1:])
