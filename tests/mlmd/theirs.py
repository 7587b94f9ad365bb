"""The real ML Metadata in a process of its own: run by the interpreter that has the package.

Each line of stdin is a JSON list: `["new", PATH]` opens the store in a file, or an empty one in memory for "";
`["downgrade", PATH, VERSION]` makes a file one of an older schema; else it is the name of a call and its
request in base64. Each is answered by a line: the time in milliseconds at which it began, gRPC's number of the status, and the
response in base64 or the message.
"""

import base64
import json
import sys
import time

from ml_metadata.metadata_store import metadata_store
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as calls
from ml_metadata.proto import metadata_store_pb2 as messages

TICK = 0.002
"""In seconds; MLMD's times are milliseconds, and no two calls should have the same one."""


def configured(path):
    config = messages.ConnectionConfig()
    config.sqlite.SetInParent()
    if path:
        config.sqlite.filename_uri = path
        config.sqlite.connection_mode = messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


def opened(path):
    config = configured(path)
    options = messages.MigrationOptions(enable_upgrade_migration=True)
    return calls.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())


def main():
    store = None
    for line in sys.stdin:
        name, *request = json.loads(line)
        time.sleep(TICK)
        began = time.time_ns() // 1_000_000
        if name == "new":
            store, answer = opened(*request), [began, 0, ""]
        elif name == "downgrade":
            metadata_store.downgrade_schema(configured(request[0]), request[1])
            answer = [began, 0, ""]
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
