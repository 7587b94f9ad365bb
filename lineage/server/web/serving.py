"""An HTTP server for a store: it takes an address, answers in threads, and ends within seconds."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, NamedTuple

import uvicorn

from lineage.errors import Invalid, NotFound, Unavailable
from lineage.server.addresses import Address, Certificate, address_of
from lineage.server.callers import Callers
from lineage.server.web.application import Web, application
from lineage.server.web.connections import LONGEST_HEAD, Connection
from lineage.server.web.guards import Hosts
from lineage.server.web.pool import Pool
from lineage.server.web.watching import Watcher
from lineage.store import Store

__all__ = ["Serving", "serving"]

GRACE: Final = 1.5
"""How many seconds requests under way have to be answered when the server ends."""
LEAVING: Final = 1.0
"""How many more they have to stop."""


class Serving(NamedTuple):
    """A server that accepts requests."""

    address: str
    """Where: `http://HOST:PORT`."""
    stop: Callable[[], bool]
    """Refuse new requests and let those under way end; return within `GRACE` and `LEAVING` whether all did."""


@contextmanager
def serving(
    store: Store,
    address: str,
    *,
    callers: Callers,
    certificate: Certificate | None = None,
    hosts: Iterable[str] = (),
    rate: float = 0.0,
    log: IO[str] | None = None,
) -> Iterator[Serving]:
    """Serve a store over HTTP at `HOST:PORT`, port 0 being any free one.

    Requests may be for its host, and for further `hosts`, by name; each caller may make `rate` a second over some
    time, 0 being no limit; `log` gets a line for each.
    Unavailable where the address cannot be had, Invalid for what is no address and for what is no certificate.
    """
    host = address_of(address)
    names = Hosts((host.host, *hosts), is_loopback=host.is_loopback)
    web = Web(store, callers, Pool(), Watcher(store.backend), hosts=names, rate=rate, log=log)
    config = _configured(web, certificate)
    listener = _bound(address)
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])),
        name="lineage-http",
        daemon=True,
    )
    thread.start()

    def stop() -> bool:
        server.should_exit = True
        web.watcher.stop()
        thread.join(GRACE)
        web.pool.underway.stop()
        thread.join(LEAVING)
        return web.pool.underway.wait(0) and not thread.is_alive()

    scheme = "http" if certificate is None else "https"
    try:
        yield Serving(f"{scheme}://{Address(*listener.getsockname()[:2])}", stop)
    finally:
        stop()
        listener.close()


def _configured(web: Web, certificate: Certificate | None) -> uvicorn.Config:
    # What it would say of clients that speak no HTTP is nothing to anybody.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        application(web),
        **_tls(certificate),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=LONGEST_HEAD,
        timeout_graceful_shutdown=int(GRACE + LEAVING / 2),
    )
    try:
        config.load()
    except OSError as error:  # which an SSLError is
        raise Invalid(f"the certificate and its key cannot be used: {error}") from error
    return config


def _bound(address: str) -> socket.socket:
    host, port = address_of(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio send small parts at once, rather than 40 ms later.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise Unavailable(
            f"{address[:200]} cannot be served: the port is taken, or the host is not this machine's ({error})"
        ) from error
    return listener


def _tls(certificate: Certificate | None) -> dict[str, Any]:
    """Return the options of encryption; NotFound or Invalid where the files are no certificate and key."""
    if certificate is None:
        return {}
    for path in certificate:
        if path is not None and not path.is_file():
            raise NotFound(f"there is no file {path}")
    options = {
        "ssl_certfile": str(certificate.certificate),
        "ssl_keyfile": str(certificate.key),
    }
    if certificate.clients is None:
        return options
    return {
        **options,
        "ssl_ca_certs": str(certificate.clients),
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
    }
