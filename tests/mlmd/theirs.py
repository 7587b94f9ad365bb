"""The real ML Metadata in a process of its own: run by the interpreter that has the package.

Each line of stdin is a JSON list: `["new"]`, or the name of a call and its request in base64. Each is
answered by a line: the time in milliseconds at which it began, gRPC's number of the status, and the
response in base64 or the message.
"""

import base64
import json
import sys
import time

from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as calls
from ml_metadata.proto import metadata_store_pb2 as messages

TICK = 0.002
"""In seconds; MLMD's times are milliseconds, and no two calls should have the same one."""


def opened():
    config = messages.ConnectionConfig()
    config.sqlite.SetInParent()
    options = messages.MigrationOptions()
    return calls.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())


def main():
    store = None
    for line in sys.stdin:
        name, *request = json.loads(line)
        time.sleep(TICK)
        began = time.time_ns() // 1_000_000
        if name == "new":
            store, answer = opened(), [began, 0, ""]
        elif not hasattr(calls, name):  # the package's binding lacks calls that its server has
            answer = [began, 12, "not bound"]
        else:
            found, message, code = getattr(calls, name)(store, base64.b64decode(request[0]))
            said = message.decode("utf-8", "replace") if code else base64.b64encode(found).decode()
            answer = [began, code, said]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
