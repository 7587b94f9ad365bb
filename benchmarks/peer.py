"""The real ML Metadata in a process of its own, timing itself: run by the interpreter that has the package.

Each line of stdin is a JSON list, `[METHOD, ARGUMENTS…]` of `Peer`, and is answered by a line. Calls are made as
the package's own client makes them: a request is serialized, the C++ store called, the response parsed.
"""

import base64
import gc
import json
import sys
import time

import ml_metadata
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as messages
from ml_metadata.proto import metadata_store_service_pb2 as service

INPUTS = (2, 3, 5)
BATCH_ROWS = 500
"""How many ids a look-up of a closure asks for at once; a statement of SQLite's takes so many."""


class Peer:
    """What the benchmarks ask for."""

    def open(self, path):
        """Open the store in a file; without a path an empty one in memory."""
        config = messages.ConnectionConfig()
        config.sqlite.SetInParent()
        if path:
            config.sqlite.filename_uri = path
            config.sqlite.connection_mode = messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = metadata_store.MetadataStore(config)

    def version(self):
        """Return the package's version."""
        return ml_metadata.__version__

    def ask(self, call, *requests):
        """Make some calls; return what each took, in nanoseconds, and the last response."""
        asked = [
            getattr(service, f"{call}Request").FromString(base64.b64decode(r)) for r in requests
        ]
        times = []
        for request in asked:
            response = getattr(service, f"{call}Response")()
            began = time.perf_counter_ns()
            self.store._call(call, request, response)
            times.append(time.perf_counter_ns() - began)
        return times, base64.b64encode(response.SerializeToString()).decode()

    def lineage(self, options, paths, count):
        """Ask for a lineage by the client's own method; return what each took and the last answer."""
        query = messages.LineageSubgraphQueryOptions.FromString(base64.b64decode(options))
        times = []
        for _ in range(count):
            began = time.perf_counter_ns()
            graph = self.store.get_lineage_subgraph(query, paths or None)
            times.append(time.perf_counter_ns() - began)
        return times, base64.b64encode(graph.SerializeToString()).decode()

    def downstream(self, artifact, whole):
        """Walk downstream of an artifact as far as it goes, which one call does not do.

        Return the time, how many artifacts and executions there are and the sums of their ids.
        """
        began = time.perf_counter_ns()
        events = []
        artifacts, executions = {artifact}, set()
        frontier = [artifact]
        while frontier:
            found = _in_parts(self.store.get_events_by_artifact_ids, frontier)
            events += found
            new = {e.execution_id for e in found if e.type in INPUTS} - executions
            executions |= new
            found = _in_parts(self.store.get_events_by_execution_ids, sorted(new))
            events += found
            new = {e.artifact_id for e in found if e.type not in INPUTS} - artifacts
            artifacts |= new
            frontier = sorted(new)
        if whole:
            _in_parts(self.store.get_artifacts_by_id, sorted(artifacts))
            _in_parts(self.store.get_executions_by_id, sorted(executions))
        took = time.perf_counter_ns() - began
        return took, len(artifacts), len(executions), sum(artifacts), sum(executions)


def _in_parts(method, ids):
    found = []
    for start in range(0, len(ids), BATCH_ROWS):
        found += method(ids[start : start + BATCH_ROWS])
    return found


def main():
    peer = Peer()
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        try:
            answer = getattr(peer, method)(*arguments)
        except Exception as error:  # noqa: BLE001  # the benchmark that asked fails, those after it go on
            answer = {"error": repr(error)}
        gc.collect()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
