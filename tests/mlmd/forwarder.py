"""The real ML Metadata's store behind a plain gRPC server: run by the interpreter that has the package.

`forwarder.py FILE` serves the SQLite file FILE, which is made if need be, and prints its address. Requests and
responses go through as bytes.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as calls
from ml_metadata.proto import metadata_store_pb2 as messages

SERVICE = "/ml_metadata.MetadataStoreService/"
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Forwarding(grpc.GenericRpcHandler):
    """Answers each call with what the store answers."""

    def __init__(self, store):
        self.store = store

    def service(self, details):
        name = details.method.removeprefix(SERVICE)

        def answer(request, context):
            response, message, code = getattr(calls, name)(self.store, request)
            if code:
                context.abort(CODES[code], message.decode("utf-8", "replace"))
            return response

        return grpc.unary_unary_rpc_method_handler(answer)


def main():
    config = messages.ConnectionConfig()
    config.sqlite.filename_uri = sys.argv[1]
    config.sqlite.connection_mode = messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    options = messages.MigrationOptions()
    store = calls.CreateMetadataStore(config.SerializeToString(), options.SerializeToString())
    server = grpc.server(ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((Forwarding(store),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"mlmd listening on 127.0.0.1:{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
