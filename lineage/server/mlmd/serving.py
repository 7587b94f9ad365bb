"""A gRPC server for a store: addresses, TLS, tokens, health, and an end that cuts no call off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from lineage.contract.backend import Backend
from lineage.errors import Invalid, NotFound, Unavailable
from lineage.mlmd.messages import SERVICE
from lineage.server.addresses import Certificate, address_of
from lineage.server.callers import Callers
from lineage.server.mlmd import calls as mlmd
from lineage.server.refusal import Refusal
from lineage.server.session import Session
from lineage.server.underway import Underway

__all__ = ["Serving", "serving"]

logger = logging.getLogger("lineage.server")

LARGEST_MESSAGE: Final = 100 * 2**20
"""In bytes, both ways: what Kubeflow's client sends and takes."""
LONGEST_MESSAGE: Final = 2_000
"""How many bytes the message of a failed call has at most; gRPC sends it in a header."""
THREADS: Final = 64
"""How many calls are answered at once; those that wait for the write lock are among them."""
GRACE: Final = 8.0
"""How many seconds calls under way have to be answered when the server ends."""
LEAVING: Final = 1.0
"""How many seconds they have to stop after that."""
_OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),  # another server at the port is an error, not a partner
]


class Serving(NamedTuple):
    """A server that accepts calls."""

    address: str
    """Where: `HOST:PORT`, the port being the one that was picked where 0 was asked for."""
    stop: Callable[[], bool]
    """Refuse new calls and let those under way end; return within `GRACE` and `LEAVING` whether all did."""


@contextmanager
def serving(
    backend: Backend,
    address: str,
    *,
    callers: Callers,
    certificate: Certificate | None = None,
) -> Iterator[Serving]:
    """Serve MLMD's calls and gRPC's health check at `HOST:PORT`, port 0 being any free one.

    Where callers have tokens, a call needs the header `authorization: Bearer TOKEN`, and a role that may do what
    it does; its writes bear the caller's name. The health check needs none. Unavailable where the address cannot
    be had, Invalid for what is no address and for what is no certificate.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lineage-server")
    apart = ThreadPoolExecutor(1, thread_name_prefix="lineage-health")
    server = grpc.server(pool, options=_OPTIONS)
    answers = _Answers(backend, callers, Underway())
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        name: grpc.unary_unary_rpc_method_handler(partial(answers.answer, name))
        for name in mlmd.CALLS
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    state = _serve_health(server, apart)
    port = _bind(server, address, certificate)
    server.start()

    def stop() -> bool:
        state.enter_graceful_shutdown()
        # Of gRPC calls that it has given up itself it knows no more, though they may go on in their threads.
        server.stop(GRACE).wait(GRACE + LEAVING)
        answers.underway.stop()
        are_through = answers.underway.wait(LEAVING)
        for each in (pool, apart):
            each.shutdown(wait=are_through, cancel_futures=True)
        return are_through

    try:
        yield Serving(f"{address.rpartition(':')[0]}:{port}", stop)
    finally:
        stop()


class _Check:
    """The health check in a thread of its own, which answers whatever the others are busy with.

    `grpc.Server` runs what has such an attribute there, as `HealthServicer` has it do with `Watch`.
    """

    def __init__(self, state: health.HealthServicer, pool: ThreadPoolExecutor) -> None:
        self._check = state.Check
        self.experimental_thread_pool = pool

    def __call__(self, request: Any, context: Any) -> HealthCheckResponse:
        return self._check(request, context)


def _serve_health(server: grpc.Server, pool: ThreadPoolExecutor) -> health.HealthServicer:
    """Add gRPC's health check to a server; it says that everything is served."""
    state = health.HealthServicer()
    state.Check = _Check(state, pool)  # type: ignore[method-assign]  # on this one object, not on its class
    add_HealthServicer_to_server(state, server)
    for service in ("", SERVICE):
        state.set(service, HealthCheckResponse.SERVING)
    return state


def _bind(server: grpc.Server, address: str, certificate: Certificate | None) -> int:
    address_of(address)
    try:
        if certificate is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, _credentials(certificate))
    except RuntimeError as error:
        raise Unavailable(
            f"{address} cannot be served: the port is taken, the host is not this machine's, or the certificate "
            f"and key are none ({error})"
        ) from error


def _credentials(certificate: Certificate) -> grpc.ServerCredentials:
    pair = (_read(certificate.key), _read(certificate.certificate))
    clients = None if certificate.clients is None else _read(certificate.clients)
    return grpc.ssl_server_credentials(
        [pair], root_certificates=clients, require_client_auth=clients is not None
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error}") from error


class _Answers(NamedTuple):
    """What calls are answered with."""

    backend: Backend
    callers: Callers
    underway: Underway

    def answer(self, call: str, request: bytes, context: Any) -> bytes:
        """Answer a call, or end it with a status; what nobody expected is logged and INTERNAL."""
        try:
            with self.underway.call(context):
                header = dict(context.invocation_metadata()).get("authorization", "")
                caller = self.callers.caller(str(header))
                caller.check(mlmd.ROLES[call], call)
                return mlmd.answer(Session(self.backend, caller.name, call), request)
        except Refusal as refusal:
            context.abort(grpc.StatusCode[refusal.status], _cut(str(refusal)))
        except Exception:  # whatever it is, the server goes on, and its log has it
            logger.exception("%s failed", call)
            context.abort(grpc.StatusCode.INTERNAL, f"{call} failed; the server's log says why")
        raise AssertionError  # abort has raised


def _cut(said: str) -> str:
    """Return a message that fits into gRPC's trailers, where each byte may take three."""
    return said.encode()[:LONGEST_MESSAGE].decode(errors="ignore")
