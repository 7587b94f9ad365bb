"""A store behind somebody's protocol: serve."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeAlias

import typer

from lineage.cli import output
from lineage.cli.options import HERE, Actor, AsJson, StoreUrl, open_to_write, quiet_grpc, usage
from lineage.contract.plugins import shown_url
from lineage.errors import MissingExtra

__all__ = ["serve"]

logger = logging.getLogger("lineage.server")

LOOK_SECONDS: Final = 0.2
"""How often it is looked whether a signal has come."""
TURN_SECONDS: Final = 0.0005
"""How long a thread that computes keeps the others waiting."""

Address: TypeAlias = Annotated[
    str,
    typer.Option(
        "--mlmd",
        metavar="HOST:PORT",
        show_default=True,
        help="Where to serve ML Metadata's calls; port 0 picks one.",
    ),
]
Tokens: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        help="Who may call: a line NAME TOKEN for each. Left out, everybody who reaches the port.",
    ),
]
TlsCertificate: TypeAlias = Annotated[
    Path | None,
    typer.Option("--tls-certificate", metavar="FILE", help="The server's certificate, in PEM."),
]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key, in PEM.")
]
TlsClients: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tls-clients", metavar="FILE", help="Take only clients of this authority, in PEM."
    ),
]


def serve(
    *,
    mlmd: Address = "127.0.0.1:8080",
    store: StoreUrl = HERE,
    tokens: Tokens = None,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    tls_clients: TlsClients = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Serve a store to ML Metadata's clients until it is stopped.

    Ctrl-C and SIGTERM stop it, within ten seconds: calls under way have eight to be answered.
    """
    quiet_grpc()
    try:
        from lineage.server.callers import read_tokens
        from lineage.server.mlmd.serving import Certificate, serving
    except ImportError as error:
        raise MissingExtra(
            f"a server needs grpcio and protobuf ({error}): pip install 'lineage-graph[mlmd]'"
        ) from error

    certificate = None
    if tls_certificate is not None and tls_key is not None:
        certificate = Certificate(tls_certificate, tls_key, tls_clients)
    elif not (tls_certificate is tls_key is tls_clients is None):
        raise usage("--tls-certificate and --tls-key belong together, and --tls-clients to both")
    names = None if tokens is None else read_tokens(tokens)
    # A health check takes its turn among calls that compute, several times: turns are 5 ms by default.
    sys.setswitchinterval(TURN_SECONDS)
    with open_to_write(store, actor, creates=True) as opened, _stopped_by_signals() as ended:
        if opened.backend.now() == 0:
            output.note(f"the store {shown_url(store)} is empty; its first ids will be 1")
        backend, name = opened.backend, opened.actor
        with serving(backend, mlmd, actor=name, tokens=names, certificate=certificate) as server:
            if as_json:
                output.print_json({"mlmd": server.address})
            else:
                output.say([f"mlmd listening on {server.address}"])
            sys.stdout.flush()
            # The kernel may give a signal to one of gRPC's threads, which does not wake this one.
            while not ended.wait(timeout=LOOK_SECONDS):
                pass
            if not server.stop():
                _leave_calls_behind()


def _leave_calls_behind() -> NoReturn:
    """End the process although threads are at work that do not look whether they are wanted.

    What they have not committed is undone when the store is opened again. The interpreter itself, and
    the store when it is closed, would wait for them.
    """
    logger.warning("some calls did not end in time, and are cut off")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield what Ctrl-C and SIGTERM set, and let signals do afterwards what they did before."""
    ended = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
