"""An HTTP server for a store: it takes an address, answers in threads, and ends within seconds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import uvicorn

from lineage.errors import Invalid, Unavailable, excerpt
from lineage.server.callers import Callers
from lineage.server.web.application import Web, application
from lineage.server.web.pool import Pool
from lineage.store import Store

__all__ = ["Serving", "serving"]

GRACE: Final = 2.0
"""How many seconds requests under way have when the server ends."""
LEAVING: Final = 1.0
"""How many more they have to stop."""


class Serving(NamedTuple):
    """A server that accepts requests."""

    address: str
    """Where: `http://HOST:PORT`."""
    stop: Callable[[], bool]
    """Refuse new requests and let those under way end; return within `GRACE` and `LEAVING` whether all did."""


@contextmanager
def serving(store: Store, address: str, *, callers: Callers) -> Iterator[Serving]:
    """Serve a store over HTTP at `HOST:PORT`, port 0 being any free one.

    Unavailable where the address cannot be had, Invalid for what is no address.
    """
    web = Web(store, callers, Pool())
    listener = _bound(address)
    config = uvicorn.Config(
        application(web),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=int(GRACE),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])),
        name="lineage-http",
        daemon=True,
    )
    thread.start()

    def stop() -> bool:
        server.should_exit = True
        thread.join(GRACE)
        web.pool.underway.stop()
        thread.join(LEAVING)
        return web.pool.underway.wait(0) and not thread.is_alive()

    host, port = listener.getsockname()[:2]
    try:
        yield Serving(f"http://{f'[{host}]' if ':' in host else host}:{port}", stop)
    finally:
        stop()
        listener.close()


def _bound(address: str) -> socket.socket:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise Invalid(
            f"{excerpt(address, 200)} is no address; write HOST:PORT, such as 127.0.0.1:8000"
        )
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(1024)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise Unavailable(
            f"{address[:200]} cannot be served: the port is taken, or the host is not this machine's ({error})"
        ) from error
    return listener
