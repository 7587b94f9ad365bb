"""Whether a service is there, and whether its store answers; who asks this needs no token."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lineage.contract.backend import Backend
from lineage.formats.documents import json_text

__all__ = ["Ready", "live"]

logger = logging.getLogger("lineage.server")

SECONDS: Final = 1.0
"""How long the store may take to answer, and how long its answer holds."""
LOOK_SECONDS: Final = 0.01


async def live(_request: Request) -> Response:
    """Say that the service is there."""
    return _said("live", 200)


class Ready:
    """Says whether the store answers within a second: 200, or 503."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._thread: threading.Thread | None = None
        self._answered = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store, unless it has answered just now."""
        is_ready = await self._answers()
        response = _said("ready", 200) if is_ready else _said("the store does not answer", 503)
        await response(scope, receive, send)

    async def _answers(self) -> bool:
        asked = time.monotonic()
        if asked - self._answered >= SECONDS:
            thread = self._asking()
            while thread.is_alive() and time.monotonic() - asked < SECONDS:
                await anyio.sleep(LOOK_SECONDS)
        return time.monotonic() - self._answered < SECONDS

    def _asking(self) -> threading.Thread:
        """Return the thread that asks: one for all, since a store that hangs keeps each that asks it."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._ask, name="lineage-ready", daemon=True)
            self._thread.start()
        return self._thread

    def _ask(self) -> None:
        try:
            self._backend.now()
        except Exception as error:  # noqa: BLE001  # whatever it is, the store does not answer
            logger.warning("the store does not answer: %s", error)
        else:
            self._answered = time.monotonic()


def _said(status: str, number: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(json_text({"status": status}), number, headers, "application/json")
