"""A store behind somebody's protocol, and in a browser: serve, ui."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Final, NoReturn, Protocol, TypeAlias

import typer

from lineage.cli import output
from lineage.cli.options import (
    HERE,
    Actor,
    AsJson,
    StoreUrl,
    open_to_read,
    open_to_write,
    quiet_grpc,
    usage,
)
from lineage.contract.plugins import shown_url
from lineage.errors import Invalid, MissingExtra
from lineage.server.addresses import Certificate, address_of
from lineage.server.callers import CallerRole, Callers, Tokens
from lineage.store import Store

__all__ = ["serve", "ui"]

logger = logging.getLogger("lineage.server")

MLMD: Final = "127.0.0.1:8080"
"""Where ML Metadata's calls are served unless something else is asked for."""
LOOK_SECONDS: Final = 0.2
"""How often it is looked whether a signal has come."""
TURN_SECONDS: Final = 0.0005
"""How long a thread that computes keeps the others waiting."""

MlmdAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--mlmd",
        metavar="HOST:PORT",
        help=f"Where to serve ML Metadata's calls; port 0 picks one. Without this and --http, {MLMD}.",
    ),
]
HttpAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--http",
        metavar="HOST:PORT",
        help="Where to serve the API and the pages; port 0 picks one.",
    ),
]
TokensFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        help="Who may call: a line NAME TOKEN ROLE [EXPIRES] for each. Left out, everybody on this machine "
        "may ask and write.",
    ),
]
Open: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--open", help="Let everybody who reaches the port ask and write, without tokens."
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
HostNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="NAME",
        help="A further name that browsers may ask for over HTTP, such as a proxy's; may be repeated.",
    ),
]
Rate: TypeAlias = Annotated[
    float,
    typer.Option(
        "--rate",
        metavar="N",
        min=0,
        show_default=True,
        help="How many requests a second each caller may make over HTTP; 0 is no limit.",
    ),
]
LogFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        help="Where a line of JSON for each HTTP request goes; left out, to stderr.",
    ),
]
NoBrowser: TypeAlias = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


class Server(Protocol):
    """What was started: where it listens, and how it is stopped."""

    @property
    def address(self) -> str:
        """Where."""

    @property
    def stop(self) -> Callable[[], bool]:
        """Let it end within seconds; return whether nothing is under way any more."""


def serve(
    *,
    mlmd: MlmdAddress = None,
    http: HttpAddress = None,
    store: StoreUrl = HERE,
    tokens: TokensFile = None,
    open: Open = False,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    tls_clients: TlsClients = None,
    host: HostNames = None,
    rate: Rate = 200.0,
    log: LogFile = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Serve a store over HTTP, and to ML Metadata's clients.

    Only this machine reaches it, unless there are tokens, or --open is said. Ctrl-C and SIGTERM stop it: HTTP
    within three seconds, ML Metadata's calls within ten, of which they have eight to be answered.
    """
    if mlmd is http is None:
        mlmd = MLMD
    certificate = _certificate(tls_certificate, tls_key, tls_clients)
    for address in (mlmd, http):
        _check_reach(address, is_meant=open or tokens is not None)
    starts: dict[str, Callable[[Store, Callers, IO[str]], AbstractContextManager[Server]]] = {}
    if mlmd is not None:
        mlmd_serving = partial(_mlmd_serving(), address=mlmd, certificate=certificate)
        starts["mlmd"] = lambda opened, callers, _: mlmd_serving(opened.backend, callers=callers)
    if http is not None:
        options = {"certificate": certificate, "hosts": host or (), "rate": rate}
        http_serving = partial(_http_serving(), address=http, **options)
        starts["http"] = lambda opened, callers, lines: http_serving(
            opened, callers=callers, log=lines
        )
    known = None if tokens is None else Tokens(tokens)
    with _lines(log) as lines, open_to_write(store, actor, creates=True) as opened:
        if opened.backend.now() == 0:
            output.note(f"the store {shown_url(store)} is empty; its first ids will be 1")
        callers = Callers(opened.actor, known, role=CallerRole.WRITER)
        with _stopped_by_signals() as ended, ExitStack() as servers:
            started = {
                name: servers.enter_context(start(opened, callers, lines))
                for name, start in starts.items()
            }
            _run(started, ended, as_json=as_json)


def _check_reach(address: str | None, *, is_meant: bool) -> None:
    """Refuse an address that other machines reach, unless that is meant."""
    if address is None or address_of(address).is_loopback or is_meant:
        return
    raise usage(
        f"other machines reach {address[:200]}: say with --tokens FILE who may call, or with --open "
        "that everybody may"
    )


@contextmanager
def _lines(path: Path | None) -> Iterator[IO[str]]:
    """Yield what takes the log's lines: a file, at its end, or stderr."""
    if path is None:
        yield sys.stderr
        return
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error}") from error
    with file:
        yield file


def ui(*, store: StoreUrl = HERE, no_browser: NoBrowser = False, as_json: AsJson = False) -> None:
    """Show a store in a browser, until Ctrl-C; nothing is written.

    Only this machine reaches it. Who else works there can ask, too: `lineage serve --http` takes tokens.
    """
    serving = _http_serving()
    with open_to_read(store) as opened, _stopped_by_signals() as ended:
        callers = Callers(opened.actor, role=CallerRole.READER)
        with serving(opened, "127.0.0.1:0", callers=callers) as server:
            if not no_browser:
                # One that runs in the terminal would return when it is left.
                threading.Thread(
                    target=webbrowser.open, args=(server.address,), daemon=True
                ).start()
            _run({"http": server}, ended, as_json=as_json)


def _mlmd_serving() -> Callable[..., AbstractContextManager[Server]]:
    quiet_grpc()
    try:
        from lineage.server.mlmd.serving import serving
    except ImportError as error:
        raise MissingExtra(
            f"this server needs grpcio and protobuf ({error}): pip install 'lineage-graph[mlmd]'"
        ) from error
    return serving


def _http_serving() -> Callable[..., AbstractContextManager[Server]]:
    try:
        from lineage.server.web.serving import serving
    except ImportError as error:
        raise MissingExtra(
            f"the web needs starlette and uvicorn ({error}): pip install 'lineage-graph[web]'"
        ) from error
    return serving


def _certificate(
    certificate: Path | None, key: Path | None, clients: Path | None
) -> Certificate | None:
    if certificate is not None and key is not None:
        return Certificate(certificate, key, clients)
    if not (certificate is key is clients is None):
        raise usage("--tls-certificate and --tls-key belong together, and --tls-clients to both")
    return None


def _run(started: Mapping[str, Server], ended: threading.Event, *, as_json: bool) -> None:
    """Say where servers listen, wait for a signal, and stop them all at once."""
    # A health check takes its turn among calls that compute, several times: turns are 5 ms by default.
    sys.setswitchinterval(TURN_SECONDS)
    if as_json:
        output.print_json({name: server.address for name, server in started.items()})
    else:
        output.say(f"{name} listening on {server.address}" for name, server in started.items())
    sys.stdout.flush()
    # The kernel may give a signal to another thread, which does not wake this one.
    while not ended.wait(timeout=LOOK_SECONDS):
        pass
    with ThreadPoolExecutor(len(started)) as threads:
        are_through = list(threads.map(lambda server: server.stop(), started.values()))
    if not all(are_through):
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
