"""What a service measures of itself, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lineage.contract.backend import Backend
from lineage.errors import LineageError
from lineage.server.web.pool import Pool

__all__ = ["Measures"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The bounds between which answers are counted by the time that they took."""


class Measures:
    """Requests by route, method and status, their seconds, those that wait, and the store's last transaction.

    Routes are as the table of routes has them, so that there are no more lines than routes.
    """

    def __init__(self, backend: Backend, pool: Pool) -> None:
        self._limiter: anyio.CapacityLimiter | None = None
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "lineage_http_requests",
            "Requests that were answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "lineage_http_request_seconds",
            "How long they took.",
            ["route", "method"],
            buckets=SECONDS,
            registry=registry,
        )
        self._underway = Gauge(
            "lineage_http_requests_underway", "Requests under way.", registry=registry
        )
        gauge = partial(Gauge, registry=registry)
        gauge("lineage_http_requests_waiting", "Requests that wait for a thread.").set_function(
            lambda: pool.waiting
        )
        gauge(
            "lineage_store_transactions", "The number of the store's last transaction."
        ).set_function(_number(backend))

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as under way."""
        with self._underway.track_inprogress():
            yield

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that has ended."""
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route, method).observe(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with all of it."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        # In no thread of the pool: this is asked just when too many wait for those.
        text = await anyio.to_thread.run_sync(
            generate_latest, self._registry, limiter=self._limiter, abandon_on_cancel=True
        )
        headers = {"Cache-Control": "no-store"}
        await Response(text, 200, headers, CONTENT_TYPE_PLAIN_0_0_4)(scope, receive, send)


def _number(backend: Backend) -> Callable[[], float]:
    def number() -> float:
        try:
            return backend.now()
        except LineageError:
            return float("nan")

    return number
